"""A scoring graph as one function from rows to answers: a few rows one by one, many rows column by column.

A graph is compiled by running it once on one row: then the names and types of the columns at every port are known, and
only the work on single cells is left to do. A graph with a module that does more (joins tables, drops rows, learns from
its rows) has no compiled form and is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mlmgmt.errors import MlmgmtError
from mlmgmt.learning import cellwise, columnwise, runner, tables
from mlmgmt.learning.cellwise import NotCompilable
from mlmgmt.learning.program import STEPS, Program
from mlmgmt.modules.predictors import picker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.learning.runner import Run
    from mlmgmt.learning.tables import Specification
    from mlmgmt.modules.base import Dataset

MOST_ROWS = 24
"""The most rows that are scored one by one; more are scored column by column."""

_MOST_SHAPES, _MOST_COLUMNS = 64, 1024
Answer = tuple[dict[str, dict[str, Any]], list[str]]
"""Tables by output, and notes about the request."""


class _Shape(NamedTuple):
    """How the columns of a request match the declared ones.

    Args:
        ordered: brings a row into the declared order; None if rows are in that order.
        places: the index of each declared column in the request; -1 if it is missing.
        notes: what the caller should know about the columns.
    """

    ordered: Callable[[Sequence[Any]], Sequence[Any]] | None
    places: list[int]
    notes: list[str]


class Compiled:
    """A scoring graph with one input, compiled.

    Args:
        plan: the graph, which must have exactly one input.
        done: a run of it on one row.
        inputs, outputs: `properties.input` and `.output`, by port.
        spare: columns that may be missing without a note.

    Raises:
        NotCompilable: the graph has no compiled form.
    """

    def __init__(
        self,
        plan: GraphPlan,
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
        self._any, self._whole = (Program(plan, done, self._declared, outputs, whole=whole) for whole in (False, True))
        self._any_way, self._whole_way = (
            (program.steps, [output.columns for output in program.outputs]) for program in (self._any, self._whole)
        )
        self.asks_estimator = self._any.asks_estimator
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        self._last: tuple[tuple[str, ...], _Shape] = (), _Shape(None, [], [])

    def answer(self, cells: tables.Cells) -> Answer:
        """Return the value of each output like `answers.answer`, and notes about the columns.

        Args:
            cells: the cells of the input, from `tables.from_request`.

        Raises:
            Exception: any exception is possible; run the graph for a proper error.
        """
        ordered, _, notes = self._shape_of(cells)
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

    def answer_many(self, cells: tables.Cells) -> Answer:
        """Do the same as `answer`, column by column."""
        _, places, notes = self._shape_of(cells)
        given, nothing = list(zip(*cells.rows, strict=True)), [None] * len(cells.rows)
        columns = columnwise.read(self._read, [given[place] if place >= 0 else nothing for place in places])
        for step in self._any.column_steps:
            step(columns)
        return {output.name: output.table(output.lines(columns)) for output in self._any.outputs}, notes

    def _shape_of(self, cells: tables.Cells) -> _Shape:
        columns, shape = self._last
        if columns is not cells.columns:
            shape = self._shapes.get(cells.columns) or self._shape(cells)
            # One assignment, so that another thread never sees a mix of two.
            self._last = cells.columns, shape
        return shape

    def _shape(self, cells: tables.Cells) -> _Shape:
        known, notes = tables.match_columns(cells, self._declared, self._spare)
        places = [known.get(name, -1) for name in self._declared]
        ordered: Callable[[Sequence[Any]], Sequence[Any]] | None
        if places == list(range(len(cells.columns))):
            ordered = None
        elif -1 not in places:
            ordered = picker(places)
        else:

            def ordered(row: Sequence[Any]) -> Sequence[Any]:
                return [row[place] if place >= 0 else None for place in places]

        shape = _Shape(ordered, places, notes)
        if len(self._shapes) < _MOST_SHAPES and len(cells.columns) <= _MOST_COLUMNS:
            self._shapes[cells.columns] = shape
        return shape


def is_candidate(plan: GraphPlan) -> bool:
    """Whether a graph has one input, and only modules that may have a compiled form."""
    return len(plan.needs_inputs()) == 1 and {module.name for module in plan.modules.values()} <= STEPS.keys()


def compile_graph(
    plan: GraphPlan,
    probe: Dataset,
    *,
    read: Callable[[str], Any],
    inputs: Mapping[str, Specification],
    outputs: Mapping[str, Specification],
    spare: Collection[str] = (),
) -> Compiled | None:
    """Compile a candidate (see `is_candidate`); return None if it has no compiled form.

    Args:
        probe: one row of the input, typed.
        read: see `runner.run`.
        spare: columns that may be missing without a note.
    """
    try:
        done = runner.run(plan, {plan.needs_inputs()[0]: probe}, read=read)
        return Compiled(plan, done, inputs, outputs, spare)
    except (NotCompilable, MlmgmtError):
        # The graph may fail on this row and still work on others; running it decides.
        return None
