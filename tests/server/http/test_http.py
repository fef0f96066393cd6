"""HTTP itself: methods, repeated headers, and bodies in pieces, with a byte order mark or compressed."""

from __future__ import annotations

import gzip
import json
import re
import socket
from typing import Any

import pytest

from tests.conftest import small_definition
from tests.server.conftest import Server, request_body

HOST, PROOF = "Host: localhost", "Authorization: Bearer {token}"
TITLE = json.dumps({"properties": {"title": "Told"}}).encode()


def answers(server: Server, *requests: bytes) -> list[tuple[int, Any]]:
    """Send requests in one piece over one connection; returns status and body of each answer."""
    with socket.create_connection(("127.0.0.1", int(server.origin.rpartition(":")[2]))) as connection:
        connection.settimeout(60)
        last = requests[-1].replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n", 1)
        connection.sendall(b"".join(requests[:-1]) + last)
        text = b""
        while part := connection.recv(65536):
            text += part
    found = []
    while text:
        head, _, rest = text.partition(b"\r\n\r\n")
        size = re.search(rb"content-length: (\d+)", head)
        length = int(size[1]) if size and not head.startswith(b"HTTP/1.1 100") else 0
        body, text = rest[:length], rest[length:]
        found.append((int(head.split()[1]), json.loads(body) if body else None))
    return found


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join((f"{line} HTTP/1.1", *headers, "", "")).encode() + body


def test_what_can_be_read_can_be_asked_for_without_its_body(server: Server) -> None:
    with server.client() as client:
        for path in ("/healthz", "/openapi.json", f"{server.service()}?api-version=2017-01-01"):
            whole, head = client.get(path), client.head(path)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == str(len(whole.content))
        assert client.head(server.service("nobody"), params={"api-version": "2017-01-01"}).status_code == 404


def test_a_method_that_is_not_for_a_path_is_told_which_are(server: Server) -> None:
    with server.client() as client:
        for method in ("OPTIONS", "POST", "TRACE"):
            refused = client.request(method, server.service(), headers={"x-http-method-override": "GET"})
            assert (refused.status_code, refused.headers["allow"]) == (405, "DELETE, GET, HEAD, PATCH, PUT")
        assert client.head(f"{server.scoring()}/execute").headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([HOST, PROOF], (200, None)),
        ([PROOF], (400, "InvalidHostHeader")),
        ([HOST, "Host: evil.example.com", PROOF], (400, "InvalidHeader")),
        (["Host: evil.example.com", HOST, PROOF], (400, "InvalidHeader")),
        ([HOST, PROOF, "Authorization: Bearer none"], (400, "InvalidHeader")),
        ([HOST, "Authorization: Bearer none", PROOF], (400, "InvalidHeader")),
        ([HOST, PROOF, "Accept: text/html", "Accept: application/json"], (200, None)),
    ],
)
def test_who_asks_and_whom_is_said_once(server: Server, headers: list[str], expected: tuple[int, str | None]) -> None:
    given = [header.format(token=server.token) for header in headers]
    ((status, body),) = answers(server, request(f"GET {server.service()}?api-version=2017-01-01", *given))
    assert (status, body.get("error", {}).get("code")) == expected


def test_the_older_http_needs_no_host(server: Server) -> None:
    ((status, body),) = answers(server, request("GET /healthz").replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert (status, body["status"]) == (200, "ok")


def test_a_connection_lives_on_after_a_refusal(server: Server) -> None:
    path = f"{server.service()}?api-version=2017-01-01"
    host, proof = "Host: localhost", f"Authorization: Bearer {server.token}"
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in TITLE) + b"0\r\n\r\n"
    size = f"Content-Length: {len(TITLE)}"
    found = answers(
        server,
        request("GET /nothing", host),
        request(f"PATCH {path}", host, "Authorization: Bearer none", size, body=TITLE),
        request(f"PATCH {path}", host, proof, "Content-Length: 1", body=b"{"),
        request(f"PATCH {path}", host, proof, "Transfer-Encoding: chunked", body=pieces),
        request(f"GET http://localhost{path}", host, proof),
    )
    assert [status for status, _ in found] == [404, 401, 400, 200, 200]
    assert found[-1][1]["properties"]["title"] == "Told"


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
def test_an_offer_of_another_protocol_is_passed_over(server: Server, protocol: str) -> None:
    """Java's own client offers it with every request over http."""
    path, key = server.scoring().removeprefix(server.origin), server.keys()["primary"]
    body = json.dumps(request_body()).encode()
    offer = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {protocol}", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
    headers = ("Host: localhost", f"Authorization: Bearer {key}", *offer, f"Content-Length: {len(body)}")
    scored = request(f"POST {path}/execute?api-version=2.0", *headers, body=body)
    found = answers(server, scored, request("GET /healthz", "Host: localhost", *offer))
    assert [status for status, _ in found] == [200, 200]
    assert "output1" in found[0][1]["Results"]


