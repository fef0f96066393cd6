"""Digests of data: of a whole table, and of each of its rows."""

from __future__ import annotations

from hashlib import sha256
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mlmgmt.learning.tables import Cells


def digest(cells: Cells) -> str:
    """Return the SHA-256 of the cells, independent of the file's line ends and quoting."""
    lines = ["\x1f".join(cells.columns)]
    for row in cells.rows:
        try:
            lines.append("\x1f".join(row))
        except TypeError:
            lines.append("\x1f".join("" if value is None else str(value) for value in row))
    return sha256("\x1e".join(lines).encode()).hexdigest()


def row_digests(cells: Cells) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Return a 64-bit digest of each row, independent of the order of the columns."""
    order = sorted(range(len(cells.columns)), key=lambda index: cells.columns[index])
    head = sha256(("\x1f".join(cells.columns[index] for index in order) + "\x1e").encode())
    chosen = itemgetter(*order) if len(order) > 1 else lambda row: (row[order[0]],)
    found = []
    for row in cells.rows:
        values = chosen(row)
        try:
            text = "\x1f".join(values)
        except TypeError:
            text = "\x1f".join(map(str, values))
        sha = head.copy()
        sha.update(text.encode())
        found.append(sha.digest()[:8])
    return np.frombuffer(b"".join(found), dtype="<u8").astype(np.uint64)
