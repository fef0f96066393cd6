"""Experiments from start to end: make, run, set up as web services, deploy, retrain, import and export."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from mlmgmt.cli import views
from mlmgmt.modules import catalogue
from mlmgmt.modules.columns import selection_of
from mlmgmt.verbs.runs import models
from mlmgmt.verbs.session import Session
from tests.cli.test_completion import complete
from tests.conftest import Command, Result, environment
from tests.learning.graphs import definition
from tests.learning.making import mixed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ELSEWHERE = "https://elsewhere.blob.core.windows.net/data/people.csv"
MAKE = "new-experiment People --task binary --label bought --exclude kind,visits --data people.csv"
SPLIT = ("Split Data", {"Fraction of rows in the first output dataset": "0.7", "Random seed": "5"})
TRAIN = ("Train Model", {"Label column": selection_of("bought")})
LEARNER = "Two-Class Logistic Regression"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread: on tables this small, threads that compete on a busy machine cost more time than they save."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def people(home: Path) -> pd.DataFrame:
    """people.csv in the working folder: four features, some with missing values, and three labels."""
    frame = mixed(240, missing=True)
    frame.to_csv("people.csv", index=False)
    return frame


def stored(home: Path, uri: str) -> bytes:
    account, _, rest = uri.removeprefix("https://").partition(".blob.core.windows.net/")
    return (home / "storage" / account / rest).read_bytes()


def model_of(home: Path, path: str = "predictive.json") -> tuple[Any, dict[str, Any]]:
    """The trained model that a definition refers to, and its manifest."""
    assets = json.loads(Path(path).read_text())["properties"]["assets"].values()
    (uri,) = [body["locationInfo"]["uri"] for body in assets if body["locationInfo"]["uri"].endswith(".ilearner")]
    trained, _, manifest = models.open_model(Session(), stored(home, uri))
    return trained, manifest


def modules_of(path: str) -> list[str]:
    """The names of the modules in a definition's graph."""
    properties = json.loads(Path(path).read_text())["properties"]
    nodes = properties["package"]["nodes"].values()
    named_assets = (properties["assets"][node["assetId"]] for node in nodes if "assetId" in node)
    return sorted(asset["name"] for asset in named_assets if asset["type"] == "Module")


def hand_made(nodes: dict[str, Any], edges: list[str], path: str = "made.json") -> str:
    Path(path).write_text(json.dumps(definition(nodes, edges)))
    return path


def graph(**nodes: Any) -> dict[str, Any]:
    return {"data": ELSEWHERE, "learner": LEARNER, "train": TRAIN, **nodes}


def scores(mlmgmt: Command, name: str, data: str) -> pd.DataFrame:
    table = mlmgmt(f"score -g retail -n {name} --input {data} -o json", ok=True).json["Results"]["output1"]["value"]
    return pd.DataFrame(table["Values"], columns=table["ColumnNames"])


def deploy_both(mlmgmt: Command, experiment: str = "People") -> None:
    """Deploy both definitions of an experiment, as `trainer` and `answers`."""
    for role, name in (("retraining", "trainer"), ("predictive", "answers")):
        mlmgmt(f"set-up-web-service {experiment} --{role} -f {role}.json -Force", ok=True)
        mlmgmt(f"new -g retail -l southcentralus -n {name} -DefinitionFile {role}.json -Force", ok=True)


LEARNERS = [
    ("binary", "bought", "Two-Class Boosted Decision Tree"),
    ("binary", "bought", "Two-Class Support Vector Machine"),
    ("binary", "bought", "Two-Class Neural Network"),
    ("multiclass", "kind", None),
    ("multiclass", "kind", "Multiclass Decision Forest"),
    ("regression", "income", None),
    ("regression", "visits", "Poisson Regression"),
    ("regression", "visits", "Decision Forest Regression"),
    ("clustering", None, None),
]


