"""Restore times, their frequencies, and tables that are read from files of text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas._libs.parsers import STR_NA_VALUES  # type: ignore[import-not-found]
from pandas.core.arrays.datetimelike import TimelikeOps
from pandas.core.indexes.accessors import DatetimeProperties
from pandas.core.resample import TimeGrouper

from mlmgmt.learning.old_python import groups, paths
from mlmgmt.learning.old_python.patching import add, around

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmgmt.learning.old_python import OldPython

_BOTH = (pd.DataFrame, pd.Series)
_FREQUENCIES = {
    "A": "YE",
    "AS": "YS",
    "BA": "BYE",
    "BAS": "BYS",
    "BM": "BME",
    "BQ": "BQE",
    "CBM": "CBME",
    "H": "h",
    "L": "ms",
    "M": "ME",
    "N": "ns",
    "Q": "QE",
    "S": "s",
    "SM": "SME",
    "T": "min",
    "U": "us",
    "Y": "YE",
}
_NOT_MISSING = ("<NA>", "None", "n/a", "null")
"""Words that are missing values only since a later pandas."""
_LENGTHS = ("D", "h", "m", "s", "ms", "us")


def restore(old: OldPython) -> None:
    """Change pandas in this process."""
    _restore_times(old)
    _restore_frequencies()
    _restore_resample(old)
    _restore_parts()
    _restore_files()


def _restore_times(old: OldPython) -> None:
    """Times had nanoseconds, which scripts rely on when they take them as whole numbers."""

    def in_nanoseconds(found: Any) -> Any:
        accessor = found.dt if isinstance(found, pd.Series) and hasattr(found, "dt") else found
        return accessor.as_unit("ns") if hasattr(accessor, "as_unit") else found

    for name in ("date_range", "timedelta_range", "bdate_range"):

        @around(pd, name)
        def _(before: Any, *arguments: Any, **named: Any) -> Any:
            arguments = (*arguments[:3], *map(frequency, arguments[3:4]), *arguments[4:])
            named |= {name: frequency(value) for name, value in named.items() if name == "freq"}
            return in_nanoseconds(before(*arguments, **named))

    @around(pd, "to_timedelta")
    def _(before: Any, *arguments: Any, **named: Any) -> Any:
        named |= {name: frequency(value) for name, value in named.items() if name == "unit"}
        return in_nanoseconds(before(*arguments, **named))

    @around(pd, "to_datetime", ("box", "coerce", "infer_datetime_format"))
    def _(before: Any, arg: Any, errors: Any = None, *arguments: Any, **named: Any) -> Any:
        named.pop("infer_datetime_format", None)
        is_boxed = named.pop("box", True)
        errors = "coerce" if named.pop("coerce", False) else errors or ("raise" if old.anaconda >= 4 else "ignore")
        if named.get("utc", ...) is None:
            del named["utc"]
        if _are_texts(arg) and len(arguments) < 4 and not named.get("format") and not named.get("unit"):
            # Each text was read for itself.
            named["format"] = "mixed"
        try:
            found = in_nanoseconds(before(arg, "raise" if errors == "ignore" else errors, *arguments, **named))
        except (TypeError, ValueError):
            if errors == "ignore":
                return np.asarray(arg, dtype=object) if isinstance(arg, (list, tuple)) else arg
            raise
        return found if is_boxed else found.to_numpy()


def _are_texts(values: Any) -> bool:
    if isinstance(values, (list, tuple)):
        return any(isinstance(value, str) for value in values)
    dtype = getattr(values, "dtype", None)
    return dtype is not None and (dtype.kind == "O" or isinstance(dtype, pd.StringDtype) or dtype.kind in "US")


def frequency(text: Any) -> Any:
    """Return today's name of a frequency: `M` became `ME`."""
    if not isinstance(text, str):
        return text
    return re.sub(r"(?<![A-Za-z-])[A-Za-z]+", lambda found: _FREQUENCIES.get(found[0], found[0]), text)


def _restore_frequencies() -> None:
    @around(TimeGrouper, "__init__")
    def _(before: Any, self: Any, obj: Any = None, freq: Any = "Min", *arguments: Any, **named: Any) -> None:
        before(self, obj, frequency(freq), *arguments, **named)

    for name in ("ceil", "floor", "round"):

        @around(TimelikeOps, name)
        def _(before: Any, self: Any, freq: Any, *arguments: Any, **named: Any) -> Any:
            return before(self, frequency(freq), *arguments, **named)

    for kind in _BOTH:

        @around(kind, "asfreq")
        def _(before: Any, self: Any, freq: Any, *arguments: Any, **named: Any) -> Any:
            return before(self, frequency(freq), *arguments, **named)

    shifted: tuple[type, ...] = (*_BOTH, pd.DatetimeIndex)
    for owner in shifted:

        @around(owner, "shift")
        def _(before: Any, self: Any, periods: Any = 1, freq: Any = None, *arguments: Any, **named: Any) -> Any:
            # Columns tell a missing frequency from None.
            given = (frequency(freq), *arguments) if freq is not None else ()
            return before(self, periods, *given, **named)

    def time_grouper(freq: Any = "Min", closed: Any = None, label: Any = None, **named: Any) -> Any:
        return pd.Grouper(freq=freq, closed=closed, label=label, **named)

    if not hasattr(pd, "TimeGrouper"):
        pd.TimeGrouper = time_grouper  # type: ignore[attr-defined]


