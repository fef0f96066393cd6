"""Files that are whole or not there: written beside, made durable, and renamed into place."""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex
from typing import Any

import orjson

from mlmgmt.errors import Detail, HomeError

PRIVATE = 0o600
"""The mode of a file for the owner alone."""


def write(path: Path, data: bytes, *, durable: bool = True, mode: int = 0o644, stage: Path | None = None) -> None:
    """Replace a file's content in one step; readers see the old content or the new, never a part.

    Args:
        durable: survive a power cut: the bytes and the rename are flushed before this returns.
        mode: the permissions of the file, which the umask may narrow; `PRIVATE` is for the owner alone.
        stage: the folder to write in before the rename, on the same file system; the file's own when None.

    Raises:
        OSError: the disk is full, or the folder cannot be written; the old content stands, nothing is left behind.
    """
    # Random, because a process id comes again, in a container at once.
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
    """A file that comes in pieces, beside its goal until it is whole; see `write`."""

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
        """Make it durable and give it its name; without `replace`, only where no file has that name yet.

        Returns:
            whether the file is there now.
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
        """The state of the file, which is its own and not that of whatever has its name; before it is finished."""
        return os.fstat(self._handle)

    def abandon(self) -> None:
        """Leave nothing behind; what is finished stays."""
        self._close()
        self._beside.unlink(missing_ok=True)

    def _close(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
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


def read_json(path: Path | str) -> dict[str, Any] | None:
    """The object that a file of this program holds; None when there is no such file, or it is not whole."""
    try:
        with open(path, "rb", buffering=0) as file:
            value = orjson.loads(file.read())
    except (FileNotFoundError, NotADirectoryError, orjson.JSONDecodeError):
        return None
    return value if isinstance(value, dict) else None


def read_whole(path: Path | str, why: str) -> dict[str, Any] | None:
    """The object that a file of this program holds; None when there is no such file.

    Raises:
        HomeError: `HomeDamaged`, with `why`: the file holds no object.
    """
    body = read_json(path)
    # Looked at twice, since a writer may have renamed it into place just after the first look.
    if body is None and os.path.exists(path) and (body := read_json(path)) is None:
        raise damaged(path, why)
    return body


def damaged(path: str | Path, why: str) -> HomeError:
    """The refusal to go on with a file of the home that is not as it was written."""
    message = f"A file of the home is damaged: {why}."
    hint = "Bring it back from a copy, or from version control."
    return HomeError(message, target=str(path), details=[Detail("HomeDamaged", message, str(path))], hint=hint)


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for the owner alone."""
    make_folder(folder, mode=0o700)


def make_folder(folder: Path, *, mode: int = 0o777) -> None:
    """Make a folder and those above it that are missing, each entry durable in the one above."""
    for missing in reversed([part for part in (folder, *folder.parents) if not part.exists()]):
        missing.mkdir(mode=mode, exist_ok=True)
        flush_folder(missing.parent)


def clear_leftovers(folder: Path) -> None:
    """Remove what an interrupted write left beside its goal; call it only while holding the folder's lock."""
    for name in os.listdir(folder):
        if name.startswith(".") and name.endswith(".tmp"):
            os.unlink(folder / name)
