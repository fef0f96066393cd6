"""What every test has: a separate configuration folder, no home, and `mlmgmt` as a person types it."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# Tests start hundreds of processes, and each of them would compile the program again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
if "PYTEST_XDIST_WORKER" in os.environ:
    # There is a test for each processor; with more threads than processors, each spends its time waiting for others.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from mlmgmt import resources
from mlmgmt.cli import app
from mlmgmt.definition.schema import Contract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser import Browser
    from tests.classic.classic_home import Bikes

FIXTURES = Path(resources.__file__).parent.parent / "fixtures"
ODD = [
    'it\'s "quoted"',
    "$HOME `id` $(id)",
    "back\\slash",
    ')-"',
    "'@",
    '"""',
    "JSON",
    "STORAGE",
    "é☃\U0001f600",
    "%s {{x}}",
]
"""Texts with quotes, code and placeholders of the programs and pages that are made."""


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session", autouse=True)
def preloaded() -> Iterator[None]:
    """Fork servers and workers from a process that is started once one is needed."""
    from tests import preloaded

    preloaded.patch()
    yield
    preloaded.stop()


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A test works in a separate folder and never sees the user's homes, secrets or terminal."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLMGMT_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("MLMGMT_HOME", raising=False)
    monkeypatch.setattr("mlmgmt.cli.ask._TERMINAL", str(tmp_path / "no-terminal" / "tty"))
    return folder


Command = "Callable[..., Result]"


@pytest.fixture
def mlmgmt(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs one command line in this process: `mlmgmt("get -g retail -n churn")`, or words, with `stdin=` text."""
    import shlex

    def run(line: str | list[str], *, stdin: str | bytes | None = None, ok: bool = False) -> Result:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data or b""), encoding="utf-8"))
        capsys.readouterr()
        status = app.run(shlex.split(line) if isinstance(line, str) else line)
        captured = capsys.readouterr()
        if ok:
            assert status == 0, captured.err
        assert "Traceback" not in captured.err
        return Result(status, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the homes that the fixtures below copy; they are typed once in a run."""
    from tests import prepared

    return prepared.once(tmp_path_factory, "prepared", prepared.fill)


@pytest.fixture
def home(prepared: Path, apart: Path, tmp_path: Path) -> Path:
    """A home with a resource group `retail`."""
    return _copied(prepared / "home", apart, tmp_path)


@pytest.fixture
def churn(prepared: Path, home: Path, apart: Path, tmp_path: Path) -> Path:
    """The churn sample in the working folder, deployed as `churn`."""
    return _copied(prepared / "churn", apart, tmp_path)


@pytest.fixture
def exported(prepared: Path, churn: Path, apart: Path, tmp_path: Path) -> Path:
    """The definition of `churn`, exported to churn.json."""
    _copied(prepared / "exported", apart, tmp_path)
    return Path("churn.json")


def _copied(prepared: Path, apart: Path, tmp_path: Path) -> Path:
    from tests.prepared import copy

    return copy(prepared, apart, tmp_path / "config")


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract(resources.schema("webservice"))


def small_definition(**properties: Any) -> dict[str, Any]:
    """A definition without a model: rows in, two columns out."""
    module = "aml://module/506153734175476c4f62416c57734963.1ec722fab6234e26a44ea50c6d726223.v1-default-1730"
    columns = {"age": {"type": "Integer"}, "city": {"type": "String"}}
    return {
        "properties": {
            "packageType": "Graph",
            "package": {
                "nodes": {"in": {"inputId": "input1"}, "select": {"assetId": "asset1"}, "out": {"outputId": "output1"}},
                "edges": [
                    {"sourceNodeId": "in", "targetNodeId": "select", "targetPortId": "Dataset"},
                    {"sourceNodeId": "select", "sourcePortId": "Results dataset", "targetNodeId": "out"},
                ],
            },
            "title": "Small",
            "input": {"type": "object", "properties": {"input1": {"type": "object", "properties": columns}}},
            "output": {"type": "object", "properties": {"output1": {"type": "object", "properties": columns}}},
            "assets": {
                "asset1": {"name": "Select Columns in Dataset", "type": "Module", "locationInfo": {"uri": module}}
            },
            **properties,
        },
        "location": "South Central US",
    }


@pytest.fixture
def small(prepared: Path, home: Path, apart: Path, tmp_path: Path) -> Path:
    """A web service `small` without a model, deployed from small.json."""
    _copied(prepared / "small", apart, tmp_path)
    return Path("small.json")


@pytest.fixture(scope="session")
def classic_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the home that `bikes` copies; models are trained once in a run."""
    from tests import prepared
    from tests.classic.classic_home import prepare

    return prepared.once(tmp_path_factory, "classic", prepare)


@pytest.fixture
def bikes(classic_home: Path, apart: Path, tmp_path: Path) -> Bikes:
    """A home with two Classic web services, one that scores and one that trains, and models to patch with."""
    from tests.classic.classic_home import Bikes

    return Bikes.from_copy(classic_home, apart, tmp_path / "config")


def environment(**more: str) -> dict[str, str]:
    """The environment for a real process of the command."""
    return {**os.environ, "PYTHONPATH": str(Path(resources.__file__).parent.parent), **more}


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Yield the browser that opens all pages, one after the other."""
    from tests.browser import PROGRAM, Browser

    assert PROGRAM is not None
    opened = Browser(PROGRAM, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()
