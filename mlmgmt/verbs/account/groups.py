"""Resource groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.counts import count_of
from mlmgmt.errors import Conflict
from mlmgmt.ids import PlanId, check_name, same_location
from mlmgmt.store import lock
from mlmgmt.verbs.outcome import Outcome
from mlmgmt.verbs.plans import plans
from mlmgmt.verbs.services import webservices
from mlmgmt.verbs.tags import check_tags

if TYPE_CHECKING:
    from mlmgmt.store.groups import Group
    from mlmgmt.verbs.session import Session

_WRITE = "Microsoft.Resources/subscriptions/resourceGroups/write"
_DELETE = "Microsoft.Resources/subscriptions/resourceGroups/delete"


def get(session: Session, *, name: str | None = None) -> dict[str, Any] | list[dict[str, Any]]:
    """Return one resource group, or all of them.

    Raises:
        NotFound: `ResourceGroupNotFound`.
    """
    if name is not None:
        return _view(session.existing_group(name))
    return [_view(body) for body in session.store.groups.all()]


def _view(body: Group) -> dict[str, Any]:
    return {
        "ResourceGroupName": body["name"],
        "Location": body["location"],
        "ProvisioningState": "Succeeded",
        "Tags": body.get("tags", {}),
        "ResourceId": body["id"],
    }


def plan_create(session: Session, *, name: str, location: str, tags: dict[str, Any] | None = None) -> Outcome:
    """Plan a new resource group, or new tags for an existing one.

    Raises:
        BadRequest: `InvalidTags`.
        Conflict: `InvalidResourceGroupLocation`: it exists in another location.
    """
    identity = session.group_id(name)
    check_name(location, what="location")
    session.require(_WRITE, identity)
    present = session.store.groups.get(identity)
    if present is not None and not same_location(present["location"], location):
        message = f"The resource group {present['name']!r} exists in {present['location']!r}, not in {location!r}."
        raise Conflict(message, detail="InvalidResourceGroupLocation", target=name)
    body: Group = {"id": str(identity), "name": identity.name, "location": location, "tags": check_tags(tags or {})}
    if present is not None:
        body |= {"id": present["id"], "name": present["name"], "location": present["location"]}
        body["tags"] = tags if tags is not None else present.get("tags", {})

    def commit() -> dict[str, Any]:
        session.store.groups.put(identity, body)
        return _view(body)

    # Creating a group needs no confirmation; changing an existing one does.
    question = f"The resource group {body['name']!r} exists. Update it?" if present is not None else None
    return Outcome(target=name, before=present, after=body, commit=commit, question=question)


def plan_remove(session: Session, *, name: str) -> Outcome:
    """Plan to remove a group with its web services and commitment plans; the services' histories stay on disk.

    Raises:
        NotFound: `ResourceGroupNotFound`.
        Conflict: `CommitmentPlanInUse`: one of its plans pays for a service in another group.
    """
    identity = session.group_id(name)
    body = session.existing_group(name)
    session.require(_DELETE, identity)
    services = [revision.document["name"] for revision in session.store.services.in_group(identity)]
    held = [PlanId.parse(plan["id"]) for plan in session.store.plans.in_group(identity)]
    for plan in held:
        plans.refuse_in_use(session, plan, but_of_group=identity.name)

    def commit() -> None:
        for plan in held:
            plans.refuse_in_use(session, plan, but_of_group=identity.name)
        # The group goes first, so that no command can add a service to it from now on.
        session.store.groups.remove(identity)
        for revision in list(session.store.services.in_group(identity)):
            webservices.removal(session, revision.resource, f"with the resource group {name}").apply(again=True)
        for known in list(session.store.plans.in_group(identity)):
            plan = PlanId.parse(known["id"])
            with lock.hold(session.store.home.root, plan.folder):
                session.store.plans.remove(plan)

    notes = [_removed_too("web service", services)] if services else []
    if held:
        notes.append(_removed_too("commitment plan", [plan.name for plan in held]))
    question = " ".join([f"Remove the resource group {body['name']!r}?", *notes])
    return Outcome(target=name, before=body, after=None, commit=commit, question=question)


def _removed_too(noun: str, names: list[str]) -> str:
    more = ", ..." if len(names) > 5 else ""
    return f"This also removes {count_of(len(names), noun)}: {', '.join(names[:5])}{more}."
