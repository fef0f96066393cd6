"""Nothing is lost or mixed while changes and calls overlap, and after the server was killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from tests.conftest import environment
from tests.server.conftest import Server, Start, request_body

SECONDS = 2.5


def two_models(server: Server, mlmgmt: Any) -> dict[str, str]:
    """The addresses of two models of the churn service, by digest; the first is in use."""
    asset = server.ask("GET", server.service()).json()["properties"]["assets"]["asset3"]
    first = mlmgmt("get -g retail -n churn", ok=True).json["mlmgmt"]["models"]["asset3"]["digest"]
    line = (
        "retrain -g retail -n churn --training-definition churn-training.json --data new-customers.csv -Force -o json"
    )
    made = mlmgmt(line, ok=True).json
    uri = made["BaseLocation"] + made["RelativeLocation"]
    change = {"properties": {"assets": {"asset3": {**asset, "locationInfo": {"uri": uri}}}}}
    assert server.ask("PATCH", server.service(), json=change).status_code == 200
    second = mlmgmt("get -g retail -n churn", ok=True).json["mlmgmt"]["models"]["asset3"]["digest"]
    assert first != second
    return {first: asset["locationInfo"]["uri"], second: uri}


def mixed(server: Server, models: dict[str, str], seconds: float, pause: float = 1.0) -> tuple[int, int]:
    """Score from four threads while the model is replaced again and again; returns how many requests and updates.

    Every answer is that of the model that it names, and a call made after an update is answered by the new one.
    """
    place, key = server.scoring(), server.keys()["primary"]
    asset = server.ask("GET", server.service()).json()["properties"]["assets"]["asset3"]
    body, query = request_body(3), {"api-version": "2.0"}
    headers = {"authorization": f"Bearer {key}"}
    right: dict[str, Any] = {}

    def exchanged(digest: str) -> None:
        change = {"properties": {"assets": {"asset3": {**asset, "locationInfo": {"uri": models[digest]}}}}}
        assert server.ask("PATCH", server.service(), json=change).status_code == 200

    with httpx.Client(timeout=60, trust_env=False, headers=headers) as client:
        for digest in models:
            exchanged(digest)
            answer = client.post(f"{place}/execute", params=query, json=body)
            assert answer.headers["x-mlmgmt-models"] == f"asset3={digest}"
            right[digest] = answer.json()
    over, standing = Event(), [list(models)[-1]]

    def scoring(_: int) -> int:
        count = 0
        with httpx.Client(timeout=60, trust_env=False, headers=headers) as client:
            while not over.is_set():
                before = standing[0]
                answer = client.post(f"{place}/execute", params=query, json=body)
                digest = answer.headers["x-mlmgmt-models"].removeprefix("asset3=")
                assert answer.status_code == 200
                assert answer.json() == right[digest]
                # None: an update is running, and either model may answer.
                assert before in (None, digest) or standing[0] != before
                count += 1
        return count

    updates = 0
    with ThreadPoolExecutor(4) as threads:
        sides = [threads.submit(scoring, side) for side in range(4)]
        until = time.monotonic() + seconds
        try:
            for digest in cycle(models):
                if time.monotonic() > until or any(side.done() for side in sides):
                    break
                standing[0] = None  # type: ignore[call-overload]
                exchanged(digest)
                standing[0] = digest
                updates += 1
                time.sleep(pause)
        finally:
            over.set()
        return sum(side.result() for side in sides), updates


@pytest.mark.parametrize("workers", ["1", "2"])
def test_scoring_while_the_model_is_updated(start: Start, churn: Path, mlmgmt: Any, workers: str) -> None:
    server = start("-Workers", workers)
    answered, updates = mixed(server, two_models(server, mlmgmt), SECONDS, pause=0.5)
    assert updates >= 3
    assert answered > 50


def killed(start: Start, rounds: int) -> int:
    """Kill the server while it updates, again and again; returns how many updates were acknowledged."""
    acknowledged = 0
    server = start()
    for number in range(rounds):
        last, begun = "", Event()
        found = server.ask("GET", server.service())
        assert found.status_code == 200
        with server.client() as client, ThreadPoolExecutor(1) as threads:
            threads.submit(_kill_soon, server, begun, 0.15 + 0.02 * (number % 10))
            try:
                for count in range(100_000):
                    title = f"{number}-{count}"
                    change = {"properties": {"title": title, "keys": {"primary": f"key-{title}"}}}
                    answer = client.patch(server.service(), params={"api-version": "2017-01-01"}, json=change)
                    assert answer.status_code == 200
                    last, acknowledged = title, acknowledged + 1
                    begun.set()
            except httpx.TransportError:
                begun.set()
        after = start()
        standing = after.ask("GET", after.service()).json()["properties"]["title"]
        # All acknowledged updates are there. The running one may be there, and then its key is, too.
        assert last in ("", standing) or int(standing.split("-")[1]) == int(last.split("-")[1]) + 1
        if "-" in standing:
            assert after.keys()["primary"] == f"key-{standing}"
        server = after
    return acknowledged


def _kill_soon(server: Server, begun: Event, pause: float) -> None:
    begun.wait(60)
    time.sleep(pause)
    server.stop(signal.SIGKILL)


def test_a_server_that_is_killed_loses_no_update(start: Start, churn: Path, mlmgmt: Any) -> None:
    assert killed(start, 3) >= 3
    history = mlmgmt("history -g retail -n churn -o json", ok=True).json
    numbers = [row["Revision"] for row in history]
    assert numbers == list(range(len(numbers), 0, -1))
    assert mlmgmt("test -g retail -n churn -o json", ok=True).json["Passed"]


def test_a_job_outlives_the_server_and_says_what_happened(start: Start, churn: Path, mlmgmt: Any) -> None:
    server = start()
    Path("many.csv").write_text(_times(Path("new-customers.csv").read_text(), 30))
    submitted = mlmgmt("batch submit -g retail -n churn --inputs many.csv -o json", ok=True).json["JobId"]
    lost = mlmgmt("batch submit -g retail -n churn --inputs many.csv -o json", ok=True).json["JobId"]
    jobs = f"{server.scoring()}/jobs"
    headers = {"authorization": f"Bearer {server.keys()['primary']}"}
    query = {"api-version": "2.0"}
    with httpx.Client(timeout=60, trust_env=False, headers=headers, params=query) as client:
        for job in (submitted, lost):
            assert client.post(f"{jobs}/{job}/start").status_code == 200
        server.stop(signal.SIGKILL)
    pid = _worker(churn, lost)
    _kill(pid)
    again = start()
    jobs = f"{again.scoring()}/jobs"
    with httpx.Client(timeout=60, trust_env=False, headers=headers, params=query) as client:
        found = client.get(f"{jobs}/{submitted}").json()
        until = time.monotonic() + 60
        while found["StatusCode"] == "Running" and time.monotonic() < until:
            time.sleep(0.1)
            found = client.get(f"{jobs}/{submitted}").json()
        failed = client.get(f"{jobs}/{lost}").json()
    assert found["StatusCode"] == "Finished", found
    assert failed["StatusCode"] == "Failed"
    assert "killed" in failed["Details"]


def _times(text: str, count: int) -> str:
    header, _, rows = text.partition("\n")
    return f"{header}\n{rows * count}"


def _worker(home: Path, job: str) -> int:
    """The process id that a job's worker wrote down."""
    path = next(home.glob(f"jobs/*/*/{job}/worker.lock"))
    until = time.monotonic() + 30
    while not path.read_text().isdecimal():
        assert time.monotonic() < until
        time.sleep(0.005)
    return int(path.read_text())


