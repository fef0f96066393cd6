"""The process that runs one batch job. `jobs.start` starts it, and it holds the job's lock until it ends."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, HomeError, MlmgmtError, NotFound, error_text
from mlmgmt.ids import service_id
from mlmgmt.protocol.states import FAILED, FINISHED, RUNNING
from mlmgmt.store import blobs
from mlmgmt.verbs.batch import jobs
from mlmgmt.verbs.runs import artifacts, execution
from mlmgmt.verbs.session import Session
from mlmgmt.verbs.storage import references

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlmgmt.ids import ServiceId
    from mlmgmt.learning.runner import Run
    from mlmgmt.learning.tables import Cells
    from mlmgmt.store.jobs import Job

_CONTAINER = "experimentoutput"
_SHORTEST_SECRET = 4


def main(words: list[str]) -> None:
    """Run a job, and record how it ended.

    Args:
        words: the home, the id of the web service, the job, and the file descriptor of the job's lock.
    """
    home, service, job, lock = words
    signal.signal(signal.SIGTERM, _end)
    # A process that this one starts must not keep the lock after this one ends.
    os.set_inheritable(int(lock), False)
    os.pwrite(int(lock), str(os.getpid()).encode(), 0)
    session = Session(home_option=home)
    resource = service_id(service)
    body = session.store.jobs.read(resource, job)
    if body is None or body["state"] != RUNNING:
        return
    hide = redactor(session.store.secrets.job(job).values())
    warnings: list[str] = []

    def log(text: str) -> None:
        print(hide(text), file=sys.stderr, flush=True)

    def warn(text: str) -> None:
        # The shell that started the job may be gone, so warnings are shown with the job's status.
        log(text)
        warnings.append(hide(text))

    session = session.on_same_home(detail=log, tell=warn, show_warning=warn)
    try:
        changes = _run_job(session, resource, body)
        jobs.finish(session, resource, job, warnings=warnings, **changes)
    except MlmgmtError as error:
        details = f"{error_text(error)} {error.hint or ''}".rstrip()
        jobs.finish(session, resource, job, state=FAILED, details=hide(details))
    except Exception as error:
        import traceback

        session.detail(traceback.format_exc())
        details = f"InternalError: {type(error).__name__}: {error}"
        jobs.finish(session, resource, job, state=FAILED, details=hide(details))


def _end(number: int, _: Any) -> None:
    # An exception, so that modules can end the processes that they have started.
    raise SystemExit(f"The worker was ended by {signal.Signals(number).name}.")


def redactor(values: Any) -> Callable[[str], str]:
    """Return a function that replaces the values of web service parameters in a text, since they may be secrets.

    Numbers, booleans and very short values are kept: they are settings, and replacing them would spoil messages.
    """
    pieces: set[str] = set()
    for value in map(str, values):
        pieces |= {value, *(part for part in blobs.without_secrets(value)[1:] if part)}
    hidden = sorted((piece for piece in pieces if _may_be_secret(piece)), key=len, reverse=True)

    def hide(text: str) -> str:
        for piece in hidden:
            text = text.replace(piece, "***").replace(repr(piece)[1:-1], "***")
        return text

    return hide


def _may_be_secret(piece: str) -> bool:
    try:
        float(piece)
    except ValueError:
        return len(piece) >= _SHORTEST_SECRET and piece.casefold() not in ("true", "false")
    return False


def _run_job(session: Session, resource: ServiceId, body: Job) -> dict[str, Any]:
    store = session.store
    revision = store.services.revision(resource, body["revision"])
    if revision is None:
        message = f"Revision {body['revision']} of the service, which the job uses, no longer exists."
        raise NotFound(message, detail="WebServiceNotFound")
    parameters = store.secrets.job(body["id"])
    if lost := [name for name in body.get("parameters", ()) if name not in parameters]:
        names = ", ".join(map(repr, lost))
        message = f"The values of the parameters {names} are not in this user's configuration. Submit the job again."
        raise NotFound(message, detail="MissingRequiredGlobalParameters")
    wanted = {port: references.from_document(blob, port) for port, blob in body.get("outputs", {}).items()}
    with _hold_processor(session):
        from mlmgmt.learning.plan import GraphPlan

        given = {port: references.from_document(blob, port) for port, blob in body.get("inputs", {}).items()}
        inputs = {port: read_cells(session, blob, port) for port, blob in given.items()}
        plan = GraphPlan(revision.document)
        done = execution.execute(
            session,
            plan,
            with_declared_names(plan.document, inputs),
            digests=revision.model_digests,
            parameters=parameters,
        )
        data = ", ".join(blob.path.rsplit("/", 1)[-1] for blob in given.values()) or "the graph's own data"
        files = contents(session, done, wanted, data=data, seen=inputs, service=str(resource))
    return {
        "state": FINISHED,
        "nodes": [report.as_json() for report in done.reports],
        "keep": lambda: _write_outputs(session, files),
    }


@contextmanager
def _hold_processor(session: Session) -> Iterator[None]:
    """Hold one of the home's processor locks, of which there is one for each processor. Wait until one is free."""
    import filelock

    folder = session.store.home.root / "jobs"
    while True:
        for place in range(os.cpu_count() or 1):
            with suppress(filelock.Timeout), filelock.FileLock(folder / f"processor-{place}.lock", timeout=0):
                yield
                return
        time.sleep(0.1)


