"""Pieces of JSON Schema of which the server's OpenAPI document is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/"
SCALAR = ["string", "number", "boolean", "null"]
_TAGS: Schema = {"type": "object", "additionalProperties": {"type": ["string", "null"]}}


def ref(name: str) -> Schema:
    return {"$ref": f"{REFERENCE}{name}"}


def text(**more: Any) -> Schema:
    return {"type": "string", **more}


def nullable(*types: str, **more: Any) -> Schema:
    return {"type": [*types, "null"], **more}


def object_of(properties: Mapping[str, Any], *required: str, **more: Any) -> Schema:
    body: Schema = {"type": "object", "properties": dict(properties), **more}
    return body | {"required": list(required)} if required else body


def all_required(properties: Mapping[str, Any]) -> Schema:
    """An object with each of these object_of."""
    return object_of(properties, *properties)


def list_of(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def map_of(of: Schema) -> Schema:
    return {"type": "object", "additionalProperties": of}


def page(of: str, *, continued: bool = True) -> Schema:
    """A list as the resource manager answers it."""
    link = {"nextLink": text(format="uri")} if continued else {}
    return object_of({"value": list_of(ref(of)), **link}, "value")


def resource(properties: Schema, **more: Schema) -> Schema:
    """A resource of the resource manager."""
    return all_required({"id": text(), "name": text(), "type": text(), **more, "properties": properties})


def tracked(properties: Schema, **more: Schema) -> Schema:
    return resource(properties, location=text(), tags=_TAGS, **more)
