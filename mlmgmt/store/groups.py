"""Resource groups on disk: `subscriptions/<s>/resourcegroups/<g>/group.json`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt.store import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmgmt.ids import GroupId

_WRITING = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


class Groups:
    """The resource groups of one home."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _file(self, group: GroupId) -> Path:
        return self._root / group.folder / "group.json"

    def get(self, group: GroupId) -> dict[str, Any] | None:
        return self._read(f"{self._root}/{group.folder}/group.json")

    def _read(self, path: Path | str) -> dict[str, Any] | None:
        body = files.read_json(path)
        if body is None:
            if os.path.exists(path):
                raise files.damaged(path, "it does not contain a resource group")
            return None
        if not all(isinstance(body.get(name), str) for name in ("id", "name", "location")):
            raise files.damaged(path, "a resource group must have id, name and location")
        return body

    def put(self, group: GroupId, body: dict[str, Any]) -> None:
        path = self._file(group)
        files.make_folder(path.parent)
        files.write(path, orjson.dumps(body, option=_WRITING))

    def remove(self, group: GroupId) -> None:
        self._file(group).unlink(missing_ok=True)
        files.flush_folder(self._file(group).parent)

    def all(self) -> Iterator[dict[str, Any]]:
        """Yield every group of every subscription, by file name; a folder that cannot be read is an error."""
        for subscription in _folders(self._root / "subscriptions"):
            for folder in _folders(subscription / "resourcegroups"):
                if (body := self._read(folder / "group.json")) is not None:
                    yield body


def _folders(above: Path) -> list[Path]:
    try:
        return [above / name for name in sorted(os.listdir(above))]
    except (FileNotFoundError, NotADirectoryError):
        return []
