"""What a module is: a row with a name, a GUID, ports, parameters, and one function from inputs to outputs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from mlmgmt.errors import BadRequest, Detail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd


class PortType(Enum):
    """What flows through a port, by the name Studio showed."""

    DATASET = "Dataset"
    UNTRAINED = "ILearner untrained"
    TRAINED = "ILearner trained"
    TRANSFORM = "ITransform"


@dataclass(frozen=True, slots=True)
class Port:
    name: str
    type: PortType = PortType.DATASET
    optional: bool = False


Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, slots=True)
class Scored:
    """What Score Model notes about the columns it added, for Evaluate Model.

    Args:
        classes: the labels in the order of the model's classes; the second is the positive one of two.
    """

    task: Task
    label: str
    classes: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table: a DataFrame (n rows, one column a name) and what is known of its columns beyond their types.

    Column types are pandas': `Int64`, `float64`, `boolean`, text, `datetime64`, `category`. The index says which row
    of the service's input a row comes from, and survives selecting, cleaning and splitting.

    Args:
        roles: `Label`, `Weight` or `Score` by column; every other column is a feature.
    """

    frame: pd.DataFrame
    roles: Mapping[str, str] = field(default_factory=dict)
    scored: Scored | None = None

    def with_frame(self, frame: pd.DataFrame) -> Dataset:
        kept = {name: role for name, role in self.roles.items() if name in frame.columns}
        return replace(self, frame=frame, roles=kept)

    def role(self, column: str) -> str:
        return self.roles.get(column, "Feature")


ParameterType = Literal["string", "integer", "float", "boolean", "choice", "columns"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A module parameter, keyed by its internal name; graphs that use the label instead are understood.

    Args:
        default: what a graph that leaves the parameter out means; all values in graphs are text.
        above: an exclusive lower bound.
        when: the parameter counts only while another has one of these values.
        refused: values that are known and cannot be honoured here, with the reason.
        without_effect: the parameter is accepted and changes nothing; the reason.
        aliases: other spellings of the key seen in graphs.
    """

    key: str
    type: ParameterType = "string"
    default: str | None = None
    label: str | None = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    when: tuple[str, tuple[str, ...]] | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    without_effect: str | None = None
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.key, *self.aliases, *((self.label,) if self.label else ()))


class ModuleFailure(BadRequest):
    """A module could not do its work: which one, at which port or column, and the documented error number."""

    code = "ModuleExecutionError"

    def __init__(
        self, message: str, *, number: str = "1000", target: str | None = None, hint: str | None = None
    ) -> None:
        details = [Detail(f"Error{number}", f"Error {number}: {message}", target)]
        super().__init__(message, target=target, details=details, hint=hint)
        self.number = number

    def at(self, node: str, module: str) -> ModuleFailure:
        """The same failure, told of the node it happened in."""
        where = f"{node} ({module})"
        message = self.message if self.target is None else f"{self.message} [{self.target}]"
        return ModuleFailure(f"{module}: {message}", number=self.number, target=where, hint=self.hint)


Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Module:
    """One row of the catalogue.

    Args:
        guid: without dashes, as asset uris have it.
        run: from the inputs by port name (optional ones may be absent) and the arguments by parameter key, to the
            outputs in port order.
        maps_to: what does the work, for people who ask.
    """

    name: str
    guid: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parameters: tuple[Parameter, ...]
    run: Callable[[Mapping[str, Any], Arguments], tuple[Any, ...]]
    maps_to: str = ""
    former_names: tuple[str, ...] = ()

    def arguments(self, given: Mapping[str, Any]) -> Arguments:
        """The typed value of every parameter that counts, defaults filled in.

        Args:
            given: a node's parameters, key to value; keys match exactly first, then in any case, then by label.

        Raises:
            ModuleFailure: a key is unknown, or a value is not one the parameter takes.
        """
        texts = self._texts(given)
        arguments: Arguments = {}
        for parameter in self.parameters:
            if parameter.when is not None:
                switch, values = parameter.when
                if str(arguments.get(switch)) not in values:
                    continue
            text = texts.get(parameter.key, parameter.default)
            arguments[parameter.key] = None if text is None else _typed(parameter, text)
        return arguments

    def _texts(self, given: Mapping[str, Any]) -> dict[str, str]:
        exact = {name: parameter.key for parameter in self.parameters for name in (parameter.key, *parameter.aliases)}
        loose: dict[str, str] = {}
        for parameter in self.parameters:
            for name in parameter.names:
                loose.setdefault(name.casefold(), parameter.key)
        texts: dict[str, str] = {}
        for key, value in given.items():
            known = exact.get(key) or loose.get(key.casefold())
            if known is None:
                message = f"It has no parameter {key!r}."
                hint = f"It has: {', '.join(parameter.key for parameter in self.parameters) or 'none'}."
                raise ModuleFailure(message, target=key, hint=hint)
            if value is not None and value != "":
                texts[known] = value if isinstance(value, str) else str(value)
        return texts


def _typed(parameter: Parameter, text: str) -> Any:
    key = parameter.key
    if parameter.type == "choice":
        word = {choice.casefold(): choice for choice in parameter.choices}.get(text.strip().casefold())
        if word is None:
            raise ModuleFailure(
                f"{text!r} is no value for {key!r}.", target=key, hint=f"One of: {', '.join(parameter.choices)}."
            )
        if word in parameter.refused:
            raise ModuleFailure(f"{key} = {word!r} cannot be run here: {parameter.refused[word]}", target=key)
        return word
    if parameter.type == "boolean":
        word = text.strip().casefold()
        if word not in ("true", "false"):
            raise ModuleFailure(f"{text!r} is no value for {key!r}.", target=key, hint="True or False.")
        return word == "true"
    if parameter.type in ("integer", "float"):
        return _number(parameter, text)
    return text


def _number(parameter: Parameter, text: str) -> float | int:
    key = parameter.key
    # A range is a list; a plain trainer uses the first value of each.
    first = text.split(";", 1)[0].strip()
    try:
        value = int(first) if parameter.type == "integer" else float(first)
    except ValueError:
        kind = "a whole number" if parameter.type == "integer" else "a number"
        raise ModuleFailure(f"{text!r} is not {kind}.", target=key) from None
    if parameter.minimum is not None and value < parameter.minimum:
        raise ModuleFailure(
            f"{first} is too small for {key!r}.", number="0005", target=key, hint=f"At least {parameter.minimum:g}."
        )
    if parameter.above is not None and value <= parameter.above:
        raise ModuleFailure(
            f"{first} is too small for {key!r}.", number="0005", target=key, hint=f"More than {parameter.above:g}."
        )
    if parameter.maximum is not None and value > parameter.maximum:
        raise ModuleFailure(
            f"{first} is too large for {key!r}.", number="0007", target=key, hint=f"At most {parameter.maximum:g}."
        )
    return value
