"""Experiments: training and predictive graphs of the home's workspace, run as a whole."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Conflict, Detail, MlmgmtError, NotFound
from mlmgmt.store import blobs, lock
from mlmgmt.verbs import artifacts, execution, worker
from mlmgmt.verbs.outcome import Outcome
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.learning.runner import Run
    from mlmgmt.verbs.session import Session

DRAFT, RUNNING, FINISHED, FAILED = "Draft", "Running", "Finished", "Failed"
DATASETS = "datasets"
_ACTION = "Microsoft.MachineLearning/workspaces/experiments/write"


def get(session: Session, *, experiment: str | None = None) -> Any:
    """An experiment by its id or name, or a list of all.

    Raises:
        NotFound: `ExperimentNotFound`.
    """
    if experiment is not None:
        return existing(session, experiment)
    return [
        {
            "Description": body["Description"],
            "StatusCode": body["Status"]["StatusCode"],
            "CreationTime": body["Status"]["CreationTime"][:19],
            "EndTime": (body["Status"].get("EndTime") or "")[:19] or None,
            "ExperimentId": body["ExperimentId"],
        }
        for body in session.store.experiments.all()
    ]


def existing(session: Session, experiment: str) -> dict[str, Any]:
    """An experiment that exists, by its id or by its name in any letter case.

    Raises:
        NotFound: `ExperimentNotFound`.
        BadRequest: `AmbiguousExperiment`: several have that name.
    """
    bodies = list(session.store.experiments.all())
    key = experiment.casefold()
    found = [b for b in bodies if experiment == b["ExperimentId"]] or [
        b for b in bodies if key == b["Description"].casefold()
    ]
    if not found:
        known = ", ".join(repr(body["Description"]) for body in bodies)
        message = f"There is no experiment {experiment!r}."
        hint = f"There are: {known}." if known else "Make one: mlmgmt new-experiment, or mlmgmt import-experiment"
        details = [Detail("ExperimentNotFound", message)]
        raise NotFound(message, target="ExperimentId", details=details, hint=hint)
    if len(found) > 1:
        message = f"{len(found)} experiments are called {experiment!r}; name one by its id."
        hint = ", ".join(body["ExperimentId"] for body in found)
        details = [Detail("AmbiguousExperiment", message)]
        raise BadRequest(message, target="ExperimentId", details=details, hint=hint)
    return found[0]


def made(
    session: Session, name: str, definition: Mapping[str, Any], *, summary: str = "", parent: str | None = None
) -> dict[str, Any]:
    """The document of a new experiment. Nothing is written."""
    return {
        "ExperimentId": f"{session.store.experiments.workspace}.f-id.{uuid.uuid4().hex}",
        "ParentExperimentId": parent,
        "Description": name,
        "Summary": summary,
        "Creator": session.caller,
        "Category": "user",
        "Status": {
            "StatusCode": DRAFT,
            "StatusDetail": None,
            "CreationTime": stamp(session.clock()),
            "StartTime": None,
            "EndTime": None,
        },
        "Run": None,
        "Definition": dict(definition),
    }


def refuse_taken(session: Session, name: str) -> None:
    """Raise Conflict (`ExperimentExists`) where a name is taken: commands find experiments by it."""
    if any(body["Description"].casefold() == name.casefold() for body in session.store.experiments.all()):
        message = f"There is an experiment {name!r} already."
        hint = f"Give another name, or: mlmgmt remove-experiment {name!r}"
        raise Conflict(message, target=name, details=[Detail("ExperimentExists", message)], hint=hint)


def keep_dataset(session: Session, name: str, data: bytes) -> str:
    """Copy a table into the home's storage account; returns its uri. The same bytes are kept once.

    Raises:
        NotFound: `AccountNotRegistered`.
    """
    from hashlib import sha256

    accounts = session.store.blobs.accounts()
    if not accounts:
        text = "This home has no storage account."
        raise NotFound(text, details=[Detail("AccountNotRegistered", text)], hint="mlmgmt Connect-AzAccount")
    stem, dot, suffix = name.rpartition(".")
    path = f"{stem if dot else name}-{sha256(data).hexdigest()[:12]}.{suffix.lower() if dot else 'csv'}"
    blob = blobs.Blob(accounts[0], DATASETS, path)
    if not session.store.blobs.exists(blob):
        session.store.blobs.write(blob, data)
    return blob.uri


def run(session: Session, *, experiment: str) -> dict[str, Any]:
    """Run an experiment's whole graph, here and now.

    Returns:
        its `Status`, the time and rows of each node, and what its Evaluate Model says.

    Raises:
        NotFound: the experiment.
        Conflict: `ExperimentRunning`.
        MlmgmtError: the graph cannot be run, or a module fails; the experiment is then `Failed`.
    """
    session.require(_ACTION, experiment)
    body = existing(session, experiment)
    ran(session, body)
    return summary_of(body)


def summary_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a run came to."""
    return {
        "ExperimentId": body["ExperimentId"],
        "Description": body["Description"],
        "Status": body["Status"],
        **(body["Run"] or {}),
    }


def ran(session: Session, body: dict[str, Any]) -> Run:
    """Run an experiment and record how it went; raises what `run` does."""
    from mlmgmt.learning.plan import Plan
    from mlmgmt.learning.sketch import Sketch

    with lock.hold(session.store.home.root, f"experiments/{body['ExperimentId']}", patience=0.5):
        _record(session, body, StatusCode=RUNNING, StatusDetail=None, StartTime=stamp(session.clock()), EndTime=None)
        try:
            plain = Sketch(body["Definition"]).without_service_ports()
            if not plain.nodes:
                message = "The experiment has no modules."
                raise BadRequest(message, target="ExperimentId", details=[Detail("ExperimentEmpty", message)])
            done = execution.execute(session, Plan(plain.document, everything=True), {})
        except MlmgmtError as error:
            _failed(session, body, worker.explained(error))
            raise
        except BaseException as error:
            _failed(session, body, f"{type(error).__name__}: {error}")
            raise
        body["Run"] = {"Nodes": [report.as_json() for report in done.reports], "Evaluation": _evaluation(done)}
        _record(session, body, StatusCode=FINISHED, EndTime=stamp(session.clock()))
    return done


def _failed(session: Session, body: dict[str, Any], detail: str) -> None:
    _record(session, body, StatusCode=FAILED, StatusDetail=detail, EndTime=stamp(session.clock()))


def _record(session: Session, body: dict[str, Any], **status: Any) -> None:
    body["Status"] = body["Status"] | status
    session.store.experiments.write(body)


def _evaluation(done: Run) -> list[dict[str, Any]]:
    """The lines of every Evaluate Model."""
    tables = [value for (_, port), value in done.ports.items() if port == "Evaluation results"]
    lines = [line for table in tables for line in table.frame.to_dict("records")]
    return [
        {str(name): artifacts.number(value) if isinstance(value, float) else value for name, value in line.items()}
        for line in lines
    ]


def plan_remove(session: Session, *, experiment: str) -> Outcome:
    """Plan to remove an experiment. Its datasets and models stay.

    Raises:
        NotFound: the experiment.
    """
    session.require("Microsoft.MachineLearning/workspaces/experiments/delete", experiment)
    body = existing(session, experiment)

    def commit() -> None:
        session.store.experiments.remove(body["ExperimentId"])

    return Outcome(target=body["Description"], before=body, after=None, commit=commit)
