"""The operations of commitment plans, their associations and usage."""

from __future__ import annotations

from mlmgmt.protocol.operation import BOTH, GROUP, PROVIDER, SKIP, SUBSCRIPTION, Operation

_PLAN = f"{GROUP}/{PROVIDER}/commitmentPlans/{{commitmentPlanName}}"
_ASSOCIATION = f"{_PLAN}/commitmentAssociations/{{commitmentAssociationName}}"

PLANS = (
    Operation("CommitmentPlans_Get", "GET", _PLAN, "One commitment plan.", BOTH, (), "", ((200, "CommitmentPlan"),)),
    Operation(
        "CommitmentPlans_CreateOrUpdate",
        "PUT",
        _PLAN,
        "Create a commitment plan, or change its SKU.",
        BOTH,
        (),
        "NewCommitmentPlan",
        ((200, "CommitmentPlan"),),
        writes=True,
    ),
    Operation(
        "CommitmentPlans_Patch",
        "PATCH",
        _PLAN,
        "Change a commitment plan's SKU or tags.",
        BOTH,
        (),
        "CommitmentPlanPatch",
        ((200, "CommitmentPlan"),),
        writes=True,
    ),
    Operation(
        "CommitmentPlans_Remove", "DELETE", _PLAN, "Remove a commitment plan.", BOTH, (), "", ((200, ""),), writes=True
    ),
    Operation(
        "CommitmentPlans_List",
        "GET",
        f"{SUBSCRIPTION}/{PROVIDER}/commitmentPlans",
        "The commitment plans of the subscription.",
        BOTH,
        SKIP,
        "",
        ((200, "CommitmentPlans"),),
    ),
    Operation(
        "CommitmentPlans_ListInResourceGroup",
        "GET",
        f"{GROUP}/{PROVIDER}/commitmentPlans",
        "The commitment plans of a resource group.",
        BOTH,
        SKIP,
        "",
        ((200, "CommitmentPlans"),),
    ),
    Operation(
        "CommitmentAssociations_List",
        "GET",
        f"{_PLAN}/commitmentAssociations",
        "The web services that are charged to a plan.",
        BOTH,
        SKIP,
        "",
        ((200, "CommitmentAssociations"),),
    ),
    Operation(
        "CommitmentAssociations_Get",
        "GET",
        _ASSOCIATION,
        "One association.",
        BOTH,
        (),
        "",
        ((200, "CommitmentAssociation"),),
    ),
    Operation(
        "CommitmentAssociations_Move",
        "POST",
        f"{_ASSOCIATION}/move",
        "Charge a web service to another plan.",
        BOTH,
        (),
        "MoveCommitmentAssociation",
        ((200, "CommitmentAssociation"),),
        writes=True,
    ),
    Operation(
        "UsageHistory_List",
        "GET",
        f"{_PLAN}/usageHistory",
        "The usage of a plan, by day.",
        BOTH,
        SKIP,
        "",
        ((200, "UsageHistory"),),
    ),
    Operation(
        "Skus_List",
        "GET",
        f"{SUBSCRIPTION}/{PROVIDER}/skus",
        "The SKUs of commitment plans.",
        BOTH,
        (),
        "",
        ((200, "Skus"),),
    ),
)
