"""Data Transformation / Manipulation: Clean Missing Data."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.modules import columns, text_formats
from mlmgmt.modules.base import Arguments, Dataset, Fill, Module, ModuleFailure, Parameter, Port, PortType
from mlmgmt.modules.manipulation import convert

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MEAN, _MEDIAN, _MODE = "Replace with mean", "Replace with median", "Replace with mode"
_CUSTOM, _MICE, _PCA = "Custom substitution value", "Replace using MICE", "Replace using Probabilistic PCA"
_ROW, _COLUMN = "Remove entire row", "Remove entire column"
_TOGETHER = (_MICE, _PCA)
_NUMBERS = ("Integer", "Double")
_WITH_MEAN = (*_NUMBERS, "Boolean", "DateTime", "TimeSpan")


@dataclass(frozen=True, slots=True)
class CleaningTransformation:
    """What Clean Missing Data learnt.

    Args:
        values: the replacement for missing cells, by column.
        drop: the columns to drop.
        complete: a row without a value in one of these columns is dropped.
        imputer: estimates the missing numbers of `imputed` from each other; scikit-learn's, or `LowRank`.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    complete: tuple[str, ...] = ()
    imputer: Any = None
    imputed: tuple[str, ...] = ()

    def apply(self, dataset: Dataset) -> Dataset:
        frame = dataset.frame.drop(columns=[name for name in self.drop if name in dataset.frame.columns])
        if self.imputer is not None and len(frame) and set(self.imputed) <= set(frame.columns):
            frame = _impute(frame, self.imputed, self.imputer)
        for name, value in self.values.items():
            if name in frame.columns and frame[name].isna().any():
                frame = frame.assign(**{name: _fill(frame[name], value)})
        present = [name for name in self.complete if name in frame.columns]
        return dataset.with_frame(frame.dropna(subset=present) if present else frame)

    def cells(self, columns: Sequence[str]) -> Mapping[str, Callable[[Any], Any] | None] | None:
        if self.imputer is not None or any(name in columns for name in self.complete):
            return None
        return {
            name: Fill(self.values[name]) if name in self.values else None for name in columns if name not in self.drop
        }

    def state(self) -> dict[str, Any]:
        # A file must not name a class of this package, so LowRank becomes a dict, which `of` recognizes.
        imputer = self.imputer.state() if isinstance(self.imputer, LowRank) else self.imputer
        return {part.name: getattr(self, part.name) for part in fields(self)} | {"imputer": imputer}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> CleaningTransformation:
        imputer = state["imputer"]
        return cls(**{**state, "imputer": LowRank.of(imputer) if isinstance(imputer, dict) else imputer})


def _fill(series: pd.Series[Any], value: Any) -> pd.Series[Any]:
    if isinstance(series.dtype, pd.CategoricalDtype) and value not in series.cat.categories:
        series = series.cat.add_categories([value])
    try:
        return series.fillna(value)
    except (TypeError, ValueError):
        message = f"The column {series.name!r} is {columns.studio_type(series)}, but had another type in training."
        hint = "Send rows with the types that the service was trained on, or set it up again."
        raise ModuleFailure(message, number="0017", target=str(series.name), hint=hint) from None


def _impute(frame: pd.DataFrame, names: tuple[str, ...], imputer: Any) -> pd.DataFrame:
    filled = pd.DataFrame(imputer.transform(frame[list(names)].astype("float64").to_numpy()), columns=list(names))
    filled.index = frame.index
    for name in names:
        whole = columns.studio_type(frame[name]) == "Integer"
        frame = frame.assign(**{name: filled[name].round().astype("Int64") if whole else filled[name]})
    return frame


