"""Restore how tables and columns are made: the order of their names, and their labels."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from functools import cmp_to_key
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.learning.old_python import python2
from mlmgmt.learning.old_python.patching import around, called_by_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mlmgmt.learning.old_python import OldPython


def restore(old: OldPython) -> None:
    """Change pandas in this process."""
    _restore_dicts(_Order(old.python == 2))
    _restore_functions(old)
    _restore_bins()


class _Order:
    """The order in which pandas before 0.23 took the keys of a `dict`, but not of an `OrderedDict`: sorted."""

    def __init__(self, is_python2: bool) -> None:
        self._key = cmp_to_key(python2.compare) if is_python2 else None

    def names(self, names: Iterable[Any]) -> list[Any]:
        found = list(dict.fromkeys(names))
        try:
            return sorted(found, key=self._key)
        except TypeError:
            return found

    def sort(self, data: Any) -> Any:
        return {name: data[name] for name in self.names(data)} if is_plain(data) else data

    def columns(self, rows: Any) -> list[Any] | None:
        """Return the columns of a list of dicts; None for anything else."""
        is_list = isinstance(rows, list) and bool(rows) and all(map(is_plain, rows))
        return self.names(name for row in rows for name in row) if is_list else None

    def rows(self, data: Any) -> list[Any] | None:
        """Return the rows of a dict of dicts; None for anything else."""
        is_nested = is_plain(data) and bool(data) and all(map(is_plain, data.values()))
        return self.names(name for column in data.values() for name in column) if is_nested else None


def is_plain(data: Any) -> bool:
    return isinstance(data, dict) and not isinstance(data, OrderedDict)


def _restore_dicts(order: _Order) -> None:
    @around(pd.DataFrame, "__init__")
    def _(
        before: Callable[..., Any],
        self: Any,
        data: Any = None,
        index: Any = None,
        columns: Any = None,
        *more: Any,
        **named: Any,
    ) -> None:
        if isinstance(data, (dict, list)) and called_by_script():
            index = order.rows(data) if index is None else index
            columns = order.columns(data) if columns is None else columns
            data = order.sort(data)
        before(self, data, index, columns, *more, **named)

    @around(pd.Series, "__init__")
    def _(before: Callable[..., Any], self: Any, data: Any = None, *arguments: Any, **named: Any) -> None:
        before(self, order.sort(data) if isinstance(data, dict) and called_by_script() else data, *arguments, **named)

    # Both are methods of the class: `before` knows it.
    @_around_maker("from_dict")
    def _(before: Callable[..., Any], data: Any, orient: str = "columns", *arguments: Any, **named: Any) -> Any:
        return before(order.sort(data) if orient == "columns" else data, orient, *arguments, **named)

    @_around_maker("from_records")
    def _(
        before: Callable[..., Any], data: Any, index: Any = None, exclude: Any = None, columns: Any = None, **named: Any
    ) -> Any:
        return before(data, index, exclude, order.columns(data) if columns is None else columns, **named)

    @around(pd.DataFrame, "assign")
    def _(before: Callable[..., Any], self: Any, **columns: Any) -> Any:
        if not called_by_script():
            return before(self, **columns)
        made = {name: value(self) if callable(value) else value for name, value in columns.items()}
        return before(self, **order.sort(made))

    @around(pd, "concat")
    def _(before: Callable[..., Any], objs: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(objs, dict) and named.get("keys") is None:
            objs = {name: objs[name] for name in order.names(objs)}
        objs = objs if isinstance(objs, dict) else list(objs)
        tables = [table for table in (objs.values() if isinstance(objs, dict) else objs) if hasattr(table, "columns")]
        along = "index" if named.get("axis") in (1, "columns") else "columns"
        differ = any(not getattr(table, along).equals(getattr(tables[0], along)) for table in tables)
        return before(objs, *arguments, **{"sort": differ, **named})


def _around_maker(name: str) -> Callable[[Callable[..., Any]], None]:
    before = getattr(pd.DataFrame, name)

    def replacing(function: Callable[..., Any]) -> None:
        def call(*arguments: Any, **named: Any) -> Any:
            return function(before, *arguments, **named) if called_by_script() else before(*arguments, **named)

        setattr(pd.DataFrame, name, staticmethod(call))

    return replacing


def _restore_functions(old: OldPython) -> None:
    indicator = float if old.anaconda < 4 else "uint8"

    @around(pd, "get_dummies")
    def _(before: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return before(*arguments, **{"dtype": indicator, **named})

    def from_items(items: Sequence[tuple[Any, Any]], columns: Any = None, orient: str = "columns") -> Any:
        if orient == "index":
            return pd.DataFrame([row for _, row in items], index=[name for name, _ in items], columns=columns)
        return pd.DataFrame(OrderedDict(items), columns=columns)

    pd.DataFrame.from_items = staticmethod(from_items)  # type: ignore[attr-defined]


def _restore_bins() -> None:
    for name in ("cut", "qcut"):

        @around(pd, name)
        def _(before: Callable[..., Any], *arguments: Any, lowest: bool = name == "qcut", **named: Any) -> Any:
            if "include_lowest" in named:
                lowest = named["include_lowest"]
            found = before(*arguments, **named)
            given = inspect.signature(before).bind(*arguments, **named).arguments
            column = found[0] if given.get("retbins") else found
            if not _has_intervals(getattr(column, "dtype", None)):
                return found
            edges = before(**{**given, "labels": False, "retbins": True})[1]
            labels = _labels(list(edges), given.get("precision", 3), given.get("right", True), lowest)
            column = getattr(column, "cat", column).rename_categories(labels)
            return (column, edges) if given.get("retbins") else column


def _has_intervals(dtype: Any) -> bool:
    return (
        isinstance(dtype, pd.CategoricalDtype)
        and isinstance(dtype.categories, pd.IntervalIndex)
        and dtype.categories.left.dtype.kind in "iuf"
    )


def _labels(edges: list[Any], precision: int, right: bool, lowest: bool) -> list[str]:
    """Return the labels of bins: with more digits where two edges of a bin would look equal."""
    for digits in range(precision, precision + 20):
        names = [_edge(edge, digits) for edge in edges]
        if all(low != high for low, high in pairwise(names)):
            break
    around_them = "(]" if right else "[)"
    labels = [f"{around_them[0]}{low}, {high}{around_them[1]}" for low, high in pairwise(names)]
    return [f"[{labels[0][1:]}", *labels[1:]] if right and lowest else labels


def _edge(edge: Any, digits: int) -> str:
    if not isinstance(edge, (float, np.floating)) or np.isinf(edge):
        return str(edge)
    part, whole = np.modf(edge)
    sign, whole = ("-" if edge < 0 else ""), abs(whole)
    if part == 0:
        return f"{sign}{whole:.0f}"
    text = f"{part:.{digits}g}"
    if "." not in text and "e" not in text:
        # It was rounded up to a whole number.
        return f"{-whole - 1 if edge < 0 else whole + 1:.0f}"
    if "e" in text:
        return f"{edge:.{digits}g}"
    return f"{sign}{whole:.0f}.{text.split('.')[1]}"
