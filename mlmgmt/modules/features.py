"""The columns a model reads: how they are found, turned into numbers and text, and prepared for an estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.counts import count_of
from mlmgmt.modules.columns import studio_type
from mlmgmt.modules.failures import ModuleFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmgmt.modules.base import Dataset

Column = np.ndarray[Any, np.dtype[Any]]
_WIDEST = 4 * 2**30
"""The most bytes that the one-hot columns of a table may take."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A column that a model reads: `numeric` columns become float64, the others are encoded one-hot."""

    name: str
    type: str

    @property
    def numeric(self) -> bool:
        return self.type in ("Integer", "Double", "Boolean")


def of(dataset: Dataset, frame: pd.DataFrame, *, without: Sequence[str] = ()) -> tuple[Feature, ...]:
    """Return the features among a dataset's columns: all but those with another role and those in `without`.

    Raises:
        ModuleFailure: there are no features, one is empty, or the type of one cannot be learnt from.
    """
    return features_named(
        frame, [name for name in frame.columns if name not in without and dataset.role(name) == "Feature"]
    )


def features_named(frame: pd.DataFrame, names: list[str]) -> tuple[Feature, ...]:
    """Return the features with these names; raises what `of` does."""
    if not names:
        raise ModuleFailure("The dataset has no feature column to learn from.", number="0020", target="Dataset")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ModuleFailure(f"Several columns are called {twice[0]!r}.", number="0018", target=twice[0])
    empty = [name for name in names if frame[name].isna().all()]
    if empty:
        listed, several = ", ".join(map(repr, empty)), len(empty) > 1
        message = f"The columns {listed} have no values." if several else f"The column {listed} has no values."
        hint = "Leave empty columns out with Select Columns in Dataset, or drop them with Clean Missing Data."
        raise ModuleFailure(message, number="0021", target=empty[0], hint=hint)
    features = tuple(Feature(name, studio_type(frame[name])) for name in names)
    for feature in features:
        if feature.type in ("DateTime", "TimeSpan"):
            message = f"A learner cannot use the {feature.type} column {feature.name!r}."
            hint = "Leave it out, or convert it to a number."
            raise ModuleFailure(message, number="0017", target=feature.name, hint=hint)
    return features


def columns(frame: pd.DataFrame, features: tuple[Feature, ...], *, target: str = "Dataset") -> list[Column]:
    """Return the columns that a model reads: float64 with NaN, or objects that are text or None.

    Raises:
        ModuleFailure: columns are missing (the message names all of them), or one has values of another type.
    """
    missing = [feature.name for feature in features if feature.name not in frame.columns]
    if missing:
        listed = ", ".join(repr(name) for name in missing)
        message = f"The model was trained on columns that the rows do not have: {listed}."
        hint = f"The rows have: {', '.join(map(str, frame.columns))}."
        raise ModuleFailure(message, number="0001", target=target, hint=hint)
    return [_numbers(frame[f.name], f) if f.numeric else texts(frame[f.name]) for f in features]


def _numbers(series: pd.Series[Any], feature: Feature) -> Column:
    if series.dtype == "float64":
        return np.asarray(series)
    try:
        return series.astype("float64").to_numpy(dtype="float64", na_value=np.nan)
    except (ValueError, TypeError):
        message = f"The model was trained on {feature.name!r} as {feature.type}, but it is {studio_type(series)}."
        raise ModuleFailure(message, number="0017", target=feature.name) from None


def texts(series: pd.Series[Any]) -> Column:
    """Return a column's values as text; None where one is missing."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        names = np.array([*(str(value) for value in series.cat.categories), None], dtype=object)
        return np.asarray(names[series.cat.codes])
    if isinstance(series.dtype, pd.StringDtype):
        values = np.array(series, dtype=object)
        values[series.isna().to_numpy()] = None
        return values
    return np.array([None if pd.isna(value) else str(value) for value in series], dtype=object)


def frame_of(columns: list[Column], features: tuple[Feature, ...], index: Any = None) -> pd.DataFrame:
    """Return the columns as the DataFrame that a pipeline takes."""
    named = {feature.name: column for feature, column in zip(features, columns, strict=True)}
    return pd.DataFrame(named, index=index, copy=False)


def complete_rows(columns: list[Column], features: tuple[Feature, ...]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which rows have all their numbers."""
    usable = np.ones(len(columns[0]) if columns else 0, dtype=bool)
    for feature, column in zip(features, columns, strict=True):
        if feature.numeric:
            usable &= ~np.isnan(column)
    return usable


def refuse_missing(columns: list[Column], features: tuple[Feature, ...], learner: str) -> None:
    """Refuse numbers that are missing, for a learner that needs complete data.

    Raises:
        ModuleFailure: a number is missing.
    """
    for feature, column in zip(features, columns, strict=True):
        if feature.numeric and (lacking := int(np.isnan(column).sum())):
            where = f"{lacking:,} of {count_of(len(column), 'row')}"
            message = f"{learner} needs complete data, but {feature.name!r} is missing in {where}."
            hint = "Put Clean Missing Data before it."
            raise ModuleFailure(message, number="0032", target=feature.name, hint=hint)


def refuse_infinite(columns: list[Column], features: tuple[Feature, ...], learner: str) -> None:
    """Refuse infinite numbers.

    Raises:
        ModuleFailure: a number is infinite.
    """
    for feature, column in zip(features, columns, strict=True):
        if feature.numeric and (infinite := int(np.isinf(column).sum())):
            where = f"{infinite:,} of {count_of(len(column), 'row')}"
            message = f"{learner} needs finite numbers, but {feature.name!r} is infinite in {where}."
            hint = "Bring them into a range with Clip Values, or leave their rows out."
            raise ModuleFailure(message, target=feature.name, hint=hint)


def refuse_wide(columns: list[Column], features: tuple[Feature, ...]) -> None:
    """Refuse a table whose one-hot columns would not fit into memory.

    Raises:
        ModuleFailure: they would take more than 4 GiB.
    """
    words = {f.name: column for f, column in zip(features, columns, strict=True) if not f.numeric}
    rows = len(columns[0]) if columns else 0
    # A column has at most as many categories as rows, so most tables are too short to need counting.
    if rows * rows * len(words) * 8 <= _WIDEST:
        return
    counts = {name: len(pd.unique(pd.Series(column))) for name, column in words.items()}
    if (size := rows * sum(counts.values()) * 8) > _WIDEST:
        name = max(counts, key=counts.__getitem__)
        message = f"{count_of(rows, 'row')} with a column for each category would take {size / 2**30:.1f} GiB"
        hint = "Exclude the column, or group its values."
        raise ModuleFailure(f"{message}; {name!r} has {counts[name]} categories.", target=name, hint=hint)


def preparation(features: tuple[Feature, ...], scaler: Any, *, unknown_levels: bool) -> Any:
    """Return a transformer from the features' DataFrame to numbers: scaled ones, then one column for each category."""
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OneHotEncoder

    numeric = [feature.name for feature in features if feature.numeric]
    categorical = [feature.name for feature in features if not feature.numeric]
    unknown = "ignore" if unknown_levels else "error"
    steps = [
        ("numeric", "passthrough" if scaler is None else scaler, numeric),
        ("categorical", OneHotEncoder(handle_unknown=unknown, sparse_output=False), categorical),
    ]
    return ColumnTransformer([step for step in steps if step[2]])
