"""Templates that would take long, much memory or more calls than Python allows are refused with a reason."""

from __future__ import annotations

import time
from typing import Any

import pytest

from mlmgmt.templates import limits
from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.template import evaluate_template
from tests.templates.test_recorded import EMPTY, SCOPE

LATE = 6.0
"""Seconds that no refusal may take, on a slow machine with other work."""


@pytest.fixture
def fewer_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the limit for values, so that tests reach it soon."""
    monkeypatch.setattr(limits, "MOST_VALUES", 50_000)


def resource(**members: Any) -> dict[str, Any]:
    return {"type": "A.B/c", "apiVersion": "2020-01-01", "name": "n"} | members


def value(expression: str, **sections: Any) -> Any:
    template = {**EMPTY, "resources": [resource(properties={"v": expression})], **sections}
    return evaluate_template(template, {}, SCOPE).resources[0].body()["properties"]["v"]


def doubled(first: str, form: str, times: int) -> dict[str, Any]:
    more = {f"v{number}": form.replace("v", f"variables('v{number - 1}')") for number in range(1, times)}
    return {"v0": first, **more}


def deep(levels: int) -> Any:
    made: Any = 1
    for _ in range(levels):
        made = [made]
    return made


def nested_loops(levels: int) -> Any:
    made: Any = "x"
    for level in range(levels):
        made = {"copy": [{"name": f"l{level}", "count": 800, "input": made}]}
    return made


LARGE = {
    "calls": {"v": "[" + "concat(" * 1000 + ")" * 1000 + "]"},
    "arrays in a body": {"v": deep(3000)},
    "a wide text": {"v": "[padLeft('a', 1000000000)]"},
    "a wide item of a format": {"v": "[format('{0,9999999}', 1)]"},
    "many items of a format": {"v": "[format('" + "{0,4000000}" * 100 + "', 1)]"},
    "a long range": {"v": "[range(0, 1000000000)]"},
    "loops in loops": {"v": nested_loops(4)},
    "a long number": {"v": f"[json('{'9' * 5000}')]"},
    "a deep JSON text": {"v": f"[json('{'[' * 5000}')]"},
    "many digits": {"v": "[int('" + "9" * 20000 + "')]"},
    "many zeros": {"v": "[int('" + "0" * 20000 + "')]"},
    "many decimals": {"v": "[format('{0:N999}', 1)]"},
}


@pytest.mark.usefixtures("fewer_values")
@pytest.mark.parametrize("case", LARGE)
def test_large_values_are_refused(case: str) -> None:
    started = time.monotonic()
    with pytest.raises(TemplateError) as caught:
        evaluate_template({**EMPTY, "resources": [resource(properties=LARGE[case])]}, {}, SCOPE)
    assert caught.value.path
    assert time.monotonic() - started < LATE


DOUBLED = {
    "texts": doubled("0123456789", "[concat(v, v)]", 60),
    "arrays": doubled("[createArray(1, 2)]", "[concat(v, v)]", 60),
    "arrays of arrays": doubled("[createArray(1)]", "[createArray(v, v)]", 60),
    "objects": doubled("[createObject('a', 1)]", "[createObject('a', v, 'b', v)]", 60),
    "texts of arrays": doubled("[createArray('\"')]", "[createArray(string(v), string(v))]", 60),
    "replaced texts": doubled("aaaaaaaaaa", "[replace(v, 'a', v)]", 60),
    "joined texts": doubled("aaaaaaaaaa", "[join(split(v, ''), v)]", 3) | doubled("a", "[format('{0}{0}', v)]", 60),
}


@pytest.mark.usefixtures("fewer_values")
@pytest.mark.parametrize("case", DOUBLED)
def test_values_that_double_again_and_again_are_refused(case: str) -> None:
    started = time.monotonic()
    with pytest.raises(TemplateError, match="limit"):
        value("[variables('v59')]", variables=DOUBLED[case])
    assert time.monotonic() - started < LATE


@pytest.mark.usefixtures("fewer_values")
def test_pending_values_that_double_again_and_again_are_refused() -> None:
    parameters = {"p": {"type": "string", "defaultValue": "[newGuid()]"}}
    started = time.monotonic()
    with pytest.raises(TemplateError, match="limit"):
        value("[variables('v59')]", parameters=parameters, variables=doubled("[parameters('p')]", "[concat(v, v)]", 60))
    assert time.monotonic() - started < LATE


@pytest.mark.usefixtures("fewer_values")
def test_large_values_in_many_resources_are_refused() -> None:
    parameters = {"p": {"type": "string", "defaultValue": "[newGuid()]"}}
    variables = doubled("[createArray(parameters('p'))]", "[createArray(v, v)]", 12)
    copies = resource(
        name="[concat('n', copyIndex())]",
        copy={"name": "l", "count": 800},
        properties={"v": "[variables('v11')]"},
    )
    with pytest.raises(TemplateError, match="limit"):
        evaluate_template({**EMPTY, "parameters": parameters, "variables": variables, "resources": [copies]}, {}, SCOPE)


def test_a_long_chain_of_variables_is_refused() -> None:
    variables = {f"v{number}": f"[variables('v{number + 1}')]" for number in range(2000)} | {"v2000": "x"}
    with pytest.raises(TemplateError, match="too deeply"):
        value("[variables('v0')]", variables=variables)


def test_a_long_chain_of_resources_is_ordered() -> None:
    resources = [resource(name=f"n{number}", dependsOn=[f"n{number + 1}"]) for number in range(3000)]
    deployment = evaluate_template({**EMPTY, "resources": [*resources, resource(name="n3000")]}, {}, SCOPE)
    assert [made.name for made in deployment.resources] == [f"n{number}" for number in range(3000, -1, -1)]


def test_a_template_at_the_limits_is_evaluated() -> None:
    loop = {"copy": [{"name": "items", "count": 800, "input": {"n": "[copyIndex('items')]", "t": "[parameters('t')]"}}]}
    template = {
        **EMPTY,
        "parameters": {"t": {"type": "array"}},
        "resources": [
            resource(
                name="[concat('n', copyIndex())]",
                copy={"name": "l", "count": 20},
                properties={"all": "[parameters('t')]", "count": "[length(parameters('t'))]"},
            ),
            resource(name="one", properties=loop),
        ],
    }
    rows = [{"a": number, "b": "x"} for number in range(50)]
    deployment = evaluate_template(template, {"t": rows}, SCOPE)
    assert deployment.resources[19].body()["properties"] == {"all": rows, "count": 50}
    assert deployment.resources[20].body()["properties"]["items"][799] == {"n": 799, "t": rows}
