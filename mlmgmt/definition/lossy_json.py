"""Find what valid JSON can contain but a document must not: members given twice, and numbers that do not fit 64 bits.

This is a slow walk over the text, for when a quick check has found something.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from functools import partial
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, NamedTuple

from mlmgmt.definition.positions import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlmgmt.definition.schema import Path

_TOKEN = re.compile(r'[{}\[\],:"]|-?\d[\d.eE+-]*')
_SIGNED, _UNSIGNED = -(2**63), 2**64


class Oddity(NamedTuple):
    """One thing that cannot be kept: its code, a sentence, and its place."""

    code: str
    message: str
    path: Path
    line: int
    column: int


def is_exact(literal: str) -> bool:
    """Whether a JSON number can be kept exactly: a 64-bit integer, or a number that a double holds without rounding."""
    if literal.lstrip("-").isdigit():
        # The longest 64-bit integer has 20 characters; longer ones are not worth converting.
        return len(literal) <= 20 and _SIGNED <= int(literal) < _UNSIGNED
    nearest = float(literal)
    if nearest in (float("inf"), float("-inf")):
        return False
    try:
        return Decimal(repr(nearest)) == Decimal(literal)
    except InvalidOperation:
        return False


def oddities(text: str, where: Callable[[int], tuple[int, int]] | None = None) -> Iterator[Oddity]:
    """Yield every oddity of a valid JSON text, in text order.

    Args:
        where: returns the line and column of an offset, if the text is made from another one.
    """
    where = where or partial(place, text)
    path: list[str | int] = []
    seen: list[set[str] | None] = []
    expects_name = False
    at = 0
    while found := _TOKEN.search(text, at):
        mark, at = found.group(), found.end()
        if mark == '"':
            value, at = scanstring(text, at)
            if not expects_name:
                continue
            names = seen[-1]
            assert names is not None
            path[-1] = value
            if value in names:
                message = f"The member {value!r} is given twice in one object."
                yield Oddity("DuplicateMember", message, tuple(path), *where(found.start()))
            names.add(value)
            expects_name = False
        elif mark in "{[":
            seen.append(set() if mark == "{" else None)
            path.append("" if mark == "{" else 0)
            expects_name = mark == "{"
        elif mark in "}]":
            seen.pop()
            path.pop()
            expects_name = False
        elif mark == ",":
            if isinstance(path[-1], int):
                path[-1] += 1
            expects_name = seen[-1] is not None
        elif mark != ":" and not is_exact(mark):
            shown = mark if len(mark) <= 40 else mark[:37] + "..."
            message = f"The number {shown} cannot be kept exactly in 64 bits."
            yield Oddity("InexactNumber", message, tuple(path), *where(found.start()))
