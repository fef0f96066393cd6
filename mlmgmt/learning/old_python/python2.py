"""The builtins of Python 2 that are gone, or answer differently today."""

from __future__ import annotations

import builtins
import operator
from functools import cmp_to_key, reduce, wraps
from importlib import reload
from itertools import zip_longest
from sys import intern
from typing import TYPE_CHECKING, Any

from mlmgmt.learning.old_python import paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def names() -> dict[str, Any]:
    """Return the builtins of Python 2, by name."""
    return {
        "buffer": memoryview,
        "cmp": compare,
        "coerce": lambda left, right: (left, right),
        "file": paths.open_file,
        "filter": _filter,
        "intern": intern,
        "map": mapped,
        "max": _extreme(builtins.max),
        "min": _extreme(builtins.min),
        "reduce": reduce,
        "reload": reload,
        "round": _round,
        "sorted": _sorted,
        "unichr": chr,
        "zip": lambda *parts: list(zip(*parts, strict=False)),
    }


def divide(left: Any, right: Any) -> Any:
    """Divide as Python 2 and NumPy did: whole numbers give whole numbers. Tables and columns always divided truly."""
    found = _divided_by_class(left, right)
    if found is not NotImplemented:
        return found
    return left // right if _is_whole(left) and _is_whole(right) else left / right


def divide_in_place(left: Any, right: Any) -> Any:
    """Do `left /= right`, which changes an array or a table itself."""
    found = _divided_by_class(left, right)
    if found is not NotImplemented:
        return found
    function = operator.ifloordiv if _is_whole(left) and _is_whole(right) else operator.itruediv
    return function(left, right)  # type: ignore[no-untyped-call]


def _divided_by_class(left: Any, right: Any) -> Any:
    for owner, other, name in ((left, right, "__div__"), (right, left, "__rdiv__")):
        method = getattr(type(owner), name, None)
        found = method(owner, other) if method is not None else NotImplemented
        if found is not NotImplemented:
            return found
    return NotImplemented


def _is_whole(value: Any) -> bool:
    import numpy as np

    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind in "iub"
    return isinstance(value, int)


def _round(number: Any, digits: int = 0) -> Any:
    """Round halves away from zero, and return a float."""
    import decimal
    import numbers

    if not isinstance(number, numbers.Real):
        return round(number, digits)
    place = decimal.Decimal(1).scaleb(-digits)
    try:
        return float(decimal.Decimal(float(number)).quantize(place, decimal.ROUND_HALF_UP))
    except decimal.InvalidOperation:
        # Infinity, not a number, or more digits than there are.
        return float(number)


def _filter(keep: Callable[[Any], Any] | None, values: Any) -> Any:
    found = list(builtins.filter(keep, values))
    if isinstance(values, str):
        return "".join(found)
    return tuple(found) if isinstance(values, tuple) else found


def mapped(function: Callable[..., Any] | None, *values: Iterable[Any]) -> list[Any]:
    """Do `map` of Python 2: the shorter ones are filled with None, and None for a function makes rows."""
    rows = zip_longest(*values)
    if function is not None:
        return [function(*row) for row in rows]
    return [row[0] for row in rows] if len(values) == 1 else list(rows)


def compare(left: Any, right: Any) -> int:
    """Return -1, 0 or 1 in the order of Python 2, which knew one for any two values: None, numbers, then others."""
    try:
        return int(left > right) - int(left < right)
    except TypeError:
        if type(left) is type(right) and isinstance(left, (list, tuple)):
            unlike = (found for a, b in zip(left, right, strict=False) if (found := compare(a, b)))
            return next(unlike, compare(len(left), len(right)))
        ranks = _rank(left), _rank(right)
        if ranks[0] == ranks[1]:
            raise
        return 1 if ranks[0] > ranks[1] else -1


def message(value: Any) -> Any:
    """Return `value.message`, which exceptions had."""
    if isinstance(value, BaseException) and not hasattr(value, "message"):
        return value.args[0] if len(value.args) == 1 else ""
    return value.message


def compared(kind: type) -> type:
    """Let a class compare with its `__cmp__`, but by what it has for today's Python where it has it."""
    comparisons = {name: getattr(operator, name) for name in ("eq", "ge", "gt", "le", "lt", "ne")}
    for name, by in comparisons.items():

        def method(self: Any, other: Any, by: Callable[..., Any] = by) -> Any:
            return by(self.__cmp__(other), 0)

        if f"__{name}__" not in vars(kind):
            setattr(kind, f"__{name}__", method)
    return kind


def _rank(value: Any) -> tuple[int, str]:
    import numbers

    if value is None:
        return 0, ""
    return (1, "") if isinstance(value, numbers.Number) else (2, type(value).__name__)


def _sorted(
    values: Iterable[Any], cmp: Callable[[Any, Any], int] | None = None, key: Any = None, reverse: bool = False
) -> list[Any]:
    items = list(values)
    if cmp is None:
        try:
            return sorted(items, key=key, reverse=reverse)
        except TypeError:
            cmp = compare
    by = cmp_to_key(cmp)
    return sorted(items, key=by if key is None else lambda item: by(key(item)), reverse=reverse)


def sort(values: Any, *arguments: Any, **named: Any) -> Any:
    """Do `values.sort(...)`."""
    if not isinstance(values, list):
        return values.sort(*arguments, **named)
    values[:] = _sorted(values, *arguments, **named)
    return None


def _extreme(before: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(before)
    def call(*values: Any, **named: Any) -> Any:
        items = list(values[0]) if len(values) == 1 else list(values)
        try:
            return before(items, **named)
        except TypeError:
            key = named.pop("key", None)
            by = cmp_to_key(compare)
            return before(items, key=by if key is None else lambda item: by(key(item)), **named)

    return call