class TestNew:
    @pytest.mark.parametrize(("task", "label", "learner"), LEARNERS)
    def test_every_task_becomes_two_services_that_retrain(
        self, mlmgmt: Command, people: pd.DataFrame, task: str, label: str | None, learner: str | None
    ) -> None:
        words = ["new-experiment", "Any", "--task", task, "--data", "people.csv"]
        words += ["--label", label.upper()] if label else []
        words += ["--algorithm", learner.lower()] if learner else []
        made = mlmgmt(words, ok=True).json
        assert {row["Column"]: row["Missing"] for row in made["Columns"]} == people.isna().sum().to_dict()
        assert [row["Column"] for row in made["Columns"] if row["Role"] == "Label"] == ([label] if label else [])
        deploy_both(mlmgmt, "any")
        found = scores(mlmgmt, "answers", "people.csv")
        assert len(found) == len(people)
        assert set(found.columns) & {"Scored Labels", "Assignments", "Scored Label Mean"}
        report = mlmgmt("retrain -g retail -n answers --data people.csv --update -Force", ok=True)
        assert "Training with the web service 'trainer'." in report.err
        assert report.json["WebService"]["mlmgmt"]["revision"] == 2

    def test_missing_values_are_filled_and_excluded_columns_are_not_learnt(
        self, mlmgmt: Command, home: Path, people: pd.DataFrame
    ) -> None:
        made = mlmgmt(MAKE, ok=True).json
        roles = {row["Column"]: row["Role"] for row in made["Columns"]}
        assert roles["kind"] == roles["visits"] == "excluded"
        mlmgmt("set-up-web-service People --predictive -f predictive.json", ok=True)
        trained, manifest = model_of(home)
        assert [feature.name for feature in trained.features] == ["age", "income", "city", "member"]
        assert manifest["rows"] == int(len(people) * 0.75)

    def test_a_column_of_two_numbers_can_be_a_binary_label(self, mlmgmt: Command, people: pd.DataFrame) -> None:
        people.assign(bought=people["bought"].astype("Int64") * 5).to_csv("people.csv", index=False)
        mlmgmt(MAKE, ok=True)
        assert mlmgmt("run-experiment People", ok=True).json["Evaluation"][0]["AUC"] > 0.7

    def test_rows_without_a_label_are_left_out(self, mlmgmt: Command, people: pd.DataFrame) -> None:
        people.loc[::3, "bought"] = pd.NA
        people.to_csv("people.csv", index=False)
        mlmgmt(MAKE, ok=True)
        assert mlmgmt("run-experiment People", ok=True).json["Status"]["StatusCode"] == "Finished"

    @pytest.mark.parametrize("name", ["my data #1%.txt", "no ending", "Ünï.CSV", "..csv", "a;b?.tsv"])
    def test_a_table_may_have_any_file_name(self, mlmgmt: Command, people: pd.DataFrame, name: str) -> None:
        people.to_csv(name, index=False, sep="\t" if name.endswith("tsv") else ",")
        mlmgmt(["new-experiment", "Odd", "-t", "binary", "-l", "bought", "--data", name], ok=True)
        assert mlmgmt("run-experiment Odd", ok=True).json["Status"]["StatusCode"] == "Finished"

    def test_a_split_of_few_rows_is_stratified_only_where_possible(self, mlmgmt: Command, people: pd.DataFrame) -> None:
        """With so few rows, a class may be too small to be in both parts; then the split is random."""
        people[["age", "bought"]].dropna().head(5).assign(bought=[True, False, True, False, True]).to_csv(
            "few.csv", index=False
        )
        mlmgmt("new-experiment Few -t binary -l bought --data few.csv --train-fraction 0.8", ok=True)
        assert mlmgmt("run-experiment Few", ok=True).json["Status"]["StatusCode"] == "Finished"

    @pytest.mark.parametrize(
        ("words", "code", "told"),
        [
            ("-t binary -l bougt", "ColumnNotFound", "Columns: age"),
            ("-t binary", "InvalidLabel", "-Label is missing"),
            ("-t binary -l kind", "InvalidLabel", "multiclass or regression"),
            ("-t binary -l one", "InvalidLabel", "at least two different values"),
            ("-t binary -l none", "InvalidLabel", "0 different values"),
            ("-t multiclass -l one", "InvalidLabel", "several values"),
            ("-t regression -l kind", "InvalidLabel", "binary or multiclass"),
            ("-t regression -l none", "InvalidLabel", "needs a label of numbers"),
            ("-t clustering -l kind", "InvalidLabel", "-Exclude"),
            ("-t binary -l bought -a 'Linear Regression'", "InvalidAlgorithm", "Two-Class Logistic Regression"),
            ("-t binary -l bought -a 'Train Model'", "InvalidAlgorithm", "cannot learn a binary task"),
            ("-t binary -l bought -a 'Two-Class Logistic Regresion'", "ModuleNotSupported", "Did you mean: "),
            ("-t binary -l bought --exclude nowhere", "ColumnNotFound", "'nowhere'"),
            ("-t binary -l bought --exclude bought", "InvalidExclusion", "cannot be excluded"),
            (
                "-t binary -l bought --exclude age,income,city,member,kind,visits,one,none",
                "InvalidExclusion",
                "nothing to learn from",
            ),
            ("-t binary -l bought --train-fraction 1", "InvalidFraction", "between 0 and 1"),
        ],
    )
    def test_an_experiment_that_cannot_learn_is_refused_and_nothing_is_written(
        self, mlmgmt: Command, home: Path, people: pd.DataFrame, words: str, code: str, told: str
    ) -> None:
        people.assign(one="same", none="").to_csv("people.csv", index=False)
        refused = mlmgmt(f"new-experiment People --data people.csv {words} -o json")
        assert refused.status == 1
        assert code in refused.err
        assert told in refused.err
        assert mlmgmt("experiments", ok=True).json == []
        assert not list(home.rglob("*.csv"))

    @pytest.mark.parametrize(
        "content",
        [b"", b"a,b\n", b"\x00\x01\x02", b"PK\x03\x04", "á,b\n1,2\n".encode("latin-1"), b"a,a\n1,2\n", b"a,b\n1\n"],
    )
    def test_a_file_that_is_not_a_table_is_refused(self, mlmgmt: Command, home: Path, content: bytes) -> None:
        Path("bad.csv").write_bytes(content)
        refused = mlmgmt("new-experiment Bad -t regression -l a --data bad.csv")
        assert refused.status == 1
        assert "InternalError" not in refused.err
        assert mlmgmt("experiments", ok=True).json == []

    def test_a_name_is_taken_in_any_letter_case(self, mlmgmt: Command, people: pd.DataFrame) -> None:
        mlmgmt(MAKE, ok=True)
        refused = mlmgmt(MAKE.replace("People", "PEOPLE", 1))
        assert refused.status == 1
        assert "ExperimentExists" in refused.err

    @pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 300])
    def test_a_name_that_cannot_be_typed_is_refused(self, mlmgmt: Command, people: pd.DataFrame, name: str) -> None:
        refused = mlmgmt(["new-experiment", name, *MAKE.split()[2:]])
        assert refused.status in (1, 2)
        assert mlmgmt("experiments", ok=True).json == []

    def test_what_if_leaves_nothing(self, mlmgmt: Command, home: Path, people: pd.DataFrame) -> None:
        before = sorted(home.rglob("*"))
        shown = mlmgmt(MAKE + " -WhatIf -o json", ok=True)
        assert "What if" in shown.err
        assert len(shown.json["Columns"]) == len(people.columns)
        assert sorted(home.rglob("*")) == before

    def test_an_identifier_column_gives_a_warning(self, mlmgmt: Command, people: pd.DataFrame) -> None:
        people.assign(key=[f"k{row}" for row in range(len(people))]).to_csv("people.csv", index=False)
        assert "add -Exclude key" in mlmgmt(MAKE, ok=True).err


