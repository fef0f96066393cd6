"""Whole templates: what callers see of resources, outputs, references and errors."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.parameters import secure_parameters, values_of_file
from mlmgmt.templates.template import Deployment, Output, Skipped, evaluate_template
from tests.templates.test_recorded import EMPTY, GROUP, SCOPE

SERVICES = "Microsoft.MachineLearning/webServices"


def service(name: str, properties: Any = None, **members: Any) -> dict[str, Any]:
    return {
        "type": SERVICES,
        "apiVersion": "2017-01-01",
        "name": name,
        "properties": properties or {},
        **members,
    }


def deploy(*resources: Any, given: dict[str, Any] | None = None, scope: Any = SCOPE, **sections: Any) -> Deployment:
    return evaluate_template({**EMPTY, "resources": list(resources), **sections}, given or {}, scope)


def nested(name: str, template: dict[str, Any], **properties: Any) -> dict[str, Any]:
    inner = {"expressionEvaluationOptions": {"scope": "inner"}, "template": {**EMPTY, **template}, **properties}
    return {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2022-09-01",
        "name": name,
        "properties": {"mode": "Incremental", **inner},
    }


def error_of(*resources: Any, **sections: Any) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        deploy(*resources, **sections)
    return caught.value


def test_a_resource_has_its_id_and_its_place_in_the_template() -> None:
    made = deploy(service("a"), service("b", resources=[{"type": "x", "apiVersion": "1", "name": "y"}])).resources
    assert [(one.id, one.path) for one in made] == [
        (f"{GROUP}/providers/{SERVICES}/a", "resources[0]"),
        (f"{GROUP}/providers/{SERVICES}/b", "resources[1]"),
        (f"{GROUP}/providers/{SERVICES}/b/x/y", "resources[1].resources[0]"),
    ]
    assert (made[2].type, made[2].name, made[2].api_version) == (f"{SERVICES}/x", "b/y", "1")


def test_resources_whose_condition_is_false_are_listed() -> None:
    made = deploy(service("a", condition=False), service("[nosuch()]", condition="[equals(1, 2)]"), service("c"))
    assert made.skipped == [Skipped(SERVICES, "a", "resources[0]"), Skipped(SERVICES, None, "resources[1]")]
    assert [one.name for one in made.resources] == ["c"]


def test_a_body_asks_for_other_resources_when_it_is_read() -> None:
    created: dict[str, Any] = {}

    def reference(resource_id: str, api_version: str | None, full: bool) -> Any:
        found = created[resource_id.rpartition("/")[2]]
        return found | {"apiVersion": api_version} if full else found["properties"]

    keys = f"[listKeys(resourceId('{SERVICES}', 'a'), '2017-01-01').primary]"
    scope = replace(SCOPE, reference=reference, list_keys=lambda resource_id, version: {"primary": f"key {version}"})
    made = deploy(
        service("b", {"title": "[concat(reference('a').title, '!')]", "key": keys}),
        service("a", {"title": "first"}),
        service("c", {"version": "[reference('a', '2016-05-01-preview', 'Full').apiVersion]"}),
        scope=scope,
        outputs={"t": {"type": "string", "value": "[reference('b').title]"}},
    )
    for one in made.resources:
        created[one.name] = one.body()
    assert list(created) == ["a", "b", "c"]
    assert created["b"]["properties"] == {"title": "first!", "key": "key 2017-01-01"}
    assert created["c"]["properties"] == {"version": "2016-05-01-preview"}
    assert made.outputs() == {"t": Output("string", "first!")}


def test_a_reference_that_nobody_answers_can_be_refused() -> None:
    made = deploy(service("a", {"x": {"y": "[reference('elsewhere').z]"}}), scope=replace(SCOPE, refuse_unknown=True))
    with pytest.raises(TemplateError, match=r"reference\('elsewhere'\)\.z is not known") as caught:
        made.resources[0].body()
    assert caught.value.path == "resources[0].properties.x.y"


def test_an_answer_must_have_the_members_that_are_asked_for() -> None:
    scope = replace(SCOPE, reference=lambda *_: {"a": 1})
    made = deploy(service("b", {"x": "[reference('a').nope]"}), service("a"), scope=scope)
    with pytest.raises(TemplateError, match=r"no member 'nope'; its members are: a\."):
        made.resources[1].body()
    made = deploy(service("b", {"x": "[reference('elsewhere')]"}), scope=scope)
    with pytest.raises(TemplateError, match=r"no resource 'elsewhere'; give its id with resourceId\(\)"):
        made.resources[0].body()


def test_an_answer_must_be_of_the_type_of_the_output() -> None:
    scope = replace(SCOPE, reference=lambda *_: {"a": "text"})
    outputs = {"o": {"type": "int", "value": "[reference(resourceGroup().id).a]"}}
    with pytest.raises(TemplateError, match="must be an integer, not a string") as caught:
        deploy(scope=scope, outputs=outputs).outputs()
    assert caught.value.path == "outputs.o"


def test_a_body_can_be_read_often() -> None:
    made = deploy(service("a", {"x": "[reference('b').y]", "n": list(range(1000))})).resources[0]
    assert all(made.body() == made.body() for _ in range(50))


def test_outputs_of_a_nested_deployment_are_known_to_resources_before_it() -> None:
    inner = {
        "parameters": {"p": {"type": "string"}},
        "resources": [service("[parameters('p')]")],
        "outputs": {"o": {"type": "string", "value": "[toUpper(parameters('p'))]"}},
    }
    made = deploy(
        service("last", {"x": "[reference('n').outputs.o.value]"}),
        nested("n", inner, parameters={"p": {"value": "[variables('v')]"}}),
        variables={"v": "inside"},
    )
    assert [(one.name, one.path) for one in made.resources] == [
        ("inside", "resources[1].properties.template.resources[0]"),
        ("last", "resources[0]"),
    ]
    assert made.resources[1].body()["properties"] == {"x": "INSIDE"}


def test_only_the_outputs_of_a_nested_deployment_are_known() -> None:
    for expression in ("[reference('n')]", "[reference('n').mode]", "[string(reference('n'))]"):
        made = deploy(service("a", {"x": expression}), nested("n", {}))
        with pytest.raises(TemplateError, match="Only the outputs"):
            made.resources[0].body()


def test_an_error_in_a_nested_template_has_the_whole_path() -> None:
    inner = {"variables": {"v": {"w": ["[div(1, 0)]"]}}}
    error = error_of(nested("outer", {"resources": [nested("n", inner)]}))
    assert error.path == (
        "resources[0].properties.template.resources[0].properties.template.variables.v.w[0], character 2"
    )
    assert error.message == "div(): it cannot divide by zero."


@pytest.mark.parametrize(
    ("sections", "path", "part"),
    [
        ({"variables": {"a": "[variables('b')]", "b": "[variables('A')]"}}, "variables.a", "circle: variables.a -> "),
        ({"parameters": {"p": {"type": "string"}}}, "parameters.p", "no value and no default"),
        ({"parameters": {"p": {"type": "text"}}}, "parameters.p.type", "expected string, int"),
        ({"variables": {"v": "[if(1, 2, 3)]"}}, "variables.v, character 2", "if(): argument 1 must be a boolean"),
        ({"variables": {"v": "[concat('a', nosuch())]"}}, "variables.v, character 14", "nosuch(): this function"),
        ({"variables": {"v": "[parseUri('x')]"}}, "variables.v, character 2", "parseUri(): this function of"),
        ({"variables": {"v": "[substring('abc')]"}}, "variables.v, character 2", "takes 2 to 3 arguments, not 1"),
        ({"variables": {"v": "[reference('x')]"}}, "variables.v, character 2", "cannot be used in a variable"),
        ({"variables": {"v": "[createObject('a', 1).b]"}}, "variables.v, character 2", "no member 'b'"),
        ({"outputs": {"o": {"type": "int", "value": "1"}}}, "outputs.o", "must be an integer, not a string"),
        ({"$schema": "x"}, "$schema", "its version may be"),
        ({"apiProfile": "x"}, "apiProfile", "apiVersion"),
        ({"resources": [service("a", dependsOn=["b"])]}, "resources[0].dependsOn[0]", "no resource 'b'"),
        ({"resources": [service("a"), service("A")]}, "resources[1]", "more than once"),
        ({"resources": [service("a", copy={"name": "l", "count": 801})]}, "resources[0].copy.count", "and 800"),
        ({"resources": [service("a", condition="yes")]}, "resources[0].condition", "must be a boolean"),
        ({"resources": [service("a", {"copy": [1]})]}, "resources[0].properties.copy[0]", "'name' and 'count'"),
        ({"resources": [service("a", {"x": "[first('\U0001f600')]"})]}, "resources[0].properties.x", ""),
    ],
)
def test_an_error_says_what_and_where(sections: dict[str, Any], path: str, part: str) -> None:
    with pytest.raises(TemplateError) as caught:
        deploy(**sections).resources[0].body()
    assert caught.value.path == path
    assert part in caught.value.message
    assert str(caught.value) == f"{path}: {caught.value.message}"


def test_variables_of_copy_loops_are_known_everywhere() -> None:
    loops = [
        {"name": "second", "count": 2, "input": "[concat(variables('FIRST')[copyIndex('second')], '!')]"},
        {"name": "first", "count": 2, "input": "[concat('n', copyIndex('first', 1))]"},
    ]
    declared = {"p": {"type": "array", "defaultValue": "[variables('second')]"}}
    outputs = {"o": {"type": "array", "value": "[parameters('p')]"}}
    made = deploy(variables={"copy": loops}, parameters=declared, outputs=outputs)
    assert made.outputs()["o"].value == ["n1!", "n2!"]


def test_conditions_that_are_known_later_stay_expressions() -> None:
    expressions = {
        "if": "[if(reference('x').a, 'b', toUpper('c'))]",
        "and": "[and(true(), reference('x').a)]",
        "or": "[or(reference('x').a, not(true()))]",
        "coalesce": "[coalesce(null(), reference('x').a, 1)]",
    }
    made = deploy(service("a", expressions)).resources[0]
    assert made.body()["properties"] == {
        "if": "[if(reference('x').a, 'b', 'C')]",
        "and": "[and(true(), reference('x').a)]",
        "or": "[or(reference('x').a, false())]",
        "coalesce": "[coalesce(reference('x').a, 1)]",
    }
    scope = replace(SCOPE, reference=lambda *_: {"a": True})
    made = deploy(service("a", expressions), service("x"), scope=scope).resources[1]
    assert made.body()["properties"] == {"if": "b", "and": True, "or": True, "coalesce": True}


def test_resources_that_depend_on_each_other_are_refused() -> None:
    error = error_of(service("a", dependsOn=["b"]), service("b", dependsOn=["c"]), service("c", dependsOn=["b"]))
    assert error.path == "resources[1].dependsOn"
    assert "b -> c -> b" in error.message
    assert "circle" in error_of(service("a", {"x": "[reference('b').y]"}), service("b", dependsOn=["a"])).message


def test_the_time_and_new_guids_come_from_the_scope() -> None:
    scope = replace(
        SCOPE,
        clock=lambda: datetime(2016, 2, 29, 12, 30, tzinfo=UTC),
        new_guid=lambda: "11FB06FB-712D-4DDD-98C7-E71BBD588830",
    )
    declared = {
        "now": {"type": "string", "defaultValue": "[utcNow()]"},
        "day": {"type": "string", "defaultValue": "[utcNow('yyyy-MM-dd')]"},
        "id": {"type": "string", "defaultValue": "[newGuid()]"},
    }
    outputs = {name: {"type": "string", "value": f"[parameters('{name}')]"} for name in declared}
    made = evaluate_template({**EMPTY, "parameters": declared, "outputs": outputs}, {}, scope).outputs()
    assert {name: output.value for name, output in made.items()} == {
        "now": "20160229T123000Z",
        "day": "2016-02-29",
        "id": "11fb06fb-712d-4ddd-98c7-e71bbd588830",
    }


def test_a_parameter_that_is_partly_known_later_is_accepted() -> None:
    declared = {"p": {"type": "array", "defaultValue": "[createArray(newGuid())]", "allowedValues": [["a"]]}}
    made = deploy(service("a", {"x": "[parameters('p')]"}), parameters=declared).resources[0]
    assert made.body()["properties"] == {"x": ["[newGuid()]"]}


def test_tags_and_tenant_come_from_the_scope() -> None:
    scope = replace(SCOPE, tags={"cost": "low"}, tenant_id="t")
    made = deploy(
        service("a", {"x": "[resourceGroup().tags.COST]", "y": "[subscription().tenantId]"}), scope=scope
    ).resources[0]
    assert made.body()["properties"] == {"x": "low", "y": "t"}


def test_secure_parameters_are_known_by_name() -> None:
    declared = {"Key": {"type": "secureString"}, "All": {"type": "SECUREOBJECT"}, "plain": {"type": "string"}, "odd": 1}
    assert secure_parameters({"PARAMETERS": declared}) == {"key", "all"}
    assert secure_parameters({}) == frozenset()
    del declared["odd"]
    made = deploy(given={"key": "k", "all": {}, "plain": "p"}, PARAMETERS=declared)
    assert made.secure_parameters == {"key", "all"}


@pytest.mark.parametrize(
    "document",
    [
        {"$schema": "…", "contentVersion": "1.0.0.0", "parameters": {"a": {"value": 1}, "b": {"value": None}}},
        {"Parameters": {"a": {"value": 1}, "b": {"VALUE": None}}},
        {"a": {"value": 1}, "b": {"value": None}},
    ],
)
def test_the_values_of_a_parameter_file(document: dict[str, Any]) -> None:
    assert values_of_file(document) == {"a": 1, "b": None}


def test_a_parameter_may_be_named_parameters_or_value() -> None:
    assert values_of_file({"parameters": {"value": 1}}) == {"parameters": 1}
    assert values_of_file({"$schema": "", "parameters": {"value": {"value": 1}}}) == {"value": 1}
    assert values_of_file({"$schema": "", "parameters": None}) == {}


@pytest.mark.parametrize(
    ("document", "path", "part"),
    [
        ([], "", "must be an object, not an array"),
        ({"parameters": []}, "parameters", "must be an object, not an array"),
        ({"parameters": {"a": 1}}, "parameters.a", "not be an integer alone"),
        ({"a": {"reference": {"keyVault": {}}}}, "a", "key vault"),
    ],
)
def test_other_parameter_files_are_refused(document: Any, path: str, part: str) -> None:
    with pytest.raises(TemplateError, match=part) as caught:
        values_of_file(document)
    assert caught.value.path == path


JUNK = [None, 1, True, "x", "[x]", "[", [], [None], {}, {"a": None}, {"name": 1}, 1.5, "[null()]", "[createArray(1)]"]


@pytest.mark.parametrize("name", ["parameters", "variables", "functions", "resources", "outputs", "languageVersion"])
def test_sections_of_any_form_are_evaluated_or_refused(name: str) -> None:
    for junk in [*JUNK, *([junk] for junk in JUNK), *({"a": junk} for junk in JUNK)]:
        evaluate_or_refuse({**EMPTY, name: junk})


MEMBERS = (
    "type",
    "apiVersion",
    "name",
    "location",
    "tags",
    "properties",
    "condition",
    "copy",
    "dependsOn",
    "resources",
)
MEMBERS += ("scope", "sku", "resourceGroup", "subscriptionId", "existing", "zones")


@pytest.mark.parametrize("name", MEMBERS)
def test_members_of_any_form_are_evaluated_or_refused(name: str) -> None:
    for junk in JUNK:
        for resource in (service("a"), nested("a", {})):
            evaluate_or_refuse({**EMPTY, "resources": [resource | {name: junk}]})


@pytest.mark.parametrize("name", ["template", "parameters", "mode", "expressionEvaluationOptions", "templateLink"])
def test_properties_of_nested_deployments_of_any_form_are_evaluated_or_refused(name: str) -> None:
    for junk in [*JUNK, {"scope": "outer"}, {"scope": 1}, {"p": {"value": 1}}]:
        deployment = nested("a", {})
        properties = deployment["properties"] | {name: junk}
        evaluate_or_refuse({**EMPTY, "resources": [deployment | {"properties": properties}]})


def evaluate_or_refuse(template: dict[str, Any]) -> None:
    error = refusal(template)
    assert error is None or (error.message and error.path)


def refusal(template: dict[str, Any]) -> TemplateError | None:
    try:
        made = evaluate_template(template, {}, SCOPE)
        for one in made.resources:
            one.body()
        made.outputs()
    except TemplateError as error:
        return error
    return None
