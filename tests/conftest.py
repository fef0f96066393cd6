"""What every test has: a configuration folder of its own, no home, and `mlmgmt` as a person types it."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlmgmt import resources
from mlmgmt.cli import app
from mlmgmt.definition.schema import Contract

if TYPE_CHECKING:
    from tests.stories.classic_home import Bikes

FIXTURES = Path(resources.__file__).parent.parent / "fixtures"


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A test works in a folder of its own and never meets the user's homes, secrets or terminal."""
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


@pytest.fixture
def home(mlmgmt: Command, apart: Path) -> Path:
    """A home with a resource group `retail`."""
    mlmgmt("Connect-AzAccount -AccountId ada@example.com", ok=True)
    mlmgmt("New-AzResourceGroup -Name retail -Location southcentralus", ok=True)
    return apart / ".mlmgmt"


@pytest.fixture
def churn(mlmgmt: Command, home: Path) -> Path:
    """The churn sample in the working folder, deployed as `churn`."""
    mlmgmt("sample churn --out .", ok=True)
    mlmgmt("new -g retail -l southcentralus -n churn -DefinitionFile churn-predictive.json -Force", ok=True)
    return home


@pytest.fixture
def exported(mlmgmt: Command, churn: Path) -> Path:
    """The definition of `churn`, exported to churn.json."""
    wsd = mlmgmt("get -g retail -n churn", ok=True).out
    mlmgmt("export -OutputFile churn.json", stdin=wsd, ok=True)
    return Path("churn.json")


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
def small(mlmgmt: Command, home: Path) -> Path:
    """A web service `small` without a model, deployed from small.json."""
    path = Path("small.json")
    path.write_text(json.dumps(small_definition()))
    mlmgmt("new -g retail -l southcentralus -n small -DefinitionFile small.json -Force", ok=True)
    return path


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the home that `bikes` copies; models are trained once."""
    from tests.stories.classic_home import prepare

    folder = tmp_path_factory.mktemp("classic")
    with pytest.MonkeyPatch.context() as monkeypatch:
        prepare(folder, monkeypatch)
    return folder


@pytest.fixture
def bikes(prepared: Path, apart: Path, tmp_path: Path, mlmgmt: Command) -> Bikes:
    """A home with two Classic web services, one that scores and one that trains, and models to patch with."""
    from tests.stories.classic_home import Bikes

    return Bikes.copied(prepared, apart, tmp_path / "config", mlmgmt)


def environment(**more: str) -> dict[str, str]:
    """The environment for a real process of the command."""
    return {**os.environ, "PYTHONPATH": str(Path(resources.__file__).parent.parent), **more}
