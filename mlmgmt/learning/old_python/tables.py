"""Restore what pandas 0.14 and 0.18 offered, or answered, and a new pandas does not."""

from __future__ import annotations

import datetime
import inspect
import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.core.strings.accessor import StringMethods

from mlmgmt.learning.old_python import groups, making, selection, times
from mlmgmt.learning.old_python.patching import add, around, called_by_script

if TYPE_CHECKING:
    from collections.abc import Callable

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


def restore(old: OldPython) -> None:
    """Change pandas in this process; see `scripts.md` in the help for what it restores."""
    with warnings.catch_warnings():
        # Text was kept as objects. pandas 4 cannot be told so any more.
        warnings.simplefilter("ignore")
        pd.options.future.infer_string = False
    _restore_calls()
    _restore_positions()
    _restore_text()
    _restore_sorting()
    _restore_windows()
    selection.restore()
    groups.restore()
    making.restore(old)
    times.restore(old)


def _restore_calls() -> None:
    @around(pd.DataFrame, "apply")
    def _(before: Any, self: Any, *arguments: Any, **named: Any) -> Any:
        """Lists with a value for each column made a table."""
        found = before(self, *arguments, **named)
        lists = isinstance(found, pd.Series) and len(found) and all(isinstance(row, (list, tuple)) for row in found)
        if not (lists and called_by_script() and {len(row) for row in found} == {len(self.columns)}):
            return found
        return pd.DataFrame(found.tolist(), index=found.index, columns=self.columns)

    @add(pd.DataFrame)
    def append(self: Any, other: Any, ignore_index: bool = False, verify_integrity: bool = False) -> Any:
        if isinstance(other, dict):
            other = pd.Series(other)
        if isinstance(other, pd.Series):
            other = other.to_frame().T.infer_objects()
            others = [other.reindex(columns=[*self.columns, *other.columns.difference(self.columns)])]
            columns = others[0].columns
        else:
            if isinstance(other, list) and other and not isinstance(other[0], pd.DataFrame):
                other = pd.DataFrame(other)
            others = list(other) if isinstance(other, (list, tuple)) else [other]
            columns = None
        found = pd.concat([self, *others], ignore_index=ignore_index, verify_integrity=verify_integrity)
        return found if columns is None else found[columns]

    @add(pd.Series, name="append")
    def append_column(self: Any, to_append: Any, ignore_index: bool = False, verify_integrity: bool = False) -> Any:
        others = list(to_append) if isinstance(to_append, (list, tuple)) else [to_append]
        return pd.concat([self, *others], ignore_index=ignore_index, verify_integrity=verify_integrity)

    @add(pd.DataFrame)
    def applymap(self: Any, func: Any) -> Any:
        return self.map(func)

    @add(*_BOTH)
    def as_matrix(self: Any, columns: Any = None) -> Any:
        return (self if columns is None else self[columns]).values

    @add(*_BOTH)
    def get_value(self: Any, index: Any, col: Any = None) -> Any:
        return self.at[index] if col is None else self.at[index, col]

    @add(*_BOTH)
    def set_value(self: Any, index: Any, *place_and_value: Any) -> Any:
        *place, value = place_and_value
        self.loc[(index, *place) if place else index] = value
        return self

    @add(*_BOTH)
    def irow(self: Any, i: int) -> Any:
        return self.iloc[i]

    @add(pd.DataFrame)
    def icol(self: Any, i: int) -> Any:
        return self.iloc[:, i]

    @add(*_BOTH)
    def iget_value(self: Any, i: int, j: int | None = None) -> Any:
        return self.iloc[i] if j is None else self.iloc[i, j]

    @add(*_BOTH)
    def iteritems(self: Any) -> Any:
        return self.items()

    @add(*_BOTH)
    def convert_objects(self: Any, convert_dates: Any = True, convert_numeric: bool = False, **_: Any) -> Any:
        def convert(column: Any) -> Any:
            if column.dtype != object:
                return column
            return pd.to_numeric(column, errors="coerce") if convert_numeric else column.infer_objects()

        return self.apply(convert) if isinstance(self, pd.DataFrame) else convert(self)

    @add(*_BOTH)
    def mad(self: Any, axis: Any = 0) -> Any:
        centred = (
            self.sub(self.mean(axis=axis), axis=1 - axis) if isinstance(self, pd.DataFrame) else self - self.mean()
        )
        return centred.abs().mean(axis=axis)

    @add(pd.DataFrame)
    def lookup(self: Any, row_labels: Any, col_labels: Any) -> Any:
        return np.array([self.at[row, column] for row, column in zip(row_labels, col_labels, strict=True)])

    @add(*_BOTH)
    def reindex_axis(self: Any, labels: Any, axis: Any = 0, **named: Any) -> Any:
        return self.reindex(labels, axis=axis, **named)

    @add(*_BOTH)
    def clip_lower(self: Any, threshold: Any) -> Any:
        return self.clip(lower=threshold)

    @add(*_BOTH)
    def clip_upper(self: Any, threshold: Any) -> Any:
        return self.clip(upper=threshold)

    @add(*_BOTH, pd.Index)
    def get_values(self: Any) -> Any:
        return self.values

    @add(pd.Series)
    def nonzero(self: Any) -> Any:
        return self.to_numpy().nonzero()

    @around(pd.Series, "__neg__")
    def _(before: Any, self: Any) -> Any:
        return ~self if self.dtype == bool else before(self)

    for kind in _BOTH:

        @around(kind, "fillna")
        def _(before: Any, self: Any, value: Any = None, method: Any = None, *more: Any, **named: Any) -> Any:
            named |= dict(zip(("axis", "inplace", "limit"), more, strict=False))
            if method is None:
                return before(self, value, **named)
            fill = self.ffill if method in ("ffill", "pad") else self.bfill
            return fill(**named)

        @around(kind, "pct_change")
        def _(before: Any, self: Any, periods: int = 1, fill_method: Any = "pad", **named: Any) -> Any:
            return before(self.ffill() if fill_method == "pad" else self, periods, fill_method=None, **named)

        for name in ("drop_duplicates", "duplicated"):

            @around(kind, name)
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

    @around(kind, name)
    def _(before: Any, *arguments: Any, **named: Any) -> Any:
        if len(arguments) > len(order):
            return before(*arguments, **named)
        return before(*arguments[:most], **dict(zip(order[most:], arguments[most:], strict=False)), **named)


