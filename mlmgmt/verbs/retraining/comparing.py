"""Compare models on held-out rows. Each is scored through the predictive graph, as it will be in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, MlmgmtError
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
    """Evaluate a new model and the deployed one on the held-out rows; return None if no rows are held out.

    Args:
        document: the predictive definition; both models are used in the place of its `model`.
        deployed: the digests of what is deployed, by asset id; without `model` if its file is not available.
        parameters: values of the definition's web service parameters; default: those of its example request.

    Raises:
        BadRequest: the rows have no label, or labels that the new model does not know.
    """
    if held is None:
        return None
    session.stage("evaluating")
    new, count = score(session, document, model, held, fresh, deployed, parameters), len(held.rows)
    digest = deployed.get(model.asset_id)
    if digest is None:
        return Evaluation(new.metrics, None, count, None, "its model is not available in this home", new_scores=new)
    try:
        current, rows, manifest = models.open_model(session, session.store.blobs.model(digest))
        if current.task != fresh.task:
            why = f"it is for another task ({current.task})"
            return Evaluation(new.metrics, None, count, None, why, new_scores=new)
        old = score(session, document, model, held, current, deployed, parameters)
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


def score(
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
    """Score rows with labels with one model, through the predictive graph.

    Args:
        deployed: the digests of the graph's other models, by asset id; not used if `read` is given.
        read: returns the content of an asset.
        outputs: is called with the values of the graph's outputs.

    Raises:
        BadRequest: the graph has several inputs, or the rows have no label, or labels that the model does not know.
    """
    from mlmgmt.learning import graph_parameters, runner, tables
    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.modules.evaluation import compare

    # Run only what the outputs need, so that an evaluation does not export data.
    plan = GraphPlan(document, outputs=tuple(proof.output_ids(document)))
    ports = plan.needs_inputs()
    if len(ports) != 1:
        message = f"A service must have exactly one input to be evaluated on a CSV file; this one has {len(ports)}."
        raise BadRequest(message, detail="InvalidInputNames", target=model.asset_id)
    truth = _truth(held, trained)
    declared = (document["properties"].get("input", {}).get("properties") or {}).get(ports[0])
    typed, _ = tables.to_dataset(held, declared)
    others = read or models.reader(session, document, deployed)
    done = runner.run(
        plan,
        {ports[0]: typed},
        read=lambda asset: trained if asset == model.asset_id else others(asset),
        parameters={**graph_parameters.of_example(document), **(parameters or {})},
        outside=GraphAccess(session),
    )
    if outputs is not None:
        outputs(done.outputs)
    node = _scoring_node(plan, model)
    frame = done.ports[node, plan.modules[node].outputs[0].name].frame
    _refuse_unknown_labels(truth, trained, held)
    metrics = compare(truth, frame, trained.scored)
    return Scores(metrics, truth, frame, trained, done.inputs[node, "Dataset"])


def metrics_of_other(scores: Scores, other: Trained) -> dict[str, float]:
    """Return the metrics of another model on the rows of some scores, as the graph prepared them for its model.

    Raises:
        BadRequest: the rows have labels that the other model does not know.
        ModuleFailure: the rows lack a column that it needs.
    """
    from mlmgmt.modules.evaluation import compare

    known = set(other.classes)
    if known and set(scores.truth.dropna().tolist()) - known:
        message = "The rows have labels that the model does not know."
        raise BadRequest(message, detail="UnknownLabel", target=other.label)
    return compare(scores.truth, other.score(scores.rows), other.scored)


def _truth(held: Cells, trained: Trained) -> pd.Series[Any]:
    """Return the labels of the rows, in the type that the model was trained on; missing values for clustering."""
    import pandas as pd

    from mlmgmt.learning import tables

    if trained.task == "clustering":
        return pd.Series(index=pd.RangeIndex(len(held.rows)), dtype="float64")
    place = next((i for i, name in enumerate(held.columns) if name.casefold() == trained.label.casefold()), None)
    if place is None:
        message = f"{held.source} has no column {trained.label!r}, the label to compare with."
        raise BadRequest(message, detail="InputMismatchError", target=held.source)
    kind = {"Integer": "Integer", "Double": "Number", "Boolean": "Boolean"}.get(trained.label_type, "String")
    cells = tables.Cells((trained.label,), [[row[place]] for row in held.rows], held.source, held.lines)
    label, _ = tables.to_dataset(cells, {"properties": {trained.label: {"type": kind}}})
    return label.frame[trained.label]


def _refuse_unknown_labels(truth: pd.Series[Any], trained: Trained, held: Cells) -> None:
    known = set(trained.classes)
    strange = sorted({str(value) for value in set(truth.dropna().tolist()) - known}) if known else []
    if strange:
        listed = ", ".join(map(repr, trained.classes))
        message = f"{held.source} has labels that the model does not know: {', '.join(strange[:5])}. It knows {listed}."
        raise BadRequest(message, detail="UnknownLabel", target=trained.label)


def _scoring_node(plan: Any, model: TrainedModel) -> str:
    for node in plan.nodes_of("Score Model", "Assign Data to Clusters"):
        source = plan.source(node, "Trained model")
        if source is not None and plan.graph.nodes[source[0]].get("assetId") == model.asset_id:
            return str(node)
    raise BadRequest(f"No Score Model of the service uses {model}.", detail="ModelNotScored", target=model.asset_id)


def overlap(rows: Any, held: Cells) -> int | None:
    """Count the held-out rows that a model was trained on, by the row digests in its file; None if it has none."""
    if rows is None:
        return None
    import numpy as np

    from mlmgmt.learning import digests

    return int(np.isin(digests.row_digests(held), rows).sum())
