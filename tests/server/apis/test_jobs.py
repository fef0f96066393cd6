"""Batch execution over HTTP: the four calls, blobs with a signature, and what a service's key does not allow."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tests.server.conftest import Server

QUERY = {"api-version": "2.0"}


class Batch:
    """Calls the batch API of one web service."""

    def __init__(self, server: Server, account: str, key: str, name: str = "churn") -> None:
        self.server, self.account, self.account_key = server, account, key
        self.jobs = f"{server.scoring(name)}/jobs"
        headers = {"authorization": f"Bearer {server.keys(name)['primary']}"}
        self.client = httpx.Client(timeout=60, trust_env=False, params=QUERY, headers=headers)

    @property
    def connection(self) -> str:
        return f"DefaultEndpointsProtocol=http;AccountName={self.account};AccountKey={self.account_key}"

    def finished(self, job: str) -> Any:
        """A job's status once it has ended."""
        until = time.monotonic() + 60
        while (found := self.client.get(f"{self.jobs}/{job}").json())["StatusCode"] in ("NotStarted", "Running"):
            assert time.monotonic() < until
            time.sleep(0.1)
        return found


@pytest.fixture
def batch(server: Server, churn: Path, mlmgmt: Any) -> Any:
    account = next((churn / "accounts").glob("*.json")).stem
    keys = mlmgmt(f"storage-keys -n {account} -o json", ok=True).json
    found = Batch(server, account, keys[0]["Value"])
    yield found
    found.client.close()


def signed(mlmgmt: Any, path: str, permission: str) -> dict[str, str]:
    container, _, blob = path.partition("/")
    made = mlmgmt(f"sas -Container {container} -Blob {blob} -Permission {permission} -o json", ok=True).json
    return dict(made)


