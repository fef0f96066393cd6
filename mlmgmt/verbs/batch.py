"""Batch jobs from the command line: from a job document, or from plain files that are copied into the home first."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail, NotFound
from mlmgmt.store import blobs
from mlmgmt.verbs import jobs, lookup, references, userfiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.verbs.session import Session

_CONTAINER = "experimentinput"


def submit(
    session: Session,
    *,
    group: str,
    name: str,
    job_file: Mapping[str, Any] | None = None,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    parameters: Sequence[str] = (),
    start: bool = False,
) -> dict[str, Any]:
    """Submit a batch job.

    Args:
        job_file: the documented job document; or the rest in its stead.
        inputs: files, as `FILE` where there is one input, else as `PORT=FILE`.
        outputs: where results go in the home's first account, as `CONTAINER/PATH` or `PORT=CONTAINER/PATH`.
        parameters: web service parameters, as `NAME=VALUE`.
        start: start it at once.

    Raises:
        BadRequest: both a document and files are given; see `jobs.submit` for the rest.
        NotFound: the service, or a file.
    """
    if job_file is not None and (inputs or outputs or parameters):
        message = "A job document and plain files do not go together."
        raise BadRequest(message, target="JobFile", details=[Detail("DuplicateInputInBatchCall", message)])
    request = job_file if job_file is not None else _request(session, group, name, inputs, outputs, parameters)
    job = jobs.submit(session, group=group, name=name, request=request)
    if start:
        return jobs.start(session, group=group, name=name, job=job)
    session.tell(f"It waits to be started: mlmgmt batch start -g {group} -n {name} --job {job}")
    return jobs.shown(session, *_job(session, group, name, job))


def _job(session: Session, group: str, name: str, job: str) -> tuple[Any, dict[str, Any]]:
    resource = lookup.existing(session, group, name).resource
    body = session.store.jobs.read(resource, job)
    assert body is not None
    return resource, body


def _request(
    session: Session, group: str, name: str, inputs: Sequence[str], outputs: Sequence[str], parameters: Sequence[str]
) -> dict[str, Any]:
    resource = lookup.existing(session, group, name).resource
    session.require("Microsoft.MachineLearning/webServices/jobs/write", resource)
    accounts = session.store.blobs.accounts()
    if not accounts:
        text = "This home has no storage account."
        raise NotFound(text, details=[Detail("AccountNotRegistered", text)], hint="mlmgmt Connect-AzAccount")
    request: dict[str, Any] = {"Inputs": {}, "Outputs": {}, "GlobalParameters": {}}
    folder = uuid.uuid4().hex
    for text in inputs:
        port, path = _pair(text)
        source = userfiles.read(path, largest=userfiles.LARGEST_TABLE)
        references.require_suffix(source.name, references.INPUT_SUFFIXES, port or source.name)
        blob = blobs.Blob(accounts[0], _CONTAINER, f"{folder}/{source.name}")
        session.store.blobs.write(blob, source.data)
        request["Inputs"][port] = {"BaseLocation": blob.base_location, "RelativeLocation": blob.relative_location}
    base = f"https://{accounts[0]}.blob.core.windows.net/"
    for text in outputs:
        port, path = _pair(text)
        request["Outputs"][port] = {"BaseLocation": base, "RelativeLocation": path}
    for text in parameters:
        key, sign, value = text.partition("=")
        if not sign:
            message = f"{text!r} is no NAME=VALUE."
            raise BadRequest(message, target="Parameters", details=[Detail("BadParameterValue", message)])
        request["GlobalParameters"][key] = value
    return request


def _pair(text: str) -> tuple[str, str]:
    """`PORT=REST`, or `REST` for the only port; a file whose own name holds `=` is taken as a file."""
    port, sign, rest = text.partition("=")
    return (port, rest) if sign and not Path(text).exists() else ("", text)


def wait(
    session: Session,
    *,
    group: str,
    name: str,
    job: str,
    timeout: float | None = None,
    output_folder: str | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Wait until a job ends, and fetch its results.

    Args:
        timeout: seconds.
        output_folder: a folder to copy the results to, each under the name of its output and with its blob's ending.
        force: overwrite files there.

    Raises:
        BadRequest: `JobFailed`, `JobCancelled`, `JobTimeout`, `JobNotStarted`.
        Conflict: `FileExists`.
    """
    if output_folder is not None and not Path(output_folder).is_dir():
        message = f"There is no folder {output_folder}."
        raise NotFound(message, target=output_folder, details=[Detail("FolderNotFound", message)])
    found = jobs.wait(session, group=group, name=name, job=job, timeout=timeout)
    if found["StatusCode"] != jobs.FINISHED:
        message = f"The job {job} is {found['StatusCode']}."
        reason = found["Details"] or message
        raise BadRequest(
            message, target=job, details=[Detail(f"Job{found['StatusCode']}", reason, job)], code="ModuleExecutionError"
        )
    if output_folder is not None:
        found["Files"] = _fetched(session, found["Results"], Path(output_folder), force)
    return found


def _fetched(session: Session, results: Mapping[str, Any], folder: Path, force: bool) -> list[str]:
    files = []
    for port, place in results.items():
        blob = blobs.parse(place["BaseLocation"] + place["RelativeLocation"])
        assert blob is not None
        path = folder / f"{port}{Path(blob.path).suffix}"
        userfiles.write(str(path), session.store.blobs.read(blob), overwrite=force)
        files.append(str(path))
    return files
