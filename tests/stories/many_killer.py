"""Kills a run of many retrainings again and again; run as `python -m tests.stories.many_killer KILLS SEED` in a folder
with a home and the tables `loc/*.csv`.

A child is forked that retrains all keys in one process; it is killed with SIGKILL a random moment after a random number
of models, and what stands then is looked at. One JSON line is printed for each kill; at the end a run is let alone, and
a last line says what it left.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from mlmgmt.cli import app
from mlmgmt.verbs.runs import models
from mlmgmt.verbs.services import finding
from mlmgmt.verbs.session import Session
from tests.stories.classic_home import SCORING
from tests.stories.many_tables import Kept, many


def blobs(home: Path) -> dict[str, tuple[int, str]]:
    """The models that runs kept: when each was written, and its digest."""
    return {
        name: (path.stat().st_mtime_ns, sha256(path.read_bytes()).hexdigest())
        for name, path in Kept(home).blobs().items()
    }


def looked_at(home: Path, keys: list[str]) -> dict[str, Any]:
    """What stands; raises where a model cannot be opened, or an endpoint is half-patched."""
    session = Session()
    default = finding.endpoint(session, SCORING, finding.DEFAULT)
    ((asset, body),) = default.models.items()
    kept = blobs(home)
    for path in Kept(home).blobs().values():
        models.open_model(session, path.read_bytes())
    stages = {}
    for key in keys:
        identity = finding.endpoint_id(session, SCORING, key)
        current = session.store.services.current(identity)
        numbers = [revision.number for revision in session.store.services.history(identity)] if current else []
        assert numbers == list(range(1, len(numbers) + 1)), (key, numbers)
        if current is None:
            stages[key] = "missing"
            continue
        assert current.number == len(numbers), (key, current.number, numbers)
        digest = current.models[asset]["digest"]
        own = [known for name, (_, known) in kept.items() if name.startswith(f"{key}-")]
        assert digest in (body["digest"], *own), key
        assert (digest == body["digest"]) == (len(numbers) == 1), (key, numbers)
        models.open_model(session, session.store.blobs.model(digest))
        assert session.store.service_secrets(identity)["keys"]["primary"]
        stages[key] = "added" if digest == body["digest"] else "patched"
    return {"stages": stages, "blobs": kept}


def run(*more: str) -> int:
    with open("told.txt", "w") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        return app.run(many(*more))


def killed(home: Path, chance: random.Random) -> bool:
    """Whether a run was killed before its end."""
    present = len(Kept(home).blobs())
    child = os.fork()
    if child == 0:
        status = 70
        try:
            status = run()
        finally:
            os._exit(status)
    wanted, ended = present + chance.randrange(3), 0
    while not ended and len(Kept(home).blobs()) < wanted:
        ended, _ = os.waitpid(child, os.WNOHANG)
        time.sleep(0.0005)
    time.sleep(chance.random() * 0.05)
    if not ended:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)
    return False


def main(kills: int, seed: int) -> None:
    home, chance = Path(".mlmgmt"), random.Random(seed)
    keys = sorted(path.stem for path in Path("loc").glob("*.csv"))
    # What a child needs is loaded here, once, so that it begins at once.
    models.open_model(Session(), next(iter(home.glob("models/*"))).read_bytes())
    run("-WhatIf")
    before = looked_at(home, keys)
    for _ in range(kills):
        met = killed(home, chance)
        after = looked_at(home, keys)
        # None is trained twice: what was there is what it was.
        assert before["blobs"].items() <= after["blobs"].items()
        for key, stage in before["stages"].items():
            assert (stage, after["stages"][key]) not in {("patched", "added"), ("patched", "missing")}, key
        stages = list(after["stages"].values())
        counts = {stage: stages.count(stage) for stage in ("missing", "added", "patched")}
        print(json.dumps({"killed": met, "blobs": len(after["blobs"]), **counts}), flush=True)
        before = after
    status = run()
    after = looked_at(home, keys)
    assert before["blobs"].items() <= after["blobs"].items()
    assert set(after["stages"].values()) == {"patched"}, after["stages"]
    assert len(after["blobs"]) == len(keys)
    print(json.dumps({"status": status, "blobs": len(after["blobs"])}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
