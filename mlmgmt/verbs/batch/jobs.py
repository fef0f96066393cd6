"""Batch jobs: submit, start, wait for and cancel them. Each job runs in a separate process."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from mlmgmt.errors import BadRequest, NotFound
from mlmgmt.ids import ResourceId
from mlmgmt.protocol.states import CANCELLED, ENDED, FAILED, FINISHED, NOT_STARTED, QUEUED, RUNNING
from mlmgmt.verbs.batch import requests, workers
from mlmgmt.verbs.runs import execution
from mlmgmt.verbs.services import addresses
from mlmgmt.verbs.session import stamp
from mlmgmt.verbs.storage import references

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from typing import Unpack

    from mlmgmt.ids import ServiceId
    from mlmgmt.store.blobs import Blob
    from mlmgmt.store.jobs import Job
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.services.addresses import Address
    from mlmgmt.verbs.session import Session

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_PATIENCE_OF_WORKERS = 600.0


class JobStatus(TypedDict):
    """The status of a job. `Results` has the location of each output's blob, `Files` their copies on this machine."""

    StatusCode: str
    Results: dict[str, dict[str, Any]] | None
    Details: str | None
    JobId: str
    Queued: bool
    Revision: int | None
    CreatedAt: str
    StartTime: str | None
    EndTime: str | None
    Nodes: list[dict[str, Any]] | None
    Warnings: list[str] | None
    Service: str
    Files: NotRequired[list[str]]


def submit(
    session: Session,
    *,
    request: Mapping[str, Any],
    files: Mapping[Blob, bytes] | None = None,
    **address: Unpack[Address],
) -> str:
    """Check a job document completely, and submit it. The job does not start yet.

    Args:
        request: `Inputs`, `Outputs`, `GlobalParameters`; see `requests.read`.
        files: blobs to write once the document is known to be valid.

    Returns:
        the id of the job.

    Raises:
        NotFound: the service.
        BadRequest: the document is not valid, with the service's codes.
    """
    current = addresses.existing(session, **address)
    session.require("Microsoft.MachineLearning/webServices/jobs/write", current.resource)
    checked = requests.read(session, current.document, request, coming=files or {})
    for blob, data in (files or {}).items():
        session.store.blobs.write(blob, data)
    job = uuid.uuid4().hex
    body: Job = {
        "id": job,
        "service": str(current.resource),
        "revision": current.number,
        "state": NOT_STARTED,
        "by": session.caller,
        "createdOn": stamp(session.clock()),
        "inputs": {port: references.to_document(blob) for port, blob in checked.inputs.items()},
        "outputs": {port: references.to_document(blob) for port, blob in checked.outputs.items()},
        "parameters": sorted(checked.parameters),
    }
    if checked.parameters:
        session.store.secrets.keep_job(job, checked.parameters)
    try:
        session.store.jobs.write(current.resource, body)
    except OSError:
        session.store.secrets.forget_job(job)
        raise
    return job


def start(session: Session, *, job: str, **address: Unpack[Address]) -> JobStatus:
    """Start a submitted job in a process that outlives this one.

    Raises:
        NotFound: `JobNotFound`.
        BadRequest: `InvalidOperation`, `CannotStartJob`: it was already started or cancelled.
    """
    resource = addresses.existing(session, **address).resource
    session.require("Microsoft.MachineLearning/webServices/jobs/write", resource)
    with workers.lock_jobs(session, resource):
        body = _existing(session, resource, job)
        if body["state"] != NOT_STARTED:
            message = f"The job cannot be started: it is {body['state']}."
            raise BadRequest(message, detail="CannotStartJob", at=job, code="InvalidOperation")
        workers.change(session, resource, body, state=QUEUED, queuedOn=stamp(session.clock()))
        workers.take_up(session, resource)
    return job_status(session, resource, _existing(session, resource, job))


