"""Turn a training experiment into web services, like Set Up Web Service in Studio.

Documented is: the input goes to the port of the data; a retraining service returns the trained model and the
evaluation; a predictive service keeps the preparation, replaces trainer and learner by the saved model, inserts Apply
Transformation for what the preparation learnt, and removes splitting, evaluation and everything that is only on the
test branch. The exact place of the nodes is our choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.definition.assets import RESULTS_PORT
from mlmgmt.errors import BadRequest
from mlmgmt.learning.graph_builder import Sketch
from mlmgmt.learning.plan import GraphPlan
from mlmgmt.modules import catalogue, ngrams
from mlmgmt.modules.base import PortType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TRAINERS = {
    "Train Model": ("Dataset", "Trained model"),
    "Tune Model Hyperparameters": ("Training dataset", "Trained best model"),
    "Train Clustering Model": ("Dataset", "Trained model"),
}
"""The modules that train, with the ports for the rows and for the model."""
_SCORERS = ("Score Model", "Assign Data to Clusters")
_EVALUATE = ("Evaluate Model", "Evaluation results")


def trainer(plan: GraphPlan) -> str:
    """Return the one node of a training graph that trains.

    Raises:
        BadRequest: `NoTrainer` or `SeveralTrainers`; the hint says what to do.
    """
    found = plan.nodes_of(*TRAINERS)
    if len(found) == 1:
        return found[0]
    if not found:
        hint = "Connect a learner and the data to Train Model, set its Label column, and run the experiment."
        raise BadRequest(
            "The experiment trains nothing: it has no Train Model.",
            detail="NoTrainer",
            target="ExperimentId",
            hint=hint,
        )
    listed = ", ".join(f"{plan.modules[node].name} ({node})" for node in found)
    hint = "Move each model to its own experiment: a web service uses one model."
    raise BadRequest(
        f"The experiment trains {len(found)} models: {listed}.",
        detail="SeveralTrainers",
        target="ExperimentId",
        hint=hint,
    )


def entry_edges(sketch: Sketch, plan: GraphPlan, node: str, port: str) -> list[dict[str, str]]:
    """Return the edges where rows enter the branch that leads to a port: from a dataset or a module without input."""
    found: list[dict[str, str]] = []
    seen: set[str] = set()
    wanted = [edge for edge in sketch.into(node) if _input_name(plan, edge) == port]
    while wanted:
        edge = wanted.pop(0)
        source = edge["sourceNodeId"]
        tables = [other for other in sketch.into(source) if source in plan.modules and _carries_rows(plan, other)]
        if not tables:
            found.append(edge)
        elif source not in seen:
            wanted += tables
        seen.add(source)
    return found


def _input_name(plan: GraphPlan, edge: Mapping[str, str]) -> str:
    return plan.input_port(edge["targetNodeId"], edge.get("targetPortId")).name


def _carries_rows(plan: GraphPlan, edge: Mapping[str, str]) -> bool:
    port = plan.input_port(edge["targetNodeId"], edge.get("targetPortId"))
    return port.type is PortType.DATASET and not port.look_up


def retraining(document: Mapping[str, Any]) -> Sketch:
    """Turn a training experiment into a retraining service. Its input takes the place of the dataset; its outputs are
    the model and each evaluation.

    Raises:
        BadRequest: it trains no model or several, or its rows come from several sources.
    """
    sketch = Sketch(document).without_service_ports()
    plan = GraphPlan(sketch.document, everything=True)
    node = trainer(plan)
    rows, model = TRAINERS[plan.modules[node].name]
    _connect_input(sketch, plan, "input1", entry_edges(sketch, plan, node, rows))
    sketch.connect(node, model, sketch.port("outputId", "output1"), None)
    for number, evaluation in enumerate(plan.nodes_of(_EVALUATE[0]), start=2):
        sketch.connect(evaluation, _EVALUATE[1], sketch.port("outputId", f"output{number}"), None)
    return sketch


def _connect_input(sketch: Sketch, plan: GraphPlan, name: str, edges: list[dict[str, str]]) -> None:
    """Connect an input to the ports that edges lead to. The dataset stays connected, as the source of the types."""
    node = sketch.port("inputId", name)
    fed = {_origin(plan, edge) for edge in edges}
    if len(fed) > 1:
        hint = "Join them into one dataset first, or write a definition with several inputs by hand."
        raise BadRequest(
            f"The rows come from {len(fed)} sources; one input cannot replace them all.",
            detail="SeveralSources",
            target="ExperimentId",
            hint=hint,
        )
    for edge in [edge for edge in sketch.edges if _origin(plan, edge) in fed and edge["targetNodeId"] in plan.modules]:
        sketch.connect(node, None, edge["targetNodeId"], edge.get("targetPortId"))


def _origin(plan: GraphPlan, edge: Mapping[str, str]) -> tuple[str, str]:
    """Return the node and port that an edge comes from; "" for the only port of a Resource."""
    source = edge["sourceNodeId"]
    return source, plan.output_port(source, edge.get("sourcePortId")).name if source in plan.modules else ""


def predictive(document: Mapping[str, Any], save: Callable[[str, str], tuple[str, str]]) -> Sketch:
    """Turn a training experiment into a predictive service.

    Args:
        save: saves the value that a node's output port had in the last run; returns the name and uri of the new asset.

    Raises:
        BadRequest: it trains no model or several, or its rows come from several sources.
    """
    sketch = Sketch(document).without_service_ports()
    plan = GraphPlan(sketch.document, everything=True)
    node = trainer(plan)
    rows, model = TRAINERS[plan.modules[node].name]
    path = _path(sketch, plan, node, rows)
    scorer = _scorer(sketch, plan, node, model)
    sketch.edges[:] = [
        edge for edge in sketch.edges if edge["targetNodeId"] != scorer and edge["targetNodeId"] != node
    ] + [edge for edge in sketch.edges if edge["targetNodeId"] == node and _input_name(plan, edge) == rows]
    (into,) = sketch.into(node)
    sketch.connect(into["sourceNodeId"], into.get("sourcePortId"), scorer, "Dataset")
    name, uri = save(node, model)
    sketch.connect(sketch.resource(name, uri), RESULTS_PORT, scorer, "Trained model")
    for split in [other for other in path if plan.modules[other].name == "Split Data"]:
        _bypass(sketch, split)
    for learning in [other for other in path if _transform_port(plan, other)]:
        _replace_with_transformation(sketch, plan, learning, save)
    for extracting in [other for other in path if plan.modules[other].name == ngrams.EXTRACT_N_GRAM_FEATURES.name]:
        _fix_vocabulary(sketch, plan, extracting, save)
    sketch.drop([other for other in sketch.nodes if other not in _ancestors(sketch, scorer)])
    scores = catalogue.find(sketch.assets[sketch.nodes[scorer]["assetId"]]).outputs[0]
    sketch.connect(scorer, scores.name, sketch.port("outputId", "output1"), None)
    plain = GraphPlan(sketch.document)
    _connect_input(sketch, plain, "input1", entry_edges(sketch, plain, scorer, "Dataset"))
    return sketch


def _path(sketch: Sketch, plan: GraphPlan, node: str, port: str) -> list[str]:
    """Return the modules on the way of the rows to a port."""
    found: list[str] = []
    wanted = [edge["sourceNodeId"] for edge in sketch.into(node) if _input_name(plan, edge) == port]
    while wanted:
        source = wanted.pop(0)
        if source in plan.modules and source not in found:
            found.append(source)
            wanted += [edge["sourceNodeId"] for edge in sketch.into(source)]
    return found


def _scorer(sketch: Sketch, plan: GraphPlan, node: str, model: str) -> str:
    """Return the scoring node that the model is connected to; add one if there is none."""
    for edge in sketch.out_of(node):
        target = edge["targetNodeId"]
        if target in plan.modules and plan.modules[target].name in _SCORERS:
            return target
    clusters = plan.output_port(node, model).type is PortType.TRAINED_CLUSTERS
    return sketch.module(_SCORERS[1] if clusters else _SCORERS[0])


def _bypass(sketch: Sketch, node: str) -> None:
    """Connect the input of a node directly to the targets of its outputs."""
    (into,) = sketch.into(node)
    for edge in sketch.out_of(node):
        sketch.connect(into["sourceNodeId"], into.get("sourcePortId"), edge["targetNodeId"], edge.get("targetPortId"))
    sketch.edges[:] = [edge for edge in sketch.edges if node not in (edge["sourceNodeId"], edge["targetNodeId"])]


def _transform_port(plan: GraphPlan, node: str) -> str | None:
    """Return the output port for the transformation that a module learns; None if it has none."""
    ports = (port.name for port in plan.modules[node].outputs if port.type is PortType.TRANSFORM)
    return next(ports, None)


def _replace_with_transformation(
    sketch: Sketch, plan: GraphPlan, node: str, save: Callable[[str, str], tuple[str, str]]
) -> None:
    """Replace a module that learns a transformation by Apply Transformation with the saved transformation."""
    port = _transform_port(plan, node)
    assert port is not None
    name, uri = save(node, port)
    applied = sketch.module("Apply Transformation")
    learnt = sketch.resource(name, uri)
    sketch.connect(learnt, RESULTS_PORT, applied, "Transformation")
    for edge in sketch.into(node):
        sketch.connect(edge["sourceNodeId"], edge.get("sourcePortId"), applied, "Dataset")
    for edge in sketch.out_of(node):
        rows = plan.output_port(node, edge.get("sourcePortId")).type is PortType.DATASET
        source, given = (applied, "Transformed dataset") if rows else (learnt, RESULTS_PORT)
        sketch.connect(source, given, edge["targetNodeId"], edge.get("targetPortId"))
    sketch.drop([node])


def _fix_vocabulary(sketch: Sketch, plan: GraphPlan, node: str, save: Callable[[str, str], tuple[str, str]]) -> None:
    """Let a node use the n-grams that it extracted in training, since only they are features of the model."""
    name, uri = save(node, ngrams.RESULT_VOCABULARY)
    sketch.edges[:] = [
        edge
        for edge in sketch.edges
        if edge["targetNodeId"] != node or _input_name(plan, edge) != ngrams.INPUT_VOCABULARY
    ]
    sketch.connect(sketch.resource(name, uri), RESULTS_PORT, node, ngrams.INPUT_VOCABULARY)
    parameters = sketch.nodes[node].setdefault("parameters", {})
    for key, value in ((ngrams.MODE, ngrams.READ_ONLY), (ngrams.SELECT, "False")):
        given = next((spelling for spelling in parameters if spelling.casefold() == key.casefold()), key)
        parameters[given] = {"value": value}


def _ancestors(sketch: Sketch, node: str) -> set[str]:
    found: set[str] = set()
    wanted = [node]
    while wanted:
        current = wanted.pop()
        if current not in found:
            found.add(current)
            wanted += [edge["sourceNodeId"] for edge in sketch.into(current)]
    return found
