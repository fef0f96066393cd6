"""How much a trained model depends on each of its columns."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from mlmgmt.modules.evaluation import HEADLINE, compare, more_is_better
from mlmgmt.modules.failures import ModuleFailure

if TYPE_CHECKING:
    import pandas as pd

    from mlmgmt.modules.base import Dataset
    from mlmgmt.modules.learners import Trained

_MOST_ROWS, _MOST_CELLS = 5_000, 500_000
_MOST_SHUFFLES, _MOST_SCORINGS = 10, 200


def importance(trained: Trained, rows: Dataset, truth: pd.Series[Any], *, seed: int = 0) -> list[tuple[str, float]]:
    """Return how much worse the headline metric gets when one column is shuffled among the rows, for each column.

    The most important column comes first. The list is empty if the rows do not give that metric: rows of one class,
    for example, have no AUC. Few rows are shuffled several times, and the mean counts; of many rows, or rows with very
    many columns, a sample is drawn.

    Args:
        rows: with the model's columns.
        truth: their labels, by the same index.
    """
    metric = HEADLINE[trained.task]
    sign = 1 if more_is_better(metric) else -1
    random = np.random.default_rng(seed)
    features = [feature.name for feature in trained.features]
    frame = _sample(rows.frame, _MOST_CELLS // max(len(features), 1), random)

    def measure(changed: pd.DataFrame) -> float:
        return float(compare(truth, trained.score(replace(rows, frame=changed)), trained.scored)[metric])

    found = []
    try:
        # Scoring so few rows takes less time than starting threads, most of all on a busy machine.
        with threadpool_limits(1, user_api="openmp"):
            whole = measure(frame)
            if not isfinite(whole):
                return []
            for name in features:
                scores = [measure(_shuffle(frame, name, random)) for _ in range(_shuffles(len(frame), len(features)))]
                found.append((name, float(sign * (whole - np.mean(scores)))))
    except ModuleFailure:
        return []  # No sampled row has a label.
    return sorted(found, key=lambda pair: -pair[1])


def _sample(frame: pd.DataFrame, most: int, random: np.random.Generator) -> pd.DataFrame:
    most = min(max(most, 100), _MOST_ROWS)
    if len(frame) <= most:
        return frame
    return frame.iloc[np.sort(random.choice(len(frame), most, replace=False))]


def _shuffles(rows: int, features: int) -> int:
    return max(1, min(_MOST_SHUFFLES, _MOST_ROWS // rows, _MOST_SCORINGS // features))


def _shuffle(frame: pd.DataFrame, name: str, random: np.random.Generator) -> pd.DataFrame:
    changed = frame.copy(deep=False)
    changed[name] = frame[name].take(random.permutation(len(frame))).set_axis(frame.index)
    return changed
