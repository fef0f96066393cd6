"""Web service parameters: their values in a call, their defaults, and the module parameters that they set."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Linked = dict[str, dict[str, Any]]
"""The values of linked node parameters, by node id."""


def linked_values(document: Mapping[str, Any], given: Mapping[str, Any], lacks: Callable[[str, str], bool]) -> Linked:
    """Return the value of each linked node parameter: from the call, or else the service's default.

    A node parameter with neither keeps the node's own value, and is not returned.

    Args:
        given: the call's values by the name of the web service parameter, exact or unique in any letter case; null
            means "not given".
        lacks: whether a node needs a value for a parameter and lacks it.

    Raises:
        BadRequest: `UnexpectedParameter`, also for a name given twice; `BadParameterValue` for a list or an object;
            `MissingRequiredGlobalParameters`, which names every missing parameter.
    """
    properties = document["properties"]
    declared = properties["package"].get("graphParameters") or {}
    values = _given_values(given, declared)
    found: Linked = {}
    missing = []
    for name, parameter in declared.items():
        value = values.get(name)
        if value is None or value == "":
            value = _default(name, properties.get("parameters") or {})
        for link in parameter.get("links") or ():
            node, key = link["nodeId"], link["parameterKey"]
            if value is not None:
                found.setdefault(node, {})[key] = value
            elif lacks(node, key) and name not in missing:
                missing.append(name)
    if missing:
        raise _missing_parameters(missing)
    return found


def of_example(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of web service parameters in a definition's example request, of those that it declares."""
    properties = document["properties"]
    declared = {name.casefold() for name in properties["package"].get("graphParameters") or {}}
    given = (properties.get("exampleRequest") or {}).get("globalParameters") or {}
    return {name: value for name, value in given.items() if name.casefold() in declared}


def divide_parameters(given: Mapping[str, Any], *documents: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, for each of several definitions that a call uses, the call's parameters that it declares.

    Raises:
        BadRequest: `UnexpectedParameter`: no definition declares the parameter.
    """
    declared = [
        {name.casefold() for name in document["properties"]["package"].get("graphParameters") or {}}
        for document in documents
    ]
    for name in given:
        if not any(name.casefold() in names for names in declared):
            listed = ", ".join(sorted(set().union(*declared))) or "none"
            message = f"No web service used here has a parameter {name!r}."
            raise BadRequest(message, detail="UnexpectedParameter", at=name, hint=f"There are: {listed}.")
    return [{name: value for name, value in given.items() if name.casefold() in names} for names in declared]


def _given_values(given: Mapping[str, Any], declared: Iterable[str]) -> dict[str, Any]:
    """Return the call's values by the declared names."""
    known = list(declared)
    values: dict[str, Any] = {}
    spelled: dict[str, str] = {}
    for spelling, value in given.items():
        name = _declared_name(spelling, known)
        if name in spelled:
            message = f"{spelled[name]!r} and {spelling!r} are the same parameter, {name!r}."
            raise BadRequest(message, detail="UnexpectedParameter", at=spelling)
        if isinstance(value, (list, dict)):
            message = (
                f"The parameter {name!r} takes one value, not {'a list' if isinstance(value, list) else 'an object'}."
            )
            raise BadRequest(message, detail="BadParameterValue", at=name)
        spelled[name], values[name] = spelling, value
    return values


def _default(name: str, parameters: Mapping[str, Any]) -> Any:
    """Return the service's default, which is a bare value in the older contract."""
    fold = name.casefold()
    found = parameters.get(name, next((body for other, body in parameters.items() if other.casefold() == fold), None))
    return found.get("value") if isinstance(found, dict) else found


def _missing_parameters(missing: list[str]) -> BadRequest:
    details = [
        Detail("MissingRequiredGlobalParameters", f"The parameter {name!r} has no default; give a value.", name)
        for name in missing
    ]
    example = ", ".join(f'"{name}": "..."' for name in missing)
    options = " ".join(f"-p {shlex.quote(f'{name}=...')}" for name in missing)
    hint = f'Add to the request: "GlobalParameters": {{{example}}}; or to the command: {options}'
    message = f"The service needs the parameter{'s' if len(missing) > 1 else ''} {', '.join(map(repr, missing))}."
    return BadRequest(message, target=missing[0], details=details, hint=hint)


def _declared_name(name: str, known: list[str]) -> str:
    if name in known:
        return name
    alike = [other for other in known if other.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    message = f"The service has no parameter {name!r}."
    hint = f"It has: {', '.join(known) or 'none'}."
    raise BadRequest(message, detail="UnexpectedParameter", at=name, hint=hint)
