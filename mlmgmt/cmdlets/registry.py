"""Every cmdlet, by all of its names."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mlmgmt.cmdlets import (
    account,
    advice,
    batch,
    classic,
    deployments,
    experiments,
    many,
    plans,
    retraining,
    runs,
    scoring,
    server,
    services,
    storage,
    topics,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.cmdlets.declare import Cmdlet

FILES = (
    account,
    retraining,
    runs,
    services,
    deployments,
    batch,
    experiments,
    plans,
    storage,
    server,
    classic,
    many,
    advice,
    topics,
    scoring,
)
"""The files of declarations, each with its `CMDLETS` and the help `TOPIC` that explains them."""
CMDLETS: tuple[Cmdlet, ...] = tuple(cmdlet for file in FILES for cmdlet in file.CMDLETS)


@cache
def by_name() -> Mapping[str, Cmdlet]:
    """Return the cmdlet of each name, with the names in lower case."""
    return {name.casefold(): cmdlet for cmdlet in CMDLETS for name in (*cmdlet.spellings, *cmdlet.short)}


def find(name: str) -> Cmdlet | None:
    """Return the cmdlet with this name, in any letter case."""
    return by_name().get(name.casefold())


@cache
def _topic_of() -> Mapping[str, str]:
    return {cmdlet.name: cmdlet.topic or file.TOPIC for file in FILES for cmdlet in file.CMDLETS}


def topic(cmdlet: Cmdlet) -> str:
    """Return the help topic that explains a cmdlet."""
    return _topic_of()[cmdlet.name]


def joined(words: Sequence[str]) -> list[str]:
    """Return the words of a command line, with a name of two words, such as `batch submit`, as one."""
    if len(words) > 1 and find(words[0]) is None and find(f"{words[0]} {words[1]}") is not None:
        return [f"{words[0]} {words[1]}", *words[2:]]
    return list(words)


def family(word: str) -> list[Cmdlet]:
    """Return the cmdlets whose short name has two words and starts with this one, such as `batch`."""
    return [cmdlet for cmdlet in CMDLETS if cmdlet.short[0].startswith(f"{word.casefold()} ")]
