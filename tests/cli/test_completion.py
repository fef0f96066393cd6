"""Completion in each shell: commands, parameters, and what is in the home."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mlmgmt.modules import catalogue
from tests.classic.classic_home import SCORING, Bikes
from tests.conftest import Command, environment

if TYPE_CHECKING:
    from pathlib import Path


def complete(words: str, shell: str = "bash") -> list[str]:
    """Return the candidates that a shell gets at the end of these words."""
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
        ("mlmgmt get -g retail --name=s", ["small"]),
        ("mlmgmt get -g retail -Na ", ["small"]),
        ("mlmgmt rollback -g retail -n small --to ", ["1", "2"]),
        ("mlmgmt get -o ", ["table", "json"]),
        ("mlmgmt set-context -Role R", ["Reader"]),
        ("mlmgmt sample ch", ["churn"]),
        ("mlmgmt get -g nowhere -n ", []),
        ("mlmgmt export -WebService ", []),
    ],
)
def test_bash_completes_commands_parameters_and_values(
    mlmgmt: Command, small: Path, words: str, expected: list[str]
) -> None:
    mlmgmt("update -g retail -n small -Title Two -Force", ok=True)
    assert complete(words) == expected


def test_assets_are_completed_from_the_service_or_the_file(mlmgmt: Command, churn: Path) -> None:
    assert complete("mlmgmt retrain -g retail -n churn --asset ") == ["asset3"]
    assert complete("mlmgmt set-model churn-predictive.json --asset ") == ["asset3"]


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
def test_other_shells_complete_values(small: Path, shell: str) -> None:
    offered = complete("mlmgmt get -g re", shell)
    assert any("retail" in line for line in offered)


@pytest.mark.parametrize("option", ["--show-completion", "--install-completion"])
def test_another_shell_is_refused(mlmgmt: Command, option: str) -> None:
    refused = mlmgmt(f"{option} tcsh")
    assert refused.status == 2
    assert f"{option} bash|zsh|fish|powershell" in refused.err


def test_without_a_home_completion_is_silent(apart: Path) -> None:
    assert complete("mlmgmt get -g ") == []


def in_bash(*words: str) -> list[str]:
    """Return COMPREPLY, as the completion function sets it in a real bash."""
    python = shlex.quote(sys.executable)
    lines = f"""
    mlmgmt() {{ {python} -c 'from mlmgmt.cli.app import run; import sys; raise SystemExit(run(sys.argv[1:]))' "$@"; }}
    eval "$(mlmgmt --show-completion bash)"
    mkdir bin; printf '#!/bin/sh\\nexec {python} -c "from mlmgmt.cli.app import run; run([])"\\n' > bin/mlmgmt
    chmod +x bin/mlmgmt; PATH=$PWD/bin:$PATH; unset -f mlmgmt
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mlmgmt_completion mlmgmt; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", lines, "bash", *words], capture_output=True, text=True, env=environment(), check=True
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize("typed", ["Execute", "Execute\\ Py", "'Execute Py"])
def test_bash_gets_a_value_with_blanks_as_one_word(apart: Path, typed: str) -> None:
    (offered,) = in_bash("mlmgmt", "modules", typed)
    # bash puts the candidate after the quote that was typed, and closes it.
    line = f"'{offered}'" if typed.startswith("'") else offered
    assert shlex.split(line) == ["Execute Python Script"]


def test_the_first_word_of_several_commands_is_offered_once(apart: Path) -> None:
    assert complete("mlmgmt ba") == ["batch"]
    offered = complete("mlmgmt ")
    assert len(offered) == len(set(offered))


def test_the_learners_of_the_task_are_offered(apart: Path) -> None:
    offered = complete("mlmgmt new-experiment X --algorithm ")
    assert [shlex.split(line) for line in offered] == [[module.name] for module in catalogue.modules() if module.task]
    assert all("Initialize Model" in catalogue.by_name(shlex.split(line)[0]).category for line in offered)
    assert complete("mlmgmt new-experiment X -t Clustering -a ") == ["K-Means\\ Clustering"]


SERVICE, OTHER = "Bike\\ Rental\\ \\[Predictive\\ Exp.\\]", "f" * 32


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("mlmgmt web-services ", ["Bike\\ Rental", SERVICE]),
        (f"mlmgmt endpoints -s '{SCORING}' -e ", ["default", "loc001"]),
        (f"mlmgmt patch-endpoint -s '{SCORING}' -e loc001 -ResourceName ", ["Bike\\ Rental\\ \\[trained\\ model\\]"]),
        (f"mlmgmt rollback -s '{SCORING}' -e loc001 --to ", ["1"]),
        ("mlmgmt workspace-config -WorkspaceId ffffff", [OTHER]),
        ("mlmgmt promote-model ", ["Bike\\ Rental", SERVICE]),
        (f"mlmgmt promote-model -WorkspaceId {OTHER} ", []),
        (f"mlmgmt endpoints -WorkspaceId {OTHER} ", []),
        ("mlmgmt endpoints nothing ", []),
        ("mlmgmt trained-models w", ["Workspace"]),
    ],
)
def test_names_in_a_classic_workspace_are_completed(
    mlmgmt: Command, bikes: Bikes, words: str, expected: list[str]
) -> None:
    mlmgmt(f"new-workspace Other -WorkspaceId {OTHER}", ok=True)
    mlmgmt(f"remove-endpoint -s '{SCORING}' -e loc002 -Force", ok=True)
    assert sorted(complete(words)) == sorted(expected)
