"""Restore what pandas 0.14 and 0.18 offered, or answered, and a new pandas does not."""

from __future__ import annotations

import inspect
import re
import warnings
from functools import wraps
from typing import TYPE_CHECKING, Any

import pandas as pd
from pandas.core.groupby import DataFrameGroupBy
from pandas.core.strings.accessor import StringMethods

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmgmt.learning.old_python import OldPython

_BOTH = (pd.DataFrame, pd.Series)
_POSITIONAL: dict[str, tuple[str, ...]] = {
    "all": ("axis",),
    "any": ("axis",),
    "bfill": ("axis", "inplace", "limit"),
    "drop": ("labels", "axis", "level", "inplace"),
    "dropna": ("axis", "how", "thresh", "subset", "inplace"),
    "drop_duplicates": ("subset", "keep", "inplace"),
    "ffill": ("axis", "inplace", "limit"),
    "groupby": ("by", "axis", "level", "as_index", "sort", "group_keys"),
    "max": ("axis", "skipna"),
    "mean": ("axis", "skipna"),
    "median": ("axis", "skipna"),
    "min": ("axis", "skipna"),
    "pivot": ("index", "columns", "values"),
    "replace": ("to_replace", "value", "inplace"),
    "reset_index": ("level", "drop", "inplace"),
    "set_index": ("keys", "drop", "append", "inplace"),
    "sort_index": ("axis",),
    "sort_values": ("by", "axis", "ascending", "inplace"),
    "std": ("axis", "skipna"),
    "sum": ("axis", "skipna"),
    "to_csv": ("path_or_buf", "sep", "na_rep"),
    "var": ("axis", "skipna"),
}
"""Parameters that could be given by position, of methods of tables; some columns have fewer."""
_OF_COLUMNS: dict[str, tuple[str, ...]] = {
    "drop_duplicates": ("keep", "inplace"),
    "dropna": ("axis", "inplace"),
    "groupby": _POSITIONAL["groupby"],
    "sort_values": ("axis", "ascending", "inplace"),
}
_NUMERIC = ("mean", "median", "std", "var", "sem", "skew", "kurt", "quantile")
"""Statistics for which columns that are no numbers were left out."""


def restore(old: OldPython) -> None:
    """Change pandas in this process; see `restored.md` in the help for what it restores."""
    with warnings.catch_warnings():
        # Text was kept as objects. pandas 4 cannot be told so any more.
        warnings.simplefilter("ignore")
        pd.options.future.infer_string = False
    _restore_calls()
    _restore_positions()
    _restore_text()
    _restore_indexing()
    _restore_sorting()
    _restore_statistics()
    _restore_groups()
    _restore_times()
    _restore_functions(old)


