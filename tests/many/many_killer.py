"""Kill runs of many retrainings at random; run as `python -m tests.many.many_killer KILLS SEED` in a folder with a
home and the tables `loc/*.csv`.

A forked child retrains all keys in one process. It is killed with SIGKILL at a random time after a random number of
models, and the home is checked. One JSON line is printed for each kill. At the end a run is left to finish, and a last
line shows its results.
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
from tests.classic.classic_home import SCORING
from tests.many.many_tables import Kept, many


def blobs(home: Path) -> dict[str, tuple[int, str]]:
    """Return the saved models: when each was written, and its digest."""
    return {
        name: (path.stat().st_mtime_ns, sha256(path.read_bytes()).hexdigest())
        for name, path in Kept(home).blobs().items()
    }


def checked_state(home: Path, keys: list[str]) -> dict[str, Any]:
    """Return the state of the home. Raise an error if a model cannot be opened or an endpoint is half patched."""
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


def run_and_kill(home: Path, chance: random.Random) -> bool:
    """Start a run and kill it. Return whether it was killed before it ended."""
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
    # Load what the children need once here, so that each begins without delay.
    models.open_model(Session(), next(iter(home.glob("models/*"))).read_bytes())
    run("-WhatIf")
    before = checked_state(home, keys)
    for _ in range(kills):
        met = run_and_kill(home, chance)
        after = checked_state(home, keys)
        # No model is trained twice: those that existed have not changed.
        assert before["blobs"].items() <= after["blobs"].items()
        for key, stage in before["stages"].items():
            assert (stage, after["stages"][key]) not in {("patched", "added"), ("patched", "missing")}, key
        stages = list(after["stages"].values())
        counts = {stage: stages.count(stage) for stage in ("missing", "added", "patched")}
        print(json.dumps({"killed": met, "blobs": len(after["blobs"]), **counts}), flush=True)
        before = after
    status = run()
    after = checked_state(home, keys)
    assert before["blobs"].items() <= after["blobs"].items()
    assert set(after["stages"].values()) == {"patched"}, after["stages"]
    assert len(after["blobs"]) == len(keys)
    print(json.dumps({"status": status, "blobs": len(after["blobs"])}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
