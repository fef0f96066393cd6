"""Learners before and after training: what to build, and what was fitted to which columns."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.modules.base import Dataset, ModuleFailure, Scored, Task
from mlmgmt.modules.columns import studio_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LABELS, PROBABILITIES = "Scored Labels", "Scored Probabilities"


@dataclass(frozen=True, slots=True)
class Untrained:
    """A learner and its settings, not yet fitted.

    Args:
        parameters: as the graph states them, typed.
        build: makes the scikit-learn estimator; the settings are already in it.
        scaled: numeric features are brought to 0..1 before the estimator sees them.
        complete: the estimator cannot fit or score rows with missing numbers.
        unknown_levels: categories unseen in training are scored as none of the known ones.
    """

    learner: str
    task: Task
    parameters: Mapping[str, Any]
    build: Callable[[], Any]
    scaled: bool = False
    complete: bool = True
    unknown_levels: bool = True


@dataclass(frozen=True, slots=True)
class Feature:
    """A column that a model reads: `numeric` columns become float64, `categorical` ones are encoded one-hot."""

    name: str
    type: str

    @property
    def numeric(self) -> bool:
        return self.type in ("Integer", "Double", "Boolean")


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted learner, as `.ilearner` files hold it.

    Args:
        classes: the labels in the order of the estimator's probabilities; empty for a regression.
        estimator: a scikit-learn pipeline from the features' DataFrame to labels.
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
    complete: bool
    notes: tuple[str, ...] = ()

    def score(self, dataset: Dataset) -> pd.DataFrame:
        """The score columns for each row: labels, and for two classes the probability of the second.

        Raises:
            ModuleFailure: a column the model was trained on is missing, or a value cannot be read as its type.
        """
        frame = feature_frame(dataset.frame, self.features, target="Dataset")
        usable = _complete_rows(frame, self.features) if self.complete else np.ones(len(frame), dtype=bool)
        if self.task == "regression":
            return _column(frame.index, usable, {LABELS: self._values(frame, usable)})
        if not usable.any():
            empty = np.zeros((0, len(self.classes)))
            return self._labelled(frame.index, usable, empty)
        return self._labelled(frame.index, usable, self._asked(self.estimator.predict_proba, frame[usable]))

    def _values(self, frame: pd.DataFrame, usable: np.ndarray[Any, np.dtype[np.bool_]]) -> Any:
        return self._asked(self.estimator.predict, frame[usable]) if usable.any() else np.zeros(0)

    def _asked(self, predict: Callable[[pd.DataFrame], Any], frame: pd.DataFrame) -> Any:
        try:
            return predict(frame)
        except ValueError as error:
            # An unknown category, where the learner was told to allow none.
            raise ModuleFailure(f"{self.learner} cannot score the rows: {error}.", target="Dataset") from error

    def _labelled(
        self, index: pd.Index[Any], usable: np.ndarray[Any, np.dtype[np.bool_]], probabilities: Any
    ) -> pd.DataFrame:
        if self.task == "binary":
            positive = probabilities[:, 1]
            labels = [self.classes[1] if chance > 0.5 else self.classes[0] for chance in positive]
            return _column(index, usable, {LABELS: labels, PROBABILITIES: positive}, self.label_type)
        columns: dict[str, Any] = {
            f'{PROBABILITIES} for Class "{name}"': probabilities[:, place] for place, name in enumerate(self.classes)
        }
        columns[LABELS] = [self.classes[place] for place in probabilities.argmax(axis=1)]
        return _column(index, usable, columns, self.label_type)

    @property
    def scored(self) -> Scored:
        return Scored(self.task, self.label, self.classes)


def _column(index: pd.Index[Any], usable: Any, columns: Mapping[str, Any], label_type: str = "Double") -> pd.DataFrame:
    frame = pd.DataFrame(index=index)
    for name, values in columns.items():
        if name == LABELS and label_type not in ("Double", "Integer", "Boolean"):
            column = pd.Series(None, index=index, dtype="str")
        else:
            dtype = (
                {"Integer": "Int64", "Boolean": "boolean"}.get(label_type, "float64") if name == LABELS else "float64"
            )
            column = pd.Series(pd.NA if dtype in ("Int64", "boolean") else np.nan, index=index, dtype=dtype)
        column[usable] = list(values)
        frame[name] = column
    return frame


def feature_frame(frame: pd.DataFrame, features: tuple[Feature, ...], *, target: str) -> pd.DataFrame:
    """The columns a model reads, as float64 and text.

    Raises:
        ModuleFailure: a column is missing (all of them are named), or its values are of another kind.
    """
    missing = [feature.name for feature in features if feature.name not in frame.columns]
    if missing:
        listed = ", ".join(repr(name) for name in missing)
        message = f"The model was trained on columns that the rows do not have: {listed}."
        hint = f"The rows have: {', '.join(map(str, frame.columns))}."
        raise ModuleFailure(message, number="0001", target=target, hint=hint)
    columns: dict[str, Any] = {}
    for feature in features:
        series: pd.Series[Any] = frame[feature.name]
        if feature.numeric:
            try:
                columns[feature.name] = series.astype("float64").to_numpy(dtype="float64", na_value=np.nan)
            except (ValueError, TypeError):
                message = (
                    f"The model was trained on {feature.name!r} as {feature.type}, and finds {studio_type(series)}."
                )
                raise ModuleFailure(message, number="0017", target=feature.name) from None
        else:
            columns[feature.name] = np.array([None if pd.isna(value) else str(value) for value in series], dtype=object)
    return pd.DataFrame(columns, index=frame.index)


def _complete_rows(frame: pd.DataFrame, features: tuple[Feature, ...]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    numeric = [feature.name for feature in features if feature.numeric]
    return np.asarray(frame[numeric].notna().all(axis=1).to_numpy(dtype=bool))


def fit(untrained: Untrained, dataset: Dataset, label: str) -> Trained:
    """Fit a learner to a dataset; rows without a label are left out.

    Raises:
        ModuleFailure: there is nothing to learn from (no rows, no features, one class), a feature has values that
            the learner cannot take, or the task does not fit the label.
    """
    frame: pd.DataFrame = dataset.frame[dataset.frame[label].notna()]
    if frame.empty:
        raise ModuleFailure(f"No row has a value in the label column {label!r}.", number="0134", target=label)
    features = _features(dataset, frame, label)
    rows = feature_frame(frame, features, target="Dataset")
    if untrained.complete:
        _refuse_missing(rows, untrained.learner)
    target, classes = _target(frame[label], untrained)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        estimator = _pipeline(untrained, features).fit(rows, target)
    return Trained(
        learner=untrained.learner,
        task=untrained.task,
        parameters=dict(untrained.parameters),
        features=features,
        label=label,
        label_type=studio_type(frame[label]),
        classes=classes,
        estimator=estimator,
        complete=untrained.complete,
        notes=tuple(dict.fromkeys(str(warning.message).split("\n", 1)[0] for warning in told)),
    )


def _features(dataset: Dataset, frame: pd.DataFrame, label: str) -> tuple[Feature, ...]:
    names = [name for name in frame.columns if name != label and dataset.role(name) == "Feature"]
    if not names:
        raise ModuleFailure("There is no feature column to learn from.", number="0020", target="Dataset")
    empty = [name for name in names if frame[name].isna().all()]
    if empty:
        message = f"The column{'s' if len(empty) > 1 else ''} {', '.join(map(repr, empty))} hold no value at all."
        hint = "Leave them out with Select Columns in Dataset, or drop them with Clean Missing Data."
        raise ModuleFailure(message, number="0021", target=empty[0], hint=hint)
    features = tuple(Feature(name, studio_type(frame[name])) for name in names)
    odd = [feature for feature in features if feature.type in ("DateTime", "TimeSpan")]
    if odd:
        message = f"The {odd[0].type} column {odd[0].name!r} cannot be learnt from."
        raise ModuleFailure(message, number="0017", target=odd[0].name, hint="Leave it out, or convert it to a number.")
    return features


def _refuse_missing(rows: pd.DataFrame, learner: str) -> None:
    for name in rows.columns:
        series = rows[name]
        if series.dtype == "float64" and series.isna().any():
            message = (
                f"{learner} needs complete data, and {int(series.isna().sum())} of {len(rows)} rows lack {name!r}."
            )
            raise ModuleFailure(message, number="0032", target=name, hint="Put Clean Missing Data before Train Model.")


def _target(label: pd.Series[Any], untrained: Untrained) -> tuple[Any, tuple[Any, ...]]:
    if untrained.task == "regression":
        try:
            return label.astype("float64").to_numpy(dtype="float64"), ()
        except (ValueError, TypeError):
            message = f"A regression needs a number as label, and {label.name!r} is {studio_type(label)}."
            raise ModuleFailure(message, number="0017", target=str(label.name)) from None
    values = label.astype("object") if not isinstance(label.dtype, pd.CategoricalDtype) else label.astype(str)
    classes = tuple(sorted(set(values.tolist())))
    if len(classes) < 2:
        message = (
            f"The label column {label.name!r} has one value only ({classes[0]!r}); there is nothing to tell apart."
        )
        raise ModuleFailure(message, number="0134", target=str(label.name), hint="The data needs rows of both classes.")
    if untrained.task == "binary" and len(classes) > 2:
        message = f"{untrained.learner} tells two classes apart, and {label.name!r} has {len(classes)} values."
        raise ModuleFailure(message, number="0056", target=str(label.name))
    place = {value: index for index, value in enumerate(classes)}
    return np.array([place[value] for value in values]), classes


def _pipeline(untrained: Untrained, features: tuple[Feature, ...]) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

    numeric = [feature.name for feature in features if feature.numeric]
    categorical = [feature.name for feature in features if not feature.numeric]
    unknown = "ignore" if untrained.unknown_levels else "error"
    steps = [
        ("numeric", MinMaxScaler() if untrained.scaled else "passthrough", numeric),
        ("categorical", OneHotEncoder(handle_unknown=unknown, sparse_output=False), categorical),
    ]
    transformer = ColumnTransformer([step for step in steps if step[2]])
    return Pipeline([("features", transformer), ("learner", untrained.build())])
