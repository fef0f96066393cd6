"""The prepared homes that fixtures copy: each is the same as if the test had typed its commands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlmgmt.learning import ilearner
from tests.conftest import small_definition
from tests.prepared import CHURN, HOME, SMALL, copy

if TYPE_CHECKING:
    from tests.conftest import Command

OWN = re.compile(
    r"[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\d{8}T\d{6}-[0-9a-f]{12}|mlstore[0-9a-f]{8}|W/\"[^\"]*\"|[A-Za-z0-9+/]{86}=="
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(Z|\+00:00)"
)
"""What differs in every home: ids, digests, keys and times."""


def described(folder: Path) -> list[tuple[str, int, str]]:
    """Return all files and folders below a folder: path, mode and content, without what differs in every home."""
    found = []
    for path in sorted(folder.rglob("*")):
        text = ""
        if path.suffix == ".ilearner":
            text = json.dumps(ilearner.manifest(path.read_bytes()))
        elif path.is_file() and path.name != "hmac.key":
            text = path.read_text()
        text = OWN.sub("OWN", text.replace(str(folder), "FOLDER"))
        found.append((OWN.sub("OWN", str(path.relative_to(folder))), path.stat().st_mode, text))
    return sorted(found)


@pytest.mark.parametrize(
    ("name", "lines"), [("home", HOME), ("small", HOME + SMALL), ("churn", HOME + CHURN), ("exported", HOME + CHURN)]
)
def test_a_copied_home_is_the_same_as_a_typed_one(
    mlmgmt: Command, prepared: Path, apart: Path, tmp_path: Path, name: str, lines: list[str]
) -> None:
    if name == "small":
        Path("small.json").write_text(json.dumps(small_definition()))
    for line in lines:
        mlmgmt(line, ok=True)
    if name == "exported":
        mlmgmt("export -OutputFile churn.json", stdin=mlmgmt("get -g retail -n churn", ok=True).out, ok=True)
    other = tmp_path / "copied"
    copy(prepared / name, other / "work", other / "config")
    typed = [entry for entry in described(tmp_path) if not entry[0].startswith("copied")]
    assert described(other) == typed
