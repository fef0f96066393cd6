"""Commitment plans as only the cmdlets have them: by an object, by a generic resource, with the cmdlet's defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.definition.document import parse
from mlmgmt.errors import BadRequest, Detail
from mlmgmt.ids import PLANS, PROVIDER, STORAGE_ACCOUNTS, STORAGE_PROVIDER, WEB_SERVICES, PlanId
from mlmgmt.verbs import plans, skus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.verbs.outcome import Outcome
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

_PLAN_TYPE = f"{PROVIDER}/{PLANS}"
_CMDLETS = {
    f"{PROVIDER}/{WEB_SERVICES}".casefold(): "New-AzMlWebService",
    f"{STORAGE_PROVIDER}/{STORAGE_ACCOUNTS}".casefold(): "New-AzStorageAccount",
    "microsoft.resources/resourcegroups": "New-AzResourceGroup",
}


def plan_update_whole(
    session: Session,
    *,
    group: str,
    name: str,
    sku_name: str,
    sku_tier: str,
    sku_capacity: int | None = None,
    tags: dict[str, Any] | None = None,
) -> Outcome:
    """Plan a change as the cmdlet makes it: a capacity left out is 1, and nothing is answered.

    Raises:
        BadRequest, Conflict, NotFound, AuthorizationFailed: as `plans.plan_update`.
    """
    outcome = plans.plan_update(
        session,
        group=group,
        name=name,
        sku_name=sku_name,
        sku_tier=sku_tier,
        sku_capacity=skus.LEAST_CAPACITY if sku_capacity is None else sku_capacity,
        tags=tags,
    )
    present = outcome.before["sku"]["capacity"] if outcome.before is not None else skus.LEAST_CAPACITY
    if sku_capacity is None and present > skus.LEAST_CAPACITY:
        outcome.warnings = [
            f"The capacity goes from {present} to {skus.LEAST_CAPACITY}, as it does where -SkuCapacity is left out."
        ]
    outcome.commit = _silent(outcome.commit)
    outcome.replan = lambda: plan_update_whole(
        session, group=group, name=name, sku_name=sku_name, sku_tier=sku_tier, sku_capacity=sku_capacity, tags=tags
    )
    return outcome


def _silent(commit: Callable[[], Any]) -> Callable[[], None]:
    def done() -> None:
        commit()

    return done


def plan_remove_object(session: Session, *, plan: Source) -> Outcome:
    """Plan to remove the commitment plan whose Get answer is given; see `plans.plan_remove`.

    Raises:
        BadRequest: `InvalidResourceId`: what is given has no id, or not that of a plan.
    """
    body = parse(plan.data)
    found = body.get("id", body.get("Id")) if isinstance(body, dict) else None
    if not isinstance(found, str):
        message = f"{plan.name} names no commitment plan: it has no id."
        hint = "Give -ResourceGroupName and -Name, or pipe what Get-AzMlCommitmentPlan answers for one plan."
        raise BadRequest(message, target="id", details=[Detail("InvalidResourceId", message)], hint=hint)
    identity = PlanId.parse(found)
    return plans.plan_remove(session, group=identity.group, name=identity.name)


def plan_create_resource(
    session: Session,
    *,
    group: str,
    name: str,
    location: str,
    resource_type: str,
    sku_object: Mapping[str, Any] | None = None,
    tags: dict[str, Any] | None = None,
) -> Outcome:
    """Plan a commitment plan that is made as a generic resource; see `plans.plan_create`.

    Args:
        sku_object: `Name`, `Tier` and `Capacity`, in any letter case; the tier is Standard when left out.

    Raises:
        BadRequest: `ResourceTypeNotSupported`: another type, with the cmdlet for it; `InvalidSku`.
    """
    if resource_type.strip().casefold() != _PLAN_TYPE.casefold():
        message = f"Resources of the type {resource_type!r} are not made like this; those of {_PLAN_TYPE} are."
        cmdlet = _CMDLETS.get(resource_type.strip().casefold())
        hint = f"Use {cmdlet}." if cmdlet is not None else None
        details = [Detail("ResourceTypeNotSupported", message)]
        raise BadRequest(message, target="ResourceType", details=details, hint=hint)
    given = {member.casefold(): value for member, value in (sku_object or {}).items()}
    unknown = given.keys() - {"name", "tier", "capacity"}
    if unknown or not isinstance(given.get("name"), str) or not isinstance(given.get("tier", ""), str):
        message = "A SKU has a Name, a Tier and a Capacity."
        hint = "-SkuObject \"@{Name='S1'; Tier='Standard'; Capacity=1}\""
        raise BadRequest(message, target="SkuObject", details=[Detail("InvalidSku", message)], hint=hint)
    outcome = plans.plan_create(
        session,
        group=group,
        name=name,
        location=location,
        sku_name=given["name"],
        sku_tier=given.get("tier") or skus.STANDARD,
        sku_capacity=given.get("capacity", skus.LEAST_CAPACITY),
        tags=tags,
    )
    commit = outcome.commit
    outcome.commit = lambda: _resource(commit())
    outcome.preview = _resource(outcome.preview)
    outcome.replan = lambda: plan_create_resource(
        session,
        group=group,
        name=name,
        location=location,
        resource_type=resource_type,
        sku_object=sku_object,
        tags=tags,
    )
    return outcome


def _resource(plan: Mapping[str, Any]) -> dict[str, Any]:
    identity = PlanId.parse(plan["id"])
    return {
        "Name": plan["name"],
        "ResourceId": plan["id"],
        "ResourceName": plan["name"],
        "ResourceType": plan["type"],
        "ResourceGroupName": identity.group,
        "Location": plan["location"],
        "SubscriptionId": identity.subscription,
        "Tags": plan["tags"],
        "Sku": plan["sku"],
        "Properties": plan["properties"],
    }
