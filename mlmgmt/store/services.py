"""Web services on disk: the current document, and beside it every revision it ever had.

    <service>/webservice.json          the current revision, a copy of the newest file below
    <service>/revisions/000001.json    written once, never altered

An endpoint of a Classic web service is kept in the same way, in a folder of its own; under its id, by which it is
scored, `workspaces/<workspace>/services/<id>.json` says which one it is.

The rename of the revision file commits a change. The current document, then the log, follow; a reader that finds a
newer revision than the current document names, reads that one, so a crash between the two is not seen.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
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
from mlmgmt.store import files, revision_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CURRENT = "webservice.json"
CREATED, REMOVED = "created", "removed"
_WRITING = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True)
class Revision:
    """One state of a web service, and how it came about.

    Args:
        number: from 1, without gaps.
        change: created, updated, rolled back, refreshed, region added, removed or restored.
        modified_on: ISO 8601, UTC, seven decimals; strictly increasing within a service.
        by: who made the change; `message` says why, `source` from which file.
        models: by asset id: what is known of the model that answers, `digest` above all.
        checked: how the models were proved: `proved`, `skipped`, `unavailable`, `unproved` (a module does not run
            here), `untouched` by the change, or `none` to prove.
        regions: where it has regional properties besides its own location.
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
        """The digest of each model that the revision answers with, by asset id."""
        return {asset_id: body["digest"] for asset_id, body in self.models.items() if body.get("digest")}

    @property
    def resource(self) -> ServiceId:
        return service_id(self.document["id"])

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
        return orjson.dumps({key: value for key, value in body.items() if value is not None}, option=_WRITING)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Revision:
        """A revision as it was written.

        Raises:
            HomeError: `HomeDamaged`: a member is missing, or is of another kind.
        """
        for name, kind in (("etag", str), ("change", str), ("modifiedOn", str), ("by", str), ("document", dict)):
            if not isinstance(body.get(name), kind):
                raise files.damaged(f"revision {body.get('revision')}", f"a revision has a {name!r}")
        if not isinstance(body["document"].get("id"), str) or not isinstance(body["document"].get("properties"), dict):
            raise files.damaged(f"revision {body.get('revision')}", "its document has no id, or no properties")
        regions = body.get("regions", [])
        if not isinstance(regions, list) or not all(isinstance(region, str) for region in regions):
            raise files.damaged(f"revision {body.get('revision')}", "its regions are no list of names")
        return cls(
            number=body["revision"],
            etag=body["etag"],
            change=body["change"],
            modified_on=body["modifiedOn"],
            by=body["by"],
            message=body.get("message"),
            source=body.get("source"),
            checked=body.get("checked", "untouched"),
            models=body.get("models", {}),
            regions=regions,
            document=body["document"],
        )


