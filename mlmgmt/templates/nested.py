"""Deployments within a template: where they go, and the template and parameters that they have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.names import folded, member, spelling_in
from mlmgmt.templates.signatures import type_of
from mlmgmt.templates.values import evaluated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.templates.evaluation import Context
    from mlmgmt.templates.scope import Scope
    from mlmgmt.templates.source import Source

_TYPE = "microsoft.resources/deployments"
_SCOPES = {"inner", "outer", "notspecified"}


def is_deployment(resource_type: str) -> bool:
    return folded(resource_type) == _TYPE


def target_of(source: Source, resource_type: str) -> Scope:
    """Return the scope that a resource is for: a nested deployment may name another group, of which less is known.

    Raises:
        TemplateError: another resource names one, or it cannot be evaluated.
    """
    scope = source.context.scope
    group, subscription = source.get("resourceGroup"), source.get("subscriptionId")
    if group is None and subscription is None:
        return scope
    if not is_deployment(resource_type):
        message = "Only a nested deployment can name another resource group or subscription here."
        raise TemplateError(message, source.path)
    name = scope.resource_group if group is None else source.text("resourceGroup", "The resource group")
    subscription_id = scope.subscription_id
    if subscription is not None:
        subscription_id = source.text("subscriptionId", "The subscription")
    return replace(scope, resource_group=name, subscription_id=subscription_id, location=None, tags=None)


def evaluated_properties(properties: Any, context: Context, path: str) -> Any:
    """Return the properties of a nested deployment; a template with its own scope stays as written."""
    if not isinstance(properties, dict) or not _is_inner(properties, path):
        return evaluated(properties, context, path, loops=True)
    written = spelling_in(properties, "template")
    others = {name: value for name, value in properties.items() if name != written}
    values: dict[str, Any] = evaluated(others, context, path)
    return values if written is None else values | {written: properties[written]}


def _is_inner(properties: Mapping[str, Any], path: str) -> bool:
    """Whether the template of a nested deployment has its own scope for expressions."""
    options = member(properties, "expressionEvaluationOptions")
    scope = member(options, "scope") if isinstance(options, dict) else None
    if scope is None:
        return False
    if not isinstance(scope, str) or folded(scope) not in _SCOPES:
        message = f"The scope of expressions must be inner or outer, not {scope!r}."
        raise TemplateError(message, f"{path}.expressionEvaluationOptions.scope")
    return folded(scope) == "inner"


def inner_template(properties: Any, path: str) -> tuple[Any, Mapping[str, Any]]:
    """Return the template of a nested deployment, and the entries of its parameters.

    Raises:
        TemplateError: the template or the parameters are elsewhere, or the template is missing.
    """
    if not isinstance(properties, dict):
        raise TemplateError("The nested deployment has no 'properties' with a 'template'.", path)
    for link in ("templateLink", "parametersLink"):
        if member(properties, link) is not None:
            message = "Linked templates and parameters are not read here; put them into the nested deployment."
            raise TemplateError(message, f"{path}.{link}")
    mode = member(properties, "mode")
    if mode is not None and (not isinstance(mode, str) or folded(mode) != "incremental"):
        message = "The mode of a nested deployment must be Incremental; Complete is for the outermost template only."
        raise TemplateError(message, f"{path}.mode")
    template, parameters = member(properties, "template"), member(properties, "parameters")
    if template is None:
        raise TemplateError("The nested deployment has no 'template'.", path)
    if parameters is not None and not isinstance(parameters, dict):
        message = f"The parameters of a nested deployment must be an object, not {type_of(parameters)}."
        raise TemplateError(message, f"{path}.parameters")
    return template, parameters or {}
