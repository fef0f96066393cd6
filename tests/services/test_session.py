"""The main session, as a user types it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import FIXTURES, Command, environment


def test_deploy_retrain_update_and_roll_back(mlmgmt: Command, apart: Path) -> None:
    mlmgmt("Connect-AzAccount", ok=True)
    mlmgmt("New-AzResourceGroup -Name retail -Location southcentralus", ok=True)
    sample = mlmgmt("sample churn --out .", ok=True).json
    assert [Path(row["File"]).name for row in sample] == [
        "churn-predictive.json",
        "churn-training.json",
        "customers.csv",
        "new-customers.csv",
    ]
    created = mlmgmt(
        "New-AzMlWebService -ResourceGroupName retail -Location southcentralus -Name churn "
        "-DefinitionFile churn-predictive.json -Force",
        ok=True,
    ).json
    first = created["mlmgmt"]["models"]["asset3"]["digest"]

    wsd = mlmgmt("Get-AzureRmMlWebService -ResourceGroupName retail -Name churn", ok=True)
    Path("wsd.json").write_text(wsd.out)
    exported = mlmgmt("Export-AzureRmMlWebService -WebService wsd.json -OutputFile churn.json", ok=True)
    assert exported.out == ""

    before = mlmgmt("score -g retail -n churn --input new-customers.csv", ok=True).json
    retrained = mlmgmt(
        "retrain -g retail -n churn --training-definition churn-training.json --data new-customers.csv "
        "--rewrite churn.json",
        ok=True,
    ).json
    uri = retrained["BaseLocation"] + retrained["RelativeLocation"]
    assert uri == json.loads(Path("churn.json").read_text())["properties"]["assets"]["asset3"]["locationInfo"]["uri"]
    assert retrained["Evaluation"]["New"]["AUC"] > retrained["Evaluation"]["Deployed"]["AUC"]

    diff = mlmgmt("diff -g retail -n churn churn.json")
    assert diff.status == 1
    assert [change["path"] for change in diff.json] == ["$.properties.assets.asset3.locationInfo.uri"]

    imported = mlmgmt("Import-AzureRmMlWebService -InputFile churn.json", ok=True)
    updated = mlmgmt(
        "Update-AzureRmMlWebService -ResourceGroupName retail -Name churn -Force", stdin=imported.out, ok=True
    ).json
    second = updated["mlmgmt"]["models"]["asset3"]["digest"]
    assert second != first
    assert mlmgmt("diff -g retail -n churn churn.json", ok=True).json == []

    after = mlmgmt("score -g retail -n churn --input new-customers.csv", ok=True).json
    assert after["models"] == {"asset3": second}
    assert after["Results"] != before["Results"]

    mlmgmt("rollback -g retail -n churn --to 1", ok=True)
    again = mlmgmt("score -g retail -n churn --input new-customers.csv", ok=True).json
    assert again == before

    history = mlmgmt("history -g retail -n churn", ok=True).json
    assert [(row["Revision"], row["Change"], row["Models"]["asset3"]) for row in history] == [
        (3, "rolled back", first),
        (2, "updated", second),
        (1, "created", first),
    ]
    stamps = [row["ModifiedOn"] for row in reversed(history)]
    assert stamps == sorted(set(stamps))


def test_scores_equal_those_of_scikit_learn(mlmgmt: Command, churn: Path) -> None:
    """The service returns the probabilities that the model's pipeline computes on rows read by pandas."""
    import pandas as pd

    from mlmgmt.verbs.runs import models
    from mlmgmt.verbs.session import Session

    session = Session()
    revision = session.store.services.latest(session.service_id("retail", "churn"))
    assert revision is not None
    trained, _, _ = models.open_model(session, session.store.blobs.model(revision.models["asset3"]["digest"]))
    rows = pd.read_csv("new-customers.csv").fillna({"monthlyCharges": 0.0, "dataUsageGb": 0.0})
    features = [feature.name for feature in trained.features]
    expected = trained.estimator.predict_proba(rows[features])[:, 1]
    answer = mlmgmt("score -g retail -n churn --input new-customers.csv", ok=True).json
    got = [float(row[1]) for row in answer["Results"]["output1"]["value"]["Values"]]
    assert got == pytest.approx(list(expected), abs=1e-12)


def test_the_walkthrough_runs_in_a_separate_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mlmgmt", "walkthrough"],
        capture_output=True,
        text=True,
        env=environment(MLMGMT_CONFIG=str(tmp_path / "unused")),
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "That was the loop" in done.stdout
    assert list(tmp_path.iterdir()) == [tmp_path / "work"]
    scores = [line for line in done.stdout.splitlines() if re.match(r" 1 +(benign|malignant) ", line)]
    assert len(scores) == 3
    assert scores[0] == scores[2] != scores[1]


@pytest.mark.parametrize("name", ["exported-mixed-case", "no-inputs"])
def test_a_definition_that_cannot_run_here_can_be_managed(mlmgmt: Command, home: Path, name: str) -> None:
    """Import, New, Get, Export: nothing differs from the original, although modules and model are unknown."""
    source = FIXTURES / "definitions" / f"{name}.json"
    imported = mlmgmt(["Import-AzMlWebService", "-InputFile", str(source)], ok=True)
    created = mlmgmt("New-AzMlWebService -g retail -l southcentralus -n old -Force", stdin=imported.out, ok=True)
    assert ("not in this home" in created.err) is (name == "exported-mixed-case")
    got = mlmgmt("Get-AzMlWebService -g retail -n old", ok=True)
    assert "primary" not in got.out
    mlmgmt("Export-AzMlWebService -OutputFile out.json", stdin=got.out, ok=True)
    assert mlmgmt(["diff", "-g", "retail", "-n", "old", str(source)], ok=True).json == []
    assert mlmgmt("diff -g retail -n old out.json", ok=True).json == []
    again = mlmgmt("Export-AzMlWebService -ToJsonString", stdin=mlmgmt("get -g retail -n old", ok=True).out, ok=True)
    assert again.out == Path("out.json").read_text() + "\n"


def test_scoring_names_the_module_that_does_not_run_here(mlmgmt: Command, home: Path) -> None:
    source = FIXTURES / "definitions" / "exported-mixed-case.json"
    mlmgmt(
        ["new", "-g", "retail", "-l", "southcentralus", "-n", "old", "-DefinitionFile", str(source), "-Force"], ok=True
    )
    refused = mlmgmt("score -g retail -n old --input -", stdin="Type,name,Uri,quantity\na,b,1,2\n")
    assert refused.status == 1
    assert "ModuleNotSupported" in refused.err
    assert "Named Entity Recognition" in refused.err
    titled = mlmgmt("update -g retail -n old -Title New -Force", ok=True).json
    assert titled["properties"]["title"] == "New"
    assert titled["mlmgmt"]["models"]["asset3"]["state"] == "unavailable"
