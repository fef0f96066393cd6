"""One writer at a time. The lock is the operating system's, so a writer that dies lets go of it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

from mlmgmt.errors import Conflict, Detail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 30.0
"""Seconds that a writer waits for another."""


@contextmanager
def hold(root: Path, name: str, *, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock called `name` of the home at `root`; readers need none.

    Raises:
        Conflict: `ResourceLocked`: another writer kept it longer than `patience` seconds.
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
        message = f"Another command has been writing {name} for more than {patience:.0f} seconds."
        raise Conflict(
            message,
            target=name,
            details=[Detail("ResourceLocked", message)],
            hint="Wait for it, or end it, and try again.",
        ) from None
    try:
        yield
    finally:
        lock.release()
