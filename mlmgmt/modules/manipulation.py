"""Data Transformation / Manipulation: Select Columns in Dataset and Edit Metadata."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.modules import columns, dotnet, text_formats
from mlmgmt.modules.base import Arguments, Dataset, Module, ModuleFailure, Parameter, Port
from mlmgmt.modules.columns import studio_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Series = pd.Series[Any]

CATEGORY = "Data Transformation / Manipulation"


def selected_columns(dataset: Dataset, arguments: Arguments, key: str) -> list[str]:
    """Return the columns that a module works on, at least one.

    Raises:
        ModuleFailure: no column is selected, or one is selected twice.
    """
    if arguments[key] is None:
        raise ModuleFailure("No column is selected.", number="0003", target=key, hint="Select at least one column.")
    names = columns.select(dataset, arguments[key], parameter=key)
    if not names:
        message = "The selection matches no column."
        hint = f"The columns are: {', '.join(map(str, dataset.frame.columns))}."
        raise ModuleFailure(message, number="0011", target=key, hint=hint)
    if len(set(names)) < len(names):
        raise ModuleFailure("The selection names a column twice.", number="0028", target=key)
    return names


def plain(series: Series) -> Series:
    """Return a column without categories, in the type of its values."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        values = plain(pd.Series(series.cat.categories))
        series = _from_categories(values, series)
    kind = {"Integer": "Int64", "Boolean": "boolean"}.get(studio_type(series))
    if kind is None:
        return text_formats.to_text(series) if series.dtype == object else series
    try:
        return series.astype(kind)  # type: ignore[call-overload,no-any-return]
    except (TypeError, OverflowError):
        return series.astype("float64")  # Unsigned numbers that do not fit into a signed 64-bit integer.


def _from_categories(values: Series, series: Series) -> Series:
    """Return a categorical column with these values in place of its categories."""
    found = values.reindex(series.cat.codes.to_numpy()).set_axis(series.index)
    found.name = series.name
    return found


