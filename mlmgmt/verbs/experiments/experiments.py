"""Experiments: training and predictive graphs of the home's workspace, run as a whole."""

from __future__ import annotations

import uuid
from contextlib import ExitStack, contextmanager, suppress
from copy import deepcopy
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt.definition import graph
from mlmgmt.definition.schema import Severity
from mlmgmt.errors import BadRequest, Conflict, Detail, MlmgmtError, NotFound
from mlmgmt.store import lock
from mlmgmt.verbs.outcome import Outcome
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlmgmt.store.experiments import Experiment
    from mlmgmt.verbs.session import Session

DRAFT, RUNNING, FINISHED, FAILED = "InDraft", "Running", "Finished", "Failed"
"""The states of an experiment, spelled as in Studio."""
_LONGEST_NAME = 256


def get(session: Session, *, experiment: str | None = None) -> Any:
    """Return an experiment by its id or name, with its run and graph; or a list of all of them, without.

    See `documented` for the members that both have.

    Raises:
        NotFound: `ExperimentNotFound`.
    """
    bodies = _all(session)
    if experiment is None:
        return [documented(body, bodies) for body in bodies]
    body = _named(bodies, experiment)
    return documented(body, bodies) | {"Run": body.get("Run"), "Definition": body["Definition"]}


def _all(session: Session) -> list[Experiment]:
    """Return every experiment, after marking those whose process died as failed."""
    return [_fail_if_dead(session, body) for body in session.experiments.all()]


def _fail_if_dead(session: Session, body: Experiment) -> Experiment:
    if body["Status"]["StatusCode"] == RUNNING:
        # In a read-only home the lock cannot be tried, so the recorded status is returned.
        with suppress(MlmgmtError, OSError):
            session.store.require_writable()
            with locked(session, body):
                body = session.experiments.read(body["ExperimentId"]) or body
                if body["Status"]["StatusCode"] == RUNNING:
                    why = "The process that ran it ended before its run did."
                    body["Status"] = body["Status"] | {"StatusCode": FAILED, "StatusDetail": why}
    return body


@contextmanager
def locked(session: Session, body: Experiment) -> Iterator[None]:
    """Lock an experiment. A run holds the lock until it ends, even if it crashes.

    Raises:
        Conflict: `ExperimentRunning`.
    """
    with ExitStack() as held:
        try:
            held.enter_context(lock.hold(session.store.home.root, f"experiments/{body['ExperimentId']}", patience=0.5))
        except Conflict:
            message = f"The experiment {body['Description']!r} is running."
            hint = "Wait until it ends, or stop the process that runs it."
            raise Conflict(message, detail="ExperimentRunning", target="ExperimentId", hint=hint) from None
        yield


def existing(session: Session, experiment: str) -> Experiment:
    """Return an experiment by its id, or by its name in any letter case.

    Raises:
        NotFound: `ExperimentNotFound`.
        BadRequest: `AmbiguousExperiment`: several experiments have that name.
    """
    return _named(_all(session), experiment)


def _named(bodies: Sequence[Experiment], experiment: str) -> Experiment:
    key = experiment.casefold()
    found = [b for b in bodies if experiment == b["ExperimentId"]] or [
        b for b in bodies if key == b["Description"].casefold()
    ]
    if not found:
        known = ", ".join(repr(body["Description"]) for body in bodies)
        message = f"Experiment {experiment!r} does not exist."
        hint = f"Experiments: {known}." if known else "Make one: mlmgmt new-experiment, or mlmgmt import-experiment"
        raise NotFound(message, detail="ExperimentNotFound", target="ExperimentId", hint=hint)
    if len(found) > 1:
        message = f"{len(found)} experiments are named {experiment!r}. Give the id of one."
        hint = ", ".join(body["ExperimentId"] for body in found)
        raise BadRequest(message, detail="AmbiguousExperiment", target="ExperimentId", hint=hint)
    return found[0]


