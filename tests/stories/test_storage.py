"""Storage accounts: made, shown, signed for and removed as the scripts do it, and where their files stay."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure.storage.blob import generate_blob_sas

from mlmgmt.errors import AuthorizationFailed, Conflict, HomeError, MlmgmtError, PreconditionFailed
from mlmgmt.store import sas
from mlmgmt.store.blobs import Blob
from mlmgmt.verbs.batch import jobs
from mlmgmt.verbs.session import Session
from mlmgmt.verbs.storage import accounts
from tests.stories.test_batch import deploy, query_definition

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Command

MAKE = "New-AzureRmStorageAccount -ResourceGroupName retail -Location southcentralus -Type Standard_LRS -Name"


def own(mlmgmt: Command) -> str:
    """The account that the home came with."""
    return str(mlmgmt("status", ok=True).json["StorageAccounts"][0])


def put(account: str, name: str = "data/rows.csv", text: str = "age,city\n1,Bern\n") -> Blob:
    container, _, path = name.partition("/")
    blob = Blob(account, container, path)
    Session().store.blobs.write(blob, text.encode())
    return blob


class TestAccounts:
    def test_made_shown_listed_and_removed(self, mlmgmt: Command, home: Path) -> None:
        made = mlmgmt(f"{MAKE} retailmodels", ok=True).json
        subscription = json.loads((home / "home.json").read_text())["subscriptionId"]
        assert made["id"] == (
            f"/subscriptions/{subscription}/resourceGroups/retail"
            "/providers/Microsoft.Storage/storageAccounts/retailmodels"
        )
        assert made["sku"] == {"name": "Standard_LRS", "tier": "Standard"}
        assert made["properties"]["primaryEndpoints"] == {"blob": "https://retailmodels.blob.core.windows.net/"}
        assert mlmgmt("Get-AzStorageAccount -ResourceGroupName Retail -Name RetailModels", ok=True).json == made
        assert mlmgmt("storage -g retail", ok=True).json == [made]
        first, second = mlmgmt("Get-AzStorageAccount", ok=True).json
        assert (first["name"], first["id"], second) == (own(mlmgmt), None, made)
        mlmgmt("Remove-AzureRmStorageAccount -ResourceGroupName retail -Name retailmodels -Force", ok=True)
        assert mlmgmt("storage -g retail", ok=True).json == []
        refused = mlmgmt("storage -g retail -n retailmodels")
        assert refused.err.startswith("Error: ResourceNotFound:")
        # As the scripts of the module rely on: removing what is not there is no error.
        again = mlmgmt("Remove-AzureRmStorageAccount -ResourceGroupName retail -Name retailmodels", ok=True)
        assert "nothing was removed" in again.err
        assert "ResourceGroupNotFound" in mlmgmt("remove-storage -g nowhere -n retailmodels").err

    def test_the_home_s_own_stays_the_first_and_can_be_taken_into_a_group(self, mlmgmt: Command, home: Path) -> None:
        name = own(mlmgmt)
        put(name)
        key = Session().store.secrets.account_key(name)
        mlmgmt(f"{MAKE} aaa", ok=True)
        assert own(mlmgmt) == Session().storage_account() == name
        refused = mlmgmt(f"storage -g retail -n {name}")
        assert "New-AzStorageAccount" in refused.err
        taken = mlmgmt(f"{MAKE} {name}", ok=True).json
        assert taken["id"].endswith(f"/retail/providers/Microsoft.Storage/storageAccounts/{name}")
        assert mlmgmt(f"storage -g retail -n {name}", ok=True).json == taken
        assert own(mlmgmt) == name
        assert Session().store.secrets.account_key(name) == key
        assert Session().store.blobs.read(Blob(name, "data", "rows.csv"))

    def test_a_name_is_one_group_s(self, mlmgmt: Command, home: Path) -> None:
        mlmgmt("New-AzResourceGroup -Name other -Location southcentralus", ok=True)
        mlmgmt(f"{MAKE} retailmodels", ok=True)
        refused = mlmgmt("new-storage -g other -l southcentralus -n retailmodels")
        assert "StorageAccountAlreadyTaken" in refused.err
        moved = mlmgmt("new-storage -g retail -l westeurope -n retailmodels")
        assert "InvalidResourceLocation" in moved.err
        again = mlmgmt(
            ["new-storage", "-g", "retail", "-l", "South Central US", "-n", "retailmodels", "-Tag", '{"a":"b"}']
        )
        assert (again.json["tags"], again.json["location"]) == ({"a": "b"}, "southcentralus")

    @pytest.mark.parametrize(
        ("name", "code", "reason"),
        [
            ("Upper", "InvalidAccountName", "AccountNameInvalid"),
            ("a-b-c", "InvalidAccountName", "AccountNameInvalid"),
            ("ab", "InvalidAccountName", "AccountNameInvalid"),
            ("x" * 25, "InvalidAccountName", "AccountNameInvalid"),
            ("subscriptions", "ReservedResourceName", "AccountNameInvalid"),
            ("healthz", "ReservedResourceName", "AccountNameInvalid"),
        ],
    )
    def test_what_cannot_name_one(self, mlmgmt: Command, home: Path, name: str, code: str, reason: str) -> None:
        refused = mlmgmt(f"new-storage -g retail -l x -n {name}")
        assert refused.status == 1
        assert code in refused.err
        answer = accounts.check_name(Session(), name)
        assert (answer["nameAvailable"], answer["reason"]) == (False, reason)
        assert name in answer["message"]

    def test_a_free_name_and_a_taken_one(self, mlmgmt: Command, home: Path) -> None:
        assert accounts.check_name(Session(), "retailmodels") == {"nameAvailable": True}
        assert accounts.check_name(Session(), own(mlmgmt))["reason"] == "AlreadyExists"
        assert "InvalidSku" in mlmgmt("new-storage -g retail -l x -n retailmodels -SkuName Gold").err

    def test_removing_one_tells_what_stays(self, mlmgmt: Command, churn: Path) -> None:
        name = own(mlmgmt)
        mlmgmt(f"{MAKE} {name}", ok=True)
        put(name)
        files = {path for path in (churn / "storage" / name).rglob("*") if path.is_file()}
        before = mlmgmt("score -g retail -n churn --input customers.csv", ok=True).json
        removed = mlmgmt(f"remove-storage -g retail -n {name} -Force", ok=True)
        assert f"Its blobs ({len(files)}) stay on disk" in removed.err
        assert "retail/churn" in removed.err
        assert files == {path for path in (churn / "storage" / name).rglob("*") if path.is_file()}
        assert Session().store.secrets.account_keys(name) == ()
        assert mlmgmt("score -g retail -n churn --input customers.csv", ok=True).json == before
        assert mlmgmt("get -g retail -n churn", ok=True).json["mlmgmt"]["models"]["asset3"]["blob"] == "elsewhere"
        again = mlmgmt(f"{MAKE} {name}", ok=True)
        assert f"The {len(files)} blobs" in again.err
        assert mlmgmt("get -g retail -n churn", ok=True).json["mlmgmt"]["models"]["asset3"]["blob"] == "same"

    def test_two_at_once_do_not_both_win(self, mlmgmt: Command, home: Path) -> None:
        mlmgmt("New-AzResourceGroup -Name other -Location southcentralus", ok=True)
        planned = [
            accounts.plan_create(Session(), group=group, name="retailmodels", location="x")
            for group in ("retail", "other")
        ]
        planned[0].apply()
        with pytest.raises(PreconditionFailed, match="changed by another command"):
            planned[1].apply()
        # Planned anew, it meets what stands now.
        with pytest.raises(Conflict) as taken:
            planned[1].apply(again=True)
        assert "StorageAccountAlreadyTaken" in taken.value.codes()
        assert mlmgmt("storage -n retailmodels", ok=True).json["id"].split("/")[4] == "retail"

    @pytest.mark.parametrize(
        "content",
        ["", "[]", '{"name": "other"}', '{"name": "retailmodels", "id": 1}', '{"name": "retailmodels", "id": "x"}'],
    )
    def test_a_damaged_account_is_refused(self, mlmgmt: Command, home: Path, content: str) -> None:
        mlmgmt(f"{MAKE} retailmodels", ok=True)
        (home / "accounts" / "retailmodels.json").write_text(content)
        with pytest.raises(HomeError) as refused:
            accounts.get(Session())
        assert "HomeDamaged" in refused.value.codes()
        assert own(mlmgmt).startswith("mlstore")

    def test_a_reader_sees_accounts_and_no_keys(self, mlmgmt: Command, home: Path) -> None:
        name = own(mlmgmt)
        mlmgmt("set-context -Role Reader", ok=True)
        assert mlmgmt("storage", ok=True).json[0]["name"] == name
        for line in (f"{MAKE} retailmodels", f"storage-keys -n {name}", "sas data rows.csv"):
            assert "AuthorizationFailed" in mlmgmt(line).err, line

    def test_every_answer_is_a_readable_table_too(self, mlmgmt: Command, home: Path) -> None:
        mlmgmt(f"{MAKE} retailmodels", ok=True)
        for line, expected in (
            ("storage", [own(mlmgmt), "retailmodels", "Standard_LRS"]),
            ("storage -n retailmodels", ["https://retailmodels.blob.core.windows.net/", "CreationTime"]),
            ("storage-keys -g retail -n retailmodels", ["key1", "key2", "Full"]),
            ("sas data rows.csv", ["SasBlobToken", "sp=r"]),
        ):
            shown = mlmgmt(f"{line} -o table", ok=True).out
            assert all(text in shown for text in expected), shown


class TestKeys:
    def test_there_are_two_and_they_stay(self, mlmgmt: Command, home: Path) -> None:
        mlmgmt(f"{MAKE} retailmodels", ok=True)
        line = "Get-AzureRmStorageAccountKey -ResourceGroupName retail -Name retailmodels"
        keys = mlmgmt(line, ok=True).json
        assert [key["KeyName"] for key in keys] == ["key1", "key2"]
        assert {key["Permissions"] for key in keys} == {"Full"}
        assert len({key["Value"] for key in keys}) == 2
        assert mlmgmt(line, ok=True).json == keys

    def test_the_second_of_the_home_s_own_is_made_when_it_is_asked_for(self, mlmgmt: Command, home: Path) -> None:
        name = own(mlmgmt)
        (first,) = Session().store.secrets.account_keys(name)
        keys = [key["Value"] for key in mlmgmt(f"storage-keys -n {name}", ok=True).json]
        assert keys[0] == first
        assert Session().store.secrets.account_keys(name) == tuple(keys)
        assert not any(key in path.read_text() for key in keys for path in home.rglob("*.json"))

    def test_a_job_takes_either_key_and_what_either_signed(self, mlmgmt: Command, home: Path) -> None:
        deploy(mlmgmt, "query", query_definition())
        name = own(mlmgmt)
        put(name)
        now = datetime.now(UTC)
        for key in (entry["Value"] for entry in mlmgmt(f"storage-keys -n {name}", ok=True).json):
            token = generate_blob_sas(
                name, "data", "rows.csv", account_key=key, permission="r", expiry=now + timedelta(hours=1)
            )
            base = f"https://{name}.blob.core.windows.net/"
            for place in (
                {"ConnectionString": f"AccountName={name};AccountKey={key}"},
                {"BaseLocation": base, "SasBlobToken": f"?{token}"},
            ):
                body: dict[str, Any] = {"Inputs": {"input1": {**place, "RelativeLocation": "data/rows.csv"}}}
                body["Outputs"] = {"output1": {"BaseLocation": base, "RelativeLocation": "out/a.csv"}}
                jobs.submit(Session(), group="retail", name="query", request=body)
        stale = body["Inputs"]["input1"]["SasBlobToken"].replace("sp=r", "sp=w")
        body["Inputs"]["input1"]["SasBlobToken"] = stale
        with pytest.raises(MlmgmtError) as refused:
            jobs.submit(Session(), group="retail", name="query", request=body)
        assert "InvalidBlob" in refused.value.codes()


class TestSignatures:
    def test_one_for_a_blob(self, mlmgmt: Command, home: Path) -> None:
        name = own(mlmgmt)
        line = ["New-AzStorageBlobSASToken", "-Container", "data", "-Blob", "new rows.csv", "-Permission", "wr"]
        made = mlmgmt([*line, "-Hours", "2"], ok=True).json
        assert made["BlobUri"] == f"https://{name}.blob.core.windows.net/data/new%20rows.csv"
        assert made["BlobUri"] == made["BaseLocation"] + made["RelativeLocation"]
        assert "sp=rw" in made["SasBlobToken"]
        key = Session().store.secrets.account_key(name)
        assert key is not None
        now = datetime.now(UTC)
        sas.check(made["SasBlobToken"], key, name, "data/new rows.csv", now=now, permission="w")
        with pytest.raises(AuthorizationFailed):
            sas.check(made["SasBlobToken"], key, name, "data/new rows.csv", now=now + timedelta(hours=2, minutes=1))

    def test_one_for_a_container(self, mlmgmt: Command, home: Path) -> None:
        mlmgmt(f"{MAKE} retailmodels", ok=True)
        made = mlmgmt("sas -Account retailmodels data -Permission rl", ok=True).json
        assert made["BlobUri"] == "https://retailmodels.blob.core.windows.net/data"
        keys = Session().store.secrets.account_keys("retailmodels")
        sas.check(made["SasBlobToken"], keys, "retailmodels", "data/any/blob", now=datetime.now(UTC))

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            ("data rows.csv -Permission rz", "InvalidPermission"),
            ("data rows.csv -Hours 0", "InvalidLifetime"),
            ("data rows.csv -Hours nan", "InvalidLifetime"),
            ("Data rows.csv", "InvalidBlob"),
            ("data ../../home.json", "InvalidBlob"),
            ("da/ta rows.csv", "InvalidBlob"),
            ("data rows.csv -Account nobody", "ResourceNotFound"),
        ],
    )
    def test_what_is_not_signed_for(self, mlmgmt: Command, home: Path, words: str, code: str) -> None:
        refused = mlmgmt(f"sas {words}")
        assert refused.status == 1
        assert code in refused.err
