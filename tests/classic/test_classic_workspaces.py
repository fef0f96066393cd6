"""Classic workspaces: make them, also from a config.json, choose one by it, and keep them apart."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlmgmt.errors import Conflict
from mlmgmt.store.classic import Workspaces
from mlmgmt.verbs.classic import workspaces
from mlmgmt.verbs.session import Session
from tests.classic.classic_home import AT, SCORING, TRAINING, Bikes, answers, rentals

if TYPE_CHECKING:
    from tests.conftest import Command

OLD = {
    "Location": "West Europe",
    "WorkspaceId": "0F1E2D3C4B5A69788796A5B4C3D2E1F0",
    "AuthorizationToken": b64encode(bytes(range(64))).decode(),
}
ID = OLD["WorkspaceId"].lower()


def config(path: str = "config.json", **changed: Any) -> Path:
    """Write a config.json as old scripts have it."""
    Path(path).write_text(json.dumps(OLD | changed))
    return Path(path)


@pytest.fixture
def with_old_workspace(mlmgmt: Command, bikes: Bikes) -> Bikes:
    """A home that also has the workspace of an old config.json; that file is not in the working folder."""
    config("old.json")
    mlmgmt("New-AmlWorkspace Bikes -ConfigFile old.json", ok=True)
    return bikes


class TestNew:
    def test_a_home_has_a_workspace_from_the_start(self, mlmgmt: Command, bikes: Bikes) -> None:
        (own,) = mlmgmt("Get-AmlWorkspace", ok=True).json
        home = json.loads((bikes.root / "home.json").read_text())
        assert own == {
            "WorkspaceId": home["id"],
            "Name": "mlmgmt home",
            "Location": "South Central US",
            "CreationTime": "",
            "Experiments": 2,
            "WebServices": 2,
        }

    def test_each_has_its_own_id_region_and_tokens(self, mlmgmt: Command, bikes: Bikes) -> None:
        before = bikes.everything()
        mlmgmt("new-workspace Oslo -l japaneast -WhatIf", ok=True)
        assert bikes.everything() == before
        made = mlmgmt("new-workspace Oslo -l japaneast", ok=True).json
        assert (made["Name"], made["Location"]) == ("Oslo", "Japan East")
        other = mlmgmt("new-workspace Bergen", ok=True).json
        tokens = [workspaces.tokens(Session(), body["WorkspaceId"]) for body in (made, other)]
        assert len({token for pair in tokens for token in pair.values()}) == 4
        listed = {body["WorkspaceId"]: body for body in mlmgmt("workspaces", ok=True).json}
        assert next(iter(listed)) == Session().workspace
        assert listed[made["WorkspaceId"]] == made | {"Experiments": 0, "WebServices": 0}
        # Tokens are not stored in the home.
        home = b"".join(bikes.files().values())
        assert not any(token.encode() in home for pair in tokens for token in pair.values())

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (["-WorkspaceId", "bikes"], "BadParameterValue"),
            (["-WorkspaceId", ID], "WorkspaceExists"),
            (["-WorkspaceId", ID.upper()], "WorkspaceExists"),
            (["-ConfigFile", "old.json"], "WorkspaceExists"),
            (["-Location", "Mars"], "BadParameterValue"),
            (["-AuthorizationToken", "short"], "BadParameterValue"),
            (["-ConfigFile", "missing.json"], "FileNotFound"),
        ],
    )
    def test_new_is_refused(self, mlmgmt: Command, with_old_workspace: Bikes, words: list[str], code: str) -> None:
        before = with_old_workspace.everything()
        refused = mlmgmt(["new-workspace", "Oslo", *words])
        assert refused.status == 1
        assert code in refused.err
        assert with_old_workspace.everything() == before

    def test_only_one_of_two_concurrent_workspaces_with_one_id_is_made(self, bikes: Bikes) -> None:
        first, second = (
            workspaces.plan_create(Session(), name=name, workspace_id=ID, authorization_token=name * 88)
            for name in "ab"
        )
        first.apply()
        with pytest.raises(Conflict) as refused:
            second.apply()
        assert "WorkspaceExists" in refused.value.codes()
        assert workspaces.existing(Session(), ID)["Name"] == "a"
        assert workspaces.tokens(Session(), ID)["primary"] == "a" * 88


class TestOldScripts:
    def test_run_unchanged_once_their_workspace_is_here(self, mlmgmt: Command, bikes: Bikes) -> None:
        config()
        unknown = mlmgmt("Get-AmlWebService")
        assert "WorkspaceNotFound" in unknown.err
        assert "mlmgmt new-workspace NAME -ConfigFile config.json" in unknown.err
        made = mlmgmt("new-workspace Bikes -ConfigFile config.json", ok=True).json
        assert (made["WorkspaceId"], made["Location"]) == (ID, "West Europe")
        assert mlmgmt("Get-AmlWebService", ok=True).json == []
        Path("rentals.csv").write_text(rentals(0))
        mlmgmt(f"new-experiment '{TRAINING}' --task regression --label cnt --data rentals.csv", ok=True)
        mlmgmt(f"set-up-web-service '{TRAINING}' --predictive", ok=True)
        service = mlmgmt(["New-AmlWebService", "-PredictiveExperimentId", SCORING], ok=True).json
        assert service["WorkspaceId"] == ID
        given = [word for name, value in OLD.items() for word in (f"-{name}", value)]
        Path("config.json").unlink()
        words = ["Get-AmlWebServiceEndpoint", "-WebServiceId", service["Id"], *given, "-IntegrationTest"]
        endpoint = mlmgmt(words, ok=True).json[0]
        assert endpoint["ApiLocation"].startswith(f"https://europewest.services.azureml.net/workspaces/{ID}/services/")
        # Each workspace has only its own web services.
        assert bikes.service in str(mlmgmt("web-services", ok=True).json)
        assert service["Id"] not in str(mlmgmt("web-services", ok=True).json)
        assert "WebServiceIdNotFoundInWorkspace" in mlmgmt(["endpoints", service["Id"]]).err
        assert "WebServiceIdNotFoundInWorkspace" in mlmgmt(["endpoints", bikes.service, *given]).err
        counted = {body["Name"]: body["WebServices"] for body in mlmgmt("workspaces", ok=True).json}
        assert counted == {"mlmgmt home": 2, "Bikes": 1}

    @pytest.mark.parametrize(
        ("changed", "code", "says"),
        [
            ({"WorkspaceId": "f" * 32}, "WorkspaceNotFound", f"no workspace '{'f' * 32}'"),
            ({"WorkspaceId": "../" + ID}, "WorkspaceNotFound", "no workspace"),
            ({"AuthorizationToken": OLD["AuthorizationToken"].lower()}, "ManagementRequestUnauthorized", "token"),
            (
                {"Location": "South Central US"},
                "WorkspaceInAnotherRegion",
                "in 'West Europe', not in 'South Central US'",
            ),
            ({"Location": "Mars"}, "BadParameterValue", "'Mars'"),
        ],
    )
    def test_the_wrong_one_of_the_three_is_named(
        self, mlmgmt: Command, with_old_workspace: Bikes, changed: dict[str, str], code: str, says: str
    ) -> None:
        (name,) = changed
        words = [word for key, value in (OLD | changed).items() for word in (f"-{key}", value)]
        config(**changed)
        for refused in (mlmgmt("web-services"), mlmgmt(["web-services", *words])):
            assert refused.status == 1
            assert code in refused.err
            assert says in refused.err
            assert f"Target: {name}" in refused.err
        config()
        mlmgmt("web-services", ok=True)

    def test_the_spelling_of_id_and_region_does_not_matter(self, mlmgmt: Command, with_old_workspace: Bikes) -> None:
        mlmgmt(["web-services", "-WorkspaceId", ID, "-Location", "westeurope"], ok=True)
        Path("config.json").write_text(json.dumps({name.lower(): value for name, value in OLD.items()}))
        assert mlmgmt("web-services", ok=True).json == []


class TestConfigFile:
    def test_parameters_override_a_named_file_and_that_overrides_the_folders(
        self, mlmgmt: Command, with_old_workspace: Bikes
    ) -> None:
        own = Session().workspace
        config()
        assert mlmgmt("web-services", ok=True).json == []
        config("mine.json", WorkspaceId=own, Location="South Central US", AuthorizationToken=None)
        assert len(mlmgmt("web-services -ConfigFile mine.json", ok=True).json) == 2
        # The token and the region of the file belong to another workspace than the one that is named.
        assert len(mlmgmt(["web-services", "-WorkspaceId", own], ok=True).json) == 2
        wrong = mlmgmt(["web-services", "-AuthorizationToken", "x" * 88])
        assert "ManagementRequestUnauthorized" in wrong.err
        assert f"-WorkspaceId {ID}" in wrong.err
        elsewhere = mlmgmt(["web-services", "-Location", "Japan East"])
        assert "WorkspaceInAnotherRegion" in elsewhere.err
        assert "config.json" in elsewhere.err

    @pytest.mark.parametrize("text", ["[]", "{", '{"WorkspaceId": 5}', '{"WorkspaceId": "a", "WorkspaceId": "b"}'])
    def test_a_named_file_must_be_valid(self, mlmgmt: Command, bikes: Bikes, text: str) -> None:
        Path("named.json").write_text(text)
        refused = mlmgmt("web-services -ConfigFile named.json")
        assert refused.status == 1
        assert "InvalidConfigFile" in refused.err
        assert "FileNotFound" in mlmgmt("web-services -ConfigFile missing.json").err

    @pytest.mark.parametrize("text", ["[]", "{", '{"name": "a web page", "Location": "here"}'])
    def test_a_config_json_of_another_program_is_ignored(self, mlmgmt: Command, bikes: Bikes, text: str) -> None:
        Path("config.json").write_text(text)
        assert len(mlmgmt("web-services", ok=True).json) == 2

    def test_it_is_written_so_that_only_its_owner_can_read_it(self, mlmgmt: Command, with_old_workspace: Bikes) -> None:
        mlmgmt("Export-AmlWorkspaceConfig", ok=True)
        file = Path("config.json")
        assert file.stat().st_mode & 0o777 == 0o600
        written = json.loads(file.read_text())
        assert list(written) == list(OLD)
        assert written["WorkspaceId"] == Session().workspace
        assert len(written["AuthorizationToken"]) == 88
        assert len(mlmgmt("web-services", ok=True).json) == 2
        assert "FileExists" in mlmgmt("workspace-config").err
        mlmgmt(["workspace-config", "config.json", "-WorkspaceId", ID, "-Force"], ok=True)
        assert json.loads(file.read_text()) == OLD | {"WorkspaceId": ID}
        assert mlmgmt("web-services", ok=True).json == []
        # The second token works too.
        second = workspaces.tokens(Session(), ID)["secondary"]
        mlmgmt(["web-services", "-AuthorizationToken", second], ok=True)
        assert "WorkspaceNotFound" in mlmgmt(f"workspace-config other.json -WorkspaceId {'f' * 32}").err


def test_an_endpoints_key_works_as_token_only_for_that_endpoint(mlmgmt: Command, bikes: Bikes) -> None:
    for side in ("PrimaryKey", "SecondaryKey"):
        key = ["-AuthorizationToken", mlmgmt(["endpoints", SCORING, "loc001"], ok=True).json[side]]
        mlmgmt(["endpoints", SCORING, "loc001", *key], ok=True)
        mlmgmt(["history", *AT, "loc001", *key], ok=True)
        for words in (
            ["endpoints", SCORING, "loc002"],
            ["endpoints", SCORING],
            ["web-services"],
            ["deploy", SCORING],
            ["add-endpoint", *AT, "loc003"],
            bikes.patch("loc002", "model001"),
            ["remove-web-service", SCORING, "-Force"],
        ):
            assert "ManagementRequestUnauthorized" in mlmgmt([*words, *key]).err
    mlmgmt([*bikes.patch("loc001", "model001"), *key], ok=True)
    assert answers(mlmgmt, "loc001", 1)


class TestDamaged:
    @pytest.mark.parametrize("text", ["", "{}", "[1]", '{"WorkspaceId": 1}', None])
    def test_a_damaged_workspace_does_not_affect_the_others(
        self, mlmgmt: Command, with_old_workspace: Bikes, text: str | None
    ) -> None:
        file = with_old_workspace.root / "workspaces" / ID / "workspace.json"
        whole = file.read_text()
        file.write_text(whole[:-20] if text is None else text)
        for words in (["workspaces"], ["web-services", "-WorkspaceId", ID]):
            refused = mlmgmt(words)
            assert refused.status == 1
            assert "HomeDamaged" in refused.err
            assert str(file) in refused.err
        mlmgmt(with_old_workspace.patch("loc001", "model001", "-WhatIf"), ok=True)
        file.write_text(whole)
        assert Workspaces(with_old_workspace.root).read(ID) == json.loads(whole)

    @pytest.mark.parametrize("text", ["", "{}", None])
    def test_a_damaged_web_service_does_not_affect_the_others(
        self, mlmgmt: Command, bikes: Bikes, text: str | None
    ) -> None:
        file = bikes.root / "workspaces" / Session().workspace / "webservices" / bikes.training / "service.json"
        other = json.dumps({**json.loads(file.read_text()), "Id": "0" * 32})
        file.write_text(other if text is None else text)
        for words in (["web-services"], ["endpoints", TRAINING], ["endpoints", bikes.training]):
            refused = mlmgmt(words)
            assert "HomeDamaged" in refused.err
            assert str(file) in refused.err
        assert len(mlmgmt(["endpoints", SCORING], ok=True).json) == 3
        assert len(mlmgmt(["endpoints", bikes.service], ok=True).json) == 3
        assert answers(mlmgmt, "loc001", 0)

    def test_a_damaged_endpoint_does_not_affect_the_others(self, mlmgmt: Command, bikes: Bikes) -> None:
        (revision,) = (Path(path) for path in bikes.endpoint("loc001") if path.endswith("000001.json"))
        current = revision.parent.parent / "webservice.json"
        current.write_text("{")
        # The current document is rebuilt from the revision.
        assert answers(mlmgmt, "loc001", 0)
        revision.write_text("{")
        for words in (["endpoints", SCORING, "loc001"], ["endpoints", SCORING], bikes.patch("loc001", "model001")):
            assert "HomeDamaged" in mlmgmt(words).err
        assert answers(mlmgmt, "loc002", 0)
        mlmgmt(bikes.patch("loc002", "model001"), ok=True)
        assert answers(mlmgmt, "loc002", 1)


def test_a_home_that_is_not_trusted_is_read_only(
    mlmgmt: Command, bikes: Bikes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = bikes.patch("loc001", "model001")
    monkeypatch.setenv("MLMGMT_CONFIG", str(tmp_path / "another user's"))
    before = bikes.files()
    assert len(mlmgmt("web-services", ok=True).json) == 2
    shown = mlmgmt(["endpoints", SCORING, "loc001"], ok=True).json
    assert (shown["PrimaryKey"], shown["SecondaryKey"]) == (None, None)
    assert len(mlmgmt("workspaces", ok=True).json) == 1
    for words in (
        patch,
        ["deploy", SCORING],
        ["deploy", SCORING, "-Update"],
        ["add-endpoint", *AT, "loc003"],
        ["refresh-endpoint", *AT, "loc001"],
        ["remove-endpoint", *AT, "loc001", "-Force"],
        ["remove-web-service", SCORING, "-Force"],
        ["rollback", *AT, "loc001"],
        ["new-workspace", "Other"],
        ["workspace-config"],
    ):
        refused = mlmgmt(words)
        assert refused.status == 1
        assert "HomeNotTrusted" in refused.err
    assert bikes.files() == before
    assert not Path("config.json").exists()


def test_a_config_file_that_nobody_named_is_said_where_it_chooses_another_workspace(
    mlmgmt: Command, home: Path
) -> None:
    mlmgmt("new-workspace second", ok=True)
    (second,) = (body["WorkspaceId"] for body in mlmgmt("workspaces", ok=True).json if body["Name"] == "second")
    mlmgmt(f"workspace-config config.json -WorkspaceId {second}", ok=True)
    listed = mlmgmt("web-services", ok=True)
    assert listed.json == []
    assert f"Using workspace {second} (from config.json)." in listed.err
    assert "Using workspace" not in mlmgmt("web-services -ConfigFile config.json", ok=True).err
