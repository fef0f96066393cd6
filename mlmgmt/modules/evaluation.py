"""The metrics of scored rows, with the names that Evaluate Model uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.modules.base import ModuleFailure
from mlmgmt.modules.learners import ASSIGNMENTS, DEVIATION, DISTANCE, LABELS, MEAN, PROBABILITIES, underlying

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmgmt.modules.base import Dataset, Scored

Numbers = np.ndarray[Any, np.dtype[np.float64]]

BINARY = ("Accuracy", "Precision", "Recall", "F-Score", "AUC", "Average Log Loss", "Training Log Loss")
MULTICLASS = (
    "Overall accuracy",
    "Average accuracy",
    "Micro-averaged precision",
    "Macro-averaged precision",
    "Micro-averaged recall",
    "Macro-averaged recall",
)
REGRESSION = (
    "Negative Log Likelihood",
    "Mean Absolute Error",
    "Root Mean Squared Error",
    "Relative Absolute Error",
    "Relative Squared Error",
    "Coefficient of Determination",
)
CLUSTERING = (
    "Average Distance to Cluster Center",
    "Average Distance to Other Center",
    "Number of Points",
    "Maximal Distance To Cluster Center",
)
METRICS = {"binary": BINARY, "multiclass": MULTICLASS, "regression": REGRESSION, "clustering": CLUSTERING}
"""The metrics of each task, in display order."""
# Training Log Loss is Studio's name for the advantage over guessing the prior, so more is better.
_MORE_IS_BETTER = frozenset(
    (*BINARY, *MULTICLASS, "Coefficient of Determination", "Average Distance to Other Center", "Number of Points")
) - {"Average Log Loss"}
HEADLINE = {
    "binary": "AUC",
    "multiclass": "Overall accuracy",
    "regression": "Root Mean Squared Error",
    "clustering": "Average Distance to Cluster Center",
}
"""The metric to show where there is room for one."""
_SMALLEST_DEVIATION = 1e-3


def more_is_better(metric: str) -> bool:
    """Return whether a greater value of a metric is better."""
    return metric in _MORE_IS_BETTER


def is_better(metric: str, new: float, old: float) -> bool:
    """Return whether a new value of a metric is better than the old one; equal is not better."""
    return new > old if more_is_better(metric) else new < old


def evaluate(dataset: Dataset) -> list[dict[str, Any]]:
    """Return the rows that Evaluate Model shows for a scored dataset.

    That is one row; for a clustering, one for all clusters together and one for each. Rows of the dataset without a
    score or a label do not count.

    Raises:
        ModuleFailure: the dataset was not scored, lacks the label, or no row has both.
    """
    if dataset.scored is None:
        message = "The dataset has no scores."
        raise ModuleFailure(message, target="Scored dataset", hint="Connect the output of Score Model.")
    scored, frame = dataset.scored, dataset.frame
    if scored.task == "clustering":
        return _clusters(*_distances(frame))
    if scored.label not in frame.columns:
        message = f"The scored dataset has no label column {scored.label!r} to compare with."
        raise ModuleFailure(message, number="0024", target="Scored dataset")
    return [compare(frame[scored.label], frame, scored)]


def compare(label: pd.Series[Any], scores: pd.DataFrame, scored: Scored) -> dict[str, float]:
    """Return the metrics of scores against labels with the same index.

    A clustering has no labels to compare with, and is measured as a whole.

    Raises:
        ModuleFailure: a score column is missing or is not numeric, no row has both a label and a score, or the model
            does not know the labels.
    """
    if scored.task == "clustering":
        return {name: float(value) for name, value in _clusters(*_distances(scores))[0].items() if name in CLUSTERING}
    label, scores = usable(label, scores, scored)
    if scored.task == "regression":
        truth, value = numbers(label), numbers(scores[MEAN if scored.spread else LABELS])
        return _regression(truth, value, numbers(scores[DEVIATION]) if scored.spread else None)
    if scored.task == "binary":
        return _binary(positives(label, scored), chances(scores))
    return _multiclass(*class_places(label, scores[LABELS], scored)[:2])


def usable(label: pd.Series[Any], scores: pd.DataFrame, scored: Scored) -> tuple[pd.Series[Any], pd.DataFrame]:
    """Return the labels and the score columns of the rows that have both; raises as `compare` does."""
    if scored.spread:
        scores = _required_columns(scores, [MEAN, DEVIATION])
    else:
        scores = _required_columns(scores, [LABELS, PROBABILITIES] if scored.task == "binary" else [LABELS])
    if not label.index.equals(scores.index):
        label = label.reindex(scores.index)
    both = label.notna() & scores.notna().all(axis=1)
    if not both.any():
        raise ModuleFailure("No row has both a label and a score.", number="0134", target=scored.label)
    return label[both], scores[both]


def _required_columns(scores: pd.DataFrame, needed: Sequence[str]) -> pd.DataFrame:
    if missing := [name for name in needed if name not in scores.columns]:
        message = f"The scored dataset lacks {', '.join(map(repr, missing))}."
        hint = "Keep the columns that Score Model adds."
        raise ModuleFailure(message, number="0001", target="Scored dataset", hint=hint)
    return scores[list(needed)]


def numbers(column: pd.Series[Any]) -> Numbers:
    """Return a column as numbers.

    Raises:
        ModuleFailure: a value is not a number.
    """
    try:
        return np.asarray(column.astype("float64").to_numpy(dtype="float64", na_value=np.nan), dtype="float64")
    except (ValueError, TypeError):
        message = f"The column {column.name!r} must contain numbers."
        raise ModuleFailure(message, number="0017", target=str(column.name)) from None


def chances(scores: pd.DataFrame) -> Numbers:
    """Return the probabilities of the positive class.

    Raises:
        ModuleFailure: a value is not a probability.
    """
    found = numbers(scores[PROBABILITIES])
    if not ((found >= 0) & (found <= 1)).all():
        message = f"{PROBABILITIES!r} must contain numbers from 0 to 1."
        raise ModuleFailure(message, number="0018", target=PROBABILITIES)
    return found


def positives(label: pd.Series[Any], scored: Scored) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which labels are the positive one of a model's two classes.

    Raises:
        ModuleFailure: a label is neither of the two.
    """
    places, classes = _places(label, list(scored.classes))
    if len(classes) > 2:
        raise _unknown_labels(classes[2:], scored)
    return np.asarray(places == 1)


