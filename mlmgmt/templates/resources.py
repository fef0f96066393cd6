"""The resources of one template: loops, conditions and children, each resource with its values evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mlmgmt.counts import count_of
from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.evaluation import Context, Where
from mlmgmt.templates.ids import path_of
from mlmgmt.templates.names import folded, member, spelling_in
from mlmgmt.templates.pending import Pending
from mlmgmt.templates.signatures import type_of
from mlmgmt.templates.values import evaluated, known_text, read_loop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmgmt.templates.scope import Scope
    from mlmgmt.templates.sections import Sections
    from mlmgmt.templates.symbols import TemplateSymbols

_BODY = (
    "location",
    "extendedLocation",
    "sku",
    "kind",
    "managedBy",
    "managedByExtended",
    "plan",
    "identity",
    "tags",
    "zones",
    "scale",
    "properties",
)
"""The members of a resource that are sent to its provider, besides its type, name and API version."""
_DROPPED_IF_NULL = {"location", "tags", "properties"}
_MODES = {"parallel", "serial"}
_DEPLOYMENT = "microsoft.resources/deployments"


@dataclass(slots=True)
class Entry:
    """A resource of a template before its place in the order is known.

    Args:
        name: the full name; None if the resource is skipped and its name cannot be evaluated.
        id: empty without a name.
        loop: the name of its copy loop.
        value: the members of its body; parts of them may be pending.
        is_skipped: its condition is false.
        is_existing: it is only declared, to be referred to.
    """

    path: str
    symbol: str
    loop: str
    type: str
    name: str | None
    id: str = ""
    api_version: str = ""
    depends_on: list[str] = field(default_factory=list)
    value: dict[str, Any] = field(default_factory=dict)
    context: Context | None = None
    section: Mapping[str, Any] = field(default_factory=dict)
    is_skipped: bool = False
    is_existing: bool = False

    @property
    def is_deployment(self) -> bool:
        return folded(self.type) == _DEPLOYMENT


def read_entries(sections: Sections, symbols: TemplateSymbols) -> list[Entry]:
    """Return the resources of a template, in its order, a parent before its children.

    Raises:
        TemplateError: a resource is wrong, or an expression in it cannot be evaluated.
    """
    context = symbols.context(Where.BODY)
    return [
        entry for path, symbol, section in sections.resources for entry in _with_copies(section, context, path, symbol)
    ]


def _with_copies(section: Mapping[str, Any], context: Context, path: str, symbol: str) -> Iterator[Entry]:
    specified = member(section, "copy")
    if specified is None:
        yield from _with_children(section, context, path, Entry(path, symbol, "", "", ""), None)
        return
    loop = read_loop(specified, context, f"{path}.copy")
    mode = member(specified, "mode")
    if mode is not None and (not isinstance(mode, str) or folded(mode) not in _MODES):
        raise TemplateError(f"The mode of a copy loop must be Parallel or Serial, not {mode!r}.", f"{path}.copy.mode")
    for index in range(loop.count):
        inner = context.in_loop(loop.name, index, unnamed=True)
        yield from _with_children(section, inner, path, Entry(path, symbol, loop.name, "", ""), None)


def _with_children(
    section: Mapping[str, Any], context: Context, path: str, entry: Entry, parent: Entry | None
) -> Iterator[Entry]:
    _read(entry, section, context, parent)
    yield entry
    children = member(section, "resources")
    if children is None:
        return
    if not isinstance(children, list):
        raise TemplateError(f"The child resources must be an array, not {type_of(children)}.", f"{path}.resources")
    for place, child in enumerate(children):
        where = f"{path}.resources[{place}]"
        if not isinstance(child, dict):
            raise TemplateError(f"A resource must be an object, not {type_of(child)}.", where)
        if member(child, "copy") is not None:
            message = "A child resource cannot have a copy loop; move it to the top level, with its full type and name."
            raise TemplateError(message, f"{where}.copy")
        yield from _with_children(child, context, where, Entry(where, "", entry.loop, "", ""), entry)


def _read(entry: Entry, section: Mapping[str, Any], context: Context, parent: Entry | None) -> None:
    """Fill an entry from its section of the template."""
    path = entry.path
    written = member(section, "type")
    if not isinstance(written, str):
        raise TemplateError("The resource has no 'type', or one that is not a string.", path)
    entry.section, entry.context = section, context
    entry.is_existing = member(section, "existing") is True
    entry.is_skipped = not _condition(section, context, path)
    entry.type = _full_type(written, parent, path)
    entry.depends_on = [] if entry.is_skipped else _depends_on(section, context, path)
    try:
        name = _name(section, context, path)
    except TemplateError:
        if not entry.is_skipped:
            raise
        entry.name = None
        return
    entry.name = _full_name(name, written, parent, path)
    _check_segments(entry)
    entry.id = _scope_path(entry, section, context) + path_of(entry.type, entry.name.split("/"))
    if entry.is_skipped:
        return
    version = member(section, "apiVersion")
    if version in (None, ""):
        raise TemplateError("The resource has no 'apiVersion'.", path)
    place = f"{path}.apiVersion"
    entry.api_version = known_text(version, context.at(Where.NAME), place, "The API version of a resource")
    entry.value = _body(entry, section, context)


def _condition(section: Mapping[str, Any], context: Context, path: str) -> bool:
    value = member(section, "condition")
    if value is None:
        return True
    decided = evaluated(value, context.at(Where.CONDITION), f"{path}.condition")
    if not isinstance(decided, bool):
        raise TemplateError(f"A condition must be a boolean, not {type_of(decided)}.", f"{path}.condition")
    return decided


def _name(section: Mapping[str, Any], context: Context, path: str) -> str:
    written = member(section, "name")
    if written is None:
        raise TemplateError("The resource has no 'name'.", path)
    return known_text(written, context.at(Where.NAME), f"{path}.name", "The name of a resource")


def _is_relative(resource_type: str) -> bool:
    """Whether the type of a child goes on where its parent's ends: its first part is not a namespace."""
    return "." not in resource_type.partition("/")[0]


