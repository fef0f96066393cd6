"""Functions that look around: parameters, variables, loops, the deployment, and the state of resources."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from mlmgmt.templates import dates
from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.expressions import Access, Call, Literal
from mlmgmt.templates.pending import Pending
from mlmgmt.templates.signatures import ANY, INTEGER, TEXT, Function, type_of

if TYPE_CHECKING:
    from mlmgmt.templates.evaluation import Context

_USUAL_NOW = "yyyyMMddTHHmmssZ"


def parameter(context: Context, name: str) -> Any:
    return context.symbols.parameter(name)


def variable(context: Context, name: str) -> Any:
    return context.symbols.variable(name)


def copy_index(context: Context, *arguments: Any) -> int:
    """Return the index of a copy loop: of the one that is named, or of the resource's, plus an offset."""
    name, *offsets = arguments if arguments and isinstance(arguments[0], str) else ("", *arguments)
    if not offsets:
        return context.loop(name)
    if len(offsets) > 1 or not INTEGER.takes(offsets[0]) or offsets[0] < 0:
        raise TemplateError("it takes the name of a loop, then an offset of at least 0; both may be omitted.")
    return context.loop(name) + int(offsets[0])


def resource_group(context: Context, name: str | None = None) -> dict[str, Any]:
    scope = context.scope
    group = scope.resource_group if name is None else name
    known: dict[str, Any] = {
        "id": f"{scope.subscription_path}/resourceGroups/{group}",
        "name": group,
        "type": "Microsoft.Resources/resourceGroups",
    }
    if name is not None:
        return known
    later = {member: _later("resourceGroup", member) for member in ("location", "tags", "managedBy", "properties")}
    given = {"location": scope.location, "tags": None if scope.tags is None else dict(scope.tags)}
    return known | later | {member: value for member, value in given.items() if value is not None}


def subscription(context: Context) -> dict[str, Any]:
    scope = context.scope
    return {
        "id": scope.subscription_path,
        "subscriptionId": scope.subscription_id,
        "tenantId": _later("tenant", "tenantId") if scope.tenant_id is None else scope.tenant_id,
        "displayName": _later("subscription", "displayName"),
    }


def tenant(context: Context) -> Any:
    tenant_id = context.scope.tenant_id
    if tenant_id is None:
        return Pending(Call("tenant", ()))
    members = {member: _later("tenant", member) for member in ("countryCode", "displayName")}
    return {"tenantId": tenant_id} | members


def _later(function: str, member: str) -> Pending:
    return Pending(Access(Call(function, ()), (Literal(member),)))


def deployment(context: Context) -> dict[str, Any]:
    template = {"contentVersion": context.symbols.content_version}
    return {"name": context.scope.deployment_name, "properties": {"template": template}}


def utc_now(context: Context, form: str = _USUAL_NOW) -> Any:
    context.refuse_outside_defaults()
    if context.scope.clock is None:
        return context.postponed([] if form == _USUAL_NOW else [form])
    return dates.formatted(dates.now(context.scope.clock), form)


def new_guid(context: Context) -> Any:
    context.refuse_outside_defaults()
    if context.scope.new_guid is None:
        return context.postponed([])
    return str(uuid.UUID(context.scope.new_guid()))


def reference(context: Context, *arguments: Any) -> Any:
    return context.ask(arguments)


def list_something(context: Context, *arguments: Any) -> Any:
    if not isinstance(arguments[0], str):
        raise TemplateError(f"argument 1 must be the id of a resource, not {type_of(arguments[0])}.")
    return context.ask(arguments)


def later(context: Context, *arguments: Any) -> Any:
    """Leave a function unevaluated that asks for what only Azure knows."""
    return context.postponed(arguments)


def not_at_this_scope(*_: Any) -> Any:
    raise TemplateError("the deployment is to a resource group, not to a management group.")


LIST = Function(list_something, (ANY,), rest=ANY, gets="context")

FUNCTIONS = {
    "parameters": Function(parameter, (TEXT,), gets="context"),
    "variables": Function(variable, (TEXT,), gets="context"),
    "copyIndex": Function(copy_index, (), (ANY, ANY), gets="context"),
    "resourceGroup": Function(resource_group, (), (TEXT,), gets="context"),
    "subscription": Function(subscription, gets="context"),
    "tenant": Function(tenant, gets="context"),
    "deployment": Function(deployment, gets="context"),
    "utcNow": Function(utc_now, (), (TEXT,), gets="context"),
    "newGuid": Function(new_guid, gets="context"),
    "reference": Function(reference, (TEXT,), (TEXT, TEXT), gets="context"),
    "resourceInfo": Function(reference, (TEXT,), gets="context"),
    "environment": Function(later, gets="context"),
    "deployer": Function(later, gets="context"),
    "providers": Function(later, (TEXT,), (TEXT,), gets="context"),
    "pickZones": Function(later, (TEXT, TEXT, TEXT), rest=ANY, gets="context"),
    "managementGroup": Function(not_at_this_scope, rest=ANY),
}
