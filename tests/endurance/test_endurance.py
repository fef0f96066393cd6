"""Tests that take long. Run them with: pytest tests/endurance"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Command, environment
from tests.store.test_crashes import run_helper

if TYPE_CHECKING:
    from pathlib import Path

LATE = (
    "import os, sys\n"
    "from mlmgmt.verbs.services import webservices\n"
    "from mlmgmt.verbs.session import Session\n"
    "import filelock\n"
    "outcome = webservices.plan_update(Session(), group='retail', name='small', title=sys.argv[1])\n"
    "print('planned', flush=True)\n"
    "sys.stdin.readline()\n"
    "outcome.commit()\n"
)
KINDS = ("openat", "read", "write", "fsync", "close", "rename", "unlink", "mkdir", "flock", "newfstatat", "getdents64")


def test_a_thousand_kills_between_taking_and_releasing_the_lock(mlmgmt: Command, small: Path) -> None:
    rows = run_helper("random", 1000, seed=2)
    assert len(rows) == 1000
    assert all(row["killed"] for row in rows)
    assert all(row["after"]["revision"] >= row["before"]["revision"] for row in rows)
    mlmgmt("test -g retail -n small", ok=True)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_kill_at_each_system_call_that_the_kernel_sees(mlmgmt: Command, small: Path) -> None:
    """strace kills the process at the n-th call of a kind after the plan is made, for every kind and every n."""
    killed = {}
    for kind in KINDS:
        number = 1
        while _killed_and_checked(mlmgmt, kind, number):
            number += 1
            assert number < 100, kind
        killed[kind] = number - 1
    print(f"\nkilled at each of {sum(killed.values())} system calls of one update: {killed}")
    assert killed["fsync"] >= 2
    assert killed["rename"] >= 2
    assert sum(killed.values()) > 30


def _killed_and_checked(mlmgmt: Command, kind: str, number: int) -> bool:
    # Finish one update first: after a kill behind the commit, the next update reads more, and the loop would not end.
    before = mlmgmt(f"update -g retail -n small -Title 'before {kind} {number}' -Force", ok=True).json
    title = f"{kind} {number}"
    killed = _killed_at(kind, number, title)
    after = mlmgmt("get -g retail -n small", ok=True).json
    history = mlmgmt("history -g retail -n small", ok=True).json
    assert after["mlmgmt"]["revision"] == history[0]["Revision"] == len(history)
    assert after["etag"] == history[0]["Etag"]
    if after["etag"] == before["etag"]:
        assert killed
    else:
        assert after["mlmgmt"]["revision"] == before["mlmgmt"]["revision"] + 1
        assert after["properties"]["title"] == title
    return killed


def _killed_at(kind: str, number: int, title: str) -> bool:
    words = [sys.executable, "-c", LATE, title]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "planned\n"
        inject = f"inject={kind}:signal=KILL:when={number}"
        trace = ["strace", "-f", "-p", str(child.pid), "-e", f"trace={kind}", "-e", inject, "-o", os.devnull]
        with subprocess.Popen(trace, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            assert re.search("attached", tracer.stderr.readline())
            with contextlib.suppress(BrokenPipeError):
                # The process may be killed while it waits for this line.
                child.stdin.write("\n")
                child.stdin.flush()
            status = child.wait(timeout=60)
            tracer.wait(timeout=60)
    assert status in (0, -signal.SIGKILL)
    return status != 0


def test_ten_thousand_updates_of_one_service(mlmgmt: Command, small: Path) -> None:
    script = (
        "from mlmgmt.verbs.services import webservices\n"
        "from mlmgmt.verbs.session import Session\n"
        "session = Session()\n"
        "for n in range(10_000):\n"
        "    webservices.plan_update(session, group='retail', name='small', title=f'n {n}').apply()\n"
    )
    subprocess.run([sys.executable, "-c", script], env=environment(), check=True)
    assert mlmgmt("get -g retail -n small", ok=True).json["mlmgmt"]["revision"] == 10_001
    assert len(json.loads(mlmgmt("history -g retail -n small", ok=True).out)) == 10_001
