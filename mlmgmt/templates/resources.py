"""The resources of one template: copies, conditions and children, each resource with its values evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mlmgmt.counts import count_of
from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.evaluation import Where
from mlmgmt.templates.ids import path_of
from mlmgmt.templates.names import folded, member, spelling_in
from mlmgmt.templates.nested import evaluated_properties, is_deployment, target_of
from mlmgmt.templates.signatures import type_of
from mlmgmt.templates.source import Source
from mlmgmt.templates.values import evaluated, is_wanted, read_loop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource of a template before its place in the order is known.

    Args:
        name: the full name; None if the resource is skipped and its name cannot be evaluated.
        id: empty without a name.
        value: the members of its body; parts of them may be pending.
        is_skipped: its condition is false.
        is_existing: it is only declared, so that expressions can refer to it.
    """

    source: Source
    type: str
    name: str | None
    id: str
    api_version: str = ""
    depends_on: list[str] = field(default_factory=list)
    value: Mapping[str, Any] = field(default_factory=dict)
    is_skipped: bool = False
    is_existing: bool = False

    @property
    def path(self) -> str:
        return self.source.path

    @property
    def is_deployment(self) -> bool:
        return is_deployment(self.type)


def read_entries(sections: Sections, symbols: TemplateSymbols) -> list[Entry]:
    """Return the resources of a template in its order, a parent before its children.

    Raises:
        TemplateError: a resource is wrong, or an expression in it cannot be evaluated.
    """
    context = symbols.context(Where.BODY)
    return [
        entry
        for path, symbol, section in sections.resources
        for source in _copies(Source(section, context, path, symbol))
        for entry in _with_children(source, None)
    ]


def _copies(source: Source) -> Iterator[Source]:
    specified = source.get("copy")
    if specified is None:
        yield source
        return
    path = f"{source.path}.copy"
    loop = read_loop(specified, source.context, path)
    mode = member(specified, "mode")
    if mode is not None and (not isinstance(mode, str) or folded(mode) not in _MODES):
        raise TemplateError(f"The mode of a copy loop must be Parallel or Serial, not {mode!r}.", f"{path}.mode")
    for index in range(loop.count):
        context = source.context.in_loop(loop.name, index, unnamed=True)
        yield replace(source, context=context, loop=loop.name)


def _with_children(source: Source, parent: Entry | None) -> Iterator[Entry]:
    entry = _read(source, parent)
    yield entry
    children = source.get("resources") or []
    if not isinstance(children, list):
        path = f"{source.path}.resources"
        raise TemplateError(f"The child resources must be an array, not {type_of(children)}.", path)
    for place, child in enumerate(children):
        path = f"{source.path}.resources[{place}]"
        if not isinstance(child, dict):
            raise TemplateError(f"A resource must be an object, not {type_of(child)}.", path)
        if member(child, "copy") is not None:
            message = "A child resource cannot have a copy loop; move it to the top level, with its full type and name."
            raise TemplateError(message, f"{path}.copy")
        yield from _with_children(replace(source, section=child, path=path, symbol=""), entry)


def _read(source: Source, parent: Entry | None) -> Entry:
    full_type = _full_type(source, parent)
    if not is_wanted(source.section, source.context, source.path):
        return _skipped(source, full_type, parent)
    name = _full_name(source, parent, full_type)
    version = source.get("apiVersion")
    if version in (None, ""):
        raise TemplateError("The resource has no 'apiVersion'.", source.path)
    entry = Entry(
        source=source,
        type=full_type,
        name=name,
        id=_id(source, full_type, name),
        api_version=source.text("apiVersion", "The API version of a resource"),
        depends_on=_dependencies(source),
        is_existing=source.get("existing") is True,
    )
    return replace(entry, value=_body(entry))


def _skipped(source: Source, full_type: str, parent: Entry | None) -> Entry:
    """Return a resource whose condition is false; errors in it do not count."""
    try:
        name = _full_name(source, parent, full_type)
        return Entry(source, full_type, name, _id(source, full_type, name), is_skipped=True)
    except TemplateError:
        return Entry(source, full_type, None, "", is_skipped=True)


def _is_relative(resource_type: str) -> bool:
    """Whether the type of a child starts where its parent's ends: its first part is not a namespace."""
    return "." not in resource_type.partition("/")[0]


def _full_type(source: Source, parent: Entry | None) -> str:
    written = source.get("type")
    if not isinstance(written, str):
        raise TemplateError("The resource has no 'type', or one that is not a string.", source.path)
    if parent is None:
        return written
    if _is_relative(written):
        return f"{parent.type}/{written}"
    if not folded(written).startswith(f"{folded(parent.type)}/"):
        message = f"The type of a child must be relative, or start with {parent.type!r}, the type of its parent."
        raise TemplateError(message, f"{source.path}.type")
    return written


def _full_name(source: Source, parent: Entry | None, full_type: str) -> str:
    if source.get("name") is None:
        raise TemplateError("The resource has no 'name'.", source.path)
    name, path = source.text("name", "The name of a resource"), f"{source.path}.name"
    if parent is not None and _is_relative(source.get("type")):
        if parent.name is None:
            raise TemplateError("The name of the parent cannot be evaluated, so the child has no full name.", path)
        name = f"{parent.name}/{name}"
    expected = full_type.count("/")
    if not expected:
        message = f"The type {full_type!r} has no namespace; write it as in Microsoft.MachineLearning/webServices."
        raise TemplateError(message, f"{source.path}.type")
    if name.count("/") + 1 != expected:
        message = f"The name {name!r} must have {count_of(expected, 'segment')}, as its type {full_type!r} has."
        raise TemplateError(message, path)
    return name


def _id(source: Source, full_type: str, name: str) -> str:
    return _parent_id(source, full_type) + path_of(full_type, name.split("/"))


def _parent_id(source: Source, full_type: str) -> str:
    """Return the id of what a resource belongs to: its resource group, or the resource that it extends."""
    group = target_of(source, full_type).group_path
    if source.get("scope") is None:
        return group
    extended = source.text("scope", "The scope of a resource")
    if extended.startswith("/"):
        return extended.rstrip("/")
    if not extended.count("/") or extended.count("/") % 2 or "//" in extended:
        message = "The scope must be a resource id, or have the form namespace/type/name."
        raise TemplateError(message, f"{source.path}.scope")
    return f"{group}/providers/{extended}"


def _dependencies(source: Source) -> list[str]:
    written = source.get("dependsOn")
    if written is None:
        return []
    path = f"{source.path}.dependsOn"
    targets = evaluated(written, source.context.at(Where.NAME), path)
    if not isinstance(targets, list):
        raise TemplateError(f"'dependsOn' must be an array of strings, not {type_of(targets)}.", path)
    for place, target in enumerate(targets):
        if not isinstance(target, str):
            raise TemplateError(f"A dependency must be a string, not {type_of(target)}.", f"{path}[{place}]")
    return targets


def _body(entry: Entry) -> dict[str, Any]:
    source = entry.source
    body: dict[str, Any] = {}
    for name in _BODY:
        written = spelling_in(source.section, name)
        if written is None:
            continue
        value, path = source.section[written], f"{source.path}.{written}"
        if name == "properties" and entry.is_deployment:
            value = evaluated_properties(value, source.context, path)
        elif name == "location" and type(value) in (int, float):
            # Resource Manager takes a number for a text here, if it is not the value of an expression.
            value = str(value)
        else:
            value = evaluated(value, source.context, path, loops=name == "properties")
        if value is not None or name not in _DROPPED_IF_NULL:
            body[name] = value
    return body
