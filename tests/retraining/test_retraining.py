"""Retraining from start to end, with good and bad data."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mlmgmt.learning import ilearner
from mlmgmt.modules.catalogue import by_name
from mlmgmt.modules.columns import selection_of
from tests.conftest import Command, environment

RETRAIN = "retrain -g retail -n churn --training-definition churn-training.json "


def blobs(home: Path) -> list[Path]:
    return sorted((home / "storage").rglob("*.ilearner"))


def test_the_saved_model_is_the_evaluated_one_and_records_how_it_was_made(mlmgmt: Command, churn: Path) -> None:
    report = mlmgmt(RETRAIN + "--data new-customers.csv", ok=True).json
    path = churn / "storage" / report["BaseLocation"].split("//")[1].split(".")[0] / report["RelativeLocation"]
    manifest = ilearner.manifest(path.read_bytes())
    assert manifest["metrics"] == report["Evaluation"]["New"]
    assert manifest["learner"] == "Two-Class Logistic Regression"
    assert manifest["rows"] == report["Rows"] == 1800
    assert report["Evaluation"]["Rows"] == 600
    assert {feature["name"]: feature["type"] for feature in manifest["features"]}["monthlyCharges"] == "Double"
    assert manifest["label"] == {"name": "churned", "type": "String", "classes": ["No", "Yes"]}
    assert manifest["service"].endswith("/webServices/churn")
    assert set(manifest["versions"]) == {"mlmgmt", "python", "scikit-learn", "numpy", "pandas"}


def test_the_same_data_holds_out_the_same_rows(mlmgmt: Command, churn: Path) -> None:
    first = mlmgmt(RETRAIN + "--data new-customers.csv", ok=True).json["Evaluation"]
    assert mlmgmt(RETRAIN + "--data new-customers.csv --holdout 0.25", ok=True).json["Evaluation"] == first
    assert mlmgmt(RETRAIN + "--data new-customers.csv --holdout 0.5", ok=True).json["Evaluation"]["Rows"] == 1200
    assert "Evaluation" not in mlmgmt(RETRAIN + "--data new-customers.csv --holdout 0", ok=True).json


def test_metrics_on_held_out_rows_are_those_of_scikit_learn(mlmgmt: Command, churn: Path) -> None:
    from sklearn.metrics import accuracy_score, roc_auc_score

    report = mlmgmt(RETRAIN + "--data new-customers.csv --test-data customers.csv --update -Force", ok=True).json
    answer = mlmgmt("score -g retail -n churn --input customers.csv", ok=True).json["Results"]["output1"]["value"][
        "Values"
    ]
    with open("customers.csv", newline="") as file:
        truth = [row["churned"] == "Yes" for row in csv.DictReader(file)]
    new = report["Evaluation"]["New"]
    assert new["AUC"] == pytest.approx(roc_auc_score(truth, [float(row[1]) for row in answer]))
    assert new["Accuracy"] == pytest.approx(accuracy_score(truth, [row[0] == "Yes" for row in answer]))


def test_rows_that_the_deployed_model_was_trained_on_give_a_warning(mlmgmt: Command, churn: Path) -> None:
    done = mlmgmt(RETRAIN + "--data new-customers.csv --test-data customers.csv", ok=True)
    assert "trained on 1125 of the 1500 held-out rows" in done.err
    assert "trained on" not in mlmgmt(RETRAIN + "--data new-customers.csv", ok=True).err


def test_web_service_parameters_of_the_training_definition_are_given(mlmgmt: Command, churn: Path) -> None:
    body = json.loads(Path("churn-training.json").read_text())
    nodes = body["properties"]["package"]["nodes"]
    learner = next(name for name, node in nodes.items() if "L2 Regularizaton weight" in node.get("parameters", {}))
    del nodes[learner]["parameters"]["L2 Regularizaton weight"]
    link = {"nodeId": learner, "parameterKey": "L2 Regularizaton weight"}
    body["properties"]["package"]["graphParameters"] = {"Weight": {"type": "Float", "links": [link]}}
    Path("weighted.json").write_text(json.dumps(body))
    line = "retrain -g retail -n churn --training-definition weighted.json --data new-customers.csv -o json "
    weak, strong = (mlmgmt(f"{line} -p Weight={weight}", ok=True).json["Evaluation"] for weight in (0.1, 1000))
    assert weak["New"] == mlmgmt(RETRAIN + "--data new-customers.csv", ok=True).json["Evaluation"]["New"]
    assert strong["New"]["AUC"] < weak["New"]["AUC"]
    refused = mlmgmt("evaluate -g retail -n churn --data new-customers.csv -p Weight=1")
    assert (refused.status, "UnexpectedParameter" in refused.err) == (1, True)


def test_update_deploys_the_new_model_or_says_where_it_is_saved(mlmgmt: Command, churn: Path) -> None:
    before = len(blobs(churn))
    refused = mlmgmt(RETRAIN + "--data new-customers.csv --update")
    assert refused.status == 1
    assert f"saved at {refused.json['RelativeLocation']}" in refused.err
    done = mlmgmt(RETRAIN + "--data new-customers.csv --update -Force -Message monthly", ok=True).json
    assert done["WebService"]["mlmgmt"]["revision"] == 2
    assert mlmgmt("history -g retail -n churn", ok=True).json[0]["Message"] == "monthly"
    assert len(blobs(churn)) == before + 2


class TestOnlyIfBetter:
    def test_a_better_model_passes(self, mlmgmt: Command, churn: Path) -> None:
        mlmgmt(RETRAIN + "--data new-customers.csv --update -Force --only-if-better auc", ok=True)
        assert len(mlmgmt("history -g retail -n churn", ok=True).json) == 2

    @pytest.mark.parametrize("metric", ["AUC", "Average Log Loss", "accuracy"])
    def test_an_equal_model_is_not_better_and_changes_nothing(
        self, mlmgmt: Command, exported: Path, churn: Path, metric: str
    ) -> None:
        mlmgmt(RETRAIN + "--data new-customers.csv --update -Force", ok=True)
        definition, before = exported.read_text(), blobs(churn)
        refused = mlmgmt(
            RETRAIN + f"--data new-customers.csv --rewrite churn.json --update -Force --only-if-better '{metric}'"
        )
        assert refused.status == 3
        assert "NotBetter" in refused.err
        assert exported.read_text() == definition
        assert blobs(churn) == before
        assert len(mlmgmt("history -g retail -n churn", ok=True).json) == 2

    def test_lower_is_better_for_a_loss(self, mlmgmt: Command, churn: Path) -> None:
        """The model of the old data has a higher log loss on the new rows, so it is refused."""
        mlmgmt(RETRAIN + "--data new-customers.csv --update -Force", ok=True)
        worse = RETRAIN + "--data customers.csv --test-data new-customers.csv --update -Force --only-if-better "
        assert mlmgmt(worse + "'Average Log Loss'").status == 3

    def test_an_unknown_metric_is_refused_before_training(self, mlmgmt: Command, churn: Path) -> None:
        refused = mlmgmt(RETRAIN + "--data new-customers.csv --only-if-better Beauty")
        assert refused.status == 1
        assert "AUC" in refused.err


def test_without_a_training_definition_both_ways_to_give_one_are_named(mlmgmt: Command, churn: Path) -> None:
    refused = mlmgmt("retrain -g retail -n churn --data new-customers.csv")
    assert refused.status == 1
    assert "--training-definition" in refused.err
    assert "trainingService" in refused.err


def test_the_training_service_in_the_tag_is_used(mlmgmt: Command, churn: Path) -> None:
    mlmgmt("new -g retail -l southcentralus -n trainer -DefinitionFile churn-training.json -Force", ok=True)
    mlmgmt(["update", "-g", "retail", "-n", "churn", "-Tag", "@{trainingService='trainer'}", "-Force"], ok=True)
    assert mlmgmt("retrain -g retail -n churn --data new-customers.csv", ok=True).json["Rows"] == 1800


def test_a_training_graph_with_a_split_holds_out_its_own_rows(mlmgmt: Command, churn: Path) -> None:
    body = json.loads(Path("churn-training.json").read_text())
    package = body["properties"]["package"]
    uri = "aml://module/506153734175476c4f62416c57734963.70530644c97a4ab685f788bf30a8be5f.v1-default-1"
    body["properties"]["assets"]["split"] = {"name": "Split Data", "type": "Module", "locationInfo": {"uri": uri}}
    parameters = {
        "Fraction of rows in the first output dataset": "0.8",
        "Random seed": "7",
        "Stratified split": "True",
        "Stratification key column": selection_of("churned"),
    }
    package["nodes"]["split"] = {"assetId": "split", "parameters": parameters}
    for edge in package["edges"]:
        if edge["targetNodeId"] == "node5" and edge["targetPortId"] == "Dataset":
            edge |= {"sourceNodeId": "split", "sourcePortId": "Results dataset1"}
    edge = {
        "sourceNodeId": "node3",
        "sourcePortId": "Cleaned dataset",
        "targetNodeId": "split",
        "targetPortId": "Dataset",
    }
    package["edges"].append(edge)
    Path("split.json").write_text(json.dumps(body))
    report = mlmgmt(
        "retrain -g retail -n churn --training-definition split.json --data new-customers.csv", ok=True
    ).json
    assert (report["Rows"], report["Evaluation"]["Rows"]) == (1920, 480)
    assert "Split Data" in report["HeldOut"]


def test_a_regression_end_to_end(mlmgmt: Command, home: Path) -> None:
    """Linear Regression on scikit-learn's diabetes data, compared with Ridge."""
    from sklearn.datasets import load_diabetes

    data = load_diabetes(as_frame=True)
    data.frame.to_csv("diabetes.csv", index=False)
    columns = {name: {"type": "Number", "format": "Double", "x-ms-isnullable": name == "target"} for name in data.frame}
    Path("predictive.json").write_text(json.dumps(regression(columns, trained=True)))
    Path("training.json").write_text(json.dumps(regression(columns, trained=False)))
    mlmgmt("new -g retail -l southcentralus -n sugar -DefinitionFile predictive.json -Force", ok=True)
    report = mlmgmt(
        "retrain -g retail -n sugar --training-definition training.json --data diabetes.csv --update -Force "
        "--holdout 0.2",
        ok=True,
    ).json
    assert report["Evaluation"]["New"]["Negative Log Likelihood"] is None
    assert report["Evaluation"]["Deployed"] is None
    got = mlmgmt("score -g retail -n sugar --input diabetes.csv", ok=True).json["Results"]["output1"]["value"]["Values"]
    assert len(got) == len(data.frame)
    assert mlmgmt("test -g retail -n sugar", ok=True).json["Passed"]