class TestRun:
    def test_each_node_is_shown_and_recorded(self, mlmgmt: Command, people: pd.DataFrame) -> None:
        mlmgmt(MAKE, ok=True)
        done = mlmgmt("run-experiment people -Verbose -o json", ok=True)
        assert "(Split Data)" in done.err
        assert "180 rows" in done.err
        nodes = {node["Module"]: node["Outputs"] for node in done.json["Nodes"]}
        assert nodes["Split Data"]["Results dataset1"] == {"Rows": 180, "Columns": 5}
        assert nodes["Split Data"]["Results dataset2"] == {"Rows": 60, "Columns": 5}
        shown = mlmgmt("get-experiment People -o json", ok=True).json
        assert shown["Run"]["Nodes"] == done.json["Nodes"]
        assert shown["Status"]["StatusCode"] == "Finished"
        assert shown["Status"]["StartTime"] < shown["Status"]["EndTime"]
        (listed,) = mlmgmt("experiments", ok=True).json
        assert listed["Status"]["StatusCode"] == "Finished"

    def test_a_failed_run_says_why_and_the_reason_is_recorded(self, mlmgmt: Command, people: pd.DataFrame) -> None:
        nodes = graph(drop=("Select Columns in Dataset", {"Select Columns": selection_of("nowhere")}))
        edges = ["data > drop", "drop > train.Dataset", "learner > train.Untrained model"]
        mlmgmt(f"import-experiment {hand_made(nodes, edges)} -n Broken --data people.csv", ok=True)
        refused = mlmgmt("run-experiment Broken")
        assert refused.status == 1
        assert "nowhere" in refused.err
        status = mlmgmt("get-experiment Broken -o json", ok=True).json["Status"]
        assert status["StatusCode"] == "Failed"
        assert "nowhere" in status["StatusDetail"]
        assert status["EndTime"]
        exported = mlmgmt("export-definition Broken broken.json")
        assert (exported.status, "ExperimentNotFinished" in exported.err) == (1, True)

    def test_a_running_experiment_is_neither_started_twice_nor_removed(
        self, mlmgmt: Command, home: Path, people: pd.DataFrame
    ) -> None:
        from mlmgmt.store import lock

        identity = mlmgmt(MAKE, ok=True).json["ExperimentId"]
        (file,) = home.glob("workspaces/*/experiments/*.json")
        body = json.loads(file.read_text())
        body["Status"]["StatusCode"] = "Running"
        file.write_text(json.dumps(body))
        with lock.hold(home, f"experiments/{identity}"):
            for words in ("run-experiment People", "remove-experiment People -Force"):
                refused = mlmgmt(words)
                assert (refused.status, "ExperimentRunning" in refused.err) == (1, True)
            assert mlmgmt("experiments", ok=True).json[0]["Status"]["StatusCode"] == "Running"
        mlmgmt("run-experiment People", ok=True)

    def test_a_killed_run_becomes_failed(self, mlmgmt: Command, home: Path, people: pd.DataFrame) -> None:
        pd.concat([people] * 40).to_csv("people.csv", index=False)
        mlmgmt(MAKE + " --algorithm 'Two-Class Neural Network'", ok=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "mlmgmt", "run-experiment", "People", "-Verbose"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        assert process.stderr is not None
        while "Train Model" not in (line := process.stderr.readline()):
            assert line, "it ended before it trained"
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        status = mlmgmt("get-experiment People -o json", ok=True).json["Status"]
        assert status["StatusCode"] == "Failed"
        assert "ended before its run did" in status["StatusDetail"]

    def test_the_error_for_an_unknown_experiment_lists_the_known_ones(
        self, mlmgmt: Command, people: pd.DataFrame
    ) -> None:
        assert "new-experiment" in mlmgmt("run-experiment Nobody").err
        mlmgmt(MAKE, ok=True)
        assert "Experiments: 'People'" in mlmgmt("run-experiment Nobody").err

    def test_two_experiments_with_one_name_can_only_be_used_by_id(
        self, mlmgmt: Command, home: Path, people: pd.DataFrame
    ) -> None:
        identity = mlmgmt(MAKE, ok=True).json["ExperimentId"]
        (file,) = home.glob("workspaces/*/experiments/*.json")
        twin = json.loads(file.read_text()) | {"ExperimentId": identity[:-1] + "z"}
        (file.parent / f"{twin['ExperimentId']}.json").write_text(json.dumps(twin))
        refused = mlmgmt("run-experiment People")
        assert (refused.status, identity in refused.err) == (1, True)
        assert mlmgmt(f"run-experiment {identity}", ok=True).json["ExperimentId"] == identity

    @pytest.mark.parametrize(
        "damage",
        [
            {"Status": {}},
            {"Definition": {}},
            {"Definition": {"properties": {"package": {"nodes": {"a": 1}, "edges": []}}}},
            {"Definition": {"properties": {"package": {"nodes": {}, "edges": [{}]}}}},
            {"Definition": {"properties": {"package": {"nodes": {}}, "assets": {"a": {}}}}},
            {"Description": None},
        ],
    )
    def test_a_file_that_was_edited_badly_is_named(
        self, mlmgmt: Command, home: Path, people: pd.DataFrame, damage: dict[str, Any]
    ) -> None:
        mlmgmt(MAKE, ok=True)
        (file,) = home.glob("workspaces/*/experiments/*.json")
        file.write_text(json.dumps(json.loads(file.read_text()) | damage))
        for words in ("experiments", "run-experiment People", "set-up-web-service People --predictive"):
            refused = mlmgmt(words)
            assert (refused.status, file.name in refused.err) == (1, True)

    def test_an_experiment_without_modules_is_refused(self, mlmgmt: Command, home: Path) -> None:
        Path("empty.json").write_text(json.dumps({"Graph": {"ModuleNodes": []}, "Description": "Empty"}))
        mlmgmt("import-experiment empty.json", ok=True)
        refused = mlmgmt("run-experiment Empty")
        assert (refused.status, "ExperimentEmpty" in refused.err) == (1, True)


def filled(frame: pd.DataFrame) -> pd.DataFrame:
    """Fill missing values with means in pandas, as Clean Missing Data does; integers stay integers."""
    return frame.assign(
        income=frame["income"].fillna(frame["income"].mean()),
        age=frame["age"].fillna(round(frame["age"].astype("float64").mean())),
    )


def normalized(frame: pd.DataFrame) -> pd.DataFrame:
    whole = filled(frame)
    income = whole["income"]
    return whole.assign(income=(income - income.min()) / (income.max() - income.min()))


def cleaning(*names: str, mode: str = "Replace with mean") -> tuple[str, dict[str, str]]:
    return "Clean Missing Data", {"Columns to be cleaned": selection_of(*names), "Cleaning mode": mode}


KEEP = ("Select Columns in Dataset", {"Select Columns": selection_of("age", "income", "bought")})
SCALE = ("Normalize Data", {"Transformation method": "MinMax", "Columns to transform": selection_of("income")})
LEARNT = ["learner > train.Untrained model", "train.Trained model > score.Trained model"]
CLEANED = [
    "data > clean1.Dataset",
    "clean1.Cleaned dataset > clean2.Dataset",
]
SHAPES: dict[str, tuple[dict[str, Any], list[str], Callable[[pd.DataFrame], pd.DataFrame], list[str]]] = {
    "several cleanings and a normalization": (
        graph(clean1=cleaning("income"), clean2=cleaning("age"), scale=SCALE, split=SPLIT, keep=KEEP,
              score="Score Model", evaluate="Evaluate Model"),
        [*LEARNT, *CLEANED, "clean2.Cleaned dataset > scale", "scale.Transformed dataset > keep",
         "keep > split", "split.Results dataset1 > train.Dataset", "split.Results dataset2 > score.Dataset",
         "score > evaluate.Scored dataset"],
        normalized,
        ["Apply Transformation"] * 3 + ["Score Model", "Select Columns in Dataset"],
    ),
    "columns selected after the split, other modules on the test branch": (
        graph(clean1=cleaning("income"), clean2=cleaning("age"), split=SPLIT, keep=KEEP, other=KEEP,
              single=("Remove Duplicate Rows", {"Key column selection filter expression": selection_of("income")}),
              score="Score Model", evaluate="Evaluate Model"),
        [*LEARNT, *CLEANED, "clean2.Cleaned dataset > split", "split.Results dataset1 > keep",
         "keep > train.Dataset", "split.Results dataset2 > other", "other > single", "single > score.Dataset",
         "score > evaluate.Scored dataset"],
        filled,
        ["Apply Transformation"] * 2 + ["Score Model", "Select Columns in Dataset"],
    ),
    "a transformation applied again": (
        graph(clean1=cleaning("income"), clean2=cleaning("age"), again="Apply Transformation", split=SPLIT, keep=KEEP,
              score="Score Model"),
        [*LEARNT, "data > clean1.Dataset", "clean1.Cleaning transformation > again.Transformation",
         "data > clean2.Dataset", "clean2.Cleaned dataset > again.Dataset", "again > keep", "keep > split",
         "split.Results dataset1 > train.Dataset", "split.Results dataset2 > score.Dataset"],
        filled,
        ["Apply Transformation"] * 2 + ["Score Model", "Select Columns in Dataset"],
    ),
    "neither split nor score nor evaluation": (
        graph(clean1=cleaning("income"), clean2=cleaning("age"), keep=KEEP),
        [LEARNT[0], *CLEANED, "clean2.Cleaned dataset > keep", "keep > train.Dataset"],
        filled,
        ["Apply Transformation"] * 2 + ["Score Model", "Select Columns in Dataset"],
    ),
    "ports in odd letters or not named": (
        graph(clean1=cleaning("income"), clean2=cleaning("age"), keep=KEEP, score="Score Model"),
        ["learner > train.untrained MODEL", "data.results DATASET > clean1", "clean1.cleaned DATASET > clean2",
         "clean2.CLEANED dataset > keep", "keep > train.dataset", "train > score.TRAINED model",
         "keep > score.dataset"],
        filled,
        ["Apply Transformation"] * 2 + ["Score Model", "Select Columns in Dataset"],
    ),
    "tuned": (
        {"data": ELSEWHERE, "learner": (LEARNER, {"Create trainer mode": "ParameterRange"}),
         "clean1": cleaning("income"), "clean2": cleaning("age"), "keep": KEEP, "split": SPLIT,
         "train": ("Tune Model Hyperparameters",
                   {"Name or numerical index of the label column": selection_of("bought")}),
         "score": "Score Model", "evaluate": "Evaluate Model"},
        ["learner > train.Untrained model", *CLEANED, "clean2.Cleaned dataset > keep", "keep > split",
         "split.Results dataset2 > train.Validation dataset", "split.Results dataset1 > train.Training dataset",
         "train.Trained best model > score.Trained model", "split.Results dataset2 > score.Dataset",
         "score > evaluate.Scored dataset"],
        filled,
        ["Apply Transformation"] * 2 + ["Score Model", "Select Columns in Dataset"],
    ),
}  # fmt: skip


class TestSetUp:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_the_predictive_service_scores_like_its_model_on_rows_prepared_with_pandas(
        self, mlmgmt: Command, home: Path, people: pd.DataFrame, shape: str
    ) -> None:
        nodes, edges, prepared, kept = SHAPES[shape]
        mlmgmt(f"import-experiment {hand_made(nodes, edges)} -n People --data people.csv", ok=True)
        deploy_both(mlmgmt)
        assert modules_of("predictive.json") == kept
        trained, manifest = model_of(home)
        assert manifest["rows"] == (int(len(people) * 0.7) if "split" in nodes else len(people))
        names = [feature.name for feature in trained.features]
        rows = prepared(people)[names].astype("float64")
        chance = trained.estimator.predict_proba(rows)[:, 1]
        found = scores(mlmgmt, "answers", "people.csv")
        assert found["Scored Probabilities"].astype(float).to_numpy() == pytest.approx(chance, abs=1e-9)

    def test_new_rows_are_filled_with_the_means_of_the_training_data(
        self, mlmgmt: Command, home: Path, people: pd.DataFrame
    ) -> None:
        """A single row with a missing value has no mean, so it must come from training."""
        mlmgmt(MAKE, ok=True)
        deploy_both(mlmgmt)
        row = people[people["income"].isna() & people["age"].notna() & people["city"].notna()].iloc[:1]
        row.drop(columns=["bought"]).to_csv("one.csv", index=False)
        row.assign(income=people["income"].mean()).to_csv("same.csv", index=False)
        (one,), (same,) = (scores(mlmgmt, "answers", file)["Scored Probabilities"] for file in ("one.csv", "same.csv"))
        assert float(one) == pytest.approx(float(same), abs=1e-9)

    @pytest.mark.parametrize(("columns", "warned"), [(("age", "bought"), True), (("age",), False)])
    def test_a_cleaning_that_drops_rows_without_a_label_gives_a_warning(
        self, mlmgmt: Command, people: pd.DataFrame, columns: tuple[str, ...], warned: bool
    ) -> None:
        rows = people[["age", "member", "bought"]]
        rows.to_csv("rows.csv", index=False)
        rows.drop(columns="bought").dropna().head(7).to_csv("unlabelled.csv", index=False)
        nodes = graph(clean=cleaning(*columns, mode="Remove entire row"))
        edges = [LEARNT[0], "data > clean", "clean.Cleaned dataset > train.Dataset"]
        mlmgmt(f"import-experiment {hand_made(nodes, edges)} -n People --data rows.csv", ok=True)
        told = mlmgmt("set-up-web-service People --predictive -f predictive.json", ok=True).err
        assert ("Rows without 'bought' are not scored" in told) == warned
        mlmgmt("new -g retail -l southcentralus -n answers -DefinitionFile predictive.json -Force", ok=True)
        assert len(scores(mlmgmt, "answers", "unlabelled.csv")) == (0 if warned else 7)

    def test_a_clustering_needs_no_assign_module(self, mlmgmt: Command, home: Path, people: pd.DataFrame) -> None:
        nodes = {
            "data": ELSEWHERE,
            "clean": cleaning("age", "income"),
            "learner": ("K-Means Clustering", {"Number of Centroids": "3"}),
            "train": ("Train Clustering Model", {"Column Set": selection_of("age", "income")}),
        }
        edges = ["data > clean", "clean.Cleaned dataset > train.Dataset", "learner > train.Untrained model"]
        mlmgmt(f"import-experiment {hand_made(nodes, edges)} -n People --data people.csv", ok=True)
        deploy_both(mlmgmt)
        assert modules_of("predictive.json") == ["Apply Transformation", "Assign Data to Clusters"]
        trained, _ = model_of(home)
        rows = filled(people)[["age", "income"]].astype("float64")
        found = scores(mlmgmt, "answers", "people.csv")["Assignments"].astype(int)
        assert found.tolist() == trained.estimator.predict(rows).tolist()

    @pytest.mark.parametrize("source", ["Enter Data Manually", "Import Data"])
    def test_the_rows_may_come_from_a_module(
        self, mlmgmt: Command, home: Path, people: pd.DataFrame, source: str
    ) -> None:
        rows = filled(people)[["age", "income", "bought"]]
        rows.to_csv("rows.csv", index=False)
        if source == "Import Data":
            mlmgmt(["map-source", "http://data.example.org/rows.csv", str(Path("rows.csv").resolve())], ok=True)
            settings = {
                "Please Specify Data Source": "Http",
                "URL": "http://data.example.org/rows.csv",
                "Data format": "CSV",
                "CSV or TSV has Header Row": "True",
            }
        else:
            settings = {"DataFormat": "CSV", "Data": rows.to_csv(index=False)}
        nodes = graph(data=(source, settings), score="Score Model")
        edges = [*LEARNT, "data > train.Dataset", "data > score.Dataset"]
        mlmgmt(f"import-experiment {hand_made(nodes, edges)} -n People", ok=True)
        deploy_both(mlmgmt)
        trained, _ = model_of(home)
        chance = trained.estimator.predict_proba(rows[["age", "income"]].astype("float64"))[:, 1]
        found = scores(mlmgmt, "answers", "rows.csv")["Scored Probabilities"].astype(float)
        assert found.to_numpy() == pytest.approx(chance, abs=1e-9)
        assert mlmgmt("retrain -g retail -n answers --data rows.csv", ok=True).json["Rows"] == 180

    @pytest.mark.parametrize(
        ("nodes", "edges", "code", "told"),
        [
            ({"data": ELSEWHERE, "keep": KEEP}, ["data > keep"], "NoTrainer", "Train Model"),
            (
                graph(second=TRAIN),
                [LEARNT[0], "learner > second.Untrained model", "data > train.Dataset", "data > second.Dataset"],
                "SeveralTrainers",
                "its own experiment",
            ),
            (
                graph(more=("Enter Data Manually", {"Data": "key,x\n1,2\n"}), both="Add Columns"),
                [LEARNT[0], "data > both.Left dataset", "more > both.Right dataset", "both > train.Dataset"],
                "SeveralSources",
                "Join them",
            ),
            (graph(), [LEARNT[0]], "PortNotConnected", "'Dataset'"),
            (graph(), ["data > train.Dataset"], "PortNotConnected", "'Untrained model'"),
            (graph(train="Train Model"), [LEARNT[0], "data > train.Dataset"], "Error0024", "No column is selected"),
            (
                graph(train=("Train Model", {"Label column": selection_of("nowhere")})),
                [LEARNT[0], "data > train.Dataset"],
                "Error0001",
                "nowhere",
            ),
        ],
    )
    def test_an_experiment_that_cannot_be_set_up_says_what_to_do(
        self, mlmgmt: Command, people: pd.DataFrame, nodes: dict[str, Any], edges: list[str], code: str, told: str
    ) -> None:
        filled(people)[["age", "income", "bought"]].to_csv("rows.csv", index=False)
        mlmgmt(f"import-experiment {hand_made(nodes, edges)} -n People --data rows.csv", ok=True)
        before = mlmgmt("get-experiment People -o json", ok=True).json["Definition"]
        for role in ("retraining", "predictive"):
            refused = mlmgmt(f"set-up-web-service People --{role} -f out.json")
            assert refused.status == 1
            assert code in refused.err
            assert told in refused.err
        assert not Path("out.json").exists()
        assert mlmgmt("get-experiment People -o json", ok=True).json["Definition"] == before
        assert len(mlmgmt("experiments", ok=True).json) == 1

    def test_a_label_that_only_the_graph_creates_is_refused(self, mlmgmt: Command, people: pd.DataFrame) -> None:
        filled(people)[["age", "income", "bought"]].to_csv("rows.csv", index=False)
        rename = ("Edit Metadata", {"Column": selection_of("bought"), "New column names": "truth"})
        nodes = graph(rename=rename, train=("Train Model", {"Label column": selection_of("truth")}))
        edges = [LEARNT[0], "data > rename", "rename > train.Dataset"]
        mlmgmt(f"import-experiment {hand_made(nodes, edges)} -n People --data rows.csv", ok=True)
        refused = mlmgmt("set-up-web-service People --retraining")
        assert (refused.status, "LabelNotConnected" in refused.err) == (1, True)

    @pytest.mark.parametrize("words", ["", "--retraining --predictive"])
    def test_exactly_one_of_retraining_and_predictive_is_required(
        self, mlmgmt: Command, people: pd.DataFrame, words: str
    ) -> None:
        mlmgmt(MAKE, ok=True)
        assert mlmgmt(f"set-up-web-service People {words}").status == 2

    @pytest.mark.parametrize("role", ["retraining", "predictive"])
    @pytest.mark.parametrize("target", [".", "nowhere/out.json"])
    def test_a_file_that_cannot_be_written_is_refused_before_the_run(
        self, mlmgmt: Command, people: pd.DataFrame, role: str, target: str
    ) -> None:
        mlmgmt(MAKE, ok=True)
        assert mlmgmt(f"set-up-web-service People --{role} -f {target}").status == 1
        assert mlmgmt("experiments", ok=True).json[0]["Status"]["StatusCode"] == "InDraft"

    @pytest.mark.parametrize("role", ["retraining", "predictive"])
    def test_what_if_leaves_nothing(self, mlmgmt: Command, home: Path, people: pd.DataFrame, role: str) -> None:
        mlmgmt(MAKE, ok=True)
        before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
        assert "What if" in mlmgmt(f"set-up-web-service People --{role} -f out.json -WhatIf", ok=True).err
        assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before
        assert not Path("out.json").exists()

    def test_setting_up_again_asks_and_uses_the_changed_experiment(
        self, mlmgmt: Command, home: Path, people: pd.DataFrame
    ) -> None:
        mlmgmt(MAKE, ok=True)
        first = mlmgmt("set-up-web-service People --predictive -f predictive.json", ok=True).json
        assert first["Description"] == "People [Predictive Exp.]"
        trained, _ = model_of(home)
        (file,) = (f for f in home.glob("workspaces/*/experiments/*.json") if "Train Model" in f.read_text())
        changed = file.read_text().replace(LEARNER, "Two-Class Averaged Perceptron")
        guids = (catalogue.by_name(name).guid for name in (LEARNER, "Two-Class Averaged Perceptron"))
        file.write_text(changed.replace(*guids))
        refused = mlmgmt("set-up-web-service People --predictive -f predictive.json")
        assert refused.status == 1
        assert "would be overwritten" in refused.err
        again = mlmgmt("set-up-web-service People --predictive -f predictive.json -Force", ok=True).json
        assert again["ExperimentId"] == first["ExperimentId"]
        assert (trained.learner, model_of(home)[0].learner) == (LEARNER, "Two-Class Averaged Perceptron")
        assert len(mlmgmt("experiments", ok=True).json) == 2

    def test_a_predictive_experiment_does_not_replace_another_experiment_of_its_name(
        self, mlmgmt: Command, people: pd.DataFrame
    ) -> None:
        mlmgmt(MAKE, ok=True)
        mlmgmt(MAKE.replace("People", "'People [Predictive Exp.]'", 1), ok=True)
        refused = mlmgmt("set-up-web-service People --predictive -Force")
        assert (refused.status, "ExperimentExists" in refused.err) == (1, True)

    def test_a_predictive_experiment_can_run_but_not_be_set_up(self, mlmgmt: Command, people: pd.DataFrame) -> None:
        mlmgmt(MAKE, ok=True)
        made = mlmgmt("set-up-web-service People --predictive", ok=True).json
        assert "Train Model" not in [node["Module"] for node in made["Nodes"]]
        assert made["Status"]["CreationTime"] <= made["Status"]["EndTime"]
        done = mlmgmt("run-experiment 'people [predictive exp.]'", ok=True).json
        (scored,) = [node for node in done["Nodes"] if node["Module"] == "Score Model"]
        assert scored["Outputs"]["Scored dataset"]["Rows"] == len(people)
        refused = mlmgmt("set-up-web-service 'People [Predictive Exp.]' --predictive")
        assert (refused.status, "NoTrainer" in refused.err) == (1, True)

    def test_a_saved_transformation_can_be_used_in_another_experiment(
        self, mlmgmt: Command, home: Path, people: pd.DataFrame
    ) -> None:
        mlmgmt(MAKE, ok=True)
        mlmgmt("set-up-web-service People --predictive -f predictive.json", ok=True)
        assets = json.loads(Path("predictive.json").read_text())["properties"]["assets"].values()
        (uri,) = (b["locationInfo"]["uri"] for b in assets if b["locationInfo"]["uri"].endswith(".itransform"))
        nodes = graph(saved=uri, applied="Apply Transformation", keep=KEEP, score="Score Model")
        edges = [*LEARNT, "saved > applied.Transformation", "data > applied.Dataset", "applied > keep",
                 "keep > train.Dataset", "keep > score.Dataset"]  # fmt: skip
        mlmgmt(f"import-experiment {hand_made(nodes, edges)} -n Second --data people.csv", ok=True)
        mlmgmt("set-up-web-service Second --predictive -f predictive.json -Force", ok=True)
        mlmgmt("new -g retail -l southcentralus -n answers -DefinitionFile predictive.json -Force", ok=True)
        trained, _ = model_of(home)
        chance = trained.estimator.predict_proba(filled(people)[["age", "income"]].astype("float64"))[:, 1]
        found = scores(mlmgmt, "answers", "people.csv")["Scored Probabilities"].astype(float)
        assert found.to_numpy() == pytest.approx(chance, abs=1e-9)
        assert mlmgmt("retrain -g retail -n answers --data people.csv", ok=True).json["Rows"] == 180


class TestTheTrainingIsFound:
    @pytest.fixture
    def answers(self, mlmgmt: Command, people: pd.DataFrame) -> None:
        mlmgmt(MAKE, ok=True)
        mlmgmt("set-up-web-service People --predictive -f predictive.json", ok=True)
        mlmgmt("new -g retail -l southcentralus -n answers -DefinitionFile predictive.json -Force", ok=True)

    def retrain(self, mlmgmt: Command, *, ok: bool = True) -> Result:
        return mlmgmt("retrain -g retail -n answers --data people.csv -o json", ok=ok)

    @pytest.mark.usefixtures("answers")
    def test_in_the_experiment_that_was_never_deployed(self, mlmgmt: Command) -> None:
        done = self.retrain(mlmgmt)
        assert "Training with the experiment 'People'." in done.err
        assert done.json["Evaluation"]["Rows"] == 60

    @pytest.mark.usefixtures("answers")
    def test_in_another_group_until_it_is_removed(self, mlmgmt: Command) -> None:
        mlmgmt("set-up-web-service People --retraining -f retraining.json", ok=True)
        mlmgmt("new-group -Name other -Location southcentralus", ok=True)
        mlmgmt("new -g other -l southcentralus -n faraway -DefinitionFile retraining.json -Force", ok=True)
        assert "Training with the web service 'faraway'." in self.retrain(mlmgmt).err
        mlmgmt("remove -g other -n faraway -Force", ok=True)
        assert "Training with the experiment 'People'." in self.retrain(mlmgmt).err
        mlmgmt("remove-experiment People -Force", ok=True)
        refused = self.retrain(mlmgmt, ok=False)
        assert refused.status == 1
        assert "TrainingDefinitionNotFound" in refused.err
        assert "--training-definition" in refused.err

    @pytest.mark.usefixtures("answers")
    def test_by_the_resource_id_in_its_tag(self, mlmgmt: Command) -> None:
        mlmgmt("set-up-web-service People --retraining -f retraining.json", ok=True)
        mlmgmt("new-group -Name other -Location southcentralus", ok=True)
        identity = mlmgmt(
            "new -g other -l southcentralus -n faraway -DefinitionFile retraining.json -Force -o json", ok=True
        ).json["id"]
        mlmgmt(["update", "-g", "retail", "-n", "answers", "-Tag", f"@{{trainingService='{identity}'}}", "-Force"])
        assert self.retrain(mlmgmt).json["Rows"] == 180

    @pytest.mark.usefixtures("answers")
    def test_a_training_experiment_that_can_no_longer_train_is_refused(self, mlmgmt: Command, home: Path) -> None:
        (file,) = (f for f in home.glob("workspaces/*/experiments/*.json") if "Train Model" in f.read_text())
        body = json.loads(file.read_text())
        package = body["Definition"]["properties"]["package"]
        package["edges"] = [edge for edge in package["edges"] if edge.get("targetPortId") != "Untrained model"]
        file.write_text(json.dumps(body))
        refused = self.retrain(mlmgmt, ok=False)
        assert (refused.status, "PortNotConnected" in refused.err) == (1, True)


class TestFiles:
    def test_an_export_in_studio_s_format_can_be_imported_again(self, mlmgmt: Command, people: pd.DataFrame) -> None:
        mlmgmt(MAKE, ok=True)
        mlmgmt("set-up-web-service People --retraining -f retraining.json", ok=True)
        mlmgmt("export-experiment People studio.json", ok=True)
        exported = json.loads(Path("studio.json").read_text())
        assert set(exported["Graph"]) == {"ModuleNodes", "EdgesInternal"}
        assert [port["Name"] for port in exported["WebService"]["Outputs"]] == ["output1", "output2"]
        evaluate = next(node for node in exported["Graph"]["ModuleNodes"] if node["ModuleName"] == "Evaluate Model")
        assert [port["Name"] for port in evaluate["InputPortsInternal"]] == [
            "Scored dataset",
            "Scored dataset to compare",
        ]
        mlmgmt("import-experiment studio.json -n Second", ok=True)
        first, second = (mlmgmt(f"run-experiment {name}", ok=True).json["Evaluation"] for name in ("People", "Second"))
        assert first == second
        refused = mlmgmt("export-experiment People studio.json")
        assert (refused.status, "FileExists" in refused.err) == (1, True)
        mlmgmt("export-experiment People studio.json -Force", ok=True)

    def test_a_studio_export_in_mixed_letter_case_runs_with_a_local_table(
        self, mlmgmt: Command, people: pd.DataFrame
    ) -> None:
        filled(people)[["age", "income", "bought"]].to_csv("rows.csv", index=False)
        family = "506153734175476c4f62416c57734963"

        def module(node: str, name: str, ports: list[dict[str, Any]], **parameters: str) -> dict[str, Any]:
            return {
                "ID": node,
                "moduleId": f"{family}.{catalogue.by_name(name).guid}.v1-default-1234",
                "MODULEPARAMETERS": [
                    {"name": key.replace("_", " "), "VALUE": value, "ValueType": "Literal"}
                    for key, value in parameters.items()
                ],
                "inputPortsInternal": [port | {"NodeId": node} for port in ports],
                "OutputPortsInternal": None,
            }

        body = {
            "description": "Old",
            "graph": {
                "MODULENODES": [
                    module("a-1", LEARNER, []),
                    module(
                        "b-2",
                        "Train Model",
                        [{"Name": "Dataset", "DATASOURCEID": "ws.5f.1-GenericCSV"}],
                        Label_column=selection_of("bought"),
                    ),
                ],
                "edgesInternal": [
                    {
                        "sourceOutputPortId": "a-1:Untrained model",
                        "DESTINATIONINPUTPORTID": "b-2:Untrained model",
                    }
                ],
            },
            "WEBSERVICE": {
                "inputs": [{"Id": "x", "PORTID": "b-2:Dataset", "name": "rows"}],
                "Outputs": [{"Id": "y", "PortId": "b-2:Trained model", "Name": "model"}],
            },
        }
        Path("old.json").write_text(json.dumps(body))
        told = mlmgmt("import-experiment old.json -n Bare", ok=True).err
        assert "-Data FILE" in told
        assert mlmgmt("run-experiment Bare").status == 1
        mlmgmt("import-experiment old.json --data rows.csv", ok=True)
        done = mlmgmt("run-experiment old -o json", ok=True).json
        assert [node["Module"] for node in done["Nodes"]] == [LEARNER, "Train Model"]
        mlmgmt("export-definition old old-training.json", ok=True)
        nodes = json.loads(Path("old-training.json").read_text())["properties"]["package"]["nodes"].values()
        assert {"rows", "model"} <= {node.get("inputId", node.get("outputId")) for node in nodes}

    def test_modules_that_do_not_run_here_are_kept_and_named(self, mlmgmt: Command, home: Path) -> None:
        unknown = {"Id": "a", "ModuleId": f"{'0' * 32}.{'f' * 32}.v1-default-1", "ModuleParameters": []}
        Path("foreign.json").write_text(json.dumps({"ModuleNodes": [unknown], "EdgesInternal": []}))
        mlmgmt("import-experiment foreign.json", ok=True)
        refused = mlmgmt("run-experiment foreign")
        assert refused.status == 1
        assert "ModuleNotSupported" in refused.err
        assert "f" * 32 in refused.err
        mlmgmt("export-experiment foreign back.json", ok=True)
        (node,) = json.loads(Path("back.json").read_text())["Graph"]["ModuleNodes"]
        assert node["ModuleId"] == unknown["ModuleId"]

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "[]",
            "{}",
            '{"ModuleNodes": 1}',
            '{"ModuleNodes": [{}]}',
            '{"ModuleNodes": [{"Id": "a"}]}',
            '{"ModuleNodes": [{"Id": "a", "ModuleId": "m"}, {"Id": "a", "ModuleId": "m"}]}',
            '{"ModuleNodes": [], "EdgesInternal": [{"SourceOutputPortId": "x", "DestinationInputPortId": "y"}]}',
            '{"ModuleNodes": [], "EdgesInternal": [{"SourceOutputPortId": "x:1", "DestinationInputPortId": "y:2"}]}',
            '{"ModuleNodes": [], "WebService": {"Inputs": [{"PortId": "x:1"}]}}',
            '{"ModuleNodes": [{"Id": "a", "ModuleId": "m", "ModuleParameters": [{"Value": "1"}]}]}',
            '{"ModuleNodes": [{"Id": "a", "ModuleId": "m"}], "EdgesInternal": '
            '[{"SourceOutputPortId": "a:1", "DestinationInputPortId": "a:2"}]}',
        ],
    )
    def test_a_file_that_is_not_an_experiment_is_refused(self, mlmgmt: Command, home: Path, content: str) -> None:
        Path("bad.json").write_text(content)
        refused = mlmgmt("import-experiment bad.json")
        assert refused.status == 1
        assert any(told in refused.err for told in ("Invalid", "cannot be read", "not a valid definition"))
        assert mlmgmt("experiments", ok=True).json == []

    def test_a_table_replaces_exactly_one_dataset(self, mlmgmt: Command, people: pd.DataFrame) -> None:
        none = hand_made({"rows": ("Enter Data Manually", {"Data": "a\n1\n"}), "out": "Remove Duplicate Rows"}, [])
        two = hand_made({"a": ELSEWHERE, "b": ELSEWHERE.replace("people", "others")}, [], "two.json")
        for path in (none, two):
            refused = mlmgmt(f"import-experiment {path} --data people.csv")
            assert (refused.status, "NoDataset" in refused.err) == (1, True)

    def test_a_definition_without_service_ports_is_not_exported(self, mlmgmt: Command, people: pd.DataFrame) -> None:
        mlmgmt(MAKE, ok=True)
        mlmgmt("run-experiment People", ok=True)
        refused = mlmgmt("export-definition People out.json")
        assert (refused.status, "NoWebServicePorts" in refused.err) == (1, True)
        assert not Path("out.json").exists()

    def test_set_up_writes_the_same_definition_as_export(self, mlmgmt: Command, people: pd.DataFrame) -> None:
        mlmgmt(MAKE, ok=True)
        mlmgmt("set-up-web-service People --predictive -f first.json", ok=True)
        mlmgmt("export-definition 'People [Predictive Exp.]' second.json", ok=True)
        assert Path("first.json").read_bytes() == Path("second.json").read_bytes()


