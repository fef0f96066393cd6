"""Comparing models on rows that were held out, each through the predictive graph, which is how they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail, MlmgmtError
from mlmgmt.learning.comparison import Evaluation, Scores
from mlmgmt.verbs.runs import models, proof
from mlmgmt.verbs.storage.sources import GraphAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from mlmgmt.definition.assets import TrainedModel
    from mlmgmt.learning.tables import Cells
    from mlmgmt.modules.learners import Trained
    from mlmgmt.verbs.session import Session


def evaluate(
    session: Session,
    document: Mapping[str, Any],
    model: TrainedModel,
    fresh: Trained,
    held: Cells | None,
    deployed: Mapping[str, str],
    parameters: Mapping[str, Any] | None = None,
) -> Evaluation | None:
    """A new model and the deployed one on the rows held out; None when there are none.

    Args:
        document: the predictive definition, whose `model` they stand for.
        deployed: the digests of what is deployed, by asset id; without `model` when none is available.
        parameters: values of the definition's web service parameters; those of its example request stand in for them.

    Raises:
        BadRequest: the rows have no label, or labels that the new model does not know.
    """
    if held is None:
        return None
    session.stage("evaluating")
    new, count = scored(session, document, model, held, fresh, deployed, parameters), len(held.rows)
    digest = deployed.get(model.asset_id)
    if digest is None:
        return Evaluation(new.metrics, None, count, None, "its model is not available in this home", new_scores=new)
    try:
        standing, rows, manifest = models.open_model(session, session.store.blobs.model(digest))
        if standing.task != fresh.task:
            why = f"it is for another task ({standing.task})"
            return Evaluation(new.metrics, None, count, None, why, new_scores=new)
        old = scored(session, document, model, held, standing, deployed, parameters)
    except MlmgmtError as error:
        return Evaluation(new.metrics, None, count, None, error.message, new_scores=new)
    return Evaluation(
        new=new.metrics,
        old=old.metrics,
        rows=count,
        overlap=overlap(rows, held),
        unable=None,
        deployed=manifest["payload"]["sha256"],
        new_scores=new,
        old_scores=old,
        old_facts=manifest,
    )


def scored(
    session: Session,
    document: Mapping[str, Any],
    model: TrainedModel,
    held: Cells,
    trained: Trained,
    deployed: Mapping[str, str],
    parameters: Mapping[str, Any] | None = None,
    *,
    read: Callable[[str], Any] | None = None,
    outputs: Callable[[Mapping[str, Any]], None] | None = None,
) -> Scores:
    """One model on rows with labels, through the predictive graph.

    Args:
        deployed: the digests of the graph's other models, by asset id; or `read` opens what an asset holds.
        outputs: is given what the graph's outputs carry.

    Raises:
        BadRequest: the graph has several inputs, or the rows have no label, or labels that the model does not know.
    """
    from mlmgmt.learning import runner, tables
    from mlmgmt.learning.plan import Plan
    from mlmgmt.modules.evaluation import compare

    # The outputs alone: nothing is exported for the sake of measuring.
    plan = Plan(document, outputs=tuple(proof.output_ids(document)))
    ports = plan.needs_inputs()
    if len(ports) != 1:
        message = "Only a service with one input can be evaluated on a CSV file."
        raise BadRequest(message, target=model.asset_id, details=[Detail("InvalidInputNames", message)])
    truth = _truth(held, trained)
    declared = (document["properties"].get("input", {}).get("properties") or {}).get(ports[0])
    typed, _ = tables.typed(held, declared)
    others = read or models.reader(session, document, deployed)
    done = runner.run(
        plan,
        {ports[0]: typed},
        read=lambda asset: trained if asset == model.asset_id else others(asset),
        parameters={**_example_parameters(document), **(parameters or {})},
        outside=GraphAccess(session),
    )
    if outputs is not None:
        outputs(done.outputs)
    node = _scoring_node(plan, model)
    frame = done.ports[node, plan.modules[node].outputs[0].name].frame
    _refuse_strangers(truth, trained, held)
    metrics = compare(truth, frame, trained.scored)
    return Scores(metrics, truth, frame, trained, done.inputs[node, "Dataset"])


def beside(scores: Scores, other: Trained) -> dict[str, float]:
    """The metrics of another model on the rows that one was scored on, as the graph gives them to either.

    Raises:
        BadRequest: the rows have labels that the other model does not know.
        ModuleFailure: they lack what it needs.
    """
    from mlmgmt.modules.evaluation import compare

    known = set(other.classes)
    if known and set(scores.truth.dropna().tolist()) - known:
        message = "The rows have labels that the model does not know."
        raise BadRequest(message, target=other.label, details=[Detail("UnknownLabel", message)])
    return compare(scores.truth, other.score(scores.rows), other.scored)


def _example_parameters(document: Mapping[str, Any]) -> dict[str, Any]:
    return dict((document["properties"].get("exampleRequest") or {}).get("globalParameters") or {})


def _truth(held: Cells, trained: Trained) -> pd.Series[Any]:
    """The labels of the rows, of the type that the model was trained on; nothing for a clustering."""
    import pandas as pd

    from mlmgmt.learning import tables

    if trained.task == "clustering":
        return pd.Series(index=pd.RangeIndex(len(held.rows)), dtype="float64")
    place = next((i for i, name in enumerate(held.columns) if name.casefold() == trained.label.casefold()), None)
    if place is None:
        message = f"{held.source} has no label column {trained.label!r} to compare with."
        raise BadRequest(message, target=held.source, details=[Detail("InputMismatchError", message)])
    kind = {"Integer": "Integer", "Double": "Number", "Boolean": "Boolean"}.get(trained.label_type, "String")
    cells = tables.Cells((trained.label,), [[row[place]] for row in held.rows], held.source, held.lines)
    label, _ = tables.typed(cells, {"properties": {trained.label: {"type": kind}}})
    return label.frame[trained.label]


def _refuse_strangers(truth: pd.Series[Any], trained: Trained, held: Cells) -> None:
    known = set(trained.classes)
    strange = sorted({str(value) for value in set(truth.dropna().tolist()) - known}) if known else []
    if strange:
        listed = ", ".join(map(repr, trained.classes))
        message = f"{held.source} has labels that the model does not know: {', '.join(strange[:5])}; it knows {listed}."
        raise BadRequest(message, target=trained.label, details=[Detail("UnknownLabel", message)])


def _scoring_node(plan: Any, model: TrainedModel) -> str:
    for node in plan.nodes_of("Score Model", "Assign Data to Clusters"):
        source = plan.source(node, "Trained model")
        if source is not None and plan.graph.nodes[source[0]].get("assetId") == model.asset_id:
            return str(node)
    message = f"No Score Model of the service uses {model}."
    raise BadRequest(message, target=model.asset_id, details=[Detail("ModelNotScored", message)])


def overlap(rows: Any, held: Cells) -> int | None:
    """How many of some rows a model was trained on, by the digests of rows in its file; None where it has none."""
    if rows is None:
        return None
    import numpy as np

    from mlmgmt.learning import digests

    return int(np.isin(digests.row_digests(held), rows).sum())
