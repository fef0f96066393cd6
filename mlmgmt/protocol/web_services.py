"""The resource provider's operations on web services."""

from __future__ import annotations

from functools import partial

from mlmgmt.protocol.operation import BOTH, GROUP, PROVIDER, SKIP, SUBSCRIPTION, V2017, Operation

_OF_GROUP, _OF_SUBSCRIPTION = f"{GROUP}/{PROVIDER}/webServices", f"{SUBSCRIPTION}/{PROVIDER}/webServices"
_SERVICE = f"{_OF_GROUP}/{{webServiceName}}"
_LOCATION = f"{SUBSCRIPTION}/{PROVIDER}/locations/{{location}}"
_quick = partial(Operation, versions=BOTH)
_slow = partial(_quick, takes_long=True)
_list = partial(_quick, query=SKIP)

WEB_SERVICES = (
    _slow(
        "WebServices_CreateOrUpdate",
        "PUT",
        _SERVICE,
        "Create or replace a web service.",
        "WebService",
        body="NewWebService",
        statuses=(200, 201),
    ),
    _quick("WebServices_Get", "GET", _SERVICE, "One web service.", "WebService", query=("region",)),
    _slow("WebServices_Patch", "PATCH", _SERVICE, "Change a web service.", "WebService", body="WebServicePatch"),
    _slow("WebServices_Remove", "DELETE", _SERVICE, "Remove a web service.", statuses=(204,)),
    _slow(
        "WebServices_CreateRegionalProperties",
        "POST",
        f"{_SERVICE}/CreateRegionalBlob",
        "Create a web service's properties in a region.",
        "AsyncOperationStatus",
        query=("region!",),
        versions=(V2017,),
    ),
    _quick("WebServices_ListKeys", "GET", f"{_SERVICE}/listKeys", "The two keys of a web service.", "WebServiceKeys"),
    _list("WebServices_ListByResourceGroup", "GET", _OF_GROUP, "The web services of a resource group.", "WebServices"),
    _list(
        "WebServices_ListBySubscriptionId",
        "GET",
        _OF_SUBSCRIPTION,
        "The web services of the subscription.",
        "WebServices",
    ),
    _quick(
        "Operations_List",
        "GET",
        f"/{PROVIDER}/operations",
        "The operations of the resource provider.",
        "Operations",
        versions=(V2017,),
    ),
    _quick(
        "OperationsStatus_Get",
        "GET",
        f"{_LOCATION}/operationsStatus/{{operationId}}",
        "The status of a long-running operation.",
        "AsyncOperationStatus",
    ),
    _quick(
        "OperationResults_Get",
        "GET",
        f"{_LOCATION}/operationresults/{{operationId}}",
        "The result of a long-running operation.",
        statuses=(204,),
    ),
)
