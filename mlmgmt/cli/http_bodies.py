"""The body of the HTTP request that does the same as a command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlmgmt.definition.document import parse
from mlmgmt.ids import service_guid
from mlmgmt.verbs import named_values
from mlmgmt.verbs.batch import batch
from mlmgmt.verbs.experiments import experiments, trained_models
from mlmgmt.verbs.scoring import scoring
from mlmgmt.verbs.services import addresses, endpoint_facts, finding, lookup, webservices
from mlmgmt.verbs.storage import accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.verbs.services.addresses import Address
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

_ADDRESS = re.compile(
    r"/(?P<scope>subscriptions|workspaces)/(?P<id>[^/?]+)/services/(?P<service>[0-9a-f]{32})", re.IGNORECASE
)


def body(session: Session, operation: str, given: Mapping[str, Any]) -> Any:
    """Return the body for the operation with this name, or None if it has no body.

    Args:
        given: the verb's arguments.

    Raises:
        BadRequest: an argument cannot be read.
    """
    build = _BODIES.get(operation)
    return None if build is None else build(session, given)


def web_service_path(web_service: Source) -> dict[str, str]:
    """Return the path values of the web service that an answer of Get names."""
    identity = lookup.named_by(web_service)
    return {"resourceGroupName": identity.group, "webServiceName": identity.name}


def scoring_path(session: Session, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the path values for scoring a web service, which is named or given by its address."""
    address = _ADDRESS.search(given.get("api_location") or given.get("submit_job_request_url") or "")
    if address is not None:
        scope = "workspaceId" if address["scope"].casefold() == "workspaces" else "subscriptionId"
        return {scope: address["id"], "serviceId": address["service"]}
    group, name = given.get("group"), given.get("name")
    if group is None or name is None:
        return {}
    subscription = session.store.home.subscription.replace("-", "")
    return {"subscriptionId": subscription, "serviceId": service_guid(session.service_id(group, name))}


