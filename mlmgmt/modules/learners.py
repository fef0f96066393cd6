"""Learners before and after training: what to build, and what was fitted to which columns."""

from __future__ import annotations

import os
import warnings
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.modules import features as feature
from mlmgmt.modules.base import Dataset, ModuleFailure, Scored, Task
from mlmgmt.modules.columns import studio_type
from mlmgmt.modules.features import Feature
from mlmgmt.modules.predictors import Clusters, Form, Linear, Network
from mlmgmt.modules.trees import Boosted, Forest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LABELS, PROBABILITIES = "Scored Labels", "Scored Probabilities"
MEAN, DEVIATION = "Scored Label Mean", "Scored Label Standard Deviation"
FORMS: Mapping[str, type[Form]] = {
    "linear": Linear,
    "network": Network,
    "clusters": Clusters,
    "forest": Forest,
    "boosted": Boosted,
}
"""The compiled forms by their names in the catalogue; a learner without one predicts itself, on an array."""
_MANY_ROWS = 10_000
ASSIGNMENTS, DISTANCE = "Assignments", "DistancesToClusterCenter no.{}"


@dataclass(frozen=True, slots=True)
class Untrained:
    """A learner and its settings, not yet fitted.

    Args:
        settings: every parameter that applies, typed, by key; of a range, its first value under the setting's key.
        ranges: what a sweep tries for each setting.
        build: takes the settings; returns a scikit-learn estimator.
        scaler: takes the settings; returns the scaler of the numbers, or None if they stay unchanged.
        form: the name of the compiled form of the fitted estimator, see `forms`.
        complete: the estimator cannot fit or score rows with missing numbers.
        finite: it cannot be fitted to infinite numbers.
        unknown_levels: categories unseen in training are scored, as different from all known ones.
        weighted: it uses a weight column.
        spread: a regression that returns a mean and a standard deviation.
        folds: the folds that calibrate a classification, fewer if a class has fewer rows; 0 without calibration.
        counts: the label is a count, so it must be at least 0.
    """

    learner: str
    task: Task
    settings: Mapping[str, Any]
    ranges: Mapping[str, tuple[Any, ...]]
    build: Callable[[Mapping[str, Any]], Any]
    scaler: Callable[[Mapping[str, Any]], Any] | None = None
    form: str = ""
    complete: bool = True
    finite: bool = True
    unknown_levels: bool = True
    weighted: bool = False
    spread: bool = False
    folds: int = 0
    counts: bool = False

    def with_settings(self, settings: Mapping[str, Any]) -> Untrained:
        """Return the same learner with some settings changed."""
        return replace(self, settings={**self.settings, **settings})

    def pipeline(self, features: tuple[Feature, ...]) -> Any:
        """Return the unfitted scikit-learn pipeline from the features' DataFrame to labels."""
        from sklearn.pipeline import Pipeline

        scaler = None if self.scaler is None else self.scaler(self.settings)
        preparation = feature.preparation(features, scaler, unknown_levels=self.unknown_levels)
        return Pipeline([("features", preparation), ("learner", self.build(self.settings))])


