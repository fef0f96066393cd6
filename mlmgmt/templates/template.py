"""Evaluation of a whole template: its resources in the order in which they can be created, and its outputs."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.evaluation import Where
from mlmgmt.templates.expressions import Call, Literal
from mlmgmt.templates.limits import TOO_DEEP, Budget
from mlmgmt.templates.names import folded, member, spelling_in
from mlmgmt.templates.nested import inner_template, target_of
from mlmgmt.templates.ordering import Index, ordered
from mlmgmt.templates.parameters import check_type, secure_parameters, supplied_values, type_name
from mlmgmt.templates.pending import DeploymentState, Pending, pending_parts, written
from mlmgmt.templates.resources import Entry, read_entries
from mlmgmt.templates.sections import Sections, read_sections
from mlmgmt.templates.signatures import type_of
from mlmgmt.templates.symbols import TemplateSymbols
from mlmgmt.templates.values import evaluated, is_wanted, read_loop, repetitions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmgmt.templates.evaluation import Context
    from mlmgmt.templates.scope import Scope


@dataclass(frozen=True, slots=True)
class Skipped:
    """A resource whose condition is false; the name is None if it cannot be evaluated."""

    type: str
    name: str | None
    path: str


@dataclass(frozen=True, slots=True)
class Output:
    """An output; the type is as written, None if the template does not give one."""

    type: str | None
    value: Any


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource to create. `name` and `type` are the full ones of a child; `path` is its place in the template."""

    id: str
    type: str
    name: str
    api_version: str
    path: str
    _value: Mapping[str, Any]
    _context: Context

    def body(self) -> dict[str, Any]:
        """Return what is sent to the provider: location, tags, properties and so on.

        References to other resources are asked of the scope now, so call it when the resources before this one exist.

        Raises:
            TemplateError: an expression that was left for later cannot be evaluated.
        """
        with _somewhere():
            value = _finished(self._value, replace(self._context, budget=Budget()), self.path)
            body: dict[str, Any] = _written(value, self._context, self.path)
            return body


@dataclass(frozen=True, slots=True)
class Deployment:
    """An evaluated template.

    Args:
        resources: in an order in which they can be created, those of nested deployments among them.
        secure_parameters: the folded names of parameters whose values must not be shown.
    """

    resources: list[Resource]
    skipped: list[Skipped]
    secure_parameters: frozenset[str]
    _outputs: Mapping[str, Output]
    _context: Context

    def outputs(self) -> dict[str, Output]:
        """Return the outputs; call it when the resources exist.

        Raises:
            TemplateError: an output cannot be evaluated, or is not of its type.
        """
        with _somewhere():
            return {name: self._output(output, f"outputs.{name}") for name, output in self._outputs.items()}

    def _output(self, output: Output, path: str) -> Output:
        value = _finished(output.value, replace(self._context, budget=Budget()), path)
        check_type(value, type_name(output.type, path), "The output", path)
        if not isinstance(value, Pending) and any(pending_parts(value)):
            # An object or array that is still partly unknown is written as one expression.
            value = Pending(Literal(value))
        return replace(output, value=_written(value, self._context, path))


def evaluate_template(template: Any, parameters: Mapping[str, Any], scope: Scope) -> Deployment:
    """Evaluate a template for a resource group.

    Args:
        template: the parsed JSON of the template.
        parameters: values by name; they are taken literally.

    Raises:
        TemplateError: the first error, in the order of parameters, variables, resources and outputs.
    """
    with _somewhere():
        run = _Run(Budget())
        outputs, context = run.deploy(template, parameters, scope, "")
        secure = secure_parameters(template)
        return Deployment(run.resources, run.skipped, secure, outputs, context)


@contextmanager
def _somewhere() -> Iterator[None]:
    """Give errors that arise anywhere in a template, such as a limit of the whole, a place."""
    try:
        yield
    except TemplateError as error:
        raise error.placed("template") from None
    except RecursionError:
        raise TemplateError(TOO_DEEP, "template") from None


def _finished(value: Any, context: Context, path: str) -> Any:
    """Return a value with everything that was left for later evaluated, as far as it is known now."""
    try:
        return context.finished(value)
    except TemplateError as error:
        raise error.placed(path) from None


def _written(value: Any, context: Context, path: str) -> Any:
    return written(value, path, Budget(), refuse_pending=context.scope.refuse_unknown)


