"""Malicious requests: they are refused, and other clients do not wait meanwhile."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mlmgmt.ids import PlanId, ResourceId
from mlmgmt.store import lock, sas
from tests.conftest import small_definition
from tests.server.conftest import V2017, request_body

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server.conftest import Server, Start

_PATIENCE = 3.0
"""The longest that others may wait, in seconds. Where these attacks succeeded, it took minutes or never ended."""


def said(server: Server, text: str) -> bytes:
    """Send bytes; returns the server's answer."""
    with socket.create_connection(("127.0.0.1", int(server.origin.rpartition(":")[2])), timeout=5) as connection:
        connection.sendall(text.encode("latin-1"))
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def scored(server: Server, body: Any, name: str = "churn") -> httpx.Response:
    headers = {"authorization": f"Bearer {server.keys(name)['primary']}"}
    return server.ask("POST", f"{server.scoring(name)}/execute", version="2.0", headers=headers, json=body)


@contextmanager
def others_are_answered(server: Server) -> Iterator[None]:
    """Check the server's health meanwhile: it answers soon."""
    over = Event()

    def asking() -> float:
        longest = 0.0
        with server.client() as client:
            while not over.is_set():
                began = time.monotonic()
                assert client.get("/healthz").status_code == 200
                longest = max(longest, time.monotonic() - began)
                time.sleep(0.01)
        return longest

    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(asking)
        try:
            yield
        finally:
            over.set()
        assert asked.result() < _PATIENCE


class Account:
    """The home's storage account, and tokens for one blob of it."""

    def __init__(self, server: Server, mlmgmt: Any) -> None:
        self.server = server
        self.name = str(json.loads(mlmgmt("storage -o json", ok=True).out)[0]["name"])
        self.key = str(mlmgmt(f"storage-keys -n {self.name} -o json", ok=True).json[0]["Value"])

    def ask(self, method: str, *, token: str | None = None, query: str = "", **options: Any) -> httpx.Response:
        now = datetime.now(UTC)
        token = token or sas.sign(self.key, self.name, "data/x.csv", now=now, permissions="rwcd")
        with self.server.client() as client:
            return client.request(method, f"/{self.name}/data/x.csv{token}{query}", **options)


@pytest.fixture
def account(server: Server, mlmgmt: Any) -> Account:
    return Account(server, mlmgmt)


def test_what_follows_a_body_is_no_header(server: Server) -> None:
    key = server.keys()["primary"]
    path = server.scoring().removeprefix(server.origin)
    head = f"POST {path}/execute?api-version=2.0 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer wrong\r\n"
    end = f"0\r\nauthorization: Bearer {key}\r\nhost: elsewhere.example\r\nconnection: close\r\n\r\n"
    answer = said(server, f"{head}connection: close\r\ntransfer-encoding: chunked\r\n\r\n{end}")
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("host", ["[::1%x]", '[::1%"a b]:80', "elsewhere.example", "127.0.0.1.elsewhere.example"])
def test_a_host_that_only_begins_like_this_machine(server: Server, host: str) -> None:
    answer = said(server, f"GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"InvalidHostHeader" in answer
    assert host.encode() not in answer


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2020 00:00:00 +99999999999999",
        "Mon, 01 Jan 2020 99999999999:00:00 GMT",
    ],
)
def test_dates_that_no_calendar_has(account: Account, date: str) -> None:
    assert account.ask("PUT", content=b"one").status_code == 201
    for condition in ("if-modified-since", "if-unmodified-since"):
        assert account.ask("GET", headers={condition: date}).content == b"one"


