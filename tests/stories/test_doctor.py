"""`mlmgmt doctor`: each usual mistake is made and refused, and the doctor names it and its cure."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlmgmt.store.blobs import Blob
from mlmgmt.verbs.doctor import examining
from mlmgmt.verbs.session import Session
from tests.conftest import small_definition
from tests.stories.classic_home import AT, OTHER_COLUMNS, OTHER_TASK, RESOURCE, SCORING, TRAINING, Bikes, rentals
from tests.stories.test_batch import training_definition

if TYPE_CHECKING:
    from tests.conftest import Command

AT_TRAINING = ["-WebServiceId", TRAINING, "-EndpointName", "default"]


class Doctor:
    """Run the doctor; keep what it found."""

    def __init__(self, mlmgmt: Command, *words: str) -> None:
        done = mlmgmt(["doctor", *words, "-o", "json"])
        self.status, self.body = done.status, json.loads(done.out)
        self.problems = {row["Check"]: row["Note"] for row in self.body["Checks"] if row["Result"] == "problem"}
        self.cures = {row["Check"]: row["Cure"] for row in self.body["Checks"] if row["Result"] == "problem"}
        self.notes = {row["Check"]: row["Note"] for row in self.body["Checks"] if row["Result"] == "ok"}
        assert self.status == (1 if self.problems else 0)
        assert self.body["Passed"] is not bool(self.problems)

    def says(self, check: str, *texts: str) -> str:
        """Assert that this check is the only problem, and return its cure."""
        assert list(self.problems) == [check], self.problems
        for text in texts:
            assert text in self.problems[check], self.problems[check]
        return self.cures[check] or ""


def endpoint(mlmgmt: Command, name: str = "loc001", service: str = SCORING) -> dict[str, Any]:
    found: dict[str, Any] = mlmgmt(["endpoints", service, name, "-o", "json"], ok=True).json
    return found


def refused(mlmgmt: Command, words: list[str], code: str) -> None:
    """Assert that the command with the mistake is refused."""
    done = mlmgmt(words)
    assert done.status == 1
    assert code in done.err


def table(text: str | None = None) -> str:
    """Write a file to train with."""
    Path("new.csv").write_text(rentals(1) if text is None else text)
    return "new.csv"


def location(bikes: Bikes, model: str = "model001", **changed: str) -> list[str]:
    given = {"ResourceName": RESOURCE, **bikes.location(model), **changed}
    return [word for name, value in given.items() for word in (f"-{name}", value)]


def run(mlmgmt: Command, cure: str) -> Any:
    """Run a cure, which is a complete command."""
    words = shlex.split(cure, comments=True)
    assert words[0] == "mlmgmt"
    return mlmgmt(words[1:], ok=True)


class TestHealth:
    def test_a_healthy_endpoint_passes(self, mlmgmt: Command, bikes: Bikes) -> None:
        before = bikes.everything()
        found = Doctor(mlmgmt, *AT, "loc001", *location(bikes))
        assert not found.problems
        assert found.body["Target"] == f"the endpoint 'loc001' of {SCORING!r}"
        assert "scores the example" in found.notes["new model"]
        assert "trained by 'Bike Rental'" in found.notes["service"]
        assert "503 RequestThrottled" in found.notes["throttle"]
        assert "never patched" in found.notes["history"]
        shown = mlmgmt(["doctor", *AT, "loc001", "-o", "table"], ok=True).out
        assert shown.endswith("Passed.\n")
        unchanged = {path: data for path, data in bikes.everything().items() if "/proofs/" not in path}
        assert unchanged == {path: data for path, data in before.items() if "/proofs/" not in path}

    def test_the_default_endpoint_and_the_training_service_pass(self, mlmgmt: Command, bikes: Bikes) -> None:
        found = Doctor(mlmgmt, "-WebServiceId", SCORING)
        assert not found.problems
        assert "never patched" in found.notes["endpoint"]
        trains = Doctor(mlmgmt, *AT_TRAINING)
        assert not trains.problems
        assert SCORING in trains.notes["service"]

    def test_no_address_or_a_wrong_one_is_refused(self, mlmgmt: Command, bikes: Bikes) -> None:
        assert mlmgmt("doctor").status == 2
        assert mlmgmt(["doctor", *AT, "nowhere"]).status == 1
        assert "EndpointNotFound" in mlmgmt(["doctor", *AT, "nowhere"]).err

    def test_a_missing_model(self, mlmgmt: Command, bikes: Bikes) -> None:
        (digest,) = (body["digest"] for body in endpoint(mlmgmt)["mlmgmt"]["models"].values())
        (bikes.root / "models" / f"{digest}.ilearner").unlink()
        found = Doctor(mlmgmt, *AT, "loc001")
        assert found.says("model", "ModelPackageNotFound", digest)

    def test_an_overwritten_or_deleted_blob(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(bikes.patch("loc001", "model001"), ok=True)
        session = Session()
        session.store.blobs.write(bikes.blob("model001"), bikes.data("model002"))
        assert "overwritten since" in Doctor(mlmgmt, *AT, "loc001").notes["model"]
        session.store.blobs.remove(bikes.blob("model001"))
        assert "deleted since" in Doctor(mlmgmt, *AT, "loc001").notes["model"]

    def test_a_copied_home(self, mlmgmt: Command, bikes: Bikes, monkeypatch: pytest.MonkeyPatch) -> None:
        bikes.root.rename(bikes.root.parent / "moved")
        monkeypatch.setenv("MLMGMT_HOME", "moved")
        found = Doctor(mlmgmt, *AT, "loc001")
        assert found.cures["home"] == "mlmgmt trust-home"
        assert "ModelNotSignedHere" in found.problems["model"]


class TestUsualMistakes:
    """The usual mistakes, as a list in the reference has them: one test for each."""

    def test_a_patch_of_the_training_service(self, mlmgmt: Command, bikes: Bikes) -> None:
        refused(mlmgmt, bikes.patch("default", "model001", service=TRAINING), "NoUpdatableResources")
        found = Doctor(mlmgmt, *AT_TRAINING, *location(bikes))
        cure = found.says("service", "no updatable resources", repr(SCORING))
        assert RESOURCE in run(mlmgmt, cure).out

    def test_a_patch_of_the_default_endpoint(self, mlmgmt: Command, bikes: Bikes) -> None:
        refused(mlmgmt, bikes.patch("default", "model001"), "DefaultEndpointNotUpdatable")
        cure = Doctor(mlmgmt, *AT, "default", *location(bikes)).says("endpoint", "follows its experiment")
        assert "loc001" in cure
        run(mlmgmt, cure)

    @pytest.mark.parametrize(
        ("name", "why"),
        [
            ("Bike Rental", "' [trained model]' is missing"),
            ("bike rental [trained model]", "letter case"),
            ("Bike Rental  [trained model]", "spaces"),
            ("Bike Rentals [trained model]", "nearest"),
            (SCORING, "nearest"),
        ],
    )
    def test_a_name_that_differs_from_the_resource_name(
        self, mlmgmt: Command, bikes: Bikes, name: str, why: str
    ) -> None:
        refused(mlmgmt, bikes.patch("loc001", "model001", ResourceName=name), "UnknownResourceName")
        cure = Doctor(mlmgmt, *AT, "loc001", *location(bikes, ResourceName=name)).says("resource", why)
        assert cure == f"-ResourceName '{RESOURCE}'"

    def test_a_job_that_was_never_started_and_an_expired_signature(self, mlmgmt: Command, bikes: Bikes) -> None:
        old = bikes.location("model001", signed=datetime.now(UTC) - timedelta(days=2))
        refused(mlmgmt, bikes.patch("loc001", "model001", **old), "InvalidBlob")
        found = Doctor(mlmgmt, *AT, "loc001", *location(bikes, **old))
        assert "model001" in run(mlmgmt, found.says("signature", "SasExpired", "until")).out
        submitted = mlmgmt(["batch", "submit", *AT_TRAINING, "--inputs", table()], ok=True).json
        for address in ([*AT, "loc001"], AT_TRAINING):
            cure = Doctor(mlmgmt, *address).says("job", submitted["JobId"], "never started")
        run(mlmgmt, cure)
        done = mlmgmt(["batch", "wait", *AT_TRAINING, "--job", submitted["JobId"]], ok=True).json
        place = next(p for p in done["Results"].values() if p["RelativeLocation"].endswith(".ilearner"))
        words = [w for name in ("BaseLocation", "RelativeLocation", "SasBlobToken") for w in (f"-{name}", place[name])]
        assert "Finished" in Doctor(mlmgmt, *AT_TRAINING).notes["job"]
        later = Session(clock=lambda: datetime.now(UTC) + timedelta(days=2))
        given = {"resource_name": RESOURCE, "base_location": place["BaseLocation"]}
        given |= {"relative_location": place["RelativeLocation"], "sas_blob_token": place["SasBlobToken"]}
        rows = examining.examine(later, web_service_id=SCORING, endpoint_name="loc001", **given)["Checks"]
        (row,) = (row for row in rows if row["Result"] == "problem")
        assert submitted["JobId"] in row["Cure"]
        assert "SasBlobToken" in run(mlmgmt, row["Cure"]).out
        assert not Doctor(mlmgmt, *AT, "loc001", "-ResourceName", RESOURCE, *words).problems

    @pytest.mark.parametrize(
        ("changed", "check", "why"),
        [
            ({"SasBlobToken": "?test"}, "signature", "no sig="),
            ({"SasBlobToken": "?sv=2015-02-21&sr=b&sig=abc&se=2099-01-01T00:00:00Z&sp=r"}, "signature", "SasInvalid"),
            ({"RelativeLocation": "models/nothing.ilearner"}, "relative location", "BlobNotFound"),
            ({"RelativeLocation": "models/output2.csv"}, "relative location", "evaluation"),
            ({"RelativeLocation": "models/model001.ilearner?sv=1"}, "relative location", "query"),
            ({"BaseLocation": "https://elsewhere.blob.core.windows.net/"}, "base location", "not in this home"),
            ({"BaseLocation": "https://example.com/"}, "base location", "not the address of a storage account"),
            ({"BaseLocation": "https://a.blob.core.windows.net/models/m.ilearner"}, "base location", "whole address"),
        ],
    )
    def test_a_model_url_that_does_not_resolve(
        self, mlmgmt: Command, bikes: Bikes, changed: dict[str, str], check: str, why: str
    ) -> None:
        refused(mlmgmt, bikes.patch("loc001", "model001", **changed), "BadArgument")
        found = Doctor(mlmgmt, *AT, "loc001", *location(bikes, **changed))
        assert check in found.problems
        assert why in found.problems[check]

    def test_parts_of_a_location_without_slash_or_question_mark(self, mlmgmt: Command, bikes: Bikes) -> None:
        place = bikes.location("model001")
        changed = {"BaseLocation": place["BaseLocation"].rstrip("/"), "SasBlobToken": place["SasBlobToken"][1:]}
        found = Doctor(mlmgmt, *AT, "loc001", *location(bikes, **changed))
        assert set(found.problems) == {"base location", "signature"}
        assert found.cures["base location"] == f"-BaseLocation {place['BaseLocation']}"
        assert found.cures["signature"] == f"'{place['SasBlobToken']}'"
        cut = Doctor(mlmgmt, *AT, "loc001", *location(bikes, SasBlobToken="?sig=abc"))
        assert "quote it" in cut.says("signature") or "quote it" in cut.problems["signature"]

    def test_a_workspace_in_another_region(self, mlmgmt: Command, bikes: Bikes) -> None:
        done = mlmgmt(["endpoints", SCORING, "-Location", "West Europe"])
        assert "WorkspaceInAnotherRegion" in done.err
        found = Doctor(mlmgmt, *AT, "loc001", "-Location", "West Europe")
        assert found.says("region", "'South Central US'") == "-Location 'South Central US'"
        url = f"/workspaces/{Session().workspace}/webservices/{bikes.service}/endpoints/loc001"
        found = Doctor(mlmgmt, "-PatchUrl", f"https://europewest.management.azureml.net{url}")
        assert found.says("region") == f"Write https://management.azureml.net{url}"
        api = endpoint(mlmgmt)["ApiLocation"]
        found = Doctor(mlmgmt, "-ApiLocation", api.replace("ussouthcentral", "europewest"))
        assert api in found.says("region", "europewest")

    def test_an_output_blob_with_the_wrong_suffix(self, mlmgmt: Command, bikes: Bikes) -> None:
        account = Session().storage_account()
        place = {"ConnectionString": f"DefaultEndpointsProtocol=https;AccountName={account}"}
        Session().store.blobs.write(Blob(account, "data", "rentals.csv"), Path(table()).read_bytes())
        job = {
            "Inputs": {"input1": place | {"RelativeLocation": "data/rentals.csv"}},
            "Outputs": {"output1": place | {"RelativeLocation": "models/new.csv"}},
        }
        Path("job.json").write_text(json.dumps(job))
        refused(mlmgmt, ["batch", "submit", *AT_TRAINING, "-JobFile", "job.json"], "InvalidBlobExtension")
        Doctor(mlmgmt, *AT_TRAINING, "-JobFile", "job.json").says("job document", "InvalidBlobExtension", ".ilearner")
        job["Outputs"]["output1"]["RelativeLocation"] = "models/new.ilearner"
        Path("job.json").write_text(json.dumps(job))
        found = Doctor(mlmgmt, *AT_TRAINING, "-JobFile", "job.json")
        assert not found.problems
        assert "has the columns" in found.notes["data"]

    def test_a_missing_or_misspelt_parameter(self, mlmgmt: Command, bikes: Bikes) -> None:
        Path("training.json").write_text(json.dumps(training_definition()))
        mlmgmt("new -g retail -l southcentralus -n train -DefinitionFile training.json -Force", ok=True)
        for parameters, code in (({}, "MissingRequiredGlobalParameters"), ({"L3": "1"}, "UnexpectedParameter")):
            Path("job.json").write_text(json.dumps({"GlobalParameters": parameters}))
            refused(mlmgmt, ["batch", "submit", "-g", "retail", "-n", "train", "-JobFile", "job.json"], code)
            found = Doctor(mlmgmt, "-g", "retail", "-n", "train", "-JobFile", "job.json")
            assert "L2" in found.says("job document", code)

    def test_a_table_without_a_header_or_a_column(self, mlmgmt: Command, bikes: Bikes) -> None:
        without = table(rentals(1).split("\n", 1)[1])
        assert "hour,temp,cnt" in Doctor(mlmgmt, *AT_TRAINING, "-Data", without).says("data", "no header")
        lacking = table(rentals(1).replace("temp", "temps"))
        cure = Doctor(mlmgmt, *AT_TRAINING, "-Data", lacking).says("data", "lacks the column 'temp'")
        assert "'temps' may be 'temp'" in cure
        submitted = mlmgmt(["batch", "submit", *AT_TRAINING, "--inputs", lacking, "--start"], ok=True).json["JobId"]
        assert mlmgmt(["batch", "wait", *AT_TRAINING, "--job", submitted]).status == 1
        assert submitted in Doctor(mlmgmt, *AT_TRAINING).says("job", "failed", "temp")

    def test_a_key_of_something_else(self, mlmgmt: Command, bikes: Bikes) -> None:
        own, api = endpoint(mlmgmt), endpoint(mlmgmt)["ApiLocation"]
        keys = {
            "the primary key of the endpoint 'loc002'": endpoint(mlmgmt, "loc002")["PrimaryKey"],
            f"the secondary key of the endpoint 'default' of {TRAINING!r}, which trains": endpoint(
                mlmgmt, "default", TRAINING
            )["SecondaryKey"],
            "it is not a key of this home": "A" * 86 + "==",
            "a key has 88 characters, this has 5": "short",
            f"a key of the storage account {Session().storage_account()!r}": Session().store.secrets.account_key(
                Session().storage_account()
            ),
            "a token from 'mlmgmt token'": mlmgmt("token -o json", ok=True).json["Token"],
        }
        mlmgmt(["remove-endpoint", *AT, "loc002", "-Force"], ok=True)
        mlmgmt(["restore", *AT, "loc002"], ok=True)
        for label, key in keys.items():
            found = Doctor(mlmgmt, "-ApiLocation", api, "-ApiKey", str(key))
            cure = found.says("key", "ScoreRequestUnauthorized", label)
            assert own["PrimaryKey"] in run(mlmgmt, f"{cure} -o json").out
            assert str(key) not in json.dumps(found.body)
        for side in ("PrimaryKey", "SecondaryKey"):
            assert not Doctor(mlmgmt, "-ApiLocation", api, "-ApiKey", own[side]).problems
        assert Doctor(mlmgmt, "-ApiKey", own["PrimaryKey"]).body["Target"].startswith("the endpoint 'loc001'")
        found = Doctor(mlmgmt, "-ApiLocation", api, "-ApiKey", f"Bearer {own['PrimaryKey']}")
        assert found.says("key", "word Bearer") == "Leave the word out."

    def test_an_old_key_and_a_key_of_a_removed_endpoint(self, mlmgmt: Command, bikes: Bikes) -> None:
        Path("small.json").write_text(json.dumps(small_definition()))
        mlmgmt("new -g retail -l southcentralus -n small -DefinitionFile small.json -Force", ok=True)
        old = mlmgmt("keys -g retail -n small -o json", ok=True).json["Primary"]
        mlmgmt(["update", "-g", "retail", "-n", "small", "-Keys", "@{Primary='fresh-key'}", "-Force"], ok=True)
        found = Doctor(mlmgmt, "-g", "retail", "-n", "small", "-ApiKey", old)
        assert found.says("key", "an old key of the web service 'small'") == "mlmgmt keys -g retail -n small"
        gone = endpoint(mlmgmt, "loc002")
        mlmgmt(["remove-endpoint", *AT, "loc002", "-Force"], ok=True)
        Doctor(mlmgmt, *AT, "loc001", "-ApiKey", gone["PrimaryKey"]).says("key", "'loc002'", "was removed")
        cure = Doctor(mlmgmt, "-ApiLocation", gone["ApiLocation"]).says("address", "was removed")
        run(mlmgmt, cure)

    def test_a_request_to_the_training_service(self, mlmgmt: Command, bikes: Bikes) -> None:
        api = endpoint(mlmgmt, "default", TRAINING)["ApiLocation"]
        found = Doctor(mlmgmt, "-ApiLocation", f"{api}/execute?api-version=2.0")
        assert "batch submit" in found.says("service", "only a batch job")

    def test_a_patched_endpoint_refreshed_with_overwrite_resources(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(bikes.patch("loc001", "model001"), ok=True)
        assert "revision 2" in Doctor(mlmgmt, *AT, "loc001").notes["history"]
        mlmgmt(["refresh-endpoint", *AT, "loc001", "-OverwriteResources"], ok=True)
        cure = Doctor(mlmgmt, *AT, "loc001").says("history", "revision 2", "OverwriteResources")
        run(mlmgmt, cure)
        assert bikes.digest("model001") in json.dumps(endpoint(mlmgmt)["mlmgmt"])
        assert not Doctor(mlmgmt, *AT, "loc001").problems

    @pytest.mark.parametrize("model", [OTHER_COLUMNS, OTHER_TASK])
    def test_a_model_for_other_columns_or_another_task(self, mlmgmt: Command, bikes: Bikes, model: str) -> None:
        refused(mlmgmt, bikes.patch("loc001", model), "ModelNotProved")
        Doctor(mlmgmt, *AT, "loc001", *location(bikes, model)).says("new model", "ModelNotProved")

    def test_an_endpoint_that_prevents_updates(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(["add-endpoint", *AT, "kept", "-PreventUpdate"], ok=True)
        refused(mlmgmt, bikes.patch("kept", "model001"), "EndpointPreventsUpdate")
        run(mlmgmt, Doctor(mlmgmt, *AT, "kept", *location(bikes)).says("endpoint", "PreventUpdate"))


HOSTS = {
    "http:": ("https", "http"),
    "azureml.com:": ("azureml.net", "azureml.com"),
    "localhost:": ("https://management.azureml.net", "http://localhost:1"),
}


def build_address(text: str, parts: dict[str, str]) -> str:
    """Build the address of a case. A mark before the first part says how to change the host."""
    for mark, change in HOSTS.items():
        if text.startswith(f"{mark}{{"):
            return text.removeprefix(mark).format(**parts).replace(*change)
    return text.format(**parts)


@pytest.fixture
def parts(mlmgmt: Command, bikes: Bikes) -> dict[str, str]:
    """Return the parts of an endpoint's addresses, by the names that the cases below use."""
    found = endpoint(mlmgmt)
    api, workspace = found["ApiLocation"], Session().workspace
    root = f"https://management.azureml.net/workspaces/{workspace}/webservices"
    return {
        "api": api,
        "host": api.split("/workspaces")[0],
        "path": api.partition("/workspaces")[2],
        "help": found["HelpLocation"],
        "guid": api.rpartition("/")[2],
        "services": api.rpartition("/")[0],
        "workspace": workspace,
        "service": bikes.service,
        "root": root,
        "url": f"{root}/{bikes.service}/endpoints/loc001",
        "none": "0" * 32,
    }


