"""The operations of Classic workspaces: management of web services and endpoints, Studio's own API, help pages.

The names are ours, in the style of the resource provider's; paths, methods and bodies are those of the service.
"""

from __future__ import annotations

from mlmgmt.protocol.operation import STUDIO, WORKSPACE, Operation, Proof

_SERVICES = f"{WORKSPACE}/webservices"
_SERVICE = f"{_SERVICES}/{{webServiceId}}"
_ENDPOINTS = f"{_SERVICE}/endpoints"
_ENDPOINT = f"{_ENDPOINTS}/{{endpointName}}"
_STUDIO = f"{STUDIO}{WORKSPACE}"
_EXPERIMENTS = f"{_STUDIO}/experiments"
_EXPERIMENT = f"{_EXPERIMENTS}/{{experimentId}}"
_HELP = f"/apihelp{_ENDPOINT}"


def _operation(
    name: str,
    method: str,
    path: str,
    summary: str,
    body: str = "",
    answer: str = "",
    *,
    query: tuple[str, ...] = (),
    statuses: tuple[int, ...] = (200,),
    proof: Proof = Proof.WORKSPACE,
    writes: bool = True,
) -> Operation:
    answers = tuple((status, answer if status == 200 else "") for status in statuses)
    return Operation(name, method, path, summary, (), query, body, answers, proof, writes)


WEB_SERVICES = (
    _operation(
        "ClassicWebServices_List",
        "GET",
        _SERVICES,
        "The Classic web services of a workspace.",
        answer="ClassicWebServices",
    ),
    _operation(
        "ClassicWebServices_Get",
        "GET",
        _SERVICE,
        "One Classic web service.",
        answer="ClassicWebService",
        writes=False,
    ),
    _operation(
        "ClassicWebServices_Publish",
        "PUT",
        _SERVICE,
        "Publish a web service made of code. It is refused: such services cannot run here.",
        "CodeWebService",
        statuses=(),
    ),
    _operation(
        "ClassicWebServices_Delete",
        "DELETE",
        _SERVICE,
        "Remove a Classic web service with all its endpoints.",
    ),
)
ENDPOINTS = (
    _operation(
        "ClassicEndpoints_List",
        "GET",
        _ENDPOINTS,
        "The endpoints of a Classic web service.",
        answer="ClassicEndpoints",
    ),
    _operation(
        "ClassicEndpoints_Get",
        "GET",
        _ENDPOINT,
        "One endpoint, with its keys.",
        answer="ClassicEndpoint",
        query=("decryptSecrets",),
        writes=False,
    ),
    _operation(
        "ClassicEndpoints_Create",
        "PUT",
        _ENDPOINT,
        "Add an endpoint. An existing endpoint does not change.",
        "NewClassicEndpoint",
        "ClassicEndpoint",
    ),
    _operation(
        "ClassicEndpoints_Patch",
        "PATCH",
        _ENDPOINT,
        "Replace trained models of an endpoint, or change its settings.",
        "ClassicEndpointPatch",
    ),
    _operation(
        "ClassicEndpoints_Delete",
        "DELETE",
        _ENDPOINT,
        "Remove an endpoint. The default endpoint can only be removed last.",
    ),
    _operation(
        "ClassicEndpoints_Refresh",
        "POST",
        f"{_ENDPOINT}/refresh",
        "Give an endpoint the current graph of the default endpoint.",
        "RefreshClassicEndpoint",
        statuses=(200, 304),
    ),
    _operation(
        "ClassicEndpoints_GetApiDocument",
        "GET",
        f"{_ENDPOINT}/apidocument",
        "The Swagger document of an endpoint, by the endpoint's id or name.",
        answer="SwaggerDocument",
        proof=Proof.NOTHING,
    ),
)
DEPLOYMENT = (
    _operation(
        "ClassicWebServices_Deploy",
        "POST",
        f"{_EXPERIMENT}/webservice",
        "Deploy a finished experiment as a Classic web service, or update the web service it has.",
        answer="ClassicDeployment",
        query=("generateNewPortNames", "updateExistingWebService"),
    ),
    _operation(
        "ClassicWebServices_GetDeployment",
        "GET",
        f"{_EXPERIMENTS}/{{experimentId}}/webservice",
        "The status of a deployment; the path has the deployment's ActivityId in the place of the experiment id.",
        answer="ClassicDeployment",
    ),
)
EXPERIMENTS = (
    _operation(
        "ClassicExperiments_List", "GET", _EXPERIMENTS, "The experiments of a workspace.", answer="ClassicExperiments"
    ),
    _operation(
        "ClassicExperiments_Get",
        "GET",
        _EXPERIMENT,
        "One experiment, with its graph.",
        answer="ClassicExperiment",
    ),
    _operation(
        "ClassicExperiments_Create",
        "POST",
        _EXPERIMENTS,
        "Create an experiment, and run it unless it is a draft.",
        "NewClassicExperiment",
        "ClassicExperiment",
    ),
    _operation(
        "ClassicExperiments_Save",
        "POST",
        _EXPERIMENT,
        "Save an experiment, and run it unless it is a draft.",
        "NewClassicExperiment",
        "ClassicExperiment",
    ),
    _operation(
        "ClassicExperiments_Delete",
        "DELETE",
        _EXPERIMENT,
        "Remove an experiment; its datasets and models stay.",
        query=("deleteAncestors",),
    ),
    _operation(
        "ClassicExperiments_GetDefinition",
        "GET",
        f"{_EXPERIMENT}/webservicedefinition",
        "The definition of a New web service from a finished experiment.",
        answer="ExperimentDefinition",
    ),
)
TRAINED_MODELS = (
    _operation(
        "ClassicTrainedModels_List",
        "GET",
        f"{_STUDIO}/trainedmodels",
        "The trained models saved in a workspace.",
        answer="ClassicTrainedModels",
    ),
    _operation(
        "ClassicTrainedModels_Promote",
        "POST",
        f"{_STUDIO}/trainedmodels",
        "Save the model that a module of an experiment trains as a trained model of the workspace.",
        "PromotedTrainedModel",
        "ClassicTrainedModel",
    ),
)
HELP = (
    _operation("ClassicHelp_Get", "GET", _HELP, "The help page of an endpoint.", answer="Page", proof=Proof.NOTHING),
    _operation(
        "ClassicHelp_GetPart",
        "GET",
        f"{_HELP}/{{part}}",
        "A part of the help page: score, jobs, or update with the PATCH URL and the resource names.",
        answer="Page",
        proof=Proof.NOTHING,
    ),
)
CLASSIC = (*WEB_SERVICES, *ENDPOINTS, *DEPLOYMENT, *EXPERIMENTS, *TRAINED_MODELS, *HELP)
