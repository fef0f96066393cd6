"""Killed and concurrent writers of Classic web services: nothing is half written, and nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from mlmgmt.errors import PreconditionFailed
from mlmgmt.verbs.session import Session
from tests.classic.classic_helper import patch
from tests.classic.classic_home import SCORING, Bikes, answers, history
from tests.conftest import environment

if TYPE_CHECKING:
    from tests.conftest import Command

HELPER = [sys.executable, "-m", "tests.classic.classic_helper"]


def kill_at_every_step(mode: str, service: str, step: int) -> list[dict[str, Any]]:
    words = [*HELPER, mode, service, str(step)]
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_killed_patch_is_done_completely_or_not_at_all(mlmgmt: Command, bikes: Bikes) -> None:
    rows = kill_at_every_step("patch", bikes.service, 2)
    assert len(rows) > 15
    done = []
    for row in rows:
        old, new = row["before"][bikes.service].pop("loc001"), row["after"][bikes.service].pop("loc001")
        assert row["before"] == row["after"]
        number, _, key = old
        assert new in (old, [number + 1, [row["new"]], key])
        done.append(new != old)
    # From the first kill after the commit on, the change is there.
    assert done == sorted(done)
    assert set(done) == {False, True}
    mlmgmt(bikes.patch("loc001", "model001"), ok=True)
    assert answers(mlmgmt, "loc001", 1)
    assert not [path for path in bikes.endpoint("loc001") if path.endswith(".tmp")]


def test_a_killed_deployment_is_done_completely_or_not_at_all(mlmgmt: Command, bikes: Bikes) -> None:
    rows = kill_at_every_step("deploy", bikes.service, 5)
    assert len(rows) > 15
    done = []
    for row in rows:
        more = {name: body for name, body in row["after"].items() if name not in row["before"]}
        assert row["before"].items() <= row["after"].items()
        assert len(more) <= 1
        assert all(list(body) == ["default"] for body in more.values())
        done.append(bool(more))
    assert done == sorted(done)
    assert set(done) == {False, True}
    listed = mlmgmt("web-services", ok=True).json
    # The last deployment was not killed.
    assert len({item["Id"] for item in listed} - rows[-1]["after"].keys()) == 1
    assert all(answers(mlmgmt, "default", 0, item["Id"]) for item in listed if item["Name"] == SCORING)
    # A web service that was not completed does not count, now or later.
    assert mlmgmt("workspaces", ok=True).json[0]["WebServices"] == len(listed)


def test_a_killed_removal_is_done_or_can_be_repeated(mlmgmt: Command, bikes: Bikes) -> None:
    rows = kill_at_every_step("remove", bikes.service, 9)
    assert len(rows) > 15
    for row in rows:
        left = row["after"].get(bikes.service)
        assert left is None or left.items() <= row["before"][bikes.service].items()
        # The default endpoint is removed last.
        assert not left or "default" in left
    # The last removal was not killed.
    assert [item["Id"] for item in mlmgmt("web-services", ok=True).json] == [bikes.training]


def test_two_processes_that_patch_one_endpoint_lose_nothing(mlmgmt: Command, bikes: Bikes) -> None:
    count = 12
    other = bikes.endpoint("loc002")
    writers = [
        subprocess.Popen([*HELPER, "write", bikes.service, str(count), mark], env=environment()) for mark in "ab"
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    rows = history(mlmgmt)
    assert [row["Revision"] for row in reversed(rows)] == list(range(1, 2 * count + 2))
    models = [next(iter(row["Models"].values())) for row in rows[:-1]]
    wanted = {sha256(f"{mark} {number}".encode()).hexdigest() for mark in "ab" for number in range(count)}
    assert set(models) == wanted
    assert len(models) == len(wanted)
    assert bikes.endpoint("loc002") == other


def test_a_patch_planned_before_another_one_is_refused(mlmgmt: Command, bikes: Bikes) -> None:
    first, second = (patch(Session(), bikes.service, text, text) for text in ("one", "two"))
    first.apply()
    with pytest.raises(PreconditionFailed) as refused:
        second.apply()
    assert "EtagChanged" in refused.value.codes()
    second.apply(again=True)
    assert len(history(mlmgmt)) == 3
