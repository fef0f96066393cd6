"""Homes: find, create, move, copy and clone them; which models they trust; ids, signatures and blob addresses."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlmgmt import ids
from mlmgmt.errors import AuthorizationFailed, BadRequest
from mlmgmt.store import blobs, home, sas
from mlmgmt.store.secrets import new_key
from mlmgmt.verbs.session import later

if TYPE_CHECKING:
    from tests.conftest import Command


def test_a_home_is_found_from_a_subfolder_by_option_and_by_variable(
    mlmgmt: Command, small: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    where = Path(".mlmgmt").absolute()
    below = Path("a/b")
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert mlmgmt("status", ok=True).json["Home"] == str(where)
    monkeypatch.chdir(tmp_path)
    assert mlmgmt("status").status == 1
    assert mlmgmt(f"status --home {where}", ok=True).json["WebServices"] == 1
    monkeypatch.setenv("MLMGMT_HOME", str(where))
    assert mlmgmt("status", ok=True).json["Home"] == str(where)


def test_the_walk_up_stops_at_another_owner(mlmgmt: Command, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = Path("inner").absolute()
    inner.mkdir()
    real = Path.stat
    owners = {str(inner): 4711}

    def stat(self: Path, **named: bool) -> object:
        found = real(self, **named)
        return type(
            "Stat",
            (),
            {
                "st_uid": owners.get(str(self), found.st_uid),
                "st_mode": found.st_mode,
                "st_dev": found.st_dev,
                "st_ino": found.st_ino,
            },
        )()

    monkeypatch.setattr(Path, "stat", stat)
    assert home.find({}, start=Path.cwd()) == Path(".mlmgmt").absolute()
    assert home.find({}, start=inner) is None


def test_connecting_again_creates_no_second_home(mlmgmt: Command, home: Path) -> None:
    first = mlmgmt("status", ok=True).json
    again = mlmgmt("Connect-AzAccount -Role Contributor", ok=True)
    assert "Created a home" not in again.err
    assert mlmgmt("status", ok=True).json == {**first, "Role": "Contributor"}
    assert mlmgmt("connect -Subscription 00000000-1111-2222-3333-444444444444").status == 1


def test_a_moved_home_is_read_only_until_it_is_trusted_and_keeps_its_keys(mlmgmt: Command, small: Path) -> None:
    keys = mlmgmt("keys -g retail -n small", ok=True).json
    Path("elsewhere").mkdir()
    shutil.move(".mlmgmt", "elsewhere/.mlmgmt")
    place = "--home elsewhere/.mlmgmt"
    assert mlmgmt(f"get -g retail -n small {place}", ok=True).json["name"] == "small"
    refused = mlmgmt(f"update -g retail -n small -Title x -Force {place}")
    assert refused.status == 1
    assert "trust-home" in refused.err
    mlmgmt(f"trust-home {place}", ok=True)
    mlmgmt(f"update -g retail -n small -Title x -Force {place}", ok=True)
    assert mlmgmt(f"keys -g retail -n small {place}", ok=True).json == keys


def test_a_copied_home_is_another_home_and_trusts_no_model(mlmgmt: Command, churn: Path) -> None:
    shutil.copytree(".mlmgmt", "copy/.mlmgmt")
    place = "--home copy/.mlmgmt"
    scored = mlmgmt(f"score -g retail -n churn --input customers.csv {place}")
    assert "ModelNotSignedHere" in scored.err
    mlmgmt(f"trust-home {place}", ok=True)
    assert (
        json.loads(Path("copy/.mlmgmt/home.json").read_text())["id"]
        != json.loads(Path(".mlmgmt/home.json").read_text())["id"]
    )
    assert "KeysNotFound" in mlmgmt(f"keys -g retail -n churn {place}").err
    refused = mlmgmt(f"score -g retail -n churn --input customers.csv {place}")
    assert "ModelNotSignedHere" in refused.err
    digest = mlmgmt(f"get -g retail -n churn {place}", ok=True).json["mlmgmt"]["models"]["asset3"]["digest"]
    mlmgmt(f"trust-model {digest} {place}", ok=True)
    mlmgmt(f"score -g retail -n churn --input customers.csv {place}", ok=True)
    mlmgmt("score -g retail -n churn --input customers.csv", ok=True)


def test_trust_that_a_home_brings_along_is_ignored(
    mlmgmt: Command, churn: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A cloned home may contain keys and lists of trusted models; another user's configuration does not use them."""
    config = tmp_path / "config" / "homes"
    shutil.copytree(next(config.iterdir()), ".mlmgmt/trust")
    (digest,) = [path.stem for path in Path(".mlmgmt/models").iterdir()]
    Path(".mlmgmt/trusted-models.json").write_text(json.dumps({digest: {}}))
    monkeypatch.setenv("MLMGMT_CONFIG", str(tmp_path / "another-user"))
    assert mlmgmt("status", ok=True).json["Trusted"] is False
    refused = mlmgmt("score -g retail -n churn --input customers.csv")
    assert "ModelNotSignedHere" in refused.err
    assert mlmgmt("update -g retail -n churn -Title x -Force").status == 1