def _kill(pid: int) -> None:
    import os

    os.kill(pid, signal.SIGKILL)


def test_both_faces_at_once_lose_nothing(server: Server, mlmgmt: Any) -> None:
    """Each writes ten descriptions while the other does; every one becomes a revision."""

    def typed(number: int) -> int:
        words = ["update", "-g", "retail", "-n", "churn", "-Description", f"typed {number}", "-Force"]
        return subprocess.run([sys.executable, "-m", "mlmgmt", *words], env=environment(), check=False).returncode

    def sent(number: int) -> int:
        change = {"properties": {"description": f"sent {number}"}}
        return server.ask("PATCH", server.service(), json=change).status_code

    with ThreadPoolExecutor(4) as threads:
        by_hand, by_program = threads.map(typed, range(10)), threads.map(sent, range(10))
        assert [*by_hand, *by_program] == [0] * 10 + [200] * 10
    history = mlmgmt("history -g retail -n churn -o json", ok=True).json
    assert [row["Revision"] for row in history] == list(range(21, 0, -1))
    (folder,) = Path(".mlmgmt").glob("subscriptions/*/resourcegroups/*/providers/*/webservices/churn/revisions")
    bodies = [json.loads((folder / f"{number:06}.json").read_text()) for number in range(2, 22)]
    found = {body["document"]["properties"]["description"] for body in bodies}
    assert found == {f"{how} {number}" for how in ("typed", "sent") for number in range(10)}
