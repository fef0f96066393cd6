"""How good scored rows are, by the metrics and the spelling of Evaluate Model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlmgmt.modules.base import ModuleFailure
from mlmgmt.modules.learners import LABELS, PROBABILITIES

if TYPE_CHECKING:
    import pandas as pd

    from mlmgmt.modules.base import Dataset, Scored

BINARY = ("Accuracy", "Precision", "Recall", "F-Score", "AUC", "Average Log Loss", "Training Log Loss")
REGRESSION = (
    "Negative Log Likelihood",
    "Mean Absolute Error",
    "Root Mean Squared Error",
    "Relative Absolute Error",
    "Relative Squared Error",
    "Coefficient of Determination",
)
# Training Log Loss is Studio's name for the advantage over guessing the prior, so more is better.
_MORE_IS_BETTER = frozenset((*BINARY, "Coefficient of Determination")) - {"Average Log Loss"}
HEADLINE = {"binary": "AUC", "regression": "Root Mean Squared Error"}
"""The metric that is shown when one must do."""


def more_is_better(metric: str) -> bool:
    """The direction of a metric."""
    return metric in _MORE_IS_BETTER


def evaluate(dataset: Dataset) -> dict[str, float]:
    """The metrics of a scored dataset; rows without a score or a label do not count.

    Raises:
        ModuleFailure: the dataset was not scored, lacks the label, or no row has both.
    """
    if dataset.scored is None or LABELS not in dataset.frame.columns:
        message = "The dataset holds no scores."
        raise ModuleFailure(message, target="Scored dataset", hint="Connect the output of Score Model.")
    scored = dataset.scored
    if scored.label not in dataset.frame.columns:
        message = f"The scored dataset has no label column {scored.label!r} to compare with."
        raise ModuleFailure(message, number="0024", target="Scored dataset")
    return compare(dataset.frame[scored.label], dataset.frame, scored)


def compare(label: pd.Series[Any], scores: pd.DataFrame, scored: Scored) -> dict[str, float]:
    """The metrics of scores against labels with the same index.

    Raises:
        ModuleFailure: no row has both.
    """
    label = label.reindex(scores.index)
    usable = label.notna() & scores[LABELS].notna()
    if not usable.any():
        raise ModuleFailure("No row has both a label and a score.", number="0134", target=scored.label)
    label, scores = label[usable], scores[usable]
    if scored.task == "regression":
        truth, value = (np.asarray(column, dtype="float64") for column in (label, scores[LABELS]))
        return _regression(truth, value)
    if scored.task == "binary":
        positive = np.array([value == scored.classes[1] for value in label.astype("object")], dtype=bool)
        return _binary(positive, scores[PROBABILITIES].to_numpy(dtype="float64"))
    raise ModuleFailure(f"A {scored.task} model cannot be evaluated yet.", target=scored.label)


def _binary(
    truth: np.ndarray[Any, np.dtype[np.bool_]], chance: np.ndarray[Any, np.dtype[np.float64]]
) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score, roc_auc_score

    chosen = chance > 0.5
    both = truth.any() and not truth.all()
    loss = float(log_loss(truth, chance, labels=[False, True]))
    prior = float(truth.mean())
    entropy = -(prior * np.log(prior) + (1 - prior) * np.log(1 - prior)) if both else float("nan")
    return {
        "Accuracy": float(accuracy_score(truth, chosen)),
        "Precision": float(precision_score(truth, chosen, zero_division=0)),
        "Recall": float(recall_score(truth, chosen, zero_division=0)),
        "F-Score": float(f1_score(truth, chosen, zero_division=0)),
        "AUC": float(roc_auc_score(truth, chance)) if both else float("nan"),
        "Average Log Loss": loss,
        "Training Log Loss": float(100 * (1 - loss / entropy)) if both else float("nan"),
    }


def _regression(
    truth: np.ndarray[Any, np.dtype[np.float64]], value: np.ndarray[Any, np.dtype[np.float64]]
) -> dict[str, float]:
    error, spread = truth - value, truth - truth.mean()
    absolute, squared = float(np.abs(spread).sum()), float((spread**2).sum())
    relative = float((error**2).sum()) / squared if squared else float("nan")
    return {
        # Only learners that give a likelihood have one; the others showed Infinity.
        "Negative Log Likelihood": float("inf"),
        "Mean Absolute Error": float(np.abs(error).mean()),
        "Root Mean Squared Error": float(np.sqrt((error**2).mean())),
        "Relative Absolute Error": float(np.abs(error).sum()) / absolute if absolute else float("nan"),
        "Relative Squared Error": relative,
        "Coefficient of Determination": 1 - relative,
    }
