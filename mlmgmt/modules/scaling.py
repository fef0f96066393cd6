"""Data Transformation / Scale and Reduce, and Apply Transformation."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmgmt.modules import columns
from mlmgmt.modules.base import Arguments, Dataset, Module, ModuleFailure, Parameter, Port, PortType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from mlmgmt.modules.base import Transform

_Z, _MIN_MAX, _LOGISTIC, _LOG_NORMAL, _TANH = "ZScore", "MinMax", "Logistic", "LogNormal", "Tanh"
_LEARNT = (_Z, _MIN_MAX, _LOG_NORMAL)
_NUMERIC = ("Integer", "Double")


@dataclass(frozen=True, slots=True)
class NormalizingTransformation:
    """What Normalize Data learnt.

    Args:
        fitted: by column, what to subtract and what to divide by (for LogNormal, of the logarithm); unused by the
            methods that learn nothing. A divisor of 0 means a constant column.
        constant: the value that a constant column gets.
    """

    method: str
    fitted: Mapping[str, tuple[float, float]]
    constant: float = 0.0

    def apply(self, dataset: Dataset) -> Dataset:
        frame = dataset.frame
        _refuse_duplicates(frame)
        if missing := [name for name in self.fitted if name not in frame.columns]:
            message = f"The transformation was learnt on columns that the rows do not have: {_quoted_names(missing)}."
            hint = f"The rows have: {', '.join(map(str, frame.columns))}."
            raise ModuleFailure(message, number="0001", target="Dataset", hint=hint)
        _refuse_non_numeric(frame, list(self.fitted))
        normalized = {}
        with np.errstate(all="ignore"):
            for name in self.fitted:
                values = frame[name].astype("float64").to_numpy(dtype="float64", na_value=np.nan)
                normalized[name] = self._function(name)(values)
        return dataset.with_frame(frame.assign(**normalized))

    def cells(self, columns: Sequence[str]) -> Mapping[str, Callable[[Any], Any] | None] | None:
        if any(name not in columns for name in self.fitted):
            return None
        return {name: _for_cell(self._function(name)) if name in self.fitted else None for name in columns}

    def state(self) -> dict[str, Any]:
        return {part.name: getattr(self, part.name) for part in fields(self)}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> NormalizingTransformation:
        return cls(**state)

    def _function(self, name: str) -> Callable[[Any], Any]:
        """Return the function for the column's numbers: for an array, or for one number."""
        from scipy.special import expit, ndtr

        first, second = self.fitted[name]
        if self.method == _LOGISTIC:
            return lambda values: expit(values)
        if self.method == _TANH:
            return lambda values: np.tanh(values)
        if second == 0:
            return lambda values: values * 0.0 + self.constant
        if self.method == _LOG_NORMAL:
            return lambda values: ndtr((_logarithm(values) - first) / second)
        return lambda values: (values - first) / second


def _logarithm(values: Any) -> Any:
    """Return the logarithm; numbers that are not positive lie below all values of a log-normal distribution."""
    return np.log(np.maximum(values, 0.0))


def _for_cell(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def normalize(cell: Any) -> float:
        with np.errstate(all="ignore"):
            return float(function(np.nan if cell is None else float(cell)))

    return normalize


def _quoted_names(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def _refuse_duplicates(frame: pd.DataFrame) -> None:
    if not frame.columns.is_unique:
        names = [str(name) for name in frame.columns[frame.columns.duplicated()].unique()]
        raise ModuleFailure(f"Several columns are called {_quoted_names(names)}.", number="0018", target="Dataset")


def _refuse_non_numeric(frame: pd.DataFrame, names: list[str]) -> None:
    for name in names:
        if (kind := columns.studio_type(frame[name])) not in _NUMERIC:
            message = f"Only numbers can be normalized, but the column {name!r} is {kind}."
            hint = "Leave it out of the columns to transform, or change its type with Edit Metadata."
            raise ModuleFailure(message, number="0017", target=name, hint=hint)


def _normalize_data(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset, NormalizingTransformation]:
    dataset: Dataset = inputs["Dataset"]
    frame, selection, method = dataset.frame, arguments["Columns to transform"], arguments["Transformation method"]
    _refuse_duplicates(frame)
    if selection is None:
        chosen = [name for name in frame.columns if columns.studio_type(frame[name]) in _NUMERIC]
    else:
        chosen = columns.select(dataset, selection, parameter="Columns to transform")
        _refuse_non_numeric(frame, chosen)
    if not chosen:
        raise ModuleFailure("The dataset has no numeric column to normalize.", number="0020", target="Dataset")
    if not len(frame):
        raise ModuleFailure("The dataset has no rows to learn from.", number="0021", target="Dataset")
    fitted = {name: _fit(frame[name], method) for name in chosen}
    constant = 0.0 if arguments.get("Use 0 for constant columns when checked", True) else np.nan
    learnt = NormalizingTransformation(method, fitted, constant)
    return learnt.apply(dataset), learnt


def _fit(series: pd.Series[Any], method: str) -> tuple[float, float]:
    if method not in _LEARNT:
        return 0.0, 1.0
    values = series.dropna().to_numpy(dtype="float64")
    if not len(values):
        return np.nan, np.nan
    if method == _LOG_NORMAL:
        if (values <= 0).any():
            message = f"LogNormal needs positive numbers, but the column {series.name!r} has others."
            hint = "Leave it out of the columns to transform, or choose another method."
            raise ModuleFailure(message, target=str(series.name), hint=hint)
        values = np.log(values)
    low, high = float(values.min()), float(values.max())
    # Rounding gives a constant column a deviation that is not quite 0.
    if low == high:
        return low, 0.0
    with np.errstate(all="ignore"):
        return (low, high - low) if method == _MIN_MAX else (float(values.mean()), float(values.std()))


NORMALIZE_DATA = Module(
    name="Normalize Data",
    guid="986df33367484b85923d871df70d6aaf",
    inputs=(Port("Dataset"),),
    outputs=(Port("Transformed dataset"), Port("Transformation function", PortType.TRANSFORM)),
    parameters=(
        Parameter("Transformation method", "choice", _Z, choices=(_Z, _MIN_MAX, _LOGISTIC, _LOG_NORMAL, _TANH)),
        Parameter("Columns to transform", "columns"),
        Parameter(
            "Use 0 for constant columns when checked", "boolean", "True", when=("Transformation method", _LEARNT)
        ),
    ),
    run=_normalize_data,
    category="Data Transformation / Scale and Reduce",
    maps_to="numpy mean, std, min, max and tanh; scipy.special.expit; scipy.special.ndtr of the logarithm",
)


def _apply_transformation(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    transformation: Transform = inputs["Transformation"]
    try:
        return (transformation.apply(inputs["Dataset"]),)
    except KeyError as error:
        message = f"The transformation needs columns that the rows do not have: {error.args[0] if error.args else ''}"
        raise ModuleFailure(message, number="0001", target="Dataset") from None


APPLY_TRANSFORMATION = Module(
    name="Apply Transformation",
    guid="805e592d0f1f48eb97c9688ed0c1dc70",
    inputs=(Port("Transformation", PortType.TRANSFORM), Port("Dataset")),
    outputs=(Port("Transformed dataset"),),
    parameters=(),
    run=_apply_transformation,
    category="Machine Learning / Score",
    maps_to="what the transformation learnt, applied to other rows",
)

MODULES = (NORMALIZE_DATA, APPLY_TRANSFORMATION)