def test_removing_an_experiment_keeps_its_data_and_models(mlmgmt: Command, home: Path, people: pd.DataFrame) -> None:
    mlmgmt(MAKE, ok=True)
    mlmgmt("set-up-web-service People --predictive", ok=True)
    kept = sorted(path for path in (home / "storage").rglob("*") if path.is_file())
    assert "What if" in mlmgmt("remove-experiment People -WhatIf", ok=True).err
    assert mlmgmt("remove-experiment People").status == 1
    assert "'People'" in mlmgmt("remove-experiment PEOPLE -Force", ok=True).out
    assert [row["Description"] for row in mlmgmt("experiments", ok=True).json] == ["People [Predictive Exp.]"]
    assert sorted(path for path in (home / "storage").rglob("*") if path.is_file()) == kept
    assert mlmgmt("remove-experiment People -Force").status == 1


def test_a_reader_can_look_but_not_change(mlmgmt: Command, home: Path, people: pd.DataFrame) -> None:
    mlmgmt(MAKE, ok=True)
    mlmgmt("set-context -Role Reader", ok=True)
    before = sorted(home.rglob("*"))
    for words in (
        MAKE.replace("People", "Other", 1),
        "run-experiment People",
        "set-up-web-service People --predictive",
        "import-experiment people.csv",
        "remove-experiment People -Force",
    ):
        refused = mlmgmt(words)
        assert (refused.status, "AuthorizationFailed" in refused.err) == (1, True), words
    assert len(mlmgmt("experiments", ok=True).json) == 1
    mlmgmt("export-experiment People out.json", ok=True)
    assert sorted(home.rglob("*")) == before


