"""`mlmgmt serve` against `mlflow models serve` and a bare hello: same model, same rows, same machine, in turn.

Servers run on one core and `wrk` on the other, where there are two. Keys are checked, calls are charged to a plan, and
the access log goes to a file. MLflow is installed into an environment of its own in pytest's cache folder;
`-o cache_dir=FOLDER` keeps it elsewhere.
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
"""The first ones are complete: MLflow does not take a column for numbers that holds nothing but a missing one."""
HELLO = "hello"
Note = "Callable[[list[str]], None]"


class Bench:
    """A home with the web services, the servers that run, and what they are asked."""

    def __init__(self, folder: Path, session: Session, running: ExitStack) -> None:
        self.folder, self.session, self._running = folder, session, running
        self._token = account.token(session, hours=4.0)["Token"]
        self.server = self.start()
        self._mlflow: dict[str, str] = {}

    def start(self, *words: str, pin: bool = True) -> Server:
        """A server for the home."""
        where = {name: self.session.environ[name] for name in ("MLMGMT_HOME", "MLMGMT_CONFIG")}
        log = str(self.folder / "access.log")
        with pinned(SERVER_CORE if pin else None):
            return self._running.enter_context(started("-AccessLog", log, *words, token=self._token, **where))

    def ours(self, learner: str, count: int = 1, *, server: Server | None = None, name: str = "mlmgmt") -> Target:
        """Scoring of some rows, with the contract's answer."""
        service = census.service(learner)
        document: Any = lookup.get(self.session, group=census.GROUP, name=service)
        path = document["properties"]["swaggerLocation"].partition(".net")[2].removesuffix("/swagger.json")
        key = lookup.keys(self.session, group=census.GROUP, name=service)["Primary"]
        url = f"{(server or self.server).origin}{path}/execute?api-version=2.0&details=true"
        return Target(name, url, census.request(ROWS[:count]), {"Authorization": f"Bearer {key}"})

    def get(self, service: str, group: str, server: Server | None = None) -> Target:
        """One web service, from the resource manager."""
        asked = server or self.server
        path = f"/subscriptions/{asked.subscription}/resourceGroups/{group}/{PROVIDER}/webServices/{service}"
        headers = {"Authorization": f"Bearer {asked.token}"}
        return Target("mlmgmt", f"{asked.origin}{path}?api-version={V2017}", None, headers)

    def mlflow(self, python: Path, learner: str, count: int = 1) -> Target:
        """The same rows, asked of MLflow."""
        if learner not in self._mlflow:
            data, model = self.folder / "adults.csv", self.folder / f"mlflow-{census.service(learner)}"
            peers.saved(python, learner, data, model)
            self._mlflow[learner] = self._running.enter_context(peers.serving_mlflow(python, model))
        # Its pipeline was fitted to hours that are missing here and there, and refuses whole numbers alone.
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
    """The Python that has MLflow."""
    assert request.config.cache is not None
    return peers.mlflow(request.config.cache.mkdir("mlflow"))


def asked(target: Target) -> Any:
    """One answer."""
    headers = {"content-type": "application/json", **target.headers}
    answer = httpx.post(target.url, content=target.body, headers=headers, trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refuse_different_labels(ours: Target, theirs: Target) -> None:
    """Both are to have the same model; what is compared then is how it is served."""
    mine = [row[0] for row in asked(ours)["Results"]["output1"]["value"]["Values"]]
    assert mine == asked(theirs)["predictions"]


def report(note: Callable[[list[str]], None], title: str, measured: list[Measured], more: list[str]) -> None:
    note(["", title, *table(measured), *more])


def latency(found: Mapping[str, list[Load]], connections: int, aim: float | None = None) -> str:
    """The medians, and whether ours is below an aim in milliseconds."""
    listed = ", ".join(f"{name} {middle(loads):.2f} ms" for name, loads in found.items())
    verdict = "" if aim is None else f" (aim < {aim:g} ms: {'met' if middle(found['mlmgmt']) < aim else 'missed'})"
    return f"  median latency at {connections}: {listed}{verdict}"


AIMS = {
    "linear": {1: (0.7, 35.0, None), 32: (0.5, 80.0, 3.0)},
    "trees": {1: (0.6, None, None), 32: (0.35, 50.0, 4.0)},
}
"""By learner and connections: of the bare hello, of MLflow, and milliseconds."""


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
    """Requests that come together are answered together; one that comes alone does not wait."""
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
    """On both cores, which wrk has to share."""
    one = bench.ours("linear", server=bench.start(pin=False), name="one worker")
    two = bench.ours("linear", server=bench.start("-Workers", "2", pin=False), name="two workers")
    found = interleaved([two, one], 32, bench.folder, pin=False)
    measured = compared("two workers / one, 32 connections", *found.values(), Aim(1.5, at_least=True))
    report(note, "Two workers", [measured], [])


def test_a_shared_socket_keeps_nobody_waiting(bench: Bench, note: Callable[[list[str]], None]) -> None:
    """Without TCP_NODELAY each answer of a socket that was made by someone else waits 40 ms for its second packet."""
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


def test_what_was_scored_was_counted(bench: Bench) -> None:
    """The benchmark is of a server that charges: its plan knows of the calls."""
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
