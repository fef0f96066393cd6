"""Convert cells, as they were written, to the values of typed columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from mlmgmt.errors import BadRequest
from mlmgmt.modules import text_formats

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TRUE, _FALSE = frozenset(("true", "1")), frozenset(("false", "0"))
_MISSING_WORDS = frozenset(("", "nan", "null"))


class Cells(NamedTuple):
    """A table before its columns have types: every cell as it was written.

    Args:
        rows: lists of cells, each as long as `columns`.
        source: the file or the input, for messages.
        lines: the line of the file on which each row begins, for messages; empty if there was no file.
        headless: the file had no header, and the columns are named Col1, Col2 and so on.
        lacking: the columns that some row lacks, with the first such row; None if every row has all.
    """

    columns: tuple[str, ...]
    rows: list[list[Any]]
    source: str
    lines: tuple[int, ...] = ()
    headless: bool = False
    lacking: dict[str, int] | None = None

    def where(self, row: int) -> str:
        return f"{self.source}:{self.lines[row]}" if self.lines else f"{self.source} row {row + 1}"


def is_missing(value: Any) -> bool:
    """Whether a cell has no value."""
    return (
        value is None
        or (isinstance(value, float) and value != value)
        or (isinstance(value, str) and value.strip() == "")
    )


def is_missing_number(value: Any) -> bool:
    """Whether a cell of a numeric or boolean column has no value."""
    return is_missing(value) or (isinstance(value, str) and value.strip().casefold() in _MISSING_WORDS)


def converter(specification: Mapping[str, Any]) -> Callable[[Any], Any] | None:
    """Return the function that converts a present cell (`boolean`, `integer`, `number` or `text`); None for a date.

    These functions raise ValueError, TypeError or OverflowError for a cell of another type.
    """
    kind = str(specification.get("type", "String")).casefold()
    if str(specification.get("format", "")).casefold().startswith("date-time") and kind == "string":
        return None
    return {"boolean": boolean, "integer": integer, "number": number}.get(kind, text)


def column(values: list[Any], specification: Mapping[str, Any], name: str, cells: Cells) -> Any:
    """Return a column's values as an array of the declared type; `cells` gives the place for an error message.

    Raises:
        BadRequest: `InputParseError`.
    """
    kind = str(specification.get("type", "String")).casefold()
    convert = converter(specification)
    if convert is None:
        return _dates(values, name, cells)
    kinds = set(map(type, values))
    found = _from_texts(values, convert) if kinds == {str} else _from_numbers(values, kinds, convert)
    if found is not None:
        return found
    if convert is text:
        return pd.array([None if is_missing(value) else text(value) for value in values], dtype="str")
    converted = []
    for row, value in enumerate(values):
        try:
            converted.append(None if is_missing_number(value) else convert(value))
        except (ValueError, TypeError, OverflowError):
            article = "an" if kind == "integer" else "a"
            message = f"{cells.where(row)}: {value!r} in the column {name!r} is not {article} {kind}."
            raise BadRequest(message, detail="InputParseError", at=name) from None
    dtype = {"boolean": "boolean", "integer": "Int64"}.get(kind, "float64")
    return pd.array([np.nan if value is None and dtype == "float64" else value for value in converted], dtype=dtype)  # type: ignore[call-overload]


def _from_texts(values: list[str], convert: Callable[[Any], Any]) -> Any:
    """Convert a column of strings, from a file, as a whole; return None if the cells must be converted one by one."""
    if convert is text:
        blank = {word for word in set(values) if not word.strip()}
        return pd.array([None if word in blank else word for word in values] if blank else values, dtype="str")
    words = np.array(values, dtype=object)
    present = words != ""
    parse = text_formats.whole_numbers if convert is integer else text_formats.numbers if convert is number else None
    found = parse(words[present]) if parse is not None and present.any() else None
    if found is None:
        return None
    if convert is number:
        spread = np.full(len(words), np.nan)
        spread[present] = found
        return pd.array(spread, dtype="float64")
    places = np.zeros(len(words), dtype=np.int64)
    places[present] = found
    return pd.arrays.IntegerArray(places, ~present)


def _from_numbers(values: list[Any], kinds: set[type], convert: Callable[[Any], Any]) -> Any:
    """Convert a column of numbers and nulls, from JSON; return None if the cells must be converted one by one."""
    try:
        if convert is integer and kinds <= {int, type(None)}:
            missing = np.array([value is None for value in values], dtype=bool)
            return pd.arrays.IntegerArray(np.array([value or 0 for value in values], dtype=np.int64), missing)
        if convert is number and kinds <= {int, float, type(None)}:
            found = np.array(values, dtype="float64")
            return None if np.isinf(found).any() else pd.array(found, dtype="float64")
    except OverflowError:
        # A number does not fit 64 bits; converting the cells one by one finds it.
        pass
    return None


def text(value: Any) -> str:
    """Return the text of a cell."""
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def boolean(value: Any) -> bool:
    """Convert `true`, `false`, 1 or 0."""
    word = text(value).strip().casefold()
    if word not in _TRUE | _FALSE:
        raise ValueError(word)
    return word in _TRUE


def integer(value: Any) -> int:
    """Convert a whole number that fits 64 bits."""
    text_ = str(value)
    try:
        whole = int(value) if isinstance(value, (int, str)) else int(text_)
    except ValueError:
        real = float(value)
        if not real.is_integer():
            raise
        whole = int(real)
    if "_" in text_ or not -(2**63) <= whole < 2**63:
        raise ValueError(value)
    return whole


def number(value: Any) -> float:
    """Convert a finite number."""
    real = float(value)
    if not abs(real) < float("inf") or "_" in str(value):
        raise ValueError(value)
    return real


def _dates(values: list[Any], name: str, cells: Cells) -> Any:
    try:
        return pd.to_datetime(
            np.array([None if is_missing(value) else str(value) for value in values], dtype=object),
            utc=True,
            format="ISO8601",
        )
    except (ValueError, TypeError) as error:
        message = f"{cells.source}: the column {name!r} has a value that is not an ISO 8601 date ({error})."
        raise BadRequest(message, detail="InputParseError", at=name) from None


def infer(values: Sequence[Any]) -> dict[str, str]:
    """Return the narrowest column type for all values: Boolean (only true and false), Integer, Number or String."""
    present = [text(value).strip() for value in values if not is_missing(value)]
    if present and all(word.casefold() in ("true", "false") for word in present):
        return {"type": "Boolean"}
    if present and all(_parses_as(int, word) for word in present):
        return {"type": "Integer", "format": "Int64"}
    if present and all(_parses_as(float, word) for word in present):
        return {"type": "Number", "format": "Double"}
    return {"type": "String"}


def _parses_as(kind: Any, word: str) -> bool:
    try:
        value = kind(word)
    except (ValueError, OverflowError):
        return False
    return "_" not in word and abs(value) < (2**63 if kind is int else float("inf"))
