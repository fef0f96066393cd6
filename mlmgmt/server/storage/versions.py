"""Versions of blobs: the ETag and date of a file, the conditions of a request on them, and the range it requests."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import md5, sha256
from typing import TYPE_CHECKING

from mlmgmt.counts import count_of
from mlmgmt.errors import PreconditionFailed, RangeNotSatisfiable

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from typing import BinaryIO

    from starlette.types import Send

_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
_PIECE = 256 * 1024
_MOST_HASHED = 4 * 1024 * 1024
"""The largest range whose MD5 a request can get, in bytes; the blob service has the same limit."""


@dataclass(frozen=True, slots=True)
class Version:
    """What distinguishes one upload of a blob from another.

    Args:
        size: in bytes.
        modified: in whole seconds, as in headers.
    """

    size: int
    etag: str
    modified: datetime

    @classmethod
    def of(cls, state: os.stat_result) -> Version:
        """Return the version of a file. A blob's file never changes: another upload replaces it by a new file."""
        mark = f"{state.st_ino} {state.st_mtime_ns} {state.st_size}"
        etag = f'"0x{sha256(mark.encode()).hexdigest()[:16].upper()}"'
        return cls(state.st_size, etag, datetime.fromtimestamp(int(state.st_mtime), UTC))

    def headers(self) -> dict[str, str]:
        return {"etag": self.etag, "last-modified": format_datetime(self.modified, usegmt=True)}


def require_match(headers: Mapping[str, str], version: Version | None) -> None:
    """Refuse a request for another version of a blob (If-Match, If-Unmodified-Since).

    Args:
        version: the current one; None when the blob does not exist.

    Raises:
        PreconditionFailed: `ConditionNotMet`.
    """
    wanted, since = headers.get("if-match"), _date(headers.get("if-unmodified-since", ""))
    unmet = wanted is not None and (version is None or not _lists(wanted, version))
    if unmet or (since is not None and version is not None and version.modified > since):
        raise condition_not_met()


def is_unmodified(headers: Mapping[str, str], version: Version) -> bool:
    """Whether a request excludes this version (If-None-Match, If-Modified-Since), because the client has it."""
    known = headers.get("if-none-match")
    if known is not None:
        return _lists(known, version)
    since = _date(headers.get("if-modified-since", ""))
    return since is not None and version.modified <= since


def condition_not_met() -> PreconditionFailed:
    message = "The blob does not meet the conditions in the request's headers."
    return PreconditionFailed(message, detail="ConditionNotMet")


def _lists(etags: str, version: Version) -> bool:
    given = {etag.strip().removeprefix("W/").strip('"') for etag in etags.split(",")}
    return "*" in given or version.etag.strip('"') in given


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def requested_range(headers: Mapping[str, str], size: int) -> range | None:
    """Return the range of bytes that a request is for; None for all, or when its range cannot be read.

    Raises:
        RangeNotSatisfiable: `InvalidRange`: the range begins after the blob's end.
    """
    found = _RANGE.fullmatch(headers.get("x-ms-range") or headers.get("range", ""))
    if found is None:
        return None
    first = int(found[1])
    end = min(size, int(found[2]) + 1) if found[2] else size
    if found[2] and int(found[2]) < first:
        return None
    if first >= size:
        message = f"The requested range is outside the blob, which has {count_of(size, 'byte')}."
        raise RangeNotSatisfiable(message, detail="InvalidRange")
    return range(first, end)


def part_md5(file: BinaryIO, wanted: range) -> str | None:
    """Return the MD5 of a range in base64; None if the range is too long to read in advance."""
    if len(wanted) > _MOST_HASHED:
        return None
    file.seek(wanted.start)
    return b64encode(md5(file.read(len(wanted)), usedforsecurity=False).digest()).decode()


async def send_file(send: Send, file: BinaryIO, length: int) -> int:
    """Send the body of an answer from the current position of a file, and close the file.

    Returns:
        The number of bytes sent.
    """
    left = length
    with file:
        while left:
            piece = await asyncio.to_thread(file.read, min(left, _PIECE))
            if not piece:
                break
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    return length - left