def _select_columns(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    dataset: Dataset = inputs["Dataset"]
    names = columns.select(dataset, arguments["Select Columns"], parameter="Select Columns")
    if len(set(names)) < len(names):
        raise ModuleFailure("The selection names a column twice.", number="0028", target="Select Columns")
    return (dataset.with_frame(dataset.frame.loc[:, names]),)


SELECT_COLUMNS = Module(
    name="Select Columns in Dataset",
    former_names=("Project Columns",),
    guid="1ec722fab6234e26a44ea50c6d726223",
    inputs=(Port("Dataset"),),
    outputs=(Port("Results dataset"),),
    parameters=(Parameter("Select Columns", "columns", label="Select columns"),),
    run=_select_columns,
    category=CATEGORY,
    maps_to="pandas.DataFrame.loc",
)


_EPOCH = 621_355_968_000_000_000
"""1970-01-01 in ticks of 100 nanoseconds since the year 1; a date becomes a number, and back, through these ticks."""
_WORDS = {"true": True, "false": False, "1": True, "0": False}


def _bad_value(value: Any, series: Series, kind: str, hint: str | None = None) -> ModuleFailure:
    message = f"{value!r} in the column {series.name!r} is not a valid {kind}."
    return ModuleFailure(message, number="0002", target=str(series.name), hint=hint)


def convert(series: Series, kind: str, form: str | None = None) -> Series:
    """Return a column converted to another of Studio's types.

    Args:
        form: the format of the text: a strptime format for DateTime, a regular expression for TimeSpan.

    Raises:
        ModuleFailure: a value is not of that type, or the two types do not convert.
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        present = series.cat.remove_unused_categories()
        levels = convert(pd.Series(present.cat.categories, name=series.name), kind, form)
        return _from_categories(levels, present).astype(pd.CategoricalDtype(levels.dropna().unique()))  # type: ignore[arg-type]
    series = plain(series)
    source = studio_type(series)
    if kind == "String":
        return text_formats.to_text(series)
    if source == "String":
        return _parse(series, kind, form)
    if source == kind:
        return series
    moments = {source, kind} & {"DateTime", "TimeSpan"}
    if len(moments) == 2 or (moments and "Boolean" in (source, kind)):
        message = f"The {source} column {series.name!r} cannot become {kind}."
        raise ModuleFailure(message, number="0017", target=str(series.name))
    if source in moments:
        return _ticks(series, source).astype("float64" if kind == "Double" else "Int64")
    if kind in moments:
        return _from_ticks(_number(series, "Integer"), kind)
    return _number(series, kind)


def _parse(series: Series, kind: str, form: str | None) -> Series:
    parse: Callable[[Any], Any] = {
        "Boolean": lambda words: text_formats.booleans(words, _WORDS),
        "Integer": _whole,
        "Double": text_formats.numbers,
        "DateTime": lambda words: text_formats.dates(words, form),
        "TimeSpan": lambda words: text_formats.spans(words, form or text_formats.USUAL_SPAN),
    }[kind]
    cells = text_formats.Cells(series)
    dtype = {"Boolean": "boolean", "Integer": "Int64", "Double": "float64"}.get(kind)
    if not len(cells.words):
        empty = {"DateTime": "datetime64[us, UTC]", "TimeSpan": "timedelta64[ns]"}
        return cells.column([], dtype or empty[kind])
    found = parse(cells.words)
    if found is None:
        bad = next(word for word in cells.words if parse(np.array([word], dtype=object)) is None)
        hints = {"DateTime": "Give its format in Date and time Format.", "Integer": "Use Double for fractions."}
        raise _bad_value(bad, series, kind, hints.get(kind, "Correct or remove it before this module."))
    return cells.column(found, dtype)


def _whole(words: Any) -> Any:
    if (exact := text_formats.whole_numbers(words)) is not None:
        return exact
    found = text_formats.numbers(words)
    # Beyond 2**53 a float64 does not hold every whole number, so a text with a fraction, such as .0, is refused.
    return None if found is None or (found % 1 != 0).any() or (abs(found) > 2**53).any() else found.astype(np.int64)


def _number(series: Series, kind: str) -> Series:
    if kind == "Double":
        return series.astype("float64")
    if studio_type(series) == "Integer" and kind == "Integer":
        return series
    present = series.astype("float64").dropna()
    if kind == "Boolean":
        bad = present[~present.isin((0, 1))]
        hint = "Only 0 and 1 can become Boolean."
    else:
        bad = present[~((present % 1 == 0) & (present >= -(2**63)) & (present < 2**63))]
        hint = "Round it first."
    if len(bad):
        raise _bad_value(float(bad.iloc[0]), series, kind, hint)
    return series.astype("float64").astype("boolean" if kind == "Boolean" else "Int64")


def _ticks(series: Series, source: str) -> Series:
    kind: Any = series.dt
    values = np.asarray(series if source == "TimeSpan" or kind.tz is None else kind.tz_convert(None))
    counts = values.astype("int64")
    ticks = counts // 100 if kind.unit == "ns" else counts * {"s": 10**7, "ms": 10**4, "us": 10}[kind.unit]
    ticks = ticks + _EPOCH if source == "DateTime" else ticks
    return pd.Series(ticks, index=series.index, name=series.name).astype("Int64").mask(series.isna())


def _from_ticks(series: Series, kind: str) -> Series:
    ticks = series.fillna(_EPOCH if kind == "DateTime" else 0).to_numpy(dtype="int64")
    low, high = (0, 3_155_378_975_999_999_999) if kind == "DateTime" else (-(2**63) // 100 + 1, 2**63 // 100)
    if len(bad := ticks[(ticks < low) | (ticks > high)]):
        hint = "A number is a count of 100-nanosecond ticks; for a date, since the year 1."
        raise _bad_value(int(bad[0]), series, kind, hint)
    if kind == "TimeSpan":
        found = pd.Series((ticks * 100).astype("timedelta64[ns]"), index=series.index, name=series.name)
    else:
        found = pd.Series(((ticks - _EPOCH) // 10).astype("datetime64[us]"), index=series.index, name=series.name)
        found = found.dt.tz_localize("UTC")
    return found.mask(series.isna())


def _edit_metadata(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    dataset: Dataset = inputs["Dataset"]
    names = list(dataset.frame.columns)
    selected = sorted(selected_columns(dataset, arguments, "Column"), key=names.index)
    changed = {name: _edit_type(dataset.frame[name], arguments) for name in selected}
    frame = dataset.frame.assign(**changed)
    roles = _roles(replace(dataset, frame=frame), selected, arguments["Fields"])
    new = _new_names(names, selected, arguments["New Column Name"])
    scored = dataset.scored
    if scored is not None:
        scored = replace(scored, label=new.get(scored.label, scored.label))
    return (Dataset(frame.rename(columns=new), {new.get(name, name): role for name, role in roles.items()}, scored),)


def _edit_type(series: Series, arguments: Arguments) -> Series:
    kind, categorical = arguments["Data Type"], arguments["Categorical"]
    if kind != _SAME:
        form: str | None = arguments.get(_DATE_FORMAT) or arguments.get(_SPAN_FORMAT)
        if form is not None and studio_type(series) in ("Integer", "Double"):
            message = f"The column {series.name!r} contains numbers, which have no format."
            raise ModuleFailure(message, target=_DATE_FORMAT if kind == "DateTime" else _SPAN_FORMAT)
        if form is not None:
            form = (
                dotnet.date_format(form, _DATE_FORMAT) if kind == "DateTime" else dotnet.span_format(form, _SPAN_FORMAT)
            )
        series = convert(series, kind, form)
    if categorical == "Categorical" and not isinstance(series.dtype, pd.CategoricalDtype):
        return plain(series).astype("category")
    return plain(series) if categorical == "NonCategorical" else series


_CLEARED = {"ClearLabels": "Label", "ClearScores": "Score", "ClearWeights": "Weight"}
_SINGLE = {"Labels": "Label", "Weights": "Weight"}


def _roles(dataset: Dataset, selected: list[str], fields: str) -> dict[str, str]:
    roles = dict(dataset.roles)
    if fields in _SINGLE:
        _require_single(dataset, selected, _SINGLE[fields], fields)
        roles[selected[0]] = _SINGLE[fields]
    for name in selected:
        if fields == "Features" or (fields in _CLEARED and dataset.role(name) == _CLEARED[fields]):
            roles.pop(name, None)
        elif fields == "ClearFeatures" and dataset.role(name) == "Feature":
            roles[name] = "None"
    return roles


def _require_single(dataset: Dataset, selected: list[str], role: str, fields: str) -> None:
    word = role.casefold()
    held = [name for name in dataset.frame.columns if dataset.role(name) == role and name not in selected]
    if len(selected) > 1:
        message = f"Only one column can be the {word}; {len(selected)} are selected."
        raise ModuleFailure(message, number="0022", target="Column")
    if held:
        hint = f"Clear it first, with Edit Metadata and Fields = Clear{fields}."
        raise ModuleFailure(f"The column {held[0]!r} is already the {word}.", target=selected[0], hint=hint)
    kind = studio_type(dataset.frame[selected[0]])
    if role == "Weight" and kind not in ("Integer", "Double"):
        message = f"A weight must be a number, but {selected[0]!r} is {kind}."
        raise ModuleFailure(message, number="0017", target=selected[0])


def _new_names(names: list[str], selected: list[str], text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    new, key = [name.strip() for name in text.split(",")], "New Column Name"
    if len(new) != len(selected):
        message = f"The number of new names ({len(new)}) is not that of the selected columns ({len(selected)})."
        hint = "Separate the names with commas, in the order of the table."
        raise ModuleFailure(message, number="0022", target=key, hint=hint)
    if "" in new:
        raise ModuleFailure(f"New name {new.index('') + 1} is blank.", target=key)
    kept = [name for name in names if name not in selected]
    if repeated := next((name for place, name in enumerate(new) if name in kept or name in new[:place]), None):
        raise ModuleFailure(f"Two columns would be called {repeated!r}.", number="0028", target=key)
    return dict(zip(selected, new, strict=True))


_SAME, _DATE_FORMAT, _SPAN_FORMAT = "Unchanged", "Date and time Format", "TimeSpan Format"
_TYPES = (_SAME, "String", "Integer", "Double", "Boolean", "DateTime", "TimeSpan")
_FIELDS = (_SAME, "Features", *_SINGLE, "ClearFeatures", *_CLEARED)

EDIT_METADATA = Module(
    name="Edit Metadata",
    former_names=("Metadata Editor",),
    guid="370b6676c11c486fbf7335349f842a66",
    inputs=(Port("Dataset"),),
    outputs=(Port("Results dataset"),),
    parameters=(
        Parameter("Column", "columns"),
        Parameter("Data Type", "choice", _SAME, label="Data type", choices=_TYPES),
        Parameter("Categorical", "choice", _SAME, choices=(_SAME, "Categorical", "NonCategorical")),
        Parameter("Fields", "choice", _SAME, choices=_FIELDS),
        Parameter("New Column Name", label="New column names"),
        Parameter(_DATE_FORMAT, label="DateTime format", when=("Data Type", ("DateTime",))),
        Parameter(_SPAN_FORMAT, when=("Data Type", ("TimeSpan",))),
    ),
    run=_edit_metadata,
    category=CATEGORY,
    maps_to="pandas astype, to_datetime and rename",
)


MODULES = (SELECT_COLUMNS, EDIT_METADATA)
