"""Resource ids: functions that build them, and the id of a resource from its type and name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlmgmt.counts import count_of
from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.signatures import TEXT, Function

if TYPE_CHECKING:
    from mlmgmt.templates.evaluation import Context

_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def path_of(resource_type: str, names: list[str]) -> str:
    """Return the part of an id that starts with "/providers", from a type and the names of its segments."""
    provider, *types = resource_type.split("/")
    return f"/providers/{provider}" + "".join(f"/{kind}/{name}" for kind, name in zip(types, names, strict=True))


def resource_id(context: Context, *parts: str) -> str:
    before, path = _split(parts, most_before=2)
    scope = context.scope
    match before:
        case [subscription, group]:
            return f"/subscriptions/{_subscription(subscription)}/resourceGroups/{group}{path}"
        case [group]:
            return f"{scope.subscription_path}/resourceGroups/{group}{path}"
    return scope.group_path + path


def subscription_resource_id(context: Context, *parts: str) -> str:
    before, path = _split(parts, most_before=1)
    return (f"/subscriptions/{_subscription(before[0])}" if before else context.scope.subscription_path) + path


def tenant_resource_id(*parts: str) -> str:
    return _split(parts, most_before=0)[1]


def management_group_resource_id(group: str, *parts: str) -> str:
    return f"/providers/Microsoft.Management/managementGroups/{group}{_split(parts, most_before=0)[1]}"


def extension_resource_id(parent: str, *parts: str) -> str:
    if not parent.startswith("/"):
        raise TemplateError(f"argument 1 must be a resource id, which starts with '/', not {parent[:100]!r}.")
    return parent.rstrip("/") + _split(parts, most_before=0)[1]


def _split(parts: tuple[str, ...], most_before: int) -> tuple[list[str], str]:
    """Return the arguments before the type, and the path of the type and the names after it."""
    with_slash = [place for place, part in enumerate(parts) if "/" in part]
    if len(with_slash) != 1:
        raise TemplateError("exactly one argument must have the form of a type, such as 'Microsoft.Web/sites'.")
    place = with_slash[0]
    resource_type, names = parts[place].removesuffix("/"), list(parts[place + 1 :])
    if place > most_before:
        raise TemplateError(f"the type must be argument {most_before + 1} or earlier, not argument {place + 1}.")
    expected = resource_type.count("/")
    if len(names) != expected:
        raise TemplateError(f"the type {resource_type!r} needs {count_of(expected, 'name')}, not {len(names)}.")
    if "" in names:
        raise TemplateError("the name of a resource must not be empty.")
    return list(parts[:place]), path_of(resource_type, names)


def _subscription(text: str) -> str:
    if not _GUID.fullmatch(text):
        raise TemplateError(f"the subscription must be a GUID, not {text[:100]!r}.")
    return text


FUNCTIONS = {
    "resourceId": Function(resource_id, (TEXT, TEXT), rest=TEXT, gets="context"),
    "subscriptionResourceId": Function(subscription_resource_id, (TEXT, TEXT), rest=TEXT, gets="context"),
    "tenantResourceId": Function(tenant_resource_id, (TEXT, TEXT), rest=TEXT),
    "managementGroupResourceId": Function(management_group_resource_id, (TEXT, TEXT, TEXT), rest=TEXT),
    "extensionResourceId": Function(extension_resource_id, (TEXT, TEXT, TEXT), rest=TEXT),
}
