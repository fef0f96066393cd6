"""The data of many models: a folder with one table for each key, or one table with a key column."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from mlmgmt.counts import count_of
from mlmgmt.errors import BadRequest, NotFound
from mlmgmt.modules import delimited
from mlmgmt.verbs import userfiles

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIX = ".csv"
_MOST_BUFFERED = 200_000
"""Cells to keep in memory while a table is split by its key column."""
_LARGEST_CELL = 2**27


@dataclass(frozen=True, slots=True)
class Table:
    """One key's table, not read yet."""

    key: str
    path: Path

    def read(self) -> bytes:
        """Return the bytes of the file.

        Raises:
            MlmgmtError: as `userfiles.read`.
        """
        return userfiles.read(str(self.path), largest=userfiles.LARGEST_TABLE).data


def digest(data: bytes) -> str:
    """Return a digest that shows whether a key's data has changed."""
    return sha256(data).hexdigest()


@contextmanager
def tables(data: str, key_column: str | None) -> Iterator[list[Table]]:
    """Yield the tables of a folder, or those of a file split by its key column, sorted by key.

    A file is split into a temporary folder, so the memory needed does not grow with the data.

    Raises:
        NotFound: `FileNotFound`; `NoData`: the folder has no CSV file.
        BadRequest: `KeyColumnNeeded`, `KeyColumnNotNeeded`, `DuplicateKey`; `InputParseError`: the file is not a table,
            or lacks the column.
    """
    path = Path(data)
    if path.is_dir():
        if key_column is not None:
            message = f"-KeyColumn cannot be used with a folder: each file in {data} is one key."
            raise BadRequest(message, detail="KeyColumnNotNeeded", target="KeyColumn")
        found = sorted((Table(file.stem, file) for file in path.iterdir() if _is_table(file)), key=lambda t: t.key)
        if not found:
            raise NotFound(f"The folder {data} has no CSV file.", detail="NoData", target="Data")
        _refuse_duplicate_keys(found, data)
        yield found
        return
    if not path.is_file():
        raise NotFound(f"{data} does not exist.", detail="FileNotFound", target=data)
    if key_column is None:
        message = f"-KeyColumn is missing: {data} is one file, so one of its columns must hold the key."
        hint = "Use --key-column COLUMN, or a folder with one CSV file for each key."
        raise BadRequest(message, detail="KeyColumnNeeded", target="KeyColumn", hint=hint)
    with TemporaryDirectory(prefix="mlmgmt-") as folder:
        yield _split_by_key(path, key_column, Path(folder))


def _refuse_duplicate_keys(found: list[Table], folder: str) -> None:
    twins = next((table for table, other in pairwise(found) if table.key == other.key), None)
    if twins is not None:
        message = f"The folder {folder} has two files for the key {twins.key!r}."
        raise BadRequest(message, detail="DuplicateKey", target="Data")


def _is_table(path: Path) -> bool:
    return path.suffix.casefold() == _SUFFIX and path.is_file() and not path.name.startswith(".")


def _split_by_key(path: Path, column: str, folder: Path) -> list[Table]:
    """Write a table for each key into a folder, without the key column and with the rows in their order."""
    files: dict[str, Path] = {}
    waiting: dict[str, list[list[str]]] = {}
    count = 0
    csv.field_size_limit(_LARGEST_CELL)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            header, place, rows = _header(file, path.name, column)
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header) + 1:
                    cells = count_of(len(row), "cell")
                    _refuse(path.name, f"line {rows.line_num} has {cells}, but the header has {len(header) + 1}")
                key = row.pop(place).strip()
                if key not in files:
                    files[key] = folder / f"{len(files)}{_SUFFIX}"
                    _append(files[key], [header])
                waiting.setdefault(key, []).append(row)
                count += len(row)
                if count > _MOST_BUFFERED:
                    _flush(waiting, files)
                    count = 0
    except UnicodeDecodeError as error:
        _refuse(path.name, f"it is not UTF-8 (byte {error.start})")
    except csv.Error as error:
        _refuse(path.name, str(error))
    _flush(waiting, files)
    if not files:
        _refuse(path.name, "it has no rows")
    return [Table(key, files[key]) for key in sorted(files)]


def _header(file: TextIO, name: str, column: str) -> tuple[list[str], int, Any]:
    rows = delimited.reader(file)
    header = next(rows, [])
    folded = [cell.strip().casefold() for cell in header]
    if folded.count(column.strip().casefold()) != 1:
        _refuse(name, f"it must have exactly one column {column!r}; it has {', '.join(map(repr, header[:20]))}")
    place = folded.index(column.strip().casefold())
    return header[:place] + header[place + 1 :], place, rows


def _flush(waiting: dict[str, list[list[str]]], files: dict[str, Path]) -> None:
    for key, rows in waiting.items():
        _append(files[key], rows)
    waiting.clear()


def _append(path: Path, rows: list[list[str]]) -> None:
    with open(path, "ab") as file:
        file.write(delimited.from_rows(rows))


def _refuse(name: str, why: str) -> NoReturn:
    raise BadRequest(f"{name} cannot be split by key: {why}.", detail="InputParseError", target=name)
