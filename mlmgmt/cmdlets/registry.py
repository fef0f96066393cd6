"""Every cmdlet, and every name it answers to."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mlmgmt.cmdlets import account, beyond, webservice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.cmdlets.declare import Cmdlet

CMDLETS = (*account.CMDLETS, *webservice.CMDLETS, *beyond.CMDLETS)


@cache
def by_name() -> Mapping[str, Cmdlet]:
    """The cmdlet of each name, folded to lower case."""
    return {name.casefold(): cmdlet for cmdlet in CMDLETS for name in (*cmdlet.spellings, *cmdlet.short)}


def find(name: str) -> Cmdlet | None:
    """The cmdlet that a word names, in any letter case."""
    return by_name().get(name.casefold())
