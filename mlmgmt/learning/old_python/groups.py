"""Restore statistics of tables, and of the groups of their rows."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pandas as pd
from pandas.core.groupby import DataFrameGroupBy, SeriesGroupBy
from pandas.core.resample import Resampler
from pandas.core.window.expanding import Expanding
from pandas.core.window.rolling import Rolling

from mlmgmt.learning.old_python.patching import around, called_by_script

_BOTH = (pd.DataFrame, pd.Series)
_STATISTICS = ("sum", "prod", "mean", "median", "std", "var", "sem", "skew", "kurt")
_OWN = ("sum", "prod", "mean", "median", "std", "var", "min", "max")
"""Functions of NumPy that meant pandas' own statistic of this name: without missing values, and `ddof=1`."""
_NAMED: dict[Any, str] = {getattr(np, name): name for name in _OWN} | {
    builtins.sum: "sum",
    builtins.min: "min",
    builtins.max: "max",
    np.amin: "min",
    np.amax: "max",
}
_NAMES = {np.min: "amin", np.max: "amax"}
"""The names that columns get, where the function had another."""


def restore() -> None:
    """Change pandas in this process."""
    _restore_statistics()
    _restore_numeric_groups()
    _restore_descriptions()
    _restore_aggregation()
    _restore_calls_of_groups()
    _restore_keys()
    _restore_nth()


def own(function: Any) -> Any:
    """Return pandas' own statistic for a function of NumPy or Python, also in lists and dicts."""
    if isinstance(function, tuple) and len(function) == 2:
        return function[0], own(function[1])
    if isinstance(function, dict):
        return {name: own(inner) for name, inner in function.items()}
    if isinstance(function, list):
        return [own(inner) for inner in function]
    try:
        return _NAMED.get(function) or _NAMED.get(getattr(function, "__wrapped__", None), function)
    except TypeError:
        return function


def _named(functions: Any) -> Any:
    """Return the functions of a list with the names of their columns."""
    if isinstance(functions, dict):
        return {name: _named(inner) for name, inner in functions.items()}
    if not isinstance(functions, list):
        return functions
    names = [_name(inner) for inner in functions]
    return [inner if name is None else (name, inner) for name, inner in zip(names, functions, strict=True)]


def _name(function: Any) -> str | None:
    if getattr(function, "__name__", "") == "<lambda>":
        return "<lambda>"
    return _NAMES.get(function) if callable(function) else None


def _restore_statistics() -> None:
    for name in (*_STATISTICS, "min", "max"):

        @around(pd.DataFrame, name)
        def _(before: Any, self: Any, axis: Any = 0, *more: Any, name: str = name, **named: Any) -> Any:
            if named.get("level") is not None:
                return getattr(self.groupby(level=named.pop("level")), name)()
            if axis is None and called_by_script("numpy"):
                # NumPy's functions give no axis, which meant the rows.
                axis = 0
            if named.get("numeric_only", ...) is None:
                del named["numeric_only"]
            if "numeric_only" in named:
                return before(self, axis, *more, **named)
            has_times = (
                name not in ("min", "max") and axis in (0, "index") and len(self.select_dtypes("datetime").columns)
            )
            if has_times and len(self.select_dtypes("number").columns):
                return before(self, axis, *more, numeric_only=True, **named)
            try:
                return before(self, axis, *more, **named)
            except (TypeError, ValueError):
                return before(self, axis, *more, numeric_only=True, **named)

    @around(pd.DataFrame, "quantile")
    def _(before: Any, self: Any, *arguments: Any, **named: Any) -> Any:
        return before(self, *arguments, **{"numeric_only": True, **named})

    for name in ("corr", "cov"):
        for kind in (pd.DataFrame, DataFrameGroupBy):

            @around(kind, name)
            def _(before: Any, self: Any, *arguments: Any, **named: Any) -> Any:
                return before(self, *arguments, **{"numeric_only": True, **named})

    @around(pd.Series, "value_counts")
    def _(before: Any, self: Any, *arguments: Any, **named: Any) -> Any:
        found = before(self, *arguments, **named)
        found.name, found.index.name = self.name, None
        return found


