"""The batch jobs of a service that trains, and what is about to be submitted."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from mlmgmt.definition.document import decode
from mlmgmt.errors import MlmgmtError
from mlmgmt.store import jobs
from mlmgmt.verbs.advice import sample_code
from mlmgmt.verbs.batch import requests
from mlmgmt.verbs.doctor.findings import said
from mlmgmt.verbs.services import siblings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.doctor.findings import Findings
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

JOB, REQUEST, DATA = "job", "job document", "data"
_NEAR_ENOUGH = 0.75
_BEGINNING = 65536


def last(session: Session, revision: Revision, findings: Findings) -> None:
    """The newest job of what trains: the one that is asked after, else the training service of what scores."""
    trainers = [revision] if siblings.trains(revision) else siblings.training(session, revision)[:1]
    for trainer in trainers:
        bodies = list(session.store.jobs.of(trainer.resource))
        if not bodies:
            findings.skipped(JOB, f"{siblings.title(trainer)!r} had none.")
            continue
        if trainer is not revision and str(bodies[-1]["createdOn"]) < revision.modified_on:
            findings.ok(JOB, f"{siblings.title(trainer)!r} had none since this was last changed.")
            continue
        _one(session, trainer, bodies[-1], findings)


def _one(session: Session, trainer: Revision, body: Mapping[str, Any], findings: Findings) -> None:
    words, job, state = trainer.resource.words, body["id"], body["state"]
    if state == jobs.NOT_STARTED:
        note = f"The job {job} was submitted and never started; it stays NotStarted."
        findings.problem(JOB, note, f"mlmgmt batch start {words} --job {job}")
    elif state == jobs.FAILED:
        findings.problem(JOB, f"The job {job} failed: {_details(body)}", f"mlmgmt batch status {words} --job {job}")
    elif state == jobs.RUNNING and not session.store.jobs.is_worked_on(trainer.resource, job):
        note = f"The job {job} is Running, and nobody works on it."
        findings.problem(JOB, note, f"mlmgmt batch status {words} --job {job}")
    else:
        findings.ok(JOB, f"The last of {siblings.title(trainer)!r}, {job}, is {state}.")


def _details(body: Mapping[str, Any]) -> str:
    text = " ".join(str(body.get("details") or body.get("error") or "").split())
    return text[:400] or "its status says why."


def request(session: Session, revision: Revision, document: Mapping[str, Any], findings: Findings) -> None:
    """Hold a job document against a service, as Submit does, and the data that it names against the columns."""
    try:
        checked = requests.read(session, revision.document, document)
    except MlmgmtError as error:
        findings.refused(REQUEST, error, error.hint or _names(revision, error))
        return
    findings.ok(REQUEST, "It would be taken.")
    for port, blob in checked.inputs.items():
        if blob.path.casefold().endswith((".csv", ".tsv")) and session.store.blobs.exists(blob):
            _columns(revision, port, blob.name, session.store.blobs.read(blob), findings)


def _names(revision: Revision, error: MlmgmtError) -> str | None:
    """The right names, where a parameter's is wrong."""
    if not {"UnexpectedParameter", "MissingRequiredGlobalParameters"} & set(error.codes()):
        return None
    known = sample_code.parameters_of(revision.document["properties"])
    return f"GlobalParameters: {', '.join(known)}" if known else "It has no web service parameters."


def data(revision: Revision, source: Source, findings: Findings) -> None:
    """Hold the header of a CSV file against the columns of the first input."""
    ports = list((revision.document["properties"].get("input") or {}).get("properties") or {})
    if not ports:
        findings.skipped(DATA, "The service declares no input.")
        return
    _columns(revision, ports[0], source.name, source.data, findings)


def _columns(revision: Revision, port: str, name: str, content: bytes, findings: Findings) -> None:
    declared = sample_code.columns_of(revision.document["properties"], port)
    if not declared:
        findings.skipped(DATA, f"The input {port!r} declares no columns.")
        return
    try:
        text = decode(content[:_BEGINNING]).decode(errors="replace")
    except MlmgmtError as error:
        findings.problem(DATA, f"{name}: {said(error)}")
        return
    line = next(csv.reader(io.StringIO(text), delimiter="\t" if name.casefold().endswith(".tsv") else ","), [])
    header = [cell.strip() for cell in line]
    listed = ",".join(declared)
    # Names are found in any letter case, as a run finds them.
    folded = {cell.casefold() for cell in header}
    if not folded & {column.casefold() for column in declared}:
        note = f"{name} has no header: its first line is {','.join(header)[:60]!r}."
        findings.problem(DATA, note, f"Its first line is: {listed}; or name it .nh.csv in a job without a header.")
        return
    lacking = [column for column, body in declared.items() if column.casefold() not in folded and not _optional(body)]
    if lacking:
        note = f"{name} lacks the {'column' if len(lacking) == 1 else 'columns'} {', '.join(map(repr, lacking))}."
        near = _near(lacking, [column for column in header if column not in declared])
        findings.problem(DATA, note, f"{near}The input {port!r} has: {listed}")
        return
    findings.ok(DATA, f"{name} has the columns of {port!r}.")


def _optional(body: Any) -> bool:
    return isinstance(body, dict) and bool(body.get("x-ms-isnullable"))


def _near(lacking: list[str], spare: list[str]) -> str:
    from difflib import get_close_matches

    folded = {column.casefold(): column for column in spare}
    pairs = [(column, get_close_matches(column.casefold(), folded, n=1, cutoff=_NEAR_ENOUGH)) for column in lacking]
    told = [f"{folded[found[0]]!r} may be {column!r}." for column, found in pairs if found]
    return f"{' '.join(told)} " if told else ""
