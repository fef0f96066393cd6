"""The steps of a compiled graph for many rows, column by column: they do the same as those of `cellwise` for one row.

A column is a list of cells like those of a row, so both ways share the code for single cells. Only scores are computed
for all rows together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from mlmgmt.learning.cellwise import Cells, NotCompilable, Reader, is_plain
from mlmgmt.modules.base import Fill
from mlmgmt.modules.features import complete_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmgmt.modules.learners import Trained

_NAN = float("nan")


def read(reader: Reader, columns: Sequence[Sequence[Any]]) -> list[Cells]:
    """Return the values of a request's columns, in declared order."""
    return list(map(_convert_column, reader.kinds, reader.converters, columns))


def _convert_column(kind: type, convert: Callable[[Any], Any], cells: Sequence[Any]) -> Cells:
    found = set(map(type, cells))
    if found <= {kind, type(None)}:
        present = cells if found == {kind} else [cell for cell in cells if cell is not None]
        if is_plain(kind, present):
            missing = None if kind is str else _NAN
            return [*cells] if len(present) == len(cells) else [missing if cell is None else cell for cell in cells]
    if found == {str}:
        # The strings of a column often repeat, so convert each one once.
        converted = {cell: convert(cell) for cell in set(cells)}
        return [converted[cell] for cell in cells]
    return [convert(cell) for cell in cells]


def change_step(changes: Sequence[tuple[int, Callable[[Any], Any]]]) -> Callable[[list[Cells]], None]:
    """Return a step that appends a changed copy of some columns, in order."""

    def change(columns: list[Cells]) -> None:
        columns += [_change_column(columns[place], function) for place, function in changes]

    return change


def _change_column(column: Cells, change: Callable[[Any], Any]) -> Cells:
    if isinstance(change, Fill):
        value = change.value
        return [value if cell is None or cell != cell else cell for cell in column]
    changed = map(change, column)
    return [value.item() if isinstance(value, np.generic) else value for value in changed]


def score_step(trained: Trained, places: Sequence[int]) -> Callable[[list[Cells]], None]:
    """Return a step that appends the score columns of a model, whose features are in the columns `places`.

    The step raises NotCompilable for rows that the model leaves unscored.
    """
    finish = _finisher(trained)
    read = [(place, feature.numeric) for place, feature in zip(places, trained.features, strict=True)]

    def score(columns: list[Cells]) -> None:
        # Strings are only looked up one by one, so a list is as fast as an array.
        cells: list[Any] = [
            np.array(columns[place], "float64") if numeric else columns[place] for place, numeric in read
        ]
        if trained.complete and not complete_rows(cells, trained.features).all():
            raise NotCompilable("some rows lack numbers that the model needs")
        columns += finish(trained.compiled.table(cells))

    return score


def write_cells(column: Cells, write: Callable[[Any], str | None]) -> list[str | None]:
    """Return the cells of a column as text; `write` converts one cell."""
    if set(map(type, column)) == {float}:
        # orjson is much faster, and its digits are the same as Python's where neither writes an exponent.
        words = orjson.dumps(column).decode()[1:-1].split(",")
        return [word if 1e-4 <= cell < 1e16 else write(cell) for word, cell in zip(words, column, strict=True)]
    return [write(cell) for cell in column]


def _finisher(trained: Trained) -> Callable[[Any], list[Cells]]:
    """Return the function from the compiled model's numbers (a line for each row) to the score columns."""
    classes = trained.classes
    if trained.task == "binary":
        low, high = classes
        return lambda chances: [
            [high if likely else low for likely in (chances[:, 1] > 0.5).tolist()],
            chances[:, 1].tolist(),
        ]
    if trained.task == "multiclass":
        return lambda chances: [*chances.T.tolist(), [classes[place] for place in chances.argmax(axis=1).tolist()]]
    if trained.task == "clustering":
        return lambda distances: [distances.argmin(axis=1).tolist(), *distances.T.tolist()]
    return lambda values: list(values.T.tolist())
