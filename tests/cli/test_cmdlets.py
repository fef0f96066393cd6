"""How cmdlets are spelled, what their parameters accept, and the questions before a change."""

from __future__ import annotations

import json
import shlex
from hashlib import sha256
from pathlib import Path

import pytest

from mlmgmt.cli import views
from mlmgmt.cmdlets import registry
from tests.conftest import Command, small_definition


@pytest.mark.parametrize(
    "line",
    [
        "Get-AzMlWebService -ResourceGroupName retail -Name small",
        "get-azurermmlwebservice -resourcegroupname retail -name small",
        "GET-AZMLWEBSERVICE -ResourceGroupName:retail -Name:small",
        "get --resource-group-name retail --name small",
        "get --resource-group-name=retail --name=small",
        "get -g retail -n small",
        "Get -Res retail -Na small",
        "get -g retail -n SMALL -DefaultProfile anything -ErrorAction Stop -Verbose",
    ],
)
def test_every_spelling_finds_the_service(mlmgmt: Command, small: Path, line: str) -> None:
    assert mlmgmt(line, ok=True).json["name"] == "small"


def test_every_name_of_every_cmdlet_has_help_with_an_example(mlmgmt: Command) -> None:
    for cmdlet in registry.CMDLETS:
        for name in (*cmdlet.spellings, *cmdlet.short):
            shown = mlmgmt([name.upper(), "--help"], ok=True).out
            assert cmdlet.example in shown, name


def test_every_declared_view_exists() -> None:
    # Four forms are not functions of a result.
    assert {cmdlet.view for cmdlet in registry.CMDLETS} == {*views.VIEWS, "text", "topic", "json", "diff"}


def test_help_lists_all_commands_by_step(mlmgmt: Command) -> None:
    shown = mlmgmt("--help", ok=True).out
    steps = [line for line in shown.splitlines() if line[:1].isdigit()]
    assert [step[0] for step in steps] == ["1", "2", "3", "4", "5", "6", "7", "8", "9"]
    for cmdlet in registry.CMDLETS:
        assert cmdlet.summary in shown


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("get -R retail", "AmbiguousParameter"),
        ("get -Colour red", "NamedParameterNotFound"),
        ("get -g", "MissingArgument"),
        ("get -g -n small", "MissingArgument"),
        ("get -g retail -g retail", "ParameterAlreadyBound"),
        ("get -g retail stray", "PositionalParameterNotFound"),
        ("new -g retail -n small", "MissingMandatoryParameter"),
        ("remove -g retail", "MissingMandatoryParameter"),
        ("update -g retail -n small -Title x -ServiceUpdates small.json", "AmbiguousParameterSet"),
        ("update -g retail -n small -Force:maybe", "InvalidSwitch"),
        ("gett -g retail", "CommandNotFound"),
        ("get -n small", "ResourceGroupName"),
        ("retrain -g retail -n small --data small.json --holdout many", "ParameterArgumentTransformationError"),
        ("token -Hours soon", "ParameterArgumentTransformationError"),
        ("set-context -Role King", "ParameterArgumentTransformationError"),
    ],
)
def test_wrong_usage_is_exit_2_and_says_what_is_wrong(mlmgmt: Command, small: Path, line: str, code: str) -> None:
    refused = mlmgmt(line)
    assert refused.status == 2
    assert code in refused.err
    assert refused.out == ""


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("new-group dm", "Did you mean: mlmgmt new-group -n dm?"),
        ("history churn", "Did you mean: mlmgmt history -n churn?"),
        ("get -g retail small", "Did you mean -n small?"),
        ("set-context reader", "Did you mean: mlmgmt set-context --role reader?"),
        ("new-group 'a b'", "Did you mean: mlmgmt new-group -n 'a b'?"),
        ("status small", "See: mlmgmt status --help"),
    ],
)
def test_an_unexpected_argument_gets_the_parameter_that_was_meant(mlmgmt: Command, line: str, hint: str) -> None:
    refused = mlmgmt(line)
    assert refused.status == 2
    assert f"Unexpected argument {shlex.split(line)[-1]!r}." in refused.err
    assert f"Hint: {hint}" in refused.err


