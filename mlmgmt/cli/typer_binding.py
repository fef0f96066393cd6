"""Help and completion with Typer: its formatter, and its scripts for shells.

Everything that depends on Typer's internals is in this file. It is loaded only for help and completion: `spelling`
parses command lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer import _completion_classes, _completion_shared, completion
from typer._click import shell_completion
from typer._click.formatting import HelpFormatter

from mlmgmt.cmdlets import registry
from mlmgmt.cmdlets.declare import Kind
from mlmgmt.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmgmt.cmdlets.declare import Cmdlet, Parameter

_PLACEHOLDERS = {
    Kind.INTEGER: "<number>",
    Kind.NUMBER: "<number>",
    Kind.FILE: "<file>",
    Kind.FOLDER: "<folder>",
    Kind.DOCUMENT: "<file>",
    Kind.ROWS: "<file>",
    Kind.TEXT: "<json>",
    Kind.STRUCTURE: "<object>",
    Kind.LIST: "<names>",
    Kind.WORDS: "<names>",
    Kind.FILES: "<files>",
}
_PROGRAM: Any = {"prog_name": "mlmgmt", "complete_var": "_MLMGMT_COMPLETE"}


def help_text(cmdlet: Cmdlet, name: str) -> str:
    """Return the text of `mlmgmt NAME --help`."""
    formatter = HelpFormatter()
    positional = (f"[{parameter.name}]" for parameter in cmdlet.positional)
    formatter.write_usage(f"mlmgmt {name}", " ".join([*positional, "[PARAMETERS]"]))
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(f"{cmdlet.summary}\n\n{cmdlet.about}".strip())
    own = {parameter.name for parameter in cmdlet.parameters}
    for title, mine in (("Parameters", True), ("Common parameters", False)):
        if listed := [parameter for parameter in cmdlet.all_parameters if (parameter.name in own) is mine]:
            with formatter.section(title):
                formatter.write_dl([(_spelled(parameter), parameter.described) for parameter in listed])
    with formatter.section("Also called"):
        formatter.write_text(", ".join((*cmdlet.spellings, *cmdlet.short)))
    with formatter.section("Example"):
        # A wrapped command cannot be pasted, so the example stays on one line.
        formatter.write(f"{'':>{formatter.current_indent}}{cmdlet.example}\n")
    formatter.write(f"\nMore: mlmgmt help {registry.topic(cmdlet)}\n")
    return formatter.getvalue().rstrip("\n")


def _spelled(parameter: Parameter) -> str:
    names = [f"-{parameter.short}"] if parameter.short else []
    spelled = ", ".join([*names, f"-{parameter.name}", parameter.option])
    if parameter.kind is Kind.SWITCH:
        return spelled
    return f"{spelled} {'|'.join(parameter.choices) or _PLACEHOLDERS.get(parameter.kind, '<text>')}"


def complete(instruction: str, candidates: Callable[[list[str], str], list[tuple[str, str]]]) -> int:
    """Answer the completion script of a shell, and return the exit status.

    Args:
        instruction: what the script asks, such as complete_bash.
        candidates: returns values with their help, for the words before the incomplete one, and for that one.
    """
    _completion_classes.completion_init()
    shell = instruction.partition("_")[2]
    found = shell_completion.get_completion_class(shell)
    if found is not None:

        def get_completions(_: Any, words: list[str], incomplete: str) -> list[shell_completion.CompletionItem]:
            return [shell_completion.CompletionItem(value, help=text) for value, text in candidates(words, incomplete)]

        members: dict[str, Any] = {"get_completions": get_completions}
        if found is _completion_classes.BashComplete:
            members["format_completion"] = _quoted_for_bash
        shell_completion.add_completion_class(type("Completing", (found,), members), shell)
    return completion.shell_complete(None, {}, instruction=instruction, **_PROGRAM)  # type: ignore[arg-type]


def _quoted_for_bash(_: Any, item: shell_completion.CompletionItem) -> str:
    """Quote a candidate for bash, which inserts it into the command line unquoted."""
    import os
    import re

    words, place = os.environ["COMP_WORDS"].split("\n"), int(os.environ["COMP_CWORD"])
    if place < len(words) and words[place].startswith(("'", '"')):
        # The user has opened a quote, which keeps blanks together.
        return str(item.value)
    return re.sub(r"([^\w@%+=:,./-])", r"\\\1", str(item.value))


def completion_script(shell: str) -> str:
    """Return the completion script for bash, zsh, fish, powershell or pwsh.

    Raises:
        WrongUsage: it is another shell.
    """
    try:
        return _completion_shared.get_completion_script(shell=shell, **_PROGRAM)
    except typer.Exit:
        raise _unknown_shell("--show-completion") from None


def install_completion(shell: str | None) -> tuple[str, str]:
    """Install completion for a shell, by default the current one; return the shell and the file.

    Raises:
        WrongUsage: it is another shell.
    """
    try:
        found, path = _completion_shared.install(shell=shell, **_PROGRAM)
    except typer.Exit:
        raise _unknown_shell("--install-completion") from None
    return found, str(path)


def _unknown_shell(option: str) -> WrongUsage:
    return WrongUsage(f"{option} does not know this shell.", hint=f"mlmgmt {option} bash|zsh|fish|powershell")
