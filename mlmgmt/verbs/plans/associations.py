"""Which commitment plan pays for which web service."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from mlmgmt.definition.document import compact
from mlmgmt.errors import Conflict, MlmgmtError, NotFound
from mlmgmt.ids import LONGEST_GROUP, PlanId, ResourceId, check_name, fold
from mlmgmt.store import lock
from mlmgmt.verbs.outcome import Outcome, no_comparison
from mlmgmt.verbs.plans import skus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmgmt.store.plans import Association, Plan
    from mlmgmt.verbs.session import Session

_MOVE = "Microsoft.MachineLearning/commitmentPlans/commitmentAssociations/move/action"
_TYPE = "Microsoft.MachineLearning/commitmentPlans/commitmentAssociations"
_NOT_FOUND = "ResourceNotFound"
_WITHOUT_PROVIDERS = re.compile(r"(/resourceGroups/[^/]+)/(Microsoft\.)", re.IGNORECASE)


def commitment_plan_id(session: Session, group: str, name: str) -> PlanId:
    """Return the id of a plan in this home's subscription.

    Raises:
        BadRequest: `InvalidResourceName`.
    """
    return PlanId(session.store.home.subscription, session.group_id(group).name, check_name(name, what="plan"))


def existing_plan(session: Session, group: str, name: str) -> tuple[PlanId, Plan]:
    """Return the id and the stored document of a plan, which must exist.

    Raises:
        NotFound: `ResourceGroupNotFound`; `ResourceNotFound`, as the outer code.
    """
    session.existing_group(group)
    return _existing_by_id(session, commitment_plan_id(session, group, name))


def _existing_by_id(session: Session, identity: PlanId) -> tuple[PlanId, Plan]:
    body = session.store.plans.get(identity)
    if body is None:
        message = f"The commitment plan {identity.name!r} in the resource group {identity.group!r} was not found."
        names = ", ".join(other["name"] for other in session.store.plans.in_group(identity.group_id))
        hint = f"Its commitment plans: {names}." if names else "The group has no commitment plans yet."
        raise NotFound(message, target=str(identity), code=_NOT_FOUND, hint=hint)
    return PlanId.parse(body["id"]), body


def etag_of(content: Any) -> str:
    """Return the etag of a plan or an association: a GUID that depends only on the content."""
    return str(UUID(sha256(compact(content)).hexdigest()[:32]))


def associations(
    session: Session, *, group: str, plan: str, name: str | None = None
) -> dict[str, Any] | list[dict[str, Any]]:
    """Return the associations of a plan with existing web services, or the one with a name.

    Raises:
        NotFound: `ResourceGroupNotFound`; `ResourceNotFound`: the plan, or the association.
    """
    identity, _ = existing_plan(session, group, plan)
    if name is None:
        return [_view(guid, body) for guid, body in of_plan(session, identity)]
    return _view(name.casefold(), _existing(session, identity, name))


def of_plan(session: Session, plan: PlanId) -> Iterator[tuple[str, Association]]:
    """Yield the associations of a plan with existing services; those of removed services are skipped."""
    for guid, body in session.store.plans.associations(plan.subscription):
        if fold(body["planId"]) == fold(str(plan)) and _is_deployed(session, body):
            yield guid, body


def _is_deployed(session: Session, body: Association) -> bool:
    return session.store.services.current(ResourceId.parse(body["associatedResourceId"])) is not None


def _existing(session: Session, plan: PlanId, name: str) -> Association:
    body = session.store.plans.association_named(plan.subscription, name)
    if body is None or fold(body["planId"]) != fold(str(plan)) or not _is_deployed(session, body):
        message = f"The commitment plan {plan.name!r} has no association {name!r}."
        names = ", ".join(guid for guid, _ in of_plan(session, plan))
        hint = f"Its associations: {names}." if names else "No web service is associated with it."
        raise NotFound(message, target=name, code=_NOT_FOUND, hint=hint)
    return body


def _view(guid: str, body: Association) -> dict[str, Any]:
    return {
        "id": f"{body['planId']}/commitmentAssociations/{guid}",
        "name": guid,
        "type": _TYPE,
        "location": body["location"],
        "tags": {},
        "etag": body["etag"],
        "properties": {
            "associatedResourceId": body["associatedResourceId"],
            "commitmentPlanId": body["planId"],
            "creationDate": body["creationDate"],
        },
    }


def plan_move(session: Session, *, group: str, plan: str, name: str, destination_plan_id: str) -> Outcome:
    """Plan to charge a web service to another plan from now on; earlier usage stays with the old plan.

    Raises:
        BadRequest: `InvalidResourceId`: the destination is not the id of a plan.
        NotFound: `ResourceGroupNotFound`; `ResourceNotFound`: one of the plans, or the association.
        Conflict: `AssociationLimitReached`: the destination has the maximum number of associations.
        AuthorizationFailed.
    """
    identity, _ = existing_plan(session, group, plan)
    before = _existing(session, identity, name)
    guid = name.casefold()
    wanted = PlanId.parse(destination_plan_id)
    check_name(wanted.name, what="plan")
    destination, _ = _existing_by_id(session, wanted)
    session.require(_MOVE, identity)
    session.require(_MOVE, destination)
    service = ResourceId.parse(before["associatedResourceId"])
    after = _document(service, destination, before["location"], before["creationDate"])

    def commit() -> dict[str, Any]:
        with session.store.writing(service), lock.hold(session.store.home.root, destination.folder):
            _existing(session, identity, name)
            _existing_by_id(session, destination)
            if destination != identity:
                _refuse_full(session, destination)
                session.store.plans.associate(service, after)
        return _view(guid, after)

    shown = _view(guid, after)
    return Outcome(
        target=guid, before=_view(guid, before), after=shown, commit=commit, preview=shown, compared=no_comparison
    )


def _refuse_full(session: Session, plan: PlanId) -> None:
    if sum(1 for _ in of_plan(session, plan)) >= skus.MOST_ASSOCIATIONS:
        message = (
            f"The commitment plan {plan.name!r} has {skus.MOST_ASSOCIATIONS:,} associations, which is the maximum."
        )
        raise Conflict(message, detail="AssociationLimitReached", target=plan.name)


def _document(service: ResourceId, plan: PlanId, location: str, created: str) -> Association:
    body = {
        "planId": str(plan),
        "associatedResourceId": str(service),
        "creationDate": created,
        "location": location,
    }
    return cast("Association", body | {"etag": etag_of(body)})


def associate(
    session: Session, service: ResourceId, document: Mapping[str, Any], created: str, *, is_new: bool
) -> None:
    """Associate a service with the plan that its document names, before the document is committed.

    The caller holds the service's lock.

    Args:
        created: the time of the new revision, as a stamp.
        is_new: the service is created, so an association of an earlier service with its name no longer applies.
    """
    plans = session.store.plans
    plan = named_plan(document)
    if plan is None:
        if is_new:
            plans.dissociate(service)
        return
    if not is_new and plans.association(service) is not None:
        return
    with lock.hold(session.store.home.root, plan.folder):
        known = plans.get(plan)
        plans.associate(
            service,
            _document(
                service, plan if known is None else PlanId.parse(known["id"]), str(document["location"]), created
            ),
        )


def named_plan(document: Mapping[str, Any]) -> PlanId | None:
    """Return the plan that a definition names; None if it names no plan, or the id is not valid."""
    given = document.get("properties", {}).get("commitmentPlan")
    text = given.get("id") if isinstance(given, dict) else None
    if not isinstance(text, str):
        return None
    # Documentation of the service printed such ids without the first slash, and without "providers".
    path = _WITHOUT_PROVIDERS.sub(r"\1/providers/\2", f"/{text.strip().lstrip('/')}")
    try:
        plan = PlanId.parse(path)
        check_name(plan.name, what="plan")
        check_name(plan.group, what="resource group", longest=LONGEST_GROUP)
        check_name(plan.subscription, what="subscription")
    except MlmgmtError:
        return None
    return plan


def notes(session: Session, service: ResourceId, document: Mapping[str, Any]) -> list[str]:
    """Return the warnings about the plan that a definition names, before it is deployed."""
    given = document.get("properties", {}).get("commitmentPlan")
    text = given.get("id") if isinstance(given, dict) else None
    if text is None:
        return []
    plan = named_plan(document)
    if plan is None or session.store.plans.get(plan) is None:
        return [f"The commitment plan {text} is not in this home; scoring is not charged."]
    present = session.store.plans.association(service)
    if present is None or fold(present["planId"]) == fold(str(plan)) or not _is_deployed(session, present):
        return []
    return [
        f"The service stays with the commitment plan {present['planId']}. Move it with Move-AzMlCommitmentAssociation."
    ]


def is_charged_to(session: Session, service: ResourceId, document: Mapping[str, Any]) -> bool:
    """Whether a definition names the plan that pays for a service now; a move may have changed that plan."""
    named, paying = named_plan(document), paying_plan(session, service)
    return named is not None and paying is not None and fold(str(named)) == fold(str(paying))


def paying_plan(session: Session, service: ResourceId) -> PlanId | None:
    """Return the plan that pays for a service; None if there is none, or it is not in this home."""
    body = session.store.plans.association(service)
    if body is None:
        return None
    plan = PlanId.parse(body["planId"])
    return plan if session.store.plans.get(plan) is not None else None
