"""Read rows from CSV files and request bodies, and convert them to typed tables."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import pandas as pd

from mlmgmt.counts import count_of
from mlmgmt.definition.document import decode
from mlmgmt.errors import BadRequest
from mlmgmt.learning import conversion
from mlmgmt.learning.conversion import Cells as Cells
from mlmgmt.modules import delimited
from mlmgmt.modules.base import Dataset

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

Specification = dict[str, Any]
"""The description of a table in `properties.input` and `.output`: `properties` maps column names to their types."""

_GOOD_HEADERS: dict[tuple[str, ...], tuple[str, ...]] = {}
"""Headers of requests that were checked before. The same headers come again and again; returning the same tuple lets
callers recognise them by identity.
"""
_MOST_HEADERS, _MOST_NAMES, _LONGEST_HEADER = 256, 1024, 64 * 1024
_MOST_LISTED = 20


def read_file(data: bytes, source: str, suffix: str) -> Cells:
    """Read a file in one of the formats of batch jobs: `.csv`, `.tsv`, `.nh.csv` and `.nh.tsv` (without a header line),
    and `.arff`.

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
    return read_csv(data, source, separator=delimited.separator_of(suffix), header=".nh" not in suffix)


def read_csv(data: bytes, source: str, *, separator: str = ",", header: bool = True) -> Cells:
    """Read a delimited file, with or without a header line.

    Raises:
        BadRequest: `InputParseError`: the file is not text, has no header or rows, names a column twice or not at all,
            or has a line with too many or too few cells.
    """
    if data[:2] == b"PK" or (b"\0" in data[:4096] and data[:2] not in (b"\xff\xfe", b"\xfe\xff")):
        raise BadRequest(
            f"{source} is not a CSV file.", detail="InputParseError", at=source, hint="Export it as CSV first."
        )
    try:
        text = decode(data, largest=len(data)).decode()
    except UnicodeDecodeError as error:
        message = f"{source} is not UTF-8 (byte {error.start})."
        raise BadRequest(message, detail="InputParseError", at=source, hint="Save it as CSV UTF-8.") from None
    except BadRequest:
        raise BadRequest(f"{source} is empty.", detail="InputParseError", at=source) from None
    reader = delimited.reader(text, separator)
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
                    cells = count_of(len(row), "cell")
                    message = f"{source}:{begins}: the line has {cells}, but the {first} has {len(names)}."
                    raise BadRequest(message, detail="InputParseError", at=f"{source}:{begins}")
                rows.append(row)
                lines.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        message = f"{source}:{reader.line_num}: {error}."
        raise BadRequest(message, detail="InputParseError", at=f"{source}:{reader.line_num}") from None
    if not rows:
        raise BadRequest(f"{source} has a header but no rows.", detail="InputParseError", at=source)
    return Cells(tuple(names), rows, source, tuple(lines), headless=not header)


def _check_header(header: Sequence[str], source: str) -> None:
    if not header or all(not name for name in header):
        raise BadRequest(f"{source} has no header line.", detail="InputParseError", at=f"{source}:1")
    seen: set[str] = set()
    for name in header:
        if not name or name in seen:
            what = f"names the column {name!r} twice" if name else "has a column without a name"
            raise BadRequest(f"{source}: the header {what}.", detail="InputParseError", at=f"{source}:1")
        seen.add(name)


def from_request(table: Any, port: str, *, plain: bool = False) -> Cells:
    """Read one input of a request: `{"ColumnNames", "Values"}`, or a list of objects.

    Args:
        plain: no cell is known to be an object or a list.

    Raises:
        BadRequest: `InputParseError`: neither form, or a cell is an object or a list. `TableSchemaColumnCountMismatch`:
            rows of different widths.
    """
    columns, rows = _columns_and_values(table) if isinstance(table, dict) else (None, None)
    lacking = None
    if isinstance(columns, list) and isinstance(rows, list):
        pass
    elif isinstance(table, list) and all(isinstance(row, dict) for row in table):
        columns = list(dict.fromkeys(str(name) for row in table for name in row))
        rows = [[row.get(name) for name in columns] for row in table]
        if any(len(row) < len(columns) for row in table):
            lacking = _first_lacking(columns, table)
    else:
        message = f"The input {port!r} is neither a table (ColumnNames, Values) nor a list of objects."
        raise BadRequest(message, detail="InputParseError", at=port)
    names = _header(columns, port)
    width = len(names)
    for index, row in enumerate(rows):
        if row.__class__ is not list or len(row) != width:
            message = f"Row {index + 1} of the input {port!r} must have {count_of(width, 'cell')}."
            raise BadRequest(message, detail="TableSchemaColumnCountMismatch", at=port)
    if not plain:
        _refuse_nested(names, rows, port)
    return Cells(names, rows, port, lacking=lacking)


