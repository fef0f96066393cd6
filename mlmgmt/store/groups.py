"""Resource groups on disk: `subscriptions/<s>/resourcegroups/<g>/group.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from mlmgmt.store import documents, files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmgmt.ids import GroupId


class Group(TypedDict):
    """A resource group."""

    id: str
    name: str
    location: str
    tags: NotRequired[dict[str, Any]]


_GROUP: documents.Kind[Group] = documents.Kind("a resource group", {"id": str, "name": str, "location": str})


class Groups:
    """The resource groups of one home."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _file(self, group: GroupId) -> Path:
        return self._root / group.folder / "group.json"

    def get(self, group: GroupId) -> Group | None:
        return _GROUP.read(self._file(group))

    def put(self, group: GroupId, body: Group) -> None:
        documents.write(self._file(group), body)

    def remove(self, group: GroupId) -> None:
        documents.remove(self._file(group))

    def all(self) -> Iterator[Group]:
        """Yield every group of every subscription, by file name; a folder that cannot be read is an error."""
        above = self._root / "subscriptions"
        for subscription in files.names(above):
            groups = above / subscription / "resourcegroups"
            for name in files.names(groups):
                if (body := _GROUP.read(groups / name / "group.json")) is not None:
                    yield body
