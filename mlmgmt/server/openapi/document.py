"""Build the OpenAPI document of the server from the operations that it answers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from mlmgmt import __version__
from mlmgmt.ids import FORBIDDEN, LONGEST_GROUP, LONGEST_NAME
from mlmgmt.protocol import data_plane
from mlmgmt.protocol.operation import STUDIO_HEADER, Proof
from mlmgmt.protocol.operations import OPERATIONS
from mlmgmt.protocol.resources import ANY_DATE, DATE
from mlmgmt.server.openapi import schema_parts, schemas

if TYPE_CHECKING:
    from mlmgmt.protocol.operation import Operation

Json = dict[str, Any]

_JSON, _BYTES = "application/json", "application/octet-stream"
_BLOB_BYTES, _PAGE = "Bytes", "Page"
_SECURITY: dict[Proof, list[Json]] = {
    Proof.NOTHING: [],
    Proof.TOKEN: [{"token": []}],
    Proof.KEY: [{"key": []}],
    Proof.SIGNATURE: [{"sas": []}],
    Proof.WORKSPACE: [{"workspace": []}, {"studio": []}],
}
_TAGS = {
    "WebServices": "Create, get, update and remove web services.",
    "CommitmentPlans": "Commitment plans, their associations and their usage.",
    "Resources": "What scripts need from other providers: subscription, resource groups, storage accounts.",
    "Classic": "Classic web services and their endpoints.",
    "Studio": "Experiments of a Classic workspace, and web services deployed from them.",
    "Scoring": "Request-response scoring of one web service or endpoint.",
    "BatchExecution": "Batch jobs of one web service or endpoint.",
    "Blobs": "The blobs of local storage accounts.",
    "Server": "The server itself.",
}
_TAG_OF = {
    "WebServices": "WebServices",
    "Operations": "WebServices",
    "OperationsStatus": "WebServices",
    "OperationResults": "WebServices",
    "CommitmentPlans": "CommitmentPlans",
    "CommitmentAssociations": "CommitmentPlans",
    "UsageHistory": "CommitmentPlans",
    "Skus": "CommitmentPlans",
    "Blob": "Blobs",
    "Health": "Server",
    "OpenApi": "Server",
    "ClassicWebServices": "Classic",
    "ClassicEndpoints": "Classic",
    "ClassicHelp": "Classic",
    "execute": "Scoring",
    "getSwaggerDocument": "Scoring",
    data_plane.classic_name("execute"): "Scoring",
    data_plane.classic_name("getSwaggerDocument"): "Scoring",
}
_SWITCH: Json = {"type": "string", "enum": ["true", "false"]}
_QUERY: dict[str, Json] = {
    "region": {"type": "string"},
    "$skiptoken": {"type": "string", "pattern": "^[A-Za-z0-9_-]*$"},
    "$filter": {"type": "string"},
    "$top": {"type": "integer", "minimum": 1},
    "details": {"type": "string", "enum": ["true", "false"]},
    "format": {"type": "string", "enum": ["swagger"]},
    "api-version": {"type": "string", "enum": [data_plane.SCORING_VERSION]},
    **dict.fromkeys(("generateNewPortNames", "updateExistingWebService", "deleteAncestors", "decryptSecrets"), _SWITCH),
}
_NAME = rf"^[^{FORBIDDEN} .]([^{FORBIDDEN}]*[^{FORBIDDEN} .])?$"
_GUID = "^[0-9a-fA-F]{32}$"
_ACCOUNT = "^[a-z0-9]{3,24}$"
_PATH: dict[str, Json] = {
    "subscriptionId": {"pattern": "^[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}$"},
    "resourceGroupName": {"pattern": _NAME, "maxLength": LONGEST_GROUP},
    "webServiceName": {"pattern": _NAME, "maxLength": LONGEST_NAME},
    "commitmentPlanName": {"pattern": _NAME, "maxLength": LONGEST_NAME},
    "accountName": {"pattern": _ACCOUNT},
    "account": {"pattern": _ACCOUNT},
    "serviceId": {"pattern": _GUID},
    "jobId": {"pattern": _GUID},
    "workspaceId": {"pattern": _GUID},
    "webServiceId": {"pattern": _GUID},
    "endpointName": {"pattern": "^[a-z0-9]+$", "maxLength": 32},
    "part": {"enum": ["score", "jobs", "update"]},
}
_DESCRIPTIONS = {
    "subscriptionId": "The home's subscription. The scoring API also accepts it without dashes.",
    "serviceId": "32 hexadecimal digits, from the web service's swaggerLocation or the endpoint's ApiLocation.",
    "endpointName": "Up to 24 lower-case letters and digits. The Swagger document and the help also take an id.",
    "blob": "The blob's path in its container; it may contain slashes.",
}


def document(origin: str) -> Json:
    """Return the OpenAPI 3.1 document; `origin` is the address at which the caller reached the server."""
    return {**_without_servers(), "servers": [{"url": origin}]}


@cache
def _without_servers() -> Json:
    paths: dict[str, Json] = {}
    for operation in OPERATIONS:
        template = "/" + "/".join(segment.replace("{*", "{") for segment in operation.segments)
        paths.setdefault(template, {})[operation.method.casefold()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mlmgmt",
            "version": __version__,
            "description": "The resource provider, Classic management and the scoring APIs of Azure Machine Learning "
            "Studio (classic) web services, served by one machine from files. Paths are not case-sensitive.",
        },
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "responses": {
                "Error": {
                    "description": "The request was refused. The error says why, and what to do.",
                    "content": _content("Error"),
                },
                "BlobError": {
                    "description": "The request was refused. The header x-ms-error-code has the code, too.",
                    "headers": {"x-ms-error-code": {"schema": {"type": "string"}}},
                    "content": {"application/xml": {}, "application/json": {"schema": schema_parts.ref("Error")}},
                },
                "StudioError": {"description": "The request was refused.", "content": _content("StudioError")},
                "Busy": {
                    "description": "The maximum number of concurrent calls is reached. Try again later.",
                    "headers": {"Retry-After": {"required": True, "schema": {"type": "integer"}}},
                    "content": _content("Error"),
                },
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token from `mlmgmt token`."},
                "key": {"type": "http", "scheme": "bearer", "description": "One of the two keys of the web service."},
                "workspace": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the workspace: `mlmgmt workspace-config`. Operations on one endpoint "
                    "also accept either of its keys.",
                },
                "studio": {
                    "type": "apiKey",
                    "in": "header",
                    "name": STUDIO_HEADER,
                    "description": "A token of the workspace.",
                },
                "sas": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "sig",
                    "description": "The sig parameter of a shared access signature; its other parameters are required, "
                    "too. Create one with `mlmgmt sas`.",
                },
            },
        },
    }


def _operation(operation: Operation) -> Json:
    found: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [_tag(operation)],
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": _responses(operation),
        "security": _SECURITY[operation.proof],
    }
    if operation.body:
        found["requestBody"] = {"required": operation.body != _BLOB_BYTES, "content": _content(operation.body)}
    return found


def _tag(operation: Operation) -> str:
    family = operation.name.partition("_")[0]
    if operation.of_studio:
        return "Studio"
    return _TAG_OF.get(family, "BatchExecution" if operation.proof is Proof.KEY else "Resources")


def _path_parameters(operation: Operation) -> list[Json]:
    found = []
    for segment in operation.segments:
        if segment.startswith("{"):
            name = segment.strip("{*}")
            schema = {"type": "string", "minLength": 1, **_PATH.get(name, {})}
            description = {"description": _DESCRIPTIONS[name]} if name in _DESCRIPTIONS else {}
            found.append({"name": name, "in": "path", "required": True, "schema": schema, **description})
    return found


def _query_parameters(operation: Operation) -> list[Json]:
    found = []
    if operation.versions:
        schema: Json = {"type": "string", "enum": list(operation.versions)}
        if operation.versions == ANY_DATE:
            schema = {"type": "string", "pattern": f"^{DATE}$"}
        found.append({"name": "api-version", "in": "query", "required": True, "schema": schema})
    for entry in operation.query:
        name = entry.removesuffix("!")
        required = entry.endswith("!")
        schema = {**_QUERY[name], **({"minLength": 1} if required else {})}
        found.append({"name": name, "in": "query", "required": required, "schema": schema})
    if operation.proof is Proof.SIGNATURE:
        found += [
            {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": text}
            for name, text in _SIGNATURE_PARAMETERS.items()
        ]
    return found


_SIGNATURE_PARAMETERS = {
    "sv": "The version of the signature.",
    "sr": "What it is for: b for a blob, c for a container.",
    "sp": "The permissions.",
    "st": "The start time.",
    "se": "The expiry time.",
}


def _responses(operation: Operation) -> Json:
    found: Json = {}
    for status in operation.statuses:
        found[str(status)] = {"description": "Done."}
        if operation.answer:
            found[str(status)]["content"] = _content(operation.answer)
    studio = operation.of_studio
    found["4XX"] = _response(
        "BlobError" if operation.proof is Proof.SIGNATURE else "StudioError" if studio else "Error"
    )
    if operation.proof is Proof.KEY:
        found["503"] = _response("Busy")
    return found


def _response(name: str) -> Json:
    return {"$ref": f"#/components/responses/{name}"}


def _content(component: str) -> Json:
    if component == _PAGE:
        return {"text/html": {"schema": {"type": "string"}}}
    if component == _BLOB_BYTES:
        return {"*/*": {"schema": {"type": "string", "contentMediaType": _BYTES}}}
    return {_JSON: {"schema": schema_parts.ref(component)}}
