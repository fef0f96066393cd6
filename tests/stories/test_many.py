"""Many models from one experiment: `mlmgmt retrain-many`, told on Classic endpoints and on New web services."""

from __future__ import annotations

import csv
import io
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import metrics

from mlmgmt.learning import digests, ilearner, tables
from tests.stories.classic_home import AT, RESOURCE, SCORING, TRAINING, Bikes, answer, answers, history, rentals
from tests.stories.many_tables import (
    KEYS,
    ROOT_MEAN_SQUARED_ERROR,
    Kept,
    answers_of,
    by_key,
    decisions,
    endpoints,
    everything,
    folder,
    many,
    noise,
    noisy,
    one_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Command, Result

SIX = {key: rentals(hundreds) for key, hundreds in KEYS.items()}
TWO = {key: SIX[key] for key in ("berlin", "cairo")}


def failed(result: Result, *keys: str) -> dict[str, dict[str, Any]]:
    """The rows of a run of which some keys, and no others, failed."""
    assert result.status == 4, result.err
    assert f"{len(keys)} of " in result.err
    rows = by_key(result.json)
    assert {key for key, row in rows.items() if row["Decision"] == "Failed"} == set(keys)
    assert all(row["Reason"] and row["Model"] is None for row in rows.values() if row["Decision"] == "Failed")
    return rows


@contextmanager
def connected(mlmgmt: Command, role: str) -> Iterator[None]:
    mlmgmt(f"Connect-AzAccount -AccountId ada@example.com -Role {role}", ok=True)
    yield
    mlmgmt("Connect-AzAccount -AccountId ada@example.com -Role Owner", ok=True)


class TestATable:
    def test_each_key_gets_an_endpoint_and_a_model_of_its_own(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**SIX)
        services = bikes.files("workspaces")
        run = mlmgmt(many(), ok=True).json
        assert decisions(run) == dict.fromkeys(KEYS, "Patched")
        assert run["Counts"] == {"Patched": 6}
        assert endpoints(mlmgmt) == {"default", "loc001", "loc002", *KEYS}
        for key, hundreds in KEYS.items():
            assert answers(mlmgmt, key, hundreds)
        assert answers(mlmgmt, "default", 0)
        assert services.items() <= bikes.files("workspaces").items()
        for row in run["Rows"]:
            assert row["Endpoint"] == row["Key"]
            (shown,) = mlmgmt(["endpoints", SCORING, row["Key"]], ok=True).json["Resources"]
            assert shown["Name"] == RESOURCE
            assert shown["Location"]["RelativeLocation"].startswith("retraining/")
            made, newest = history(mlmgmt, row["Key"])[::-1]
            assert made["Source"] == "endpoint default" or made["Message"] == "retrain-many"
            assert newest["Message"] == f"retrained on {row['Key']}.csv"
            assert newest["Check"] == "proved"

    def test_a_folder_and_a_file_with_a_key_column_give_the_same(self, mlmgmt: Command, bikes: Bikes) -> None:
        six = {key: noisy(hundreds) for key, hundreds in KEYS.items()}
        folder(**six)
        first = by_key(mlmgmt(many(), ok=True).json)
        told = {key: answers_of(mlmgmt, key, six[key]) for key in six}
        for key in six:
            mlmgmt(["remove-endpoint", *AT, key, "-Force"], ok=True)
        second = by_key(mlmgmt(many("-KeyColumn", "WHERE", "-All", data=one_file(**six)), ok=True).json)
        assert {key: answers_of(mlmgmt, key, six[key]) for key in six} == told
        assert {key: row["Metrics"] for key, row in second.items()} == {
            key: row["Metrics"] for key, row in first.items()
        }
        assert len({tuple(values) for values in told.values()}) == len(six)
        # The file that one key's rows were taken into is the folder's, so nothing of it is there to be done again.
        assert {row["DataDigest"] for row in second.values()} == {row["DataDigest"] for row in first.values()}
        assert set(decisions(mlmgmt(many(), ok=True).json).values()) == {"Unchanged"}

    def test_processes_give_the_same_models_as_one_process(self, mlmgmt: Command, bikes: Bikes) -> None:
        six = {key: noisy(hundreds) for key, hundreds in KEYS.items()}
        folder(**six)
        one = mlmgmt(many(), ok=True).json
        told = {key: answers_of(mlmgmt, key, six[key]) for key in six}
        two = mlmgmt(many("-All", jobs=2), ok=True).json
        assert (one["Backend"], two["Backend"]) == ("one process", "loky, 2 processes")
        assert [row["Metrics"] for row in two["Rows"]] == [row["Metrics"] for row in one["Rows"]]
        assert {key: answers_of(mlmgmt, key, six[key]) for key in six} == told

    def test_metrics_are_those_of_the_rows_held_out(self, mlmgmt: Command, bikes: Bikes) -> None:
        text = noisy(7, 80)
        folder(berlin=text)
        (row,) = mlmgmt(many(), ok=True).json["Rows"]
        cells = tables.read_csv(text.encode(), "berlin.csv")
        with (bikes.root / "models" / f"{row['Model']}.ilearner").open("rb") as file:
            trained, seen, facts = ilearner.unpack(file.read(), key=None, home="", trusts=lambda _: True)
        held = ~np.isin(digests.row_digests(cells), seen)
        assert (row["Rows"], facts["rows"], int(held.sum())) == (60, 60, 20)
        truth = np.array([float(line[2]) for line in cells.rows])
        # Least squares on the rows that were seen, without anything of the service.
        columns = np.array([[1.0, float(line[0]), float(line[1])] for line in cells.rows])
        weights = np.linalg.lstsq(columns[~held], truth[~held], rcond=None)[0]
        assert np.array(answers_of(mlmgmt, "berlin", text)) == pytest.approx(columns @ weights, abs=0.05)
        new, old = np.array(answers_of(mlmgmt, "berlin", text)), np.array(answers_of(mlmgmt, "default", text))
        for name, expected in (
            (ROOT_MEAN_SQUARED_ERROR, metrics.root_mean_squared_error(truth[held], new[held])),
            ("Mean Absolute Error", metrics.mean_absolute_error(truth[held], new[held])),
            ("Coefficient of Determination", metrics.r2_score(truth[held], new[held])),
        ):
            assert row["Metrics"][name] == pytest.approx(expected)
        assert row["Metric"] == row["Metrics"][ROOT_MEAN_SQUARED_ERROR]
        assert row["OldMetric"] == pytest.approx(metrics.root_mean_squared_error(truth[held], old[held]))
        assert trained.task == "regression"
        # `evaluate` finds the same where the model stands beside the one of a New web service.
        _new_services(mlmgmt)
        (blob,) = Kept(bikes.root).blobs().values()
        uri = f"https://{blob.parents[2].name}.blob.core.windows.net/retraining/{blob.parent.name}/{blob.name}"
        lines = text.splitlines()
        Path("held.csv").write_text("\n".join([lines[0], *np.array(lines[1:])[held]]) + "\n")
        words = ["evaluate", "-g", "retail", "-n", "bikes", "-Data", "held.csv", "-Location", uri, "-o", "json"]
        told = mlmgmt(words, ok=True).json["Evaluation"]
        assert told["New"] == pytest.approx(row["Metrics"])
        assert told["Deployed"][ROOT_MEAN_SQUARED_ERROR] == pytest.approx(row["OldMetric"])

    def test_old_is_the_model_that_answers_before(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(berlin=noisy(3))
        (first,) = mlmgmt(many(), ok=True).json["Rows"]
        folder(berlin=noisy(9))
        (second,) = mlmgmt(many(), ok=True).json["Rows"]
        # The first model was for six hundreds less; the default endpoint's for nine.
        assert first["OldMetric"] == pytest.approx(300, abs=10)
        assert second["OldMetric"] == pytest.approx(600, abs=10)
        assert second["Metric"] < 15


class TestNames:
    def test_odd_keys(self, mlmgmt: Command, bikes: Bikes) -> None:
        keys = ["two words", "Upper", "münchen", "default", "a" * 30, "=1+1", "loc001", "..", "x/y", "-", "7"]
        odd = {key: rentals(place + 1) for place, key in enumerate(keys)}
        result = mlmgmt(many("-KeyColumn", "where", data=one_file(**odd)), ok=True)
        rows = by_key(result.json)
        assert list(rows) == sorted(keys)
        names = {key: row["Endpoint"] for key, row in rows.items()}
        assert [names[key] for key in ("Upper", "loc001", "7")] == ["upper", "loc001", "7"]
        assert all(name.isalnum() and name.isascii() and name == name.lower() for name in names.values())
        assert len(set(names.values())) == len(keys)
        assert max(map(len, names.values())) == 24
        assert names["two words"].startswith("twowords")
        assert names["default"].startswith("default")
        for place, key in enumerate(keys):
            assert answers(mlmgmt, names[key], place + 1), key
        assert answers(mlmgmt, "default", 0)
        again = mlmgmt(many("-KeyColumn", "where", data="all.csv"), ok=True).json
        assert again["Counts"] == {"Unchanged": len(keys)}
        assert {row["Key"]: row["Endpoint"] for row in again["Rows"]} == names

    def test_keys_that_differ_in_case_alone_cannot_share_an_endpoint(self, mlmgmt: Command, bikes: Bikes) -> None:
        one_file(oslo=rentals(2), OSLO=rentals(1), rome=rentals(3))
        rows = failed(mlmgmt(many("-KeyColumn", "where", data="all.csv")), "oslo")
        assert "'OSLO'" in rows["oslo"]["Reason"]
        assert rows["oslo"]["Endpoint"] is None
        assert answers(mlmgmt, "oslo", 1)
        assert answers(mlmgmt, "rome", 3)

    def test_who_has_a_name_keeps_it(self, mlmgmt: Command, bikes: Bikes) -> None:
        one_file(oslo=rentals(2))
        mlmgmt(many("-KeyColumn", "where", data="all.csv"), ok=True)
        one_file(oslo=rentals(2), OSLO=rentals(1))
        rows = failed(mlmgmt(many("-KeyColumn", "where", data="all.csv")), "OSLO")
        assert rows["oslo"]["Decision"] == "Unchanged"
        assert answers(mlmgmt, "oslo", 2)
        # Where the other is gone, the name is free.
        one_file(OSLO=rentals(1))
        mlmgmt(many("-KeyColumn", "where", data="all.csv"), ok=True)
        assert answers(mlmgmt, "oslo", 1)

    def test_two_files_of_one_key(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        Path("loc/berlin.CSV").write_text(rentals(9))
        Path("loc/.hidden.csv").write_text("x")
        Path("loc/notes.txt").write_text("x")
        before = everything(bikes.root)
        result = mlmgmt(many())
        assert (result.status, "DuplicateKey" in result.err) == (1, True)
        assert everything(bikes.root) == before
        Path("loc/berlin.CSV").rename("loc/Bern.CSV")
        rows = by_key(mlmgmt(many(), ok=True).json)
        assert list(rows) == ["Bern", "berlin", "cairo"]
        assert answers(mlmgmt, "bern", 9)

    def test_rows_without_a_key(self, mlmgmt: Command, bikes: Bikes) -> None:
        one_file(**{"": rentals(2), "  ": rentals(2), " rome ": rentals(3)})
        rows = failed(mlmgmt(many("-KeyColumn", "where", data="all.csv")), "")
        assert rows[""]["Reason"] == "Its rows have no key."
        assert rows["rome"]["Decision"] == "Patched"

    def test_a_prefix(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        rows = by_key(mlmgmt(many("-NamePrefix", "city"), ok=True).json)
        assert [row["Endpoint"] for row in rows.values()] == ["cityberlin", "citycairo"]
        assert mlmgmt(many("-NamePrefix", "City-")).status == 1


BAD = {
    "nolabel": rentals(1).replace("cnt", "count"),
    "onerow": "hour,temp,cnt\n1,2,3\n",
    "nottable": "\x00\x01\x02",
    "empty": "",
    "headeronly": "hour,temp,cnt\n",
    "missing": "hour,temp,cnt\n" + "1,,5\n" * 40,
    "ragged": "hour,temp,cnt\n1,2\n1,2,3,4\n",
    "words": "hour,temp,cnt\n" + "one,two,three\n" * 40,
}


REFUSED = [
    (["-Data", "nowhere"], "FileNotFound", 1),
    (["-Data", "nothing"], "NoData", 1),
    (["-Data", "all.csv"], "KeyColumnNeeded", 1),
    (["-Data", "loc", "-KeyColumn", "where"], "KeyColumnNotNeeded", 1),
    (["-Data", "all.csv", "-KeyColumn", "town"], "InputParseError", 1),
    (["-Data", "ragged.csv", "-KeyColumn", "where"], "InputParseError", 1),
    (["-Data", "loc", "-ScoringService", "nothere"], "WebServiceIdNotFoundInWorkspace", 1),
    (["-Data", "loc", "-TrainingService", SCORING], "NotATrainingDefinition", 1),
    (["-Data", "loc", "-OnlyIfBetter", "Beauty"], "", 1),
    (["-Data", "loc", "-Backend", "dask"], "AmbiguousParameterSet", 2),
    (["-Data", "loc", "-Scheduler", "tcp://127.0.0.1:1"], "AmbiguousParameterSet", 2),
    (["-Data", "loc", "-Jobs", "0"], "BadParameterValue", 2),
    (["-Data", "loc", "-Results", "results.xlsx"], "InvalidResultsFile", 1),
    (["-Data", "loc", "-Results", "no/where/r.csv"], "AccessDenied", 1),
    (["-Data", "loc", "-Results", "folder.csv"], "NotAFile", 1),
    (["-Data", "loc", "-Parameters", "Nothing=1"], "UnexpectedParameter", 1),
]


class TestBadLocations:
    def test_they_stop_no_other_and_are_done_when_they_are_mended(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO, **BAD)
        Path("loc/latin.csv").write_bytes("größe,temp,cnt\n1,2,3\n".encode("latin-1"))
        rows = failed(mlmgmt(many()), *BAD, "latin")
        for key, words in (("nolabel", "cnt"), ("onerow", "two rows"), ("missing", "temp"), ("latin", "UTF-8")):
            assert words in rows[key]["Reason"], rows[key]["Reason"]
        assert not [row for row in rows.values() if "InternalError" in str(row["Reason"])]
        assert all(answers(mlmgmt, key, KEYS[key]) for key in TWO)
        # What failed has no endpoint of its own, and nothing half-made.
        assert endpoints(mlmgmt) == {"default", "loc001", "loc002", *TWO}
        kept = Kept(bikes.root)
        before = kept.moments()
        assert len(before) == 2
        folder(nolabel=rentals(1))
        rows = failed(mlmgmt(many()), *(BAD.keys() - {"nolabel"}), "latin")
        assert (rows["nolabel"]["Decision"], rows["berlin"]["Decision"]) == ("Patched", "Unchanged")
        assert before.items() <= kept.moments().items()
        assert len(kept.moments()) == 3
        assert answers(mlmgmt, "nolabel", 1)

    def test_an_endpoint_that_is_not_to_be_updated(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        mlmgmt(["add-endpoint", *AT, "berlin", "-PreventUpdate"], ok=True)
        result = mlmgmt(many())
        assert result.status == 4
        row = by_key(result.json)["berlin"]
        assert row["Decision"] == "Failed"
        assert answers(mlmgmt, "berlin", 0)
        assert answers(mlmgmt, "cairo", 4)

    def test_what_cannot_be_done_is_refused_before_anything_is(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        one_file(**TWO)
        Path("nothing").mkdir()
        Path("folder.csv").mkdir()
        Path("ragged.csv").write_text("where,hour\na,1\nb\n")
        before = everything(bikes.root)
        for words, code, status in REFUSED:
            given = {"-TrainingService": TRAINING, "-ScoringService": SCORING}
            given |= dict(zip(words[::2], words[1::2], strict=True))
            line = [word for pair in given.items() for word in pair]
            result = mlmgmt(["retrain-many", *line, "-o", "json"])
            assert (result.status, code in result.err) == (status, True), (words, result.err)
        assert everything(bikes.root) == before


class TestAgain:
    def test_nothing_is_done_twice(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        first = mlmgmt(many(), ok=True).json
        before = everything(bikes.root)
        second = mlmgmt(many(), ok=True).json
        assert everything(bikes.root) == before
        assert second["Counts"] == {"Unchanged": 2}
        same = [name for name in first["Rows"][0] if name not in ("Decision", "Reason")]
        assert [[row[name] for name in same] for row in second["Rows"]] == [
            [row[name] for name in same] for row in first["Rows"]
        ]

    def test_what_changed_is_done_alone(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        mlmgmt(many(), ok=True)
        kept = Kept(bikes.root)
        before, endpoint = kept.moments(), bikes.endpoint("berlin")
        folder(cairo=rentals(9))
        assert decisions(mlmgmt(many(), ok=True).json) == {"berlin": "Unchanged", "cairo": "Patched"}
        assert before.items() <= kept.moments().items()
        assert len(kept.moments()) == 3
        assert bikes.endpoint("berlin") == endpoint
        assert answers(mlmgmt, "cairo", 9)
        # Data that is what it was needs no training: its model is still there.
        folder(cairo=rentals(4))
        moments = kept.moments()
        assert decisions(mlmgmt(many(), ok=True).json) == {"berlin": "Unchanged", "cairo": "Patched"}
        assert kept.moments() == moments
        assert answers(mlmgmt, "cairo", 4)

    @pytest.mark.parametrize("more", [["-All"], ["-Holdout", "0.4"]])
    def test_all_are_done_again(self, mlmgmt: Command, bikes: Bikes, more: list[str]) -> None:
        folder(**TWO)
        mlmgmt(many(), ok=True)
        before = Kept(bikes.root).moments()
        run = mlmgmt(many(*more), ok=True).json
        assert run["Counts"] == {"Patched": 2}
        after = Kept(bikes.root).moments()
        changed = {name for name, moment in after.items() if before.get(name) != moment}
        assert len(changed) == 2
        assert [row["Rows"] for row in run["Rows"]] == ([45] * 2 if more == ["-All"] else [36] * 2)
        assert all(answers(mlmgmt, key, KEYS[key]) for key in TWO)

    def test_what_was_rolled_back_by_hand_is_left_alone(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        mlmgmt(many(), ok=True)
        mlmgmt(["rollback", *AT, "berlin", "-To", "1", "-Force"], ok=True)
        before = everything(bikes.root)
        rows = by_key(mlmgmt(many(), ok=True).json)
        assert rows["berlin"]["Reason"] == "Another model answers since; that is left alone."
        assert rows["cairo"]["Reason"] is None
        assert everything(bikes.root) == before
        assert answers(mlmgmt, "berlin", 0)
        mlmgmt(many("-All"), ok=True)
        assert answers(mlmgmt, "berlin", 3)

    def test_a_removed_endpoint_is_added_again_with_its_model(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        mlmgmt(many(), ok=True)
        moments = Kept(bikes.root).moments()
        mlmgmt(["remove-endpoint", *AT, "berlin", "-Force"], ok=True)
        assert decisions(mlmgmt(many(), ok=True).json) == {"berlin": "Patched", "cairo": "Unchanged"}
        assert Kept(bikes.root).moments() == moments
        assert answers(mlmgmt, "berlin", 3)

    @pytest.mark.parametrize("harm", ["cut", "changed", "empty"])
    def test_a_model_that_was_damaged_is_trained_again(self, mlmgmt: Command, bikes: Bikes, harm: str) -> None:
        folder(berlin=rentals(3))
        mlmgmt(many(), ok=True)
        (blob,) = Kept(bikes.root).blobs().values()
        content = blob.read_bytes()
        middle = len(content) // 2
        blob.write_bytes(
            {"cut": content[:middle], "changed": content[:middle] + b"x" + content[middle + 1 :]}.get(harm, b"")
        )
        # It answers from the home's own copy, so there is nothing to do until the endpoint is gone.
        assert decisions(mlmgmt(many(), ok=True).json) == {"berlin": "Unchanged"}
        mlmgmt(["remove-endpoint", *AT, "berlin", "-Force"], ok=True)
        assert decisions(mlmgmt(many(), ok=True).json) == {"berlin": "Patched"}
        assert answers(mlmgmt, "berlin", 3)

    def test_what_if_writes_nothing(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        before = everything(bikes.root)
        shown = mlmgmt(many("-WhatIf", "-Results", "r.csv"), ok=True)
        assert decisions(shown.json) == dict.fromkeys(TWO, "WhatIf")
        assert "What if" in shown.err
        mlmgmt(many("-WhatIf", "-KeyColumn", "where", data=one_file(**TWO)), ok=True)
        assert everything(bikes.root) == before
        assert not Path("r.csv").exists()
        mlmgmt(many(), ok=True)
        folder(cairo=rentals(9))
        before = everything(bikes.root)
        assert decisions(mlmgmt(many("-WhatIf"), ok=True).json) == {"berlin": "Unchanged", "cairo": "WhatIf"}
        assert everything(bikes.root) == before


class TestOnlyIfBetter:
    BETTER = ("-OnlyIfBetter", "root mean squared error")

    def test_noise_replaces_no_model(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        assert mlmgmt(many(*self.BETTER), ok=True).json["Counts"] == {"Patched": 2}
        endpoint = bikes.endpoint("berlin")
        folder(berlin=noise(), cairo=rentals(9))
        run = mlmgmt(many(*self.BETTER), ok=True).json
        rows = by_key(run)
        assert decisions(run) == {"berlin": "NotBetter", "cairo": "Patched"}
        berlin = rows["berlin"]
        assert berlin["Metric"] >= berlin["OldMetric"] > 1000
        assert berlin["Reason"].startswith(ROOT_MEAN_SQUARED_ERROR)
        assert bikes.endpoint("berlin") == endpoint
        assert len(history(mlmgmt, "berlin")) == 2
        assert answers(mlmgmt, "berlin", 3)
        assert answers(mlmgmt, "cairo", 9)
        # Asked again there is nothing new to find out.
        before = everything(bikes.root)
        again = by_key(mlmgmt(many(*self.BETTER), ok=True).json)
        assert {row["Decision"] for row in again.values()} == {"Unchanged"}
        assert again["berlin"]["Reason"] == berlin["Reason"]
        assert everything(bikes.root) == before

    def test_another_question_is_asked_anew(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(berlin=rentals(3))
        mlmgmt(many(), ok=True)
        folder(berlin=noise())
        mlmgmt(many(*self.BETTER), ok=True)
        assert decisions(mlmgmt(many("-OnlyIfBetter", "Mean Absolute Error", "-WhatIf"), ok=True).json) == {
            "berlin": "WhatIf"
        }
        # Against a worse model it may well be better.
        mlmgmt(["rollback", *AT, "berlin", "-To", "1", "-Force"], ok=True)
        assert decisions(mlmgmt(many(*self.BETTER, "-WhatIf"), ok=True).json) == {"berlin": "WhatIf"}
        # And whoever does not ask whether it is better wants it.
        assert decisions(mlmgmt(many(), ok=True).json) == {"berlin": "Patched"}

    def test_a_model_of_before_is_compared_with_the_one_that_answers_now(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(berlin=noise())
        mlmgmt(many(), ok=True)
        folder(berlin=rentals(3))
        mlmgmt(many(), ok=True)
        # Its model is still there; it was good enough then, when the default endpoint's answered.
        folder(berlin=noise())
        assert decisions(mlmgmt(many(*self.BETTER), ok=True).json) == {"berlin": "NotBetter"}
        assert answers(mlmgmt, "berlin", 3)


class TestResults:
    def test_the_files_say_the_same(self, mlmgmt: Command, bikes: Bikes) -> None:
        hostile = {
            "=1+1": rentals(1),
            "@sum": rentals(2),
            "-cmd": noisy(3),
            '<b>"q"</b>': rentals(4),
            "short": "x\n1\n",
        }
        one_file(**{key: text for key, text in hostile.items() if key != "short"})
        with open("all.csv", "a") as file:
            file.write("1,=short,2,3\n")
        names = ["r.csv", "r.json", "r.html"]
        result = mlmgmt(many("-KeyColumn", "where", "-Results", ",".join(names), data="all.csv"))
        rows = failed(result, "=short")
        assert json.loads(Path("r.json").read_text()) == result.json
        with open("r.csv", newline="") as file:
            table = {row["Key"].removeprefix("'"): row for row in csv.DictReader(file)}
        assert table.keys() == rows.keys()
        page = Path("r.html").read_text()
        for key, row in rows.items():
            line = table[key]
            assert line["Key"] == (key if key.startswith("<") else f"'{key}")
            for name in ("Endpoint", "Decision", "Model", "DataDigest"):
                assert line[name] == (row[name] or "")
            assert line["Rows"] == ("" if row["Rows"] is None else str(row["Rows"]))
            for name, value in (row["Metrics"] or {}).items():
                assert line[name] == ("" if value is None else repr(value))
                assert value is None or float(line[name]) == value
            assert (row["Endpoint"] or "") in page
            assert (row["Model"] or "")[:12] in page
        for cells in csv.reader(io.StringIO(Path("r.csv").read_text())):
            assert not [cell for cell in cells if cell[:1] in "=+@" and cell]
        assert "&lt;b&gt;" in page
        assert '<b>"q' not in page

    def test_they_are_written_anew_by_a_run_that_has_nothing_to_do(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        mlmgmt(many("-Results", "r.csv"), ok=True)
        Path("r.csv").write_text("old")
        mlmgmt(many("-Results", "r.csv"), ok=True)
        with open("r.csv", newline="") as file:
            assert [row["Decision"] for row in csv.DictReader(file)] == ["Unchanged"] * 2

    def test_lines_tell_how_far_it_is(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**SIX)
        told = mlmgmt(many("-Verbose"), ok=True).err
        assert "looking at 6 tables" in told
        assert "training 6 models" in told
        assert [f"{done} of 6" in told for done in range(1, 7)] == [True] * 6


class TestWhoMay:
    def test_a_reader_may_not(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        with connected(mlmgmt, "Reader"):
            before = everything(bikes.root)
            refused = mlmgmt(many())
            assert refused.status == 1
            assert "AuthorizationFailed" in refused.err
            assert everything(bikes.root) == before

    def test_a_home_without_a_key_is_only_read(
        self, mlmgmt: Command, bikes: Bikes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder(**TWO)
        before = bikes.files()
        monkeypatch.setenv("MLMGMT_CONFIG", str(tmp_path / "another"))
        refused = mlmgmt(many())
        assert refused.status == 1
        assert "trust-home" in refused.err
        assert bikes.files() == before


def _new_services(mlmgmt: Command) -> None:
    """The two experiments as New web services: `training`, and `bikes`, which scores."""
    for experiment, name in ((TRAINING, "training"), (SCORING, "bikes")):
        mlmgmt(["export-definition", experiment, f"{name}.json"], ok=True)
        mlmgmt(f"new -g retail -l southcentralus -n {name} -DefinitionFile {name}.json -Force", ok=True)


class TestNewServices:
    WORDS = ("retrain-many", "-g", "retail", "-TrainingService", "training", "-ScoringService", "bikes", "-Data", "loc")

    def test_each_key_gets_a_web_service_of_its_own(self, mlmgmt: Command, bikes: Bikes) -> None:
        _new_services(mlmgmt)
        folder(**TWO, **{"San José": rentals(9)})
        run = mlmgmt([*self.WORDS, "-j", "1", "-o", "json"], ok=True).json
        names = {row["Key"]: row["Endpoint"] for row in run["Rows"]}
        assert set(decisions(run).values()) == {"Updated"}
        assert (names["berlin"], names["cairo"]) == ("bikes-berlin", "bikes-cairo")
        assert names["San José"].startswith("bikes-San-Jos-")
        listed = {body["name"] for body in mlmgmt("get -g retail -o json", ok=True).json}
        assert listed == {"training", "bikes", *names.values()}
        for key, hundreds in (("berlin", 3), ("cairo", 4), ("San José", 9)):
            told = answers_of(mlmgmt, "", "hour,temp,cnt\n10,0.5,0\n", "-g", "retail", "-n", names[key])
            assert told == pytest.approx([answer(hundreds)], abs=0.01)
            rows = mlmgmt(["history", "-g", "retail", "-n", names[key]], ok=True).json
            assert [row["Message"] for row in rows] == [f"retrained on {key}.csv", "retrain-many"]
            assert rows[0]["Check"] == "proved"
        keys = [mlmgmt(["keys", "-g", "retail", "-n", name, "-o", "json"], ok=True).json for name in names.values()]
        assert len({body["Primary"] for body in keys}) == 3
        assert mlmgmt([*self.WORDS, "-j", "1", "-o", "json"], ok=True).json["Counts"] == {"Unchanged": 3}
        folder(cairo=rentals(5))
        again = decisions(mlmgmt([*self.WORDS, "-j", "1", "-o", "json"], ok=True).json)
        assert again == {"berlin": "Unchanged", "cairo": "Updated", "San José": "Unchanged"}
        mlmgmt(["rollback", "-g", "retail", "-n", "bikes-cairo", "-To", "2", "-Force"], ok=True)
        told = answers_of(mlmgmt, "", "hour,temp,cnt\n10,0.5,0\n", "-g", "retail", "-n", "bikes-cairo")
        assert told == pytest.approx([answer(4)], abs=0.01)
