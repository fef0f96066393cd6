"""A scoring graph as one function from rows to answers, for the few rows that a request brings.

A graph is compiled by running it once on one row: what each column is called and of which type it is then stands at
every port, and only what happens to single cells is left to do. A graph with a module that does more (joins tables,
drops rows, learns from the rows it gets) has no compiled form, and is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmgmt.errors import MlmgmtError
from mlmgmt.learning import answers, cellwise, runner, tables
from mlmgmt.learning.cellwise import NotCompilable
from mlmgmt.learning.graph_parameters import linked
from mlmgmt.modules.base import Dataset, Fill
from mlmgmt.modules.columns import studio_type
from mlmgmt.modules.forms import picker
from mlmgmt.modules.learners import Trained, underlying

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mlmgmt.learning.plan import Plan
    from mlmgmt.learning.runner import Run
    from mlmgmt.learning.tables import Specification

MOST_ROWS = 24
"""More rows than these go column by column."""

_MOST_SHAPES = 64
_Shape = tuple["Callable[[Sequence[Any]], Sequence[Any]] | None", list[str]]


@dataclass(frozen=True, slots=True)
class _Table:
    """Where a table's columns stand among a row's cells."""

    slots: Mapping[str, int]
    types: Mapping[str, str]


_STEPS = {
    "Select Columns in Dataset": "_select",
    "Edit Metadata": "_edit",
    "Apply Transformation": "_transform",
    "Clean Missing Data": "_clean",
    "Score Model": "_score",
    "Assign Data to Clusters": "_score",
}
"""The modules that may have a compiled form, and what makes it."""


class _Program:
    """What is done to a row's cells, and where the outputs then stand.

    Args:
        whole: rows in which nothing is missing; filling leaves them alone.
    """

    def __init__(
        self,
        plan: Plan,
        done: Run,
        declared: Mapping[str, Any],
        outputs: Mapping[str, Specification],
        *,
        whole: bool,
    ) -> None:
        self._declared, self._whole = declared, whole
        self._linked = linked(plan.document, {}, plan.stands)
        self._width = len(declared)
        self.steps: list[Callable[[list[Any]], None]] = []
        self.outputs = self._compile(plan, done, outputs)

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
        given = [standing.get((edge.source, _port(plan, edge))) for edge in plan.incoming[node]]
        source = next((table for table in given if table is not None), None)
        if source is None:
            raise NotCompilable(f"{module.name} has no compiled form")
        port = module.outputs[0].name
        made: Dataset = done.ports[node, port]
        inputs = {name: value for (owner, name), value in done.inputs.items() if owner == node}
        arguments = plan.arguments(node, self._linked.get(node, {}))
        standing[node, port] = getattr(self, _STEPS[module.name])(source, made, inputs, arguments, done, node)

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
        changes = {name: _fitting(change, source.types[name]) for name, change in cells.items() if change is not None}
        if self._whole:
            # What the graph itself computed may be missing all the same.
            given = len(self._declared)
            changes = {
                name: change
                for name, change in changes.items()
                if not isinstance(change, Fill) or source.slots[name] >= given
            }
        if changes:
            self.steps.append(cellwise.changing([(source.slots[name], change) for name, change in changes.items()]))
            first = self._new_slots(len(changes))
            slots |= {name: first + place for place, name in enumerate(changes)}
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
        self.steps.append(cellwise.scoring(trained, [source.slots[feature.name] for feature in trained.features]))
        slots = {name: first + place for place, name in enumerate(names)}
        return _Table({name: slots.get(name, source.slots.get(name, -1)) for name in made.frame.columns}, _types(made))

    def _new_slots(self, count: int) -> int:
        first = self._width
        self._width += count
        return first


class Compiled:
    """A scoring graph with one input, compiled.

    Args:
        plan: for the outputs that are tables.
        done: what a run on one row made of it.
        inputs, outputs: `properties.input` and `.output`, by port.
        spare: columns whose absence is nothing to tell about.

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
        self._read = cellwise.Reader(self._declared)
        self._any, self._whole = (_Program(plan, done, self._declared, outputs, whole=whole) for whole in (False, True))
        self._any_way, self._whole_way = (
            (program.steps, [output.columns for output in program.outputs]) for program in (self._any, self._whole)
        )
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        self._last: tuple[tuple[str, ...], _Shape] = (), (None, [])

    def answer(self, cells: tables.Cells) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """The value of each output, as `answers.answer` gives it, and what to tell about the columns.

        Args:
            cells: of the input, as `tables.from_request` gives them.

        Raises:
            Exception: anything at all; run the graph, and it says what is wrong.
        """
        columns, (ordered, notes) = self._last
        if columns is not cells.columns:
            standing = self._shapes.get(cells.columns)
            ordered, notes = standing if standing is not None else self._shape(cells)
            # In one step, for whoever reads it in another thread.
            self._last = cells.columns, (ordered, notes)
        read = self._read
        values: list[list[list[str | None]]] = [[] for _ in self._any.outputs]
        for row in cells.rows:
            found, whole = read(row if ordered is None else ordered(row))
            steps, outputs = self._whole_way if whole else self._any_way
            for step in steps:
                step(found)
            for lines, written in zip(values, outputs, strict=True):
                lines.append([write(found[slot]) for slot, write in written])
        tables_ = zip(self._any.outputs, values, strict=True)
        return {output.name: output.table(lines) for output, lines in tables_}, notes

    def _shape(self, cells: tables.Cells) -> _Shape:
        """How rows with these columns are brought into the declared order (None: they are in it), and what to tell."""
        known, notes = tables.placed(cells, self._declared, self._spare)
        places = [known.get(name, -1) for name in self._declared]
        ordered: Callable[[Sequence[Any]], Sequence[Any]] | None
        if places == list(range(len(cells.columns))):
            ordered = None
        elif -1 not in places:
            ordered = picker(places)
        else:

            def ordered(row: Sequence[Any]) -> Sequence[Any]:
                return [row[place] if place >= 0 else None for place in places]

        if len(self._shapes) < _MOST_SHAPES:
            self._shapes[cells.columns] = ordered, notes
        return ordered, notes


