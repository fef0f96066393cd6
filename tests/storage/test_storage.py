"""Storage accounts: create, show, sign and remove them as the scripts do, and where their files stay."""

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
from tests.batch.test_batch import deploy, query_definition

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Command

MAKE = "New-AzureRmStorageAccount -ResourceGroupName retail -Location southcentralus -Type Standard_LRS -Name"


def own_account(mlmgmt: Command) -> str:
    """The account that the home was created with."""
    return str(mlmgmt("status", ok=True).json["StorageAccounts"][0])


def put(account: str, name: str = "data/rows.csv", text: str = "age,city\n1,Bern\n") -> Blob:
    container, _, path = name.partition("/")
    blob = Blob(account, container, path)
    Session().store.blobs.write(blob, text.encode())
    return blob


class TestAccounts:
    def test_create_show_list_and_remove(self, mlmgmt: Command, home: Path) -> None:
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
        assert (first["name"], first["id"], second) == (own_account(mlmgmt), None, made)
        mlmgmt("Remove-AzureRmStorageAccount -ResourceGroupName retail -Name retailmodels -Force", ok=True)
        assert mlmgmt("storage -g retail", ok=True).json == []
        refused = mlmgmt("storage -g retail -n retailmodels")
        assert refused.err.startswith("Error: ResourceNotFound:")
        # Scripts rely on this: removing a missing account is not an error.
        again = mlmgmt("Remove-AzureRmStorageAccount -ResourceGroupName retail -Name retailmodels", ok=True)
        assert "nothing was removed" in again.err
        assert "ResourceGroupNotFound" in mlmgmt("remove-storage -g nowhere -n retailmodels").err

    def test_the_home_s_own_account_stays_first_and_can_be_added_to_a_group(self, mlmgmt: Command, home: Path) -> None:
        name = own_account(mlmgmt)
        put(name)
        key = Session().store.secrets.account_key(name)
        mlmgmt(f"{MAKE} aaa", ok=True)
        assert own_account(mlmgmt) == Session().storage_account() == name
        refused = mlmgmt(f"storage -g retail -n {name}")
        assert "New-AzStorageAccount" in refused.err
        taken = mlmgmt(f"{MAKE} {name}", ok=True).json
        assert taken["id"].endswith(f"/retail/providers/Microsoft.Storage/storageAccounts/{name}")
        assert mlmgmt(f"storage -g retail -n {name}", ok=True).json == taken
        assert own_account(mlmgmt) == name
        assert Session().store.secrets.account_key(name) == key
        assert Session().store.blobs.read(Blob(name, "data", "rows.csv"))

    def test_a_name_belongs_to_one_group(self, mlmgmt: Command, home: Path) -> None:
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
    def test_invalid_names_are_refused(self, mlmgmt: Command, home: Path, name: str, code: str, reason: str) -> None:
        refused = mlmgmt(f"new-storage -g retail -l x -n {name}")
        assert refused.status == 1
        assert code in refused.err
        answer = accounts.check_name(Session(), name)
        assert (answer["nameAvailable"], answer["reason"]) == (False, reason)
        assert name in answer["message"]

    def test_a_free_name_and_a_taken_one(self, mlmgmt: Command, home: Path) -> None:
        assert accounts.check_name(Session(), "retailmodels") == {"nameAvailable": True}
        assert accounts.check_name(Session(), own_account(mlmgmt))["reason"] == "AlreadyExists"
        assert "InvalidSku" in mlmgmt("new-storage -g retail -l x -n retailmodels -SkuName Gold").err

    def test_removing_an_account_says_what_stays_on_disk(self, mlmgmt: Command, churn: Path) -> None:
        name = own_account(mlmgmt)
        mlmgmt(f"{MAKE} {name}", ok=True)
        put(name)
        files = {path for path in (churn / "storage" / name).rglob("*") if path.is_file()}
        before = mlmgmt("score -g retail -n churn --input customers.csv", ok=True).json
        removed = mlmgmt(f"remove-storage -g retail -n {name} -Force", ok=True)
        assert f"{len(files)} blobs will stay on disk" in removed.err
        assert "retail/churn" in removed.err
        assert files == {path for path in (churn / "storage" / name).rglob("*") if path.is_file()}
        assert Session().store.secrets.account_keys(name) == ()
        assert mlmgmt("score -g retail -n churn --input customers.csv", ok=True).json == before
        assert mlmgmt("get -g retail -n churn", ok=True).json["mlmgmt"]["models"]["asset3"]["blob"] == "elsewhere"
        again = mlmgmt(f"{MAKE} {name}", ok=True)
        assert (
            f"{len(files)} blobs from an earlier account with this name are still on disk and are used again."
            in again.err
        )
        assert mlmgmt("get -g retail -n churn", ok=True).json["mlmgmt"]["models"]["asset3"]["blob"] == "same"

    def test_one_blob_is_counted_in_the_singular(self, mlmgmt: Command, home: Path) -> None:
        mlmgmt(f"{MAKE} retailmodels", ok=True)
        put("retailmodels")
        removed = mlmgmt("remove-storage -g retail -n retailmodels -Force", ok=True)
        assert "1 blob will stay on disk" in removed.err
        again = mlmgmt(f"{MAKE} retailmodels", ok=True)
        assert "1 blob from an earlier account with this name is still on disk and is used again." in again.err

    def test_only_one_of_two_commands_at_the_same_time_gets_a_name(self, mlmgmt: Command, home: Path) -> None:
        mlmgmt("New-AzResourceGroup -Name other -Location southcentralus", ok=True)
        planned = [
            accounts.plan_create(Session(), group=group, name="retailmodels", location="x")
            for group in ("retail", "other")
        ]
        planned[0].apply()
        with pytest.raises(PreconditionFailed, match="changed by another command"):
            planned[1].apply()
        # Planned again, it finds the other group's account.
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
        assert own_account(mlmgmt).startswith("mlstore")

    def test_a_reader_sees_accounts_but_not_keys(self, mlmgmt: Command, home: Path) -> None:
        name = own_account(mlmgmt)
        mlmgmt("set-context -Role Reader", ok=True)
        assert mlmgmt("storage", ok=True).json[0]["name"] == name
        for line in (f"{MAKE} retailmodels", f"storage-keys -n {name}", "sas data rows.csv"):
            assert "AuthorizationFailed" in mlmgmt(line).err, line

    def test_every_answer_has_a_table_view(self, mlmgmt: Command, home: Path) -> None:
        mlmgmt(f"{MAKE} retailmodels", ok=True)
        for line, expected in (
            ("storage", [own_account(mlmgmt), "retailmodels", "Standard_LRS"]),
            ("storage -n retailmodels", ["https://retailmodels.blob.core.windows.net/", "CreationTime"]),
            ("storage-keys -g retail -n retailmodels", ["key1", "key2", "Full"]),
            ("sas data rows.csv", ["SasBlobToken", "sp=r"]),
        ):
            shown = mlmgmt(f"{line} -o table", ok=True).out
            assert all(text in shown for text in expected), shown


