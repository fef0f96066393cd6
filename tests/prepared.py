"""Homes that are typed once in a run and copied for each test; a copy is as if the test had typed it."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from mlmgmt.cli import app
from mlmgmt.store import home as homes
from tests.conftest import small_definition

if TYPE_CHECKING:
    from collections.abc import Callable

HOME = [
    "Connect-AzAccount -AccountId ada@example.com",
    "New-AzResourceGroup -Name retail -Location southcentralus",
]
SMALL = ["new -g retail -l southcentralus -n small -DefinitionFile small.json -Force"]
CHURN = [
    "sample churn --out .",
    "new -g retail -l southcentralus -n churn -DefinitionFile churn-predictive.json -Force",
]


def run(*words: str, stdin: str = "") -> str:
    """Run a command that must succeed, outside a test; returns what it printed."""
    out, talk = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as monkeypatch, redirect_stdout(out), redirect_stderr(talk):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        status = app.run(list(words))
    assert status == 0, talk.getvalue()
    return out.getvalue()


def once(factory: pytest.TempPathFactory, name: str, fill: Callable[[Path], None]) -> Path:
    """Fill a folder once for all processes of a run; they copy from it and never write to it."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, beside = base / name, base / f"{name}-unfinished"
    with FileLock(base / f"{name}.lock"):
        if not folder.exists():
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir()
            fill(beside)
            beside.rename(folder)
    return folder


def copy(prepared: Path, work: Path, config: Path) -> Path:
    """Copy a prepared home to the working folder and the configuration of a test; returns the home.

    Where the home was typed there is nothing any more, so the copy is trusted as a home that moved, and keeps its keys.
    """
    shutil.copytree(prepared / "work", work, dirs_exist_ok=True)
    shutil.copytree(prepared / "config", config, dirs_exist_ok=True)
    environ = {"MLMGMT_CONFIG": str(config)}
    root = work / homes.FOLDER
    homes.trust(environ, homes.load(environ, str(root)))
    return root


def fill(folder: Path) -> None:
    """Type the homes that the fixtures `home`, `small`, `churn` and `exported` copy, each in a folder of that name.

    All are the same home at different times, so that a server which began with one of them can serve any other.
    """
    now = folder / "now"
    work, config = now / "work", now / "config"

    def type_in(name: str, begin: str | None, *lines: str) -> None:
        if begin is None:
            work.mkdir(parents=True)
        else:
            shutil.rmtree(now)
            shutil.copytree(folder / begin, now)
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.chdir(work)
            monkeypatch.setenv("MLMGMT_CONFIG", str(config))
            monkeypatch.delenv("MLMGMT_HOME", raising=False)
            if name == "small":
                Path("small.json").write_text(json.dumps(small_definition()))
            for line in lines:
                run(*line.split())
            if name == "exported":
                export()
        shutil.copytree(now, folder / name)

    type_in("home", None, *HOME)
    type_in("small", "home", *SMALL)
    type_in("churn", "home", *CHURN)
    type_in("exported", "churn")
    shutil.rmtree(now)


def export() -> None:
    """Export the definition of `churn` to churn.json."""
    wsd = run("get", "-g", "retail", "-n", "churn")
    run("export", "-OutputFile", "churn.json", stdin=wsd)
