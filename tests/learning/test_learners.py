"""Every learner, and its compiled form, against the scikit-learn estimator that its settings imply."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, Normalizer, OneHotEncoder, StandardScaler

from mlmgmt.modules import catalogue, linear, predictors
from mlmgmt.modules.base import Dataset, ModuleFailure
from mlmgmt.modules.features import Feature, refuse_wide
from tests.learning.making import FEATURES, given, mixed, scored, train

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmgmt.modules.base import Module
    from mlmgmt.modules.predictors import Form

BUNDLED = {"breast cancer": load_breast_cancer, "iris": load_iris, "wine": load_wine, "diabetes": load_diabetes}


@dataclass(frozen=True)
class Case:
    """A learner with some settings, and the estimator that the reference implies for them.

    Args:
        expected: returns an unfitted scikit-learn estimator for a matrix of numbers.
        data: the bundled set; its column `target` is the label.
        scaler: returns the unfitted scaler of the numbers.
        label: the label column of the mixed table.
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


_LEARNERS = {module.name: module for module in (*catalogue.modules(), *linear.MODULES)}


def by_name(name: str) -> Module:
    return _LEARNERS[name]


L1, L2 = "L1 Regularization weight", "L2 Regularizaton weight"
TREES = "Total number of trees constructed"
SEED = "Random number seed"
REPLICATE = {"Resampling method": "Replicate Resampling"}
SWEPT = {"Create trainer mode": "ParameterRange"}


def calibrated(**settings: Any) -> CalibratedClassifierCV:
    return CalibratedClassifierCV(SGDClassifier(tol=None, **settings), method="sigmoid", cv=5, ensemble=False)


