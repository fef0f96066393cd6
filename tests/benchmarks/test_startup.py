"""Start-up of whole processes, ours against the smallest useful Typer app."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import making
from .ratio import Aim

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Measure

ROUNDS = 25
AIM = Aim(0.7)
MINIMAL = '''\
import typer

app = typer.Typer()


@app.command()
def show(name: str, verbose: bool = False) -> None:
    """Show one."""
    print(name)


@app.command()
def remove(name: str) -> None:
    """Remove one."""
    print(name)


app()
'''


@pytest.fixture(scope="module")
def minimal(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The smallest app: two commands and one option."""
    file = tmp_path_factory.mktemp("app") / "minimal"
    file.write_text(MINIMAL)
    return [sys.executable, str(file)]


@pytest.fixture(scope="module")
def ours() -> list[str]:
    """The installed command, run by this interpreter."""
    script = Path(sysconfig.get_path("scripts")) / "mlmgmt"
    if not script.is_file():
        pytest.skip("the mlmgmt command is not installed beside this interpreter")
    return [sys.executable, str(script)]


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A prepared home with one service, and compiled byte code for all imports, as after an installation."""
    folder = tmp_path_factory.mktemp("home")
    session = making.session(folder)
    making.service(session, "retail", "churn", making.definition(10_000))
    # A checkout may have no byte code (PYTHONDONTWRITEBYTECODE); then compiling would be half of the time measured.
    told = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**told, **session.environ, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def _process(words: list[str], environ: dict[str, str], expected: str) -> Callable[[], int]:
    """Check once that a process gives the expected output; later runs discard it."""
    told = subprocess.run(words, env=environ, capture_output=True, text=True, check=True)
    assert expected in told.stdout, told
    return lambda: subprocess.run(words, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode


def test_get(measure: Measure, ours: list[str], minimal: list[str], environ: dict[str, str]) -> None:
    """`mlmgmt get` of one service against one command of the minimal app."""
    get = _process([*ours, "get", "-g", "retail", "-n", "churn"], environ, '"churn"')
    show = _process([*minimal, "show", "churn"], environ, "churn")
    measure("start-up: get / minimal Typer app", get, show, aim=AIM, rounds=ROUNDS)


def test_completion(measure: Measure, ours: list[str], minimal: list[str], environ: dict[str, str]) -> None:
    """Completion of a resource group, against the minimal app completing the name of its option."""
    words = {"_MLMGMT_COMPLETE": "complete_bash", "COMP_WORDS": "mlmgmt get -g re", "COMP_CWORD": "3"}
    complete = _process(ours, {**environ, **words}, "retail")
    words = {"_MINIMAL_COMPLETE": "complete_bash", "COMP_WORDS": "minimal show --ve", "COMP_CWORD": "2"}
    other = _process(minimal, {**environ, **words}, "--verbose")
    measure("start-up: completion / minimal Typer app", complete, other, aim=AIM, rounds=ROUNDS)
