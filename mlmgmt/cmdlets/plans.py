"""Cmdlets for commitment plans, their associations and usage, and for regional properties."""

from __future__ import annotations

from dataclasses import replace

from mlmgmt.cmdlets.declare import GROUP, REGION, TAG, Cmdlet, Gate, Kind, Parameter, both

STEP = "B. Plans and accounts"
TOPIC = "plans-and-storage"
REMOVE_BY_NAME, REMOVE_BY_OBJECT = "RemoveByNameAndResourceGroup", "RemoveByObject"
_PLAN = Parameter("Name", help="The commitment plan.", mandatory=True, short="n", completes="plan")
_SKU = (
    Parameter("SkuName", help="DevTest, S1, S2 or S3; see: mlmgmt skus", mandatory=True),
    Parameter("SkuTier", help="The tier: Standard.", mandatory=True),
    Parameter("SkuCapacity", Kind.INTEGER, "1 to 10; default: 1."),
)

GET = Cmdlet(
    spellings=both("Get", "MlCommitmentPlan"),
    short=("plan", "plans"),
    calls=("CommitmentPlans_Get", "CommitmentPlans_ListInResourceGroup", "CommitmentPlans_List"),
    run="verbs.plans.plans:get",
    summary="Show one commitment plan, or list those of a group or of the subscription.",
    example="mlmgmt Get-AzMlCommitmentPlan -ResourceGroupName retail -Name standard",
    step=STEP,
    view="plan",
    lists="commitment plans",
    about="-Name without -ResourceGroupName is ignored: all plans are listed.",
    parameters=(GROUP.optional, _PLAN.optional),
)
NEW = Cmdlet(
    spellings=both("New", "MlCommitmentPlan"),
    short=("new-plan",),
    calls=("CommitmentPlans_CreateOrUpdate",),
    run="verbs.plans.plans:plan_create",
    summary="Create a commitment plan, or give an existing one this SKU.",
    example="mlmgmt New-AzMlCommitmentPlan -ResourceGroupName retail -Location southcentralus -Name standard "
    "-SkuName S1 -SkuTier Standard -Force",
    step=STEP,
    view="plan",
    gate=Gate("Creating the new commitment plan", "Create the commitment plan {target!r}?"),
    parameters=(GROUP, REGION, _PLAN, *_SKU),
)
UPDATE = Cmdlet(
    spellings=both("Update", "MlCommitmentPlan"),
    short=("update-plan",),
    calls=("CommitmentPlans_Patch",),
    run="verbs.plans.plans:plan_update_whole",
    summary="Change the SKU and tags of a commitment plan. Without -SkuCapacity, the capacity becomes 1.",
    example="mlmgmt Update-AzMlCommitmentPlan -ResourceGroupName retail -Name standard -SkuName S2 "
    "-SkuTier Standard -SkuCapacity 2 -Force",
    step=STEP,
    view="plan",
    gate=Gate("Updating the commitment plan", "Update the commitment plan {target!r}?"),
    parameters=(GROUP, _PLAN, *_SKU, TAG),
)
REMOVE = Cmdlet(
    spellings=both("Remove", "MlCommitmentPlan"),
    short=("remove-plan",),
    calls=("CommitmentPlans_Remove",),
    run="verbs.plans.plans:plan_remove",
    run_by_set=((REMOVE_BY_OBJECT, "verbs.plans.plans:plan_remove_object"),),
    summary="Remove a commitment plan that pays for no web service.",
    example="mlmgmt Remove-AzMlCommitmentPlan -ResourceGroupName retail -Name standard",
    step=STEP,
    sets=(REMOVE_BY_NAME, REMOVE_BY_OBJECT),
    gate=Gate("Removing the commitment plan", "Remove the commitment plan {target!r} and its usage history?"),
    parameters=(
        replace(GROUP, sets=(REMOVE_BY_NAME,)),
        replace(_PLAN, sets=(REMOVE_BY_NAME,)),
        Parameter(
            "MlCommitmentPlan",
            Kind.DOCUMENT,
            "The output of Get: a file, or piped.",
            mandatory=True,
            sets=(REMOVE_BY_OBJECT,),
            pipeline=True,
            argument="plan",
        ),
    ),
)
_COMMITMENT_PLAN = Parameter(
    "CommitmentPlanName", help="The commitment plan.", mandatory=True, argument="plan", completes="plan"
)
_ASSOCIATION = Parameter("Name", help="The association, by its name in the list.", short="n", completes="association")
GET_ASSOCIATION = Cmdlet(
    spellings=both("Get", "MlCommitmentAssociation"),
    short=("associations",),
    calls=("CommitmentAssociations_Get", "CommitmentAssociations_List"),
    run="verbs.plans.associations:associations",
    summary="Show which web services a commitment plan pays for.",
    example="mlmgmt Get-AzMlCommitmentAssociation -ResourceGroupName retail -CommitmentPlanName standard",
    step=STEP,
    view="association",
    lists="associations",
    parameters=(GROUP, _COMMITMENT_PLAN, _ASSOCIATION),
)
MOVE_ASSOCIATION = Cmdlet(
    spellings=both("Move", "MlCommitmentAssociation"),
    short=("move-association",),
    calls=("CommitmentAssociations_Move",),
    run="verbs.plans.associations:plan_move",
    summary="Have another commitment plan pay for a web service.",
    example="mlmgmt Move-AzMlCommitmentAssociation -ResourceGroupName retail -CommitmentPlanName standard "
    "-Name 0b1e2a55d2f94c66a1f0d5c7e8b39a10 -DestinationPlanId /subscriptions/d28c1e37-753b-4f41-aa97-55ecf9a44ac8/"
    "resourceGroups/retail/providers/Microsoft.MachineLearning/commitmentPlans/larger",
    step=STEP,
    view="association",
    gate=Gate("Moving the commitment association"),
    parameters=(
        GROUP,
        _COMMITMENT_PLAN,
        replace(_ASSOCIATION, mandatory=True),
        Parameter("DestinationPlanId", help="The full id of the other plan.", mandatory=True),
    ),
)
USAGE = Cmdlet(
    spellings=both("Get", "MlCommitmentPlanUsageHistory"),
    short=("usage",),
    calls=("UsageHistory_List",),
    run="verbs.plans.usage:usage_history",
    summary="Show the usage of a commitment plan, day by day.",
    example="mlmgmt Get-AzMlCommitmentPlanUsageHistory -ResourceGroupName retail -Name standard",
    step=STEP,
    view="usage",
    parameters=(GROUP, _PLAN),
)
SKUS = Cmdlet(
    spellings=both("Get", "MlCommitmentPlanSku"),
    short=("skus",),
    calls=("Skus_List",),
    run="verbs.plans.skus:skus",
    summary="List the SKUs that a commitment plan can have, and what each includes.",
    example="mlmgmt skus",
    step=STEP,
    view="skus",
    lists="SKUs",
)
NEW_RESOURCE = Cmdlet(
    spellings=both("New", "Resource"),
    short=("new-resource",),
    calls=("CommitmentPlans_CreateOrUpdate",),
    run="verbs.plans.plans:plan_create_resource",
    summary="Create a commitment plan as a generic resource. Other types have their own cmdlets.",
    example="mlmgmt New-AzResource -ResourceGroupName retail -Location southcentralus "
    "-ResourceType Microsoft.MachineLearning/CommitmentPlans -ResourceName standard "
    "-SkuObject \"@{Name='S1'; Tier='Standard'; Capacity=1}\" -Force",
    step=STEP,
    gate=Gate("Creating the resource", "Create the resource {target!r}?"),
    parameters=(
        GROUP,
        REGION,
        Parameter("ResourceName", help="Its name.", mandatory=True, short="n", aliases=("Name",), argument="name"),
        Parameter("ResourceType", help="Microsoft.MachineLearning/CommitmentPlans.", mandatory=True),
        Parameter(
            "SkuObject",
            Kind.STRUCTURE,
            "Name, Tier, Capacity: JSON, @{Name='S1'}, a file, or -.",
            mandatory=True,
            aliases=("Sku",),
        ),
        Parameter(
            "Properties",
            Kind.STRUCTURE,
            "Ignored; accepted for old scripts. The SKU decides the properties of a plan.",
            aliases=("PropertyObject",),
            argument="_properties",
        ),
        TAG,
        Parameter("ApiVersion", help="Ignored; accepted for old scripts.", argument="_api_version"),
    ),
)
CMDLETS = (GET, NEW, UPDATE, REMOVE, GET_ASSOCIATION, MOVE_ASSOCIATION, USAGE, SKUS, NEW_RESOURCE)
