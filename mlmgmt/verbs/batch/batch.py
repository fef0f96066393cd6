"""Batch jobs from the command line: from a job document, or from plain files, which are copied into the home first."""

from __future__ import annotations

import shlex
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail, NotFound
from mlmgmt.ids import file_name
from mlmgmt.protocol.states import ENDED, FINISHED
from mlmgmt.store import blobs
from mlmgmt.verbs import named_values, userfiles
from mlmgmt.verbs.batch import jobs
from mlmgmt.verbs.runs import artifacts
from mlmgmt.verbs.services import addresses
from mlmgmt.verbs.storage import references

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from mlmgmt.ids import ServiceId
    from mlmgmt.verbs.services.addresses import Address
    from mlmgmt.verbs.session import Session

_CONTAINER = "experimentinput"


def submit(
    session: Session,
    *,
    job_file: Mapping[str, Any] | None = None,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    parameters: Sequence[str] = (),
    start: bool = False,
    **address: Unpack[Address],
) -> jobs.JobStatus:
    """Submit a batch job.

    Args:
        job_file: a job document; or give `inputs`, `outputs` and `parameters`.
        inputs: files, as `FILE` for the only input, or as `PORT=FILE`.
        outputs: where results go in the home's first account, as `CONTAINER/PATH` or `PORT=CONTAINER/PATH`.
        parameters: web service parameters, as `NAME=VALUE`.
        start: start the job immediately.

    Raises:
        BadRequest: a document is given together with files or parameters; see `jobs.submit` for the rest.
        NotFound: the service, or a file.
    """
    if job_file is not None and (inputs or outputs or parameters):
        message = "-JobFile cannot be used together with -Inputs, -Outputs or -Parameters."
        raise BadRequest(message, detail="DuplicateInputInBatchCall", target="JobFile")
    files: dict[blobs.Blob, bytes] = {}
    request = job_file if job_file is not None else request_of(session, inputs, outputs, parameters, files)
    job = jobs.submit(session, request=request, files=files, **address)
    if start:
        return jobs.start(session, job=job, **address)
    words = addresses.identity(session, **address).words
    session.tell(f"Submitted. To start it: mlmgmt batch start {words} --job {job}")
    found: jobs.JobStatus = jobs.status(session, job=job, **address)
    return found


def request_of(
    session: Session,
    inputs: Sequence[str],
    outputs: Sequence[str],
    parameters: Sequence[str],
    files: dict[blobs.Blob, bytes],
) -> dict[str, Any]:
    """Return the job document for words from the command line; put the blobs of its inputs into `files`."""
    account = session.storage_account()
    request: dict[str, dict[str, Any]] = {"Inputs": {}, "Outputs": {}, "GlobalParameters": {}}
    folder = uuid.uuid4().hex
    for text in inputs:
        port, path = _split_port(text)
        source = userfiles.read(path, largest=userfiles.LARGEST_TABLE)
        references.require_suffix(source.name, references.INPUT_SUFFIXES, port or source.name)
        blob = blobs.Blob(account, _CONTAINER, f"{folder}/{source.name}")
        files[blob] = source.data
        reference = {"BaseLocation": blob.base_location, "RelativeLocation": blob.relative_location}
        _add(request["Inputs"], port, reference, "Inputs")
    base = f"https://{account}.blob.core.windows.net/"
    for text in outputs:
        port, path = _split_port(text)
        _add(request["Outputs"], port, {"BaseLocation": base, "RelativeLocation": path}, "Outputs")
    request["GlobalParameters"] = dict(named_values.named_values(parameters))
    return request


def _add(part: dict[str, Any], name: str, value: Any, what: str) -> None:
    if name in part:
        several = f"-{what} gives {name!r} twice." if name else f"-{what} has several values; give each as PORT=VALUE."
        raise BadRequest(several, detail="UserParameterInvalid", target=what)
    part[name] = value


def _split_port(text: str) -> tuple[str, str]:
    """Split `PORT=REST`, or `REST` for the only port. A file with `=` in its name is taken as a file."""
    port, sign, rest = text.partition("=")
    return (port, rest) if sign and not Path(text).exists() else ("", text)


def wait(
    session: Session,
    *,
    job: str,
    timeout: float | None = None,
    output_folder: str | None = None,
    force: bool = False,
    **address: Unpack[Address],
) -> jobs.JobStatus:
    """Wait until a job ends, and copy its results.

    Args:
        timeout: seconds.
        output_folder: a folder to copy the results to, each as the name of its output and the suffix of its blob.
        force: overwrite files in that folder.

    Raises:
        BadRequest: `JobFailed`, `JobCancelled`, `JobTimeout`, `JobNotStarted`.
        Conflict: `FileExists`.
    """
    if output_folder is not None and not Path(output_folder).is_dir():
        message = f"Folder {output_folder} does not exist."
        raise NotFound(
            message, detail="FolderNotFound", target=output_folder, hint=f"mkdir -p {shlex.quote(output_folder)}"
        )
    if output_folder is not None:
        userfiles.require_writable(str(Path(output_folder) / "output"))
        for path in _expected_files(session, addresses.identity(session, **address), job, Path(output_folder)):
            userfiles.refuse_overwriting(path, overwrite=force)
    found = jobs.wait(session, job=job, timeout=timeout, **address)
    for warning in found["Warnings"] or ():
        session.warn(warning)
    if found["StatusCode"] != FINISHED:
        message = f"The job {job} is {found['StatusCode']}."
        reason = found["Details"] or message
        raise BadRequest(
            message, target=job, details=[Detail(f"Job{found['StatusCode']}", reason, job)], code="ModuleExecutionError"
        )
    if output_folder is not None:
        found["Files"] = _fetch(session, found["Results"] or {}, Path(output_folder), force)
    return found


def _expected_files(session: Session, resource: ServiceId, job: str, folder: Path) -> list[str]:
    """Return the files that the results of a job will be copied to; none if it has already ended."""
    from mlmgmt.learning.plan import GraphPlan

    body = session.store.jobs.read(resource, job)
    if body is None or body["state"] in ENDED:
        return []
    revision = session.store.services.revision(resource, body["revision"])
    if revision is None:
        return []
    kinds = artifacts.output_suffixes(GraphPlan(revision.document))
    places = {port: references.from_document(blob, port).path for port, blob in body.get("outputs", {}).items()}
    return [_path(folder, port, Path(places.get(port, f"x{ends[0]}")).suffix) for port, ends in kinds.items()]


def _path(folder: Path, port: str, suffix: str) -> str:
    # An output's id comes from the definition, and may not be a valid file name.
    name = port if port.replace("_", "").replace("-", "").isalnum() else file_name(port)
    return str(folder / f"{name}{suffix}")


def _fetch(session: Session, results: Mapping[str, Any], folder: Path, force: bool) -> list[str]:
    """Copy results to files. Write none if a blob is missing or a file already exists."""
    contents: dict[str, bytes] = {}
    for port, place in results.items():
        blob = blobs.parse(place["BaseLocation"] + place["RelativeLocation"])
        assert blob is not None
        path = _path(folder, port, Path(blob.path).suffix)
        userfiles.refuse_overwriting(path, overwrite=force)
        contents[path] = session.store.blobs.read(blob)
    for path, data in contents.items():
        userfiles.write(path, data, overwrite=force)
    return list(contents)
