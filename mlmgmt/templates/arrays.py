"""Functions of arrays, some of which take texts or objects as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.templates import utf16
from mlmgmt.templates.comparing import key
from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.objects import merged
from mlmgmt.templates.signatures import (
    ANY,
    ARRAY,
    ARRAY_OR_OBJECT,
    CONTAINER,
    INTEGER,
    TEXT_OR_ARRAY,
    Function,
    Kind,
    type_of,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

_MOST_IN_RANGE = 10_000
_LARGEST_IN_RANGE = 2**31 - 1
_SMALLEST_IN_RANGE = -(2**31)
_MAYBE_EMPTY = Kind("a string, an array, an object or null", (str, list, dict, type(None)))


def create_array(*items: Any) -> list[Any]:
    return list(items)


def array(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def length(value: Any) -> int:
    return utf16.length(value) if isinstance(value, str) else len(value)


def empty(value: Any) -> bool:
    return not value


def first(value: Any) -> Any:
    if isinstance(value, str):
        return utf16.joined(utf16.units(value)[:1])
    return value[0] if value else None


def last(value: Any) -> Any:
    if isinstance(value, str):
        return utf16.joined(utf16.units(value)[-1:])
    return value[-1] if value else None


def take(value: Any, count: int) -> Any:
    if isinstance(value, str):
        return utf16.joined(utf16.units(value)[: max(count, 0)])
    return value[: max(count, 0)]


def skip(value: Any, count: int) -> Any:
    if isinstance(value, str):
        return utf16.joined(utf16.units(value)[max(count, 0) :])
    return value[max(count, 0) :]


def make_range(start: int, count: int) -> list[int]:
    in_range = start >= _SMALLEST_IN_RANGE and start + count - 1 <= _LARGEST_IN_RANGE
    if not 0 <= count <= _MOST_IN_RANGE or not in_range:
        message = f"the count must be between 0 and {_MOST_IN_RANGE}, and the numbers must fit into 32 bits."
        raise TemplateError(message)
    return list(range(start, start + count))


def _distinct(arrays: Iterable[list[Any]]) -> dict[Hashable, Any]:
    """Return the items of arrays, each only once, by their keys."""
    distinct: dict[Hashable, Any] = {}
    for items in arrays:
        for item in items:
            distinct.setdefault(key(item), item)
    return distinct


def union(*values: Any) -> Any:
    """Return the distinct items of arrays in their order, or objects merged into each other."""
    _refuse_mixed(values)
    if isinstance(values[0], dict):
        result: Any = values[0]
        for value in values[1:]:
            result = merged(result, value)
        return result
    return list(_distinct(values).values())


def intersection(*values: Any) -> Any:
    """Return the distinct items that all arrays have, or the members that all objects have with the same value."""
    _refuse_mixed(values)
    if isinstance(values[0], dict):
        others = [{name: key(item) for name, item in value.items()} for value in values[1:]]
        return {
            name: item
            for name, item in values[0].items()
            if all(name in other and other[name] == key(item) for other in others)
        }
    sets = [set(map(key, value)) for value in values[1:]]
    return [item for kept, item in _distinct(values[:1]).items() if all(kept in other for other in sets)]


def _refuse_mixed(values: tuple[Any, ...]) -> None:
    if len({type(value) for value in values}) > 1:
        raise TemplateError("it takes arrays only or objects only, not both.")


def flatten(arrays: list[Any]) -> list[Any]:
    for place, item in enumerate(arrays):
        if not isinstance(item, list):
            raise TemplateError(f"item {place} must be an array, not {type_of(item)}.")
    return [item for items in arrays for item in items]


def index_from_end(items: list[Any], place: int) -> Any:
    if not 1 <= place <= len(items):
        raise TemplateError(f"the index must be between 1 and {len(items)}, not {place}.")
    return items[-place]


def try_index_from_end(items: list[Any], place: int) -> Any:
    return items[-place] if 1 <= place <= len(items) else None


FUNCTIONS = {
    "createArray": Function(create_array, rest=ANY, keeps_pending=True),
    "array": Function(array, (ANY,)),
    "length": Function(length, (CONTAINER,)),
    "empty": Function(empty, (_MAYBE_EMPTY,)),
    "first": Function(first, (TEXT_OR_ARRAY,)),
    "last": Function(last, (TEXT_OR_ARRAY,)),
    "take": Function(take, (TEXT_OR_ARRAY, INTEGER)),
    "skip": Function(skip, (TEXT_OR_ARRAY, INTEGER)),
    "range": Function(make_range, (INTEGER, INTEGER)),
    "union": Function(union, (ARRAY_OR_OBJECT, ARRAY_OR_OBJECT), rest=ARRAY_OR_OBJECT),
    "intersection": Function(intersection, (ARRAY_OR_OBJECT, ARRAY_OR_OBJECT), rest=ARRAY_OR_OBJECT),
    "flatten": Function(flatten, (ARRAY,)),
    "indexFromEnd": Function(index_from_end, (ARRAY, INTEGER)),
    "tryIndexFromEnd": Function(try_index_from_end, (ARRAY, INTEGER)),
}