def _restore_numeric_groups() -> None:
    """Groups left out all columns that are not numeric, if any column was. The sum of no values was missing."""
    for kind in (DataFrameGroupBy, SeriesGroupBy, Resampler):
        for name in (*_STATISTICS, "quantile", "cumsum", "cumprod"):
            if hasattr(kind, name):

                @around(kind, name)
                def _(before: Any, self: Any, *arguments: Any, name: str = name, **named: Any) -> Any:
                    table = self._obj_with_exclusions
                    if name in ("sum", "prod"):
                        named = {"min_count": 1, **named}
                    elif isinstance(table, pd.Series) and table.dtype.kind == "M":
                        raise TypeError("there are no numbers to aggregate")
                    if isinstance(table, pd.DataFrame) and len(table.select_dtypes(["number", "bool"]).columns):
                        named = {"numeric_only": True, **named}
                    return before(self, *arguments, **named)


def _restore_descriptions() -> None:
    @around(pd.DataFrame, "describe")
    def _(before: Any, self: Any, *arguments: Any, **named: Any) -> Any:
        numbers = self.select_dtypes("number")
        given = len(arguments) > 1 or named.get("include") is not None or named.get("exclude") is not None
        return before(self if given or not len(numbers.columns) else numbers, *arguments, **named)

    for kind in (DataFrameGroupBy, SeriesGroupBy):

        @around(kind, "describe")
        def _(before: Any, self: Any, *arguments: Any, **named: Any) -> Any:
            """The statistics were rows."""
            found = before(self, *arguments, **named)
            return found.stack() if called_by_script() and self.as_index else found


def _restore_aggregation() -> None:
    for kind in (DataFrameGroupBy, SeriesGroupBy, Resampler, Rolling, Expanding):
        for name in ("agg", "aggregate"):

            @around(kind, name)
            def _(before: Any, self: Any, func: Any = None, *arguments: Any, **named: Any) -> Any:
                if isinstance(self, (DataFrameGroupBy, SeriesGroupBy)):
                    func = _named(func)
                if isinstance(func, dict):
                    return _by_name(before, self, func, arguments, named)
                func = own(func)
                try:
                    return before(self, func, *arguments, **named)
                except (TypeError, ValueError):
                    if not isinstance(self, DataFrameGroupBy) or not self.as_index:
                        raise
                    return _of_each_column(self, func, arguments, named)

    for kind in (DataFrameGroupBy, SeriesGroupBy):

        @around(kind, "transform")
        def _(before: Any, self: Any, func: Any, *arguments: Any, **named: Any) -> Any:
            return before(self, own(func), *arguments, **named)

    for owner in (pd, pd.DataFrame):

        @around(owner, "pivot_table", ("rows", "cols"))
        def _(before: Any, data: Any, *arguments: Any, **named: Any) -> Any:
            for old_name, name in (("rows", "index"), ("cols", "columns")):
                if old_name in named:
                    named[name] = named.pop(old_name)
            if "aggfunc" in named:
                named["aggfunc"] = own(named["aggfunc"])
            arguments = (*arguments[:3], *map(own, arguments[3:4]), *arguments[4:])
            return before(data, *arguments, **{"observed": False, **named})


def _by_name(before: Any, groups: Any, functions: dict[Any, Any], arguments: Any, named: Any) -> Any:
    """Aggregate with a dict, which named columns of the result, or what to do with columns of the table."""
    if isinstance(groups, SeriesGroupBy):
        return pd.DataFrame({name: groups.agg(function, *arguments) for name, function in functions.items()})
    if not any(isinstance(function, (dict, list)) for function in functions.values()):
        return before(groups, own(functions), *arguments, **named)
    lists = {name: inner if isinstance(inner, (dict, list)) else [inner] for name, inner in functions.items()}
    if not any(isinstance(inner, dict) for inner in lists.values()):
        return before(groups, own(lists), *arguments, **named)
    parts = [groups[name].agg(inner) for name, inner in lists.items()]
    return pd.concat(parts, axis=1, keys=list(lists))


