"""Homes of earlier releases open and answer as before. The archives in fixtures/homes are never made again."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from mlmgmt.cli import app
from mlmgmt.store import home
from mlmgmt.verbs.session import Session
from tests.conftest import FIXTURES, Command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ARCHIVES = {path.name.removesuffix(".tar.gz"): path for path in sorted((FIXTURES / "homes").glob("*.tar.gz"))}
PROSE = {"text", "Checks"}
"""Members with sentences for people; these may change."""


def recorded(version: str) -> dict[str, Any]:
    with tarfile.open(ARCHIVES[version]) as archive:
        content = archive.extractfile("answers.json")
        assert content is not None
        found: dict[str, Any] = json.loads(content.read())
        return found


RECORDED = {version: recorded(version) for version in ARCHIVES}
ANSWERS = [(version, one) for version, kept in RECORDED.items() for one in kept["answers"]]
REMOVED = [(version, one) for version, kept in RECORDED.items() for one in kept["removed"]]
ADDRESSES = sorted({(version, *one["address"]) for version, kept in RECORDED.items() for one in kept["revisions"]})


def label(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(value.get("words") or value["address"])
    return value if isinstance(value, str) else " ".join(value)


def unpack(version: str, folder: Path) -> None:
    """Extract an archive. Its home counts as moved, not copied, so it keeps its keys when it is trusted."""
    with tarfile.open(ARCHIVES[version]) as archive:
        archive.extractall(folder, filter="data")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of an archive, extracted and trusted once; for commands that change nothing."""
    folders: dict[str, Path] = {}

    def found(version: str) -> Path:
        if version not in folders:
            folder = folders[version] = tmp_path_factory.mktemp("home")
            unpack(version, folder)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("MLMGMT_CONFIG", str(folder / "config"))
                assert app.run(["trust-home", "--home", str(folder / ".mlmgmt")]) == 0
        return folders[version]

    return found


