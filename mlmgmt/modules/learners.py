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
"""The compiled forms by the names that catalogue rows give; a learner without one is asked itself, on an array."""
_MANY_ROWS = 10_000
ASSIGNMENTS, DISTANCE = "Assignments", "DistancesToClusterCenter no.{}"


@dataclass(frozen=True, slots=True)
class Untrained:
    """A learner and its settings, not yet fitted.

    Args:
        settings: every parameter that counts, typed, by key; of a range, its first value under the key of the setting.
        ranges: what a sweep tries for each setting.
        build: from the settings to a scikit-learn estimator.
        scaler: from the settings to what numbers go through first; None leaves them as they are.
        form: the name of the compiled form of the fitted estimator, see `forms`.
        complete: the estimator cannot fit or score rows with missing numbers.
        finite: it cannot be fitted to infinite numbers.
        unknown_levels: categories unseen in training are scored as none of the known ones.
        weighted: it honours a weight column.
        spread: a regression that answers a mean and a standard deviation.
        folds: how many parts of the rows calibrate a classification, fewer where a class has fewer rows; 0 if none.
        counts: its label counts something, so that no label is below 0.
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

    def having(self, settings: Mapping[str, Any]) -> Untrained:
        """The same learner with some settings changed."""
        return replace(self, settings={**self.settings, **settings})

    def pipeline(self, features: tuple[Feature, ...]) -> Any:
        """The scikit-learn pipeline from the features' DataFrame to labels, unfitted."""
        from sklearn.pipeline import Pipeline

        scaler = None if self.scaler is None else self.scaler(self.settings)
        preparation = feature.preparation(features, scaler, unknown_levels=self.unknown_levels)
        return Pipeline([("features", preparation), ("learner", self.build(self.settings))])


