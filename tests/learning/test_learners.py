"""Every learner against the estimator that its settings imply, written out here; and its compiled form against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

from mlmgmt.modules.base import Dataset
from mlmgmt.modules.catalogue import by_name
from tests.learning.making import FEATURES, mixed, scored, train

if TYPE_CHECKING:
    from collections.abc import Callable

BUNDLED = {"breast cancer": load_breast_cancer, "iris": load_iris, "wine": load_wine, "diabetes": load_diabetes}


@dataclass(frozen=True)
class Case:
    """A learner with some settings, and the estimator that the reference implies for them.

    Args:
        expected: from nothing to an unfitted scikit-learn estimator for a matrix of numbers.
        data: the bundled set; its column `target` is the label.
        scaler: what its numbers go through, unfitted.
        label: the label among the mixed table's columns.
    """

    learner: str
    expected: Callable[[], Any]
    data: str
    label: str
    parameters: dict[str, Any] = field(default_factory=dict)
    scaler: Callable[[], Any] | None = None
    missing: bool = False

    def __str__(self) -> str:
        return f"{self.learner} {self.parameters or ''}"


L1, L2 = "L1 Regularization weight", "L2 Regularizaton weight"
TREES = "Total number of trees constructed"

CASES = [
    Case(
        "Two-Class Logistic Regression",
        lambda: LogisticRegression(C=0.5, l1_ratio=0.5, solver="saga", tol=1e-6, max_iter=5000, random_state=0),
        "breast cancer",
        "bought",
        scaler=MinMaxScaler,
    ),
    Case(
        "Two-Class Logistic Regression",
        lambda: LogisticRegression(C=4.0, tol=1e-7, max_iter=5000),
        "breast cancer",
        "bought",
        {L1: 0, L2: 0.25},
        scaler=MinMaxScaler,
    ),
    Case(
        "Multiclass Logistic Regression",
        lambda: LogisticRegression(C=1.0, tol=1e-7, max_iter=5000),
        "wine",
        "kind",
        {L1: 0},
        scaler=MinMaxScaler,
    ),
    Case(
        "Two-Class Boosted Decision Tree",
        lambda: HistGradientBoostingClassifier(
            max_iter=30, max_leaf_nodes=20, min_samples_leaf=10, learning_rate=0.2, early_stopping=False, random_state=3
        ),
        "breast cancer",
        "bought",
        {TREES: 30, "Random number seed": 3},
        missing=True,
    ),
    Case(
        "Boosted Decision Tree Regression",
        lambda: HistGradientBoostingRegressor(
            max_iter=25, max_leaf_nodes=8, min_samples_leaf=10, learning_rate=0.1, early_stopping=False, random_state=0
        ),
        "diabetes",
        "visits",
        {TREES: 25, "Maximum number of leaves per tree": 8, "The learning rate": 0.1},
        missing=True,
    ),
    Case("Linear Regression", lambda: Ridge(alpha=0.001), "diabetes", "visits"),
    Case("Linear Regression", LinearRegression, "diabetes", "visits", {"L2 regularization weight": 0}),
    Case(
        "Linear Regression",
        lambda: SGDRegressor(
            eta0=0.05,
            max_iter=40,
            alpha=0.001,
            penalty="l2",
            average=True,
            learning_rate="invscaling",
            tol=None,
            random_state=5,
        ),
        "diabetes",
        "visits",
        {
            "Solution method": "Online Gradient Descent",
            "Learning rate": 0.05,
            "Number of epochs over which algorithm iterates through examples": 40,
            "Random number seed": 5,
        },
        scaler=MinMaxScaler,
    ),
]


def answers(estimator: Any, rows: Any) -> Any:
    """Probabilities of a classification, values of a regression."""
    return estimator.predict_proba(rows) if hasattr(estimator, "predict_proba") else estimator.predict(rows)


def numbers(scores: pd.DataFrame) -> Any:
    """The same from score columns: probabilities, or values."""
    chances = scores[[name for name in scores.columns if name.startswith("Scored Probabilities")]].to_numpy(float)
    if chances.shape[1] == 0:
        found = scores.to_numpy(float)
        return found[:, 0] if found.shape[1] == 1 else found
    return np.column_stack([1 - chances[:, 0], chances[:, 0]]) if chances.shape[1] == 1 else chances


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_graph_predicts_what_the_estimator_does(case: Case) -> None:
    data = BUNDLED[case.data](as_frame=True)
    trained = train(by_name(case.learner), data.frame, "target", case.parameters)
    steps = [case.scaler()] if case.scaler else []
    plain = make_pipeline(*steps, case.expected()).fit(data.data.to_numpy(), data.target)
    scores = scored(trained, data.frame)
    expected = answers(plain, data.data.to_numpy())
    np.testing.assert_allclose(numbers(scores), expected, rtol=1e-12, atol=1e-12)
    if expected.ndim > 1 and "Scored Labels" in scores:
        assert list(scores["Scored Labels"]) == list(plain.classes_[expected.argmax(axis=1)])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_compiled_form_answers_what_the_estimator_does(case: Case) -> None:
    """On a mixed table with missing and unseen values: the pipeline on a DataFrame, the table form and the row form."""
    module = by_name(case.learner)
    trained = train(module, mixed(missing=case.missing)[[*FEATURES, case.label]], case.label, case.parameters)
    fresh = mixed(120, missing=case.missing, seed=11)[FEATURES]
    fresh.loc[::7, "city"] = "Atlantis"
    cells = fresh.astype({"age": "float64", "member": "float64"})
    cells["city"] = cells["city"].astype(object).where(cells["city"].notna(), None)
    expected = answers(trained.estimator, cells)
    np.testing.assert_allclose(numbers(scored(trained, fresh)), expected, rtol=1e-9, atol=1e-9)
    row = trained.compiled.row()
    found = np.array([row(list(values)) for values in cells.itertuples(index=False)])
    if expected.ndim > 1:
        assert list(found.argmax(axis=1)) == list(expected.argmax(axis=1))
    np.testing.assert_allclose(found if expected.ndim > 1 else found[:, 0], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_words_are_encoded_one_by_one(case: Case) -> None:
    """The whole preparation of a mixed table, written out."""
    frame = mixed()
    trained = train(by_name(case.learner), frame[[*FEATURES, case.label]], case.label, case.parameters)
    rows = frame[FEATURES].astype({"age": "float64", "member": "float64", "city": object})
    numeric = case.scaler() if case.scaler else "passthrough"
    encode = ColumnTransformer(
        [("n", numeric, ["age", "income", "member"]), ("c", OneHotEncoder(sparse_output=False), ["city"])]
    )
    label = frame[case.label].astype("float64") if case.label == "visits" else frame[case.label].astype(object)
    codes = label if case.label == "visits" else pd.factorize(label, sort=True)[0]
    plain = make_pipeline(encode, case.expected()).fit(rows, codes)
    np.testing.assert_allclose(numbers(scored(trained, frame)), answers(plain, rows), rtol=1e-12, atol=1e-12)


def test_a_weight_column_counts_where_the_learner_honours_one() -> None:
    frame = mixed().assign(weight=np.arange(400) % 5)
    dataset = Dataset(frame[["age", "income", "weight", "bought"]], {"weight": "Weight"})
    trained = train(by_name("Two-Class Logistic Regression"), dataset, "bought", {L1: 0})
    rows = MinMaxScaler().fit_transform(frame[["age", "income"]].astype(float))
    plain = LogisticRegression(C=1.0, tol=1e-7, max_iter=5000)
    plain.fit(rows, frame["bought"].astype(bool), sample_weight=frame["weight"])
    np.testing.assert_allclose(numbers(scored(trained, frame)), plain.predict_proba(rows), rtol=1e-12, atol=1e-12)
