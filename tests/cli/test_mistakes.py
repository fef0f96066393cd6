"""Mistakes that are easy to make and hard to see. Each was made once; none may go unnoticed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlmgmt.definition.document import write
from mlmgmt.verbs.services import lookup
from tests.conftest import Command, environment, small_definition
from tests.retraining.test_retraining import RETRAIN, blobs


def test_a_copy_of_a_home_does_not_trust_its_models(mlmgmt: Command, exported: Path, churn: Path) -> None:
    """The checks of the original home do not count in the copy."""
    first = json.loads(exported.read_text())["properties"]["assets"]["asset3"]["locationInfo"]["uri"]
    shutil.copytree(".mlmgmt", "copy/.mlmgmt")
    place = "--home copy/.mlmgmt"
    mlmgmt(f"trust-home {place}", ok=True)
    mlmgmt(RETRAIN + f"--data new-customers.csv --update -Force {place}", ok=True)
    assert first in exported.read_text()
    refused = mlmgmt(f"update -g retail -n churn -ServiceUpdates churn.json -Force {place}")
    assert "ModelNotSignedHere" in refused.err
    assert "ModelNotSignedHere" in mlmgmt(f"rollback -g retail -n churn --to 1 {place}").err
    mlmgmt(f"score -g retail -n churn -i customers.csv {place}", ok=True)


def test_an_untrusted_copy_shows_no_keys(mlmgmt: Command, small: Path) -> None:
    shutil.copytree(".mlmgmt", "copy/.mlmgmt")
    assert "KeysNotFound" in mlmgmt("keys -g retail -n small --home copy/.mlmgmt").err
    mlmgmt("trust-home --home copy/.mlmgmt", ok=True)
    words = ["update", "-g", "retail", "-n", "small", "-Keys", "@{Primary='YQ=='}", "-Force", "--home", "copy/.mlmgmt"]
    mlmgmt(words, ok=True)
    pair = mlmgmt("keys -g retail -n small --home copy/.mlmgmt", ok=True).json
    assert pair["Primary"] == "YQ=="
    assert pair["Secondary"]


@pytest.mark.parametrize("order", [("asset3", "ASSET3"), ("ASSET3", "asset3")])
def test_asset_ids_are_case_sensitive(mlmgmt: Command, exported: Path, order: tuple[str, str]) -> None:
    body = json.loads(exported.read_text())
    assets = body["properties"]["assets"]
    model = assets.pop("asset3")
    for name in order:
        assets[name] = json.loads(json.dumps(model))
    exported.write_text(json.dumps(body, indent=2))
    mlmgmt("set-model churn.json --asset asset3 --location https://abc.blob.core.windows.net/abc/new.ilearner", ok=True)
    after = json.loads(exported.read_text())["properties"]["assets"]
    assert after["asset3"]["locationInfo"]["uri"].endswith("new.ilearner")
    assert after["ASSET3"] == model


def test_what_if_of_retrain_saves_nothing(mlmgmt: Command, exported: Path, churn: Path) -> None:
    before, models = exported.read_text(), blobs(churn)
    for more in ("", "--update -Force"):
        shown = mlmgmt(RETRAIN + f"--data new-customers.csv --rewrite churn.json -WhatIf {more}", ok=True)
        assert shown.json["Evaluation"]["New"]
        assert exported.read_text() == before
        assert blobs(churn) == models
    assert "asset3" in shown.json["WhatIf"][0]["text"]
    assert "SasBlobToken" not in shown.json
    assert shown.json["WouldRewrite"] == "churn.json"


def test_a_model_with_other_classes_is_not_deployed(mlmgmt: Command, churn: Path) -> None:
    """The labels are 0 and 1, but the service has always answered No and Yes."""
    training = Path("churn-training.json").read_text().replace('"No",', '"0",').replace('"Yes"', '"1"')
    Path("training.json").write_text(training)
    rows = Path("new-customers.csv").read_text().replace(",Yes\n", ",1\n").replace(",No\n", ",0\n")
    Path("numbers.csv").write_text(rows)
    line = "retrain -g retail -n churn --training-definition training.json --data numbers.csv --update -Force "
    refused = mlmgmt(line)
    assert refused.status == 1
    assert "ModelOutputMetadataMismatch" in refused.err
    gated = mlmgmt(line + "--only-if-better AUC")
    assert gated.status == 3
    assert "labels that the model does not know" in gated.err
    third = mlmgmt(RETRAIN + "--data new-customers.csv --test-data numbers.csv")
    assert "UnknownLabel" in third.err


@pytest.mark.parametrize(
    "uri",
    [
        "https://elsewhere.blob.core.windows.net/models/m.ilearner?sig=SECRET",
        " https://elsewhere.blob.core.windows.net/models/m.ilearner?sig=SECRET",
        "wasbs://models@elsewhere.blob.core.windows.net/m.ilearner?sig=SECRET",
        "https://user:SECRET@elsewhere.example.com/m.ilearner",
    ],
)
def test_secrets_in_uris_are_not_saved_in_the_home(mlmgmt: Command, home: Path, uri: str) -> None:
    location = {"uri": uri, "credentials": "SECRET"}
    definition = small_definition(payloadsLocation=location)
    definition["properties"]["assets"]["m"] = {"name": "m", "type": "Resource", "locationInfo": location}
    Path("d.json").write_text(json.dumps(definition))
    mlmgmt("new -g retail -l southcentralus -n d -DefinitionFile d.json -Force", ok=True)
    assert "SECRET" not in mlmgmt("get -g retail -n d", ok=True).out
    assert all(b"SECRET" not in path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert mlmgmt("diff -g retail -n d d.json", ok=True).json == []


def test_port_names_are_case_insensitive(mlmgmt: Command) -> None:
    body = small_definition()
    package = body["properties"]["package"]
    for name, port in (("a", "Dataset"), ("b", "dataset")):
        package["nodes"][name] = {"assetId": "asset1"}
        edge = {"sourceNodeId": name, "sourcePortId": "Results dataset", "targetNodeId": "select", "targetPortId": port}
        package["edges"].append(edge)
    Path("d.json").write_text(json.dumps(body))
    assert "PortTaken" in mlmgmt("test d.json").err


def test_what_if_shows_a_change_of_keys_without_the_value(mlmgmt: Command, small: Path) -> None:
    words = ["update", "-g", "retail", "-n", "small", "-Keys", "@{Primary='bmV3'}", "-WhatIf"]
    shown = mlmgmt(words, ok=True)
    assert "primary" in shown.json[0]["path"]
    assert "bmV3" not in shown.out
    assert mlmgmt([*words[:-2], "@{Primary=''}", "-WhatIf"]).status == 1
    assert mlmgmt([*words[:-2], '{"primary": "a", "primary": "b"}', "-WhatIf"]).status == 2


def test_diff_shows_a_change_that_update_refuses(mlmgmt: Command, small: Path) -> None:
    moved = small_definition()
    moved["location"] = "West US"
    Path("moved.json").write_text(json.dumps(moved))
    found = mlmgmt("diff -g retail -n small moved.json")
    assert found.status == 1
    assert found.json[0]["path"] == "$.location"


@pytest.mark.parametrize(
    "line",
    [
        "set-model churn.json --location https://[bad/x.ilearner",
        "score -g retail -n churn -i bigint.csv",
        "score -g retail -n churn -i bigint.json",
        "score -g retail -n churn -i novalues.json",
        RETRAIN + "--data bigint.csv",
        RETRAIN + "--data infinite.csv",
        "update -g retail -n churn -RealtimeConfiguration @{MaxConcurrentCalls=99999999999999999999999} -Force",
        "update -g retail -n churn -Input deep.json -Force",
        "test exponent.json",
    ],
)
def test_extreme_values_are_refused_and_do_not_crash(mlmgmt: Command, exported: Path, line: str) -> None:
    header, row = Path("customers.csv").read_text().splitlines()[:2]
    rest = row.split(",", 1)[1]
    Path("bigint.csv").write_text(f"{header}\n99999999999999999999999,{rest}\n")
    Path("infinite.csv").write_text(f"{header}\n{row}\n{row.replace(row.split(',')[4], '1e400')}\n")
    table = {"ColumnNames": header.split(","), "Values": [[1e300, *rest.split(",")]]}
    Path("bigint.json").write_text(json.dumps({"Inputs": {"input1": table}}))
    Path("novalues.json").write_text('{"Inputs": {"input1": {"ColumnNames": ["age"], "Values": null}}}')
    Path("deep.json").write_text('{"a":' * 300 + "1" + "}" * 300)
    Path("exponent.json").write_text('{"n": 1e-9999999999999999999999}')
    refused = mlmgmt(line.split())
    assert refused.status in (1, 2), refused.err


def test_arguments_that_are_not_valid_text_are_refused(mlmgmt: Command, small: Path) -> None:
    refused = mlmgmt(["update", "-g", "retail", "-n", "small", "-Title", "\udcff", "-Force"])
    assert refused.status == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("group.json", "{}"),
        ("group.json", '{"id": "a", "name": 5, "location": "b"}'),
        ("000002.json", '{"revision": 9}'),
        ("webservice.json", '{"revision": 1, "etag": 3}'),
        ("home.json", '{"format": 1, "id": "' + "a" * 32 + '"}'),
    ],
)
def test_a_damaged_home_names_the_file(mlmgmt: Command, small: Path, name: str, content: str) -> None:
    home = Path(".mlmgmt")
    (path,) = home.rglob(name.replace("000002", "000001"))
    path = path.with_name(name)
    before = path.read_text() if path.exists() else None
    path.write_text(content)
    refused = mlmgmt("get -g retail -n small")
    assert refused.status == 1
    assert "Error: HomeUnavailable" in refused.err
    path.write_text(before) if before is not None else path.unlink()
    mlmgmt("get -g retail -n small", ok=True)


def test_export_can_write_to_a_pipe(mlmgmt: Command, small: Path) -> None:
    wsd = mlmgmt("get -g retail -n small", ok=True).out
    words = [sys.executable, "-m", "mlmgmt", "export", "-OutputFile", "/dev/stdout", "-Force"]
    done = subprocess.run(words, input=wsd, capture_output=True, text=True, env=environment(), timeout=60, check=True)
    assert json.loads(done.stdout)["properties"]["title"] == "Small"


def test_closed_output_and_ascii_terminals_work(mlmgmt: Command, small: Path) -> None:
    other = small_definition(title="Größe →")
    small.with_name("other.json").write_bytes(write(other))
    narrow = environment(PYTHONIOENCODING="ascii")
    words = [sys.executable, "-m", "mlmgmt", "diff", "small.json", "other.json", "-f", "text"]
    done = subprocess.run(words, capture_output=True, env=narrow, check=False)
    assert done.returncode == 1, done.stderr
    closed = subprocess.run(
        f"{sys.executable} -m mlmgmt get >&-", shell=True, env=environment(), capture_output=True, check=False
    )
    assert closed.returncode in (0, 1)
    assert b"Traceback" not in closed.stderr


def test_the_order_of_unknown_members_is_a_difference(mlmgmt: Command) -> None:
    import jsonpatch

    def definition(*extra: str) -> dict[str, Any]:
        return small_definition(**dict.fromkeys(extra, 1))

    Path("a.json").write_text(json.dumps(definition("zz", "yy")))
    Path("b.json").write_text(json.dumps(definition("yy", "zz")))
    found = mlmgmt("diff a.json b.json -f patch")
    assert found.status == 1
    old = json.loads(mlmgmt("import -InputFile a.json", ok=True).out)
    patched = jsonpatch.apply_patch(old, found.json)
    assert write(patched).decode() == mlmgmt("import -InputFile b.json", ok=True).out


def test_a_csv_in_utf_16_of_any_size_is_read(mlmgmt: Command, churn: Path) -> None:
    text = Path("customers.csv").read_text()
    header, _, rows = text.partition("\n")
    for times in (1, 8):
        Path("wide.csv").write_text(f"{header}\n" + rows * times, encoding="utf-16")
        answer = mlmgmt("score -g retail -n churn -i wide.csv", ok=True).json["Results"]["output1"]["value"]["Values"]
        assert len(answer) == 1500 * times
    assert os.path.getsize("wide.csv") > 2**20


def test_long_file_names_work(mlmgmt: Command, small: Path) -> None:
    wsd = mlmgmt("get -g retail -n small", ok=True).out
    name = "x" * 245 + ".json"
    mlmgmt(["export", "-OutputFile", name], stdin=wsd, ok=True)
    assert Path(name).exists()


def test_a_read_only_service_is_refused_before_any_training(mlmgmt: Command, churn: Path) -> None:
    mlmgmt("update -g retail -n churn -IsReadOnly -Force", ok=True)
    Path("broken.csv").write_text("never,read\n1,2\n")
    refused = mlmgmt(RETRAIN + "--data broken.csv --update -Force")
    assert "WebServiceReadOnly" in refused.err
    both = mlmgmt(RETRAIN + "--data new-customers.csv --test-data customers.csv --holdout 0.5")
    assert both.status == 2


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.rglob(pattern)
    return found


def test_a_recorded_check_does_not_replace_a_missing_model(mlmgmt: Command, churn: Path) -> None:
    kept = only(churn / "models", "*.ilearner")
    content = kept.read_bytes()
    mlmgmt(RETRAIN + "--data new-customers.csv --update -Force", ok=True)
    kept.unlink()
    assert "ModelPackageNotFound" in mlmgmt("rollback -g retail -n churn --to 1").err
    kept.write_bytes(content[:-1] + b"x")
    assert mlmgmt("rollback -g retail -n churn --to 1").status == 1
    uri = only(
        churn / "storage",
        "*"
        + Path(
            json.loads(Path("churn-predictive.json").read_text())["properties"]["assets"]["asset3"]["locationInfo"][
                "uri"
            ]
        ).name,
    )
    assert uri.read_bytes() == content
    mlmgmt("update -g retail -n churn -ServiceUpdates churn-predictive.json -Force", ok=True)
    assert kept.read_bytes() == content
    mlmgmt("score -g retail -n churn -i customers.csv", ok=True)


def test_an_unavailable_model_does_not_excuse_an_altered_one(mlmgmt: Command, churn: Path) -> None:
    body = json.loads(Path("churn-predictive.json").read_text())
    uri = "https://elsewhere.blob.core.windows.net/models/other.ilearner"
    body["properties"]["assets"]["other"] = {"name": "o", "type": "Resource", "locationInfo": {"uri": uri}}
    Path("two.json").write_text(json.dumps(body))
    mlmgmt("new -g retail -l southcentralus -n two -DefinitionFile two.json -Force", ok=True)
    blob = only(churn / "storage", "*.ilearner")
    altered = bytearray(blob.read_bytes())
    altered[-40] ^= 1
    blob.with_name("altered.ilearner").write_bytes(altered)
    location = body["properties"]["assets"]["asset3"]["locationInfo"]["uri"].rsplit("/", 1)[0] + "/altered.ilearner"
    mlmgmt(f"set-model two.json --asset asset3 --location {location}", ok=True)
    refused = mlmgmt("update -g retail -n two -ServiceUpdates two.json -Force")
    assert "ModelNotProved" in refused.err
    fresh = mlmgmt("new -g retail -l southcentralus -n three -DefinitionFile two.json -Force")
    assert "ModelAltered" in fresh.err


def test_an_edit_made_while_the_model_was_trained_stays(mlmgmt: Command, exported: Path) -> None:
    from mlmgmt.verbs import userfiles
    from mlmgmt.verbs.retraining import retraining
    from mlmgmt.verbs.session import Session

    outcome = retraining.retrain(
        Session(),
        group="retail",
        name="churn",
        data=userfiles.read("new-customers.csv"),
        training_definition=userfiles.read("churn-training.json"),
        rewrite="churn.json",
    )
    exported.write_text(exported.read_text().replace('"Predicts churned."', '"Edited meanwhile."'))
    assert outcome.keep is not None
    outcome.keep()
    assert "Edited meanwhile." in exported.read_text()
    assert outcome.report["RelativeLocation"] in exported.read_text()


def test_a_service_is_not_created_in_a_group_that_was_removed(mlmgmt: Command, small: Path) -> None:
    from mlmgmt.errors import NotFound
    from mlmgmt.verbs import userfiles
    from mlmgmt.verbs.services import webservices
    from mlmgmt.verbs.session import Session

    definition = userfiles.read("small.json")
    planned = webservices.plan_create(Session(), group="retail", location="west", name="late", definition=definition)
    mlmgmt("remove-group -n retail -Force", ok=True)
    with pytest.raises(NotFound):
        planned.apply()
    mlmgmt("new-group -n retail -l west", ok=True)
    assert mlmgmt("get -g retail", ok=True).json == []
    assert mlmgmt("history -g retail -n small", ok=True).json[0]["Change"] == "removed"
    mlmgmt("restore -g retail -n small", ok=True)


def test_labels_that_look_like_booleans_stay_text_if_declared_as_text(mlmgmt: Command, churn: Path) -> None:
    for name in ("churn-training.json", "churn-predictive.json"):
        Path(name).write_text(Path(name).read_text().replace('"No"', '"false"').replace('"Yes"', '"true"'))
    rows = Path("new-customers.csv").read_text().replace(",Yes\n", ",true\n").replace(",No\n", ",false\n")
    Path("words.csv").write_text(rows)
    Path("predictive.json").write_text(Path("churn-predictive.json").read_text())
    mlmgmt("set-model predictive.json --location https://elsewhere.blob.core.windows.net/models/x.ilearner", ok=True)
    mlmgmt("new -g retail -l southcentralus -n words -DefinitionFile predictive.json -Force", ok=True)
    line = "retrain -g retail -n words --training-definition churn-training.json --data words.csv --update -Force"
    assert mlmgmt(line, ok=True).json["Evaluation"]["New"]["AUC"] > 0.7
    answer = mlmgmt("score -g retail -n words -i words.csv", ok=True).json["Results"]["output1"]["value"]["Values"]
    assert {row[0] for row in answer} == {"true", "false"}


def test_any_asset_that_names_a_file_of_this_machine_is_refused(mlmgmt: Command) -> None:
    body = small_definition()
    body["properties"]["assets"]["data"] = {
        "name": "d",
        "type": "Resource",
        "locationInfo": {"uri": "file:///etc/passwd"},
    }
    Path("d.json").write_text(json.dumps(body))
    assert "InvalidBlob" in mlmgmt("test d.json").err


@pytest.mark.parametrize(
    "spelled", ["-o json", "-o:json", "--output=json", "-OutputFormat json", "--output-format json"]
)
def test_errors_are_json_with_output_json(mlmgmt: Command, small: Path, spelled: str) -> None:
    refused = mlmgmt(f"get -g retail -n absent {spelled}")
    assert json.loads(refused.err)["error"]["details"][0]["code"] == "WebServiceNotFound"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_answer_that_cannot_be_written_says_that_the_change_was_made(mlmgmt: Command, small: Path) -> None:
    words = [sys.executable, "-m", "mlmgmt", *["update", "-g", "retail", "-n", "small", "-Title", "New", "-Force"]]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False)
    assert done.returncode == 1
    assert "was carried out" in done.stderr
    assert mlmgmt("get -g retail -n small", ok=True).json["properties"]["title"] == "New"


def test_a_damaged_revision_is_an_error(mlmgmt: Command, small: Path) -> None:
    mlmgmt("update -g retail -n small -Title New -Force", ok=True)
    only(Path(".mlmgmt"), "webservice.json").unlink()
    newest = only(Path(".mlmgmt"), "000002.json")
    newest.write_text(newest.read_text()[:50])
    refused = mlmgmt("get -g retail -n small")
    assert refused.status == 1
    assert "HomeUnavailable" in refused.err
    assert "000002.json" in refused.err


def test_models_of_a_clone_are_reported_as_signed_elsewhere(
    mlmgmt: Command, churn: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In another user's clone, each model can be trusted by its digest after trust-home, and then scores."""
    monkeypatch.setenv("MLMGMT_CONFIG", str(tmp_path / "another-user"))
    mlmgmt("trust-home", ok=True)
    refused = mlmgmt("score -g retail -n churn -i customers.csv")
    assert "ModelNotSignedHere" in refused.err
    failed = mlmgmt("test -g retail -n churn")
    assert failed.status == 1
    assert {row["Result"] for row in failed.json["Checks"] if row["Check"].startswith("model")} == {"failed"}
    (command,) = [line.split("mlmgmt ")[1] for line in refused.err.splitlines() if "trust-model" in line]
    mlmgmt(command, ok=True)
    mlmgmt("score -g retail -n churn -i customers.csv", ok=True)


