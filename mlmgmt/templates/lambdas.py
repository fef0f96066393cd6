"""Functions that call a `lambda` for the items of an array or an object."""

from __future__ import annotations

from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.expressions import Call, Literal
from mlmgmt.templates.names import folded
from mlmgmt.templates.pending import Pending
from mlmgmt.templates.signatures import ANY, ARRAY, OBJECT, TEXT, Function, Kind, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmgmt.templates.evaluation import Context
    from mlmgmt.templates.expressions import Expression


def _lambda(context: Context, expression: Expression, *counts: int) -> tuple[int, Callable[..., Any]]:
    """Return how many variables a lambda has, and a function of their values."""
    if not isinstance(expression, Call) or folded(expression.name) != "lambda" or not expression.arguments:
        raise TemplateError("it needs a lambda, such as lambda('x', lambdaVariables('x')), as an argument.")
    *declared, body = expression.arguments
    names = [argument.value for argument in declared if isinstance(argument, Literal)]
    if len(names) != len(declared) or not all(isinstance(name, str) for name in names):
        raise TemplateError("the variables of a lambda must be texts.")
    if len(names) not in counts:
        raise TemplateError(f"its lambda must have {' or '.join(map(str, counts))} variables, not {len(names)}.")

    def run(*values: Any) -> Any:
        return context.with_lambda(dict(zip(map(folded, names), values, strict=True))).evaluate(body)

    return len(names), run


def _known(context: Context, expression: Expression, kind: Kind) -> Any:
    value = context.evaluate(expression)
    if isinstance(value, Pending):
        raise TemplateError("it cannot work on a value that is known only when resources exist.")
    if not kind.takes(value):
        raise TemplateError(f"argument 1 must be {kind.described}, not {type_of(value)}.")
    return value


def _answer(value: Any, kind: Kind) -> Any:
    if not kind.takes(value):
        raise TemplateError(f"its lambda must return {kind.described}, not {type_of(value)}.")
    return value


_TRUTH = Kind("a boolean", (bool,))


def _with_index(context: Context, expression: Expression) -> Callable[[int, Any], Any]:
    count, run = _lambda(context, expression, 1, 2)
    return (lambda place, item: run(item, place)) if count == 2 else (lambda _, item: run(item))


def map_items(context: Context, array: Expression, change: Expression) -> list[Any]:
    items, run = _known(context, array, ARRAY), _with_index(context, change)
    return [run(place, item) for place, item in enumerate(items)]


def filter_items(context: Context, array: Expression, test: Expression) -> list[Any]:
    items, run = _known(context, array, ARRAY), _with_index(context, test)
    return [item for place, item in enumerate(items) if _answer(run(place, item), _TRUTH)]


def sort_items(context: Context, array: Expression, before: Expression) -> list[Any]:
    items = _known(context, array, ARRAY)
    _, run = _lambda(context, before, 2)

    def order(left: Any, right: Any) -> int:
        return int(_answer(run(right, left), _TRUTH)) - int(_answer(run(left, right), _TRUTH))

    return sorted(items, key=cmp_to_key(order))


def reduce_items(context: Context, array: Expression, start: Expression, combine: Expression) -> Any:
    items = _known(context, array, ARRAY)
    count, run = _lambda(context, combine, 2, 3)
    result = context.evaluate(start)
    for place, item in enumerate(items):
        result = run(result, item, place) if count == 3 else run(result, item)
    return result


def to_object(context: Context, array: Expression, name: Expression, value: Expression | None = None) -> dict[str, Any]:
    items = _known(context, array, ARRAY)
    _, name_of = _lambda(context, name, 1)
    value_of = None if value is None else _lambda(context, value, 1)[1]
    result = [(_answer(name_of(item), TEXT), item if value_of is None else value_of(item)) for item in items]
    if len({folded(name) for name, _ in result}) < len(result):
        raise TemplateError("its lambda returns the same name twice.")
    return dict(result)


def group_by(context: Context, array: Expression, name: Expression) -> dict[str, list[Any]]:
    items = _known(context, array, ARRAY)
    run = _with_index(context, name)
    groups: dict[str, list[Any]] = {}
    for place, item in enumerate(items):
        groups.setdefault(_answer(run(place, item), TEXT), []).append(item)
    if len(set(map(folded, groups))) < len(groups):
        raise TemplateError("its lambda returns names that differ in letter case only.")
    return groups


def map_values(context: Context, members: Expression, change: Expression) -> dict[str, Any]:
    known = _known(context, members, OBJECT)
    _, run = _lambda(context, change, 1)
    return {name: run(value) for name, value in known.items()}


def lambda_variable(context: Context, name: str) -> Any:
    if folded(name) not in context.lambdas:
        raise TemplateError(f"the lambda has no variable {name!r}.")
    return context.lambdas[folded(name)]


def misplaced(*_: Any) -> Any:
    raise TemplateError("a lambda can only be an argument of functions such as map and filter.")


FUNCTIONS = {
    "map": Function(map_items, (ANY, ANY), gets="expressions"),
    "filter": Function(filter_items, (ANY, ANY), gets="expressions"),
    "sort": Function(sort_items, (ANY, ANY), gets="expressions"),
    "reduce": Function(reduce_items, (ANY, ANY, ANY), gets="expressions"),
    "toObject": Function(to_object, (ANY, ANY), (ANY,), gets="expressions"),
    "groupBy": Function(group_by, (ANY, ANY), gets="expressions"),
    "mapValues": Function(map_values, (ANY, ANY), gets="expressions"),
    "lambda": Function(misplaced, rest=ANY, gets="expressions"),
    "lambdaVariables": Function(lambda_variable, (TEXT,), gets="context"),
}
