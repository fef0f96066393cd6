"""What Resource Manager's own engine made of expressions and templates, compared with what is made here.

An entry must give the same value, or be refused if the engine refused it. Entries that are refused here though the
engine has a value are listed in `REFUSED_HERE` with the reason.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlmgmt.templates import lenient_json
from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.scope import Scope
from mlmgmt.templates.template import evaluate_template

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDED = json.loads((Path(__file__).parent / "arm-functions-recorded.json").read_text())
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
SCOPE = Scope(subscription_id=SUBSCRIPTION, resource_group="rg", deployment_name="dep", location="westeurope")
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
EMPTY = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "resources": [],
}
CONTEXT = {name: section for part in RECORDED["context"] for name, section in part.items()}
_REFUSED = object()

_SERVICE = "the service refuses it, although the engine's prediction does not"
REFUSED_HERE = {
    "e0787": "an empty name of a resource, of which the engine makes an id without the type",
    **dict.fromkeys(("e0940", "e0941", "e0942"), "functions of network addresses are not built"),
    **dict.fromkeys(("e0946", "e0947"), "functions of the parts of a URI are not built"),
    "t052": "a parameter of a nested deployment without 'value', whose value is unknown to the engine",
    "t058": "a value from a key vault, which is not available here",
    **dict.fromkeys(("t109", "t134", "t135"), f"the same resource twice; {_SERVICE}"),
    **dict.fromkeys(("t116", "t117", "t119"), f"a condition that is not a boolean; {_SERVICE}"),
    **dict.fromkeys(("t124", "t125", "t128", "t130", "t226"), f"an unknown dependency; {_SERVICE}"),
    **dict.fromkeys(("t126", "t132"), f"a circle of dependencies; {_SERVICE}"),
    "t146": "a linked template, which would have to be downloaded",
    "t229": "an API profile, whose API versions are not known here",
}


def value_of_expression(entry: dict[str, Any]) -> Any:
    resource = {"type": "A.B/c", "apiVersion": "2020-01-01", "name": "n", "properties": {"v": entry["expression"]}}
    template = {**EMPTY, **(CONTEXT if entry.get("ctx") else {}), "resources": [resource]}
    return evaluate_template(template, {}, SCOPE).resources[0].body()["properties"]["v"]


def template_of(entry: dict[str, Any]) -> Any:
    if "templateText" not in entry:
        return entry["template"] if entry.get("whole") else {**EMPTY, **entry["template"]}
    try:
        return lenient_json.read(entry["templateText"])
    except TemplateError as error:
        raise error.placed("text") from None


def value_of_template(entry: dict[str, Any]) -> Any:
    template = template_of(entry)
    deployment = evaluate_template(template, entry.get("parameters", {}), SCOPE)
    resources = [
        {
            "id": resource.id.replace(GROUP, "~", 1),
            "type": resource.type,
            "name": resource.name,
            "apiVersion": resource.api_version,
            **resource.body(),
        }
        for resource in deployment.resources
    ]
    outputs = {name: output.value for name, output in deployment.outputs().items()}
    # The engine does not show the outputs of a template that it took as a nested one.
    return resources, {} if entry.get("via") == "nested" else outputs


def expected_of_expression(entry: dict[str, Any]) -> Any:
    return entry.get("value", _REFUSED)


def expected_of_template(entry: dict[str, Any]) -> Any:
    if "resources" not in entry:
        return _REFUSED
    return entry["resources"], entry.get("outputs", {})


def shown(value: Any) -> str:
    """Return a value as text in which 1, 1.0 and true differ, and the order of members does not count."""
    return json.dumps(value, sort_keys=True)


def differences(section: str, value_of: Callable[[Any], Any], expected_of: Callable[[Any], Any]) -> list[str]:
    found = []
    for entry in RECORDED[section]:
        expected, name = expected_of(entry), entry["id"]
        try:
            value = value_of(entry)
        except TemplateError as error:
            if not error.message or not error.path:
                found.append(f"{name}: refused without a reason and a place")
            if expected is not _REFUSED and name not in REFUSED_HERE:
                found.append(f"{name}: refused here: {error}; expected {shown(expected)}")
            continue
        if name in REFUSED_HERE:
            found.append(f"{name}: works now; remove it from REFUSED_HERE")
        if expected is _REFUSED:
            found.append(f"{name}: must be refused, but gives {shown(value)}")
        elif shown(value) != shown(expected):
            found.append(f"{name}: gives {shown(value)}; expected {shown(expected)}")
    return found


@pytest.mark.parametrize(
    ("section", "value_of", "expected_of"),
    [
        ("expressions", value_of_expression, expected_of_expression),
        ("templates", value_of_template, expected_of_template),
        ("webServiceResource", value_of_template, expected_of_template),
    ],
)
def test_the_recorded_entries_give_the_recorded_values(
    section: str, value_of: Callable[[Any], Any], expected_of: Callable[[Any], Any]
) -> None:
    assert differences(section, value_of, expected_of) == []
