"""Deployment templates: a definition taken from one, and New-AzResourceGroupDeployment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Command  # noqa: TC001

SCHEMA = "https://schema.management.azure.com/schemas/2015-01-01/deployment{}.json#"
PLAN_ID = "[resourceId('Microsoft.MachineLearning/commitmentPlans', parameters('plan'))]"
DEPLOY = "New-AzResourceGroupDeployment -ResourceGroupName retail -TemplateFile t.json"


def service(name: str, **more: Any) -> dict[str, Any]:
    properties = json.loads(Path("churn-predictive.json").read_text())["properties"]
    return {
        "type": "Microsoft.MachineLearning/webServices",
        "apiVersion": "2017-01-01",
        "name": name,
        "location": "[resourceGroup().location]",
        "properties": properties | {"title": "[parameters('title')]"},
        **more,
    }


def plan(capacity: Any = "1") -> dict[str, Any]:
    return {
        "type": "Microsoft.MachineLearning/CommitmentPlans",
        "apiVersion": "2016-05-01-preview",
        "name": "[parameters('plan')]",
        "location": "[resourceGroup().location]",
        "sku": {"name": "S1", "tier": "Standard", "capacity": capacity},
    }


def storage() -> dict[str, Any]:
    return {
        "type": "Microsoft.Storage/storageAccounts",
        "apiVersion": "2016-01-01",
        "name": "elsewhere",
        "location": "[resourceGroup().location]",
    }


def template(*resources: dict[str, Any], path: str = "t.json", **more: Any) -> str:
    parameters = {
        "title": {"type": "string"},
        "plan": {"type": "string", "defaultValue": "standard"},
        "copies": {"type": "int", "defaultValue": 2},
        "secret": {"type": "securestring", "defaultValue": "hunter2"},
    }
    body = {"$schema": SCHEMA.format("Template"), "contentVersion": "1.0.0.0", "parameters": parameters}
    Path(path).write_text(json.dumps(body | {"resources": list(resources)} | more, indent=1))
    return path


def chosen() -> dict[str, Any]:
    """A plan, a service that is charged to it, and a second service with the address of the first in its title."""
    first = service("first", dependsOn=[PLAN_ID])
    first["properties"]["commitmentPlan"] = {"id": PLAN_ID}
    second = service("second", dependsOn=["[resourceId('Microsoft.MachineLearning/webServices', 'first')]"])
    address = "reference(resourceId('Microsoft.MachineLearning/webServices', 'first')).swaggerLocation"
    second["properties"]["description"] = f"[concat('after ', {address})]"
    return {"first": first, "second": second}


class TestDefinitions:
    @pytest.mark.parametrize("given", ["-TemplateParameter title=March", "-TemplateParameterFile values.json"])
    def test_a_definition_is_taken_from_a_template(self, mlmgmt: Command, churn: Path, given: str) -> None:
        template(service("svc"), plan())
        values = {"$schema": SCHEMA.format("Parameters"), "parameters": {"title": {"value": "March"}}}
        Path("values.json").write_text(json.dumps(values))
        read = mlmgmt(f"import -InputFile t.json {given}", ok=True).json
        assert (read["properties"]["title"], read["location"]) == ("March", "southcentralus")
        assert mlmgmt(f"test t.json {given} -Strict -o json", ok=True).json["Passed"]
        assert len(mlmgmt(f"assets t.json {given} -o json", ok=True).json) > 3
        made = mlmgmt(f"new -g retail -l southcentralus -n svc -DefinitionFile t.json {given} -Force", ok=True).json
        assert made["properties"]["title"] == "March"

    def test_one_of_several_is_chosen_by_name(self, mlmgmt: Command, churn: Path) -> None:
        template(service("one"), service("two", tags={"number": "2"}))
        refused = mlmgmt("import -InputFile t.json -TemplateParameter title=x")
        assert (refused.status, "'one', 'two'" in refused.err) == (1, True)
        assert mlmgmt("import -InputFile t.json -Name TWO -TemplateParameter title=x", ok=True).json["tags"] == {
            "number": "2"
        }

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ("", "title"),
            ("-TemplateParameter title=x -TemplateParameter nothing=1", "nothing"),
            ("-TemplateParameter title=x -TemplateParameter copies=two", "is not a value for the parameter 'copies'"),
            ("-TemplateParameter title", "must be written as NAME=VALUE"),
        ],
    )
    def test_values_that_do_not_fit(self, mlmgmt: Command, churn: Path, words: str, message: str) -> None:
        template(service("svc"))
        refused = mlmgmt(f"import -InputFile t.json {words}")
        assert (refused.status, message in refused.err) == (1, True), refused.err

    def test_values_for_a_file_that_is_no_template_are_refused(self, mlmgmt: Command, churn: Path) -> None:
        refused = mlmgmt("import -InputFile churn-predictive.json -TemplateParameter title=x")
        assert "NoTemplate" in refused.err

    @pytest.mark.parametrize(
        "title",
        ["[parameters('title')]", "[ concat('a', parameters('b')) ]", "[resourceGroup().location]", "[variables('x')]"],
    )
    def test_an_expression_is_never_deployed(self, mlmgmt: Command, churn: Path, title: str) -> None:
        body = json.loads(Path("churn-predictive.json").read_text())
        body["properties"]["title"] = title
        Path("alone.json").write_text(json.dumps(body, indent=1))
        for words in ("test alone.json", "import -InputFile alone.json"):
            assert "TemplateExpression" in mlmgmt(words).out + mlmgmt(words).err
        refused = mlmgmt("new -g retail -l southcentralus -n svc -DefinitionFile alone.json -Force")
        assert (refused.status, "$.properties.title" in refused.err) == (1, True)
        change = json.dumps({"properties": {"packageType": "Graph", "title": title}})
        Path("change.json").write_text(change)
        assert mlmgmt("update -g retail -n churn -ServiceUpdates change.json -Force").status == 1

    @pytest.mark.parametrize("title", ['["age"]', "[0,1]", "[^a-z]", "[draft]", "[[parameters('a')]", "[a] and [b]"])
    def test_other_texts_in_brackets_are_texts(self, mlmgmt: Command, churn: Path, title: str) -> None:
        body = json.loads(Path("churn-predictive.json").read_text())
        body["properties"]["title"] = title
        Path("alone.json").write_text(json.dumps(body))
        assert mlmgmt("import -InputFile alone.json", ok=True).json["properties"]["title"] == title


class TestDeployments:
    def test_what_if_shows_it_all_and_changes_nothing(self, mlmgmt: Command, churn: Path) -> None:
        parts = chosen()
        # The order in the file is not the order of dependencies.
        template(parts["second"], parts["first"], plan(), storage())
        shown = mlmgmt(f"{DEPLOY} -title March -WhatIf -o json", ok=True)
        rows = [(row["Change"], row["Name"]) for row in shown.json["Resources"]]
        assert rows == [("Create", "standard"), ("Deploy", "first"), ("Deploy", "second")]
        assert shown.json["LeftAlone"] == ["Microsoft.Storage/storageAccounts elsewhere"]
        assert [item["name"] for item in mlmgmt("get -g retail -o json", ok=True).json] == ["churn"]

    def test_resources_are_made_in_their_order_and_a_second_time_nothing_changes(
        self, mlmgmt: Command, churn: Path
    ) -> None:
        parts = chosen()
        outputs = {
            "id": {"type": "string", "value": "[resourceId('Microsoft.MachineLearning/webServices', 'second')]"},
            "title": {"type": "string", "value": "[reference('first').title]"},
            "hidden": {"type": "securestring", "value": "[parameters('secret')]"},
        }
        template(parts["second"], parts["first"], plan(), storage(), outputs=outputs)
        done = mlmgmt(f"{DEPLOY} -title March -Force -o json", ok=True)
        assert [row["Name"] for row in done.json["Resources"]] == ["standard", "first", "second"]
        assert done.json["Outputs"]["title"]["Value"] == "March"
        assert done.json["Outputs"]["hidden"]["Value"] is None
        assert "hunter2" not in done.out + done.err
        assert "Microsoft.Storage/storageAccounts 'elsewhere'" in done.err
        second = mlmgmt("get -g retail -n second -o json", ok=True).json
        assert second["properties"]["description"].startswith("after https://")
        (charged,) = mlmgmt("associations -g retail -CommitmentPlanName standard -o json", ok=True).json
        assert charged["properties"]["associatedResourceId"].endswith("/webServices/first")
        again = mlmgmt(f"{DEPLOY} -title March -Force -o json", ok=True).json
        assert {row["Change"] for row in again["Resources"]} == {"NoChange"}
        assert mlmgmt("get -g retail -n second -o json", ok=True).json["mlmgmt"]["revision"] == 1
        changed = mlmgmt(f"{DEPLOY} -title April -WhatIf -o json", ok=True).json["Resources"]
        assert [row["Change"] for row in changed] == ["NoChange", "Modify", "Modify"]
        assert any("April" in line for line in changed[1]["Differences"])
        table = mlmgmt(f"{DEPLOY} -title April -WhatIf -o table", ok=True).out
        assert 'title: "March" → "April"' in table

    @pytest.mark.parametrize(
        "given",
        [
            "-title March",
            "-TITLE:March",
            "--title=March",
            "-TemplateParameter title=March",
            "-TemplateParameterObject \"@{title='March'}\"",
            "-TemplateParameterFile values.json -title March",
        ],
    )
    def test_ways_to_give_values(self, mlmgmt: Command, churn: Path, given: str) -> None:
        Path("values.json").write_text(json.dumps({"parameters": {"title": {"value": "of the file"}}}))
        template(service("svc"))
        mlmgmt(f"{DEPLOY} {given} -Force", ok=True)
        assert mlmgmt("get -g retail -n svc -o json", ok=True).json["properties"]["title"] == "March"

    def test_a_parameter_with_the_name_of_one_of_the_cmdlet(self, mlmgmt: Command, churn: Path) -> None:
        body = service("[parameters('name')]")
        body["properties"]["title"] = "[parameters('mode')]"
        parameters = {"name": {"type": "string"}, "mode": {"type": "string"}}
        template(body, parameters=parameters)
        done = mlmgmt(f"{DEPLOY} -nameFromTemplate svc -modeFromTemplate fast -Name mine -Force -o json", ok=True).json
        assert done["DeploymentName"] == "mine"
        assert mlmgmt("get -g retail -n svc -o json", ok=True).json["properties"]["title"] == "fast"

    def test_a_copy_loop_and_a_condition(self, mlmgmt: Command, churn: Path) -> None:
        copies = service("[concat('svc', copyIndex())]", copy={"name": "each", "count": "[parameters('copies')]"})
        template(copies, service("never", condition=False))
        shown = mlmgmt(f"{DEPLOY} -title x -copies 3 -WhatIf -o json", ok=True).json
        assert [row["Name"] for row in shown["Resources"]] == ["svc0", "svc1", "svc2"]
        assert shown["Skipped"] == ["Microsoft.MachineLearning/webServices never"]

    def test_numbers_as_text(self, mlmgmt: Command, churn: Path) -> None:
        template(plan("2"))
        mlmgmt(f"{DEPLOY} -title x -Force", ok=True)
        made = mlmgmt("plan -g retail -n standard -o json").json
        assert made["sku"]["capacity"] == 2
        template(plan("two"))
        assert "is not a whole number" in mlmgmt(f"{DEPLOY} -title x -Force").err

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"properties": {"packageType": "Graph"}}, "package"),
            ({"location": None}, "has no location"),
            ({"name": "[nothing('x')]"}, "nothing"),
            ({"properties": {"title": "[listKeys(resourceId('A.B/c', 'd'), '1').x]"}}, "listKeys() asks for"),
            ({"properties": {"title": "[reference(resourceId('A.B/c', 'd'), '1').x]"}}, "reference() asks for"),
            ({"dependsOn": ["nowhere"]}, "nowhere"),
        ],
    )
    def test_a_wrong_resource_is_refused_before_anything_is_made(
        self, mlmgmt: Command, churn: Path, change: dict[str, Any], message: str
    ) -> None:
        template(plan(), service("good"), service("bad") | change)
        refused = mlmgmt(f"{DEPLOY} -title x -Force")
        assert (refused.status, message in refused.err) == (1, True), refused.err
        assert "t.json" in refused.err or "/c/d" in refused.err
        assert [item["name"] for item in mlmgmt("get -g retail -o json", ok=True).json] == ["churn"]
        assert mlmgmt("plans -g retail -o json").json in ([], None)

    @pytest.mark.parametrize(
        ("variables", "message"),
        [
            ({"a": "[variables('b')]", "b": "[variables('a')]"}, "variables"),
            ({"a": "[" + "concat(" * 1000 + "'x'" + ")" * 1000 + "]"}, "nest"),
            ({"a": "[padLeft('x', 1000000000)]"}, "limit"),
        ],
    )
    def test_templates_made_to_break(
        self, mlmgmt: Command, churn: Path, variables: dict[str, Any], message: str
    ) -> None:
        body = service("svc")
        body["properties"]["description"] = "[variables('a')]"
        template(body, variables=variables)
        refused = mlmgmt(f"{DEPLOY} -title x -Force")
        assert (refused.status, "variables.a" in refused.err or message in refused.err) == (1, True), refused.err
        assert "InvalidTemplate" in refused.err

    def test_complete_mode_is_refused(self, mlmgmt: Command, churn: Path) -> None:
        template(service("svc"))
        assert "only Incremental is supported" in mlmgmt(f"{DEPLOY} -title x -Mode Complete -Force").err

    def test_a_file_that_is_no_template(self, mlmgmt: Command, churn: Path) -> None:
        refused = mlmgmt("deploy-template -g retail -TemplateFile churn-predictive.json -Force")
        assert "is not a deployment template" in refused.err
