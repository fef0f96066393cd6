"""Experiments as Studio's own API takes and gives them: saved whole, graph and all, and run unless they are drafts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.definition.document import compact
from mlmgmt.errors import BadRequest, Detail
from mlmgmt.verbs.experiments import experiments, files
from mlmgmt.verbs.outcome import Outcome, no_comparison
from mlmgmt.verbs.userfiles import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.verbs.session import Session

_WRITE = "Microsoft.MachineLearning/workspaces/experiments/write"
_PARTS = ("Graph", "WebService")


def get(session: Session, *, experiment: str) -> dict[str, Any]:
    """An experiment with its graph in Studio's format.

    Raises:
        NotFound: `ExperimentNotFound`.
    """
    found = experiments.get(session, experiment=experiment)
    shown = {name: value for name, value in found.items() if name not in ("Run", "Definition")}
    return shown | files.graph_of(found)


def plan_save(
    session: Session,
    *,
    graph: Mapping[str, Any] | None,
    service: Mapping[str, Any] | None = None,
    name: str | None = None,
    experiment: str | None = None,
    run: bool = False,
) -> Outcome:
    """Plan to save an experiment, a new one or over one that stands.

    Args:
        graph, service: `Graph` and `WebService` of Studio's format; the same that stand leave an experiment as it is,
            with all that the format does not say: the names of its models, the columns of its ports.
        name: of a new experiment; one that stands keeps its own.
        experiment: the one that is saved; None for a new one.
        run: and run it.

    Raises:
        NotFound: `ExperimentNotFound`. Conflict: `ExperimentExists`, `ExperimentRunning`.
        BadRequest: `InvalidExperimentGraph`, `InvalidExperimentName`; `ExperimentRenamed`.
        MlmgmtError: what running it raises; it is then saved, and `Failed`.
    """
    standing = experiments.existing(session, experiment) if experiment is not None else None
    session.require(_WRITE, experiment or name or "")
    title = standing["Description"] if standing is not None else name or ""
    if standing is not None and name not in (None, title):
        message = f"The experiment is called {title!r}, and cannot be given another name."
        raise BadRequest(message, target="Description", details=[Detail("ExperimentRenamed", message)])
    given = {part: value for part, value in zip(_PARTS, (graph, service), strict=True) if value is not None}
    imported = None
    if standing is None or not _is_the_same(given, standing):
        experiments.refuse_unnamable(title)
        before = files.graph_of(standing) if standing is not None else {"Graph": {"ModuleNodes": []}}
        source = Source("the request", compact(before | given))
        imported = files.plan_import(session, input_file=source, new_name=title, overwrite=standing is not None)

    def commit() -> dict[str, Any]:
        identity = standing["ExperimentId"] if standing is not None else ""
        if imported is not None:
            identity = imported.apply()["ExperimentId"]
        if run:
            experiments.run(session, experiment=identity)
        return get(session, experiment=identity)

    return Outcome(target=title, before=standing, after={}, commit=commit, compared=no_comparison)


def _is_the_same(given: Mapping[str, Any], standing: Mapping[str, Any]) -> bool:
    found = files.graph_of(standing)
    return all(found[part] == value for part, value in given.items())
