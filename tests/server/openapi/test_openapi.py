"""The server's OpenAPI document is valid and complete, and the server keeps to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from mlmgmt.protocol.operations import OPERATIONS
from mlmgmt.server.openapi import document as openapi
from tests.conftest import small_definition
from tests.server import fuzzing

if TYPE_CHECKING:
    from tests.server.conftest import Server


def test_the_document_is_valid_and_has_every_operation(server: Server) -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator, validate

    with server.client() as client:
        answer = client.get("/openapi.json", headers={"authorization": ""})
    document = answer.json()
    validate(document, cls=OpenAPIV31SpecValidator)
    assert document["servers"][0]["url"] == server.origin
    described = {body["operationId"]: body for path in document["paths"].values() for body in path.values()}
    assert set(described) == {operation.name for operation in OPERATIONS}
    tags = {tag["name"] for tag in document["tags"]}
    for operation in OPERATIONS:
        body = described[operation.name]
        assert set(body["tags"]) <= tags
        assert body["summary"] == operation.summary
        assert {*map(str, operation.statuses)} < set(body["responses"])


def test_every_component_is_used_and_exists() -> None:
    document = openapi.document("http://127.0.0.1:8777")
    used = set(re.findall(r"#/components/schemas/(\w+)", repr(document)))
    assert used == set(document["components"]["schemas"])


def test_every_operation_keeps_to_the_document(server: Server, mlmgmt: Any) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    ground = fuzzing.prepared(server, mlmgmt)
    wrong = list(fuzzing.asked(ground, examples=3))
    assert not wrong, "\n\n".join(wrong)
    # Each operation also succeeded, and was not only refused. The document itself was read at the beginning.
    done = {name for name, status in ground.seen if status < 400}
    assert done == {operation.name for operation in OPERATIONS if operation.statuses} - {"OpenApi_Get"}


def test_documents_with_something_else_in_them_are_refused_or_taken(server: Server, mlmgmt: Any) -> None:
    ground = fuzzing.prepared(server, mlmgmt)
    assert not list(fuzzing.refused_badly(ground, times=25))
    assert {status // 100 for _, status in ground.seen} == {2, 4}


@pytest.mark.parametrize("reference", [{"value": [{}]}, ["x"], 5, True])
def test_references_that_are_no_names_are_refused(server: Server, reference: Any) -> None:
    definition = small_definition()
    package = definition["properties"]["package"]
    package["edges"][0]["sourceNodeId"] = package["edges"][1]["targetPortId"] = reference
    package["nodes"]["select"]["assetId"] = package["nodes"]["in"]["inputId"] = reference
    answer = server.ask("PUT", server.service("odd"), json=definition)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("value", [5, [], {"a": "b"}, True])
def test_tags_are_texts(server: Server, value: Any) -> None:
    body = {"location": "South Central US", "tags": {"a": value}}
    for path in (
        server.group.replace("retail", "other"),
        f"{server.group}/providers/Microsoft.Storage/storageAccounts/tagged",
    ):
        answer = server.ask("PUT", path, json=body)
        assert (answer.status_code, answer.json()["error"]["details"][0]["code"]) == (400, "InvalidTags")


def test_the_first_groups_alone_are_asked_for(server: Server) -> None:
    for name in ("alpha", "beta"):
        server.ask("PUT", server.group.replace("retail", name), json={"location": "South Central US"})
    place = server.group.rpartition("/")[0]
    assert len(server.ask("GET", place).json()["value"]) == 3
    assert len(server.ask("GET", place, query={"$top": "2"}).json()["value"]) == 2
    assert server.ask("GET", place, query={"$top": "none"}).status_code == 400
