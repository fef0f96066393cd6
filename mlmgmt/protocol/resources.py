"""The operations of other resource providers that scripts call: subscription, resource groups, storage accounts."""

from __future__ import annotations

from functools import partial

from mlmgmt.protocol.operation import GROUP, PROVIDER, SUBSCRIPTION, Operation

_STORAGE = "providers/Microsoft.Storage"
_ACCOUNTS = f"{GROUP}/{_STORAGE}/storageAccounts"
_ACCOUNT = f"{_ACCOUNTS}/{{accountName}}"
ANY_DATE = ("any date",)
"""The api-version of these operations is free: each script sends the one that its module knew."""
DATE = r"\d{4}-\d{2}-\d{2}(-(preview|alpha|beta|privatepreview))?"
"""The pattern of such an api-version; letter case is ignored."""
_quick = partial(Operation, versions=ANY_DATE)
_slow = partial(_quick, takes_long=True)

RESOURCES = (
    _quick("Subscriptions_List", "GET", "/subscriptions", "The subscription of the home.", "Subscriptions"),
    _quick("Subscriptions_Get", "GET", SUBSCRIPTION, "The subscription of the home.", "Subscription"),
    _quick(
        "ResourceGroups_List",
        "GET",
        f"{SUBSCRIPTION}/resourceGroups",
        "The resource groups of the subscription.",
        "ResourceGroups",
        query=("$filter", "$top"),
    ),
    _quick("ResourceGroups_CheckExistence", "HEAD", GROUP, "Whether a resource group exists.", statuses=(204,)),
    _quick("ResourceGroups_Get", "GET", GROUP, "One resource group.", "ResourceGroup"),
    _slow(
        "ResourceGroups_CreateOrUpdate",
        "PUT",
        GROUP,
        "Create or update a resource group.",
        "ResourceGroup",
        body="NewResourceGroup",
        statuses=(200, 201),
    ),
    _slow("ResourceGroups_Delete", "DELETE", GROUP, "Remove a resource group and everything in it."),
    _quick("Providers_Get", "GET", f"{SUBSCRIPTION}/{PROVIDER}", "The resource types of the provider.", "Provider"),
    _quick(
        "StorageAccounts_CheckNameAvailability",
        "POST",
        f"{SUBSCRIPTION}/{_STORAGE}/checkNameAvailability",
        "Whether a storage account name is available.",
        "NameAvailability",
        body="NameToCheck",
    ),
    _quick(
        "StorageAccounts_List",
        "GET",
        f"{SUBSCRIPTION}/{_STORAGE}/storageAccounts",
        "The local storage accounts.",
        "StorageAccounts",
    ),
    _quick(
        "StorageAccounts_ListByResourceGroup",
        "GET",
        _ACCOUNTS,
        "The local storage accounts of a resource group.",
        "StorageAccounts",
    ),
    _quick("StorageAccounts_GetProperties", "GET", _ACCOUNT, "One local storage account.", "StorageAccount"),
    _slow(
        "StorageAccounts_Create",
        "PUT",
        _ACCOUNT,
        "Create or update a local storage account.",
        "StorageAccount",
        body="NewStorageAccount",
    ),
    _slow("StorageAccounts_Delete", "DELETE", _ACCOUNT, "Remove a local storage account.", statuses=(200, 204)),
    _slow(
        "StorageAccounts_ListKeys",
        "POST",
        f"{_ACCOUNT}/listKeys",
        "The two keys of a storage account.",
        "StorageAccountKeys",
    ),
)