def test_diff_shows_both_metrics_on_the_same_rows(mlmgmt: Command, exported: Path) -> None:
    report = mlmgmt(RETRAIN + "--data new-customers.csv --rewrite churn.json", ok=True).json["Evaluation"]
    text = mlmgmt("diff -g retail -n churn churn.json").json[0]["text"]
    assert text.endswith(f"AUC {report['Deployed']['AUC']:.4g} → {report['New']['AUC']:.4g}")


def test_only_if_better_shows_both_evaluations_when_it_refuses(mlmgmt: Command, churn: Path) -> None:
    mlmgmt(RETRAIN + "--data new-customers.csv --update -Force", ok=True)
    refused = mlmgmt(RETRAIN + "--data new-customers.csv --only-if-better AUC")
    assert refused.status == 3
    assert refused.json["Evaluation"]["New"] == refused.json["Evaluation"]["Deployed"]


def test_new_asks_before_it_replaces_a_service(mlmgmt: Command, small: Path) -> None:
    refused = mlmgmt("new -g retail -l southcentralus -n small -DefinitionFile small.json")
    assert "exists (revision 1). Replace it?" in refused.err


def test_a_training_service_cannot_be_scored_and_test_skips_that(mlmgmt: Command, churn: Path) -> None:
    renamed = Path("churn-training.json").read_text().replace('"name": "Train Model"', '"name": "My training"')
    Path("churn-training.json").write_text(renamed)
    mlmgmt("new -g retail -l southcentralus -n trainer -DefinitionFile churn-training.json -Force", ok=True)
    assert "retrain" in mlmgmt("score -g retail -n trainer -i customers.csv").err
    assert mlmgmt("test -g retail -n trainer", ok=True).json["Checks"][-1]["Result"] == "skipped"