def workspace_path(session: Session, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the path values in a Classic workspace for the web service, endpoint or experiment that is named.

    Raises:
        NotFound: it does not exist.
    """
    found = {"workspaceId": session.workspace}
    if given.get("experiment") is not None:
        found["experimentId"] = experiments.existing(session, given["experiment"])["ExperimentId"]
    if given.get("web_service_id") is None:
        return found
    found["webServiceId"] = finding.web_service(session, given["web_service_id"])["Id"]
    if given.get("endpoint_name") is not None:
        endpoint = finding.endpoint_id(session, found["webServiceId"], given["endpoint_name"])
        found |= {"endpointName": endpoint.name, "serviceId": service_guid(endpoint)}
    return found


def _current_definition(session: Session, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the definition of the web service or endpoint that is named."""
    address: Address = {}
    for part in ("group", "name", "web_service_id", "endpoint_name"):
        if given.get(part) is not None:
            address[part] = given[part]
    return addresses.existing(session, **address).document


def _definition(_: Session, given: Mapping[str, Any]) -> Any:
    found = parse(given["definition"].data)
    stated = given.get("from_instance") and isinstance(found, dict) and found.get("location")
    return found if stated or not isinstance(found, dict) else {**found, "location": given["location"]}


def _change(session: Session, given: Mapping[str, Any]) -> Any:
    if given.get("service_updates") is not None:
        return parse(given["service_updates"].data)
    own = ("group", "name", "service_updates", "clear", "message", "if_match", "skip_model_check", "require_runnable")
    return webservices.change_of(session, {name: value for name, value in given.items() if name not in own})


def _plan(_: Session, given: Mapping[str, Any]) -> Any:
    stated = {name: given.get(f"sku_{name}") for name in ("name", "tier", "capacity")}
    sku = given.get("sku") or {name: value for name, value in stated.items() if value is not None}
    found = {"location": given.get("location"), "sku": sku, "tags": given.get("tags")}
    return {name: value for name, value in found.items() if value is not None}


def _group(_: Session, given: Mapping[str, Any]) -> Any:
    return {"location": given["location"], **({"tags": given["tags"]} if given.get("tags") else {})}


def _account(_: Session, given: Mapping[str, Any]) -> Any:
    sku = {"name": given.get("sku") or accounts.SKUS[0]}
    tags = {"tags": given["tags"]} if given.get("tags") else {}
    return {"location": given["location"], "sku": sku, "kind": "StorageV2", "properties": {}, **tags}


def _move(_: Session, given: Mapping[str, Any]) -> Any:
    return {"destinationPlanId": given["destination_plan_id"]}


def _rows(session: Session, given: Mapping[str, Any]) -> Any:
    written: Source | None = given.get("input_json_file") or given.get("input_json_text")
    if written is not None:
        return parse(written.data)
    declared = _current_definition(session, given)["properties"].get("input", {}).get("properties") or {}
    rows: Source | None = given.get("rows")
    cells, parameters = scoring.read_rows(rows, list(declared)) if rows is not None else ({}, {})
    values = named_values.named_values(given.get("parameters") or ())
    inputs = {port: {"ColumnNames": list(table.columns), "Values": table.rows} for port, table in cells.items()}
    return {"Inputs": inputs, "GlobalParameters": {**parameters, **values}}


def _job(session: Session, given: Mapping[str, Any]) -> Any:
    written: Source | None = given.get("job_config_string") or given.get("job_config_file")
    if written is not None:
        return parse(written.data)
    if given.get("job_file") is not None:
        return given["job_file"]
    words = (given.get("inputs") or (), given.get("outputs") or (), given.get("parameters") or ())
    body = batch.request_of(session, *words, {})
    document = _current_definition(session, given)
    for member, side in (("Inputs", "input"), ("Outputs", "output")):
        ports = list(document["properties"].get(side, {}).get("properties") or {})
        body[member] = {port or next(iter(ports), ""): place for port, place in body[member].items()}
    return body


def _endpoint(_: Session, given: Mapping[str, Any]) -> Any:
    level = given.get("throttle_level") or endpoint_facts.LOW
    calls = given.get("max_concurrent_calls") if level != endpoint_facts.LOW else None
    return {
        "Description": given.get("description"),
        "ThrottleLevel": level,
        "MaxConcurrentCalls": calls,
        "PreventUpdate": bool(given.get("prevent_update")),
    }


def _replacement(_: Session, given: Mapping[str, Any]) -> Any:
    location = {
        "BaseLocation": given["base_location"],
        "RelativeLocation": given["relative_location"],
        "SasBlobToken": given["sas_blob_token"],
    }
    return {"Resources": [{"Name": given["resource_name"], "Location": location}]}


def _refresh(_: Session, given: Mapping[str, Any]) -> Any:
    return {"OverwriteResources": str(bool(given.get("overwrite_resources")))}


def _run(_: Session, given: Mapping[str, Any]) -> Any:
    return {"IsDraft": False}


def _promotion(session: Session, given: Mapping[str, Any]) -> Any:
    name = given["trained_model_name"]
    before = trained_models.latest(trained_models.all_of(session), name) if given.get("overwrite") else None
    return {
        "ExperimentId": experiments.existing(session, given["experiment"])["ExperimentId"],
        "ModuleNodeId": given["train_module_node_id"],
        "OutputName": given["node_output_port_name"],
        "TrainedModel": {
            "Name": name,
            "DataTypeId": trained_models.DATA_TYPE,
            "Description": given["trained_model_description"],
            "SourceOrigin": "FromOutputPromotion",
            "FamilyId": before["FamilyId"] if before is not None else None,
        },
    }


_BODIES: dict[str, Callable[[Session, Mapping[str, Any]], Any]] = {
    "WebServices_CreateOrUpdate": _definition,
    "WebServices_Patch": _change,
    "CommitmentPlans_CreateOrUpdate": _plan,
    "CommitmentPlans_Patch": _plan,
    "CommitmentAssociations_Move": _move,
    "ResourceGroups_CreateOrUpdate": _group,
    "StorageAccounts_Create": _account,
    "ClassicEndpoints_Create": _endpoint,
    "ClassicEndpoints_Patch": _replacement,
    "ClassicEndpoints_Refresh": _refresh,
    "ClassicExperiments_Save": _run,
    "ClassicTrainedModels_Promote": _promotion,
    "execute": _rows,
    "ClassicExecute": _rows,
    "submitjob": _job,
    "ClassicSubmitjob": _job,
}
