"""The steps of a compiled graph, derived from a run of it: where the columns are, and what changes the cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmgmt.learning import answers, cellwise, columnwise
from mlmgmt.learning.cellwise import NotCompilable
from mlmgmt.learning.graph_parameters import linked_values
from mlmgmt.modules.base import Dataset, Fill
from mlmgmt.modules.columns import studio_type
from mlmgmt.modules.learners import Trained, underlying

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.learning.runner import Run
    from mlmgmt.learning.tables import Specification


@dataclass(frozen=True, slots=True)
class _Table:
    """The place of a table's columns among a row's cells, and their types."""

    slots: Mapping[str, int]
    types: Mapping[str, str]


STEPS = {
    "Select Columns in Dataset": "_select",
    "Edit Metadata": "_edit",
    "Apply Transformation": "_transform",
    "Clean Missing Data": "_clean",
    "Score Model": "_score",
    "Assign Data to Clusters": "_score",
}
"""The modules that may have a compiled form, and the methods of `Program` that compile them."""


class Program:
    """The steps for a row's cells, and the places of the outputs afterwards.

    `steps` change the cells of one row; `column_steps` change those of many rows, column by column.

    Args:
        whole: compile for rows without missing values, which need no filling.
    """

    def __init__(
        self,
        plan: GraphPlan,
        done: Run,
        declared: Mapping[str, Any],
        outputs: Mapping[str, Specification],
        *,
        whole: bool,
    ) -> None:
        self._declared, self._whole = declared, whole
        self._linked = linked_values(plan.document, {}, plan.lacks)
        self._width = len(declared)
        self.steps: list[Callable[[list[Any]], None]] = []
        self.column_steps: list[Callable[[list[list[Any]]], None]] = []
        self.asks_estimator = False
        self.outputs = self._compile(plan, done, outputs)

    def _compile(self, plan: GraphPlan, done: Run, outputs: Mapping[str, Specification]) -> list[Output]:
        tables: dict[tuple[str, str], _Table] = {}
        found = []
        for node in plan.order:
            body = plan.graph.nodes[node]
            if "inputId" in body:
                tables[node, ""] = self._input_table(done.ports[node, ""])
            elif "outputId" in body:
                for edge in plan.incoming[node]:
                    table = tables.get((edge.source, _port(plan, edge)))
                    if table is None:
                        raise NotCompilable("an output does not come from the input")
                    name = body["outputId"]
                    found.append(_output(name, done.outputs[name], outputs.get(name), table))
            elif node in plan.modules:
                self._module(plan, node, done, tables)
        return found

    def _input_table(self, dataset: Dataset) -> _Table:
        slots = {name: place for place, name in enumerate(self._declared)}
        return _Table(slots, {name: studio_type(dataset.frame[name]) for name in self._declared})

    def _module(self, plan: GraphPlan, node: str, done: Run, tables: dict[tuple[str, str], _Table]) -> None:
        module = plan.modules[node]
        given = [tables.get((edge.source, _port(plan, edge))) for edge in plan.incoming[node]]
        source = next((table for table in given if table is not None), None)
        if source is None:
            raise NotCompilable(f"{module.name} has no compiled form")
        port = module.outputs[0].name
        made: Dataset = done.ports[node, port]
        inputs = {name: value for (owner, name), value in done.inputs.items() if owner == node}
        arguments = plan.arguments(node, self._linked.get(node, {}))
        tables[node, port] = getattr(self, STEPS[module.name])(source, made, inputs, arguments, done, node)

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
        return self._apply_cells(source, made, done.ports[node, "Cleaning transformation"])

    def _transform(self, source: _Table, made: Dataset, inputs: Mapping[str, Any], *_: Any) -> _Table:
        return self._apply_cells(source, made, inputs["Transformation"])

    def _apply_cells(self, source: _Table, made: Dataset, transformation: Any) -> _Table:
        cells = getattr(transformation, "cells", lambda _: None)(list(source.slots))
        if cells is None or list(cells) != list(made.frame.columns):
            raise NotCompilable("the transformation does more than change cells")
        slots = dict(source.slots)
        changes = {
            name: _checked_fill(change, source.types[name]) for name, change in cells.items() if change is not None
        }
        if self._whole:
            # Values that the graph computed may still be missing.
            given = len(self._declared)
            changes = {
                name: change
                for name, change in changes.items()
                if not isinstance(change, Fill) or source.slots[name] >= given
            }
        if changes:
            placed = [(source.slots[name], change) for name, change in changes.items()]
            self.steps.append(cellwise.change_step(placed))
            self.column_steps.append(columnwise.change_step(placed))
            first = self._new_slots(len(changes))
            slots |= {name: first + place for place, name in enumerate(changes)}
        return _Table({name: slots[name] for name in made.frame.columns}, _types(made))

    def _score(self, source: _Table, made: Dataset, inputs: Mapping[str, Any], *_: Any) -> _Table:
        trained = inputs["Trained model"]
        if not isinstance(trained, Trained):
            raise NotCompilable("the port does not have a trained model")
        for feature in trained.features:
            numeric = source.types.get(feature.name) in ("Integer", "Double", "Boolean")
            if feature.name not in source.slots or numeric is not feature.numeric:
                raise NotCompilable(f"the column {feature.name!r} is not what the model was trained on")
        self.asks_estimator |= not trained.compiled.rowwise
        names = trained.score_columns()
        first = self._new_slots(len(names))
        places = [source.slots[feature.name] for feature in trained.features]
        self.steps.append(cellwise.score_step(trained, places))
        self.column_steps.append(columnwise.score_step(trained, places))
        slots = {name: first + place for place, name in enumerate(names)}
        return _Table({name: slots.get(name, source.slots.get(name, -1)) for name in made.frame.columns}, _types(made))

    def _new_slots(self, count: int) -> int:
        first = self._width
        self._width += count
        return first


@dataclass(frozen=True, slots=True)
class Output:
    """An output's column names and types, the places of its cells, and how they are written."""

    name: str
    names: list[str]
    types: list[str]
    columns: list[tuple[int, Callable[[Any], str | None]]]

    def table(self, values: list[list[str | None]]) -> dict[str, Any]:
        return {"ColumnNames": self.names, "ColumnTypes": self.types, "Values": values}

    def lines(self, columns: list[list[Any]]) -> list[list[str | None]]:
        """Return the rows of the table, from the cells of all columns."""
        written = [columnwise.write_cells(columns[slot], write) for slot, write in self.columns]
        return [list(row) for row in zip(*written, strict=True)]


