"""A module of the catalogue: its name, GUID, ports, parameters, and one function from inputs to outputs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Protocol

from mlmgmt.modules.failures import ModuleFailure
from mlmgmt.modules.parameters import Arguments, Parameter, match_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

__all__ = [
    "Arguments",
    "Dataset",
    "Fill",
    "GraphAccess",
    "Module",
    "ModuleFailure",
    "Parameter",
    "Port",
    "PortType",
    "Scored",
]


class PortType(Enum):
    """What flows through a port, by Studio's name for it."""

    DATASET = "Dataset"
    UNTRAINED = "ILearner untrained"
    TRAINED = "ILearner trained"
    UNTRAINED_CLUSTERS = "ICluster untrained"
    TRAINED_CLUSTERS = "ICluster trained"
    TRANSFORM = "ITransform"
    ZIP = "Zip"


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a module.

    Args:
        look_up: its table is a list of words or the like, and not the rows that the module works on.
    """

    name: str
    type: PortType = PortType.DATASET
    optional: bool = False
    look_up: bool = False


Task = Literal["binary", "multiclass", "regression", "clustering"]


@dataclass(frozen=True, slots=True)
class Scored:
    """What Score Model records about the columns that it adds, for Evaluate Model.

    Args:
        classes: the labels in the order of the model's classes; of two, the second is the positive one.
        spread: the scores are a mean and a standard deviation.
    """

    task: Task
    label: str
    classes: tuple[Any, ...] = ()
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table: a DataFrame, and what is known about its columns beyond their types.

    Column types are pandas': `Int64`, `float64`, `boolean`, text, `datetime64`, `timedelta64`, `category`. The index
    says which row of the service's input a row comes from, and survives selecting, cleaning and splitting.

    Args:
        roles: `Label`, `Weight`, `Score` or `None` (not a feature) by column; every other column is a feature.
    """

    frame: pd.DataFrame
    roles: Mapping[str, str] = field(default_factory=dict)
    scored: Scored | None = None

    def with_frame(self, frame: pd.DataFrame) -> Dataset:
        kept = {name: role for name, role in self.roles.items() if name in frame.columns}
        return replace(self, frame=frame, roles=kept)

    def role(self, column: str) -> str:
        return self.roles.get(column, "Feature")


class Transform(Protocol):
    """What an ITransform port carries: learnt from one dataset, applied to others."""

    def apply(self, dataset: Dataset) -> Dataset: ...

    def cells(self, columns: Sequence[str]) -> Mapping[str, Callable[[Any], Any] | None] | None:
        """Return, for each column that it keeps, a function of one cell's value; None where the column is unchanged.

        Return None if the transformation does not work cell by cell, for example if it drops rows. A missing number is
        NaN, a missing text None.
        """

    def state(self) -> dict[str, Any]:
        """Return what it learnt as values of Python, NumPy, pandas and scikit-learn, without classes of this package.

        The class method `of` restores the transformation.
        """


@dataclass(frozen=True, slots=True)
class Fill:
    """Replaces a missing cell with a value."""

    value: Any

    def __call__(self, cell: Any) -> Any:
        return self.value if cell is None or cell != cell else cell


class GraphAccess(Protocol):
    """What a graph may read and write outside of itself; every name must be mapped or registered."""

    def read(self, address: str) -> bytes:
        """Return the bytes at an address: a blob of a registered account, or an address that is mapped to a file."""

    def parts(self, address: str) -> list[str]:
        """Return the addresses, by name, that one with `*` or `?` in its last part means, or that of a folder."""

    def write(self, address: str, data: bytes, *, overwrite: bool) -> None:
        """Write a blob of a registered account."""

    def database(self, server: str, database: str) -> str:
        """Return the connection URL that the user mapped a server's name to."""

    def run_script(
        self, source: str, tables: Sequence[Dataset], bundle: bytes | None, version: str | None
    ) -> ScriptResult:
        """Run a Python script in a separate process, if the user allows scripts; the version is the one it names."""


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """What a script returned, and what it wrote to the console."""

    dataset: Dataset
    console: str


@dataclass(frozen=True, slots=True)
class Module:
    """One row of the catalogue.

    Args:
        guid: without dashes, as asset uris have it.
        category: its place in Studio's palette.
        run: takes the inputs by port name (optional ones may be absent) and the arguments by parameter key; returns
            the outputs in port order.
        reach: replaces `run` in a module that reads or writes outside of the graph.
        maps_to: the library that does the work, for people to read.
        task: the task of a learner.
    """

    name: str
    guid: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parameters: tuple[Parameter, ...]
    run: Callable[[Mapping[str, Any], Arguments], tuple[Any, ...]] | None = None
    reach: Callable[[Mapping[str, Any], Arguments, GraphAccess], tuple[Any, ...]] | None = None
    category: str = ""
    maps_to: str = ""
    former_names: tuple[str, ...] = ()
    task: Task | None = None

    def __call__(
        self, inputs: Mapping[str, Any], arguments: Arguments, outside: GraphAccess | None = None
    ) -> tuple[Any, ...]:
        """Run the module.

        Raises:
            ModuleFailure: the module cannot do its work.
        """
        if self.run is not None:
            return self.run(inputs, arguments)
        assert self.reach is not None
        if outside is None:
            raise ModuleFailure("It reads or writes outside of the graph, which is not possible here.")
        return self.reach(inputs, arguments, outside)

    def arguments(self, given: Mapping[str, Any]) -> Arguments:
        """Return the typed value of every parameter that applies, defaults included.

        Args:
            given: a node's parameters, name to value; names match as `parameters.match_texts` says.

        Raises:
            ModuleFailure: a name is unknown, or the parameter does not take the value.
        """
        return self._parse(given)[1]

    def _parse(self, given: Mapping[str, Any]) -> tuple[dict[str, str], Arguments]:
        """Return the texts by key, and the arguments.

        The key of a parameter that does not apply may be the label of one that does; its text then goes to that one.
        """
        texts = match_texts(self.parameters, given)
        arguments = self._parse_texts(texts)
        idle = [key for key in texts if key not in arguments]
        for key in idle:
            meant = [one.key for one in self.parameters if one.key in arguments and one.has_label(key)]
            if len(meant) == 1 and meant[0] not in texts:
                texts[meant[0]] = texts.pop(key)
        return texts, self._parse_texts(texts) if idle else arguments

    def _parse_texts(self, texts: Mapping[str, str]) -> Arguments:
        arguments: Arguments = {}
        for parameter in self.parameters:
            if parameter.applies(arguments):
                text = texts.get(parameter.key, parameter.default)
                arguments[parameter.key] = None if text is None else parameter.parse(text)
        return arguments

    def notes(self, given: Mapping[str, Any]) -> list[str]:
        """Return a note for each given parameter that has no effect, or that belongs to another branch of a mode."""
        texts, arguments = self._parse(given)
        found = []
        for parameter in self.parameters:
            text = texts.get(parameter.key, parameter.default)
            if parameter.key in arguments:
                neutral = parameter.default if parameter.neutral is None else parameter.neutral
                if parameter.without_effect and text is not None and text != neutral:
                    found.append(f"{self.name}: {parameter.key!r} has no effect: {parameter.without_effect}")
            elif parameter.key in texts and text != parameter.default:
                assert parameter.when is not None
                switch = parameter.when[0]
                found.append(
                    f"{self.name}: {parameter.key!r} is ignored while {switch!r} is {arguments.get(switch)!r}."
                )
        return found
