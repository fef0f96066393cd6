"""Files that are complete or absent: written under another name, flushed, and renamed into place."""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex
from typing import Any

import orjson

from mlmgmt.errors import HomeError

PRIVATE = 0o600
"""The mode of a file that only its owner can read."""


def write(path: Path, data: bytes, *, durable: bool = True, mode: int = 0o644, stage: Path | None = None) -> None:
    """Replace a file's content in one step; readers see the old content or the new, never a part.

    Args:
        durable: survive a power cut: flush the bytes and the rename before returning.
        mode: the permissions of the file, which the umask may narrow; `PRIVATE` is for the owner only.
        stage: the folder to write in before the rename, on the same file system; the file's folder when None.

    Raises:
        OSError: the disk is full, or the folder cannot be written; the old content stays and nothing is left behind.
    """
    # Random, because process ids repeat; in containers they are often the same.
    beside = f"{stage or path.parent}/.mlmgmt-{token_hex(8)}.tmp"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    if durable:
        flush_folder(path.parent)


class Upload:
    """A file that is written in pieces, under another name until it is complete; see `write`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beside = path.parent / f".mlmgmt-{token_hex(8)}.tmp"
        self._handle = os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)

    def add(self, data: bytes) -> None:
        """Write the next piece."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._handle, view) :]

    def finish(self, *, replace: bool = True) -> bool:
        """Flush the file and give it its name; without `replace`, only if no file has that name.

        Returns:
            whether the file got its name.
        """
        os.fsync(self._handle)
        self._close()
        if replace:
            os.replace(self._beside, self._path)
        else:
            try:
                os.link(self._beside, self._path)
            except FileExistsError:
                return False
            finally:
                self._beside.unlink(missing_ok=True)
        flush_folder(self._path.parent)
        return True

    def state(self) -> os.stat_result:
        """Return the status of the written file; only before it is finished."""
        return os.fstat(self._handle)

    def abandon(self) -> None:
        """Remove the unfinished file; a finished one stays."""
        self._close()
        self._beside.unlink(missing_ok=True)

    def _close(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def flush_folder(folder: Path) -> None:
    """Flush a folder, so that the names in it survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append(path: Path, line: bytes) -> None:
    """Add a line to a log in one write, so that lines of several processes never mix."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        os.write(handle, line)
    finally:
        os.close(handle)


def names(folder: Path | str) -> list[str]:
    """Return the names in a folder, sorted; none if there is no such folder."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_json(path: Path | str) -> dict[str, Any] | None:
    """Return the JSON object in a file; None if there is no such file, or it does not contain an object."""
    try:
        with open(path, "rb", buffering=0) as file:
            value = orjson.loads(file.read())
    except (FileNotFoundError, NotADirectoryError, orjson.JSONDecodeError):
        return None
    return value if isinstance(value, dict) else None


def read_whole(path: Path | str, why: str) -> dict[str, Any] | None:
    """Return the JSON object in a file; None if there is no such file.

    Raises:
        HomeError: `HomeDamaged`, with `why`: the file does not contain an object.
    """
    body = read_json(path)
    # Read it twice, since a writer may rename it into place just after the first attempt.
    if body is None and os.path.exists(path) and (body := read_json(path)) is None:
        raise damaged(path, why)
    return body


def damaged(path: str | Path, why: str) -> HomeError:
    """Return the error for a file of the home that does not have the content that mlmgmt writes."""
    message = f"A file of the home is damaged: {why}."
    hint = "Restore the file from a backup or from version control."
    return HomeError(message, detail="HomeDamaged", at=str(path), hint=hint)


def make_private(folder: Path) -> None:
    """Create a folder and its missing parents, for the owner only."""
    make_folder(folder, mode=0o700)


def make_folder(folder: Path, *, mode: int = 0o777) -> None:
    """Create a folder and its missing parents, and flush each parent."""
    for missing in reversed([part for part in (folder, *folder.parents) if not part.exists()]):
        missing.mkdir(mode=mode, exist_ok=True)
        flush_folder(missing.parent)


def clear_leftovers(folder: Path) -> None:
    """Remove the temporary files of interrupted writes. Call it only while holding the folder's lock."""
    for name in os.listdir(folder):
        if name.startswith(".") and name.endswith(".tmp"):
            os.unlink(folder / name)
