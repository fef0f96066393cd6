"""Functions of objects, and members of values."""

from __future__ import annotations

from typing import Any

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.names import folded, spelling_in
from mlmgmt.templates.pending import DeploymentState
from mlmgmt.templates.signatures import ANY, ARRAY, OBJECT, Function, type_of

_MOST_SHOWN = 20


def create_object(*names_and_values: Any) -> dict[str, Any]:
    if len(names_and_values) % 2:
        raise TemplateError("it takes names and values in turn, so their number must be even.")
    names = names_and_values[::2]
    for place, name in enumerate(names):
        if not isinstance(name, str):
            raise TemplateError(
                f"argument {2 * place + 1} must be a string, the name of a member, not {type_of(name)}."
            )
    if len(set(names)) < len(names):
        raise TemplateError("it has the same member twice.")
    return dict(zip(names, names_and_values[1::2], strict=True))


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return an object with the members of two, names compared without letter case; the second one counts."""
    result = dict(first)
    spellings = {folded(name): name for name in first}
    renamed: dict[str, str] = {}
    for name, value in second.items():
        known = name if name in result else spellings.get(folded(name))
        if known is None:
            result[name] = value
        else:
            result[known] = _merged_values(result[known], value, name)
            renamed[known] = name
    return {renamed.get(name, name): value for name, value in result.items()}


def _merged_values(first: Any, second: Any, name: str) -> Any:
    types = {type(first), type(second)}
    if types == {dict}:
        return merged(first, second)
    if types == {dict, type(None)}:
        return second or first
    if types & {dict, list} and len(types) > 1:
        raise TemplateError(f"the member {name!r} is {type_of(first)} in one object and {type_of(second)} in another.")
    if type(None) in types and len(types) > 1:
        raise TemplateError(f"the member {name!r} is null in one object only, which cannot be merged here.")
    return second


def member_of(value: Any, wanted: Any) -> Any:
    """Return a member of an object or an item of an array.

    Raises:
        TemplateError: the value does not have it.
    """
    match value, wanted:
        case dict(), str():
            return _member(value, wanted)
        case list(), bool():
            pass
        case list(), int():
            if 0 <= wanted < len(value):
                return value[wanted]
            raise TemplateError(f"The array has {len(value)} items, so it has no item {wanted}.")
        case DeploymentState(outputs), str() if folded(wanted) == "outputs":
            return outputs
        case DeploymentState(), _:
            raise TemplateError("Only the outputs of a nested deployment are known here.")
    wanted_text = repr(wanted) if isinstance(wanted, str | int) else type_of(wanted)
    raise TemplateError(f"{type_of(value)} has no member {wanted_text}.".capitalize())


def _member(members: dict[str, Any], name: str) -> Any:
    known = spelling_in(members, name)
    if known is None:
        shown = ", ".join(list(members)[:_MOST_SHOWN]) or "none"
        raise TemplateError(f"The object has no member {name!r}; its members are: {shown}.")
    return members[known]


def try_get(value: Any, wanted: Any, *further: Any) -> Any:
    """Return a member, or null if it is missing; the members of that must exist."""
    try:
        found = member_of(value, wanted)
    except TemplateError:
        return None
    for key in further:
        found = member_of(found, key)
    return found


def sorted_names(members: dict[str, Any]) -> list[str]:
    """Return names in their order without letter case.

    Raises:
        TemplateError: a language decides about their order.
    """
    if not all(name.isascii() and name.isalnum() for name in members):
        raise TemplateError("names with other characters than A to Z and digits cannot be sorted here.")
    return sorted(members, key=folded)


def items(members: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": members[name]} for name in sorted_names(members)]


def shallow_merge(objects: list[Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for place, members in enumerate(objects):
        if not isinstance(members, dict):
            raise TemplateError(f"item {place} must be an object, not {type_of(members)}.")
        for name, value in members.items():
            known = spelling_in(result, name)
            if known not in (None, name):
                raise TemplateError(f"the members {known!r} and {name!r} differ in letter case only.")
            result[name] = value
    return result


FUNCTIONS = {
    "createObject": Function(create_object, rest=ANY, keeps_pending=True),
    "tryGet": Function(try_get, (ANY, ANY), rest=ANY),
    "items": Function(items, (OBJECT,)),
    "objectKeys": Function(sorted_names, (OBJECT,)),
    "shallowMerge": Function(shallow_merge, (ARRAY,)),
}
