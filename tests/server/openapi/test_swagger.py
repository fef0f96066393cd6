"""The Swagger document of a web service is valid for every definition, and the service answers as it says."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from openapi_spec_validator import OpenAPIV2SpecValidator, validate

from mlmgmt import resources
from mlmgmt.definition import reading
from mlmgmt.protocol.swagger import swagger
from tests.conftest import FIXTURES, small_definition
from tests.server.conftest import Server, request_body

if TYPE_CHECKING:
    from mlmgmt.definition.schema import Contract

PATH = f"/subscriptions/{'b' * 32}/services/{'a' * 32}"
TABLE, OBJECTS = "/execute?api-version=2.0&details=true", "/execute?api-version=2.0&format=swagger"
BATCH = {
    "/swagger.json",
    "/jobs?api-version=2.0",
    "/jobs/{jobId}/start?api-version=2.0",
    "/jobs/{jobId}?api-version=2.0",
}
DEFINITIONS = sorted(
    str(path.relative_to(FIXTURES))
    for path in FIXTURES.rglob("*.json")
    if path.parent.parent.name != "models" and path.parent.name != "experiments"
)


def made(definition: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The Swagger document of a definition, checked to be valid and to be JSON."""
    found = swagger(definition, origin="http://127.0.0.1:8777", path=PATH, **more)
    validate(found, cls=OpenAPIV2SpecValidator)
    assert json.loads(json.dumps(found)) == found
    return found


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    """A definition of a Swagger document as JSON Schema, nullable where the document says so."""

    def widened(value: Any) -> Any:
        if isinstance(value, list):
            return [widened(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        found = {key: widened(inner) for key, inner in value.items()}
        if isinstance(value.get("type"), str) and (value.get("x-nullable") or value.get("x-ms-isnullable")):
            return {"anyOf": [found, {"type": "null"}]}
        return found

    return {"$ref": f"#/definitions/{name}", "definitions": widened(document["definitions"])}


def hold(value: Any, document: dict[str, Any], name: str) -> None:
    Draft4Validator(schema(document, name)).validate(value)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_fixture_has_a_valid_document(name: str, contract: Contract) -> None:
    definition, _ = reading.canonical(json.loads((FIXTURES / name).read_bytes()), contract)
    found = made(definition)
    paths = set(found["paths"])
    assert paths >= BATCH
    for request in ("ExecutionRequest", "TableExecutionRequest"):
        if OBJECTS in paths:
            hold(found["definitions"][request]["example"], found, request)
    identities = [body["operationId"] for path in found["paths"].values() for body in path.values()]
    assert len(set(identities)) == len(identities)


def test_a_service_that_gives_no_rows_has_only_batch_paths() -> None:
    for name in ("churn/churn-training.json", "definitions/no-inputs.json"):
        assert set(made(json.loads((FIXTURES / name).read_bytes()))["paths"]) == BATCH


def test_columns_have_their_declared_types() -> None:
    found = made(json.loads((FIXTURES / "churn/churn-predictive.json").read_bytes()))
    columns = found["definitions"]["input1Item"]["properties"]
    assert columns["age"] == {"type": "integer", "format": "int64", "x-ms-isnullable": False}
    assert columns["monthlyCharges"] == {"type": "number", "format": "double", "x-ms-isnullable": True}
    assert columns["contract"]["enum"] == ["Month-to-month", "One year", "Two year"]
    assert columns["paperlessBilling"]["type"] == "boolean"
    assert "churned" not in found["definitions"]["input1Item"]["required"]
    assert (found["host"], found["basePath"], found["schemes"]) == (
        "127.0.0.1:8777",
        PATH,
        ["http"],
    )


def test_rows_are_shown_only_by_a_service_that_exposes_them() -> None:
    rows = [[1977, "SECRET-CITY"], [1978, "OTHER-CITY"]]
    definition = small_definition(exampleRequest={"inputs": {"input1": rows}}, exposeSampleData=True)
    shown = made(definition)["definitions"]
    assert shown["ExecutionRequest"]["example"]["Inputs"]["input1"][0] == {"age": 1977, "city": "SECRET-CITY"}
    assert shown["TableExecutionRequest"]["example"]["Inputs"]["input1"] == {
        "ColumnNames": ["age", "city"],
        "Values": rows,
    }
    for expose in (False, None):
        definition["properties"]["exposeSampleData"] = expose
        hidden = made(definition)
        assert "CITY" not in json.dumps(hidden)
        assert "1977" not in json.dumps(hidden)
        assert set(hidden["definitions"]["ExecutionRequest"]["example"]["Inputs"]["input1"][0]) == {"age", "city"}


def test_parameters_and_their_defaults() -> None:
    definition = small_definition(
        parameters={
            "limit": {"value": "12"},
            "login": {"value": "hidden-1"},
            "cipher": {"value": "hidden-2", "certificateThumbprint": "A1"},
            "source": {"value": "https://a.blob.core.windows.net/c/b?sig=hidden-3"},
        }
    )
    links = [{"nodeId": "select", "parameterKey": "Select Columns"}]
    definition["properties"]["package"]["graphParameters"] = {
        "limit": {"type": "Int", "description": "How many.", "links": links},
        "login": {"type": "Credential", "links": links},
        "cipher": {"type": "String", "links": links},
        "source": {"type": "String", "links": links},
        "must": {"type": "String", "links": links},
    }
    found = made(definition)
    parameters = found["definitions"]["ExecutionRequest"]["properties"]["GlobalParameters"]
    assert parameters["properties"]["limit"]["default"] == "12"
    assert parameters["properties"]["limit"]["description"] == "How many."
    assert parameters["required"] == ["must"]
    assert "GlobalParameters" in found["definitions"]["ExecutionRequest"]["required"]
    assert "hidden" not in json.dumps(found)


def test_several_inputs_none_declared_and_ports_of_one_name() -> None:
    definition = small_definition()
    properties = definition["properties"]
    nodes = properties["package"]["nodes"]
    nodes["in2"], nodes["out"]["outputId"] = {"inputId": "a/b ~c"}, "input1"
    properties["output"]["properties"] = {"input1": properties["output"]["properties"]["output1"]}
    found = made(definition)
    request = found["definitions"]["ExecutionRequest"]["properties"]["Inputs"]
    assert request["required"] == ["input1", "a/b ~c"]
    assert {"input1Item", "input1ResultItem", "a/b ~cItem"} <= set(found["definitions"])
    hold({"Inputs": {"input1": [{"age": 1, "city": "x"}], "a/b ~c": [{"any": 1}]}}, found, "ExecutionRequest")
    undeclared = copy.deepcopy(definition)
    for side in ("input", "output"):
        del undeclared["properties"][side]
    free = made(undeclared)
    assert {OBJECTS, TABLE} <= set(free["paths"])
    hold({"Inputs": {"input1": [{"x": 1}], "a/b ~c": []}}, free, "ExecutionRequest")


NAMES = st.text(min_size=1, max_size=20) | st.sampled_from(
    ['a"b', "a/b", "a~1b", "a.b", "a%2Fb", "$ref", "ü 漢", "#", "{x}"]
)
FORMATS = resources.schema("webservice")["$defs"]["column"]["properties"]["format"]["anyOf"][0]["enum"]
COLUMNS = st.fixed_dictionaries(
    {"type": st.sampled_from(["Boolean", "Integer", "Number", "String"])},
    optional={
        "format": st.sampled_from(FORMATS),
        "enum": st.lists(st.one_of(st.text(max_size=5), st.integers(-9, 9), st.booleans(), st.none()), max_size=4),
        "x-ms-isnullable": st.booleans(),
    },
)


@settings(max_examples=60, deadline=None)
@given(columns=st.dictionaries(NAMES, COLUMNS, max_size=6), port=NAMES, other=NAMES)
def test_whatever_columns_and_ports_are_called(columns: dict[str, Any], port: str, other: str) -> None:
    definition = small_definition()
    properties = definition["properties"]
    properties["package"]["nodes"]["in"]["inputId"] = port
    properties["package"]["nodes"]["out"]["outputId"] = other
    properties["input"]["properties"] = {port: {"type": "object", "properties": columns}}
    properties["output"]["properties"] = {other: {"type": "object", "properties": columns}}
    found = made(definition, tables=[other])
    example = found["definitions"]["ExecutionRequest"]["example"]
    assert list(example["Inputs"][port][0]) == list(columns)
    reference = found["definitions"]["ExecutionRequest"]["properties"]["Inputs"]["properties"][port]["items"]["$ref"]
    name = unquote(reference.removeprefix("#/definitions/")).replace("~1", "/").replace("~0", "~")
    assert set(found["definitions"][name].get("properties", {})) == set(columns)
    hold(example, found, "ExecutionRequest")


def test_a_real_server_answers_as_its_document_says(server: Server) -> None:
    address = server.scoring()
    with server.client(authorization="") as client:
        answer = client.get(f"{address}/swagger.json")
        assert client.get(f"{address}/swagger.json", params={"api-version": "2.0"}).json() == answer.json()
        assert client.get(f"{address}/swagger.json", params={"api-version": "3.0"}).status_code == 400
    assert answer.status_code == 200
    document = answer.json()
    validate(document, cls=OpenAPIV2SpecValidator)
    base = f"{document['schemes'][0]}://{document['host']}{document['basePath']}"
    assert base == address
    key = {"authorization": f"Bearer {server.keys()['primary']}"}
    with server.client(**key) as client:
        for path, request, results, form in (
            (OBJECTS, "ExecutionRequest", "ExecutionResults", "objects"),
            (TABLE, "TableExecutionRequest", "TableExecutionResults", "table"),
        ):
            for body in (document["definitions"][request]["example"], request_body(50, form=form)):
                scored = client.post(base + path, json=body)
                assert scored.status_code == 200, (scored.text, server.lines)
                hold(scored.json(), document, results)
        refused = client.post(base + TABLE, json={"Inputs": {}})
        assert refused.status_code == 400
        hold(refused.json(), document, "ErrorResponse")
        storage = {"RelativeLocation": "data/x.csv"}
        wrong = client.post(f"{base}/jobs?api-version=2.0", json={"Inputs": {"input1": storage}})
        hold(wrong.json(), document, "ErrorResponse")


def test_a_job_s_status_is_as_the_document_says(server: Server, mlmgmt: Any) -> None:
    token = mlmgmt("sas data -Permission rcw -o json", ok=True).json
    place = {"RelativeLocation": "data/new.csv", **{name: token[name] for name in ("BaseLocation", "SasBlobToken")}}
    base, key = server.scoring(), {"authorization": f"Bearer {server.keys()['primary']}"}
    with server.client(**key) as client:
        document = client.get(f"{base}/swagger.json").json()
        name = token["BaseLocation"].partition("//")[2].partition(".")[0]
        sent = client.put(
            f"/{name}/data/new.csv{token['SasBlobToken']}", content=Path("new-customers.csv").read_bytes()
        )
        assert sent.status_code == 201, sent.text
        body = {"Inputs": {"input1": place}, "GlobalParameters": {}}
        hold(body, document, "BatchExecutionRequest")
        job = client.post(f"{base}/jobs?api-version=2.0", json=body)
        assert job.status_code == 200, job.text
        status = client.get(f"{base}/jobs/{job.json()}?api-version=2.0").json()
    hold(status, document, "BatchExecutionStatus")
    assert status["StatusCode"] == "NotStarted"


def test_documents_of_services_that_are_not_there(server: Server) -> None:
    address = server.scoring()
    with server.client(authorization="") as client:
        unknown = client.get(f"{address[:-32]}{'0' * 32}/swagger.json")
        assert (unknown.status_code, unknown.json()["error"]["details"][0]["code"]) == (404, "WebServiceNotFound")
        other = client.get(address.replace(server.subscription.replace("-", ""), "0" * 32) + "/swagger.json")
        assert (other.status_code, other.json()["error"]["details"][0]["code"]) == (400, "BadSubscriptionId")


def test_a_training_service_s_document_knows_what_its_graph_gives(server: Server) -> None:
    training = json.loads(Path("churn-training.json").read_text())
    assert server.ask("PUT", server.service("train"), json=training).status_code == 201
    with server.client() as client:
        assert set(client.get(f"{server.scoring('train')}/swagger.json").json()["paths"]) == BATCH
        key = {"authorization": f"Bearer {server.keys('train')['primary']}"}
        refused = client.post(f"{server.scoring('train')}{TABLE}", json=request_body(2), headers=key)
    assert refused.status_code == 400
    assert refused.json()["error"]["details"][0]["code"] == "IncompatibleModel"
