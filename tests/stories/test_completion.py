"""Completion as the shells ask for it: commands, parameters, and what is in the home."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Command, environment

if TYPE_CHECKING:
    from pathlib import Path


def complete(words: str, shell: str = "bash") -> list[str]:
    """What a shell is offered at the end of these words."""
    ask = {
        "bash": {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": words},
        "fish": {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
        "powershell": {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_WORD_TO_COMPLETE": words.split(" ")[-1]},
    }[shell]
    done = subprocess.run(
        [sys.executable, "-c", "from mlmgmt.cli.app import run; raise SystemExit(run([]))"],
        capture_output=True,
        text=True,
        env=environment(_MLMGMT_COMPLETE=f"complete_{shell}", **ask),
        check=False,
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("mlmgmt roll", ["rollback"]),
        ("mlmgmt undo-AZM", ["Undo-AzMlWebService"]),
        ("mlmgmt walk", ["walkthrough"]),
        ("mlmgmt get -res", ["-ResourceGroupName"]),
        ("mlmgmt get --reg", ["--region"]),
        ("mlmgmt get -g ", ["retail"]),
        ("mlmgmt get -ResourceGroupName RE", ["retail"]),
        ("mlmgmt get -g retail -n s", ["small"]),
        ("mlmgmt rollback -g retail -n small --to ", ["1", "2"]),
        ("mlmgmt get -o ", ["table", "json"]),
        ("mlmgmt set-context -Role R", ["Reader"]),
        ("mlmgmt sample ch", ["churn"]),
        ("mlmgmt get -g nowhere -n ", []),
        ("mlmgmt export -WebService ", []),
    ],
)
def test_bash(mlmgmt: Command, small: Path, words: str, expected: list[str]) -> None:
    mlmgmt("update -g retail -n small -Title Two -Force", ok=True)
    assert complete(words) == expected


def test_assets(mlmgmt: Command, churn: Path) -> None:
    assert complete("mlmgmt retrain -g retail -n churn --asset ") == ["asset3"]
    assert complete("mlmgmt set-model churn-predictive.json --asset ") == ["asset3"]


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
def test_the_other_shells(small: Path, shell: str) -> None:
    offered = complete("mlmgmt get -g re", shell)
    assert any("retail" in line for line in offered)


def test_without_a_home_completion_is_silent(apart: Path) -> None:
    assert complete("mlmgmt get -g ") == []
