"""The schemas of the server's OpenAPI document, one for each body and answer.

That of a web service is the schema file that the package ships, so that only one exists. The others are code:
functions build what they share (a resource, a list, a nullable string), and states and limits come from the code.
"""

from __future__ import annotations

from typing import Any

from mlmgmt import resources
from mlmgmt.server.openapi.classic import classic
from mlmgmt.server.openapi.schema_parts import (
    REFERENCE,
    SCALAR,
    Schema,
    all_required,
    list_of,
    map_of,
    nullable,
    object_of,
    page,
    text,
    tracked,
)
from mlmgmt.server.openapi.scoring import scoring
from mlmgmt.verbs.plans import skus
from mlmgmt.verbs.storage import accounts

_CONTRACT_PREFIX = "WebService"
"""The prefix of the names of the contract's parts; see `_component_name`."""
_NOT_SENT = ("$schema", "etag", "mlmgmt")
"""Members of a definition that only the command line shows."""
_TAGS_OF_REQUEST = {"type": ["object", "null"], "additionalProperties": nullable("string")}
_MOMENT = text(format="date-time")
_QUANTITIES = map_of({"type": "number", "minimum": 0})
_LOCATION = text(pattern="^[A-Za-z0-9]+( [A-Za-z0-9]+)*$", maxLength=64)


def components() -> dict[str, Schema]:
    """Return all schemas by name."""
    return {**_web_services(), **_plans(), **_others(), **classic(), **scoring(), **_of_the_server()}


def _component_name(part: str) -> str:
    return _CONTRACT_PREFIX + part[:1].upper() + part[1:]


def _web_services() -> dict[str, Schema]:
    contract = resources.schema("webservice")
    found = {_component_name(part): _adapted(body) for part, body in contract["$defs"].items() if part != "answer"}
    # The older api-version has bare values; null counts as absent.
    found[_component_name("parameter")] = {
        "description": found[_component_name("parameter")]["description"],
        "anyOf": [{**found[_component_name("parameter")], "type": "object"}, {"type": SCALAR}],
    }
    whole: Schema = _adapted({name: value for name, value in contract.items() if name in ("title", "description")})
    parts = {name: _adapted(body) for name, body in contract["properties"].items() if name not in _NOT_SENT}
    properties = found[_component_name("properties")]
    partly = {name: value for name, value in properties.items() if name != "required"}
    return {
        **found,
        "NewWebService": whole | object_of({**parts, "location": _LOCATION}, "location", "properties"),
        "WebServicePatch": whole | object_of({**parts, "properties": partly}),
        "WebService": whole | object_of(parts, "id", "name", "type", "location", "properties"),
        "WebServices": page("WebService"),
        "WebServiceKeys": all_required({"primary": text(), "secondary": text()}),
        "Operations": object_of(
            {
                "value": list_of(
                    all_required(
                        {
                            "name": text(),
                            "display": all_required(
                                {name: text() for name in ("provider", "resource", "operation", "description")}
                            ),
                        }
                    )
                )
            },
            "value",
        ),
        "AsyncOperationStatus": all_required(
            {
                "id": text(),
                "name": text(),
                "status": text(enum=["Succeeded"]),
                "provisioningState": text(enum=["Succeeded"]),
                "startTime": _MOMENT,
                "endTime": _MOMENT,
                "percentComplete": {"type": "number"},
            }
        ),
    }


def _adapted(value: Any) -> Any:
    """Return a part of the contract for OpenAPI: references point to its components; our keywords are left out."""
    if isinstance(value, dict):
        return {
            name: REFERENCE + _component_name(inner.rpartition("/")[2]) if name == "$ref" else _adapted(inner)
            for name, inner in value.items()
            if name not in ("x-exact-name", "x-bare-value", "x-empty-is-null")
        }
    return [_adapted(inner) for inner in value] if isinstance(value, list) else value