def regression(columns: dict[str, Any], *, trained: bool) -> dict[str, Any]:
    """A training graph with Linear Regression, or the predictive graph for its model."""

    def module(name: str, guid: str) -> dict[str, Any]:
        uri = f"aml://module/506153734175476c4f62416c57734963.{guid}.v1-default-1"
        return {"name": name, "type": "Module", "locationInfo": {"uri": uri}}

    def edge(source: str, port: str | None, target: str, target_port: str | None) -> dict[str, Any]:
        return {"sourceNodeId": source, "sourcePortId": port, "targetNodeId": target, "targetPortId": target_port}

    assets: dict[str, Any]
    if trained:
        uri = "https://elsewhere.blob.core.windows.net/models/sugar.ilearner"
        assets = {
            "model": {"name": "Sugar [trained model]", "type": "Resource", "locationInfo": {"uri": uri}},
            "score": module("Score Model", "401b4f92e7244d5abe81d5b0ff9bdb33"),
        }
        nodes = {"m": {"assetId": "model"}, "s": {"assetId": "score"}}
        edges = [
            edge("m", "Results dataset", "s", "Trained model"),
            edge("in", None, "s", "Dataset"),
            edge("s", "Scored dataset", "out", None),
        ]
        output = {"Scored Labels": {"type": "Number", "format": "Double"}}
    else:
        assets = {
            "learner": module("Linear Regression", "31960a6f789b4cf788d62e1152c0bd1a"),
            "train": module("Train Model", "5cc7053eaa30450d96c0dae4be720977"),
        }
        nodes = {
            "l": {"assetId": "learner"},
            "t": {"assetId": "train", "parameters": {"Label column": selection_of("target")}},
        }
        edges = [
            edge("l", "Untrained model", "t", "Untrained model"),
            edge("in", None, "t", "Dataset"),
            edge("t", "Trained model", "out", None),
        ]
        output = {}
    ports = {"type": "object", "properties": {"input1": {"type": "object", "properties": columns}}}
    package = {"nodes": {"in": {"inputId": "input1"}, "out": {"outputId": "output1"}, **nodes}, "edges": edges}
    out = {"type": "object", "properties": {"output1": {"type": "object", "properties": output}}}
    return {"properties": {"packageType": "Graph", "package": package, "input": ports, "output": out, "assets": assets}}