def test_a_home_id_cannot_be_a_path(mlmgmt: Command, home: Path) -> None:
    body = json.loads((home / "home.json").read_text())
    (home / "home.json").write_text(json.dumps({**body, "id": "../../elsewhere"}))
    assert mlmgmt("status").status == 1


def test_names_share_a_file_only_if_they_differ_in_case_alone() -> None:
    assert ids.file_name("Churn") == ids.file_name("CHURN") == "churn"
    assert ids.file_name("Größe") == ids.file_name("GRÖSSE") == ids.file_name("Gro\u0308ße")
    assert len({ids.file_name(name) for name in ("a b", "a%20b", "a_b", "a-b", "con", "con.x", ".a", "a")}) == 8


def test_ids_are_parsed_in_any_case() -> None:
    text = "/SUBSCRIPTIONS/s/resourcegroups/G/providers/microsoft.machinelearning/WEBSERVICES/n"
    assert (
        str(ids.ResourceId.parse(text))
        == "/subscriptions/s/resourceGroups/G/providers/Microsoft.MachineLearning/webServices/n"
    )
    with pytest.raises(BadRequest):
        ids.ResourceId.parse(text + "/extra")


def test_modified_on_always_increases() -> None:
    now = datetime(2026, 11, 20, 10, 0, 0, 999_999, tzinfo=UTC)
    stamp = later(now, None)
    assert stamp == "2026-11-20T10:00:00.9999990Z"
    for _ in range(25):
        following = later(now, stamp)
        assert following > stamp
        assert len(following) == len(stamp)
        stamp = following
    assert later(now - timedelta(days=1), stamp) > stamp


class TestSas:
    KEY, NOW = new_key(), datetime(2026, 11, 20, tzinfo=UTC)

    def token(self) -> str:
        return sas.sign(self.KEY, "acct", "c/p.ilearner", now=self.NOW)

    def check(
        self, token: str, *, blob: str = "c/p.ilearner", hours: float = 0, permission: str = "r", key: str = ""
    ) -> None:
        sas.check(token, key or self.KEY, "acct", blob, now=self.NOW + timedelta(hours=hours), permission=permission)

    def test_a_signature_is_valid_for_its_blob_time_and_permission(self) -> None:
        self.check(self.token())
        self.check(self.token(), hours=23.9)
        self.check(self.token(), hours=-0.05)

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"blob": "c/q.ilearner"}, "SasInvalid"),
            ({"hours": 24.1}, "SasExpired"),
            ({"hours": -1}, "SasExpired"),
            ({"permission": "w"}, "SasNotPermitted"),
            ({"key": new_key()}, "SasInvalid"),
        ],
    )
    def test_a_signature_is_not_valid_for_anything_else(self, change: dict[str, object], code: str) -> None:
        with pytest.raises(AuthorizationFailed) as refused:
            self.check(self.token(), **change)  # type: ignore[arg-type]
        assert refused.value.details[0].code == code

    def test_an_altered_signature_is_refused(self) -> None:
        for altered in (
            self.token().replace("sp=r", "sp=rw"),
            self.token().replace("se=2026-11-21", "se=2036-11-21"),
            "?",
            "",
        ):
            with pytest.raises(AuthorizationFailed):
                self.check(altered)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://acct.blob.core.windows.net/models/a%20b/m.ilearner", blobs.Blob("acct", "models", "a b/m.ilearner")),
        ("HTTPS://ACCT.blob.core.windows.net/models/m.ilearner", blobs.Blob("acct", "models", "m.ilearner")),
        ("https://example.com/models/m.ilearner", None),
        ("aml://module/x", None),
    ],
)
def test_blob_addresses(uri: str, expected: blobs.Blob | None) -> None:
    assert blobs.parse(uri) == expected
    if expected is not None:
        assert blobs.parse(expected.uri) == expected


@pytest.mark.parametrize(
    "path", ["../x.ilearner", "a/../../x.ilearner", "%2e%2e/x.ilearner", "a//x", "a\\b", "", "x" * 2000]
)
def test_addresses_outside_their_container_are_refused(path: str) -> None:
    with pytest.raises(BadRequest):
        blobs.parse(f"https://acct.blob.core.windows.net/models/{path}")


def test_an_update_refuses_an_expired_signature_and_stores_a_valid_one_with_the_secrets(
    mlmgmt: Command, exported: Path, churn: Path
) -> None:
    report = mlmgmt(
        "retrain -g retail -n churn --training-definition churn-training.json --data new-customers.csv", ok=True
    ).json
    uri = report["BaseLocation"] + report["RelativeLocation"]
    mlmgmt(["set-model", "churn.json", "--location", uri + report["SasBlobToken"].replace("se=", "se=1")], ok=True)
    assert "SasInvalid" in mlmgmt("update -g retail -n churn -Force -ServiceUpdates churn.json").err
    mlmgmt(["set-model", "churn.json", "--location", uri + report["SasBlobToken"]], ok=True)
    updated = mlmgmt("update -g retail -n churn -Force -ServiceUpdates churn.json", ok=True)
    assert "sig=" not in updated.out
    assert all(b"sig=" not in path.read_bytes() for path in churn.rglob("*.json"))