@dataclass(frozen=True, slots=True)
class _Output:
    """An output's names and types, and where its cells stand and how they are written."""

    name: str
    names: list[str]
    types: list[str]
    columns: list[tuple[int, Callable[[Any], str | None]]]

    def table(self, values: list[list[str | None]]) -> dict[str, Any]:
        return {"ColumnNames": self.names, "ColumnTypes": self.types, "Values": values}


def _output(name: str, dataset: Any, specification: Specification | None, table: _Table) -> _Output:
    if not isinstance(dataset, Dataset):
        raise NotCompilable("an output is no table")
    answer = answers.answer(dataset, specification)
    columns = [(table.slots[column], cellwise.writer(table.types[column])) for column in answer["ColumnNames"]]
    return _Output(name, answer["ColumnNames"], answer["ColumnTypes"], columns)


def _fitting(change: Any, kind: str) -> Any:
    """A filling whose value is of the column's own type."""
    if not isinstance(change, Fill):
        return change
    value = change.value.item() if isinstance(change.value, np.generic) else change.value
    if kind == "Double" and isinstance(value, (int, float)):
        return Fill(float(value))
    if {"Integer": int, "Boolean": bool, "String": str}.get(kind) is not type(value):
        raise NotCompilable("a column is filled with values of another type")
    return Fill(value)


def _port(plan: Plan, edge: Any) -> str:
    return plan.output_port(edge.source, edge.source_port).name if edge.source in plan.modules else ""


def _types(dataset: Dataset) -> dict[str, str]:
    return {name: studio_type(underlying(dataset.frame[name])) for name in dataset.frame.columns}


def _kind(dataset: Dataset, name: str) -> str:
    return studio_type(underlying(dataset.frame[name]))


def is_candidate(plan: Plan) -> bool:
    """Whether a graph has one input and none but modules that may have a compiled form."""
    return len(plan.needs_inputs()) == 1 and {module.name for module in plan.modules.values()} <= _STEPS.keys()


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
    except (NotCompilable, MlmgmtError):
        # What fails on the row that was tried may do well on others; the run decides.
        return None
