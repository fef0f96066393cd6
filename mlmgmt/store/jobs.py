"""Batch jobs on disk: `<jobs of the service>/<id>/job.json`, and beside it a lock that the worker holds while it runs.

The lock is the operating system's, so it is released however the worker ends; the job's state then shows that no worker
has the job. The lock file contains the worker's process id.
"""

from __future__ import annotations

import fcntl
import os
import re
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from mlmgmt.errors import HomeError
from mlmgmt.ids import file_name
from mlmgmt.protocol.states import QUEUED, STATES
from mlmgmt.store import documents, files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlmgmt.ids import ServiceId

_ID = re.compile("[0-9a-f]{32}")


class Job(TypedDict):
    """A batch job. `inputs`, `outputs` and `results` have the account, the container and the path of each port's blob.

    A training that the caller's process has done is recorded as a job with the name of its `data`.
    """

    id: str
    revision: int
    state: str
    createdOn: str
    service: NotRequired[str]
    by: NotRequired[str]
    inputs: NotRequired[dict[str, Mapping[str, str]]]
    outputs: NotRequired[dict[str, Mapping[str, str]]]
    parameters: NotRequired[list[str]]
    queuedOn: NotRequired[str]
    startedOn: NotRequired[str]
    endedOn: NotRequired[str]
    data: NotRequired[str]
    results: NotRequired[dict[str, Mapping[str, str]]]
    nodes: NotRequired[list[dict[str, Any]]]
    details: NotRequired[str]
    warnings: NotRequired[list[str]]


_JOB: documents.Kind[Job] = documents.Kind("a batch job", {"id": str, "state": str, "createdOn": str, "revision": int})


class Jobs:
    """The batch jobs of one home."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, resource: ServiceId, job: str) -> Path:
        return self._folder_of(resource) / file_name(job)

    def _folder_of(self, resource: ServiceId) -> Path:
        return self._root / resource.jobs_folder

    def log(self, resource: ServiceId, job: str) -> Path:
        """Return the file with the worker's output."""
        return self.folder(resource, job) / "worker.log"

    def read(self, resource: ServiceId, job: str) -> Job | None:
        """Return a job; None if there is no job with that id.

        Raises:
            HomeError: `HomeDamaged`.
        """
        if not _ID.fullmatch(job.casefold()):
            return None
        path = self.folder(resource, job) / "job.json"
        body = _JOB.read(path)
        if body is not None and not _is_whole(body, job):
            raise files.damaged(path, "it does not contain a batch job")
        return body

    def write(self, resource: ServiceId, body: Job) -> None:
        documents.write(self.folder(resource, body["id"]) / "job.json", body)

    def of(self, resource: ServiceId) -> Iterator[Job]:
        """Yield the jobs of a web service, oldest first, without damaged ones, which must not hide the others."""
        yield from sorted(self._all(resource)[0], key=lambda body: str(body["createdOn"]))

    def damaged(self, resource: ServiceId) -> list[HomeError]:
        """Return the errors of the jobs that `of` omits."""
        return self._all(resource)[1]

    def _all(self, resource: ServiceId) -> tuple[list[Job], list[HomeError]]:
        bodies: list[Job] = []
        errors: list[HomeError] = []
        for job in files.names(self._folder_of(resource)):
            try:
                if (body := self.read(resource, job)) is not None:
                    bodies.append(body)
            except HomeError as error:
                errors.append(error)
        return bodies, errors

    def take(self, resource: ServiceId, job: str) -> int | None:
        """Take a job's lock and return its descriptor, to pass to the worker and close; None if a worker has it."""
        handle = os.open(self._lock(resource, job), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        os.ftruncate(handle, 0)
        return handle

    def is_worked_on(self, resource: ServiceId, job: str) -> bool:
        """Whether a running worker has the job. This writes nothing, so it works in a read-only home."""
        try:
            handle = os.open(self._lock(resource, job), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def worker(self, resource: ServiceId, job: str) -> int | None:
        """Return the process id that the job's worker wrote when it started."""
        try:
            text = self._lock(resource, job).read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        return int(text) if text.isdecimal() and int(text) > 1 else None

    def _lock(self, resource: ServiceId, job: str) -> Path:
        return self.folder(resource, job) / "worker.lock"


def _is_whole(body: Job, job: str) -> bool:
    places = all(isinstance(body.get(name, {}), dict) for name in ("inputs", "outputs", "results"))
    return places and body["state"] in (*STATES, QUEUED) and body["id"] == job.casefold()