def test_a_missing_parameter_is_shown_with_its_choices(mlmgmt: Command) -> None:
    Path("x.csv").write_text("a\n1\n")
    refused = mlmgmt("new-experiment X --data x.csv")
    assert refused.status == 2
    assert "Missing: --task (binary, multiclass, regression, clustering)." in refused.err


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("--home elsewhere status", "Write: mlmgmt status --home elsewhere"),
        ("-o json batch status -g retail -n small", "Write: mlmgmt batch status -g retail -n small -o json"),
        ("--home elsewhere", "See: mlmgmt --help"),
    ],
)
def test_an_option_before_the_command_is_moved_behind_it(mlmgmt: Command, line: str, hint: str) -> None:
    refused = mlmgmt(line)
    assert refused.status == 2
    assert f"Hint: {hint}" in refused.err or json.loads(refused.err)["error"]["hint"] == hint


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("get", "web services"),
        ("web-services", "web services"),
        ("experiments", "experiments"),
        ("plans", "commitment plans"),
        ("trained-models Workspace", "trained models"),
    ],
)
def test_an_empty_list_says_what_is_missing(mlmgmt: Command, home: Path, line: str, what: str) -> None:
    shown = mlmgmt(f"{line} -o table", ok=True)
    assert (shown.out, shown.err) == ("", f"There are no {what}.\n")
    assert mlmgmt(f"{line} -o json", ok=True).json == []


def test_a_misspelt_command_gets_the_nearest_name(mlmgmt: Command) -> None:
    assert "Get-AzMlWebService" in mlmgmt("Get-AzMlWebServce").err


@pytest.mark.parametrize(
    "line", ["get", "status", "history -g a -n b", "score -g a -n b --input x.csv", "keys -g a -n b"]
)
def test_without_a_home_every_command_says_how_to_make_one(mlmgmt: Command, line: str) -> None:
    Path("x.csv").write_text("a\n1\n")
    refused = mlmgmt(line)
    assert refused.status == 1
    assert "NoHome" in refused.err
    assert "Connect-AzAccount" in refused.err


class TestGates:
    def test_without_a_terminal_the_question_is_an_error(self, mlmgmt: Command, small: Path) -> None:
        refused = mlmgmt("update -g retail -n small -Title New")
        assert refused.status == 1
        assert "-Force" in refused.err
        assert mlmgmt("get -g retail -n small", ok=True).json["properties"]["title"] == "Small"

    def test_confirm_false_does_not_answer_the_question(self, mlmgmt: Command, small: Path) -> None:
        assert mlmgmt("update -g retail -n small -Title New -Confirm:$false").status == 1
        assert mlmgmt("update -g retail -n small -Title New -Force -Confirm").status == 1
        assert mlmgmt("update -g retail -n small -Title New -Force -Confirm:$false").status == 0

    @pytest.mark.parametrize(
        ("answer", "title"), [("y\n", "New"), ("\n", "New"), ("?\nyes\n", "New"), ("n\n", "Small"), ("", "Small")]
    )
    def test_the_answer_decides(
        self, mlmgmt: Command, small: Path, monkeypatch: pytest.MonkeyPatch, answer: str, title: str
    ) -> None:
        Path("tty").write_text(answer)
        real_open = open

        def terminal(path: str, mode: str = "r") -> object:
            return real_open("tty" if mode == "r" else "/dev/null", mode)

        monkeypatch.setattr("mlmgmt.cli.ask.open", terminal, raising=False)
        done = mlmgmt("update -g retail -n small -Title New")
        assert done.status == (0 if title == "New" else 1)
        assert mlmgmt("get -g retail -n small", ok=True).json["properties"]["title"] == title
        if title == "Small":
            given = "The answer was no" if answer else "No answer was given"
            assert f"{given}; nothing was changed." in done.err

    def test_what_if_shows_the_change_and_makes_none(self, mlmgmt: Command, small: Path) -> None:
        shown = mlmgmt("update -g retail -n small -Title New -WhatIf", ok=True)
        assert 'What if: Performing the operation "Updating the web service" on target "small".' in shown.err
        assert shown.json[0]["new"] == "New"
        assert mlmgmt("get -g retail -n small", ok=True).json["mlmgmt"]["revision"] == 1

    def test_what_if_refuses_a_bad_file(self, mlmgmt: Command, small: Path) -> None:
        Path("bad.json").write_text("{")
        assert mlmgmt("new -g retail -l west -n other -DefinitionFile bad.json -WhatIf").status == 1

    def test_export_asks_only_before_overwriting(self, mlmgmt: Command, small: Path) -> None:
        wsd = mlmgmt("get -g retail -n small", ok=True).out
        assert mlmgmt("export -OutputFile out.json", stdin=wsd).status == 0
        text = Path("out.json").read_text()
        assert mlmgmt("export -OutputFile out.json", stdin=wsd).status == 1
        assert mlmgmt("export -OutputFile out.json -Force", stdin=wsd).status == 0
        assert Path("out.json").read_text() == text

    def test_making_read_only_is_final(self, mlmgmt: Command, small: Path) -> None:
        mlmgmt("update -g retail -n small -IsReadOnly -Force", ok=True)
        for line in (
            "update -g retail -n small -Title New -Force",
            "new -g retail -l southcentralus -n small -DefinitionFile small.json -Force",
            "rollback -g retail -n small --to 1",
        ):
            refused = mlmgmt(line)
            assert refused.status == 1
            assert "WebServiceReadOnly" in refused.err
        mlmgmt("remove -g retail -n small -Force", ok=True)