def read_cells(session: Session, blob: blobs.Blob, port: str) -> Cells:
    """Return the table in the blob of an input.

    Raises:
        NotFound: the blob no longer exists.
        BadRequest: it cannot be read as a table.
    """
    from mlmgmt.learning import tables

    data = session.store.blobs.read(blob)
    suffix = references.require_suffix(blob.path, references.INPUT_SUFFIXES, port)
    return tables.read_file(data, blob.path.rsplit("/", 1)[-1], suffix)


def with_declared_names(document: Mapping[str, Any], inputs: Mapping[str, Cells]) -> dict[str, Cells]:
    """Return the inputs; those from files without a header get the column names that the definition declares."""
    declared = document["properties"].get("input", {}).get("properties") or {}
    found = {}
    for port, cells in inputs.items():
        names = tuple((declared.get(port) or {}).get("properties") or ())
        bare = cells.headless and len(names) == len(cells.columns)
        found[port] = cells._replace(columns=names) if bare else cells
    return found


def contents(
    session: Session,
    done: Run,
    wanted: Mapping[str, blobs.Blob],
    *,
    data: str,
    seen: Mapping[str, Cells],
    service: str | None,
) -> dict[str, tuple[blobs.Blob, bytes]]:
    """Return the blob and the bytes of each output of a run. A blob that is not in `wanted` is in the first account.

    Args:
        data: the name of the data that was read.
        seen: the cells of the inputs.
    """
    import uuid

    from mlmgmt.modules.learners import Trained

    files = {}
    folder = uuid.uuid4().hex
    cells = next(iter(seen.values())) if len(seen) == 1 else None
    for output, value in done.outputs.items():
        blob = wanted.get(output)
        suffix = _suffix(value, blob)
        if isinstance(value, Trained):
            metrics = artifacts.own_metrics(done)
            facts = artifacts.facts_of(session, value, data=data, seen=cells, service=service, metrics=metrics)
        else:
            facts = {"data": data, "service": service, "versions": artifacts.versions()}
        content = artifacts.content(session, value, facts, suffix=suffix, rows=cells)
        if blob is None:
            blob = blobs.Blob(session.storage_account(), _CONTAINER, f"{folder}/{uuid.uuid4().hex}{suffix}")
        files[output] = blob, content
    return files


def _write_outputs(session: Session, files: Mapping[str, tuple[blobs.Blob, bytes]]) -> dict[str, blobs.Blob]:
    for blob, _ in files.values():
        if not session.store.blobs.is_registered(blob.account):
            message = f"The storage account {blob.account!r} does not exist in this home."
            raise NotFound(
                message, detail="AccountNotRegistered", target=blob.uri, hint=references.storage_hint(session)
            )
    for output, (blob, content) in files.items():
        try:
            session.store.blobs.write(blob, content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            message = f"The blob {blob.name!r} of {output!r} conflicts with another: one is in the other's folder path."
            raise BadRequest(message, detail="InvalidBlob", at=output) from None
        except OSError as error:
            message = f"The blob {blob.name!r} of {output!r} cannot be written: {error.strerror}."
            raise HomeError(message, detail="HomeUnavailable", at=output) from None
    return {output: blob for output, (blob, _) in files.items()}


def _suffix(value: Any, blob: blobs.Blob | None) -> str:
    allowed = artifacts.suffixes(value)
    if blob is None:
        return allowed[0]
    return next((suffix for suffix in allowed if blob.path.casefold().endswith(suffix)), allowed[0])
