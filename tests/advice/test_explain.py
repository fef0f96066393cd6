"""`mlmgmt explain`: a tutorial that starts in an empty home; typing its commands leads to a retrained web service."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.classic.classic_home import AT, RESOURCE, SCORING, TRAINING, Bikes, answers, rentals
from tests.conftest import environment

if TYPE_CHECKING:
    from tests.conftest import Command


def error_text(mlmgmt: Command, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = mlmgmt(["explain", *words, "-o", "json"], ok=True).json
    return found


def states(found: dict[str, Any]) -> list[bool | None]:
    return [row["Done"] for row in found["Steps"]]


def type_line(mlmgmt: Command, line: str) -> None:
    """Type a line unchanged, in a shell if it needs one."""
    if not set(line) & set("|>"):
        words = shlex.split(line)
        assert words[0] == "mlmgmt"
        mlmgmt(words[1:], ok=True)
        return
    begin = f'mlmgmt() {{ {shlex.quote(sys.executable)} -m mlmgmt "$@"; }}\n'
    subprocess.run(["sh", "-c", begin + line], check=True, env=environment(), capture_output=True, timeout=60)


def follow(mlmgmt: Command, flavour: str, most: int = 16) -> list[str]:
    """Type the next command until all steps are done; return the lines."""
    lines: list[str] = []
    found = error_text(mlmgmt, flavour)
    while False in states(found):
        assert found["Next"] not in lines, lines
        lines.append(found["Next"])
        assert len(lines) <= most
        type_line(mlmgmt, found["Next"])
        found = error_text(mlmgmt, flavour)
    type_line(mlmgmt, found["Next"])
    return lines


def test_classic_steps_from_an_empty_home(mlmgmt: Command, apart: Path) -> None:
    Path("rentals.csv").write_text(rentals(0))
    Path("new-data.csv").write_text(rentals(3))
    first = error_text(mlmgmt)
    assert set(states(first)) == {False, None}
    assert first["Next"].startswith("mlmgmt connect")
    assert all(row["Command"].startswith("mlmgmt ") for row in first["Steps"])
    assert not (apart / ".mlmgmt").exists()
    lines = follow(mlmgmt, "classic")
    commands = [shlex.split(line)[1] for line in lines]
    assert commands[:6] == ["connect", "new-experiment", *["set-up-web-service", "deploy"] * 2]
    assert [command for command in commands[6:] if command != "batch"] == ["add-endpoint", "patch-endpoint"]
    assert answers(mlmgmt, "loc001", 3)
    done = error_text(mlmgmt)
    facts = {row["What"].split()[0]: row["Fact"] for row in done["Steps"] if row["Fact"]}
    assert "loc001 added" in facts["Add"]
    assert facts["Patch"].startswith("patched: revision 2")
    shown = mlmgmt("explain -o table", ok=True).out
    assert "[x] 10. Patch the endpoint with the new model: patched: revision 2" in shown
    assert shown.rstrip().endswith("--input new-data.csv")


def test_new_steps(mlmgmt: Command, bikes: Bikes) -> None:
    mlmgmt(["export-definition", "-ExperimentId", SCORING, "-OutputFile", "churn-predictive.json"], ok=True)
    mlmgmt(["export-definition", "-ExperimentId", TRAINING, "-OutputFile", "churn-training.json"], ok=True)
    Path("new-data.csv").write_text(rentals(2))
    lines = follow(mlmgmt, "new")
    assert [line.split()[1] for line in lines if " batch " not in line] == ["new", "new", "get", "set-model", "import"]
    last = error_text(mlmgmt, "new")
    assert "updated: revision 2" in last["Steps"][-2]["Fact"]
    assert last == error_text(mlmgmt, "-ResourceGroupName", "retail", "-Name", "churn")


class TestWithServices:
    def test_done_steps_and_the_next_one(self, mlmgmt: Command, bikes: Bikes) -> None:
        found = error_text(mlmgmt, "classic", *AT, "loc001")
        assert [row["Step"] for row in found["Steps"] if row["Done"] is False] == [8, 10]
        assert bikes.training in found["Next"]
        text = str(found)
        for name in (TRAINING, SCORING, RESOURCE, bikes.service, "loc001"):
            assert name in text
        assert "loc002" not in text
        assert "loc002" in str(error_text(mlmgmt))

    def test_an_endpoint_with_prevent_update_is_not_the_one_to_patch(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(["add-endpoint", "-s", SCORING, "-e", "kept", "-PreventUpdate"], ok=True)
        assert "-EndpointName kept" not in str(error_text(mlmgmt))
        assert "-EndpointName kept" not in mlmgmt(["endpoint-help", "-s", TRAINING, "-e", "default"], ok=True).out

    def test_a_patch_that_was_made_by_hand_counts(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(bikes.patch("loc002", "model001"), ok=True)
        found = error_text(mlmgmt, "-WebService", SCORING)
        assert "patched: revision 2" in found["Steps"][9]["Fact"]
        assert found["Steps"][9]["Done"]

    def test_the_training_service_leads_to_the_scoring_service(self, mlmgmt: Command, bikes: Bikes) -> None:
        assert error_text(mlmgmt, "-WebServiceId", TRAINING) == error_text(mlmgmt)

    def test_a_job_that_is_not_started_is_next(self, mlmgmt: Command, bikes: Bikes) -> None:
        Path("new.csv").write_text(rentals(1))
        words = ["batch", "submit", "-WebServiceId", TRAINING, "-EndpointName", "default", "--inputs", "new.csv"]
        job = mlmgmt(words, ok=True).json["JobId"]
        assert error_text(mlmgmt)["Next"].endswith(f"--job {job}")
        assert " batch start " in error_text(mlmgmt)["Next"]

    def test_unknown_services_and_the_other_flavour_are_refused(self, mlmgmt: Command, bikes: Bikes) -> None:
        assert mlmgmt("explain classic -WebServiceId nowhere").status == 1
        assert mlmgmt(["explain", "new", "-WebServiceId", SCORING]).status == 2
        assert mlmgmt("explain sideways").status == 2
        assert mlmgmt("explain -g retail -n nowhere").status == 1
