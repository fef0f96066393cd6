"""How much features say about a target: the scoring methods of Studio's filter-based feature selection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

Matrix = np.ndarray[Any, np.dtype[np.float64]]

COUNT_BASED = "Count Based"
METHODS = (
    "Pearson Correlation",
    "Mutual Information",
    "Kendall Correlation",
    "Spearman Correlation",
    "Chi Squared",
    "Fisher Score",
    COUNT_BASED,
)


def scores(method: str, values: Matrix, target: pd.Series[Any]) -> Matrix:
    """Return the score of each feature, at least 0; a feature that does not vary has 0.

    Args:
        values: a column for each feature.
        target: rows where it is missing are ignored.
    """
    known = target.notna().to_numpy()
    values, target = values[known], target[known]
    if not len(target):
        return np.zeros(values.shape[1])
    found = _SCORES[method](values, target)
    return np.nan_to_num(np.abs(found), nan=0.0, posinf=np.finfo("float64").max)


def _as_numbers(values: Matrix, target: pd.Series[Any]) -> Matrix:
    """Return the target as numbers, for each feature. A level of a target that is not numeric becomes the mean of the
    feature within it.
    """
    if pd.api.types.is_numeric_dtype(target.dtype):
        return np.broadcast_to(target.to_numpy("float64")[:, None], values.shape)
    codes, levels = pd.factorize(target)
    means = np.vstack([values[codes == level].mean(axis=0) for level in range(len(levels))])
    return np.asarray(means[codes])


def _pearson(values: Matrix, target: pd.Series[Any]) -> Matrix:
    numbers = _as_numbers(values, target)
    left, right = values - values.mean(axis=0), numbers - numbers.mean(axis=0)
    lengths = np.sqrt((left**2).sum(axis=0) * (right**2).sum(axis=0))
    return np.asarray((left * right).sum(axis=0) / np.where(lengths == 0, np.nan, lengths))


def _ranked(statistic: str) -> Callable[[Matrix, pd.Series[Any]], Matrix]:
    def score(values: Matrix, target: pd.Series[Any]) -> Matrix:
        from scipy import stats

        function, numbers = getattr(stats, statistic), _as_numbers(values, target)
        varies = [np.ptp(values[:, place]) > 0 and np.ptp(numbers[:, place]) > 0 for place in range(values.shape[1])]
        found = [
            function(values[:, place], numbers[:, place]).statistic if varies[place] else 0.0
            for place in range(values.shape[1])
        ]
        return np.array(found, dtype="float64")

    return score


def _chi_squared(values: Matrix, target: pd.Series[Any]) -> Matrix:
    from sklearn.feature_selection import chi2

    shifted = values - np.minimum(values.min(axis=0), 0)
    with np.errstate(all="ignore"):
        return np.asarray(chi2(shifted, pd.factorize(target)[0])[0])


def _fisher(values: Matrix, target: pd.Series[Any]) -> Matrix:
    """Return the variance between the classes by the variance within them."""
    codes, levels = pd.factorize(target)
    mean = values.mean(axis=0)
    between, within = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for level in range(len(levels)):
        part = values[codes == level]
        between += len(part) * (part.mean(axis=0) - mean) ** 2
        within += len(part) * part.var(axis=0)
    with np.errstate(all="ignore"):
        return np.asarray(np.where(between == 0, 0.0, between / within))


def _mutual_information(values: Matrix, target: pd.Series[Any]) -> Matrix:
    """Return the mutual information of the target with each feature in ten bins of equal width."""
    from sklearn.metrics import mutual_info_score

    codes = pd.factorize(target)[0]
    if pd.api.types.is_float_dtype(target.dtype):
        codes = pd.cut(target, 10, labels=False).to_numpy()
    found = [
        mutual_info_score(codes, pd.cut(values[:, place], 10, labels=False)) if np.ptp(values[:, place]) > 0 else 0.0
        for place in range(values.shape[1])
    ]
    return np.array(found, dtype="float64")


_SCORES: dict[str, Callable[[Matrix, pd.Series[Any]], Matrix]] = {
    "Pearson Correlation": _pearson,
    "Mutual Information": _mutual_information,
    "Kendall Correlation": _ranked("kendalltau"),
    "Spearman Correlation": _ranked("spearmanr"),
    "Chi Squared": _chi_squared,
    "Fisher Score": _fisher,
}
