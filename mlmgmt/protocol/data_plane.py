"""The operations of scoring, batch jobs and blobs, and of the server itself."""

from __future__ import annotations

from dataclasses import replace

from mlmgmt.protocol.operation import SUBSCRIPTION, WORKSPACE, Operation, Proof

_SCORING = f"{SUBSCRIPTION}/services/{{serviceId}}"
_BLOB = "/{account}/{container}/{*blob}"
SCORING_VERSION = "2.0"

SCORING = (
    Operation(
        "execute",
        "POST",
        f"{_SCORING}/execute",
        "Score rows.",
        (SCORING_VERSION,),
        ("details", "format"),
        "ExecutionRequest",
        ((200, "ExecutionResults"),),
        Proof.KEY,
    ),
    Operation(
        "submitjob",
        "POST",
        f"{_SCORING}/jobs",
        "Submit a batch job.",
        (SCORING_VERSION,),
        (),
        "BatchExecutionRequest",
        ((200, "JobId"),),
        Proof.KEY,
        writes=True,
    ),
    Operation(
        "startjob",
        "POST",
        f"{_SCORING}/jobs/{{jobId}}/start",
        "Start a batch job.",
        (SCORING_VERSION,),
        (),
        "",
        ((200, ""),),
        Proof.KEY,
        writes=True,
    ),
    Operation(
        "getjobstatus",
        "GET",
        f"{_SCORING}/jobs/{{jobId}}",
        "The status of a batch job.",
        (SCORING_VERSION,),
        (),
        "",
        ((200, "BatchExecutionStatus"),),
        Proof.KEY,
        writes=True,
    ),
    Operation(
        "canceljob",
        "DELETE",
        f"{_SCORING}/jobs/{{jobId}}",
        "Cancel a batch job.",
        (SCORING_VERSION,),
        (),
        "",
        ((200, ""),),
        Proof.KEY,
        writes=True,
    ),
    Operation(
        "getSwaggerDocument",
        "GET",
        f"{_SCORING}/swagger.json",
        "The Swagger document of a web service.",
        (),
        ("api-version",),
        "",
        ((200, "SwaggerDocument"),),
        Proof.NOTHING,
        writes=True,
    ),
)


def classic_name(name: str) -> str:
    """Return the name of an operation of `SCORING` for Classic endpoints."""
    return f"Classic{name[:1].upper()}{name[1:]}"


CLASSIC_SCORING = tuple(
    replace(known, name=classic_name(known.name), path=known.path.replace(SUBSCRIPTION, WORKSPACE)) for known in SCORING
)
"""The same operations at the addresses of Classic endpoints."""
EXECUTE = frozenset(("execute", classic_name("execute")))
BLOBS = (
    Operation(
        "Blob_Get", "GET", _BLOB, "Download a blob.", (), (), "", ((200, "Bytes"), (206, "Bytes")), Proof.SIGNATURE
    ),
    Operation(
        "Blob_GetProperties", "HEAD", _BLOB, "The size and date of a blob.", (), (), "", ((200, ""),), Proof.SIGNATURE
    ),
    Operation(
        "Blob_Upload", "PUT", _BLOB, "Upload a blob.", (), (), "Bytes", ((201, ""),), Proof.SIGNATURE, writes=True
    ),
    Operation("Blob_Delete", "DELETE", _BLOB, "Delete a blob.", (), (), "", ((202, ""),), Proof.SIGNATURE, writes=True),
)
SERVER = (
    Operation(
        "Health_Get", "GET", "/healthz", "Whether the server is up.", (), (), "", ((200, "Health"),), Proof.NOTHING
    ),
    Operation(
        "OpenApi_Get",
        "GET",
        "/openapi.json",
        "The OpenAPI document of this server.",
        (),
        (),
        "",
        ((200, "OpenApiDocument"),),
        Proof.NOTHING,
    ),
)
