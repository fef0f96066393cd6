"""What stands in place of a command: the map of all commands, a family of them, the version, and completion."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlmgmt import __version__
from mlmgmt.cli import render
from mlmgmt.cmdlets import registry
from mlmgmt.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmgmt.cmdlets.declare import Cmdlet


def family(words: Sequence[str], members: list[Cmdlet]) -> int:
    """A word that needs a second one, such as `batch`: what there is."""
    width = max(len(cmdlet.short[0]) for cmdlet in members)
    lines = [f"  mlmgmt {cmdlet.short[0]:<{width}}  {cmdlet.summary}" for cmdlet in members]
    if len(words) > 1 and words[1].casefold() in ("-h", "--help", "-help", "-?"):
        render.out("\n".join([f"Usage: mlmgmt {words[0]} COMMAND [PARAMETERS]", "", *lines]))
        return 0
    seconds = ", ".join(cmdlet.short[0].partition(" ")[2] for cmdlet in members)
    render.error(WrongUsage(f"{words[0]!r} needs a second word: {seconds}.", hint=f"See: mlmgmt {words[0]} --help"))
    return WrongUsage.exit_status


def options(words: Sequence[str]) -> None:
    """What stands in place of a command: `--version`, help, and completion."""
    word = words[0].casefold() if words else "--help"
    if word in ("--version", "-version", "-v"):
        render.out(f"mlmgmt {__version__}")
    elif word in ("--show-completion", "--install-completion"):
        from mlmgmt.cli import typer_binding

        shell = words[1] if len(words) > 1 else None
        if word == "--show-completion":
            render.out(typer_binding.completion_script(shell or os.path.basename(os.environ.get("SHELL", "bash"))))
        else:
            found, path = typer_binding.install_completion(shell)
            render.talk(f"Completion for {found} is in {path}; open a new shell to have it.")
    elif word in ("-h", "--help", "-help", "-?"):
        render.out(root())
    else:
        raise WrongUsage(
            f"{words[0]} stands before any command.", hint="Put it after the command, or see: mlmgmt --help"
        )


def root() -> str:
    """A map of the commands, by step of the retraining story."""
    lines = [
        "mlmgmt: the web services of Azure Machine Learning Studio (classic), on this machine.",
        "",
        "Usage: mlmgmt COMMAND [PARAMETERS]     mlmgmt COMMAND --help     mlmgmt walkthrough",
        "",
        "(Services of the newer Azure Machine Learning are not meant; their command is az ml.)",
    ]
    width = max(len(cmdlet.short[0]) for cmdlet in registry.CMDLETS)
    wide = max(len(cmdlet.name) for cmdlet in registry.CMDLETS)
    for step in sorted({cmdlet.step for cmdlet in registry.CMDLETS}):
        lines += ["", step]
        for cmdlet in registry.CMDLETS:
            if cmdlet.step == step:
                lines.append(f"  {cmdlet.short[0]:<{width}}  {cmdlet.name:<{wide}}  {cmdlet.summary}")
    lines += [
        "",
        "Everywhere: -o table|json, --home FOLDER, -Verbose, -Debug.",
        "New, Update, Remove and their like: -WhatIf, -Confirm, -Force.",
        "Older names (AzureRm, plurals) work too, in any letter case, and so do unique beginnings of parameters.",
        "Completion: mlmgmt --install-completion [bash|zsh|fish|powershell]     Version: mlmgmt --version",
    ]
    return "\n".join(lines)
