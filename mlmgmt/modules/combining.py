"""Data Transformation / Manipulation: modules that combine tables, drop duplicate rows or add indicator columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.modules.base import Arguments, Dataset, Module, ModuleFailure, Parameter, Port
from mlmgmt.modules.columns import studio_type
from mlmgmt.modules.manipulation import CATEGORY, plain, selected_columns
from mlmgmt.modules.text_formats import text_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    Series = pd.Series[Any]
    Places = np.ndarray[Any, np.dtype[np.intp]]

_LEFT_KEYS = "Comma-separated case-sensitive names of join key columns for L"
_RIGHT_KEYS = "Comma-separated case-sensitive names of join key columns for R"
_KEEP = "Keep right key columns in joined table"
_INNER, _LEFT, _FULL, _SEMI = "Inner Join", "Left Outer Join", "Full Outer Join", "Left Semi-Join"
_NUMBERS = {"Integer", "Double"}


def unused_name(name: str, taken: Container[str]) -> str:
    """Return a name, or the first of `name (2)`, `name (3)` ... that is not taken."""
    found, count = name, 1
    while found in taken:
        count += 1
        found = f"{name} ({count})"
    return found


def _comparable(series: Series) -> Series:
    """Return a column in the form in which its values compare: not categorical, and times in UTC."""
    series = plain(series)
    if studio_type(series) != "DateTime":
        return series
    return series.dt.tz_localize("UTC") if series.dt.tz is None else series.dt.tz_convert("UTC")


def _keys(left: list[Series], right: list[Series], *, match_case: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the key columns of both sides under common names, without the rows that lack a key."""
    found: tuple[dict[int, Series], dict[int, Series]] = ({}, {})
    for place, pair in enumerate(zip(left, right, strict=True)):
        sides = [_comparable(series).reset_index(drop=True) for series in pair]
        kinds = {studio_type(side) for side in sides if side.notna().any()}
        if len(kinds) > 1 and not kinds <= _NUMBERS:
            first, second = (f"{side.name!r} ({studio_type(side)})" for side in sides)
            message = f"The key columns {first} and {second} cannot be compared."
            hint = "Give them the same type with Edit Metadata."
            raise ModuleFailure(message, number="0016", target=str(sides[0].name), hint=hint)
        if kinds == {"String"} and not match_case:
            sides = [side.astype("object").map(str.casefold, na_action="ignore") for side in sides]
        if len(kinds) > 1:
            sides = [side.astype("float64") for side in sides]
        for columns, side in zip(found, sides, strict=True):
            columns[place] = side
    first_frame, second_frame = (pd.DataFrame(columns).dropna() for columns in found)
    return first_frame, second_frame


def _pairs(left: pd.DataFrame, right: pd.DataFrame) -> tuple[Places, Places]:
    """Return the places of the rows whose keys are equal, in the order of the left rows, then the right ones."""
    if left.empty or right.empty:
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    on = list(left.columns)
    both = pd.merge(left.assign(left=left.index), right.assign(right=right.index), on=on).sort_values(["left", "right"])
    return both["left"].to_numpy(dtype=np.intp), both["right"].to_numpy(dtype=np.intp)


