"""Classic workspaces and their web services on disk; `store/services.py` has the endpoints.

workspaces/<workspace>/workspace.json                the first workspace of a home may have none
workspaces/<workspace>/webservices/<id>/service.json
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson

from mlmgmt.ids import file_name, web_services_folder
from mlmgmt.store import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WRITING = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
_WORKSPACE = ("WorkspaceId", "Name", "Location", "CreationTime")
_WEB_SERVICE = ("Id", "Name", "Description", "CreationTime", "WorkspaceId", "ExperimentId")


class Workspaces:
    """The workspaces of one home. The first one, whose id is in home.json, may exist without a file."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _file(self, workspace: str) -> Path:
        return self._root / "workspaces" / file_name(workspace) / "workspace.json"

    def read(self, workspace: str) -> dict[str, Any] | None:
        """Return a workspace's id, name, region and time of creation; None if it has no file.

        Raises:
            HomeError: `HomeDamaged`.
        """
        why = f"a workspace must have {', '.join(_WORKSPACE)}"
        path = self._file(workspace)
        body = files.read_whole(path, why)
        if body is not None and not _has_texts(body, _WORKSPACE):
            raise files.damaged(path, why)
        return body

    def write(self, body: dict[str, Any]) -> None:
        path = self._file(body["WorkspaceId"])
        files.make_folder(path.parent)
        files.write(path, orjson.dumps(body, option=_WRITING))

    def ids(self) -> list[str]:
        """Return the ids of the workspaces that have a file."""
        return [unquote(name) for name in _names(self._root / "workspaces") if self._file(unquote(name)).is_file()]


class WebServices:
    """The Classic web services of one home."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _folder(self, workspace: str) -> Path:
        return self._root / web_services_folder(workspace)

    def _file(self, workspace: str, service: str) -> Path:
        return self._folder(workspace) / file_name(service) / "service.json"

    def read(self, workspace: str, service: str) -> dict[str, Any] | None:
        """Return a web service; None if no web service ever had that id. A removed one has a `RemovedTime`.

        Raises:
            HomeError: `HomeDamaged`.
        """
        why = f"a web service must have {', '.join(_WEB_SERVICE)}"
        path = self._file(workspace, service)
        body = files.read_whole(path, why)
        if body is not None and not (_has_texts(body, _WEB_SERVICE) and body["Id"] == service.casefold()):
            raise files.damaged(path, why)
        return body

    def write(self, body: dict[str, Any]) -> None:
        path = self._file(body["WorkspaceId"], body["Id"])
        files.make_folder(path.parent)
        files.write(path, orjson.dumps(body, option=_WRITING))

    def ids(self, workspace: str) -> list[str]:
        """Return the ids of every web service that a workspace has or had, without reading files."""
        return [unquote(name) for name in _names(self._folder(workspace))]

    def all(self, workspace: str) -> Iterator[dict[str, Any]]:
        """Yield the web services of a workspace that are not removed, oldest first."""
        found = [self.read(workspace, service) for service in self.ids(workspace)]
        existing = (body for body in found if body is not None and "RemovedTime" not in body)
        yield from sorted(existing, key=lambda body: str(body["CreationTime"]))


def _has_texts(body: dict[str, Any], names: tuple[str, ...]) -> bool:
    return all(isinstance(body.get(name), str) for name in names)


def _names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.is_dir() else []