def class_places(
    label: pd.Series[Any], predicted: pd.Series[Any], scored: Scored
) -> tuple[np.ndarray[Any, np.dtype[np.intp]], np.ndarray[Any, np.dtype[np.intp]], list[Any]]:
    """Return labels and predictions as places in a list of classes, and that list.

    The list has the model's classes first, then the labels that the model does not know.

    Raises:
        ModuleFailure: the model knows none of the labels, and their type differs from that of its classes.
    """
    truth, classes = _places(label, list(scored.classes))
    unknown = classes[len(scored.classes) :]
    if (truth >= len(scored.classes)).all() and not set(map(type, unknown)) & set(map(type, scored.classes)):
        raise _unknown_labels(unknown, scored)
    answers, classes = _places(predicted, classes)
    return truth, answers, classes


def _places(column: pd.Series[Any], classes: list[Any]) -> tuple[np.ndarray[Any, np.dtype[np.intp]], list[Any]]:
    codes, values = pd.factorize(underlying(column).astype("object"))
    known = {value: place for place, value in enumerate(classes)}
    for value in values:
        known.setdefault(value, len(known))
    return np.array([known[value] for value in values], dtype=np.intp)[codes], list(known)


def _unknown_labels(values: list[Any], scored: Scored) -> ModuleFailure:
    unknown = ", ".join(sorted(map(repr, values))[:5])
    message = f"{scored.label!r} contains labels that the model does not know: {unknown}."
    hint = f"The model knows: {', '.join(map(repr, scored.classes))}."
    return ModuleFailure(message, number="0018", target=scored.label, hint=hint)


