"""The comparison of two models on the same rows."""

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
    """One model's metrics on the rows, and the data for a report.

    Args:
        rows: the rows as the model got them, with the label if it has one.
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
        old: the metrics of the deployed model; None if it could not be evaluated, and `unable` says why.
        deployed: the SHA-256 of the deployed model's payload, which identifies the model of `old`.
        overlap: the number of rows that the deployed model was trained on; None if that is not known.
        new_overlap: the number of rows that the new model was trained on; None if that is not known, or none by design.
        old_facts: the manifest of the deployed model, if it was evaluated.
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