def _first_lacking(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return the columns that some row lacks, with the first such row."""
    firsts = ((name, next((place for place, row in enumerate(rows) if name not in row), None)) for name in columns)
    return {name: place for name, place in firsts if place is not None}


def _columns_and_values(table: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the column names and the rows of a table, whatever the letter case of these two members."""
    if "ColumnNames" in table and "Values" in table:
        return table["ColumnNames"], table["Values"]
    folded = {str(name).casefold(): value for name, value in table.items()}
    return folded.get("columnnames"), folded.get("values")


def _refuse_nested(names: Sequence[str], rows: Sequence[Sequence[Any]], port: str) -> None:
    for place, row in enumerate(rows, start=1):
        for name, cell in zip(names, row, strict=True):
            if isinstance(cell, (dict, list)):
                what = "an object" if isinstance(cell, dict) else "a list"
                message = f"Row {place} of the input {port!r} has {what} in the column {name!r}; a cell is one value."
                raise BadRequest(message, detail="InputParseError", at=port)


def _header(columns: list[Any], port: str) -> tuple[str, ...]:
    try:
        names = tuple(columns)
        if (known := _GOOD_HEADERS.get(names)) is not None:
            return known
    except TypeError:
        pass  # A name is a list or an object; as text it matches no declared name.
    names = tuple(map(str, columns))
    if names:
        _check_header(names, port)
        fits = len(names) <= _MOST_NAMES and sum(map(len, names)) <= _LONGEST_HEADER
        if fits and len(_GOOD_HEADERS) < _MOST_HEADERS:
            _GOOD_HEADERS[names] = names
    return names


def from_rows(rows: Sequence[Sequence[Any]], specification: Specification, port: str) -> Cells:
    """Read the rows of an example request, whose cells are in the order of the declared columns.

    Raises:
        BadRequest: `TableSchemaColumnCountMismatch`.
    """
    columns = list(specification.get("properties", {}))
    return from_request({"ColumnNames": columns, "Values": [list(row) for row in rows]}, port)


def to_dataset(
    cells: Cells, specification: Specification | None, *, spare: Collection[str] = ()
) -> tuple[Dataset, list[str]]:
    """Return a dataset with the declared types, or with types inferred from the cells; and notes about its columns.

    A column that is declared nullable may be absent; its cells are then missing. Callers omit the label like this.

    Args:
        spare: columns that may be absent without a note.

    Raises:
        BadRequest: `InputMismatchError`: columns are absent; `InputParseError`: a cell does not have its column's type.
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
    """Return the index of each declared column in the cells, and notes about columns that are in only one of the two.

    Raises:
        BadRequest: `InputMismatchError`: columns that are not nullable are absent.
    """
    if not cells.columns and not cells.rows:
        # An empty list of objects names no columns.
        return {}, []
    found = _find_places(cells, declared)
    if cells.lacking:
        _refuse_lacking(cells, found, declared)
    absent = [name for name in declared if name not in found and name not in spare]
    used = set(found.values())
    unused = [name for index, name in enumerate(cells.columns) if index not in used]
    notes = []
    if unused:
        what = "column" if len(unused) == 1 else "columns"
        notes.append(f"{cells.source}: the service does not read the {what} {_list_names(map(repr, unused))}.")
    if absent:
        what, whose = ("column", "its") if len(absent) == 1 else ("columns", "their")
        names = _list_names(map(repr, absent))
        notes.append(f"{cells.source} has no {what} {names}; {whose} values are read as missing.")
    return found, notes


def _refuse_lacking(cells: Cells, found: Mapping[str, int], declared: Mapping[str, Any]) -> None:
    """Refuse a row that lacks a column which must have a value, as where its name is misspelt."""
    assert cells.lacking is not None
    for name, place in found.items():
        row = cells.lacking.get(cells.columns[place])
        if row is not None and not declared[name].get("x-ms-isnullable"):
            strange = [column for index, column in enumerate(cells.columns) if index not in found.values()]
            message = f"{cells.where(row)} lacks the column {name!r}."
            hint = f"The service does not read {_list_names(map(repr, strange))}." if strange else None
            raise BadRequest(message, detail="InputMismatchError", at=cells.source, hint=hint)


def _list_names(names: Iterable[str]) -> str:
    """List names for a message, but not all of a million."""
    listed = list(names)
    more = f" and {len(listed) - _MOST_LISTED:,} more" if len(listed) > _MOST_LISTED else ""
    return ", ".join(listed[:_MOST_LISTED]) + more


def _find_places(cells: Cells, declared: Mapping[str, Any]) -> dict[str, int]:
    """Return the index of each declared column, by its exact name, or else by a unique name that differs only in letter
    case or in its Unicode form.
    """
    exact = {name: index for index, name in enumerate(cells.columns)}
    loose: dict[str, list[int]] = {}
    for name, index in exact.items():
        loose.setdefault(_folded(name), []).append(index)
    found: dict[str, int] = {}
    missing = []
    for name, column in declared.items():
        if name in exact:
            found[name] = exact[name]
        elif len(alike := loose.get(_folded(name), [])) == 1:
            found[name] = alike[0]
        elif not column.get("x-ms-isnullable"):
            missing.append(name)
    missing = missing or ([] if found else list(declared))
    if missing:
        message = f"{cells.source} lacks the column{'s' if len(missing) > 1 else ''} {_list_names(map(repr, missing))}."
        hint = f"It has: {_list_names(cells.columns)}."
        raise BadRequest(message, detail="InputMismatchError", at=cells.source, hint=hint)
    return found


def _folded(name: str) -> str:
    return name.casefold() if name.isascii() else normalize("NFC", normalize("NFC", name).casefold())


def infer_dataset(cells: Cells) -> Dataset:
    """Return a dataset with the narrowest column types that fit every cell."""
    columns = {}
    for index, name in enumerate(cells.columns):
        values = [row[index] for row in cells.rows]
        columns[name] = conversion.column(values, conversion.infer(values), name, cells)
    return Dataset(pd.DataFrame(columns, index=pd.RangeIndex(len(cells.rows))))
