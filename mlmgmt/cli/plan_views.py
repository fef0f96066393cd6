"""Commitment plans, associations, usage, SKUs, storage accounts and resource types, flattened for people to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TRANSACTIONS, _HOURS = "machineLearningWebServiceTransactions", "machineLearningWebServiceComputeHours"


def _each(result: Any, short: Callable[[Any], dict[str, Any]], whole: Callable[[Any], dict[str, Any]]) -> Any:
    return [short(item) for item in result] if isinstance(result, list) else whole(result)


def _group_of(item: Mapping[str, Any]) -> str:
    return str(item["id"]).split("/")[4] if item.get("id") else ""


def _number(value: float) -> str:
    """Return a quantity as text; a whole number has no fraction."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4f}"


def _without_empty(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if value not in (None, {}, "")}


def plan(result: Any) -> Any:
    """Flatten the commitment plans that `plans.get` returns."""
    return _each(result, _plan_row, _plan_whole)


def _plan_row(item: Mapping[str, Any]) -> dict[str, Any]:
    quantities = item["properties"]["includedQuantities"]
    return {
        "Name": item["name"],
        "ResourceGroup": _group_of(item),
        "Location": item["location"],
        "Sku": item["sku"]["name"],
        "Capacity": item["sku"]["capacity"],
        "TransactionsLeft": _left(quantities[_TRANSACTIONS]),
        "HoursLeft": _left(quantities[_HOURS]),
    }


def _left(quantity: Mapping[str, Any]) -> str:
    return f"{_number(quantity['amount'])} of {_number(quantity['allowance'])}"


def _plan_whole(item: Mapping[str, Any]) -> dict[str, Any]:
    properties = item["properties"]
    shown = {
        **_plan_row(item),
        "RefillEvery": f"{properties['refillFrequencyInDays']} days",
        "OnOverage": "suspended" if properties["suspendPlanOnOverage"] else "charged",
        "CreationDate": properties["creationDate"],
        "Tags": item["tags"],
        "Etag": item["etag"],
        "Id": item["id"],
    }
    return _without_empty(shown)


def association(result: Any) -> Any:
    """Flatten the associations that `associations.associations` returns."""
    return _each(result, _association_row, _association_whole)


def _association_row(item: Mapping[str, Any]) -> dict[str, Any]:
    service = str(item["properties"]["associatedResourceId"]).split("/")
    return {
        "Name": item["name"],
        "WebService": service[-1],
        "ResourceGroup": service[4],
        "CreationDate": str(item["properties"]["creationDate"])[:19],
    }


def _association_whole(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_association_row(item),
        "CommitmentPlanId": item["properties"]["commitmentPlanId"],
        "Etag": item["etag"],
        "Id": item["id"],
    }


def usage(result: Any) -> Any:
    """Flatten the days that `usage.usage_history` returns."""
    return [
        {
            "Day": str(item["usageDate"])[:10],
            "Transactions": _number(item["usage"][_TRANSACTIONS]),
            "Hours": _number(item["usage"][_HOURS]),
            "TransactionsLeft": _number(item["planQuantitiesAfterUsage"][_TRANSACTIONS]),
            "HoursLeft": _number(item["planQuantitiesAfterUsage"][_HOURS]),
            "Overage": ", ".join(
                f"{_number(item['planUsageOverage'][name])} {what}"
                for name, what in ((_TRANSACTIONS, "transactions"), (_HOURS, "hours"))
                if item["planUsageOverage"][name]
            ),
        }
        for item in result
    ]


def skus(result: Any) -> Any:
    """Flatten the SKUs that `skus.skus` returns."""
    rows = []
    for item in result:
        capabilities = {each["name"]: each["value"] for each in item["capabilities"]}
        rows.append(
            {
                "Name": item["name"],
                "Tier": item["tier"],
                "Transactions": _number(float(capabilities["includedTransactions"])),
                "Hours": _number(float(capabilities["includedComputeHours"])),
                "RefillEvery": f"{capabilities['refillFrequencyInDays']} days",
                "OnOverage": "suspended" if capabilities["suspendPlanOnOverage"] == "true" else "charged",
                "Capacity": f"{item['capacity']['minimum']} to {item['capacity']['maximum']}",
            }
        )
    return rows


def storage(result: Any) -> Any:
    """Flatten the storage accounts that `accounts.get` returns."""
    return _each(result, _storage_row, _storage_whole)


def _storage_row(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Name": item["name"],
        "ResourceGroup": _group_of(item),
        "Location": item["location"],
        "Sku": item["sku"]["name"],
        "Blobs": item["properties"]["primaryEndpoints"]["blob"],
    }


def _storage_whole(item: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        **_storage_row(item),
        "CreationTime": item["properties"]["creationTime"],
        "Tags": item["tags"],
        "Id": item["id"],
    }
    return _without_empty(shown)


def provider(result: Any) -> Any:
    """Return a row for each resource type that `providers.get` returns."""
    return [
        {
            "ProviderNamespace": item["ProviderNamespace"],
            "ResourceType": kind["ResourceTypeName"],
            "ApiVersions": kind["ApiVersions"],
            "Locations": kind["Locations"],
        }
        for item in result
        for kind in item["ResourceTypes"]
    ]


FLAT: dict[str, Callable[[Any], Any]] = {
    "plan": plan,
    "association": association,
    "usage": usage,
    "skus": skus,
    "storage": storage,
    "provider": provider,
}
