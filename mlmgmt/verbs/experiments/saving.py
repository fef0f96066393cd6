"""Experiments in the form of Studio's own API: saved with their whole graph, and run unless they are drafts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.definition import studio
from mlmgmt.definition.document import compact
from mlmgmt.errors import BadRequest
from mlmgmt.verbs.experiments import experiments, files, running
from mlmgmt.verbs.outcome import Outcome, no_comparison
from mlmgmt.verbs.userfiles import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.verbs.session import Session

_WRITE = "Microsoft.MachineLearning/workspaces/experiments/write"
_PARTS = ("Graph", "WebService")


def get(session: Session, *, experiment: str) -> dict[str, Any]:
    """Return an experiment with its graph in Studio's format.

    Raises:
        NotFound: `ExperimentNotFound`.
    """
    found = experiments.get(session, experiment=experiment)
    shown = {name: value for name, value in found.items() if name not in ("Run", "Definition")}
    return shown | files.graph_of(experiments.existing(session, found["ExperimentId"]))


def plan_save(
    session: Session,
    *,
    graph: Mapping[str, Any] | None,
    service: Mapping[str, Any] | None = None,
    name: str | None = None,
    experiment: str | None = None,
    run: bool = False,
) -> Outcome:
    """Plan to save an experiment: a new one, or a new state of one that exists.

    Args:
        graph, service: `Graph` and `WebService` of Studio's format. If they differ only in what does not change a run,
            such as comments and layout, the experiment keeps its last run, and what the format cannot express: the
            names of its models, and the columns of its ports.
        name: the name of a new experiment; an existing one keeps its name.
        experiment: the experiment to overwrite; None for a new one.
        run: run it after saving.

    Raises:
        NotFound: `ExperimentNotFound`. Conflict: `ExperimentExists`, `ExperimentRunning`.
        BadRequest: `InvalidExperimentGraph`, `InvalidExperimentName`; `ExperimentRenamed`.
        MlmgmtError: the run failed; the experiment is saved, and is `Failed`.
    """
    current = experiments.existing(session, experiment) if experiment is not None else None
    session.require(_WRITE, experiment or name or "")
    title = current["Description"] if current is not None else name or ""
    if current is not None and name not in (None, title):
        message = f"The experiment is named {title!r}; it cannot be renamed."
        raise BadRequest(message, detail="ExperimentRenamed", target="Description")
    given = {part: value for part, value in zip(_PARTS, (graph, service), strict=True) if value is not None}
    before: dict[str, Any] = {"Graph": {"ModuleNodes": []}}
    if current is not None:
        before = current.get("Studio", {}).get("Other", {}) | files.graph_of(current)
        before["Summary"] = current.get("Summary") or ""
    after, imported = before | given, None
    if current is None or not _runs_the_same(before, after):
        experiments.refuse_bad_name(title)
        source = Source("the request", compact(after))
        imported = files.plan_import(session, input_file=source, new_name=title, overwrite=current is not None)

    def commit() -> dict[str, Any]:
        identity = current["ExperimentId"] if current is not None else ""
        if imported is not None:
            identity = imported.apply()["ExperimentId"]
        elif current is not None and after != before:
            experiments.replace(session, {**current, "Studio": studio.parts_of(after)}, is_new=False)
        if run:
            running.run(session, experiment=identity)
        return get(session, experiment=identity)

    return Outcome(target=title, before=current, after={}, commit=commit, compared=no_comparison)


def _runs_the_same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return before == after or studio.to_graph(before) == studio.to_graph(after)