def _output(name: str, dataset: Any, specification: Specification | None, table: _Table) -> Output:
    if not isinstance(dataset, Dataset):
        raise NotCompilable("an output is not a table")
    answer = answers.answer(dataset, specification)
    columns = [(table.slots[column], cellwise.writer(table.types[column])) for column in answer["ColumnNames"]]
    return Output(name, answer["ColumnNames"], answer["ColumnTypes"], columns)


def _checked_fill(change: Any, kind: str) -> Any:
    """Return a change of cells; the value of a Fill gets the column's type, or is refused."""
    if not isinstance(change, Fill):
        return change
    value = change.value.item() if isinstance(change.value, np.generic) else change.value
    if kind == "Double" and isinstance(value, (int, float)):
        return Fill(float(value))
    if {"Integer": int, "Boolean": bool, "String": str}.get(kind) is not type(value):
        raise NotCompilable("a column is filled with values of another type")
    return Fill(value)


def _port(plan: GraphPlan, edge: Any) -> str:
    return plan.output_port(edge.source, edge.source_port).name if edge.source in plan.modules else ""


def _types(dataset: Dataset) -> dict[str, str]:
    return {name: studio_type(underlying(dataset.frame[name])) for name in dataset.frame.columns}


def _kind(dataset: Dataset, name: str) -> str:
    return studio_type(underlying(dataset.frame[name]))
