"""Column selections: the JSON document behind every "selected columns" parameter, and what it selects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson
import pandas as pd

from mlmgmt.modules.base import ModuleFailure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmgmt.modules.base import Dataset

_TYPES = ("String", "Integer", "Double", "Boolean", "DateTime", "TimeSpan", "Categorical", "Numeric", "All", "AllTypes")
_KINDS = ("Feature", "Label", "Score", "Weight", "All")


def studio_type(series: pd.Series[Any]) -> str:
    """Return the Studio name of a column's type."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "Categorical"
    if pd.api.types.is_bool_dtype(dtype):
        return "Boolean"
    if pd.api.types.is_integer_dtype(dtype):
        return "Integer"
    if pd.api.types.is_float_dtype(dtype):
        return "Double"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "DateTime"
    if pd.api.types.is_timedelta64_dtype(dtype):
        return "TimeSpan"
    return "String"


def select(dataset: Dataset, selection: str | None, *, parameter: str) -> list[str]:
    """Return the names that a selection selects: in table order, or in its own order if it is not a filter.

    Args:
        selection: the document, plain or percent-encoded; None selects every column.

    Raises:
        ModuleFailure: the document is malformed, or names a column that does not exist.
    """
    names = [str(name) for name in dataset.frame.columns]
    if selection is None:
        return names
    document = _parse(selection, parameter)
    rules = document["rules"]
    if not document.get("isFilter", True):
        if len(rules) == 1 and rules[0].get("exclude"):
            raise ModuleFailure("A selection that keeps its own order cannot exclude columns.", target=parameter)
        if len(rules) != 1:
            raise ModuleFailure("A selection that keeps its own order has exactly one rule.", target=parameter)
        return _match(dataset, names, rules[0], parameter)
    if rules and rules[0].get("exclude"):
        raise ModuleFailure("The first rule of a selection must include columns.", target=parameter)
    chosen: set[str] = set()
    for rule in rules:
        matched = _match(dataset, names, rule, parameter)
        chosen = chosen - set(matched) if rule.get("exclude") else chosen | set(matched)
    return [name for name in names if name in chosen]


def select_one(dataset: Dataset, selection: str | None, *, parameter: str) -> str:
    """Return the one column that a selection selects; without a selection, the label.

    Raises:
        ModuleFailure: it selects no column, or several.
    """
    if selection is None:
        labels = [name for name in dataset.frame.columns if dataset.role(name) == "Label"]
        if len(labels) != 1:
            hint = "Select one column in the module's parameter."
            raise ModuleFailure("No column is selected.", number="0024", target=parameter, hint=hint)
        return labels[0]
    found = select(dataset, selection, parameter=parameter)
    if len(found) != 1:
        message = f"Exactly one column must be selected, not {len(found)}."
        raise ModuleFailure(message, number="0022", target=parameter)
    return found[0]


def _parse(selection: str, parameter: str) -> dict[str, Any]:
    text = unquote(selection) if selection.lstrip().lower().startswith("%7b") else selection
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        # A bare column name is what people type when they write a graph by hand.
        return {"isFilter": True, "rules": [{"ruleType": "ColumnNames", "columns": [selection], "exclude": False}]}
    if not isinstance(document.get("rules"), list) or not all(isinstance(rule, dict) for rule in document["rules"]):
        raise ModuleFailure("The column selection has no list of rules.", target=parameter)
    for rule in document["rules"]:
        if not all(isinstance(rule.get(part, []), list) for part in ("columns", "columnTypes", "columnKinds")):
            message = "In a rule of the column selection, columns, columnTypes and columnKinds must be lists."
            raise ModuleFailure(message, target=parameter)
    return document


def _match(dataset: Dataset, names: list[str], rule: dict[str, Any], parameter: str) -> list[str]:
    kind = rule.get("ruleType")
    if kind == "AllColumns":
        return names
    if kind == "ColumnNames":
        wanted = [str(name) for name in rule.get("columns", ())]
        if missing := [name for name in wanted if name not in names]:
            listed, several = ", ".join(map(repr, missing)), len(missing) > 1
            message = f"The columns {listed} do not exist." if several else f"The column {listed} does not exist."
            raise ModuleFailure(message, number="0001", target=parameter, hint=f"The columns are: {', '.join(names)}.")
        return wanted
    if kind == "ColumnIndexes":
        return [names[index - 1] for index in _indices(rule.get("columns", ()), len(names), parameter)]
    if kind == "ColumnTypes":
        types = _words(rule.get("columnTypes", ()), _TYPES, "type", parameter)
        kinds = _words(rule.get("columnKinds", ("All",)), _KINDS, "kind", parameter)
        return [name for name in names if _has_type(dataset, name, types) and _has_kind(dataset, name, kinds)]
    known = "AllColumns, ColumnNames, ColumnTypes, ColumnIndexes"
    raise ModuleFailure(f"Unknown rule type {kind!r}.", target=parameter, hint=f"The rule types are: {known}.")


def _words(given: Iterable[Any], known: tuple[str, ...], what: str, parameter: str) -> set[str]:
    spelled = {word.casefold(): word for word in known}
    if unknown := [word for word in given if str(word).casefold() not in spelled]:
        hint = f"The column {what}s are: {', '.join(known)}."
        raise ModuleFailure(f"Unknown column {what} {unknown[0]!r}.", target=parameter, hint=hint)
    return {spelled[str(word).casefold()] for word in given}


def _indices(spans: Iterable[Any], count: int, parameter: str) -> list[int]:
    found: list[int] = []
    for span in spans:
        first, _, last = str(span).partition("-")
        try:
            indices = range(int(first), int(last or first) + 1)
        except ValueError:
            raise ModuleFailure(f"{span!r} is not a column index or a range of them.", target=parameter) from None
        if not indices or indices[0] < 1 or indices[-1] > count:
            message = f"The column index {span} is not within 1 to {count}."
            raise ModuleFailure(message, number="0001", target=parameter)
        found.extend(indices)
    return found


def _has_type(dataset: Dataset, name: str, types: set[str]) -> bool:
    if types & {"All", "AllTypes"}:
        return True
    series: pd.Series[Any] = dataset.frame[name]
    found = {studio_type(series)}
    if "Categorical" in found:
        found.add(studio_type(pd.Series(series.cat.categories)))
    if found & {"Integer", "Double"}:
        found.add("Numeric")
    return bool(found & types)


def _has_kind(dataset: Dataset, name: str, kinds: set[str]) -> bool:
    return "All" in kinds or dataset.role(name) in kinds


def selection_of(*names: str) -> str:
    """Return the selection of these columns by name."""
    rules = [{"ruleType": "ColumnNames", "columns": list(names), "exclude": False}]
    return orjson.dumps({"isFilter": True, "rules": rules}).decode()


def selected_name(selection: str) -> str | None:
    """Return the column that a selection names, if it names exactly one. This needs no data."""
    rules = _parse(selection, "Label column")["rules"]
    names = [str(name) for rule in rules for name in rule.get("columns", ()) if rule.get("ruleType") == "ColumnNames"]
    return names[0] if len(rules) == 1 and len(names) == 1 else None
