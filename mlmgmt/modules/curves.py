"""What a report draws for scored rows: curves, confusion and residuals, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmgmt.modules.evaluation import chances, class_places, numbers, positives, usable
from mlmgmt.modules.learners import LABELS, MEAN

if TYPE_CHECKING:
    import pandas as pd

    from mlmgmt.modules.base import Scored
    from mlmgmt.modules.evaluation import Numbers

_MOST_POINTS, _BINS = 200, 20


@dataclass(frozen=True, slots=True)
class BinaryCurves:
    """The curves of a two-class model, empty if all rows are of one class; the counts are for a threshold of 0.5.

    Args:
        roc: false positive rate and true positive rate, from (0, 0) to (1, 1).
        precision_recall: recall and precision, from the highest recall to the lowest.
    """

    negative: str
    positive: str
    roc: list[tuple[float, float]]
    precision_recall: list[tuple[float, float]]
    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int


@dataclass(frozen=True, slots=True)
class MulticlassCurves:
    """How often each class (a line) was predicted as each class (a column)."""

    classes: list[str]
    confusion: list[list[int]]


@dataclass(frozen=True, slots=True)
class RegressionCurves:
    """The residuals of a regression.

    Args:
        points: truth, prediction and residual (truth less prediction) of some rows.
        edges: the edges of the bins in the histogram of all residuals, one more than `counts`.
    """

    points: list[tuple[float, float, float]]
    edges: list[float]
    counts: list[int]


def curves(
    label: pd.Series[Any], scores: pd.DataFrame, scored: Scored
) -> BinaryCurves | MulticlassCurves | RegressionCurves | None:
    """Return what to draw for scores against labels with the same index; None for a clustering.

    Raises:
        ModuleFailure: as `evaluation.compare` does.
    """
    if scored.task == "clustering":
        return None
    label, scores = usable(label, scores, scored)
    if scored.task == "binary":
        return _binary(positives(label, scored), chances(scores), scored)
    if scored.task == "regression":
        return _regression(numbers(label), numbers(scores[MEAN if scored.spread else LABELS]))
    truth, chosen, classes = class_places(label, scores[LABELS], scored)
    size = len(classes)
    confusion = np.bincount(truth * size + chosen, minlength=size * size).reshape(size, size)
    return MulticlassCurves([str(name) for name in classes], confusion.tolist())


def _binary(truth: np.ndarray[Any, np.dtype[np.bool_]], chance: Numbers, scored: Scored) -> BinaryCurves:
    from sklearn.metrics import precision_recall_curve, roc_curve

    roc: list[tuple[float, float]] = []
    trade: list[tuple[float, float]] = []
    if truth.any() and not truth.all():
        roc = _thin(*roc_curve(truth, chance)[:2])
        precision, recall, _ = precision_recall_curve(truth, chance, drop_intermediate=True)
        trade = _thin(recall, precision)
    chosen = chance > 0.5
    return BinaryCurves(
        negative=str(scored.classes[0]),
        positive=str(scored.classes[1]),
        roc=roc,
        precision_recall=trade,
        true_positive=int((truth & chosen).sum()),
        false_negative=int((truth & ~chosen).sum()),
        false_positive=int((~truth & chosen).sum()),
        true_negative=int((~truth & ~chosen).sum()),
    )


def _thin(x: Numbers, y: Numbers) -> list[tuple[float, float]]:
    """Return at most `_MOST_POINTS` points of a curve, both ends included, spread about evenly along its length."""
    places = np.arange(len(x))
    if len(x) > _MOST_POINTS:
        length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
        steps = np.searchsorted(length, np.linspace(0, length[-1], _MOST_POINTS - 1))
        places = np.unique([*steps.clip(max=len(x) - 1), len(x) - 1])
    return list(zip(x[places].tolist(), y[places].tolist(), strict=True))


def _regression(truth: Numbers, value: Numbers) -> RegressionCurves:
    finite = np.isfinite(truth) & np.isfinite(value)
    truth, value = truth[finite], value[finite]
    residual = truth - value
    places = np.arange(len(truth))
    if len(truth) > _MOST_POINTS:
        places = np.sort(np.random.default_rng(0).choice(len(truth), _MOST_POINTS, replace=False))
    columns = (column[places].tolist() for column in (truth, value, residual))
    counts, edges = np.histogram(residual, bins=_BINS, range=_range(residual))
    return RegressionCurves(list(zip(*columns, strict=True)), edges.tolist(), counts.tolist())


def _range(residual: Numbers) -> tuple[float, float]:
    """Return the least and the greatest residual, moved apart if they are too close for bins between them."""
    if len(residual) == 0:
        return -0.5, 0.5
    low, high = float(residual.min()), float(residual.max())
    room = 1e-9 * max(abs(low), abs(high))
    return (low, high) if high - low > room else (low - max(room, 0.5), high + max(room, 0.5))
