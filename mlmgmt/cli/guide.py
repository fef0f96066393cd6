"""Help and options without a command: the list of commands, families of commands, version, and completion."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from mlmgmt import __version__
from mlmgmt.cli import render
from mlmgmt.cmdlets import registry, spelling
from mlmgmt.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.cmdlets.declare import Cmdlet

WALKTHROUGH = """\
Usage: mlmgmt walkthrough [FOLDER]

Runs the whole retraining story on real data, in FOLDER or in a temporary folder.

Example: mlmgmt walkthrough"""


def family(words: Sequence[str], members: list[Cmdlet]) -> int:
    """Show the commands of a word that needs a second one, such as `batch`; return the exit status."""
    if len(words) > 1 and words[1].casefold() in spelling.HELP:
        render.out(_family_help(words[0], members))
        return 0
    seconds = ", ".join(cmdlet.short[0].partition(" ")[2] for cmdlet in members)
    render.error(WrongUsage(f"{words[0]!r} needs a second word: {seconds}.", hint=f"See: mlmgmt {words[0]} --help"))
    return WrongUsage.exit_status


def _family_help(word: str, members: list[Cmdlet]) -> str:
    width = max(len(cmdlet.short[0]) for cmdlet in members)
    lines = [f"  mlmgmt {cmdlet.short[0]:<{width}}  {cmdlet.summary}" for cmdlet in members]
    more = ["", f"More: mlmgmt help {registry.topic(members[0])}"]
    return "\n".join([f"Usage: mlmgmt {word} COMMAND [PARAMETERS]", "", *lines, *more])


def topic(result: Mapping[str, str]) -> None:
    """Show the answer of `mlmgmt help`: a topic, or the help of a command."""
    name = result.get("Command")
    if name is None:
        render.document(result["Text"])
        if registry.find(result.get("Topic", "")) or registry.family(result.get("Topic", "")):
            render.talk(f"For the command with this name: mlmgmt {result['Topic']} --help")
    elif name == "walkthrough":
        render.out(WALKTHROUGH)
    elif (cmdlet := registry.find(name)) is not None:
        help_of(cmdlet, name)
    else:
        render.out(_family_help(name, registry.family(name)))


def help_of(cmdlet: Cmdlet, name: str) -> None:
    """Show the help of a command by the name that was typed."""
    from mlmgmt.cli import typer_binding

    render.out(typer_binding.help_text(cmdlet, name))


def unknown_command(name: str) -> WrongUsage:
    """Return the error for a word that is not a command, with the nearest commands."""
    from difflib import get_close_matches

    known = {
        spelled.casefold(): spelled for cmdlet in registry.CMDLETS for spelled in (*cmdlet.spellings, *cmdlet.short)
    }
    near = [known[key] for key in get_close_matches(name.casefold(), known, n=3)]
    hint = f"Did you mean {' or '.join(near)}?" if near else "See them all with: mlmgmt --help"
    return WrongUsage(f"There is no command {name!r}.", detail="CommandNotFound", target=name, hint=hint)


def options(words: Sequence[str]) -> None:
    """Answer options that are given instead of a command: `--version`, help, and completion.

    Raises:
        WrongUsage: the option is unknown, or belongs after a command.
    """
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
            render.talk(f"Completion for {found} was written to {path}. Open a new shell to use it.")
    elif word in spelling.HELP:
        render.out(root())
    else:
        raise _misplaced(words)


def _misplaced(words: Sequence[str]) -> WrongUsage:
    """Refuse an option before the command; the hint moves it behind the command, if there is one."""
    at = next((at for at, word in enumerate(words) if registry.find(word) or registry.family(word)), None)
    if at is None:
        message = f"{words[0]} is unknown, or its command is missing."
        return WrongUsage(message, target=words[0], hint="See: mlmgmt --help")
    name, *rest = registry.joined(words[at:])
    moved = " ".join([name, shlex.join([*rest, *words[:at]])])
    return WrongUsage(f"{words[0]} comes after the command.", target=words[0], hint=f"Write: mlmgmt {moved}")


def root() -> str:
    """Return the list of commands, by step of the retraining story."""
    lines = [
        "mlmgmt: the web services of Azure Machine Learning Studio (classic), on this machine.",
        "",
        "Usage: mlmgmt COMMAND [PARAMETERS]     mlmgmt COMMAND --help",
        "       mlmgmt help [TOPIC]             mlmgmt walkthrough",
        "",
        "(For services of the newer Azure Machine Learning, use az ml.)",
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
        "All commands: -o table|json, --home FOLDER, -Verbose, -Debug.",
        "Commands that change something: -WhatIf, -Confirm, -Force.",
        "Older names (AzureRm, plurals) work too, in any letter case. Parameters can be shortened: -Res.",
        "Completion: mlmgmt --install-completion [bash|zsh|fish|powershell]     Version: mlmgmt --version",
    ]
    return "\n".join(lines)
