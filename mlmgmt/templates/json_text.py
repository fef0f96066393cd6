"""JSON text as Newtonsoft.Json writes it."""

from __future__ import annotations

import math
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from mlmgmt.templates.limits import short_enough

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPED_TOO = {0x85: r"\u0085", 0x2028: r"\u2028", 0x2029: r"\u2029"}
"""The characters that Newtonsoft.Json escapes and Python does not."""
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
            yield _number(value)
        case str():
            yield _quoted(value)
        case list():
            yield "["
            for place, item in enumerate(value):
                yield "," * (place > 0)
                yield from _pieces(item)
            yield "]"
        case dict():
            yield "{"
            for place, (name, item) in enumerate(value.items()):
                yield f"{',' * (place > 0)}{_quoted(name)}:"
                yield from _pieces(item)
            yield "}"
        case _:
            yield str(value)


def _number(value: float) -> str:
    text = number_text(value)
    if not math.isfinite(value):
        # JSON has no such numbers, so they are texts.
        return f'"{text}"'
    return text if set(text) & set(".E") else f"{text}.0"


def _quoted(text: str) -> str:
    return encode_basestring(text).translate(_ESCAPED_TOO)


def number_text(value: float) -> str:
    """Return the shortest text that gives a number again, as .NET writes it: 1.5, 1000, 1E+20, 1E-07."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
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
