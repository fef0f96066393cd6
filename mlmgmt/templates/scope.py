"""What exists around a template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where a template is deployed, and who answers what only the outside knows. None means that nobody does.

    Args:
        location: the location of the resource group.
        clock: gives the time for `utcNow()`, in UTC.
        new_guid: gives a fresh GUID for `newGuid()`.
        reference: takes a resource id, the API version if one was given, and whether the whole resource is asked for
            ("Full") rather than its properties.
        list_keys: takes a resource id and the API version if one was given.
        refuse_unknown: refuse expressions that nobody answers; otherwise they are written out as expressions again.
    """

    subscription_id: str
    resource_group: str
    deployment_name: str
    location: str | None = None
    tenant_id: str | None = None
    tags: Mapping[str, str] | None = None
    clock: Callable[[], datetime] | None = None
    new_guid: Callable[[], str] | None = None
    reference: Callable[[str, str | None, bool], Any] | None = None
    list_keys: Callable[[str, str | None], Any] | None = None
    refuse_unknown: bool = False

    @property
    def subscription_path(self) -> str:
        return f"/subscriptions/{self.subscription_id}"

    @property
    def group_path(self) -> str:
        return f"{self.subscription_path}/resourceGroups/{self.resource_group}"
