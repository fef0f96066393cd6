"""What a module is: a row with a name, a GUID, ports, parameters, and one function from inputs to outputs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Protocol

from mlmgmt.modules.failures import ModuleFailure
from mlmgmt.modules.parameters import Arguments, Parameter, matched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

__all__ = [
    "Arguments",
    "Dataset",
    "Fill",
    "Module",
    "ModuleFailure",
    "Outside",
    "Parameter",
    "Port",
    "PortType",
    "Scored",
]


class PortType(Enum):
    """What flows through a port, by the name Studio showed."""

    DATASET = "Dataset"
    UNTRAINED = "ILearner untrained"
    TRAINED = "ILearner trained"
    UNTRAINED_CLUSTERS = "ICluster untrained"
    TRAINED_CLUSTERS = "ICluster trained"
    TRANSFORM = "ITransform"
    ZIP = "Zip"


@dataclass(frozen=True, slots=True)
class Port:
    name: str
    type: PortType = PortType.DATASET
    optional: bool = False


Task = Literal["binary", "multiclass", "regression", "clustering"]


@dataclass(frozen=True, slots=True)
class Scored:
    """What Score Model notes about the columns it added, for Evaluate Model.

    Args:
        classes: the labels in the order of the model's classes; the second is the positive one of two.
        spread: the scores are a mean and a standard deviation.
    """

    task: Task
    label: str
    classes: tuple[Any, ...] = ()
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table: a DataFrame (n rows, one column a name) and what is known of its columns beyond their types.

    Column types are pandas': `Int64`, `float64`, `boolean`, text, `datetime64`, `timedelta64`, `category`. The index
    says which row of the service's input a row comes from, and survives selecting, cleaning and splitting.

    Args:
        roles: `Label`, `Weight`, `Score` or `None` (no feature) by column; every other column is a feature.
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
    """What an ITransform port carries: something learnt from one dataset, to be done to others."""

    def apply(self, dataset: Dataset) -> Dataset: ...

    def cells(self, columns: Sequence[str]) -> Mapping[str, Callable[[Any], Any] | None] | None:
        """What it does to one cell at a time: by each column that it keeps, a function of the cell's value (None where
        it leaves the column alone). None when it does more than that, such as dropping rows.

        A missing number is NaN, a missing text None.
        """

    def state(self) -> dict[str, Any]:
        """Return what it learnt as values of Python, NumPy, pandas and scikit-learn, none of a class of this package.

        The class method `of` makes the transformation from it again.
        """


@dataclass(frozen=True, slots=True)
class Fill:
    """A change of single cells: a missing one gets a value."""

    value: Any

    def __call__(self, cell: Any) -> Any:
        return self.value if cell is None or cell != cell else cell


class Outside(Protocol):
    """What lies outside of a graph, for the few modules that reach it; every name is mapped or registered."""

    def read(self, address: str) -> bytes:
        """The bytes at an address: a blob of a registered account, or an address that the user mapped to a file."""

    def write(self, address: str, data: bytes, *, overwrite: bool) -> None:
        """Write a blob of a registered account."""

    def database(self, server: str, database: str) -> str:
        """The connection URL that the user mapped a server's name to."""

    def run_script(self, source: str, tables: Sequence[Dataset], bundle: bytes | None) -> ScriptResult:
        """Run a Python script in a process of its own, where the user allowed scripts."""


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """What a script returned, and what it wrote."""

    dataset: Dataset
    console: str


Inputs = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Module:
    """One row of the catalogue.

    Args:
        guid: without dashes, as asset uris have it.
        category: its place in Studio's palette.
        run: from the inputs by port name (optional ones may be absent) and the arguments by parameter key, to the
            outputs in port order.
        reach: instead of `run`, for a module that needs what lies outside of the graph.
        maps_to: what does the work, for people who ask.
        task: what a learner is for.
    """

    name: str
    guid: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parameters: tuple[Parameter, ...]
    run: Callable[[Mapping[str, Any], Arguments], tuple[Any, ...]] | None = None
    reach: Callable[[Mapping[str, Any], Arguments, Outside], tuple[Any, ...]] | None = None
    category: str = ""
    maps_to: str = ""
    former_names: tuple[str, ...] = ()
    task: Task | None = None

    def __call__(
        self, inputs: Mapping[str, Any], arguments: Arguments, outside: Outside | None = None
    ) -> tuple[Any, ...]:
        """Do the module's work.

        Raises:
            ModuleFailure: it cannot be done.
        """
        if self.run is not None:
            return self.run(inputs, arguments)
        assert self.reach is not None
        if outside is None:
            raise ModuleFailure("It reaches outside of the graph, which is not possible here.")
        return self.reach(inputs, arguments, outside)

    def arguments(self, given: Mapping[str, Any]) -> Arguments:
        """The typed value of every parameter that counts, defaults filled in.

        Args:
            given: a node's parameters, name to value; names match as `parameters.matched` says.

        Raises:
            ModuleFailure: a name is unknown, or a value is not one the parameter takes.
        """
        return self._read(given)[1]

    def _read(self, given: Mapping[str, Any]) -> tuple[dict[str, str], Arguments]:
        """The texts by key, and the arguments. The key of a parameter that does not count may be the label of one that
        does, and then stands for that one.
        """
        texts = matched(self.parameters, given)
        arguments = self._typed(texts)
        idle = [key for key in texts if key not in arguments]
        for key in idle:
            meant = [one.key for one in self.parameters if one.key in arguments and one.labelled(key)]
            if len(meant) == 1 and meant[0] not in texts:
                texts[meant[0]] = texts.pop(key)
        return texts, self._typed(texts) if idle else arguments

    def _typed(self, texts: Mapping[str, str]) -> Arguments:
        arguments: Arguments = {}
        for parameter in self.parameters:
            if parameter.counts(arguments):
                text = texts.get(parameter.key, parameter.default)
                arguments[parameter.key] = None if text is None else parameter.typed(text)
        return arguments

    def notes(self, given: Mapping[str, Any]) -> list[str]:
        """What a graph asks for and cannot have: parameters without effect, and those of another branch of a mode."""
        texts, arguments = self._read(given)
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
                    f"{self.name}: {parameter.key!r} does not count while {switch!r} is {arguments.get(switch)!r}."
                )
        return found