def _join_data(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    left: Dataset = inputs["Dataset1"]
    right: Dataset = inputs["Dataset2"]
    left_keys = selected_columns(left, arguments, _LEFT_KEYS)
    right_keys = selected_columns(right, arguments, _RIGHT_KEYS)
    if len(left_keys) != len(right_keys):
        message = f"The number of key columns differs: {len(left_keys)} on the left, {len(right_keys)} on the right."
        raise ModuleFailure(message, number="0027", target=_RIGHT_KEYS, hint="Select the same number on both sides.")
    keys = _keys(
        [left.frame[name] for name in left_keys],
        [right.frame[name] for name in right_keys],
        match_case=arguments["Match case"],
    )
    first, second = _pairs(*keys)
    if arguments["Join type"] == _SEMI:
        matched = np.isin(np.arange(len(left.frame)), first)
        return (left.with_frame(left.frame[matched]),)
    if arguments["Join type"] in (_LEFT, _FULL):
        alone = np.setdiff1d(np.arange(len(left.frame)), first)
        first, second = np.append(first, alone), np.append(second, np.full(len(alone), -1))
        order = np.argsort(first, kind="stable")
        first, second = first[order], second[order]
    if arguments["Join type"] == _FULL:
        alone = np.setdiff1d(np.arange(len(right.frame)), second)
        first, second = np.append(first, np.full(len(alone), -1)), np.append(second, alone)
    if not arguments[_KEEP]:
        right = right.with_frame(right.frame.drop(columns=right_keys))
    index = pd.RangeIndex(len(first))
    return (_beside(left, _rows(left.frame, first), right, _rows(right.frame, second), index),)


def _rows(frame: pd.DataFrame, places: Places) -> pd.DataFrame:
    """Return the rows at these places; -1 gives a row of missing cells."""
    if (places >= 0).all():
        return frame.iloc[places]
    # NumPy's integers and booleans have no missing value; those of pandas do.
    widened = {name: plain(frame[name]) for name in frame.columns if studio_type(frame[name]) in ("Integer", "Boolean")}
    return frame.assign(**widened).reset_index(drop=True).reindex(places)


def _beside(
    left: Dataset, left_rows: pd.DataFrame, right: Dataset, right_rows: pd.DataFrame, index: pd.Index[Any]
) -> Dataset:
    """Put rows of two datasets side by side; names on the right that the left has too get a number."""
    taken = {*left_rows.columns, *right_rows.columns}
    new: dict[str, str] = {}
    for name in right_rows.columns:
        if name in left_rows.columns:
            new[name] = unused_name(name, taken)
            taken.add(new[name])
    right_rows = right_rows.rename(columns=new)
    frame = pd.concat([left_rows.set_axis(index), right_rows.set_axis(index)], axis=1)
    roles = dict(left.roles) | {new.get(name, name): role for name, role in right.roles.items()}
    scored = left.scored
    if scored is None and right.scored is not None:
        scored = replace(right.scored, label=new.get(right.scored.label, right.scored.label))
    return Dataset(frame, roles, scored).with_frame(frame)


JOIN_DATA = Module(
    name="Join Data",
    guid="124865f7e9014656adacf4cb08248099",
    inputs=(Port("Dataset1"), Port("Dataset2")),
    outputs=(Port("Results dataset"),),
    parameters=(
        Parameter(_LEFT_KEYS, "columns", label="Join key columns for left dataset"),
        Parameter(_RIGHT_KEYS, "columns", label="Join key columns for right dataset"),
        Parameter("Match case", "boolean", "True"),
        Parameter("Join type", "choice", _INNER, choices=(_INNER, _LEFT, _FULL, _SEMI)),
        Parameter(_KEEP, "boolean", "True", when=("Join type", (_INNER, _LEFT, _FULL))),
    ),
    run=_join_data,
    category=CATEGORY,
    maps_to="pandas.merge on the keys",
)


def _add_columns(inputs: Mapping[str, Any], _: Arguments) -> tuple[Dataset]:
    left: Dataset = inputs["Left dataset"]
    right: Dataset = inputs["Right dataset"]
    count = max(len(left.frame), len(right.frame))
    # Two tables with the same rows of the input keep their index; others are only put side by side.
    index = left.frame.index if left.frame.index.equals(right.frame.index) else pd.RangeIndex(count)
    places = np.arange(count)
    rows = [_rows(one.frame, np.where(places < len(one.frame), places, -1)) for one in (left, right)]
    return (_beside(left, rows[0], right, rows[1], index),)


ADD_COLUMNS = Module(
    name="Add Columns",
    guid="5714a225befd438a9bb5f6fdc50a4efb",
    inputs=(Port("Left dataset"), Port("Right dataset")),
    outputs=(Port("Combined dataset"),),
    parameters=(),
    run=_add_columns,
    category=CATEGORY,
    maps_to="pandas.concat, axis 1",
)


def _add_rows(inputs: Mapping[str, Any], _: Arguments) -> tuple[Dataset]:
    first: Dataset = inputs["Dataset1"]
    second: Dataset = inputs["Dataset2"]
    counts = [len(one.frame.columns) for one in (first, second)]
    if counts[0] != counts[1]:
        message = f"The number of columns differs: {counts[0]} in Dataset1, {counts[1]} in Dataset2."
        raise ModuleFailure(message, number="0008", target="Dataset2", hint="Select the same number on both sides.")
    index = pd.RangeIndex(len(first.frame) + len(second.frame))
    stacked = {
        name: _stack(first.frame[name], second.frame.iloc[:, place]).set_axis(index)
        for place, name in enumerate(first.frame.columns)
    }
    scored = first.scored if first.scored == second.scored else None
    return (replace(first, frame=pd.DataFrame(stacked, index=index), scored=scored),)


def _stack(first: Series, second: Series) -> Series:
    """Return two columns as one, in the type that both have."""
    sides = [_comparable(first), _comparable(second)]
    kinds = [studio_type(side) for side in sides]
    if kinds[0] != kinds[1] and not set(kinds) <= _NUMBERS:
        if sides[0].isna().all():
            return _stack(_missing_like(second, len(first)), second)
        if sides[1].isna().all():
            return _stack(first, _missing_like(first, len(second)))
        message = f"The column {first.name!r} is {kinds[0]} in Dataset1, but {second.name!r} is {kinds[1]} in Dataset2."
        hint = "Give them the same type with Edit Metadata."
        raise ModuleFailure(message, number="0016", target=str(first.name), hint=hint)
    stacked: Series = pd.concat(sides, ignore_index=True)
    if set(kinds) == _NUMBERS:
        stacked = stacked.astype("float64")
    if isinstance(first.dtype, pd.CategoricalDtype) and isinstance(second.dtype, pd.CategoricalDtype):
        levels = pd.concat([plain(pd.Series(one.cat.categories)) for one in (first, second)], ignore_index=True)
        stacked = stacked.astype(pd.CategoricalDtype(levels.astype(stacked.dtype).unique()))  # type: ignore[arg-type]
    return stacked


def _missing_like(series: Series, count: int) -> Series:
    """Return a column of `count` missing values in the type of another column."""
    whole = series if isinstance(series.dtype, pd.CategoricalDtype) else plain(series)
    return whole.iloc[:0].reset_index(drop=True).reindex(range(count))


ADD_ROWS = Module(
    name="Add Rows",
    guid="b2ebdabd217d491586cc5b05972f7270",
    inputs=(Port("Dataset1"), Port("Dataset2")),
    outputs=(Port("Results dataset"),),
    parameters=(),
    run=_add_rows,
    category=CATEGORY,
    maps_to="pandas.concat",
)

_KEY = "Key column selection filter expression"


def _remove_duplicate_rows(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    dataset: Dataset = inputs["Dataset"]
    names = selected_columns(dataset, arguments, _KEY)
    keys = pd.DataFrame({name: plain(dataset.frame[name]) for name in names})
    repeated = keys.duplicated(keep="first" if arguments["Retain first duplicate row"] else "last")
    return (dataset.with_frame(dataset.frame[~repeated.to_numpy(dtype=bool)]),)


REMOVE_DUPLICATE_ROWS = Module(
    name="Remove Duplicate Rows",
    guid="02016f47e4c34a069ae516c747389e34",
    inputs=(Port("Dataset"),),
    outputs=(Port("Results dataset"),),
    parameters=(Parameter(_KEY, "columns"), Parameter("Retain first duplicate row", "boolean", "True")),
    run=_remove_duplicate_rows,
    category=CATEGORY,
    maps_to="pandas.DataFrame.duplicated",
)


def _convert_to_indicators(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    dataset: Dataset = inputs["Dataset"]
    selected = selected_columns(dataset, arguments, "Categorical columns to convert")
    for name in selected:
        if studio_type(dataset.frame[name]) != "Categorical":
            message = f"The column {name!r} is {studio_type(dataset.frame[name])}, not categorical."
            hint = "Make it categorical with Edit Metadata."
            raise ModuleFailure(message, number="0056", target=name, hint=hint)
    overwrite = arguments["Overwrite categorical columns"]
    kept = {str(name) for name in dataset.frame.columns if not overwrite or name not in selected}
    made: dict[str, dict[str, Series]] = {}
    for name in selected:
        made[name] = _indicators(dataset.frame[name], kept)
        kept |= made[name].keys()
    found: dict[str, Series] = {}
    for name in dataset.frame.columns:
        found |= made[name] if overwrite and name in made else {name: dataset.frame[name]}
    for columns_made in () if overwrite else made.values():
        found |= columns_made
    # The indicators of a label, or of another column that is not a feature, must not become features.
    roles = {new: "None" for name in selected if dataset.role(name) != "Feature" for new in made[name]}
    frame = pd.DataFrame(found, index=dataset.frame.index)
    return (replace(dataset, roles={**dataset.roles, **roles}).with_frame(frame),)


def _indicators(series: Series, taken: set[str]) -> dict[str, Series]:
    codes = series.cat.codes
    levels = list(enumerate(map(text_of, series.cat.categories)))
    if series.isna().any():
        levels.append((-1, "Missing"))
    found: dict[str, Series] = {}
    for code, text in levels:
        found[unused_name(f"{series.name}-{text}", {*taken, *found})] = (codes == code).astype("Int64")
    return found


CONVERT_TO_INDICATOR_VALUES = Module(
    name="Convert to Indicator Values",
    guid="6ea59c36f283410eb34cedfabfac39b0",
    inputs=(Port("Dataset"),),
    outputs=(Port("Results dataset"),),
    parameters=(
        Parameter("Categorical columns to convert", "columns"),
        Parameter("Overwrite categorical columns", "boolean", "False"),
    ),
    run=_convert_to_indicators,
    category=CATEGORY,
    maps_to="one comparison for each category, as pandas.get_dummies makes them",
)

MODULES = (JOIN_DATA, ADD_COLUMNS, ADD_ROWS, REMOVE_DUPLICATE_ROWS, CONVERT_TO_INDICATOR_VALUES)
