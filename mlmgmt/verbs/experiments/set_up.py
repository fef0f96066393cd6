"""Set Up Web Service: turn a training experiment into a retraining service, or make a predictive experiment from it."""

from __future__ import annotations

import uuid
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, reading, studio
from mlmgmt.definition import document as text
from mlmgmt.definition.tags import EXPERIMENT_TAG, TRAINING_TAG
from mlmgmt.errors import BadRequest, MlmgmtError, WrongUsage
from mlmgmt.store import blobs
from mlmgmt.verbs import named_values, userfiles
from mlmgmt.verbs.experiments import experiments, replacing, running, trained_models, web_service_ports
from mlmgmt.verbs.outcome import Outcome
from mlmgmt.verbs.runs import artifacts, models
from mlmgmt.verbs.storage.sources import GraphAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmgmt.learning.runner import Run
    from mlmgmt.modules.base import Dataset
    from mlmgmt.store.experiments import Experiment
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

PREDICTIVE = " [Predictive Exp.]"
"""Suffix of a predictive experiment's name, after the name of its training experiment."""
_KINDS = {".ilearner": "trained model", ".itransform": "transformation", ".csv": "vocabulary"}


def plan(
    session: Session,
    *,
    experiment: str,
    retraining: bool = False,
    predictive: bool = False,
    output_file: str | None = None,
    parameters: Sequence[str] = (),
    data: Sequence[tuple[str, Source]] = (),
    models: Sequence[str] = (),
) -> Outcome:
    """Plan to set up a web service from a training experiment. Applying the plan runs the experiment.

    Args:
        retraining: give the experiment itself a web service input and outputs.
        predictive: make a predictive experiment, and save its model and transformations as assets.
        output_file: a file for the resulting web service definition.
        parameters: values of web service parameters for the run; default: those of the last run.
        data, models: tables and models for the experiment, which keeps them; see `replacing.find`.

    Raises:
        WrongUsage: neither or both of `retraining` and `predictive` are given.
        NotFound: the experiment.
        BadRequest: it does not have exactly one Train Model, or the graph cannot be run.
        Conflict: `ExperimentExists`.
    """
    from mlmgmt.learning import set_up as drawing

    if retraining is predictive:
        raise WrongUsage("Give either -Retraining or -Predictive.", hint="To set up both, run the command twice.")
    session.require("Microsoft.MachineLearning/workspaces/experiments/write", experiment)
    body = experiments.existing(session, experiment)
    experiments.refuse_broken(body["Definition"], body["Description"])
    change = replacing.find(session, body["Definition"], data=data, models=models)
    values = named_values.named_values(parameters) or None
    # Draw the graph once before the experiment runs, so that -WhatIf and long runs fail early.
    drawing.retraining(change.changed(body["Definition"]))
    if output_file is not None:
        userfiles.require_writable(output_file)
        _refuse_folder(output_file)
    name = body["Description"]
    earlier = None
    if not retraining:
        name += PREDICTIVE
        earlier = _earlier_predictive(session, name, body["ExperimentId"])

    def commit() -> dict[str, Any]:
        done = running.run_and_record(session, body, parameters=values, change=change)
        changed = (_set_up_retraining if retraining else _set_up_predictive)(session, body, done, name)
        if earlier is not None:
            changed["ExperimentId"] = earlier["ExperimentId"]
        answer = experiments.summary_of(changed)
        if output_file is not None:
            userfiles.write(output_file, text.export(definition_of(session, changed)), overwrite=True)
            answer["OutputFile"] = output_file
        experiments.replace(session, changed, is_new=not retraining and earlier is None)
        if not retraining:
            for model in assets.trained_models(changed["Definition"]):
                trained_models.keep(session, model.name, model.uri, experiment=body["ExperimentId"])
        return answer

    lost = [f"the experiment {name!r}"] if earlier is not None else []
    lost += [output_file] if output_file is not None and Path(output_file).exists() else []
    question = f"{' and '.join(lost)} would be overwritten. Go on?" if lost else None
    return Outcome(target=name, before=None, after={}, commit=commit, question=question)


def _refuse_folder(path: str) -> None:
    if Path(path).is_dir():
        raise BadRequest(f"{path} is a folder.", detail="NotAFile", target=path)


def _earlier_predictive(session: Session, name: str, parent: str) -> Experiment | None:
    """Return the predictive experiment made earlier from the same training experiment. Refuse another's name."""
    for body in session.experiments.all():
        if body["Description"].casefold() == name.casefold() and body.get("ParentExperimentId") == parent:
            return body
    experiments.refuse_taken_name(session, name)
    return None


def _set_up_retraining(session: Session, body: Experiment, done: Run, _name: str) -> Experiment:
    from mlmgmt.learning import set_up

    sketch = set_up.retraining(body["Definition"])
    web_service_ports.forget(sketch.document)
    web_service_ports.learn(sketch, done, running.last_parameters(body), trains=True)
    # Training data is no example of a request.
    sketch.document["properties"].pop("exampleRequest", None)
    _check_label(web_service_ports.label_of(done), web_service_ports.input_table(sketch, done, "input1"))
    body["Definition"] = sketch.document
    return body


def _check_label(label: str, entering: Dataset) -> None:
    if label and label not in entering.frame.columns:
        message = f"The label {label!r} is not a column of the web service input, so new data could not contain it."
        hint = "Give the column in the dataset the name that Train Model uses."
        raise BadRequest(message, detail="LabelNotConnected", target=label, hint=hint)


