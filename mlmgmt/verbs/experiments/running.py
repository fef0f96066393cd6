"""Run experiments, and record how each run ended."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, cast

from mlmgmt.definition import assets
from mlmgmt.errors import BadRequest, MlmgmtError, error_text
from mlmgmt.store import blobs
from mlmgmt.verbs import named_values
from mlmgmt.verbs.experiments import experiments, replacing, web_service_ports
from mlmgmt.verbs.runs import artifacts, execution
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.learning.runner import Run
    from mlmgmt.store.experiments import Experiment, Status
    from mlmgmt.verbs.experiments.replacing import Replacements
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

_ACTION = "Microsoft.MachineLearning/workspaces/experiments/write"


def run(
    session: Session,
    *,
    experiment: str,
    parameters: Sequence[str] = (),
    data: Sequence[tuple[str, Source]] = (),
    models: Sequence[str] = (),
) -> dict[str, Any]:
    """Run an experiment's whole graph in this process.

    Args:
        parameters: values of web service parameters for this run; see `named_values`.
        data, models: tables and models for the experiment, which keeps them if the run succeeds; see `replacing.find`.

    Returns:
        its `Status`, the time and rows of each node, and the results of its Evaluate Model.

    Raises:
        NotFound: the experiment.
        Conflict: `ExperimentRunning`.
        BadRequest: `NoDataset`, `NoSavedModel`; `NotInThisHome`: what the graph reads is not here.
        MlmgmtError: the graph cannot be run, or a module fails; the experiment becomes `Failed`.
    """
    session.require(_ACTION, experiment)
    body = experiments.existing(session, experiment)
    values = named_values.named_values(parameters)
    change = replacing.find(session, body["Definition"], data=data, models=models)
    run_and_record(session, body, parameters=values, change=change)
    return experiments.summary_of(body)


def run_and_record(
    session: Session,
    body: Experiment,
    *,
    parameters: Mapping[str, Any] | None = None,
    change: Replacements | None = None,
) -> Run:
    """Run an experiment and record how it ended. Raises the errors of `run`.

    Args:
        parameters: values of web service parameters; None for those of its last run.
    """
    with experiments.locked(session, body):
        identity = body["ExperimentId"]
        body.update(session.experiments.read(identity) or experiments.existing(session, identity))
        experiments.refuse_broken(body["Definition"], body["Description"])
        started = stamp(session.clock())
        _record(session, body, StatusCode=experiments.RUNNING, StatusDetail=None, StartTime=started, EndTime=None)
        try:
            done, definition, values = _run(session, body, parameters, change)
        except MlmgmtError as error:
            _record_failure(session, body, error_text(error))
            raise
        except KeyboardInterrupt:
            _record_failure(session, body, "The run was interrupted.")
            raise
        except BaseException as error:
            _record_failure(session, body, f"{type(error).__name__}: {error}")
            raise
        body["Definition"], body["RunId"] = definition, run_id(session)
        facts = {"Nodes": [report.as_json() for report in done.reports], "Evaluation": _evaluation(done)}
        body["Run"] = facts | ({"Parameters": values} if values else {})
        _record(session, body, StatusCode=experiments.FINISHED, EndTime=stamp(session.clock()))
    return done


def _run(
    session: Session, body: Experiment, parameters: Mapping[str, Any] | None, change: Replacements | None
) -> tuple[Run, dict[str, Any], dict[str, Any]]:
    """Return the run, the definition with what the run told about it, and the values of its parameters."""
    from mlmgmt.learning import set_up
    from mlmgmt.learning.graph_builder import Sketch
    from mlmgmt.learning.plan import GraphPlan

    definition = body["Definition"]
    if change:
        change.store(session)
        definition = change.changed(definition)
        if "Studio" in body:
            web_service_ports.forget(definition)
    if parameters is None:
        parameters = last_parameters(body)
    sketch = Sketch(definition)
    plain = sketch.without_service_ports()
    if not plain.nodes:
        raise BadRequest("The experiment has no modules.", detail="ExperimentEmpty", target="ExperimentId")
    if (error := replacing.missing(session, definition, body["Description"])) is not None:
        raise error
    plan = GraphPlan(plain.document, everything=True)
    digests = digests_of(session, plain.document)
    done = execution.execute(session, plan, {}, digests=digests, parameters=parameters)
    shown = {name: value for name, value in parameters.items() if not plan.is_secret(name)}
    web_service_ports.learn(sketch, done, shown, trains=bool(plan.nodes_of(*set_up.TRAINERS)))
    return done, sketch.document, shown


def last_parameters(body: Experiment) -> dict[str, Any]:
    """Return the values of web service parameters in an experiment's last run, of those that it still has."""
    declared = body["Definition"]["properties"]["package"].get("graphParameters") or {}
    values = (body.get("Run") or {}).get("Parameters") or {}
    return {name: value for name, value in values.items() if name.casefold() in {each.casefold() for each in declared}}


def run_id(session: Session) -> str:
    """Return a new run id."""
    return f"{session.experiments.workspace}.r-id.{uuid.uuid4().hex}"


def digests_of(session: Session, definition: Mapping[str, Any]) -> dict[str, str]:
    """Return the digests of the models and transformations that a graph uses and this home has, by asset id.

    The home keeps a copy of each, and runs read the copies.
    """
    found = {}
    for model in assets.learnt_assets(definition):
        blob = blobs.parse(model.uri)
        if blob is not None and session.store.blobs.exists(blob):
            found[model.asset_id] = session.store.blobs.keep_model(session.store.blobs.read(blob))
    return found


def _record_failure(session: Session, body: Experiment, detail: str) -> None:
    _record(session, body, StatusCode=experiments.FAILED, StatusDetail=detail, EndTime=stamp(session.clock()))


def _record(session: Session, body: Experiment, **status: Any) -> None:
    body["Status"] = body["Status"] | cast("Status", status)
    session.experiments.write(body)


def _evaluation(done: Run) -> list[dict[str, Any]]:
    """Return the result rows of every Evaluate Model."""
    tables = [value for (_, port), value in done.ports.items() if port == "Evaluation results"]
    lines = [line for table in tables for line in table.frame.to_dict("records")]
    return [
        {
            str(name): artifacts.finite_number(value) if isinstance(value, float) else value
            for name, value in line.items()
        }
        for line in lines
    ]
