"""A definition that can be stored and not run says so, with every reason, in `test` and before it is deployed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlmgmt.modules import catalogue, palette
from tests.conftest import FIXTURES, Command
from tests.learning.graphs import definition
from tests.storage.test_sources import BUNDLE, bundle_definition, write_bundle

MODEL = "https://lost.blob.core.windows.net/models/m.ilearner"
TABLE = "https://lost.blob.core.windows.net/data/t.csv"


def unrunnable() -> dict[str, Any]:
    """A definition that lacks everything that can be missing: modules, a model, a table, a bundle and permission."""
    body = bundle_definition()
    script = body["properties"]["package"]["nodes"]["run"]["parameters"]["R Script"]
    script["value"] = "import nltk\n" + script["value"]
    nodes = {"score": "Score Model", "model": MODEL, "table": TABLE, "scored": "output:scored"}
    edges = ["model > score.Trained model", "table > score.Dataset", "score.Scored dataset > scored"]
    other = definition(nodes, edges)["properties"]
    for guid in ("3080602" + "3392b42e094d66b775a6e0fd5", "50b91b4f9c9840d698142d945c0bb3f1"):
        uri = f"aml://module/506153734175476c4f62416c57734963.{guid}.v1-default-1"
        other["assets"][guid] = {"name": "As renamed", "type": "Module", "locationInfo": {"uri": uri}}
        other["package"]["nodes"] |= {guid: {"assetId": guid, "parameters": {}}, f"o{guid}": {"outputId": f"o{guid}"}}
        other["package"]["edges"].append({"sourceNodeId": guid, "sourcePortId": "x", "targetNodeId": f"o{guid}"})
    body["properties"]["assets"] |= other["assets"]
    body["properties"]["package"]["nodes"] |= other["package"]["nodes"]
    body["properties"]["package"]["edges"] += other["package"]["edges"]
    return body


def one_script(script: str) -> dict[str, Any]:
    """A definition that passes its input through a script."""
    nodes = {"in": "input:input1", "run": ("Execute Python Script", {"Python Script": script}), "out": "output:output1"}
    columns = {"a": "Integer"}
    return definition(
        nodes,
        ["in > run.Dataset1", "run.Result Dataset > out"],
        inputs={"input1": columns},
        outputs={"output1": columns},
        exampleRequest={"inputs": {"input1": [[1]]}},
    )


def written(body: Any, name: str = "wsd.json") -> str:
    Path(name).write_text(json.dumps(body))
    return name


def test_test_names_every_reason_and_strict_exits_with_1(mlmgmt: Command, home: Path) -> None:
    file = written(unrunnable())
    shown = mlmgmt(f"test {file} -o table", ok=True)
    assert "Stored. It cannot score:" in shown.out
    assert "Passed" not in shown.out
    for words in (
        "'Execute R Script' cannot run here. Scripts in R are not run.",
        "'Named Entity Recognition' cannot run here.",
        "Article, Mention, Offset, Length and Type",
        f"The trained model 'model' (asset-model) is not in this home: {MODEL}",
        "The dataset 'table' (asset-table): ",
        "The script bundle 'Dependencies' (zip): ",
    ):
        assert words in shown.out, words
    found = mlmgmt(f"test {file} -o json", ok=True).json
    assert (found["Passed"], found["Accepted"]) == (False, True)
    assert sorted(reason["Code"] for reason in found["Reasons"]) == [
        "AccountNotRegistered",
        "AccountNotRegistered",
        "ModelPackageNotFound",
        "ModuleNotSupported",
        "ModuleNotSupported",
        "ScriptsNotAllowed",
    ]
    strict = mlmgmt(f"test {file} -Strict -o json")
    assert (strict.status, strict.json["Accepted"]) == (1, False)


def test_what_can_score_passes_with_strict(mlmgmt: Command, churn: Path) -> None:
    assert mlmgmt("test churn-predictive.json -Strict -o table", ok=True).out.endswith("Passed.\n")
    found = mlmgmt("test churn-predictive.json -Strict -o json", ok=True).json
    assert (found["Passed"], found["Reasons"]) == (True, [])
    assert mlmgmt("test churn-training.json -Strict -o json", ok=True).json["Passed"]
    mlmgmt("update -g retail -n churn -Title New -RequireRunnable -Force", ok=True)
    mlmgmt(
        "new -g retail -l southcentralus -n other -DefinitionFile churn-predictive.json -RequireRunnable -Force",
        ok=True,
    )


def test_scripts_are_named_by_line_before_they_are_allowed(mlmgmt: Command, home: Path) -> None:
    mlmgmt(["map-source", BUNDLE, str(write_bundle(Path("bundle.zip")))], ok=True)
    body = bundle_definition()
    file = written(body)
    reasons = mlmgmt(f"test {file} -o json", ok=True).json["Reasons"]
    assert [reason["Code"] for reason in reasons] == ["ScriptsNotAllowed"]
    assert "run" in reasons[0]["Message"]
    mlmgmt("allow-scripts", ok=True)
    assert mlmgmt(f"test {file} -Strict -o json", ok=True).json["Passed"]
    script = body["properties"]["package"]["nodes"]["run"]["parameters"]["R Script"]
    script["value"] += "\nimport nltk\ndef other(t):\n    s = t['a']\n    s[0] = 1"
    reason, failure = mlmgmt(f"test {written(body)} -o json", ok=True).json["Reasons"]
    assert (reason["Code"], "No module named 'nltk'" in failure["Message"]) == ("ScriptNotRunnable", True)
    assert "Execute Python Script (run), line 5: import nltk" in reason["Message"]
    script["value"] = script["value"].replace("import nltk\n", "")
    found = mlmgmt(f"test {written(body)} -o json").json
    notes = [row["Note"] for row in found["Checks"] if row["Check"] == "script"]
    assert ["run, line 7: s[0]" in note for note in notes] == [True]
    Path("bundle.zip").write_bytes(b"no zip file")
    reasons = mlmgmt(f"test {written(bundle_definition())} -o json", ok=True).json["Reasons"]
    assert ["cannot be unpacked as a zip file" in reason["Message"] for reason in reasons] == [True]


def test_a_service_of_python_modules_and_typed_tables_runs_as_exported(mlmgmt: Command, home: Path) -> None:
    """The shape of the price analytics services: one-row tables side by side, a bundle, a parameter that is a table."""

    def typed(header: str, data: str) -> tuple[str, dict[str, str]]:
        return "Enter Data Manually", {"DataFormat": "CSV", "HasHeader": header, "Data": data}

    third = {"isFilter": True, "rules": [{"ruleType": "ColumnIndexes", "columns": ["3"], "exclude": False}]}
    script = (
        "import PricingEngine.rates\n"
        "def azureml_main(config, inputData):\n"
        "    print config.columns.tolist()\n"
        "    half = [PricingEngine.rates.half(x) for x in inputData['id']]\n"
        "    return inputData.assign(half=half, gamma=config.gamma.iloc[0], beta=config.beta.iloc[0]),\n"
    )
    body = definition(
        {
            "alpha": typed("True", "alpha\n0.5"),
            "beta": typed("True", "beta\nx"),
            "plain": typed("False", "7"),
            "add": "Add Columns",
            "more": "Add Columns",
            "name": ("Edit Metadata", {"Column": json.dumps(third), "New Column Name": "gamma"}),
            "run": ("Execute Python Script", {"R Script": script, "Python Version": "Anaconda 4.0/Python 2.7.11"}),
            "zip": BUNDLE,
            "in": "input:inputData",
            "out": "output:o",
        },
        [
            "alpha > add.Left dataset",
            "beta > add.Right dataset",
            "add > more.Left dataset",
            "plain > more.Right dataset",
            "more > name",
            "name > run.Dataset1",
            "in > run.Dataset2",
            "zip.Results dataset > run.Script Bundle",
            "run.Result Dataset > out",
        ],
        inputs={"inputData": {"id": "Integer"}},
        outputs={"o": {"id": "Integer", "half": "Integer", "gamma": "Integer", "beta": "String"}},
        parameters={"beta table": "beta\nx"},
    )
    link = {"nodeId": "beta", "parameterKey": "Data"}
    body["properties"]["package"]["graphParameters"] = {"beta table": {"type": "String", "links": [link]}}
    mlmgmt("allow-scripts", ok=True)
    reasons = mlmgmt(f"test {written(body)} -o json", ok=True).json["Reasons"]
    assert f"To read it from a file: mlmgmt map-source {BUNDLE} FILE" in reasons[0]["Message"]
    mlmgmt(["map-source", BUNDLE, str(write_bundle(Path("bundle.zip")))], ok=True)
    new = f"new -g retail -l southcentralus -n prices -DefinitionFile {written(body)} -RequireRunnable -Force"
    mlmgmt(new, ok=True)
    request = {"Inputs": {"inputData": [{"id": 9}, {"id": 4}]}, "GlobalParameters": {"beta table": "beta\nother"}}
    answer = mlmgmt(f"score -g retail -n prices -i {written(request, 'request.json')}", ok=True).json
    assert answer["Results"]["o"]["value"]["Values"] == [["9", "4", "7", "other"], ["4", "2", "7", "other"]]
    exported = mlmgmt("get -g retail -n prices", ok=True).out
    mlmgmt("export -OutputFile again.json", stdin=exported, ok=True)
    assert mlmgmt("diff -g retail -n prices again.json -o json", ok=True).json == []


def test_new_and_update_refuse_what_could_only_be_stored(mlmgmt: Command, home: Path) -> None:
    file = written(unrunnable())
    new = f"new -g retail -l southcentralus -n lost -DefinitionFile {file} -Force"
    refused = mlmgmt(f"{new} -RequireRunnable")
    assert refused.status == 1
    for words in (
        "NotRunnable",
        "Execute R Script",
        "Named Entity Recognition",
        "asset-model",
        "Without -RequireRunnable",
    ):
        assert words in refused.err, words
    assert mlmgmt("get -g retail -n lost").status == 1
    mlmgmt(new, ok=True)
    assert "NotRunnable" in mlmgmt("update -g retail -n lost -Title New -RequireRunnable -Force").err
    assert mlmgmt("history -g retail -n lost -o json", ok=True).json[0]["Revision"] == 1
    mlmgmt("update -g retail -n lost -Title New -Force", ok=True)


def test_without_a_home_only_the_graph_is_checked(mlmgmt: Command) -> None:
    shown = mlmgmt(["test", str(FIXTURES / "definitions" / "exported-mixed-case.json"), "-o", "json"], ok=True).json
    codes = [reason["Code"] for reason in shown["Reasons"]]
    assert (shown["Passed"], shown["Accepted"], codes) == (False, True, ["ModuleNotSupported", "NoHome"])
    assert "'Named Entity Recognition' cannot run here" in shown["Reasons"][0]["Message"]


@pytest.mark.parametrize("uri", ["", "x", f"{MODEL[:-9]}", f"{MODEL[:-9]}.csv", f"{MODEL}.", None])
@pytest.mark.parametrize("way", ["update", "replace"])
def test_an_update_that_would_lose_a_model_is_refused(mlmgmt: Command, churn: Path, uri: str | None, way: str) -> None:
    found = json.loads(Path("churn-predictive.json").read_text())
    assets = found["properties"]["assets"]
    model = next(name for name, asset in assets.items() if "ilearner" in asset["locationInfo"]["uri"])
    assets[model]["locationInfo"]["uri"] = uri
    change = {"properties": {"packageType": "Graph", "assets": {model: {"locationInfo": {"uri": uri}}}}}
    if way == "update":
        refused = mlmgmt(f"update -g retail -n churn -ServiceUpdates {written(change)} -Force -SkipModelCheck")
    else:
        refused = mlmgmt(f"new -g retail -l southcentralus -n churn -DefinitionFile {written(found)} -Force")
    assert refused.status == 1
    assert model in refused.err
    assert "InvalidBlobExtension" in refused.err or "MissingMember" in refused.err or "InvalidDefinition" in refused.err
    assert len(mlmgmt("history -g retail -n churn -o json", ok=True).json) == 1


def test_every_module_of_the_palette_either_runs_or_has_a_reason() -> None:
    running = {module.guid for module in catalogue.modules()}
    assert not running & palette.ABSENT.keys()
    for guid, absent in palette.ABSENT.items():
        uri = f"aml://module/506153734175476c4f62416c57734963.{guid}.v1-default-9999"
        with pytest.raises(catalogue.ModuleNotSupported, match=f"'{absent.name}' cannot run here") as refused:
            catalogue.find({"name": "", "locationInfo": {"uri": uri}})
        assert absent.reason in refused.value.message


@pytest.mark.parametrize("script", ["def azureml_main(t):\n    raise ValueError('no')\n", "x = 1\n"])
def test_a_script_that_fails_on_the_example_is_not_runnable(mlmgmt: Command, home: Path, script: str) -> None:
    mlmgmt("allow-scripts", ok=True)
    file = written(one_script(script))
    assert not mlmgmt(f"test {file} -o json", ok=True).json["Passed"]
    refused = mlmgmt(f"new -g retail -l southcentralus -n s -DefinitionFile {file} -RequireRunnable -Force")
    assert (refused.status, "NotRunnable" in refused.err) == (1, True)


@pytest.mark.parametrize(
    "line",
    [
        "try:\n    from io import StringIO\nexcept ImportError:\n    from StringIO import StringIO\n",
        "import sys\nif sys.version_info[0] < 3:\n    from StringIO import StringIO\n",
        "def never():\n    import nltk\n",
    ],
)
def test_code_that_does_not_run_here_is_no_reason_if_the_example_is_scored(
    mlmgmt: Command, home: Path, line: str
) -> None:
    mlmgmt("allow-scripts", ok=True)
    file = written(one_script(line + "def azureml_main(t):\n    return t,\n"))
    assert mlmgmt(f"test {file} -Strict -o json", ok=True).json["Passed"]


def test_a_wrong_parameter_of_a_training_definition_is_a_reason(mlmgmt: Command, churn: Path) -> None:
    text = Path("churn-training.json").read_text()
    body = json.loads(text)
    for node in body["properties"]["package"]["nodes"].values():
        if "L1 Regularization weight" in node.get("parameters", {}):
            node["parameters"]["L1 Regularization weight"] = {"value": "abc"}
    found = mlmgmt(f"test {written(body)} -o json", ok=True).json
    assert (found["Accepted"], ["abc" in reason["Message"] for reason in found["Reasons"]]) == (True, [True])
    checks = mlmgmt("test churn-training.json -o json", ok=True).json["Checks"]
    assert [row["Result"] for row in checks if row["Check"] == "example"] == ["skipped"]


def test_a_bundle_that_cannot_be_unpacked_is_one_of_the_reasons(mlmgmt: Command, home: Path) -> None:
    path = write_bundle(Path("bundle.zip"))
    content = bytearray(path.read_bytes())
    content[40] ^= 0xFF
    path.write_bytes(content)
    mlmgmt(["map-source", BUNDLE, str(path)], ok=True)
    found = mlmgmt(f"test {written(bundle_definition())} -o json", ok=True).json
    messages = [reason["Message"] for reason in found["Reasons"]]
    assert any("cannot be unpacked" in message for message in messages)
    assert any("scripts are not allowed" in message for message in messages)
    assert "/tmp" not in "".join(messages)
