"""Digests of data: of a whole table, and of each row."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mlmgmt.learning.tables import Cells


def digest(cells: Cells) -> str:
    """SHA-256 of the cells, whatever the file's line ends and quoting were."""
    sha = sha256()
    sha.update("\x1f".join(cells.columns).encode())
    for row in cells.rows:
        sha.update(b"\x1e")
        sha.update("\x1f".join("" if value is None else str(value) for value in row).encode())
    return sha.hexdigest()


def row_digests(cells: Cells) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """A 64-bit digest of each row, whatever the order of its columns."""
    order = sorted(range(len(cells.columns)), key=lambda index: cells.columns[index])
    names = "\x1f".join(cells.columns[index] for index in order)
    texts = (names + "\x1e" + "\x1f".join(str(row[index]) for index in order) for row in cells.rows)
    return np.array([int.from_bytes(sha256(text.encode()).digest()[:8], "little") for text in texts], dtype=np.uint64)
