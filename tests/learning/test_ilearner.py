"""Model files are opened only if they are trusted, whatever they contain."""

from __future__ import annotations

import hmac
import json
import pickle
import zlib
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlmgmt.learning import ilearner
from mlmgmt.modules.learners import Trained

if TYPE_CHECKING:
    from tests.conftest import Command

KEY, OTHER = b"k" * 32, b"o" * 32
MODEL = Trained("Learner", "regression", {}, (), "y", "Double", (), {"any": "thing"}, complete=False)


def packed(key: bytes = KEY) -> bytes:
    return ilearner.pack(MODEL, {"rows": 3}, key=key, home="a" * 32)


def test_a_packed_model_is_unpacked_and_its_manifest_is_readable_alone() -> None:
    data = packed()
    trained, rows, manifest = ilearner.unpack(data, key=KEY, home="a" * 32)
    assert trained == MODEL
    assert rows is None
    assert manifest["rows"] == 3
    assert ilearner.manifest(data) == manifest


def test_an_altered_byte_anywhere_is_noticed() -> None:
    data = packed()
    for place in range(0, len(data), 7):
        altered = bytearray(data)
        altered[place] ^= 1
        with pytest.raises(Exception) as refused:  # noqa: PT011 - the class depends on the place
            ilearner.unpack(bytes(altered), key=KEY, home="a" * 32)
        assert type(refused.value).__module__ == "mlmgmt.errors", place


@pytest.mark.parametrize("cut", [0, 1, 10, 40, -1])
def test_an_incomplete_or_longer_file_is_refused(cut: int) -> None:
    data = packed()
    for broken in (data[:cut] if cut else b"", data + b"x"):
        with pytest.raises(Exception, match="cannot be used"):
            ilearner.unpack(broken, key=KEY, home="a" * 32)


class Bomb:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("exploded"),))


def bomb(key: bytes) -> bytes:
    """Return a file whose payload runs code when it is unpickled, signed with a key."""
    payload = zlib.compress(pickle.dumps(Bomb()))
    described = {"format": "pickle", "length": len(payload), "sha256": sha256(payload).hexdigest()}
    head = json.dumps({"home": "b" * 32, "payload": described}).encode()
    signed = ilearner.MAGIC + str(len(head)).encode() + b"\n" + head + payload
    return signed + hmac.new(key, signed, sha256).digest()


def test_a_pickle_signed_elsewhere_is_not_opened() -> None:
    data = bomb(OTHER)
    with pytest.raises(Exception, match="signed by another home"):
        ilearner.unpack(data, key=KEY, home="a" * 32)
    with pytest.raises(Exception, match="signed by another home"):
        ilearner.unpack(data, key=None, home="b" * 32)
    with pytest.raises(Exception, match="cannot be used"):
        ilearner.unpack(pickle.dumps(Bomb()), key=KEY, home="a" * 32)
    assert not Path("exploded").exists()


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.rglob(pattern)
    return found


def test_an_altered_model_is_refused_and_the_service_keeps_its_answers(
    mlmgmt: Command, exported: Path, churn: Path
) -> None:
    request = "customers.csv"
    before = mlmgmt(f"score -g retail -n churn --input {request}", ok=True).out
    blob = only(churn / "storage", "*.ilearner")
    evil = bytearray(blob.read_bytes())
    evil[-40] ^= 1
    altered = blob.with_name("altered.ilearner")
    altered.write_bytes(evil)
    uri = f"https://{blob.parts[-4]}.blob.core.windows.net/{blob.parts[-3]}/{blob.parts[-2]}/altered.ilearner"
    mlmgmt(f"set-model churn.json --location {uri}", ok=True)
    refused = mlmgmt("update -g retail -n churn -ServiceUpdates churn.json -Force")
    assert refused.status == 1
    assert "ModelAltered" in refused.err
    assert "ModelNotProved" in refused.err
    altered.write_bytes(bomb(OTHER))
    refused = mlmgmt("update -g retail -n churn -ServiceUpdates churn.json -Force")
    assert refused.status == 1
    assert "ModelNotSignedHere" in refused.err
    assert "trust-model" in refused.err
    assert not Path("exploded").exists()
    assert mlmgmt(f"score -g retail -n churn --input {request}", ok=True).out == before
    assert len(mlmgmt("history -g retail -n churn", ok=True).json) == 1


def test_a_model_from_another_home_is_opened_once_it_is_trusted(
    mlmgmt: Command, exported: Path, churn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = only(churn / "storage", "*.ilearner").read_bytes()
    answer = mlmgmt("score -g retail -n churn --input customers.csv", ok=True).json["Results"]
    monkeypatch.setenv("MLMGMT_HOME", str(tmp_path / "elsewhere"))
    mlmgmt("connect", ok=True)
    mlmgmt("new-group -n retail -l southcentralus", ok=True)
    account = mlmgmt("status", ok=True).json["StorageAccounts"][0]
    folder = tmp_path / "elsewhere" / "storage" / account / "models"
    folder.mkdir(parents=True)
    (folder / "brought.ilearner").write_bytes(model)
    mlmgmt(f"set-model churn.json --location https://{account}.blob.core.windows.net/models/brought.ilearner", ok=True)
    new = "new -g retail -l southcentralus -n churn -DefinitionFile churn.json -Force"
    refused = mlmgmt(new)
    assert "ModelNotSignedHere" in refused.err
    mlmgmt(f"trust-model {sha256(model).hexdigest()}", ok=True)
    mlmgmt(new, ok=True)
    assert mlmgmt("score -g retail -n churn --input customers.csv", ok=True).json["Results"] == answer
