"""The files of a service's revisions: `<service>/revisions/000001.json`, each written once.

`folder` is the folder of the service.
"""

from __future__ import annotations

import os
from typing import Any

import orjson

from mlmgmt.store import files

REVISIONS = "revisions"


def path(folder: str, number: int) -> str:
    """Return the path of a revision, which may not exist yet."""
    return f"{folder}/{REVISIONS}/{number:06}.json"


def numbers(folder: str) -> list[int]:
    """Return the numbers of a service's revisions, unsorted."""
    names = files.names(f"{folder}/{REVISIONS}")
    return [int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdigit()]


def read(folder: str, number: int) -> dict[str, Any] | None:
    """Return the content of a revision file; None if it does not exist.

    Raises:
        HomeError: `HomeDamaged`: it is not a complete revision with that number.
    """
    file = path(folder, number)
    body = read_or_none(file)
    # Read it twice, since a writer may rename it into place just after the first attempt.
    if body is None and os.path.exists(file) and (body := read_or_none(file)) is None:
        raise files.damaged(file, "it does not contain a revision")
    if body is not None and body["revision"] != number:
        raise files.damaged(file, f"it contains revision {body['revision']}")
    return body


def read_or_none(file: str) -> dict[str, Any] | None:
    """Return the content of a revision file; None if it is missing or incomplete."""
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
