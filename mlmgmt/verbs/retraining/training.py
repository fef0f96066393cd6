"""Fit a model with a training definition, and make the bytes of its file. Nothing is written here."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mlmgmt.counts import count_of
from mlmgmt.errors import BadRequest
from mlmgmt.ids import file_name
from mlmgmt.store import blobs
from mlmgmt.verbs.runs import artifacts, execution, proof

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.learning.runner import Run
    from mlmgmt.learning.tables import Cells
    from mlmgmt.modules.base import Dataset
    from mlmgmt.modules.learners import Trained
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

HOLDOUT = 0.25
_CONTAINER = "retraining"
LABEL_PARAMETERS = ("Label column", "Name or numerical index of the label column")


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model, the rows it was trained on, the rows held out, and a report for each node of the graph."""

    trained: Trained
    seen: Cells
    held: Cells | None
    held_how: str
    nodes: list[dict[str, Any]]


def fit(
    session: Session,
    document: Mapping[str, Any],
    data: Source,
    test_data: Source | None,
    holdout: float | None,
    *,
    digests: Mapping[str, str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    read: Callable[[str], Any] | None = None,
) -> Fitted:
    """Train on data, and hold out some rows unless `test_data` is given; see `retraining.retrain`.

    Args:
        digests: the models that the training graph itself uses, by asset id; not used if `read` is given.
        parameters: values of the graph's web service parameters, by name.
        read: returns the content of an asset.

    Raises:
        BadRequest: the data cannot be read, or no model can be trained with it; or the definition does not train
            exactly one model.
        ModuleNotSupported: the catalogue lacks a module of the training graph.
    """
    from mlmgmt.learning import set_up, tables
    from mlmgmt.learning.plan import GraphPlan

    cells = tables.read_csv(data.data, data.name)
    plan = GraphPlan(document, outputs=_model_outputs(document))
    port = _data_port(plan)
    label = _label(plan)
    own_split = bool(plan.nodes_of("Split Data")) and test_data is None and holdout is None
    held: Cells | None
    if test_data is not None:
        seen, held, how = cells, tables.read_csv(test_data.data, test_data.name), test_data.name
    elif own_split:
        seen, held, how = cells, None, "by the training graph's Split Data"
    else:
        fraction = HOLDOUT if holdout is None else holdout
        seen, held, drawn = _split(cells, fraction, label)
        how = f"{fraction:.0%} of {data.name}, {drawn}" if held is not None else "nothing"
    run = execution.execute(session, plan, {port: seen}, digests=digests, parameters=parameters, read=read)
    trained = _trained_model(run, plan.nodes_of(*set_up.TRAINERS)[0])
    if own_split:
        held, seen = _split_by_graph(plan, run, cells)
        how = f"{count_of(len(held.rows) if held else 0, 'row')}, {how}"
    _refuse_empty_columns(run.ports[_node_of_input(plan, port), ""], trained, data.name)
    return Fitted(trained, seen, held, how, [report.as_json() for report in run.reports])


def check(document: Mapping[str, Any]) -> None:
    """Refuse a definition that does not train exactly one model from exactly one input.

    Raises:
        BadRequest: `NotATrainingDefinition`; the graph cannot be run.
    """
    from mlmgmt.learning.plan import GraphPlan

    _data_port(GraphPlan(document, outputs=_model_outputs(document)))


def _refuse_empty_columns(dataset: Dataset, trained: Trained, source: str) -> None:
    """Refuse empty columns: cleaning can fill one, and the model then learns only from the fill value."""
    empty = [
        feature.name
        for feature in trained.features
        if feature.name in dataset.frame.columns and dataset.frame[feature.name].isna().all()
    ]
    if empty:
        message = (
            f"{source} has columns without any values, which the model would learn from: {', '.join(map(repr, empty))}."
        )
        hint = "Fill them, or exclude them in the training definition with Select Columns in Dataset."
        raise BadRequest(message, detail="InputMismatchError", target=empty[0], hint=hint)


def _model_outputs(document: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the outputs with a trained model; all outputs if the names of the ports do not show which they are."""
    package = document["properties"]["package"]
    nodes = package.get("nodes", {})
    found = tuple(
        nodes[edge["targetNodeId"]]["outputId"]
        for edge in package.get("edges", ())
        if "outputId" in nodes.get(edge["targetNodeId"], {})
        and (_port_of(edge, document) or "").casefold() in ("trained model", "trained best model")
    )
    # Only web service outputs: a retraining must not run the graph's exports.
    return found or tuple(proof.output_ids(document)) or None


def _port_of(edge: Mapping[str, Any], document: Mapping[str, Any]) -> str | None:
    """Return the port that an edge comes from. An edge from a module with only one output may leave it out."""
    from mlmgmt.modules import catalogue

    if edge.get("sourcePortId"):
        return str(edge["sourcePortId"])
    properties = document["properties"]
    node = properties["package"].get("nodes", {}).get(edge["sourceNodeId"], {})
    asset = properties.get("assets", {}).get(node.get("assetId"))
    module = catalogue.module_of(asset) if asset is not None and asset["type"] == "Module" else None
    return module.outputs[0].name if module is not None and len(module.outputs) == 1 else None


def _data_port(plan: Any) -> str:
    from mlmgmt.learning import set_up

    ports = plan.needs_inputs()
    if len(plan.nodes_of(*set_up.TRAINERS)) != 1:
        count = len(plan.nodes_of(*set_up.TRAINERS))
        message = f"A training definition must train exactly one model; the outputs of this one depend on {count}."
        hint = "Use the definition that trains the model, with an output at Train Model's port 'Trained model'."
        raise BadRequest(message, detail="NotATrainingDefinition", target="TrainingDefinition", hint=hint)
    if len(ports) != 1:
        message = f"A training definition must have exactly one input; this one has {len(ports)}."
        raise BadRequest(message, detail="NotATrainingDefinition", target="TrainingDefinition")
    return str(ports[0])


def _label(plan: Any) -> str | None:
    """Return the name of the label column, by which rows are stratified; None if the graph does not give a name."""
    from mlmgmt.learning import set_up
    from mlmgmt.modules import columns

    node = plan.nodes_of(*set_up.TRAINERS)[0]
    arguments = plan.modules[node].arguments(plan.parameters[node])
    selection = next((arguments[key] for key in LABEL_PARAMETERS if arguments.get(key)), None)
    return None if selection is None else columns.selected_name(selection)


def _trained_model(run: Run, node: str) -> Trained:
    """Return the model from a training node."""
    from mlmgmt.modules.learners import Trained

    return next(value for (owner, _), value in run.ports.items() if owner == node and isinstance(value, Trained))


def _node_of_input(plan: GraphPlan, port: str) -> str:
    return next(node for node in plan.order if plan.graph.nodes[node].get("inputId") == port)


def _split(cells: Cells, fraction: float, label: str | None) -> tuple[Cells, Cells | None, str]:
    """Return the rows to train on, the rows to hold out, and how they were drawn. The data's digest is the seed."""
    from collections import Counter

    import numpy as np
    from sklearn.model_selection import train_test_split

    from mlmgmt.learning import digests

    if not 0 <= fraction < 1:
        message = f"-Holdout must be at least 0 and less than 1, not {fraction:g}."
        raise BadRequest(message, detail="InvalidHoldout", target="Holdout")
    if fraction == 0:
        return cells, None, ""
    count = len(cells.rows)
    keys = None
    if label is not None and label.casefold() in (names := [name.casefold() for name in cells.columns]):
        keys = [str(row[names.index(label.casefold())]) for row in cells.rows]
        counts = Counter(keys)
        if len(counts) > max(2, count * fraction / 2) or min(counts.values()) < 2:
            keys = None  # a number to predict, or a class too small to be in both parts
    seed = int(digests.digest(cells)[:8], 16)
    try:
        seen, held = train_test_split(np.arange(count), test_size=fraction, random_state=seed, stratify=keys)
    except ValueError as error:
        rows = count_of(count, "row")
        message = f"{cells.source} has {rows}; {fraction:.0%} of them cannot be held out ({error})."
        hint = "Use more rows, another --holdout, or --test-data FILE."
        raise BadRequest(message, detail="TooFewRows", target=cells.source, hint=hint) from None
    drawn = "at random" if keys is None else f"stratified by {label}"
    return _rows(cells, sorted(seen)), _rows(cells, sorted(held)), drawn


def _rows(cells: Cells, chosen: Any) -> Cells:
    from mlmgmt.learning import tables

    lines = tuple(cells.lines[index] for index in chosen) if cells.lines else ()
    return tables.Cells(cells.columns, [cells.rows[index] for index in chosen], cells.source, lines)


def _split_by_graph(plan: Any, run: Any, cells: Cells) -> tuple[Cells | None, Cells]:
    """Return the rows that the graph's Split Data held back from its Train Model, or None, and the training rows."""
    from mlmgmt.learning import set_up

    train = plan.nodes_of(*set_up.TRAINERS)[0]
    rows, _ = set_up.TRAINERS[plan.modules[train].name]
    seen = set(run.inputs[train, rows].frame.index)
    held = [index for index in range(len(cells.rows)) if index not in seen]
    splits = [
        run.ports[node, port].frame.index
        for node in plan.nodes_of("Split Data")
        for port in ("Results dataset1", "Results dataset2")
    ]
    offered = set().union(*map(set, splits))
    held = [index for index in held if index in offered]
    return (_rows(cells, held) if held else None), _rows(cells, sorted(seen))


def pack(session: Session, name: str, fitted: Fitted, facts: dict[str, Any]) -> tuple[blobs.Blob, bytes]:
    """Return the blob for a fitted model, in the home's first storage account under the name of its service, and the
    bytes of its file. Nothing is written.
    """
    data = artifacts.content(session, fitted.trained, facts, suffix=".ilearner", rows=fitted.seen)
    return new_blob(session, _CONTAINER, file_name(name).replace("%", "-"), data, ".ilearner"), data


def new_blob(session: Session, container: str, folder: str, data: bytes, suffix: str) -> blobs.Blob:
    """Return a new blob in the home's first storage account, named by the time and by its content.

    Raises:
        NotFound: `AccountNotRegistered`: the home has no storage account.
    """
    moment = session.clock().strftime("%Y%m%dT%H%M%S")
    return blobs.Blob(
        session.storage_account(), container, f"{folder}/{moment}-{sha256(data).hexdigest()[:12]}{suffix}"
    )
