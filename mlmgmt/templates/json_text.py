"""JSON text as Newtonsoft.Json writes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlmgmt.templates.limits import short_enough

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPED = re.compile(r'["\\\x00-\x1f\x85\u2028\u2029]')
_SHORT = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f"}
_FIRST_WITH_EXPONENT = 15
_LAST_WITHOUT_EXPONENT = -5


def json_text(value: Any) -> str:
    """Return a value as JSON text without blanks.

    Raises:
        TemplateError: the text would be too long.
    """
    pieces: list[str] = []
    length = 0
    for piece in _pieces(value):
        length += len(piece)
        short_enough(length)
        pieces.append(piece)
    return "".join(pieces)


def _pieces(value: Any) -> Iterator[str]:
    match value:
        case None:
            yield "null"
        case bool():
            yield "true" if value else "false"
        case float():
            text = number_text(value)
            yield text if set(text) & set(".EN") or text.endswith("y") else f"{text}.0"
        case str():
            yield f'"{_ESCAPED.sub(_escape, value)}"'
        case list():
            yield "["
            for place, item in enumerate(value):
                yield "," * (place > 0)
                yield from _pieces(item)
            yield "]"
        case dict():
            yield "{"
            for place, (name, item) in enumerate(value.items()):
                yield f'{"," * (place > 0)}"{_ESCAPED.sub(_escape, name)}":'
                yield from _pieces(item)
            yield "}"
        case _:
            yield str(value)


def _escape(found: re.Match[str]) -> str:
    return _SHORT.get(found[0], f"\\u{ord(found[0]):04x}")


def number_text(value: float) -> str:
    """Return the shortest text that gives a number again, as .NET writes it: 1.5, 1000, 1E+20, 1E-07."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    mantissa, _, exponent_text = f"{value!r}".partition("e")
    digits, exponent = _digits(mantissa, int(exponent_text or 0))
    sign = "-" if mantissa.startswith("-") else ""
    if _LAST_WITHOUT_EXPONENT < exponent < _FIRST_WITH_EXPONENT:
        return sign + _plain(digits, exponent)
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}E{'-' if exponent < 0 else '+'}{abs(exponent):02}"


def _digits(mantissa: str, exponent: int) -> tuple[str, int]:
    """Return the digits that count and the power of ten of the first one."""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    first = exponent + len(whole) - 1 - (len(whole + fraction) - len(digits))
    return digits.rstrip("0") or "0", first if digits.rstrip("0") else 0


def _plain(digits: str, exponent: int) -> str:
    if exponent < 0:
        return f"0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    fraction = digits[exponent + 1 :]
    return f"{whole}.{fraction}" if fraction else whole
