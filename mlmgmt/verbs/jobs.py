"""Batch jobs: submitted as a document, started, worked on by a process of their own, and asked after.

The wire's states are `NotStarted`, `Running`, `Failed`, `Cancelled` and `Finished`. A job that was started while its
service had as many jobs at work as it may is `Queued`, which the wire calls `NotStarted` too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Conflict, Detail, NotFound
from mlmgmt.store import blobs, lock
from mlmgmt.verbs import job_requests, lookup, references
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.ids import ResourceId
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

MOST_AT_ONCE = 40
"""Jobs of one service that are worked on at a time; more are queued."""
NOT_STARTED, QUEUED, RUNNING, FAILED, CANCELLED, FINISHED = (
    "NotStarted",
    "Queued",
    "Running",
    "Failed",
    "Cancelled",
    "Finished",
)
ENDED = (FAILED, CANCELLED, FINISHED)
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_LOG_LINES = 5


def submit(session: Session, *, group: str, name: str, request: Mapping[str, Any]) -> str:
    """Submit a job document; it is checked whole, and waits to be started.

    Args:
        request: `Inputs`, `Outputs`, `GlobalParameters`; see `job_requests.checked`.

    Returns:
        the id of the job.

    Raises:
        NotFound: the service.
        BadRequest: what the service refused at submit, with its codes.
    """
    standing = lookup.existing(session, group, name)
    session.require("Microsoft.MachineLearning/webServices/jobs/write", standing.resource)
    checked = job_requests.checked(session, standing.document, request)
    job = uuid.uuid4().hex
    if checked.parameters:
        session.store.secrets.keep_job(job, checked.parameters)
    session.store.jobs.write(
        standing.resource,
        {
            "id": job,
            "service": str(standing.resource),
            "revision": standing.number,
            "state": NOT_STARTED,
            "by": session.caller,
            "createdOn": stamp(session.clock()),
            "inputs": {port: references.stored(blob) for port, blob in checked.inputs.items()},
            "outputs": {port: references.stored(blob) for port, blob in checked.outputs.items()},
            "parameters": sorted(checked.parameters),
        },
    )
    return job


def start(session: Session, *, group: str, name: str, job: str) -> dict[str, Any]:
    """Start a submitted job: a process takes it up, which outlives this one.

    Raises:
        NotFound: `JobNotFound`.
        Conflict: `CannotStartJob`: it was started before, or cancelled.
    """
    resource = lookup.existing(session, group, name).resource
    session.require("Microsoft.MachineLearning/webServices/jobs/write", resource)
    with _held(session, resource):
        body = _existing(session, resource, job)
        if body["state"] != NOT_STARTED:
            message = f"The job is in the state {body['state']}."
            details = [Detail("CannotStartJob", message, job)]
            raise Conflict(message, target=job, details=details, code="InvalidOperation")
        _set(session, resource, body, state=QUEUED, queuedOn=stamp(session.clock()))
        _take_up(session, resource)
    return shown(session, resource, _existing(session, resource, job))


def _held(session: Session, resource: ResourceId) -> Any:
    return lock.hold(session.store.home.root, f"jobs/{resource.folder}")


def _set(session: Session, resource: ResourceId, body: dict[str, Any], **changes: Any) -> None:
    body.update(changes)
    session.store.jobs.write(resource, body)


def _take_up(session: Session, resource: ResourceId) -> None:
    """Start workers for queued jobs, oldest first, as many as may be; call it while holding the service's jobs."""
    bodies = [_seen(session, resource, body) for body in session.store.jobs.of(resource)]
    free = MOST_AT_ONCE - sum(body["state"] == RUNNING for body in bodies)
    queued = sorted((body for body in bodies if body["state"] == QUEUED), key=lambda body: str(body["queuedOn"]))
    for body in queued[: max(0, free)]:
        _spawn(session, resource, body)