def test_home_can_name_the_folder_that_contains_it(
    mlmgmt: Command, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    above = str(Path.cwd())
    monkeypatch.chdir("/")
    assert mlmgmt(f"status --home {above}", ok=True).json["WebServices"] == 1


def test_the_walkthrough_refuses_a_folder_with_a_home(mlmgmt: Command, small: Path) -> None:
    refused = mlmgmt("walkthrough .")
    assert refused.status == 1
    assert "already contains a home" in refused.err


def test_control_characters_are_data_in_json_and_spelled_out_in_tables(mlmgmt: Command, small: Path) -> None:
    """A cell must not control the terminal, but a script must get its exact content."""
    city = "a\x1b[31m\x7f\x85z"
    Path("rows.json").write_text(json.dumps({"Inputs": {"input1": [{"age": 1, "city": city}]}}))
    answer = mlmgmt("score -g retail -n small -InputFile rows.json -o json", ok=True).json
    assert answer["Results"]["output1"]["value"]["Values"] == [["1", city]]
    shown = mlmgmt("score -g retail -n small -InputFile rows.json -o table", ok=True).out
    assert not any(letter in shown for letter in "\x1b\x7f\x85")
    assert "\\x1b[31m" in shown


@pytest.mark.parametrize(
    ("line", "as_json"),
    [
        ("get -g nope -n x -o json", True),
        ("get -g nope -n x -OutputFormat:JSON", True),
        ("get -g nope -n x --output-format=json", True),
        ("remove -g nope -n x -m 'say -o json' -o table", False),
        ("remove -g nope -n x '-Message:-o json'", False),
        ("get -g nope -n x -o json -Nonsense", True),
        ("nonsense -o json", True),
        ("nonsense '-o json'", False),
    ],
)
def test_an_error_is_json_only_where_the_output_is(mlmgmt: Command, home: Path, line: str, as_json: bool) -> None:
    refused = mlmgmt(line)
    assert refused.status in (1, 2)
    assert refused.err.lstrip().startswith("{") is as_json, refused.err


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("get -g nope -n x -Debug", True),
        ("get -g nope -n x -Deb", True),
        ("get -g nope -n x -db", True),
        ("get -g nope -n x -Debug:$false", False),
        ("remove -g nope -n x -Message:-Debug", False),
        ("remove -g nope -n x -m 'with -Debug'", False),
        ("get -g nope -n x", False),
    ],
)
def test_a_traceback_is_shown_only_for_the_switch_debug(home: Path, line: str, shown: bool) -> None:
    words = [sys.executable, "-m", "mlmgmt", *shlex.split(line)]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert ("Traceback" in done.stderr) is shown, done.stderr


def test_an_interrupt_that_a_library_wraps_is_still_an_interrupt(
    mlmgmt: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow:
        def __set_name__(self, owner: type, name: str) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(lookup, "get", lambda *_, **__: type("Late", (), {"slow": Slow()}))
    done = mlmgmt("get -g retail")
    assert (done.status, "Interrupted" in done.err) == (130, True)


LATE = """
from mlmgmt import __main__
from mlmgmt.cli import app

def run(words):
    try:
        exec("raise KeyboardInterrupt")
    except KeyboardInterrupt:
        return 130

app.run = run
__main__.main()
"""


def test_an_interrupt_in_code_from_a_text_ends_with_the_status(home: Path) -> None:
    Path("late.py").write_text(LATE)
    # Python adds the working folder for -m.
    done = subprocess.run([sys.executable, "-m", "late"], env=environment(), check=False)
    assert done.returncode == 130


def test_an_empty_value_after_an_equals_sign_is_empty(mlmgmt: Command, small: Path) -> None:
    done = mlmgmt("update -g retail -n small --title= -Force -o json", ok=True).json
    assert done["properties"].get("title") in (None, "")
