"""Rows in and out: CSV and request-response bodies to typed tables, and tables to answers."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlmgmt.definition.document import decode
from mlmgmt.errors import BadRequest, Detail
from mlmgmt.learning import conversion
from mlmgmt.learning.conversion import Cells as Cells
from mlmgmt.learning.conversion import refusal
from mlmgmt.modules.base import Dataset

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

Specification = dict[str, Any]
"""A table as `properties.input` and `.output` describe it: `properties` maps column names to their types."""

_GOOD_HEADERS: dict[tuple[str, ...], tuple[str, ...]] = {}
"""Headers of requests that were checked before, each once: those of one service come again and again, and whoever
remembers one knows it again by its identity.
"""
_MOST_HEADERS, _MOST_NAMES, _LONGEST_HEADER = 256, 1024, 64 * 1024
_MOST_LISTED = 20


def read_file(data: bytes, source: str, suffix: str) -> Cells:
    """The cells of a file of one of the forms that a batch job reads: `.csv`, `.tsv`, both with `.nh` before when they
    have no header, and `.arff`.

    Raises:
        BadRequest: `InputParseError`.
    """
    if suffix == ".arff":
        from mlmgmt.modules import text_formats

        frame = text_formats.read_arff(data)
        columns = [
            [None if conversion.is_missing(cell) else cell for cell in frame[name].astype(object)]
            for name in frame.columns
        ]
        return Cells(tuple(frame.columns), [list(row) for row in zip(*columns, strict=True)], source)
    return read_csv(data, source, separator="\t" if suffix.endswith("tsv") else ",", header=".nh" not in suffix)


def read_csv(data: bytes, source: str, *, separator: str = ",", header: bool = True) -> Cells:
    """The cells of a delimited file, with a header line or without.

    Raises:
        BadRequest: `InputParseError`: not text, no header, a column named twice or not at all, a ragged line, or no
            rows at all.
    """
    if data[:2] == b"PK" or (b"\0" in data[:4096] and data[:2] not in (b"\xff\xfe", b"\xfe\xff")):
        raise refusal("InputParseError", f"{source} is not a CSV file.", target=source, hint="Export it as CSV first.")
    try:
        text = decode(data, largest=len(data)).decode()
    except UnicodeDecodeError as error:
        message = f"{source} is not UTF-8 (byte {error.start})."
        raise refusal("InputParseError", message, target=source, hint="Save it as CSV UTF-8.") from None
    except BadRequest:
        raise refusal("InputParseError", f"{source} is empty.", target=source) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    rows: list[list[Any]] = []
    lines: list[int] = []
    try:
        names = [name.strip() for name in next(reader, [])] if header else []
        if header:
            _check_header(names, source)
        begins = reader.line_num + 1
        for row in reader:
            if row:
                names = names or [f"Col{place}" for place in range(1, len(row) + 1)]
                if len(row) != len(names):
                    first = "header" if header else "first line"
                    message = f"{source}:{begins}: the line has {len(row)} cells, the {first} {len(names)}."
                    raise refusal("InputParseError", message, target=f"{source}:{begins}")
                rows.append(row)
                lines.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        message = f"{source}:{reader.line_num}: {error}."
        raise refusal("InputParseError", message, target=f"{source}:{reader.line_num}") from None
    if not rows:
        raise refusal("InputParseError", f"{source} has a header and no rows.", target=source)
    return Cells(tuple(names), rows, source, tuple(lines), headless=not header)


def _check_header(header: Sequence[str], source: str) -> None:
    if not header or all(not name for name in header):
        raise refusal("InputParseError", f"{source} has no header line.", target=f"{source}:1")
    seen: set[str] = set()
    for name in header:
        if not name or name in seen:
            what = f"names the column {name!r} twice" if name else "has a column without a name"
            raise refusal("InputParseError", f"{source}: the header {what}.", target=f"{source}:1")
        seen.add(name)


def from_request(table: Any, port: str) -> Cells:
    """The cells of one input of a request: `{"ColumnNames", "Values"}`, or a list of objects.

    Raises:
        BadRequest: `InputParseError`: neither form, or rows of different widths.
    """
    columns, rows = (table.get("ColumnNames"), table.get("Values")) if isinstance(table, dict) else (None, None)
    if isinstance(columns, list) and isinstance(rows, list):
        pass
    elif isinstance(table, list) and all(isinstance(row, dict) for row in table):
        columns = list(dict.fromkeys(str(name) for row in table for name in row))
        rows = [[row.get(name) for name in columns] for row in table]
    else:
        message = f"The input {port!r} is neither a table (ColumnNames, Values) nor a list of objects."
        raise refusal("InputParseError", message, target=port)
    names = _header(columns, port)
    width = len(names)
    for index, row in enumerate(rows):
        if row.__class__ is not list or len(row) != width:
            message = f"Row {index + 1} of the input {port!r} does not have {width} cells."
            raise BadRequest(message, target=port, details=[Detail("TableSchemaColumnCountMismatch", message, port)])
    return Cells(names, rows, port)


def _header(columns: list[Any], port: str) -> tuple[str, ...]:
    try:
        names = tuple(columns)
        if (known := _GOOD_HEADERS.get(names)) is not None:
            return known
    except TypeError:
        pass  # a name that is a list or an object; as text it is none that anybody declared
    names = tuple(map(str, columns))
    if names:
        _check_header(names, port)
        fits = len(names) <= _MOST_NAMES and sum(map(len, names)) <= _LONGEST_HEADER
        if fits and len(_GOOD_HEADERS) < _MOST_HEADERS:
            _GOOD_HEADERS[names] = names
    return names


def from_rows(rows: Sequence[Sequence[Any]], specification: Specification, port: str) -> Cells:
    """The cells of an example request, whose rows follow the order of the declared columns.

    Raises:
        BadRequest: `TableSchemaColumnCountMismatch`.
    """
    columns = list(specification.get("properties", {}))
    return from_request({"ColumnNames": columns, "Values": [list(row) for row in rows]}, port)


def placeholder_row(specification: Specification) -> list[Any]:
    """A row of the types that are declared, to try a graph with."""
    made = {"boolean": True, "integer": 0, "number": 0.0}
    cells = []
    for column in (specification.get("properties") or {}).values():
        kind = str(column.get("type", "String")).casefold()
        if column.get("enum"):
            cells.append(column["enum"][0])
        elif kind == "string" and str(column.get("format", "")).casefold().startswith("date-time"):
            cells.append("2000-01-01T00:00:00Z")
        else:
            cells.append(made.get(kind, "example"))
    return cells


def to_dataset(
    cells: Cells, specification: Specification | None, *, spare: Collection[str] = ()
) -> tuple[Dataset, list[str]]:
    """A dataset with the types declared, or found in the cells where nothing is declared; and what to tell about it.

    A column that is declared nullable may be absent: its cells are missing. Callers leave the label out like that.

    Args:
        spare: columns whose absence is nothing to tell about.

    Raises:
        BadRequest: `InputMismatchError`: columns are missing; `InputParseError`: a cell is not of its column's type.
    """
    declared: Mapping[str, Any] = (specification or {}).get("properties") or {}
    if not declared:
        return infer_dataset(cells), []
    found, notes = match_columns(cells, declared, spare)
    columns = {}
    for name, column in declared.items():
        place = found.get(name)
        values = [None] * len(cells.rows) if place is None else [row[place] for row in cells.rows]
        columns[name] = conversion.column(values, column, name, cells)
    return Dataset(pd.DataFrame(columns, index=pd.RangeIndex(len(cells.rows)))), notes


def match_columns(
    cells: Cells, declared: Mapping[str, Any], spare: Collection[str] = ()
) -> tuple[dict[str, int], list[str]]:
    """Where each declared column stands among the cells, and what to tell about columns that are in only one of them.

    Raises:
        BadRequest: `InputMismatchError`: columns that are not nullable are missing.
    """
    if not cells.columns and not cells.rows:
        # A list of no objects names no columns.
        return {}, []
    found = _find_places(cells, declared)
    absent = [name for name in declared if name not in found and name not in spare]
    used = set(found.values())
    unused = [name for index, name in enumerate(cells.columns) if index not in used]
    notes = []
    if unused:
        notes.append(f"{cells.source}: the service does not read the columns {_list_names(map(repr, unused))}.")
    if absent:
        notes.append(f"{cells.source} has no column {_list_names(map(repr, absent))}; its cells are read as missing.")
    return found, notes


def _list_names(names: Iterable[str]) -> str:
    """Names for a message, which a request with a million of them does not make long."""
    listed = list(names)
    more = f" and {len(listed) - _MOST_LISTED:,} more" if len(listed) > _MOST_LISTED else ""
    return ", ".join(listed[:_MOST_LISTED]) + more


def _find_places(cells: Cells, declared: Mapping[str, Any]) -> dict[str, int]:
    """By its name exactly, or uniquely in any letter case."""
    exact = {name: index for index, name in enumerate(cells.columns)}
    loose: dict[str, list[int]] = {}
    for name, index in exact.items():
        loose.setdefault(name.casefold(), []).append(index)
    found: dict[str, int] = {}
    missing = []
    for name, column in declared.items():
        if name in exact:
            found[name] = exact[name]
        elif len(alike := loose.get(name.casefold(), [])) == 1:
            found[name] = alike[0]
        elif not column.get("x-ms-isnullable"):
            missing.append(name)
    missing = missing or ([] if found else list(declared))
    if missing:
        message = f"{cells.source} lacks the column{'s' if len(missing) > 1 else ''} {_list_names(map(repr, missing))}."
        hint = f"It has: {_list_names(cells.columns)}."
        raise refusal("InputMismatchError", message, target=cells.source, hint=hint)
    return found


def infer_dataset(cells: Cells) -> Dataset:
    """A dataset whose column types are the narrowest that every cell fits."""
    columns = {}
    for index, name in enumerate(cells.columns):
        values = [row[index] for row in cells.rows]
        columns[name] = conversion.column(values, conversion.infer(values), name, cells)
    return Dataset(pd.DataFrame(columns, index=pd.RangeIndex(len(cells.rows))))