def _plans() -> dict[str, Schema]:
    sku = {
        "name": text(),
        "tier": text(),
        "capacity": {"type": "integer", "minimum": skus.LEAST_CAPACITY, "maximum": skus.MOST_CAPACITY},
    }
    quantity = all_required(
        {
            "allowance": {"type": "number"},
            "amount": {"type": "number"},
            "includedQuantityMeter": text(),
            "overageMeter": text(),
        }
    )
    numbers = ("maxAssociationLimit", "maxCapacityLimit", "minCapacityLimit", "refillFrequencyInDays")
    switches = ("chargeForOverage", "chargeForPlan", "suspendPlanOnOverage")
    usage = ("planQuantitiesBeforeUsage", "planQuantitiesAfterUsage", "planUsageOverage")
    overage = ("planDeletionOverage", "planMigrationOverage")
    given = {name: {**body, "type": [body["type"], "null"]} for name, body in sku.items()}
    wanted = text(enum=[known.name for known in skus.SKUS])
    tier = {"enum": [skus.STANDARD, None]}
    tags = {"type": ["object", "null"], "additionalProperties": text()}
    return {
        "CommitmentPlan": tracked(
            all_required(
                {
                    **{name: {"type": "integer"} for name in numbers},
                    **{name: {"type": "boolean"} for name in switches},
                    "creationDate": _MOMENT,
                    "includedQuantities": map_of(quantity),
                    "planMeter": text(),
                }
            ),
            etag=text(),
            sku=all_required(sku),
        ),
        "NewCommitmentPlan": object_of(
            {"location": _LOCATION, "sku": object_of({**given, "name": wanted, "tier": tier}, "name"), "tags": tags},
            "location",
            "sku",
        ),
        "CommitmentPlanPatch": object_of(
            {
                "sku": {
                    **object_of({**given, "name": {"enum": [*wanted["enum"], None]}, "tier": tier}),
                    "type": ["object", "null"],
                },
                "tags": tags,
            }
        ),
        "CommitmentPlans": page("CommitmentPlan"),
        "CommitmentAssociation": tracked(
            all_required({"associatedResourceId": text(), "commitmentPlanId": text(), "creationDate": _MOMENT}),
            etag=text(),
        ),
        "CommitmentAssociations": page("CommitmentAssociation"),
        "MoveCommitmentAssociation": object_of({"destinationPlanId": text(minLength=1)}, "destinationPlanId"),
        "PlanUsage": all_required(
            {"usageDate": _MOMENT, "usage": _QUANTITIES} | dict.fromkeys((*usage, *overage), _QUANTITIES)
        ),
        "UsageHistory": page("PlanUsage"),
        "Sku": object_of(
            {
                "resourceType": text(),
                "name": text(),
                "tier": text(),
                "locations": list_of(text()),
                "capacity": all_required(
                    {**{name: {"type": "integer"} for name in ("minimum", "maximum", "default")}, "scaleType": text()}
                ),
                "capabilities": list_of(all_required({"name": text(), "value": text()})),
                "costs": list_of(
                    all_required({"meterID": text(), "quantity": {"type": "number"}, "extendedUnit": text()})
                ),
                "restrictions": list_of({"type": "object"}),
            },
            "resourceType",
            "name",
            "tier",
        ),
        "Skus": page("Sku", continued=False),
    }


def _others() -> dict[str, Schema]:
    """Return the schemas of the providers that scripts use besides that of machine learning."""
    account_sku = object_of({"name": text(enum=list(accounts.SKUS)), "tier": nullable("string")})
    return {
        "Subscription": all_required(
            {"id": text(), "subscriptionId": text(format="uuid"), "displayName": text(), "state": text()}
        ),
        "Subscriptions": page("Subscription", continued=False),
        "ResourceGroup": tracked(all_required({"provisioningState": text()})),
        "ResourceGroups": page("ResourceGroup", continued=False),
        "NewResourceGroup": object_of({"location": _LOCATION, "tags": _TAGS_OF_REQUEST}, "location"),
        "Provider": all_required(
            {
                "id": text(),
                "namespace": text(),
                "registrationState": text(),
                "resourceTypes": list_of(
                    all_required({"resourceType": text(), "locations": list_of(text()), "apiVersions": list_of(text())})
                ),
            }
        ),
        "StorageAccount": tracked(
            object_of(
                {
                    "provisioningState": text(),
                    "creationTime": nullable("string", format="date-time"),
                    "primaryEndpoints": all_required({"blob": text(format="uri")}),
                },
                "provisioningState",
                "primaryEndpoints",
            ),
            sku=all_required({"name": text(), "tier": text()}),
            kind=text(),
        ),
        "StorageAccounts": page("StorageAccount", continued=False),
        "NewStorageAccount": object_of(
            {
                "location": _LOCATION,
                "sku": {**account_sku, "type": ["object", "null"]},
                "kind": nullable("string"),
                "tags": _TAGS_OF_REQUEST,
                "properties": {"type": ["object", "null"]},
            },
            "location",
        ),
        "StorageAccountKeys": object_of(
            {"keys": list_of(all_required({"keyName": text(), "value": text(), "permissions": text()}))}, "keys"
        ),
        "NameToCheck": object_of({"name": text(minLength=1, pattern=r"\S"), "type": nullable("string")}, "name"),
        "NameAvailability": object_of(
            {
                "nameAvailable": {"type": "boolean"},
                "reason": text(enum=["AccountNameInvalid", "AlreadyExists"]),
                "message": text(),
            },
            "nameAvailable",
        ),
    }


def _of_the_server() -> dict[str, Schema]:
    reason = {"code": text(), "message": text(), "target": text()}
    return {
        "Error": object_of(
            {
                "error": object_of(
                    {
                        **reason,
                        "hint": text(),
                        "details": list_of(object_of(reason, "code", "message")),
                    },
                    "code",
                    "message",
                )
            },
            "error",
        ),
        "StudioError": all_required(
            {
                "Error": object_of(
                    {
                        "Code": text(),
                        "Message": text(),
                        "Target": nullable("string"),
                        "Details": list_of(
                            all_required({"Code": text(), "Message": text(), "Target": nullable("string")})
                        ),
                        "InnerError": {"type": "null"},
                        "DebugInfo": {"type": "null"},
                        "Hint": text(),
                    },
                    "Code",
                    "Message",
                    "Target",
                    "Details",
                    "InnerError",
                    "DebugInfo",
                )
            }
        ),
        "Health": all_required({"status": text(enum=["ok"]), "version": text()}),
        "OpenApiDocument": object_of(
            {"openapi": text(), "info": {"type": "object"}, "paths": {"type": "object"}}, "paths"
        ),
    }
