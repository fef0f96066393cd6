"""Time two candidates in turn. Only the ratio of a pair counts, since a slow or busy machine changes both alike."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Call = Any  # a function without arguments; its result is freed after the clock has stopped


@dataclass(frozen=True, slots=True)
class Aim:
    """The aim for a ratio: an upper or a lower bound."""

    bound: float
    at_least: bool = False

    def met_by(self, ratio: float) -> bool:
        return ratio >= self.bound if self.at_least else ratio <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}x"


@dataclass(frozen=True, slots=True)
class Measured:
    """The paired ratios of one benchmark.

    Args:
        ratios: one for each round.
        ours, theirs: the median seconds of a candidate; shown, but not used for the verdict.
    """

    name: str
    aim: Aim | None
    ratios: tuple[float, ...]
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, relative to the median: how noisy the machine was."""
        if len(self.ratios) < 4:
            return 0.0
        low, _, high = quantiles(self.ratios, n=4)
        return (high - low) / 2 / self.ratio

    @property
    def verdict(self) -> str:
        if self.aim is None:
            return "for comparison"
        return "met" if self.aim.met_by(self.ratio) else "missed"

    def facts(self) -> dict[str, Any]:
        """Return the members for `benchmark.extra_info`, and so for `--benchmark-json`."""
        return {
            "ratio": self.ratio,
            "lowest": min(self.ratios),
            "highest": max(self.ratios),
            "aim": None if self.aim is None else str(self.aim),
            "verdict": self.verdict,
            "pairs": len(self.ratios),
        }

    def row(self) -> tuple[str, ...]:
        aim = "" if self.aim is None else str(self.aim)
        return (
            self.name,
            f"{self.ratio:.2f}x",
            f"{min(self.ratios):.2f}-{max(self.ratios):.2f}",
            f"±{self.spread:.0%}",
            _seconds(self.ours),
            _seconds(self.theirs),
            aim,
            self.verdict,
        )


HEAD = ("benchmark", "measured", "range", "noise", "mlmgmt", "other", "aim", "verdict")


def table(measured: list[Measured]) -> list[str]:
    """Return lines for the terminal, one for each benchmark."""
    rows = [HEAD, *(one.row() for one in measured)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _seconds(value: float) -> str:
    return f"{value * 1e3:.1f} ms" if value >= 1e-3 else f"{value * 1e6:.0f} us"


def paired(
    benchmark: Any, ours: Call, theirs: Call, *, rounds: int, warm: int = 2, collector: bool = True, rate: bool = False
) -> tuple[list[float], list[float], list[float]]:
    """Time two candidates as A B A B ..., and return the ratio and the two times of each round.

    A round of pytest-benchmark is one pair, so that its warm-up and options apply to both candidates alike.

    Args:
        collector: leave Python's garbage collector on. When it is on, a collection hits whichever candidate happens to
            allocate, and can cost several times the parse of a large document.
        rate: compute the ratio of the rates instead of the times.
    """
    first: list[float] = []
    second: list[float] = []

    def pair() -> None:
        first.append(_timed(ours))
        second.append(_timed(theirs))

    with _collecting(collector):
        benchmark.pedantic(pair, rounds=rounds, iterations=1, warmup_rounds=warm)
    del first[:-rounds], second[:-rounds]
    ratios = [b / a if rate else a / b for a, b in zip(first, second, strict=True)]
    return ratios, first, second


def _timed(call: Callable[[], Any]) -> float:
    begin = perf_counter()
    result = call()
    end = perf_counter()
    # Freeing a large result also takes time, but is not part of the work.
    del result
    return end - begin


@contextmanager
def _collecting(on: bool) -> Iterator[None]:
    was_on = gc.isenabled()
    gc.collect()
    if not on:
        gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
