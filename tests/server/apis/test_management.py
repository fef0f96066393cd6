"""Web services over HTTP: the same story as on the command line, and the same files after it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlmgmt.protocol.operations import OPERATIONS
from tests.conftest import small_definition
from tests.server.conftest import V2016, Server


def test_a_service_is_made_looked_at_changed_and_removed(server: Server) -> None:
    made = server.ask("PUT", server.service("small"), json=small_definition())
    assert made.status_code == 201
    assert made.json()["properties"]["provisioningState"] == "Succeeded"
    assert made.json()["id"] == server.service("small")
    again = server.ask("PUT", server.service("small"), json=small_definition(title="Again"))
    assert (again.status_code, again.json()["properties"]["title"]) == (200, "Again")
    changed = server.ask("PATCH", server.service("SMALL"), json={"properties": {"description": "Said."}})
    assert changed.status_code == 200
    found = server.ask("GET", server.service("small").replace("resourceGroups", "RESOURCEGROUPS"))
    assert found.json()["properties"]["description"] == "Said."
    assert found.json()["name"] == "small"
    assert server.ask("DELETE", server.service("small")).status_code == 204
    assert server.ask("DELETE", server.service("small")).status_code == 204
    gone = server.ask("GET", server.service("small"))
    assert gone.status_code == 404
    assert gone.json()["error"]["code"] == "NotFound"
    assert gone.json()["error"]["details"][0]["code"] == "WebServiceNotFound"
    assert "small" in gone.json()["error"]["details"][0]["message"]


def test_a_change_is_over_when_it_is_answered_and_its_operation_says_so(server: Server) -> None:
    changed = server.ask("PATCH", server.service(), json={"properties": {"title": "Other"}})
    place = changed.headers["azure-asyncoperation"]
    assert place.startswith(server.origin)
    with server.client() as client:
        assert (
            client.get(server.service(), params={"api-version": "2017-01-01"}).json()["properties"]["title"] == "Other"
        )
        server.ask("DELETE", server.service())
        status = client.get(place)
        other = client.get(place.replace("operationsStatus/", "operationsStatus/0"))
    assert status.status_code == 200
    assert {status.json()["status"], status.json()["provisioningState"]} == {"Succeeded"}
    assert status.json()["name"] in place
    assert status.json()["percentComplete"] == 1.0
    assert other.status_code == 404


def test_both_faces_leave_the_same_files(server: Server, mlmgmt: Any, home: Path) -> None:
    """The same definition and the same change, once by the command line and once over HTTP."""
    Path("small.json").write_text(json.dumps(small_definition()))
    mlmgmt("new -g retail -l southcentralus -n typed -DefinitionFile small.json -Force", ok=True)
    mlmgmt("update -g retail -n typed -Title Other -Force", ok=True)
    body = {**small_definition(), "location": "southcentralus"}
    server.ask("PUT", server.service("sent"), json=body)
    server.ask("PATCH", server.service("sent"), json={"properties": {"title": "Other"}})

    def kept(name: str, number: int) -> Any:
        folder = next(home.glob(f"subscriptions/*/resourcegroups/retail/providers/*/webservices/{name}"))
        text = (folder / "revisions" / f"{number:06}.json").read_text()
        revision = json.loads(text.replace(name, "NAME"))
        properties = revision["document"]["properties"]
        for own in ("createdOn", "modifiedOn", "swaggerLocation"):
            properties.pop(own)
        for own in ("etag", "modifiedOn", "source"):
            revision.pop(own, None)
        return json.dumps(revision)

    assert kept("typed", 1) == kept("sent", 1)
    assert kept("typed", 2) == kept("sent", 2)


def test_both_faces_refuse_with_the_same_codes(server: Server, mlmgmt: Any) -> None:
    def codes(error: dict[str, Any]) -> list[str]:
        return [error["code"], *(detail["code"] for detail in error.get("details", ()))]

    def typed(line: str, file: dict[str, Any] | None = None) -> list[str]:
        if file is not None:
            Path("change.json").write_text(json.dumps(file))
        return codes(json.loads(mlmgmt(f"{line} -o json").err.partition("{")[2].join(("{", "")))["error"])

    def sent(method: str, path: str, body: Any = None, version: str = "2017-01-01") -> list[str]:
        return codes(server.ask(method, path, json=body, version=version).json()["error"])

    new = "new -g retail -l southcentralus -n other -Force -DefinitionFile change.json"
    update = "update -g retail -n churn -Force -ServiceUpdates change.json"
    wrong = small_definition(realtimeConfiguration={"maxConcurrentCalls": 3})
    assert sent("PUT", server.service("other"), wrong) == typed(new, wrong)
    moved = {"location": "West Europe", "properties": {"title": "x"}}
    assert sent("PATCH", server.service(), moved) == typed(update, moved)
    assert sent("PATCH", server.service(), {}) == typed(update, {})
    assert sent("GET", server.service("nobody")) == typed("get -g retail -n nobody")
    elsewhere = server.service("x").replace("retail", "wholesale")
    assert sent("GET", elsewhere) == typed("get -g wholesale -n x")
    blob = "https://mlstore00000000.blob.core.windows.net/models/no.ilearner"
    model = {"properties": {"assets": {"asset3": {"name": "m", "type": "Resource", "locationInfo": {"uri": blob}}}}}
    assert sent("PATCH", server.service(), model) == typed(update, model)


def test_who_asks_must_be_known_and_may_be_a_reader(server: Server, mlmgmt: Any) -> None:
    path = server.service()
    with server.client(authorization="Bearer none") as nobody:
        refused = nobody.get(path, params={"api-version": "2017-01-01"})
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer ")
    assert refused.json()["error"]["code"] == "InvalidAuthenticationToken"
    mlmgmt("Set-AzContext -Role Reader", ok=True)
    server.token = json.loads(mlmgmt("token -o json", ok=True).out)["Token"]
    assert server.ask("GET", path).status_code == 200
    for method, where in (("PATCH", path), ("DELETE", path), ("GET", f"{path}/listKeys")):
        answer = server.ask(method, where, json={"properties": {"title": "x"}} if method == "PATCH" else None)
        assert answer.status_code == 403, where
        assert answer.json()["error"]["code"] == "AuthorizationFailed"


def test_a_token_expires(server: Server, churn: Path, mlmgmt: Any) -> None:
    server.token = json.loads(mlmgmt(["token", "-Hours", str(1 / 60), "-o", "json"], ok=True).out)["Token"]
    digest = next(
        path for path in Path(str(churn)).parent.parent.rglob("tokens/*.json") if "expiresOn" in path.read_text()
    )
    assert server.ask("GET", server.service()).status_code == 200
    for path in digest.parent.glob("*.json"):
        body = json.loads(path.read_text())
        path.write_text(json.dumps({**body, "expiresOn": "2020-01-01T00:00:00.0000000Z"}))
    assert server.ask("GET", server.service()).json()["error"]["code"] == "ExpiredAuthenticationToken"


def test_lists_come_in_pages(server: Server) -> None:
    with server.client() as client:
        for number in range(120):
            path = server.service(f"små {number:03}+")
            assert client.put(path, params={"api-version": "2017-01-01"}, json=small_definition()).status_code == 201
        place = server.service().rsplit("/", 1)[0]
        by_subscription = f"/subscriptions/{server.subscription}/providers/Microsoft.MachineLearning/webServices"
        for where in (place, by_subscription):
            names: list[str] = []
            sizes = []
            link = f"{server.origin}{where}?api-version=2017-01-01"
            while link:
                page = client.get(link).json()
                names += [item["name"] for item in page["value"]]
                sizes.append(len(page["value"]))
                link = page.get("nextLink", "")
                assert not link or "api-version=2017-01-01" in link
            assert sizes == [100, 21]
            assert names == ["churn", *(f"små {number:03}+" for number in range(120))]
        assert "package" not in page["value"][0]["properties"]
        bad = client.get(f"{place}?api-version=2017-01-01&$skiptoken=%25%25")
    assert bad.status_code == 400


def test_the_older_api_version_has_plain_parameters(server: Server) -> None:
    body = small_definition(parameters={"limit": "12"})
    made = server.ask("PUT", server.service("small"), version=V2016, json=body)
    assert made.json()["properties"]["parameters"] == {"limit": "12"}
    newer = server.ask("GET", server.service("small")).json()
    assert newer["properties"]["parameters"] == {"limit": {"value": "12"}}
    assert server.ask("POST", f"{server.service()}/CreateRegionalBlob", version=V2016).status_code == 400


def test_secrets_do_not_come_back(server: Server) -> None:
    body = small_definition(
        keys={"primary": "PRIMARY-OF-MINE", "secondary": "SECONDARY-OF-MINE"},
        storageAccount={"name": "someaccount", "key": "KEY-OF-MINE"},
        commitmentPlan={"id": f"{server.group}/providers/Microsoft.MachineLearning/commitmentPlans/none"},
    )
    made = server.ask("PUT", server.service("small"), json=body)
    assert made.status_code == 201
    found = server.ask("GET", server.service("small"))
    assert "OF-MINE" not in made.text + found.text
    assert "commitmentPlan" not in found.json()["properties"]
    assert found.json()["properties"]["storageAccount"] == {"name": "someaccount"}
    assert server.keys("small") == {"primary": "PRIMARY-OF-MINE", "secondary": "SECONDARY-OF-MINE"}
    kept = server.ask("PATCH", server.service("small"), json={"properties": {"keys": {"primary": "NEW-OF-MINE"}}})
    assert kept.status_code == 200
    assert server.keys("small") == {"primary": "NEW-OF-MINE", "secondary": "SECONDARY-OF-MINE"}


def test_an_etag_guards_a_change(server: Server) -> None:
    etag = server.ask("GET", server.service()).headers["etag"]
    assert (
        server.ask("PATCH", server.service(), json={"tags": {"a": "b"}}, headers={"if-match": etag}).status_code == 200
    )
    late = server.ask("PATCH", server.service(), json={"tags": {"a": "c"}}, headers={"if-match": etag})
    assert (late.status_code, late.json()["error"]["details"][0]["code"]) == (412, "EtagMismatch")
    kept = server.ask("DELETE", server.service(), headers={"if-match": etag})
    assert (kept.status_code, kept.json()["error"]["details"][0]["code"]) == (412, "EtagMismatch")
    only_new = {"if-none-match": "*"}
    stands = server.ask("PUT", server.service(), json=small_definition(), headers=only_new)
    assert (stands.status_code, stands.json()["error"]["details"][0]["code"]) == (412, "AlreadyExists")
    assert server.ask("PUT", server.service("small"), json=small_definition(), headers=only_new).status_code == 201
    etag = server.ask("GET", server.service()).headers["etag"]
    assert server.ask("DELETE", server.service(), headers={"if-match": etag}).status_code == 204


def test_what_is_wrong_with_a_request_is_said(server: Server) -> None:
    def code(answer: Any) -> tuple[int, str]:
        assert answer.headers["x-ms-request-id"]
        return answer.status_code, answer.json()["error"]["code"]

    path = server.service()
    with server.client() as client:
        assert code(client.get(path)) == (400, "MissingApiVersionParameter")
        assert code(client.get(path, params={"api-version": "2020-01-01"})) == (400, "InvalidApiVersionParameter")
        assert code(client.get("/nothing/here")) == (404, "NotFound")
        assert code(client.post(path, params={"api-version": "2017-01-01"})) == (405, "MethodNotAllowed")
        other = path.replace(server.subscription, "00000000-0000-0000-0000-000000000000")
        assert code(client.get(other, params={"api-version": "2017-01-01"})) == (404, "SubscriptionNotFound")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{", 400),
        (b"", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b'{"location": 5, "properties": {}}', 400),
        (b'{"location": "x", "properties": []}', 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, 400),
        (b"\xff\xfe\x00", 400),
        (b" " * (33 * 1024 * 1024), 413),
    ],
    ids=["cut off", "empty", "list", "text", "location", "properties", "deep list", "deep object", "binary", "large"],
)
def test_what_is_wrong_with_a_body_is_said(server: Server, content: bytes, expected: int) -> None:
    answer = server.ask("PUT", server.service("other"), content=content)
    assert answer.status_code == expected
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:1", 200),
        ("[::1]", 200),
        ("evil.example.com", 400),
        ("127.0.0.1.evil.com", 400),
    ],
)
def test_only_this_machine_s_names_are_answered(server: Server, host: str, status: int) -> None:
    with server.client(host=host) as client:
        assert client.get("/healthz").status_code == status


def test_correlation_ids_come_back(server: Server) -> None:
    headers = {
        "x-ms-correlation-request-id": "abc-1",
        "x-ms-client-request-id": "def-2",
        "x-ms-return-client-request-id": "true",
    }
    answer = server.ask("GET", server.service(), headers=headers)
    assert answer.headers["x-ms-correlation-request-id"] == "abc-1"
    assert answer.headers["x-ms-client-request-id"] == "def-2"
    refused = server.ask("GET", server.service("nobody"), headers=headers)
    assert (refused.status_code, refused.headers["x-ms-correlation-request-id"]) == (404, "abc-1")
    assert refused.headers["x-ms-client-request-id"] == "def-2"
    for given in ({"x-ms-correlation-request-id": "a b;c"}, {}):
        own = server.ask("GET", server.service(), headers=given).headers
        assert own["x-ms-correlation-request-id"] == own["x-ms-request-id"]


def test_a_region_is_added(server: Server) -> None:
    missing = server.ask("GET", server.service(), query={"region": "westeurope"})
    assert missing.status_code == 404
    assert missing.json()["error"]["details"][0]["code"] == "PerRegionPayloadNotFound"
    made = server.ask("POST", f"{server.service()}/CreateRegionalBlob", query={"region": "westeurope"})
    assert (made.status_code, made.json()["status"]) == (200, "Succeeded")
    assert server.ask("GET", server.service(), query={"region": "West Europe"}).status_code == 200


def test_putting_what_was_got_keeps_the_keys(server: Server) -> None:
    """Get never returns keys, so a client that gets, edits and puts a service sends none."""
    keys = server.keys()
    found = server.ask("GET", server.service()).json()
    put = server.ask("PUT", server.service(), json={**found, "tags": {"edited": "yes"}})
    assert (put.status_code, put.json()["tags"]) == (200, {"edited": "yes"})
    assert server.keys() == keys


def test_an_account_that_is_put_from_several_sides_at_once_is_no_conflict(server: Server) -> None:
    """No one was shown a preview, so each change is prepared again on the current account; the last tags win."""
    place = f"{server.group}/providers/Microsoft.Storage/storageAccounts/several"

    def put(number: int) -> int:
        body = {"location": "southcentralus", "tags": {"number": str(number)}}
        return server.ask("PUT", place, version="2016-01-01", json=body).status_code

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(put, range(40))) == {200}


def test_no_account_can_have_a_name_that_paths_begin_with(server: Server) -> None:
    first = {operation.segments[0] for operation in OPERATIONS} - {"{account}"}
    for name in first:
        place = f"{server.group}/providers/Microsoft.Storage/storageAccounts/{name}"
        refused = server.ask("PUT", place, version="2016-01-01", json={"location": "southcentralus"})
        assert refused.status_code == 400, name
