"""A thousand rental locations: time, memory, look-up of endpoints, and runs that are killed.

Run with: pytest -s tests/endurance/test_many_endurance.py. Set LOCATIONS and HOURS in the environment to do less.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from mlmgmt.ids import service_guid
from mlmgmt.verbs.classic import endpoints
from mlmgmt.verbs.scoring.serving import Finder
from mlmgmt.verbs.services import finding
from mlmgmt.verbs.session import Session
from tests.classic.classic_home import Bikes, rentals
from tests.conftest import FIXTURES, environment
from tests.many.many_tables import folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Command

LOCATIONS = int(os.environ.get("LOCATIONS", "1000"))
HOURS = int(os.environ.get("HOURS", "4000"))
STEP = 20
LEARNERS = {"Linear Regression": 1.6, "Boosted Decision Tree Regression": 1.15}
"""The learners and the aims: a run's wall time as a multiple of the serial training time divided by processors."""


def tables(count: int) -> None:
    """Write `all/` with a table for each location, and `tenth/` with the first tenth of them."""
    made: dict[str, Any] = runpy.run_path(str(FIXTURES / "bike-rental" / "generate.py"))
    Path("all").mkdir()
    Path("tenth").mkdir()
    for number in range(1, count + 1):
        columns = dict(zip(made["HEADER"], made["location_columns"](number, HOURS), strict=True))
        path = Path("all") / f"{made['location_name'](number)}.csv"
        pd.DataFrame(columns).to_csv(path, index=False)
        if number <= count // 10:
            (Path("tenth") / path.name).hardlink_to(path)


def resident(leader: int) -> int:
    """Return the resident bytes of a session's processes; memory that they share counts for each."""
    total = 0
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                fields = (place / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == leader:
                    total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return total


@dataclass(frozen=True)
class Measurement:
    """A run of the command: its table, its wall time in seconds, and its peak memory in bytes."""

    table: dict[str, Any]
    seconds: float
    peak: int


def run(learner: str, data: str, *more: str) -> Measurement:
    words = [sys.executable, "-m", "mlmgmt", "retrain-many", "-TrainingService", learner]
    words += ["-ScoringService", f"{learner} [Predictive Exp.]", "-Data", data, "-o", "json", *more]
    words += ["-Results", "results.csv,results.html,results.json"]
    began, over, peaks = time.perf_counter(), Event(), [0]
    with open("out.json", "w") as out:
        process = subprocess.Popen(words, env=environment(), stdout=out, start_new_session=True)

        def look() -> None:
            while not over.wait(0.1):
                peaks.append(resident(process.pid))

        looking = Thread(target=look)
        looking.start()
        status = process.wait()
        seconds = time.perf_counter() - began
        over.set()
        looking.join()
    assert status == 0
    return Measurement(json.loads(Path("out.json").read_text()), seconds, max(peaks))


def serial(learner: str) -> dict[str, float]:
    """Return the mean seconds for one model without parallel work; see `many_serial`."""
    words = ["-m", "tests.endurance.many_serial", learner, f"{learner} [Predictive Exp.]", "all", str(STEP)]
    done = subprocess.run([sys.executable, *words], env=environment(), capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def found_in(service: str, names: list[str]) -> tuple[float, float]:
    """Return the median seconds to look up an endpoint by name, and by the id in a scoring address."""
    by_name, by_id = [], []
    for name in names:
        session = Session()
        identity = finding.endpoint_id(session, service, name)
        began = time.perf_counter()
        shown = endpoints.get(Session(), web_service_id=service, endpoint_name=name)
        by_name.append(time.perf_counter() - began)
        assert name in json.dumps(shown)
        finder = Finder(Session())
        began = time.perf_counter()
        assert finder.find(service_guid(identity)) == identity
        by_id.append(time.perf_counter() - began)
    return statistics.median(by_name), statistics.median(by_id)


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_thousand_locations(mlmgmt: Command, learner: str) -> None:
    began = time.perf_counter()
    tables(LOCATIONS)
    say = _sayer(f"{learner}, {LOCATIONS:,} locations of {HOURS:,} rows")
    say(f"tables made in {time.perf_counter() - began:.0f} s")
    mlmgmt("Connect-AzAccount -AccountId ada@example.com", ok=True)
    words = ["-Task", "regression", "-Label", "cnt", "-Data", "all/rentalloc001.csv", "-Algorithm", learner]
    mlmgmt(["new-experiment", learner, *words], ok=True)
    scorer = f"{learner} [Predictive Exp.]"
    for way in ("-Predictive", "-Retraining"):
        mlmgmt(["set-up-web-service", learner, way], ok=True)
    for name in (scorer, learner):
        mlmgmt(["deploy", name], ok=True)

    for number in range(9):
        mlmgmt(["add-endpoint", "-s", scorer, "-e", f"hand{number}"], ok=True)
    names = [f"hand{number}" for number in range(9)]
    few = found_in(scorer, names)

    before = serial(learner)
    tenth = run(learner, "tenth", "-NamePrefix", "tenth")
    whole = run(learner, "all")
    after = serial(learner)
    assert whole.table["Counts"] == {"Patched": LOCATIONS}
    processors = os.cpu_count() or 1
    for what, name in (("training", "fit"), ("training, comparison, proof, file", "make")):
        each = (before[name] + after[name]) / 2
        half = each * LOCATIONS / processors
        ratio = whole.seconds / half
        say(
            f"{what}: {each * 1e3:.1f} ms each alone ({before[name] * 1e3:.1f} before, {after[name] * 1e3:.1f} after); "
            f"wall {whole.seconds:.1f} s is {ratio:.2f}x of {each * LOCATIONS:.1f} s / {processors} processors"
        )
        if name == "fit":
            say(f"the aim is {LEARNERS[learner]}x: {'met' if ratio <= LEARNERS[learner] else 'missed'}")
    growth = whole.peak / tenth.peak
    say(f"memory: {tenth.peak / 2**20:.0f} MiB for a tenth, {whole.peak / 2**20:.0f} MiB for all: {growth:.2f}x")
    assert growth < 1.3

    many = found_in(scorer, [*names, *(row["Endpoint"] for row in whole.table["Rows"][:: max(1, LOCATIONS // 20)])])
    for what, one, other in zip(("by name", "by id, for a first request"), few, many, strict=True):
        say(f"an endpoint {what}: {one * 1e3:.2f} ms of 10, {other * 1e3:.2f} ms of {LOCATIONS:,}: {other / one:.2f}x")
        assert other < 5 * one + 0.005
    second = run(learner, "all")
    assert second.table["Counts"] == {"Unchanged": LOCATIONS}
    say(f"a second run with nothing to do: {second.seconds:.1f} s")


def _sayer(title: str) -> Callable[[str], None]:
    print(f"\n{title}")
    return lambda text: print(f"  {text}", flush=True)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_thirty_kills(bikes: Bikes, seed: int) -> None:
    folder(**{f"key{number:02}": rentals(number) for number in range(60)})
    words = [sys.executable, "-m", "tests.many.many_killer", "30", str(seed)]
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    *kills, last = map(json.loads, done.stdout.splitlines())
    assert sum(kill["killed"] for kill in kills) > 20
    assert last == {"status": 0, "blobs": 60}
