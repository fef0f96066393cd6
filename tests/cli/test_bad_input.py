"""Bad input: a clear error, no traceback, and deployed services are unchanged."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Command, environment, small_definition

NEW = "new -g retail -l southcentralus -n other -Force -DefinitionFile "
UPDATE = "update -g retail -n small -Force -ServiceUpdates "


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (json.dumps(small_definition())[:-40].encode(), "InvalidJson"),
        ('{"properties": {"title": "Größe"}}'.encode("latin-1"), "InvalidEncoding"),
        (b"[" * 10_000, "TooDeep"),
        (b'{"properties": {"title": NaN}}', "InvalidJson"),
        (b"", "EmptyDocument"),
        (b"\x00\x01\x02", "InvalidJson"),
        (b" " * 50_000_000, "DocumentTooLarge"),
    ],
    ids=["truncated", "latin-1", "deep", "nan", "empty", "binary", "50 MB"],
)
def test_a_broken_file_is_refused_by_every_command_that_reads_it(
    mlmgmt: Command, small: Path, content: bytes, code: str
) -> None:
    Path("bad.json").write_bytes(content)
    before = mlmgmt("get -g retail -n small", ok=True).out
    for line in (
        NEW + "bad.json",
        UPDATE + "bad.json",
        "import -InputFile bad.json",
        "assets bad.json",
        "test bad.json",
    ):
        refused = mlmgmt(line)
        assert refused.status == 1, line
        assert code in refused.err, line
        assert refused.out == ""
    assert mlmgmt("diff bad.json small.json").status == 2
    assert mlmgmt("get -g retail -n small", ok=True).out == before


@pytest.mark.parametrize(
    ("name", "code"),
    [("folder", "NotAFile"), ("absent.json", "FileNotFound"), ("x" * 5000, "NotAFile"), ("a\0b", "NotAFile")],
    ids=["a folder", "missing", "too long", "with a null"],
)
def test_a_directory_or_missing_file_is_refused(mlmgmt: Command, small: Path, name: str, code: str) -> None:
    Path("folder").mkdir()
    refused = mlmgmt([*NEW.split(), name])
    assert refused.status == 1
    assert code in refused.err


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may read everything, and no setpriv"
)
def test_an_unreadable_file_is_refused(mlmgmt: Command, tmp_path: Path) -> None:
    Path("secret.json").write_text("{}")
    Path("secret.json").chmod(0)
    words = [sys.executable, "-m", "mlmgmt", "assets", str(Path("secret.json").absolute())]
    if os.geteuid() == 0:
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == 0 and folder not in (Path("/"), Path("/tmp")):
                folder.chmod(folder.stat().st_mode | 0o055)
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", *words]
    done = subprocess.run(
        words, capture_output=True, text=True, env=environment(HOME="/nonexistent"), cwd="/", check=False
    )
    if "No module named" in done.stderr or "can't open" in done.stderr or "No such file" in done.stderr:
        pytest.skip("the interpreter itself is not readable for another user")
    assert done.returncode == 1, done.stderr
    assert "AccessDenied" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["a/b", "..", ".", "a\0b", "x" * 300, "a?b", " ", "a ", "a.", "日" * 80, ""])
def test_bad_service_names_are_refused(mlmgmt: Command, home: Path, name: str) -> None:
    Path("small.json").write_text(json.dumps(small_definition()))
    before = sorted(home.rglob("*"))
    refused = mlmgmt(["new", "-g", "retail", "-l", "west", "-n", name, "-Force", "-DefinitionFile", "small.json"])
    assert refused.status in (1, 2)
    assert ("InvalidResourceName" if name else "is empty") in refused.err
    assert sorted(home.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["RetrainSamplePre.2016.8.17.0.3.51.237", "con", "My Service (2)", "größe", ".dotted", "a%2e"]
)
def test_odd_but_valid_service_names_work(mlmgmt: Command, home: Path, name: str) -> None:
    Path("small.json").write_text(json.dumps(small_definition()))
    words = ["-g", "retail", "-n", name]
    if "%" in name:
        assert mlmgmt(["new", *words, "-l", "west", "-Force", "-DefinitionFile", "small.json"]).status == 1
        return
    mlmgmt(["new", *words, "-l", "west", "-Force", "-DefinitionFile", "small.json"], ok=True)
    assert mlmgmt(["get", *words], ok=True).json["name"] == name
    assert mlmgmt(["get", "-g", "RETAIL", "-n", name.upper()], ok=True).json["name"] == name
    assert [item["name"] for item in mlmgmt("get -g retail", ok=True).json] == [name]


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def test_a_full_disk_loses_nothing(mlmgmt: Command, small: Path) -> None:
    """A limit on file size acts like a full disk: the write fails half-way with an error of the system."""
    before = mlmgmt("get -g retail -n small", ok=True).out
    Path("big.json").write_text(json.dumps({"properties": {"packageType": "Graph", "description": "x" * 20_000}}))
    words = [
        sys.executable,
        "-c",
        "import signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "from mlmgmt.cli import app; sys.exit(app.run(sys.argv[1:]))",
        *(UPDATE + "big.json").split(),
    ]
    # A module that is compiled here would be cut short, too, and every later process would fail to load it.
    environ = environment(PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run(words, capture_output=True, text=True, env=environ, preexec_fn=limited, check=False)
    assert done.returncode == 1, done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert mlmgmt("get -g retail -n small", ok=True).out == before
    assert list(Path(".mlmgmt").rglob(".*.tmp")) == []
    mlmgmt("update -g retail -n small -Title Fine -Force", ok=True)


def test_sample_does_not_overwrite_files(mlmgmt: Command, home: Path) -> None:
    Path("customers.csv").write_text("mine")
    refused = mlmgmt("sample churn")
    assert refused.status == 1
    assert "customers.csv" in refused.err
    assert Path("customers.csv").read_text() == "mine"
    assert not Path("churn-training.json").exists()


def test_a_bug_ends_with_status_70_and_a_report(
    mlmgmt: Command, small: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("mlmgmt.verbs.services.lookup.get", broken)
    done = mlmgmt("get")
    assert done.status == 70
    report = next(tmp_path.glob("mlmgmt-report-*"))
    assert str(report) in done.err
    assert "boom" in report.read_text()


@pytest.mark.parametrize(
    "uri", ["file:///etc/passwd.ilearner", "https://{account}.blob.core.windows.net/models/../../x.ilearner"]
)
def test_a_document_cannot_reach_a_file_of_this_machine(mlmgmt: Command, churn: Path, uri: str) -> None:
    account = mlmgmt("status", ok=True).json["StorageAccounts"][0]
    change = {"properties": {"assets": {"asset3": {"locationInfo": {"uri": uri.format(account=account)}}}}}
    refused = mlmgmt("update -g retail -n churn -Force", stdin=json.dumps(change))
    assert refused.status == 1
    assert "InvalidBlob" in refused.err


def test_a_model_reference_that_cannot_be_checked_is_refused(mlmgmt: Command, churn: Path) -> None:
    account = mlmgmt("status", ok=True).json["StorageAccounts"][0]
    for uri, code in (
        ("https://elsewhere.blob.core.windows.net/models/x.ilearner", "ModelNotProved"),
        (f"https://{account}.blob.core.windows.net/models/absent.ilearner", "BlobNotFound"),
    ):
        change = json.dumps({"properties": {"assets": {"asset3": {"locationInfo": {"uri": uri}}}}})
        refused = mlmgmt("update -g retail -n churn -Force", stdin=change)
        assert refused.status == 1
        assert code in refused.err
    change = json.dumps(
        {
            "properties": {
                "assets": {
                    "asset3": {"locationInfo": {"uri": "https://elsewhere.blob.core.windows.net/models/x.ilearner"}}
                }
            }
        }
    )
    mlmgmt("update -g retail -n churn -Force -SkipModelCheck", stdin=change, ok=True)
    assert mlmgmt("history -g retail -n churn", ok=True).json[0]["Check"] == "skipped"
    refused = mlmgmt("score -g retail -n churn --input customers.csv")
    assert "ModelPackageNotFound" in refused.err


def test_a_model_trained_on_other_columns_is_refused_with_their_names(mlmgmt: Command, exported: Path) -> None:
    rows = Path("new-customers.csv").read_text().replace("region", "district").splitlines()
    Path("other.csv").write_text("\n".join(rows) + "\n")
    training = Path("churn-training.json").read_text().replace('"region"', '"district"')
    Path("training.json").write_text(training)
    report = mlmgmt(
        "retrain -g retail -n churn --training-definition training.json --data other.csv --holdout 0", ok=True
    ).json
    uri = report["BaseLocation"] + report["RelativeLocation"]
    mlmgmt(f"set-model churn.json --location {uri}", ok=True)
    refused = mlmgmt("update -g retail -n churn -Force -ServiceUpdates churn.json")
    assert refused.status == 1
    assert "'district'" in refused.err
    assert "ModelNotProved" in refused.err


def test_deleting_or_overwriting_the_blob_is_shown_and_changes_no_answer(mlmgmt: Command, churn: Path) -> None:
    answer = mlmgmt("score -g retail -n churn --input customers.csv", ok=True).out
    (blob,) = (churn / "storage").rglob("*.ilearner")
    blob.write_bytes(b"something else")
    shown = mlmgmt("get -g retail -n churn", ok=True).json["mlmgmt"]["models"]["asset3"]
    assert (shown["state"], shown["blob"]) == ("deployed", "changed")
    blob.unlink()
    assert mlmgmt("get -g retail -n churn", ok=True).json["mlmgmt"]["models"]["asset3"]["blob"] == "deleted"
    assert mlmgmt("score -g retail -n churn --input customers.csv", ok=True).out == answer


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("age\n1\n", "lacks the column"),
        ("", "empty"),
        ('{"Inputs": {"input9": []}}', "InvalidInputNames"),
        ('{"Inputs": {"input1": {"ColumnNames": ["age"], "Values": [[1, 2]]}}}', "TableSchemaColumnCountMismatch"),
        ('{"Inputs": 3}', "RequestBodyInvalid"),
        ("{broken", "RequestBodyInvalid"),
        ('{"Inputs": {}, "GlobalParameters": {"x": "1"}}', "MissingRequestInput"),
    ],
)
def test_rows_that_cannot_be_scored_are_refused(mlmgmt: Command, churn: Path, rows: str, words: str) -> None:
    Path("rows").write_text(rows)
    refused = mlmgmt("score -g retail -n churn --input rows")
    assert refused.status == 1
    assert words in refused.err


@pytest.mark.parametrize("models", [None, [], "", {"asset1": 1}])
def test_damaged_models_of_a_revision_are_reported(mlmgmt: Command, small: Path, home: Path, models: Any) -> None:
    (current,) = home.rglob("webservice.json")
    current.write_text(json.dumps({**json.loads(current.read_text()), "models": models}))
    for line in ("get -g retail -n small", "test -g retail -n small", "update -g retail -n small -Title New -WhatIf"):
        done = mlmgmt(line)
        assert (done.status, "HomeDamaged" in done.err) == (1, True), line