def _restore_resample(old: OldPython) -> None:
    for kind in _BOTH:

        @around(kind, "resample", ("how", "fill_method", "loffset", "kind", "limit"))
        def _(
            before: Any,
            self: Any,
            rule: Any,
            how: Any = None,
            axis: Any = 0,
            fill_method: Any = None,
            *arguments: Any,
            loffset: Any = None,
            kind: Any = None,
            limit: Any = None,
            **named: Any,
        ) -> Any:
            if axis not in (0, "index"):
                raise TypeError("resample(axis=1) is not restored: transpose the table")
            found = before(self, rule, *arguments, **named)
            if how is None and fill_method is None and old.anaconda >= 4:
                return found
            if how is not None or fill_method is None:
                found = _summarized(found, how or "mean")
            if fill_method is not None:
                found = (found.ffill if fill_method in ("ffill", "pad") else found.bfill)(limit=limit)
            if loffset is not None:
                found.index = found.index + pd.tseries.frequencies.to_offset(frequency(loffset))
            return found.to_period() if kind == "period" else found


def _summarized(resampler: Any, how: Any) -> Any:
    how = groups.own(how)
    return getattr(resampler, how)() if isinstance(how, str) else resampler.agg(how)


def _restore_parts() -> None:
    def weekday_name(self: Any) -> Any:
        return self.day_name()

    def week(self: Any) -> Any:
        weeks = self.isocalendar().week
        return weeks.astype("float64" if weeks.isna().any() else "int64")

    def week_of_index(self: Any) -> Any:
        return pd.Index(week(self).to_numpy())

    for kind, of_week in ((DatetimeProperties, week), (pd.DatetimeIndex, week_of_index)):
        add(kind, name="weekday_name")(property(weekday_name))  # type: ignore[arg-type]
        add(kind, name="week")(property(of_week))  # type: ignore[arg-type]
        add(kind, name="weekofyear")(property(of_week))  # type: ignore[arg-type]
    add(pd.Timestamp, name="weekday_name")(property(weekday_name))  # type: ignore[arg-type]
    add(pd.Timestamp, name="to_datetime")(pd.Timestamp.to_pydatetime)

    @around(pd.Series, "astype")
    def _(before: Any, self: Any, dtype: Any, *arguments: Any, **named: Any) -> Any:
        """Durations became numbers of whole days, hours and so on."""
        if self.dtype.kind == "m" and str(dtype) in [
            name for unit in _LENGTHS for name in (f"timedelta64[{unit}]", f"<m8[{unit}]", f"m8[{unit}]")
        ]:
            lengths = self.to_numpy().astype(dtype).astype("float64")
            return pd.Series(np.where(self.isna(), np.nan, lengths), index=self.index, name=self.name)
        return before(self, dtype, *arguments, **named)


def _restore_files() -> None:
    for word in _NOT_MISSING:
        STR_NA_VALUES.discard(word)

    more = ("delim_whitespace", "error_bad_lines", "warn_bad_lines", "squeeze", "infer_datetime_format")

    @around(pd, "read_csv", more)
    def _(before: Callable[..., Any], filepath_or_buffer: Any, *arguments: Any, **named: Any) -> Any:
        named.pop("infer_datetime_format", None)
        is_squeezed = named.pop("squeeze", False)
        warns = named.pop("warn_bad_lines", True)
        if not named.pop("error_bad_lines", True):
            named["on_bad_lines"] = "warn" if warns else "skip"
        if named.pop("delim_whitespace", False):
            named["sep"] = r"\s+"
        if named.get("parse_dates") and "date_format" not in named:
            named["date_format"] = "mixed"
        found = before(paths.with_slashes(filepath_or_buffer), *arguments, **named)
        return found.squeeze("columns") if is_squeezed and isinstance(found, pd.DataFrame) else found

    def from_csv(
        path: Any, header: Any = 0, sep: str = ",", index_col: Any = 0, parse_dates: Any = True, **named: Any
    ) -> Any:
        return pd.read_csv(path, header=header, sep=sep, index_col=index_col, parse_dates=parse_dates, **named)

    pd.DataFrame.from_csv = staticmethod(from_csv)  # type: ignore[attr-defined]
