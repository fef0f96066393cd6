"""The steps of a compiled graph for the cells of one row: read, change, score and write them.

A row is a list of values: a missing number is NaN, a missing text None. Computed values are appended.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmgmt.learning import conversion
from mlmgmt.modules.base import Fill
from mlmgmt.modules.learners import LABELS
from mlmgmt.modules.predictors import picker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlmgmt.modules.learners import Trained

Cells = list[Any]
_NAN = float("nan")
_KINDS: dict[Any, type] = {
    conversion.number: float,
    conversion.integer: int,
    conversion.boolean: bool,
    conversion.text: str,
}


class NotCompilable(Exception):
    """The graph does more than compute cells from cells, so it must be run."""


class Reader:
    """Converts a request's row, in the order of the declared columns, to values of their types.

    Rows in which all cells already have their types, as in JSON, are recognised as a whole; other rows are converted
    cell by cell.
    """

    def __init__(self, declared: Mapping[str, Any]) -> None:
        converters = [conversion.converter(column) for column in declared.values()]
        if None in converters:
            raise NotCompilable("a column is a date")
        self.kinds = [_KINDS[convert] for convert in converters]
        self.converters = [_cell_converter(convert) for convert in converters if convert is not None]
        self._numbers, self._words, self._whole = (
            picker([place for place, kind in enumerate(self.kinds) if kind is wanted]) for wanted in (float, str, int)
        )

    def __call__(self, row: Sequence[Any]) -> tuple[Cells, bool]:
        """Return the values, and whether none is known to be missing."""
        if [*map(type, row)] == self.kinds and self._plain(row):
            return [*row], True
        return [convert(cell) for convert, cell in zip(self.converters, row, strict=True)], False

    def _plain(self, row: Sequence[Any]) -> bool:
        numbers, words, whole = self._numbers(row), self._words(row), self._whole(row)
        return is_plain(float, numbers) and is_plain(str, words) and is_plain(int, whole)


def is_plain(kind: type, cells: Sequence[Any]) -> bool:
    """Whether cells of one type are plain: no infinite or missing number, no blank text, no integer beyond 64 bits."""
    if kind is float:
        return isfinite(sum(cells))
    if kind is str:
        return all(map(str.strip, cells))
    return kind is not int or not cells or -(2**63) <= min(cells) <= max(cells) < 2**63


def _cell_converter(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    if convert is conversion.text:
        return lambda value: None if conversion.is_missing(value) else conversion.text(value)
    return lambda value: _NAN if conversion.is_missing_number(value) else convert(value)


def change_step(changes: Sequence[tuple[int, Callable[[Any], Any]]]) -> Callable[[Cells], None]:
    """Return a step that appends the changed cells of some places, in order."""
    if all(isinstance(change, Fill) for _, change in changes):
        fills = [(place, change.value) for place, change in changes if isinstance(change, Fill)]

        def fill(cells: Cells) -> None:
            cells += [value if (cell := cells[place]) is None or cell != cell else cell for place, value in fills]

        return fill

    def change(cells: Cells) -> None:
        for place, function in changes:
            value = function(cells[place])
            cells.append(value.item() if isinstance(value, np.generic) else value)

    return change


def score_step(trained: Trained, places: Sequence[int]) -> Callable[[Cells], None]:
    """Return a step that appends the scores of a model, whose features are the cells at `places`."""
    numbers, finish, pick = trained.compiled.row(), _finisher(trained), picker(places)
    labelled = trained.task not in ("regression", "clustering")
    words = labelled and trained.label_type not in ("Integer", "Double", "Boolean")
    nothing = [None if name == LABELS and words else _NAN for name in trained.score_columns()]
    complete = trained.complete

    def score(cells: Cells) -> None:
        values = numbers(pick(cells))
        # If a cell is missing, a learner that needs complete rows returns only NaN.
        cells += nothing if complete and values[0] != values[0] else finish(values)

    return score


def _finisher(trained: Trained) -> Callable[[list[float]], list[Any]]:
    """Return the function from the compiled model's numbers to the score columns."""
    classes = trained.classes
    if trained.task == "binary":
        low, high = classes
        return lambda chances: [high if chances[1] > 0.5 else low, chances[1]]
    if trained.task == "multiclass":
        return lambda chances: [*chances, classes[max(range(len(chances)), key=chances.__getitem__)]]
    if trained.task == "clustering":
        return lambda distances: [min(range(len(distances)), key=distances.__getitem__), *distances]
    return lambda values: values


def writer(kind: str) -> Callable[[Any], str | None]:
    """Return the function from a value to the text in an answer; `kind` is Studio's name of the column's type."""
    if kind == "Double":
        return lambda value: repr(value) if value == value else None
    if kind in ("Integer", "Boolean"):
        return lambda value: str(value) if value == value else None
    return lambda value: value if value.__class__ is str or value is None else str(value)
