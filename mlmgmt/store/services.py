"""Web services on disk: the current document, and every revision.

    <service>/webservice.json          the current revision, a copy of the newest file below
    <service>/revisions/000001.json    written once, never changed

An endpoint of a Classic web service is stored in the same way, in its own folder; it is scored by its id, and
`workspaces/<workspace>/services/<id>.json` says which endpoint has the id.

The rename of the revision file commits a change. The current document and then the log follow. A reader uses a newer
revision than the current document if there is one, so a crash between the two has no effect.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, cast
from urllib.parse import unquote

import orjson

from mlmgmt.errors import BadRequest
from mlmgmt.ids import (
    EndpointId,
    GroupId,
    ResourceId,
    ServiceId,
    addresses_folder,
    endpoints_folder,
    service_guid,
    service_id,
    services_folder,
    web_services_folder,
)
from mlmgmt.store import documents, files, revision_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TypeGuard

    from typing_extensions import TypeVar

    Id = TypeVar("Id", bound=ServiceId)
    Id_co = TypeVar("Id_co", bound=ServiceId, covariant=True, default=ServiceId)
else:
    from typing import TypeVar

    # Before Python 3.13, a type variable has a default only for type checkers.
    Id_co = TypeVar("Id_co")

CURRENT = "webservice.json"
CREATED, REMOVED = "created", "removed"


@dataclass(frozen=True, slots=True)
class Revision(Generic[Id_co]):
    """One state of a web service, and the change that led to it.

    Args:
        number: from 1, without gaps.
        change: created, updated, rolled back, refreshed, region added, removed or restored.
        modified_on: ISO 8601, UTC, seven decimals; strictly increasing within a service.
        by: who made the change; `message` says why, `source` from which file.
        models: facts about the models in use by asset id, above all `digest`.
        checked: how the models were checked: `proved`, `skipped`, `unavailable`, `unproved` (a module does not run
            here), `untouched` by the change, or `none` to check.
        regions: the regions besides its location in which it has properties.
        document: the definition, canonical, with identity and dates and without secrets.
    """

    number: int
    etag: str
    change: str
    modified_on: str
    by: str
    document: dict[str, Any]
    models: dict[str, Any]
    checked: str = "untouched"
    message: str | None = None
    source: str | None = None
    regions: list[str] = field(default_factory=list)

    @property
    def removed(self) -> bool:
        return self.change == REMOVED

    @property
    def model_digests(self) -> dict[str, str]:
        """The digest of each model in use, by asset id."""
        return {asset_id: body["digest"] for asset_id, body in self.models.items() if body.get("digest")}

    @property
    def resource(self) -> Id_co:
        return cast("Id_co", service_id(self.document["id"]))

    def to_bytes(self) -> bytes:
        body = {
            "revision": self.number,
            "etag": self.etag,
            "change": self.change,
            "modifiedOn": self.modified_on,
            "by": self.by,
            "message": self.message,
            "source": self.source,
            "checked": self.checked,
            "regions": self.regions or None,
            "models": self.models,
            "document": self.document,
        }
        return documents.to_bytes({key: value for key, value in body.items() if value is not None})

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Revision:
        """Return the revision in the content of a file.

        Raises:
            HomeError: `HomeDamaged`: a member is missing or has the wrong type.
        """
        for name, kind in (("etag", str), ("change", str), ("modifiedOn", str), ("by", str), ("document", dict)):
            if not isinstance(body.get(name), kind):
                raise files.damaged(f"revision {body.get('revision')}", f"{name!r} is missing or has the wrong type")
        if not isinstance(body["document"].get("id"), str) or not isinstance(body["document"].get("properties"), dict):
            raise files.damaged(f"revision {body.get('revision')}", "its document has no 'id' or no 'properties'")
        regions = body.get("regions", [])
        if not isinstance(regions, list) or not all(isinstance(region, str) for region in regions):
            raise files.damaged(f"revision {body.get('revision')}", "its regions must be a list of names")
        models = body.get("models", {})
        if not isinstance(models, dict) or not all(isinstance(facts, dict) for facts in models.values()):
            raise files.damaged(f"revision {body.get('revision')}", "its models must be objects by asset id")
        return cls(
            number=body["revision"],
            etag=body["etag"],
            change=body["change"],
            modified_on=body["modifiedOn"],
            by=body["by"],
            message=body.get("message"),
            source=body.get("source"),
            checked=body.get("checked", "untouched"),
            models=models,
            regions=regions,
            document=body["document"],
        )


def is_revision_of(revision: Revision, kind: type[Id]) -> TypeGuard[Revision[Id]]:
    """Whether a revision is one of a New web service, or of an endpoint."""
    return isinstance(revision.resource, kind)


@dataclass(frozen=True, slots=True)
class FileSignature:
    """The state of a web service's files at one moment, to notice later changes.

    Args:
        current: the path of the current document.
        following: the path of the next revision; the file appears when that is committed.
        signature: inode, time and size of the current document; editing the file changes them too.
    """

    current: str
    following: str
    signature: tuple[int, int, int] | None

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing has changed since then. This takes microseconds."""
        return (
            self.signature is not None
            and not os.access(self.following, os.F_OK)
            and _signature(self.current) == self.signature
        )


