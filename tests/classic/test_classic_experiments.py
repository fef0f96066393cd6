"""Experiments and trained models in Classic workspaces: list, copy, overwrite, promote and use them."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from threadpoolctl import threadpool_limits

from mlmgmt.store import sas
from mlmgmt.verbs.runs import models
from mlmgmt.verbs.session import Session
from tests.classic.classic_home import RESOURCE, SCORING, TRAINING, Bikes, answer, rentals, score

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Command, Result

MEMBERS = [
    "ExperimentId",
    "RunId",
    "ParentExperimentId",
    "OriginalExperimentDocumentationLink",
    "Summary",
    "Description",
    "Status",
    "Etag",
    "Creator",
    "IsLeaf",
    "DisableNodesUpdate",
    "Category",
    "Tags",
]
STATUS = ["StatusCode", "StatusDetail", "CreationTime", "StartTime", "EndTime", "Metadata"]
ASSET = [
    "Name",
    "FamilyId",
    "Id",
    "IsLatest",
    "DataTypeId",
    "Batch",
    "ExperimentId",
    "Owner",
    "PromotedFrom",
    "ResourceUploadId",
    "SourceOrigin",
    "Language",
    "Size",
    "CreatedDate",
    "ClientVersion",
    "ServiceVersion",
    "Category",
    "IsDeprecated",
    "Description",
    "DownloadLocation",
]
LOCATION = [
    "BaseUri",
    "size",
    "Name",
    "EndpointType",
    "CredentialContainer",
    "AccessCredential",
    "Location",
    "FileType",
    "isAuxiliary",
]
SHORT = ["Name", "FamilyId", "Id", "IsLatest", "DataTypeId"]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


def experiment(mlmgmt: Command, name: str) -> dict[str, Any]:
    return dict(mlmgmt(["Get-AmlExperiment", "-ExperimentId", name, "-o", "json"], ok=True).json)


def refused(result: Result, code: str, status: int = 1) -> str:
    assert result.status == status, result.err
    assert code in result.err
    return result.err


def trainer(mlmgmt: Command) -> str:
    (node,) = mlmgmt(["Get-AmlExperimentNode", "-ExperimentId", TRAINING, "-Comment", " train MODEL "], ok=True).json
    return str(node["Id"])


def promotion(node: str, *more: str, name: str = RESOURCE, port: str = "Trained model") -> list[str]:
    words = ["Promote-AmlTrainedModel", "-ExperimentId", TRAINING, "-TrainModuleNodeId", node]
    words += ["-NodeOutputPortName", port, "-TrainedModelName", name, "-TrainedModelDescription", "of March"]
    return [*words, *more, "-o", "json"]


def family(mlmgmt: Command) -> list[dict[str, Any]]:
    found = mlmgmt("Get-AmlTrainedModel -Scope Workspace -o json", ok=True).json
    return [body for body in found if body["Name"] == RESOURCE]


class TestGet:
    def test_one_and_all_have_the_documented_members(self, mlmgmt: Command, bikes: Bikes) -> None:
        listed = mlmgmt("Get-AmlExperiment -o json", ok=True).json
        assert [list(body) for body in listed] == [MEMBERS, MEMBERS]
        assert [list(body["Status"]) for body in listed] == [STATUS, STATUS]
        training, predictive = listed
        assert (training["Description"], predictive["Description"]) == (TRAINING, SCORING)
        assert predictive["ParentExperimentId"] == training["ExperimentId"]
        assert (training["IsLeaf"], predictive["IsLeaf"]) == (False, True)
        assert training["RunId"] != predictive["RunId"]
        one = experiment(mlmgmt, TRAINING)
        assert {name: one[name] for name in MEMBERS} == training
        assert one["Run"]["Nodes"]
        assert SCORING in mlmgmt("experiments -o table", ok=True).out

    def test_etag_and_run_id_change_only_when_it_runs(self, mlmgmt: Command, bikes: Bikes) -> None:
        first, again = experiment(mlmgmt, TRAINING), experiment(mlmgmt, TRAINING)
        assert first == again
        mlmgmt(["Start-AmlExperiment", "-ExperimentId", TRAINING], ok=True)
        then = experiment(mlmgmt, TRAINING)
        assert then["Etag"] != first["Etag"]
        assert then["RunId"] != first["RunId"]

    def test_its_modules_are_listed_with_their_names(self, mlmgmt: Command, bikes: Bikes) -> None:
        nodes = mlmgmt(["experiment-nodes", TRAINING, "-o", "json"], ok=True).json
        ran = {node["Node"]: node["Module"] for node in experiment(mlmgmt, TRAINING)["Run"]["Nodes"]}
        assert {node["Id"]: node["Comment"] for node in nodes} == ran
        assert all("." in node["ModuleId"] for node in nodes)
        err = refused(mlmgmt(["experiment-nodes", TRAINING, "Tran Model"]), "ExperimentNodeNotFound")
        assert "Train Model" in err


class TestCopy:
    def test_copy_within_the_workspace(self, mlmgmt: Command, bikes: Bikes) -> None:
        before = bikes.everything()
        mlmgmt(["Copy-AmlExperiment", "-ExperimentId", SCORING, "-WhatIf"], ok=True)
        assert bikes.everything() == before
        said = mlmgmt(["Copy-AmlExperiment", "-ExperimentId", SCORING, "-NewExperimentName", "Mine"], ok=True).out
        copied, original = experiment(mlmgmt, "Mine"), experiment(mlmgmt, SCORING)
        assert copied["ExperimentId"] in said
        assert copied["Definition"]["properties"].pop("title") == "Mine"
        assert original["Definition"]["properties"].pop("title") == SCORING
        assert copied["Definition"] == original["Definition"]
        assert copied["ParentExperimentId"] == original["ParentExperimentId"]
        assert copied["Status"]["StatusCode"] == "InDraft"
        refused(mlmgmt("deploy Mine"), "ExperimentNotFinished")
        mlmgmt("run-experiment Mine", ok=True)
        mlmgmt("deploy Mine", ok=True)
        assert score(mlmgmt, "default", "Mine") == pytest.approx(answer(0), abs=0.01)

    def test_a_copy_without_a_name_gets_one(self, mlmgmt: Command, bikes: Bikes) -> None:
        for _ in range(3):
            mlmgmt(["copy-experiment", "-n", TRAINING], ok=True)
        names = [body["Description"] for body in mlmgmt("experiments -o json", ok=True).json]
        assert names[-3:] == [f"{TRAINING} - Copy", f"{TRAINING} - Copy (2)", f"{TRAINING} - Copy (3)"]
        words = ["copy-experiment", "-n", TRAINING, "-NewExperimentName"]
        refused(mlmgmt([*words, SCORING.upper()]), "ExperimentExists")
        refused(mlmgmt([*words, "two\nlines"]), "InvalidExperimentName")

    def test_a_copy_in_another_workspace_runs_and_scores_the_same(self, mlmgmt: Command, bikes: Bikes) -> None:
        other = mlmgmt("new-workspace Other -Location 'West Europe'", ok=True).json["WorkspaceId"]
        mlmgmt(f"workspace-config other.json -WorkspaceId {other}", ok=True)
        token = json.loads(Path("other.json").read_text())["AuthorizationToken"]
        words = ["Copy-AmlExperiment", "-ExperimentId", SCORING, "-DestinationWorkspaceId", other]
        said = mlmgmt([*words, "West Europe", token], ok=True).out
        assert "'Other'" in said
        refused(mlmgmt([*words, "West Europe", token]), "ExperimentExists")
        refused(mlmgmt([*words, "west europe", "x" * 88]), "ManagementRequestUnauthorized")
        refused(mlmgmt([*words, "Japan East", token]), "WorkspaceInAnotherRegion")
        refused(mlmgmt([*words, "Germany Central", token]), "ParameterArgumentTransformationError", 2)
        refused(mlmgmt([*words, "-NewExperimentName", "X"]), "AmbiguousParameterSet", 2)
        words[-1] = "0" * 32
        refused(mlmgmt([*words, "West Europe", token]), "WorkspaceNotFound")
        (there,) = mlmgmt(f"experiments -WorkspaceId {other} -o json", ok=True).json
        assert (there["Description"], there["ParentExperimentId"]) == (SCORING, None)
        assert there["ExperimentId"].startswith(f"{other}.")
        mlmgmt(["run-experiment", SCORING, "-WorkspaceId", other], ok=True)
        mlmgmt(["deploy", SCORING, "-WorkspaceId", other], ok=True)
        assert len(mlmgmt("web-services -o json", ok=True).json) == 2
        Path("request.csv").write_text("hour,temp,cnt\n10,0.5,0\n")
        words = ["score", "-s", SCORING, "-e", "default", "--input", "request.csv", "-WorkspaceId", other]
        assert float(mlmgmt(words, ok=True).json["Results"]["output1"]["value"]["Values"][0][-1]) == pytest.approx(
            25, abs=0.01
        )


class TestImport:
    def test_an_overwritten_experiment_keeps_its_id(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(["export-experiment", TRAINING, "graph.json"], ok=True)
        before = experiment(mlmgmt, TRAINING)
        refused(mlmgmt("Import-AmlExperimentGraph -InputFile graph.json"), "ExperimentExists")
        Path("more.csv").write_text(rentals(4, rows=80))
        words = "Import-AmlExperimentGraph -InputFile graph.json -Overwrite --data more.csv"
        everything = bikes.everything()
        mlmgmt(f"{words} -WhatIf", ok=True)
        assert bikes.everything() == everything
        mlmgmt(words, ok=True)
        after = experiment(mlmgmt, TRAINING)
        kept = ("ExperimentId", "ParentExperimentId", "Creator", "Description")
        assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
        assert (after["Status"]["StatusCode"], after["Run"], after["RunId"]) == ("InDraft", None, None)
        assert len(mlmgmt("experiments -o json", ok=True).json) == 2
        nodes = mlmgmt(["run-experiment", TRAINING, "-o", "json"], ok=True).json["Nodes"]
        rows = [node["Outputs"] for node in nodes if node["Module"] == "Split Data"]
        assert sum(port["Rows"] for port in rows[0].values()) == 80

    def test_overwrite_makes_an_experiment_if_there_is_none(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(["export-experiment", TRAINING, "graph.json"], ok=True)
        mlmgmt("import-experiment graph.json -Overwrite -NewName Fresh", ok=True)
        assert experiment(mlmgmt, "fresh")["Status"]["StatusCode"] == "InDraft"
        assert len(mlmgmt("experiments -o json", ok=True).json) == 3

    def test_a_running_experiment_is_not_overwritten(self, mlmgmt: Command, bikes: Bikes) -> None:
        from mlmgmt.store import lock

        mlmgmt(["export-experiment", TRAINING, "graph.json"], ok=True)
        before = experiment(mlmgmt, TRAINING)
        with lock.hold(bikes.root, f"experiments/{before['ExperimentId']}"):
            refused(mlmgmt("import-experiment graph.json -Overwrite"), "ExperimentRunning")
        assert experiment(mlmgmt, TRAINING) == before


class TestTrainedModels:
    def test_a_model_that_set_up_saved_is_listed_and_can_be_downloaded(self, mlmgmt: Command, bikes: Bikes) -> None:
        (saved,) = family(mlmgmt)
        assert list(saved) == ASSET
        place = saved["DownloadLocation"]
        assert list(place) == LOCATION
        workspace, of_family, batch = saved["Id"].split(".")
        assert (workspace, of_family, int(batch)) == (Session().workspace, saved["FamilyId"], saved["Batch"])
        assert (saved["IsLatest"], saved["DataTypeId"]) == (True, "iLearnerDotNet")
        account = place["BaseUri"].removeprefix("https://").partition(".")[0]
        data = (bikes.root / "storage" / account / place["Location"]).read_bytes()
        assert len(data) == saved["Size"] == place["size"]
        keys = Session().store.secrets.account_keys(account)
        sas.check(place["AccessCredential"], keys, account, place["Location"], now=Session().clock(), permission="r")
        assert models.open_model(Session(), data)[2]["learner"] == "Linear Regression"
        used = mlmgmt(["Get-AmlTrainedModel", "-Scope", "Experiment", "-ExperimentId", SCORING, "-o", "json"], ok=True)
        assert used.json == [{name: saved[name] for name in SHORT}]
        assert mlmgmt(["trained-models", "experiment", TRAINING, "-o", "json"], ok=True).json == []
        assert RESOURCE in mlmgmt("trained-models workspace -o table", ok=True).out

    def test_scope_experiment_without_an_experiment_warns(self, mlmgmt: Command, bikes: Bikes) -> None:
        done = mlmgmt("Get-AmlTrainedModel -Scope Experiment -o json", ok=True)
        assert done.json == []
        assert "Warning" in done.err
        assert mlmgmt("Get-AmlTrainedModel").status == 2

    def test_a_reader_gets_no_signature_and_cannot_promote(self, mlmgmt: Command, bikes: Bikes) -> None:
        node = trainer(mlmgmt)
        mlmgmt("set-context -Role Reader", ok=True)
        before = bikes.files()
        assert family(mlmgmt)[0]["DownloadLocation"]["AccessCredential"] is None
        for words in (
            promotion(node, "-Overwrite"),
            ["update-experiment-assets", SCORING, "-All"],
            ["copy-experiment", "-n", TRAINING],
        ):
            refused(mlmgmt(words), "AuthorizationFailed")
        assert bikes.files() == before

    def test_a_model_outside_this_home_has_no_ids(self, mlmgmt: Command, bikes: Bikes) -> None:
        body = experiment(mlmgmt, SCORING)["Definition"]
        (asset,) = (a for a in body["properties"]["assets"].values() if a["name"] == RESOURCE)
        asset["locationInfo"]["uri"] = "https://elsewhere.blob.core.windows.net/models/m.ilearner"
        Path("elsewhere.json").write_text(json.dumps(body))
        mlmgmt("import-experiment elsewhere.json -NewName Elsewhere", ok=True)
        (row,) = mlmgmt("trained-models Experiment Elsewhere -o json", ok=True).json
        assert (row["Name"], row["Id"], row["FamilyId"]) == (RESOURCE, None, None)

    @pytest.mark.parametrize("damage", ["", "[]", "{}", None])
    def test_a_damaged_file_is_named(self, mlmgmt: Command, bikes: Bikes, damage: str | None) -> None:
        (file,) = (f for f in bikes.root.glob("workspaces/*/trainedmodels/*.json") if f'"{RESOURCE}"' in f.read_text())
        text = file.read_text()
        file.write_text(text.replace('"Batch": 1', '"Batch": "1"') if damage is None else damage)
        assert file.read_text() != text
        assert file.name in refused(mlmgmt("trained-models Workspace"), "HomeDamaged")


class TestPromote:
    def test_a_taken_name_is_refused_without_overwrite(self, mlmgmt: Command, bikes: Bikes) -> None:
        node, before = trainer(mlmgmt), bikes.everything()
        err = refused(mlmgmt(promotion(node, name=f" {RESOURCE.lower()} ")), "TrainedModelExists")
        assert '"Conflict"' in err
        mlmgmt(promotion(node, "-Overwrite", "-WhatIf"), ok=True)
        assert bikes.everything() == before
        (first,) = family(mlmgmt)
        made = mlmgmt(promotion(node, "-Overwrite", name=RESOURCE.lower()), ok=True).json
        assert list(made) == ASSET
        assert (made["Name"], made["FamilyId"], made["Batch"]) == (RESOURCE, first["FamilyId"], 2)
        assert (made["Description"], made["PromotedFrom"]) == ("of March", f"{node}:Trained model")
        assert [(body["Batch"], body["IsLatest"]) for body in family(mlmgmt)] == [(1, False), (2, True)]
        (used,) = mlmgmt(["trained-models", "Experiment", SCORING, "-o", "json"], ok=True).json
        assert (used["Id"], used["IsLatest"]) == (first["Id"], False)

    def test_another_name_starts_another_family(self, mlmgmt: Command, bikes: Bikes) -> None:
        made = mlmgmt(promotion(trainer(mlmgmt), name="Mine", port="trained MODEL"), ok=True).json
        assert (made["Batch"], made["Name"]) == (1, "Mine")
        assert made["FamilyId"] != family(mlmgmt)[0]["FamilyId"]

    def test_an_unfinished_experiment_is_run_first_with_a_message(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(["export-experiment", TRAINING, "graph.json"], ok=True)
        mlmgmt("import-experiment graph.json -Overwrite", ok=True)
        err = mlmgmt(promotion(trainer(mlmgmt), name="Mine"), ok=True).err
        assert "InDraft, not Finished" in err
        assert experiment(mlmgmt, TRAINING)["Status"]["StatusCode"] == "Finished"

    def test_a_wrong_node_or_port_is_refused_with_the_right_ones(self, mlmgmt: Command, bikes: Bikes) -> None:
        node, before = trainer(mlmgmt), bikes.files()
        (split,) = mlmgmt(["experiment-nodes", TRAINING, "Split Data", "-o", "json"], ok=True).json
        assert node in refused(mlmgmt(promotion("nowhere", name="Mine")), "ExperimentNodeNotFound")
        err = refused(mlmgmt(promotion(node, name="Mine", port="Results")), "OutputPortNotFound")
        assert "Trained model" in err
        err = refused(mlmgmt(promotion(split["Id"], name="Mine", port="Results dataset1")), "NotATrainedModel")
        assert node in err
        refused(mlmgmt(promotion(node, name="two\nlines")), "InvalidTrainedModelName")
        assert bikes.files() == before

    def test_set_up_again_adds_a_model_to_the_family(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(["set-up-web-service", TRAINING, "-Predictive", "-Force"], ok=True)
        assert [body["Batch"] for body in family(mlmgmt)] == [1, 2]
        (used,) = mlmgmt(["trained-models", "Experiment", SCORING, "-o", "json"], ok=True).json
        assert used["IsLatest"] is True


class TestTheStory:
    def test_retrain_promote_update_and_deploy(self, mlmgmt: Command, bikes: Bikes) -> None:
        """The default endpoint gets the new model; the others keep theirs."""
        mlmgmt(["Export-AmlExperimentGraph", "-ExperimentId", TRAINING, "-OutputFile", "graph.json"], ok=True)
        Path("march.csv").write_text(rentals(5))
        mlmgmt("Import-AmlExperimentGraph -InputFile graph.json -Overwrite --data march.csv", ok=True)
        mlmgmt(["Start-AmlExperiment", "-ExperimentId", TRAINING], ok=True)
        made = mlmgmt(promotion(trainer(mlmgmt), "-Overwrite"), ok=True).json

        update = ["Update-AmlExperimentUserAsset", "-ExperimentId", SCORING]
        before = bikes.everything()
        preview = mlmgmt([*update, "-All", "-WhatIf"], ok=True)
        assert bikes.everything() == before
        assert made["DownloadLocation"]["Location"] in preview.out
        assert RESOURCE in mlmgmt([*update, "-AssetName", RESOURCE, "-AssetType", "TrainedModel"], ok=True).out
        assert experiment(mlmgmt, SCORING)["Status"]["StatusCode"] == "InDraft"
        refused(mlmgmt(["New-AmlWebService", "-PredictiveExperimentId", SCORING, "-Update"]), "ExperimentNotFinished")
        assert "nothing was changed" in mlmgmt([*update, "-All"], ok=True).err

        mlmgmt(["Start-AmlExperiment", "-ExperimentId", SCORING], ok=True)
        mlmgmt(["New-AmlWebService", "-PredictiveExperimentId", SCORING, "-Update"], ok=True)
        assert score(mlmgmt, "default") == pytest.approx(answer(5), abs=0.01)
        assert score(mlmgmt, "loc001") == pytest.approx(answer(0), abs=0.01)
        shown = mlmgmt(["endpoints", SCORING, "default", "-o", "json"], ok=True).json
        (answers,) = shown["mlmgmt"]["models"].values()
        place = made["DownloadLocation"]
        account = place["BaseUri"].removeprefix("https://").partition(".")[0]
        assert (
            answers["digest"] == sha256((bikes.root / "storage" / account / place["Location"]).read_bytes()).hexdigest()
        )
        assert [resource["Name"] for resource in shown["Resources"]] == [RESOURCE]

    def test_only_assets_that_an_experiment_uses_are_updated(self, mlmgmt: Command, bikes: Bikes) -> None:
        update, before = ["update-experiment-assets", SCORING], bikes.files()
        assert RESOURCE in refused(mlmgmt([*update, "-AssetName", "X", "-AssetType", "TrainedModel"]), "AssetNotFound")
        refused(mlmgmt(["update-experiment-assets", TRAINING, "-All"]), "AssetNotFound")
        refused(mlmgmt([*update, "-AssetName", RESOURCE, "-AssetType", "Transform"]), "AssetTypeNotSupported")
        refused(mlmgmt([*update, "-AssetName", RESOURCE, "-All"]), "AmbiguousParameterSet", 2)
        refused(mlmgmt(update), "MissingMandatoryParameter", 2)
        assert bikes.files() == before


def test_a_home_that_is_not_trusted_is_read_only(
    mlmgmt: Command, bikes: Bikes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    node = trainer(mlmgmt)
    monkeypatch.setenv("MLMGMT_CONFIG", str(tmp_path / "another user's"))
    for words in (
        promotion(node, "-Overwrite"),
        ["update-experiment-assets", SCORING, "-All"],
        ["copy-experiment", "-n", TRAINING],
    ):
        refused(mlmgmt(words), "trust-home")
    assert len(family(mlmgmt)) == 1
