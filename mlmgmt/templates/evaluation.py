"""The value of an expression at its place in a template."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.expressions import (
    Access,
    Call,
    Expression,
    Literal,
    is_bracketed,
    parse,
    unescaped,
)
from mlmgmt.templates.functions import find, is_known
from mlmgmt.templates.names import folded
from mlmgmt.templates.objects import member_of
from mlmgmt.templates.pending import Pending, as_expression, has_pending, is_runtime, measure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.templates.limits import Budget
    from mlmgmt.templates.scope import Scope
    from mlmgmt.templates.signatures import Function


class Where(Enum):
    """The places of a template, which differ in the functions that may be used there."""

    DEFAULT = "the default value of a parameter"
    VARIABLE = "a variable"
    FUNCTION = "a user-defined function"
    NAME = "the name, API version, scope or dependencies of a resource"
    CONDITION = "a condition"
    COUNT = "the count of a copy loop"
    BODY = "a resource"
    OUTPUT = "an output"
    LATER = "a value that was left for later"


_WITH_RUNTIME = {Where.BODY, Where.OUTPUT, Where.LATER}
_WITH_NEW_VALUES = {Where.DEFAULT, Where.LATER}


class Symbols(Protocol):
    """What a template or a function of it defines."""

    content_version: Any

    def parameter(self, name: str) -> Any: ...

    def variable(self, name: str) -> Any: ...

    def call(self, name: str, values: Sequence[Any]) -> Any: ...


class Answers(Protocol):
    """Who knows the state of resources."""

    def answer(self, call: Call) -> Any:
        """Return the value of a call whose arguments are evaluated, or a pending value."""
        ...


class Nobody:
    """Answers that leave every question for later."""

    def answer(self, call: Call) -> Any:
        return Pending(call)


@dataclass(frozen=True, slots=True)
class Context:
    """What an expression sees.

    Args:
        loops: the indices of the copy loops around it, by folded name; "" is the one that needs no name.
        lambdas: the variables of the lambdas around it, by folded name.
        calling: the call that is being evaluated, as written.
    """

    scope: Scope
    symbols: Symbols
    budget: Budget
    where: Where
    answers: Answers = field(default_factory=Nobody)
    loops: Mapping[str, int] = field(default_factory=dict)
    lambdas: Mapping[str, Any] = field(default_factory=dict)
    calling: Call | None = None

    def at(self, where: Where) -> Context:
        return replace(self, where=where)

    def with_lambda(self, variables: Mapping[str, Any]) -> Context:
        return replace(self, lambdas={**self.lambdas, **variables})

    def in_loop(self, name: str, index: int, *, unnamed: bool) -> Context:
        own = {"": index} if unnamed else {}
        return replace(self, loops={**self.loops, folded(name): index, **own})

    def loop(self, name: str) -> int:
        if folded(name) in self.loops:
            return self.loops[folded(name)]
        if name:
            raise TemplateError(f"there is no copy loop {name!r} around it.")
        raise TemplateError("it needs the name of a copy loop here, or a resource with a copy loop around it.")

    def refuse_outside_defaults(self) -> None:
        if self.where not in _WITH_NEW_VALUES:
            raise TemplateError("it can only be used in the default value of a parameter.")

    def ask(self, arguments: Sequence[Any]) -> Any:
        """Return the state of a resource that the function being called asks for."""
        if self.where not in _WITH_RUNTIME:
            raise TemplateError(f"it cannot be used in {self.where.value}, which must be known before resources exist.")
        return self.answers.answer(self._called_with(arguments))

    def postponed(self, arguments: Sequence[Any]) -> Pending:
        """Return the function being called as a value for later."""
        size = 1 + sum(argument.size for argument in arguments if isinstance(argument, Pending))
        self.budget.spend(size)
        return Pending(self._called_with(arguments), size)

    def _called_with(self, arguments: Sequence[Any]) -> Call:
        assert self.calling is not None
        return replace(self.calling, arguments=tuple(map(as_expression, arguments)))

    def evaluate(self, expression: Expression) -> Any:
        match expression:
            case Literal(value):
                return self.finished(value) if self.where is Where.LATER else value
            case Call():
                return self._call(expression)
            case Access():
                return self._access(expression)

    def finished(self, value: Any) -> Any:
        """Return a value with its pending parts evaluated again."""
        match value:
            case Pending(expression):
                return self.evaluate(expression)
            case list() | dict() if not has_pending(value, self.budget):
                return value
            case list():
                self.budget.spend(1 + len(value))
                return [self.finished(item) for item in value]
            case dict():
                self.budget.spend(1 + len(value))
                return {name: self.finished(item) for name, item in value.items()}
        return value

    def _call(self, call: Call) -> Any:
        try:
            if "." in call.name:
                return self.symbols.call(call.name, [self.evaluate(argument) for argument in call.arguments])
            value = self._run(call, find(call.name))
        except TemplateError as error:
            raise error.named(call.name, call.position) from None
        return value

    def _run(self, call: Call, function: Function) -> Any:
        function.check_count(len(call.arguments))
        context = replace(self, calling=call)
        if function.gets == "expressions":
            return function.run(context, *call.arguments)
        values = [self.evaluate(argument) for argument in call.arguments]
        is_pending = sum(measure(value, self.budget) for value in values) > 0
        if is_pending and not function.keeps_pending:
            if is_runtime(call.name):
                return context.ask(values)
            return context.postponed(values)
        function.check_types(values)
        if function.gets == "context":
            return function.run(context, *values)
        result = function.run(*values)
        self.budget.spend_result(result)
        return result

    def _access(self, access: Access) -> Any:
        value = self.evaluate(access.target)
        for place, key_expression in enumerate(access.keys):
            key = self.evaluate(key_expression)
            if isinstance(value, Pending) or isinstance(key, Pending):
                keys = [key, *map(self.evaluate, access.keys[place + 1 :])]
                return _pending_access(value, keys, access.position)
            try:
                value = member_of(value, key)
            except TemplateError as error:
                raise TemplateError(error.message, position=access.position) from None
        return value


def _pending_access(value: Any, keys: Sequence[Any], position: int) -> Pending:
    target, known = as_expression(value), tuple(map(as_expression, keys))
    size = sum(part.size for part in (value, *keys) if isinstance(part, Pending))
    if isinstance(target, Access):
        return Pending(Access(target.target, (*target.keys, *known), position), size)
    return Pending(Access(target, known, position), size)


def evaluate_text(text: str, context: Context, path: str) -> Any:
    """Return the value of a text of a template: of its expression if it is in brackets, else the text.

    Raises:
        TemplateError: with the path and the character.
    """
    context.budget.spend_text(text)
    if not is_bracketed(text):
        return unescaped(text)
    try:
        return context.evaluate(parse(text))
    except TemplateError as error:
        raise error.placed(path) from None


def is_expression(text: str) -> bool:
    """Whether a text is an expression of templates: brackets around a call of a function that templates have.

    Other texts in brackets, such as `["age"]`, `[0,1]`, `[^a-z]` or `[draft]`, are not.
    """
    if not is_bracketed(text):
        return False
    try:
        tree = parse(text)
    except (TemplateError, RecursionError):
        return False
    call = tree.target if isinstance(tree, Access) else tree
    return isinstance(call, Call) and is_known(call.name)
