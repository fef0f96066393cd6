"""The process that works on one batch job. It is started by `jobs.start` and holds the job's lock until it ends."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import MlmgmtError
from mlmgmt.store import blobs
from mlmgmt.verbs import artifacts, execution, jobs, references, scoring
from mlmgmt.verbs.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmgmt.ids import ResourceId
    from mlmgmt.learning.runner import Run
    from mlmgmt.learning.tables import Cells

_CONTAINER = "experimentoutput"


def main(words: list[str]) -> int:
    home, group, name, job = words
    session = Session(home_option=home, tell=_say, detail=_say)
    resource = session.service_id(group, name)
    try:
        changes = _worked(session, resource, job)
    except MlmgmtError as error:
        changes = {"state": jobs.FAILED, "details": explained(error)}
    except Exception as error:
        import traceback

        traceback.print_exc()
        changes = {"state": jobs.FAILED, "details": f"InternalError: {type(error).__name__}: {error}"}
    jobs.finish(session, resource, job, **changes)
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def explained(error: MlmgmtError) -> str:
    """An error as the one text that a failed job's status has."""
    reasons = "; ".join(f"{detail.code}: {detail.message}" for detail in error.details)
    return f"{error.code}: {error.message}" + (f" ({reasons})" if reasons else "")


def _worked(session: Session, resource: ResourceId, job: str) -> dict[str, Any]:
    store = session.store
    body = store.jobs.read(resource, job)
    revision = store.services.revision(resource, int(body["revision"])) if body else None
    if body is None or revision is None:
        return {"state": jobs.FAILED, "details": "The job, or the revision of the service that it is for, is gone."}
    with _processor(session):
        from mlmgmt.learning.plan import Plan

        inputs = {port: read_cells(session, blobs.Blob(**blob), port) for port, blob in body["inputs"].items()}
        plan = Plan(revision.document)
        done = execution.execute(
            session,
            plan,
            named(plan.document, inputs),
            digests=scoring.digests_of(revision),
            parameters=store.secrets.job(job),
        )
        wanted = {port: blobs.Blob(**blob) for port, blob in body["outputs"].items()}
        made = written(session, done, wanted, data=_names(body), seen=inputs, service=str(resource))
    return {
        "state": jobs.FINISHED,
        "results": {port: references.stored(blob) for port, blob in made.items()},
        "nodes": [report.as_json() for report in done.reports],
    }


def _names(body: Mapping[str, Any]) -> str:
    return ", ".join(blob["path"].rsplit("/", 1)[-1] for blob in body["inputs"].values()) or "the graph's own data"


@contextmanager
def _processor(session: Session) -> Iterator[None]:
    """One of the home's places to compute in, as many as there are processors; the others wait."""
    import filelock

    folder = session.store.home.root / "jobs"
    while True:
        for place in range(os.cpu_count() or 1):
            with suppress(filelock.Timeout), filelock.FileLock(folder / f"processor-{place}.lock", timeout=0):
                yield
                return
        time.sleep(0.1)


def read_cells(session: Session, blob: blobs.Blob, port: str) -> Cells:
    """The table of an input's blob.

    Raises:
        NotFound: the blob is gone.
        BadRequest: it is no such table.
    """
    from mlmgmt.learning import tables

    data = session.store.blobs.read(blob)
    suffix = references.require_suffix(blob.path, references.INPUT_SUFFIXES, port)
    return tables.read_file(data, blob.path.rsplit("/", 1)[-1], suffix)


def named(document: Mapping[str, Any], inputs: Mapping[str, Cells]) -> dict[str, Cells]:
    """Inputs whose file had no header get the names that the definition declares."""
    from dataclasses import replace

    declared = document["properties"].get("input", {}).get("properties") or {}
    found = {}
    for port, cells in inputs.items():
        names = tuple((declared.get(port) or {}).get("properties") or ())
        bare = cells.headless and len(names) == len(cells.columns)
        found[port] = replace(cells, columns=names) if bare else cells
    return found


def written(
    session: Session,
    done: Run,
    wanted: Mapping[str, blobs.Blob],
    *,
    data: str,
    seen: Mapping[str, Cells],
    service: str | None,
) -> dict[str, blobs.Blob]:
    """Write what a run gave to blobs: those that are wanted, else to the home's first account.

    Args:
        data: the name of what was read; `seen` its cells, by input.
    """
    import uuid

    from mlmgmt.modules.learners import Trained

    made = {}
    folder = uuid.uuid4().hex
    for output, value in done.outputs.items():
        blob = wanted.get(output)
        suffix = _suffix(value, blob)
        cells = next(iter(seen.values())) if len(seen) == 1 else None
        if isinstance(value, Trained):
            metrics = own_metrics(done)
            facts = artifacts.facts_of(session, value, data=data, seen=cells, service=service, metrics=metrics)
        else:
            facts = {"data": data, "service": service, "versions": artifacts.versions()}
        content = artifacts.content(session, value, facts, suffix=suffix, rows=cells)
        if blob is None:
            blob = blobs.Blob(session.store.blobs.accounts()[0], _CONTAINER, f"{folder}/{uuid.uuid4().hex}{suffix}")
        session.store.blobs.write(blob, content)
        made[output] = blob
    return made


def _suffix(value: Any, blob: blobs.Blob | None) -> str:
    allowed = artifacts.suffixes(value)
    if blob is None:
        return allowed[0]
    return next((suffix for suffix in allowed if blob.path.casefold().endswith(suffix)), allowed[0])


def own_metrics(done: Run) -> dict[str, float] | None:
    """The first line of the run's own Evaluate Model, if it has one."""
    found = next((value for (_, port), value in done.ports.items() if port == "Evaluation results"), None)
    if found is None or found.frame.empty:
        return None
    line = found.frame.iloc[0].to_dict()
    return {str(name): float(value) for name, value in line.items() if isinstance(value, (int, float))}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
