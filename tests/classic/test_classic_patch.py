"""PATCH: a checked model replaces that of one endpoint immediately; what is refused, and how to undo it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from mlmgmt.errors import BadRequest
from mlmgmt.store.blobs import Blob
from mlmgmt.verbs.batch import jobs
from mlmgmt.verbs.classic import patching
from mlmgmt.verbs.session import Session
from mlmgmt.verbs.storage import references
from tests.classic.classic_home import (
    AT,
    MODELS,
    OTHER_COLUMNS,
    OTHER_TASK,
    RESOURCE,
    SCORING,
    TRAINING,
    Bikes,
    answers,
    history,
    rentals,
)

if TYPE_CHECKING:
    from tests.conftest import Command

EXPIRED = datetime.now(UTC) - timedelta(days=2)


class TestPatch:
    def test_only_this_endpoint_changes_and_immediately(self, mlmgmt: Command, bikes: Bikes) -> None:
        services = bikes.files("workspaces")
        others = {name: bikes.endpoint(name) for name in ("default", "loc002")}
        own = bikes.endpoint("loc001")
        for model, hundreds in MODELS.items():
            done = mlmgmt(bikes.patch("loc001", model), ok=True)
            assert done.out == "The endpoint 'loc001' answers with the new model.\n"
            assert answers(mlmgmt, "loc001", hundreds)
            assert answers(mlmgmt, "loc002", 0)
            assert answers(mlmgmt, "default", 0)
            shown = mlmgmt(["endpoints", SCORING, "loc001"], ok=True).json
            (kept,) = shown["mlmgmt"]["models"].values()
            assert kept["digest"] == bikes.digest(model)
            (resource,) = shown["Resources"]
            assert resource["Location"]["RelativeLocation"] == f"models/{model}.ilearner"
            assert resource["Location"]["SasBlobToken"] == ""
        assert {name: bikes.endpoint(name) for name in others} == others
        left = {path: data for path, data in services.items() if path not in own}
        assert left.items() <= bikes.files("workspaces").items()
        rows = history(mlmgmt)
        assert [row["Check"] for row in rows] == ["proved"] * 4
        assert [row["Source"] for row in rows] == ["PATCH", "PATCH", "PATCH", "endpoint default"]
        assert rows[0]["Message"] == f"{RESOURCE} from models/model003.ilearner"
        assert "sig=" not in str(bikes.files("workspaces"))

    def test_with_a_model_that_a_batch_job_trained(self, mlmgmt: Command, bikes: Bikes) -> None:
        with open("new.csv", "w") as file:
            file.write(rentals(7))
        at = ["-WebServiceId", TRAINING, "-EndpointName", "default"]
        place = "--outputs=output1=retrained/model007.ilearner"
        submitted = mlmgmt(["batch", "submit", *at, "--inputs", "new.csv", place, "--start"], ok=True)
        job = submitted.json["JobId"]
        result = mlmgmt(["batch", "wait", *at, "--job", job], ok=True).json["Results"]["output1"]
        assert result["RelativeLocation"] == "retrained/model007.ilearner"
        # Two days later the signature has expired, and the job's status returns a fresh one.
        words = {
            "web_service_id": SCORING,
            "endpoint_name": "loc001",
            "resource_name": RESOURCE,
            "base_location": result["BaseLocation"],
            "relative_location": result["RelativeLocation"],
        }
        later = Session(clock=lambda: datetime.now(UTC) + timedelta(days=2))
        with pytest.raises(BadRequest) as refused:
            patching.plan_patch(later, sas_blob_token=result["SasBlobToken"], **words)
        assert refused.value.codes() == ("BadArgument", "InvalidBlob")
        assert "mlmgmt batch status" in str(refused.value.hint)
        fresh = jobs.status(later, job=job, web_service_id=TRAINING, endpoint_name="default")["Results"]["output1"]
        patching.plan_patch(later, sas_blob_token=fresh["SasBlobToken"], **words).apply()
        assert answers(mlmgmt, "loc001", 7)

    def test_a_new_model_in_the_same_blob_is_a_change(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(bikes.patch("loc001", "model001"), ok=True)
        refused = mlmgmt(bikes.patch("loc001", "model001")).err
        assert "NothingChanged" in refused
        assert f"mlmgmt history -WebServiceId {bikes.service} -EndpointName loc001" in refused
        Session().store.blobs.write(bikes.blob("model001"), bikes.data("model002"))
        assert answers(mlmgmt, "loc001", 1)
        mlmgmt(bikes.patch("loc001", "model001"), ok=True)
        assert answers(mlmgmt, "loc001", 2)
        assert "NothingChanged" in mlmgmt(bikes.patch("loc001", "model001")).err
        assert len(history(mlmgmt)) == 3

    def test_a_deleted_blob_does_not_change_answers(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(bikes.patch("loc001", "model001"), ok=True)
        Session().store.blobs.remove(bikes.blob("model001"))
        assert answers(mlmgmt, "loc001", 1)
        mlmgmt(bikes.patch("loc001", "model002"), ok=True)
        mlmgmt(["rollback", *AT, "loc001", "--to", "2"], ok=True)
        assert answers(mlmgmt, "loc001", 1)

    def test_what_if_and_if_match(self, mlmgmt: Command, bikes: Bikes) -> None:
        before = bikes.everything()
        seen = mlmgmt(bikes.patch("loc001", "model001", "-WhatIf"), ok=True)
        assert "models/model001.ilearner" in seen.out
        assert seen.err.startswith("What if: ")
        assert "ConfirmationRequired" in mlmgmt(bikes.patch("loc001", "model001", "-Confirm")).err
        stale = mlmgmt(bikes.patch("loc001", "model001", "-IfMatch", "0" * 32))
        assert "EtagMismatch" in stale.err
        assert bikes.everything() == before
        etag = mlmgmt(["endpoints", SCORING, "loc001"], ok=True).json["mlmgmt"]["etag"]
        mlmgmt(bikes.patch("loc001", "model001", "-IfMatch", etag), ok=True)
        assert "EtagMismatch" in mlmgmt(bikes.patch("loc001", "model002", "-IfMatch", etag)).err
        assert answers(mlmgmt, "loc001", 1)

    def test_each_endpoint_has_its_own_history_and_rollback(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(bikes.patch("loc001", "model001", "-Message", "first"), ok=True)
        mlmgmt(bikes.patch("loc002", "model002"), ok=True)
        mlmgmt(bikes.patch("loc001", "model003"), ok=True)
        assert [row["Message"] for row in history(mlmgmt)][1] == "first"
        other = bikes.endpoint("loc002")
        back = mlmgmt(["rollback", *AT, "loc001"], ok=True).json
        assert back["Name"] == "loc001"
        assert answers(mlmgmt, "loc001", 1)
        assert "NothingChanged" in mlmgmt(["rollback", *AT, "loc001", "--to", "2"]).err
        assert "RevisionNotFound" in mlmgmt(["rollback", *AT, "loc001", "--to", "9"]).err
        assert [(row["Revision"], row["Change"]) for row in history(mlmgmt)] == [
            *((4, "rolled back"), (3, "updated"), (2, "updated"), (1, "created")),
        ]
        assert len(history(mlmgmt, "loc002")) == 2
        assert bikes.endpoint("loc002") == other


class TestRefused:
    def refused(self, mlmgmt: Command, bikes: Bikes, words: list[str], *codes: str) -> str:
        before = bikes.everything()
        done = mlmgmt([*words, "-o", "json"])
        assert done.status == 1
        error = json.loads(done.err)["error"]
        assert (error["code"], *(detail["code"] for detail in error.get("details", []))) == codes
        assert bikes.everything() == before
        return done.err

    def test_the_default_endpoint(self, mlmgmt: Command, bikes: Bikes) -> None:
        self.refused(mlmgmt, bikes, bikes.patch("default", "model001"), "Conflict", "DefaultEndpointNotUpdatable")
        said = mlmgmt(bikes.patch("default", "model001")).err
        assert f"add-endpoint -WebServiceId {bikes.service}" in said

    def test_a_training_service(self, mlmgmt: Command, bikes: Bikes) -> None:
        words = bikes.patch("default", "model001", service=TRAINING)
        said = self.refused(mlmgmt, bikes, words, "BadArgument", "NoUpdatableResources")
        assert "no updatable resources" in said

    @pytest.mark.parametrize("name", [TRAINING, RESOURCE.lower(), f" {RESOURCE}", f"{RESOURCE}s"])
    def test_another_resource_name(self, mlmgmt: Command, bikes: Bikes, name: str) -> None:
        words = bikes.patch("loc001", "model001", ResourceName=name)
        self.refused(mlmgmt, bikes, words, "BadArgument", "UnknownResourceName")
        assert repr(RESOURCE) in mlmgmt(words).err

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"BaseLocation": "https://elsewhere.blob.core.windows.net/"}, "BlobNotFound"),
            ({"BaseLocation": "models/"}, "InvalidBlob"),
            ({"RelativeLocation": "model001.ilearner"}, "ContainerIsEmpty"),
            ({"RelativeLocation": "models/none.ilearner"}, "InvalidBlob"),
            ({"RelativeLocation": "models/model002.ilearner"}, "InvalidBlob"),
            ({"SasBlobToken": "?test"}, "InvalidBlob"),
        ],
    )
    def test_another_place(self, mlmgmt: Command, bikes: Bikes, changed: dict[str, str], code: str) -> None:
        self.refused(mlmgmt, bikes, bikes.patch("loc001", "model001", **changed), "BadArgument", code)

    def test_signed_locations_without_a_model(self, mlmgmt: Command, bikes: Bikes) -> None:
        session = Session()
        account = session.storage_account()
        for name, code in (("none.ilearner", "BlobNotFound"), ("rows.csv", "InvalidBlobExtension")):
            place = references.signed_reference(session, Blob(account, "models", name))
            words = bikes.patch("loc001", "model001", **{key: value for key, value in place.items() if value})
            self.refused(mlmgmt, bikes, words, "BadArgument", code)
        session.store.blobs.write(Blob(account, "models", "rows.ilearner"), b"hour,temp\n")
        place = references.signed_reference(session, Blob(account, "models", "rows.ilearner"))
        words = bikes.patch("loc001", "model001", **{key: value for key, value in place.items() if value})
        self.refused(mlmgmt, bikes, words, "BadRequest", "InvalidModelFormat")

    def test_an_expired_signature(self, mlmgmt: Command, bikes: Bikes) -> None:
        token = bikes.location("model001", signed=EXPIRED)["SasBlobToken"]
        words = bikes.patch("loc001", "model001", SasBlobToken=token)
        said = self.refused(mlmgmt, bikes, words, "BadArgument", "InvalidBlob")
        assert "is valid from" in said
        assert "mlmgmt batch status" in mlmgmt(words).err

    def test_a_model_with_other_columns(self, mlmgmt: Command, bikes: Bikes) -> None:
        words = bikes.patch("loc001", OTHER_COLUMNS)
        said = self.refused(mlmgmt, bikes, words, "ModuleExecutionError", "ModelNotProved", "Error0001")
        assert "'humidity'" in said

    def test_a_model_for_another_task(self, mlmgmt: Command, bikes: Bikes) -> None:
        words = bikes.patch("loc001", OTHER_TASK)
        self.refused(mlmgmt, bikes, words, "BadRequest", "ModelNotProved", "ModelOutputMetadataMismatch")

    def test_a_skipped_check_accepts_a_wrong_model_with_a_warning(self, mlmgmt: Command, bikes: Bikes) -> None:
        done = mlmgmt(bikes.patch("loc001", OTHER_COLUMNS, "-SkipModelCheck"), ok=True)
        assert "skipped" in done.err
        assert history(mlmgmt)[0]["Check"] == "skipped"
        failing = mlmgmt(["score", *AT, "loc001", "-Input", "-"], stdin="hour,temp,cnt\n1,0,0\n")
        assert "humidity" in failing.err
        assert answers(mlmgmt, "loc002", 0)

    def test_an_endpoint_with_prevent_update(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(["add-endpoint", *AT, "fixed", "-PreventUpdate"], ok=True)
        assert mlmgmt(["endpoints", SCORING, "fixed"], ok=True).json["PreventUpdate"] is True
        self.refused(mlmgmt, bikes, bikes.patch("fixed", "model001"), "Conflict", "EndpointPreventsUpdate")
        words = ["refresh-endpoint", *AT, "fixed", "-OverwriteResources"]
        self.refused(mlmgmt, bikes, words, "Conflict", "EndpointPreventsUpdate")

    @pytest.mark.parametrize(
        "words",
        [
            None,
            ["deploy", SCORING],
            ["deploy", SCORING, "-Update"],
            ["remove-web-service", SCORING, "-Force"],
            ["add-endpoint", *AT, "loc003"],
            ["refresh-endpoint", *AT, "loc001"],
            ["remove-endpoint", *AT, "loc001", "-Force"],
            ["rollback", *AT, "loc001"],
            ["new-workspace", "Other"],
            ["workspace-config"],
        ],
        ids=lambda words: words[0] if words else "patch-endpoint",
    )
    def test_a_reader_changes_nothing(self, mlmgmt: Command, bikes: Bikes, words: list[str] | None) -> None:
        patch = bikes.patch("loc001", "model001")
        mlmgmt("Connect-AzAccount -Role Reader", ok=True)
        self.refused(mlmgmt, bikes, words or patch, "AuthorizationFailed", "AuthorizationFailed")

    def test_a_reader_sees_no_keys(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt("Connect-AzAccount -Role Reader", ok=True)
        shown = mlmgmt(["endpoints", SCORING], ok=True).json
        assert {item[side] for item in shown for side in ("PrimaryKey", "SecondaryKey")} == {None}
