"""Tables as NumPy archives, to pass between processes: arrays and their types, and nothing that could run."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

    Arrays = dict[str, Any]
    Kind = dict[str, Any]

_LARGEST_WHOLE = 2**63 - 1
_PLAIN = ("float64", "int64", "bool")
# Not by its name "str", which is NumPy's text, without missing values, where pandas keeps text as objects.
_TEXT = pd.StringDtype(na_value=np.nan)


def pack(frame: pd.DataFrame) -> bytes:
    """Return a table as an uncompressed archive, with each column's values, missing values and type.

    Column names become text; repeated ones get ` (1)`, ` (2)`. Times without a zone are UTC. Columns of Python objects
    become the type that all of their values have: integers, floats, booleans, times or durations; integers beyond 64
    bits become floats. The values of all other columns become text, with `?` for a character that UTF-8 cannot encode.
    """
    arrays: Arrays = {}
    names = unique(_encodable(str(name)) for name in frame.columns)
    kinds = [_pack_column(_to_packed_type(frame.iloc[:, place]), str(place), arrays) for place in range(len(names))]
    head = json.dumps({"names": names, "kinds": kinds, "rows": len(frame)}).encode()
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, head=np.frombuffer(head, dtype="uint8"), **arrays)
    return buffer.getvalue()


def unpack(data: bytes) -> pd.DataFrame:
    """Return the table in an archive. Safe for any bytes: nothing in them is run, and they are never decompressed.

    Raises:
        ValueError: the bytes are not a packed table.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                raise ValueError("a member is compressed")
        return _unpack_archive(data)
    except Exception as error:
        # The bytes may be an attack on the libraries that read them, so any exception is possible.
        raise ValueError(f"not a packed table ({type(error).__name__}: {error})") from None


def unique(names: Iterable[str]) -> list[str]:
    """Return unique names: repeated ones get ` (1)`, ` (2)`."""
    found: dict[str, None] = {}
    for name in names:
        number, candidate = 0, name
        while candidate in found:
            number += 1
            candidate = f"{name} ({number})"
        found[candidate] = None
    return list(found)