def _restore_text() -> None:
    @around(pd.Series, "astype")
    def _(before: Any, self: Any, dtype: Any, *arguments: Any, **named: Any) -> Any:
        """The text of a float had 12 digits, as NumPy still writes them."""
        if self.dtype.kind == "f" and dtype in (str, "str"):
            return pd.Series([str(value) for value in self.to_numpy()], index=self.index, name=self.name, dtype=object)
        return before(self, dtype, *arguments, **named)

    @around(pd.DataFrame, "astype")
    def _(before: Any, self: Any, dtype: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(dtype, (type, str)) and dtype in (str, "str"):
            return self.apply(lambda column: column.astype(str))
        return before(self, dtype, *arguments, **named)

    @around(StringMethods, "replace")
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
            regex = not isinstance(pat, str) or len(pat) > 1 or bool(flags) or case is False or callable(repl)
        if isinstance(pat, re.Pattern):
            return before(self, pat, repl, n=n, regex=True)
        return before(self, pat, repl, n=n, case=case, flags=flags, regex=regex)

    @around(StringMethods, "extract")
    def _(before: Any, self: Any, pat: str, flags: int = 0, expand: bool = False) -> Any:
        return before(self, pat, flags=flags, expand=expand)


def _restore_sorting() -> None:
    @add(pd.DataFrame)
    def sort(
        self: Any, columns: Any = None, axis: int = 0, ascending: Any = True, inplace: bool = False, **named: Any
    ) -> Any:
        if columns is None:
            return self.sort_index(axis=axis, ascending=ascending, inplace=inplace)
        by = [columns] if isinstance(columns, (str, int)) else list(columns)
        return self.sort_values(by, ascending=ascending, inplace=inplace, **named)

    @add(pd.Series, name="sort")
    def sort_in_place(self: Any, axis: int = 0, ascending: bool = True, inplace: bool = True, **_: Any) -> Any:
        return self.sort_values(ascending=ascending, inplace=inplace)

    @add(pd.Series)
    def order(self: Any, na_last: Any = None, ascending: bool = True, **_: Any) -> Any:
        return self.sort_values(ascending=ascending, na_position="first" if na_last is False else "last")

    @around(pd.DataFrame, "sort_index")
    def _(before: Any, self: Any, *arguments: Any, by: Any = None, **named: Any) -> Any:
        if by is None:
            return before(self, *arguments, **named)
        return self.sort_values(by, **named)


def _restore_windows() -> None:
    for name, value in (("datetime", datetime.datetime), ("np", np)):
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

    def rolling_quantile(arg: Any, window: int, quantile: float, min_periods: Any = None, center: bool = False) -> Any:
        return arg.rolling(window, min_periods=min_periods, center=center).quantile(quantile)

    def of_two(statistic: str) -> Callable[..., Any]:
        def call(arg1: Any, arg2: Any = None, window: Any = None, min_periods: Any = None, **named: Any) -> Any:
            if window is None and isinstance(arg2, int):
                arg2, window = None, arg2
            return getattr(arg1.rolling(window, min_periods=min_periods), statistic)(arg2, **named)

        return call

    made = {"rolling_apply": rolling_apply, "rolling_quantile": rolling_quantile}
    for name, function in (made | {f"rolling_{name}": of_two(name) for name in ("corr", "cov")}).items():
        setattr(pd, name, function)


def _moving(window: str, statistic: str, first: str) -> Callable[..., Any]:
    def call(arg: Any, *given: Any, freq: None = None, **named: Any) -> Any:
        if isinstance(arg, np.ndarray):
            made = pd.DataFrame(arg) if arg.ndim == 2 else pd.Series(arg)
            return call(made, *given, freq=freq, **named).to_numpy()
        names = (first, "min_periods") if window == "rolling" else (first,)
        more = {"ddof": named.pop("ddof")} if "ddof" in named else {}
        return getattr(getattr(arg, window)(**dict(zip(names, given, strict=False)), **named), statistic)(**more)

    return call
