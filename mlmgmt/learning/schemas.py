"""Describe tables like `properties.input` and `.output`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.modules.columns import studio_type
from mlmgmt.modules.learners import LABELS, underlying

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlmgmt.modules.base import Dataset

_TYPES = {
    "Integer": {"type": "Integer", "format": "Int64"},
    "Double": {"type": "Number", "format": "Double"},
    "Boolean": {"type": "Boolean"},
    "DateTime": {"type": "String", "format": "date-time"},
}


def specification(dataset: Dataset, *, nullable: Collection[str] = ()) -> dict[str, Any]:
    """Return the columns of a table and their types.

    Args:
        nullable: columns that callers may omit; columns with missing values are nullable too.
    """
    classes = dataset.scored.classes if dataset.scored is not None else ()
    columns: dict[str, Any] = {}
    for name in dataset.frame.columns:
        series = underlying(dataset.frame[name])
        column: dict[str, Any] = dict(_TYPES.get(studio_type(series), {"type": "String"}))
        if name == LABELS and classes and all(isinstance(label, str) for label in classes):
            column["enum"] = list(classes)
        columns[str(name)] = column | {"x-ms-isnullable": bool(name in nullable or series.isna().any())}
    return {"type": "object", "properties": columns}


def example(dataset: Dataset) -> list[Any]:
    """Return the first row, in the form of an example request."""
    if dataset.frame.empty:
        return []
    row = dataset.frame.iloc[0]
    return [_plain_value(row[name]) for name in dataset.frame.columns]


def _plain_value(value: Any) -> Any:
    import pandas as pd

    if value is None or pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    plain = value.item() if hasattr(value, "item") else value
    return plain if isinstance(plain, (bool, int, float, str)) else str(plain)
