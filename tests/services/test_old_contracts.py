"""Definitions of the contract of 2016, alone and as a resource, and changes whose asset key is misspelt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Command  # noqa: TC001
from tests.learning.graphs import definition

KEY = "Please Specify Data Source"
TABLE = "https://data.example.com/t.csv"


def of_2016() -> dict[str, Any]:
    """A service in the shape of 2016-05-01-preview: Import Data from a parameter, to an output."""
    body = definition(
        {"read": ("Import Data", {KEY: "Http", "URL": "", "CSV or TSV has Header Row": "True"}), "out": "output:out"},
        ["read.Results dataset > out"],
        outputs={"out": {"a": "Integer"}},
    )
    properties = body["properties"]
    for asset in properties["assets"].values():
        asset |= {"id": "", "inputPorts": None, "outputPorts": None, "metadata": None, "parameters": None}
        asset["locationInfo"]["credentials"] = ""
    read, out = properties["package"]["nodes"]["read"], properties["package"]["nodes"]["out"]
    read |= {"inputId": "", "outputId": None}
    read["parameters"] = {
        KEY: "Http",
        "Data format": {"value": "CSV", "certificateThumbprint": ""},
        "CSV or TSV has Header Row": "True",
    }
    out |= {"assetId": "", "parameters": None}
    links = [{"nodeId": "read", "parameterKey": "URL"}]
    properties["package"]["graphParameters"] = {"Address": {"description": "", "links": links}}
    properties |= {"parameters": {"address": TABLE}, "diagnostics": None, "storageAccount": {"name": "old", "key": ""}}
    properties["exampleRequest"] = {"inputs": {}, "globalParameters": {"Database": "none", "address": TABLE}}
    properties["output"]["properties"]["out"]["properties"]["a"] = {"type": "integer", "format": ""}
    return body


@pytest.mark.parametrize("form", ["alone", "resource"])
def test_a_service_of_2016_is_read_with_one_warning_of_each_kind_and_runs(
    mlmgmt: Command, home: Path, form: str
) -> None:
    body = of_2016()
    if form == "resource":
        body |= {"type": "Microsoft.MachineLearning/webservices", "apiVersion": "2016-05-01-preview", "dependsOn": []}
    Path("old.json").write_text(json.dumps(body))
    Path("t.csv").write_text("a\n1\n2\n")
    mlmgmt(["map-source", TABLE, "t.csv"], ok=True)
    made = mlmgmt("new -g retail -l southcentralus -n old -DefinitionFile old.json -Force", ok=True)
    for words in ("A bare value is read as", "(2 more of this kind)", "has no type, and is read as String"):
        assert words in made.err
    assert "The example gives the parameter 'Database', which the service does not have" in made.err
    job = mlmgmt("batch submit -g retail -n old -Outputs results/out.csv -Start", ok=True).json["JobId"]
    mlmgmt(f"batch wait -g retail -n old {job} -OutputFolder .", ok=True)
    assert Path("out.csv").read_text().split() == ["a", "1", "2"]
    mlmgmt("export -OutputFile out.json", stdin=mlmgmt("get -g retail -n old", ok=True).out, ok=True)
    changed = [found["path"] for found in mlmgmt("diff old.json out.json -o json").json]
    assert changed == ["$.location", "$.tags"], "the service spells its region, and has tags"


def change(key: str, uri: str) -> str:
    asset = {"name": key, "type": "Resource", "locationInfo": {"uri": uri}}
    body = {"properties": {"packageType": "Graph", "assets": {key: asset}}}
    Path("change.json").write_text(json.dumps(body))
    return "update -g retail -n churn -ServiceUpdates change.json -Force"


@pytest.mark.parametrize("key", ["Churn [trained model]", "asset03", "Asset3", "model"])
def test_an_asset_key_that_no_node_uses_is_refused_with_the_right_one(mlmgmt: Command, churn: Path, key: str) -> None:
    uri = mlmgmt("get -g retail -n churn", ok=True).json["properties"]["assets"]["asset3"]["locationInfo"]["uri"]
    refused = mlmgmt(change(key, uri))
    assert (refused.status, "asset3 'Churn [trained model]'" in refused.err) == (1, True)
    assert mlmgmt("get -g retail -n churn", ok=True).json["mlmgmt"]["revision"] == 1


def test_a_model_that_no_node_uses_is_not_called_deployed(mlmgmt: Command, churn: Path) -> None:
    body = json.loads(Path("churn-predictive.json").read_text())
    body["properties"]["assets"]["spare"] = body["properties"]["assets"]["asset3"]
    Path("spare.json").write_text(json.dumps(body))
    made = mlmgmt("new -g retail -l southcentralus -n spare -DefinitionFile spare.json -Force", ok=True)
    assert {name: model["state"] for name, model in made.json["mlmgmt"]["models"].items()} == {
        "asset3": "deployed",
        "spare": "unused",
    }
    checks = mlmgmt("test -g retail -n spare -o json", ok=True).json["Checks"]
    assert [row["Result"] for row in checks if row["Check"] == "model spare"] == ["noted"]


@pytest.mark.parametrize(("names", "passes"), [(("2", "13", "name"), True), (("name", "2", "13"), False)])
def test_an_example_whose_order_javascript_lost_is_replaced_by_a_made_row(
    mlmgmt: Command, home: Path, names: tuple[str, ...], passes: bool
) -> None:
    columns = {name: "String" if name == "name" else "Integer" for name in names}
    body = definition(
        {"in": "input:i", "out": "output:o"},
        ["in > out"],
        inputs={"i": columns},
        outputs={"o": columns},
        exampleRequest={"inputs": {"i": [[1, "x", 2]]}},
    )
    Path("numbered.json").write_text(json.dumps(body))
    found = mlmgmt("test numbered.json -o json").json
    assert found["Passed"] is passes
    if passes:
        assert "the example's order is not known" in found["Checks"][-1]["Note"]
