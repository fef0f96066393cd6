"""Documents of a home: JSON objects, each in its own file, which people may edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast
from urllib.parse import unquote

import orjson

from mlmgmt.errors import BadRequest
from mlmgmt.store import files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Document = TypeVar("Document")


@dataclass(frozen=True, slots=True)
class Kind(Generic[Document]):
    """A kind of document, such as "a resource group", with the type of each member that is checked when it is read."""

    name: str
    members: Mapping[str, type]

    def read(self, path: Path) -> Document | None:
        """Return the document in a file; None if there is no such file.

        Raises:
            HomeError: `HomeDamaged`.
        """
        body = files.read_whole(path, f"it does not contain {self.name}")
        if body is not None and not all(isinstance(body.get(name), kind) for name, kind in self.members.items()):
            *names, last = self.members
            raise files.damaged(path, f"{self.name} must have {', '.join(names)} and {last}")
        return cast("Document | None", body)


def check_id(path: Path, parse: Callable[[str], object], text: str) -> None:
    """Refuse a file whose id cannot be parsed."""
    try:
        parse(text)
    except BadRequest as error:
        raise files.damaged(path, error.message.rstrip(".")) from None


def to_bytes(body: Mapping[str, Any]) -> bytes:
    """Return the content of a document's file, indented so that a diff shows one member per line."""
    return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def write(path: Path, body: Mapping[str, Any], *, durable: bool = True) -> None:
    """Write a document, and create its folder if necessary; see `files.write`."""
    if not path.parent.is_dir():
        files.make_folder(path.parent)
    files.write(path, to_bytes(body), durable=durable)


def remove(path: Path) -> None:
    """Remove a document; its folder stays."""
    path.unlink(missing_ok=True)
    files.flush_folder(path.parent)


def ids(folder: Path) -> list[str]:
    """Return the ids of the documents in a folder, `<id>.json`, in order of their file names."""
    return [unquote(name.removesuffix(".json")) for name in files.names(folder) if name.endswith(".json")]
