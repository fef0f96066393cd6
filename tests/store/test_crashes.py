"""Writers that are killed: the definition stays complete, as the old or the new revision, and the history agrees."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import Command, environment


def run_helper(mode: str, count: int, seed: int = 1) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.crash_helper", mode, str(count), str(seed)],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_fifty_writers_killed_while_they_hold_the_lock(mlmgmt: Command, small: Path) -> None:
    rows = run_helper("random", 50)
    assert len(rows) == 50
    assert all(row["killed"] for row in rows)
    assert all(row["after"]["revision"] >= row["before"]["revision"] for row in rows)
    mlmgmt("update -g retail -n small -Title after -Force", ok=True)
    mlmgmt("test -g retail -n small", ok=True)


def test_a_writer_killed_before_each_system_call_of_one_update(mlmgmt: Command, small: Path) -> None:
    rows = run_helper("each", 0)
    assert len(rows) > 20
    for row in rows:
        old, new = row["before"], {"revision": row["before"]["revision"] + 1, "title": f"before call {row['call']}"}
        assert row["after"] in (old, new), row
    outcomes = [row["after"]["title"].startswith("before call") for row in rows]
    # Once a call finds the change committed, every later one does.
    assert outcomes == sorted(outcomes)
    assert {False, True} == set(outcomes)
    leftovers = list(Path(".mlmgmt").rglob(".*.tmp"))
    assert leftovers == []


def test_the_lock_of_a_killed_process_is_released(mlmgmt: Command, small: Path) -> None:
    script = (
        "import os, signal\n"
        "from mlmgmt.verbs.session import Session\n"
        "session = Session()\n"
        "with session.store.writing(session.service_id('retail', 'small')):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script], env=environment(), check=False)
    mlmgmt("update -g retail -n small -Title after -Force", ok=True)
