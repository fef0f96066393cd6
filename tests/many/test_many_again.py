"""A second run of many retrainings does only what is missing, changed or better."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.classic.classic_home import AT, Bikes, answer, answers, history, rentals
from tests.many.many_tables import (
    KEYS,
    ROOT_MEAN_SQUARED_ERROR,
    TWO,
    Kept,
    answers_of,
    by_key,
    decisions,
    everything,
    folder,
    many,
    new_services,
    noise,
    one_file,
)

if TYPE_CHECKING:
    from tests.conftest import Command


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

    def test_only_what_changed_is_done(self, mlmgmt: Command, bikes: Bikes) -> None:
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
        # Data that is back to an earlier state needs no training: its model still exists.
        folder(cairo=rentals(4))
        moments = kept.moments()
        assert decisions(mlmgmt(many(), ok=True).json) == {"berlin": "Unchanged", "cairo": "Patched"}
        assert kept.moments() == moments
        assert answers(mlmgmt, "cairo", 4)

    @pytest.mark.parametrize("more", [["-All"], ["-Holdout", "0.4"]])
    def test_again_trains_all_keys(self, mlmgmt: Command, bikes: Bikes, more: list[str]) -> None:
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

    def test_a_model_that_was_rolled_back_is_not_deployed_again(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        mlmgmt(many(), ok=True)
        mlmgmt(["rollback", *AT, "berlin", "-To", "1", "-Force"], ok=True)
        before = everything(bikes.root)
        rows = by_key(mlmgmt(many(), ok=True).json)
        assert rows["berlin"]["Reason"] == "Another model was deployed since; it was not replaced."
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
    def test_a_damaged_model_is_trained_again(self, mlmgmt: Command, bikes: Bikes, harm: str) -> None:
        folder(berlin=rentals(3))
        mlmgmt(many(), ok=True)
        (blob,) = Kept(bikes.root).blobs().values()
        content = blob.read_bytes()
        middle = len(content) // 2
        blob.write_bytes(
            {"cut": content[:middle], "changed": content[:middle] + b"x" + content[middle + 1 :]}.get(harm, b"")
        )
        # The endpoint uses the home's own copy, so there is nothing to do until the endpoint is removed.
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
        # A second run has nothing new to compare.
        before = everything(bikes.root)
        again = by_key(mlmgmt(many(*self.BETTER), ok=True).json)
        assert {row["Decision"] for row in again.values()} == {"Unchanged"}
        assert again["berlin"]["Reason"] == berlin["Reason"]
        assert everything(bikes.root) == before

    def test_another_metric_or_model_is_compared_again(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(berlin=rentals(3))
        mlmgmt(many(), ok=True)
        folder(berlin=noise())
        mlmgmt(many(*self.BETTER), ok=True)
        assert decisions(mlmgmt(many("-OnlyIfBetter", "Mean Absolute Error", "-WhatIf"), ok=True).json) == {
            "berlin": "WhatIf"
        }
        # Compared with a worse model, it can be better.
        mlmgmt(["rollback", *AT, "berlin", "-To", "1", "-Force"], ok=True)
        assert decisions(mlmgmt(many(*self.BETTER, "-WhatIf"), ok=True).json) == {"berlin": "WhatIf"}
        # Without -OnlyIfBetter it is deployed anyway.
        assert decisions(mlmgmt(many(), ok=True).json) == {"berlin": "Patched"}

    def test_an_earlier_model_is_compared_with_the_current_one(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(berlin=noise())
        mlmgmt(many(), ok=True)
        folder(berlin=rentals(3))
        mlmgmt(many(), ok=True)
        # Its model still exists; it was better than the model of the default endpoint, which was current then.
        folder(berlin=noise())
        assert decisions(mlmgmt(many(*self.BETTER), ok=True).json) == {"berlin": "NotBetter"}
        assert answers(mlmgmt, "berlin", 3)


class TestNewServices:
    WORDS = ("retrain-many", "-g", "retail", "-TrainingService", "training", "-ScoringService", "bikes", "-Data", "loc")

    def test_each_key_gets_its_own_web_service(self, mlmgmt: Command, bikes: Bikes) -> None:
        new_services(mlmgmt)
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