def codes(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["details"][0]["code"]


def test_a_job_is_submitted_started_asked_after_and_its_result_fetched(batch: Batch, mlmgmt: Any) -> None:
    """The rows are uploaded with one signature; the scores are downloaded with that in the job's answer."""
    token = signed(mlmgmt, "data/new.csv", "cw")["SasBlobToken"]
    place = f"{batch.server.origin}/{batch.account}/"
    rows = Path("new-customers.csv").read_bytes()
    put = httpx.put(
        f"{place}data/new.csv{token}", content=rows, headers={"x-ms-blob-type": "BlockBlob"}, trust_env=False
    )
    assert put.status_code == 201
    output = {"ConnectionString": batch.connection, "RelativeLocation": "results/scores.csv"}
    request = {
        "Inputs": {
            "input1": {
                "BaseLocation": place,
                "RelativeLocation": "data/new.csv",
                "SasBlobToken": signed(mlmgmt, "data/new.csv", "r")["SasBlobToken"],
            }
        },
        "Outputs": {"output1": output},
        "GlobalParameters": {},
    }
    submitted = batch.client.post(batch.jobs, json=request)
    assert submitted.status_code == 200
    job = submitted.json()
    assert len(job) == 32
    waiting = batch.client.get(f"{batch.jobs}/{job}").json()
    assert (waiting["StatusCode"], waiting["Results"], waiting["Details"]) == ("NotStarted", None, None)
    assert batch.client.post(f"{batch.jobs}/{job}/start").status_code == 200
    assert codes(batch.client.post(f"{batch.jobs}/{job}/start")) == (400, "InvalidOperation", "CannotStartJob")
    done = batch.finished(job)
    assert done["StatusCode"] == "Finished", done
    result = done["Results"]["output1"]
    assert result["BaseLocation"] == place
    scores = httpx.get(result["BaseLocation"] + result["RelativeLocation"] + result["SasBlobToken"], trust_env=False)
    typed = mlmgmt("score -g retail -n churn --input new-customers.csv -o json", ok=True).json
    assert scores.status_code == 200
    assert len(scores.text.splitlines()) == 1 + len(typed["Results"]["output1"]["value"]["Values"])
    listed = mlmgmt("batch status -g retail -n churn -o json", ok=True).json
    assert [row["JobId"] for row in listed] == [job]


def test_a_job_is_cancelled(batch: Batch) -> None:
    request = {"Inputs": {"input1": {"ConnectionString": batch.connection, "RelativeLocation": "data/none.csv"}}}
    missing = batch.client.post(batch.jobs, json=request)
    assert codes(missing) == (400, "BadArgument", "BlobNotFound")
    folder = next(Path(".mlmgmt/storage").iterdir()) / "data"
    folder.mkdir()
    (folder / "none.csv").write_bytes(Path("new-customers.csv").read_bytes())
    job = batch.client.post(batch.jobs, json=request).json()
    assert batch.client.delete(f"{batch.jobs}/{job}").status_code == 200
    assert batch.client.get(f"{batch.jobs}/{job}").json()["StatusCode"] == "Cancelled"
    unknown = batch.client.get(f"{batch.jobs}/{'0' * 32}")
    assert codes(unknown) == (404, "NotFound", "JobNotFound")


def test_a_service_s_key_opens_no_storage(batch: Batch, mlmgmt: Any) -> None:
    """A caller who may score must prove access to the blobs as well."""
    folder = next(Path(".mlmgmt/storage").iterdir()) / "data"
    folder.mkdir()
    (folder / "new.csv").write_bytes(Path("new-customers.csv").read_bytes())

    def submitted(place: dict[str, str]) -> httpx.Response:
        request = {"Inputs": {"input1": {"RelativeLocation": "data/new.csv", **place}}}
        return batch.client.post(batch.jobs, json=request)

    base = f"https://{batch.account}.blob.core.windows.net/"
    name = f"DefaultEndpointsProtocol=https;AccountName={batch.account}"
    assert codes(submitted({"BaseLocation": base})) == (400, "BadArgument", "InvalidBlob")
    assert codes(submitted({"ConnectionString": name})) == (400, "BadArgument", "InvalidBlobConnectionString")
    wrong = submitted({"ConnectionString": f"{name};AccountKey=eHh4"})
    assert codes(wrong) == (400, "BadArgument", "InvalidBlobConnectionString")
    assert str(Path.cwd()) not in wrong.text
    other = signed(mlmgmt, "data/other.csv", "r")["SasBlobToken"]
    assert codes(submitted({"BaseLocation": base, "SasBlobToken": other})) == (400, "BadArgument", "InvalidBlob")
    to_write = signed(mlmgmt, "data/new.csv", "w")["SasBlobToken"]
    assert codes(submitted({"BaseLocation": base, "SasBlobToken": to_write})) == (400, "BadArgument", "InvalidBlob")
    good = signed(mlmgmt, "data/new.csv", "r")["SasBlobToken"]
    assert submitted({"BaseLocation": base, "SasBlobToken": good}).status_code == 200
    assert submitted({"ConnectionString": batch.connection}).status_code == 200


def test_a_refused_job_is_told_in_documented_codes(batch: Batch) -> None:
    def refused(body: Any) -> tuple[int, str, str]:
        return codes(batch.client.post(batch.jobs, content=body if isinstance(body, bytes) else json.dumps(body)))

    place = {"ConnectionString": batch.connection, "RelativeLocation": "data/new.csv"}
    assert refused({"Inputs": {"input1": place}, "Input": place}) == (400, "BadArgument", "DuplicateInputInBatchCall")
    assert refused({"Inputs": {"input9": place}}) == (400, "BadArgument", "InvalidInputNames")
    assert refused({}) == (400, "BadArgument", "BatchJobInputsNotSpecified")
    extension = {**place, "RelativeLocation": "data/new.xls"}
    assert refused({"Inputs": {"input1": extension}}) == (400, "BadArgument", "InvalidBlobExtension")
    assert refused(b"{")[0] == 400
    assert refused(b"[]")[0] == 400
    nobody = httpx.post(batch.jobs, params=QUERY, json={}, trust_env=False)
    assert codes(nobody) == (401, "Unauthorized", "ScoreRequestUnauthorized")
    assert codes(batch.client.get(f"{batch.jobs}/x", params={"api-version": "1"})) == (
        400,
        "BadArgument",
        "BadVersionCall",
    )


def test_a_signature_that_a_definition_brings_is_a_name_at_this_server_too(batch: Batch) -> None:
    """A model's address at the server is the address that documents have."""
    found = batch.server.ask("GET", batch.server.service()).json()
    asset = found["properties"]["assets"]["asset3"]
    uri = asset["locationInfo"]["uri"]
    here = uri.replace(f"https://{batch.account}.blob.core.windows.net/", f"{batch.server.origin}/{batch.account}/")
    assert here != uri
    change = {"properties": {"assets": {"asset3": {**asset, "locationInfo": {"uri": here}}}, "title": "Other"}}
    changed = batch.server.ask("PATCH", batch.server.service(), json=change)
    assert changed.status_code == 200
    assert changed.json()["properties"]["assets"]["asset3"]["locationInfo"]["uri"] == uri