@pytest.mark.parametrize("expiry", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "", "tomorrow"])
def test_a_signature_that_ends_at_no_time(expiry: str) -> None:
    """With the account's key anyone can sign anything."""
    from base64 import b64decode, b64encode
    from hashlib import sha256
    from hmac import new
    from urllib.parse import urlencode

    from mlmgmt.errors import AuthorizationFailed
    from mlmgmt.store.secrets import new_key

    key = new_key()
    text = f"r\n\n{expiry}\n/blob/store/data/x.csv\n\n{sas.VERSION}\n\n\n\n\n"
    mark = b64encode(new(b64decode(key), text.encode(), sha256).digest()).decode()
    token = urlencode({"sp": "r", "se": expiry, "sv": sas.VERSION, "sr": "b", "sig": mark})
    with pytest.raises(AuthorizationFailed, match="no valid start or end time"):
        sas.check(token, key, "store", "data/x.csv", now=datetime.now(UTC))


@pytest.mark.parametrize(
    "text",
    [
        "<BlockList><Latest>" + " " * 100_000 + "</Late",
        "<BlockList>" + "<Latest>" * 100_000,
        "<BlockList><Latest>b25l</Latest>",
        "<BlockList><Latest>b25l</Latest><Latest>dHdv</BlockList>",
        "<BlockList>" + "<Latest>b25l</Latest>" * 50_001 + "</BlockList>",
    ],
    ids=["blanks", "unclosed", "cut off", "damaged", "long"],
)
def test_a_list_of_blocks_that_is_none(server: Server, account: Account, text: str) -> None:
    assert account.ask("PUT", content=b"stands").status_code == 201
    for block in ("b25l", "dHdv"):
        assert account.ask("PUT", query=f"&comp=block&blockid={block}", content=b"block").status_code == 201
    with others_are_answered(server):
        answer = account.ask("PUT", query="&comp=blocklist", content=text.encode())
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "InvalidBlockList")
    assert account.ask("GET").content == b"stands"
    whole = '<?xml version="1.0"?>\n<BlockList><Latest>dHdv</Latest><Latest>\n b25l </Latest></BlockList>\n'
    assert account.ask("PUT", query="&comp=blocklist", content=whole).status_code == 201
    assert account.ask("GET").content == b"blockblock"


def test_objects_that_have_no_column_in_common(server: Server) -> None:
    rows = [{f"c{number}": number} for number in range(50_000)]
    with others_are_answered(server):
        answer = scored(server, {"Inputs": {"input1": rows}})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["code"] == "InputParseError"
    assert "50,000 different columns" in answer.text
    some = request_body(20, form="objects")
    some["Inputs"]["input1"][3].pop("churned", None)
    assert scored(server, some).status_code == 200


def test_a_million_inputs(server: Server) -> None:
    with others_are_answered(server):
        answer = scored(server, {"Inputs": {f"i{number}" + "x" * 50: 1 for number in range(200_000)}})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["code"] == "InvalidInputNames"
    assert len(answer.content) < 2000