@pytest.fixture
def moved(mlmgmt: Command, apart: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A trusted copy of an archived home in the working folder, for one test."""

    def found(version: str) -> Path:
        unpack(version, apart)
        monkeypatch.setenv("MLMGMT_CONFIG", str(apart / "config"))
        mlmgmt("trust-home", ok=True)
        return apart / ".mlmgmt"

    return found


def assert_covers(found: Any, kept: Any, place: str = "$") -> None:
    """Assert that `found` has all of `kept`. It may have more, and numbers may differ in the last digits."""
    if isinstance(kept, dict):
        for name in kept.keys() - PROSE:
            assert name in found, f"{place}.{name}"
            assert_covers(found[name], kept[name], f"{place}.{name}")
    elif isinstance(kept, list):
        assert len(found) == len(kept), place
        for index, (inner, expected) in enumerate(zip(found, kept, strict=True)):
            assert_covers(inner, expected, f"{place}[{index}]")
    elif found != kept:
        assert (is_number(found), is_number(kept)) == (True, True), f"{place}: {found!r}, not {kept!r}"
        assert float(found) == pytest.approx(float(kept), rel=1e-9), place


def is_number(value: Any) -> bool:
    """Whether a value is a number or a score, which the service writes as a string."""
    try:
        return not isinstance(value, bool) and float(value) is not None
    except (TypeError, ValueError):
        return False


@pytest.mark.parametrize(("version", "answer"), ANSWERS, ids=label)
def test_every_command_answers_as_recorded(
    version: str,
    answer: dict[str, Any],
    unpacked: Callable[[str], Path],
    mlmgmt: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = unpacked(version)
    monkeypatch.setenv("MLMGMT_CONFIG", str(folder / "config"))
    monkeypatch.chdir(folder)
    done = mlmgmt([*answer["words"], "-o", "json"])
    assert done.status == answer["status"], done.err
    assert_covers(done.json, answer["answer"])


@pytest.mark.parametrize("version", ARCHIVES)
def test_every_service_endpoint_and_revision_was_recorded(version: str) -> None:
    """Three revisions of a New web service with three models, two endpoints beside the default one, and the rest."""
    kept = RECORDED[version]
    scores: dict[str, set[str]] = {}
    for one in kept["revisions"]:
        scores.setdefault(one["address"][-1], set()).add(json.dumps(one["score"]["Results"]))
    assert len(scores["churn"]) == 3
    assert len(scores["south"]) == 2
    assert scores.keys() == {"churn", "rentals", "north", "south"}
    assert {one["address"][-1] for one in kept["removed"]} == {"leads", "west", "default"}
    commands = {one["words"][0] for one in kept["answers"]}
    assert commands >= {"get", "keys", "history", "diff", "score", "test", "endpoints", "experiments", "plan", "batch"}


@pytest.mark.parametrize(("version", "address"), [(one[0], list(one[1:])) for one in ADDRESSES], ids=label)
def test_after_a_rollback_to_any_revision_the_scores_are_those_of_that_revision(
    version: str, address: list[str], moved: Callable[[str], Path], mlmgmt: Command
) -> None:
    moved(version)
    revisions = [one for one in RECORDED[version]["revisions"] if one["address"] == address]
    before = mlmgmt(["history", *address], ok=True).json
    count = before[0]["Revision"]
    for one in revisions:
        rolled = mlmgmt(["rollback", *address, "--to", str(one["revision"]), "-Force"])
        if rolled.status == 0:
            count += 1
        else:
            assert "NothingChanged" in rolled.err
        score = mlmgmt(["score", *address, "--input", one["rows"]], ok=True).json
        assert_covers(score["Results"], one["score"]["Results"])
    after = mlmgmt(["history", *address], ok=True).json
    assert after[0]["Revision"] == count
    assert after[-len(before) :] == before


@pytest.mark.parametrize(("version", "kept"), REMOVED, ids=label)
def test_what_was_removed_can_be_restored(
    version: str, kept: dict[str, Any], moved: Callable[[str], Path], mlmgmt: Command
) -> None:
    moved(version)
    address = kept["address"]
    assert mlmgmt(["score", *address, "--input", kept["rows"]]).status == 1
    mlmgmt([*kept["restore"], "-Force"], ok=True)
    score = mlmgmt(["score", *address, "--input", kept["rows"]], ok=True).json
    assert_covers(score["Results"], kept["score"]["Results"])
    history = mlmgmt(["history", *address], ok=True).json
    assert_covers(history[-len(kept["history"]) :], kept["history"])


@pytest.mark.parametrize("version", ARCHIVES)
def test_the_results_of_a_finished_job_patch_an_endpoint(
    version: str, moved: Callable[[str], Path], mlmgmt: Command
) -> None:
    moved(version)
    training = ["-s", "Rentals", "-e", "default"]
    (job,) = mlmgmt(["batch", "status", *training], ok=True).json
    results = mlmgmt(["batch", "status", *training, "--job", job["JobId"]], ok=True).json["Results"]
    model = next(one for one in results.values() if one["RelativeLocation"].endswith(".ilearner"))
    location = [
        word for name in ("BaseLocation", "RelativeLocation", "SasBlobToken") for word in (f"-{name}", model[name])
    ]
    north = ["-s", "Rentals [Predictive Exp.]", "-e", "north"]
    mlmgmt(["patch-endpoint", *north, "-ResourceName", "Rentals [trained model]", *location], ok=True)
    score = mlmgmt(["score", *north, "--input", "rows/rentals.csv"], ok=True).json
    (south,) = (one for one in RECORDED[version]["revisions"] if one["address"][-1] == "south" and one["revision"] == 2)
    assert_covers(score["Results"], south["score"]["Results"])


@pytest.mark.parametrize("version", ARCHIVES)
def test_an_experiment_runs_again_and_an_update_adds_a_revision(
    version: str, moved: Callable[[str], Path], mlmgmt: Command
) -> None:
    moved(version)
    assert mlmgmt(["run-experiment", "Rentals"], ok=True).json["Status"]["StatusCode"] == "Finished"
    keys = mlmgmt("keys -g retail -n rentals", ok=True).json
    mlmgmt("update -g retail -n rentals -Title Cycles -Force", ok=True)
    assert [one["Revision"] for one in mlmgmt("history -g retail -n rentals", ok=True).json] == [4, 3, 2, 1]
    assert mlmgmt("keys -g retail -n rentals", ok=True).json == keys


def write_format(root: Path, number: object) -> None:
    stated = json.loads((root / "home.json").read_text())
    (root / "home.json").write_text(json.dumps({**stated, "format": number}))


def format_of(root: Path) -> int:
    return int(json.loads((root / "home.json").read_text())["format"])


def test_a_home_of_a_newer_format_is_refused_in_one_sentence_that_names_both(
    moved: Callable[[str], Path], mlmgmt: Command
) -> None:
    root = moved("0.1.0")
    write_format(root, home.newest_format() + 1)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    for words in ("status", "update -g retail -n churn -Title x -Force", "trust-home", "connect"):
        refused = mlmgmt(words)
        assert refused.status == 1
        sentence = refused.err.splitlines()[0]
        assert f"has format {home.newest_format() + 1}, " in sentence
        assert f"reads format {home.newest_format()}." in sentence
        assert "HomeFormatNotSupported" in refused.err
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


class TestTwoFutureSteps:
    """Upgrade a copy of the oldest home with two steps that are made up here."""

    @pytest.fixture
    def root(self, moved: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
        root = moved("0.1.0")
        made: list[str] = []

        def number_plans(found: home.Home) -> None:
            made.append("first")
            (found.root / "first.txt").write_text("first")

        def move_log(found: home.Home) -> None:
            assert (found.root / "first.txt").exists()
            if made.count("second") == 0:
                made.append("second")
                raise OSError(28, "No space left on device")
            (found.root / "second.txt").write_text("second")

        monkeypatch.setattr(home, "_STEPS", (number_plans, move_log))
        return root

    def test_each_step_is_announced_first_and_an_interrupted_one_is_repeated(self, root: Path, mlmgmt: Command) -> None:
        failed = mlmgmt("get -g retail -n churn")
        assert failed.status == 1
        assert "from format 1 to format 2" in failed.err
        assert failed.err.index("from format 2 to format 3") < failed.err.index("No space left")
        assert format_of(root) == 2
        done = mlmgmt("get -g retail -n churn -o json", ok=True)
        assert "from format 1" not in done.err
        assert "from format 2 to format 3" in done.err
        assert done.json["name"] == "churn"
        assert format_of(root) == 3
        assert (root / "second.txt").exists()
        quiet = mlmgmt("score -g retail -n churn --input rows/churn.csv", ok=True)
        assert "format" not in quiet.err

    def test_nothing_is_written_if_it_cannot_be_announced(self, root: Path) -> None:
        with pytest.raises(Exception, match="has format 1, but this version of mlmgmt reads format 3"):
            Session().store  # noqa: B018
        assert format_of(root) == 1
        assert not (root / "first.txt").exists()

    def test_a_home_that_is_not_trusted_is_not_changed(
        self, root: Path, mlmgmt: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("MLMGMT_CONFIG", str(tmp_path / "another-user"))
        refused = mlmgmt("get -g retail -n churn")
        assert refused.status == 1
        assert "trust-home" in refused.err
        assert format_of(root) == 1
        assert not (root / "first.txt").exists()
