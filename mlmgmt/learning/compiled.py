"""A scoring graph as one function from rows to answers, for the few rows that a request brings.

A graph is compiled by running it once on one row: what each column is called and of which type it is then stands at
every port, and only what happens to single cells is left to do. A graph with a module that does more (joins tables,
drops rows, learns from the rows it gets) has no compiled form, and is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmgmt.learning import answers, runner, tables
from mlmgmt.modules.base import Dataset
from mlmgmt.modules.columns import studio_type
from mlmgmt.modules.learners import Trained, underlying

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mlmgmt.learning.plan import Plan
    from mlmgmt.learning.runner import Run
    from mlmgmt.learning.tables import Specification

MOST_ROWS = 24
"""More rows than these go column by column."""

_MOST_SHAPES = 64
_NAN = float("nan")
Cells = list[Any]
Step = "Callable[[Cells], None]"
"""Adds cells to a row: whatever is computed stands behind what it was computed from."""


@dataclass(frozen=True, slots=True)
class _Table:
    """Where a table's columns stand among a row's cells."""

    slots: Mapping[str, int]
    types: Mapping[str, str]


COMPILED = frozenset(
    (
        "Select Columns in Dataset",
        "Edit Metadata",
        "Apply Transformation",
        "Clean Missing Data",
        "Score Model",
        "Assign Data to Clusters",
    )
)
"""The modules that may have a compiled form."""


class NotCompilable(Exception):
    """The graph does more than to compute cells from cells; it has to be run."""


class Compiled:
    """A scoring graph with one input, compiled.

    Args:
        plan: for the outputs that are tables.
        done: what a run on one row made of it.
        declared: `properties.input` and `.output`, by port.

    Raises:
        NotCompilable: see there.
    """

    def __init__(
        self,
        plan: Plan,
        done: Run,
        inputs: Mapping[str, Specification],
        outputs: Mapping[str, Specification],
        spare: Collection[str] = (),
    ) -> None:
        (self.input,) = plan.needs_inputs()
        self._spare = spare
        self._declared: Mapping[str, Any] = (inputs.get(self.input) or {}).get("properties") or {}
        if not self._declared:
            raise NotCompilable("its input declares no columns")
        self._read = [_reader(column) for column in self._declared.values()]
        self._steps: list[Callable[[Cells], None]] = []
        self._width = len(self._declared)
        self._places: dict[tuple[str, ...], tuple[list[int], list[str]]] = {}
        self._outputs = self._compile(plan, done, outputs)

    def _compile(self, plan: Plan, done: Run, outputs: Mapping[str, Specification]) -> list[_Output]:
        standing: dict[tuple[str, str], _Table] = {}
        found = []
        for node in plan.order:
            body = plan.graph.nodes[node]
            if "inputId" in body:
                standing[node, ""] = self._input_table(done.ports[node, ""])
            elif "outputId" in body:
                for edge in plan.incoming[node]:
                    table = standing.get((edge.source, _port(plan, edge)))
                    if table is None:
                        raise NotCompilable("an output does not come from the input")
                    name = body["outputId"]
                    found.append(_output(name, done.outputs[name], outputs.get(name), table))
            elif node in plan.modules:
                self._module(plan, node, done, standing)
        return found

    def _input_table(self, dataset: Dataset) -> _Table:
        slots = {name: place for place, name in enumerate(self._declared)}
        return _Table(slots, {name: studio_type(dataset.frame[name]) for name in self._declared})

    def _module(self, plan: Plan, node: str, done: Run, standing: dict[tuple[str, str], _Table]) -> None:
        module = plan.modules[node]
        compile_ = {
            "Select Columns in Dataset": self._select,
            "Edit Metadata": self._edit,
            "Apply Transformation": self._transform,
            "Clean Missing Data": self._clean,
            "Score Model": self._score,
            "Assign Data to Clusters": self._score,
        }.get(module.name)
        given = [standing.get((edge.source, _port(plan, edge))) for edge in plan.incoming[node]]
        source = next((table for table in given if table is not None), None)
        if compile_ is None or source is None:
            raise NotCompilable(f"{module.name} has no compiled form")
        port = module.outputs[0].name
        made: Dataset = done.ports[node, port]
        inputs = {name: value for (owner, name), value in done.inputs.items() if owner == node}
        arguments = module.arguments(plan.parameters[node])
        standing[node, port] = compile_(source, made, inputs, arguments, done, node)

    def _select(self, source: _Table, made: Dataset, *_: Any) -> _Table:
        return _Table({name: source.slots[name] for name in made.frame.columns}, _types(made))

    def _edit(self, source: _Table, made: Dataset, inputs: Mapping[str, Any], *_: Any) -> _Table:
        before: Dataset = inputs["Dataset"]
        slots: dict[str, int] = {}
        for old, new in zip(before.frame.columns, made.frame.columns, strict=True):
            if _kind(before, old) != _kind(made, new):
                raise NotCompilable(f"Edit Metadata converts {old!r}")
            slots[new] = source.slots[old]
        return _Table(slots, _types(made))

    def _clean(
        self,
        source: _Table,
        made: Dataset,
        inputs: Mapping[str, Any],
        arguments: Mapping[str, Any],
        done: Run,
        node: str,
    ) -> _Table:
        whole = arguments["Minimum missing value ratio"] == 0 and arguments["Maximum missing value ratio"] == 1
        marks = arguments.get("Generate missing value indicator column")
        if arguments["Cleaning mode"] != "Custom substitution value" or not whole or marks:
            raise NotCompilable("Clean Missing Data learns from the rows it cleans")
        return self._applied(source, made, done.ports[node, "Cleaning transformation"])

    def _transform(self, source: _Table, made: Dataset, inputs: Mapping[str, Any], *_: Any) -> _Table:
        return self._applied(source, made, inputs["Transformation"])

    def _applied(self, source: _Table, made: Dataset, transformation: Any) -> _Table:
        cells = getattr(transformation, "cells", lambda _: None)(list(source.slots))
        if cells is None or list(cells) != list(made.frame.columns):
            raise NotCompilable("the transformation does more than to change cells")
        slots = dict(source.slots)
        for name, change in cells.items():
            if change is not None:
                self._steps.append(_changing(change, source.slots[name]))
                slots[name] = self._new_slots(1)
        return _Table({name: slots[name] for name in made.frame.columns}, _types(made))

    def _score(self, source: _Table, made: Dataset, inputs: Mapping[str, Any], *_: Any) -> _Table:
        trained = inputs["Trained model"]
        if not isinstance(trained, Trained):
            raise NotCompilable("the model is none")
        for feature in trained.features:
            numeric = source.types.get(feature.name) in ("Integer", "Double", "Boolean")
            if feature.name not in source.slots or numeric is not feature.numeric:
                raise NotCompilable(f"the column {feature.name!r} is not what the model was trained on")
        names = trained.score_columns()
        first = self._new_slots(len(names))
        self._steps.append(_scoring(trained, [source.slots[feature.name] for feature in trained.features]))
        slots = {name: first + place for place, name in enumerate(names)}
        return _Table({name: slots.get(name, source.slots.get(name, -1)) for name in made.frame.columns}, _types(made))

    def _new_slots(self, count: int) -> int:
        first = self._width
        self._width += count
        return first

    def answer(self, cells: tables.Cells) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """The value of each output, as `answers.answer` gives it, and what to tell about the columns.

        Args:
            cells: of the input, as `tables.from_request` gives them.

        Raises:
            Exception: anything at all; run the graph, and it says what is wrong.
        """
        standing = self._places.get(cells.columns)
        if standing is None:
            known, notes = tables.placed(cells, self._declared, self._spare)
            standing = [known.get(name, -1) for name in self._declared], notes
            if len(self._places) < _MOST_SHAPES:
                self._places[cells.columns] = standing
        places, notes = standing
        read, steps = self._read, self._steps
        rows = []
        for row in cells.rows:
            found = [convert(row[place] if place >= 0 else None) for convert, place in zip(read, places, strict=True)]
            for step in steps:
                step(found)
            rows.append(found)
        return {output.name: output.table(rows) for output in self._outputs}, notes


@dataclass(frozen=True, slots=True)
class _Output:
    """An output's names and types, and where its cells stand and how they are written."""

    name: str
    names: list[str]
    types: list[str]
    columns: list[tuple[int, Callable[[Any], str | None]]]

    def table(self, rows: Sequence[Cells]) -> dict[str, Any]:
        columns = self.columns
        values = [[write(cells[slot]) for slot, write in columns] for cells in rows]
        return {"ColumnNames": self.names, "ColumnTypes": self.types, "Values": values}


