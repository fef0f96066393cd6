"""The schemas of scoring and batch execution in the server's OpenAPI document."""

from __future__ import annotations

from mlmgmt.protocol.states import STATES
from mlmgmt.server.openapi.schema_parts import (
    SCALAR,
    Schema,
    all_required,
    list_of,
    map_of,
    nullable,
    object_of,
    ref,
    text,
)

_MOMENT = text(format="date-time")


def scoring() -> dict[str, Schema]:
    """Return what is the same for every web service; the columns of one are in its Swagger document."""
    reference = object_of(
        {name: nullable("string") for name in ("ConnectionString", "RelativeLocation", "BaseLocation", "SasBlobToken")}
    )
    blobs: Schema = {"type": ["object", "null"], "additionalProperties": ref("BlobReference")}
    parameters: Schema = {"type": ["object", "null"], "additionalProperties": {"type": SCALAR}}
    table = all_required({"ColumnNames": list_of(text()), "Values": list_of({"type": "array"})})
    answered = object_of(
        {
            "ColumnNames": list_of(text()),
            "ColumnTypes": list_of(text()),
            "Values": list_of(list_of(nullable("string"))),
        },
        "ColumnNames",
        "Values",
    )
    return {
        "ExecutionRequest": object_of(
            {
                "Inputs": {
                    "type": ["object", "null"],
                    "additionalProperties": {"anyOf": [table, list_of({"type": "object"})]},
                },
                "GlobalParameters": parameters,
            }
        ),
        "ExecutionResults": object_of(
            {
                "Results": map_of(
                    {
                        "anyOf": [
                            all_required({"type": text(enum=["table"]), "value": answered}),
                            list_of(map_of(nullable("string"))),
                        ]
                    }
                )
            },
            "Results",
        ),
        "BlobReference": reference,
        "BatchExecutionRequest": object_of(
            {
                "Inputs": blobs,
                "Outputs": blobs,
                "GlobalParameters": parameters,
                "AzureBatchPoolId": nullable("string"),
            }
        ),
        "JobId": text(pattern="^[0-9a-f]{32}$"),
        "BatchExecutionStatus": object_of(
            {
                "StatusCode": text(enum=list(STATES)),
                "Results": blobs,
                "Details": nullable("string"),
                "CreatedAt": _MOMENT,
                "StartTime": nullable("string", format="date-time"),
                "EndTime": nullable("string", format="date-time"),
                "Warnings": {"type": ["array", "null"], "items": text()},
            },
            "StatusCode",
            "Results",
            "Details",
        ),
        "SwaggerDocument": object_of(
            {"swagger": text(enum=["2.0"]), "paths": {"type": "object"}, "definitions": {"type": "object"}},
            "swagger",
            "paths",
        ),
    }
