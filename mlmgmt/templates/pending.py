"""Values that are known only when resources exist: they stay expressions until then."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.expressions import Access, Call, Expression, Literal, text_of
from mlmgmt.templates.json_text import number_text
from mlmgmt.templates.limits import CHARACTERS_PER_VALUE, PARTS_PER_VALUE
from mlmgmt.templates.names import folded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmgmt.templates.limits import Budget

_RUNTIME = {"reference", "resourceinfo"}
_STATE = "Only the outputs of a nested deployment are known here, not its whole state."


@dataclass(frozen=True, slots=True)
class Pending:
    """An expression whose value is not known yet; all of its arguments that can be evaluated are."""

    expression: Expression
    size: int = 1


@dataclass(frozen=True, slots=True)
class DeploymentState:
    """What `reference()` of a nested deployment gives here: its outputs, and nothing else."""

    outputs: dict[str, Any]


def as_expression(value: Any) -> Expression:
    return value.expression if isinstance(value, Pending) else Literal(value)


def measure(value: Any, budget: Budget) -> bool:
    """Count what a function looks at; whether any part of it is pending.

    Raises:
        TemplateError: it is too large, or cannot be an argument.
    """
    size, is_pending = _measured(value, budget)
    budget.spend(1 + size // PARTS_PER_VALUE)
    return is_pending


def has_pending(value: Any, budget: Budget) -> bool:
    """Whether any part of a value is pending; the parts are counted once, however often it is looked at."""
    return _measured(value, budget)[1]


def _measured(value: Any, budget: Budget) -> tuple[int, bool]:
    match value:
        case str():
            return 1 + len(value) // CHARACTERS_PER_VALUE, False
        case Pending():
            return value.size, True
        case list() | dict():
            # Values are often used again, and the same array may be in another one many times.
            if id(value) not in budget.measured:
                budget.spend(1 + len(value))
                parts = [_measured(item, budget) for item in (value.values() if isinstance(value, dict) else value)]
                size = 1 + sum(size for size, _ in parts)
                budget.refuse_size(size)
                budget.measured[id(value)] = (value, size, any(is_pending for _, is_pending in parts))
            return budget.measured[id(value)][1:]
        case DeploymentState():
            raise TemplateError(_STATE)
    return 1, False


def pending_parts(value: Any) -> Iterator[Pending]:
    """Yield every pending value in a value."""
    match value:
        case Pending():
            yield value
        case list():
            for item in value:
                yield from pending_parts(item)
        case dict():
            for item in value.values():
                yield from pending_parts(item)


def calls_in(expression: Expression) -> Iterator[Call]:
    """Yield every call in an expression, those within its evaluated arguments too."""
    match expression:
        case Call(_, arguments):
            yield expression
            for argument in arguments:
                yield from calls_in(argument)
        case Access(target, keys):
            yield from calls_in(target)
            for key in keys:
                yield from calls_in(key)
        case Literal(value):
            for part in pending_parts(value):
                yield from calls_in(part.expression)


def is_runtime(name: str) -> bool:
    """Whether a function asks for the state of a resource: `reference`, `list…` and their relatives."""
    return folded(name) in _RUNTIME or folded(name).startswith("list")


def written(value: Any, path: str, budget: Budget, *, refuse_pending: bool) -> Any:
    """Return a value as JSON can hold it: pending parts are expressions again, numbers that are not finite are texts.

    Raises:
        TemplateError: a part cannot be written, or is pending and must not be.
    """
    budget.spend(1)
    match value:
        case Pending(expression) if refuse_pending:
            raise TemplateError(f"The value of {text_of(expression)} is not known here.", path)
        case Pending(expression):
            return f"[{text_of(expression)}]"
        case str():
            return _whole(value, path)
        case float() if not math.isfinite(value):
            # Newtonsoft.Json writes these numbers as texts.
            return number_text(value)
        case list():
            return [
                written(item, f"{path}[{place}]", budget, refuse_pending=refuse_pending)
                for place, item in enumerate(value)
            ]
        case dict():
            return {
                _whole(name, path): written(item, f"{path}.{name}", budget, refuse_pending=refuse_pending)
                for name, item in value.items()
            }
        case DeploymentState():
            raise TemplateError(_STATE, path)
    return value


def _whole(text: str, path: str) -> str:
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise TemplateError("The text ends or starts in the middle of a character, such as half an emoji.", path)
    return text