def test_an_untrusted_home_is_read_only(
    mlmgmt: Command, home: Path, people: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mlmgmt(MAKE, ok=True)
    monkeypatch.setenv("MLMGMT_CONFIG", str(tmp_path / "another user's"))
    for words in ("run-experiment People", "set-up-web-service People --retraining", "remove-experiment People -Force"):
        refused = mlmgmt(words)
        assert (refused.status, "trust-home" in refused.err) == (1, True), words
    assert mlmgmt("experiments", ok=True).json[0]["Description"] == "People"


def test_names_of_experiments_and_modules_are_completed(mlmgmt: Command, people: pd.DataFrame) -> None:
    mlmgmt(MAKE, ok=True)
    assert complete("mlmgmt run-experiment pe") == ["People"]
    assert complete("mlmgmt set-up-web-service -n P") == ["People"]
    assert complete("mlmgmt modules Sp") == ["Split\\ Data"]
    assert complete("mlmgmt new-experiment X -t bi") == ["binary"]
    assert "Two-Class\\ Boosted\\ Decision\\ Tree" in complete("mlmgmt new-experiment X --algorithm Two")


class TestModules:
    def test_the_list_has_every_module_once(self, mlmgmt: Command) -> None:
        listed = [row["Name"] for row in mlmgmt("modules -o json", ok=True).json]
        assert listed == [module.name for module in catalogue.modules()]
        assert len(set(listed)) == len(listed)

    @pytest.mark.parametrize("module", list(catalogue.modules()), ids=lambda module: module.name)
    def test_a_module_is_shown_with_its_ports_and_parameters(self, mlmgmt: Command, module: Any) -> None:
        shown = mlmgmt(["modules", module.name.upper(), "-o", "json"], ok=True).json
        assert shown["Name"] == module.name
        assert shown["MapsTo"]
        assert shown["Category"]
        for ports, declared in (("Inputs", module.inputs), ("Outputs", module.outputs)):
            assert [(port["Name"], port["Type"]) for port in shown[ports]] == [
                (port.name, port.type.value) for port in declared
            ]
        for row, parameter in zip(shown["Parameters"], module.parameters, strict=True):
            assert row["Key"] == parameter.key
            assert row["Default"] == parameter.default
            allowed = row["Allowed"] or ""
            assert "e+" not in allowed
            assert all(choice in allowed for choice in parameter.choices)
            for limit in (parameter.minimum, parameter.maximum, parameter.above):
                assert limit is None or str(limit).removesuffix(".0") in allowed
            assert all(value in row["Note"] for value in parameter.refused)
        for key in (*module.former_names, module.guid):
            assert mlmgmt(["modules", key, "-o", "json"], ok=True).json["Name"] == module.name

    @pytest.mark.parametrize(
        ("name", "hint"), [("train modell", "Train Model"), ("Splt Data", "Split Data"), ("qqqq", "mlmgmt modules")]
    )
    def test_a_misspelled_module_gets_a_suggestion(self, mlmgmt: Command, name: str, hint: str) -> None:
        refused = mlmgmt(["modules", name])
        assert (refused.status, hint in refused.err) == (1, True)
        assert "ModuleNotSupported" in refused.err

    def test_no_home_is_needed(self, mlmgmt: Command, apart: Path) -> None:
        assert mlmgmt("modules 'Split Data' -o table", ok=True).out.startswith("Name")
        assert list(apart.iterdir()) == []


def test_a_preview_is_shown_as_a_table(mlmgmt: Command, people: pd.DataFrame) -> None:
    shown = mlmgmt(f"{MAKE} -WhatIf -o table", ok=True).out
    assert all(name in shown for name in people.columns)
    assert "ExperimentId" not in shown
    assert mlmgmt("experiments", ok=True).json == []


def test_metrics_are_shown_as_evaluate_shows_them(mlmgmt: Command, people: pd.DataFrame) -> None:
    people.assign(income=people["income"] * 100).to_csv("people.csv", index=False)
    mlmgmt("new-experiment Income --task regression --label income --data people.csv", ok=True)
    (line,) = mlmgmt("run-experiment Income", ok=True).json["Evaluation"]
    shown = [row.split() for row in mlmgmt("run-experiment Income -o table", ok=True).out.splitlines()]
    large = line["Mean Absolute Error"]
    assert large > 10_000
    assert ["Mean", "Absolute", "Error", f"{large:,.0f}"] in shown


def test_a_metric_without_a_value_is_shown_as_none(capsys: pytest.CaptureFixture[str]) -> None:
    run = {"Nodes": [], "Evaluation": [{"AUC": None, "True Positive": 1}]}
    views.show("experiment", {"Description": "X", "Run": run}, "table")
    shown = [row.split() for row in capsys.readouterr().out.splitlines()]
    assert ["AUC", "none"] in shown
    assert ["True", "Positive", "1"] in shown


def test_settings_are_given_by_name_and_wrong_ones_are_refused_before_the_run(mlmgmt: Command, home: Path) -> None:
    Path("points.csv").write_text("x,y\n" + "".join(f"{i % 3}.{i},{i % 5}\n" for i in range(60)))
    line = ["new-experiment", "points", "--task", "clustering", "--data", "points.csv", "--settings"]
    refused = mlmgmt([*line, "Number of Centroids=none"])
    assert refused.status == 1
    assert "whole number" in refused.err
    assert mlmgmt([*line, "Colour=red"]).status == 1
    mlmgmt([*line, "number of centroids=4"], ok=True)
    ran = mlmgmt("run-experiment points -o json", ok=True).json
    descriptions = [row["Result Description"] for row in ran["Evaluation"]]
    assert len(descriptions) == 1 + 4
