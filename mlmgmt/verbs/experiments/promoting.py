"""Retraining within the workspace: save the model that an experiment trains as a trained model of the workspace, and
point the experiments that use the earlier model at it.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets
from mlmgmt.errors import BadRequest, Conflict, NotFound
from mlmgmt.verbs.experiments import experiments, running, set_up, trained_models
from mlmgmt.verbs.outcome import Outcome, changed_meanwhile, no_comparison, replannable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.store.experiments import Experiment, Status
    from mlmgmt.verbs.session import Session

_WRITE = "Microsoft.MachineLearning/workspaces/experiments/write"
_LONGEST_NAME = 256
ASSET_TYPES = ("TrainedModel", "Transform", "Dataset")


def plan_promote(
    session: Session,
    *,
    experiment: str,
    train_module_node_id: str,
    node_output_port_name: str,
    trained_model_name: str,
    trained_model_description: str,
    overwrite: bool = False,
) -> Outcome:
    """Plan to save the model that a module of an experiment trains as a trained model of the workspace.

    A run does not keep its models, so the experiment is run again; the same data and seeds give the same model.

    Args:
        train_module_node_id: the module's id in the graph; see `copies.nodes`.
        overwrite: if a model has that name, the new one becomes the latest of its family.

    Raises:
        NotFound: the experiment; `ExperimentNodeNotFound`.
        BadRequest: `OutputPortNotFound`, `NotATrainedModel`, `InvalidTrainedModelName`; or the graph cannot be run.
        Conflict: `TrainedModelExists`, `ExperimentRunning`.
    """
    body = experiments.existing(session, experiment)
    session.require(_WRITE, body["ExperimentId"])
    experiments.refuse_broken(body["Definition"], body["Description"])
    port = _model_port(body, train_module_node_id.strip(), node_output_port_name)
    name = trained_model_name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        message = f"Trained model name {name!r} is not valid. Use 1 to {_LONGEST_NAME} visible characters."
        raise BadRequest(message, detail="InvalidTrainedModelName", at="TrainedModelName")
    before = _latest_to_replace(session, name, overwrite=overwrite)
    status, warnings = body["Status"]["StatusCode"], []
    if status != experiments.FINISHED:
        warnings.append(f"The experiment {body['Description']!r} is {status}, not Finished. It runs first.")

    def commit() -> dict[str, Any]:
        done = running.run_and_record(session, body)
        _latest_to_replace(session, name, overwrite=overwrite)
        blob = set_up.save_output(session, body, done, train_module_node_id.strip(), port)
        model = trained_models.keep(
            session,
            name,
            blob.uri,
            experiment=body["ExperimentId"],
            description=trained_model_description,
            promoted_from=f"{train_module_node_id.strip()}:{port}",
        )
        return trained_models.view(session, model, trained_models.all_of(session))

    preview = {"Name": name, "FamilyId": before["FamilyId"] if before is not None else None}
    return Outcome(
        target=name, before=None, after={}, commit=commit, warnings=warnings, preview=preview, compared=no_comparison
    )


def _model_port(body: Experiment, node: str, named: str) -> str:
    """Return the name of a module's output port for a trained model, as the module spells it."""
    from mlmgmt.learning.graph_builder import Sketch
    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.modules.base import PortType

    plan = GraphPlan(Sketch(body["Definition"]).without_service_ports().document, everything=True)
    models = (PortType.TRAINED, PortType.TRAINED_CLUSTERS)
    training = {
        identity: [port.name for port in module.outputs if port.type in models]
        for identity, module in plan.modules.items()
    }
    listed = "; ".join(
        f"{identity} ({plan.modules[identity].name}), {', '.join(map(repr, ports))}"
        for identity, ports in training.items()
        if ports
    )
    hint = f"Modules that train a model: {listed}." if listed else "None of its modules trains a model."
    if node not in plan.modules:
        message = f"The experiment {body['Description']!r} has no module {node!r}."
        raise NotFound(message, detail="ExperimentNodeNotFound", target="TrainModuleNodeId", hint=hint)
    ports = [port.name for port in plan.modules[node].outputs]
    found = next((port for port in ports if port.casefold() == named.strip().casefold()), None)
    if found is None:
        message = f"{plan.modules[node].name} ({node}) has no output port {named!r}."
        raise BadRequest(
            message,
            detail="OutputPortNotFound",
            at="NodeOutputPortName",
            hint=f"It has: {', '.join(map(repr, ports))}.",
        )
    if found not in training[node]:
        message = f"The output port {found!r} of {plan.modules[node].name} ({node}) is not a trained model."
        raise BadRequest(message, detail="NotATrainedModel", at="NodeOutputPortName", hint=hint)
    return found


