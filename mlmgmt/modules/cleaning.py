"""Data Transformation / Manipulation: Clean Missing Data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlmgmt.modules import columns
from mlmgmt.modules.base import Arguments, Dataset, Module, ModuleFailure, Parameter, Port, PortType

if TYPE_CHECKING:
    from collections.abc import Mapping

_MEAN, _MEDIAN, _MODE = "Replace with mean", "Replace with median", "Replace with mode"
_CUSTOM, _MICE = "Custom substitution value", "Replace using MICE"
_ROW, _COLUMN = "Remove entire row", "Remove entire column"
_LEARNT = (_MICE, _MEAN, _MEDIAN, _MODE)


@dataclass(frozen=True, slots=True)
class CleaningTransformation:
    """What Clean Missing Data learnt: a value for each column, the columns to drop, and those whose rows to drop."""

    values: Mapping[str, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    complete: tuple[str, ...] = ()

    def apply(self, dataset: Dataset) -> Dataset:
        frame = dataset.frame.drop(columns=[name for name in self.drop if name in dataset.frame.columns])
        for name, value in self.values.items():
            if name in frame.columns:
                frame = frame.assign(**{name: frame[name].fillna(value)})
        present = [name for name in self.complete if name in frame.columns]
        return dataset.with_frame(frame.dropna(subset=present) if present else frame)


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
        learnt = CleaningTransformation({name: _substitute(frame[name], arguments) for name in chosen})
    else:
        learnt = _learnt_values(frame, chosen, mode, arguments)
    cleaned = _imputed(dataset, chosen, learnt, arguments) if mode == _MICE else learnt.apply(dataset)
    if arguments.get("Generate missing value indicator column"):
        marks = {
            f"{name}_IsMissing": frame[name].isna().reindex(cleaned.frame.index).astype("boolean") for name in flagged
        }
        cleaned = cleaned.with_frame(cleaned.frame.assign(**marks))
    return cleaned, learnt


def _substitute(series: pd.Series[Any], arguments: Arguments) -> Any:
    text = arguments["Replacement value"] or "0"
    kind = columns.studio_type(series)
    try:
        if kind == "Integer":
            return int(text)
        if kind == "Double":
            return float(text)
        if kind == "Boolean":
            return {"true": True, "1": True, "false": False, "0": False}[text.casefold()]
        if kind == "DateTime":
            return pd.Timestamp(text, tz=getattr(series.dtype, "tz", None))
    except (ValueError, KeyError):
        message = f"{text!r} is no value for the {kind} column {series.name!r}."
        raise ModuleFailure(message, target="Replacement value") from None
    return text


def _learnt_values(frame: pd.DataFrame, chosen: list[str], mode: str, arguments: Arguments) -> CleaningTransformation:
    values: dict[str, Any] = {}
    empty: list[str] = []
    for name in chosen if len(frame) else ():
        series: pd.Series[Any] = frame[name]
        kind = columns.studio_type(series)
        if series.isna().all() and len(series):
            empty.append(name)
        elif mode == _MODE or (mode == _MICE and kind not in ("Integer", "Double")):
            values[name] = series.mode().iloc[0]
        elif kind not in (("Integer", "Double") if mode in (_MEDIAN, _MICE) else ("Integer", "Double", "Boolean")):
            message = f"{mode} is not possible for the {kind} column {name!r}."
            raise ModuleFailure(message, number="0056", target=name, hint="Leave it out of the columns to be cleaned.")
        else:
            numbers = series.astype("float64")
            value = float(numbers.mean() if mode in (_MEAN, _MICE) else numbers.median())
            values[name] = bool(round(value)) if kind == "Boolean" else round(value) if kind == "Integer" else value
    drop = tuple(empty) if arguments["Cols with all missing values"] == "Remove" else ()
    return CleaningTransformation(values, drop)


def _imputed(dataset: Dataset, chosen: list[str], learnt: CleaningTransformation, arguments: Arguments) -> Dataset:
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    frame = dataset.frame
    numeric = [
        name for name in chosen if name in learnt.values and columns.studio_type(frame[name]) in ("Integer", "Double")
    ]
    if numeric and len(frame):
        matrix = frame[numeric].astype("float64")
        imputer = IterativeImputer(max_iter=arguments["Number of Iterations"], random_state=0)
        filled = pd.DataFrame(imputer.fit_transform(matrix), columns=numeric, index=frame.index)
        for name in numeric:
            whole = columns.studio_type(frame[name]) == "Integer"
            frame = frame.assign(**{name: filled[name].round().astype("Int64") if whole else filled[name]})
    return learnt.apply(dataset.with_frame(frame))


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
            choices=(_MICE, _CUSTOM, _MEAN, _MEDIAN, _MODE, _ROW, _COLUMN, "Replace using Probabilistic PCA"),
            refused={"Replace using Probabilistic PCA": "no library here has it."},
        ),
        Parameter("Replacement value", "string", "0", when=("Cleaning mode", (_CUSTOM,))),
        Parameter(
            "Cols with all missing values",
            "choice",
            "Remove",
            choices=("Propagate", "Remove"),
            when=("Cleaning mode", _LEARNT),
        ),
        Parameter(
            "Generate missing value indicator column", "boolean", "False", when=("Cleaning mode", (*_LEARNT, _CUSTOM))
        ),
        Parameter("Number of Iterations", "integer", "5", minimum=1, maximum=10, when=("Cleaning mode", (_MICE,))),
        Parameter(
            "Number of Iterations for PCA Prediction",
            "integer",
            "10",
            minimum=1,
            maximum=50,
            when=("Cleaning mode", ()),
        ),
    ),
    run=_clean_missing_data,
    category="Data Transformation / Manipulation",
    maps_to="pandas fillna and dropna; scikit-learn IterativeImputer for MICE",
)

MODULES = (CLEAN_MISSING_DATA,)
