"""Functions that build the parts of JSON Schema in the server's OpenAPI document."""

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
    """Return the schema of an object with these members, of which some are required."""
    body: Schema = {"type": "object", "properties": dict(properties), **more}
    return body | {"required": list(required)} if required else body


def all_required(properties: Mapping[str, Any]) -> Schema:
    """Return the schema of an object that has all of these members."""
    return object_of(properties, *properties)


def list_of(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def map_of(of: Schema) -> Schema:
    return {"type": "object", "additionalProperties": of}


def page(of: str, *, continued: bool = True) -> Schema:
    """Return the schema of a list as the resource manager answers it.

    Args:
        continued: a long list has a link to its next page.
    """
    link = {"nextLink": text(format="uri")} if continued else {}
    return object_of({"value": list_of(ref(of)), **link}, "value")


def resource(properties: Schema, **more: Schema) -> Schema:
    """Return the schema of a resource of the resource manager."""
    return all_required({"id": text(), "name": text(), "type": text(), **more, "properties": properties})


def tracked(properties: Schema, **more: Schema) -> Schema:
    """Return the schema of a resource with a location and tags, which the resource manager calls tracked."""
    return resource(properties, location=text(), tags=_TAGS, **more)
