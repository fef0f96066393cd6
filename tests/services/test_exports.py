"""Exports that teams still have: their models were lost with the service, and are trained again here."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from tests.conftest import FIXTURES, Command

EXPORTS = {
    "census": ("census", "adults.csv", "Scored Probabilities"),
    "bike-rental": ("bike-rental", "rentals.csv", "Scored Labels"),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_deployed_retrained_and_scores(mlmgmt: Command, home: Path, name: str) -> None:
    folder, table, column = EXPORTS[name]
    for file in (f"{name}-predictive.json", f"{name}-training.json", table):
        shutil.copy(FIXTURES / folder / file, file)
    created = mlmgmt(
        f"new -g retail -l southcentralus -n {name} -DefinitionFile {name}-predictive.json -Force", ok=True
    )
    assert "not in this home" in created.err
    assert f"mlmgmt retrain -g retail -n {name} --training-definition FILE --data FILE --update" in created.err
    assert mlmgmt(f"diff -g retail -n {name} {name}-predictive.json").status == 0
    refused = mlmgmt(f"score -g retail -n {name} --input {table}")
    assert refused.status == 1
    assert "ModelPackageNotFound" in refused.err
    assert "retrain" in refused.err

    trained = mlmgmt(
        f"retrain -g retail -n {name} --training-definition {name}-training.json --data {table} --update -Force "
        f"--rewrite {name}-predictive.json",
        ok=True,
    ).json
    assert trained["HeldOut"].endswith("Split Data")
    with Path(table).open() as file:
        rows = list(csv.DictReader(file))
    assert trained["Rows"] + trained["Evaluation"]["Rows"] == len(rows)
    worth = trained["Evaluation"]["New"]
    assert worth["AUC"] > 0.7 if name == "census" else worth["Coefficient of Determination"] > 0.5

    answered = mlmgmt(f"score -g retail -n {name} --input {table}", ok=True).json["Results"]["output1"]["value"]
    assert len(answered["Values"]) == len(rows)
    scores = [float(row[answered["ColumnNames"].index(column)]) for row in answered["Values"]]
    truth = [row["income"] == ">50K" if name == "census" else float(row["cnt"]) for row in rows]
    # The scores are better than the mean of the label.
    mean = sum(truth) / len(truth)
    assert sum((a - b) ** 2 for a, b in zip(scores, truth, strict=True)) < 0.8 * sum((b - mean) ** 2 for b in truth)
    assert mlmgmt(f"test -g retail -n {name}", ok=True).json["Passed"] is True
    assert mlmgmt(f"diff -g retail -n {name} {name}-predictive.json").status == 0


def test_the_training_export_runs_as_a_batch_job_on_its_own_data(mlmgmt: Command, home: Path) -> None:
    """The bike rental training reads its table itself, from a path that is a web service parameter."""
    shutil.copy(FIXTURES / "bike-rental" / "bike-rental-training.json", "training.json")
    created = mlmgmt("new -g retail -l southcentralus -n training -DefinitionFile training.json -Force", ok=True)
    assert "Traceback" not in created.err
    data = FIXTURES / "bike-rental" / "rentals.csv"
    job = mlmgmt(f"batch submit -g retail -n training --inputs {data} --start -o json", ok=True).json["JobId"]
    ended = mlmgmt(f"batch wait -g retail -n training --job {job} --output-folder .", ok=True).json
    assert ended["StatusCode"] == "Finished"
    assert Path("output1.ilearner").read_bytes().startswith(b"mlmgmt-ilearner")
    header, line = Path("output2.csv").read_text().splitlines()
    assert header.split(",")[-1] == "Coefficient of Determination"
    assert float(line.split(",")[-1]) > 0.5


def test_a_definition_full_of_empty_strings_is_deployed_and_exported_unchanged(mlmgmt: Command, home: Path) -> None:
    shutil.copy(FIXTURES / "definitions" / "empty-texts.json", "wsd.json")
    created = mlmgmt("new -g retail -l southcentralus -n empty -DefinitionFile wsd.json -Force", ok=True)
    assert created.err.count("Warning") == 0, created.err
    assert mlmgmt("diff -g retail -n empty wsd.json").status == 0
    assert mlmgmt("test -Definition wsd.json", ok=True).json["Passed"] is True
    assert len(mlmgmt("keys -g retail -n empty", ok=True).json["Primary"]) > 20

    exported = mlmgmt("export -ToJsonString", stdin=mlmgmt("get -g retail -n empty", ok=True).out, ok=True).out
    texts = [line.strip().rstrip(",") for line in exported.splitlines() if '""' in line]
    free_text = ['"description": ""', '"title": ""', '"description": ""', '"title": ""', '"description": ""']
    assert texts == [*free_text, '""', '"id": ""', '"origin": ""', '"owner": ""']

    again = mlmgmt("update -g retail -n empty -ServiceUpdates wsd.json -Force")
    assert (again.status, "NothingChanged" in again.err) == (1, True)
    Path("rows.csv").write_text("age,city,note\n34,Oslo,\n")
    answered = mlmgmt("score -g retail -n empty -InputFile rows.csv", ok=True).json
    assert answered["Results"]["output1"]["value"]["ColumnNames"] == ["age", "city", "note"]