class TestAddresses:
    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("{api}/execute", "no api-version"),
            ("{api}/execute?api-version=1.0", "BadVersionCall"),
            ("{api}/score?api-version=2.0", "Unknown API 'score'"),
            ("http:{api}", "begins with http"),
            ("{services}/{service}", "id of the web service"),
            ("{services}/{none}", "WebServiceNotFound"),
            ("{host}/workspaces/{none}/services/{guid}", "is not the workspace of"),
            ("azureml.com:{api}", "not a host"),
            ("{host}/workspaces/{workspace}/webservices/{service}/endpoints/loc001", "not a scoring address"),
            ("{host}/somewhere", "Unknown path"),
            ("loc001", "not an address"),
            ("{api}/exe cute", "space"),
            ("{api}/jobs?api-version=2.0.", "not part of the address"),
        ],
    )
    def test_a_wrong_scoring_address_is_explained(
        self, mlmgmt: Command, parts: dict[str, str], text: str, why: str
    ) -> None:
        said = Doctor(mlmgmt, *AT, "loc001", "-ApiLocation", build_address(text, parts))
        assert list(said.problems) == ["address"]
        notes = [row["Note"] for row in said.body["Checks"] if row["Result"] == "problem"]
        assert any(why in note for note in notes), notes

    @pytest.mark.parametrize(
        "text",
        [
            "{api}",
            "{api}/execute?api-version=2.0&details=true",
            "{api}/swagger.json",
            "http://127.0.0.1:8777/workspaces{path}/jobs?api-version=2.0",
        ],
    )
    def test_a_good_scoring_address_is_accepted(self, mlmgmt: Command, parts: dict[str, str], text: str) -> None:
        assert not Doctor(mlmgmt, "-ApiLocation", build_address(text, parts)).problems

    def test_the_address_of_another_endpoint_is_reported(self, mlmgmt: Command, parts: dict[str, str]) -> None:
        other = endpoint(mlmgmt, "loc002")["ApiLocation"]
        found = Doctor(mlmgmt, *AT, "loc001", "-ApiLocation", other)
        assert parts["api"] in found.says("endpoint", "'loc002'", "not to the endpoint")

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("{url}.", "not part of the address"),
            ("{url}?api-version=2.0", "does not take one"),
            ("http:{url}", "begins with http"),
            ("{root}/{service}/endpoints/{guid}", "use the endpoint's name"),
            ("{root}/{guid}/endpoints/loc001", "id of the endpoint"),
            ("{root}/{service}/endpoints/nowhere", "no endpoint 'nowhere'"),
            ("{api}", "scoring address"),
            ("{help}", "help page"),
            ("https://management.azureml.net/workspaces/{none}/webservices/{service}/endpoints/loc001", "workspace"),
            ("{root}/{service}", "Unknown path"),
        ],
    )
    def test_a_wrong_management_address_is_explained(
        self, mlmgmt: Command, parts: dict[str, str], text: str, why: str
    ) -> None:
        said = Doctor(mlmgmt, *AT, "loc001", "-PatchUrl", build_address(text, parts))
        assert list(said.problems) == ["patch url"]
        notes = [row["Note"] for row in said.body["Checks"] if row["Result"] == "problem"]
        assert any(why in note for note in notes), notes

    @pytest.mark.parametrize("text", ["{url}", "localhost:{url}"])
    def test_a_good_management_address_is_accepted(self, mlmgmt: Command, parts: dict[str, str], text: str) -> None:
        assert not Doctor(mlmgmt, "-PatchUrl", build_address(text, parts)).problems

    def test_a_new_service(self, mlmgmt: Command, bikes: Bikes) -> None:
        Path("small.json").write_text(json.dumps(small_definition()))
        mlmgmt("new -g retail -l southcentralus -n small -DefinitionFile small.json -Force", ok=True)
        identity = mlmgmt("get -g retail -n small", ok=True).json["id"]
        url = f"https://management.azure.com{identity}?api-version=2016-05-01-preview"
        found = Doctor(mlmgmt, "-PatchUrl", f"{url}.")
        assert next(row["Cure"] for row in found.body["Checks"] if row["Check"] == "patch url") == f"Write {url}"
        assert "service" in found.problems
        old = Doctor(mlmgmt, "-PatchUrl", url.replace("2016-05-01-preview", "2015-01-01"))
        assert "2017-01-01" in old.problems["patch url"]
        swagger = mlmgmt("get -g retail -n small", ok=True).json["properties"]["swaggerLocation"]
        assert not Doctor(mlmgmt, "-ApiLocation", swagger).problems


