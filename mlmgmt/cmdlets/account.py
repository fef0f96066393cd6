"""Cmdlets for the account, the home, resource groups and trust."""

from __future__ import annotations

from dataclasses import replace

from mlmgmt.cmdlets.declare import HOMES, REGION, TAG, Cmdlet, Gate, Kind, Parameter, both

STEP = "1. Connect"
TOPIC = "homes-and-trust"
_ROLE = Parameter(
    "Role",
    Kind.CHOICE,
    "The role to act in; default: unchanged, and Owner in a new home. A Reader cannot change anything.",
    choices=("Owner", "Contributor", "Reader"),
)
_GROUP_NAME = Parameter(
    "Name",
    help="The resource group.",
    mandatory=True,
    short="n",
    aliases=("ResourceGroupName",),
    completes="resource-group",
)

CONNECT = Cmdlet(
    spellings=("Connect-AzAccount", "Add-AzureRmAccount", "Login-AzureRmAccount", "Login-AzAccount", "Add-AzAccount"),
    short=("connect", "login"),
    run="verbs.account.account:connect",
    summary="Sign in. Makes a home (the folder .mlmgmt) if there is none.",
    example="mlmgmt Connect-AzAccount -Role Contributor",
    step=STEP,
    parameters=(
        Parameter("AccountId", help="Your account; default: user@machine.", aliases=("Account",), argument="account"),
        _ROLE,
        Parameter(
            "Subscription", help="The subscription id for a new home.", aliases=("SubscriptionId", "SubscriptionName")
        ),
        Parameter("Tenant", help="Ignored; accepted for old scripts.", aliases=("TenantId",)),
        Parameter("ServicePrincipal", Kind.SWITCH, "Ignored; accepted for old scripts."),
        Parameter("Credential", help="The account's name. A secret in it is not saved."),
    ),
)
GET_CONTEXT = Cmdlet(
    spellings=both("Get", "Context"),
    short=("context",),
    run="verbs.account.account:context",
    summary="Show the account that is signed in, its role and the subscription.",
    example="mlmgmt Get-AzContext",
    step=STEP,
)
SET_CONTEXT = Cmdlet(
    spellings=("Set-AzContext", "Set-AzureRmContext", "Select-AzureRmSubscription", "Select-AzSubscription"),
    short=("set-context",),
    run="verbs.account.account:set_context",
    summary="Change the role, or select the subscription. A home has only one.",
    example="mlmgmt Set-AzContext -Role Reader",
    step=STEP,
    parameters=(
        Parameter("SubscriptionId", help="The subscription.", aliases=("Subscription",), argument="subscription"),
        Parameter("SubscriptionName", help="The subscription's name."),
        _ROLE,
    ),
)
STATUS = Cmdlet(
    spellings=("Get-MlHome",),
    short=("status",),
    run="verbs.account.account:status",
    summary="Show the home, account, role and storage in use.",
    example="mlmgmt status",
    step=STEP,
)
NEW_GROUP = Cmdlet(
    spellings=both("New", "ResourceGroup"),
    short=("new-group",),
    calls=("ResourceGroups_CreateOrUpdate",),
    run="verbs.account.groups:plan_create",
    summary="Create a resource group.",
    example="mlmgmt New-AzResourceGroup -Name retail -Location southcentralus",
    step=STEP,
    gate=Gate("Creating the resource group"),
    parameters=(_GROUP_NAME, REGION, replace(TAG, aliases=())),
)
GET_GROUP = Cmdlet(
    spellings=both("Get", "ResourceGroup"),
    short=("groups", "get-group"),
    calls=("ResourceGroups_Get", "ResourceGroups_List"),
    run="verbs.account.groups:get",
    summary="Show one resource group, or list all.",
    example="mlmgmt Get-AzResourceGroup",
    step=STEP,
    lists="resource groups",
    parameters=(replace(_GROUP_NAME, help="The resource group; default: list all.", mandatory=False, position=0),),
)
REMOVE_GROUP = Cmdlet(
    spellings=both("Remove", "ResourceGroup"),
    short=("remove-group",),
    calls=("ResourceGroups_Delete",),
    run="verbs.account.groups:plan_remove",
    summary="Remove a resource group with its web services and plans. The histories of the services stay.",
    example="mlmgmt Remove-AzResourceGroup -Name retail -Force",
    step=STEP,
    gate=Gate("Removing the resource group", "Remove the resource group {target!r}?"),
    parameters=(_GROUP_NAME,),
)
TRUST_HOME = Cmdlet(
    spellings=("Unblock-MlHome",),
    short=("trust-home",),
    run="verbs.account.account:trust_home",
    summary="Trust a home that was cloned, copied or moved here, so that you can change it.",
    example="mlmgmt trust-home",
    step=HOMES,
)
TRUST_MODEL = Cmdlet(
    spellings=("Unblock-MlTrainedModel",),
    short=("trust-model",),
    run="verbs.account.account:trust_model",
    summary="Trust one model file from elsewhere, by its SHA-256. Opening a model runs the code in it.",
    example="mlmgmt trust-model 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    step=HOMES,
    parameters=(Parameter("Digest", help="The SHA-256 of the .ilearner file.", mandatory=True, position=0),),
)
TOKEN = Cmdlet(
    spellings=both("Get", "AccessToken"),
    short=("token",),
    run="verbs.account.account:token",
    summary="Create a bearer token for mlmgmt serve. It expires.",
    example="mlmgmt token -Hours 8",
    step=HOMES,
    topic="http",
    parameters=(
        Parameter("Hours", Kind.NUMBER, "How many hours it is valid; default: 1."),
        Parameter(
            "ResourceUrl",
            help="Ignored; accepted for old scripts.",
            argument="_resource_url",
            aliases=("ResourceTypeName",),
        ),
    ),
)
PROVIDERS = Cmdlet(
    spellings=both("Get", "ResourceProvider"),
    short=("providers",),
    calls=("Providers_Get",),
    run="verbs.account.providers:get",
    summary="List the available resource types and their regions.",
    example="mlmgmt Get-AzResourceProvider -ProviderNamespace Microsoft.MachineLearning",
    topic="plans-and-storage",
    step=STEP,
    view="provider",
    lists="resource types",
    parameters=(
        Parameter(
            "ProviderNamespace",
            help="The namespace, such as Microsoft.MachineLearning; default: all.",
            argument="namespace",
        ),
    ),
)

CMDLETS = (
    CONNECT,
    GET_CONTEXT,
    SET_CONTEXT,
    STATUS,
    NEW_GROUP,
    GET_GROUP,
    REMOVE_GROUP,
    TRUST_HOME,
    TRUST_MODEL,
    TOKEN,
    PROVIDERS,
)
