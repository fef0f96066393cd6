"""A run of many retrainings that is interrupted by kill or Ctrl-C, and its progress on a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.classic.classic_home import Bikes, answers, rentals
from tests.conftest import environment
from tests.many.many_tables import Kept, by_key, folder, many

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Command

TWENTY = {f"key{number:02}": number for number in range(20)}


def tables() -> None:
    folder(**{key: rentals(hundreds) for key, hundreds in TWENTY.items()})


def until(what: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.005)


def of_session(leader: int) -> list[int]:
    """Return the running processes of a session, its leader included."""
    found = []
    for folder_ in Path("/proc").iterdir():
        if folder_.name.isdigit():
            with contextlib.suppress(OSError):
                state, _, _, session, *_ = (folder_ / "stat").read_text().rpartition(")")[2].split()
                if int(session) == leader and state != "Z":
                    found.append(int(folder_.name))
    return found


def read_of_workers(processes: list[int], file: str) -> list[bytes]:
    """Read the `/proc` file of this name of each worker process."""
    found = []
    for process in processes:
        with contextlib.suppress(OSError):
            if b"LokyProcess" in Path(f"/proc/{process}/cmdline").read_bytes():
                found.append(Path(f"/proc/{process}/{file}").read_bytes())
    return found


def environments(processes: list[int]) -> list[bytes]:
    """Return the environments of the worker processes."""
    return read_of_workers(processes, "environ")


def ready(leader: int) -> bool:
    """Say whether both workers have started: from then on they ignore Ctrl-C, which their parent handles."""
    masks = [re.search(rb"SigIgn:\s*(\w+)", text) for text in read_of_workers(of_session(leader), "status")]
    return sum(mask is not None and bool(int(mask[1], 16) & 1 << signal.SIGINT - 1) for mask in masks) == 2


def started(*words: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mlmgmt", *words],
        env=environment(**environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=allow_ctrl_c,
    )


def allow_ctrl_c() -> None:
    """Handle Ctrl-C, which a process started in the background ignores by default."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_killed_run_can_be_continued(mlmgmt: Command, bikes: Bikes) -> None:
    tables()
    words = [sys.executable, "-m", "tests.many.many_killer", "3", "5"]
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    *kills, last = map(json.loads, done.stdout.splitlines())
    assert sum(kill["killed"] for kill in kills) >= 2
    assert last == {"status": 0, "blobs": len(TWENTY)}
    for key in ("key00", "key09", "key19"):
        assert answers(mlmgmt, key, TWENTY[key])
    assert mlmgmt(many(), ok=True).json["Counts"] == {"Unchanged": len(TWENTY)}


def test_workers_end_with_the_process_that_started_them(mlmgmt: Command, bikes: Bikes) -> None:
    tables()
    kept = Kept(bikes.root)
    with started(*many(jobs=2), MALLOC_TRIM_THRESHOLD_="65536", OMP_NUM_THREADS="2") as run:
        try:
            until(lambda: len(environments(of_session(run.pid))) == 2)
            given = environments(of_session(run.pid))
            # Variables that a local Dask cluster leaves in the environment slow down processes that inherit them.
            assert not [one for one in given if b"MALLOC_TRIM_THRESHOLD_" in one]
            assert all(b"OMP_NUM_THREADS=1\0" in one + b"\0" for one in given)
            until(lambda: bool(kept.blobs()))
        finally:
            run.kill()
        run.communicate()
        until(lambda: not of_session(run.pid), 10)
    before = kept.moments()
    assert len(before) > 0
    rows = by_key(mlmgmt(many(), ok=True).json)
    assert before.items() <= kept.moments().items()
    assert {row["Decision"] for row in rows.values()} <= {"Patched", "Unchanged"}
    assert answers(mlmgmt, "key19", 19)


def test_ctrl_c_ends_the_run_and_its_workers(mlmgmt: Command, bikes: Bikes) -> None:
    tables()
    kept = Kept(bikes.root)
    with started(*many(jobs=2)) as run:
        until(lambda: (bool(kept.blobs()) and ready(run.pid)) or run.poll() is not None)
        # Ctrl-C reaches every process of the terminal's group.
        os.killpg(run.pid, signal.SIGINT)
        out, err = run.communicate(timeout=30)
        until(lambda: not of_session(run.pid), 10)
    assert (run.returncode, out) == (130, ""), err
    assert "Interrupted" in err
    assert "Traceback" not in err
    before = kept.moments()
    assert mlmgmt(many(), ok=True).json["Counts"].keys() <= {"Patched", "Unchanged"}
    assert before.items() <= kept.moments().items()
    assert len(kept.blobs()) == len(TWENTY)


def test_a_terminal_shows_the_rate_and_the_time_left(bikes: Bikes) -> None:
    tables()
    main, side = pty.openpty()
    words = [sys.executable, "-m", "mlmgmt", *many()]
    with open(main, "rb", buffering=0) as terminal, open("out.json", "w") as out:
        environ = environment(TERM="xterm", COLUMNS="120", LINES="40")
        run = subprocess.Popen(words, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=side)
        os.close(side)
        seen = b""
        with contextlib.suppress(OSError):  # reading a closed terminal is an OSError on Linux
            while select.select([terminal], [], [], 60)[0] and (part := terminal.read(4096)):
                seen += part
        assert run.wait(60) == 0, seen
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    assert re.search(r"training 20 models .*20/20 +[\d.,]+/s +remaining +0:00:0", text), text[-800:]
    assert json.loads(Path("out.json").read_text())["Counts"] == {"Patched": 20}
