"""Functions that decide, and stop looking when they can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.pending import Pending
from mlmgmt.templates.signatures import ANY, BOOLEAN, TEXT, Function, type_of

if TYPE_CHECKING:
    from mlmgmt.templates.evaluation import Context
    from mlmgmt.templates.expressions import Expression


def choose(context: Context, condition: Expression, yes: Expression, no: Expression) -> Any:
    decided = context.evaluate(condition)
    if isinstance(decided, Pending):
        return context.postponed([decided, context.evaluate(yes), context.evaluate(no)])
    return context.evaluate(yes if _boolean(decided, 1) else no)


def _boolean(value: Any, place: int) -> bool:
    if not isinstance(value, bool):
        raise TemplateError(f"argument {place} must be a boolean, not {type_of(value)}.")
    return value


def _until(*, stop: bool) -> Function:
    def run(context: Context, *conditions: Expression) -> Any:
        for place, condition in enumerate(conditions):
            decided = context.evaluate(condition)
            if isinstance(decided, Pending):
                further = [decided, *map(context.evaluate, conditions[place + 1 :])]
                # The function needs two arguments; this one does not decide.
                return context.postponed([not stop, *further] if len(further) == 1 else further)
            if _boolean(decided, place + 1) is stop:
                return stop
        return not stop

    return Function(run, (ANY, ANY), rest=ANY, gets="expressions")


def coalesce(context: Context, *candidates: Expression) -> Any:
    for place, candidate in enumerate(candidates):
        value = context.evaluate(candidate)
        if isinstance(value, Pending):
            return context.postponed([value, *map(context.evaluate, candidates[place + 1 :])])
        if value is not None:
            return value
    return None


def fail(message: str) -> Any:
    raise TemplateError(f"the template stops with the message: {message[:1000]}")


FUNCTIONS = {
    "if": Function(choose, (ANY, ANY, ANY), gets="expressions"),
    "and": _until(stop=False),
    "or": _until(stop=True),
    "coalesce": Function(coalesce, rest=ANY, gets="expressions"),
    "not": Function(lambda value: not value, (BOOLEAN,)),
    "true": Function(lambda: True),
    "false": Function(lambda: False),
    "null": Function(lambda: None),
    "fail": Function(fail, (TEXT,)),
}
