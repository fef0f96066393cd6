"""The definitions that every web service's Swagger document has: blob references, job states, tables, errors."""

from __future__ import annotations

from typing import Any

from mlmgmt.protocol.states import STATES

TEXT: dict[str, Any] = {"type": "string"}
TEXT_OR_NULL = {"type": "string", "x-nullable": True}

BLOB_REFERENCE = {
    "type": "object",
    "description": "ConnectionString and RelativeLocation; or BaseLocation, RelativeLocation and SasBlobToken.",
    "properties": dict.fromkeys(("ConnectionString", "RelativeLocation", "BaseLocation", "SasBlobToken"), TEXT_OR_NULL),
}
ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": TEXT,
                "message": TEXT,
                "target": TEXT,
                "hint": TEXT,
                "details": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"code": TEXT, "message": TEXT, "target": TEXT},
                        "required": ["code", "message"],
                    },
                },
            },
            "required": ["code", "message"],
        }
    },
    "required": ["error"],
}
STATUS = {
    "type": "object",
    "properties": {
        "StatusCode": {"type": "string", "enum": list(STATES)},
        "Results": {
            "type": "object",
            "x-nullable": True,
            "additionalProperties": {"$ref": "#/definitions/BlobReference"},
        },
        "Details": TEXT_OR_NULL,
        "CreatedAt": {"type": "string", "format": "date-time"},
        "StartTime": {"type": "string", "format": "date-time", "x-nullable": True},
        "EndTime": {"type": "string", "format": "date-time", "x-nullable": True},
        "Warnings": {"type": "array", "x-nullable": True, "items": TEXT},
    },
    "required": ["StatusCode", "Results", "Details"],
}
TABLE = {
    "type": "object",
    "properties": {
        "ColumnNames": {"type": "array", "items": TEXT},
        "Values": {"type": "array", "items": {"type": "array", "items": {}}},
    },
    "required": ["ColumnNames", "Values"],
}
ANSWERED_TABLE = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": ["table"]},
        "value": {
            "type": "object",
            "properties": {
                "ColumnNames": {"type": "array", "items": TEXT},
                "ColumnTypes": {"type": "array", "items": TEXT},
                "Values": {"type": "array", "items": {"type": "array", "items": TEXT_OR_NULL}},
            },
            "required": ["ColumnNames", "Values"],
        },
    },
    "required": ["type", "value"],
}
