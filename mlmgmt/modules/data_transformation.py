"""Data Transformation: Select Columns in Dataset, Clean Missing Data, Split Data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.modules import columns
from mlmgmt.modules.base import Arguments, Dataset, Module, ModuleFailure, Parameter, Port, PortType

if TYPE_CHECKING:
    from collections.abc import Mapping


def _select_columns(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    dataset: Dataset = inputs["Dataset"]
    names = columns.select(dataset, arguments["Select Columns"], parameter="Select Columns")
    return (dataset.with_frame(dataset.frame.loc[:, names]),)


SELECT_COLUMNS = Module(
    name="Select Columns in Dataset",
    former_names=("Project Columns",),
    guid="1ec722fab6234e26a44ea50c6d726223",
    inputs=(Port("Dataset"),),
    outputs=(Port("Results dataset"),),
    parameters=(Parameter("Select Columns", "columns", label="Select columns"),),
    run=_select_columns,
    maps_to="pandas.DataFrame.loc",
)

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
    maps_to="pandas fillna and dropna; scikit-learn IterativeImputer for MICE",
)

_ROWS, _REGEX, _RELATIVE = "Split Rows", "Regular Expression", "Relative Expression"
_COLUMN_NAMED = re.compile(r'\s*(?:\\"(?P<name>[^"]*)"|\(\\(?P<index>\d+)\))\s*(?P<rest>.*)', re.DOTALL)
_CONDITION = re.compile(r"\s*(?P<operator><=|>=|==|!=|<|>)\s*(?P<value>.+?)\s*")


def _split_data(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset, Dataset]:
    dataset: Dataset = inputs["Dataset"]
    if len(dataset.frame) < 2:
        raise ModuleFailure("At least two rows are needed to split.", number="0021", target="Dataset")
    mode = arguments["Splitting mode"]
    if mode == _ROWS:
        first = _first_rows(dataset, arguments)
    elif mode == _REGEX:
        first = _matching(dataset, arguments["Regular expression"])
    else:
        first = _comparing(dataset, arguments["Relational expression"])
    return dataset.with_frame(dataset.frame[first]), dataset.with_frame(dataset.frame[~first])


def _first_rows(dataset: Dataset, arguments: Arguments) -> np.ndarray[Any, np.dtype[np.bool_]]:
    from sklearn.model_selection import train_test_split

    count = len(dataset.frame)
    size = int(count * arguments["Fraction of rows in the first output dataset"])
    first = np.zeros(count, dtype=bool)
    seed = arguments["Random seed"] or None  # 0 means: from the clock
    if not arguments["Randomized split"] and not arguments["Stratified split"]:
        first[:size] = True
    elif 0 < size < count:
        key = None
        if arguments["Stratified split"]:
            name = columns.select_one(
                dataset, arguments.get("Stratification key column"), parameter="Stratification key column"
            )
            key = dataset.frame[name].astype(str)
        try:
            chosen, _ = train_test_split(np.arange(count), train_size=size, stratify=key, random_state=seed)
        except ValueError as error:
            raise ModuleFailure(
                f"The rows cannot be split by that key: {error}", target="Stratification key column"
            ) from None
        first[chosen] = True
    else:
        first[:] = size == count
    return first


def _keyed(dataset: Dataset, expression: str, parameter: str) -> tuple[pd.Series[Any], str]:
    found = _COLUMN_NAMED.fullmatch(expression)
    names = list(dataset.frame.columns)
    if found is None:
        hint = r'Write the column as \"name" or (\0), then the expression.'
        raise ModuleFailure(f"{expression!r} names no column.", target=parameter, hint=hint)
    name = found["name"] if found["name"] is not None else _at(names, int(found["index"]))
    if name not in names:
        raise ModuleFailure(f"There is no column {name!r}.", number="0001", target=parameter)
    return dataset.frame[name], found["rest"]


def _at(names: list[str], index: int) -> str:
    return names[index] if index < len(names) else f"({index})"


def _matching(dataset: Dataset, expression: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    series, pattern = _keyed(dataset, expression, "Regular expression")
    try:
        compiled = re.compile(pattern.strip())
    except re.error as error:
        raise ModuleFailure(f"{pattern!r} is not a regular expression: {error}.", target="Regular expression") from None
    return np.array([not pd.isna(value) and compiled.search(str(value)) is not None for value in series], dtype=bool)


def _comparing(dataset: Dataset, expression: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    series, conditions = _keyed(dataset, expression, "Relational expression")
    result: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    # No grouping exists; & binds more tightly than |, as in .NET.
    for alternative in conditions.split("|"):
        every = np.ones(len(series), dtype=bool)
        for condition in alternative.split("&"):
            every &= _compared(series, condition)
        result = every if result is None else result | every
    assert result is not None
    return result


def _compared(series: pd.Series[Any], condition: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    found = _CONDITION.fullmatch(condition)
    if found is None:
        hint = "Comparisons (< > <= >= == !=) joined by & and |."
        raise ModuleFailure(f"{condition!r} is not a comparison.", target="Relational expression", hint=hint)
    dates = columns.studio_type(series) == "DateTime"
    try:
        value: Any = (
            pd.Timestamp(found["value"], tz=getattr(series.dtype, "tz", None)) if dates else float(found["value"])
        )
        numbers: pd.Series[Any] = series if dates else series.astype("float64")
    except (ValueError, TypeError):
        message = f"{found['value']!r} cannot be compared with the column {series.name!r}."
        raise ModuleFailure(message, target="Relational expression") from None
    operators = {
        "<": numbers.lt,
        ">": numbers.gt,
        "<=": numbers.le,
        ">=": numbers.ge,
        "==": numbers.eq,
        "!=": numbers.ne,
    }
    compared = operators[found["operator"]](value).to_numpy(dtype=bool)
    return np.asarray(compared & numbers.notna().to_numpy(dtype=bool))


_RECOMMENDER = "Recommender Split"

SPLIT_DATA = Module(
    name="Split Data",
    guid="70530644c97a4ab685f788bf30a8be5f",
    inputs=(Port("Dataset"),),
    outputs=(Port("Results dataset1"), Port("Results dataset2")),
    parameters=(
        Parameter(
            "Splitting mode",
            "choice",
            _ROWS,
            choices=(_ROWS, _RECOMMENDER, _REGEX, _RELATIVE),
            refused={_RECOMMENDER: "there are no recommenders here."},
        ),
        Parameter(
            "Fraction of rows in the first output dataset",
            "float",
            "0.5",
            minimum=0,
            maximum=1,
            when=("Splitting mode", (_ROWS,)),
        ),
        Parameter("Randomized split", "boolean", "True", when=("Splitting mode", (_ROWS,))),
        Parameter("Random seed", "integer", "0", minimum=0, maximum=2**32 - 1, when=("Splitting mode", (_ROWS,))),
        Parameter("Stratified split", "boolean", "False", when=("Splitting mode", (_ROWS,))),
        Parameter("Stratification key column", "columns", when=("Stratified split", ("True",))),
        Parameter("Regular expression", "string", r'\"column name" ^start', when=("Splitting mode", (_REGEX,))),
        Parameter("Relational expression", "string", r'\"column name" > 3', when=("Splitting mode", (_RELATIVE,))),
    ),
    run=_split_data,
    maps_to="sklearn.model_selection.train_test_split",
)

MODULES = (SELECT_COLUMNS, CLEAN_MISSING_DATA, SPLIT_DATA)
