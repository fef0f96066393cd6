"""The help topic `commands`: every command with its parameters and an example, made from the declarations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlmgmt.cmdlets import declare, registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmgmt.cmdlets.declare import Cmdlet, Parameter

TITLE = "All commands with their parameters"
_WIDTH = 74
_WORD = r"""(?:"[^"]*"|'[^']*'|[^\s"'])+"""


def markdown() -> str:
    """Return the reference of all commands."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield f"# {TITLE}"
    yield ""
    yield "Every command takes these parameters:"
    yield ""
    yield from map(_parameter, declare.COMMON)
    yield ""
    yield "Commands that change something also take:"
    yield ""
    yield from map(_parameter, (declare.WHAT_IF, declare.CONFIRM, declare.FORCE))
    yield ""
    yield "Commands of a Classic workspace also take:"
    yield ""
    yield from map(_parameter, declare.WORKSPACE)
    for step in sorted({cmdlet.step for cmdlet in registry.CMDLETS}):
        yield ""
        yield f"## {step}"
        for cmdlet in registry.CMDLETS:
            if cmdlet.step == step:
                yield from _command(cmdlet)
    yield ""


def _command(cmdlet: Cmdlet) -> Iterator[str]:
    yield ""
    yield f"### {cmdlet.short[0]}"
    yield ""
    yield f"{cmdlet.summary} {cmdlet.about}".strip()
    yield ""
    others = ", ".join(f"`{name}`" for name in (*cmdlet.short[1:], *cmdlet.spellings))
    yield f"Also called {others}. More: `mlmgmt help {registry.topic(cmdlet)}`."
    yield ""
    if cmdlet.parameters:
        yield from map(_parameter, cmdlet.parameters)
        yield ""
    yield "```sh"
    yield folded(cmdlet.example)
    yield "```"


def _parameter(parameter: Parameter) -> str:
    names = [f"-{parameter.name}", *([f"-{parameter.short}"] if parameter.short else [])]
    choices = f" ({', '.join(parameter.choices)})" if parameter.choices else ""
    return f"- {', '.join(f'`{name}`' for name in names)}{choices}: {parameter.described}"


def folded(command: str) -> str:
    """Break a command line between its parameters, so that it fits a terminal and can be pasted."""
    first, *parts = re.findall(rf"(?:-[\w-]+ (?!-))?{_WORD}", command)
    lines = [first]
    for part in parts:
        if len(lines[-1]) + len(part) > _WIDTH:
            lines.append(f"  {part}")
        else:
            lines[-1] += f" {part}"
    return " \\\n".join(lines)
