"""Comparing models on rows that were held out, each through the predictive graph, which is how they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail, MlmgmtError
from mlmgmt.verbs import models, proof
from mlmgmt.verbs.outside import Outside

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.definition.assets import TrainedModel
    from mlmgmt.learning.tables import Cells
    from mlmgmt.modules.learners import Trained
    from mlmgmt.verbs.session import Session


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The metrics of two models on the same rows.

    Args:
        old: those of the deployed model; None when it could not be evaluated, and `unable` says why.
        deployed: the SHA-256 of the deployed model's payload, which says which model `old` is about.
        overlap: how many of the rows the deployed model was trained on; None when that is not known.
    """

    new: dict[str, float]
    old: dict[str, float] | None
    rows: int
    overlap: int | None
    unable: str | None
    deployed: str | None = None


def evaluate(
    session: Session,
    document: Mapping[str, Any],
    model: TrainedModel,
    fresh: Trained,
    held: Cells | None,
    digests: Mapping[str, str],
) -> Evaluation | None:
    """A new model and the deployed one on the rows held out; None when there are none.

    Args:
        document: the predictive definition, whose `model` they stand for.
        digests: what is deployed, by asset id; without `model` when none is available.

    Raises:
        BadRequest: the rows have no label, or labels that the new model does not know.
    """
    if held is None:
        return None
    session.stage("evaluating")
    new, count = _metrics(session, document, model, held, fresh, digests), len(held.rows)
    digest = digests.get(model.asset_id)
    if digest is None:
        return Evaluation(new, None, count, None, "its model is not available in this home")
    try:
        deployed, rows, manifest = models.open_model(session, session.store.blobs.model(digest))
        if deployed.task != fresh.task:
            return Evaluation(new, None, count, None, f"it is for another task ({deployed.task})")
        old = _metrics(session, document, model, held, deployed, digests)
    except MlmgmtError as error:
        return Evaluation(new, None, count, None, error.message)
    return Evaluation(new, old, count, _overlap(rows, held), None, manifest["payload"]["sha256"])


def _metrics(
    session: Session,
    document: Mapping[str, Any],
    model: TrainedModel,
    held: Cells,
    trained: Trained,
    digests: Mapping[str, str],
) -> dict[str, float]:
    from mlmgmt.learning import runner, tables
    from mlmgmt.learning.plan import Plan
    from mlmgmt.modules.evaluation import compare

    plan = Plan(document, outputs=tuple(proof.output_ids(document)))
    ports = plan.needs_inputs()
    if len(ports) != 1:
        message = "Only a service with one input can be evaluated on a CSV file."
        raise BadRequest(message, target=model.asset_id, details=[Detail("InvalidInputNames", message)])
    place = next((i for i, name in enumerate(held.columns) if name.casefold() == trained.label.casefold()), None)
    if place is None:
        message = f"{held.source} has no label column {trained.label!r} to compare with."
        raise BadRequest(message, target=held.source, details=[Detail("InputMismatchError", message)])
    declared = (document["properties"].get("input", {}).get("properties") or {}).get(ports[0])
    rows, _ = tables.typed(held, declared)
    read = models.reader(session, document, digests)
    run = runner.run(
        plan,
        {ports[0]: rows},
        read=lambda asset: trained if asset == model.asset_id else read(asset),
        outside=Outside(session),
    )
    node = _score_node(plan, model)
    scored = run.ports[node, "Scored dataset"]
    kind = {"Integer": "Integer", "Double": "Number", "Boolean": "Boolean"}.get(trained.label_type, "String")
    cells = tables.Cells((trained.label,), [[row[place]] for row in held.rows], held.source, held.lines)
    label, _ = tables.typed(cells, {"properties": {trained.label: {"type": kind}}})
    truth = label.frame[trained.label]
    known_labels = set(trained.classes)
    strange = sorted({str(value) for value in set(truth.dropna().tolist()) - known_labels}) if known_labels else []
    if strange:
        known = ", ".join(map(repr, trained.classes))
        message = f"{held.source} has labels that the model does not know: {', '.join(strange[:5])}; it knows {known}."
        raise BadRequest(message, target=trained.label, details=[Detail("UnknownLabel", message)])
    return compare(truth, scored.frame, trained.scored)


def _score_node(plan: Any, model: TrainedModel) -> str:
    for node in plan.nodes_of("Score Model"):
        source = plan.source(node, "Trained model")
        if source is not None and plan.graph.nodes[source[0]].get("assetId") == model.asset_id:
            return str(node)
    message = f"No Score Model of the service uses {model}."
    raise BadRequest(message, target=model.asset_id, details=[Detail("ModelNotScored", message)])


def _overlap(rows: Any, held: Cells) -> int | None:
    if rows is None:
        return None
    import numpy as np

    from mlmgmt.learning import tables

    return int(np.isin(tables.row_digests(held), rows).sum())
