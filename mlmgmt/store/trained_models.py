"""The trained models saved in a workspace: `workspaces/<workspace>/trainedmodels/<id>.json`, each with a blob."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from mlmgmt.ids import file_name
from mlmgmt.store import documents, files

if TYPE_CHECKING:
    from pathlib import Path

_TRAINED_MODEL: documents.Kind[dict[str, Any]] = documents.Kind(
    "a trained model", {"Id": str, "FamilyId": str, "Batch": int, "Name": str, "CreatedDate": str, "Uri": str}
)


class TrainedModels:
    """The trained models of one workspace. Those of one family are versions of the same model."""

    def __init__(self, root: Path, workspace: str) -> None:
        self.workspace = workspace
        self._folder = root / "workspaces" / file_name(workspace) / "trainedmodels"

    def write(self, body: dict[str, Any]) -> None:
        documents.write(self._folder / f"{file_name(body['Id'])}.json", body)

    def all(self) -> list[dict[str, Any]]:
        """Return every trained model, oldest first.

        Raises:
            HomeError: `HomeDamaged`.
        """
        paths = [self._folder / name for name in files.names(self._folder) if name.endswith(".json")]
        found = [body for path in paths if (body := _read(path)) is not None]
        return sorted(found, key=lambda body: (str(body["CreatedDate"]), int(body["Batch"])))


def _read(path: Path) -> dict[str, Any] | None:
    body = _TRAINED_MODEL.read(path)
    if body is not None and body["Id"].casefold() != unquote(path.stem):
        raise files.damaged(path, f"it contains the trained model {body['Id']!r}")
    return body