def lines(count: int) -> list[str]:
    return Path("new-customers.csv").read_text().splitlines()[:count]


def without_column(rows: list[str], place: int) -> list[str]:
    return [",".join(cell for index, cell in enumerate(row.split(",")) if index != place) for row in rows]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (list, "is empty"),
        (lambda: lines(1), "no rows"),
        (lambda: [*lines(5), "1,2,3"], "the line has 3 cells, but the header has 10"),
        (lambda: [*lines(5), lines(2)[1] + ",extra"], "the line has 11 cells"),
        (lambda: without_column(lines(50), 0), "lacks the column 'age'"),
        (lambda: [lines(1)[0].replace("age", "region"), *lines(9)[1:]], "names the column 'region' twice"),
        (lambda: [line for line in lines(400) if not line.endswith("Yes")], "has only one value"),
        (lambda: [row.replace(",Yes", ",").replace(",No", ",") for row in lines(60)], "label"),
        (
            lambda: [row if i == 0 else "," + row.split(",", 1)[1] for i, row in enumerate(lines(60))],
            "columns without any values",
        ),
        (lambda: [row if i != 3 else "old," + row.split(",", 1)[1] for i, row in enumerate(lines(60))], ":4: 'old'"),
        (lambda: lines(2), "cannot be held out"),
    ],
)
def test_bad_data_is_reported_and_changes_nothing(
    mlmgmt: Command, exported: Path, churn: Path, data: Any, words: str
) -> None:
    Path("bad.csv").write_text("\n".join(data()) + "\n" if data() else "")
    definition, before = exported.read_text(), blobs(churn)
    refused = mlmgmt(RETRAIN + "--data bad.csv --rewrite churn.json --update -Force")
    assert refused.status == 1
    assert words in refused.err
    assert exported.read_text() == definition
    assert blobs(churn) == before
    assert len(mlmgmt("history -g retail -n churn", ok=True).json) == 1