def ten_bins() -> Any:
    bins = KBinsDiscretizer(
        n_bins=10, encode="ordinal", strategy="quantile", quantile_method="averaged_inverted_cdf", subsample=None
    )
    return make_pipeline(bins, MinMaxScaler())


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
    Case(
        "Two-Class Decision Forest",
        lambda: RandomForestClassifier(
            n_estimators=8, max_depth=32, min_samples_leaf=1, max_features="sqrt", bootstrap=True, random_state=0
        ),
        "breast cancer",
        "bought",
        missing=True,
    ),
    Case(
        "Two-Class Decision Forest",
        lambda: RandomForestClassifier(
            n_estimators=3, max_depth=4, min_samples_leaf=5, max_features="sqrt", bootstrap=False, random_state=0
        ),
        "breast cancer",
        "bought",
        {
            **REPLICATE,
            "Number of decision trees": 3,
            "Maximum depth of the decision trees": 4,
            "Minimum number of samples per leaf node": 5,
        },
    ),
    Case(
        "Multiclass Decision Forest",
        lambda: RandomForestClassifier(
            n_estimators=5, max_depth=3, min_samples_leaf=4, max_features="sqrt", bootstrap=True, random_state=0
        ),
        "wine",
        "kind",
        {
            **SWEPT,
            "Range for number of decision trees": "5; 50",
            "Range for the maximum depth of the decision trees": "3; 30",
            "Range for the minimum number of samples per leaf node": "4",
        },
        missing=True,
    ),
    Case(
        "Decision Forest Regression",
        lambda: RandomForestRegressor(
            n_estimators=8, max_depth=32, min_samples_leaf=1, max_features=1.0, bootstrap=True, random_state=0
        ),
        "diabetes",
        "visits",
        missing=True,
    ),
    Case(
        "Decision Forest Regression",
        lambda: RandomForestRegressor(
            n_estimators=6, max_depth=5, min_samples_leaf=2, max_features=1 / 3, bootstrap=False, random_state=0
        ),
        "diabetes",
        "visits",
        {
            **REPLICATE,
            "Number of decision trees": 6,
            "Maximum depth of the decision trees": 5,
            "Minimum number of samples per leaf node": 2,
        },
        missing=True,
    ),
    Case(
        "Two-Class Neural Network",
        lambda: MLPClassifier(
            hidden_layer_sizes=(100,),
            activation="logistic",
            solver="sgd",
            batch_size=20,
            learning_rate_init=0.1,
            momentum=0,
            max_iter=20,
            n_iter_no_change=20,
            shuffle=True,
            random_state=0,
        ),
        "breast cancer",
        "bought",
        {"Number of learning iterations": 20},
        scaler=MinMaxScaler,
    ),
    Case(
        "Two-Class Neural Network",
        lambda: MLPClassifier(
            hidden_layer_sizes=(6, 4),
            activation="logistic",
            solver="sgd",
            batch_size=20,
            learning_rate_init=0.4,
            momentum=0.6,
            max_iter=12,
            n_iter_no_change=12,
            shuffle=False,
            random_state=5,
        ),
        "breast cancer",
        "bought",
        {
            "Number of learning iterations": 12,
            "Number of hidden nodes": "6, 4",
            "The learning rate": 0.4,
            "The momentum": 0.6,
            "The type of normalizer": "Gaussian normalizer",
            "Shuffle examples": False,
            SEED: 5,
        },
        scaler=StandardScaler,
    ),
    Case(
        "Multiclass Neural Network",
        lambda: MLPClassifier(
            hidden_layer_sizes=(5,),
            activation="logistic",
            solver="sgd",
            batch_size=20,
            learning_rate_init=0.3,
            momentum=0,
            max_iter=15,
            n_iter_no_change=15,
            random_state=0,
        ),
        "wine",
        "kind",
        {
            **SWEPT,
            "Range for number of learning iterations": "15; 150",
            "Range for learning rate": "0.3; 0.6",
            "Number of hidden nodes1": 5,
            "The type of normalizer": "Binning normalizer",
        },
        scaler=ten_bins,
    ),
    Case(
        "Neural Network Regression",
        lambda: MLPRegressor(
            hidden_layer_sizes=(20,),
            activation="logistic",
            solver="sgd",
            batch_size=20,
            learning_rate_init=0.005,
            momentum=0,
            max_iter=10,
            n_iter_no_change=10,
            random_state=0,
        ),
        "diabetes",
        "visits",
        {"Number of learning iterations": 10, "Number of hidden nodes": 20},
        scaler=MinMaxScaler,
    ),
    Case(
        "Neural Network Regression",
        lambda: MLPRegressor(
            hidden_layer_sizes=(8, 8),
            activation="logistic",
            solver="sgd",
            batch_size=20,
            learning_rate_init=0.01,
            momentum=0.5,
            max_iter=10,
            n_iter_no_change=10,
            random_state=1,
        ),
        "diabetes",
        "visits",
        {
            "Number of learning iterations": 10,
            "Number of hidden nodes": "8,8",
            "The learning rate": 0.01,
            "The momentum": 0.5,
            "The type of normalizer": "Do not normalize",
            SEED: 1,
        },
    ),
    Case(
        "Two-Class Support Vector Machine",
        lambda: calibrated(loss="hinge", penalty="l2", alpha=0.001, max_iter=1, random_state=0),
        "breast cancer",
        "bought",
        scaler=StandardScaler,
    ),
    Case(
        "Two-Class Support Vector Machine",
        lambda: make_pipeline(
            Normalizer(norm="l2"), calibrated(loss="hinge", penalty="l2", alpha=0.01, max_iter=7, random_state=9)
        ),
        "breast cancer",
        "bought",
        {
            "Number of iterations": 7,
            "The value lambda": 0.01,
            "Perform a projection to the unit-ball": True,
            "Normalize the features": False,
            SEED: 9,
        },
    ),
    Case(
        "Two-Class Averaged Perceptron",
        lambda: calibrated(
            loss="perceptron",
            penalty=None,
            learning_rate="constant",
            eta0=1.0,
            average=True,
            max_iter=10,
            random_state=0,
        ),
        "breast cancer",
        "bought",
        scaler=MinMaxScaler,
    ),
    Case(
        "Two-Class Averaged Perceptron",
        lambda: calibrated(
            loss="perceptron",
            penalty=None,
            learning_rate="constant",
            eta0=0.5,
            average=True,
            max_iter=4,
            random_state=2,
        ),
        "breast cancer",
        "bought",
        {"Initial learning rate": 0.5, "Maximum number of iterations": 4, SEED: 2},
        scaler=MinMaxScaler,
    ),
    Case(
        "Poisson Regression",
        lambda: PoissonRegressor(alpha=1.0, tol=1e-7, solver="newton-cholesky", max_iter=5000),
        "diabetes",
        "visits",
    ),
    Case(
        "Poisson Regression",
        lambda: PoissonRegressor(alpha=0.25, tol=1e-3, solver="newton-cholesky", max_iter=5000),
        "diabetes",
        "visits",
        {
            "L2 regularization weight": 0.25,
            "Tolerance parameter for optimization convergence the lower the value the slower and more accurate the "
            "fitting": 1e-3,
        },
    ),
    Case(
        "Poisson Regression",
        lambda: PoissonRegressor(alpha=1e-10, tol=1e-7, solver="newton-cholesky", max_iter=5000),
        "diabetes",
        "visits",
        {"L2 regularization weight": 0},
        scaler=MinMaxScaler,
    ),
]


