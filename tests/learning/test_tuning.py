"""Tune Model Hyperparameters and Cross Validate Model against scikit-learn's grid search on the same folds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_val_predict, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from mlmgmt.modules.base import Dataset, Module, ModuleFailure
from mlmgmt.modules.classification import (
    MULTICLASS_LOGISTIC_REGRESSION,
    TWO_CLASS_BOOSTED_DECISION_TREE,
    TWO_CLASS_LOGISTIC_REGRESSION,
)
from mlmgmt.modules.evaluation import METRICS, more_is_better
from mlmgmt.modules.regression import LINEAR_REGRESSION
from mlmgmt.modules.train_score import EVALUATE_MODEL
from mlmgmt.modules.tuning import CROSS_VALIDATE_MODEL, TUNE_MODEL_HYPERPARAMETERS, folds
from tests.learning.making import FEATURES, call, given, mixed, names, selection

LABEL = "Name or numerical index of the label column"
MODE, SEED = "Specify parameter sweeping mode", "Random seed"
FOR_CLASSES = "Metric for measuring performance for classification"
FOR_NUMBERS = "Metric for measuring performance for regression"
RUNS, GRID_RUNS, GRID_SEED = (
    "Maximum number of runs on random sweep",
    "Maximum number of runs on random grid",
    "Random seed for random grid",
)
TOLERANCE, L1, L2 = "Optimization Tolerance", "L1 Regularization weight", "L2 Regularizaton weight"
RANGES = {
    "Create trainer mode": "ParameterRange",
    "Range for optimization tolerance": "1e-7",
    "Range for L1 regularization weight": "0",
    "Range for L2 regularization weight": "0.1; 1; 10",
}
DESCENT = {
    "Solution method": "Online Gradient Descent",
    "Create trainer mode": "ParameterRange",
    "Range for learning rate": "0.05; 0.2",
    "Range for number of epochs over which algorithm iterates through examples": "10; 50",
    "Range for L2 regularization term weight": "0.001; 0.1",
}

CANCER = load_breast_cancer(as_frame=True).frame[["mean radius", "mean texture", "mean symmetry", "target"]]
WINE = load_wine(as_frame=True).frame[["alcohol", "malic_acid", "target"]]
DIABETES = load_diabetes(as_frame=True).frame


def tune(
    learner: Module,
    frame: pd.DataFrame,
    settings: dict[str, Any],
    validation: pd.DataFrame | None = None,
    label: str = "target",
    **parameters: Any,
) -> tuple[pd.DataFrame, Any]:
    (untrained,) = given(learner, None, settings)
    inputs = {"Untrained model": untrained, "Training dataset": Dataset(frame)}
    if validation is not None:
        inputs["Validation dataset"] = Dataset(validation)
    found = {key.replace("_", " "): value for key, value in parameters.items()}
    results, trained = given(TUNE_MODEL_HYPERPARAMETERS, inputs, {LABEL: selection(names(label)), **found})
    return results.frame, trained


def run_cross_validation(
    learner: Module, frame: pd.DataFrame, label: str = "target", settings: dict[str, Any] | None = None, seed: int = 3
) -> tuple[Dataset, pd.DataFrame]:
    (untrained,) = given(learner, None, settings or {})
    inputs = {"Untrained model": untrained, "Dataset": Dataset(frame)}
    scored, by_fold = given(CROSS_VALIDATE_MODEL, inputs, {LABEL: selection(names(label)), SEED: seed})
    return scored, by_fold.frame


def logistic(**settings: Any) -> Any:
    return make_pipeline(MinMaxScaler(), LogisticRegression(**({"tol": 1e-7, "max_iter": 5000} | settings)))


@pytest.mark.parametrize(
    ("learner", "frame", "columns"),
    [
        (TWO_CLASS_LOGISTIC_REGRESSION, CANCER, {"Accuracy": "accuracy", "Recall": "recall", "AUC": "roc_auc"}),
        (
            MULTICLASS_LOGISTIC_REGRESSION,
            WINE,
            {"Overall accuracy": "accuracy", "Macro-averaged recall": "recall_macro"},
        ),
    ],
)
def test_the_entire_grid_agrees_with_scikit_learn_s_grid_search(
    learner: Any, frame: Any, columns: dict[str, str]
) -> None:
    results, trained = tune(learner, frame, RANGES, **{MODE: "Entire grid"})
    rows, truth = frame.drop(columns="target"), frame["target"]
    search = GridSearchCV(
        logistic(),
        {"logisticregression__C": [10, 1, 0.1]},
        cv=StratifiedKFold(10, shuffle=True, random_state=0),
        scoring=list(columns.values()),
        refit="accuracy",
    ).fit(rows, truth)
    found = results.set_index(L2)
    assert sorted(found.index) == [0.1, 1, 10]
    for metric, score in columns.items():
        expected = dict(zip([0.1, 1, 10], search.cv_results_[f"mean_test_{score}"], strict=True))
        assert dict(found[metric]) == pytest.approx(expected)
    assert 1 / results[L2][0] == pytest.approx(search.best_params_["logisticregression__C"])
    assert list(results.columns) == [TOLERANCE, L1, L2, *METRICS[trained.task]]
    chances = trained.score(Dataset(frame)).filter(like="Scored Probabilities").to_numpy()
    whole = search.best_estimator_.predict_proba(rows)
    np.testing.assert_allclose(chances, whole[:, 1:] if trained.task == "binary" else whole, rtol=1e-9)


def test_runs_are_measured_on_the_validation_dataset_and_not_trained_on_it() -> None:
    first, second = CANCER[::2], CANCER[1::2]
    results, trained = tune(
        TWO_CLASS_LOGISTIC_REGRESSION, first, RANGES, second, **{MODE: "Entire grid", FOR_CLASSES: "Average Log Loss"}
    )
    for weight, loss in zip(results[L2], results["Average Log Loss"], strict=True):
        plain = logistic(C=1 / weight).fit(first.iloc[:, :3], first["target"])
        assert loss == pytest.approx(metrics.log_loss(second["target"], plain.predict_proba(second.iloc[:, :3])))
    best = logistic(C=1 / results[L2][0]).fit(first.iloc[:, :3], first["target"])
    chance = trained.score(Dataset(second))["Scored Probabilities"]
    np.testing.assert_allclose(chance, best.predict_proba(second.iloc[:, :3])[:, 1])


@pytest.mark.parametrize(
    ("choice", "metric"),
    [
        ("Accuracy", "Accuracy"),
        ("Precision", "Precision"),
        ("Recall", "Recall"),
        ("F-score", "F-Score"),
        ("AUC", "AUC"),
        ("Average Log Loss", "Average Log Loss"),
        ("Train Log Loss", "Training Log Loss"),
    ],
)
def test_two_classes_are_ranked_by_the_metric_that_is_chosen(choice: str, metric: str) -> None:
    wide = RANGES | {"Range for L2 regularization weight": "0.01; 1; 100; 30"}
    results, trained = tune(
        TWO_CLASS_LOGISTIC_REGRESSION, CANCER[::2], wide, CANCER[1::2], **{MODE: "Entire grid", FOR_CLASSES: choice}
    )
    assert list(results[metric]) == sorted(results[metric], reverse=more_is_better(metric))
    assert results[metric].nunique() > 1
    assert trained.parameters[L2] == results[L2][0]


@pytest.mark.parametrize(
    ("choice", "metric"),
    [("Accuracy", "Overall accuracy"), ("Precision", "Macro-averaged precision"), ("Recall", "Macro-averaged recall")],
)
def test_several_classes_are_ranked_by_their_own_metrics(choice: str, metric: str) -> None:
    wide = RANGES | {"Range for L2 regularization weight": "100; 1; 0.01"}
    results, _ = tune(
        MULTICLASS_LOGISTIC_REGRESSION, WINE[::2], wide, WINE[1::2], **{MODE: "Entire grid", FOR_CLASSES: choice}
    )
    assert list(results[metric]) == sorted(results[metric], reverse=True)
    assert results[metric].nunique() > 1


@pytest.mark.parametrize("choice", ["F-score", "AUC", "Average Log Loss", "Train Log Loss"])
def test_a_metric_that_several_classes_do_not_have_is_refused(choice: str) -> None:
    with pytest.raises(ModuleFailure, match=f"{choice} is not measured") as refused:
        tune(MULTICLASS_LOGISTIC_REGRESSION, WINE, RANGES, **{FOR_CLASSES: choice})
    assert refused.value.target == FOR_CLASSES
    assert refused.value.hint == "Use one of: Accuracy, Precision, Recall."


@pytest.mark.parametrize(
    ("choice", "metric"),
    [
        ("Mean absolute error", "Mean Absolute Error"),
        ("Root of mean squared error", "Root Mean Squared Error"),
        ("Relative absolute error", "Relative Absolute Error"),
        ("Relative squared error", "Relative Squared Error"),
        ("Coefficient of determination", "Coefficient of Determination"),
    ],
)
def test_numbers_are_ranked_by_the_metric_that_is_chosen(choice: str, metric: str) -> None:
    results, trained = tune(
        LINEAR_REGRESSION, DIABETES[::2], DESCENT, DIABETES[1::2], **{MODE: "Entire grid", FOR_NUMBERS: choice}
    )
    assert len(results) == 8
    assert list(results[metric]) == sorted(results[metric], reverse=more_is_better(metric))
    assert results[metric].nunique() == 8
    assert trained.parameters["Learning rate"] == results["Learning rate"][0]


def test_a_learner_without_ranges_runs_once() -> None:
    results, _ = tune(LINEAR_REGRESSION, DIABETES, {"L2 regularization weight": 0.5}, **{SEED: 4})
    scores = cross_validate(
        Ridge(0.5),
        DIABETES.iloc[:, :10],
        DIABETES["target"],
        cv=KFold(10, shuffle=True, random_state=4),
        scoring=["neg_mean_absolute_error", "r2"],
    )
    assert list(results.columns) == list(METRICS["regression"])
    assert list(results["Mean Absolute Error"]) == pytest.approx([-scores["test_neg_mean_absolute_error"].mean()])
    assert list(results["Coefficient of Determination"]) == pytest.approx([scores["test_r2"].mean()])


def test_a_learner_with_single_values_is_swept_over_its_default_ranges_that_have_an_effect() -> None:
    data = mixed()[[*FEATURES, "bought"]]
    results, _ = tune(TWO_CLASS_LOGISTIC_REGRESSION, data, {}, data, "bought", **{MODE: "Entire grid"})
    assert len(results) == 2 * 4 * 3
    assert sorted(set(results[L1])) == [0, 0.01, 0.1, 1]
    assert "Memory Size" not in results


def test_a_random_sweep_may_draw_the_same_values_again() -> None:
    sweep = {RUNS: 7, SEED: 5}
    two = RANGES | {"Range for L2 regularization weight": "0.1; 10"}
    results, _ = tune(TWO_CLASS_LOGISTIC_REGRESSION, CANCER, two, CANCER, **sweep)
    assert len(results) == 7
    assert set(results[L2]) == {0.1, 10}
    assert len(results.drop_duplicates()) == 2
    again, _ = tune(TWO_CLASS_LOGISTIC_REGRESSION, CANCER, two, CANCER, **sweep)
    pd.testing.assert_frame_equal(results, again)
    five, _ = tune(TWO_CLASS_LOGISTIC_REGRESSION, CANCER, RANGES, CANCER)
    assert len(five) == 5


def test_a_random_grid_tries_different_combinations_each_once() -> None:
    many = RANGES | {"Range for L2 regularization weight": ";".join(str(value) for value in range(1, 21))}
    sample = {MODE: "Random grid", GRID_RUNS: 15, GRID_SEED: 5}
    results, _ = tune(TWO_CLASS_LOGISTIC_REGRESSION, CANCER, many, CANCER, **sample)
    assert results[L2].nunique() == len(results) == 15
    again, _ = tune(TWO_CLASS_LOGISTIC_REGRESSION, CANCER, many, CANCER, **sample)
    pd.testing.assert_frame_equal(results, again)
    other, _ = tune(TWO_CLASS_LOGISTIC_REGRESSION, CANCER, many, CANCER, **sample | {GRID_SEED: 6})
    assert set(other[L2]) != set(results[L2])
    whole, _ = tune(TWO_CLASS_LOGISTIC_REGRESSION, CANCER, many, CANCER, **sample | {GRID_RUNS: 50})
    assert len(whole) == 20


@pytest.mark.parametrize("mode", [{RUNS: 12}, {MODE: "Random grid", GRID_RUNS: 12}])
def test_a_seed_of_zero_means_the_clock(mode: dict[str, Any]) -> None:
    many = RANGES | {"Range for L2 regularization weight": ";".join(str(value) for value in range(1, 101))}
    drawn = [tune(TWO_CLASS_LOGISTIC_REGRESSION, CANCER, many, CANCER, **mode)[0][L2] for _ in range(2)]
    assert sorted(drawn[0]) != sorted(drawn[1])


def test_of_equal_runs_the_earlier_one_is_best() -> None:
    frame = pd.DataFrame({"x": [0.0] * 20 + [1.0] * 20, "target": [False] * 20 + [True] * 20})
    results, trained = tune(TWO_CLASS_LOGISTIC_REGRESSION, frame, RANGES, frame, **{MODE: "Entire grid"})
    assert list(results["Accuracy"]) == [1, 1, 1]
    assert list(results[L2]) == [0.1, 1, 10]
    assert trained.parameters[L2] == 0.1


def test_runs_are_not_ranked_by_a_metric_that_no_run_has() -> None:
    only = CANCER[CANCER["target"] == 1]
    with pytest.raises(ModuleFailure, match="No run has a value of 'AUC'"):
        tune(TWO_CLASS_LOGISTIC_REGRESSION, CANCER, RANGES, only, **{FOR_CLASSES: "AUC"})
    results, _ = tune(TWO_CLASS_LOGISTIC_REGRESSION, CANCER, RANGES, only, **{FOR_CLASSES: "Recall"})
    assert results["AUC"].isna().all()


def test_trees_are_tuned_on_missing_values_and_words() -> None:
    data = mixed(120, missing=True)[[*FEATURES, "bought"]]
    few = {
        "Create trainer mode": "ParameterRange",
        "Range for maximum number of leaves per tree": "2; 4",
        "Range for minimum number of training instances required to form a leaf": "5",
        "Range for learning rate": "0.2",
        "Range for total number of trees constructed": "5",
    }
    results, trained = tune(TWO_CLASS_BOOSTED_DECISION_TREE, data, few, label="bought", **{MODE: "Entire grid"})
    assert sorted(results["Maximum number of leaves per tree"]) == [2, 4]
    assert trained.parameters["Maximum number of leaves per tree"] == results["Maximum number of leaves per tree"][0]


def test_few_rows_give_fewer_folds_and_rows_without_a_label_are_in_no_fold() -> None:
    def sizes(*values: Any, task: str = "binary") -> list[int]:
        return [len(places) for places in folds(pd.Series(values), task, 1)]

    assert sizes(*range(40), task="regression") == [4] * 10
    assert sizes(*range(9), task="regression") == [3, 2, 2, 2]
    assert sizes(1.0, 2.0, None, task="regression") == [1, 1]
    assert sizes(*"aabb") == [2, 2]
    assert len(sizes(*"aaaabbbbccccdddd", task="multiclass")) == 4
    label = pd.Series(["a", None, "b"] * 20)
    assert sorted(np.concatenate(folds(label, "binary", 1))) == list(np.flatnonzero(label.notna()))


def test_a_rare_class_is_in_every_training_set() -> None:
    label = pd.Series(["common"] * 98 + ["rare"] * 2)
    held = folds(label, "binary", 1)
    assert len(held) == 10
    assert max(int((label[places] == "rare").sum()) for places in held) == 1


@pytest.mark.parametrize(
    ("values", "task", "words"),
    [
        ([1.0, None], "regression", "at least two rows"),
        ([None, None], "regression", "at least two rows"),
        (["a", "a", "a", "b"], "binary", "two classes of at least two rows"),
        (["a", "b", "c"], "multiclass", "two classes of at least two rows"),
    ],
)
def test_too_few_rows_for_folds_are_refused(values: list[Any], task: str, words: str) -> None:
    with pytest.raises(ModuleFailure, match=words) as refused:
        folds(pd.Series(values, name="target"), task, 1)
    assert refused.value.number == "0021"


def test_cross_validation_scores_two_classes_as_scikit_learn_does() -> None:
    scored, by_fold = run_cross_validation(TWO_CLASS_LOGISTIC_REGRESSION, CANCER, settings={L1: 0, L2: 2})
    rows, truth = CANCER.iloc[:, :3], CANCER["target"]
    cv = StratifiedKFold(10, shuffle=True, random_state=3)
    plain = logistic(C=0.5)
    chance = cross_val_predict(plain, rows, truth, cv=cv, method="predict_proba")[:, 1]
    added = ["Fold Assignments", "Scored Labels", "Scored Probabilities"]
    assert list(scored.frame.columns) == [*CANCER.columns, *added]
    pd.testing.assert_frame_equal(scored.frame[CANCER.columns], CANCER)
    np.testing.assert_allclose(scored.frame["Scored Probabilities"], chance, rtol=1e-9)
    for number, (_, held) in enumerate(cv.split(rows, truth)):
        assert set(scored.frame["Fold Assignments"].iloc[held]) == {number}
    scores = cross_validate(plain, rows, truth, cv=cv, scoring=["accuracy", "roc_auc", "neg_log_loss"])
    first = ["Fold number", "Number of examples in fold", "Model"]
    assert list(by_fold.columns) == [*first, *METRICS["binary"]]
    assert list(by_fold["Fold number"]) == [*map(str, range(10)), "Mean", "Standard Deviation"]
    assert set(by_fold["Model"]) == {"Two-Class Logistic Regression"}
    assert list(by_fold["Number of examples in fold"][:10]) == [len(held) for _, held in cv.split(rows, truth)]
    for metric, score in {"Accuracy": "accuracy", "AUC": "roc_auc", "Average Log Loss": "neg_log_loss"}.items():
        values = np.abs(scores[f"test_{score}"])
        expected = [*values, values.mean(), values.std(ddof=1)]
        assert list(by_fold[metric]) == pytest.approx(expected)


def test_cross_validation_scores_several_classes_and_numbers_as_scikit_learn_does() -> None:
    scored, by_fold = run_cross_validation(MULTICLASS_LOGISTIC_REGRESSION, WINE, settings={L1: 0})
    cv = StratifiedKFold(10, shuffle=True, random_state=3)
    chances = cross_val_predict(logistic(), WINE.iloc[:, :2], WINE["target"], cv=cv, method="predict_proba")
    found = scored.frame.filter(like="Scored Probabilities for Class").to_numpy()
    np.testing.assert_allclose(found, chances, rtol=1e-9)
    assert list(scored.frame["Scored Labels"]) == list(chances.argmax(axis=1))
    assert list(by_fold.columns[3:]) == list(METRICS["multiclass"])
    scored, by_fold = run_cross_validation(LINEAR_REGRESSION, DIABETES, settings={"L2 regularization weight": 0.5})
    cv = KFold(10, shuffle=True, random_state=3)
    values = cross_val_predict(Ridge(0.5), DIABETES.iloc[:, :10], DIABETES["target"], cv=cv)
    np.testing.assert_allclose(scored.frame["Scored Labels"], values, rtol=1e-9)
    assert by_fold["Negative Log Likelihood"][10] == float("inf")


def test_scores_from_folds_can_be_evaluated_together() -> None:
    scored, _ = run_cross_validation(TWO_CLASS_LOGISTIC_REGRESSION, CANCER)
    assert (scored.role("target"), scored.role("Scored Labels")) == ("Label", "Score")
    assert scored.role("Fold Assignments") == "None"
    (result,) = call(EVALUATE_MODEL, {"Scored dataset": scored})
    chance = scored.frame["Scored Probabilities"]
    assert result.frame["AUC"][0] == pytest.approx(metrics.roc_auc_score(CANCER["target"], chance))


def test_rows_without_a_label_are_kept_without_a_fold_and_the_index_does_not_change() -> None:
    frame = CANCER.assign(target=CANCER["target"].astype("Int64").where(CANCER.index % 5 > 0))
    frame = frame.set_axis(np.arange(len(frame)) // 2, axis=0)
    scored, by_fold = run_cross_validation(TWO_CLASS_LOGISTIC_REGRESSION, frame)
    assert list(scored.frame.index) == list(frame.index)
    unlabelled = frame["target"].isna().to_numpy()
    for column in ("Fold Assignments", "Scored Labels", "Scored Probabilities"):
        assert list(scored.frame[column].isna()) == list(unlabelled)
    assert by_fold["Number of examples in fold"][:10].sum() == (~unlabelled).sum()


def test_score_columns_and_folds_of_an_earlier_validation_are_replaced() -> None:
    (untrained,) = given(TWO_CLASS_LOGISTIC_REGRESSION, None, {})
    once, _ = run_cross_validation(TWO_CLASS_LOGISTIC_REGRESSION, CANCER)
    inputs = {"Untrained model": untrained, "Dataset": once}
    again, _ = given(CROSS_VALIDATE_MODEL, inputs, {SEED: 3})
    pd.testing.assert_frame_equal(again.frame, once.frame)


def test_a_class_that_only_one_fold_has_gets_a_probability_of_zero_there() -> None:
    frame = WINE.iloc[:131].assign(target=["a", "b"] * 65 + ["c"])
    scored, by_fold = run_cross_validation(MULTICLASS_LOGISTIC_REGRESSION, frame)
    single = scored.frame.iloc[-1]
    assert single['Scored Probabilities for Class "c"'] == 0
    assert single["Scored Labels"] in ("a", "b")
    assert len(by_fold) == 12


def test_cross_validation_depends_only_on_its_seed() -> None:
    first, second, other, clock, later = (
        list(run_cross_validation(LINEAR_REGRESSION, DIABETES, seed=seed)[0].frame["Fold Assignments"])
        for seed in (3, 3, 4, 0, 0)
    )
    assert first == second != other
    assert clock != later


@pytest.mark.parametrize(
    ("frame", "words", "number"),
    [
        (CANCER.assign(target=1), "fold 0 held out: .* only one value", "0134"),
        (CANCER.assign(target=CANCER.index % 3), "fold 0 held out: .* has 3\\.", "0056"),
        (CANCER.assign(target=None), "at least two rows", "0021"),
        (CANCER.head(0), "at least two rows", "0021"),
        (CANCER.head(1), "at least two rows", "0021"),
        (CANCER.assign(**{"mean radius": np.nan}), "'mean radius' has no values", "0021"),
        (CANCER.drop(columns="target"), "column 'target' does not exist", "0001"),
    ],
)
def test_what_cannot_be_cross_validated_or_tuned_is_refused_with_the_reason(
    frame: Any, words: str, number: str
) -> None:
    with pytest.raises(ModuleFailure, match=words) as refused:
        run_cross_validation(TWO_CLASS_LOGISTIC_REGRESSION, frame)
    assert refused.value.number == number
    with pytest.raises(ModuleFailure, match=words):
        tune(TWO_CLASS_LOGISTIC_REGRESSION, frame, RANGES)


def test_a_validation_dataset_needs_the_label_and_rows() -> None:
    with pytest.raises(ModuleFailure, match="validation dataset has no label") as refused:
        tune(TWO_CLASS_LOGISTIC_REGRESSION, CANCER, RANGES, CANCER.drop(columns="target"))
    assert (refused.value.number, refused.value.target) == ("0024", "Validation dataset")
    with pytest.raises(ModuleFailure, match="No row has both"):
        tune(TWO_CLASS_LOGISTIC_REGRESSION, CANCER, RANGES, CANCER.head(0))


def test_a_clustering_cannot_be_validated() -> None:
    (untrained,) = given(TWO_CLASS_LOGISTIC_REGRESSION, None, {})
    clusters = replace(untrained, task="clustering", learner="K-Means Clustering")
    for module, port in ((TUNE_MODEL_HYPERPARAMETERS, "Training dataset"), (CROSS_VALIDATE_MODEL, "Dataset")):
        with pytest.raises(ModuleFailure, match="K-Means Clustering is a clustering"):
            given(module, {"Untrained model": clusters, port: Dataset(CANCER)}, {LABEL: "target"})


@pytest.mark.parametrize(
    ("key", "value", "mode", "words"),
    [
        (RUNS, "0", "Random sweep", "too small"),
        (RUNS, "10001", "Random sweep", "too large"),
        (SEED, "-1", "Random sweep", "too small"),
        (GRID_RUNS, "0", "Random grid", "too small"),
        (GRID_RUNS, "10001", "Random grid", "too large"),
        (GRID_SEED, str(2**32), "Random grid", "too large"),
        (FOR_CLASSES, "Luck", "Entire grid", "not a valid value"),
        (FOR_NUMBERS, "Luck", "Entire grid", "not a valid value"),
        (LABEL, "target", "Luck", "not a valid value"),
    ],
)
def test_a_bad_parameter_is_refused(key: str, value: str, mode: str, words: str) -> None:
    with pytest.raises(ModuleFailure, match=words):
        TUNE_MODEL_HYPERPARAMETERS.arguments({MODE: mode, key: value})