def test_numbers_none_of_which_can_be_kept(server: Server) -> None:
    path = f"/subscriptions/{server.subscription}/providers/Microsoft.Storage/checkNameAvailability"
    body = b'{"name": "x"' + b"".join(b', "n%d": 1.12345678901234567890' % number for number in range(200_000)) + b"}"
    with others_are_answered(server):
        answer = server.ask("POST", path, version="2016-01-01", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["code"] == "InexactNumber"


def test_the_name_of_an_asset_adds_no_header(server: Server) -> None:
    text = Path("churn-predictive.json").read_text().replace('"asset3"', '"asset3\\r\\nset-cookie: a=b\u2028"')
    assert server.ask("PUT", server.service("odd"), json=json.loads(text)).status_code == 201
    answer = scored(server, request_body(), "odd")
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-mlmgmt-models"].startswith("asset3??set-cookie: a=b?=")


def test_addresses_that_are_of_no_service(server: Server) -> None:
    """They are not found, and a service created meanwhile is found immediately."""
    scoring = server.scoring()
    before = scoring.rpartition("/")[0]

    def ask(place: str) -> int:
        return httpx.post(f"{place}/execute", params={"api-version": "2.0"}, json={}, trust_env=False).status_code

    for wrong in ("f" * 32, "..%2f..", "%00", "x" * 3000, "\u0661" * 32):
        assert ask(f"{before}/{wrong}") == 404
    assert ask(before + "/" + scoring.rpartition("/")[2].upper()) == 401
    for number in range(5):
        assert server.ask("PUT", server.service(f"new {number}"), json=small_definition()).status_code == 201
        assert ask(server.scoring(f"new {number}")) == 401


def paid(server: Server) -> PlanId:
    """The plan of a web service `paid`, which was called once."""
    plan = PlanId(server.subscription, "retail", "plan")
    body = {"location": "South Central US", "sku": {"name": "S1", "tier": "Standard", "capacity": 1}}
    assert server.ask("PUT", str(plan), json=body).status_code == 200
    definition = json.loads(Path("churn-predictive.json").read_text())
    definition["properties"]["commitmentPlan"] = {"id": str(plan)}
    assert server.ask("PUT", server.service("paid"), json=definition).status_code == 201
    assert scored(server, request_body(), "paid").status_code == 200
    return plan


def noted(text: str) -> bool:
    """Whether the last line of the access log soon contains a text."""
    log, until = Path("access.log"), time.monotonic() + 10
    while time.monotonic() < until:
        lines = log.read_text().splitlines() if log.exists() else []
        if lines and text in lines[-1]:
            return True
        time.sleep(0.05)
    return False


def test_a_plan_that_is_held_or_damaged_stops_no_clock(start: Start, churn: Path) -> None:
    """The access log is written by the same clock."""
    server = start("-AccessLog", "access.log")
    plan = paid(server)
    with lock.hold(churn, f"{plan.folder}/usage"):
        assert scored(server, request_body(), "paid").status_code == 200
        time.sleep(1.5)
        server.ask("GET", "/healthz")
        assert noted('"path":"/healthz"')
    file = churn / plan.folder / "plan.json"
    file.write_text(file.read_text().replace('"S1"', '"S99"'))
    time.sleep(1.5)
    server.ask("GET", "/openapi.json")
    assert noted('"path":"/openapi.json"')
    days = [json.loads(day.read_text()) for day in (churn / plan.folder / "usage").glob("*.json")]
    assert sum(counts["transactions"] for day in days for counts in day.values()) == 2


def test_whoever_waits_for_a_lock_holds_up_nobody_else(server: Server, account: Account, churn: Path) -> None:
    scoring, key = server.scoring(), server.keys()["primary"]
    assert account.ask("PUT", content=b"one").status_code == 201
    held = ResourceId(server.subscription, "retail", "churn").folder

    def change(number: int) -> int:
        change = {"properties": {"description": f"number {number}"}}
        return server.ask("PATCH", server.service(), json=change).status_code

    with ThreadPoolExecutor(10) as threads:
        with lock.hold(churn, held):
            changes = [threads.submit(change, number) for number in range(10)]
            time.sleep(0.5)
            began = time.monotonic()
            assert account.ask("GET").content == b"one"
            assert server.ask("GET", f"{scoring}/swagger.json", version="2.0").status_code == 200
            headers = {"authorization": f"Bearer {key}"}
            assert server.ask("GET", f"{scoring}/jobs/{'0' * 32}", version="2.0", headers=headers).status_code == 404
            assert time.monotonic() - began < _PATIENCE
        assert {found.result() for found in changes} == {200}


def test_show_http_repeats_no_signature(mlmgmt: Any, home: Path) -> None:
    definition = small_definition()
    uri = "https://someone:secret@store.blob.core.windows.net/data/m.ilearner?sv=2015-02-21&sig=hidden&sp=r"
    definition["properties"]["assets"] = {
        "asset9": {"type": "Resource", "name": "m", "locationInfo": {"uri": uri}, "outputPorts": {}}
    }
    Path("signed.json").write_text(json.dumps(definition))
    found = mlmgmt("new -g retail -l southcentralus -n small -DefinitionFile signed.json -Force -ShowHttp")
    assert "store.blob.core.windows.net/data/m.ilearner" in found.out + found.err
    for secret in ("hidden", "secret", V2017 + "&sig"):
        assert secret not in found.out + found.err
