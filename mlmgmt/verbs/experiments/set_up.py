"""Set Up Web Service: a training experiment becomes a retraining service, or gives a predictive experiment."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, reading
from mlmgmt.definition import document as text
from mlmgmt.definition.tags import EXPERIMENT_TAG, TRAINING_TAG
from mlmgmt.errors import BadRequest, Detail, MlmgmtError, WrongUsage
from mlmgmt.store import blobs
from mlmgmt.verbs import userfiles
from mlmgmt.verbs.experiments import experiments, trained_models
from mlmgmt.verbs.outcome import Outcome
from mlmgmt.verbs.runs import artifacts, models
from mlmgmt.verbs.storage.sources import GraphAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.learning.graph_builder import Sketch
    from mlmgmt.learning.runner import Run
    from mlmgmt.modules.base import Dataset
    from mlmgmt.verbs.session import Session

PREDICTIVE = " [Predictive Exp.]"
"""What stands behind the training experiment's name in that of its predictive one."""
_CONTAINER = "azuremlassetscontainer"
_KINDS = {".ilearner": "trained model", ".itransform": "transformation"}


def plan(
    session: Session,
    *,
    experiment: str,
    retraining: bool = False,
    predictive: bool = False,
    output_file: str | None = None,
) -> Outcome:
    """Plan to set up a web service from a training experiment, which is run for it.

    Args:
        retraining: the experiment itself gets a web service input and outputs.
        predictive: a predictive experiment is made beside it, its model and transformations saved as assets.
        output_file: a file for the web service definition that comes of it.

    Raises:
        WrongUsage: neither or both are asked for.
        NotFound: the experiment.
        BadRequest: it has no Train Model, or several, or the graph cannot be run.
        Conflict: `ExperimentExists`.
    """
    from mlmgmt.learning import set_up as drawing

    if retraining is predictive:
        raise WrongUsage("Say which one: -Retraining or -Predictive.", hint="Both are set up one after the other.")
    session.require("Microsoft.MachineLearning/workspaces/experiments/write", experiment)
    body = experiments.existing(session, experiment)
    experiments.refuse_broken(body["Definition"], body["Description"])
    # Drawn once before anything runs: what cannot be set up is refused at once, and by -WhatIf too.
    drawing.retraining(body["Definition"])
    if output_file is not None:
        userfiles.require_writable(output_file)
        _refuse_folder(output_file)
    name = body["Description"]
    standing = None
    if not retraining:
        name += PREDICTIVE
        standing = _standing(session, name, body["ExperimentId"])

    def commit() -> dict[str, Any]:
        changed = _retraining(session, body) if retraining else _predictive(session, body, name)
        if standing is not None:
            changed["ExperimentId"] = standing["ExperimentId"]
        answer = experiments.summary_of(changed)
        if output_file is not None:
            userfiles.write(output_file, text.write(definition_of(session, changed)), overwrite=True)
            answer["OutputFile"] = output_file
        experiments.replace(session, changed, made=not retraining and standing is None)
        if not retraining:
            for model in assets.trained_models(changed["Definition"]):
                trained_models.keep(session, model.name, model.uri, experiment=body["ExperimentId"])
        return answer

    lost = [f"the experiment {name!r}"] if standing is not None else []
    lost += [output_file] if output_file is not None and Path(output_file).exists() else []
    question = f"{' and '.join(lost)} would be overwritten. Go on?" if lost else None
    return Outcome(target=name, before=None, after={}, commit=commit, question=question)


def _refuse_folder(path: str) -> None:
    if Path(path).is_dir():
        message = f"{path} is a folder."
        raise BadRequest(message, target=path, details=[Detail("NotAFile", message)])


def _standing(session: Session, name: str, parent: str) -> dict[str, Any] | None:
    """The predictive experiment that was made of the same training experiment before; another's name is refused."""
    for body in session.experiments.all():
        if body["Description"].casefold() == name.casefold() and body.get("ParentExperimentId") == parent:
            return body
    experiments.refuse_taken(session, name)
    return None