def _latest_to_replace(session: Session, name: str, *, overwrite: bool) -> Mapping[str, Any] | None:
    """Return the latest trained model with a name, or None. Refuse one that exists unless `overwrite` is set."""
    before = trained_models.latest(trained_models.all_of(session), name)
    if before is not None and not overwrite:
        message = f"The workspace already has a trained model {before['Name']!r}."
        hint = "Use another name, or -Overwrite to make this model the latest of its family."
        raise Conflict(message, detail="TrainedModelExists", at=name, hint=hint)
    return before


@replannable
def plan_update_asset(
    session: Session,
    *,
    experiment: str,
    everything: bool = False,
    asset_name: str | None = None,
    asset_type: str = ASSET_TYPES[0],
) -> Outcome:
    """Plan to point an experiment's trained models at the latest of their families.

    The experiment becomes a draft, and must run before it is deployed. The outcome answers with a sentence.

    Args:
        everything: update all of its trained models; or one, by `asset_name`.
        asset_type: one of `ASSET_TYPES`; only `TrainedModel` has families here.

    Raises:
        NotFound: the experiment; `AssetNotFound`.
        BadRequest: `AssetTypeNotSupported`. Conflict: `ExperimentRunning`.
    """
    body = experiments.existing(session, experiment)
    session.require(_WRITE, body["ExperimentId"])
    if asset_type != ASSET_TYPES[0]:
        message = f"Assets of type {asset_type} cannot be updated: only trained models have newer versions here."
        raise BadRequest(message, detail="AssetTypeNotSupported", at="AssetType")
    known = trained_models.all_of(session)
    used = assets.trained_models(body["Definition"])
    if not everything:
        key = (asset_name or "").strip().casefold()
        used = [model for model in used if model.name.strip().casefold() == key]
    if not used:
        wanted = "a trained model" if everything else f"the trained model {asset_name!r}"
        message = f"The experiment {body['Description']!r} does not use {wanted}."
        listed = ", ".join(repr(model.name) for model in assets.trained_models(body["Definition"]))
        hint = f"It uses: {listed}." if listed else "Make one that does: mlmgmt set-up-web-service NAME --predictive"
        raise NotFound(message, detail="AssetNotFound", target="AssetName", hint=hint)
    moved = {}
    for model in used:
        newest = trained_models.newest(known, model.uri, model.name)
        if newest is not None and newest["Uri"] != model.uri:
            moved[model.asset_id] = str(newest["Uri"])
    if not moved:
        text = f"{body['Description']!r} already uses the latest trained models; nothing was changed."
        return Outcome(body["Description"], body, body, lambda: None, nothing=text)
    definition = deepcopy(body["Definition"])
    for asset_id, uri in moved.items():
        definition["properties"]["assets"][asset_id]["locationInfo"]["uri"] = uri
    draft: Status = {**body["Status"], "StatusCode": experiments.DRAFT, "StatusDetail": None}
    draft |= {"StartTime": None, "EndTime": None}
    changed: Experiment = {**body, "Definition": definition, "Status": draft, "Run": None}
    names = ", ".join(repr(model.name) for model in used if model.asset_id in moved)

    def commit() -> str:
        fresh = experiments.existing(session, body["ExperimentId"])
        if fresh["Definition"] != body["Definition"]:
            raise changed_meanwhile(f"{body['Description']!r} was changed by another command.", "ExperimentId")
        experiments.replace(session, changed, is_new=False)
        return (
            f"The experiment {body['Description']!r} now uses the latest {names}. "
            f"Run it: mlmgmt run-experiment {body['Description']!r}"
        )

    return Outcome(body["Description"], body["Definition"], definition, commit)
