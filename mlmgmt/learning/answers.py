"""The tables in the answers of request-response services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.errors import BadRequest
from mlmgmt.modules.columns import studio_type

if TYPE_CHECKING:
    from mlmgmt.learning.tables import Specification
    from mlmgmt.modules.base import Dataset

_DOTNET = {"Integer": "Int64", "Double": "Double", "Boolean": "Boolean", "DateTime": "DateTime"}


def answer(dataset: Dataset, specification: Specification | None) -> dict[str, Any]:
    """Return a table in the form of an answer: names, types, and cells as text.

    The columns are those declared for the output, or all columns if none are declared.

    Raises:
        BadRequest: `ModelOutputMetadataMismatch`: a declared column is not in the table.
    """
    declared = list((specification or {}).get("properties") or dataset.frame.columns)
    if missing := [name for name in declared if name not in dataset.frame.columns]:
        message = f"The output declares columns that the graph does not return: {', '.join(map(repr, missing))}."
        hint = f"It returns: {', '.join(map(str, dataset.frame.columns))}."
        raise BadRequest(message, detail="ModelOutputMetadataMismatch", hint=hint)
    frame = dataset.frame[declared]
    for name in declared:
        wanted = str(((specification or {}).get("properties") or {}).get(name, {}).get("type", "String"))
        if wanted != "String" and studio_type(frame[name]) == "String":
            message = f"The output declares the column {name!r} as {wanted}, but the graph returns text."
            raise BadRequest(message, detail="ModelOutputMetadataMismatch", at=name)
    columns = [[_cell(value) for value in frame[name]] for name in declared]
    return {
        "ColumnNames": declared,
        "ColumnTypes": [_DOTNET.get(studio_type(frame[name]), "String") for name in declared],
        "Values": [list(row) for row in zip(*columns, strict=True)],
    }


def _cell(value: Any) -> str | None:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    return str(value)
