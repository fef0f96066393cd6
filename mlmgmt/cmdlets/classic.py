"""Cmdlets for Classic workspaces, web services and endpoints, with the names of the Classic PowerShell module."""

from __future__ import annotations

from dataclasses import replace

from mlmgmt.cmdlets.declare import (
    ENDPOINT_NAME,
    IF_MATCH,
    MESSAGE,
    OVERWRITE,
    SKIP_CHECK,
    WEB_SERVICE_ID,
    Cmdlet,
    Gate,
    Kind,
    Parameter,
)
from mlmgmt.protocol import regions

STEP = "C. Classic web services"
TOPIC = "classic"
_SERVICE = replace(WEB_SERVICE_ID, help="The web service, by id or name.", position=0)
_ENDPOINT = (WEB_SERVICE_ID, ENDPOINT_NAME)

WORKSPACES = Cmdlet(
    spellings=("Get-AmlWorkspace",),
    short=("workspaces",),
    run="verbs.classic.workspaces:get",
    summary="List the Classic workspaces of this home.",
    example="mlmgmt workspaces",
    step=STEP,
    view="rows",
    lists="workspaces",
)
NEW_WORKSPACE = Cmdlet(
    spellings=("New-AmlWorkspace",),
    short=("new-workspace",),
    run="verbs.classic.workspaces:plan_create",
    summary="Create a workspace, or one with the id and token of your scripts' config.json.",
    example="mlmgmt new-workspace Bikes -ConfigFile config.json",
    step=STEP,
    gate=Gate("Creating the workspace"),
    parameters=(
        Parameter("Name", help="Its name.", mandatory=True, position=0, short="n"),
        Parameter("Location", help=f"Its region; default: {regions.DEFAULT}.", short="l"),
        Parameter("WorkspaceId", help="Its id, 32 hexadecimal digits; default: a new one."),
        Parameter("AuthorizationToken", help="Its token; default: a new one."),
        Parameter("ConfigFile", Kind.FILE, "A config.json with workspace id, token and region."),
    ),
)
CONFIG = Cmdlet(
    spellings=("Export-AmlWorkspaceConfig",),
    short=("workspace-config",),
    run="verbs.classic.workspaces:write_config",
    summary="Write the config.json of a workspace, with region, id and token, for scripts and clients.",
    example="mlmgmt workspace-config config.json",
    step=STEP,
    parameters=(
        Parameter("OutputFile", Kind.FILE, "The file; default: config.json.", position=0),
        Parameter("WorkspaceId", help="The workspace; default: the first one of the home.", completes="workspace"),
        OVERWRITE,
    ),
)
GET_SERVICE = Cmdlet(
    spellings=("Get-AmlWebService",),
    short=("web-services",),
    calls=("ClassicWebServices_Get", "ClassicWebServices_List"),
    run="verbs.classic.web_services:get",
    lists="web services",
    summary="List the Classic web services of the workspace, or show one.",
    example="mlmgmt web-services",
    step=STEP,
    classic=True,
    parameters=(_SERVICE.optional,),
)
NEW_SERVICE = Cmdlet(
    spellings=("New-AmlWebService",),
    short=("deploy",),
    calls=("ClassicWebServices_Deploy",),
    run="verbs.classic.deploying:plan_deploy",
    summary="Deploy an experiment that has run as a Classic web service, or update its web service.",
    example='mlmgmt deploy "Bike Rental [Predictive Exp.]"',
    step=STEP,
    classic=True,
    gate=Gate("Deploying the web service"),
    about="Training experiments are deployed in the same way, and run as batch jobs. -Update gives the new definition "
    "only to the default endpoint; other endpoints take it with Refresh-AmlWebServiceEndpoint.",
    parameters=(
        Parameter(
            "PredictiveExperimentId",
            help="The experiment, by id or name.",
            mandatory=True,
            aliases=("ExperimentId", "Experiment"),
            argument="experiment",
            position=0,
            completes="experiment",
        ),
        Parameter("Update", Kind.SWITCH, "Update the experiment's web service, in its default endpoint."),
        MESSAGE,
        SKIP_CHECK,
    ),
)
REMOVE_SERVICE = Cmdlet(
    spellings=("Remove-AmlWebService",),
    short=("remove-web-service",),
    calls=("ClassicWebServices_Delete",),
    run="verbs.classic.web_services:plan_remove",
    summary="Remove a Classic web service with all its endpoints.",
    example="mlmgmt remove-web-service 5d1e0c9a7b5f4a0f8e21d403b95e7712 -Force",
    step=STEP,
    classic=True,
    gate=Gate("Removing the web service"),
    parameters=(replace(WEB_SERVICE_ID, position=0), MESSAGE),
)
RESTORE_SERVICE = Cmdlet(
    spellings=("Restore-AmlWebService",),
    short=("restore-web-service",),
    run="verbs.classic.restoring:plan_restore",
    summary="Bring back a removed Classic web service, with its endpoints and their keys.",
    example="mlmgmt restore-web-service 5d1e0c9a7b5f4a0f8e21d403b95e7712",
    step=STEP,
    classic=True,
    gate=Gate("Restoring the web service"),
    parameters=(replace(WEB_SERVICE_ID, position=0, help="The removed web service, by id."), MESSAGE, SKIP_CHECK),
)
GET_ENDPOINT = Cmdlet(
    spellings=("Get-AmlWebServiceEndpoint",),
    short=("endpoints",),
    calls=("ClassicEndpoints_Get", "ClassicEndpoints_List"),
    run="verbs.classic.endpoints:get",
    summary="List the endpoints of a Classic web service, or show one with its keys, addresses and resources.",
    example='mlmgmt endpoints "Bike Rental Scoring" -EndpointName rentalloc001',
    step=STEP,
    view="endpoint",
    lists="endpoints",
    classic=True,
    parameters=(_SERVICE, replace(ENDPOINT_NAME, help="The endpoint; default: list all.", mandatory=False, position=1)),
)
ADD_ENDPOINT = Cmdlet(
    spellings=("Add-AmlWebServiceEndpoint",),
    short=("add-endpoint",),
    calls=("ClassicEndpoints_Create",),
    run="verbs.classic.endpoints:plan_add",
    summary="Add an endpoint to a Classic web service. It starts with the model of the default endpoint.",
    example='mlmgmt add-endpoint -WebServiceId "Bike Rental Scoring" -EndpointName rentalloc001 -ThrottleLevel High',
    step=STEP,
    view="text",
    classic=True,
    gate=Gate("Adding the endpoint"),
    parameters=(
        *_ENDPOINT,
        Parameter("Description", help="What it is for."),
        Parameter(
            "ThrottleLevel",
            Kind.CHOICE,
            "The throttle level; default: Low, which is 4 concurrent calls.",
            choices=("High", "Low"),
        ),
        Parameter("MaxConcurrentCalls", Kind.INTEGER, "Concurrent calls with the level High: 1 to 200."),
        Parameter(
            "PreventUpdate",
            Kind.SWITCH,
            "Refuse patch and refresh, so that the model stays, until a PATCH over HTTP allows them again.",
        ),
        MESSAGE,
    ),
)
REMOVE_ENDPOINT = Cmdlet(
    spellings=("Remove-AmlWebServiceEndpoint",),
    short=("remove-endpoint",),
    calls=("ClassicEndpoints_Delete",),
    run="verbs.classic.endpoints:plan_remove",
    summary="Remove an endpoint. The default endpoint can only be removed last.",
    example='mlmgmt remove-endpoint -s "Bike Rental Scoring" -e rentalloc001 -Force',
    step=STEP,
    view="text",
    classic=True,
    gate=Gate("Removing the endpoint", "Remove the endpoint {target}?"),
    parameters=(*_ENDPOINT, MESSAGE),
)
REFRESH_ENDPOINT = Cmdlet(
    spellings=("Refresh-AmlWebServiceEndpoint",),
    short=("refresh-endpoint",),
    calls=("ClassicEndpoints_Refresh",),
    run="verbs.classic.patching:plan_refresh",
    summary="Give an endpoint the current graph of the default endpoint. Its own models stay.",
    example='mlmgmt refresh-endpoint -s "Bike Rental Scoring" -e rentalloc001',
    step=STEP,
    view="text",
    classic=True,
    gate=Gate("Refreshing the endpoint"),
    parameters=(
        *_ENDPOINT,
        Parameter("OverwriteResources", Kind.SWITCH, "Also take the trained models of the default endpoint."),
        MESSAGE,
        SKIP_CHECK,
    ),
)
PATCH_ENDPOINT = Cmdlet(
    spellings=("Patch-AmlWebServiceEndpoint",),
    short=("patch-endpoint",),
    calls=("ClassicEndpoints_Patch",),
    run="verbs.classic.patching:plan_patch",
    summary="Replace a trained model of an endpoint with a retrained one. The model is checked first.",
    example="mlmgmt patch-endpoint -s 'Bike Rental Scoring' -e rentalloc001 "
    "-ResourceName 'Bike Rental [trained model]' "
    "-BaseLocation https://mlstore1a2b3c4d.blob.core.windows.net/ -RelativeLocation models/model001.ilearner "
    "-SasBlobToken '?sv=2015-02-21&sr=b&...'",
    step=STEP,
    view="text",
    classic=True,
    gate=Gate("Patching the endpoint"),
    about="The three parts of the location are in the status of the retraining job. -WhatIf checks the model and shows "
    "what would change. mlmgmt rollback undoes the change.",
    parameters=(
        *_ENDPOINT,
        Parameter(
            "ResourceName",
            help="The exact name, with [trained model]; Get-AmlWebServiceEndpoint shows it.",
            mandatory=True,
            completes="resource",
        ),
        Parameter("BaseLocation", help="BaseLocation from the job's status; ends with a slash.", mandatory=True),
        Parameter(
            "RelativeLocation", help="RelativeLocation from the job's status: CONTAINER/PATH.ilearner.", mandatory=True
        ),
        Parameter("SasBlobToken", help="SasBlobToken from the job's status; starts with ?, in quotes.", mandatory=True),
        MESSAGE,
        IF_MATCH,
        SKIP_CHECK,
    ),
)
CMDLETS = (
    WORKSPACES,
    NEW_WORKSPACE,
    CONFIG,
    GET_SERVICE,
    NEW_SERVICE,
    REMOVE_SERVICE,
    RESTORE_SERVICE,
    GET_ENDPOINT,
    ADD_ENDPOINT,
    REMOVE_ENDPOINT,
    REFRESH_ENDPOINT,
    PATCH_ENDPOINT,
)