def _spawn(session: Session, resource: ResourceId, body: dict[str, Any]) -> None:
    """Start the worker of a job. It inherits the job's lock, so that there is no moment in which nobody has it."""
    handle = session.store.jobs.take(resource, body["id"])
    if handle is None:
        return
    try:
        _set(session, resource, body, state=RUNNING, startedOn=stamp(session.clock()))
        command = [sys.executable, "-m", "mlmgmt.verbs.worker", str(session.store.home.root)]
        with open(session.store.jobs.log(resource, body["id"]), "ab") as log:
            process = subprocess.Popen(
                [*command, resource.group, resource.name, body["id"]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(handle,),
                start_new_session=True,
                env=dict(session.environ),
                cwd=session.store.home.root,
            )
        _set(session, resource, body, pid=process.pid)
        # The worker outlives this process; nobody waits for it here.
        process.returncode = 0
    finally:
        os.close(handle)


def record(
    session: Session, standing: Revision, data: str, results: Mapping[str, blobs.Blob], nodes: list[dict[str, Any]]
) -> str:
    """Record a training that was done here and now as a finished job of its service.

    Args:
        data: the name of what it was trained on.
    """
    moment = stamp(session.clock())
    body = {
        "id": uuid.uuid4().hex,
        "service": str(standing.resource),
        "revision": standing.number,
        "state": FINISHED,
        "by": session.caller,
        "createdOn": moment,
        "startedOn": moment,
        "endedOn": moment,
        "data": data,
        "inputs": {},
        "outputs": {},
        "parameters": [],
        "results": {port: references.stored(blob) for port, blob in results.items()},
        "nodes": nodes,
    }
    session.store.jobs.write(standing.resource, body)
    return str(body["id"])


def finish(session: Session, resource: ResourceId, job: str, **changes: Any) -> None:
    """Note how a job ended, unless it was cancelled meanwhile; and take up what waits."""
    with _held(session, resource):
        body = _existing(session, resource, job)
        if body["state"] == RUNNING:
            _set(session, resource, body, endedOn=stamp(session.clock()), **changes)
        session.store.secrets.forget_job(job)
        _take_up(session, resource)


def _seen(session: Session, resource: ResourceId, body: dict[str, Any]) -> dict[str, Any]:
    """A job as it is: one that runs and has no worker any more has failed. Call it while holding the service's jobs."""
    if body["state"] == RUNNING and not session.store.jobs.is_worked_on(resource, body["id"]):
        # Its last act may have been to say how it ended.
        body = session.store.jobs.read(resource, body["id"]) or body
        if body["state"] == RUNNING and session.store.home.trusted:
            why = f"The worker process {body.get('pid')} ended without a result"
            last = _last_lines(session, resource, body["id"])
            details = f"{why}; its last words: {last}" if last else f"{why}: it was killed, or the machine went down."
            _set(session, resource, body, state=FAILED, endedOn=stamp(session.clock()), details=details)
            session.store.secrets.forget_job(body["id"])
    return body


def _last_lines(session: Session, resource: ResourceId, job: str) -> str:
    path = session.store.jobs.log(resource, job)
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    return " | ".join(line.strip() for line in lines[-_LOG_LINES:] if line.strip())


def _existing(session: Session, resource: ResourceId, job: str) -> dict[str, Any]:
    body = session.store.jobs.read(resource, job)
    if body is None:
        known = [str(other["id"]) for other in session.store.jobs.of(resource)][-3:]
        message = f"{resource.name!r} has no job {job!r}."
        hint = f"Its last jobs: {', '.join(known)}." if known else "It has none yet: mlmgmt batch submit"
        raise NotFound(message, target=job, details=[Detail("JobNotFound", message, job)], hint=hint)
    return body


def status(session: Session, *, group: str, name: str, job: str | None = None) -> Any:
    """A job's state and results, the signatures in them made anew; or all jobs of a service, the newest first.

    Raises:
        NotFound: `JobNotFound`.
    """
    resource = lookup.existing(session, group, name).resource
    with _held(session, resource) if session.store.home.trusted else nullcontext():
        if job is None:
            bodies = [_seen(session, resource, body) for body in session.store.jobs.of(resource)]
        else:
            bodies = [_seen(session, resource, _existing(session, resource, job))]
        if session.store.home.trusted:
            _take_up(session, resource)
    if job is not None:
        return shown(session, resource, bodies[0])
    return [_row(body) for body in reversed(bodies)]


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


def shown(session: Session, resource: ResourceId, body: Mapping[str, Any]) -> dict[str, Any]:
    """A job as its status is asked for: `StatusCode`, `Results` and `Details` as documented, and what else is known."""
    results = None
    if body["state"] == FINISHED:
        found = {port: blobs.Blob(**blob) for port, blob in body.get("results", {}).items()}
        results = {port: references.answered(session, blob) for port, blob in found.items()}
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
        "Service": resource.name,
    }


def cancel(session: Session, *, group: str, name: str, job: str) -> dict[str, Any]:
    """Cancel a job: its worker is ended, and what it had made is not kept. An ended job stays as it is.

    Raises:
        NotFound: `JobNotFound`.
    """
    resource = lookup.existing(session, group, name).resource
    session.require("Microsoft.MachineLearning/webServices/jobs/delete", resource)
    with _held(session, resource):
        body = _seen(session, resource, _existing(session, resource, job))
        if body["state"] not in ENDED:
            running = body["state"] == RUNNING
            _set(session, resource, body, state=CANCELLED, endedOn=stamp(session.clock()))
            session.store.secrets.forget_job(job)
            # The lock says that this is still the worker, and not another process which got its number.
            if running and body.get("pid") and session.store.jobs.is_worked_on(resource, job):
                with suppress(ProcessLookupError):
                    os.killpg(int(body["pid"]), signal.SIGKILL)
            _take_up(session, resource)
    return shown(session, resource, body)


def wait(session: Session, *, group: str, name: str, job: str, timeout: float | None = None) -> dict[str, Any]:
    """Wait until a job ends.

    Args:
        timeout: seconds; without one, as long as it takes.

    Raises:
        NotFound: `JobNotFound`.
        BadRequest: `JobNotStarted`: nobody will ever work on it; `JobTimeout`: it goes on, and the time is over.
    """
    began, pause = time.monotonic(), _SHORTEST_PAUSE
    while True:
        found: dict[str, Any] = status(session, group=group, name=name, job=job)
        if found["StatusCode"] in ENDED:
            return found
        if found["StatusCode"] == NOT_STARTED and not found["Queued"]:
            message = f"The job {job} was not started, so it never ends."
            hint = f"mlmgmt batch start -g {group} -n {name} --job {job}"
            raise BadRequest(message, target=job, details=[Detail("JobNotStarted", message, job)], hint=hint)
        session.stage("queued" if found["Queued"] else "running")
        if timeout is not None and time.monotonic() - began > timeout:
            message = f"The job {job} is {found['StatusCode']} after {timeout:g} seconds; it goes on."
            raise BadRequest(message, target=job, details=[Detail("JobTimeout", message, job)])
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 1.5)
