"""The published walkthrough: rental locations, one experiment, and an endpoint for each, with its own model.

The walkthrough has ten locations; here are four, and `tests/endurance` has all of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from mlmgmt.learning import ilearner
from tests.conftest import FIXTURES

if TYPE_CHECKING:
    from tests.conftest import Command

BIKES = FIXTURES / "bike-rental"
TRAINING, SCORING, RESOURCE = "Bike Rental Training", "Bike Rental Scoring", "Bike Rental [trained model]"
NAMES = [f"rentalloc{number:03}" for number in range(1, 11)]
COLUMNS = ("season", "mnth", "hr", "holiday", "workingday", "weathersit", "temp", "hum", "windspeed", "cnt")
ROW = ("3", "7", "17", "0", "1", "1", "0.72", "0.55", "0.12", "0")


def training_graph() -> None:
    """The training experiment of the walkthrough: its data comes only through the web service parameter URI."""
    body = json.loads((BIKES / "bike-rental-training.json").read_text())
    properties = body["properties"]
    package = properties["package"]
    package["graphParameters"]["URI"] = package["graphParameters"].pop("Data path")
    properties["parameters"] = {"URI": {"value": "bike-rental/rentals.csv"}}
    (port,) = (name for name, node in package["nodes"].items() if node["inputId"])
    del package["nodes"][port]
    package["edges"] = [edge for edge in package["edges"] if edge["sourceNodeId"] != port]
    properties["input"]["properties"] = {}
    Path("training.json").write_text(json.dumps(body))


def deploy(mlmgmt: Command) -> None:
    """Deploy two Classic web services from one experiment, and put the tables of all locations into its account."""
    mlmgmt("Connect-AzAccount -AccountId ada@example.com", ok=True)
    mlmgmt("New-AzResourceGroup -Name retail -Location southcentralus", ok=True)
    mlmgmt("New-AzStorageAccount -g retail -Name studioresearch -Location southcentralus", ok=True)
    container = Path(".mlmgmt/storage/studioresearch/bike-rental")
    container.mkdir(parents=True)
    few = (BIKES / "rentals.csv").read_text().splitlines()[:400]
    (container / "rentals.csv").write_text("\n".join(few) + "\n")
    words = [sys.executable, str(BIKES / "generate.py"), str(container), "--locations", "10", "--hours", "400"]
    subprocess.run(words, check=True)
    training_graph()
    mlmgmt(["Import-AmlExperimentGraph", "-InputFile", "training.json", "-NewName", "Bike Rental"], ok=True)
    mlmgmt(["Start-AmlExperiment", "-ExperimentId", "Bike Rental"], ok=True)
    mlmgmt(["set-up-web-service", "Bike Rental", "-Predictive"], ok=True)
    for source, name in (("Bike Rental", TRAINING), ("Bike Rental [Predictive Exp.]", SCORING)):
        mlmgmt(["Copy-AmlExperiment", "-ExperimentId", source, "-NewExperimentName", name], ok=True)
        mlmgmt(["Start-AmlExperiment", "-ExperimentId", name], ok=True)
        mlmgmt(["New-AmlWebService", "-PredictiveExperimentId", name], ok=True)


def test_each_location_gets_an_endpoint_with_its_model(mlmgmt: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    walk(mlmgmt, monkeypatch, NAMES[:4])


def walk(mlmgmt: Command, monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    # One job runs for each processor, so one thread is enough for each.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    deploy(mlmgmt)
    services = {body["Name"]: body["Id"] for body in mlmgmt("Get-AmlWebService -o json", ok=True).json}
    training, scoring = services[TRAINING], services[SCORING]
    (trains,) = mlmgmt(f"Get-AmlWebServiceEndpoint -WebServiceId {training} -o json", ok=True).json
    assert trains["Resources"] == []

    key, *_ = mlmgmt("storage-keys -g retail -n studioresearch -o json", ok=True).json
    connection = f"DefaultEndpointsProtocol=https;AccountName=studioresearch;AccountKey={key['Value']}"

    def job(number: int) -> str:
        goal = {"ConnectionString": connection, "RelativeLocation": f"bike-rental/model{number:03}.ilearner"}
        table = f"bike-rental/{names[number - 1]}.csv"
        return json.dumps({"GlobalParameters": {"URI": table}, "Outputs": {"output1": goal}})

    at = ["-WebServiceId", training, "-EndpointName", "default"]
    submitted = [
        mlmgmt(["batch", "submit", *at, "-JobFile", job(number), "-Start", "-o", "json"], ok=True).json["JobId"]
        for number in range(2, len(names) + 1)
    ]

    # Add the endpoints while the jobs run in their own processes.
    for name in names:
        mlmgmt(f"Add-AmlWebServiceEndpoint -WebServiceId {scoring} -EndpointName {name} -Description {name}", ok=True)
    before = {name: answered(mlmgmt, scoring, name) for name in ("default", *names)}
    assert len(set(before.values())) == 1

    # The first job is run by the cmdlet, which waits for it.
    address = f"{trains['ApiLocation']}/jobs?api-version=2.0"
    words = ["Invoke-AmlWebServiceBESEndpoint", "-ApiKey", trains["PrimaryKey"], "-SubmitJobRequestUrl", address]
    statuses = [json.loads(mlmgmt([*words, "-JobConfigString", job(1)], ok=True).out)]
    statuses += [mlmgmt(["batch", "wait", *at, "-JobId", one, "-o", "json"], ok=True).json for one in submitted]
    assert {status["StatusCode"] for status in statuses} == {"Finished"}

    for name, status in zip(names, statuses, strict=True):
        place = status["Results"]["output1"]
        words = ["Patch-AmlWebServiceEndpoint", "-WebServiceId", scoring, "-EndpointName", name]
        for parameter in ("BaseLocation", "RelativeLocation", "SasBlobToken"):
            words += [f"-{parameter}", place[parameter]]
        mlmgmt([*words, "-ResourceName", RESOURCE], ok=True)

    after = {name: answered(mlmgmt, scoring, name) for name in ("default", *names)}
    assert after["default"] == before["default"]
    assert len(set(after.values())) == len(names) + 1
    for number, name in enumerate(names, 1):
        content = Path(f".mlmgmt/storage/studioresearch/bike-rental/model{number:03}.ilearner").read_bytes()
        assert after[name] == pytest.approx(predicted(content))
        (resource,) = mlmgmt(["endpoints", scoring, name, "-o", "json"], ok=True).json["Resources"]
        assert resource["Location"]["RelativeLocation"] == f"bike-rental/model{number:03}.ilearner"


def answered(mlmgmt: Command, service: str, endpoint: str) -> float:
    """Return an endpoint's answer to the request, called with its own key."""
    shown = mlmgmt(f"Get-AmlWebServiceEndpoint -WebServiceId {service} -EndpointName {endpoint} -o json", ok=True).json
    body = {"Inputs": {"input1": {"ColumnNames": COLUMNS, "Values": [ROW]}}, "GlobalParameters": {}}
    words = ["Invoke-AmlWebServiceRRSEndpoint", "-ApiKey", shown["PrimaryKey"], "-ApiLocation", shown["ApiLocation"]]
    value = json.loads(mlmgmt([*words, "-InputJsonText", json.dumps(body)], ok=True).out)["Results"]["output1"]["value"]
    return float(value["Values"][0][value["ColumnNames"].index("Scored Labels")])


def predicted(content: bytes) -> float:
    """Return what the scikit-learn pipeline in a model file predicts for the same row."""
    trained: Any = ilearner.unpack(content, key=None, home="", trusts=lambda _: True)[0]
    asked = dict(zip(COLUMNS, ROW, strict=True))
    # Categories are strings for scikit-learn; everything else is a number.
    values = {
        feature.name: [asked[feature.name] if feature.type == "Categorical" else float(asked[feature.name])]
        for feature in trained.features
    }
    return float(trained.estimator.predict(pd.DataFrame(values))[0])
