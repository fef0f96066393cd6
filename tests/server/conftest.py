"""A real server in a process of its own, on loopback, for the home of the test."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.conftest import environment

if TYPE_CHECKING:
    from pathlib import Path

PROVIDER = "providers/Microsoft.MachineLearning"
V2017, V2016 = "2017-01-01", "2016-05-01-preview"
_STOPS_WITHIN = 20.0


@dataclass
class Server:
    """A running server and what is needed to ask it."""

    process: subprocess.Popen[str]
    origin: str
    subscription: str
    token: str
    lines: list[str] = field(default_factory=list)
    authority: str | None = None

    @property
    def group(self) -> str:
        """The path of the resource group `retail`."""
        return f"/subscriptions/{self.subscription}/resourceGroups/retail"

    def service(self, name: str = "churn") -> str:
        """The path of a web service."""
        return f"{self.group}/{PROVIDER}/webServices/{name}"

    def client(self, **headers: str) -> httpx.Client:
        """A client with the token of the connected account."""
        verify: Any = True
        if self.authority is not None:
            import ssl

            verify = ssl.create_default_context(cafile=self.authority)
        given = {"authorization": f"Bearer {self.token}", **headers}
        return httpx.Client(base_url=self.origin, headers=given, timeout=60, trust_env=False, verify=verify)

    def ask(self, method: str, path: str, *, version: str = V2017, **options: Any) -> httpx.Response:
        """One request with an api-version."""
        query = {"api-version": version, **options.pop("query", {})}
        with self.client() as client:
            return client.request(method, path, params=query, **options)

    def scoring(self, name: str = "churn") -> str:
        """The address of a web service's scoring API, as its Swagger document's tells it."""
        found = self.ask("GET", self.service(name)).json()["properties"]["swaggerLocation"]
        return str(found).removesuffix("/swagger.json")

    def keys(self, name: str = "churn") -> dict[str, str]:
        return dict(self.ask("GET", f"{self.service(name)}/listKeys").json())

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the server, and say with which status it ended."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(_STOPS_WITHIN)


Start = Callable[..., Server]


@contextmanager
def started(*words: str, token: str, **more: str) -> Iterator[Server]:
    """A server on a free port, for the home of the working folder; it is ended, whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mlmgmt", "serve", "-Port", "0", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**more),
    )
    lines: list[str] = []
    ready = Event()

    def listen() -> None:
        # All of it is taken away, so that the server never waits for a reader.
        for line in process.stderr or ():
            lines.append(line.rstrip("\n"))
            if line.startswith("Ctrl-C"):
                ready.set()
        ready.set()

    listener = Thread(target=listen, daemon=True)
    listener.start()
    try:
        ready.wait(30)
        told = "\n".join(lines)
        found = re.search(r" at (https?://\S+)$", told, re.MULTILINE)
        assert found, told
        authority = re.search(r"^  Authority   (.+)$", told, re.MULTILINE)
        subscription = re.search(r"/subscriptions/([0-9a-f-]{36})", told)
        assert subscription, told
        server = Server(process, found[1], subscription[1], token, lines, authority[1] if authority else None)
        _wait_until_it_answers(server)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        listener.join(_STOPS_WITHIN)
        assert process.stderr is not None
        process.stderr.close()


def _wait_until_it_answers(server: Server) -> None:
    import time

    until = time.monotonic() + 30
    while True:
        try:
            with server.client() as client:
                assert client.get("/healthz").json()["status"] == "ok"
            return
        except httpx.TransportError:
            assert time.monotonic() < until, "\n".join(server.lines)
            assert server.process.poll() is None, "\n".join(server.lines)
            time.sleep(0.05)


@pytest.fixture
def start(mlmgmt: Any, home: Path) -> Iterator[Start]:
    """Starts servers for the test's home: `start("-Workers", "2")`."""
    from contextlib import ExitStack

    with ExitStack() as running:

        def go(*words: str, **more: str) -> Server:
            token = json.loads(mlmgmt("token -Hours 1 -o json", ok=True).out)["Token"]
            return running.enter_context(started(*words, token=token, **more))

        yield go


@pytest.fixture
def server(start: Start, churn: Path) -> Server:
    """A server for a home with the churn sample deployed."""
    return start()


def request_body(rows: int = 1, file: str = "new-customers.csv", form: str = "table") -> dict[str, Any]:
    """A request with the first rows of a CSV file, as a table or as objects."""
    import csv

    with open(file, newline="") as lines:
        header, *data = list(csv.reader(lines))[: rows + 1]
    if form == "objects":
        return {"Inputs": {"input1": [dict(zip(header, row, strict=True)) for row in data]}}
    return {"Inputs": {"input1": {"ColumnNames": header, "Values": data}}, "GlobalParameters": {}}


def alive(pid: int) -> bool:
    """Whether a process lives."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