def _full_type(written: str, parent: Entry | None, path: str) -> str:
    if parent is None:
        return written
    if _is_relative(written):
        return f"{parent.type}/{written}"
    if not folded(written).startswith(f"{folded(parent.type)}/"):
        message = f"The type of a child must be relative, or start with {parent.type!r}, the type of its parent."
        raise TemplateError(message, f"{path}.type")
    return written


def _full_name(name: str, written_type: str, parent: Entry | None, path: str) -> str:
    if parent is None or not _is_relative(written_type):
        return name
    if parent.name is None:
        raise TemplateError("The name of the parent cannot be evaluated, so the child has no full name.", path)
    return f"{parent.name}/{name}"


def _check_segments(entry: Entry) -> None:
    expected, names = entry.type.count("/"), (entry.name or "").split("/")
    if not expected:
        message = f"The type {entry.type!r} has no namespace; write it as in Microsoft.MachineLearning/webServices."
        raise TemplateError(message, f"{entry.path}.type")
    if len(names) != expected:
        message = f"The name {entry.name!r} must have {count_of(expected, 'segment')} as its type {entry.type!r} has."
        raise TemplateError(message, f"{entry.path}.name")


def _scope_path(entry: Entry, section: Mapping[str, Any], context: Context) -> str:
    """Return the id of what a resource belongs to: its resource group, or the resource that it extends."""
    scope, path, names = context.scope, entry.path, context.at(Where.NAME)
    written = member(section, "scope")
    if written is not None:
        extended = known_text(written, names, f"{path}.scope", "The scope of a resource")
        if extended.startswith("/"):
            return extended.rstrip("/")
        if extended.count("/") % 2 or "//" in extended:
            raise TemplateError("The scope must be a resource id, or have the form type/name.", f"{path}.scope")
        return f"{scope.group_path}/providers/{extended}"
    group, subscription = (member(section, name) for name in ("resourceGroup", "subscriptionId"))
    if group is None and subscription is None:
        return scope.group_path
    if not entry.is_deployment:
        message = "Only a nested deployment can name another resource group or subscription here."
        raise TemplateError(message, path)
    return target_of(section, context, path).group_path


