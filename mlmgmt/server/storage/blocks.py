"""Blobs in blocks: how clients upload large blobs, and those whose length they do not know in advance.

A block stays in `uploads/` of the home until a list of blocks makes a blob of it, for a week at most.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from base64 import b64decode
from binascii import Error as NotBase64
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, TooLarge
from mlmgmt.server.http.settings import LARGEST_BLOB
from mlmgmt.store import files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    from mlmgmt.store.blobs import Blob

COMPS = ("block", "blocklist")
_LIFE_SECONDS = 7 * 24 * 3600.0
_LONGEST_ID = 64
_LARGEST_LIST = 8 * 1024 * 1024
_PIECE = 1024 * 1024
# No part of the pattern can match in two ways; otherwise a list of blanks would take hours.
_ENTRY = re.compile(r"<(Latest|Uncommitted|Committed)>([^<]*)</\1>")
_OPENING_TAG = re.compile(rb"<(?:Latest|Uncommitted|Committed)\b")
_CLOSING_TAG = re.compile(rb"(?:</BlockList|<BlockList\s?/)>\s*\Z")
_MOST_BLOCKS = 50_000


class Blocks:
    """The blocks of one blob that are not yet part of it.

    Args:
        root: the home's folder.
    """

    def __init__(self, root: Path, blob: Blob) -> None:
        self._uploads = root / "uploads"
        self._folder = self._uploads / _file_name(f"{blob.account}/{blob.name}")

    def new(self, identity: str) -> files.Upload:
        """Return an upload for a block. It replaces a block with the same id.

        Args:
            identity: base64 of at most 64 bytes.

        Raises:
            BadRequest: `InvalidQueryParameterValue`.
        """
        try:
            valid = 0 < len(b64decode(identity, validate=True)) <= _LONGEST_ID
        except (NotBase64, ValueError):
            valid = False
        if not valid:
            message = f"The blockid must be the base64 of at most {_LONGEST_ID} bytes."
            raise BadRequest(message, detail="InvalidQueryParameterValue", at="blockid")
        if not self._folder.is_dir():
            self._sweep()
            files.make_folder(self._folder)
        return files.Upload(self._folder / _file_name(identity))

    def _sweep(self) -> None:
        """Remove the blocks of uploads that were never completed."""
        with suppress(OSError):
            for folder in os.scandir(self._uploads):
                if folder.stat().st_mtime < time.time() - _LIFE_SECONDS:
                    shutil.rmtree(folder.path, ignore_errors=True)

    async def content(self, identities: Iterable[str], in_thread: Callable[..., Any]) -> AsyncIterator[bytes]:
        """Yield the bytes of the blocks with these ids, in this order.

        Raises:
            BadRequest: `InvalidBlockList`: a block was not uploaded.
            TooLarge: `RequestEntityTooLarge`: together they are larger than a blob may be.
        """
        for path in await in_thread(self._paths, identities):
            with path.open("rb") as file:
                while piece := await in_thread(file.read, _PIECE):
                    yield piece

    def _paths(self, identities: Iterable[str]) -> list[Path]:
        paths = [self._folder / _file_name(identity) for identity in identities]
        sizes = {path: path.stat().st_size if path.is_file() else None for path in set(paths)}
        if None in sizes.values():
            raise _bad_list("It names a block that was not uploaded, or that is already part of a blob.")
        if sum(sizes[path] or 0 for path in paths) > LARGEST_BLOB:
            message = f"Together the blocks are larger than {LARGEST_BLOB:,} bytes."
            raise TooLarge(message, detail="RequestEntityTooLarge")
        return paths

    def forget(self) -> None:
        """Remove all blocks of the blob."""
        shutil.rmtree(self._folder, ignore_errors=True)


async def read_list(body: AsyncIterator[bytes]) -> tuple[list[str], bytes]:
    """Return the ids in a list of blocks, and the list itself, unchanged.

    Raises:
        BadRequest: `InvalidBlockList`.
    """
    gathered = bytearray()
    async for part in body:
        gathered += part
        if len(gathered) > _LARGEST_LIST:
            raise _bad_list("It is too long.")
    text = bytes(gathered)
    found = _ENTRY.findall(text.decode("utf-8", "replace"))
    if len(found) > _MOST_BLOCKS:
        raise _bad_list(f"It names more than {_MOST_BLOCKS:,} blocks.")
    if any(kind == "Committed" for kind, _ in found):
        raise _bad_list("The blocks of a committed blob are not kept; upload them again.")
    # A list that is cut off or malformed would silently make a shorter blob.
    if len(_OPENING_TAG.findall(text)) != len(found) or not _CLOSING_TAG.search(text):
        raise _bad_list("It is not a complete BlockList.")
    return [identity.strip() for _, identity in found], text


def _bad_list(why: str) -> BadRequest:
    return BadRequest(f"The list of blocks is not valid. {why}", detail="InvalidBlockList")


def _file_name(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:32]