def _retraining(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    from mlmgmt.learning import schemas, set_up
    from mlmgmt.modules.base import Dataset

    done = experiments.ran(session, body)
    sketch = set_up.retraining(body["Definition"])
    label = _label(done)
    entering = _entering(sketch, done)
    properties = sketch.document["properties"]
    properties["input"] = _ports({"input1": schemas.specification(entering, nullable=())})
    tables = {name: _leaving(sketch, done, name) for name in sketch.ports("outputId")}
    properties["output"] = _ports(
        {
            name: schemas.specification(value) if isinstance(value, Dataset) else {"type": "object", "properties": {}}
            for name, value in tables.items()
        }
    )
    _check_label(label, entering)
    body["Definition"] = sketch.document
    return body


def _label(done: Run) -> str:
    from mlmgmt.modules.learners import Trained

    return next((value.label for value in done.ports.values() if isinstance(value, Trained)), "")


def _check_label(label: str, entering: Dataset) -> None:
    if label and label not in entering.frame.columns:
        message = f"The label {label!r} is not among the columns that come in; new data could not bring it."
        hint = "Let the column stand in the dataset under the name that Train Model uses."
        raise BadRequest(message, target=label, details=[Detail("LabelNotConnected", message)], hint=hint)


def _ports(specifications: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": specifications}


def _entering(sketch: Sketch, done: Run) -> Dataset:
    """The table of the training run that stands where the input goes in."""
    edge = next(e for e in sketch.edges if "inputId" in sketch.nodes[e["sourceNodeId"]])
    beside = next(
        e
        for e in sketch.into(edge["targetNodeId"])
        if e is not edge and e.get("targetPortId") == edge.get("targetPortId")
    )
    dataset: Dataset = _carried(beside, done)
    return dataset


def _carried(edge: dict[str, str], done: Run) -> Any:
    """What an edge carried; its port is named in any letter case, or not at all where there is but one."""
    values = {port.casefold(): value for (node, port), value in done.ports.items() if node == edge["sourceNodeId"]}
    return values.get(edge.get("sourcePortId", "").casefold(), next(iter(values.values())))


def _leaving(sketch: Sketch, done: Run, output: str) -> Any:
    (edge,) = sketch.into(sketch.ports("outputId")[output])
    return _carried(edge, done)


def _predictive(session: Session, body: dict[str, Any], name: str) -> dict[str, Any]:
    from mlmgmt.learning import runner, schemas, set_up
    from mlmgmt.learning.plan import Plan
    from mlmgmt.modules.base import Dataset

    done = experiments.ran(session, body)
    saved: dict[str, Any] = {}

    def save(node: str, port: str) -> tuple[str, str]:
        blob = kept(session, body, done, node, port)
        saved[blob.uri] = done.ports[node, port]
        return f"{body['Description']} [{_KINDS[Path(blob.path).suffix]}]", blob.uri

    sketch = set_up.predictive(body["Definition"], save)
    label, entering = _label(done), _entering(sketch, done)
    properties = sketch.document["properties"]
    properties |= {"title": name, "description": f"Predicts {label}." if label else "Assigns rows to clusters."}
    properties["input"] = _ports({"input1": schemas.specification(entering, nullable=(label,))})
    first = schemas.example(entering)
    properties["exampleRequest"] = {"inputs": {"input1": [first]}, "globalParameters": {}}
    others = models.reader(session, sketch.document, experiments.digests_of(session, sketch.document))

    def read(asset: str) -> Any:
        uri = sketch.assets[asset]["locationInfo"]["uri"]
        return saved[uri] if uri in saved else others(asset)

    def run(rows: Dataset) -> Run:
        return runner.run(Plan(sketch.document), {"input1": rows}, read=read, outside=GraphAccess(session))

    scored = run(entering)
    answer = scored.outputs["output1"]
    assert isinstance(answer, Dataset)
    if label:
        _warn_of_label(session, label, entering.with_frame(entering.frame.loc[answer.frame.index[:1]]), run)
    properties["output"] = _ports({"output1": schemas.specification(answer)})
    made = experiments.made(
        session, name, sketch.document, summary=f"Made of {body['Description']}.", parent=body["ExperimentId"]
    )
    # It has scored the training's own rows, so it ran; how good its model is, the training's evaluation says.
    now = made["Status"]["CreationTime"]
    made["Status"] |= {"StatusCode": experiments.FINISHED, "StartTime": now, "EndTime": now}
    made["RunId"] = experiments.run_id(session)
    made["Run"] = body["Run"] | {"Nodes": [report.as_json() for report in scored.reports]}
    return made


def kept(session: Session, body: Mapping[str, Any], done: Run, node: str, port: str) -> blobs.Blob:
    """What a port of an experiment's run gave, as a blob in the home's first account.

    Raises:
        NotFound: `AccountNotRegistered`.
    """
    from mlmgmt.modules.learners import Trained

    value = done.ports[node, port]
    suffix = artifacts.suffixes(value)[0]
    facts: dict[str, Any] = {"experiment": body["ExperimentId"], "versions": artifacts.versions()}
    if isinstance(value, Trained):
        facts |= artifacts.facts_of(
            session, value, data=body["Description"], seen=None, service=None, metrics=artifacts.own_metrics(done)
        )
        facts["rows"] = len(done.inputs[node, _rows_port(node, done)].frame)
    content = artifacts.content(session, value, facts, suffix=suffix)
    blob = blobs.Blob(session.account(), _CONTAINER, f"{uuid.uuid4().hex}{suffix}")
    session.store.blobs.write(blob, content)
    return blob


def _warn_of_label(session: Session, label: str, row: Dataset, run: Callable[[Dataset], Run]) -> None:
    """Callers have no label to give; tell where the preparation makes them give one.

    Args:
        row: one that the graph answers while it has its label.
    """
    if row.frame.empty or label not in row.frame.columns:
        return
    bare = row.frame.assign(**{label: row.frame[label].mask(row.frame[label].notna())})
    try:
        answered = len(run(row.with_frame(bare)).outputs["output1"].frame) > 0
    except MlmgmtError:
        answered = False
    if not answered:
        session.tell(
            f"Warning: rows without {label!r} are not answered: a module drops or refuses them. Leave the label out of "
            "the columns that it cleans, or give any value with each request."
        )


def _rows_port(node: str, done: Run) -> str:
    """The port that gives a trainer the rows it learns from."""
    from mlmgmt.learning import set_up

    return next(rows for rows, _ in set_up.TRAINERS.values() if (node, rows) in done.inputs)


def definition_of(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """The web service definition of an experiment that was run, checked against the contract.

    Raises:
        BadRequest: `ExperimentNotFinished`: a service of it could not answer; `NoWebServicePorts`.
    """
    code = body["Status"]["StatusCode"]
    if code != experiments.FINISHED:
        message = f"The experiment {body['Description']!r} is {code}, not Finished."
        hint = f"mlmgmt run-experiment {body['Description']!r}"
        details = [Detail("ExperimentNotFinished", message)]
        raise BadRequest(message, target="ExperimentId", details=details, hint=hint)
    document = dict(body["Definition"])
    nodes = document["properties"]["package"]["nodes"].values()
    if not any("inputId" in node or "outputId" in node for node in nodes):
        message = f"The experiment {body['Description']!r} has neither a web service input nor an output."
        hint = f"mlmgmt set-up-web-service {body['Description']!r} --predictive (or --retraining)"
        raise BadRequest(message, target="ExperimentId", details=[Detail("NoWebServicePorts", message)], hint=hint)
    tags = {EXPERIMENT_TAG: body["ExperimentId"]}
    if body.get("ParentExperimentId"):
        tags[TRAINING_TAG] = body["ParentExperimentId"]
    document["tags"] = {**(document.get("tags") or {}), **tags}
    return reading.read(text.write(document), session.contract, source=body["Description"]).document
