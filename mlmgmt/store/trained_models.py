"""The trained models saved in a workspace: `workspaces/<workspace>/trainedmodels/<id>.json`, each with a blob."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson

from mlmgmt.ids import file_name
from mlmgmt.store import files

if TYPE_CHECKING:
    from pathlib import Path

_WRITING = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
_MEMBERS = (("Id", str), ("FamilyId", str), ("Batch", int), ("Name", str), ("CreatedDate", str), ("Uri", str))


class TrainedModels:
    """The trained models of one workspace. Those of one family are versions of the same model."""

    def __init__(self, root: Path, workspace: str) -> None:
        self.workspace = workspace
        self._folder = root / "workspaces" / file_name(workspace) / "trainedmodels"

    def write(self, body: dict[str, Any]) -> None:
        files.make_folder(self._folder)
        files.write(self._folder / f"{file_name(body['Id'])}.json", orjson.dumps(body, option=_WRITING))

    def all(self) -> list[dict[str, Any]]:
        """Return every trained model, oldest first.

        Raises:
            HomeError: `HomeDamaged`.
        """
        names = os.listdir(self._folder) if self._folder.is_dir() else []
        found = [self._read(name) for name in names if name.endswith(".json")]
        return sorted(found, key=lambda body: (str(body["CreatedDate"]), int(body["Batch"])))

    def _read(self, name: str) -> dict[str, Any]:
        path = self._folder / name
        body = files.read_whole(path, "it does not contain a trained model")
        whole = body is not None and all(isinstance(body.get(member), kind) for member, kind in _MEMBERS)
        if body is None or not whole or body["Id"].casefold() != unquote(name[:-5]):
            raise files.damaged(path, f"a trained model must have {', '.join(member for member, _ in _MEMBERS)}")
        return body
