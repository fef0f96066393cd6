"""K-means against scikit-learn, its compiled form, and the modules that use its clusters."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, OneHotEncoder

from mlmgmt.modules.base import Dataset, ModuleFailure, PortType
from mlmgmt.modules.catalogue import by_name
from mlmgmt.modules.learners import Trained
from tests.learning.making import ALL, FEATURES, call, given, mixed, names, selection, train

if TYPE_CHECKING:
    from collections.abc import Callable

CENTROIDS, START, SEED = "Number of Centroids", "Initialization", "Random number seed"
K_MEANS, TRAIN, ASSIGN = (
    by_name(name) for name in ("K-Means Clustering", "Train Clustering Model", "Assign Data to Clusters")
)
SWEPT = {"Create trainer mode": "ParameterRange"}
LABELLED = {START: "Use label column"}


def train_clusters(
    data: pd.DataFrame | Dataset, parameters: dict[str, Any] | None = None, *columns: str, append: bool = True
) -> tuple[Trained, Dataset]:
    """Train a clustering with Train Clustering Model, on all columns unless some are named."""
    dataset = data if isinstance(data, Dataset) else Dataset(data)
    (untrained,) = given(K_MEANS, None, parameters or {})
    chosen = selection(names(*columns) if columns else ALL)
    inputs = {"Untrained model": untrained, "Dataset": dataset}
    trained, result = call(TRAIN, inputs, Column_Set=chosen, Check_for_Append_or_Uncheck_for_Result_Only=append)
    return trained, result


def assign(trained: Trained, frame: pd.DataFrame, *, append: bool = True) -> Dataset:
    inputs = {"Trained model": trained, "Dataset": Dataset(frame)}
    (result,) = call(ASSIGN, inputs, Check_for_Append_or_Uncheck_for_Result_Only=append)
    return result


def iris() -> pd.DataFrame:
    return load_iris(as_frame=True).frame.sample(frac=1, random_state=1).reset_index(drop=True)


def plain(count: int = 2, seed: int | None = 0, iterations: int = 100, init: Any = "k-means++") -> KMeans:
    return KMeans(n_clusters=count, init=init, n_init=1, max_iter=iterations, random_state=seed)


def along_the_diagonal(matrix: Any, count: int) -> Any:
    low, high = matrix.min(axis=0), matrix.max(axis=0)
    return np.array([low + (high - low) * (2 * place + 1) / (2 * count) for place in range(count)])


def means_of_labels(matrix: Any, frame: pd.DataFrame) -> Any:
    return np.array([matrix[frame["target"] == label].mean(axis=0) for label in frame["target"].unique()])


CASES: list[tuple[dict[str, Any], list[Callable[[], Any]], Callable[[Any, pd.DataFrame], KMeans]]] = [
    ({}, [MinMaxScaler], lambda m, f: plain()),
    ({CENTROIDS: 3, SEED: 8}, [MinMaxScaler], lambda m, f: plain(3, 8)),
    (
        {CENTROIDS: 4, START: "Random", SEED: 3, "Iterations": 2},
        [MinMaxScaler],
        lambda m, f: plain(4, 3, 2, "random"),
    ),
    ({CENTROIDS: 3, START: "K-Means++ Fast"}, [MinMaxScaler], lambda m, f: plain(3)),
    ({CENTROIDS: 5, START: "Default"}, [MinMaxScaler], lambda m, f: plain(5, init=m[:5])),
    (
        {CENTROIDS: 4, START: "Evenly", "Iterations": 3},
        [MinMaxScaler],
        lambda m, f: plain(4, None, 3, along_the_diagonal(m, 4)),
    ),
    ({CENTROIDS: 3, **LABELLED}, [MinMaxScaler], lambda m, f: plain(3, init=means_of_labels(m, f))),
    ({CENTROIDS: 3, "Should input instances be normalized": False}, [], lambda m, f: plain(3)),
    ({CENTROIDS: 3, "Metric": "Cosine"}, [MinMaxScaler, Normalizer], lambda m, f: plain(3)),
    (
        {CENTROIDS: 3, "Metric": "Cosine", "Should input instances be normalized": False, **LABELLED},
        [Normalizer],
        lambda m, f: plain(3, init=means_of_labels(m, f)),
    ),
    (
        {**SWEPT, "Range for Number of Centroids": "4; 2", "Initialization for sweep": "Random"}
        | {"Random number seed for sweep": 6},
        [MinMaxScaler],
        lambda m, f: plain(4, 6, init="random"),
    ),
    ({**SWEPT, "Initialization for sweep": "Default"}, [MinMaxScaler], lambda m, f: plain(2, init=m[:2])),
]


@pytest.mark.parametrize(("parameters", "steps", "expected"), CASES, ids=[str(case[0]) for case in CASES])
def test_a_graph_clusters_as_scikit_learn_does(
    parameters: dict[str, Any], steps: list[Callable[[], Any]], expected: Callable[[Any, pd.DataFrame], KMeans]
) -> None:
    frame = iris()
    matrix = frame.drop(columns="target").to_numpy()
    for step in steps:
        matrix = step().fit_transform(matrix)
    means = expected(matrix, frame).fit(matrix)
    trained, result = train_clusters(Dataset(frame, {"target": "Label"}), parameters)
    assert list(result.frame["Assignments"]) == list(means.labels_)
    distances = result.frame.filter(like="DistancesToClusterCenter")
    assert list(distances) == [f"DistancesToClusterCenter no.{place}" for place in range(means.n_clusters)]
    np.testing.assert_allclose(distances, means.transform(matrix), rtol=1e-9, atol=1e-9)
    assert set(result.frame["Assignments"]) == set(range(means.n_clusters))
    assert trained.classes == ()
    assert trained.label == ""


@pytest.mark.parametrize("metric", ["Euclidean", "Cosine"])
@pytest.mark.parametrize("normalize", ["True", "False"])
def test_words_are_encoded_and_the_compiled_form_agrees_with_the_estimator(metric: str, normalize: str) -> None:
    frame = mixed().assign(income=lambda f: f["income"] / 10_000)
    parameters = {CENTROIDS: 4, "Metric": metric, "Should input instances be normalized": normalize}
    trained, _ = train_clusters(frame, parameters, *FEATURES)
    cells = frame[FEATURES].astype({"age": "float64", "member": "float64", "city": object})
    scale = MinMaxScaler() if normalize == "True" else "passthrough"
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prepare: list[Any] = [ColumnTransformer([("n", scale, ["age", "income", "member"]), ("c", encode, ["city"])])]
    whole = make_pipeline(*prepare, *([Normalizer()] if metric == "Cosine" else []), plain(4)).fit(cells)
    fresh = mixed(80, seed=2).assign(income=lambda f: f["income"] / 10_000)[FEATURES]
    fresh.loc[::5, "city"] = "Atlantis"
    cells = fresh.astype({"age": "float64", "member": "float64", "city": object})
    result = assign(trained, fresh, append=False).frame
    np.testing.assert_allclose(result.iloc[:, 1:], whole.transform(cells), rtol=1e-9, atol=1e-9)
    assert list(result["Assignments"]) == list(whole.predict(cells))
    row = trained.compiled.row()
    found = np.array([row(list(values)) for values in cells.itertuples(index=False)])
    np.testing.assert_allclose(found, whole.transform(cells), rtol=1e-9, atol=1e-9)


def test_a_row_of_zeros_has_no_angle_but_is_assigned_to_a_cluster() -> None:
    frame = pd.DataFrame({"x": [0.0, 1.0, 0.0, 4.0], "y": [0.0, 0.0, 2.0, 4.0]})
    trained, result = train_clusters(frame, {"Metric": "Cosine", "Should input instances be normalized": "False"})
    assert result.frame["Assignments"].notna().all()
    (first, *_) = result.frame.filter(like="Distances").to_numpy()
    assert trained.compiled.row()([0.0, 0.0]) == pytest.approx(list(first))


def test_clusters_are_appended_to_the_rows_or_returned_alone() -> None:
    frame = iris().set_index(np.arange(150) * 2)
    dataset = Dataset(frame, {"target": "Label"})
    trained, beside = train_clusters(dataset)
    scores = ["Assignments", "DistancesToClusterCenter no.0", "DistancesToClusterCenter no.1"]
    assert list(beside.frame) == [*frame, *scores]
    assert list(beside.frame.index) == list(frame.index)
    assert beside.roles == {"target": "Label"} | dict.fromkeys(scores, "Score")
    assert beside.scored is not None
    assert beside.scored.task == "clustering"
    assert beside.frame["Assignments"].dtype == "Int64"
    _, alone = train_clusters(dataset, append=False)
    pd.testing.assert_frame_equal(alone.frame, beside.frame[scores])
    assert alone.roles == dict.fromkeys(scores, "Score")
    pd.testing.assert_frame_equal(assign(trained, frame).frame, beside.frame)
    pd.testing.assert_frame_equal(assign(trained, frame, append=False).frame, alone.frame)
    pd.testing.assert_frame_equal(assign(trained, beside.frame).frame, beside.frame)


def test_the_features_in_the_column_set_are_clustered() -> None:
    frame = mixed()[["age", "income", "city", "bought"]]
    trained, _ = train_clusters(Dataset(frame, {"bought": "Label", "income": "Weight"}), {}, "age", "income", "bought")
    assert [feature.name for feature in trained.features] == ["age"]
    assert ["'income'" in trained.notes[0], "'bought'" in trained.notes[1]] == [True, True]
    (untrained,) = given(K_MEANS, None, {})
    everything, _ = call(TRAIN, {"Untrained model": untrained, "Dataset": Dataset(frame)})
    assert [feature.name for feature in everything.features] == list(frame)


def test_without_a_seed_the_same_seed_is_always_used() -> None:
    first, _ = train_clusters(iris(), {CENTROIDS: 6, START: "Random"})
    second, _ = train_clusters(iris(), {CENTROIDS: 6, START: "Random"})
    third, _ = train_clusters(iris(), {CENTROIDS: 6, START: "Random", SEED: 1})
    centres = [trained.estimator[-1].cluster_centers_ for trained in (first, second, third)]
    np.testing.assert_array_equal(centres[0], centres[1])
    assert not np.allclose(centres[0], centres[2])


@pytest.mark.parametrize("metric", ["Euclidean", "Cosine"])
@pytest.mark.parametrize("start", ["Default", "Evenly", "Use label column"])
def test_a_stored_model_contains_no_labels_and_no_functions_of_mlmgmt(start: str, metric: str) -> None:
    dataset = Dataset(iris(), {"target": "Label"})
    trained, result = train_clusters(dataset, {START: start, CENTROIDS: 3, "Metric": metric})
    buffer = io.BytesIO()
    joblib.dump(trained.state(), buffer)
    assert b"mlmgmt" not in buffer.getvalue()
    buffer.seek(0)
    again = Trained.of(joblib.load(buffer))
    pd.testing.assert_frame_equal(assign(again, dataset.frame).frame, result.frame)


def test_labels_are_overwritten_with_that_of_the_row_closest_to_the_centre() -> None:
    frame = pd.DataFrame({"x": [0.0, 1.0, 2.0, 10.0, 11.0, 12.0, 11.1], "kind": ["a", "b", "c", "d", None, "f", "g"]})
    parameters = {"Assign Label Mode": "Overwrite from closest to center"}
    _, result = train_clusters(Dataset(frame, {"kind": "Label"}), parameters)
    # The centres are 1 and 11.025; of the labelled rows, the one at 11.1 is closest to the latter.
    assert list(result.frame["kind"]) == ["b", "b", "b", "g", "g", "g", "g"]
    assert result.roles["kind"] == "Label"
    _, alone = train_clusters(Dataset(frame, {"kind": "Label"}), parameters, append=False)
    assert "kind" not in alone.frame
    _, ignored = train_clusters(Dataset(frame, {"kind": "Label"}))
    assert list(ignored.frame["kind"][:4]) == ["a", "b", "c", "d"]
    blank = frame.assign(kind=pd.array([None] * 7, dtype="str"))
    assert train_clusters(Dataset(blank, {"kind": "Label"}), parameters)[1].frame["kind"].isna().all()
    assert "kind" not in train_clusters(frame[["x"]], parameters)[1].frame


def test_labels_to_start_from_may_be_missing_in_some_rows() -> None:
    frame = pd.DataFrame({"x": [0.0, 1.0, 10.0, 11.0, 5.0], "kind": pd.Categorical(["a", "a", "b", "b", None])})
    data = Dataset(frame, {"kind": "Label"})
    trained, result = train_clusters(
        data, {**LABELLED, "Should input instances be normalized": "False", "Iterations": 1}
    )
    assert list(result.frame["Assignments"])[:4] == [0, 0, 1, 1]
    assert trained.estimator[-1].cluster_centers_[1] == pytest.approx([10.5])


@pytest.mark.parametrize(
    ("data", "parameters", "columns", "number", "words"),
    [
        (Dataset(iris()), LABELLED, (), "0024", "no column is marked as label"),
        (Dataset(iris(), {"target": "Label"}), LABELLED, (), "0056", "2 clusters need 2 different labels .* has 3"),
        (
            Dataset(iris().assign(target=None), {"target": "Label"}),
            LABELLED,
            ("petal width (cm)",),
            "0056",
            "has 0",
        ),
        (Dataset(iris().head(0)), {}, (), "0003", "no rows"),
        (Dataset(iris().head(1)), {}, (), "0021", "the dataset has 1"),
        (Dataset(iris().head(4)), {CENTROIDS: 5}, (), "0021", "the dataset has 4"),
        (Dataset(iris()), {}, ("colour",), "0001", "column 'colour' does not exist"),
        (Dataset(iris(), {"target": "Label"}), {}, ("target",), "0020", "no feature"),
        (Dataset(iris().assign(gone=np.nan)), {}, (), "0021", "'gone' has no values"),
        (Dataset(iris().assign(when=pd.Timestamp("2020-01-01"))), {}, (), "0017", "'when'"),
        (
            Dataset(iris().assign(width=lambda f: f["target"].astype(float).where(f.index > 2))),
            {},
            ("width",),
            "0032",
            "complete data",
        ),
        (Dataset(iris().assign(width=np.inf)), {}, (), "1000", "'width' is infinite in 150 of 150 rows"),
    ],
)
def test_what_cannot_be_clustered_is_refused_with_the_reason(
    data: Dataset, parameters: dict[str, Any], columns: tuple[str, ...], number: str, words: str
) -> None:
    with pytest.raises(ModuleFailure, match=words) as refused:
        train_clusters(data, parameters, *columns)
    assert refused.value.number == number


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({CENTROIDS: 1}, "too small"),
        ({"Iterations": 0}, "too small"),
        ({"Metric": "Manhattan"}, "not a valid value"),
        ({START: "Nearby"}, "not a valid value"),
        ({"Assign Label Mode": "Fill missing values"}, "not documented"),
        ({SEED: -1}, "too small"),
        ({**SWEPT, "Random number seed for sweep": -1}, "too small"),
    ],
)
def test_an_unsupported_setting_is_refused(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(ModuleFailure, match=words):
        given(K_MEANS, None, parameters)


def test_a_seed_that_is_ignored_is_reported() -> None:
    (note,) = K_MEANS.notes({START: "Evenly", SEED: "4"})
    assert SEED in note
    assert K_MEANS.notes({START: "Random", SEED: "4"}) == []


def test_fewer_distinct_points_than_clusters_are_clustered_with_a_note() -> None:
    frame = pd.DataFrame({"x": [1.0, 1.0, 2.0, 2.0]})
    trained, result = train_clusters(frame, {CENTROIDS: 3})
    assert result.frame["Assignments"].nunique() == 2
    assert any("distinct clusters" in note for note in trained.notes)
    constant, same = train_clusters(pd.DataFrame({"x": [5.0] * 4, "word": ["a"] * 4}))
    assert same.frame["Assignments"].nunique() == 1
    assert constant.compiled.row()([5.0, "a"]) == pytest.approx([0, 0])


def test_rows_that_lack_a_number_are_not_assigned_to_a_cluster() -> None:
    trained, _ = train_clusters(iris().drop(columns="target"))
    rows = iris().head(5)
    rows.loc[1, "petal width (cm)"] = np.nan
    found = assign(trained, rows).frame
    assert list(found["Assignments"].isna()) == [False, True, False, False, False]
    assert found["DistancesToClusterCenter no.0"].isna().sum() == 1
    nothing = assign(trained, rows.assign(**{"petal width (cm)": np.nan}), append=False).frame
    assert nothing.isna().all(axis=None)
    assert nothing["Assignments"].dtype == "Int64"
    empty = assign(trained, rows.head(0)).frame
    assert len(empty) == 0
    assert list(empty) == list(found)
    with pytest.raises(ModuleFailure, match="petal width") as refused:
        assign(trained, rows.drop(columns="petal width (cm)"))
    assert refused.value.number == "0001"


def test_learners_of_another_kind_are_refused() -> None:
    (regression,) = given(by_name("Linear Regression"), None, {})
    with pytest.raises(ModuleFailure, match="Linear Regression is not a clustering"):
        call(TRAIN, {"Untrained model": regression, "Dataset": Dataset(iris())})
    trained = train(by_name("Linear Regression"), iris(), "target")
    with pytest.raises(ModuleFailure, match="a Linear Regression, has no clusters"):
        assign(trained, iris())
    assert [port.type for port in (*K_MEANS.outputs, *TRAIN.outputs)] == [
        PortType.UNTRAINED_CLUSTERS,
        PortType.TRAINED_CLUSTERS,
        PortType.DATASET,
    ]
    assert ASSIGN.inputs[0].type is PortType.TRAINED_CLUSTERS