def target_of(section: Mapping[str, Any], context: Context, path: str) -> Scope:
    """Return the scope that a nested deployment is for; of another group, less is known."""
    scope, names = context.scope, context.at(Where.NAME)
    group, subscription = member(section, "resourceGroup"), member(section, "subscriptionId")
    if group is None and subscription is None:
        return scope
    group_name = scope.resource_group
    if group is not None:
        group_name = known_text(group, names, f"{path}.resourceGroup", "The resource group")
    subscription_id = scope.subscription_id
    if subscription is not None:
        subscription_id = known_text(subscription, names, f"{path}.subscriptionId", "The subscription")
    return replace(scope, resource_group=group_name, subscription_id=subscription_id, location=None, tags=None)


def _depends_on(section: Mapping[str, Any], context: Context, path: str) -> list[str]:
    written = member(section, "dependsOn")
    if written is None:
        return []
    place = f"{path}.dependsOn"
    targets = evaluated(written, context.at(Where.NAME), place)
    if not isinstance(targets, list):
        raise TemplateError(f"'dependsOn' must be an array of strings, not {type_of(targets)}.", place)
    for number, target in enumerate(targets):
        if not isinstance(target, str):
            raise TemplateError(f"A dependency must be a string, not {type_of(target)}.", f"{place}[{number}]")
    return targets


def _body(entry: Entry, section: Mapping[str, Any], context: Context) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name in _BODY:
        written = spelling_in(section, name)
        if written is None:
            continue
        value, path = section[written], f"{entry.path}.{written}"
        if name == "properties" and entry.is_deployment and isinstance(value, dict) and _is_inner(value, path):
            # An inner template is evaluated later, with its own parameters and variables.
            value = {key: item for key, item in value.items() if folded(key) != "template"}
        if name == "location" and type(value) in (int, float):
            value = str(value)
        value = evaluated(value, context, path, loops=name == "properties")
        if value is not None or name not in _DROPPED_IF_NULL:
            body[name] = value
    return body


def _is_inner(properties: Mapping[str, Any], path: str) -> bool:
    """Whether the template of a nested deployment has its own scope for expressions."""
    options = member(properties, "expressionEvaluationOptions")
    scope = member(options, "scope") if isinstance(options, dict) else None
    if scope is None:
        return False
    if not isinstance(scope, str) or folded(scope) not in ("inner", "outer", "notspecified"):
        message = f"The scope of expressions must be inner or outer, not {scope!r}."
        raise TemplateError(message, f"{path}.expressionEvaluationOptions.scope")
    return folded(scope) == "inner"


def inner_template(entry: Entry) -> tuple[Any, Mapping[str, Any], str]:
    """Return the template of a nested deployment, its entries of parameters, and the template's path.

    Raises:
        TemplateError: the template is elsewhere, or missing.
    """
    written = spelling_in(entry.section, "properties")
    path = f"{entry.path}.{written or 'properties'}"
    properties = entry.value.get("properties")
    if not isinstance(properties, dict):
        raise TemplateError("The nested deployment has no 'properties' with a 'template'.", path)
    for link in ("templateLink", "parametersLink"):
        if member(properties, link) is not None:
            message = "Linked templates and parameters are not read here; put them into the nested deployment."
            raise TemplateError(message, f"{path}.{link}")
    template = member(properties, "template")
    if template is None and written is not None and isinstance(entry.section[written], dict):
        template = member(entry.section[written], "template")
    if template is None:
        raise TemplateError("The nested deployment has no 'template'.", path)
    parameters = member(properties, "parameters")
    if isinstance(parameters, Pending) or not isinstance(parameters, dict | None):
        raise TemplateError("The parameters of a nested deployment must be an object.", f"{path}.parameters")
    return template, parameters or {}, f"{path}.template."
