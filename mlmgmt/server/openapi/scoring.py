"""The components of scoring and batch execution in the server's OpenAPI document."""

from __future__ import annotations

from mlmgmt.protocol.shapes import STATES
from mlmgmt.server.openapi.schema_parts import SCALAR, Schema, all_of, list_of, map_of, maybe, members, ref, text

_MOMENT = text(format="date-time")


def scoring() -> dict[str, Schema]:
    """What every web service has alike; its own columns are in its Swagger document."""
    reference = members(
        {name: maybe("string") for name in ("ConnectionString", "RelativeLocation", "BaseLocation", "SasBlobToken")}
    )
    blobs: Schema = {"type": ["object", "null"], "additionalProperties": ref("BlobReference")}
    parameters: Schema = {"type": ["object", "null"], "additionalProperties": {"type": SCALAR}}
    table = all_of({"ColumnNames": list_of(text()), "Values": list_of({"type": "array"})})
    answered = members(
        {"ColumnNames": list_of(text()), "ColumnTypes": list_of(text()), "Values": list_of(list_of(maybe("string")))},
        "ColumnNames",
        "Values",
    )
    return {
        "ExecutionRequest": members(
            {
                "Inputs": {
                    "type": ["object", "null"],
                    "additionalProperties": {"anyOf": [table, list_of({"type": "object"})]},
                },
                "GlobalParameters": parameters,
            }
        ),
        "ExecutionResults": members(
            {
                "Results": map_of(
                    {
                        "anyOf": [
                            all_of({"type": text(enum=["table"]), "value": answered}),
                            list_of(map_of(maybe("string"))),
                        ]
                    }
                )
            },
            "Results",
        ),
        "BlobReference": reference,
        "BatchExecutionRequest": members(
            {
                "Inputs": blobs,
                "Outputs": blobs,
                "GlobalParameters": parameters,
                "AzureBatchPoolId": maybe("string"),
            }
        ),
        "JobId": text(pattern="^[0-9a-f]{32}$"),
        "BatchExecutionStatus": members(
            {
                "StatusCode": text(enum=list(STATES)),
                "Results": blobs,
                "Details": maybe("string"),
                "CreatedAt": _MOMENT,
                "StartTime": maybe("string", format="date-time"),
                "EndTime": maybe("string", format="date-time"),
                "Warnings": {"type": ["array", "null"], "items": text()},
            },
            "StatusCode",
            "Results",
            "Details",
        ),
        "SwaggerDocument": members(
            {"swagger": text(enum=["2.0"]), "paths": {"type": "object"}, "definitions": {"type": "object"}},
            "swagger",
            "paths",
        ),
    }
