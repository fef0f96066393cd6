"""Tables between processes as NumPy archives: arrays and their types, nothing that could run."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

_KINDS = {"Int64": "int64", "boolean": "bool", "float64": "float64"}


def pack(frame: pd.DataFrame) -> bytes:
    """A table as an uncompressed archive: each column its values, what is missing, and its type.

    Column names become text; of repeated ones, the later get ` (1)`, ` (2)`. Values of columns that are neither
    numbers, truths nor moments become text.
    """
    arrays: dict[str, Any] = {}
    names = unique(str(name) for name in frame.columns)
    kinds = []
    for place in range(len(names)):
        kind, values, missing = _column(frame.iloc[:, place])
        kinds.append(kind)
        arrays[f"v{place}"], arrays[f"m{place}"] = values, missing
    head = json.dumps({"names": names, "kinds": kinds, "rows": len(frame)}).encode()
    buffer = io.BytesIO()
    np.savez(buffer, head=np.frombuffer(head, dtype="uint8"), **arrays)
    return buffer.getvalue()


def unpack(data: bytes) -> pd.DataFrame:
    """The table of an archive.

    Raises:
        ValueError: it is not one.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        head = json.loads(archive["head"].tobytes())
        columns = {
            name: _series(kind, archive[f"v{place}"], archive[f"m{place}"])
            for place, (name, kind) in enumerate(zip(head["names"], head["kinds"], strict=True))
        }
    return pd.DataFrame(columns, index=pd.RangeIndex(head["rows"]))


def unique(names: Iterable[str]) -> list[str]:
    """The names, each once: ` (1)`, ` (2)` is added to those that come again."""
    found: list[str] = []
    for name in names:
        number, candidate = 0, name
        while candidate in found:
            number += 1
            candidate = f"{name} ({number})"
        found.append(candidate)
    return found


def _column(series: pd.Series[Any]) -> tuple[str, Any, Any]:
    if isinstance(series.dtype, pd.CategoricalDtype):
        kind, values, missing = _column(series.astype(series.cat.categories.dtype))
        return f"category:{kind}", values, missing
    missing = series.isna().to_numpy(dtype=bool)
    if pd.api.types.is_bool_dtype(series.dtype):
        return "boolean", series.fillna(False).to_numpy(dtype=bool), missing
    if pd.api.types.is_integer_dtype(series.dtype):
        return "Int64", series.fillna(0).to_numpy(dtype="int64"), missing
    if pd.api.types.is_float_dtype(series.dtype):
        return "float64", series.to_numpy(dtype="float64", na_value=np.nan), missing
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        moments = pd.to_datetime(series, utc=True).astype("datetime64[ns, UTC]")
        return "datetime", moments.to_numpy(dtype="datetime64[ns]").astype("int64"), missing
    if pd.api.types.is_timedelta64_dtype(series.dtype):
        return "timedelta", series.astype("timedelta64[ns]").to_numpy().astype("int64"), missing
    texts = ["" if lost else str(value) for value, lost in zip(series, missing, strict=True)]
    # NumPy's fixed-width text drops NULs at the end; with a mark behind it nothing is lost.
    return "str", np.array([f"{text}\x01" for text in texts], dtype="str"), missing


def _series(kind: str, values: Any, missing: Any) -> Any:
    if kind.startswith("category:"):
        return _series(kind.removeprefix("category:"), values, missing).astype("category")
    if kind == "datetime":
        series = pd.Series(pd.to_datetime(values.astype("datetime64[ns]"), utc=True))
    elif kind == "timedelta":
        series = pd.Series(values.astype("timedelta64[ns]"))
    elif kind == "str":
        series = pd.Series([text[:-1] for text in values.tolist()], dtype="str")
    elif kind in _KINDS:
        series = pd.Series(values, dtype=kind)
    else:
        raise ValueError(kind)
    return series.mask(missing) if missing.any() and kind != "float64" else series