def new_document(
    session: Session,
    name: str,
    definition: Mapping[str, Any],
    *,
    summary: str = "",
    parent: str | None = None,
    studio: Mapping[str, Any] | None = None,
) -> Experiment:
    """Return the document of a new experiment, without writing it.

    Args:
        studio: the file in Studio's format that its graph came from, in the parts of `studio.parts_of`.
    """
    body: Experiment = {
        "ExperimentId": f"{session.experiments.workspace}.f-id.{uuid.uuid4().hex}",
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
    if studio is not None:
        body["Studio"] = deepcopy(dict(studio))
    return body


def write_new(session: Session, body: Experiment) -> None:
    """Write a new experiment.

    Raises:
        Conflict: `ExperimentExists`: another process has written one with that name.
    """
    with lock.hold(session.store.home.root, "experiments"):
        refuse_taken_name(session, body["Description"])
        session.experiments.write(body)


def refuse_broken(definition: Mapping[str, Any], name: str) -> None:
    """Refuse a graph whose edges lead nowhere, run in a circle, or share a port.

    Raises:
        BadRequest: `InvalidExperimentGraph`, with one detail for each problem.
    """
    wrong = [found.message for found in graph.problems(definition) if found.severity is Severity.ERROR]
    if wrong:
        details = [Detail("InvalidExperimentGraph", message, name) for message in wrong]
        raise BadRequest(f"The graph of {name!r} is broken.", target=name, details=details)


def refuse_taken_name(session: Session, name: str) -> None:
    """Refuse an invalid name, and one that is taken, since commands find experiments by name.

    Raises:
        Conflict: `ExperimentExists`.
        BadRequest: `InvalidExperimentName`.
    """
    refuse_bad_name(name)
    if any(body["Description"].casefold() == name.casefold() for body in session.experiments.all()):
        hint = f"Use another name, or remove it: mlmgmt remove-experiment {name!r}"
        raise Conflict(f"Experiment {name!r} already exists.", detail="ExperimentExists", target=name, hint=hint)


def refuse_bad_name(name: str) -> None:
    """Refuse a name that cannot be typed.

    Raises:
        BadRequest: `InvalidExperimentName`.
    """
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        message = f"Experiment name {name!r} is not valid. Use 1 to {_LONGEST_NAME} visible characters."
        raise BadRequest(message, detail="InvalidExperimentName", target="Name")


def summary_of(body: Experiment) -> dict[str, Any]:
    """Return the status and results of an experiment's last run."""
    return {
        "ExperimentId": body["ExperimentId"],
        "Description": body["Description"],
        "Status": body["Status"],
        **(body["Run"] or {}),
    }


def replace(session: Session, body: Experiment, *, is_new: bool) -> None:
    """Write an experiment that was set up or imported: a new one, or over one that still exists.

    Raises:
        Conflict: `ExperimentExists`, `ExperimentRunning`.
        NotFound: `ExperimentNotFound`: it was removed in the meantime.
    """
    if is_new:
        write_new(session, body)
        return
    with locked(session, body):
        existing(session, body["ExperimentId"])
        session.experiments.write(body)


def plan_remove(session: Session, *, experiment: str) -> Outcome:
    """Plan to remove an experiment, but not its datasets and models. The outcome answers with a sentence.

    Raises:
        NotFound: the experiment.
        Conflict: `ExperimentRunning`.
    """
    session.require("Microsoft.MachineLearning/workspaces/experiments/delete", experiment)
    body = existing(session, experiment)

    def commit() -> str:
        with locked(session, body):
            session.experiments.remove(body["ExperimentId"])
        return f"The experiment {body['Description']!r} ({body['ExperimentId']}) is removed."

    return Outcome(target=body["Description"], before=body, after=None, commit=commit)


_STATUS = ("StatusCode", "StatusDetail", "CreationTime", "StartTime", "EndTime")


def documented(body: Experiment, others: Iterable[Experiment]) -> dict[str, Any]:
    """Return the members of an experiment that Studio documents. `Description` is its name, as in Studio.

    Args:
        others: the experiments of the workspace; an experiment is a leaf if it is not the parent of another.
    """
    identity, status = body["ExperimentId"], body["Status"]
    return {
        "ExperimentId": identity,
        "RunId": body.get("RunId"),
        "ParentExperimentId": body.get("ParentExperimentId"),
        "OriginalExperimentDocumentationLink": None,
        "Summary": body.get("Summary") or "",
        "Description": body["Description"],
        "Status": {**{name: status.get(name) for name in _STATUS}, "Metadata": None},
        "Etag": sha256(orjson.dumps(dict(body), option=orjson.OPT_SORT_KEYS)).hexdigest()[:32],
        "Creator": body.get("Creator"),
        "IsLeaf": not any(other.get("ParentExperimentId") == identity for other in others),
        "DisableNodesUpdate": False,
        "Category": body.get("Category") or "user",
        "Tags": [],
    }