def _of_each_column(groups: Any, function: Any, arguments: Any, named: Any) -> Any:
    """Aggregate the columns that can be: the others were left out."""
    parts: dict[Any, Any] = {}
    for name in groups._obj_with_exclusions.columns:
        try:
            parts[name] = groups._gotitem(name, ndim=1).agg(function, *arguments, **named)
        except (TypeError, ValueError):
            continue
    if not parts:
        raise TypeError("no column can be aggregated")
    return pd.concat(list(parts.values()), axis=1, keys=list(parts))


def _restore_calls_of_groups() -> None:
    of_numpy = {builtins.sum: np.sum, builtins.min: np.min, builtins.max: np.max}

    def of_tables(function: Any) -> Any:
        try:
            return of_numpy.get(getattr(function, "__wrapped__", function), function)
        except TypeError:
            return function

    @around(SeriesGroupBy, "apply")
    def _(before: Any, self: Any, func: Any, *arguments: Any, **named: Any) -> Any:
        return before(self, of_tables(func), *arguments, **named)

    @around(DataFrameGroupBy, "apply")
    def _(before: Any, self: Any, func: Any, *arguments: Any, **named: Any) -> Any:
        """The groups had the columns that they are grouped by. Results with the rows of their groups kept the order."""
        func = of_tables(func)
        keys = self.keys if isinstance(self.keys, list) else [self.keys]
        if not all(isinstance(key, str) and key in self.obj.columns for key in keys) or self.level is not None:
            return before(self, func, *arguments, **named)
        unchanged: list[bool] = []

        def called(group: Any) -> Any:
            result = func(group, *arguments, **named)
            unchanged.append(isinstance(result, _BOTH) and result.index.equals(group.index))
            return result

        def grouped(group_keys: bool) -> Any:
            columns = [self.obj[key].copy() for key in keys]
            groups = self.obj.groupby(columns, sort=self.sort, group_keys=group_keys)
            if self._selection is not None:
                groups = groups[self._selection]
            return before(groups, called)

        found = grouped(self.group_keys)
        return grouped(False) if unchanged and all(unchanged) and self.group_keys else found


def _restore_keys() -> None:
    """Groups by a list of one name had it for their key, not a tuple, and categories without rows were groups."""
    for kind in _BOTH:

        @around(kind, "groupby")
        def _(before: Any, self: Any, by: Any = None, *arguments: Any, **named: Any) -> Any:
            if not called_by_script():
                return before(self, by, *arguments, **named)
            if isinstance(by, list) and len(by) == 1 and _is_key(self, by[0]):
                by = by[0]
            return before(self, by, *arguments, **{"observed": False, **named})

    @around(DataFrameGroupBy, "__getitem__")
    def _(before: Any, self: Any, key: Any) -> Any:
        """Several columns did not need two pairs of brackets."""
        return before(self, list(key) if isinstance(key, tuple) and key not in self.obj.columns else key)


def _is_key(table: Any, key: Any) -> bool:
    if not pd.api.types.is_hashable(key):
        return True
    return key in getattr(table, "columns", ()) or key in table.index.names


def _restore_nth() -> None:
    for kind in (DataFrameGroupBy, SeriesGroupBy):
        before = kind.nth

        def nth(self: Any, n: Any, dropna: Any = None, *, before: Any = before) -> Any:
            """Return the rows at a place of their groups; the keys were the index."""
            if dropna or isinstance(n, slice) or not self.as_index:
                return before.__get__(self)(n, dropna=dropna)
            places = [n] if isinstance(n, int) else list(n)
            from_start, from_end = self.cumcount(), self.cumcount(ascending=False)
            is_taken = (from_start.isin(places) | from_end.isin([-place - 1 for place in places])).to_numpy()
            number = self.ngroup().fillna(-1).to_numpy(dtype="int64")
            is_taken = is_taken & (number >= 0)
            found = self._obj_with_exclusions[is_taken]
            found.index = self._grouper.result_index[number[is_taken]]
            return found.sort_index(kind="stable") if self.sort else found

        setattr(kind, "nth", nth)  # noqa: B010 - it is final to a type checker