def _clean_missing_data(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset, CleaningTransformation]:
    dataset: Dataset = inputs["Dataset"]
    frame = dataset.frame
    chosen = columns.select(dataset, arguments["Columns to be cleaned"], parameter="Columns to be cleaned")
    low, high = arguments["Minimum missing value ratio"], arguments["Maximum missing value ratio"]
    ratios = frame[chosen].isna().mean() if len(frame) else pd.Series(0.0, index=chosen)
    chosen = [name for name in chosen if low <= ratios[name] <= high]
    mode = arguments["Cleaning mode"]
    flagged = [name for name in chosen if frame[name].isna().any()]
    if mode == _ROW:
        learnt = CleaningTransformation(complete=tuple(chosen))
    elif mode == _COLUMN:
        learnt = CleaningTransformation(drop=tuple(flagged))
    elif mode == _CUSTOM:
        learnt = CleaningTransformation(_substitutes(frame, chosen, arguments["Replacement value"] or "0"))
    else:
        learnt = _learn_values(frame, chosen, mode, arguments)
    if mode in _TOGETHER:
        learnt = _learn_imputer(frame, learnt, arguments)
    cleaned = learnt.apply(dataset)
    if arguments.get("Generate missing value indicator column"):
        marks = {
            f"{name}_IsMissing": frame[name].isna().reindex(cleaned.frame.index).astype("boolean") for name in flagged
        }
        cleaned = cleaned.with_frame(cleaned.frame.assign(**marks))
    return cleaned, learnt


def _substitutes(frame: pd.DataFrame, chosen: list[str], text: str) -> dict[str, Any]:
    """Return the text as a value of each column's type.

    A column that cannot take the text is left out if it has no missing cells; otherwise it is an error.
    """
    values: dict[str, Any] = {}
    for name in chosen:
        value = _substitute(frame[name], text)
        if value is not None:
            values[name] = value
        elif frame[name].isna().any():
            message = f"{text!r} is not a valid value for the {columns.studio_type(frame[name])} column {name!r}."
            raise ModuleFailure(message, target="Replacement value")
    return values


def _substitute(series: pd.Series[Any], text: str) -> Any:
    """Return the text as a value of a column's type (if categorical, that of its categories), or None if it is not."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = pd.Series(series.cat.categories)
    kind = columns.studio_type(series)
    if kind == "String":
        return text
    words = np.array([text], dtype=object)
    # A whole number is a .NET date: ticks of 100 nanoseconds since the year 1.
    ticks = text_formats.whole_numbers(words) if kind == "DateTime" else None
    try:
        value = convert(pd.Series(words if ticks is None else ticks, name=series.name), kind).iloc[0]
        if kind == "DateTime":
            value = value.tz_convert(getattr(series.dtype, "tz", None))
        if kind in ("DateTime", "TimeSpan"):
            value = value.as_unit(series.dt.unit)
    except (ModuleFailure, ValueError):
        return None
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _learn_values(frame: pd.DataFrame, chosen: list[str], mode: str, arguments: Arguments) -> CleaningTransformation:
    values: dict[str, Any] = {}
    empty: list[str] = []
    for name in chosen if len(frame) else ():
        series: pd.Series[Any] = frame[name]
        kind = columns.studio_type(series)
        if series.isna().all() and len(series):
            empty.append(name)
        elif mode == _MODE or (mode in _TOGETHER and kind not in _NUMBERS):
            value = series.mode().iloc[0]
            values[name] = value.item() if isinstance(value, np.generic) else value
        elif kind not in (_WITH_MEAN if mode == _MEAN else _NUMBERS):
            message = f"{mode} is not possible for the {kind} column {name!r}."
            raise ModuleFailure(message, number="0056", target=name, hint="Leave it out of the columns to be cleaned.")
        elif kind in ("DateTime", "TimeSpan"):
            values[name] = series.mean()
        else:
            numbers = series.astype("float64")
            value = float(numbers.mean() if mode in (_MEAN, *_TOGETHER) else numbers.median())
            values[name] = bool(round(value)) if kind == "Boolean" else round(value) if kind == "Integer" else value
    drop = tuple(empty) if arguments.get("Cols with all missing values") == "Remove" else ()
    return CleaningTransformation(values, drop)


def _learn_imputer(frame: pd.DataFrame, learnt: CleaningTransformation, arguments: Arguments) -> CleaningTransformation:
    """Add an imputer that estimates numbers from each other; other columns keep their most frequent value."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    numeric = tuple(name for name in learnt.values if columns.studio_type(frame[name]) in _NUMBERS)
    if not numeric or not len(frame):
        return learnt
    if arguments["Cleaning mode"] == _MICE:
        imputer: Any = IterativeImputer(max_iter=arguments["Number of Iterations"], random_state=0, tol=0)
    else:
        imputer = LowRank(arguments["Number of Iterations for PCA Prediction"])
    matrix = frame[list(numeric)].astype("float64").to_numpy()
    with warnings.catch_warnings():
        # The module always runs all its iterations, so a warning that they did not converge is noise.
        warnings.simplefilter("ignore")
        imputer.fit(matrix)
    return replace(learnt, imputer=imputer, imputed=numeric)