def _output(name: str, dataset: Any, specification: Specification | None, table: _Table) -> _Output:
    if not isinstance(dataset, Dataset):
        raise NotCompilable("an output is no table")
    answer = answers.answer(dataset, specification)
    columns = [(table.slots[column], _writer(table.types[column])) for column in answer["ColumnNames"]]
    return _Output(name, answer["ColumnNames"], answer["ColumnTypes"], columns)


def _port(plan: Plan, edge: Any) -> str:
    return plan.output_port(edge.source, edge.source_port).name if edge.source in plan.modules else ""


def _types(dataset: Dataset) -> dict[str, str]:
    return {name: studio_type(underlying(dataset.frame[name])) for name in dataset.frame.columns}


def _kind(dataset: Dataset, name: str) -> str:
    return studio_type(underlying(dataset.frame[name]))


def _reader(specification: Mapping[str, Any]) -> Callable[[Any], Any]:
    """From a request's cell to a value: a missing number is NaN, a missing text None."""
    convert = tables.converter(specification)
    if convert is None:
        raise NotCompilable("a column is a date")
    if convert is tables.text:

        def text(value: Any) -> Any:
            if value.__class__ is str:
                return value if value and not value.isspace() else None
            return None if tables.is_missing(value) else tables.text(value)

        return text

    if convert is tables.number:

        def real(value: Any) -> Any:
            if value.__class__ is float and -1e308 < value < 1e308:
                return value
            return _NAN if tables.is_missing_number(value) else convert(value)

        return real

    def number(value: Any) -> Any:
        if value.__class__ is int and -(2**63) < value < 2**63 and convert is tables.integer:
            return value
        return _NAN if tables.is_missing_number(value) else convert(value)

    return number


