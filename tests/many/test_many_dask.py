"""The same work on a Dask cluster: a scheduler and workers in separate processes, as a user starts them."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from mlmgmt.verbs.many import retraining, running
from mlmgmt.verbs.services import finding
from mlmgmt.verbs.session import Session
from tests.classic.classic_home import SCORING, TRAINING, Bikes, answers, rentals
from tests.conftest import environment
from tests.many.many_tables import KEYS, Kept, answers_of, by_key, folder, many, noisy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Command

pytest.importorskip("distributed")
_KEY = re.compile(rb"[A-Za-z0-9+/]{86}==")
SIX = {key: noisy(hundreds) for key, hundreds in KEYS.items()}


@dataclass
class Cluster:
    """A scheduler on loopback; its processes have neither the home nor its keys."""

    folder: Path
    environ: dict[str, str]
    address: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, what: str, *words: str) -> subprocess.Popen[bytes]:
        """Start `dask-scheduler` or `dask-worker`."""
        nowhere = str(self.folder / "none")
        given = environment(MLMGMT_CONFIG=nowhere, MLMGMT_HOME=nowhere, **self.environ)
        with open(self.folder / f"{what}-{len(self.processes)}.log", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", "--host", "127.0.0.1", "--no-dashboard", *words],
                env=given,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def workers(self, count: int) -> list[subprocess.Popen[bytes]]:
        """Return this many running workers; start those that are missing."""
        alive = [process for process in self.processes[1:] if process.poll() is None]
        more = ["--nthreads", "1", "--no-nanny", "--local-directory", str(self.folder)]
        return alive + [self.start("worker", self.address, *more) for _ in range(count - len(alive))]


@contextmanager
def cluster(folder: Path, **environ: str) -> Iterator[Cluster]:
    """Yield a scheduler without workers, and end all processes that were started."""
    found = Cluster(folder, environ)
    file = folder / "scheduler.json"
    try:
        found.start("scheduler", "--port", "0", "--scheduler-file", str(file))
        # The file exists before its content is written.
        _until(lambda: file.is_file() and file.read_text(), 180)
        found.address = json.loads(file.read_text())["address"]
        yield found
    finally:
        for process in found.processes:
            process.kill()
            process.wait()


def _until(what: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("dask"), DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1") as found:
        yield found


def on(address: str, *more: str) -> list[str]:
    return many("-Backend", "dask", "-Scheduler", address, *more)


def test_a_cluster_makes_the_same_models_as_local_processes(mlmgmt: Command, bikes: Bikes, dask: Cluster) -> None:
    folder(**SIX)
    dask.workers(2)
    here = mlmgmt(many(), ok=True).json
    told = {key: answers_of(mlmgmt, key, SIX[key]) for key in SIX}
    there = mlmgmt(on(dask.address, "-All"), ok=True).json
    assert there["Backend"] == "dask"
    assert [row["Metrics"] for row in there["Rows"]] == [row["Metrics"] for row in here["Rows"]]
    assert {key: answers_of(mlmgmt, key, SIX[key]) for key in SIX} == told
    assert mlmgmt(on(dask.address), ok=True).json["Counts"] == {"Unchanged": 6}
    folder(berlin="x\n1\n")
    result = mlmgmt(on(dask.address))
    assert (result.status, by_key(result.json)["berlin"]["Decision"]) == (4, "Failed")


def test_nothing_secret_goes_over(mlmgmt: Command, bikes: Bikes) -> None:
    session = Session()
    ends = [finding.endpoint(session, name, "default") for name in (TRAINING, SCORING)]
    (model,) = retraining.assets.learnt_assets(ends[1].document)
    work = retraining._work(session, *ends, model, {}, None)
    sent = pickle.dumps((work, "berlin", SIX["berlin"].encode(), session.store.blobs.model(_digest(ends[1], model))))
    secrets = Path(os.environ["MLMGMT_CONFIG"])
    found = {key for file in secrets.rglob("*") if file.is_file() for key in _KEY.findall(file.read_bytes())}
    assert len(found) > 6
    assert not [key for key in found if key in sent]
    key = session.store.secrets.signing_key()
    assert key is not None
    assert key not in sent


def _digest(revision: Any, model: Any) -> str:
    return str(revision.models[model.asset_id]["digest"])


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere://127.0.0.1:1", "tcp://127.0.0.1:port"])
def test_a_scheduler_that_does_not_answer_is_reported_within_seconds(
    mlmgmt: Command, bikes: Bikes, address: str
) -> None:
    folder(**SIX)
    began = time.monotonic()
    refused = mlmgmt(on(address))
    assert (refused.status, "SchedulerNotReachable" in refused.err) == (1, True), refused.err
    assert time.monotonic() - began < 7  # 5 s, and what a busy machine needs for the rest
    assert not Kept(bikes.root).blobs()


def dies(_: object, key: str) -> NoReturn:
    """A task that kills its own process, as the system kills one that uses too much memory."""
    os._exit(1)


def test_workers_that_die(mlmgmt: Command, bikes: Bikes, dask: Cluster) -> None:
    keys = {f"key{number}": number for number in range(16)}
    folder(**{key: rentals(number) for key, number in keys.items()})
    kept = Kept(bikes.root)
    first, *_ = dask.workers(3)
    words = [sys.executable, "-m", "mlmgmt", *on(dask.address)]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        _until(lambda: len(kept.blobs()) > 1 or run.poll() is not None, 180)
        first.send_signal(signal.SIGKILL)
        out, err = run.communicate(timeout=180)
    # Another worker does the tasks of the one that died.
    assert run.returncode == 0, err
    assert json.loads(out)["Counts"] == {"Patched": len(keys)}
    # A task that killed two workers is given up, and becomes a failed row.
    (made,) = running.run(dies, [(None, "berlin")], backend="dask", scheduler=dask.address, jobs=1)
    assert (made.key, str(made.reason).partition(":")[0]) == ("berlin", "WorkerDied")
    assert answers(mlmgmt, "key7", 7)
