"""Names without letter case: functions, parameters, variables, members and sections are found in any spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def folded(name: str) -> str:
    return name.lower()


def spelling_in(members: Mapping[str, Any], name: str) -> str | None:
    """Return the spelling that a name has among members: the same one if it is there, else one in other letter case."""
    if name in members:
        return name
    return next((known for known in members if folded(known) == folded(name)), None)


def member(members: Mapping[str, Any], name: str) -> Any:
    """Return a member in any spelling; None if it is missing or null."""
    known = spelling_in(members, name)
    return None if known is None else members[known]


def by_folded_name(members: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """Return members with their spellings by folded name; of two that differ in letter case only, the last counts."""
    return {folded(name): (name, value) for name, value in members.items()}
