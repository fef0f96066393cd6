"""Classic workspaces and their web services on disk; `store/services.py` has the endpoints.

workspaces/<workspace>/workspace.json                the first workspace of a home may have none
workspaces/<workspace>/webservices/<id>/service.json
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict
from urllib.parse import unquote

from mlmgmt.ids import file_name, web_services_folder
from mlmgmt.store import documents, files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Workspace(TypedDict):
    """A Classic workspace."""

    WorkspaceId: str
    Name: str
    Location: str
    CreationTime: str


class WebService(TypedDict):
    """A Classic web service. `RemovedEndpoints` names the endpoints that were, or are being, removed with it."""

    Id: str
    Name: str
    Description: str
    CreationTime: str
    WorkspaceId: str
    ExperimentId: str
    RemovedTime: NotRequired[str]
    RemovedEndpoints: NotRequired[list[str]]


_WORKSPACE: documents.Kind[Workspace] = documents.Kind(
    "a workspace", dict.fromkeys(("WorkspaceId", "Name", "Location", "CreationTime"), str)
)
_WEB_SERVICE: documents.Kind[WebService] = documents.Kind(
    "a web service",
    dict.fromkeys(("Id", "Name", "Description", "CreationTime", "WorkspaceId", "ExperimentId"), str),
)


class Workspaces:
    """The workspaces of one home. The first one, whose id is in home.json, may exist without a file."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _file(self, workspace: str) -> Path:
        return self._root / "workspaces" / file_name(workspace) / "workspace.json"

    def read(self, workspace: str) -> Workspace | None:
        """Return a workspace's id, name, region and time of creation; None if it has no file.

        Raises:
            HomeError: `HomeDamaged`.
        """
        return _WORKSPACE.read(self._file(workspace))

    def write(self, body: Workspace) -> None:
        documents.write(self._file(body["WorkspaceId"]), body)

    def ids(self) -> list[str]:
        """Return the ids of the workspaces that have a file."""
        return [unquote(name) for name in files.names(self._root / "workspaces") if self._file(unquote(name)).is_file()]


class WebServices:
    """The Classic web services of one home."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _folder(self, workspace: str) -> Path:
        return self._root / web_services_folder(workspace)

    def _file(self, workspace: str, service: str) -> Path:
        return self._folder(workspace) / file_name(service) / "service.json"

    def read(self, workspace: str, service: str) -> WebService | None:
        """Return a web service; None if no web service ever had that id. A removed one has a `RemovedTime`.

        Raises:
            HomeError: `HomeDamaged`.
        """
        path = self._file(workspace, service)
        body = _WEB_SERVICE.read(path)
        if body is not None and body["Id"] != service.casefold():
            raise files.damaged(path, f"it contains the web service {body['Id']!r}")
        return body

    def write(self, body: WebService) -> None:
        documents.write(self._file(body["WorkspaceId"], body["Id"]), body)

    def ids(self, workspace: str) -> list[str]:
        """Return the ids of every web service that a workspace has or had, without reading files."""
        return [unquote(name) for name in files.names(self._folder(workspace))]

    def all(self, workspace: str) -> Iterator[WebService]:
        """Yield the web services of a workspace that are not removed, oldest first."""
        found = [self.read(workspace, service) for service in self.ids(workspace)]
        existing = (body for body in found if body is not None and "RemovedTime" not in body)
        yield from sorted(existing, key=lambda body: str(body["CreationTime"]))
