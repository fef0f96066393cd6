"""Training and scoring with graphs, against the same pipelines written directly in scikit-learn."""

from __future__ import annotations

import subprocess
import sys
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlmgmt.learning import runner, tables
from mlmgmt.learning.scorer import Scorer
from mlmgmt.modules.base import Dataset
from tests.conftest import environment

from . import tables_to_learn as made
from .ratio import Aim

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from .conftest import Measure

LEARNERS = ("linear", "boosted")


def trained(learner: str, frame: pd.DataFrame) -> tuple[Any, Any]:
    """The model and the transformation that a graph gives."""
    plan = runner.GraphPlan(made.training(learner, frame))
    outputs = runner.run(plan, {"input1": Dataset(frame)}, read={}.__getitem__).outputs
    return outputs["output1"], outputs["output2"]


def chances(scores: pd.DataFrame) -> Any:
    return scores["Scored Probabilities"].to_numpy()


@pytest.mark.parametrize("learner", LEARNERS)
def test_training(measure: Measure, learner: str) -> None:
    """200,000 rows of 20 numbers and 10 words."""
    frame = made.table(200_000)
    features, label = frame.drop(columns=made.LABEL), (frame[made.LABEL] == "yes").to_numpy()
    head = frame.head(2_000)
    model, cleaning = trained(learner, head)
    plain = made.pipeline(learner, head).fit(features.head(2_000), label[:2_000])
    np.testing.assert_allclose(
        chances(model.score(cleaning.apply(Dataset(head)))), plain.predict_proba(features.head(2_000))[:, 1], atol=1e-6
    )
    measure(
        f"train {learner}, 200,000 x 30 / scikit-learn pipeline",
        lambda: trained(learner, frame),
        lambda: made.pipeline(learner, frame).fit(features, label),
        aim=Aim(1.1),
        rounds=5,
        warm=1,
    )


_PEAK = """
import sys
from pathlib import Path
from tests.benchmarks import tables_to_learn as made, test_learning as own

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

def train(learner, frame):
    if who == "ours":
        return own.trained(learner, frame)
    return made.pipeline(learner, frame).fit(frame.drop(columns=made.LABEL), (frame[made.LABEL] == "yes").to_numpy())

frame = made.table(200_000)
who, learner = sys.argv[1:]
train(learner, frame.head(500))
Path("/proc/self/clear_refs").write_text("5")
before = peak()
trained = train(learner, frame)
print(peak(), before)
"""


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="only Linux can reset the peak memory of a process"
)
@pytest.mark.parametrize("learner", LEARNERS)
def test_peak_memory_of_training(note: Callable[[list[str]], None], learner: str) -> None:
    """Peak memory of a process after training, including libraries and the table."""
    peaks = {}
    for who in ("ours", "theirs"):
        done = subprocess.run(
            [sys.executable, "-c", _PEAK, who, learner], capture_output=True, text=True, check=True, env=environment()
        )
        peaks[who], before = map(int, done.stdout.split())
        peaks[f"{who} more"] = peaks[who] - before
    ratio = peaks["ours"] / peaks["theirs"]
    note(
        [
            f"peak memory of training {learner}, 200,000 x 30: {ratio:.2f}x of scikit-learn's process (aim <= 1.3x); "
            f"above the table alone {peaks['ours more'] / 1024:.0f} MB to {peaks['theirs more'] / 1024:.0f} MB"
        ]
    )
    assert peaks["ours more"] > 0


@pytest.fixture(scope="module", params=LEARNERS)
def deployed(request: pytest.FixtureRequest) -> tuple[str, Scorer, Any, pd.DataFrame]:
    """The scorer of a graph, the same pipeline in scikit-learn, and a table to score."""
    learner: str = request.param
    frame = made.table(20_000)
    model, cleaning = trained(learner, frame)
    plain = made.pipeline(learner, frame).fit(frame.drop(columns=made.LABEL), (frame[made.LABEL] == "yes").to_numpy())
    content = {"asset-model": model, "asset-cleaning": cleaning}
    scorer = Scorer(made.scoring(frame), content.__getitem__)
    return learner, scorer, plain, made.table(100_000, seed=9).drop(columns=made.LABEL)


def test_scoring_many(measure: Measure, deployed: tuple[str, Scorer, Any, pd.DataFrame]) -> None:
    """100,000 rows through the whole graph."""
    learner, scorer, plain, frame = deployed

    def scored() -> Any:
        return runner.run(scorer.plan, {"input1": Dataset(frame)}, read=scorer._read).outputs["output1"].frame

    np.testing.assert_allclose(chances(scored()), plain.predict_proba(frame)[:, 1], atol=1e-9)
    measure(
        f"score {learner}, 100,000 rows / pipeline.predict_proba",
        scored,
        lambda: plain.predict_proba(frame),
        aim=Aim(1.0),
        rounds=7,
    )


