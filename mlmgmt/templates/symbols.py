"""What a template defines for its expressions: parameters, variables and functions."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.counts import count_of
from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.evaluation import Context, Where
from mlmgmt.templates.names import by_folded_name, folded, member
from mlmgmt.templates.parameters import Declaration, check_type, read_declarations, type_name
from mlmgmt.templates.signatures import type_of
from mlmgmt.templates.values import evaluated, loop_name, repeated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlmgmt.templates.limits import Budget
    from mlmgmt.templates.scope import Scope
    from mlmgmt.templates.sections import Sections


class TemplateSymbols:
    """Parameters, variables and functions of one template. Values are evaluated when they are first needed."""

    def __init__(self, sections: Sections, supplied: Mapping[str, Any], scope: Scope, budget: Budget) -> None:
        self.content_version = sections.content_version
        self._scope = scope
        self._budget = budget
        self._path = sections.path
        self._declared = read_declarations(
            sections.parameters, f"{self._path}parameters", may_be_nullable=sections.is_new_language
        )
        self._supplied = by_folded_name(supplied)
        self._variables = _variables(sections.variables, f"{self._path}variables")
        self._functions = _functions(sections.functions, f"{self._path}functions")
        self._values: dict[str, Any] = {}
        self._active: list[str] = []

    def context(self, where: Where) -> Context:
        return Context(self._scope, self, self._budget, where)

    def evaluate_all(self) -> None:
        """Evaluate what no expression uses, too: it can fail.

        Raises:
            TemplateError: a value is missing, surplus or wrong, or cannot be evaluated.
        """
        for name, (written, _) in self._supplied.items():
            if name not in self._declared:
                known = ", ".join(declared.name for declared in self._declared.values()) or "none"
                message = f"The template has no parameter {written!r}; its parameters are: {known}."
                raise TemplateError(message, f"{self._path}parameters")
        for declared in self._declared.values():
            self.parameter(declared.name)
        for name in self._variables:
            self.variable(name)

    def parameter(self, name: str) -> Any:
        declared = self._declared.get(folded(name))
        if declared is None:
            raise TemplateError(f"the template has no parameter {name!r}.")
        known = f"parameters.{folded(name)}"
        if known not in self._values:
            with self._evaluating(known):
                self._values[known] = self._parameter(declared)
        return self._values[known]

    def _parameter(self, declared: Declaration) -> Any:
        _, value = self._supplied.get(folded(declared.name), ("", None))
        if value is None and declared.has_default:
            value = member(declared.section, "defaultValue")
            value = evaluated(value, self.context(Where.DEFAULT), f"{declared.path}.defaultValue")
        elif value is None and not declared.nullable:
            raise TemplateError(f"The parameter {declared.name!r} has no value and no default.", declared.path)
        declared.check(value)
        return value

    def variable(self, name: str) -> Any:
        found = self._variables.get(folded(name))
        if found is None:
            raise TemplateError(f"the template has no variable {name!r}.")
        known = f"variables.{folded(name)}"
        if known not in self._values:
            with self._evaluating(known):
                self._values[known] = found.evaluated(self.context(Where.VARIABLE))
        return self._values[known]

    @contextmanager
    def _evaluating(self, name: str) -> Iterator[None]:
        if name in self._active:
            circle = " -> ".join([*self._active[self._active.index(name) :], name])
            message = f"The values refer to each other in a circle: {circle}."
            raise TemplateError(message, f"{self._path}{name}")
        self._active.append(name)
        try:
            yield
        finally:
            self._active.pop()

    def call(self, name: str, values: Sequence[Any]) -> Any:
        """Return the value of a user-defined function.

        Raises:
            TemplateError: there is no such function, or it does not accept the values.
        """
        function = self._functions.get(folded(name))
        if function is None:
            raise TemplateError("the template has no such function.")
        with self._evaluating(f"functions.{folded(name)}"):
            return function.run(values, self)

    def function_context(self, symbols: _FunctionSymbols) -> Context:
        return Context(self._scope, symbols, self._budget, Where.FUNCTION)


@dataclass(frozen=True, slots=True)
class _Variable:
    """A variable as written: its value, or the copy loop that makes it."""

    value: Any
    path: str
    is_loop: bool

    def evaluated(self, context: Context) -> Any:
        if self.is_loop:
            return repeated(self.value, context, self.path)[1]
        if self.value is None:
            raise TemplateError("A variable must not be null; use [null()].", self.path)
        return evaluated(self.value, context, self.path, loops=True)


def _variables(section: Mapping[str, Any], path: str) -> dict[str, _Variable]:
    variables: dict[str, _Variable] = {}
    for name, (written, value) in by_folded_name(section).items():
        if name == "copy" and isinstance(value, list):
            for place, loop in enumerate(value):
                where = f"{path}.{written}[{place}]"
                variables[folded(loop_name(loop, where))] = _Variable(loop, where, is_loop=True)
        else:
            variables[name] = _Variable(value, f"{path}.{written}", is_loop=False)
    return variables


class _UserFunction:
    """A function that a template defines."""

    def __init__(self, name: str, section: Any, path: str) -> None:
        if not isinstance(section, dict):
            raise TemplateError(f"A function must be an object, not {type_of(section)}.", path)
        listed = member(section, "parameters") or []
        output = member(section, "output")
        if not isinstance(output, dict) or member(output, "value") is None:
            raise TemplateError("The function has no 'output' with a 'value'.", path)
        self._name = name
        self._path = path
        self._parameters = [_parameter(item, f"{path}.parameters[{place}]") for place, item in enumerate(listed)]
        self._value = member(output, "value")
        self._type = type_name(member(output, "type"), f"{path}.output.type")

    def run(self, values: Sequence[Any], symbols: TemplateSymbols) -> Any:
        if len(values) != len(self._parameters):
            raise TemplateError(f"it takes {count_of(len(self._parameters), 'argument')}, not {len(values)}.")
        for (name, kind), value in zip(self._parameters, values, strict=True):
            check_type(value, kind, f"The argument {name!r} of the function {self._name!r}", self._path)
        names = [folded(name) for name, _ in self._parameters]
        own = _FunctionSymbols(dict(zip(names, values, strict=True)), symbols)
        result = evaluated(self._value, symbols.function_context(own), f"{self._path}.output.value")
        check_type(result, self._type, f"The output of the function {self._name!r}", self._path)
        return result


def _parameter(section: Any, path: str) -> tuple[str, str | None]:
    name = member(section, "name") if isinstance(section, dict) else None
    if not isinstance(name, str):
        raise TemplateError("A parameter of a function must be an object with 'name' and 'type'.", path)
    return name, type_name(member(section, "type"), f"{path}.type")


class _FunctionSymbols:
    """What the expressions of a user-defined function see: its arguments, and the template's variables."""

    def __init__(self, values: Mapping[str, Any], template: TemplateSymbols) -> None:
        self.content_version = template.content_version
        self._values = values
        self._template = template

    def parameter(self, name: str) -> Any:
        if folded(name) not in self._values:
            raise TemplateError(f"the function has no parameter {name!r}.")
        return self._values[folded(name)]

    def variable(self, name: str) -> Any:
        return self._template.variable(name)

    def call(self, name: str, values: Sequence[Any]) -> Any:
        return self._template.call(name, values)


def _functions(section: list[Any], path: str) -> dict[str, _UserFunction]:
    functions: dict[str, _UserFunction] = {}
    for place, space in enumerate(section):
        where = f"{path}[{place}]"
        known = space if isinstance(space, dict) else {}
        name, members = member(known, "namespace"), member(known, "members")
        if not isinstance(name, str) or not isinstance(members, dict):
            raise TemplateError("The functions must be objects with 'namespace' and 'members'.", where)
        for written, function in members.items():
            full = f"{name}.{written}"
            functions[folded(full)] = _UserFunction(full, function, f"{where}.members.{written}")
    return functions
