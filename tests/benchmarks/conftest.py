"""Fixtures and the result table of the benchmarks. Run them with: pytest tests/benchmarks

No benchmark asserts on seconds, and none fails when it misses its aim; the table at the end shows the misses.
The homes are in pytest's temporary folder; use `--basetemp FOLDER` to put them on another disk.
"""

from __future__ import annotations

import os
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pytest

from .ratio import Aim, Measured, paired, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MEASURED = pytest.StashKey[list[Measured]]()
_NOTES = pytest.StashKey[list[str]]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.stash[_MEASURED] = []
    config.stash[_NOTES] = []
    # pytest-benchmark's own table shows the seconds of a pair, which mean nothing; --benchmark-verbose shows it.
    config.option.benchmark_quiet = True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the ratios, then the notes of the benchmarks."""
    measured, notes = config.stash[_MEASURED], config.stash[_NOTES]
    if measured:
        terminalreporter.section("ratios within this run (medians of pairs timed in turn)")
        for line in table(measured):
            terminalreporter.write_line(line)
    for note in notes:
        terminalreporter.write_line(note)


class Measure:
    """Times the two candidates of a benchmark and keeps the ratio for the table."""

    def __init__(self, benchmark: Any, config: pytest.Config) -> None:
        self._benchmark = benchmark
        self._config = config

    def __call__(self, name: str, ours: Any, theirs: Any, *, aim: Aim | None, rounds: int, **options: Any) -> Measured:
        """Measure and report; see `ratio.paired` for the options."""
        ratios, first, second = paired(self._benchmark, ours, theirs, rounds=rounds, **options)
        middle = len(ratios) // 2
        found = Measured(name, aim, tuple(ratios), sorted(first)[middle], sorted(second)[middle])
        self._benchmark.extra_info.update(found.facts())
        self._config.stash[_MEASURED].append(found)
        return found


@pytest.fixture
def measure(benchmark: Any, request: pytest.FixtureRequest) -> Measure:
    return Measure(benchmark, request.config)


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[list[str]], None]:
    """Return a function that takes lines to print below the table."""
    return request.config.stash[_NOTES].extend


@pytest.fixture(scope="session")
def durable(tmp_path_factory: pytest.TempPathFactory) -> str | None:
    """None if flushing takes as long as on a disk; else why figures of durable writes mean little here."""
    file: Path = tmp_path_factory.mktemp("flush") / "file"
    handle = os.open(file, os.O_WRONLY | os.O_CREAT)
    try:
        begin = perf_counter()
        for _ in range(20):
            os.write(handle, b"x" * 4096)
            os.fsync(handle)
        each = (perf_counter() - begin) / 20
    finally:
        os.close(handle)
    if each > 20e-6:
        return None
    return f"A flush takes {each * 1e6:.0f} us here: this is memory, not a disk. Use --basetemp FOLDER."