class TestStructured:
    def test_a_hashtable_changes_one_key_and_keeps_the_other(self, mlmgmt: Command, small: Path) -> None:
        before = mlmgmt("keys -g retail -n small", ok=True).json
        mlmgmt(["update", "-g", "retail", "-n", "small", "-Keys", "@{primary='cHJpbWFyeQ=='}", "-Force"], ok=True)
        assert mlmgmt("keys -g retail -n small", ok=True).json == {**before, "Primary": "cHJpbWFyeQ=="}

    @pytest.mark.parametrize("form", ["@{MaxConcurrentCalls=30}", '{"maxConcurrentCalls": 30}', "calls.json", "-"])
    def test_four_forms_of_one_structure(self, mlmgmt: Command, small: Path, form: str) -> None:
        Path("calls.json").write_text('{"MaxConcurrentCalls": "30"}')
        words = ["update", "-g", "retail", "-n", "small", "-RealtimeConfiguration", form, "-Force"]
        updated = mlmgmt(words, stdin='{"MaxConcurrentCalls": 30}', ok=True).json
        assert updated["properties"]["realtimeConfiguration"] == {"maxConcurrentCalls": 30}

    def test_an_unknown_key_is_refused_as_wrong_usage(self, mlmgmt: Command, small: Path) -> None:
        refused = mlmgmt(["update", "-g", "retail", "-n", "small", "-Keys", "@{Primry='x'}", "-Force"])
        assert refused.status == 2
        assert "'primary'" in refused.err

    def test_a_value_out_of_bounds_is_refused_with_the_bound(self, mlmgmt: Command, small: Path) -> None:
        refused = mlmgmt(
            ["update", "-g", "retail", "-n", "small", "-RealtimeConfiguration", "@{MaxConcurrentCalls=3}", "-Force"]
        )
        assert refused.status == 1
        assert "at least 4" in refused.err

    def test_tags_are_replaced_and_cleared(self, mlmgmt: Command, small: Path) -> None:
        updated = mlmgmt(["update", "-g", "retail", "-n", "small", "-Tag", "@{Team='a b'; nr=7}", "-Force"])
        assert updated.json["tags"] == {"Team": "a b", "nr": "7"}
        assert mlmgmt("update -g retail -n small --clear tags,title -Force", ok=True).json["tags"] == {}
        assert "title" not in mlmgmt("get -g retail -n small", ok=True).json["properties"]


class TestPipeline:
    def test_remove_and_keys_accept_the_output_of_get(self, mlmgmt: Command, small: Path) -> None:
        wsd = mlmgmt("get -g retail -n small", ok=True).out
        assert mlmgmt("keys", stdin=wsd, ok=True).json == mlmgmt("keys -g retail -n small", ok=True).json
        mlmgmt("remove -Force", stdin=wsd, ok=True)
        gone = mlmgmt("get -g retail -n small")
        assert "WebServiceNotFound" in gone.err
        assert "restore" in gone.err

    def test_a_definition_without_an_id_does_not_name_a_service(self, mlmgmt: Command, small: Path) -> None:
        refused = mlmgmt("remove -Force", stdin=small.read_text())
        assert refused.status == 1
        assert "InvalidResourceId" in refused.err

    def test_an_empty_pipe_is_an_error(self, mlmgmt: Command, small: Path) -> None:
        refused = mlmgmt("update -g retail -n small -Force", stdin="")
        assert refused.status == 1
        assert "EmptyInput" in refused.err

    def test_an_update_that_changes_nothing_is_refused(self, mlmgmt: Command, small: Path) -> None:
        refused = mlmgmt("update -g retail -n small -Force", stdin=small.read_text())
        assert refused.status == 1
        assert "NothingChanged" in refused.err

    def test_a_hashtable_with_only_properties_is_a_definition(self, mlmgmt: Command, small: Path) -> None:
        words = [
            "update",
            "-g",
            "retail",
            "-n",
            "small",
            "-ServiceUpdates",
            "@{ Properties = @{ Title='T2' } }",
            "-Force",
        ]
        assert mlmgmt(words, ok=True).json["properties"]["title"] == "T2"


