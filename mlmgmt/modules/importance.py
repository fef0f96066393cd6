"""How much a trained model leans on each of its columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmgmt.modules.evaluation import HEADLINE, compare, more_is_better

if TYPE_CHECKING:
    import pandas as pd

    from mlmgmt.modules.base import Dataset
    from mlmgmt.modules.learners import Trained

_MOST_ROWS = 5_000


def importance(trained: Trained, rows: Dataset, truth: pd.Series[Any], *, seed: int = 0) -> list[tuple[str, float]]:
    """By how much the headline metric gets worse when the values of one column are shuffled among the rows; the most
    important column first.

    Args:
        rows: with the model's columns; at most 5,000 of them are used.
        truth: their labels, by the same index.
    """
    metric = HEADLINE[trained.task]
    sign = 1 if more_is_better(metric) else -1
    random = np.random.default_rng(seed)
    frame: pd.DataFrame = rows.frame
    if len(frame) > _MOST_ROWS:
        frame = frame.iloc[np.sort(random.choice(len(frame), _MOST_ROWS, replace=False))]
    whole = compare(truth, trained.score(replace(rows, frame=frame)), trained.scored)[metric]
    found = []
    for feature in trained.features:
        shuffled = frame[feature.name].take(random.permutation(len(frame))).set_axis(frame.index)
        scores = trained.score(replace(rows, frame=frame.assign(**{feature.name: shuffled})))
        found.append((feature.name, float(sign * (whole - compare(truth, scores, trained.scored)[metric]))))
    return sorted(found, key=lambda pair: -pair[1])