def record(
    session: Session,
    current: Revision,
    data: str,
    results: Mapping[str, Blob],
    nodes: list[dict[str, Any]],
    *,
    started: datetime | None = None,
) -> str:
    """Record a training that this process has done as a finished job of the training service. Return the job's id.

    Args:
        data: the name of the training data.
        started: when the training began; default: now.
    """
    ended = session.clock()
    began = stamp(started or ended)
    body: Job = {
        "id": uuid.uuid4().hex,
        "service": str(current.resource),
        "revision": current.number,
        "state": FINISHED,
        "by": session.caller,
        "createdOn": began,
        "startedOn": began,
        "endedOn": stamp(ended),
        "data": data,
        "inputs": {},
        "outputs": {},
        "parameters": [],
        "results": {port: references.to_document(blob) for port, blob in results.items()},
        "nodes": nodes,
    }
    session.store.jobs.write(current.resource, body)
    return body["id"]


def finish(
    session: Session,
    resource: ServiceId,
    job: str,
    *,
    keep: Callable[[], Mapping[str, Blob]] | None = None,
    **changes: Any,
) -> None:
    """Record how a job ended, unless it was cancelled in the meantime. Then start queued jobs.

    Args:
        keep: writes the results and returns where they are; it is not called for a cancelled job.
    """
    with workers.lock_jobs(session, resource, patience=_PATIENCE_OF_WORKERS):
        body = _existing(session, resource, job)
        if body["state"] == RUNNING:
            if keep is not None:
                changes["results"] = {port: references.to_document(blob) for port, blob in keep().items()}
            # First, so that a job that is seen to have ended has no secrets left.
            session.store.secrets.forget_job(job)
            workers.change(session, resource, body, endedOn=stamp(session.clock()), **changes)
        workers.take_up(session, resource)


def _existing(session: Session, resource: ServiceId, job: str) -> Job:
    body = session.store.jobs.read(resource, job)
    if body is None:
        known = [other["id"] for other in session.store.jobs.of(resource)][-3:]
        hint = f"Its last jobs: {', '.join(known)}." if known else "Submit one: mlmgmt batch submit"
        raise NotFound(f"{resource.name!r} has no job {job!r}.", detail="JobNotFound", at=job, hint=hint)
    return body


def _service_with_jobs(session: Session, **address: Unpack[Address]) -> ServiceId:
    """Return the id of a web service, which may have been removed if it left jobs behind."""
    resource = addresses.identity(session, **address)
    found = session.store.services.latest(resource)
    if found is not None and found.removed and any(session.store.jobs.of(found.resource)):
        return found.resource
    return addresses.at(session, resource).resource


def status(session: Session, *, job: str | None = None, **address: Unpack[Address]) -> Any:
    """Return a job's state and results, with fresh signatures; or all jobs of a service, newest first.

    Raises:
        NotFound: `JobNotFound`.
    """
    resource = _service_with_jobs(session, **address)
    if job is None:
        for error in session.store.jobs.damaged(resource):
            session.warn(f"{error.message} {error.target}")
        return [_row(body) for body in reversed(_refresh(session, resource))]
    body = _existing(session, resource, job)
    if body["state"] not in (*ENDED, NOT_STARTED):
        body = next(iter(_refresh(session, resource, job)))
    return job_status(session, resource, body)


def _refresh(session: Session, resource: ServiceId, job: str | None = None) -> list[Job]:
    """Return all jobs, or one, after marking those whose worker died as failed, and starting queued ones."""

    def bodies() -> list[Job]:
        found = session.store.jobs.of(resource) if job is None else [_existing(session, resource, job)]
        return [workers.fail_if_dead(session, resource, body) for body in found]

    if not session.store.home.trusted:
        return bodies()
    with workers.lock_jobs(session, resource):
        found = bodies()
        if any(body["state"] in (QUEUED, FAILED) for body in found):
            workers.take_up(session, resource)
            found = bodies()
    return found


def _row(body: Job) -> dict[str, Any]:
    return {
        "JobId": body["id"],
        "StatusCode": _wire_state(body["state"]),
        "CreatedAt": body["createdOn"][:19],
        "StartTime": (body.get("startedOn") or "")[:19] or None,
        "EndTime": (body.get("endedOn") or "")[:19] or None,
        "Details": body.get("details"),
    }