def _binary(truth: np.ndarray[Any, np.dtype[np.bool_]], chance: Numbers) -> dict[str, float]:
    from sklearn.metrics import log_loss, roc_auc_score

    chosen = chance > 0.5
    hits = float((truth & chosen).sum())
    precision, recall = _ratio(hits, float(chosen.sum())), _ratio(hits, float(truth.sum()))
    both = truth.any() and not truth.all()
    loss = float(log_loss(truth, chance, labels=[False, True]))
    prior = float(truth.mean())
    entropy = -(prior * np.log(prior) + (1 - prior) * np.log(1 - prior)) if both else float("nan")
    values = (
        float((truth == chosen).mean()),
        precision,
        recall,
        _ratio(2 * precision * recall, precision + recall),
        float(roc_auc_score(truth, chance)) if both else float("nan"),
        loss,
        float(100 * (1 - loss / entropy)) if both else float("nan"),
    )
    return dict(zip(BINARY, values, strict=True))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _multiclass(
    truth: np.ndarray[Any, np.dtype[np.intp]], chosen: np.ndarray[Any, np.dtype[np.intp]]
) -> dict[str, float]:
    """Return the metrics. A class that is neither actual nor predicted does not count; a share of nothing is 0."""
    size = int(max(truth.max(), chosen.max())) + 1
    hits = np.bincount(truth[truth == chosen], minlength=size)
    actual, predicted = np.bincount(truth, minlength=size), np.bincount(chosen, minlength=size)
    counts = (actual + predicted) > 0
    overall = float(hits.sum() / len(truth))
    values = (
        overall,
        1 - 2 * (1 - overall) / int(counts.sum()),
        overall,
        float((hits / np.maximum(predicted, 1))[counts].mean()),
        overall,
        float((hits / np.maximum(actual, 1))[counts].mean()),
    )
    return dict(zip(MULTICLASS, values, strict=True))


def _regression(truth: Numbers, value: Numbers, deviation: Numbers | None) -> dict[str, float]:
    with np.errstate(all="ignore"):
        error, spread = truth - value, truth - truth.mean()
        absolute, squared = float(np.abs(spread).sum()), float((spread**2).sum())
        relative = float((error**2).sum()) / squared if squared else float("nan")
        values = (
            # Only learners with a likelihood have this metric; Studio shows Infinity for the others.
            float("inf") if deviation is None else _negative_log_likelihood(error, deviation, float(truth.std())),
            float(np.abs(error).mean()),
            float(np.sqrt((error**2).mean())),
            float(np.abs(error).sum()) / absolute if absolute else float("nan"),
            relative,
            1 - relative,
        )
    return dict(zip(REGRESSION, values, strict=True))


def _negative_log_likelihood(error: Numbers, deviation: Numbers, whole: float) -> float:
    """Return the sum over the rows, each of which has its own normal distribution.

    A forest whose trees agree gives a deviation of zero, under which a likelihood is zero or infinite. So a deviation
    counts as at least a thousandth of the labels' deviation.
    """
    deviation = np.maximum(deviation, _SMALLEST_DEVIATION * whole)
    if (deviation <= 0).any():
        return float("inf")
    return float((0.5 * np.log(2 * np.pi * deviation**2) + error**2 / (2 * deviation**2)).sum())


def _distances(scores: pd.DataFrame) -> tuple[np.ndarray[Any, np.dtype[np.intp]], Numbers]:
    """Return the cluster of each row that has one, and the row's distance to each centre."""
    count = sum(DISTANCE.format(place) in scores.columns for place in range(len(scores.columns)))
    names = [DISTANCE.format(place) for place in range(max(count, 1))]
    present = _required_columns(scores, [ASSIGNMENTS, *names])
    present = present[present.notna().all(axis=1)]
    if present.empty:
        raise ModuleFailure("No row has been assigned to a cluster.", number="0134", target="Scored dataset")
    nearest = numbers(present[ASSIGNMENTS])
    if not np.isin(nearest, range(count)).all():
        message = f"{ASSIGNMENTS!r} must contain clusters from 0 to {count - 1}, which have distances."
        raise ModuleFailure(message, number="0018", target="Scored dataset")
    return nearest.astype(np.intp), np.column_stack([numbers(present[name]) for name in names])


def _clusters(nearest: np.ndarray[Any, np.dtype[np.intp]], distances: Numbers) -> list[dict[str, Any]]:
    """Return a row for all clusters together and one for each.

    The "other" centre of a row is the nearest centre of another cluster.
    """
    own = distances[np.arange(len(nearest)), nearest]
    others = distances.copy()
    others[np.arange(len(nearest)), nearest] = np.inf
    other = others.min(axis=1) if distances.shape[1] > 1 else np.full(len(nearest), np.nan)
    rows = [_cluster("Combined Evaluation", own, other)]
    for place in range(distances.shape[1]):
        mine = nearest == place
        rows.append(_cluster(f"Evaluation For Cluster No.{place}", own[mine], other[mine]))
    return rows


def _cluster(description: str, own: Numbers, other: Numbers) -> dict[str, Any]:
    some = len(own) > 0
    values = (
        float(own.mean()) if some else float("nan"),
        float(other.mean()) if some else float("nan"),
        len(own),
        float(own.max()) if some else float("nan"),
    )
    return {"Result Description": description, **dict(zip(CLUSTERING, values, strict=True))}
