"""What a compiled graph does to the cells of many rows: the same as `cellwise` does to those of one, column by column.

A column is a list of cells like those of a row, so that both ways read, change and write alike; scores alone are worked
out for all rows at once.
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
    """The values of a request's columns, in the order of those that are declared."""
    return list(map(_convert_column, reader.kinds, reader.converters, columns))


def _convert_column(kind: type, convert: Callable[[Any], Any], cells: Sequence[Any]) -> Cells:
    found = set(map(type, cells))
    if found <= {kind, type(None)}:
        present = cells if found == {kind} else [cell for cell in cells if cell is not None]
        if is_plain(kind, present):
            missing = None if kind is str else _NAN
            return [*cells] if len(present) == len(cells) else [missing if cell is None else cell for cell in cells]
    if found == {str}:
        # The words of a column come again and again.
        converted = {cell: convert(cell) for cell in set(cells)}
        return [converted[cell] for cell in cells]
    return [convert(cell) for cell in cells]


def change_step(changes: Sequence[tuple[int, Callable[[Any], Any]]]) -> Callable[[list[Cells]], None]:
    """A step that adds the changed columns of some places, in their order."""

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
    """A step that adds the score columns of a model, whose features stand at these places.

    It raises NotCompilable for rows that the model leaves unscored.
    """
    finish = _finisher(trained)
    read = [(place, feature.numeric) for place, feature in zip(places, trained.features, strict=True)]

    def score(columns: list[Cells]) -> None:
        # Words are only looked up, one after another, for which a list is as good as an array.
        cells: list[Any] = [
            np.array(columns[place], "float64") if numeric else columns[place] for place, numeric in read
        ]
        if trained.complete and not complete_rows(cells, trained.features).all():
            raise NotCompilable("some rows miss numbers that the model needs")
        columns += finish(trained.compiled.table(cells))

    return score


def write_cells(column: Cells, write: Callable[[Any], str | None]) -> list[str | None]:
    """The cells of a column as text; `write` does it for one."""
    if set(map(type, column)) == {float}:
        # Where neither writes an exponent, orjson's digits are Python's, and come much faster.
        words = orjson.dumps(column).decode()[1:-1].split(",")
        return [word if 1e-4 <= cell < 1e16 else write(cell) for word, cell in zip(words, column, strict=True)]
    return [write(cell) for cell in column]


def _finisher(trained: Trained) -> Callable[[Any], list[Cells]]:
    """From the form's numbers, a line for each row, to the score columns."""
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