class TestKeys:
    def test_an_account_has_two_keys_that_do_not_change(self, mlmgmt: Command, home: Path) -> None:
        mlmgmt(f"{MAKE} retailmodels", ok=True)
        line = "Get-AzureRmStorageAccountKey -ResourceGroupName retail -Name retailmodels"
        keys = mlmgmt(line, ok=True).json
        assert [key["KeyName"] for key in keys] == ["key1", "key2"]
        assert {key["Permissions"] for key in keys} == {"Full"}
        assert len({key["Value"] for key in keys}) == 2
        assert mlmgmt(line, ok=True).json == keys

    def test_the_second_key_of_the_home_s_own_account_is_made_on_first_use(self, mlmgmt: Command, home: Path) -> None:
        name = own_account(mlmgmt)
        (first,) = Session().store.secrets.account_keys(name)
        keys = [key["Value"] for key in mlmgmt(f"storage-keys -n {name}", ok=True).json]
        assert keys[0] == first
        assert Session().store.secrets.account_keys(name) == tuple(keys)
        assert not any(key in path.read_text() for key in keys for path in home.rglob("*.json"))

    def test_a_job_accepts_either_key_and_signatures_of_either_key(self, mlmgmt: Command, home: Path) -> None:
        deploy(mlmgmt, "query", query_definition())
        name = own_account(mlmgmt)
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
    def test_a_signature_for_a_blob(self, mlmgmt: Command, home: Path) -> None:
        name = own_account(mlmgmt)
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

    def test_a_signature_for_a_container(self, mlmgmt: Command, home: Path) -> None:
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
    def test_invalid_signature_requests_are_refused(self, mlmgmt: Command, home: Path, words: str, code: str) -> None:
        refused = mlmgmt(f"sas {words}")
        assert refused.status == 1
        assert code in refused.err
