"""Studio's own API: the experiments of a workspace, and the web services deployed from them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import NotFound
from mlmgmt.ids import EndpointId, service_guid
from mlmgmt.server.apis import json_body
from mlmgmt.server.apis.blob_addresses import outward
from mlmgmt.server.http.call import Call, Reply
from mlmgmt.verbs.classic import deploying
from mlmgmt.verbs.experiments import experiments, promoting, saving, set_up, trained_models
from mlmgmt.verbs.outcome import carry_out
from mlmgmt.verbs.services import finding

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOMENTS = frozenset(("CreationTime", "StartTime", "EndTime", "CreatedDate"))
COMPLETED = "Completed"


def list_experiments(call: Call) -> Reply:
    return Reply(value=with_studio_dates(experiments.get(call.session)))


def get_experiment(call: Call) -> Reply:
    return Reply(value=with_studio_dates(saving.get(call.session, experiment=call.path["experimentId"])))


def save_experiment(call: Call) -> Reply:
    body = call.document()
    draft = json_body.boolean(body, "IsDraft")
    # They have no effect here, and are refused where the contract would refuse them.
    json_body.boolean(body, "DisableNodeUpdate")
    for name in ("Summary", "ParentExperimentId", "Category"):
        json_body.text(body, name)
    outcome = saving.plan_save(
        call.session,
        graph=json_body.mapping(body, "ExperimentGraph"),
        service=json_body.mapping(body, "WebService"),
        name=json_body.text(body, "Description"),
        experiment=call.path.get("experimentId"),
        run=draft is False,
    )
    return Reply(value=with_studio_dates(carry_out(call.session, outcome)))


def delete_experiment(call: Call) -> Reply:
    call.switch("deleteAncestors")
    carry_out(call.session, experiments.plan_remove(call.session, experiment=call.path["experimentId"]))
    return Reply()


def get_definition(call: Call) -> Reply:
    body = experiments.existing(call.session, call.path["experimentId"])
    return Reply(value=set_up.definition_of(call.session, body))


def deploy(call: Call) -> Reply:
    """Deploy an experiment. The deployment is complete when this answers."""
    call.switch("generateNewPortNames")
    update = call.switch("updateExistingWebService")
    experiment = call.path["experimentId"]
    deployed = carry_out(
        call.session,
        lambda: deploying.plan_deploy(call.session, experiment=experiment, update=update),
        # The web service already is what the experiment would make of it.
        unchanged=lambda: deploying.web_service_of(call.session, experiment=experiment),
    )
    return _deployment_reply(call, deployed)


def get_deployment(call: Call) -> Reply:
    """Return how a deployment went. Its ActivityId is the id of the web service, which exists since it was answered."""
    try:
        return _deployment_reply(call, finding.web_service(call.session, call.path["experimentId"]))
    except NotFound as error:
        error.hint = "Put the ActivityId that the deployment answered with into the path."
        raise


def _deployment_reply(call: Call, service: Mapping[str, Any]) -> Reply:
    identity = EndpointId(service["WorkspaceId"], service["Id"], finding.DEFAULT)
    return Reply(
        value={
            "ActivityId": service["Id"],
            "WebServiceGroupId": service["Id"],
            "EndpointId": service_guid(identity),
            "Status": COMPLETED,
        }
    )


def list_trained_models(call: Call) -> Reply:
    found = trained_models.get(call.session, scope=trained_models.WORKSPACE)
    return Reply(value=[_trained_model(call, body) for body in found])


def promote(call: Call) -> Reply:
    """Save the trained model of an experiment under a name.

    With a FamilyId it becomes the latest model of its family, so the name may exist already.
    """
    body = call.document()
    model = json_body.mapping(body, "TrainedModel") or {}
    outcome = promoting.plan_promote(
        call.session,
        experiment=json_body.required(body, "ExperimentId"),
        train_module_node_id=json_body.required(body, "ModuleNodeId"),
        node_output_port_name=json_body.required(body, "OutputName"),
        trained_model_name=json_body.required(model, "Name"),
        trained_model_description=json_body.text(model, "Description") or "",
        overwrite=json_body.text(model, "FamilyId") is not None,
    )
    return Reply(value=_trained_model(call, carry_out(call.session, outcome)))


def _trained_model(call: Call, body: Mapping[str, Any]) -> Any:
    """Return a trained model whose bytes are at this server's address."""
    location = body.get("DownloadLocation")
    if location:
        base = outward(call, {"BaseLocation": location["BaseUri"]})["BaseLocation"]
        body = {**body, "DownloadLocation": {**location, "BaseUri": base}}
    return with_studio_dates(body)


def with_studio_dates(value: Any) -> Any:
    """Return an answer with times as Studio wrote them: /Date(milliseconds since 1970)/."""
    if isinstance(value, list):
        return [with_studio_dates(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _studio_date(inner) if name in _MOMENTS and isinstance(inner, str) else with_studio_dates(inner)
        for name, inner in value.items()
    }


def _studio_date(text: str) -> str:
    try:
        # The text has seven decimals; Python keeps six.
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"/Date({int(moment.timestamp() * 1000)})/"


HANDLERS = {
    "ClassicExperiments_List": list_experiments,
    "ClassicExperiments_Get": get_experiment,
    "ClassicExperiments_Create": save_experiment,
    "ClassicExperiments_Save": save_experiment,
    "ClassicExperiments_Delete": delete_experiment,
    "ClassicExperiments_GetDefinition": get_definition,
    "ClassicTrainedModels_List": list_trained_models,
    "ClassicTrainedModels_Promote": promote,
    "ClassicWebServices_Deploy": deploy,
    "ClassicWebServices_GetDeployment": get_deployment,
}
