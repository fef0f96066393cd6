"""Data Transformation / Sample and Split: Split Data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.modules import columns
from mlmgmt.modules.base import Arguments, Dataset, Module, ModuleFailure, Parameter, Port

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROWS, _REGEX, _RELATIVE = "Split Rows", "Regular Expression", "Relative Expression"
_COLUMN_NAMED = re.compile(r'\s*(?:\\"(?P<name>[^"]*)"|\(\\(?P<index>\d+)\))\s*(?P<rest>.*)', re.DOTALL)
_CONDITION = re.compile(r"\s*(?P<operator><=|>=|==|!=|<|>)\s*(?P<value>.+?)\s*")


def _split_data(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset, Dataset]:
    dataset: Dataset = inputs["Dataset"]
    if len(dataset.frame) < 2:
        raise ModuleFailure("A split needs at least two rows.", number="0021", target="Dataset")
    mode = arguments["Splitting mode"]
    if mode == _ROWS:
        first = _first_rows(dataset, arguments)
    elif mode == _REGEX:
        first = _matching_rows(dataset, arguments["Regular expression"])
    else:
        first = _comparing_rows(dataset, arguments["Relational expression"])
    return dataset.with_frame(dataset.frame[first]), dataset.with_frame(dataset.frame[~first])


def _first_rows(dataset: Dataset, arguments: Arguments) -> np.ndarray[Any, np.dtype[np.bool_]]:
    from sklearn.model_selection import train_test_split

    count = len(dataset.frame)
    size = int(count * arguments["Fraction of rows in the first output dataset"])
    first = np.zeros(count, dtype=bool)
    seed = arguments["Random seed"] or None  # 0 takes a seed from the clock.
    if not arguments["Randomized split"] and not arguments["Stratified split"]:
        first[:size] = True
    elif 0 < size < count:
        key = None
        if arguments["Stratified split"]:
            name = columns.select_one(
                dataset, arguments.get("Stratification key column"), parameter="Stratification key column"
            )
            # Rows without a value form a class too.
            key = dataset.frame[name].astype(object).map(str)
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


def _column_and_rest(dataset: Dataset, expression: str, parameter: str) -> tuple[pd.Series[Any], str]:
    found = _COLUMN_NAMED.fullmatch(expression)
    names = list(dataset.frame.columns)
    if found is None:
        hint = r'Write the column as \"name" or (\0), then the expression.'
        raise ModuleFailure(f"{expression!r} does not name a column.", target=parameter, hint=hint)
    name = found["name"] if found["name"] is not None else _at(names, int(found["index"]))
    if name not in names:
        raise ModuleFailure(f"The column {name!r} does not exist.", number="0001", target=parameter)
    return dataset.frame[name], found["rest"]


def _at(names: list[str], index: int) -> str:
    return names[index] if index < len(names) else f"({index})"


def _matching_rows(dataset: Dataset, expression: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    series, pattern = _column_and_rest(dataset, expression, "Regular expression")
    try:
        compiled = re.compile(pattern.strip())
    except re.error as error:
        raise ModuleFailure(f"{pattern!r} is not a regular expression: {error}.", target="Regular expression") from None
    return np.array([not pd.isna(value) and compiled.search(str(value)) is not None for value in series], dtype=bool)


def _comparing_rows(dataset: Dataset, expression: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    series, conditions = _column_and_rest(dataset, expression, "Relational expression")
    result: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    # There are no parentheses; & binds more tightly than |, as in .NET.
    for alternative in conditions.split("|"):
        every = np.ones(len(series), dtype=bool)
        for condition in alternative.split("&"):
            every &= _compare(series, condition)
        result = every if result is None else result | every
    assert result is not None
    return result


def _compare(series: pd.Series[Any], condition: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    found = _CONDITION.fullmatch(condition)
    if found is None:
        hint = "Use comparisons (< > <= >= == !=) joined by & and |."
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
_RECOMMENDING = ("Splitting mode", (_RECOMMENDER,))
_SHARES = {
    "Fraction of training-only users": "0.5",
    "Fraction of test user ratings for training": "0.25",
    "Fraction of cold users": "0",
    "Fraction of cold items": "0",
    "Fraction of ignored users": "0",
    "Fraction of ignored items": "0",
}

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
            refused={_RECOMMENDER: "there is no recommender."},
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
        *(
            Parameter(key, "float", default, minimum=0, maximum=1, when=_RECOMMENDING)
            for key, default in _SHARES.items()
        ),
        Parameter("Remove occasionally produced cold items", "boolean", "False", when=_RECOMMENDING),
        Parameter("Random seed for Recommender", "integer", "0", minimum=0, maximum=2**32 - 1, when=_RECOMMENDING),
        Parameter("Regular expression", "string", r'\"column name" ^start', when=("Splitting mode", (_REGEX,))),
        Parameter("Relational expression", "string", r'\"column name" > 3', when=("Splitting mode", (_RELATIVE,))),
    ),
    run=_split_data,
    category="Data Transformation / Sample and Split",
    maps_to="sklearn.model_selection.train_test_split",
)

MODULES = (SPLIT_DATA,)