class TestRoles:
    def test_a_reader_can_look_but_not_change(self, mlmgmt: Command, small: Path) -> None:
        mlmgmt("Set-AzContext -Role Reader", ok=True)
        for line in (
            "new -g retail -l southcentralus -n other -DefinitionFile small.json -Force",
            "update -g retail -n small -Title New -Force",
            "remove -g retail -n small -Force",
            "new-group -n other -l west",
        ):
            refused = mlmgmt(line)
            assert refused.status == 1
            assert "AuthorizationFailed" in refused.err
        assert mlmgmt("get -g retail -n small", ok=True).json["name"] == "small"
        assert mlmgmt("status", ok=True).json["Role"] == "Reader"


class TestEtags:
    def test_a_stale_write_is_refused_with_both_etags(self, mlmgmt: Command, small: Path) -> None:
        first = mlmgmt("get -g retail -n small", ok=True).json["etag"]
        second = mlmgmt(f"update -g retail -n small -Title A -IfMatch {first} -Force", ok=True).json["etag"]
        refused = mlmgmt(f"update -g retail -n small -Title B -IfMatch {first} -Force")
        assert refused.status == 1
        assert first in refused.err
        assert second in refused.err


def test_lists_are_sparse_and_limited_to_the_group(mlmgmt: Command, small: Path) -> None:
    mlmgmt("new-group -n other -l west", ok=True)
    mlmgmt("new -g other -l west -n Second -DefinitionFile small.json -Force", ok=True)
    group = mlmgmt("get -g retail", ok=True).json
    assert [item["name"] for item in group] == ["small"]
    assert "package" not in group[0]["properties"]
    assert {item["name"] for item in mlmgmt("get", ok=True).json} == {"small", "Second"}
    export = mlmgmt("export -OutputFile x.json", stdin=json.dumps(group[0]))
    assert export.status == 1
    assert "MissingPackage" in export.err


def test_account_plan_and_location_cannot_change(mlmgmt: Command, home: Path) -> None:
    definition = small_definition(
        storageAccount={"name": "first", "key": "c2VjcmV0"}, commitmentPlan={"id": "/plans/a"}
    )
    Path("d.json").write_text(json.dumps(definition))
    mlmgmt("new -g retail -l southcentralus -n d -DefinitionFile d.json -Force", ok=True)
    for change, code in (
        ({"storageAccount": {"name": "other"}}, "CannotChangeStorageAccount"),
        ({"commitmentPlan": {"id": "/plans/b"}}, "CannotChangeCommitmentPlan"),
    ):
        refused = mlmgmt("update -g retail -n d -Force", stdin=json.dumps({"properties": change}))
        assert refused.status == 1
        assert code in refused.err
    moved = mlmgmt(
        "update -g retail -n d -Force", stdin=json.dumps({"location": "West US", "properties": {"title": "x"}})
    )
    assert "InvalidResourceLocation" in moved.err
    same = {
        "location": "SOUTH central us",
        "properties": {"title": "x", "storageAccount": {"name": "First", "key": "bmV3"}},
    }
    mlmgmt("update -g retail -n d -Force", stdin=json.dumps(same), ok=True)


def test_removing_keeps_history_and_restoring_brings_the_keys_back(mlmgmt: Command, small: Path) -> None:
    keys = mlmgmt("keys -g retail -n small", ok=True).json
    mlmgmt("remove -g retail -n small -Force -Message retired", ok=True)
    assert mlmgmt("history -g retail -n small", ok=True).json[0]["Message"] == "retired"
    again = mlmgmt("remove -g retail -n small -Force", ok=True)
    assert "nothing was removed" in again.err
    assert [row["Change"] for row in mlmgmt("history -g retail -n small", ok=True).json] == ["removed", "created"]
    mlmgmt("restore -g retail -n small -Message sorry", ok=True)
    assert mlmgmt("keys -g retail -n small", ok=True).json == keys
    assert mlmgmt("history -g retail -n small", ok=True).json[0]["Message"] == "sorry"
    assert "not removed" in mlmgmt("restore -g retail -n small").err


