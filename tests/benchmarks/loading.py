"""Load servers with `wrk`: it runs on one core, the server on the other, and the candidates take turns."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from .ratio import Measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from .ratio import Aim

ROUNDS = 3
SECONDS = 2
_WARM = 1
SERVER_CORE, CLIENT_CORE = 0, 1
MISSING = None if shutil.which("wrk") else "wrk is not installed"

_DONE = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n{"requests": %d, "micros": %d, "p50": %d, "p99": %d, "errors": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Target:
    """A request to a server.

    Args:
        body: the body of a POST; None for a GET.
    """

    name: str
    url: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def script(self, folder: Path) -> Path:
        """Write the Lua script with which wrk sends the request."""
        name = self.name.replace(" ", "-").replace("/", "-")
        lines = [f'wrk.headers["{key}"] = "{value}"' for key, value in self.headers.items()]
        if self.body is not None:
            body = folder / f"{name}.body"
            body.write_bytes(self.body)
            lines += ['wrk.method = "POST"', f'local file = io.open("{body}", "rb")', 'wrk.body = file:read("*a")']
            lines += ["file:close()", 'wrk.headers["Content-Type"] = "application/json"']
        path = folder / f"{name}.lua"
        path.write_text("\n".join(lines) + _DONE)
        return path


@dataclass(frozen=True, slots=True)
class Load:
    """The figures of a server in one round.

    Args:
        rate: requests per second.
        middle: the median latency in milliseconds.
    """

    rate: float
    middle: float


def load(target: Target, connections: int, seconds: float, folder: Path, *, pin: bool = True) -> Load:
    """Send requests for some seconds over some connections. Every answer must be a success."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s", "--latency"]
    words += ["-s", str(target.script(folder)), target.url]
    with pinned(CLIENT_CORE if pin else None):
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=seconds + 60)
    found = json.loads(done.stdout.rstrip().rpartition("\n")[2])
    assert found["errors"] == 0, done.stdout
    return Load(found["requests"] / found["micros"] * 1e6, found["p50"] / 1000)


def interleaved(
    targets: Sequence[Target], connections: int, folder: Path, *, pin: bool = True
) -> dict[str, list[Load]]:
    """Return the rounds of each target by its name."""
    for target in targets:
        load(target, connections, _WARM, folder, pin=pin)
    found: dict[str, list[Load]] = {target.name: [] for target in targets}
    for _ in range(ROUNDS):
        for target in targets:
            found[target.name].append(load(target, connections, SECONDS, folder, pin=pin))
    return found


def compared(name: str, ours: Sequence[Load], theirs: Sequence[Load], aim: Aim | None) -> Measured:
    """Compare the rates of each round. A candidate's seconds are those between two of its answers."""
    ratios = tuple(first.rate / second.rate for first, second in zip(ours, theirs, strict=True))
    return Measured(name, aim, ratios, *(1 / median(load.rate for load in loads) for loads in (ours, theirs)))


def middle(loads: Sequence[Load]) -> float:
    """Return the median latency in milliseconds."""
    return median(load.middle for load in loads)


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Pin processes started in this context to one core, unless `core` is None or the machine has only one."""
    before = os.sched_getaffinity(0)
    if core is not None and {SERVER_CORE, CLIENT_CORE} <= before:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