def _set_up_predictive(session: Session, body: Experiment, done: Run, name: str) -> Experiment:
    from mlmgmt.learning import runner, schemas, set_up
    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.modules.base import Dataset

    saved: dict[str, Any] = {}

    def save(node: str, port: str) -> tuple[str, str]:
        blob = save_output(session, body, done, node, port)
        saved[blob.uri] = done.ports[node, port]
        return f"{body['Description']} [{_KINDS[Path(blob.path).suffix]}]", blob.uri

    sketch = set_up.predictive(body["Definition"], save)
    label, entering = web_service_ports.label_of(done), web_service_ports.input_table(sketch, done, "input1")
    properties = sketch.document["properties"]
    properties |= {"title": name, "description": f"Predicts {label}." if label else "Assigns rows to clusters."}
    properties["input"] = web_service_ports.object_schema(
        {"input1": schemas.specification(entering, nullable=(label,))}
    )
    first = schemas.example(entering)
    values = running.last_parameters({**body, "Definition": sketch.document})
    properties["exampleRequest"] = {"inputs": {"input1": [first]}, "globalParameters": values}
    others = models.reader(session, sketch.document, running.digests_of(session, sketch.document))

    def read(asset: str) -> Any:
        uri = sketch.assets[asset]["locationInfo"]["uri"]
        return saved[uri] if uri in saved else others(asset)

    def run(rows: Dataset) -> Run:
        plan = GraphPlan(sketch.document)
        return runner.run(plan, {"input1": rows}, read=read, parameters=values, outside=GraphAccess(session))

    scored = run(entering)
    answer = scored.outputs["output1"]
    assert isinstance(answer, Dataset)
    if label:
        _warn_of_label(session, label, entering.with_frame(entering.frame.loc[answer.frame.index[:1]]), run)
    properties["output"] = web_service_ports.object_schema({"output1": schemas.specification(answer)})
    document = experiments.new_document(
        session,
        name,
        sketch.document,
        summary=f"Made from {body['Description']}.",
        parent=body["ExperimentId"],
        studio=body.get("Studio"),
    )
    # It has just scored the training rows, so it counts as run; its evaluation is that of the training experiment.
    now = document["Status"]["CreationTime"]
    document["Status"] |= {"StatusCode": experiments.FINISHED, "StartTime": now, "EndTime": now}
    document["RunId"] = running.run_id(session)
    document["Run"] = {**(body["Run"] or {}), "Nodes": [report.as_json() for report in scored.reports]}
    return document


def save_output(session: Session, body: Experiment, done: Run, node: str, port: str) -> blobs.Blob:
    """Save the output of a port of an experiment's run as a blob in the home's first account.

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
    blob = blobs.Blob(session.storage_account(), replacing.MODELS, f"{uuid.uuid4().hex}{suffix}")
    session.store.blobs.write(blob, content)
    return blob


def _warn_of_label(session: Session, label: str, row: Dataset, run: Callable[[Dataset], Run]) -> None:
    """Warn if the graph does not score rows without a label, since callers do not know the label.

    Args:
        row: a row that the graph scores when it has its label.
    """
    if row.frame.empty or label not in row.frame.columns:
        return
    bare = row.frame.assign(**{label: row.frame[label].mask(row.frame[label].notna())})
    try:
        answered = len(run(row.with_frame(bare)).outputs["output1"].frame) > 0
    except MlmgmtError:
        answered = False
    if not answered:
        session.warn(
            f"Rows without {label!r} are not scored: a module drops or refuses them. Exclude the label from "
            "the columns that it cleans, or send any value with each request."
        )


def _rows_port(node: str, done: Run) -> str:
    """Return the port through which a trainer gets its rows."""
    from mlmgmt.learning import set_up

    return next(rows for rows, _ in set_up.TRAINERS.values() if (node, rows) in done.inputs)


def definition_of(session: Session, body: Experiment) -> dict[str, Any]:
    """Return the web service definition of an experiment that was run, checked against the schema.

    Raises:
        BadRequest: `ExperimentNotFinished`: its web service could not answer; `NoWebServicePorts`.
    """
    code = body["Status"]["StatusCode"]
    if code != experiments.FINISHED:
        message = f"The experiment {body['Description']!r} is {code}, not Finished."
        hint = f"mlmgmt run-experiment {body['Description']!r}"
        raise BadRequest(message, detail="ExperimentNotFinished", target="ExperimentId", hint=hint)
    document = deepcopy(body["Definition"])
    nodes = document["properties"]["package"]["nodes"].values()
    if not any("inputId" in node or "outputId" in node for node in nodes):
        message = f"The experiment {body['Description']!r} has no web service input or output."
        hint = f"mlmgmt set-up-web-service {body['Description']!r} --predictive (or --retraining)"
        raise BadRequest(message, detail="NoWebServicePorts", target="ExperimentId", hint=hint)
    tags = {EXPERIMENT_TAG: body["ExperimentId"]}
    if parent := body.get("ParentExperimentId"):
        tags[TRAINING_TAG] = parent
    if "Studio" in body:
        _require_parameters(document, studio.required_parameters(body["Studio"]))
    document["tags"] = {**(document.get("tags") or {}), **tags}
    return reading.read(text.write(document), session.contract, source=body["Description"]).document


def _require_parameters(document: dict[str, Any], required: set[str]) -> None:
    """Remove the values that linked modules have in the experiment, so that callers must give the parameter.

    The example request has them, since it must work.
    """
    package, example = document["properties"]["package"], document["properties"].get("exampleRequest")
    for name, parameter in (package.get("graphParameters") or {}).items():
        for link in (parameter.get("links") or ()) if name in required else ():
            values = package["nodes"].get(link["nodeId"], {}).get("parameters", {})
            for key in [key for key in values if key.casefold() == link["parameterKey"].casefold()]:
                own = values.pop(key)
                if example is not None:
                    value = own.get("value") if isinstance(own, dict) else own
                    example.setdefault("globalParameters", {}).setdefault(name, value)
