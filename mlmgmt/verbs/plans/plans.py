"""Read and change commitment plans, as the resource manager and the cmdlets do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from mlmgmt.definition.document import parse
from mlmgmt.errors import BadRequest, Conflict, Detail
from mlmgmt.ids import (
    PLANS,
    PROVIDER,
    STORAGE_ACCOUNTS,
    STORAGE_PROVIDER,
    WEB_SERVICES,
    PlanId,
    ResourceId,
    check_name,
    same_location,
)
from mlmgmt.store import lock
from mlmgmt.verbs.outcome import Outcome, changed_meanwhile, no_comparison, replannable
from mlmgmt.verbs.plans import associations, skus, usage
from mlmgmt.verbs.plans.associations import etag_of, existing_plan
from mlmgmt.verbs.session import stamp
from mlmgmt.verbs.tags import check_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.store.plans import Plan
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

_WRITE = "Microsoft.MachineLearning/commitmentPlans/write"
_DELETE = "Microsoft.MachineLearning/commitmentPlans/delete"


def get(
    session: Session, *, group: str | None = None, name: str | None = None
) -> dict[str, Any] | list[dict[str, Any]]:
    """Return one plan, or those of a group or of the subscription. A name without a group lists all, as in the cmdlet.

    Raises:
        NotFound: `ResourceGroupNotFound`; `ResourceNotFound`, as the outer code.
    """
    if group is None:
        return [
            view(session, body)
            for known in session.store.groups.all()
            for body in session.store.plans.in_group(session.group_id(known["name"]))
        ]
    if name is None:
        identity = session.group_id(session.existing_group(group)["name"])
        return [view(session, body) for body in session.store.plans.in_group(identity)]
    return view(session, existing_plan(session, group, name)[1])


def view(session: Session, body: Plan) -> dict[str, Any]:
    """Return a plan as the service answers it."""
    identity = PlanId.parse(body["id"])
    sku = skus.find(body["sku"]["name"], body["sku"]["tier"])
    left = usage.left(session, identity, body)
    return {
        "id": body["id"],
        "name": body["name"],
        "type": identity.type,
        "location": body["location"],
        "tags": body.get("tags") or {},
        "etag": body["etag"],
        "sku": dict(body["sku"]),
        "properties": {
            "chargeForOverage": not sku.suspends,
            "chargeForPlan": sku.charges,
            "creationDate": body["creationDate"],
            "includedQuantities": {
                what: {
                    "allowance": allowance,
                    "amount": left[what],
                    "includedQuantityMeter": sku.meter(f"{what}/included"),
                    "overageMeter": sku.meter(f"{what}/overage"),
                }
                for what, allowance in sku.included.items()
            },
            "maxAssociationLimit": skus.MOST_ASSOCIATIONS,
            "maxCapacityLimit": skus.MOST_CAPACITY,
            "minCapacityLimit": skus.LEAST_CAPACITY,
            "planMeter": sku.meter("plan"),
            "refillFrequencyInDays": skus.REFILL_DAYS,
            "suspendPlanOnOverage": sku.suspends,
        },
    }


@replannable
def plan_create(
    session: Session,
    *,
    group: str,
    name: str,
    location: str,
    sku_name: str,
    sku_tier: str,
    sku_capacity: int = skus.LEAST_CAPACITY,
    tags: dict[str, Any] | None = None,
) -> Outcome:
    """Plan a new commitment plan, or a new SKU and tags for an existing one, as PUT does.

    Raises:
        BadRequest: `InvalidSku`, `InvalidSkuCapacity`, `InvalidTags`, `InvalidResourceName`.
        Conflict: `InvalidResourceLocation`: it exists in another location.
        NotFound: `ResourceGroupNotFound`.
        AuthorizationFailed.
    """
    identity = associations.commitment_plan_id(session, session.existing_group(group)["name"], name)
    session.require(_WRITE, identity)
    check_name(location, what="location")
    sku = skus.find(sku_name, sku_tier)
    capacity = skus.check_capacity(sku_capacity)
    current = session.store.plans.get(identity)
    if current is not None and not same_location(current["location"], location):
        text = f"The commitment plan is in {current['location']!r} and cannot move to {location!r}."
        raise Conflict(text, detail="InvalidResourceLocation", at="$.location", target="location")
    body = {
        "id": str(identity),
        "name": identity.name,
        "location": location,
        "tags": check_tags(tags or {}),
        "sku": {"name": sku.name, "tier": skus.STANDARD, "capacity": capacity},
        "creationDate": stamp(session.clock()),
    }
    if current is not None:
        body |= {member: current[member] for member in ("id", "name", "location", "creationDate")}
    question = None
    if current is not None:
        question = f"The commitment plan {current['name']!r} already exists. Replace its SKU and tags?"
    return _planned_write(session, identity, current, body, question)


def _planned_write(
    session: Session,
    identity: PlanId,
    current: Plan | None,
    content: Mapping[str, Any],
    question: str | None = None,
) -> Outcome:
    """Return the outcome of writing a commitment plan; `content` is its document without the etag."""
    etag = etag_of([current["etag"] if current is not None else None, content])
    body = cast("Plan", {**content, "etag": etag})

    def commit() -> dict[str, Any]:
        session.store.require_writable()
        with lock.hold(session.store.home.root, identity.folder):
            _refuse_changed(session, identity, current)
            session.existing_group(identity.group)
            if current is None:
                # Usage may have been charged just after an earlier plan was removed; clear it.
                session.store.plans.remove(identity)
            session.store.plans.put(identity, body)
        return view(session, body)

    shown = view(session, body)
    before = view(session, current) if current is not None else None
    return Outcome(
        target=body["name"],
        before=before,
        after=shown,
        commit=commit,
        question=question,
        preview=shown,
        compared=no_comparison,
    )


def _refuse_changed(session: Session, identity: PlanId, planned_on: Plan | None) -> None:
    found = session.store.plans.get(identity)
    before, now = (body["etag"] if body is not None else None for body in (planned_on, found))
    if before != now:
        text = f"{identity.name!r} was changed by another command: the etag was {before} and is now {now}."
        raise changed_meanwhile(text, identity.name)


@replannable
def plan_update(
    session: Session,
    *,
    group: str,
    name: str,
    sku_name: str | None = None,
    sku_tier: str | None = None,
    sku_capacity: int | None = None,
    tags: dict[str, Any] | None = None,
) -> Outcome:
    """Plan a change of a commitment plan's SKU or tags. What is omitted stays, as in PATCH.

    Raises:
        BadRequest: `EmptyUpdate`, `InvalidSku`, `InvalidSkuCapacity`, `InvalidTags`.
        Conflict: `NothingChanged`.
        NotFound: `ResourceGroupNotFound`, `ResourceNotFound`.
        AuthorizationFailed.
    """
    identity, current = existing_plan(session, group, name)
    session.require(_WRITE, identity)
    if all(given is None for given in (sku_name, sku_tier, sku_capacity, tags)):
        raise BadRequest("There is nothing to update: give a SKU or tags.", detail="EmptyUpdate", target="sku")
    present = current["sku"]
    sku = skus.find(sku_name or present["name"], sku_tier or present["tier"])
    capacity = skus.check_capacity(present["capacity"] if sku_capacity is None else sku_capacity)
    content = {member: value for member, value in current.items() if member != "etag"}
    content |= {"sku": {"name": sku.name, "tier": skus.STANDARD, "capacity": capacity}}
    if tags is not None:
        content["tags"] = check_tags(tags)
    if all(content[member] == current.get(member) for member in ("sku", "tags")):
        text = f"The change would not change {current['name']!r}; nothing was updated."
        raise Conflict(text, detail="NothingChanged", target=current["name"])
    return _planned_write(session, identity, current, content)


@replannable
def plan_remove(session: Session, *, group: str, name: str) -> Outcome:
    """Plan to remove a commitment plan and its usage.

    Raises:
        Conflict: `CommitmentPlanInUse`; the details name the web services.
        NotFound: `ResourceGroupNotFound`; `ResourceNotFound`: unlike a missing web service, a missing plan is an error.
        AuthorizationFailed.
    """
    identity, current = existing_plan(session, group, name)
    session.require(_DELETE, identity)
    refuse_in_use(session, identity)

    def commit() -> None:
        session.store.require_writable()
        with lock.hold(session.store.home.root, identity.folder):
            _refuse_changed(session, identity, current)
            refuse_in_use(session, identity)
            session.store.plans.remove(identity)

    return Outcome(
        target=current["name"],
        before=view(session, current),
        after=None,
        commit=commit,
        compared=no_comparison,
    )


def refuse_in_use(session: Session, plan: PlanId, *, but_of_group: str | None = None) -> None:
    """Refuse to remove a plan that pays for web services.

    Args:
        but_of_group: ignore the services of this group, because they are removed too.

    Raises:
        Conflict: `CommitmentPlanInUse`, with one detail for each service.
    """
    users = [
        service
        for _, body in associations.of_plan(session, plan)
        if (service := ResourceId.parse(body["associatedResourceId"])).group.casefold()
        != (but_of_group or "").casefold()
    ]
    if users:
        names = ", ".join(f"{service.group}/{service.name}" for service in users[:5])
        more = f" and {len(users) - 5} more" if len(users) > 5 else ""
        message = f"The commitment plan {plan.name!r} pays for web services: {names}{more}."
        details = [Detail("CommitmentPlanInUse", message, str(service)) for service in users]
        hint = "Move their associations with Move-AzMlCommitmentAssociation, or remove the web services."
        raise Conflict(message, target=str(plan), details=details, hint=hint)


_PLAN_TYPE = f"{PROVIDER}/{PLANS}"
_CMDLETS = {
    f"{PROVIDER}/{WEB_SERVICES}".casefold(): "New-AzMlWebService",
    f"{STORAGE_PROVIDER}/{STORAGE_ACCOUNTS}".casefold(): "New-AzStorageAccount",
    "microsoft.resources/resourcegroups": "New-AzResourceGroup",
}


@replannable
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
    """Plan a change as the cmdlet does: an omitted capacity becomes 1, and there is no answer.

    Raises:
        BadRequest, Conflict, NotFound, AuthorizationFailed: as `plans.plan_update`.
    """
    outcome = plan_update(
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
        warning = f"The capacity goes from {present} to {skus.LEAST_CAPACITY}, the default of -SkuCapacity."
        outcome = replace(outcome, warnings=[warning])
    return outcome.with_answer(lambda _: None)


def plan_remove_object(session: Session, *, plan: Source) -> Outcome:
    """Plan to remove the commitment plan whose Get answer is given; see `plans.plan_remove`.

    Raises:
        BadRequest: `InvalidResourceId`: there is no id, or it is not that of a plan.
    """
    body = parse(plan.data)
    found = body.get("id", body.get("Id")) if isinstance(body, dict) else None
    if not isinstance(found, str):
        message = f"{plan.name} does not name a commitment plan: it has no id."
        hint = "Give -ResourceGroupName and -Name, or pipe the answer of Get-AzMlCommitmentPlan for one plan."
        raise BadRequest(message, detail="InvalidResourceId", target="id", hint=hint)
    identity = PlanId.parse(found)
    return plan_remove(session, group=identity.group, name=identity.name)


@replannable
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
    """Plan a commitment plan that is created as a generic resource; see `plan_create`.

    Args:
        sku_object: `Name`, `Tier` (default Standard) and `Capacity`, in any letter case.

    Raises:
        BadRequest: `ResourceTypeNotSupported`: another type; the hint names its cmdlet; `InvalidSku`.
    """
    if resource_type.strip().casefold() != _PLAN_TYPE.casefold():
        message = f"Only resources of the type {_PLAN_TYPE} can be created this way, not {resource_type!r}."
        cmdlet = _CMDLETS.get(resource_type.strip().casefold())
        hint = f"Use {cmdlet}." if cmdlet is not None else None
        raise BadRequest(message, detail="ResourceTypeNotSupported", target="ResourceType", hint=hint)
    given = {member.casefold(): value for member, value in (sku_object or {}).items()}
    unknown = given.keys() - {"name", "tier", "capacity"}
    if unknown or not isinstance(given.get("name"), str) or not isinstance(given.get("tier", ""), str):
        message = "A SKU must have a Name, and may have a Tier and a Capacity."
        hint = "Write: -SkuObject \"@{Name='S1'; Tier='Standard'; Capacity=1}\""
        raise BadRequest(message, detail="InvalidSku", target="SkuObject", hint=hint)
    outcome = plan_create(
        session,
        group=group,
        name=name,
        location=location,
        sku_name=given["name"],
        sku_tier=given.get("tier") or skus.STANDARD,
        sku_capacity=given.get("capacity", skus.LEAST_CAPACITY),
        tags=tags,
    )
    return replace(outcome.with_answer(_resource), preview=_resource(outcome.preview))


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
