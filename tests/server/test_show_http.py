"""`-ShowHttp` shows the HTTP request of a command, and sending it unchanged does what the command does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlmgmt.cmdlets import registry
from mlmgmt.ids import EndpointId
from mlmgmt.protocol import classic, operations
from mlmgmt.protocol.operation import Proof
from mlmgmt.verbs.session import Session
from tests.classic.classic_home import REQUEST, RESOURCE, SCORING, Bikes


def shown(err: str) -> tuple[str, str, Any]:
    """The method, the path with its query, and the body of the request on standard error."""
    line = next(line for line in err.splitlines() if "{origin}" in line)
    method, _, place = line.partition(" ")
    _, _, body = err.partition("Content-Type: application/json\n\n")
    value = json.JSONDecoder().raw_decode(body)[0] if body else None
    return method, place.removeprefix("{origin}"), value


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("get -g retail -n churn", "GET RG/webServices/churn?VERSION"),
        ("get -g retail", "GET RG/webServices?VERSION"),
        ("get", "GET SUB/webServices?VERSION"),
        (
            "get -g retail -n churn -Region southcentralus",
            "GET RG/webServices/churn?VERSION&region=southcentralus",
        ),
        ("keys -g retail -n churn", "GET RG/webServices/churn/listKeys?VERSION"),
        ("remove -g retail -n churn -WhatIf", "DELETE RG/webServices/churn?VERSION"),
        ("plans -g retail", "GET RG/commitmentPlans?api-version=2016-05-01-preview"),
        ("skus", "GET SUB/skus?api-version=2016-05-01-preview"),
        (
            "add-region -g retail -n churn -Region westeurope -WhatIf",
            "POST RG/webServices/churn/CreateRegionalBlob?VERSION&region=westeurope",
        ),
    ],
)
def test_show_http_shows_the_request_of_a_command(mlmgmt: Any, churn: Path, line: str, expected: str) -> None:
    subscription = mlmgmt("Get-AzContext -o json", ok=True).json["Subscription"]["SubscriptionId"]
    plain = mlmgmt(line, ok=True)
    told = mlmgmt(f"{line} --show-http", ok=True)
    assert told.out == plain.out
    method, place, body = shown(told.err)
    group = f"/subscriptions/{subscription}/resourceGroups/retail/providers/Microsoft.MachineLearning"
    own = f"/subscriptions/{subscription}/providers/Microsoft.MachineLearning"
    wanted = expected.replace("RG", group).replace("SUB", own).replace("VERSION", "api-version=2017-01-01")
    assert (f"{method} {place}", body) == (wanted, None)
    assert "Authorization: Bearer (mlmgmt token)" in told.err


def test_secrets_are_not_shown(mlmgmt: Any, churn: Path) -> None:
    told = mlmgmt(
        ["update", "-g", "retail", "-n", "churn", "-Title", "T", "-Keys", "@{Primary='SECRET'}", "-WhatIf", "-ShowHttp"]
    )
    method, _, body = shown(told.err)
    assert (method, body) == (
        "PATCH",
        {"properties": {"packageType": "Graph", "title": "T", "keys": {"primary": "..."}}},
    )
    assert "SECRET" not in told.err + told.out


def test_a_scoring_request_has_its_rows(mlmgmt: Any, churn: Path) -> None:
    lines = Path("new-customers.csv").read_text().splitlines()[:3]
    Path("few.csv").write_text("\n".join(lines) + "\n")
    told = mlmgmt("score -g retail -n churn --input few.csv -ShowHttp", ok=True)
    method, place, body = shown(told.err)
    assert method == "POST"
    assert place.endswith("/execute?api-version=2.0&details=true")
    # Each row is on one line.
    assert told.err.count("\n") < 25
    table = body["Inputs"]["input1"]
    assert [table["ColumnNames"], *table["Values"]] == [line.split(",") for line in lines]


def test_the_request_has_the_effect_of_the_command(server: Any, mlmgmt: Any) -> None:
    Path("small.json").write_text(json.dumps(_definition()))
    lines = (
        "new-group -n wholesale -l westeurope",
        "new -g wholesale -l westeurope -n small -DefinitionFile small.json",
        "update -g wholesale -n small -Description Said.",
        "new-plan -g wholesale -n plan -l westeurope -SkuName S1 -SkuTier Standard -SkuCapacity 2",
    )
    with server.client() as client:
        for line in lines:
            # -WhatIf: the change is made by the request that is shown.
            method, place, body = shown(mlmgmt(f"{line} -WhatIf -ShowHttp").err)
            answer = client.request(method, place, json=body)
            assert answer.status_code in (200, 201), (line, answer.text)
    assert mlmgmt("get -g wholesale -n small", ok=True).json["properties"]["description"] == "Said."
    assert mlmgmt("plan -g wholesale -n plan -o json", ok=True).json["sku"]["capacity"] == 2


def _definition() -> Any:
    from tests.conftest import small_definition

    return {**small_definition(), "location": "westeurope"}


def test_classic_commands_have_classic_paths(mlmgmt: Any, bikes: Bikes) -> None:
    own = f"/workspaces/{Session().workspace}"
    service = f"{own}/webservices/{bikes.service}"
    experiment = mlmgmt(["get-experiment", SCORING], ok=True).json["ExperimentId"]
    studio = f"/api{own}/experiments"
    endpoint = EndpointId(Session().workspace, bikes.service, "loc001")
    Path("request.csv").write_text(REQUEST)
    at = ["-s", SCORING, "-e", "loc001"]
    for words, method, place in (
        (["web-services"], "GET", f"{own}/webservices"),
        (["web-services", SCORING], "GET", service),
        (["endpoints", SCORING], "GET", f"{service}/endpoints"),
        (["endpoints", SCORING, "loc001"], "GET", f"{service}/endpoints/loc001"),
        (["refresh-endpoint", *at], "POST", f"{service}/endpoints/loc001/refresh"),
        (["remove-endpoint", *at, "-WhatIf"], "DELETE", f"{service}/endpoints/loc001"),
        (["remove-web-service", SCORING, "-WhatIf"], "DELETE", service),
        (["deploy", SCORING, "-WhatIf"], "POST", f"{studio}/{experiment}/webservice?generateNewPortNames=false"),
        (["experiments"], "GET", studio),
        (["score", *at, "--input", "request.csv"], "POST", f"{endpoint.scoring_path}/execute"),
    ):
        told = mlmgmt([*words, "-ShowHttp"], ok=True).err
        found = shown(told)
        assert found[0] == method
        assert found[1].removesuffix("?api-version=2.0&details=true") == place
        header = "x-ms-metaanalytics-authorizationtoken: " if "/api/" in place else "Authorization: Bearer "
        assert told.split("{origin}")[1].splitlines()[1].startswith(header)


def test_the_signature_of_a_patch_is_not_shown(mlmgmt: Any, bikes: Bikes) -> None:
    told = mlmgmt(bikes.patch("loc001", "model001", "-WhatIf", "-ShowHttp"), ok=True).err
    method, place, body = shown(told)
    assert (method, place.rpartition("/")[2]) == ("PATCH", "loc001")
    location = {**bikes.location("model001"), "SasBlobToken": "..."}
    assert body == {"Resources": [{"Name": RESOURCE, "Location": location}]}
    assert "sig=" not in told


def test_a_command_without_an_http_equivalent_says_so(mlmgmt: Any, churn: Path) -> None:
    assert "has no HTTP equivalent" in mlmgmt("history -g retail -n churn -ShowHttp", ok=True).err
    told = mlmgmt("batch status -g retail -n churn -ShowHttp", ok=True).err
    assert "has an HTTP equivalent only if -JobId is given" in told


def test_the_calls_of_cmdlets_are_operations() -> None:
    known = {operation.name for operation in operations.OPERATIONS}
    assert {call for cmdlet in registry.CMDLETS for call in cmdlet.calls} <= known
    management = {
        name for name in known if name.split("_")[0] in ("WebServices", "CommitmentPlans", "CommitmentAssociations")
    }
    # A deployment's result is in its answer; services of code cannot be published; cmdlets make drafts from files.
    others = {"GetDeployment", "Publish", "Create", "GetApiDocument"}
    management |= {
        operation.name
        for operation in classic.CLASSIC
        if operation.proof is Proof.WORKSPACE and operation.name.split("_")[1] not in others
    }
    assert management <= {call for cmdlet in registry.CMDLETS for call in cmdlet.calls}
