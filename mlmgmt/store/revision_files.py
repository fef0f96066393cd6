"""The files of a service's revisions: `<service>/revisions/000001.json`, each written once and read whole.

`folder` is the service's own.
"""

from __future__ import annotations

import os
from typing import Any

import orjson

from mlmgmt.store import files

REVISIONS = "revisions"


def path(folder: str, number: int) -> str:
    """Where the revision of a number is, or will be."""
    return f"{folder}/{REVISIONS}/{number:06}.json"


def numbers(folder: str) -> list[int]:
    """The numbers of the revisions of a service, in no order."""
    try:
        names = os.listdir(f"{folder}/{REVISIONS}")
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdigit()]


def read(folder: str, number: int) -> dict[str, Any] | None:
    """A revision file; None when there is none.

    Raises:
        HomeError: `HomeDamaged`: it is there, and is not the whole revision of that number.
    """
    file = path(folder, number)
    body = read_or_none(file)
    # Looked at twice, since a writer may have renamed it into place just after the first look.
    if body is None and os.path.exists(file) and (body := read_or_none(file)) is None:
        raise files.damaged(file, "it holds no revision")
    if body is not None and body["revision"] != number:
        raise files.damaged(file, f"it says it is revision {body['revision']}")
    return body


def read_or_none(file: str) -> dict[str, Any] | None:
    """What a file holds of a revision; None where it is missing, or is not whole."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        data = os.read(handle, os.fstat(handle).st_size + 1)
    finally:
        os.close(handle)
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) and isinstance(body.get("revision"), int) else None
