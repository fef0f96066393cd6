"""The resource provider's operations on web services."""

from __future__ import annotations

from mlmgmt.protocol.operation import BOTH, GROUP, PROVIDER, SKIP, SUBSCRIPTION, V2017, Operation

_SERVICE = f"{GROUP}/{PROVIDER}/webServices/{{webServiceName}}"
_PROVISIONED = ((200, "WebService"), (201, "WebService"))


WEB_SERVICES = (
    Operation(
        "WebServices_CreateOrUpdate",
        "PUT",
        _SERVICE,
        "Create or replace a web service.",
        BOTH,
        (),
        "NewWebService",
        _PROVISIONED,
        writes=True,
    ),
    Operation("WebServices_Get", "GET", _SERVICE, "One web service.", BOTH, ("region",), "", ((200, "WebService"),)),
    Operation(
        "WebServices_Patch",
        "PATCH",
        _SERVICE,
        "Change a web service.",
        BOTH,
        (),
        "WebServicePatch",
        ((200, "WebService"),),
        writes=True,
    ),
    Operation(
        "WebServices_Remove", "DELETE", _SERVICE, "Remove a web service.", BOTH, (), "", ((204, ""),), writes=True
    ),
    Operation(
        "WebServices_CreateRegionalProperties",
        "POST",
        f"{_SERVICE}/CreateRegionalBlob",
        "Create a web service's properties in a region.",
        (V2017,),
        ("region!",),
        "",
        ((200, "AsyncOperationStatus"),),
        writes=True,
    ),
    Operation(
        "WebServices_ListKeys",
        "GET",
        f"{_SERVICE}/listKeys",
        "The two keys of a web service.",
        BOTH,
        (),
        "",
        ((200, "WebServiceKeys"),),
    ),
    Operation(
        "WebServices_ListByResourceGroup",
        "GET",
        f"{GROUP}/{PROVIDER}/webServices",
        "The web services of a resource group.",
        BOTH,
        SKIP,
        "",
        ((200, "WebServices"),),
    ),
    Operation(
        "WebServices_ListBySubscriptionId",
        "GET",
        f"{SUBSCRIPTION}/{PROVIDER}/webServices",
        "The web services of the subscription.",
        BOTH,
        SKIP,
        "",
        ((200, "WebServices"),),
    ),
    Operation(
        "Operations_List",
        "GET",
        f"/{PROVIDER}/operations",
        "The operations of the resource provider.",
        (V2017,),
        (),
        "",
        ((200, "Operations"),),
    ),
    Operation(
        "OperationsStatus_Get",
        "GET",
        f"{SUBSCRIPTION}/{PROVIDER}/locations/{{location}}/operationsStatus/{{operationId}}",
        "The status of a long-running operation.",
        BOTH,
        (),
        "",
        ((200, "AsyncOperationStatus"),),
    ),
    Operation(
        "OperationResults_Get",
        "GET",
        f"{SUBSCRIPTION}/{PROVIDER}/locations/{{location}}/operationresults/{{operationId}}",
        "The result of a long-running operation.",
        BOTH,
        (),
        "",
        ((204, ""),),
    ),
)
