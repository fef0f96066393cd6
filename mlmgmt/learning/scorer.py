"""A scoring definition, prepared once to answer many requests: by its compiled form, or by running its graph."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest
from mlmgmt.learning import answers, compiled, runner, tables
from mlmgmt.learning.plan import GraphPlan
from mlmgmt.modules.base import Dataset
from mlmgmt.protocol.columns import placeholder_row

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from mlmgmt.learning.compiled import Answer as Answer
    from mlmgmt.learning.tables import Cells, Specification
    from mlmgmt.modules.base import GraphAccess


class Scorer:
    """A prepared scoring definition. Keep it to score again with the same graph and models.

    Args:
        document: a canonical, checked definition.
        read: returns the trained model, transformation or dataset of a Resource asset.
        outside: access for modules that read or write outside the graph.
        labels: columns that were predicted in training; the rows may lack them without a note.

    Raises:
        ModuleNotSupported: the catalogue lacks a module.
        BadRequest: the graph cannot be run.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        read: Callable[[str], Any],
        *,
        outside: GraphAccess | None = None,
        labels: Collection[str] = (),
    ) -> None:
        self.plan = GraphPlan(document)
        self._read, self._outside, self._labels = read, outside, labels
        properties = document["properties"]
        self._inputs: Mapping[str, Specification] = properties.get("input", {}).get("properties") or {}
        self._outputs: Mapping[str, Specification] = properties.get("output", {}).get("properties") or {}

    @cached_property
    def compiled(self) -> compiled.Compiled | None:
        """The compiled form; None if the graph has none."""
        if not compiled.is_candidate(self.plan):
            return None
        (name,) = self.plan.needs_inputs()
        specification = self._inputs.get(name, {})
        example = ((self.plan.document["properties"].get("exampleRequest") or {}).get("inputs") or {}).get(name)
        try:
            row = example[0] if example else placeholder_row(specification.get("properties") or {})
            cells = tables.from_rows([row], specification, name)
            probe, _ = tables.to_dataset(cells, specification)
        except BadRequest:
            return None
        return compiled.compile_graph(
            self.plan, probe, read=self._read, inputs=self._inputs, outputs=self._outputs, spare=self._labels
        )

    def answer(self, cells: Mapping[str, Cells], parameters: Mapping[str, Any] | None = None) -> Answer:
        """Return the tables that answer a request (by output: names, types and cells as text), and notes about it.

        Args:
            cells: the cells of each input.
            parameters: values of the web service parameters, by name.

        Raises:
            BadRequest: the cells do not fit the input, or the answer does not fit the output; see also `runner.run`.
        """
        found = None if parameters else self._compiled_answer(cells)
        return self.run(cells, parameters) if found is None else found

    @property
    def is_instant(self) -> bool:
        """Whether the compiled form answers without calling an estimator, which takes only microseconds."""
        return self.compiled is not None and not self.compiled.asks_estimator

    @property
    def is_rowwise(self) -> bool:
        """Whether each row is answered independently, so that rows of several requests can be answered together."""
        return self.compiled is not None

    def quick(self, cells: Mapping[str, Cells]) -> Answer | None:
        """Return the compiled form's answer to a few rows without parameters; None if `answer` must be called."""
        return self._compiled_answer(cells, most=compiled.MOST_ROWS)

    def _compiled_answer(self, cells: Mapping[str, Cells], most: int | None = None) -> Answer | None:
        form = self.compiled
        if form is None or len(cells) != 1:
            return None
        ((name, table),) = cells.items()
        count = len(table.rows)
        if name != form.input or count == 0 or (most is not None and count > most):
            return None
        try:
            if count > (1 if form.asks_estimator else compiled.MOST_ROWS):
                return form.answer_many(table)
            return form.answer(table)
        except Exception:
            # Whatever is wrong, running the graph reports it in the service's words.
            return None

    def run(self, cells: Mapping[str, Cells], parameters: Mapping[str, Any] | None = None) -> Answer:
        """Answer by running the graph; see `answer`."""
        inputs, notes = {}, []
        for name, table in cells.items():
            inputs[name], more_notes = tables.to_dataset(table, self._inputs.get(name), spare=self._labels)
            notes += more_notes
        done = runner.run(self.plan, inputs, read=self._read, parameters=parameters, outside=self._outside)
        tables_ = {
            output: answers.answer(value, self._outputs.get(output))
            for output, value in done.outputs.items()
            if isinstance(value, Dataset)
        }
        return tables_, notes
