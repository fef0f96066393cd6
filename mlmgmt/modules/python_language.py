"""Python Language Modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlmgmt.modules.base import Module

MODULES: tuple[Module, ...] = ()
