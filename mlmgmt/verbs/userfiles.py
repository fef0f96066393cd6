"""Files that the user names: read and written as a whole, never overwritten without consent."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from mlmgmt.definition.document import LARGEST
from mlmgmt.errors import BadRequest, Conflict, NotFound, TooLarge
from mlmgmt.store import files

LARGEST_TABLE = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a file or of standard input, and their name in messages."""

    name: str
    data: bytes


def read(path: str, *, largest: int = LARGEST) -> Source:
    """Return the content of a file.

    Raises:
        NotFound: `FileNotFound`.
        BadRequest: `NotAFile`, `AccessDenied`.
        TooLarge: more than `largest` bytes.
    """
    name = Path(path).name or path
    try:
        with open(path, "rb") as file:
            if stat.S_ISDIR(os.fstat(file.fileno()).st_mode):
                raise IsADirectoryError(path)
            data = file.read(largest + 1)
    except FileNotFoundError:
        raise NotFound(f"File not found: {path}.", detail="FileNotFound", target=path) from None
    except IsADirectoryError:
        raise BadRequest(f"{path} is a folder; give a file.", detail="NotAFile", target=path) from None
    except PermissionError:
        raise BadRequest(f"{path} cannot be read: permission denied.", detail="AccessDenied", target=path) from None
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path!r} cannot be read: {error}.", detail="NotAFile", target=path) from None
    if len(data) > largest:
        raise TooLarge(f"{path} is larger than {largest:,} bytes.", detail="DocumentTooLarge", target=path)
    return Source(name, data)


def refuse_overwriting(path: str, *, overwrite: bool) -> None:
    """Refuse to overwrite an existing file.

    Raises:
        Conflict: `FileExists`, unless `overwrite`.
    """
    if not overwrite and Path(path).exists():
        message = f"The file {path} already exists."
        raise Conflict(message, detail="FileExists", target=path, hint="Use -Force to overwrite it.")


def require_writable(path: str) -> None:
    """Refuse early what `write` would refuse only after the work is done.

    Raises:
        BadRequest: `AccessDenied`: its folder is not writable.
    """
    if not os.access(Path(path).resolve().parent, os.W_OK):
        raise BadRequest(f"{path} cannot be written: permission denied.", detail="AccessDenied", target=path)


def write(path: str, data: bytes, *, overwrite: bool, private: bool = False) -> None:
    """Write a file as a whole; a failure leaves the old content.

    Args:
        private: only its owner may read it.

    Raises:
        Conflict: `FileExists`, unless `overwrite`.
        BadRequest: `AccessDenied`, `NotAFile`.
        NotFound: `FolderNotFound`.
        OSError: the disk is full.
    """
    refuse_overwriting(path, overwrite=overwrite)
    goal = Path(path)
    if goal.is_dir():
        raise BadRequest(f"{path} is a folder; give a file.", detail="NotAFile", target=path)
    if not goal.parent.is_dir():
        raise NotFound(f"Folder not found: {goal.parent}.", detail="FolderNotFound", target=path)
    # A pipe or a device such as /dev/stdout cannot be replaced by a file; write into it.
    if goal.exists() and not goal.is_file():
        goal.write_bytes(data)
        return
    goal = goal.resolve()
    mode = goal.stat().st_mode & 0o777 if goal.exists() else 0o666
    if private:
        mode = files.PRIVATE
    try:
        files.write(goal, data, mode=mode)
    except PermissionError:
        raise BadRequest(f"{path} cannot be written: permission denied.", detail="AccessDenied", target=path) from None
