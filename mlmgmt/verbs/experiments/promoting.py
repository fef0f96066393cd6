"""Retraining in the workspace itself: a model that an experiment trains becomes the workspace's, and experiments that
use the one before are pointed at it.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, NoReturn

from mlmgmt.definition import assets
from mlmgmt.errors import BadRequest, Conflict, Detail, NotFound, PreconditionFailed
from mlmgmt.verbs.experiments import experiments, set_up, trained_models
from mlmgmt.verbs.outcome import Outcome, shown_only

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    """Plan to name what a module of an experiment trains as a trained model of the workspace. Runs keep no models, so
    the experiment is run for it; the same data and seeds give the same model.

    Args:
        train_module_node_id: the module's id in the graph; see `experiment_copies.nodes`.
        overwrite: a model of that name becomes the family of this one, which is its latest.

    Raises:
        NotFound: the experiment; `ExperimentNodeNotFound`.
        BadRequest: `OutputPortNotFound`, `NotATrainedModel`, `InvalidTrainedModelName`; or the graph cannot be run.
        Conflict: `TrainedModelExists`, `ExperimentRunning`.
    """
    body = experiments.existing(session, experiment)
    session.require(_WRITE, body["ExperimentId"])
    experiments.refuse_broken(body["Definition"], body["Description"])
    port = _port(body, train_module_node_id.strip(), node_output_port_name)
    name = trained_model_name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        message = f"A trained model's name has 1 to {_LONGEST_NAME} characters that can be seen."
        _refuse("InvalidTrainedModelName", message, "TrainedModelName")
    before = _family(session, name, overwrite=overwrite)
    status, warnings = body["Status"]["StatusCode"], []
    if status != experiments.FINISHED:
        warnings.append(f"The experiment {body['Description']!r} is {status}, not Finished; it is run now.")

    def commit() -> dict[str, Any]:
        done = experiments.ran(session, body)
        _family(session, name, overwrite=overwrite)
        blob = set_up.kept(session, body, done, train_module_node_id.strip(), port)
        made = trained_models.keep(
            session,
            name,
            blob.uri,
            experiment=body["ExperimentId"],
            description=trained_model_description,
            promoted_from=f"{train_module_node_id.strip()}:{port}",
        )
        return trained_models.view(session, made, trained_models.all_of(session))

    preview = {"Name": name, "FamilyId": before["FamilyId"] if before is not None else None}
    return Outcome(
        target=name, before=None, after={}, commit=commit, warnings=warnings, preview=preview, compared=shown_only
    )


def _refuse(code: str, message: str, target: str, hint: str | None = None) -> NoReturn:
    raise BadRequest(message, target=target, details=[Detail(code, message, target)], hint=hint)


def _port(body: Mapping[str, Any], node: str, named: str) -> str:
    """The output port of a module by which it gives a trained model, as the module spells it."""
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
    hint = f"These train: {listed}." if listed else "No module of it trains."
    if node not in plan.modules:
        message = f"The experiment {body['Description']!r} has no module {node!r}."
        details = [Detail("ExperimentNodeNotFound", message)]
        raise NotFound(message, target="TrainModuleNodeId", details=details, hint=hint)
    ports = [port.name for port in plan.modules[node].outputs]
    found = next((port for port in ports if port.casefold() == named.strip().casefold()), None)
    if found is None:
        message = f"{plan.modules[node].name} ({node}) has no output port {named!r}."
        _refuse("OutputPortNotFound", message, "NodeOutputPortName", f"It has: {', '.join(map(repr, ports))}.")
    if found not in training[node]:
        message = f"The port {found!r} of {plan.modules[node].name} ({node}) gives no trained model."
        _refuse("NotATrainedModel", message, "NodeOutputPortName", hint)
    return found


def _family(session: Session, name: str, *, overwrite: bool) -> Mapping[str, Any] | None:
    """The latest trained model of a name, if there is one, which only `overwrite` allows."""
    before = trained_models.latest(trained_models.all_of(session), name)
    if before is not None and not overwrite:
        message = f"The workspace has a trained model {before['Name']!r} already."
        hint = "Another name; or -Overwrite, which makes this one the latest of its family."
        raise Conflict(message, target=name, details=[Detail("TrainedModelExists", message, name)], hint=hint)
    return before


def plan_update_asset(
    session: Session,
    *,
    experiment: str,
    everything: bool = False,
    asset_name: str | None = None,
    asset_type: str = ASSET_TYPES[0],
) -> Outcome:
    """Plan to point an experiment's trained models at the latest of their families. The experiment is a draft then,
    and is run before it is deployed. It answers with a sentence.

    Args:
        everything: all of its trained models; or one, by `asset_name`.
        asset_type: `ASSET_TYPES`; of the others than `TrainedModel` there are no families here.

    Raises:
        NotFound: the experiment; `AssetNotFound`.
        BadRequest: `AssetTypeNotSupported`. Conflict: `ExperimentRunning`.
    """
    body = experiments.existing(session, experiment)
    session.require(_WRITE, body["ExperimentId"])
    if asset_type != ASSET_TYPES[0]:
        message = f"Assets of the type {asset_type} have no families here: each is used by the blob it is in."
        _refuse("AssetTypeNotSupported", message, "AssetType")
    known = trained_models.all_of(session)
    used = assets.trained_models(body["Definition"])
    if not everything:
        key = (asset_name or "").strip().casefold()
        used = [model for model in used if model.name.strip().casefold() == key]
    if not used:
        wanted = "" if everything else f" {asset_name!r}"
        message = f"The experiment {body['Description']!r} uses no trained model{wanted}."
        listed = ", ".join(repr(model.name) for model in assets.trained_models(body["Definition"]))
        hint = (
            f"It uses: {listed}." if listed else "A predictive experiment does: mlmgmt set-up-web-service -Predictive"
        )
        raise NotFound(message, target="AssetName", details=[Detail("AssetNotFound", message)], hint=hint)
    moved = {}
    for model in used:
        newest = trained_models.newest(known, model.uri, model.name)
        if newest is not None and newest["Uri"] != model.uri:
            moved[model.asset_id] = str(newest["Uri"])
    if not moved:
        text = f"The trained models of {body['Description']!r} are the latest of their families; nothing was changed."
        return Outcome(body["Description"], body, body, lambda: None, nothing=text)
    definition = deepcopy(body["Definition"])
    for asset_id, uri in moved.items():
        definition["properties"]["assets"][asset_id]["locationInfo"]["uri"] = uri
    draft = {"StatusCode": experiments.DRAFT, "StatusDetail": None, "StartTime": None, "EndTime": None}
    changed = body | {"Definition": definition, "Status": body["Status"] | draft, "Run": None}
    names = ", ".join(repr(model.name) for model in used if model.asset_id in moved)

    def commit() -> str:
        fresh = experiments.existing(session, body["ExperimentId"])
        if fresh["Definition"] != body["Definition"]:
            text = f"The experiment {body['Description']!r} was changed meanwhile."
            raise PreconditionFailed(text, target="ExperimentId", details=[Detail("EtagChanged", text)])
        experiments.replace(session, changed, made=False)
        return (
            f"The experiment {body['Description']!r} uses the latest {names}; "
            f"run it: mlmgmt run-experiment {body['Description']!r}"
        )

    def replan() -> Outcome:
        return plan_update_asset(
            session,
            experiment=body["ExperimentId"],
            everything=everything,
            asset_name=asset_name,
            asset_type=asset_type,
        )

    return Outcome(body["Description"], body["Definition"], definition, commit, replan)