@dataclass(slots=True)
class _Run:
    """The deployment of a template with those nested in it."""

    budget: Budget
    resources: list[Resource] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    states: dict[str, DeploymentState] = field(default_factory=dict)

    def deploy(
        self, template: Any, parameters: Mapping[str, Any], scope: Scope, path: str
    ) -> tuple[dict[str, Output], Context]:
        """Add the resources of a template, and return its outputs with the context to read them in."""
        sections = read_sections(template, path)
        symbols = TemplateSymbols(sections, parameters, scope, self.budget)
        symbols.evaluate_all()
        entries = read_entries(sections, symbols)
        index = Index(entries)
        # First, names become ids; the resources that they refer to are asked for when a body is read.
        names = replace(symbols.context(Where.LATER), answers=index)
        later = replace(symbols.context(Where.LATER), answers=_Answers(scope, self.states))
        named = [replace(entry, value=_finished(entry.value, names, entry.path)) for entry in entries]
        for entry in ordered(named, index, self.budget):
            self._add(entry, later)
        outputs = {
            name: replace(output, value=_finished(output.value, names, f"{path}outputs.{name}"))
            for name, output in _read_outputs(sections, symbols)
        }
        return outputs, later

    def _add(self, entry: Entry, later: Context) -> None:
        if entry.is_skipped:
            self.skipped.append(Skipped(entry.type, entry.name, entry.path))
        elif entry.is_deployment:
            self._add_nested(entry)
        elif not entry.is_existing:
            name = str(entry.name)
            self.resources.append(
                Resource(entry.id, entry.type, name, entry.api_version, entry.path, entry.value, later)
            )

    def _add_nested(self, entry: Entry) -> None:
        path = f"{entry.path}.properties"
        template, parameters = inner_template(entry.value.get("properties"), path)
        scope = replace(target_of(entry.source, entry.type), deployment_name=str(entry.name))
        supplied = supplied_values(parameters, f"{path}.parameters")
        outputs, _ = self.deploy(template, supplied, scope, f"{path}.template.")
        self.states[folded(entry.id)] = DeploymentState(
            {name: {"type": output.type, "value": output.value} for name, output in outputs.items()}
        )


@dataclass(frozen=True, slots=True)
class _Answers:
    """The outputs of nested deployments, and what the scope knows of resources."""

    scope: Scope
    states: Mapping[str, DeploymentState]

    def answer(self, call: Call) -> Any:
        values = [argument.value for argument in call.arguments if isinstance(argument, Literal)]
        if len(values) < len(call.arguments) or not all(isinstance(value, str) for value in values):
            return Pending(call)
        target, *further = values
        match folded(call.name):
            case "reference" if folded(target) in self.states:
                return self.states[folded(target)]
            case "reference" if self.scope.reference is not None:
                _refuse_name(target)
                return self.scope.reference(target, further[0] if further else None, _is_full(further))
            case "listkeys" if self.scope.list_keys is not None:
                _refuse_name(target)
                return self.scope.list_keys(target, further[0] if further else None)
        return Pending(call)


def _refuse_name(target: str) -> None:
    if not target.startswith("/"):
        raise TemplateError(f"the template has no resource {target[:200]!r}; give its id with resourceId().")


def _is_full(further: list[str]) -> bool:
    if len(further) < 2:
        return False
    if folded(further[1]) != "full":
        raise TemplateError(f"argument 3 must be 'Full', not {further[1][:100]!r}.")
    return True


def _read_outputs(sections: Sections, symbols: TemplateSymbols) -> Iterator[tuple[str, Output]]:
    for name, section in sections.outputs.items():
        path = f"{sections.path}outputs.{name}"
        if not isinstance(section, dict):
            raise TemplateError(f"An output must be an object, not {type_of(section)}.", path)
        kind = type_name(member(section, "type"), f"{path}.type")
        context = symbols.context(Where.OUTPUT)
        if not is_wanted(section, context, path):
            continue
        value = _output_value(section, context, path)
        check_type(value, kind, f"The output {name!r}", path)
        yield name, Output(member(section, "type") if kind else None, value)


def _output_value(section: Mapping[str, Any], context: Context, path: str) -> Any:
    copy = member(section, "copy")
    if copy is not None:
        loop = read_loop(copy, context, f"{path}.copy", named=False)
        return repetitions(copy, loop, context, f"{path}.copy", alone=True)
    known = spelling_in(section, "value")
    if known is None:
        raise TemplateError("The output has no 'value'.", path)
    return evaluated(section[known], context, f"{path}.{known}")
