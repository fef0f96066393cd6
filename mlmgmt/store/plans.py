"""Commitment plans on disk, and the web services that each one pays for.

    <group>/providers/microsoft.machinelearning/commitmentplans/<plan>/plan.json
    subscriptions/<s>/commitmentassociations/<service guid>.json

Associations are files of the service and not of the plan, in one flat folder, so that moving one to another plan
rewrites only one file.
"""

from __future__ import annotations

import re
import shutil
from datetime import date
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from mlmgmt.ids import PlanId, ResourceId, file_name, plans_folder, service_guid
from mlmgmt.store import documents, files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmgmt.ids import GroupId

_GUID = re.compile("[0-9a-f]{32}")


class Sku(TypedDict):
    """The SKU of a commitment plan."""

    name: str
    tier: str
    capacity: int


class Plan(TypedDict):
    """A commitment plan."""

    id: str
    name: str
    location: str
    etag: str
    creationDate: str
    sku: Sku
    tags: NotRequired[dict[str, Any]]


class Association(TypedDict):
    """The association of a web service with the plan that pays for it."""

    planId: str
    associatedResourceId: str
    creationDate: str
    etag: str
    location: str


_PLAN: documents.Kind[Plan] = documents.Kind(
    "a commitment plan",
    {"id": str, "name": str, "location": str, "etag": str, "creationDate": str, "sku": dict},
)
_ASSOCIATION: documents.Kind[Association] = documents.Kind(
    "an association",
    dict.fromkeys(("planId", "associatedResourceId", "creationDate", "etag", "location"), str),
)


class Plans:
    """The commitment plans of one home, and their associations."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _file(self, plan: PlanId) -> Path:
        return self._root / plan.folder / "plan.json"

    def get(self, plan: PlanId) -> Plan | None:
        """Return a plan.

        Raises:
            HomeError: `HomeDamaged`.
        """
        return _read_plan(self._file(plan))

    def put(self, plan: PlanId, body: Plan) -> None:
        documents.write(self._file(plan), body)

    def remove(self, plan: PlanId) -> None:
        """Remove a plan and its usage. Call it only while holding the plan's lock."""
        path = self._file(plan)
        if path.parent.is_dir():
            documents.remove(path)
            shutil.rmtree(path.parent, ignore_errors=True)

    def in_group(self, group: GroupId) -> Iterator[Plan]:
        """Yield the plans of a group, in order of their file names."""
        folder = self._root / plans_folder(group)
        for name in files.names(folder):
            if (body := _read_plan(folder / name / "plan.json")) is not None:
                yield body

    def _associations(self, subscription: str) -> Path:
        return self._root / "subscriptions" / file_name(subscription) / "commitmentassociations"

    def association(self, service: ResourceId) -> Association | None:
        """Return the association of a web service with its plan, even if one of the two no longer exists.

        Raises:
            HomeError: `HomeDamaged`.
        """
        return self.association_named(service.subscription, service_guid(service))

    def association_named(self, subscription: str, guid: str) -> Association | None:
        """Return the association of the service with a guid; see `association`."""
        if not _GUID.fullmatch(guid.casefold()):
            return None
        path = self._associations(subscription) / f"{guid.casefold()}.json"
        if (body := _ASSOCIATION.read(path)) is not None:
            documents.check_id(path, PlanId.parse, body["planId"])
            documents.check_id(path, ResourceId.parse, body["associatedResourceId"])
        return body

    def associate(self, service: ResourceId, body: Association) -> None:
        """Write the association of a service. Call it only while holding the service's lock."""
        documents.write(self._associations(service.subscription) / f"{service_guid(service)}.json", body)

    def dissociate(self, service: ResourceId) -> None:
        """Remove the association of a service. Call it only while holding the service's lock."""
        (self._associations(service.subscription) / f"{service_guid(service)}.json").unlink(missing_ok=True)

    def associations(self, subscription: str) -> Iterator[tuple[str, Association]]:
        """Yield every association of a subscription with its guid, in order of the guids."""
        for guid in documents.ids(self._associations(subscription)):
            if (body := self.association_named(subscription, guid)) is not None:
                yield guid, body


def _read_plan(path: Path) -> Plan | None:
    if (body := _PLAN.read(path)) is None:
        return None
    documents.check_id(path, PlanId.parse, body["id"])
    sku = body["sku"]
    if not all(isinstance(sku.get(name), kind) for name, kind in (("name", str), ("tier", str), ("capacity", int))):
        raise files.damaged(path, "the sku of a commitment plan must have name, tier and capacity")
    try:
        date.fromisoformat(body["creationDate"][:10])
    except ValueError:
        raise files.damaged(path, f"{body['creationDate']!r} is not a date") from None
    return body
