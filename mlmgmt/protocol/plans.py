"""The operations of commitment plans, their associations and usage."""

from __future__ import annotations

from functools import partial

from mlmgmt.protocol.operation import BOTH, GROUP, PROVIDER, SKIP, SUBSCRIPTION, Operation

_OF_GROUP, _OF_SUBSCRIPTION = f"{GROUP}/{PROVIDER}/commitmentPlans", f"{SUBSCRIPTION}/{PROVIDER}/commitmentPlans"
_PLAN = f"{_OF_GROUP}/{{commitmentPlanName}}"
_ASSOCIATIONS = f"{_PLAN}/commitmentAssociations"
_ASSOCIATION = f"{_ASSOCIATIONS}/{{commitmentAssociationName}}"
_read = partial(Operation, versions=BOTH)
_write = partial(_read, writes=True)
_list = partial(_read, query=SKIP)

PLANS = (
    _read("CommitmentPlans_Get", "GET", _PLAN, "One commitment plan.", "CommitmentPlan"),
    _write(
        "CommitmentPlans_CreateOrUpdate",
        "PUT",
        _PLAN,
        "Create a commitment plan, or change its SKU.",
        "CommitmentPlan",
        body="NewCommitmentPlan",
    ),
    _write(
        "CommitmentPlans_Patch",
        "PATCH",
        _PLAN,
        "Change a commitment plan's SKU or tags.",
        "CommitmentPlan",
        body="CommitmentPlanPatch",
    ),
    _write("CommitmentPlans_Remove", "DELETE", _PLAN, "Remove a commitment plan."),
    _list(
        "CommitmentPlans_List", "GET", _OF_SUBSCRIPTION, "The commitment plans of the subscription.", "CommitmentPlans"
    ),
    _list(
        "CommitmentPlans_ListInResourceGroup",
        "GET",
        _OF_GROUP,
        "The commitment plans of a resource group.",
        "CommitmentPlans",
    ),
    _list(
        "CommitmentAssociations_List",
        "GET",
        _ASSOCIATIONS,
        "The web services that are charged to a plan.",
        "CommitmentAssociations",
    ),
    _read("CommitmentAssociations_Get", "GET", _ASSOCIATION, "One association.", "CommitmentAssociation"),
    _write(
        "CommitmentAssociations_Move",
        "POST",
        f"{_ASSOCIATION}/move",
        "Charge a web service to another plan.",
        "CommitmentAssociation",
        body="MoveCommitmentAssociation",
    ),
    _list("UsageHistory_List", "GET", f"{_PLAN}/usageHistory", "The usage of a plan, by day.", "UsageHistory"),
    _read("Skus_List", "GET", f"{SUBSCRIPTION}/{PROVIDER}/skus", "The SKUs of commitment plans.", "Skus"),
)
