"""The operations of scoring, batch jobs and blobs, and of the server itself."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mlmgmt.protocol.operation import SUBSCRIPTION, WORKSPACE, Operation, Proof

_SCORING = f"{SUBSCRIPTION}/services/{{serviceId}}"
_BLOB = "/{account}/{container}/{*blob}"
SCORING_VERSION = "2.0"

_score = partial(Operation, versions=(SCORING_VERSION,), proof=Proof.KEY)
_job = partial(_score, takes_long=True)
_blob = partial(Operation, proof=Proof.SIGNATURE)
_open = partial(Operation, proof=Proof.NOTHING)

SCORING = (
    _score(
        "execute",
        "POST",
        f"{_SCORING}/execute",
        "Score rows.",
        "ExecutionResults",
        body="ExecutionRequest",
        query=("details", "format"),
    ),
    _job("submitjob", "POST", f"{_SCORING}/jobs", "Submit a batch job.", "JobId", body="BatchExecutionRequest"),
    _job("startjob", "POST", f"{_SCORING}/jobs/{{jobId}}/start", "Start a batch job."),
    _job("getjobstatus", "GET", f"{_SCORING}/jobs/{{jobId}}", "The status of a batch job.", "BatchExecutionStatus"),
    _job("canceljob", "DELETE", f"{_SCORING}/jobs/{{jobId}}", "Cancel a batch job."),
    _open(
        "getSwaggerDocument",
        "GET",
        f"{_SCORING}/swagger.json",
        "The Swagger document of a web service.",
        "SwaggerDocument",
        query=("api-version",),
        takes_long=True,
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
    _blob("Blob_Get", "GET", _BLOB, "Download a blob.", "Bytes", statuses=(200, 206)),
    _blob("Blob_GetProperties", "HEAD", _BLOB, "The size and date of a blob."),
    _blob("Blob_Upload", "PUT", _BLOB, "Upload a blob.", body="Bytes", statuses=(201,), takes_long=True),
    _blob("Blob_Delete", "DELETE", _BLOB, "Delete a blob.", statuses=(202,), takes_long=True),
)
SERVER = (
    _open("Health_Get", "GET", "/healthz", "Whether the server is up.", "Health"),
    _open("OpenApi_Get", "GET", "/openapi.json", "The OpenAPI document of this server.", "OpenApiDocument"),
)
