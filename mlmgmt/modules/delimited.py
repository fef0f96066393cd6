"""Delimited text: CSV, and TSV with its tabs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from _csv import Reader
    from collections.abc import Sequence
    from typing import TextIO

    import pandas as pd


def separator_of(name: str) -> str:
    """Return the separator in a file, by the ending of its name."""
    return "\t" if name.casefold().endswith(".tsv") else ","


def reader(text: str | TextIO, separator: str = ",", *, strict: bool = True) -> Reader:
    """Return an iterator over the rows, whose `line_num` is the last line read. An open file needs `newline=""`.

    Args:
        strict: raise `csv.Error` for wrong quotation marks, which are otherwise part of their cells.
    """
    lines = io.StringIO(text, newline="") if isinstance(text, str) else text
    return csv.reader(lines, delimiter=separator, strict=strict)


def from_rows(rows: Sequence[Sequence[Any]]) -> bytes:
    """Return rows as CSV."""

    def text(quoting: Literal[0, 1]) -> str:
        file = io.StringIO()
        csv.writer(file, lineterminator="\n", quoting=quoting).writerows(rows)
        return file.getvalue()

    found = text(csv.QUOTE_MINIMAL)
    # Readers take a carriage return for the end of a line unless it is quoted, and `csv` does not quote it.
    return (text(csv.QUOTE_ALL) if "\r" in found else found).encode("utf-8", "replace")


def from_frame(frame: pd.DataFrame, separator: str = ",", *, header: bool = True) -> bytes:
    """Return a table as delimited text."""

    def text(quoting: Literal[0, 2]) -> str:
        return frame.to_csv(index=False, sep=separator, header=header, lineterminator="\n", quoting=quoting)

    found = text(csv.QUOTE_MINIMAL)
    # As in `from_rows`; numbers stay without quotation marks, which would make them text.
    return (text(csv.QUOTE_NONNUMERIC) if "\r" in found else found).encode("utf-8", "replace")
