"""Measure how long models take one after another, in one process with one thread; run as
`python -m tests.endurance.many_serial TRAINING SCORING FOLDER STEP` in the folder of a home.

Every STEPth table of the folder is used. The output is one JSON line: the mean seconds of training only, and of all
that a worker of `retrain-many` does.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from threadpoolctl import threadpool_limits

from mlmgmt.definition import assets
from mlmgmt.verbs.many import fitting, retraining
from mlmgmt.verbs.retraining import training
from mlmgmt.verbs.services import finding
from mlmgmt.verbs.session import Session
from mlmgmt.verbs.userfiles import Source


def main(trainer: str, scorer: str, folder: str, step: int) -> None:
    session = Session()
    ends = [finding.endpoint(session, name, finding.DEFAULT) for name in (trainer, scorer)]
    model = assets.find(ends[1].document, None)
    work = retraining._work(session, ends[0], ends[1], model, {}, None)
    default = session.store.blobs.model(ends[1].models[model.asset_id]["digest"])
    tables = sorted(Path(folder).iterdir())[::step]
    fit, make = 0.0, 0.0
    for place, table in enumerate([tables[0], *tables]):
        data = table.read_bytes()
        began = time.perf_counter()
        with threadpool_limits(1):
            training.fit(session, work.training, Source(table.name, data), None, None)
        fitted = time.perf_counter()
        made = fitting.make_model(work, table.stem, data, default)
        ended = time.perf_counter()
        assert made.reason is None, made.reason
        if place:  # the first round only loads the libraries
            fit, make = fit + fitted - began, make + ended - fitted
    print(json.dumps({"fit": fit / len(tables), "make": make / len(tables)}))


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
