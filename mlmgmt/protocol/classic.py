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
_read = partial(Operation, proof=Proof.WORKSPACE)
_write = partial(_read, writes=True)
_open = partial(_write, proof=Proof.NOTHING)

WEB_SERVICES = (
    _write(
        "ClassicWebServices_List", "GET", _SERVICES, "The Classic web services of a workspace.", "ClassicWebServices"
    ),
    _read("ClassicWebServices_Get", "GET", _SERVICE, "One Classic web service.", "ClassicWebService"),
    _write(
        "ClassicWebServices_Publish",
        "PUT",
        _SERVICE,
        "Publish a web service made of code. It is refused: such services cannot run here.",
        body="CodeWebService",
        statuses=(),
    ),
    _write("ClassicWebServices_Delete", "DELETE", _SERVICE, "Remove a Classic web service with all its endpoints."),
)
ENDPOINTS = (
    _write("ClassicEndpoints_List", "GET", _ENDPOINTS, "The endpoints of a Classic web service.", "ClassicEndpoints"),
    _read(
        "ClassicEndpoints_Get",
        "GET",
        _ENDPOINT,
        "One endpoint, with its keys.",
        "ClassicEndpoint",
        query=("decryptSecrets",),
    ),
    _write(
        "ClassicEndpoints_Create",
        "PUT",
        _ENDPOINT,
        "Add an endpoint. An existing endpoint does not change.",
        "ClassicEndpoint",
        body="NewClassicEndpoint",
    ),
    _write(
        "ClassicEndpoints_Patch",
        "PATCH",
        _ENDPOINT,
        "Replace trained models of an endpoint, or change its settings.",
        body="ClassicEndpointPatch",
    ),
    _write(
        "ClassicEndpoints_Delete",
        "DELETE",
        _ENDPOINT,
        "Remove an endpoint. The default endpoint can only be removed last.",
    ),
    _write(
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
    _write(
        "ClassicWebServices_Deploy",
        "POST",
        f"{_EXPERIMENT}/webservice",
        "Deploy a finished experiment as a Classic web service, or update the web service it has.",
        "ClassicDeployment",
        query=("generateNewPortNames", "updateExistingWebService"),
    ),
    _write(
        "ClassicWebServices_GetDeployment",
        "GET",
        f"{_EXPERIMENTS}/{{experimentId}}/webservice",
        "The status of a deployment; the path has the deployment's ActivityId in the place of the experiment id.",
        "ClassicDeployment",
    ),
)
EXPERIMENTS = (
    _write("ClassicExperiments_List", "GET", _EXPERIMENTS, "The experiments of a workspace.", "ClassicExperiments"),
    _write("ClassicExperiments_Get", "GET", _EXPERIMENT, "One experiment, with its graph.", "ClassicExperiment"),
    _write(
        "ClassicExperiments_Create",
        "POST",
        _EXPERIMENTS,
        "Create an experiment, and run it unless it is a draft.",
        "ClassicExperiment",
        body="NewClassicExperiment",
    ),
    _write(
        "ClassicExperiments_Save",
        "POST",
        _EXPERIMENT,
        "Save an experiment, and run it unless it is a draft.",
        "ClassicExperiment",
        body="NewClassicExperiment",
    ),
    _write(
        "ClassicExperiments_Delete",
        "DELETE",
        _EXPERIMENT,
        "Remove an experiment; its datasets and models stay.",
        query=("deleteAncestors",),
    ),
    _write(
        "ClassicExperiments_GetDefinition",
        "GET",
        f"{_EXPERIMENT}/webservicedefinition",
        "The definition of a New web service from a finished experiment.",
        "ExperimentDefinition",
    ),
)
TRAINED_MODELS = (
    _write(
        "ClassicTrainedModels_List", "GET", _MODELS, "The trained models saved in a workspace.", "ClassicTrainedModels"
    ),
    _write(
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