def predict(estimator: Any, rows: Any) -> Any:
    """Return probabilities, or the values of a regression; for a forest, the mean and the deviation of its trees."""
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(rows)
    if isinstance(estimator[-1], RandomForestRegressor):
        matrix = estimator[:-1].transform(rows) if len(estimator) > 1 else rows
        trees = np.array([tree.predict(matrix) for tree in estimator[-1].estimators_])
        np.testing.assert_allclose(trees.mean(axis=0), estimator.predict(rows))
        return np.column_stack([trees.mean(axis=0), trees.std(axis=0)])
    return estimator.predict(rows)


def numbers_of(scores: pd.DataFrame) -> Any:
    """Return the same from score columns."""
    chances = scores[[name for name in scores.columns if name.startswith("Scored Probabilities")]].to_numpy(float)
    if chances.shape[1] == 0:
        found = scores.to_numpy(float)
        return found[:, 0] if found.shape[1] == 1 else found
    return np.column_stack([1 - chances[:, 0], chances[:, 0]]) if chances.shape[1] == 1 else chances


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:Bins whose width")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_graph_predicts_what_the_estimator_does(case: Case) -> None:
    data = BUNDLED[case.data](as_frame=True)
    trained = train(by_name(case.learner), data.frame, "target", case.parameters)
    steps = [case.scaler()] if case.scaler else []
    plain = make_pipeline(*steps, case.expected()).fit(data.data.to_numpy(), data.target)
    scores = scored(trained, data.frame)
    expected = predict(plain, data.data.to_numpy())
    np.testing.assert_allclose(numbers_of(scores), expected, rtol=1e-12, atol=1e-12)
    if expected.ndim > 1 and "Scored Labels" in scores:
        assert list(scores["Scored Labels"]) == list(plain.classes_[expected.argmax(axis=1)])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:Bins whose width")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_compiled_form_agrees_with_the_estimator(case: Case) -> None:
    """On a mixed table with missing and unseen values, the pipeline, the table form and the row form agree."""
    module = by_name(case.learner)
    trained = train(module, mixed(missing=case.missing)[[*FEATURES, case.label]], case.label, case.parameters)
    fresh = mixed(120, missing=case.missing, seed=11)[FEATURES]
    fresh.loc[::7, "city"] = "Atlantis"
    cells = fresh.astype({"age": "float64", "member": "float64"})
    cells["city"] = cells["city"].astype(object).where(cells["city"].notna(), None)
    expected = predict(trained.estimator, cells)
    np.testing.assert_allclose(numbers_of(scored(trained, fresh)), expected, rtol=1e-9, atol=1e-9)
    row = trained.compiled.row()
    found = np.array([row(list(values)) for values in cells.itertuples(index=False)])
    if expected.ndim > 1:
        assert list(found.argmax(axis=1)) == list(expected.argmax(axis=1))
    np.testing.assert_allclose(found if expected.ndim > 1 else found[:, 0], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:Bins whose width")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_words_are_encoded_one_by_one(case: Case) -> None:
    """The expected preparation of the mixed table is written out in full."""
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
    np.testing.assert_allclose(numbers_of(scored(trained, frame)), predict(plain, rows), rtol=1e-12, atol=1e-12)


def test_a_logistic_regression_uses_weights() -> None:
    frame = mixed().assign(weight=np.arange(400) % 5)
    dataset = Dataset(frame[["age", "income", "weight", "bought"]], {"weight": "Weight"})
    trained = train(by_name("Two-Class Logistic Regression"), dataset, "bought", {L1: 0})
    rows = MinMaxScaler().fit_transform(frame[["age", "income"]].astype(float))
    plain = LogisticRegression(C=1.0, tol=1e-7, max_iter=5000)
    plain.fit(rows, frame["bought"].astype(bool), sample_weight=frame["weight"])
    np.testing.assert_allclose(numbers_of(scored(trained, frame)), plain.predict_proba(rows), rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_network_uses_weights() -> None:
    frame = mixed().assign(weight=np.arange(400) % 5)
    dataset = Dataset(frame[["age", "income", "weight", "bought"]], {"weight": "Weight"})
    parameters = {"Number of hidden nodes": 4, "Number of learning iterations": 15}
    trained = train(by_name("Two-Class Neural Network"), dataset, "bought", parameters)
    rows = MinMaxScaler().fit_transform(frame[["age", "income"]].astype(float))
    plain = MLPClassifier((4,), activation="logistic", solver="sgd", learning_rate_init=0.1, momentum=0, max_iter=15)
    plain.set_params(n_iter_no_change=15, random_state=0, batch_size=20)
    plain.fit(rows, frame["bought"].astype(bool), sample_weight=frame["weight"])
    np.testing.assert_allclose(numbers_of(scored(trained, frame)), plain.predict_proba(rows), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("projected", [False, True])
def test_a_support_vector_machine_uses_weights(projected: bool) -> None:
    frame = mixed().assign(weight=np.arange(400) % 5)
    dataset = Dataset(frame[["age", "income", "weight", "bought"]], {"weight": "Weight"})
    parameters = {"Perform a projection to the unit-ball": projected, "Number of iterations": 20}
    trained = train(by_name("Two-Class Support Vector Machine"), dataset, "bought", parameters)
    rows = StandardScaler().fit_transform(frame[["age", "income"]].astype(float))
    rows = Normalizer().fit_transform(rows) if projected else rows
    plain = calibrated(loss="hinge", penalty="l2", alpha=0.001, max_iter=20, random_state=0)
    plain.fit(rows, frame["bought"].astype(bool), sample_weight=frame["weight"])
    np.testing.assert_allclose(numbers_of(scored(trained, frame)), plain.predict_proba(rows), rtol=1e-9, atol=1e-9)


def test_a_network_learns_a_small_table() -> None:
    """With its default settings, it learns two classes on either side of a straight line."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"x": random.random(200), "z": random.random(200)})
    frame = frame.assign(above=frame["x"] > frame["z"])
    found = scored(train(by_name("Two-Class Neural Network"), frame, "above"), frame)["Scored Labels"]
    assert (found == frame["above"]).mean() > 0.95


@pytest.mark.parametrize("rows", [7, 20])
def test_a_table_of_one_batch_gives_no_note(rows: int) -> None:
    frame = mixed(rows)[["age", "income", "visits"]]
    trained = train(by_name("Neural Network Regression"), frame, "visits", {"Number of learning iterations": 3})
    assert trained.notes == ()


@pytest.mark.parametrize("name", [name for name, module in _LEARNERS.items() if module.task == "binary"])
def test_only_boosted_trees_accept_infinite_numbers(name: str) -> None:
    frame = mixed()[["age", "income", "bought"]]
    frame.loc[[3, 8], "income"] = np.inf, -np.inf
    if "Boosted" in name:
        assert scored(train(by_name(name), frame, "bought"), frame)["Scored Probabilities"].notna().all()
        return
    with pytest.raises(ModuleFailure, match="'income' is infinite in 2 of 400 rows") as refused:
        train(by_name(name), frame, "bought")
    assert refused.value.target == "income"


def test_an_infinite_label_is_refused() -> None:
    frame = mixed()[["age", "income"]].assign(income=lambda f: f["income"].where(f.index != 3, np.inf))
    with pytest.raises(ModuleFailure, match="'income' contains infinite numbers"):
        train(by_name("Linear Regression"), frame, "income")


def test_too_many_categories_are_refused_before_memory_runs_out() -> None:
    count = 30_000
    frame = pd.DataFrame({"id": [f"customer {place}" for place in range(count)], "y": np.arange(count) % 2})
    frame = frame.assign(city=np.where(frame["y"] == 1, "Oslo", "Rome"))
    with pytest.raises(ModuleFailure, match="'id' has 30000 categories") as refused:
        train(by_name("Two-Class Logistic Regression"), frame, "y")
    assert refused.value.target == "id"
    assert "group its values" in str(refused.value.hint)
    # The limit is 2**32 bytes.
    features = (Feature("id", "String"),)
    fitting = np.array([f"{place % 16_384}" for place in range(2**15)], dtype=object)
    refuse_wide([fitting], features)
    fitting[0] = "one more"
    with pytest.raises(ModuleFailure, match="16385 categories"):
        refuse_wide([fitting], features)


@pytest.mark.parametrize(
    "name",
    [
        "Two-Class Logistic Regression",
        "Two-Class Boosted Decision Tree",
        "Decision Forest Regression",
        "Multiclass Neural Network",
    ],
)
def test_a_long_table_is_scored_in_parts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    label = {"Decision": "visits", "Multiclass": "kind"}.get(name.split(maxsplit=1)[0], "bought")
    parameters = {L1: 0} if "Logistic" in name else {}
    trained = train(by_name(name), mixed()[[*FEATURES, label]], label, parameters)
    rows = mixed(101, seed=3)
    whole = scored(trained, rows)
    sizes: list[int] = []
    answer = type(trained.compiled)._answer

    def record_size(form: Form, cells: list[Any]) -> Any:
        sizes.append(len(cells[0]))
        return answer(form, cells)

    monkeypatch.setattr(type(trained.compiled), "_answer", record_size)
    monkeypatch.setattr(predictors, "_MOST", 8 * 25 * trained.compiled.breadth)
    pd.testing.assert_frame_equal(scored(trained, rows), whole)
    assert sizes == [25, 25, 25, 25, 1]


@pytest.mark.parametrize("name", ["Two-Class Neural Network", "Neural Network Regression"])
def test_a_network_runs_all_its_iterations(name: str) -> None:
    """Even if nothing is left to learn."""
    frame = pd.DataFrame({"x": [0.0, 0.0, 1.0, 1.0], "y": [0, 0, 1, 1]})
    learnt = train(by_name(name), frame, "y", {"Number of learning iterations": 60, "The learning rate": 2})
    assert learnt.estimator[-1].n_iter_ == 60


def test_a_forest_without_resampling_still_has_a_deviation() -> None:
    trained = train(by_name("Decision Forest Regression"), mixed()[["age", "income", "visits"]], "visits", REPLICATE)
    spread = scored(trained, mixed(50, seed=3))["Scored Label Standard Deviation"]
    assert (spread > 0).any()


def test_a_forest_refuses_unknown_words_unless_they_are_allowed() -> None:
    frame = mixed()[["city", "age", "bought"]]
    strict = train(
        by_name("Two-Class Decision Forest"),
        frame,
        "bought",
        {"Allow unknown values for categorical features": False},
    )
    scored(strict, frame)
    with pytest.raises(ModuleFailure, match="Atlantis"):
        scored(strict, frame.assign(city="Atlantis"))
    with pytest.raises(ModuleFailure, match="Atlantis"):
        strict.compiled.row()(["Atlantis", 30.0])


@pytest.mark.parametrize("name", ["Two-Class Decision Forest", "Decision Forest Regression"])
def test_a_forest_takes_numbers_beyond_single_precision(name: str) -> None:
    label = "visits" if name == "Decision Forest Regression" else "bought"
    trained = train(by_name(name), mixed()[["age", "income", label]], label)
    expected = scored(trained, pd.DataFrame({"age": [30.0, -1e30], "income": [3e38, -3e38]}))
    found = scored(trained, pd.DataFrame({"age": [30.0, -1e300], "income": [1e300, -1e300]}))
    pd.testing.assert_frame_equal(found, expected)
    row = trained.compiled.row()
    assert row([30.0, 1e300]) == row([30.0, 3e38])
    assert row([-1e300, -1e300]) == row([-1e30, -3e38])


def test_a_poisson_regression_without_a_penalty_agrees_with_scikit_learn() -> None:
    frame = mixed()[["age", "income", "city", "visits"]]
    trained = train(by_name("Poisson Regression"), frame, "visits", {"L2 regularization weight": 0})
    encode = ColumnTransformer([("n", MinMaxScaler(), ["age", "income"]), ("c", OneHotEncoder(drop="first"), ["city"])])
    matrix = encode.fit_transform(frame.astype({"age": "float64", "city": object}))
    plain = PoissonRegressor(alpha=0, tol=1e-10, max_iter=10_000).fit(matrix, frame["visits"].astype(float))
    np.testing.assert_allclose(scored(trained, frame)["Scored Labels"], plain.predict(matrix), rtol=1e-5)


CALIBRATED = {
    "Two-Class Support Vector Machine": (StandardScaler(), {"loss": "hinge", "alpha": 0.001, "max_iter": 1}),
    "Two-Class Averaged Perceptron": (
        MinMaxScaler(),
        {
            "loss": "perceptron",
            "penalty": None,
            "learning_rate": "constant",
            "eta0": 1,
            "average": True,
            "max_iter": 10,
        },
    ),
}


@pytest.mark.parametrize("name", CALIBRATED)
@pytest.mark.parametrize(("least", "most"), [(3, 30), (2, 40), (4, 4), (2, 2)])
def test_calibration_has_as_many_folds_as_the_rarest_class_has_rows(name: str, least: int, most: int) -> None:
    frame = mixed().sort_values("bought")[["age", "income", "bought"]]
    few = pd.concat([frame.head(most), frame.tail(least)])
    scaler, settings = CALIBRATED[name]
    machine = SGDClassifier(tol=None, random_state=0, **settings)
    plain = make_pipeline(scaler, CalibratedClassifierCV(machine, method="sigmoid", cv=least, ensemble=False))
    rows = few[["age", "income"]].astype(float).to_numpy()
    expected = plain.fit(rows, few["bought"].astype(bool)).predict_proba(rows)[:, 1]
    trained = train(by_name(name), few, "bought")
    assert list(scored(trained, few)["Scored Probabilities"]) == pytest.approx(list(expected), rel=1e-9)
    assert trained.notes == ()


@pytest.mark.parametrize("name", CALIBRATED)
def test_a_class_of_one_row_cannot_be_calibrated(name: str) -> None:
    frame = mixed().sort_values("bought")[["age", "income", "bought"]]
    with pytest.raises(ModuleFailure, match="only 1 row has True in the label column 'bought'") as refused:
        train(by_name(name), pd.concat([frame.head(30), frame.tail(1)]), "bought")
    assert (refused.value.number, refused.value.target) == ("0021", "bought")


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("Two-Class Neural Network", {"Hidden layer specification": "Custom definition script"}, "reads Net#"),
        (
            "Multiclass Neural Network",
            {"Hidden layer specification": "Custom definition script", "Neural network definition": "input Data auto;"},
            "reads Net#",
        ),
        (
            "Neural Network Regression",
            {**SWEPT, "Hidden layer specification1": "Custom definition script"},
            "reads Net#",
        ),
        ("Two-Class Neural Network", {"Number of hidden nodes": "many"}, "not a number of hidden nodes"),
        ("Two-Class Neural Network", {"Number of hidden nodes": "10,"}, "not a number of hidden nodes"),
        ("Two-Class Neural Network", {"Number of hidden nodes": "10,0"}, "0 is too small"),
        ("Two-Class Neural Network", {"The learning rate": 2.5}, "too large"),
        ("Two-Class Neural Network", {"The momentum": 1.5}, "too large"),
        ("Two-Class Neural Network", {"The type of normalizer": "Best"}, "not a valid value"),
        ("Two-Class Decision Forest", {"Number of decision trees": 0}, "too small"),
        ("Two-Class Decision Forest", {"Resampling method": "Sometimes"}, "not a valid value"),
        ("Two-Class Support Vector Machine", {"The value lambda": 0}, "too small"),
        ("Two-Class Averaged Perceptron", {"Maximum number of iterations": 0}, "too small"),
        ("Poisson Regression", {"L2 regularization weight": -1}, "too small"),
    ],
)
def test_an_unsupported_setting_is_refused(name: str, parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(ModuleFailure, match=words):
        given(by_name(name), None, parameters)


@pytest.mark.parametrize(
    ("name", "parameters", "keys"),
    [
        ("Two-Class Decision Forest", {}, []),
        ("Two-Class Decision Forest", {"Number of random splits per node": 64}, ["Number of random splits per node"]),
        ("Neural Network Regression", {}, []),
        (
            "Neural Network Regression",
            {"The initial learning weights diameter": 0.5},
            ["The initial learning weights diameter"],
        ),
        ("Two-Class Neural Network", {**SWEPT, "The learning rate": "1.5"}, ["The learning rate"]),
        ("Poisson Regression", {}, ["L1 regularization weight"]),
        ("Poisson Regression", {"L1 regularization weight": 0, SEED: 4}, [SEED]),
        (
            "Poisson Regression",
            {
                "L1 regularization weight": 0,
                "Memory size for L-BFGS the lower the value the faster and less accurate the training": 5,
            },
            ["Memory size for L-BFGS the lower the value the faster and less accurate the training"],
        ),
    ],
)
def test_a_parameter_without_effect_is_reported(name: str, parameters: dict[str, Any], keys: list[str]) -> None:
    notes = by_name(name).notes({key: str(value) for key, value in parameters.items()})
    assert len(notes) == len(keys)
    for note, key in zip(notes, keys, strict=True):
        assert repr(key) in note


@pytest.mark.parametrize(
    ("name", "ranges"),
    [
        (
            "Two-Class Decision Forest",
            {
                "Number of decision trees": (1, 8, 32),
                "Maximum depth of the decision trees": (1, 16, 64),
                "Minimum number of samples per leaf node": (1, 4, 16),
            },
        ),
        (
            "Neural Network Regression",
            {"The learning rate": (0.1, 0.2, 0.4), "Number of learning iterations": (20, 40, 80, 160)},
        ),
        (
            "Two-Class Support Vector Machine",
            {"Number of iterations": (1, 10, 100), "The value lambda": (0.00001, 0.0001, 0.001, 0.01, 0.1)},
        ),
        (
            "Two-Class Averaged Perceptron",
            {"Initial learning rate": (0.1, 0.5, 1.0), "Maximum number of iterations": (1, 10)},
        ),
        ("Poisson Regression", {"L2 regularization weight": (0.01, 0.1, 1.0)}),
    ],
)
def test_a_sweep_has_the_ranges_of_the_learner(name: str, ranges: dict[str, tuple[float, ...]]) -> None:
    (untrained,) = given(by_name(name), None, SWEPT)
    assert ranges.items() <= untrained.ranges.items()
    assert {key: untrained.settings[key] for key in ranges} == {key: values[0] for key, values in ranges.items()}


def test_a_poisson_regression_refuses_negative_labels() -> None:
    frame = mixed()[["age", "visits"]].assign(visits=lambda f: f["visits"] - 3)
    with pytest.raises(ModuleFailure, match=r"counts, but the label column 'visits' contains -3") as refused:
        train(by_name("Poisson Regression"), frame, "visits")
    assert refused.value.target == "visits"


@pytest.mark.parametrize(
    "name", ["Two-Class Neural Network", "Two-Class Support Vector Machine", "Two-Class Averaged Perceptron"]
)
def test_learners_that_need_complete_rows_do_not_score_the_others(name: str) -> None:
    frame = mixed()[["age", "income", "bought"]]
    parameters = {"Number of learning iterations": 5} if "Network" in name else {}
    trained = train(by_name(name), frame, "bought", parameters)
    holed = frame.assign(income=frame["income"].where(frame.index != 2))
    scores = scored(trained, holed)
    assert list(scores.index[scores["Scored Probabilities"].isna()]) == [2]
    with pytest.raises(ModuleFailure, match="needs complete data"):
        train(by_name(name), holed, "bought", parameters)


@pytest.mark.filterwarnings("ignore:Bins whose width")
def test_numbers_beyond_all_bins_fall_into_the_last_one() -> None:
    frame = mixed()[["age", "income", "bought"]]
    parameters = {"Number of learning iterations": 5, "The type of normalizer": "Binning normalizer"}
    trained = train(by_name("Two-Class Neural Network"), frame, "bought", parameters)
    usual = scored(trained, pd.DataFrame({"age": [90.0, 18.0], "income": [90_000.0, -90_000.0]}))
    pd.testing.assert_frame_equal(
        scored(trained, pd.DataFrame({"age": [np.inf, -1e300], "income": [np.inf, -np.inf]})), usual
    )


def test_a_forest_compares_in_single_precision_as_scikit_learn_does() -> None:
    """Checked at its own thresholds, which single precision moves to either side."""
    trained = train(by_name("Decision Forest Regression"), mixed()[["income", "visits"]], "visits")
    trees = [tree.tree_ for tree in trained.estimator[-1].estimators_]
    edges = np.concatenate([tree.threshold[tree.feature >= 0] for tree in trees])
    expected = trained.estimator.predict(pd.DataFrame({"income": edges}))
    row = trained.compiled.row()
    np.testing.assert_allclose([row([edge])[0] for edge in edges.tolist()], expected)
    np.testing.assert_allclose(scored(trained, pd.DataFrame({"income": edges}))["Scored Label Mean"], expected)
