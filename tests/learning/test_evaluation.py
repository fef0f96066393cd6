"""Evaluate Model and the curves of a report against scikit-learn, SciPy and numbers calculated by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from mlmgmt.modules.base import Dataset, ModuleFailure, Scored
from mlmgmt.modules.classification import MULTICLASS_LOGISTIC_REGRESSION, TWO_CLASS_LOGISTIC_REGRESSION
from mlmgmt.modules.curves import BinaryCurves, MulticlassCurves, RegressionCurves, curves
from mlmgmt.modules.evaluation import HEADLINE, METRICS, compare, more_is_better
from mlmgmt.modules.regression import LINEAR_REGRESSION
from mlmgmt.modules.train_score import EVALUATE_MODEL, SCORE_MODEL
from tests.learning.making import call, train

BINARY = Scored("binary", "y", (False, True))
LETTERS = Scored("multiclass", "y", ("a", "b", "c"))
NUMBER = Scored("regression", "y")
SPREAD = Scored("regression", "y", spread=True)
CLUSTERS = Scored("clustering", "")


def run_evaluation(*datasets: Dataset) -> pd.DataFrame:
    ports = ("Scored dataset", "Scored dataset to compare")
    (result,) = call(EVALUATE_MODEL, dict(zip(ports, datasets, strict=False)))
    return result.frame


def score_rows(learner: Any, frame: pd.DataFrame, label: str = "target", **parameters: Any) -> Dataset:
    inputs = {"Trained model": train(learner, frame, label, parameters), "Dataset": Dataset(frame)}
    return call(SCORE_MODEL, inputs)[0]


def two_classes(truth: Any, chance: Any) -> pd.DataFrame:
    chance = np.asarray(chance, dtype=float)
    return pd.DataFrame({"y": truth, "Scored Labels": chance > 0.5, "Scored Probabilities": chance})


def letters(truth: Any, answers: Any) -> pd.DataFrame:
    return pd.DataFrame({"y": list(truth), "Scored Labels": list(answers)})


def cluster_iris(count: int = 3) -> tuple[pd.DataFrame, KMeans, Any]:
    rows = load_iris().data
    model = KMeans(count, n_init=1, random_state=0).fit(rows)
    distances = model.transform(rows)
    frame = pd.DataFrame({f"DistancesToClusterCenter no.{i}": distances[:, i] for i in range(count)})
    frame.insert(0, "Assignments", pd.array(model.labels_, dtype="Int64"))
    return frame, model, rows


def test_two_classes_are_measured_as_scikit_learn_does() -> None:
    random = np.random.default_rng(1)
    chance = random.random(300)
    truth = random.random(300) < chance
    frame = two_classes(truth, chance)
    row = run_evaluation(Dataset(frame, scored=BINARY)).iloc[0]
    loss, prior = metrics.log_loss(truth, chance), truth.mean()
    entropy = -(prior * np.log(prior) + (1 - prior) * np.log(1 - prior))
    expected = {
        "Accuracy": metrics.accuracy_score(truth, chance > 0.5),
        "Precision": metrics.precision_score(truth, chance > 0.5),
        "Recall": metrics.recall_score(truth, chance > 0.5),
        "F-Score": metrics.f1_score(truth, chance > 0.5),
        "AUC": metrics.roc_auc_score(truth, chance),
        "Average Log Loss": loss,
        "Training Log Loss": 100 * (1 - loss / entropy),
    }
    assert dict(row) == pytest.approx(expected)


def test_two_classes_are_measured_as_the_reference_shows() -> None:
    truth = [True] * (59 + 119) + [False] * (18 + 552)
    chance = [0.9] * 59 + [0.1] * 119 + [0.9] * 18 + [0.1] * 552
    row = run_evaluation(Dataset(two_classes(truth, chance), scored=BINARY)).iloc[0]
    assert [round(value, 3) for value in row[:4]] == [0.817, 0.766, 0.331, 0.463]


def test_rows_of_one_class_have_no_auc() -> None:
    row = run_evaluation(Dataset(two_classes([False, False], [0.2, 0.1]), scored=BINARY)).iloc[0]
    assert row["Accuracy"] == 1
    assert (row["Precision"], row["Recall"], row["F-Score"]) == (0, 0, 0)
    assert np.isnan(row["AUC"])
    assert np.isnan(row["Training Log Loss"])


def test_several_classes_are_measured_as_scikit_learn_does() -> None:
    data = load_wine(as_frame=True).frame
    data["target"] = data["target"].map({0: "red", 1: "white", 2: "rose"}).astype("str")
    scored = score_rows(MULTICLASS_LOGISTIC_REGRESSION, data.iloc[:, [0, 1, -1]])
    truth, answers = data["target"], scored.frame["Scored Labels"]
    assert 0.6 < metrics.accuracy_score(truth, answers) < 1
    confusion = metrics.multilabel_confusion_matrix(truth, answers)
    expected = {
        "Overall accuracy": metrics.accuracy_score(truth, answers),
        "Average accuracy": np.mean([matrix.trace() / matrix.sum() for matrix in confusion]),
        "Micro-averaged precision": metrics.precision_score(truth, answers, average="micro"),
        "Macro-averaged precision": metrics.precision_score(truth, answers, average="macro"),
        "Micro-averaged recall": metrics.recall_score(truth, answers, average="micro"),
        "Macro-averaged recall": metrics.recall_score(truth, answers, average="macro"),
    }
    assert dict(run_evaluation(scored).iloc[0]) == pytest.approx(expected)


def test_average_accuracy_is_as_the_reference_shows() -> None:
    right, count = 607, 748
    frame = letters("abc" * right + "a" * 3 * (count - right), "abc" * right + "bcb" * (count - right))
    row = run_evaluation(Dataset(frame, scored=LETTERS)).iloc[0]
    assert row["Overall accuracy"] == pytest.approx(0.811497, abs=1e-6)
    assert row["Average accuracy"] == pytest.approx(0.874332, abs=1e-6)


def test_a_class_that_is_neither_actual_nor_predicted_does_not_count() -> None:
    frame = letters("aabb", "abbb")
    row = run_evaluation(Dataset(frame, scored=LETTERS)).iloc[0]
    assert row["Macro-averaged recall"] == metrics.recall_score(frame["y"], frame["Scored Labels"], average="macro")
    assert row["Average accuracy"] == 0.75


def test_a_label_that_the_model_does_not_know_counts_as_missed() -> None:
    row = run_evaluation(Dataset(letters("aabz", "aabb"), scored=LETTERS)).iloc[0]
    assert row["Overall accuracy"] == 0.75
    assert row["Macro-averaged recall"] == pytest.approx(2 / 3)


def test_numbers_are_measured_as_scikit_learn_does() -> None:
    data = load_diabetes(as_frame=True)
    scored = score_rows(LINEAR_REGRESSION, data.frame)
    truth, value = data.target, scored.frame["Scored Labels"]
    expected = {
        "Negative Log Likelihood": float("inf"),
        "Mean Absolute Error": metrics.mean_absolute_error(truth, value),
        "Root Mean Squared Error": metrics.root_mean_squared_error(truth, value),
        "Relative Absolute Error": np.abs(truth - value).sum() / np.abs(truth - truth.mean()).sum(),
        "Relative Squared Error": 1 - metrics.r2_score(truth, value),
        "Coefficient of Determination": metrics.r2_score(truth, value),
    }
    assert dict(run_evaluation(scored).iloc[0]) == pytest.approx(expected)


def spread(truth: Any, mean: Any, deviation: Any) -> pd.DataFrame:
    return pd.DataFrame({"y": truth, "Scored Label Mean": mean, "Scored Label Standard Deviation": deviation})


def test_a_mean_and_a_deviation_have_a_likelihood() -> None:
    random = np.random.default_rng(2)
    mean, deviation = random.normal(5, 2, 100), random.uniform(0.5, 2, 100)
    truth = random.normal(mean, deviation)
    row = run_evaluation(Dataset(spread(truth, mean, deviation), scored=SPREAD)).iloc[0]
    assert row["Negative Log Likelihood"] == pytest.approx(-norm.logpdf(truth, mean, deviation).sum())
    assert row["Mean Absolute Error"] == pytest.approx(metrics.mean_absolute_error(truth, mean))


def test_a_deviation_of_zero_counts_as_a_thousandth_of_the_labels_deviation() -> None:
    truth, mean = np.array([1.0, 2, 3, 6]), np.array([1.0, 2.01, 2.5, 5])
    row = run_evaluation(Dataset(spread(truth, mean, [0.0, 0.0, 1.0, 2.0]), scored=SPREAD)).iloc[0]
    least = truth.std() / 1000
    expected = -norm.logpdf(truth, mean, [least, least, 1, 2]).sum()
    assert row["Negative Log Likelihood"] == pytest.approx(expected)
    constant = run_evaluation(Dataset(spread([1.0, 1.0], [1.0, 2.0], [0.0, 0.0]), scored=SPREAD)).iloc[0]
    assert constant["Negative Log Likelihood"] == float("inf")
    assert np.isnan(constant["Coefficient of Determination"])


def test_clusters_are_measured_together_and_one_by_one() -> None:
    frame, model, rows = cluster_iris()
    result = run_evaluation(Dataset(frame, scored=CLUSTERS))
    distances = np.sort(metrics.pairwise_distances(rows, model.cluster_centers_), axis=1)
    assert list(result.columns) == ["Result Description", *METRICS["clustering"]]
    assert list(result["Result Description"]) == [
        "Combined Evaluation",
        *(f"Evaluation For Cluster No.{place}" for place in range(3)),
    ]
    parts = [np.full(150, True), *(model.labels_ == place for place in range(3))]
    for place, part in enumerate(parts):
        own, other = distances[part, 0], distances[part, 1]
        expected = (own.mean(), other.mean(), part.sum(), own.max())
        assert tuple(result.iloc[place, 1:]) == pytest.approx(expected)
    assert compare(pd.Series(dtype=float), frame, CLUSTERS) == pytest.approx(dict(result.iloc[0, 1:]))
    assert run_evaluation(Dataset(frame, scored=CLUSTERS), Dataset(frame, scored=CLUSTERS)).shape == (8, 5)


def test_one_cluster_and_an_empty_one() -> None:
    one = pd.DataFrame({"Assignments": [0, 0], "DistancesToClusterCenter no.0": [1.0, 3.0]})
    result = run_evaluation(Dataset(one, scored=CLUSTERS))
    assert result["Average Distance to Cluster Center"][0] == 2
    assert result["Average Distance to Other Center"].isna().all()
    two = one.assign(**{"DistancesToClusterCenter no.1": [5.0, 7.0]})
    result = run_evaluation(Dataset(two, scored=CLUSTERS))
    assert list(result["Number of Points"]) == [2, 2, 0]
    assert result["Average Distance to Other Center"][0] == 6


def test_two_scored_datasets_have_a_row_each_and_rows_without_label_or_score_do_not_count() -> None:
    left = two_classes(pd.array([True, False, None, True], dtype="boolean"), [0.9, 0.4, 0.9, np.nan])
    right = two_classes([True, False], [0.1, 0.9])
    result = run_evaluation(Dataset(left, scored=BINARY), Dataset(right, scored=BINARY))
    assert list(result["Accuracy"]) == [1, 0]
    assert result["Average Log Loss"][0] == pytest.approx(-(np.log(0.9) + np.log(0.6)) / 2)


def test_rows_keep_their_label_when_the_index_repeats() -> None:
    frame = two_classes([True, False, True], [0.9, 0.2, 0.7]).set_axis([4, 4, 4])
    assert run_evaluation(Dataset(frame, scored=BINARY))["Accuracy"][0] == 1


@pytest.mark.parametrize(
    ("dataset", "words", "number"),
    [
        (Dataset(two_classes([True], [0.9])), "has no scores", "1000"),
        (Dataset(two_classes([True], [0.9]).drop(columns="y"), scored=BINARY), "no label column 'y'", "0024"),
        (Dataset(letters("ab", "ab"), scored=BINARY), "lacks 'Scored Probabilities'", "0001"),
        (Dataset(two_classes([True, False], [np.inf, 0.2]), scored=BINARY), "numbers from 0 to 1", "0018"),
        (Dataset(two_classes([True], [0.9]).head(0), scored=BINARY), "No row has both", "0134"),
        (Dataset(two_classes(["yes", "no"], [0.9, 0.1]), scored=BINARY), "does not know: 'no', 'yes'", "0018"),
        (Dataset(letters([1, 2], "ab"), scored=LETTERS), "does not know: 1, 2", "0018"),
        (Dataset(letters([1.0, 2.0], "ab"), scored=NUMBER), "'Scored Labels' must contain numbers", "0017"),
        (Dataset(letters("ab", [1, 2]), scored=NUMBER), "'y' must contain numbers", "0017"),
        (Dataset(letters([1.0], [1.0]), scored=SPREAD), "lacks 'Scored Label Mean'", "0001"),
        (Dataset(letters("a", "a"), scored=CLUSTERS), "lacks 'Assignments'", "0001"),
        (Dataset(cluster_iris()[0].head(0), scored=CLUSTERS), "No row has been assigned", "0134"),
        (
            Dataset(cluster_iris()[0].assign(Assignments=np.inf), scored=CLUSTERS),
            "must contain clusters from 0 to 2",
            "0018",
        ),
        (
            Dataset(cluster_iris()[0].assign(Assignments=3), scored=CLUSTERS),
            "must contain clusters from 0 to 2",
            "0018",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_the_reason(dataset: Dataset, words: str, number: str) -> None:
    with pytest.raises(ModuleFailure, match=words) as refused:
        run_evaluation(dataset)
    assert refused.value.number == number


def test_every_task_has_metrics_with_a_direction_and_a_headline() -> None:
    assert {task: HEADLINE[task] in names for task, names in METRICS.items()} == dict.fromkeys(METRICS, True)
    for better in ("AUC", "Training Log Loss", "Overall accuracy", "Macro-averaged recall"):
        assert more_is_better(better)
    assert more_is_better("Coefficient of Determination")
    for worse in ("Average Log Loss", "Root Mean Squared Error", "Negative Log Likelihood", HEADLINE["clustering"]):
        assert not more_is_better(worse)


def drawn(dataset: Dataset) -> Any:
    assert dataset.scored is not None
    return curves(dataset.frame[dataset.scored.label], dataset.frame, dataset.scored)


def test_the_curves_of_two_classes_agree_with_scikit_learn() -> None:
    data = load_breast_cancer(as_frame=True).frame[["mean texture", "mean symmetry", "target"]].head(150)
    scored = score_rows(TWO_CLASS_LOGISTIC_REGRESSION, data)
    truth, chance = data["target"], scored.frame["Scored Probabilities"]
    found = drawn(scored)
    assert isinstance(found, BinaryCurves)
    fpr, tpr, _ = metrics.roc_curve(truth, chance)
    assert found.roc == list(zip(fpr, tpr, strict=True))
    assert metrics.auc(*zip(*found.roc, strict=True)) == pytest.approx(metrics.roc_auc_score(truth, chance))
    precision, recall, _ = metrics.precision_recall_curve(truth, chance)
    assert set(found.precision_recall) <= set(zip(recall, precision, strict=True))
    confusion = metrics.confusion_matrix(truth, chance > 0.5).ravel().tolist()
    assert [found.true_negative, found.false_positive, found.false_negative, found.true_positive] == confusion
    assert (found.negative, found.positive) == ("0", "1")
    assert all(type(value) is float for point in found.roc for value in point)


def test_long_curves_are_thinned_and_keep_their_ends_and_their_area() -> None:
    random = np.random.default_rng(3)
    chance = random.random(20_000)
    truth = random.random(20_000) < chance**8
    found = drawn(Dataset(two_classes(truth, chance), scored=BINARY))
    assert len(found.roc) <= 200
    assert len(found.precision_recall) <= 200
    assert (found.roc[0], found.roc[-1]) == ((0, 0), (1, 1))
    area = metrics.auc(*zip(*found.roc, strict=True))
    assert area == pytest.approx(metrics.roc_auc_score(truth, chance), abs=1e-3)
    recall, precision = zip(*found.precision_recall, strict=True)
    assert (recall[0], recall[-1], precision[-1]) == (1, 0, 1)
    whole = metrics.auc(*metrics.precision_recall_curve(truth, chance)[1::-1])
    assert metrics.auc(recall, precision) == pytest.approx(whole, abs=1e-2)


def test_rows_of_one_class_have_counts_and_no_curves() -> None:
    found = drawn(Dataset(two_classes([True, True], [0.9, 0.2]), scored=BINARY))
    assert (found.roc, found.precision_recall) == ([], [])
    assert (found.true_positive, found.false_negative) == (1, 1)


def test_the_confusion_of_several_classes_agrees_with_scikit_learn() -> None:
    frame = letters("aabbccz", "abbbcaa")
    found = drawn(Dataset(frame, scored=LETTERS))
    expected = metrics.confusion_matrix(frame["y"], frame["Scored Labels"], labels=["a", "b", "c", "z"])
    assert found == MulticlassCurves(["a", "b", "c", "z"], expected.tolist())


def test_the_residuals_of_numbers() -> None:
    random = np.random.default_rng(4)
    truth = random.normal(size=1_000)
    value = truth - random.normal(0, 0.1, 1_000)
    found = drawn(Dataset(letters(truth, value), scored=NUMBER))
    assert isinstance(found, RegressionCurves)
    counts, edges = np.histogram(truth - value, bins=20)
    assert (found.counts, found.edges) == (counts.tolist(), edges.tolist())
    assert len(found.points) == 200
    assert {(t, v, t - v) for t, v in zip(truth, value, strict=True)} >= set(found.points)
    spread_out = drawn(Dataset(spread(truth[:50], value[:50], np.ones(50)), scored=SPREAD))
    assert [point[1] for point in spread_out.points] == list(value[:50])


def test_residuals_that_are_equal_or_infinite_still_have_a_histogram() -> None:
    exact = drawn(Dataset(letters([1e16, 2e16], [1e16, 2e16]), scored=NUMBER))
    assert sum(exact.counts) == 2
    near = drawn(Dataset(letters([1e16 + 2, 1e16], [0.0, 0.0]), scored=NUMBER))
    assert sum(near.counts) == 2
    endless = drawn(Dataset(letters([1.0, 2.0], [np.inf, -np.inf]), scored=NUMBER))
    assert (endless.points, sum(endless.counts)) == ([], 0)


def test_a_clustering_has_no_curves() -> None:
    assert curves(pd.Series(dtype=float), cluster_iris()[0], CLUSTERS) is None
