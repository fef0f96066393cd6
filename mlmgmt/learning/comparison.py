"""Two models on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from mlmgmt.modules.base import Dataset
    from mlmgmt.modules.learners import Trained


@dataclass(frozen=True, slots=True)
class Scores:
    """One model on the rows: its metrics, and what a report is drawn from.

    Args:
        rows: as the model saw them, label included where it has one.
    """

    metrics: dict[str, float]
    truth: pd.Series[Any]
    scores: pd.DataFrame
    trained: Trained
    rows: Dataset


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The metrics of two models on the same rows.

    Args:
        old: those of the deployed model; None when it could not be evaluated, and `unable` says why.
        deployed: the SHA-256 of the deployed model's payload, which says which model `old` is about.
        overlap: how many of the rows the deployed model was trained on; None when that is not known.
        new_overlap: how many of them the new model was trained on; None when that is not known, or is by design none.
        old_facts: the manifest of the deployed model, where it was evaluated.
    """

    new: dict[str, float]
    old: dict[str, float] | None
    rows: int
    overlap: int | None
    unable: str | None
    deployed: str | None = None
    new_scores: Scores | None = None
    old_scores: Scores | None = None
    new_overlap: int | None = None
    old_facts: Mapping[str, Any] | None = None
