"""Many models from one experiment: `mlmgmt retrain-many`, for Classic endpoints and for New web services."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn import metrics

from mlmgmt.learning import digests, ilearner, tables
from tests.classic.classic_home import AT, RESOURCE, SCORING, TRAINING, Bikes, answers, history, rentals
from tests.many.many_tables import (
    KEYS,
    ROOT_MEAN_SQUARED_ERROR,
    SIX,
    TWO,
    Kept,
    answers_of,
    by_key,
    decisions,
    endpoints,
    everything,
    failed,
    folder,
    many,
    new_services,
    noisy,
    one_file,
)

if TYPE_CHECKING:
    from tests.conftest import Command


class TestATable:
    def test_each_key_gets_its_own_endpoint_and_model(self, mlmgmt: Command, bikes: Bikes) -> None:
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

    def test_a_folder_and_a_file_with_a_key_column_give_the_same_models(self, mlmgmt: Command, bikes: Bikes) -> None:
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
        # A key's rows in the file are the same as in its file in the folder, so there is nothing to do again.
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

    def test_metrics_are_those_of_the_held_out_rows(self, mlmgmt: Command, bikes: Bikes) -> None:
        text = noisy(7, 80)
        folder(berlin=text)
        (row,) = mlmgmt(many(), ok=True).json["Rows"]
        cells = tables.read_csv(text.encode(), "berlin.csv")
        with (bikes.root / "models" / f"{row['Model']}.ilearner").open("rb") as file:
            trained, seen, facts = ilearner.unpack(file.read(), key=None, home="", trusts=lambda _: True)
        held = ~np.isin(digests.row_digests(cells), seen)
        assert (row["Rows"], facts["rows"], int(held.sum())) == (60, 60, 20)
        truth = np.array([float(line[2]) for line in cells.rows])
        # Least squares on the training rows, computed without mlmgmt.
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
        # `evaluate` gives the same metrics for the model as the new model of a New web service.
        new_services(mlmgmt)
        (blob,) = Kept(bikes.root).blobs().values()
        uri = f"https://{blob.parents[2].name}.blob.core.windows.net/retraining/{blob.parent.name}/{blob.name}"
        lines = text.splitlines()
        Path("held.csv").write_text("\n".join([lines[0], *np.array(lines[1:])[held]]) + "\n")
        words = ["evaluate", "-g", "retail", "-n", "bikes", "-Data", "held.csv", "-Location", uri, "-o", "json"]
        told = mlmgmt(words, ok=True).json["Evaluation"]
        assert told["New"] == pytest.approx(row["Metrics"])
        assert told["Deployed"][ROOT_MEAN_SQUARED_ERROR] == pytest.approx(row["OldMetric"])

    def test_old_metrics_are_those_of_the_current_model(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(berlin=noisy(3))
        (first,) = mlmgmt(many(), ok=True).json["Rows"]
        folder(berlin=noisy(9))
        (second,) = mlmgmt(many(), ok=True).json["Rows"]
        # The data is 600 above the first model's, and 900 above that of the default endpoint.
        assert first["OldMetric"] == pytest.approx(300, abs=10)
        assert second["OldMetric"] == pytest.approx(600, abs=10)
        assert second["Metric"] < 15


class TestNames:
    def test_odd_keys_get_valid_and_different_names(self, mlmgmt: Command, bikes: Bikes) -> None:
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

    def test_keys_that_differ_only_in_case_cannot_share_an_endpoint(self, mlmgmt: Command, bikes: Bikes) -> None:
        one_file(oslo=rentals(2), OSLO=rentals(1), rome=rentals(3))
        rows = failed(mlmgmt(many("-KeyColumn", "where", data="all.csv")), "oslo")
        assert "'OSLO'" in rows["oslo"]["Reason"]
        assert rows["oslo"]["Endpoint"] is None
        assert answers(mlmgmt, "oslo", 1)
        assert answers(mlmgmt, "rome", 3)

    def test_a_key_keeps_the_name_that_it_already_has(self, mlmgmt: Command, bikes: Bikes) -> None:
        one_file(oslo=rentals(2))
        mlmgmt(many("-KeyColumn", "where", data="all.csv"), ok=True)
        one_file(oslo=rentals(2), OSLO=rentals(1))
        rows = failed(mlmgmt(many("-KeyColumn", "where", data="all.csv")), "OSLO")
        assert rows["oslo"]["Decision"] == "Unchanged"
        assert answers(mlmgmt, "oslo", 2)
        # When the other key is gone, the name is free.
        one_file(OSLO=rentals(1))
        mlmgmt(many("-KeyColumn", "where", data="all.csv"), ok=True)
        assert answers(mlmgmt, "oslo", 1)

    def test_two_files_for_one_key_are_refused(self, mlmgmt: Command, bikes: Bikes) -> None:
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

    def test_rows_without_a_key_fail(self, mlmgmt: Command, bikes: Bikes) -> None:
        one_file(**{"": rentals(2), "  ": rentals(2), " rome ": rentals(3)})
        rows = failed(mlmgmt(many("-KeyColumn", "where", data="all.csv")), "")
        assert rows[""]["Reason"] == "The key of its rows is empty."
        assert rows["rome"]["Decision"] == "Patched"

    def test_a_prefix_comes_before_each_name(self, mlmgmt: Command, bikes: Bikes) -> None:
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
    def test_bad_tables_do_not_stop_the_others_and_are_done_once_they_are_fixed(
        self, mlmgmt: Command, bikes: Bikes
    ) -> None:
        folder(**TWO, **BAD)
        Path("loc/latin.csv").write_bytes("größe,temp,cnt\n1,2,3\n".encode("latin-1"))
        rows = failed(mlmgmt(many()), *BAD, "latin")
        for key, words in (("nolabel", "cnt"), ("onerow", "two rows"), ("missing", "temp"), ("latin", "UTF-8")):
            assert words in rows[key]["Reason"], rows[key]["Reason"]
        assert not [row for row in rows.values() if "InternalError" in str(row["Reason"])]
        assert all(answers(mlmgmt, key, KEYS[key]) for key in TWO)
        # A key that failed has no endpoint, and nothing that is half made.
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

    def test_an_endpoint_that_must_not_be_updated_fails(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        mlmgmt(["add-endpoint", *AT, "berlin", "-PreventUpdate"], ok=True)
        result = mlmgmt(many())
        assert result.status == 4
        row = by_key(result.json)["berlin"]
        assert row["Decision"] == "Failed"
        assert answers(mlmgmt, "berlin", 0)
        assert answers(mlmgmt, "cairo", 4)

    def test_wrong_arguments_are_refused_before_any_training(self, mlmgmt: Command, bikes: Bikes) -> None:
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
