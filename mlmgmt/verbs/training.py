"""Training itself: fit a model by a training definition, and make the file that holds it. Nothing is written here."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail, NotFound
from mlmgmt.ids import file_name
from mlmgmt.store import blobs
from mlmgmt.verbs import models
from mlmgmt.verbs.outside import Outside
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.learning.tables import Cells
    from mlmgmt.modules.base import Dataset
    from mlmgmt.modules.learners import Trained
    from mlmgmt.verbs.evaluation import Evaluation
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

HOLDOUT = 0.25
_CONTAINER = "retraining"
_MOST_ROW_DIGESTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model, and the rows it was and was not shown."""

    trained: Trained
    seen: Cells
    held: Cells | None
    held_how: str


def fit(
    session: Session, document: Mapping[str, Any], data: Source, test_data: Source | None, holdout: float | None
) -> Fitted:
    """Train on data, with some rows held out unless `test_data` has others to compare on; see `retraining.retrain`.

    Raises:
        BadRequest: the data cannot be read or trained with, or the definition does not train exactly one model.
        ModuleNotSupported: the catalogue lacks a module that the training needs.
    """
    from mlmgmt.learning import runner, tables
    from mlmgmt.learning.plan import Plan

    cells = tables.read_csv(data.data, data.name)
    plan = Plan(document, outputs=_model_outputs(document))
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
    declared = (document["properties"].get("input", {}).get("properties") or {}).get(port)
    dataset, notes = tables.typed(seen, declared)
    for note in notes:
        session.tell(f"Warning: {note}")
    read = models.reader(session, document, {})
    run = runner.run(plan, {port: dataset}, read=read, outside=Outside(session), tell=session.stage)
    trained = run.ports[plan.nodes_of("Train Model")[0], "Trained model"]
    if own_split:
        held, seen = _split_by_graph(plan, run, cells)
        how = f"{len(held.rows) if held else 0} rows, {how}"
    _refuse_empty_columns(dataset, trained, data.name)
    for note in trained.notes:
        session.tell(f"Warning: {trained.learner}: {note}")
    return Fitted(trained, seen, held, how)


def _refuse_empty_columns(dataset: Dataset, trained: Trained, source: str) -> None:
    """Cleaning can fill a column that holds nothing, and a model then learns from the filling alone."""
    empty = [
        feature.name
        for feature in trained.features
        if feature.name in dataset.frame.columns and dataset.frame[feature.name].isna().all()
    ]
    if empty:
        message = (
            f"{source}: the model would learn from columns that hold no value at all: {', '.join(map(repr, empty))}."
        )
        hint = "Fill them, or leave them out in the training definition with Select Columns in Dataset."
        raise BadRequest(message, target=empty[0], details=[Detail("InputMismatchError", message)], hint=hint)


