"""Locks for one writer at a time. They are the operating system's, so a writer that dies releases its lock."""

from __future__ import annotations

import os
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

from mlmgmt.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 30.0
"""The seconds that a writer waits for another."""


@contextmanager
def hold(root: Path, name: str, *, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock `name` of the home at `root`; readers need no lock.

    Raises:
        Conflict: `ResourceLocked`: another writer held it for more than `patience` seconds.
    """
    import filelock

    folder = f"{root}/locks"
    if not os.path.isdir(folder):
        os.makedirs(folder, exist_ok=True)
    path = f"{folder}/{sha256(name.casefold().encode()).hexdigest()[:32]}.lock"
    lock = filelock.FileLock(path, timeout=patience, poll_interval=0.005)
    try:
        lock.acquire()
    except filelock.Timeout:
        message = f"Another command has been writing {name} for more than {patience:g} s."
        raise Conflict(
            message, detail="ResourceLocked", target=name, hint="Wait for that command or end it, then try again."
        ) from None
    try:
        yield
    finally:
        lock.release()
