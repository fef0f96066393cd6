"""Definitions inside deployment templates: evaluated with parameters, and with what this home knows of resources."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import document, reading
from mlmgmt.errors import BadRequest, Detail, MlmgmtError, NotFound
from mlmgmt.ids import PlanId, ResourceId
from mlmgmt.verbs import named_values
from mlmgmt.verbs.plans import plans
from mlmgmt.verbs.services import lookup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.definition.document import File
    from mlmgmt.definition.reading import Reading
    from mlmgmt.templates.template import Deployment, Resource
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

WEB_SERVICE, PLAN = "microsoft.machinelearning/webservices", "microsoft.machinelearning/commitmentplans"
"""The types of resources that are made here, in lower case."""
_STORAGE = "microsoft.storage/storageaccounts"
_MAYBE = re.compile(rb'"?resources"?\s*:', re.IGNORECASE)
_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/"
    r"(?P<type>[^/]+/[^/]+)/(?P<name>[^/]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Values:
    """The values that are given for a template's parameters.

    Args:
        file: a parameter file.
        texts: `NAME=VALUE`; they take precedence.
        structure: values by name; they take precedence, too.
    """

    file: Source | None = None
    texts: Sequence[str] = ()
    structure: Mapping[str, Any] | None = None

    def __bool__(self) -> bool:
        return bool(self.file or self.texts or self.structure)


def file_of(source: Source) -> File | None:
    """Return the content of a file that is a deployment template; None for others, also for what cannot be read."""
    if not _MAYBE.search(source.data):
        return None
    try:
        file = document.parse_file(source.data)
    except MlmgmtError:
        return None
    return file if is_template(file.value) else None


def is_template(value: Any) -> bool:
    """Whether a JSON value is a deployment template: it has resources, and no properties."""
    names = {str(name).casefold() for name in value} if isinstance(value, dict) else set()
    return "resources" in names and "properties" not in names


def read(
    session: Session,
    source: Source,
    *,
    values: Values = Values(),
    group: str | None = None,
    name: str | None = None,
    whole: bool = True,
) -> Reading:
    """Read a definition from a file: a definition, or a template with one web service in it.

    Args:
        group: the resource group for `resourceGroup()`; default: the only one of the home.
        name: the web service to take if there are several.

    Raises:
        BadRequest: `InvalidTemplate`, `InvalidDefinition`; `NoTemplate`: values are given for a file that is none.
    """
    file = file_of(source)
    if file is None:
        if values:
            message = f"{source.name} is not a deployment template, so it has no parameters."
            raise BadRequest(message, detail="NoTemplate", target=source.name)
        return reading.read(source.data, session.contract, source=source.name, whole=whole)
    deployment = evaluate(session, source, file, values, group=group)
    services = [resource for resource in deployment.resources if resource.type.casefold() == WEB_SERVICE]
    chosen = [resource for resource in services if name is not None and resource.name.casefold() == name.casefold()]
    if len(services) != 1 and len(chosen) != 1:
        listed = ", ".join(repr(resource.name) for resource in services)
        message = f"{source.name} has {len(services)} web services, and one is needed."
        hint = f"Choose one with -Name: {listed}. To deploy all: mlmgmt New-AzResourceGroupDeployment -TemplateFile"
        raise BadRequest(message, detail="InvalidTemplate", target=source.name, hint=hint if services else None)
    (resource,) = chosen or services
    return read_body(session, source, resource, body_of(source, resource), whole=whole)


def read_body(
    session: Session, source: Source, resource: Resource, body: Mapping[str, Any], *, whole: bool = True
) -> Reading:
    """Read the definition in an evaluated resource."""
    content = {member: value for member, value in body.items() if member != "apiVersion"}
    return reading.read_value(content, session.contract, source=f"{source.name} {resource.path}", whole=whole)


def evaluate(
    session: Session,
    source: Source,
    file: File,
    values: Values,
    *,
    group: str | None,
    name: str = "deployment",
    coming: Mapping[str, Any] | None = None,
) -> Deployment:
    """Evaluate a template with the values of its parameters.

    Args:
        name: the deployment's name.
        coming: by folded id, the resources that the deployment itself makes later; the caller fills it in.

    Raises:
        BadRequest: `InvalidTemplate`, with the place in the template.
    """
    from mlmgmt.templates.errors import TemplateError
    from mlmgmt.templates.scope import Scope
    from mlmgmt.templates.template import evaluate_template

    for message, (line, column) in file.warnings:
        session.warn(f"{source.name}:{line}:{column}: {message}")
    there = _group(session, group)
    later = coming if coming is not None else {}
    scope = Scope(
        subscription_id=session.store.home.subscription,
        resource_group=there["name"] if there is not None else "",
        deployment_name=name,
        location=there["location"] if there is not None else None,
        tags=there.get("tags") if there is not None else None,
        clock=session.clock,
        new_guid=lambda: str(uuid.uuid4()),
        reference=partial(_reference, session, later),
        list_keys=partial(_keys, session, later),
        refuse_unknown=True,
    )
    try:
        return evaluate_template(file.value, _supplied(file.value, values), scope)
    except TemplateError as error:
        raise refused(source, error) from None


def body_of(source: Source, resource: Resource) -> dict[str, Any]:
    """Return what a template says of a resource; expressions about other resources are evaluated now.

    Raises:
        BadRequest: `InvalidTemplate`.
        NotYetThere: it refers to a resource that the same deployment makes.
    """
    from mlmgmt.templates.errors import TemplateError

    try:
        return resource.body()
    except TemplateError as error:
        raise refused(source, error) from None


class NotYetThere(Exception):
    """A resource that a deployment will make, but has not made."""


def refused(source: Source, error: Any) -> BadRequest:
    """Return the error of a template, with its place."""
    where = f"{source.name} {error.path}" if error.path else source.name
    details = [Detail("InvalidTemplate", error.message, where)]
    return BadRequest(f"The template {source.name} cannot be deployed.", target=where, details=details)


def _group(session: Session, group: str | None) -> Any:
    if group is not None:
        return session.existing_group(group)
    every = list(session.store.groups.all())
    return every[0] if len(every) == 1 else None


def _supplied(template: Any, values: Values) -> dict[str, Any]:
    """Return the values by name; texts become what the template's parameters are declared to be."""
    from mlmgmt.templates.errors import TemplateError
    from mlmgmt.templates.parameters import values_of_file

    found: dict[str, Any] = {}
    if values.file is not None:
        try:
            found |= values_of_file(document.parse_file(values.file.data).value)
        except TemplateError as error:
            raise refused(values.file, error) from None
        except document.Unreadable as error:
            where = f"{values.file.name}:{error.line}:{error.column}"
            raise BadRequest(f"{values.file.name} cannot be read: {error.message}", target=where) from None
    given = {**(values.structure or {}), **named_values.named_values(values.texts, "TemplateParameter")}
    spelled = {name.casefold(): name for name in found}
    for name, value in given.items():
        found.pop(spelled.get(name.casefold(), name), None)
        found[name] = _typed(template, name, value)
    return found


