"""Web service parameters: what a call gives, what the service defaults to, and which module parameters they set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Linked = dict[str, dict[str, Any]]
"""By node id, the values of its linked parameters."""


def linked(document: Mapping[str, Any], given: Mapping[str, Any], own: Mapping[str, Mapping[str, Any]]) -> Linked:
    """The value of each linked node parameter: the call's, else the service's default, else the node's own.

    Args:
        given: by the name of the web service parameter, exactly or uniquely in any letter case.
        own: the parameters that stand in the graph, by node.

    Raises:
        BadRequest: `UnexpectedParameter`; `MissingRequiredGlobalParameters`, naming every one that is missing.
    """
    properties = document["properties"]
    declared = properties["package"].get("graphParameters", {})
    defaults = {name.casefold(): (value or {}).get("value") for name, value in properties.get("parameters", {}).items()}
    values = {_named(name, declared): value for name, value in given.items()}
    found: Linked = {}
    missing = []
    for name, parameter in declared.items():
        value = values.get(name, defaults.get(name.casefold()))
        for link in parameter.get("links", ()):
            node, key = link["nodeId"], link["parameterKey"]
            if value is not None:
                found.setdefault(node, {})[key] = value
            elif own.get(node, {}).get(key) is None and name not in missing:
                missing.append(name)
    if missing:
        details = [
            Detail("MissingRequiredGlobalParameters", f"The parameter {name!r} has no default and must be given.", name)
            for name in missing
        ]
        example = ", ".join(f'"{name}": "..."' for name in missing)
        hint = f'Give it with the call: "GlobalParameters": {{{example}}}.'
        message = f"The service needs the parameter{'s' if len(missing) > 1 else ''} {', '.join(map(repr, missing))}."
        raise BadRequest(message, target=missing[0], details=details, hint=hint)
    return found


def _named(name: str, declared: Iterable[str]) -> str:
    known = list(declared)
    if name in known:
        return name
    alike = [other for other in known if other.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    message = f"The service has no parameter {name!r}."
    hint = f"It has: {', '.join(known) or 'none'}."
    raise BadRequest(message, target=name, details=[Detail("UnexpectedParameter", message, name)], hint=hint)
