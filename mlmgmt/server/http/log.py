"""The access log: a JSON object on each line, with the path, status and size; never a query, header or body."""

from __future__ import annotations

import sys
import tempfile
import traceback
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt import __version__
from mlmgmt.store import files

if TYPE_CHECKING:
    from starlette.types import Scope

_MOST_LINES = 1000


class AccessLog:
    """The log. Lines wait for up to a second, so that a busy server writes many of them together.

    Args:
        place: `-` for standard error, a file, or None for no log.
    """

    def __init__(self, place: str | None) -> None:
        self._place = place
        self._lines: list[tuple[Any, ...]] = []

    def add(self, scope: Scope, status: int, size: int, began: float, identity: str) -> None:
        """Add a request that was answered; `began` is a value of `perf_counter`."""
        if self._place is None:
            return
        client = scope.get("client")
        asked = client[0] if client else None, scope["method"], scope["raw_path"][:1024]
        self._lines.append((time(), *asked, status, size, perf_counter() - began, identity))
        if len(self._lines) >= _MOST_LINES:
            self.flush()

    def flush(self) -> None:
        """Write the waiting lines."""
        if not self._lines or self._place is None:
            return
        lines, self._lines = self._lines, []
        data = b"".join(_line(*line) for line in lines)
        try:
            if self._place == "-":
                sys.stderr.buffer.write(data)
                sys.stderr.buffer.flush()
            else:
                files.append(Path(self._place), data)
        except (OSError, ValueError):
            # A full disk or a closed terminal stops the log, not the server.
            pass


def _line(
    moment: float, client: str | None, method: str, path: bytes, status: int, size: int, seconds: float, identity: str
) -> bytes:
    line = {
        "time": f"{_second(int(moment))}.{int(moment % 1 * 1000):03}Z",
        "client": client,
        "method": method,
        "path": path.decode("latin-1"),
        "status": status,
        "bytes": size,
        "ms": round(seconds * 1000, 3),
        "requestId": identity,
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


@lru_cache(maxsize=4)
def _second(moment: int) -> str:
    """Return a time in ISO 8601, in UTC. Cached: a busy server writes many lines with the same second."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def report(error: Exception, identity: str) -> Path:
    """Write a report about a bug to a file, and its path to standard error."""
    with tempfile.NamedTemporaryFile("w", prefix="mlmgmt-report-", suffix=".txt", delete=False) as file:
        file.write(f"mlmgmt {__version__}, Python {sys.version}, request {identity}\n")
        file.write("".join(traceback.format_exception(error)))
    sys.stderr.write(f"InternalError: {type(error).__name__} in request {identity}; a report is in {file.name}.\n")
    return Path(file.name)