def _typed(template: Any, name: str, value: Any) -> Any:
    """Return a text as the type that the parameter is declared to have; other values as they are given."""
    if not isinstance(value, str):
        return value
    sections = {str(section).casefold(): body for section, body in template.items()}
    declared = sections.get("parameters") or {}
    body = next((body for known, body in declared.items() if str(known).casefold() == name.casefold()), None)
    kind = str(body.get("type", "") if isinstance(body, dict) else "").casefold()
    if kind not in ("int", "bool", "object", "array", "secureobject"):
        return value
    try:
        return document.parse(value.lower().encode() if kind == "bool" else value.encode())
    except document.Unreadable:
        message = f"{value!r} is not a value for the parameter {name!r}, which is of type {kind}."
        raise BadRequest(message, detail="BadParameterValue", target=name) from None


def _named(resource_id: str, coming: Mapping[str, Any]) -> re.Match[str]:
    found = _ID.fullmatch(resource_id)
    if found is None:
        message = f"{resource_id} is not the id of a resource in a resource group."
        raise BadRequest(message, detail="InvalidTemplate", target=resource_id)
    if resource_id.casefold() in coming:
        raise NotYetThere(resource_id)
    return found


def _reference(session: Session, coming: Mapping[str, Any], resource_id: str, _: str | None, full: bool) -> Any:
    """Return what `reference()` says of a resource of this home: its properties, or all of it."""
    found = _named(resource_id, coming)
    match found["type"].casefold():
        case "microsoft.machinelearning/webservices":
            identity = ResourceId.parse(resource_id)
            body: Any = lookup.get(session, group=identity.group, name=identity.name)
        case "microsoft.machinelearning/commitmentplans":
            plan = PlanId.parse(resource_id)
            body = plans.get(session, group=plan.group, name=plan.name)
        case "microsoft.storage/storageaccounts" if session.store.blobs.is_registered(found["name"]):
            address = f"https://{found['name']}.blob.core.windows.net/"
            body = {"name": found["name"], "properties": {"primaryEndpoints": {"blob": address}}}
        case _:
            raise _unknown("reference", resource_id)
    return body if full else body["properties"]


def _keys(session: Session, coming: Mapping[str, Any], resource_id: str, _: str | None) -> Any:
    """Return what `listKeys()` says of a resource of this home."""
    found = _named(resource_id, coming)
    match found["type"].casefold():
        case "microsoft.machinelearning/webservices":
            identity = ResourceId.parse(resource_id)
            pair = lookup.keys(session, group=identity.group, name=identity.name)
            return {side.lower(): key for side, key in pair.items()}
        case "microsoft.storage/storageaccounts" if session.store.blobs.is_registered(found["name"]):
            session.require("Microsoft.Storage/storageAccounts/listKeys/action", resource_id)
            keys = session.store.secrets.account_keys(found["name"])
            return {"keys": [{"keyName": f"key{number}", "value": key} for number, key in enumerate(keys, start=1)]}
    raise _unknown("listKeys", resource_id)


def _unknown(function: str, resource_id: str) -> NotFound:
    message = f"{function}() asks for {resource_id}, which is not in this home."
    hint = "It answers for web services, commitment plans and storage accounts of this home."
    return NotFound(message, detail="ResourceNotFound", target=resource_id, hint=hint)