def _wire_state(state: str) -> str:
    return NOT_STARTED if state == QUEUED else state


def job_status(session: Session, resource: ServiceId, body: Job) -> JobStatus:
    """Return a job's status: the documented `StatusCode`, `Results` and `Details`, and more that is known here."""
    results = None
    if body["state"] == FINISHED:
        found = {port: references.from_document(blob, port) for port, blob in body.get("results", {}).items()}
        results = {port: references.signed_reference(session, blob) for port, blob in found.items()}
    return {
        "StatusCode": _wire_state(body["state"]),
        "Results": results,
        "Details": body.get("details"),
        "JobId": body["id"],
        "Queued": body["state"] == QUEUED,
        "Revision": body.get("revision"),
        "CreatedAt": body["createdOn"],
        "StartTime": body.get("startedOn"),
        "EndTime": body.get("endedOn"),
        "Nodes": body.get("nodes"),
        "Warnings": body.get("warnings") or None,
        "Service": resource.name if isinstance(resource, ResourceId) else f"{resource.service}/{resource.name}",
    }


def cancel(session: Session, *, job: str, **address: Unpack[Address]) -> JobStatus:
    """Cancel a job: end its worker, and do not write its outputs. A job that has ended is left unchanged.

    Raises:
        NotFound: `JobNotFound`.
    """
    resource = _service_with_jobs(session, **address)
    session.require("Microsoft.MachineLearning/webServices/jobs/delete", resource)
    with workers.lock_jobs(session, resource):
        body = workers.fail_if_dead(session, resource, _existing(session, resource, job))
        if body["state"] not in ENDED:
            running = body["state"] == RUNNING
            # Before ending the worker: one that has not recorded its process id yet reads this when it begins.
            workers.change(session, resource, body, state=CANCELLED, endedOn=stamp(session.clock()))
            session.store.secrets.forget_job(body["id"])
            if running:
                workers.end_worker(session, resource, body["id"])
            workers.take_up(session, resource)
    return job_status(session, resource, body)


def wait(session: Session, *, job: str, timeout: float | None = None, **address: Unpack[Address]) -> JobStatus:
    """Wait until a job ends.

    Args:
        timeout: seconds; None waits as long as it takes.

    Raises:
        NotFound: `JobNotFound`.
        BadRequest: `JobNotStarted`: it would wait forever; `JobTimeout`: the job has not ended in time, and goes on.
        HomeError: the job is queued, and this home is read-only.
    """
    if timeout is not None and not timeout >= 0:
        message = f"-Timeout must be 0 or more seconds, not {timeout:g}."
        raise BadRequest(message, detail="BadParameterValue", at="Timeout")
    until, pause = time.monotonic() + (float("inf") if timeout is None else timeout), _SHORTEST_PAUSE
    stage = None
    while True:
        found: JobStatus = status(session, job=job, **address)
        if found["StatusCode"] in ENDED:
            for node in found["Nodes"] or ():
                session.detail(execution.node_summary(node))
            return found
        if found["StatusCode"] == NOT_STARTED and not found["Queued"]:
            hint = f"mlmgmt batch start {addresses.identity(session, **address).words} --job {job}"
            raise BadRequest(f"Job {job} has not been started.", detail="JobNotStarted", at=job, hint=hint)
        if found["Queued"]:
            # A read-only home cannot start queued jobs, so waiting could last forever.
            session.store.require_writable()
        if stage != (stage := "queued" if found["Queued"] else "running"):
            session.stage(stage)
        left = until - time.monotonic()
        if left <= 0:
            message = f"Job {job} is still {found['StatusCode']} after {timeout:g} s. It was not stopped."
            raise BadRequest(message, detail="JobTimeout", at=job)
        time.sleep(min(pause, left))
        pause = min(_LONGEST_PAUSE, pause * 1.5)