class LowRank:
    """Fills missing numbers from principal components, and fits these again to the filled numbers.

    Half of the components are kept, at least one: enough to follow the columns, too few to copy them.
    """

    def __init__(self, iterations: int) -> None:
        self.iterations = iterations

    def fit(self, matrix: Any) -> LowRank:
        from sklearn.decomposition import PCA

        self.mean_, self.scale_ = np.nanmean(matrix, axis=0), np.nanstd(matrix, axis=0)
        self.scale_[self.scale_ == 0] = 1.0
        missing, scaled = np.isnan(matrix), np.nan_to_num((matrix - self.mean_) / self.scale_)
        self.components_ = np.zeros((0, matrix.shape[1]))
        for _ in range(self.iterations):
            kept = max(1, min(scaled.shape) // 2)
            pca = PCA(kept, svd_solver="full").fit(scaled)
            self.centre_, self.components_ = pca.mean_, pca.components_
            scaled = np.where(missing, self._project(scaled), scaled)
        return self

    def transform(self, matrix: Any) -> Any:
        missing, scaled = np.isnan(matrix), np.nan_to_num((matrix - self.mean_) / self.scale_)
        for _ in range(self.iterations):
            scaled = np.where(missing, self._project(scaled), scaled)
        return np.where(missing, scaled * self.scale_ + self.mean_, matrix)

    def state(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> LowRank:
        made = cls(state["iterations"])
        vars(made).update(state)
        return made

    def _project(self, scaled: Any) -> Any:
        return (scaled - self.centre_) @ self.components_.T @ self.components_ + self.centre_


CLEAN_MISSING_DATA = Module(
    name="Clean Missing Data",
    guid="d2c5ca2f732341a39b7eda917c99f0c4",
    inputs=(Port("Dataset"),),
    outputs=(Port("Cleaned dataset"), Port("Cleaning transformation", PortType.TRANSFORM)),
    parameters=(
        Parameter("Columns to be cleaned", "columns"),
        Parameter("Minimum missing value ratio", "float", "0.0", minimum=0, maximum=1),
        Parameter("Maximum missing value ratio", "float", "1.0", minimum=0, maximum=1),
        Parameter(
            "Cleaning mode",
            "choice",
            _CUSTOM,
            choices=(_MICE, _CUSTOM, _MEAN, _MEDIAN, _MODE, _ROW, _COLUMN, _PCA),
        ),
        Parameter("Replacement value", "string", "0", when=("Cleaning mode", (_CUSTOM,))),
        Parameter(
            "Cols with all missing values",
            "choice",
            "Remove",
            choices=("Propagate", "Remove"),
            when=("Cleaning mode", (_MICE, _MEAN, _MEDIAN, _MODE)),
        ),
        Parameter(
            "Generate missing value indicator column",
            "boolean",
            "False",
            when=("Cleaning mode", (*_TOGETHER, _MEAN, _MEDIAN, _MODE, _CUSTOM)),
        ),
        Parameter("Number of Iterations", "integer", "5", minimum=1, maximum=10, when=("Cleaning mode", (_MICE,))),
        Parameter(
            "Number of Iterations for PCA Prediction",
            "integer",
            "10",
            minimum=1,
            maximum=50,
            when=("Cleaning mode", (_PCA,)),
        ),
    ),
    run=_clean_missing_data,
    category="Data Transformation / Manipulation",
    maps_to="pandas fillna and dropna; sklearn.impute.IterativeImputer for MICE; sklearn.decomposition.PCA, repeated",
)

MODULES = (CLEAN_MISSING_DATA,)
