"""Batch jobs on disk: `jobs/<group>/<service>/<id>/job.json`, and a lock beside it that its worker holds for life.

The lock is the operating system's: a worker that dies, however it dies, lets go of it, and whoever asks for the job's
state then sees that nobody works on it.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt.ids import file_name
from mlmgmt.store import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmgmt.ids import ResourceId

_WRITING = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


class Jobs:
    """The batch jobs of one home."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, resource: ResourceId, job: str) -> Path:
        return self._folder_of(resource) / file_name(job)

    def _folder_of(self, resource: ResourceId) -> Path:
        return self._root / "jobs" / file_name(resource.group) / file_name(resource.name)

    def log(self, resource: ResourceId, job: str) -> Path:
        """The file that takes what its worker writes."""
        return self.folder(resource, job) / "worker.log"

    def read(self, resource: ResourceId, job: str) -> dict[str, Any] | None:
        path = self.folder(resource, job) / "job.json"
        body = files.read_json(path)
        if body is None and path.exists():
            raise files.damaged(path, "it holds no job")
        return body

    def write(self, resource: ResourceId, body: dict[str, Any]) -> None:
        folder = self.folder(resource, body["id"])
        files.make_folder(folder)
        files.write(folder / "job.json", orjson.dumps(body, option=_WRITING))

    def of(self, resource: ResourceId) -> Iterator[dict[str, Any]]:
        """The jobs of a web service, oldest first."""
        folder = self._folder_of(resource)
        names = sorted(os.listdir(folder)) if folder.is_dir() else []
        bodies = [body for name in names if (body := self.read(resource, name)) is not None]
        yield from sorted(bodies, key=lambda body: str(body.get("createdOn")))

    def take(self, resource: ResourceId, job: str) -> int | None:
        """Take a job's lock: a descriptor to hand on to the worker and close; None when a worker has it."""
        handle = os.open(self.folder(resource, job) / "worker.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return handle

    def is_worked_on(self, resource: ResourceId, job: str) -> bool:
        """Whether a worker lives that has the job."""
        handle = self.take(resource, job)
        if handle is None:
            return True
        os.close(handle)
        return False