@pytest.mark.parametrize("nonsense", [b"GET healthz HTTP/1.1\r\n\r\n", b"BREW / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\r\n"])
def test_what_is_no_http_is_refused_like_everything_else(server: Server, nonsense: bytes) -> None:
    ((status, body),) = answers(server, nonsense)
    assert (status, body["error"]["code"]) == (400, "InvalidHttpRequest")


def test_a_compressed_body_is_not_taken_for_something_else(server: Server) -> None:
    coded = {"content-encoding": "gzip"}
    small = gzip.compress(TITLE)
    refused = server.ask("PATCH", server.service(), content=small, headers=coded)
    assert (refused.status_code, refused.json()["error"]["code"]) == (415, "UnsupportedMediaType")
    plain = server.ask("PATCH", server.service(), content=TITLE, headers={"content-encoding": "identity"})
    assert plain.status_code == 200
    key = {"authorization": f"Bearer {server.keys()['primary']}"}
    body = gzip.compress(json.dumps(request_body()).encode())
    with server.client(**key) as client:
        scored = client.post(f"{server.scoring()}/execute?api-version=2.0", content=body, headers=coded)
    assert (scored.status_code, scored.json()["error"]["details"][0]["code"]) == (415, "UnsupportedContentEncoding")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_bodies_with_a_byte_order_mark_are_read(server: Server, encoding: str) -> None:
    definition = json.dumps(small_definition(title="Grün")).encode(encoding)
    made = server.ask("PUT", server.service("small"), content=definition)
    assert (made.status_code, made.json()["properties"]["title"]) == (201, "Grün")
    table = {"ColumnNames": ["age", "city"], "Values": [["1", "Köln"]]}
    body = json.dumps({"Inputs": {"input1": table}}, ensure_ascii=False)
    with server.client(authorization=f"Bearer {server.keys('small')['primary']}") as client:
        address = f"{server.scoring('small')}/execute?api-version=2.0"
        scored = client.post(address, content=body.encode(encoding))
        assert scored.json()["Results"]["output1"]["value"]["Values"] == [["1", "Köln"]]
        broken = client.post(address, content=body.encode(encoding)[:-8])
    assert broken.json()["error"]["details"][0]["code"] == "RequestBodyInvalid"


def test_names_are_said_as_they_were_made_whoever_asks(server: Server) -> None:
    loud = server.service("Loud").replace("retail", "RETAIL").replace(server.subscription, server.subscription.upper())
    made = server.ask("PUT", loud, json={**small_definition(), "location": "southcentralus"})
    assert (made.status_code, made.json()["id"]) == (201, server.service("Loud"))
    assert made.json()["location"] == "South Central US"
    elsewhere = server.ask("PUT", server.service("far"), json={**small_definition(), "location": "moonbase"})
    assert elsewhere.json()["location"] == "moonbase"
    plan = loud.replace("webServices/Loud", "CommitmentPlans/Plan")
    sku = {"name": "S1", "tier": "Standard"}
    found = server.ask("PUT", plan, json={"location": "southcentralus", "sku": sku}).json()
    assert found["id"] == f"{server.group}/providers/Microsoft.MachineLearning/commitmentPlans/Plan"
    assert found["location"] == "southcentralus"


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "RequestIsEmpty"), (b"{", "RequestBodyInvalid"), (b"[]", "RequestBodyInvalid")]
)
def test_jobs_that_are_no_documents_are_told_in_documented_codes(server: Server, content: bytes, code: str) -> None:
    with server.client(authorization=f"Bearer {server.keys()['primary']}") as client:
        refused = client.post(f"{server.scoring()}/jobs?api-version=2.0", content=content)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (400, "BadArgument")
    assert error["details"][0]["code"] == code
