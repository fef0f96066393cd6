"""Check the last batch job of a training service, and a job before it is submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.definition.document import decode
from mlmgmt.errors import MlmgmtError
from mlmgmt.modules import delimited
from mlmgmt.protocol import states
from mlmgmt.verbs.advice import sample_code
from mlmgmt.verbs.batch import requests
from mlmgmt.verbs.doctor.findings import summary
from mlmgmt.verbs.services import siblings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.store.jobs import Job
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.doctor.findings import Findings
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

JOB, REQUEST, DATA = "job", "job document", "data"
_NEAR_ENOUGH = 0.75
"""The least similarity at which a column name is suggested for another."""
_BEGINNING = 65536
"""Bytes of a file that are read to find its header."""


def check_last(session: Session, revision: Revision, findings: Findings) -> None:
    """Check the newest job of a training service, or of the service that trains a scoring service."""
    trainers = [revision] if siblings.trains(revision) else siblings.training(session, revision)[:1]
    for trainer in trainers:
        bodies = list(session.store.jobs.of(trainer.resource))
        if not bodies:
            findings.skip(JOB, f"{siblings.title(trainer)!r} has no jobs.")
            continue
        if trainer is not revision and bodies[-1]["createdOn"] < revision.modified_on:
            findings.ok(JOB, f"{siblings.title(trainer)!r} has no jobs since the last change of this service.")
            continue
        _check_job(session, trainer, bodies[-1], findings)


def _check_job(session: Session, trainer: Revision, body: Job, findings: Findings) -> None:
    words, job, state = trainer.resource.words, body["id"], body["state"]
    if state == states.NOT_STARTED:
        note = f"The job {job} was submitted but never started."
        findings.problem(JOB, note, f"mlmgmt batch start {words} --job {job}")
    elif state == states.FAILED:
        findings.problem(JOB, f"The job {job} failed: {_details(body)}", f"mlmgmt batch status {words} --job {job}")
    elif state == states.RUNNING and not session.store.jobs.is_worked_on(trainer.resource, job):
        note = f"The job {job} is Running, but no process works on it."
        findings.problem(JOB, note, f"mlmgmt batch status {words} --job {job}")
    else:
        findings.ok(JOB, f"The last job of {siblings.title(trainer)!r}, {job}, is {state}.")


def _details(body: Job) -> str:
    text = " ".join(str(body.get("details") or "").split())
    return text[:400] or "see its status."


def check_document(session: Session, revision: Revision, document: Mapping[str, Any], findings: Findings) -> None:
    """Check a job document as Submit does, and the columns of its input files."""
    try:
        checked = requests.read(session, revision.document, document)
    except MlmgmtError as error:
        findings.error(REQUEST, error, error.hint or _parameters_cure(revision, error))
        return
    findings.ok(REQUEST, "Submit would accept it.")
    for port, blob in checked.inputs.items():
        if blob.path.casefold().endswith((".csv", ".tsv")) and session.store.blobs.exists(blob):
            _check_columns(revision, port, blob.name, session.store.blobs.read(blob), findings)


def _parameters_cure(revision: Revision, error: MlmgmtError) -> str | None:
    """Return the right names if a parameter's name is wrong or missing."""
    if not {"UnexpectedParameter", "MissingRequiredGlobalParameters"} & set(error.codes()):
        return None
    known = sample_code.parameters_of(revision.document["properties"])
    return f"GlobalParameters: {', '.join(known)}" if known else "It has no web service parameters."


def check_data(revision: Revision, source: Source, findings: Findings) -> None:
    """Check that the header of a CSV file has the columns of the first input."""
    ports = list((revision.document["properties"].get("input") or {}).get("properties") or {})
    if not ports:
        findings.skip(DATA, "The service declares no input.")
        return
    _check_columns(revision, ports[0], source.name, source.data, findings)


def _check_columns(revision: Revision, port: str, name: str, content: bytes, findings: Findings) -> None:
    declared = sample_code.columns_of(revision.document["properties"], port)
    if not declared:
        findings.skip(DATA, f"The input {port!r} declares no columns.")
        return
    try:
        text = decode(content[:_BEGINNING]).decode(errors="replace")
    except MlmgmtError as error:
        findings.problem(DATA, f"{name}: {summary(error)}")
        return
    line = next(delimited.reader(text, delimited.separator_of(name), strict=False), [])
    header = [cell.strip() for cell in line]
    listed = ",".join(declared)
    # A run ignores the letter case of column names too.
    folded = {cell.casefold() for cell in header}
    if not folded & {column.casefold() for column in declared}:
        note = f"{name} has no header: its first line is {','.join(header)[:60]!r}."
        cure = f"Make its first line: {listed}. Without a header, the name of the file must end in .nh.csv."
        findings.problem(DATA, note, cure)
        return
    lacking = [
        column for column, body in declared.items() if column.casefold() not in folded and not _is_optional(body)
    ]
    if lacking:
        note = f"{name} lacks the {'column' if len(lacking) == 1 else 'columns'} {', '.join(map(repr, lacking))}."
        near = _similar_columns(lacking, [column for column in header if column not in declared])
        findings.problem(DATA, note, f"{near}The input {port!r} expects: {listed}")
        return
    findings.ok(DATA, f"{name} has the columns of {port!r}.")


def _is_optional(body: Any) -> bool:
    return isinstance(body, dict) and bool(body.get("x-ms-isnullable"))


def _similar_columns(lacking: list[str], spare: list[str]) -> str:
    from difflib import get_close_matches

    folded = {column.casefold(): column for column in spare}
    pairs = [(column, get_close_matches(column.casefold(), folded, n=1, cutoff=_NEAR_ENOUGH)) for column in lacking]
    hints = [f"{folded[found[0]]!r} may be {column!r}." for column, found in pairs if found]
    return f"{' '.join(hints)} " if hints else ""
