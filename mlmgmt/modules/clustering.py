"""Initialize Model / Clustering, Train Clustering Model and Assign Data to Clusters."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.modules import columns
from mlmgmt.modules import features as feature
from mlmgmt.modules.base import Arguments, Dataset, Module, ModuleFailure, Parameter, Port, PortType
from mlmgmt.modules.classification import minmax
from mlmgmt.modules.learners import Trained, Untrained, fit_pipeline
from mlmgmt.modules.settings import MODE, RANGE, SEED, SINGLE, Setting, learner, seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.modules.encoding import Matrix

CENTROIDS = "Number of Centroids"
_START, _SWEPT_START = "Initialization", "Initialization for sweep"
_RANDOM, _PLUS, _FIRST, _EVENLY, _LABEL, _FAST = (
    "Random",
    "K-Means++",
    "Default",
    "Evenly",
    "Use label column",
    "K-Means++ Fast",
)
_STARTS = (_RANDOM, _PLUS, _FIRST, _EVENLY, _LABEL, _FAST)
_SEEDED = (_RANDOM, _PLUS, _FAST)
_SWEPT_SEED = "Random number seed for sweep"
_METRIC, _EUCLIDEAN, _COSINE = "Metric", "Euclidean", "Cosine"
_NORMALIZE = "Should input instances be normalized"
_ITERATIONS = "Iterations"
_LABEL_MODE = "Assign Label Mode"
_IGNORE, _FILL, _OVERWRITE = "Ignore label column", "Fill missing values", "Overwrite from closest to center"
_SET, _APPEND = "Column Set", "Check for Append or Uncheck for Result Only"


def _first_rows(points: Matrix, count: int, random_state: Any) -> Matrix:
    # KMeans moves the centres in place; a view would move the points with them.
    return points[:count].copy()


def _evenly(points: Matrix, count: int, random_state: Any) -> Matrix:
    """Return the midpoints of `count` equal pieces of the line from the lowest corner of the points to the highest."""
    low, high = points.min(axis=0), points.max(axis=0)
    shares = (np.arange(count)[:, None] + 0.5) / count
    return np.asarray(low + shares * (high - low))


def _means(places: Any, points: Matrix, count: int, random_state: Any) -> Matrix:
    """Return the mean of the points of each label; place -1 means no label."""
    return np.array([points[places == place].mean(axis=0) for place in range(count)])


# The fast variant of k-means++ draws fewer candidates; here it is scikit-learn's k-means++ as well.
_SCIKIT = {_RANDOM: "random", _PLUS: "k-means++", _FAST: "k-means++", _FIRST: _first_rows, _EVENLY: _evenly}


def _start(settings: Mapping[str, Any]) -> str:
    return str(settings.get(_START) or settings[_SWEPT_START])


def _k_means(settings: Mapping[str, Any], places: Any = None) -> Any:
    """Return the estimator.

    Args:
        places: the place of each row's label among the labels, if the clusters start from labels.
    """
    from sklearn.cluster import KMeans
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer

    start = _start(settings)
    means = KMeans(
        n_clusters=settings[CENTROIDS],
        init=partial(_means, places) if start == _LABEL else _SCIKIT[start],
        n_init=1,
        max_iter=settings[_ITERATIONS],
        random_state=seed_of({SEED.key: settings.get(SEED.key, settings.get(_SWEPT_SEED))}),
    )
    return make_pipeline(Normalizer(), means) if settings[_METRIC] == _COSINE else means


def _scaler(settings: Mapping[str, Any]) -> Any:
    return minmax(settings) if settings[_NORMALIZE] else None


K_MEANS_CLUSTERING = learner(
    "K-Means Clustering",
    "5049a09b-bd90-4c4e-9b46-7c87e3a36810",
    "clustering",
    (
        MODE,
        Setting(
            Parameter(CENTROIDS, "integer", "2", label="Number of centroids", minimum=2),
            range="Range for Number of Centroids",
            values="2; 3; 4; 5",
        ),
        Parameter(_METRIC, "choice", _EUCLIDEAN, choices=(_EUCLIDEAN, _COSINE)),
        Parameter(_NORMALIZE, "boolean", "True", label="Normalize features"),
        Parameter(_START, "choice", _PLUS, choices=_STARTS, when=(MODE.key, (SINGLE,))),
        Parameter(_SWEPT_START, "choice", _PLUS, choices=_STARTS, when=(MODE.key, (RANGE,))),
        Parameter(_ITERATIONS, "integer", "100", minimum=1),
        replace(SEED, when=(_START, _SEEDED)),
        replace(SEED, key=_SWEPT_SEED, label=SEED.key, when=(_SWEPT_START, _SEEDED)),
        Parameter(
            _LABEL_MODE,
            "choice",
            _IGNORE,
            label="Assign label mode",
            choices=(_IGNORE, _FILL, _OVERWRITE),
            refused={_FILL: "how Studio fills missing labels is not documented; use Clean Missing Data."},
        ),
    ),
    _k_means,
    category="Clustering",
    form="clusters",
    scaler=_scaler,
    maps_to="sklearn.cluster.KMeans on features scaled to 0..1; on rows of length 1 for the cosine metric",
)


def fit_clusters(untrained: Untrained, dataset: Dataset, selection: str | None) -> Trained:
    """Fit a clustering to the selected columns; label, weight and score columns among them are not features.

    Args:
        selection: the columns, as `columns.select` takes them.

    Raises:
        ModuleFailure: there are fewer rows than clusters, there are no features, a feature has values that the
            learner cannot take, or the labels to start from do not fit.
    """
    if untrained.task != "clustering":
        message = f"{untrained.learner} is not a clustering."
        raise ModuleFailure(message, number="0013", target="Untrained model", hint="Use Train Model.")
    frame = dataset.frame
    if frame.empty:
        raise ModuleFailure("The dataset has no rows.", number="0003", target="Dataset")
    count = untrained.settings[CENTROIDS]
    if len(frame) < count:
        message = f"{count} clusters need at least {count} rows, but the dataset has {len(frame)}."
        raise ModuleFailure(message, number="0021", target="Dataset", hint=f"Lower {CENTROIDS!r}.")
    chosen = columns.select(dataset, selection, parameter=_SET)
    features = feature.features_named(
        frame, [name for name in dict.fromkeys(chosen) if dataset.role(name) == "Feature"]
    )
    ready = untrained
    if _start(untrained.settings) == _LABEL:
        ready = replace(untrained, build=partial(_k_means, places=_label_places(dataset, count)))
    estimator, notes = fit_pipeline(ready, frame, features, None)
    _forget_start(estimator)
    return Trained(
        learner=untrained.learner,
        task=untrained.task,
        parameters=dict(untrained.settings),
        features=features,
        label="",
        label_type="",
        classes=(),
        estimator=estimator,
        form=untrained.form,
        complete=untrained.complete,
        notes=(*_left_out(dataset, chosen), *notes),
    )


def _left_out(dataset: Dataset, chosen: list[str]) -> tuple[str, ...]:
    roles = {name: dataset.role(name) for name in dict.fromkeys(chosen)}
    return tuple(
        f"The column {name!r} is marked {role!r}, so it is not a feature."
        for name, role in roles.items()
        if role != "Feature"
    )


def _label_column(dataset: Dataset) -> str | None:
    labels = [name for name in dataset.frame.columns if dataset.role(name) == "Label"]
    return labels[0] if labels else None


def _label_places(dataset: Dataset, count: int) -> Any:
    label = _label_column(dataset)
    if label is None:
        hint = "Mark a column as label with Edit Metadata, or choose another initialization."
        message = "The clusters cannot start from labels: no column is marked as label."
        raise ModuleFailure(message, number="0024", hint=hint)
    places, values = pd.factorize(dataset.frame[label])
    if len(values) != count:
        message = f"{count} clusters need {count} different labels to start from, but {label!r} has {len(values)}."
        hint = f"Set {CENTROIDS!r} to {len(values)}, or choose another initialization."
        raise ModuleFailure(message, number="0056", target=label, hint=hint if len(values) > 1 else None)
    return places


def _forget_start(estimator: Any) -> None:
    """Replace a starting function with the centres found, so that the model keeps neither it nor its labels."""
    fitted = estimator.named_steps["learner"]
    means = fitted[-1] if hasattr(fitted, "steps") else fitted
    if callable(means.init):
        means.set_params(init=means.cluster_centers_)


def _assign(trained: Trained, dataset: Dataset, *, append: bool) -> Dataset:
    """Return the dataset with the clusters of its rows, or the clusters alone."""
    scores = trained.score(dataset)
    fresh = set(scores.columns)
    kept = dataset.frame[[name for name in dataset.frame.columns if append and name not in fresh]]
    roles = dict(dataset.roles) | dict.fromkeys(map(str, scores.columns), "Score")
    frame = pd.concat([kept, scores], axis=1)
    return replace(replace(dataset, roles=roles).with_frame(frame), scored=trained.scored)


def _relabel(assigned: Dataset, trained: Trained) -> Dataset:
    """Give each row the label of the row that is closest to the centre of its cluster."""
    frame, label = assigned.frame, _label_column(assigned)
    if label is None or frame[label].isna().all():
        return assigned
    clusters, *distances = trained.score_columns()
    far = frame[distances].to_numpy(dtype="float64", copy=True)
    far[frame[label].isna().to_numpy()] = np.inf
    closest = far.argmin(axis=0)
    values = frame[label].array.take(closest[frame[clusters].to_numpy(dtype="intp")])
    return assigned.with_frame(frame.assign(**{label: values}))


def _train_clustering_model(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Trained, Dataset]:
    untrained: Untrained = inputs["Untrained model"]
    dataset: Dataset = inputs["Dataset"]
    trained = fit_clusters(untrained, dataset, arguments[_SET])
    result = _assign(trained, dataset, append=arguments[_APPEND])
    return trained, _relabel(result, trained) if untrained.settings[_LABEL_MODE] == _OVERWRITE else result


TRAIN_CLUSTERING_MODEL = Module(
    name="Train Clustering Model",
    guid="bb43c744f7fa41d0ae6774ae75da3ffd",
    inputs=(Port("Untrained model", PortType.UNTRAINED_CLUSTERS), Port("Dataset")),
    outputs=(Port("Trained model", PortType.TRAINED_CLUSTERS), Port("Results dataset")),
    parameters=(Parameter(_SET, "columns"), Parameter(_APPEND, "boolean", "True")),
    run=_train_clustering_model,
    category="Machine Learning / Train",
    maps_to="a scikit-learn Pipeline: one-hot encoding, optional scaling, KMeans",
)


def _assign_data_to_clusters(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    trained: Trained = inputs["Trained model"]
    if trained.task != "clustering":
        message = f"The trained model, a {trained.learner}, has no clusters."
        raise ModuleFailure(message, number="0013", target="Trained model", hint="Use Score Model.")
    return (_assign(trained, inputs["Dataset"], append=arguments[_APPEND]),)


ASSIGN_DATA_TO_CLUSTERS = Module(
    name="Assign Data to Clusters",
    guid="20a0683a07f94a08a89b44b3bbaae382",
    inputs=(Port("Trained model", PortType.TRAINED_CLUSTERS), Port("Dataset")),
    outputs=(Port("Results dataset"),),
    parameters=(Parameter(_APPEND, "boolean", "True"),),
    run=_assign_data_to_clusters,
    category="Machine Learning / Score",
    maps_to="the distances to the centres of the trained KMeans",
)

MODULES = (K_MEANS_CLUSTERING, TRAIN_CLUSTERING_MODEL, ASSIGN_DATA_TO_CLUSTERS)