def _model_outputs(document: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The outputs that carry a trained model; all outputs when that cannot be told from the ports' names."""
    package = document["properties"]["package"]
    nodes = package.get("nodes", {})
    found = tuple(
        nodes[edge["targetNodeId"]]["outputId"]
        for edge in package.get("edges", ())
        if "outputId" in nodes.get(edge["targetNodeId"], {})
        and str(edge.get("sourcePortId", "")).casefold() == "trained model"
    )
    return found or None


def _data_port(plan: Any) -> str:
    ports = plan.needs_inputs()
    if len(plan.nodes_of("Train Model")) != 1:
        count = len(plan.nodes_of("Train Model"))
        message = f"A training definition has exactly one Train Model that its outputs depend on; this one has {count}."
        hint = "Give the definition that trains the model, with an output on Train Model's port 'Trained model'."
        raise BadRequest(
            message, target="TrainingDefinition", details=[Detail("NotATrainingDefinition", message)], hint=hint
        )
    if len(ports) != 1:
        message = f"The training data goes into one input; this training definition has {len(ports)}."
        raise BadRequest(message, target="TrainingDefinition", details=[Detail("NotATrainingDefinition", message)])
    return str(ports[0])


def _label(plan: Any) -> str | None:
    """The label column by its name, when the graph states it by name; it decides how rows are drawn."""
    from mlmgmt.modules import columns
    from mlmgmt.modules.train_score import TRAIN_MODEL

    node = plan.graph.nodes[plan.nodes_of("Train Model")[0]]
    given = {key: (value or {}).get("value") for key, value in node.get("parameters", {}).items()}
    selection = TRAIN_MODEL.arguments(given)["Label column"]
    return None if selection is None else columns.stated_name(selection)


def _split(cells: Cells, fraction: float, label: str | None) -> tuple[Cells, Cells | None, str]:
    """Rows to train on, rows held out, and how they were drawn: with a seed that is the data's own."""
    from collections import Counter

    import numpy as np
    from sklearn.model_selection import train_test_split

    from mlmgmt.learning import tables

    if not 0 <= fraction < 1:
        message = f"The fraction held out must be from 0 to below 1, not {fraction:g}."
        raise BadRequest(message, target="Holdout", details=[Detail("InvalidHoldout", message)])
    if fraction == 0:
        return cells, None, ""
    count = len(cells.rows)
    keys = None
    if label is not None and label.casefold() in (names := [name.casefold() for name in cells.columns]):
        keys = [str(row[names.index(label.casefold())]) for row in cells.rows]
        counts = Counter(keys)
        if len(counts) > max(2, count * fraction / 2) or min(counts.values()) < 2:
            keys = None  # a number to predict, or a class too small to be in both parts
    seed = int(tables.digest(cells)[:8], 16)
    try:
        seen, held = train_test_split(np.arange(count), test_size=fraction, random_state=seed, stratify=keys)
    except ValueError as error:
        message = f"{cells.source} has {count} rows; {fraction:.0%} of them cannot be held out ({error})."
        hint = "Give more rows, another --holdout, or --test-data FILE."
        raise BadRequest(message, target=cells.source, details=[Detail("TooFewRows", message)], hint=hint) from None
    drawn = "at random" if keys is None else f"stratified by {label}"
    return _rows(cells, sorted(seen)), _rows(cells, sorted(held)), drawn


def _rows(cells: Cells, chosen: Any) -> Cells:
    from mlmgmt.learning import tables

    lines = tuple(cells.lines[index] for index in chosen) if cells.lines else ()
    return tables.Cells(cells.columns, [cells.rows[index] for index in chosen], cells.source, lines)


def _split_by_graph(plan: Any, run: Any, cells: Cells) -> tuple[Cells | None, Cells]:
    """The rows that went into the graph's own Split Data and not on to its Train Model, and those that did."""
    train = plan.nodes_of("Train Model")[0]
    seen = set(run.inputs[train, "Dataset"].frame.index)
    held = [index for index in range(len(cells.rows)) if index not in seen]
    splits = [
        run.ports[node, port].frame.index
        for node in plan.nodes_of("Split Data")
        for port in ("Results dataset1", "Results dataset2")
    ]
    offered = set().union(*map(set, splits))
    held = [index for index in held if index in offered]
    return (_rows(cells, held) if held else None), _rows(cells, sorted(seen))


def facts_of(
    session: Session, fitted: Fitted, evaluation: Evaluation | None, data: Source, service: str | None
) -> dict[str, Any]:
    """The manifest of the model file."""
    import numpy
    import pandas
    import sklearn

    from mlmgmt import __version__
    from mlmgmt.learning import tables
    from mlmgmt.modules.evaluation import HEADLINE

    trained = fitted.trained
    facts: dict[str, Any] = {
        "learner": trained.learner,
        "task": trained.task,
        "parameters": dict(trained.parameters),
        "features": [{"name": feature.name, "type": feature.type} for feature in trained.features],
        "label": {"name": trained.label, "type": trained.label_type, "classes": list(trained.classes)},
        "data": data.name,
        "dataDigest": tables.digest(fitted.seen),
        "rows": len(fitted.seen.rows),
        "trainedOn": stamp(session.clock()),
        "service": service,
        "by": session.caller,
        "versions": {
            "mlmgmt": __version__,
            "python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
            "numpy": numpy.__version__,
            "pandas": pandas.__version__,
        },
    }
    if evaluation is not None:
        facts |= {
            "metric": HEADLINE.get(trained.task),
            "metrics": finite(evaluation.new),
            "evaluatedOn": evaluation.rows,
        }
        if evaluation.old is not None:
            facts["comparedWith"] = {"payload": evaluation.deployed, "metrics": finite(evaluation.old)}
    return facts


def finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Metrics for JSON, which has no infinity."""
    return {name: value if abs(value) < float("inf") else None for name, value in metrics.items()}


def packed(session: Session, name: str, fitted: Fitted, facts: dict[str, Any]) -> tuple[blobs.Blob, bytes]:
    """A fitted model as the bytes of its file, and the blob it is to be: in the home's first storage account, under the
    name of its service. Nothing is written.
    """
    from hashlib import sha256

    from mlmgmt.learning import ilearner, tables

    store = session.store
    key = store.secrets.signing_key()
    accounts = store.blobs.accounts()
    if key is None or not accounts:
        text = "This home has no storage account to keep a model in."
        hint = "Make one with: mlmgmt Connect-AzAccount"
        raise NotFound(text, details=[Detail("AccountNotRegistered", text)], hint=hint)
    rows = tables.row_digests(fitted.seen) if len(fitted.seen.rows) <= _MOST_ROW_DIGESTS else None
    data = ilearner.pack(fitted.trained, facts, key=key, home=store.home.id, rows=rows)
    moment = session.clock().strftime("%Y%m%dT%H%M%S")
    service = file_name(name).replace("%", "-")
    path = f"{service}/{moment}-{sha256(data).hexdigest()[:12]}.ilearner"
    return blobs.Blob(accounts[0], _CONTAINER, path), data
