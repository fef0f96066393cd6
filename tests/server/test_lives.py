"""A web service's address, keys and plan after it is replaced, removed or made again, or its group is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conftest import small_definition

if TYPE_CHECKING:
    from tests.server.conftest import Server

BODY = {"Inputs": {"input1": [{"age": 41, "city": "Köln"}]}}


def status(server: Server, address: str, key: str) -> int:
    with server.client(authorization=f"Bearer {key}") as client:
        return client.post(f"{address}/execute?api-version=2.0", json=BODY).status_code


def made(server: Server, name: str, **properties: Any) -> tuple[str, str]:
    """Make or replace a web service; returns its scoring address and primary key."""
    answer = server.ask("PUT", server.service(name), json=small_definition(**properties))
    assert answer.status_code in (200, 201), answer.text
    return server.scoring(name), server.keys(name)["primary"]


def test_a_service_made_again_has_its_address_and_new_keys(server: Server) -> None:
    address, key = made(server, "small")
    assert status(server, address, key) == 200
    server.ask("DELETE", server.service("small"))
    assert status(server, address, key) == 404
    again, other = made(server, "SMALL")
    assert (again, server.ask("GET", server.service("small")).json()["name"]) == (address, "SMALL")
    assert (status(server, address, key), status(server, address, other)) == (401, 200)


def test_keys_that_were_replaced_open_nothing(server: Server) -> None:
    address, key = made(server, "small")
    _, second = made(server, "small", keys={"primary": "the-second-key", "secondary": "a-spare-key"})
    assert second == "the-second-key"
    assert (status(server, address, key), status(server, address, second)) == (401, 200)
    server.ask("PATCH", server.service("small"), json={"properties": {"keys": {"primary": "the-third-key"}}})
    found = [status(server, address, each) for each in (second, "the-third-key", "a-spare-key")]
    assert found == [401, 200, 200]


def test_a_group_takes_its_services_with_it(server: Server) -> None:
    group = server.group.replace("retail", "Short lived")
    assert server.ask("PUT", group, json={"location": "westus"}).status_code == 201
    path = server.service("small").replace("retail", "short%20lived")
    found = server.ask("PUT", path, json=small_definition()).json()
    assert found["id"] == server.service("small").replace("retail", "Short lived")
    address = found["properties"]["swaggerLocation"].removesuffix("/swagger.json")
    key = server.ask("GET", f"{path}/listKeys").json()["primary"]
    assert status(server, address, key) == 200
    assert server.ask("DELETE", group).status_code == 200
    assert status(server, address, key) == 404
    gone = server.ask("GET", path)
    assert (gone.status_code, gone.json()["error"]["details"][0]["code"]) == (404, "ResourceGroupNotFound")
    with server.client() as client:
        assert client.get(f"{address}/swagger.json").status_code == 404
    server.ask("PUT", group, json={"location": "westus"})
    assert server.ask("GET", path).json()["error"]["details"][0]["code"] == "WebServiceNotFound"


def test_what_is_read_only_answers_and_can_only_be_removed(server: Server) -> None:
    address, key = made(server, "small")
    assert server.ask("PATCH", server.service("small"), json={"properties": {"readOnly": True}}).status_code == 200
    for method, body in (("PUT", small_definition()), ("PATCH", {"tags": {"a": "b"}})):
        refused = server.ask(method, server.service("small"), json=body)
        assert (refused.status_code, refused.json()["error"]["details"][0]["code"]) == (409, "WebServiceReadOnly")
    assert status(server, address, key) == 200
    assert server.ask("DELETE", server.service("small")).status_code == 204


def test_a_plan_is_given_later_and_then_stays(server: Server) -> None:
    plans = f"{server.group}/providers/Microsoft.MachineLearning/commitmentPlans"
    for name in ("first", "second"):
        sku = {"name": "S1", "tier": "Standard"}
        server.ask("PUT", f"{plans}/{name}", json={"location": "westus", "sku": sku})
    made(server, "small")

    def named(name: str) -> Any:
        change = {"properties": {"packageType": "Graph", "commitmentPlan": {"id": f"{plans}/{name}"}}}
        return server.ask("PATCH", server.service("small"), json=change)

    assert named("first").status_code == 200
    charged = server.ask("GET", f"{plans}/FIRST/commitmentAssociations").json()["value"]
    assert [one["properties"]["associatedResourceId"] for one in charged] == [server.service("small")]
    assert named("FIRST").status_code == 200
    assert named("second").status_code == 409
    assert server.ask("DELETE", f"{plans}/first").status_code == 409
    server.ask("DELETE", server.service("small"))
    assert server.ask("GET", f"{plans}/first/commitmentAssociations").json() == {"value": []}
    assert server.ask("DELETE", f"{plans}/first").status_code == 200