def test_secrets_are_only_in_the_configuration(mlmgmt: Command, home: Path, tmp_path: Path) -> None:
    secret = "c3VwZXItc2VjcmV0LXZhbHVl"
    definition = small_definition(keys={"primary": secret}, storageAccount={"name": "acct", "key": secret})
    asset = definition["properties"]["assets"]["asset1"]
    definition["properties"]["assets"]["model"] = {
        "name": "m",
        "type": "Resource",
        "locationInfo": {
            "uri": f"https://elsewhere.blob.core.windows.net/c/m.ilearner?sig={secret}",
            "credentials": secret,
        },
    }
    assert asset
    Path("d.json").write_text(json.dumps(definition))
    shown = mlmgmt("new -g retail -l southcentralus -n d -DefinitionFile d.json -Force", ok=True)
    assert secret not in shown.out + shown.err
    for path in home.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
    config = tmp_path / "config"
    for path in config.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert mlmgmt("keys -g retail -n d", ok=True).json["Primary"] == secret


def test_the_schema_is_printed(mlmgmt: Command) -> None:
    schema = mlmgmt("schema webservice", ok=True).json
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    calls = schema["$defs"]["realtimeConfiguration"]["properties"]["maxConcurrentCalls"]
    assert (calls["minimum"], calls["maximum"]) == (4, 200)


def test_every_schema_member_has_a_title_and_a_description(mlmgmt: Command) -> None:
    def check(name: str, body: object) -> None:
        if isinstance(body, dict):
            for member, below in (body.get("properties") or {}).items():
                assert below["title"], (name, member)
                assert below["description"].endswith((".", "}.")), (name, member)
                check(f"{name}.{member}", below)

    schema = mlmgmt("schema", ok=True).json
    check("", schema)
    for name, definition in schema["$defs"].items():
        check(name, definition)


def test_tokens_expire_and_are_saved_as_digests(mlmgmt: Command, home: Path, tmp_path: Path) -> None:
    token = mlmgmt("token -Hours 2", ok=True).json
    (kept,) = (tmp_path / "config").rglob("tokens/*.json")
    assert kept.stem == sha256(token["Token"].encode()).hexdigest()
    assert token["ExpiresOn"] in kept.read_text()
    assert mlmgmt("token -Hours 10000").status == 1


def test_version_and_completion_scripts(mlmgmt: Command) -> None:
    assert mlmgmt("--version", ok=True).out.startswith("mlmgmt 0.")
    for shell in ("bash", "zsh", "fish", "powershell", "pwsh"):
        assert "_MLMGMT_COMPLETE" in mlmgmt(f"--show-completion {shell}", ok=True).out


@pytest.mark.parametrize("name", ["-ServiceUpdates", "-DefinitionFile", "-InputFile", "-UpdatedWebServiceDefinition"])
def test_update_takes_a_file_under_the_names_of_its_sisters(mlmgmt: Command, small: Path, name: str) -> None:
    body = json.loads(small.read_text())
    body["properties"]["title"] = f"Title by {name}"
    small.write_text(json.dumps(body))
    updated = mlmgmt(f"update -g retail -n small {name} small.json -Force", ok=True).json
    assert updated["properties"]["title"] == f"Title by {name}"


@pytest.mark.parametrize("line", ["import -DefinitionFile", "test -DefinitionFile", "assets -DefinitionFile"])
def test_commands_that_read_a_definition_take_definition_file(mlmgmt: Command, small: Path, line: str) -> None:
    assert mlmgmt(f"{line} small.json").status == 0


def test_new_takes_input_file_and_export_definition_file(mlmgmt: Command, small: Path) -> None:
    mlmgmt("new -g retail -l southcentralus -n other -InputFile small.json -Force", ok=True)
    piped = mlmgmt("get -g retail -n other", ok=True).out
    mlmgmt("export -DefinitionFile out.json", stdin=piped, ok=True)
    assert json.loads(Path("out.json").read_text())["properties"]["title"] == "Small"
