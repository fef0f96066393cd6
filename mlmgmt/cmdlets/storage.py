"""Cmdlets for the storage accounts of this home."""

from __future__ import annotations

from mlmgmt.cmdlets.declare import GROUP, HOMES, REGION, TAG, Cmdlet, Gate, Kind, Parameter, both
from mlmgmt.cmdlets.plans import STEP

TOPIC = "plans-and-storage"
_ACCOUNT = Parameter(
    "Name",
    help="The storage account.",
    mandatory=True,
    short="n",
    aliases=("AccountName", "StorageAccountName"),
    completes="account",
)

NEW = Cmdlet(
    spellings=both("New", "StorageAccount"),
    short=("new-storage",),
    calls=("StorageAccounts_Create",),
    run="verbs.storage.accounts:plan_create",
    summary="Create a storage account, a folder of this home, or put the home's own account into a group.",
    example="mlmgmt New-AzStorageAccount -ResourceGroupName retail -Name retailmodels -Location southcentralus "
    "-SkuName Standard_LRS",
    step=STEP,
    view="storage",
    gate=Gate("Creating the storage account"),
    parameters=(
        GROUP,
        _ACCOUNT,
        REGION,
        Parameter(
            "SkuName",
            help="The SKU; default: Standard_LRS.",
            aliases=("Type", "AccountType", "StorageAccountType"),
            argument="sku",
        ),
        TAG,
        Parameter("Kind", help="Ignored; accepted for old scripts.", argument="_kind"),
    ),
)
GET = Cmdlet(
    spellings=both("Get", "StorageAccount"),
    short=("storage",),
    calls=("StorageAccounts_GetProperties", "StorageAccounts_ListByResourceGroup", "StorageAccounts_List"),
    run="verbs.storage.accounts:get",
    summary="Show one storage account, or list those of a group or of this home.",
    example="mlmgmt Get-AzStorageAccount",
    step=STEP,
    view="storage",
    lists="storage accounts",
    parameters=(GROUP.optional, _ACCOUNT.optional),
)
REMOVE = Cmdlet(
    spellings=both("Remove", "StorageAccount"),
    short=("remove-storage",),
    calls=("StorageAccounts_Delete",),
    run="verbs.storage.accounts:plan_remove",
    summary="Remove a storage account and its keys. Its files stay on disk.",
    example="mlmgmt Remove-AzStorageAccount -ResourceGroupName retail -Name retailmodels",
    step=STEP,
    gate=Gate("Removing the storage account", "Remove the storage account {target!r}?"),
    parameters=(GROUP, _ACCOUNT),
)
KEYS = Cmdlet(
    spellings=both("Get", "StorageAccountKey"),
    short=("storage-keys",),
    calls=("StorageAccounts_ListKeys",),
    run="verbs.storage.accounts:keys",
    summary="Show the two keys of a storage account.",
    example="mlmgmt Get-AzStorageAccountKey -ResourceGroupName retail -Name retailmodels",
    step=STEP,
    view="rows",
    parameters=(GROUP.optional, _ACCOUNT),
)
SAS = Cmdlet(
    spellings=("New-AzStorageBlobSASToken", "New-AzureStorageBlobSASToken", "New-AzureRmStorageBlobSASToken"),
    short=("sas",),
    run="verbs.storage.accounts:sas_token",
    summary="Create a SasBlobToken, a shared access signature for a blob or a container.",
    example="mlmgmt sas -Container models -Blob churn.ilearner -Permission r -Hours 8",
    step=STEP,
    parameters=(
        Parameter(
            "Account",
            help="The storage account; default: the first one of the home.",
            aliases=("StorageAccountName",),
            completes="account",
        ),
        Parameter("Container", help="The container.", mandatory=True, position=0),
        Parameter("Blob", help="The blob; default: the whole container.", position=1),
        Parameter(
            "Permission", help="Letters of racwdl (read, add, create, write, delete, list); default: r.", short="p"
        ),
        Parameter("Hours", Kind.NUMBER, "How many hours it is valid; default: 24."),
    ),
)
SCRIPTS = Cmdlet(
    spellings=both("Enable", "MlScript"),
    short=("allow-scripts",),
    run="verbs.storage.sources:allow_scripts",
    summary="Allow the graphs of this home to run Python scripts.",
    example="mlmgmt allow-scripts",
    topic="experiments",
    step=HOMES,
    about="A script can do everything that you can do. It runs in a separate process with limits on time and memory, "
    "but is not isolated any further.",
    parameters=(Parameter("Deny", Kind.SWITCH, "Stop allowing them."),),
)
MAP_SOURCE = Cmdlet(
    spellings=both("Set", "MlDataSource"),
    short=("map-source",),
    run="verbs.storage.sources:map_source",
    summary="Map a database server to a SQLAlchemy connection, or a web address to a file, for Import and Export Data.",
    example="mlmgmt map-source sales.database.windows.net sqlite:////data/sales.db",
    topic="experiments",
    step=HOMES,
    view="rows",
    parameters=(
        Parameter("Name", help="The server's name, or the web address.", mandatory=True, position=0, short="n"),
        Parameter("Target", help="The connection URL, or the file.", position=1),
        Parameter("Remove", Kind.SWITCH, "Remove the mapping."),
    ),
)
SOURCES = Cmdlet(
    spellings=both("Get", "MlDataSource"),
    short=("sources",),
    run="verbs.storage.sources:sources",
    summary="Show the mappings, and whether scripts are allowed.",
    example="mlmgmt sources",
    topic="experiments",
    step=HOMES,
    view="rows",
)

CMDLETS = (NEW, GET, REMOVE, KEYS, SAS, SCRIPTS, MAP_SOURCE, SOURCES)
