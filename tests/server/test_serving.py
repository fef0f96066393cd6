"""Start and stop the server: where it listens, how it ends, what it prints, and that slow clients do not block it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from mlmgmt.server.http import connections
from mlmgmt.server.http.settings import Settings
from mlmgmt.server.serve import _listener
from tests.conftest import environment
from tests.server.conftest import Server, Start, alive, request_body

SLOW = 500
IMPATIENT = """
from mlmgmt.__main__ import main
from mlmgmt.server.http import connections

connections.HEAD_SECONDS, connections.PAUSE_SECONDS = 1.5, 2.0
main()
"""
"""The server's program with limits short enough for a test."""


def test_it_says_what_it_serves(server: Server) -> None:
    told = "\n".join(server.lines)
    for piece in (
        server.origin,
        server.subscription,
        "/openapi.json",
        "/healthz",
        "mlmgmt token",
        "2016-05-01-preview",
        "/webservices",
        "/api/workspaces/",
        "mlmgmt workspace-config",
    ):
        assert piece in told
    assert server.origin.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("words", "piece"),
    [
        ("-ListenHost 0.0.0.0", "TLS"),
        ("-ListenHost 192.0.2.1", "TLS"),
        ("-Certificate none.pem -Key none.key", "none.pem"),
        ("-Certificate churn-predictive.json", "-Key"),
        ("-Certificate churn-predictive.json -Key churn-predictive.json", "PEM"),
        ("-Tls -Certificate churn-predictive.json -Key churn-predictive.json", "-Tls"),
        ("-Port 70000", "70000"),
        ("-Workers 0", "workers"),
    ],
)
def test_it_does_not_start_unsafely(churn: Path, mlmgmt: Any, words: str, piece: str) -> None:
    refused = mlmgmt(f"serve {words}")
    assert refused.status == 2
    assert piece in refused.err


def test_a_port_that_is_taken_is_said(server: Server, mlmgmt: Any) -> None:
    refused = mlmgmt(f"serve -Port {server.origin.rpartition(':')[2]}")
    assert refused.status == 1
    assert "AddressInUse" in refused.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_stops_when_it_is_told_to_and_answers_what_it_began(
    start: Start, small: Path, number: int, workers: str
) -> None:
    server = start("-Workers", workers)
    place, keys = server.scoring("small"), server.keys("small")
    table = {"ColumnNames": ["age", "city"], "Values": [["1", "Bern"]] * 20_000}
    body = json.dumps({"Inputs": {"input1": table}}).encode()
    with socket.create_connection(("127.0.0.1", int(server.origin.rpartition(":")[2]))) as connection:
        path = place.removeprefix(server.origin)
        head = f"POST {path}/execute?api-version=2.0 HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n"
        connection.settimeout(20)
        connection.sendall(f"{head}expect: 100-continue\r\nauthorization: Bearer {keys['primary']}\r\n\r\n".encode())
        # 100 Continue: the server has begun with this request.
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert server.stop(number) == 0
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200 ")
    with pytest.raises(httpx.ConnectError), server.client() as client:
        client.get("/healthz")


