"""The operations of commitment plans, their associations and usage."""

from __future__ import annotations

from functools import partial

from mlmgmt.protocol.operation import BOTH, GROUP, PROVIDER, SKIP, SUBSCRIPTION, Operation

_OF_GROUP, _OF_SUBSCRIPTION = f"{GROUP}/{PROVIDER}/commitmentPlans", f"{SUBSCRIPTION}/{PROVIDER}/commitmentPlans"
_PLAN = f"{_OF_GROUP}/{{commitmentPlanName}}"
_ASSOCIATIONS = f"{_PLAN}/commitmentAssociations"
_ASSOCIATION = f"{_ASSOCIATIONS}/{{commitmentAssociationName}}"
_quick = partial(Operation, versions=BOTH)
_slow = partial(_quick, takes_long=True)
_list = partial(_quick, query=SKIP)

PLANS = (
    _quick("CommitmentPlans_Get", "GET", _PLAN, "One commitment plan.", "CommitmentPlan"),
    _slow(
        "CommitmentPlans_CreateOrUpdate",
        "PUT",
        _PLAN,
        "Create a commitment plan, or change its SKU.",
        "CommitmentPlan",
        body="NewCommitmentPlan",
    ),
    _slow(
        "CommitmentPlans_Patch",
        "PATCH",
        _PLAN,
        "Change a commitment plan's SKU or tags.",
        "CommitmentPlan",
        body="CommitmentPlanPatch",
    ),
    _slow("CommitmentPlans_Remove", "DELETE", _PLAN, "Remove a commitment plan."),
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
    _quick("CommitmentAssociations_Get", "GET", _ASSOCIATION, "One association.", "CommitmentAssociation"),
    _slow(
        "CommitmentAssociations_Move",
        "POST",
        f"{_ASSOCIATION}/move",
        "Charge a web service to another plan.",
        "CommitmentAssociation",
        body="MoveCommitmentAssociation",
    ),
    _list("UsageHistory_List", "GET", f"{_PLAN}/usageHistory", "The usage of a plan, by day.", "UsageHistory"),
    _quick("Skus_List", "GET", f"{SUBSCRIPTION}/{PROVIDER}/skus", "The SKUs of commitment plans.", "Skus"),
)