@dataclass(frozen=True)
class Trained:
    """A fitted learner, as `.ilearner` files hold it.

    Args:
        classes: the labels in the order of the estimator's probabilities; empty but for a classification.
        estimator: a scikit-learn pipeline from the features' DataFrame to labels.
        form: the name of its compiled form; none when empty.
        complete: rows with missing numbers cannot be scored.
        notes: what the estimator warned of while it was fitted, such as that it did not converge.
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
        """Its parts as plain values, so that a file outlives changes to this class."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        return parts | {"features": [(column.name, column.type) for column in self.features]}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Trained:
        """The learner of a state; parts that an older file lacks have their defaults, others are left out."""
        known = {part.name for part in fields(cls)}
        parts = {name: value for name, value in state.items() if name in known}
        return cls(**parts | {"features": tuple(Feature(*column) for column in state["features"])})

    @cached_property
    def compiled(self) -> Form:
        """The form that answers; made when it is first asked for, and never stored."""
        form = FORMS.get(self.form, Form)
        return form(self.estimator, self.features, task=self.task, spread=self.spread)

    @property
    def outputs(self) -> int:
        """How many numbers the form gives for a row: of each class, of each cluster, or the value and its spread."""
        if isinstance(self.compiled, Clusters):
            return self.compiled.count
        if self.task == "regression":
            return 2 if self.spread else 1
        return len(self.classes)

    @property
    def scored(self) -> Scored:
        return Scored(self.task, self.label, self.classes, self.spread)

    def score_columns(self) -> list[str]:
        """The names of the columns that scoring adds, in their order."""
        if self.task == "clustering":
            return [ASSIGNMENTS, *(DISTANCE.format(index) for index in range(self.outputs))]
        if self.task == "regression":
            return [MEAN, DEVIATION] if self.spread else [LABELS]
        if self.task == "binary":
            return [LABELS, PROBABILITIES]
        return [*(f'{PROBABILITIES} for Class "{name}"' for name in self.classes), LABELS]

    def score(self, dataset: Dataset) -> pd.DataFrame:
        """The score columns for each row; a row that cannot be scored has none.

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
            scores = {name: _spread_out(column, usable) for name, column in scores.items()}
        return pd.DataFrame(scores, index=dataset.frame.index, columns=self.score_columns())

    def _columns(self, values: Any) -> dict[str, Any]:
        """The score columns from what the form gives for each row: probabilities, values, or distances."""
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


def _spread_out(column: Any, usable: np.ndarray[Any, np.dtype[np.bool_]]) -> Any:
    """A column with a missing value for each row that was not scored."""
    places = np.full(len(usable), -1, dtype=np.intp)
    places[usable] = np.arange(int(usable.sum()))
    return pd.Series(column).array.take(places, allow_fill=True)


def fit(untrained: Untrained, dataset: Dataset, label: str) -> Trained:
    """Fit a learner to a dataset; rows without a label are left out.

    Raises:
        ModuleFailure: there is nothing to learn from (no rows, no features, one class), a feature has values that
            the learner cannot take, or the task does not fit the label.
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
    """The fitted pipeline of a learner, and what it warned of.

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
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        # The modules run all the iterations that are asked for; that is no failure to converge.
        warnings.filterwarnings("ignore", message="Stochastic Optimizer: Maximum iterations")
        # A table shorter than a batch is one batch.
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
    return fitted, tuple(dict.fromkeys(str(warning.message).split("\n", 1)[0] for warning in told))


def _last(pipeline: Any) -> str:
    """The name of the estimator that learns: the last step of a learner that is a pipeline of its own."""
    steps = getattr(pipeline[-1], "steps", None)
    return f"learner__{steps[-1][0]}" if steps else "learner"


def _threads(rows: int) -> Any:
    """Few rows are learnt from in one thread: several wait for each other longer than they work, on a busy machine."""
    if os.environ.get("OMP_NUM_THREADS") == "1":
        # So it is in this process anyway; to look for every library that has threads costs a small fit's time.
        return nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1 if rows < _MANY_ROWS else None, user_api="openmp")


def underlying(series: pd.Series[Any]) -> pd.Series[Any]:
    """A column without its being categorical."""
    return series.astype(series.cat.categories.dtype) if isinstance(series.dtype, pd.CategoricalDtype) else series


def _weights(dataset: Dataset, frame: pd.DataFrame) -> Any:
    names = [name for name in frame.columns if dataset.role(name) == "Weight"]
    if not names:
        return None
    weights = feature.columns(frame, (Feature(names[0], "Double"),))[0]
    if np.isnan(weights).any() or (weights < 0).any():
        message = f"The weight column {names[0]!r} must hold a number of at least 0 in every row."
        raise ModuleFailure(message, number="0032", target=names[0])
    return weights


def _target(label: pd.Series[Any], untrained: Untrained) -> tuple[Any, tuple[Any, ...]]:
    if untrained.task == "regression":
        return _figures(label, untrained), ()
    places, values = pd.factorize(label)
    present = values.tolist()
    order = sorted(range(len(present)), key=present.__getitem__)
    classes = tuple(present[place] for place in order)
    if len(classes) < 2:
        message = (
            f"The label column {label.name!r} has one value only ({classes[0]!r}); there is nothing to tell apart."
        )
        raise ModuleFailure(message, number="0134", target=str(label.name), hint="The data needs rows of both classes.")
    if untrained.task == "binary" and len(classes) > 2:
        message = f"{untrained.learner} tells two classes apart, and {label.name!r} has {len(classes)} values."
        raise ModuleFailure(message, number="0056", target=str(label.name))
    found = np.argsort(order)[places]
    rows = np.bincount(found)
    if untrained.folds and rows.min() < 2:
        message = (
            f"{untrained.learner} needs 2 rows of each class, and only 1 row has "
            f"{classes[int(rows.argmin())]!r} in the label column {label.name!r}."
        )
        hint = "Its probabilities are calibrated on rows that it did not learn from."
        raise ModuleFailure(message, number="0021", target=str(label.name), hint=hint)
    return found, classes


def _figures(label: pd.Series[Any], untrained: Untrained) -> Any:
    try:
        found = label.astype("float64").to_numpy(dtype="float64")
    except (ValueError, TypeError):
        message = f"A regression needs a number as label, and {label.name!r} is {studio_type(label)}."
        raise ModuleFailure(message, number="0017", target=str(label.name)) from None
    if not np.isfinite(found).all():
        message = f"The label column {label.name!r} holds infinite numbers."
        raise ModuleFailure(message, number="1000", target=str(label.name), hint="Leave their rows out.")
    if untrained.counts and found.min() < 0:
        message = f"{untrained.learner} learns counts, and the label column {label.name!r} holds {found.min():g}."
        raise ModuleFailure(message, number="0032", target=str(label.name), hint="A count is at least 0.")
    return found
