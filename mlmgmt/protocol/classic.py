"""The operations of Classic workspaces: management of web services and endpoints, Studio's own API, help pages.

The names are ours, in the style of the resource provider's; paths, methods and bodies are those of the service.
"""

from __future__ import annotations

from functools import partial

from mlmgmt.protocol.operation import STUDIO, WORKSPACE, Operation, Proof

_SERVICES = f"{WORKSPACE}/webservices"
_SERVICE = f"{_SERVICES}/{{webServiceId}}"
_ENDPOINTS = f"{_SERVICE}/endpoints"
_ENDPOINT = f"{_ENDPOINTS}/{{endpointName}}"
_STUDIO = f"{STUDIO}{WORKSPACE}"
_EXPERIMENTS = f"{_STUDIO}/experiments"
_EXPERIMENT = f"{_EXPERIMENTS}/{{experimentId}}"
_MODELS = f"{_STUDIO}/trainedmodels"
_HELP = f"/apihelp{_ENDPOINT}"
_quick = partial(Operation, proof=Proof.WORKSPACE)
_slow = partial(_quick, takes_long=True)
_open = partial(_slow, proof=Proof.NOTHING)

WEB_SERVICES = (
    _slow(
        "ClassicWebServices_List", "GET", _SERVICES, "The Classic web services of a workspace.", "ClassicWebServices"
    ),
    _quick("ClassicWebServices_Get", "GET", _SERVICE, "One Classic web service.", "ClassicWebService"),
    _slow(
        "ClassicWebServices_Publish",
        "PUT",
        _SERVICE,
        "Publish a web service made of code. It is refused: such services cannot run here.",
        body="CodeWebService",
        statuses=(),
    ),
    _slow("ClassicWebServices_Delete", "DELETE", _SERVICE, "Remove a Classic web service with all its endpoints."),
)
ENDPOINTS = (
    _slow("ClassicEndpoints_List", "GET", _ENDPOINTS, "The endpoints of a Classic web service.", "ClassicEndpoints"),
    _quick(
        "ClassicEndpoints_Get",
        "GET",
        _ENDPOINT,
        "One endpoint, with its keys.",
        "ClassicEndpoint",
        query=("decryptSecrets",),
    ),
    _slow(
        "ClassicEndpoints_Create",
        "PUT",
        _ENDPOINT,
        "Add an endpoint. An existing endpoint does not change.",
        "ClassicEndpoint",
        body="NewClassicEndpoint",
    ),
    _slow(
        "ClassicEndpoints_Patch",
        "PATCH",
        _ENDPOINT,
        "Replace trained models of an endpoint, or change its settings.",
        body="ClassicEndpointPatch",
    ),
    _slow(
        "ClassicEndpoints_Delete",
        "DELETE",
        _ENDPOINT,
        "Remove an endpoint. The default endpoint can only be removed last.",
    ),
    _slow(
        "ClassicEndpoints_Refresh",
        "POST",
        f"{_ENDPOINT}/refresh",
        "Give an endpoint the current graph of the default endpoint.",
        body="RefreshClassicEndpoint",
        statuses=(200, 304),
    ),
    _open(
        "ClassicEndpoints_GetApiDocument",
        "GET",
        f"{_ENDPOINT}/apidocument",
        "The Swagger document of an endpoint, by the endpoint's id or name.",
        "SwaggerDocument",
    ),
)
DEPLOYMENT = (
    _slow(
        "ClassicWebServices_Deploy",
        "POST",
        f"{_EXPERIMENT}/webservice",
        "Deploy a finished experiment as a Classic web service, or update the web service it has.",
        "ClassicDeployment",
        query=("generateNewPortNames", "updateExistingWebService"),
    ),
    _slow(
        "ClassicWebServices_GetDeployment",
        "GET",
        f"{_EXPERIMENT}/webservice",
        "The status of a deployment; the path has the deployment's ActivityId in the place of the experiment id.",
        "ClassicDeployment",
    ),
)
EXPERIMENTS = (
    _slow("ClassicExperiments_List", "GET", _EXPERIMENTS, "The experiments of a workspace.", "ClassicExperiments"),
    _slow("ClassicExperiments_Get", "GET", _EXPERIMENT, "One experiment, with its graph.", "ClassicExperiment"),
    _slow(
        "ClassicExperiments_Create",
        "POST",
        _EXPERIMENTS,
        "Create an experiment, and run it unless it is a draft.",
        "ClassicExperiment",
        body="NewClassicExperiment",
    ),
    _slow(
        "ClassicExperiments_Save",
        "POST",
        _EXPERIMENT,
        "Save an experiment, and run it unless it is a draft.",
        "ClassicExperiment",
        body="NewClassicExperiment",
    ),
    _slow(
        "ClassicExperiments_Delete",
        "DELETE",
        _EXPERIMENT,
        "Remove an experiment; its datasets and models stay.",
        query=("deleteAncestors",),
    ),
    _slow(
        "ClassicExperiments_GetDefinition",
        "GET",
        f"{_EXPERIMENT}/webservicedefinition",
        "The definition of a New web service from a finished experiment.",
        "ExperimentDefinition",
    ),
)
TRAINED_MODELS = (
    _slow(
        "ClassicTrainedModels_List", "GET", _MODELS, "The trained models saved in a workspace.", "ClassicTrainedModels"
    ),
    _slow(
        "ClassicTrainedModels_Promote",
        "POST",
        _MODELS,
        "Save the model that a module of an experiment trains as a trained model of the workspace.",
        "ClassicTrainedModel",
        body="PromotedTrainedModel",
    ),
)
HELP = (
    _open("ClassicHelp_Get", "GET", _HELP, "The help page of an endpoint.", "Page"),
    _open(
        "ClassicHelp_GetPart",
        "GET",
        f"{_HELP}/{{part}}",
        "A part of the help page: score, jobs, or update with the PATCH URL and the resource names.",
        "Page",
    ),
)
CLASSIC = (*WEB_SERVICES, *ENDPOINTS, *DEPLOYMENT, *EXPERIMENTS, *TRAINED_MODELS, *HELP)
