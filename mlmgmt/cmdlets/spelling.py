"""How parameters can be written: any letter case, shortened, `-Name value`, `-Name:value`, `--name=value`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmgmt.cmdlets.declare import Cmdlet, Kind
from mlmgmt.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmgmt.cmdlets.declare import Parameter

HELP = frozenset(("-h", "--help", "-help", "-?"))
"""Words that ask for help, in lower case."""
_TRUTH = {"$true": "true", "true": "true", "1": "true", "$false": "false", "false": "false", "0": "false"}
_ANY = Cmdlet(("mlmgmt",), ("mlmgmt",), run="", summary="", example="", step="")
"""A command with only the parameters of all commands."""


def resolve(cmdlet: Cmdlet, word: str) -> Parameter:
    """Return the parameter that a word such as `-Res` or `--resource-group-name` means.

    Raises:
        WrongUsage: no parameter, or more than one, starts like that.
    """
    asked = word.lstrip("-").replace("-", "").casefold()
    begins: list[Parameter] = []
    for parameter in cmdlet.all_parameters:
        names = [name.casefold() for name in (parameter.name, *parameter.aliases)]
        if asked in names or (len(asked) == 1 and asked == parameter.short):
            return parameter
        if any(name.startswith(asked) for name in names):
            begins.append(parameter)
    if len(begins) == 1 and asked:
        return begins[0]
    if begins and asked:
        listed = ", ".join(f"-{parameter.name}" for parameter in begins)
        raise WrongUsage(f"{word} could mean {listed}.", detail="AmbiguousParameter", at=word)
    from difflib import get_close_matches

    known = {parameter.name.casefold(): parameter.name for parameter in cmdlet.all_parameters}
    near = [f"-{known[name]}" for name in get_close_matches(asked, known, n=2)]
    hint = f"Did you mean {' or '.join(near)}?" if near else f"See: mlmgmt {cmdlet.short[0]} --help"
    raise WrongUsage(f"{cmdlet.name} has no parameter {word}.", detail="NamedParameterNotFound", at=word, hint=hint)


def pairs(cmdlet: Cmdlet, words: Sequence[str]) -> tuple[list[tuple[Parameter, str]], list[str], Parameter | None]:
    """Split a command line into parameters with their texts, words without a parameter, and an incomplete parameter.

    Switches have the text `true` or `false`. The third member is the last parameter if its value is missing, which is
    an error except in completion.

    Raises:
        WrongUsage: a parameter is unknown or ambiguous, or a switch has another value than true or false.
    """
    found: list[tuple[Parameter, str]] = []
    loose: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            return found, loose + queue, None
        if len(word) < 2 or word[0] != "-" or word[1].isdigit():
            loose.append(word)
            continue
        name, mark, attached = _cut(word)
        if (other := _other(cmdlet, name)) is not None:
            if not mark and not queue:
                raise WrongUsage(f"{name} needs a value.", detail="MissingArgument", at=name)
            value = attached if mark else queue.pop(0)
            found.append((cmdlet.parameter(cmdlet.others), f"{other}={value}"))
            continue
        parameter = resolve(cmdlet, name)
        if parameter.kind is Kind.SWITCH:
            found.append((parameter, _truth(parameter, attached) if mark else "true"))
        elif attached or mark == "=":
            found.append((parameter, attached))
        elif queue and not _is_parameter(cmdlet, queue[0]):
            found.append((parameter, queue.pop(0)))
        elif queue:
            raise WrongUsage(
                f"-{parameter.name} needs a value, but {queue[0]} follows.", detail="MissingArgument", at=parameter.name
            )
        else:
            return found, loose, parameter
    return found, loose, None


_FROM_TEMPLATE = "fromtemplate"


def _other(cmdlet: Cmdlet, word: str) -> str | None:
    """Return the name of a parameter that a cmdlet does not have itself, if it takes others.

    As in PowerShell, one that has the name of the cmdlet's own ends in `FromTemplate`.
    """
    if not cmdlet.others:
        return None
    name = word.lstrip("-")
    if name.casefold().endswith(_FROM_TEMPLATE) and len(name) > len(_FROM_TEMPLATE):
        return name[: -len(_FROM_TEMPLATE)]
    try:
        resolve(cmdlet, word)
    except WrongUsage as error:
        return name if "NamedParameterNotFound" in error.codes() else None
    return None


def parse(cmdlet: Cmdlet, words: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the texts of each parameter of a command line, by name, and the words without a parameter.

    Raises:
        WrongUsage: a parameter cannot be read, or has no value.
    """
    found, loose, pending = pairs(cmdlet, words)
    if pending is not None:
        raise WrongUsage(f"-{pending.name} needs a value.", detail="MissingArgument", at=pending.name)
    texts: dict[str, list[str]] = {}
    for parameter, text in found:
        texts.setdefault(parameter.name, []).append(text)
    return texts, loose


def readable(cmdlet: Cmdlet | None, words: Sequence[str]) -> dict[str, str]:
    """Return the texts of a command line that may be wrong, by parameter name, as far as they can be read.

    Args:
        cmdlet: None where no command has the name that was typed; the parameters of all commands are read.
    """
    known = cmdlet or _ANY
    found: dict[str, str] = {}
    queue = list(words)
    while queue and (word := queue.pop(0)) != "--":
        if not _is_parameter(known, word):
            continue
        name, mark, attached = _cut(word)
        parameter = resolve(known, name)
        if parameter.kind is Kind.SWITCH:
            found[parameter.name] = _TRUTH.get(attached.casefold(), "false") if mark else "true"
        elif mark:
            found[parameter.name] = attached
        elif queue and not _is_parameter(known, queue[0]):
            found[parameter.name] = queue.pop(0)
    return found


def _cut(word: str) -> tuple[str, str, str]:
    """Split a word at its first `:` or `=`; the value may contain more of them."""
    ends = [index for index in (word.find(":"), word.find("=")) if index > 0]
    if not ends:
        return word, "", ""
    end = min(ends)
    return word[:end], word[end], word[end + 1 :]


def _is_parameter(cmdlet: Cmdlet, word: str) -> bool:
    """Whether a word in the place of a value is certainly a parameter of this cmdlet."""
    if len(word) < 2 or word[0] != "-" or word[1].isdigit():
        return False
    try:
        resolve(cmdlet, _cut(word)[0])
    except WrongUsage:
        return False
    return True


def _truth(parameter: Parameter, text: str) -> str:
    truth = _TRUTH.get(text.casefold())
    if truth is None:
        raise WrongUsage(
            f"The switch -{parameter.name} cannot be {text!r}.",
            detail="InvalidSwitch",
            at=parameter.name,
            hint="Use $true or $false; in bash with quotes: '-Confirm:$false'.",
        )
    return truth
