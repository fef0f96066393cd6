"""The workers of batch jobs, seen from outside: started, looked after, ended. `worker.py` is what they do.

Whatever changes a job here is called while holding its service's jobs; see `held`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlmgmt
from mlmgmt.store import lock
from mlmgmt.store.jobs import FAILED, QUEUED, RUNNING
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from mlmgmt.ids import ServiceId
    from mlmgmt.verbs.session import Session

MOST_AT_ONCE = 40
"""Jobs of one service that are worked on at a time; more are queued."""
_GRACE = 2.0
_LOG_LINES = 5
# Nothing is looked up in the folder it is started in, which is not code; the package may have come from there, though.
_WORKER = (
    "import sys; sys.path.append(sys.argv.pop(1)); from mlmgmt.verbs.batch import worker; worker.main(sys.argv[1:])"
)
_started: set[int] = set()
"""Workers that this process started and has not seen the end of."""


def held(session: Session, resource: ServiceId, *, patience: float = lock.PATIENCE) -> Any:
    """Hold the jobs of a service."""
    return lock.hold(session.store.home.root, f"jobs/{resource.folder}", patience=patience)


def change(session: Session, resource: ServiceId, body: dict[str, Any], **changes: Any) -> None:
    """Change a job."""
    body.update(changes)
    session.store.jobs.write(resource, body)


def take_up(session: Session, resource: ServiceId) -> None:
    """Start workers for queued jobs, oldest first, as many as may be."""
    bodies = [seen(session, resource, body) for body in session.store.jobs.of(resource)]
    free = MOST_AT_ONCE - sum(body["state"] == RUNNING for body in bodies)
    queued = sorted((body for body in bodies if body["state"] == QUEUED), key=lambda body: str(body.get("queuedOn")))
    for body in queued[: max(0, free)]:
        _spawn(session, resource, body)


def _spawn(session: Session, resource: ServiceId, body: dict[str, Any]) -> None:
    """Start the worker of a job. It inherits the job's lock, so that there is no moment in which nobody has it."""
    handle = session.store.jobs.take(resource, body["id"])
    if handle is None:
        return
    root, trust = session.store.home.root, session.store.home.trust
    words = [str(Path(mlmgmt.__file__).parent.parent), str(root), str(resource), body["id"]]
    change(session, resource, body, state=RUNNING, startedOn=stamp(session.clock()))
    try:
        with open(session.store.jobs.log(resource, body["id"]), "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _WORKER, *words, str(handle)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(handle,),
                start_new_session=True,
                # Absolute, because the worker stands elsewhere.
                env={**session.environ, "MLMGMT_CONFIG": str(trust.parent.parent.absolute())},
                cwd=root,
            )
    except OSError as error:
        _fail(session, resource, body, f"The worker process could not be started: {error}.")
    else:
        _reap()
        _started.add(process.pid)
        # Nobody waits for it here: it outlives this process.
        process.returncode = 0
    finally:
        os.close(handle)


def _reap() -> None:
    """Let go of the workers that ended while the process which started them goes on."""
    for pid in tuple(_started):
        with suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                continue
        _started.discard(pid)


def _fail(session: Session, resource: ServiceId, body: dict[str, Any], details: str) -> None:
    change(session, resource, body, state=FAILED, endedOn=stamp(session.clock()), details=details)
    session.store.secrets.forget_job(body["id"])


def seen(session: Session, resource: ServiceId, body: dict[str, Any]) -> dict[str, Any]:
    """A job as it is: one that runs and has no worker any more has failed."""
    if body["state"] == RUNNING and not session.store.jobs.is_worked_on(resource, body["id"]):
        # Its last act may have been to say how it ended.
        body = session.store.jobs.read(resource, body["id"]) or body
        if body["state"] == RUNNING:
            pid = session.store.jobs.worker(resource, body["id"])
            details = f"The worker process {pid or 'of the job'} crashed, was killed, or the machine went down."
            if last := _last_lines(session, resource, body["id"]):
                details += f" Its last words: {last}"
            if not session.store.home.trusted:
                return {**body, "state": FAILED, "details": details}
            _fail(session, resource, body, details)
    return body


def _last_lines(session: Session, resource: ServiceId, job: str) -> str:
    path = session.store.jobs.log(resource, job)
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    return " | ".join(line.strip() for line in lines[-_LOG_LINES:] if line.strip())


def end_worker(session: Session, resource: ServiceId, job: str) -> None:
    """Ask a worker to end, and whatever it started with it; then make it."""
    jobs = session.store.jobs
    pid = jobs.worker(resource, job)
    with suppress(ProcessLookupError, PermissionError):
        # The lock says that it lives, the session that this is still the worker's number.
        if pid is not None and jobs.is_worked_on(resource, job) and os.getsid(pid) == pid:
            os.kill(pid, signal.SIGTERM)
            patient_until = time.monotonic() + _GRACE
            while jobs.is_worked_on(resource, job) and time.monotonic() < patient_until:
                time.sleep(0.02)
            if jobs.is_worked_on(resource, job):
                os.killpg(pid, signal.SIGKILL)
