"""Functions of numbers. Integers have 64 bits; division rounds to zero."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.signatures import ANY, INTEGER, NUMBER, TEXT_OR_INTEGER, Function, Kind, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST = 2**63 - 1
_SMALLEST = -(2**63)
_INTEGER_TEXT = re.compile(r"[ \t\n\v\f\r]*+[+-]?0{0,100}+[0-9]{0,19}[ \t\n\v\f\r]*+")
_FLOAT_TEXT = re.compile(r"[+-]?[0-9][0-9,]*+(\.[0-9]*+)?([eE][+-]?[0-9]{1,4})?|[+-]?\.[0-9]++([eE][+-]?[0-9]{1,4})?")
_TO_FLOAT = Kind("a string or a number", (str, int, float))
_TO_BOOLEAN = Kind("a string, a number or a boolean", (str, int, float, bool))
_BOOLEANS = {"true": True, "false": False}
_LONGEST_SHOWN = 40


def _in_range(number: int) -> int:
    if not _SMALLEST <= number <= _LARGEST:
        raise TemplateError("the result or an argument is out of range (-2^63 to 2^63-1).")
    return number


def _arithmetic(calculate: Callable[[int, int], int]) -> Function:
    return Function(
        lambda left, right: _in_range(calculate(_in_range(left), _in_range(right))),
        (INTEGER, INTEGER),
    )


def divide(left: int, right: int) -> int:
    if right == 0:
        raise TemplateError("it cannot divide by zero.")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def modulo(left: int, right: int) -> int:
    return left - right * divide(left, right)


def _extreme(choose: Callable[[list[Any]], Any]) -> Function:
    def run(*values: Any) -> Any:
        numbers = values[0] if len(values) == 1 and type(values[0]) is list else list(values)
        if not numbers:
            raise TemplateError("it needs at least one number.")
        for number in numbers:
            if not NUMBER.takes(number):
                raise TemplateError(f"it takes numbers, or one array of numbers, not {type_of(number)}.")
        return choose(numbers)

    return Function(run, (ANY,), rest=ANY)


def to_integer(value: str | int) -> int:
    if isinstance(value, int):
        return value
    digits = value.strip("\t\n\v\f\r ")
    if not _INTEGER_TEXT.fullmatch(value) or not digits[-1:].isdigit() or not _SMALLEST <= int(digits) <= _LARGEST:
        raise TemplateError(f"{value[:_LONGEST_SHOWN]!r} is not an integer of 64 bits.")
    return int(digits)


def to_float(value: str | float) -> float:
    """Return a number with decimals; commas in a text separate thousands, wherever they are."""
    text = value.strip("\t\n\v\f\r ") if isinstance(value, str) else ""
    if isinstance(value, str) and not _FLOAT_TEXT.fullmatch(text):
        raise TemplateError(f"{value[:_LONGEST_SHOWN]!r} is not a number.")
    try:
        return float(text.replace(",", "")) if text else float(value)
    except OverflowError:
        raise TemplateError("the number is too large.") from None


def to_boolean(value: Any) -> bool:
    if not isinstance(value, str):
        return bool(value)
    known = _BOOLEANS.get(value.strip("\t\n\v\f\r ").lower())
    if known is None:
        raise TemplateError(f"{value[:_LONGEST_SHOWN]!r} is not 'true' or 'false'.")
    return known


FUNCTIONS = {
    "add": _arithmetic(lambda left, right: left + right),
    "sub": _arithmetic(lambda left, right: left - right),
    "mul": _arithmetic(lambda left, right: left * right),
    "div": _arithmetic(divide),
    "mod": _arithmetic(modulo),
    "min": _extreme(min),
    "max": _extreme(max),
    "int": Function(to_integer, (TEXT_OR_INTEGER,)),
    "float": Function(to_float, (_TO_FLOAT,)),
    "bool": Function(to_boolean, (_TO_BOOLEAN,)),
}
