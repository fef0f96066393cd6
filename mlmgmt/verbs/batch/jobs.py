"""Batch jobs: submitted as a document, started, worked on by a process of their own, and asked after.

The wire's states are `NotStarted`, `Running`, `Failed`, `Cancelled` and `Finished`. A job that was started while its
service had as many jobs at work as it may is `Queued`, which the wire calls `NotStarted` too.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail, NotFound
from mlmgmt.ids import ResourceId
from mlmgmt.store.jobs import CANCELLED, ENDED, FAILED, FINISHED, NOT_STARTED, QUEUED, RUNNING
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
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.services.addresses import Address
    from mlmgmt.verbs.session import Session

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_PATIENCE_OF_WORKERS = 600.0


def submit(
    session: Session,
    *,
    request: Mapping[str, Any],
    files: Mapping[Blob, bytes] | None = None,
    **address: Unpack[Address],
) -> str:
    """Submit a job document; it is checked whole, and waits to be started.

    Args:
        request: `Inputs`, `Outputs`, `GlobalParameters`; see `job_requests.checked`.
        files: blobs that come with it; they are written once it is known to be good.

    Returns:
        the id of the job.

    Raises:
        NotFound: the service.
        BadRequest: what the service refused at submit, with its codes.
    """
    standing = addresses.existing(session, **address)
    session.require("Microsoft.MachineLearning/webServices/jobs/write", standing.resource)
    checked = requests.checked(session, standing.document, request, coming=files or {})
    for blob, data in (files or {}).items():
        session.store.blobs.write(blob, data)
    job = uuid.uuid4().hex
    body = {
        "id": job,
        "service": str(standing.resource),
        "revision": standing.number,
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
        session.store.jobs.write(standing.resource, body)
    except OSError:
        session.store.secrets.forget_job(job)
        raise
    return job


def start(session: Session, *, job: str, **address: Unpack[Address]) -> dict[str, Any]:
    """Start a submitted job: a process takes it up, which outlives this one.

    Raises:
        NotFound: `JobNotFound`.
        BadRequest: `InvalidOperation`, `CannotStartJob`: it was started before, or cancelled.
    """
    resource = addresses.existing(session, **address).resource
    session.require("Microsoft.MachineLearning/webServices/jobs/write", resource)
    with workers.held(session, resource):
        body = _existing(session, resource, job)
        if body["state"] != NOT_STARTED:
            message = f"The job is in the state {body['state']}."
            details = [Detail("CannotStartJob", message, job)]
            raise BadRequest(message, target=job, details=details, code="InvalidOperation")
        workers.change(session, resource, body, state=QUEUED, queuedOn=stamp(session.clock()))
        workers.take_up(session, resource)
    return shown(session, resource, _existing(session, resource, job))


def record(
    session: Session,
    standing: Revision,
    data: str,
    results: Mapping[str, Blob],
    nodes: list[dict[str, Any]],
    *,
    started: datetime | None = None,
) -> str:
    """Record a training that was done here and now as a finished job of its service.

    Args:
        data: the name of what it was trained on.
        started: when it began; the present moment when left out.
    """
    ended = session.clock()
    began = stamp(started or ended)
    body = {
        "id": uuid.uuid4().hex,
        "service": str(standing.resource),
        "revision": standing.number,
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
    session.store.jobs.write(standing.resource, body)
    return str(body["id"])


def finish(
    session: Session,
    resource: ServiceId,
    job: str,
    *,
    keep: Callable[[], Mapping[str, Blob]] | None = None,
    **changes: Any,
) -> None:
    """Note how a job ended, unless it was cancelled meanwhile; and take up what waits.

    Args:
        keep: writes its results and says where they are; a cancelled job's are not written.
    """
    with workers.held(session, resource, patience=_PATIENCE_OF_WORKERS):
        body = _existing(session, resource, job)
        if body["state"] == RUNNING:
            if keep is not None:
                changes["results"] = {port: references.to_document(blob) for port, blob in keep().items()}
            workers.change(session, resource, body, endedOn=stamp(session.clock()), **changes)
        session.store.secrets.forget_job(job)
        workers.take_up(session, resource)


def _existing(session: Session, resource: ServiceId, job: str) -> dict[str, Any]:
    body = session.store.jobs.read(resource, job)
    if body is None:
        known = [str(other["id"]) for other in session.store.jobs.of(resource)][-3:]
        message = f"{resource.name!r} has no job {job!r}."
        hint = f"Its last jobs: {', '.join(known)}." if known else "It has none yet: mlmgmt batch submit"
        raise NotFound(message, target=job, details=[Detail("JobNotFound", message, job)], hint=hint)
    return body


def _known(session: Session, **address: Unpack[Address]) -> ServiceId:
    """A web service, or one that was removed and left jobs."""
    resource = addresses.identity(session, **address)
    found = session.store.services.latest(resource)
    if found is not None and found.removed and any(session.store.jobs.of(found.resource)):
        return found.resource
    return addresses.at(session, resource).resource


def status(session: Session, *, job: str | None = None, **address: Unpack[Address]) -> Any:
    """A job's state and results, the signatures in them made anew; or all jobs of a service, the newest first.

    Raises:
        NotFound: `JobNotFound`.
    """
    resource = _known(session, **address)
    if job is None:
        for error in session.store.jobs.damaged(resource):
            session.tell(f"Warning: {error.message} {error.target}")
        return [_row(body) for body in reversed(_looked_at(session, resource))]
    body = _existing(session, resource, job)
    if body["state"] not in (*ENDED, NOT_STARTED):
        body = next(iter(_looked_at(session, resource, job)))
    return shown(session, resource, body)


def _looked_at(session: Session, resource: ServiceId, job: str | None = None) -> list[dict[str, Any]]:
    """All jobs, or one, after noting which workers died, and after taking up what waits."""

    def bodies() -> list[dict[str, Any]]:
        found = session.store.jobs.of(resource) if job is None else [_existing(session, resource, job)]
        return [workers.seen(session, resource, body) for body in found]

    if not session.store.home.trusted:
        return bodies()
    with workers.held(session, resource):
        found = bodies()
        if any(body["state"] in (QUEUED, FAILED) for body in found):
            workers.take_up(session, resource)
            found = bodies()
    return found


def _row(body: Mapping[str, Any]) -> dict[str, Any]:
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


def shown(session: Session, resource: ServiceId, body: Mapping[str, Any]) -> dict[str, Any]:
    """A job as its status is asked for: `StatusCode`, `Results` and `Details` as documented, and what else is known."""
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


def cancel(session: Session, *, job: str, **address: Unpack[Address]) -> dict[str, Any]:
    """Cancel a job: its worker is ended, and its outputs are not written. An ended job stays as it is.

    Raises:
        NotFound: `JobNotFound`.
    """
    resource = _known(session, **address)
    session.require("Microsoft.MachineLearning/webServices/jobs/delete", resource)
    with workers.held(session, resource):
        body = workers.seen(session, resource, _existing(session, resource, job))
        if body["state"] not in ENDED:
            running = body["state"] == RUNNING
            # First: a worker that has not noted its process id yet sees this as it begins.
            workers.change(session, resource, body, state=CANCELLED, endedOn=stamp(session.clock()))
            session.store.secrets.forget_job(body["id"])
            if running:
                workers.end_worker(session, resource, body["id"])
            workers.take_up(session, resource)
    return shown(session, resource, body)


def wait(session: Session, *, job: str, timeout: float | None = None, **address: Unpack[Address]) -> dict[str, Any]:
    """Wait until a job ends.

    Args:
        timeout: seconds; without one, as long as it takes.

    Raises:
        NotFound: `JobNotFound`.
        BadRequest: `JobNotStarted`: nobody will ever work on it; `JobTimeout`: it goes on, and the time is over.
        HomeError: it is queued, and this home is read-only.
    """
    if timeout is not None and not timeout >= 0:
        message = f"A job cannot be waited for {timeout:g} seconds."
        raise BadRequest(message, target="Timeout", details=[Detail("BadParameterValue", message, "Timeout")])
    until, pause = time.monotonic() + (float("inf") if timeout is None else timeout), _SHORTEST_PAUSE
    stage = None
    while True:
        found: dict[str, Any] = status(session, job=job, **address)
        if found["StatusCode"] in ENDED:
            for node in found["Nodes"] or ():
                session.detail(execution.node_summary(node))
            return found
        if found["StatusCode"] == NOT_STARTED and not found["Queued"]:
            message = f"The job {job} was not started, so it never ends."
            hint = f"mlmgmt batch start {addresses.identity(session, **address).words} --job {job}"
            raise BadRequest(message, target=job, details=[Detail("JobNotStarted", message, job)], hint=hint)
        if found["Queued"]:
            # Who may not write takes up nothing, and would wait for ever.
            session.store.require_writable()
        if stage != (stage := "queued" if found["Queued"] else "running"):
            session.stage(stage)
        left = until - time.monotonic()
        if left <= 0:
            message = f"The job {job} is {found['StatusCode']} after {timeout:g} seconds; it goes on."
            raise BadRequest(message, target=job, details=[Detail("JobTimeout", message, job)])
        time.sleep(min(pause, left))
        pause = min(_LONGEST_PAUSE, pause * 1.5)