@pytest.mark.parametrize("content", [b"PK\x03\x04zip", b"\x00\x01\x02\x03", "á,b\n1,2\n".encode("latin-1")])
def test_a_file_that_is_not_csv_is_refused(mlmgmt: Command, churn: Path, content: bytes) -> None:
    Path("bad.csv").write_bytes(content)
    refused = mlmgmt(RETRAIN + "--data bad.csv")
    assert refused.status == 1
    assert "bad.csv is not" in refused.err


def allow_ctrl_c() -> None:
    """Handle Ctrl-C, which a process started in the background ignores by default."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


TRAINED_ON = ("node5", "Dataset")
SLEEPING = """import os, time
def azureml_main(table):
    open({begun!r}, 'w').write(str(os.getpid()))
    time.sleep(1000)
    return table,
"""


def sleeping_training(begun: Path) -> dict[str, Any]:
    """The training graph of the sample, with a script before Train Model that writes its process id and sleeps."""
    body: dict[str, Any] = json.loads(Path("churn-training.json").read_text())
    assets, package = body["properties"]["assets"], body["properties"]["package"]
    uri = f"aml://module/506153734175476c4f62416c57734963.{by_name('Execute Python Script').guid}.v1-default-1"
    assets["script"] = {"name": "Execute Python Script", "type": "Module", "locationInfo": {"uri": uri}}
    source = SLEEPING.format(begun=str(begun))
    package["nodes"]["sleep"] = {"assetId": "script", "parameters": {"R Script": {"value": source}}}
    (edge,) = (edge for edge in package["edges"] if (edge["targetNodeId"], edge.get("targetPortId")) == TRAINED_ON)
    package["edges"].append({**edge, "targetNodeId": "sleep", "targetPortId": "Dataset1"})
    edge |= {"sourceNodeId": "sleep", "sourcePortId": "Result Dataset"}
    return body


def test_ctrl_c_in_training_exits_with_130_and_changes_nothing(mlmgmt: Command, churn: Path, apart: Path) -> None:
    begun = apart / "begun"
    Path("sleeping.json").write_text(json.dumps(sleeping_training(begun)))
    mlmgmt("allow-scripts", ok=True)
    before = blobs(churn)
    line = "retrain -g retail -n churn --training-definition sleeping.json --data new-customers.csv -Verbose"
    process = subprocess.Popen(
        [sys.executable, "-m", "mlmgmt", *line.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=allow_ctrl_c,
    )
    until = time.monotonic() + 60
    while not (begun.exists() and begun.read_text()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "Interrupted" in err
    assert blobs(churn) == before
    assert not Path(f"/proc/{begun.read_text()}").exists()
