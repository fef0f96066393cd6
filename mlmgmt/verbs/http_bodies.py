"""What would stand in the body of the HTTP request that a command stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.definition.document import parse
from mlmgmt.ids import service_guid
from mlmgmt.verbs import batch, job_requests, lookup, scoring, storage, webservices

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source


def body(session: Session, operation: str, given: Mapping[str, Any]) -> Any:
    """The body for an operation's name; None where it has none.

    Args:
        given: the verb's arguments.

    Raises:
        BadRequest: what is given cannot be read.
    """
    made = _BODIES.get(operation)
    return None if made is None else made(session, given)


def named(web_service: Source) -> dict[str, str]:
    """The values of a path for the web service that a Get answer names."""
    identity = lookup.named_by(web_service)
    return {"resourceGroupName": identity.group, "webServiceName": identity.name}


def scoring_path(session: Session, group: str | None, name: str | None) -> dict[str, str]:
    """The values of a scoring path for a web service."""
    if group is None or name is None:
        return {}
    subscription = session.store.home.subscription.replace("-", "")
    return {"subscriptionId": subscription, "serviceId": service_guid(session.service_id(group, name))}


def _definition(_: Session, given: Mapping[str, Any]) -> Any:
    found = parse(given["definition"].data)
    stated = given.get("from_instance") and isinstance(found, dict) and found.get("location")
    return found if stated or not isinstance(found, dict) else {**found, "location": given["location"]}


def _change(session: Session, given: Mapping[str, Any]) -> Any:
    if given.get("service_updates") is not None:
        return parse(given["service_updates"].data)
    own = ("group", "name", "service_updates", "clear", "message", "if_match", "skip_model_check")
    return webservices.change_of(session, {name: value for name, value in given.items() if name not in own})


def _plan(_: Session, given: Mapping[str, Any]) -> Any:
    stated = {name: given.get(f"sku_{name}") for name in ("name", "tier", "capacity")}
    sku = given.get("sku") or {name: value for name, value in stated.items() if value is not None}
    found = {"location": given.get("location"), "sku": sku, "tags": given.get("tags")}
    return {name: value for name, value in found.items() if value is not None}


def _group(_: Session, given: Mapping[str, Any]) -> Any:
    return {"location": given["location"], **({"tags": given["tags"]} if given.get("tags") else {})}


def _account(_: Session, given: Mapping[str, Any]) -> Any:
    sku = {"name": given.get("sku") or storage.SKUS[0]}
    tags = {"tags": given["tags"]} if given.get("tags") else {}
    return {"location": given["location"], "sku": sku, "kind": "StorageV2", "properties": {}, **tags}


def _move(_: Session, given: Mapping[str, Any]) -> Any:
    return {"destinationPlanId": given["destination_plan_id"]}


def _rows(session: Session, given: Mapping[str, Any]) -> Any:
    standing = lookup.existing(session, given["group"], given["name"])
    declared = standing.document["properties"].get("input", {}).get("properties") or {}
    rows: Source | None = given.get("rows")
    cells, parameters = scoring.read_rows(rows, list(declared)) if rows is not None else ({}, {})
    values = job_requests.named_values(given.get("parameters") or ())
    inputs = {port: {"ColumnNames": list(table.columns), "Values": table.rows} for port, table in cells.items()}
    return {"Inputs": inputs, "GlobalParameters": {**parameters, **values}}


def _job(session: Session, given: Mapping[str, Any]) -> Any:
    if given.get("job_file") is not None:
        return given["job_file"]
    words = (given.get("inputs") or (), given.get("outputs") or (), given.get("parameters") or ())
    body = batch.request_of(session, *words, {})
    document = lookup.existing(session, given["group"], given["name"]).document
    for member, side in (("Inputs", "input"), ("Outputs", "output")):
        ports = list(document["properties"].get(side, {}).get("properties") or {})
        body[member] = {port or next(iter(ports), ""): place for port, place in body[member].items()}
    return body


_BODIES: dict[str, Callable[[Session, Mapping[str, Any]], Any]] = {
    "WebServices_CreateOrUpdate": _definition,
    "WebServices_Patch": _change,
    "CommitmentPlans_CreateOrUpdate": _plan,
    "CommitmentPlans_Patch": _plan,
    "CommitmentAssociations_Move": _move,
    "ResourceGroups_CreateOrUpdate": _group,
    "StorageAccounts_Create": _account,
    "execute": _rows,
    "submitjob": _job,
}
