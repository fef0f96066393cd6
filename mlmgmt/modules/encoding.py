"""A fitted preparation as arithmetic: scaling as multiply and add, one-hot as a look-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pandas as pd

from mlmgmt.modules.failures import ModuleFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmgmt.modules.features import Column, Feature

Matrix = np.ndarray[Any, np.dtype[np.float64]]
_GREATEST = np.finfo("float64").max


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric feature: its place among the cells, and `(x - centre) / spread` or `x * factor + shift`."""

    place: int
    factor: float = 1.0
    shift: float = 0.0
    centre: float = 0.0
    spread: float = 1.0

    @property
    def weight(self) -> tuple[float, float]:
        """The factor and the shift that do the same as both forms."""
        factor = self.factor / self.spread
        return factor, self.shift - self.centre * factor


@dataclass(frozen=True, slots=True)
class Category:
    """A categorical feature: its place among the cells, and the column of the matrix for each value."""

    place: int
    name: str
    columns: dict[Any, int]
    first: int
    strict: bool

    def codes(self, column: Sequence[Any] | Column) -> np.ndarray[Any, np.dtype[np.intp]]:
        """Return the place of each value among the categories, -1 for an unknown value."""
        find, none = self.columns.get, self.first - 1
        codes = np.fromiter([find(value, none) for value in column], np.intp, len(column)) - self.first
        if self.strict and (codes < 0).any():
            self.refuse(column[int(np.argmax(codes < 0))])
        return codes

    def refuse(self, value: Any) -> NoReturn:
        message = f"{value!r} is not among the values of {self.name!r} that the model was trained on."
        hint = "The learner does not allow unknown levels. Send a known value, or retrain with unknown levels allowed."
        raise ModuleFailure(message, number="0017", target=self.name, hint=hint)


@dataclass(frozen=True, slots=True)
class Encoding:
    """From cells (float64 with NaN, text or None, in the order of the features) to the estimator's matrix.

    Args:
        other: a scaler that is not a multiply and add, such as binning; it then makes the numeric columns.
    """

    numbers: tuple[Number, ...]
    categories: tuple[Category, ...]
    width: int
    names: tuple[str, ...] = ()
    other: Any = None

    @classmethod
    def of(cls, preparation: Any, features: tuple[Feature, ...]) -> Encoding:
        """Return the encoding of a fitted `features.preparation`."""
        places = {feature.name: place for place, feature in enumerate(features)}
        numbers: tuple[Number, ...] = ()
        categories: list[Category] = []
        other, names, width = None, (), 0
        for name, step, columns in preparation.transformers_:
            if name == "numeric":
                names = tuple(columns)
                numbers, other = _numbers(step, [places[column] for column in columns])
                width = len(numbers)
            elif name == "categorical":
                strict = step.handle_unknown == "error"
                for column, values in zip(columns, step.categories_, strict=True):
                    known = values.tolist()
                    found = {value: width + index for index, value in enumerate(known)}
                    categories.append(Category(places[column], column, found, width, strict))
                    width += len(known)
        return cls(numbers, tuple(categories), width, names, other)

    @property
    def rowwise(self) -> bool:
        """Whether one row can be encoded without arrays."""
        return self.other is None

    def matrix(self, columns: list[Column]) -> Matrix:
        """Return the matrix for n rows, shape (n, width)."""
        count = len(columns[0]) if columns else 0
        matrix = np.zeros((count, self.width))
        if self.other is not None:
            # scikit-learn refuses infinite numbers; the greatest ones fall into the same bins.
            given = {
                name: np.clip(columns[number.place], -_GREATEST, _GREATEST)
                for name, number in zip(self.names, self.numbers, strict=True)
            }
            matrix[:, : len(self.numbers)] = self.other.transform(pd.DataFrame(given))
        else:
            for place, number in enumerate(self.numbers):
                # In the scalers' own order of operations, so that the numbers agree to the last bit.
                column = columns[number.place] * number.factor + number.shift
                matrix[:, place] = (column - number.centre) / number.spread
        rows = np.arange(count)
        for category in self.categories:
            codes = category.codes(columns[category.place])
            known = codes >= 0
            matrix[rows[known], category.first + codes[known]] = 1.0
        return matrix

    def vector(self, cells: Sequence[Any]) -> list[float]:
        """Return the same for one row; a missing number is NaN."""
        values = [0.0] * self.width
        for place, number in enumerate(self.numbers):
            value = cells[number.place]
            values[place] = (value * number.factor + number.shift - number.centre) / number.spread
        for category in self.categories:
            column = category.columns.get(cells[category.place], -1)
            if column >= 0:
                values[column] = 1.0
            elif category.strict:
                category.refuse(cells[category.place])
        return values


def _numbers(step: Any, places: list[int]) -> tuple[tuple[Number, ...], Any]:
    from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

    if isinstance(step, MinMaxScaler) and not step.clip:
        scales = zip(places, step.scale_.tolist(), step.min_.tolist(), strict=True)
        return tuple(Number(place, factor, shift) for place, factor, shift in scales), None
    if isinstance(step, StandardScaler):
        scales = zip(places, step.mean_.tolist(), step.scale_.tolist(), strict=True)
        return tuple(Number(place, centre=centre, spread=spread) for place, centre, spread in scales), None
    plain = tuple(Number(place) for place in places)
    # scikit-learn stores "passthrough" as a FunctionTransformer without a function once it is fitted.
    if step == "passthrough" or (isinstance(step, FunctionTransformer) and step.func is None):
        return plain, None
    return plain, step