def _add(*kinds: type, name: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a function to classes that lack it."""

    def adding(function: Callable[..., Any]) -> Callable[..., Any]:
        for kind in kinds:
            if not hasattr(kind, name or function.__name__):
                setattr(kind, name or function.__name__, function)
        return function

    return adding


def _around(kind: Any, name: str) -> Callable[[Callable[..., Any]], None]:
    """Replace a method or function by one that gets it as its first argument."""
    before = getattr(kind, name)

    def replacing(function: Callable[..., Any]) -> None:
        @wraps(before)
        def call(*arguments: Any, **named: Any) -> Any:
            return function(before, *arguments, **named)

        setattr(kind, name, call)

    return replacing


def _restore_calls() -> None:
    @_add(pd.DataFrame)
    def append(self: Any, other: Any, ignore_index: bool = False, verify_integrity: bool = False) -> Any:
        if isinstance(other, dict):
            other = pd.Series(other)
        if isinstance(other, pd.Series):
            other = other.to_frame().T.infer_objects()
            others = [other.reindex(columns=[*self.columns, *other.columns.difference(self.columns)])]
            columns = others[0].columns
        else:
            others = list(other) if isinstance(other, (list, tuple)) else [other]
            columns = None
        found = pd.concat([self, *others], ignore_index=ignore_index, verify_integrity=verify_integrity)
        return found if columns is None else found[columns]

    @_add(pd.Series, name="append")
    def append_column(self: Any, to_append: Any, ignore_index: bool = False, verify_integrity: bool = False) -> Any:
        others = list(to_append) if isinstance(to_append, (list, tuple)) else [to_append]
        return pd.concat([self, *others], ignore_index=ignore_index, verify_integrity=verify_integrity)

    @_add(*_BOTH)
    def as_matrix(self: Any, columns: Any = None) -> Any:
        return (self if columns is None else self[columns]).values

    @_add(*_BOTH)
    def get_value(self: Any, index: Any, col: Any = None) -> Any:
        return self.at[index] if col is None else self.at[index, col]

    @_add(*_BOTH)
    def set_value(self: Any, index: Any, *place_and_value: Any) -> Any:
        *place, value = place_and_value
        self.loc[(index, *place) if place else index] = value
        return self

    @_add(*_BOTH)
    def irow(self: Any, i: int) -> Any:
        return self.iloc[i]

    @_add(pd.DataFrame)
    def icol(self: Any, i: int) -> Any:
        return self.iloc[:, i]

    @_add(*_BOTH)
    def iget_value(self: Any, i: int, j: int | None = None) -> Any:
        return self.iloc[i] if j is None else self.iloc[i, j]

    @_add(*_BOTH)
    def iteritems(self: Any) -> Any:
        return self.items()

    @_add(*_BOTH)
    def convert_objects(self: Any, convert_dates: Any = True, convert_numeric: bool = False, **_: Any) -> Any:
        def convert(column: Any) -> Any:
            if column.dtype != object:
                return column
            return pd.to_numeric(column, errors="coerce") if convert_numeric else column.infer_objects()

        return self.apply(convert) if isinstance(self, pd.DataFrame) else convert(self)

    @_add(*_BOTH)
    def mad(self: Any, axis: Any = 0) -> Any:
        centred = (
            self.sub(self.mean(axis=axis), axis=1 - axis) if isinstance(self, pd.DataFrame) else self - self.mean()
        )
        return centred.abs().mean(axis=axis)

    @_add(pd.DataFrame)
    def lookup(self: Any, row_labels: Any, col_labels: Any) -> Any:
        import numpy as np

        return np.array([self.at[row, column] for row, column in zip(row_labels, col_labels, strict=True)])

    @_add(*_BOTH)
    def reindex_axis(self: Any, labels: Any, axis: Any = 0, **named: Any) -> Any:
        return self.reindex(labels, axis=axis, **named)

    @_add(*_BOTH)
    def clip_lower(self: Any, threshold: Any) -> Any:
        return self.clip(lower=threshold)

    @_add(*_BOTH)
    def clip_upper(self: Any, threshold: Any) -> Any:
        return self.clip(upper=threshold)

    @_add(*_BOTH, pd.Index)
    def get_values(self: Any) -> Any:
        return self.values

    @_add(pd.Series)
    def nonzero(self: Any) -> Any:
        return self.to_numpy().nonzero()

    @_around(pd.Series, "__neg__")
    def _(before: Any, self: Any) -> Any:
        return ~self if self.dtype == bool else before(self)

    for kind in _BOTH:

        @_around(kind, "fillna")
        def _(before: Any, self: Any, value: Any = None, method: Any = None, *more: Any, **named: Any) -> Any:
            named |= dict(zip(("axis", "inplace", "limit"), more, strict=False))
            if method is None:
                return before(self, value, **named)
            fill = self.ffill if method in ("ffill", "pad") else self.bfill
            return fill(**named)

        @_around(kind, "pct_change")
        def _(before: Any, self: Any, periods: int = 1, fill_method: Any = "pad", **named: Any) -> Any:
            return before(self.ffill() if fill_method == "pad" else self, periods, fill_method=None, **named)

        for name in ("drop_duplicates", "duplicated"):

            @_around(kind, name)
            def _(before: Any, self: Any, *arguments: Any, **named: Any) -> Any:
                if "take_last" in named:
                    named["keep"] = "last" if named.pop("take_last") else "first"
                if "cols" in named:
                    named["subset"] = named.pop("cols")
                return before(self, *arguments, **named)


def _restore_positions() -> None:
    for kind, names in ((pd.DataFrame, _POSITIONAL), (pd.Series, _OF_COLUMNS)):
        for name, order in names.items():
            _by_position(kind, name, ("self", *order))
    _by_position(StringMethods, "split", ("self", "pat", "n", "expand"))
    _by_position(pd, "concat", ("objs", "axis", "join"))
    _by_position(pd, "read_csv", ("filepath_or_buffer", "sep"))


def _by_position(kind: Any, name: str, order: tuple[str, ...]) -> None:
    """Let parameters be given by position that must be named today."""
    known = inspect.signature(getattr(kind, name)).parameters.values()
    most = sum(parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for parameter in known)

    @_around(kind, name)
    def _(before: Any, *arguments: Any, **named: Any) -> Any:
        if len(arguments) > len(order):
            return before(*arguments, **named)
        return before(*arguments[:most], **dict(zip(order[most:], arguments[most:], strict=False)), **named)


def _restore_text() -> None:
    @_around(StringMethods, "replace")
    def _(
        before: Any,
        self: Any,
        pat: Any,
        repl: Any,
        n: int = -1,
        case: bool | None = None,
        flags: int = 0,
        regex: bool | None = None,
    ) -> Any:
        if regex is None:
            regex = not isinstance(pat, str) or len(pat) > 1 or bool(flags) or case is False
        if isinstance(pat, re.Pattern):
            return before(self, pat, repl, n=n, regex=True)
        return before(self, pat, repl, n=n, case=case, flags=flags, regex=regex)

    @_around(StringMethods, "extract")
    def _(before: Any, self: Any, pat: str, flags: int = 0, expand: bool = False) -> Any:
        return before(self, pat, flags=flags, expand=expand)


class _Mixed:
    """`ix`: labels where the axis has whole numbers for labels, else whole numbers are positions."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __getitem__(self, key: Any) -> Any:
        return self._table.loc[self._labels(key)]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._table.loc[self._labels(key)] = value

    def _labels(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        found = tuple(self._along(axis, part) for axis, part in zip(self._table.axes, keys, strict=False))
        return found if isinstance(key, tuple) else found[0]

    def _along(self, axis: Any, key: Any) -> Any:
        if pd.api.types.is_integer_dtype(axis.dtype) or isinstance(axis, pd.MultiIndex):
            return key
        if isinstance(key, slice):
            ends = (key.start, key.stop)
            if any(pd.api.types.is_integer(end) for end in ends):
                return axis[key]
            return key
        if pd.api.types.is_integer(key):
            return axis[key]
        parts = list(key) if pd.api.types.is_list_like(key) and not hasattr(key, "dtype") else None
        if parts and all(pd.api.types.is_integer(part) and not pd.api.types.is_bool(part) for part in parts):
            return axis[parts]
        if hasattr(key, "dtype") and pd.api.types.is_integer_dtype(key.dtype):
            return axis[key]
        return key


def _restore_indexing() -> None:
    _add(*_BOTH, name="ix")(property(_Mixed))  # type: ignore[arg-type]


def _restore_sorting() -> None:
    @_add(pd.DataFrame)
    def sort(
        self: Any, columns: Any = None, axis: int = 0, ascending: Any = True, inplace: bool = False, **named: Any
    ) -> Any:
        if columns is None:
            return self.sort_index(axis=axis, ascending=ascending, inplace=inplace)
        by = [columns] if isinstance(columns, (str, int)) else list(columns)
        return self.sort_values(by, ascending=ascending, inplace=inplace, **named)

    @_add(pd.Series, name="sort")
    def sort_in_place(self: Any, axis: int = 0, ascending: bool = True, inplace: bool = True, **_: Any) -> Any:
        return self.sort_values(ascending=ascending, inplace=inplace)

    @_add(pd.Series)
    def order(self: Any, na_last: Any = None, ascending: bool = True, **_: Any) -> Any:
        return self.sort_values(ascending=ascending, na_position="first" if na_last is False else "last")

    @_around(pd.DataFrame, "sort_index")
    def _(before: Any, self: Any, *arguments: Any, by: Any = None, **named: Any) -> Any:
        if by is None:
            return before(self, *arguments, **named)
        return self.sort_values(by, **named)


def _restore_statistics() -> None:
    for kind in (pd.DataFrame, DataFrameGroupBy):
        for name in _NUMERIC:
            if hasattr(kind, name):

                @_around(kind, name)
                def _(before: Any, self: Any, *arguments: Any, **named: Any) -> Any:
                    if "numeric_only" in named:
                        return before(self, *arguments, **named)
                    try:
                        return before(self, *arguments, **named)
                    except (TypeError, ValueError):
                        return before(self, *arguments, numeric_only=True, **named)

        for name in ("corr", "cov"):

            @_around(kind, name)
            def _(before: Any, self: Any, *arguments: Any, **named: Any) -> Any:
                return before(self, *arguments, **{"numeric_only": True, **named})

    @_around(pd.Series, "value_counts")
    def _(before: Any, self: Any, *arguments: Any, **named: Any) -> Any:
        found = before(self, *arguments, **named)
        found.name, found.index.name = self.name, None
        return found


def _restore_groups() -> None:
    @_around(DataFrameGroupBy, "apply")
    def _(before: Any, self: Any, func: Any, *arguments: Any, **named: Any) -> Any:
        """The groups had the columns that they are grouped by. Results with the rows of their groups kept the order."""
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


def _restore_times() -> None:
    """Times had nanoseconds, which scripts rely on when they take them as whole numbers."""

    def in_nanoseconds(found: Any) -> Any:
        accessor = found.dt if isinstance(found, pd.Series) and hasattr(found, "dt") else found
        return accessor.as_unit("ns") if hasattr(accessor, "as_unit") else found

    for name in ("to_datetime", "date_range", "to_timedelta", "timedelta_range", "bdate_range"):

        @_around(pd, name)
        def _(before: Any, *arguments: Any, **named: Any) -> Any:
            if named.pop("coerce", False):
                named["errors"] = "coerce"
            return in_nanoseconds(before(*arguments, **named))


def _restore_functions(old: OldPython) -> None:
    import datetime

    import numpy as np

    indicator = float if old.anaconda < 4 else "uint8"

    @_around(pd, "get_dummies")
    def _(before: Any, *arguments: Any, **named: Any) -> Any:
        return before(*arguments, **{"dtype": indicator, **named})

    @_around(pd, "concat")
    def _(before: Any, objs: Any, *arguments: Any, **named: Any) -> Any:
        objs = objs if isinstance(objs, dict) else list(objs)
        tables = [table for table in (objs.values() if isinstance(objs, dict) else objs) if hasattr(table, "columns")]
        along = "index" if named.get("axis") in (1, "columns") else "columns"
        differ = any(not getattr(table, along).equals(getattr(tables[0], along)) for table in tables)
        return before(objs, *arguments, **{"sort": differ, **named})

    for name, value in (("datetime", datetime.datetime), ("np", np), ("TimeGrouper", pd.Grouper)):
        if not hasattr(pd, name):
            setattr(pd, name, value)
    for statistic in ("mean", "sum", "std", "var", "min", "max", "median", "count", "skew", "kurt"):
        setattr(pd, f"rolling_{statistic}", _moving("rolling", statistic, "window"))
        setattr(pd, f"expanding_{statistic}", _moving("expanding", statistic, "min_periods"))
    for statistic in ("mean", "std", "var"):
        name = {"mean": "ewma", "std": "ewmstd", "var": "ewmvar"}[statistic]
        setattr(pd, name, _moving("ewm", statistic, "com"))

    def rolling_apply(arg: Any, window: int, func: Any, min_periods: Any = None, center: bool = False) -> Any:
        return arg.rolling(window, min_periods=min_periods, center=center).apply(func, raw=True)

    def from_items(items: Sequence[tuple[Any, Any]], columns: Any = None, orient: str = "columns") -> Any:
        if orient == "index":
            return pd.DataFrame([row for _, row in items], index=[name for name, _ in items], columns=columns)
        return pd.DataFrame(dict(items), columns=columns)

    for owner, name, function in ((pd, "rolling_apply", rolling_apply), (pd.DataFrame, "from_items", from_items)):
        setattr(owner, name, staticmethod(function) if owner is pd.DataFrame else function)


def _moving(window: str, statistic: str, first: str) -> Callable[..., Any]:
    def call(arg: Any, *given: Any, freq: None = None, **named: Any) -> Any:
        names = (first, "min_periods") if window == "rolling" else (first,)
        more = {"ddof": named.pop("ddof")} if "ddof" in named else {}
        return getattr(getattr(arg, window)(**dict(zip(names, given, strict=False)), **named), statistic)(**more)

    return call
