"""More batch jobs than a service runs at the same time, all of them real, and one of them killed."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from mlmgmt.verbs.batch import jobs
from mlmgmt.verbs.session import Session
from tests.batch.test_batch import AT, deploy, query_definition, submit_many, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Command


def test_fifty_jobs_all_end_and_a_killed_one_does_not_delay_the_others(mlmgmt: Command, home: Path) -> None:
    deploy(mlmgmt, "query", query_definition())
    session = Session()
    found = submit_many(session, 50)
    for job in found:
        jobs.start(session, group="retail", name="query", job=job)
    resource = session.service_id("retail", "query")
    states = [body["state"] for body in session.store.jobs.of(resource)]
    assert states.count("Queued") >= 1
    assert states.count("Running") <= 40
    killed = found[39]
    until(lambda: session.store.jobs.worker(resource, killed))
    pid = session.store.jobs.worker(resource, killed)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    for job in found:
        expected = "Failed" if job == killed else "Finished"
        assert jobs.wait(session, group="retail", name="query", job=job)["StatusCode"] == expected
    listed = mlmgmt(f"batch status {AT}query", ok=True).json
    assert [row["StatusCode"] for row in listed].count("Finished") == 49