def test_scoring_one(measure: Measure, deployed: tuple[str, Scorer, Any, pd.DataFrame]) -> None:
    """One row through the whole graph, from the text in the request to the text in the answer."""
    learner, scorer, plain, frame = deployed
    one = frame.head(1)
    request = {"ColumnNames": list(one.columns), "Values": [[_json(value) for value in one.iloc[0]]]}

    def answered() -> Any:
        return scorer.answer({"input1": tables.from_request(request, "input1")})[0]["output1"]["Values"][0]

    assert scorer.compiled is not None
    assert float(answered()[1]) == pytest.approx(plain.predict_proba(one)[0, 1], abs=1e-9)
    measure(
        f"score {learner}, one row, requests a second / predict_proba",
        lambda: [answered() for _ in range(200)],
        lambda: [plain.predict_proba(one) for _ in range(200)],
        aim=Aim(100 if learner == "linear" else 30, at_least=True),
        rounds=7,
        rate=True,
    )


def test_scoring_one_against_bare_arithmetic(measure: Measure, deployed: tuple[str, Scorer, Any, pd.DataFrame]) -> None:
    """One row through the whole graph, against only the arithmetic on values that already have their types."""
    learner, scorer, plain, frame = deployed
    one = frame.head(1)
    values = [_json(value) for value in one.iloc[0]]
    request = {"ColumnNames": list(one.columns), "Values": [values]}
    bare = _linear(plain, frame) if learner == "linear" else _boosted(plain, frame)
    filled = [value if value is not None else 0.0 for value in values]
    assert 0 < bare(filled) < 1
    measure(
        f"score {learner}, one row with its contract / the bare arithmetic",
        lambda: [scorer.answer({"input1": tables.from_request(request, "input1")}) for _ in range(1_000)],
        lambda: [bare(filled) for _ in range(1_000)],
        aim=Aim(3.0),
        rounds=7,
    )


def _json(value: Any) -> Any:
    return None if value != value else value.item() if hasattr(value, "item") else value


def _linear(plain: Any, frame: pd.DataFrame) -> Callable[[list[Any]], float]:
    """Return the least Python code for a logistic regression on this table."""
    prepare, model = plain[0], plain[-1]
    scaler, encoder = prepare.named_transformers_["numbers"][-1], prepare.named_transformers_["words"]
    weights = model.coef_[0]
    count = len(scaler.scale_)
    bias = float(model.intercept_[0] + weights[:count] @ scaler.min_)
    slopes = (weights[:count] * scaler.scale_).tolist()
    looks, place = [], count
    for kinds in encoder.categories_:
        looks.append(dict(zip(kinds.tolist(), weights[place : place + len(kinds)].tolist(), strict=True)))
        place += len(kinds)

    def chance(row: list[Any]) -> float:
        total = bias
        for slope, value in zip(slopes, row, strict=False):
            total += slope * value
        for look, value in zip(looks, row[count:], strict=True):
            total += look[value]
        return 1 / (1 + exp(-total))

    return chance


def _boosted(plain: Any, frame: pd.DataFrame) -> Callable[[list[Any]], float]:
    """Return the least Python code for a hundred trees on this table."""
    prepare, model = plain[0], plain[-1]
    count = len(made.names(frame)[0])
    looks, place = [], count
    for kinds in prepare.named_transformers_["words"].categories_:
        looks.append({kind: place + index for index, kind in enumerate(kinds.tolist())})
        place += len(kinds)
    width, base = place, float(model._baseline_prediction.item())

    def grown(nodes: Any, index: int) -> Any:
        node = nodes[index]
        if node["is_leaf"]:
            return float(node["value"])
        children = grown(nodes, int(node["left"])), grown(nodes, int(node["right"]))
        return (int(node["feature_idx"]), float(node["num_threshold"]), *children)

    trees = [grown(predictor.nodes, 0) for (predictor,) in model._predictors]

    def chance(row: list[Any]) -> float:
        values = [*row[:count], *[0.0] * (width - count)]
        for look, value in zip(looks, row[count:], strict=True):
            values[look[value]] = 1.0
        total = base
        for node in trees:
            while node.__class__ is tuple:
                feature, threshold, left, right = node
                node = left if values[feature] <= threshold else right
            total += node
        return 1 / (1 + exp(-total))

    return chance
