"""What scripts need from other providers: the subscription, resource groups and storage accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.server.apis import json_body
from mlmgmt.server.http.call import Call, Reply, invalid
from mlmgmt.verbs.account import groups, providers
from mlmgmt.verbs.outcome import carry_out
from mlmgmt.verbs.storage import accounts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.verbs.outcome import Outcome


def get_subscription(call: Call) -> Reply:
    return Reply(value=_subscription(call))


def list_subscriptions(call: Call) -> Reply:
    return Reply(value={"value": [_subscription(call)]})


def _subscription(call: Call) -> dict[str, Any]:
    identity = call.session.store.home.subscription
    return {
        "id": f"/subscriptions/{identity}",
        "subscriptionId": identity,
        "displayName": "mlmgmt home",
        "state": "Enabled",
    }


def check_group(call: Call) -> Reply:
    groups.get(call.session, name=call.path["resourceGroupName"])
    return Reply(204)


def get_group(call: Call) -> Reply:
    found = groups.get(call.session, name=call.path["resourceGroupName"])
    assert isinstance(found, dict)
    return Reply(value=_group(found))


def list_groups(call: Call) -> Reply:
    top = call.query.get("$top", "")
    if top and not (top.isascii() and top.isdecimal() and int(top[:9])):
        raise invalid(
            "The query parameter '$top' must be a whole number greater than 0.", "InvalidQueryParameter", "$top"
        )
    found = [_group(body) for body in groups.get(call.session)]  # type: ignore[arg-type]
    return Reply(value={"value": found[: int(top[:9])] if top else found})


def create_group(call: Call) -> Reply:
    body = call.document()
    location = json_body.required(body, "location", "LocationRequired")
    name = call.path["resourceGroupName"]
    outcome = groups.plan_create(call.session, name=name, location=location, tags=json_body.mapping(body, "tags"))
    return Reply(201 if outcome.created else 200, _group(carry_out(call.session, outcome)))


def delete_group(call: Call) -> Reply:
    carry_out(call.session, groups.plan_remove(call.session, name=call.path["resourceGroupName"]))
    return Reply()


def _group(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": body["ResourceId"],
        "name": body["ResourceGroupName"],
        "type": "Microsoft.Resources/resourceGroups",
        "location": body["Location"],
        "tags": body["Tags"],
        "properties": {"provisioningState": body["ProvisioningState"]},
    }


def get_provider(call: Call) -> Reply:
    namespace = "Microsoft.MachineLearning"
    types = [row["ResourceTypes"][0] for row in providers.get(call.session, namespace=namespace)]
    return Reply(
        value={
            "id": f"{_subscription(call)['id']}/providers/{namespace}",
            "namespace": namespace,
            "registrationState": "Registered",
            "resourceTypes": [
                {
                    "resourceType": row["ResourceTypeName"],
                    "locations": row["Locations"],
                    "apiVersions": row["ApiVersions"],
                }
                for row in types
            ],
        }
    )


def check_account_name(call: Call) -> Reply:
    name = json_body.required(call.document(), "name")
    return Reply(value=accounts.check_name(call.session, name))


def list_accounts(call: Call) -> Reply:
    found = accounts.get(call.session, group=call.path.get("resourceGroupName"))
    return Reply(value={"value": [_account(call, body) for body in found if body["id"]]})  # type: ignore[index,arg-type]


def get_account(call: Call) -> Reply:
    found = accounts.get(call.session, group=call.path["resourceGroupName"], name=call.path["accountName"])
    assert isinstance(found, dict)
    return Reply(value=_account(call, found))


def create_account(call: Call) -> Reply:
    body = call.document()
    sku = json_body.mapping(body, "sku") or {}
    outcome: Outcome = accounts.plan_create(
        call.session,
        group=call.path["resourceGroupName"],
        name=call.path["accountName"],
        location=json_body.required(body, "location", "LocationRequired"),
        sku=json_body.text(sku, "name") or accounts.SKUS[0],
        tags=json_body.mapping(body, "tags"),
    )
    return Reply(value=_account(call, carry_out(call.session, outcome)))


def remove_account(call: Call) -> Reply:
    name = call.path["accountName"]
    outcome = accounts.plan_remove(call.session, group=call.path["resourceGroupName"], name=name)
    if outcome.nothing is not None:
        return Reply(204)
    carry_out(call.session, outcome)
    return Reply()


def list_account_keys(call: Call) -> Reply:
    found = accounts.keys(call.session, group=call.path["resourceGroupName"], name=call.path["accountName"])
    keys = [{"keyName": row["KeyName"], "value": row["Value"], "permissions": row["Permissions"]} for row in found]
    return Reply(value={"keys": keys})


def _account(call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return an account, its blobs at this server's address."""
    endpoints = {"blob": f"{call.origin}/{body['name']}/"}
    return {**body, "properties": {**body["properties"], "primaryEndpoints": endpoints}}


HANDLERS = {
    "Subscriptions_List": list_subscriptions,
    "Subscriptions_Get": get_subscription,
    "ResourceGroups_List": list_groups,
    "ResourceGroups_CheckExistence": check_group,
    "ResourceGroups_Get": get_group,
    "ResourceGroups_CreateOrUpdate": create_group,
    "ResourceGroups_Delete": delete_group,
    "Providers_Get": get_provider,
    "StorageAccounts_CheckNameAvailability": check_account_name,
    "StorageAccounts_List": list_accounts,
    "StorageAccounts_ListByResourceGroup": list_accounts,
    "StorageAccounts_GetProperties": get_account,
    "StorageAccounts_Create": create_account,
    "StorageAccounts_Delete": remove_account,
    "StorageAccounts_ListKeys": list_account_keys,
}
