"""The position of a path in a JSON text: a second pass over the text, only for messages and edits in place."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlmgmt.definition.schema import Path

_WHITESPACE = re.compile(r"[ \t\n\r]*")
_scan = json.JSONDecoder().raw_decode


def locate(
    text: str, paths: Iterable[Path], where: Callable[[int], tuple[int, int]] | None = None
) -> dict[Path, tuple[int, int]]:
    """Return the line and column (from 1) of each path's value in a valid JSON text.

    Member names match exactly, or else in any letter case, like in the reader. A path that is not in the text (a
    missing member) gets the place of the nearest object above it.

    Args:
        where: returns the line and column of an offset, if the text is made from another one.
    """
    tree: dict[str | int, dict[str | int, object]] = {}
    wanted = list(paths)
    for path in wanted:
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})  # type: ignore[assignment]
    found: dict[Path, int] = {}
    _descend(text, _skip_blanks(text, 0), tree, (), found)
    places = {}
    for path in wanted:
        nearest = path
        while nearest not in found:
            nearest = nearest[:-1]
        places[path] = where(found[nearest]) if where is not None else place(text, found[nearest])
    return places


def _descend(
    text: str, at: int, tree: dict[str | int, dict[str | int, object]], path: Path, found: dict[Path, int]
) -> int:
    """Record where the value of `path` begins, search it for the paths below, and return where it ends."""
    found[path] = at
    if not tree or text[at] not in "{[":
        return _value_end(text, at)
    folded = {part.casefold(): part for part in tree if isinstance(part, str)}
    exact: set[str | int] = set()
    is_object = text[at] == "{"
    at = _skip_blanks(text, at + 1)
    index = 0
    while text[at] not in "}]":
        part: str | int | None = index
        if is_object:
            name, at = scanstring(text, at + 1)
            at = _skip_blanks(text, _skip_blanks(text, at) + 1)
            part = name if name in tree else folded.get(name.casefold())
            if name in tree and name not in exact:
                exact.add(name)
                # Another spelling came first, but is another member: in the user's maps, case matters.
                for known in [known for known in found if known[: len(path) + 1] == (*path, name)]:
                    del found[known]
            elif part in exact:
                part = None
        if part is not None and part in tree:
            at = _descend(text, at, tree[part], (*path, part), found)  # type: ignore[arg-type]
        else:
            at = _value_end(text, at)
        at = _skip_blanks(text, at)
        if text[at] == ",":
            at = _skip_blanks(text, at + 1)
        index += 1
    return at + 1


def _skip_blanks(text: str, at: int) -> int:
    found = _WHITESPACE.match(text, at)
    assert found is not None
    return found.end()


def _value_end(text: str, at: int) -> int:
    _, end = _scan(text, at)
    return int(end)


def place(text: str, at: int) -> tuple[int, int]:
    """Return the line and column (from 1) of a character of the text."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def span(text: str, path: Path) -> tuple[int, int]:
    """Return where the value at `path` begins and ends in a valid JSON text.

    Raises:
        KeyError: the path is not in the text.
    """
    found: dict[Path, int] = {}
    tree: dict[str | int, dict[str | int, object]] = {}
    branch = tree
    for part in path:
        branch = branch.setdefault(part, {})  # type: ignore[assignment]
    _descend(text, _skip_blanks(text, 0), tree, (), found)
    return found[path], _value_end(text, found[path])
