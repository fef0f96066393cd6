"""Commitment plans, their associations and their usage, over the resource manager's API."""

from __future__ import annotations

from mlmgmt.server.apis import json_body, replies
from mlmgmt.server.http.call import Call, Reply
from mlmgmt.verbs.outcome import carry_out
from mlmgmt.verbs.plans import associations, plans, skus, usage


def get(call: Call) -> Reply:
    return Reply(value=plans.get(call.session, **call.plan))


def list_all(call: Call) -> Reply:
    replies.skip_token(call)
    found = plans.get(call.session, group=call.path.get("resourceGroupName"))
    return replies.page(call, list(found))


def create_or_update(call: Call) -> Reply:
    body = call.document()
    sku = json_body.mapping(body, "sku") or {}
    capacity = json_body.integer(sku, "capacity")
    outcome = plans.plan_create(
        call.session,
        **call.plan,
        location=json_body.required(body, "location", "LocationRequired"),
        sku_name=json_body.required(sku, "name", "InvalidSku"),
        sku_tier=json_body.text(sku, "tier") or skus.STANDARD,
        sku_capacity=skus.LEAST_CAPACITY if capacity is None else capacity,
        tags=json_body.mapping(body, "tags"),
    )
    # The service answered 200 to new plans, too.
    return Reply(value=carry_out(call.session, outcome))


def patch(call: Call) -> Reply:
    body = call.document()
    sku = json_body.mapping(body, "sku") or {}
    carry_out(
        call.session,
        lambda: plans.plan_update(
            call.session,
            **call.plan,
            sku_name=json_body.text(sku, "name"),
            sku_tier=json_body.text(sku, "tier"),
            sku_capacity=json_body.integer(sku, "capacity"),
            tags=json_body.mapping(body, "tags"),
        ),
        unchanged=lambda: None,
    )
    return get(call)


def remove(call: Call) -> Reply:
    carry_out(call.session, plans.plan_remove(call.session, **call.plan))
    return Reply()


def list_associations(call: Call) -> Reply:
    replies.skip_token(call)
    return replies.page(call, list(associations.associations(call.session, **_of_plan(call))))


def get_association(call: Call) -> Reply:
    name = call.path["commitmentAssociationName"]
    return Reply(value=associations.associations(call.session, **_of_plan(call), name=name))


def move_association(call: Call) -> Reply:
    outcome = associations.plan_move(
        call.session,
        **_of_plan(call),
        name=call.path["commitmentAssociationName"],
        destination_plan_id=json_body.required(call.document(), "destinationPlanId"),
    )
    return Reply(value=carry_out(call.session, outcome))


def usage_history(call: Call) -> Reply:
    replies.skip_token(call)
    return replies.page(call, list(usage.usage_history(call.session, **call.plan)))


def list_skus(call: Call) -> Reply:
    return Reply(value={"value": skus.skus(call.session)})


def _of_plan(call: Call) -> dict[str, str]:
    return {"group": call.path["resourceGroupName"], "plan": call.path["commitmentPlanName"]}


HANDLERS = {
    "CommitmentPlans_Get": get,
    "CommitmentPlans_CreateOrUpdate": create_or_update,
    "CommitmentPlans_Patch": patch,
    "CommitmentPlans_Remove": remove,
    "CommitmentPlans_List": list_all,
    "CommitmentPlans_ListInResourceGroup": list_all,
    "CommitmentAssociations_List": list_associations,
    "CommitmentAssociations_Get": get_association,
    "CommitmentAssociations_Move": move_association,
    "UsageHistory_List": usage_history,
    "Skus_List": list_skus,
}
