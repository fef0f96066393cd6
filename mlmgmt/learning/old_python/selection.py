"""Restore how parts of tables and columns are read, and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from pandas.core.indexing import _iLocIndexer
from pandas.core.internals.blocks import Block  # type: ignore[import-not-found]

from mlmgmt.learning.old_python.patching import add, around, called_by_script

if TYPE_CHECKING:
    from collections.abc import Callable

_BOTH = (pd.DataFrame, pd.Series)


def restore() -> None:
    """Change pandas in this process."""
    add(*_BOTH, name="ix")(property(_Mixed))  # type: ignore[arg-type]
    _restore_positions()
    _restore_extremes()

    _restore_types()
    _restore_arrays()


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
        if pd.api.types.is_numeric_dtype(axis.dtype) or isinstance(axis, pd.MultiIndex):
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


def _restore_types() -> None:
    """A value of another type changed the type of its column."""

    @around(Block, "coerce_to_target_dtype")
    def _(before: Callable[..., Any], self: Any, other: Any, *_: Any, **__: Any) -> Any:
        return before(self, other, False)

    @around(_iLocIndexer, "_setitem_single_column")
    def _(before: Callable[..., Any], self: Any, loc: int, value: Any, plane_indexer: Any) -> None:
        try:
            before(self, loc, value, plane_indexer)
        except TypeError as error:
            # All rows of a column.
            if not str(error).startswith("Invalid value"):
                raise
            self.obj.isetitem(loc, value)


def _restore_arrays() -> None:
    """The array of a table could be written to. Here it is another array then: `notes` names what changed the table."""
    for kind in _BOTH:
        values = vars(kind)["values"].fget

        def writable(self: Any, values: Callable[..., Any] = values) -> Any:
            return _writable(values(self))

        setattr(kind, "values", property(writable))  # noqa: B010 - a type checker knows it as read-only

        @around(kind, "__array__")
        def _(before: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
            return _writable(before(*arguments, **named))


def _writable(array: Any) -> Any:
    is_kept = not hasattr(array, "flags") or array.flags.writeable or not called_by_script()
    return array if is_kept else array.copy()


def _restore_positions() -> None:
    @around(pd.Series, "__getitem__")
    def _(before: Callable[..., Any], self: Any, key: Any) -> Any:
        return self.iloc[key] if _is_position(self.index, key) else before(self, key)

    @around(pd.Series, "__setitem__")
    def _(before: Callable[..., Any], self: Any, key: Any, value: Any) -> None:
        if _is_position(self.index, key):
            self.iloc[key] = value
        else:
            before(self, key, value)


def _is_position(index: Any, key: Any) -> bool:
    """Whether the key of a column is a position: a whole number where the labels are not numbers, or several."""
    labels = index.levels[0] if isinstance(index, pd.MultiIndex) else index
    if pd.api.types.is_numeric_dtype(labels.dtype):
        return False
    several = isinstance(key, list) or getattr(key, "ndim", 0) == 1
    if not (pd.api.types.is_integer(key) or (several and len(key) and all(map(pd.api.types.is_integer, key)))):
        return False
    if labels.inferred_type in ("integer", "floating", "boolean", "empty"):
        return False
    return several or key not in labels


def _restore_extremes() -> None:
    """A column's `argmax` gave a label. pandas itself, which makes `idxmax` of it, needs today's."""
    for name, label in (("argmax", "idxmax"), ("argmin", "idxmin")):

        @around(pd.Series, name)
        def _(
            before: Callable[..., Any], self: Any, axis: Any = None, *arguments: Any, label: str = label, **named: Any
        ) -> Any:
            if not called_by_script("numpy"):
                return before(self, axis, *arguments, **named)
            return getattr(self, label)() if self.notna().any() else float("nan")
