"""Values of a template: objects and arrays whose texts are evaluated, and the copy loops in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.evaluation import Where, evaluate_text
from mlmgmt.templates.limits import MOST_COPIES
from mlmgmt.templates.names import folded, member, spelling_in
from mlmgmt.templates.signatures import type_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmgmt.templates.evaluation import Context


def evaluated(value: Any, context: Context, path: str, *, loops: bool = False) -> Any:
    """Return a value with its expressions evaluated, those in names of members too.

    Args:
        loops: replace each member `copy` that is an array of copy loops by what the loops make.

    Raises:
        TemplateError: an expression cannot be evaluated, or two members get the same name.
    """
    match value:
        case str():
            return evaluate_text(value, context, path)
        case list():
            context.budget.spend(1)
            return [evaluated(item, context, f"{path}[{place}]", loops=loops) for place, item in enumerate(value)]
        case dict():
            context.budget.spend(1)
            members: dict[str, Any] = {}
            for name, item in _members(value, context, path, loops=loops):
                if name in members:
                    raise TemplateError(f"Two members have the name {name!r}.", path)
                members[name] = item
            return members
    context.budget.spend(1)
    return value


def _members(value: Mapping[str, Any], context: Context, path: str, *, loops: bool) -> Iterator[tuple[str, Any]]:
    for written, item in value.items():
        place = f"{path}.{written}"
        if loops and folded(written) == "copy" and isinstance(item, list):
            for number, loop in enumerate(item):
                yield repeated(loop, context, f"{place}[{number}]")
        else:
            yield _name(written, context, path), evaluated(item, context, place, loops=loops)


def _name(written: str, context: Context, path: str) -> str:
    name = evaluate_text(written, context, path)
    if not isinstance(name, str):
        raise TemplateError(f"The name of a member must be a string, not {type_of(name)}: {written[:100]}", path)
    return name


@dataclass(frozen=True, slots=True)
class Loop:
    """A copy loop."""

    name: str
    count: int


def repeated(specified: Any, context: Context, path: str) -> tuple[str, list[Any]]:
    """Return the name of a copy loop and the values that it makes."""
    loop = read_loop(specified, context, path)
    return loop.name, repetitions(specified, loop, context, path)


def repetitions(
    specified: Mapping[str, Any], loop: Loop, context: Context, path: str, *, alone: bool = False
) -> list[Any]:
    """Return the input of a copy loop, evaluated for each index.

    Args:
        alone: `copyIndex()` without a name means this loop.
    """
    written = spelling_in(specified, "input")
    if written is None:
        raise TemplateError("The copy loop has no 'input', the value to repeat.", path)
    return [
        evaluated(specified[written], context.in_loop(loop.name, index, unnamed=alone), f"{path}.{written}", loops=True)
        for index in range(loop.count)
    ]


def read_loop(specified: Any, context: Context, path: str, *, named: bool = True) -> Loop:
    """Return the name and count of a copy loop.

    Raises:
        TemplateError: one of them is missing or wrong.
    """
    name = loop_name(specified, path) if named else ""
    count = member(specified, "count") if isinstance(specified, dict) else None
    if count is None:
        raise TemplateError("The copy loop has no 'count'.", path)
    count = evaluated(count, context.at(Where.COUNT), f"{path}.count")
    if type(count) is not int or not 0 <= count <= MOST_COPIES:
        shown = count if isinstance(count, int | float) else type_of(count)
        message = f"The count of a copy loop must be an integer between 0 and {MOST_COPIES}, not {shown}."
        raise TemplateError(message, f"{path}.count")
    return Loop(name, count)


def loop_name(specified: Any, path: str) -> str:
    """Return the name of a copy loop as written.

    Raises:
        TemplateError: it has none.
    """
    if not isinstance(specified, dict):
        raise TemplateError(f"A copy loop must be an object with 'name' and 'count', not {type_of(specified)}.", path)
    name = member(specified, "name")
    if not isinstance(name, str) or not name:
        raise TemplateError("The copy loop has no 'name'.", path)
    return name


def is_wanted(section: Mapping[str, Any], context: Context, path: str) -> bool:
    """Whether the condition of a resource or an output is true; without one it is.

    Raises:
        TemplateError: the condition is not a boolean, or cannot be evaluated.
    """
    condition, place = member(section, "condition"), f"{path}.condition"
    if condition is None:
        return True
    decided = evaluated(condition, context.at(Where.CONDITION), place)
    if not isinstance(decided, bool):
        raise TemplateError(f"A condition must be a boolean, not {type_of(decided)}.", place)
    return decided


def known_text(value: Any, context: Context, path: str, what: str) -> str:
    """Return the text that a value evaluates to; a bare number is one, too, as in Resource Manager.

    Raises:
        TemplateError: it is not a text, or empty, or known only when resources exist.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    text = evaluated(value, context, path)
    if not isinstance(text, str):
        raise TemplateError(f"{what} must be a string, not {type_of(text)}.", path)
    if not text:
        raise TemplateError(f"{what} must not be empty.", path)
    return text
