"""Resource groups on disk: `subscriptions/<s>/resourcegroups/<g>/group.json`."""

from __future__ import annotations

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
        return files.read_json(self._file(group))

    def put(self, group: GroupId, body: dict[str, Any]) -> None:
        path = self._file(group)
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, orjson.dumps(body, option=_WRITING))

    def remove(self, group: GroupId) -> None:
        self._file(group).unlink(missing_ok=True)
        files.flush_folder(self._file(group).parent)

    def all(self) -> Iterator[dict[str, Any]]:
        """Every group of every subscription, by file name."""
        for path in sorted(self._root.glob("subscriptions/*/resourcegroups/*/group.json")):
            if (body := files.read_json(path)) is not None:
                yield body
