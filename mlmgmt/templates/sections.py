"""The sections of a template."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.names import folded, member, spelling_in
from mlmgmt.templates.signatures import type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMA = re.compile(
    r"https?://schema\.management\.azure\.com/schemas/(?P<version>[0-9a-z-]{1,40})/(?P<name>[A-Za-z]{1,60})\.json#?",
    re.IGNORECASE,
)
_VERSIONS = ("2014-04-01-preview", "2015-01-01", "2018-05-01", "2019-04-01", "2019-08-01")
_NEW_LANGUAGE = "2.0"


@dataclass(frozen=True, slots=True)
class Sections:
    """A template whose form has been checked.

    Args:
        resources: the resources, each with its path and with its symbolic name, which is empty in an array.
        path: the path of the template, empty or with a final dot.
    """

    content_version: Any
    parameters: Mapping[str, Any]
    variables: Mapping[str, Any]
    functions: list[Any]
    resources: list[tuple[str, str, dict[str, Any]]]
    outputs: Mapping[str, Any]
    is_new_language: bool
    path: str


def read_sections(template: Any, path: str) -> Sections:
    """Return the sections of a template.

    Raises:
        TemplateError: a section is missing or has a wrong type, or the template is not for a resource group.
    """
    place = path.rstrip(".") or "template"
    if not isinstance(template, dict):
        raise TemplateError(f"A template must be an object, not {type_of(template)}.", place)
    for name in ("$schema", "contentVersion", "resources"):
        if spelling_in(template, name) is None:
            raise TemplateError(f"The template has no {name!r}.", place)
    _check_schema(member(template, "$schema"), f"{path}$schema")
    language = member(template, "languageVersion")
    if language not in (None, "1.0", _NEW_LANGUAGE):
        raise TemplateError(f"Unknown language version {language!r}; expected 2.0.", f"{path}languageVersion")
    if member(template, "apiProfile") is not None:
        message = "API profiles are not known here; give each resource its apiVersion."
        raise TemplateError(message, f"{path}apiProfile")
    return Sections(
        content_version=member(template, "contentVersion"),
        parameters=_section(template, "parameters", dict, path),
        variables=_section(template, "variables", dict, path),
        functions=_section(template, "functions", list, path),
        resources=_resources(template, path),
        outputs=_section(template, "outputs", dict, path),
        is_new_language=language == _NEW_LANGUAGE,
        path=path,
    )


def _check_schema(schema: Any, path: str) -> None:
    found = _SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
    if found is None or folded(found["version"]) not in _VERSIONS:
        raise TemplateError(f"The schema is not one of templates; its version may be {', '.join(_VERSIONS)}.", path)
    if folded(found["name"]) != "deploymenttemplate":
        raise TemplateError("Only templates for a resource group (deploymentTemplate.json) are evaluated here.", path)


def _section(template: Mapping[str, Any], name: str, kind: type, path: str) -> Any:
    value = member(template, name)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise TemplateError(f"The section must be {type_of(kind())}, not {type_of(value)}.", f"{path}{name}")
    return value


def _resources(template: Mapping[str, Any], path: str) -> list[tuple[str, str, dict[str, Any]]]:
    resources = member(template, "resources")
    if isinstance(resources, dict):
        listed = [(f"{path}resources.{symbol}", symbol, resource) for symbol, resource in resources.items()]
    elif isinstance(resources, list):
        listed = [(f"{path}resources[{place}]", "", resource) for place, resource in enumerate(resources)]
    else:
        raise TemplateError(f"The section must be an array, not {type_of(resources)}.", f"{path}resources")
    for place, _, resource in listed:
        if not isinstance(resource, dict):
            raise TemplateError(f"A resource must be an object, not {type_of(resource)}.", place)
    return listed
