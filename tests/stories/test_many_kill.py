"""A run of many retrainings that is ended before its time: by kill, by Ctrl-C; and what a terminal sees of one."""

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

from tests.conftest import environment
from tests.stories.classic_home import Bikes, answers, rentals
from tests.stories.many_tables import Kept, by_key, folder, many

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
    """The processes that a process with a session of its own has started, and itself, as long as they run."""
    found = []
    for folder_ in Path("/proc").iterdir():
        if folder_.name.isdigit():
            with contextlib.suppress(OSError):
                state, _, _, session, *_ = (folder_ / "stat").read_text().rpartition(")")[2].split()
                if int(session) == leader and state != "Z":
                    found.append(int(folder_.name))
    return found


def of_workers(processes: list[int], file: str) -> list[bytes]:
    """What the system says, in a file of this name, of those that are worker processes."""
    found = []
    for process in processes:
        with contextlib.suppress(OSError):
            if b"LokyProcess" in Path(f"/proc/{process}/cmdline").read_bytes():
                found.append(Path(f"/proc/{process}/{file}").read_bytes())
    return found


def environments(processes: list[int]) -> list[bytes]:
    return of_workers(processes, "environ")


def ready(leader: int) -> bool:
    """Whether both workers have begun; from then on they leave Ctrl-C to the process that started them."""
    masks = [re.search(rb"SigIgn:\s*(\w+)", text) for text in of_workers(of_session(leader), "status")]
    return sum(mask is not None and bool(int(mask[1], 16) & 1 << signal.SIGINT - 1) for mask in masks) == 2


def started(*words: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mlmgmt", *words],
        env=environment(**environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed,
    )


def heed() -> None:
    """A process started in the background ignores Ctrl-C unless it is told otherwise."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_killed_and_run_again(mlmgmt: Command, bikes: Bikes) -> None:
    tables()
    words = [sys.executable, "-m", "tests.stories.many_killer", "3", "5"]
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    *kills, last = map(json.loads, done.stdout.splitlines())
    assert sum(kill["killed"] for kill in kills) >= 2
    assert last == {"status": 0, "blobs": len(TWENTY)}
    for key in ("key00", "key09", "key19"):
        assert answers(mlmgmt, key, TWENTY[key])
    assert mlmgmt(many(), ok=True).json["Counts"] == {"Unchanged": len(TWENTY)}


def test_workers_end_with_the_one_that_started_them(mlmgmt: Command, bikes: Bikes) -> None:
    tables()
    kept = Kept(bikes.root)
    with started(*many(jobs=2), MALLOC_TRIM_THRESHOLD_="65536", OMP_NUM_THREADS="2") as run:
        try:
            until(lambda: len(environments(of_session(run.pid))) == 2)
            given = environments(of_session(run.pid))
            # What a local Dask cluster leaves in an environment slows down those who inherit it.
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


def test_interrupted(mlmgmt: Command, bikes: Bikes) -> None:
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


def test_a_terminal_shows_the_rate_and_what_remains(bikes: Bikes) -> None:
    tables()
    main, side = pty.openpty()
    words = [sys.executable, "-m", "mlmgmt", *many()]
    with open(main, "rb", buffering=0) as terminal, open("out.json", "w") as out:
        environ = environment(TERM="xterm", COLUMNS="120", LINES="40")
        run = subprocess.Popen(words, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=side)
        os.close(side)
        seen = b""
        with contextlib.suppress(OSError):  # so a terminal ends here
            while select.select([terminal], [], [], 60)[0] and (part := terminal.read(4096)):
                seen += part
        assert run.wait(60) == 0, seen
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    assert re.search(r"training 20 models .*20/20 +[\d.,]+/s +remaining +0:00:0", text), text[-800:]
    assert json.loads(Path("out.json").read_text())["Counts"] == {"Patched": 20}
