"""The function `format`: .NET format strings with numbers as American English writes them."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any

from mlmgmt.templates import utf16
from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.json_text import json_text, number_text
from mlmgmt.templates.limits import short_enough
from mlmgmt.templates.signatures import ANY, TEXT, Function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PIECE = re.compile(
    r"(?P<brace>\{\{|\}\})"
    r"|\{(?P<index>[0-9]{1,6}) *+(?:, *+(?P<width>-?[0-9]{1,7}) *+)?(?::(?P<form>[^{}]*+))?\}"
    r"|(?P<plain>[^{}]++)"
)
_STANDARD = re.compile(r"(?P<letter>[A-Za-z])(?P<digits>[0-9]{0,2})")
_CUSTOM = re.compile(r"(?P<whole>#,##0|#*0*)(?:\.(?P<zeros>0*)(?P<signs>#*))?")
_EXACT = Context(prec=1100, rounding=ROUND_HALF_UP)
"""Enough for every digit of a double: .NET rounds the exact number."""
_USUAL_DIGITS = 3
_USUAL_DIGITS_OF_E = 6
_CURRENCY_DIGITS = 2
_DIGITS_OF_CUSTOM = 15
_QUOTES = str.maketrans('"', "'")


def format_text(form: str, *values: Any) -> str:
    """Return a format with its items, such as {0,10:N2}, replaced.

    Raises:
        TemplateError: the format is wrong, or has a form of numbers that is not known here.
    """
    pieces: list[str] = []
    length = 0
    for piece in _pieces(form, values):
        length += len(piece)
        short_enough(length)
        pieces.append(piece)
    return "".join(pieces)


def _pieces(form: str, values: tuple[Any, ...]) -> Iterator[str]:
    place = 0
    while place < len(form):
        found = _PIECE.match(form, place)
        if found is None:
            raise TemplateError(f"the format is wrong at its character {place + 1}; write {{{{ for a brace.")
        place = found.end()
        if found["index"] is None:
            yield found["plain"] or found["brace"][0]
            continue
        if int(found["index"]) >= len(values):
            raise TemplateError(f"the format has {{{found['index']}}}, but there are {len(values)} values.")
        text = _shown(values[int(found["index"])], found["form"] or "")
        width = int(found["width"] or 0)
        short_enough(abs(width))
        blanks = " " * (abs(width) - utf16.length(text))
        yield text + blanks if width < 0 else blanks + text


def _shown(value: Any, form: str) -> str:
    match value:
        case None:
            return ""
        case int() | float() if not isinstance(value, bool):
            return _number(value, form)
        case list() | dict():
            return _quoted(value)
    # Texts and booleans ignore their form.
    return str(value)


def _quoted(value: Any) -> str:
    text = json_text(value)
    if "\\" in text:
        raise TemplateError("an array or object with quotation marks or control characters cannot be formatted here.")
    return text.translate(_QUOTES)


def _number(value: int | float, form: str) -> str:
    if not form:
        return str(value) if isinstance(value, int) else number_text(value)
    if not -(2**63) <= value < 2**63:
        raise TemplateError("numbers of more than 64 bits cannot have a format here.")
    if standard := _STANDARD.fullmatch(form):
        return _standard(value, standard["letter"], int(standard["digits"]) if standard["digits"] else None)
    custom = _CUSTOM.fullmatch(form)
    if custom is None:
        raise TemplateError(f"the form {form[:40]!r} of a number is not known here; use one such as N2, D5 or 0.00.")
    return _custom(value, custom)


def _standard(value: int | float, letter: str, digits: int | None) -> str:
    of_integers = _OF_INTEGERS.get(letter.upper())
    if of_integers is not None:
        if not isinstance(value, int):
            raise TemplateError(f"the form {letter!r} is for integers only.")
        text = of_integers(value, digits or 0)
        return text.lower() if letter == "x" else text
    if letter.upper() in "GR" and digits is None:
        return _number(value, "")
    exact = Decimal(value)
    match letter.upper():
        case "N":
            return _fixed(exact, _USUAL_DIGITS if digits is None else digits, ",")
        case "F":
            return _fixed(exact, _USUAL_DIGITS if digits is None else digits)
        case "P":
            return _fixed(exact.scaleb(2, context=_EXACT), _USUAL_DIGITS if digits is None else digits, ",") + "%"
        case "C":
            text = _fixed(exact, _CURRENCY_DIGITS if digits is None else digits, ",")
            return f"-${text[1:]}" if text.startswith("-") else f"${text}"
        case "E":
            return _scientific(exact, _USUAL_DIGITS_OF_E if digits is None else digits, letter)
    raise TemplateError(f"the form {letter!r} of a number is not known here; use one such as N2, D5 or 0.00.")


def _fixed(exact: Decimal, digits: int, separator: str = "") -> str:
    rounded = exact.quantize(Decimal(1).scaleb(-digits), context=_EXACT)
    return f"{rounded:{separator}f}"


def _scientific(exact: Decimal, digits: int, letter: str) -> str:
    exponent = exact.adjusted() if exact else 0
    mantissa = _fixed(exact.scaleb(-exponent, context=_EXACT), digits)
    if abs(Decimal(mantissa)) >= 10:
        exponent += 1
        mantissa = _fixed(exact.scaleb(-exponent, context=_EXACT), digits)
    return f"{mantissa}{letter}{'-' if exponent < 0 else '+'}{abs(exponent):03}"


def _decimal(value: int, digits: int) -> str:
    return f"{'-' * (value < 0)}{abs(value):0{digits}}" if digits else str(value)


def _hexadecimal(value: int, digits: int) -> str:
    return f"{value % 2**64:0{max(digits, 1)}X}"


def _binary(value: int, digits: int) -> str:
    return f"{value % 2**64:0{max(digits, 1)}b}"


_OF_INTEGERS: dict[str, Callable[[int, int], str]] = {"D": _decimal, "X": _hexadecimal, "B": _binary}


def _custom(value: int | float, form: re.Match[str]) -> str:
    if not any(form.groups()):
        raise TemplateError("the form of a number is empty.")
    exact = Decimal(value) if isinstance(value, int) else Decimal(f"{value:.{_DIGITS_OF_CUSTOM}g}")
    zeros, signs = len(form["zeros"] or ""), len(form["signs"] or "")
    thousands = "," if "," in form["whole"] else ""
    text = _fixed(exact, zeros + signs, thousands)
    whole, _, fraction = text.removeprefix("-").partition(".")
    fraction = fraction[:zeros] + fraction[zeros:].rstrip("0")
    whole = whole.lstrip("0").rjust(form["whole"].count("0"), "0") if set(whole) == {"0"} or not thousands else whole
    shown = whole + (f".{fraction}" if fraction else "")
    if text.startswith("-") and not set(shown) - set("0.,"):
        raise TemplateError("a negative number that this form rounds to zero cannot be formatted here.")
    return f"-{shown}" if text.startswith("-") else shown


FUNCTIONS = {"format": Function(format_text, (TEXT,), rest=ANY)}
