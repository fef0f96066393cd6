"""Start, watch and end the worker processes of batch jobs. `worker.py` is what they run.

Callers of the functions that change a job must hold the lock of its service's jobs; see `lock_jobs`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import mlmgmt
from mlmgmt.protocol.states import FAILED, QUEUED, RUNNING
from mlmgmt.store import lock
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from mlmgmt.ids import ServiceId
    from mlmgmt.store.jobs import Job
    from mlmgmt.verbs.session import Session

MOST_AT_ONCE = 40
"""Jobs of one service that run at the same time; more are queued."""
_GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""
_LOG_LINES = 5
# The worker starts with -P in the home's folder, which is data, so that nothing is imported from there; the folder that
# this package was imported from comes last on the path.
_WORKER = (
    "import sys; sys.path.append(sys.argv.pop(1)); from mlmgmt.verbs.batch import worker; worker.main(sys.argv[1:])"
)
_started: set[int] = set()
"""Process ids of workers that this process started and has not reaped."""


def lock_jobs(session: Session, resource: ServiceId, *, patience: float = lock.PATIENCE) -> Any:
    """Lock the jobs of a service."""
    return lock.hold(session.store.home.root, f"jobs/{resource.folder}", patience=patience)


def change(session: Session, resource: ServiceId, body: Job, **changes: Any) -> None:
    """Change members of a job and write it."""
    body.update(cast("Job", changes))
    session.store.jobs.write(resource, body)


def take_up(session: Session, resource: ServiceId) -> None:
    """Start workers for queued jobs, oldest first, up to `MOST_AT_ONCE`."""
    bodies = [fail_if_dead(session, resource, body) for body in session.store.jobs.of(resource)]
    free = MOST_AT_ONCE - sum(body["state"] == RUNNING for body in bodies)
    queued = sorted((body for body in bodies if body["state"] == QUEUED), key=lambda body: str(body.get("queuedOn")))
    for body in queued[: max(0, free)]:
        _spawn(session, resource, body)


def _spawn(session: Session, resource: ServiceId, body: Job) -> None:
    """Start the worker of a job. It inherits the job's lock, so that the lock is never free in between."""
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
                # Absolute, because the worker runs in another folder.
                env={**session.environ, "MLMGMT_CONFIG": str(trust.parent.parent.absolute())},
                cwd=root,
            )
    except OSError as error:
        _fail(session, resource, body, f"The worker process could not be started: {error}.")
    else:
        _reap()
        _started.add(process.pid)
        # The worker outlives this process; a return code keeps Popen from warning that it still runs.
        process.returncode = 0
    finally:
        os.close(handle)


def _reap() -> None:
    """Reap the workers that have ended, so that they do not stay zombies while this process runs."""
    for pid in tuple(_started):
        with suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                continue
        _started.discard(pid)


def _fail(session: Session, resource: ServiceId, body: Job, details: str) -> None:
    session.store.secrets.forget_job(body["id"])
    change(session, resource, body, state=FAILED, endedOn=stamp(session.clock()), details=details)


def fail_if_dead(session: Session, resource: ServiceId, body: Job) -> Job:
    """Return a job, after marking it as failed if it is running and its worker is gone."""
    if body["state"] == RUNNING and not session.store.jobs.is_worked_on(resource, body["id"]):
        # The worker may have recorded the end just before it exited, so read the job again.
        body = session.store.jobs.read(resource, body["id"]) or body
        if body["state"] == RUNNING:
            pid = session.store.jobs.worker(resource, body["id"])
            details = f"The worker process {pid or 'of the job'} crashed or was killed, or the machine went down."
            if last := _last_lines(session, resource, body["id"]):
                details += f" The last lines of its log: {last}"
            if not session.store.home.trusted:
                return {**body, "state": FAILED, "details": details}
            _fail(session, resource, body, details)
    return body


def _last_lines(session: Session, resource: ServiceId, job: str) -> str:
    path = session.store.jobs.log(resource, job)
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    return " | ".join(line.strip() for line in lines[-_LOG_LINES:] if line.strip())


def end_worker(session: Session, resource: ServiceId, job: str) -> None:
    """End a worker and the processes that it started: with SIGTERM, and after `_GRACE` seconds with SIGKILL."""
    jobs = session.store.jobs
    pid = jobs.worker(resource, job)
    with suppress(ProcessLookupError, PermissionError):
        # The lock shows that the worker is alive; the session id, that its process id was not reused.
        if pid is not None and jobs.is_worked_on(resource, job) and os.getsid(pid) == pid:
            os.kill(pid, signal.SIGTERM)
            patient_until = time.monotonic() + _GRACE
            while jobs.is_worked_on(resource, job) and time.monotonic() < patient_until:
                time.sleep(0.02)
            if jobs.is_worked_on(resource, job):
                os.killpg(pid, signal.SIGKILL)
