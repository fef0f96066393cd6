"""Importance of columns against scikit-learn's own permutation importance."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import permutation_importance
from threadpoolctl import threadpool_limits

from mlmgmt.modules.base import Dataset
from mlmgmt.modules.catalogue import by_name
from mlmgmt.modules.importance import importance
from tests.learning import making

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmgmt.modules.learners import Trained


def table(count: int, seed: int = 3) -> pd.DataFrame:
    """Return four columns, each with less weight than the one before it, and labels that depend on them."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({name: random.normal(size=count) for name in ("most", "more", "some")})
    frame["colour"] = pd.array(random.choice(["red", "green"], count), dtype="str")
    frame["nothing"] = random.normal(size=count)
    pull = 3 * frame["most"] + 2 * frame["more"] + 1.2 * frame["some"] + 1.0 * (frame["colour"] == "red")
    pull += random.normal(0, 0.8, count)
    frame["amount"] = pull
    frame["bought"] = pd.array(pull > pull.median(), dtype="boolean")
    frame["kind"] = pd.array(pd.cut(pull, [-np.inf, -2, 2, np.inf], labels=["low", "mid", "high"]).astype(str), "str")
    return frame


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread: trees of a few hundred rows are learnt faster than threads start."""
    with threadpool_limits(1, user_api="openmp"):
        yield


FEATURES = ["most", "more", "some", "colour", "nothing"]


@cache
def learnt(learner: str, label: str) -> Trained:
    return making.train(by_name(learner), table(1_500)[[*FEATURES, label]], label)


@pytest.mark.parametrize(
    ("learner", "label", "scoring"),
    [
        ("Two-Class Logistic Regression", "bought", "roc_auc"),
        ("Two-Class Boosted Decision Tree", "bought", "roc_auc"),
        ("Linear Regression", "amount", "neg_root_mean_squared_error"),
        ("Boosted Decision Tree Regression", "amount", "neg_root_mean_squared_error"),
        ("Multiclass Logistic Regression", "kind", "accuracy"),
    ],
)
@pytest.mark.parametrize("count", [300, 3_000])
def test_it_agrees_with_scikit_learn(learner: str, label: str, scoring: str, count: int) -> None:
    trained = learnt(learner, label)
    rows = table(count, seed=11)
    found = importance(trained, Dataset(rows), rows[label])
    places: Any = rows[label]
    if trained.classes:
        places = rows[label].map({name: place for place, name in enumerate(trained.classes)}).astype("int64")
    theirs = permutation_importance(
        trained.estimator, rows[FEATURES], places, scoring=scoring, n_repeats=5, random_state=1
    )
    expected = dict(zip(FEATURES, theirs.importances_mean, strict=True))
    assert [name for name, _ in found][:3] == ["most", "more", "some"]
    assert [name for name, _ in found] == sorted(expected, key=lambda name: -expected[name])
    assert dict(found) == pytest.approx(expected, rel=0.15, abs=0.03 * max(expected.values()))


def test_a_clustering_depends_on_the_columns_that_separate_its_clusters() -> None:
    random = np.random.default_rng(1)
    side = random.choice([-4.0, 4.0], 400)
    frame = pd.DataFrame({"noise": random.normal(0, 0.1, 400), "side": side + random.normal(0, 0.2, 400)})
    frame["tilt"] = side / 2 + random.normal(0, 0.2, 400)
    (untrained,) = making.call(by_name("K-Means Clustering"))
    selection = making.selection(making.ALL)
    inputs = {"Untrained model": untrained, "Dataset": Dataset(frame)}
    trained, _ = making.call(by_name("Train Clustering Model"), inputs, Column_set=selection)
    found = importance(trained, Dataset(frame), pd.Series(index=frame.index, dtype="float64"))
    assert {name for name, _ in found[:2]} == {"side", "tilt"}
    assert found[0][1] > 0


def test_the_result_is_the_same_each_time_and_the_rows_do_not_change() -> None:
    trained = making.train(by_name("Linear Regression"), table(400)[[*FEATURES, "amount"]], "amount")
    rows = table(400, seed=2)
    before = rows.copy(deep=True)
    first = importance(trained, Dataset(rows), rows["amount"])
    assert importance(trained, Dataset(rows), rows["amount"]) == first
    pd.testing.assert_frame_equal(rows, before)


def test_rows_without_the_metric_give_no_importance() -> None:
    """Rows of one class have no AUC; rows without a label have no metric at all."""
    trained = making.train(by_name("Two-Class Logistic Regression"), table(400)[[*FEATURES, "bought"]], "bought")
    rows = table(60)
    one = rows[rows["bought"].astype(bool)]
    assert importance(trained, Dataset(one), one["bought"]) == []
    assert importance(trained, Dataset(rows), rows["bought"].where(rows["bought"].isna())) == []


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_rows_are_enough(count: int) -> None:
    trained = making.train(by_name("Linear Regression"), table(400)[[*FEATURES, "amount"]], "amount")
    rows = table(400).iloc[:count]
    found = importance(trained, Dataset(rows), rows["amount"])
    assert sorted(name for name, _ in found) == sorted(FEATURES)
    assert all(np.isfinite(value) for _, value in found)


def test_a_column_may_have_any_name() -> None:
    names = {"most": "self", "more": "key", "some": "0", "colour": "frame name"}
    frame = table(300).rename(columns=names)
    columns = [names.get(name, name) for name in FEATURES]
    trained = making.train(by_name("Linear Regression"), frame[[*columns, "amount"]], "amount")
    assert [name for name, _ in importance(trained, Dataset(frame), frame["amount"])][:2] == ["self", "key"]


def test_very_many_rows_and_columns_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlmgmt.modules.learners import Trained

    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.normal(size=(7_000, 60)), columns=[f"c{place}" for place in range(60)])
    frame["amount"] = frame["c7"] * 2 + frame["c3"]
    trained = making.train(by_name("Linear Regression"), frame.iloc[:500], "amount")
    cells: list[int] = []
    score = Trained.score
    monkeypatch.setattr(Trained, "score", lambda self, rows: cells.append(rows.frame.size) or score(self, rows))
    found = importance(trained, Dataset(frame), frame["amount"])
    assert [name for name, _ in found][:2] == ["c7", "c3"]
    assert max(cells) <= 5_000 * 61
    assert len(cells) == 61
