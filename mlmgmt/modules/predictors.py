"""Fitted learners in forms that predict quickly: one row in plain Python, many through NumPy.

A form is derived from the fitted estimator whenever a model is loaded, and never stored. For a table it returns an
array with a line for each row, and for one row a list of the same numbers: the probability of each class, the value
(and its standard deviation, if the learner has one), or the distance to each centre.
"""

from __future__ import annotations

from dataclasses import replace
from math import dist, exp, sqrt
from operator import getitem, itemgetter, mul
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmgmt.modules.encoding import Category, Encoding, Matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmgmt.modules.features import Column, Feature

_FAR = 1e4
"""The greatest shift that is folded into the coefficients; a greater one would cost digits."""
_MOST = 2**26
"""The most bytes of the matrix of the rows that are scored together; with its copies that is at most 256 MB."""


class Form:
    """The estimator itself on a matrix, without the column bookkeeping of a DataFrame: the fallback of every form.

    Args:
        estimator: a fitted pipeline of a preparation and a learner.
        features: the columns that it reads, in their order.
        spread: a regression that returns a mean and a standard deviation.
    """

    def __init__(self, estimator: Any, features: tuple[Feature, ...], *, task: str, spread: bool = False) -> None:
        preparation, self.learner = (step for _, step in estimator.steps)
        self.task, self.spread = task, spread
        self.encoding = Encoding.of(preparation, features)

    def table(self, columns: list[Column]) -> Matrix:
        """Return the numbers of each row, computed in parts that take little memory."""
        count, most = len(columns[0]) if columns else 0, max(1, _MOST // (8 * max(1, self.breadth)))
        if count <= most:
            return self._answer(columns)
        parts = [[column[first : first + most] for column in columns] for first in range(0, count, most)]
        return np.concatenate([self._answer(part) for part in parts])

    @property
    def breadth(self) -> int:
        """How many numbers are held in memory for a row while it is scored."""
        return self.encoding.width

    def _answer(self, columns: list[Column]) -> Matrix:
        matrix = self.encoding.matrix(columns)
        if self.task == "regression":
            return np.asarray(self.learner.predict(matrix), dtype="float64").reshape(-1, 1)
        return np.asarray(self.learner.predict_proba(matrix))

    @property
    def rowwise(self) -> bool:
        """Whether one row is scored without the arrays of a table, which takes microseconds."""
        return type(self) is not Form and self.encoding.rowwise

    def row(self) -> Callable[[Sequence[Any]], list[float]]:
        """Return a function from one row's cells to its numbers."""

        def by_table(cells: Sequence[Any]) -> list[float]:
            columns = [
                np.array([cell], dtype=object if cell is None or isinstance(cell, str) else "float64") for cell in cells
            ]
            found: list[float] = self.table(columns)[0].tolist()
            return found

        return by_table


class Linear(Form):
    """Coefficients and a link; scaling is folded into the coefficients, one-hot columns are look-ups."""

    def __init__(self, estimator: Any, features: tuple[Feature, ...], *, task: str, spread: bool = False) -> None:
        from sklearn.linear_model import PoissonRegressor

        super().__init__(estimator, features, task=task, spread=spread)
        estimator, self._unit = _unwrap(self.learner)
        self._slope: tuple[float, float] | None = None
        if hasattr(estimator, "calibrated_classifiers_"):
            calibrated = estimator.calibrated_classifiers_[0]
            calibrator = calibrated.calibrators[0]
            self._slope = (float(calibrator.a_), float(calibrator.b_))
            estimator = calibrated.estimator
        self._coefficients = np.atleast_2d(np.asarray(estimator.coef_, dtype="float64"))
        self._intercepts = np.broadcast_to(np.asarray(estimator.intercept_, dtype="float64"), len(self._coefficients))
        self._exponential = isinstance(estimator, PoissonRegressor)

    def _answer(self, columns: list[Column]) -> Matrix:
        return self._apply_link(self._scores(columns))

    def _scores(self, columns: list[Column]) -> Matrix:
        if self._unit:
            matrix = self.encoding.matrix(columns)
            length = np.sqrt((matrix**2).sum(axis=1, keepdims=True))
            matrix /= np.where(length == 0, 1.0, length)
            return np.asarray(matrix @ self._coefficients.T + self._intercepts)
        width = len(self.encoding.numbers)
        numeric = replace(self.encoding, categories=(), width=width)
        scores = numeric.matrix(columns) @ self._coefficients[:, :width].T + self._intercepts
        for category in self.encoding.categories:
            stop = category.first + len(category.columns)
            # The code of an unknown value is -1, which picks the last line: zeros.
            weights = np.vstack([self._coefficients[:, category.first : stop].T, np.zeros(len(self._coefficients))])
            scores += weights[category.codes(columns[category.place])]
        return np.asarray(scores)

    def _apply_link(self, scores: Matrix) -> Matrix:
        if self.task == "regression":
            return np.exp(scores) if self._exponential else scores
        if scores.shape[1] == 1:
            from scipy.special import expit

            slope, shift = self._slope or (-1.0, 0.0)
            chance = expit(-(slope * scores[:, 0] + shift))
            return np.column_stack([1 - chance, chance])
        from scipy.special import softmax

        return np.asarray(softmax(scores, axis=1))

    @property
    def rowwise(self) -> bool:
        return super().rowwise and not self._unit and not self._cancels()

    def row(self) -> Callable[[Sequence[Any]], list[float]]:
        if not self.rowwise:
            return super().row()
        sums = [self._sum(index) for index in range(len(self._coefficients))]
        if self.task == "regression":
            return _value_row(sums[0], self._exponential)
        if len(sums) == 1:
            return _chance_row(sums[0], *(self._slope or (-1.0, 0.0)))
        return _softmax_row(sums)

    def _cancels(self) -> bool:
        """Return whether folding the scaling into the coefficients would lose digits.

        It does so for numbers that are far from zero and close to each other.
        """
        return any(abs(number.weight[1]) > _FAR for number in self.encoding.numbers)

    def _sum(self, index: int) -> Callable[[Sequence[Any]], float]:
        coefficients = self._coefficients[index].tolist()
        bias = float(self._intercepts[index])
        weights, places = [], []
        for number, coefficient in zip(self.encoding.numbers, coefficients, strict=False):
            factor, shift = number.weight
            weights.append(coefficient * factor)
            places.append(number.place)
            bias += coefficient * shift
        numbers = picker(places)
        words = picker([category.place for category in self.encoding.categories])
        looks = [_Look(category, coefficients) for category in self.encoding.categories]

        def total(cells: Sequence[Any]) -> float:
            found = sum(map(mul, weights, numbers(cells)), bias)
            return sum(map(getitem, looks, words(cells)), found)

        return total


class _Look(dict[Any, float]):
    """The weight of each value of a categorical feature; an unknown value weighs nothing, or is refused."""

    def __init__(self, category: Category, coefficients: list[float]) -> None:
        super().__init__({value: coefficients[column] for value, column in category.columns.items()})
        self._category = category

    def __missing__(self, value: Any) -> float:
        if self._category.strict:
            self._category.refuse(value)
        return 0.0


def picker(places: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return a function from a sequence to the items at some places."""
    if len(places) == 1:
        (place,) = places
        return lambda cells: (cells[place],)
    return itemgetter(*places) if places else lambda _: ()


def _value_row(total: Callable[[Sequence[Any]], float], exponential: bool) -> Callable[[Sequence[Any]], list[float]]:
    if exponential:
        return lambda cells: [_exp(total(cells))]
    return lambda cells: [total(cells)]


def _chance_row(
    total: Callable[[Sequence[Any]], float], slope: float, shift: float
) -> Callable[[Sequence[Any]], list[float]]:
    def chances(cells: Sequence[Any]) -> list[float]:
        chance = 1 / (1 + _exp(slope * total(cells) + shift))
        return [1 - chance, chance]

    return chances


def _softmax_row(sums: list[Callable[[Sequence[Any]], float]]) -> Callable[[Sequence[Any]], list[float]]:
    def chances(cells: Sequence[Any]) -> list[float]:
        scores = [total(cells) for total in sums]
        most = max(scores)
        powers = [exp(score - most) for score in scores]
        whole = sum(powers)
        return [power / whole for power in powers]

    return chances


def _exp(power: float) -> float:
    return float("inf") if power > 709 else exp(power)


def _unwrap(learner: Any) -> tuple[Any, bool]:
    """Return the estimator behind a projection to the unit sphere, and whether there is one."""
    steps = getattr(learner, "steps", None)
    return (steps[-1][1], True) if steps else (learner, False)


class Network(Form):
    """A perceptron with hidden layers: a few small products of matrices, without the checks around them."""

    def __init__(self, estimator: Any, features: tuple[Feature, ...], *, task: str, spread: bool = False) -> None:
        super().__init__(estimator, features, task=task, spread=spread)
        self._layers = list(zip(self.learner.coefs_, self.learner.intercepts_, strict=True))

    @property
    def breadth(self) -> int:
        return max(self.encoding.width, *(len(biases) for _, biases in self._layers))

    def _answer(self, columns: list[Column]) -> Matrix:
        return self._answers(self.encoding.matrix(columns))

    def row(self) -> Callable[[Sequence[Any]], list[float]]:
        if not self.rowwise:
            return super().row()
        encode, answers = self.encoding.vector, self._answers

        def numbers(cells: Sequence[Any]) -> list[float]:
            found: list[float] = answers(np.array(encode(cells))).tolist()
            return found

        return numbers

    def _answers(self, values: Matrix) -> Matrix:
        """Return the output of the last layer for one row, shape (width,), or for n rows, shape (n, width)."""
        from scipy.special import expit

        *hidden, (weights, biases) = self._layers
        for inner, shifts in hidden:
            values = expit(values @ inner + shifts)
        values = values @ weights + biases
        if self.task == "regression":
            return np.asarray(values)
        if self.learner.out_activation_ == "logistic":
            chance = expit(values[..., 0])
            return np.stack([1 - chance, chance], axis=-1)
        powers = np.exp(values - values.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


class Clusters(Form):
    """Distances to centres."""

    def __init__(self, estimator: Any, features: tuple[Feature, ...], *, task: str, spread: bool = False) -> None:
        super().__init__(estimator, features, task=task, spread=spread)
        estimator, self._unit = _unwrap(self.learner)
        self._centres = np.asarray(estimator.cluster_centers_, dtype="float64")

    @property
    def count(self) -> int:
        return len(self._centres)

    @property
    def breadth(self) -> int:
        return max(self.encoding.width, self.count)

    def _answer(self, columns: list[Column]) -> Matrix:
        from scipy.spatial.distance import cdist

        matrix = self.encoding.matrix(columns)
        if self._unit:
            length = np.sqrt((matrix**2).sum(axis=1, keepdims=True))
            matrix /= np.where(length == 0, 1.0, length)
        return np.asarray(cdist(matrix, self._centres))

    def row(self) -> Callable[[Sequence[Any]], list[float]]:
        if not self.rowwise:
            return super().row()
        centres, encode, unit = self._centres.tolist(), self.encoding.vector, self._unit

        def distances(cells: Sequence[Any]) -> list[float]:
            values = encode(cells)
            if unit:
                length = sqrt(sum(value * value for value in values)) or 1.0
                values = [value / length for value in values]
            return [dist(values, centre) for centre in centres]

        return distances
