"""A resource as a template writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.templates.evaluation import Where
from mlmgmt.templates.names import member
from mlmgmt.templates.values import known_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.templates.evaluation import Context


@dataclass(frozen=True, slots=True)
class Source:
    """A resource as written, and what its expressions see.

    Args:
        symbol: its symbolic name; empty in an array of resources.
        loop: the name of its copy loop, or of its parent's; empty without one.
    """

    section: Mapping[str, Any]
    context: Context
    path: str
    symbol: str = ""
    loop: str = ""

    def get(self, name: str) -> Any:
        """Return a member as written; None if it is missing or null."""
        return member(self.section, name)

    def text(self, name: str, what: str) -> str:
        """Return the text of a member that must be known before resources exist.

        Args:
            what: the member in words, to start a sentence with.

        Raises:
            TemplateError: the member is not a text, or is not known yet.
        """
        return known_text(self.get(name), self.context.at(Where.NAME), f"{self.path}.{name}", what)