@dataclass(frozen=True)
class Trained:
    """A fitted learner, as `.ilearner` files hold it.

    Args:
        classes: the labels in the order of the estimator's probabilities; empty except for a classification.
        estimator: a scikit-learn pipeline from the features' DataFrame to labels.
        form: the name of its compiled form; empty if it has none.
        complete: rows with missing numbers cannot be scored.
        notes: the warnings of the estimator while it was fitted, such as that it did not converge.
    """

    learner: str
    task: Task
    parameters: Mapping[str, Any]
    features: tuple[Feature, ...]
    label: str
    label_type: str
    classes: tuple[Any, ...]
    estimator: Any
    form: str = ""
    complete: bool = True
    spread: bool = False
    notes: tuple[str, ...] = ()

    def state(self) -> dict[str, Any]:
        """Return its parts as plain values, so that a file outlives changes to this class."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        return parts | {"features": [(column.name, column.type) for column in self.features]}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Trained:
        """Return the learner of a state. Parts that it lacks get their defaults; unknown parts are ignored."""
        known = {part.name for part in fields(cls)}
        parts = {name: value for name, value in state.items() if name in known}
        return cls(**parts | {"features": tuple(Feature(*column) for column in state["features"])})

    @cached_property
    def compiled(self) -> Form:
        """The form that predicts; made on first use, and never stored."""
        form = FORMS.get(self.form, Form)
        return form(self.estimator, self.features, task=self.task, spread=self.spread)

    @property
    def outputs(self) -> int:
        """How many numbers the form returns for a row: one for each class or cluster, or the value (and its spread)."""
        if isinstance(self.compiled, Clusters):
            return self.compiled.count
        if self.task == "regression":
            return 2 if self.spread else 1
        return len(self.classes)

    @property
    def scored(self) -> Scored:
        return Scored(self.task, self.label, self.classes, self.spread)

    def score_columns(self) -> list[str]:
        """Return the names of the columns that scoring adds, in order."""
        if self.task == "clustering":
            return [ASSIGNMENTS, *(DISTANCE.format(index) for index in range(self.outputs))]
        if self.task == "regression":
            return [MEAN, DEVIATION] if self.spread else [LABELS]
        if self.task == "binary":
            return [LABELS, PROBABILITIES]
        return [*(f'{PROBABILITIES} for Class "{name}"' for name in self.classes), LABELS]

    def score(self, dataset: Dataset) -> pd.DataFrame:
        """Return the score columns for each row; those of a row that cannot be scored are missing.

        Raises:
            ModuleFailure: a column the model was trained on is missing, or a value cannot be read as its type.
        """
        cells = feature.columns(dataset.frame, self.features)
        count = len(dataset.frame)
        usable = feature.complete_rows(cells, self.features) if self.complete else np.ones(count, dtype=bool)
        whole = bool(usable.all())
        if not whole:
            cells = [column[usable] for column in cells]
        values = self.compiled.table(cells) if usable.any() else np.zeros((0, self.outputs))
        scores = self._columns(values)
        if not whole:
            scores = {name: _expand(column, usable) for name, column in scores.items()}
        return pd.DataFrame(scores, index=dataset.frame.index, columns=self.score_columns())

    def _columns(self, values: Any) -> dict[str, Any]:
        """Return the score columns from the form's numbers for each row: probabilities, values or distances."""
        names = self.score_columns()
        if self.task == "clustering":
            nearest = pd.array(values.argmin(axis=1) if len(values) else [], dtype="Int64")
            return {ASSIGNMENTS: nearest} | dict(zip(names[1:], values.T, strict=True))
        if self.task == "regression":
            return dict(zip(names, values.T, strict=True))
        if self.task == "binary":
            chance = values[:, 1]
            return {LABELS: self._labels((chance > 0.5).astype(np.intp)), PROBABILITIES: chance}
        best = self._labels(values.argmax(axis=1)) if len(values) else self._labels(np.zeros(0, dtype=np.intp))
        return dict(zip(names, values.T, strict=False)) | {LABELS: best}

    def _labels(self, places: Any) -> Any:
        dtype = {"Integer": "Int64", "Boolean": "boolean", "Double": "float64"}.get(self.label_type, "str")
        return pd.array(list(self.classes), dtype=dtype).take(places)  # type: ignore[call-overload]


def _expand(column: Any, usable: np.ndarray[Any, np.dtype[np.bool_]]) -> Any:
    """Return a column with a missing value for each row that was not scored."""
    places = np.full(len(usable), -1, dtype=np.intp)
    places[usable] = np.arange(int(usable.sum()))
    return pd.Series(column).array.take(places, allow_fill=True)


def fit(untrained: Untrained, dataset: Dataset, label: str) -> Trained:
    """Fit a learner to a dataset; rows without a label are left out.

    Raises:
        ModuleFailure: there is nothing to learn from (no rows, no features, one class), a feature has values that
            the learner cannot use, or the task does not fit the label.
    """
    frame, known = dataset.frame, dataset.frame[label].notna()
    if not known.all():
        frame = frame[known]
    if frame.empty:
        raise ModuleFailure(f"No row has a value in the label column {label!r}.", number="0134", target=label)
    features = feature.of(dataset, frame, without=(label,))
    truth = underlying(frame[label])
    target, classes = _target(truth, untrained)
    weights = _weights(dataset, frame) if untrained.weighted else None
    estimator, notes = fit_pipeline(untrained, frame, features, target, weights)
    return Trained(
        learner=untrained.learner,
        task=untrained.task,
        parameters=dict(untrained.settings),
        features=features,
        label=label,
        label_type=studio_type(truth),
        classes=classes,
        estimator=estimator,
        form=untrained.form,
        complete=untrained.complete,
        spread=untrained.spread,
        notes=notes,
    )


