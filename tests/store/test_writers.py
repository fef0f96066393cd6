"""Many concurrent writers: no update is lost, and none is written twice."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from tests.conftest import Command, environment


def test_eight_processes_with_fifty_updates_each_make_four_hundred_revisions(mlmgmt: Command, small: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-m", "tests.store.writer", f"writer{n}", "50"], env=environment())
        for n in range(8)
    ]
    assert [writer.wait() for writer in writers] == [0] * 8
    history = mlmgmt("history -g retail -n small", ok=True).json
    assert [row["Revision"] for row in reversed(history)] == list(range(1, 402))
    stamps = [row["ModifiedOn"] for row in reversed(history)]
    assert all(earlier < later for earlier, later in pairwise(stamps))
    revisions = sorted(Path(".mlmgmt").rglob("revisions/*.json"))
    titles = [line for path in revisions for line in path.read_text().splitlines() if '"title": "writer' in line]
    assert len(set(titles)) == len(titles) == 400