def _encodable(text: str) -> str:
    """Return a text that UTF-8 can encode."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _to_packed_type(series: pd.Series[Any]) -> pd.Series[Any]:
    """Convert a column to a type that can be packed: integers, floats, booleans, times, durations, text, or categories
    of these.
    """
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        known = _to_packed_type(pd.Series(dtype.categories))
        if not known.is_unique:
            return _to_packed_type(series.astype(object))
        if dtype.categories.dtype in ("int64", "bool"):
            known = known.astype(dtype.categories.dtype)
        codes = series.cat.codes.to_numpy()
        return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(known), ordered=bool(dtype.ordered)))
    if pd.api.types.is_bool_dtype(dtype):
        return series.astype("boolean")
    if pd.api.types.is_integer_dtype(dtype):
        return series.astype("float64" if (series > _LARGEST_WHOLE).any() else "Int64")
    if pd.api.types.is_float_dtype(dtype):
        return pd.Series(series.to_numpy(dtype="float64", na_value=np.nan))
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return pd.to_datetime(series, utc=True)
    if pd.api.types.is_timedelta64_dtype(dtype):
        return series
    return _infer_type(series) if pd.api.types.is_object_dtype(dtype) else _text(series)


def _infer_type(series: pd.Series[Any]) -> pd.Series[Any]:
    values = [None if gone else value for value, gone in zip(series, series.isna(), strict=True)]
    try:
        match pd.api.types.infer_dtype(values, skipna=True):
            case "boolean":
                return pd.Series(values, dtype="boolean")
            case "integer" if all(value is None or abs(int(value)) <= _LARGEST_WHOLE for value in values):
                return pd.Series([None if value is None else int(value) for value in values], dtype="Int64")
            case "integer" | "floating" | "mixed-integer-float" | "decimal":
                return pd.Series([np.nan if value is None else float(value) for value in values], dtype="float64")
            case "datetime" | "datetime64" | "date":
                return pd.to_datetime(pd.Series(values, dtype=object), utc=True)
            case "timedelta" | "timedelta64":
                return pd.to_timedelta(pd.Series(values, dtype=object))
    except (OverflowError, ValueError, TypeError):
        pass  # A value is out of the type's range, or the times cannot form one column.
    return _text(series)


def _text(series: pd.Series[Any]) -> pd.Series[Any]:
    values = [None if gone else _encodable(str(value)) for value, gone in zip(series, series.isna(), strict=True)]
    return pd.Series(pd.array(values, dtype=_TEXT))


def _pack_column(series: pd.Series[Any], key: str, arrays: Arrays) -> Kind:
    """Add the arrays of a column from `_to_packed_type`, and return its kind."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        arrays[f"{key}v"] = series.cat.codes.to_numpy(dtype="int64")
        return {
            "kind": "category",
            "ordered": bool(dtype.ordered),
            "of": _pack_column(pd.Series(dtype.categories), f"{key}c", arrays),
        }
    if dtype in _PLAIN:
        arrays[f"{key}v"] = series.to_numpy()
        return {"kind": str(dtype)}
    if isinstance(dtype, pd.DatetimeTZDtype):
        arrays[f"{key}v"] = series.dt.tz_localize(None).to_numpy().astype("int64")
        return {"kind": "datetime", "unit": series.dt.unit}
    if pd.api.types.is_timedelta64_dtype(dtype):
        arrays[f"{key}v"] = series.to_numpy().astype("int64")
        return {"kind": "timedelta", "unit": series.dt.unit}
    missing = series.isna().to_numpy(dtype=bool)
    arrays[f"{key}m"] = missing
    if dtype in ("Int64", "boolean"):
        values = "int64" if dtype == "Int64" else "bool"
        arrays[f"{key}v"] = series.to_numpy(dtype=values, na_value=0)
        return {"kind": str(dtype)}
    # Not as an array of NumPy strings, in which one long cell would make every cell as long.
    texts = [b"" if gone else str(value).encode() for value, gone in zip(series, missing, strict=True)]
    arrays[f"{key}v"] = np.frombuffer(b"".join(texts), dtype="uint8")
    arrays[f"{key}e"] = np.cumsum([len(text) for text in texts], dtype="int64")
    return {"kind": "str"}


def _unpack_archive(data: bytes) -> pd.DataFrame:
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        head = json.loads(archive["head"].tobytes())
        names, rows = head["names"], head["rows"]
        columns = [_series(kind, str(place), archive) for place, kind in enumerate(head["kinds"])]
    if len(set(map(str, names))) != len(columns) or any(len(column) != rows for column in columns):
        raise ValueError("names and columns do not match")
    return pd.DataFrame(dict(zip(map(str, names), columns, strict=True)), index=pd.RangeIndex(rows))


def _series(body: Kind, key: str, archive: Any) -> pd.Series[Any]:
    kind, values = body["kind"], archive[f"{key}v"]
    found: Any
    if kind == "category":
        known = pd.Index(_series(body["of"], f"{key}c", archive))
        found = pd.Categorical.from_codes(values, categories=known, ordered=body["ordered"])
    elif kind in _PLAIN:
        found = values.astype(kind)
    elif kind == "datetime":
        found = pd.Series(values.astype(f"datetime64[{body['unit']}]")).dt.tz_localize("UTC")
    elif kind == "timedelta":
        found = values.astype(f"timedelta64[{body['unit']}]")
    elif kind == "Int64":
        found = pd.arrays.IntegerArray(values, archive[f"{key}m"])
    elif kind == "boolean":
        found = pd.arrays.BooleanArray(values, archive[f"{key}m"])
    elif kind == "str":
        found = pd.array(_texts(values.tobytes(), archive[f"{key}e"], archive[f"{key}m"]), dtype=_TEXT)
    else:
        raise ValueError(f"unknown kind {kind!r}")
    return pd.Series(found)


def _texts(data: bytes, ends: Any, missing: Any) -> list[str | None]:
    starts = [0, *ends.tolist()][:-1]
    return [
        None if gone else data[start:end].decode()
        for start, end, gone in zip(starts, ends.tolist(), missing.tolist(), strict=True)
    ]