class TestTokens:
    def test_of_a_workspace(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt("workspace-config config.json", ok=True)
        token = json.loads(Path("config.json").read_text())["AuthorizationToken"]
        Path("config.json").rename("old.json")
        for good in (token, endpoint(mlmgmt)["SecondaryKey"]):
            assert not Doctor(mlmgmt, *AT, "loc001", "-AuthorizationToken", good).problems
        assert not Doctor(mlmgmt, *AT, "loc001", "-ConfigFile", "old.json").problems
        found = Doctor(mlmgmt, *AT, "loc001", "-AuthorizationToken", endpoint(mlmgmt, "loc002")["PrimaryKey"])
        found.says("token", "ManagementRequestUnauthorized", "'loc002'")
        Doctor(mlmgmt, *AT, "loc001", "-ApiKey", token).says("key", "a token of the workspace")
        for member, value, check in (("WorkspaceId", "0" * 32, "workspace"), ("Location", "Japan East", "region")):
            stated = json.loads(Path("old.json").read_text()) | {member: value}
            Path("wrong.json").write_text(json.dumps(stated))
            found = Doctor(mlmgmt, *AT, "loc001", "-ConfigFile", "wrong.json")
            assert check in found.problems
        Path("old.json").write_text(json.dumps({"WorkspaceId": Session().workspace, "AuthorizationToken": "x" * 88}))
        Path("old.json").rename("config.json")
        assert "config.json" in mlmgmt(["endpoints", SCORING]).err
        Doctor(mlmgmt, *AT, "loc001").says("token", "ManagementRequestUnauthorized")

    def test_of_the_resource_manager(self, mlmgmt: Command, bikes: Bikes) -> None:
        Path("small.json").write_text(json.dumps(small_definition()))
        mlmgmt("new -g retail -l southcentralus -n small -DefinitionFile small.json -Force", ok=True)
        at = ["-g", "retail", "-n", "small"]
        token = mlmgmt("token -o json", ok=True).json["Token"]
        assert not Doctor(mlmgmt, *at, "-AuthorizationToken", token).problems
        key = mlmgmt("keys -g retail -n small -o json", ok=True).json["Primary"]
        assert Doctor(mlmgmt, *at, "-AuthorizationToken", key).says("token", "the primary key") == "mlmgmt token"
        store = Session().store
        digest = sha256(token.encode()).hexdigest()
        store.secrets.keep_token(digest, store.secrets.token(digest) | {"expiresOn": "2020-01-01T00:00:00Z"})
        assert Doctor(mlmgmt, *at, "-AuthorizationToken", token).says("token", "expired") == "mlmgmt token"

    def test_a_reader_learns_nothing_about_keys(self, mlmgmt: Command, bikes: Bikes) -> None:
        key = endpoint(mlmgmt)["PrimaryKey"]
        mlmgmt("connect -Role Reader", ok=True)
        found = Doctor(mlmgmt, *AT, "loc001", "-ApiKey", key, "-ResourceName", RESOURCE)
        assert found.says("home", "Reader")
        assert all(row["Check"] != "key" or row["Result"] == "skipped" for row in found.body["Checks"])


def test_a_used_up_plan(mlmgmt: Command, bikes: Bikes) -> None:
    mlmgmt("new-plan -g retail -l southcentralus -n trial -SkuName DevTest -SkuTier Standard -Force", ok=True)
    plan = mlmgmt("plan -g retail -n trial", ok=True).json["id"]
    Path("small.json").write_text(json.dumps(small_definition(commitmentPlan={"id": plan})))
    mlmgmt("new -g retail -l southcentralus -n small -DefinitionFile small.json -Force", ok=True)
    assert "pays" in Doctor(mlmgmt, "-g", "retail", "-n", "small").notes["plan"]
    from mlmgmt.verbs.plans import usage

    session = Session()
    usage.charge(session, {session.service_id("retail", "small"): (1_000_000, 1.0)})
    cure = Doctor(mlmgmt, "-g", "retail", "-n", "small").says("plan", "used up")
    run(mlmgmt, f"{cure} -Force")
    assert not Doctor(mlmgmt, "-g", "retail", "-n", "small").problems