def _writer(kind: str) -> Callable[[Any], str | None]:
    if kind == "Double":
        return lambda value: repr(value) if value == value else None
    if kind in ("Integer", "Boolean"):
        return lambda value: str(value) if value == value else None
    return lambda value: value if value.__class__ is str or value is None else str(value)


def _changing(change: Callable[[Any], Any], slot: int) -> Callable[[Cells], None]:
    def step(cells: Cells) -> None:
        value = change(cells[slot])
        cells.append(value.item() if isinstance(value, np.generic) else value)

    return step


def _scoring(trained: Trained, slots: list[int]) -> Callable[[Cells], None]:
    numbers, finish = trained.compiled.row(), _finisher(trained)
    numeric = [slot for slot, feature in zip(slots, trained.features, strict=True) if feature.numeric]
    nothing = [
        None if name == "Scored Labels" and not _is_number(trained) else _NAN for name in trained.score_columns()
    ]

    def step(cells: Cells) -> None:
        cells += finish(numbers([cells[slot] for slot in slots]))

    def step_on_complete(cells: Cells) -> None:
        for slot in numeric:
            if cells[slot] != cells[slot]:
                cells += nothing
                return
        cells += finish(numbers([cells[slot] for slot in slots]))

    return step_on_complete if trained.complete and numeric else step


def _is_number(trained: Trained) -> bool:
    return trained.task in ("regression", "clustering") or trained.label_type in ("Integer", "Double", "Boolean")


def _finisher(trained: Trained) -> Callable[[list[float]], list[Any]]:
    """From the form's numbers to the score columns."""
    classes = trained.classes
    if trained.task == "binary":
        low, high = classes
        return lambda chances: [high if chances[1] > 0.5 else low, chances[1]]
    if trained.task == "multiclass":
        return lambda chances: [*chances, classes[max(range(len(chances)), key=chances.__getitem__)]]
    if trained.task == "clustering":
        return lambda distances: [min(range(len(distances)), key=distances.__getitem__), *distances]
    return lambda values: values


def is_candidate(plan: Plan) -> bool:
    """Whether a graph has one input and none but modules that may have a compiled form."""
    return len(plan.needs_inputs()) == 1 and {module.name for module in plan.modules.values()} <= COMPILED


def compile_plan(
    plan: Plan,
    probe: Dataset,
    *,
    read: Callable[[str], Any],
    inputs: Mapping[str, Specification],
    outputs: Mapping[str, Specification],
    spare: Collection[str] = (),
) -> Compiled | None:
    """The compiled form of a candidate, or None where it has none after all.

    Args:
        probe: one row of the input, typed.
        read: as `runner.run` takes it.
        spare: columns whose absence is nothing to tell about.
    """
    try:
        done = runner.run(plan, {plan.needs_inputs()[0]: probe}, read=read)
        return Compiled(plan, done, inputs, outputs, spare)
    except NotCompilable:
        return None