def fit_pipeline(
    untrained: Untrained, frame: pd.DataFrame, features: tuple[Feature, ...], target: Any, weights: Any = None
) -> tuple[Any, tuple[str, ...]]:
    """Fit the pipeline of a learner; return it and its warnings.

    Args:
        target: the label's places among the classes, or numbers; None for a clustering.

    Raises:
        ModuleFailure: numbers are missing and the learner needs them, or the estimator refuses the data.
    """
    cells = feature.columns(frame, features)
    if untrained.complete:
        feature.refuse_missing(cells, features, untrained.learner)
    if untrained.finite:
        feature.refuse_infinite(cells, features, untrained.learner)
    feature.refuse_wide(cells, features)
    pipeline = untrained.pipeline(features)
    if untrained.folds:
        pipeline.set_params(**{f"{_last(pipeline)}__cv": min(untrained.folds, int(np.bincount(target).min()))})
    more = {} if weights is None else {f"{_last(pipeline)}__sample_weight": weights}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # The modules always run all their iterations, so this is not a failure to converge.
        warnings.filterwarnings("ignore", message="Stochastic Optimizer: Maximum iterations")
        # A table shorter than a batch is simply one batch.
        warnings.filterwarnings("ignore", message="Got `batch_size` less than 1 or larger than sample size")
        try:
            rows = feature.frame_of(cells, features)
            with _threads(len(frame)):
                fitted = pipeline.fit(rows, target, **more)
        except ValueError as error:
            first = str(error).split("\n", 1)[0]
            raise ModuleFailure(
                f"{untrained.learner} cannot learn from these rows: {first}", target="Dataset"
            ) from None
    return fitted, tuple(dict.fromkeys(str(warning.message).split("\n", 1)[0] for warning in caught))


def _last(pipeline: Any) -> str:
    """Return the name of the estimator that learns: the last step, if the learner is itself a pipeline."""
    steps = getattr(pipeline[-1], "steps", None)
    return f"learner__{steps[-1][0]}" if steps else "learner"


def _threads(rows: int) -> Any:
    """Return a context that fits few rows in one thread: on a busy machine, more threads mostly wait for each other."""
    if os.environ.get("OMP_NUM_THREADS") == "1":
        # This process has one thread anyway, and finding every library with threads takes as long as a small fit.
        return nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1 if rows < _MANY_ROWS else None, user_api="openmp")


def underlying(series: pd.Series[Any]) -> pd.Series[Any]:
    """Return a categorical column as its plain values; any other column unchanged."""
    return series.astype(series.cat.categories.dtype) if isinstance(series.dtype, pd.CategoricalDtype) else series


def _weights(dataset: Dataset, frame: pd.DataFrame) -> Any:
    names = [name for name in frame.columns if dataset.role(name) == "Weight"]
    if not names:
        return None
    weights = feature.columns(frame, (Feature(names[0], "Double"),))[0]
    if np.isnan(weights).any() or (weights < 0).any():
        message = f"The weight column {names[0]!r} must have a number of at least 0 in every row."
        raise ModuleFailure(message, number="0032", target=names[0])
    return weights


def _target(label: pd.Series[Any], untrained: Untrained) -> tuple[Any, tuple[Any, ...]]:
    if untrained.task == "regression":
        return _numeric_label(label, untrained), ()
    places, values = pd.factorize(label)
    present = values.tolist()
    order = sorted(range(len(present)), key=present.__getitem__)
    classes = tuple(present[place] for place in order)
    if len(classes) < 2:
        message = f"The label column {label.name!r} has only one value ({classes[0]!r}), so there is nothing to learn."
        hint = "The data needs rows of at least two classes."
        raise ModuleFailure(message, number="0134", target=str(label.name), hint=hint)
    if untrained.task == "binary" and len(classes) > 2:
        message = f"{untrained.learner} needs a label with two values, but {label.name!r} has {len(classes)}."
        raise ModuleFailure(message, number="0056", target=str(label.name))
    found = np.argsort(order)[places]
    rows = np.bincount(found)
    if untrained.folds and rows.min() < 2:
        message = (
            f"{untrained.learner} needs 2 rows of each class, but only 1 row has "
            f"{classes[int(rows.argmin())]!r} in the label column {label.name!r}."
        )
        hint = "It calibrates its probabilities on rows that it did not learn from."
        raise ModuleFailure(message, number="0021", target=str(label.name), hint=hint)
    return found, classes


def _numeric_label(label: pd.Series[Any], untrained: Untrained) -> Any:
    try:
        found = label.astype("float64").to_numpy(dtype="float64")
    except (ValueError, TypeError):
        message = f"A regression needs a numeric label, but {label.name!r} is {studio_type(label)}."
        raise ModuleFailure(message, number="0017", target=str(label.name)) from None
    if not np.isfinite(found).all():
        message = f"The label column {label.name!r} contains infinite numbers."
        raise ModuleFailure(message, number="1000", target=str(label.name), hint="Leave their rows out.")
    if untrained.counts and found.min() < 0:
        message = f"{untrained.learner} learns counts, but the label column {label.name!r} contains {found.min():g}."
        raise ModuleFailure(message, number="0032", target=str(label.name), hint="A count is at least 0.")
    return found
