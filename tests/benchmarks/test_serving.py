"""`mlmgmt serve` against `mlflow models serve` and a hello server: same model, same rows, same machine, in turn.

On a machine with two cores, servers run on one and `wrk` on the other. Keys are checked, calls are charged to a
commitment plan, and the access log goes to a file. MLflow is installed into a separate environment in pytest's cache
folder; use `-o cache_dir=FOLDER` to keep it elsewhere.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mlmgmt.verbs.account import account
from mlmgmt.verbs.plans import usage
from mlmgmt.verbs.services import lookup
from tests.server.conftest import PROVIDER, V2017, Server, started

from . import census, loading, making, peers
from .loading import SERVER_CORE, Load, Target, compared, interleaved, middle, pinned
from .ratio import Aim, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mlmgmt.verbs.session import Session

    from .ratio import Measured

pytestmark = pytest.mark.skipif(loading.MISSING is not None, reason=str(loading.MISSING))

ROWS = sorted(census.rows(1_000, seed=7), key=lambda row: None in row)
"""The first rows are complete: MLflow does not accept a column of numbers with only missing values."""
HELLO = "hello"
Note = "Callable[[list[str]], None]"


class Bench:
    """A home with the web services, the running servers, and the requests to them."""

    def __init__(self, folder: Path, session: Session, running: ExitStack) -> None:
        self.folder, self.session, self._running = folder, session, running
        self._token = account.token(session, hours=4.0)["Token"]
        self.server = self.start()
        self._mlflow: dict[str, str] = {}

    def start(self, *words: str, pin: bool = True) -> Server:
        """Start a server for the home."""
        where = {name: self.session.environ[name] for name in ("MLMGMT_HOME", "MLMGMT_CONFIG")}
        log = str(self.folder / "access.log")
        with pinned(SERVER_CORE if pin else None):
            return self._running.enter_context(started("-AccessLog", log, *words, token=self._token, **where))

    def ours(self, learner: str, count: int = 1, *, server: Server | None = None, name: str = "mlmgmt") -> Target:
        """Return a request to score some rows, with the documented answer."""
        service = census.service(learner)
        document: Any = lookup.get(self.session, group=census.GROUP, name=service)
        path = document["properties"]["swaggerLocation"].partition(".net")[2].removesuffix("/swagger.json")
        key = lookup.keys(self.session, group=census.GROUP, name=service)["Primary"]
        url = f"{(server or self.server).origin}{path}/execute?api-version=2.0&details=true"
        return Target(name, url, census.request(ROWS[:count]), {"Authorization": f"Bearer {key}"})

    def get(self, service: str, group: str, server: Server | None = None) -> Target:
        """Return a request for one web service from the resource manager."""
        asked = server or self.server
        path = f"/subscriptions/{asked.subscription}/resourceGroups/{group}/{PROVIDER}/webServices/{service}"
        headers = {"Authorization": f"Bearer {asked.token}"}
        return Target("mlmgmt", f"{asked.origin}{path}?api-version={V2017}", None, headers)

    def mlflow(self, python: Path, learner: str, count: int = 1) -> Target:
        """Return a request to MLflow to score the same rows."""
        if learner not in self._mlflow:
            data, model = self.folder / "adults.csv", self.folder / f"mlflow-{census.service(learner)}"
            peers.saved(python, learner, data, model)
            self._mlflow[learner] = self._running.enter_context(peers.serving_mlflow(python, model))
        # The pipeline was fitted to hours with missing values, so MLflow refuses a column of integers only.
        rows = [
            [float(cell) if isinstance(cell, int) else cell for cell in row[: len(census.COLUMNS)]]
            for row in ROWS[:count]
        ]
        return Target("MLflow", self._mlflow[learner], json.dumps(peers.invocation(census.COLUMNS, rows)).encode())

    def hello(self, body: bytes | None = None, **options: Any) -> Target:
        return Target(HELLO, self._running.enter_context(peers.serving_hello(**options)), body)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("serving")
    session = making.session(folder)
    data = census.table(8_000)
    (folder / "adults.csv").write_bytes(data)
    census.deploy(session, data)
    with ExitStack() as running:
        yield Bench(folder, session, running)


@pytest.fixture(scope="module")
def python(request: pytest.FixtureRequest) -> Path:
    """The Python of the environment with MLflow."""
    assert request.config.cache is not None
    return peers.mlflow(request.config.cache.mkdir("mlflow"))


def asked(target: Target) -> Any:
    """Send the request once and return the answer."""
    headers = {"content-type": "application/json", **target.headers}
    answer = httpx.post(target.url, content=target.body, headers=headers, trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refuse_different_labels(ours: Target, theirs: Target) -> None:
    """Check that both give the same labels, so that only the serving is compared."""
    mine = [row[0] for row in asked(ours)["Results"]["output1"]["value"]["Values"]]
    assert mine == asked(theirs)["predictions"]


def report(note: Callable[[list[str]], None], title: str, measured: list[Measured], more: list[str]) -> None:
    note(["", title, *table(measured), *more])


def latency(found: Mapping[str, list[Load]], connections: int, aim: float | None = None) -> str:
    """Return a line with the median latencies, and whether ours is below the aim in milliseconds."""
    listed = ", ".join(f"{name} {middle(loads):.2f} ms" for name, loads in found.items())
    verdict = "" if aim is None else f" (aim < {aim:g} ms: {'met' if middle(found['mlmgmt']) < aim else 'missed'})"
    return f"  median latency at {connections}: {listed}{verdict}"


AIMS = {
    "linear": {1: (0.7, 35.0, None), 32: (0.5, 80.0, 3.0)},
    "trees": {1: (0.6, None, None), 32: (0.35, 50.0, 4.0)},
}
"""Aims by learner and connections: ratio to the hello server, ratio to MLflow, and milliseconds."""


@pytest.mark.parametrize("learner", AIMS)
def test_one_row(bench: Bench, python: Path, note: Callable[[list[str]], None], learner: str) -> None:
    refuse_different_labels(bench.ours(learner, 1_000), bench.mlflow(python, learner, 1_000))
    ours, theirs = bench.ours(learner), bench.mlflow(python, learner)
    hello = bench.hello(ours.body)
    measured, lines = [], []
    for connections, (of_hello, of_mlflow, milliseconds) in AIMS[learner].items():
        found = interleaved([ours, hello, theirs], connections, bench.folder)
        for other, bound in ((HELLO, of_hello), (theirs.name, of_mlflow)):
            aim = None if bound is None else Aim(bound, at_least=True)
            name = f"{learner}, 1 row, {connections} connections / {other}"
            measured.append(compared(name, found["mlmgmt"], found[other], aim))
        lines.append(latency(found, connections, milliseconds))
    report(note, f"Scoring one row, {learner}", measured, lines)


@pytest.mark.parametrize(("learner", "bound"), [("linear", 4.0), ("trees", 2.0)])
def test_a_thousand_rows(
    bench: Bench, python: Path, note: Callable[[list[str]], None], learner: str, bound: float
) -> None:
    ours, theirs = bench.ours(learner, 1_000), bench.mlflow(python, learner, 1_000)
    found = interleaved([ours, theirs], 1, bench.folder)
    name = f"{learner}, 1,000 rows, 1 connection / MLflow"
    measured = compared(name, found["mlmgmt"], found["MLflow"], Aim(bound, at_least=True))
    report(note, f"Scoring 1,000 rows, {learner}", [measured], [latency(found, 1)])


def test_a_learner_without_a_compiled_form(bench: Bench, python: Path, note: Callable[[list[str]], None]) -> None:
    """Requests that arrive together are answered together; a single one does not wait."""
    learner = "binned network"
    refuse_different_labels(bench.ours(learner, 1_000), bench.mlflow(python, learner, 1_000))
    ours, theirs = bench.ours(learner), bench.mlflow(python, learner)
    measured, lines = [], []
    for connections, aim in ((1, None), (32, Aim(10.0, at_least=True))):
        found = interleaved([ours, theirs], connections, bench.folder)
        name = f"{learner}, 1 row, {connections} connections / MLflow"
        measured.append(compared(name, found["mlmgmt"], found["MLflow"], aim))
        lines.append(latency(found, connections))
    report(note, "A learner without a compiled form", measured, lines)


def test_two_workers(bench: Bench, note: Callable[[list[str]], None]) -> None:
    """The workers use both cores, which they share with wrk."""
    one = bench.ours("linear", server=bench.start(pin=False), name="one worker")
    two = bench.ours("linear", server=bench.start("-Workers", "2", pin=False), name="two workers")
    found = interleaved([two, one], 32, bench.folder, pin=False)
    measured = compared("two workers / one, 32 connections", *found.values(), Aim(1.5, at_least=True))
    report(note, "Two workers", [measured], [])


def test_a_shared_socket_does_not_delay_answers(bench: Bench, note: Callable[[list[str]], None]) -> None:
    """Without TCP_NODELAY, each answer on a socket made by another process waits 40 ms for its second packet."""
    one = bench.ours("linear", name="one worker")
    two = bench.ours("linear", server=bench.start("-Workers", "2"), name="two workers")
    plain = bench.hello(one.body, loop="asyncio", protocol=0)
    unnamed = Target("hello, asyncio, no protocol named", plain.url, plain.body)
    found = interleaved([two, one, unnamed], 1, bench.folder)
    measured = [
        compared("two workers / one, 1 connection", found[two.name], found[one.name], Aim(0.5, at_least=True)),
        compared("two workers / a socket without protocol", found[two.name], found[unnamed.name], None),
    ]
    report(note, "TCP_NODELAY on a shared socket", measured, [latency(found, 1)])


def test_scoring_was_charged_to_the_plan(bench: Bench) -> None:
    """The benchmarked server charges calls: its commitment plan has counted them."""
    history = usage.usage_history(bench.session, group=census.GROUP, name="standard")
    assert sum(day["usage"][usage.TRANSACTIONS] for day in history) > 1_000


@pytest.mark.parametrize("count", [10, 10_000])
def test_management_get(bench: Bench, tmp_path: Path, note: Callable[[list[str]], None], count: int) -> None:
    session = making.session(tmp_path)
    names = making.services(session, "retail", count, making.definition(10_000))
    with ExitStack() as running:
        home = Bench(tmp_path, session, running)
        found = interleaved([home.get(names[-1], "retail"), home.hello()], 1, tmp_path)
    name = f"management GET, 1 connection, {count:,} services / hello"
    measured = compared(name, found["mlmgmt"], found[HELLO], Aim(0.5, at_least=True))
    report(note, f"Management GET with {count:,} services", [measured], [latency(found, 1)])