def test_workers_share_the_port_and_end_with_whoever_looks_after_them(start: Start, churn: Path) -> None:
    server = start("-Workers", "2")
    children = [
        int(pid) for pid in Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    ]
    workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    answered = 0
    for _ in range(20):
        try:
            assert server.ask("GET", server.service()).status_code == 200
            answered += 1
        except httpx.TransportError:
            time.sleep(0.1)
    assert answered
    server.stop(signal.SIGKILL)
    until = time.monotonic() + 10
    while any(map(alive, workers[1:])) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(workers[1])


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_accepted_connections_do_not_wait_to_send(loop: Any) -> None:
    """If the listening socket does not name its protocol, asyncio leaves Nagle's algorithm on: 40 ms per request."""

    async def accepted() -> int:
        found = asyncio.get_running_loop().create_future()

        class Protocol(asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                found.set_result(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                transport.close()

        with _listener(Settings(home="", host="127.0.0.1", port=0)) as listener:
            server = await asyncio.get_running_loop().create_server(Protocol, sock=listener)
            _, writer = await asyncio.open_connection(*listener.getsockname())
            option = int(await found)
            writer.close()
            server.close()
        return option

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(accepted()) == 1


def test_https_by_the_home_s_own_authority(start: Start, churn: Path) -> None:
    server = start("-Tls")
    assert server.origin.startswith("https://")
    assert server.authority is not None
    assert server.ask("GET", server.service()).json()["properties"]["swaggerLocation"].startswith(server.origin)
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{server.origin}/healthz", trust_env=False)
    plain = server.origin.replace("https", "http")
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{plain}/healthz", trust_env=False)
    assert (Path(server.authority).parent / "ca.key").stat().st_mode & 0o777 == 0o600


def test_the_access_log_has_no_secrets(start: Start, churn: Path) -> None:
    server = start("-AccessLog", "access.log")
    place, key = server.scoring(), server.keys()["primary"]
    headers = {"authorization": f"Bearer {key}"}
    query = {"api-version": "2.0", "sig": "a-signature"}
    httpx.post(f"{place}/execute", params=query, json=request_body(), headers=headers, trust_env=False, timeout=60)
    server.stop()
    text = Path("access.log").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    last = lines[-1]
    assert last.keys() == {"time", "client", "method", "path", "status", "bytes", "ms", "requestId"}
    assert (last["method"], last["status"]) == ("POST", 200)
    assert last["path"] == place.removeprefix(server.origin) + "/execute"
    for secret in (key, server.token, "a-signature", "Month-to-month", "api-version"):
        assert secret not in text


def test_slow_clients_stand_in_nobody_s_way(start: Start, churn: Path) -> None:
    """500 connections that send half a head, nothing, or half a body: scoring goes on, and they are closed."""
    assert (connections.HEAD_SECONDS, connections.PAUSE_SECONDS) == (10, 15)
    server = start(program=["-c", IMPATIENT])
    place, key = server.scoring(), server.keys()["primary"]
    port = int(server.origin.rpartition(":")[2])
    path = place.removeprefix(server.origin)
    halves = (
        b"",
        b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: ",
        f"POST {path}/execute?api-version=2.0 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n"
        "content-length: 1000\r\n\r\n{".encode(),
    )
    with ExitStack() as opened:
        headers = {"authorization": f"Bearer {key}"}
        client = opened.enter_context(httpx.Client(timeout=30, trust_env=False, headers=headers))

        def ask() -> None:
            answer = client.post(f"{place}/execute", params={"api-version": "2.0"}, json=request_body())
            assert answer.status_code == 200

        # The first one waits for the model.
        ask()
        client.timeout = 10
        slow = []
        for number in range(SLOW):
            slow.append(opened.enter_context(socket.create_connection(("127.0.0.1", port))))
            slow[-1].sendall(halves[number % len(halves)])
        until = time.monotonic() + 4
        answered = 0
        while time.monotonic() < until:
            ask()
            answered += 1
            time.sleep(0.01)
        assert answered > 50
        for connection in slow:
            connection.settimeout(5)
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""


def test_an_endless_head_is_cut_off(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", int(server.origin.rpartition(":")[2]))) as connection:
        connection.settimeout(10)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n")
        more = (b"x-more: " + b"a" * 8000 + b"\r\n") * 1000
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            connection.sendall(more)
    assert server.ask("GET", server.service()).status_code == 200


def test_a_home_that_is_not_trusted_is_not_served(churn: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mlmgmt", "serve", "-Port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(MLMGMT_CONFIG=str(Path.cwd() / "another-user")),
        check=False,
    )
    assert done.returncode == 1
    assert "HomeNotTrusted" in done.stderr
