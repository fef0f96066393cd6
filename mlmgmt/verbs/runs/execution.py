"""Run a definition's graph on rows, for batch jobs, experiments and retraining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.counts import count_of
from mlmgmt.verbs.runs import models
from mlmgmt.verbs.storage.sources import GraphAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.learning.runner import Run
    from mlmgmt.learning.tables import Cells
    from mlmgmt.verbs.session import Session


def execute(
    session: Session,
    plan: GraphPlan,
    inputs: Mapping[str, Cells],
    *,
    digests: Mapping[str, str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    read: Callable[[str], Any] | None = None,
) -> Run:
    """Run a graph plan on cells typed by the definition's input, and show warnings.

    Args:
        digests: the model of each asset that has one, unless `read` opens the assets.
        parameters: values of the web service parameters, by name.

    Raises:
        BadRequest: the cells do not fit the input; see `runner.run` for the rest.
    """
    from mlmgmt.learning import runner, tables

    _load_libraries(session, plan)
    for note in plan.notes():
        session.warn(note)
    declared = plan.document["properties"].get("input", {}).get("properties") or {}
    typed = {}
    for name, cells in inputs.items():
        typed[name], notes = tables.to_dataset(cells, declared.get(name))
        for note in notes:
            session.warn(note)
    done = runner.run(
        plan,
        typed,
        read=read or models.reader(session, plan.document, digests or {}),
        parameters=parameters,
        outside=GraphAccess(session),
        tell=session.stage,
        report=lambda report: session.detail(node_summary(report.as_json())),
    )
    for line in _learner_notes(done):
        session.warn(line)
    return done


def _load_libraries(session: Session, plan: GraphPlan) -> None:
    """Load the learning libraries now, so that the first node's time does not include it."""
    modules = plan.modules.values()
    if any(module.category.startswith("Machine Learning") or module.name == "Split Data" for module in modules):
        session.stage("loading scikit-learn")
        import sklearn.compose
        import sklearn.model_selection
        import sklearn.pipeline  # noqa: F401


def node_summary(node: Mapping[str, Any]) -> str:
    """Return a node's time, rows and columns in one line; see `NodeReport.as_json`."""
    shapes = ", ".join(
        f"{port}: {count_of(s['Rows'], 'row')}, {count_of(s['Columns'], 'column')}"
        for port, s in node["Outputs"].items()
    )
    return f"{node['Node']} ({node['Module']}): {node['Seconds']:.3f} s{'; ' if shapes else ''}{shapes}"


def _learner_notes(done: Run) -> list[str]:
    from mlmgmt.modules.learners import Trained

    trained = [value for value in done.ports.values() if isinstance(value, Trained)]
    return list(dict.fromkeys(f"{model.learner}: {note}" for model in trained for note in model.notes))