@dataclass(frozen=True, slots=True)
class FileSignature:
    """How the files of a web service stood when they were looked at.

    Args:
        current: the current document; `following` is where the next revision will be, which commits it.
        signature: inode, time and size of the current document, which a change by hand alters too.
    """

    current: str
    following: str
    signature: tuple[int, int, int] | None

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing has changed since; a look at two names, in microseconds."""
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

    def latest(self, resource: ServiceId) -> Revision | None:
        """The newest revision, a removal included; None when the service never existed."""
        return self._latest(f"{self._root}/{resource.folder}")

    def current(self, resource: ServiceId) -> Revision | None:
        """The revision that answers; None when the service never existed or is removed."""
        found = self.latest(resource)
        return None if found is None or found.removed else found

    def _latest(self, folder: str) -> Revision | None:
        body = revision_files.read_or_none(f"{folder}/{CURRENT}")
        if body is None:
            # It can be made again, so it need not be whole; revisions must be.
            numbers = revision_files.numbers(folder)
            body = revision_files.read(folder, max(numbers)) if numbers else None
            if body is None:
                return None
        number = body["revision"]
        while (newer := revision_files.read(folder, number + 1)) is not None:
            body, number = newer, number + 1
        return Revision.from_json(body)

    def path_of(self, resource: ServiceId, number: int) -> str:
        """Where a revision is, or will be; that it is there is what commits it."""
        return revision_files.path(f"{self._root}/{resource.folder}", number)

    def file_signature(self, resource: ServiceId, number: int) -> FileSignature:
        """How the files stand now, a revision of that number being the newest."""
        current = f"{self._root}/{resource.folder}/{CURRENT}"
        return FileSignature(current, self.path_of(resource, number + 1), _signature(current))

    def folder_times(self) -> dict[str, int]:
        """When each folder of services was last added to, in nanoseconds; as long as it stays, `identities` do."""
        folders = [services_folder(group) for group in self._groups()]
        folders += [endpoints_folder(*service) for service in self._classic()]
        states = {folder: _signature(f"{self._root}/{folder}") for folder in folders}
        return {folder: state[1] for folder, state in states.items() if state is not None}

    def identities(self) -> Iterator[ServiceId]:
        """Every web service and endpoint that ever was, with its names as its folders spell them; nothing is read."""
        for group in self._groups():
            for name in _names(f"{self._root}/{services_folder(group)}"):
                yield ResourceId(group.subscription, group.name, unquote(name))
        for workspace, service in self._classic():
            for name in _names(f"{self._root}/{endpoints_folder(workspace, service)}"):
                yield EndpointId(workspace, service, unquote(name))

    def _groups(self) -> Iterator[GroupId]:
        for subscription in _names(f"{self._root}/subscriptions"):
            for group in _names(f"{self._root}/subscriptions/{subscription}/resourcegroups"):
                yield GroupId(unquote(subscription), unquote(group))

    def _classic(self) -> Iterator[tuple[str, str]]:
        """The workspace and the id of each Classic web service."""
        for workspace in map(unquote, _names(f"{self._root}/workspaces")):
            for service in _names(f"{self._root}/{web_services_folder(workspace)}"):
                yield workspace, unquote(service)

    def revision(self, resource: ServiceId, number: int) -> Revision | None:
        body = revision_files.read(f"{self._root}/{resource.folder}", number)
        return None if body is None else Revision.from_json(body)

    def history(self, resource: ServiceId) -> list[Revision]:
        """Every revision, oldest first."""
        folder = f"{self._root}/{resource.folder}"
        bodies = (revision_files.read(folder, number) for number in sorted(revision_files.numbers(folder)))
        return [Revision.from_json(body) for body in bodies if body is not None]

    def in_group(self, group: GroupId, after: str = "") -> Iterator[Revision]:
        """The services of a group, by file name, those behind `after`; removed ones are left out."""
        return self._revisions_in(services_folder(group), after)

    def endpoints(self, workspace: str, service: str) -> Iterator[Revision]:
        """The endpoints of a Classic web service, by file name; removed ones are left out."""
        return self._revisions_in(endpoints_folder(workspace, service))

    def count_endpoints(self, workspace: str, service: str) -> int:
        """How many endpoints of a Classic web service stand; nothing is read."""
        return len(self.endpoint_names(workspace, service))

    def has_endpoints(self, workspace: str, service: str, count: int) -> bool:
        """Whether at least so many endpoints of a Classic web service stand. Folders are counted first: they stay
        behind, and looking into each of thousands takes longer than adding one.
        """
        folder = f"{self._root}/{endpoints_folder(workspace, service)}"
        return len(_names(folder)) >= count and self.count_endpoints(workspace, service) >= count

    def endpoint_names(self, workspace: str, service: str) -> list[str]:
        """The names of the endpoints that stand, by their files; nothing is read."""
        folder = f"{self._root}/{endpoints_folder(workspace, service)}"
        return [unquote(name) for name in _names(folder) if os.access(f"{folder}/{name}/{CURRENT}", os.F_OK)]

    def _revisions_in(self, within: str, after: str = "") -> Iterator[Revision]:
        folder = f"{self._root}/{within}"
        for name in _names(folder):
            found = self._latest(f"{folder}/{name}") if name > after else None
            if found is not None and not found.removed:
                yield found

    def commit(self, revision: Revision) -> Revision:
        """Write a revision; call it only while holding the service's lock.

        Raises:
            OSError: nothing was committed; the previous revision still answers.
        """
        folder = self.folder(revision.resource)
        revisions = folder / revision_files.REVISIONS
        if not revisions.is_dir():
            files.make_folder(revisions)
        data = revision.to_bytes()
        files.write(revisions / f"{revision.number:06}.json", data, stage=folder)
        # Committed. What follows can be made again from the revision, so it is not flushed.
        try:
            if revision.removed:
                (folder / CURRENT).unlink(missing_ok=True)
            else:
                files.write(folder / CURRENT, data, durable=False)
            if revision.number == 1 and isinstance(revision.resource, EndpointId):
                self._write_address(revision.resource)
            self._log(revision)
        except OSError:
            # A full disk after the commit: readers find the revision all the same.
            pass
        return revision

    def _write_address(self, endpoint: EndpointId) -> None:
        """Note under an endpoint's id which one it is; whoever finds no note goes through all of them."""
        place = self._root / addresses_folder(endpoint.workspace) / f"{service_guid(endpoint)}.json"
        place.parent.mkdir(exist_ok=True)
        files.write(place, orjson.dumps({"id": str(endpoint)}, option=_WRITING), durable=False)

    def endpoint_of(self, guid: str) -> EndpointId | None:
        """The endpoint whose address holds these 32 hexadecimal digits, if it is noted; a workspace costs one look."""
        for workspace in _names(f"{self._root}/workspaces"):
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
        """Clear away what an interrupted write left; call it only while holding the service's lock."""
        folder = self.folder(resource)
        if folder.is_dir():
            # Revisions are staged here too, so that tidying costs the same however long the history is.
            files.clear_leftovers(folder)


def _signature(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