class Services:
    """The web services of one home."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, resource: ServiceId) -> Path:
        return self._root / resource.folder

    def latest(self, resource: Id) -> Revision[Id] | None:
        """Return the newest revision, which may be a removal; None if the service never existed."""
        return self._latest(f"{self._root}/{resource.folder}")

    def current(self, resource: Id) -> Revision[Id] | None:
        """Return the current revision; None if the service never existed or is removed."""
        found = self.latest(resource)
        return None if found is None or found.removed else found

    def _latest(self, folder: str) -> Revision[Any] | None:
        body = revision_files.read_or_none(f"{folder}/{CURRENT}")
        if body is None:
            # The current document can be restored from the revisions, so only those must be complete.
            numbers = revision_files.numbers(folder)
            body = revision_files.read(folder, max(numbers)) if numbers else None
            if body is None:
                return None
        number = body["revision"]
        while (newer := revision_files.read(folder, number + 1)) is not None:
            body, number = newer, number + 1
        return Revision.from_json(body)

    def path_of(self, resource: ServiceId, number: int) -> str:
        """Return the path of a revision, which may not exist yet; the revision is committed once the file exists."""
        return revision_files.path(f"{self._root}/{resource.folder}", number)

    def file_signature(self, resource: ServiceId, number: int) -> FileSignature:
        """Return the state of the files now, with `number` as the newest revision."""
        current = f"{self._root}/{resource.folder}/{CURRENT}"
        return FileSignature(current, self.path_of(resource, number + 1), _signature(current))

    def folder_times(self) -> dict[str, int]:
        """Return when a service was last added to each folder, in nanoseconds. While it is the same, so is
        `identities`.
        """
        folders = [services_folder(group) for group in self._groups()]
        folders += [endpoints_folder(*service) for service in self._classic()]
        states = {folder: _signature(f"{self._root}/{folder}") for folder in folders}
        return {folder: state[1] for folder, state in states.items() if state is not None}

    def identities(self) -> Iterator[ServiceId]:
        """Yield every web service and endpoint, removed ones too, with the names of their folders; reads no files."""
        for group in self._groups():
            for name in files.names(f"{self._root}/{services_folder(group)}"):
                yield ResourceId(group.subscription, group.name, unquote(name))
        for workspace, service in self._classic():
            for name in files.names(f"{self._root}/{endpoints_folder(workspace, service)}"):
                yield EndpointId(workspace, service, unquote(name))

    def _groups(self) -> Iterator[GroupId]:
        for subscription in files.names(f"{self._root}/subscriptions"):
            for group in files.names(f"{self._root}/subscriptions/{subscription}/resourcegroups"):
                yield GroupId(unquote(subscription), unquote(group))

    def _classic(self) -> Iterator[tuple[str, str]]:
        """Yield the workspace and the id of each Classic web service."""
        for workspace in map(unquote, files.names(f"{self._root}/workspaces")):
            for service in files.names(f"{self._root}/{web_services_folder(workspace)}"):
                yield workspace, unquote(service)

    def revision(self, resource: ServiceId, number: int) -> Revision | None:
        body = revision_files.read(f"{self._root}/{resource.folder}", number)
        return None if body is None else Revision.from_json(body)

    def history(self, resource: ServiceId) -> list[Revision]:
        """Return every revision, oldest first."""
        folder = f"{self._root}/{resource.folder}"
        bodies = (revision_files.read(folder, number) for number in sorted(revision_files.numbers(folder)))
        return [Revision.from_json(body) for body in bodies if body is not None]

    def in_group(self, group: GroupId, after: str = "") -> Iterator[Revision[ResourceId]]:
        """Yield the services of a group in order of their file names, from the first one after `after`; skip removed
        ones.
        """
        return self._revisions_in(services_folder(group), after)

    def endpoints(self, workspace: str, service: str) -> Iterator[Revision[EndpointId]]:
        """Yield the endpoints of a Classic web service in order of their file names; skip removed ones."""
        return self._revisions_in(endpoints_folder(workspace, service))

    def count_endpoints(self, workspace: str, service: str) -> int:
        """Return the number of endpoints of a Classic web service, without removed ones; reads no files."""
        return len(self.endpoint_names(workspace, service))

    def has_endpoints(self, workspace: str, service: str, count: int) -> bool:
        """Whether a Classic web service has at least `count` endpoints. Folders, which removed endpoints leave behind,
        are counted first: looking into each of thousands takes longer than adding an endpoint.
        """
        folder = f"{self._root}/{endpoints_folder(workspace, service)}"
        return len(files.names(folder)) >= count and self.count_endpoints(workspace, service) >= count

    def endpoint_names(self, workspace: str, service: str) -> list[str]:
        """Return the names of the endpoints that are not removed, by their file names; reads no files."""
        folder = f"{self._root}/{endpoints_folder(workspace, service)}"
        return [unquote(name) for name in files.names(folder) if os.access(f"{folder}/{name}/{CURRENT}", os.F_OK)]

    def _revisions_in(self, within: str, after: str = "") -> Iterator[Revision[Any]]:
        folder = f"{self._root}/{within}"
        for name in files.names(folder):
            found = self._latest(f"{folder}/{name}") if name > after else None
            if found is not None and not found.removed:
                yield found

    def commit(self, revision: Revision[Id]) -> Revision[Id]:
        """Write a revision. Call it only while holding the service's lock.

        Raises:
            OSError: nothing was committed; the previous revision is still current.
        """
        folder = self.folder(revision.resource)
        revisions = folder / revision_files.REVISIONS
        if not revisions.is_dir():
            files.make_folder(revisions)
        data = revision.to_bytes()
        files.write(revisions / f"{revision.number:06}.json", data, stage=folder)
        # Now it is committed. The rest can be restored from the revision, so it is not flushed.
        try:
            if revision.removed:
                (folder / CURRENT).unlink(missing_ok=True)
            else:
                files.write(folder / CURRENT, data, durable=False)
            if revision.number == 1 and isinstance(revision.resource, EndpointId):
                self._write_address(revision.resource)
            self._log(revision)
        except OSError:
            # The disk is full, for example. The revision is committed, and readers find it.
            pass
        return revision

    def _write_address(self, endpoint: EndpointId) -> None:
        """Write the file that names an endpoint by its id; without it, a reader searches all endpoints."""
        place = self._root / addresses_folder(endpoint.workspace) / f"{service_guid(endpoint)}.json"
        documents.write(place, {"id": str(endpoint)}, durable=False)

    def endpoint_of(self, guid: str) -> EndpointId | None:
        """Return the endpoint whose address contains these 32 hexadecimal digits, if it has an address file. This
        reads at most one file for each workspace.
        """
        for workspace in files.names(f"{self._root}/workspaces"):
            body = files.read_json(f"{self._root}/{addresses_folder(unquote(workspace))}/{guid}.json")
            if body is not None and isinstance(body.get("id"), str):
                with suppress(BadRequest):
                    found = EndpointId.parse(body["id"])
                    if service_guid(found) == guid:
                        return found
        return None

    def _log(self, revision: Revision) -> None:
        line = {
            "on": revision.modified_on,
            "id": revision.document["id"],
            "revision": revision.number,
            "change": revision.change,
            "by": revision.by,
        }
        files.append(self._root / "log.jsonl", orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def tidy(self, resource: ServiceId) -> None:
        """Remove the leftovers of an interrupted write. Call it only while holding the service's lock."""
        folder = self.folder(resource)
        if folder.is_dir():
            # Revisions are staged here too, so tidying does not take longer with a longer history.
            files.clear_leftovers(folder)


def _signature(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
