"""A real server in a separate process, on loopback, for the home of the test."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from mlmgmt.store import home as homes
from mlmgmt.store.store import Store
from tests.conftest import environment
from tests.preloaded import Process

PROVIDER = "providers/Microsoft.MachineLearning"
V2017, V2016 = "2017-01-01", "2016-05-01-preview"
_STOPS_WITHIN = 20.0


@dataclass
class Server:
    """A running server and what is needed to ask it."""

    process: Process
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
        # Where no https is spoken, certificates are not loaded: that takes longer than most requests.
        verify: Any = False
        if self.authority is not None:
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
def started(*words: str, token: str, program: Sequence[str] = ("-m", "mlmgmt"), **more: str) -> Iterator[Server]:
    """A server on a free port, for the home of the working folder; it is ended, whatever happens."""
    process = Process(
        [sys.executable, *program, "serve", "-Port", "0", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
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
    """Starts servers for the test's home: `start("-Workers", "2")`; for tests that `server` is not enough for."""
    with ExitStack() as running:

        def go(*words: str, **more: Any) -> Server:
            token = json.loads(mlmgmt("token -Hours 1 -o json", ok=True).out)["Token"]
            return running.enter_context(started(*words, token=token, **more))

        yield go


class Shared:
    """One server for all tests of a process that change nothing of it.

    The home that it serves is a link, and so is its configuration; each test points them at its own home. All of these
    are copies of one home, so ids and keys of storage accounts are the same.
    """

    def __init__(self, folder: Path) -> None:
        self._home, self._config = folder / "home", folder / "config"
        self._running = ExitStack()
        self._server: Server | None = None

    def serve(self, home: Path, config: Path, token: str) -> Server:
        """The server, which serves this home from now on; one that died is started again."""
        _point(self._home, home)
        _point(self._config, config)
        if self._server is None or self._server.process.poll() is not None:
            self._running.close()
            places = {"MLMGMT_HOME": str(self._home), "MLMGMT_CONFIG": str(self._config)}
            self._server = self._running.enter_context(started(token=token, **places))
        return replace(self._server, token=token)

    def forget(self) -> None:
        """Have the server drop what it keeps of each web service of this home for a second.

        A revision after the newest one makes it look again, and it is a damaged one, so nothing is kept.
        """
        assert self._server is not None
        services = Store(homes.load(os.environ, str(self._home))).services
        with self._server.client(authorization="") as client:
            for identity in services.identities():
                numbers = [int(path.stem) for path in (services.folder(identity) / "revisions").glob("*.json")]
                if not numbers:
                    continue
                Path(services.path_of(identity, max(numbers) + 1)).write_text("{}")
                answer = client.post(f"{identity.scoring_path}/execute", params={"api-version": "2.0"})
                assert answer.status_code >= 400

    def close(self) -> None:
        self._running.close()


def _point(link: Path, goal: Path) -> None:
    beside = link.with_suffix(".new")
    beside.symlink_to(goal)
    beside.replace(link)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """The server that tests share, once one of them needs it."""
    found = Shared(tmp_path_factory.mktemp("shared"))
    yield found
    found.close()


@pytest.fixture
def serving(shared: Shared, mlmgmt: Any, home: Path, tmp_path: Path) -> Iterator[Server]:
    """The server that tests share, for the home of this one; tests that stop it or count on what it has seen start one.

    It is asked for before the home gets more (`churn`), which it sees like any other change.
    """
    token = json.loads(mlmgmt("token -Hours 1 -o json", ok=True).out)["Token"]
    yield shared.serve(home, tmp_path / "config", token)
    shared.forget()


@pytest.fixture
def server(serving: Server, churn: Path) -> Server:
    """The server that tests share, for a home with the churn sample deployed."""
    return serving


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
