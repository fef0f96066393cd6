"""The figures of a run over many keys: the headline metric of each, before and after."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from mlmgmt.modules.evaluation import more_is_better
from mlmgmt.pages.evaluation import metric_text
from mlmgmt.pages.plots import BOTTOM, LEFT, RIGHT, TOP, Plot, Scale, Tick, histogram, round_step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_LINES = 60
"""The most keys that each get a line; with more, the figures show all keys together."""
_LAST, _LINE, _MARGIN, _GAP = 670.0, 18.0, 26.0, 12.0
_LETTERS, _LETTER = 28, 6.6
_BINS = 30
_EXTREME = 1e100


@dataclass(frozen=True, slots=True)
class Point:
    """A key with the headline metric of its new model, and of its old one where that is known."""

    key: str
    new: float
    old: float | None

    @property
    def values(self) -> tuple[float, ...]:
        return (self.new,) if self.old is None else (self.new, self.old)

    @property
    def change(self) -> float:
        return 0.0 if self.old is None else self.new - self.old


@dataclass(frozen=True, slots=True)
class Pair:
    """One key in the figure: its places, and its `verdict`: better, worse, same, or "" without an old value."""

    at: float
    name: str
    new: float
    old: float | None
    verdict: str
    title: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """A figure with a line for each key, 700 units wide; `top` and `bottom` are the ends of its frame."""

    height: float
    left: float
    right: float
    top: float
    bottom: float
    axis: str
    ticks: Sequence[Tick]
    lines: Sequence[Pair]


def point(key: str, new: float | None, old: float | None) -> Point | None:
    """Return what a figure can show of a key; None if its new model has no finite metric."""
    new, old = _drawable(new), _drawable(old)
    return None if new is None else Point(key, new, old)


def verdict(metric: str, change: float) -> str:
    """Return whether a change of a metric is better, worse or the same."""
    if not change:
        return "same"
    return "better" if (change > 0) is more_is_better(metric) else "worse"


def pairs(points: Sequence[Point], metric: str) -> tuple[Pairs, str]:
    """Return a figure with a line for each key, and a remark on values beyond its edge.

    The greatest gain comes first; keys without an old value come last.
    """
    sign = -1 if more_is_better(metric) else 1
    ordered = sorted(points, key=lambda p: (p.old is None, sign * (p.new if p.old is None else p.change)))
    axis = _Axis([value for p in ordered for value in p.values])
    names = [_shorten(p.key) for p in ordered]
    left = round(_GAP + _LETTER * max(map(_width, names)), 1)
    across = Scale(axis.low, axis.high, left, _LAST)
    lines = [
        Pair(
            at=_MARGIN + _LINE * (place + 0.5),
            name=name,
            new=across(axis.inside(p.new)),
            old=None if p.old is None else across(axis.inside(p.old)),
            verdict="" if p.old is None else verdict(metric, p.change),
            title=_title(p),
        )
        for place, (p, name) in enumerate(zip(ordered, names, strict=True))
    ]
    bottom = _MARGIN + _LINE * len(lines)
    drawn = Pairs(bottom + 40, left, _LAST, _MARGIN, bottom, across.label(metric), across.ticks(), lines)
    return drawn, axis.edge(p.values for p in points)


def plots(points: Sequence[Point], metric: str) -> list[tuple[Plot, str]]:
    """Return the figures of more keys than `MOST_LINES`, each with its caption.

    They show old against new, and the change; if no old value is known, only the new values.
    """
    known = [p for p in points if p.old is not None]
    if known:
        return [_scatter(known, metric), _changes(known, metric)]
    values = [p.new for p in points]
    plot, edge = _bars("New models", (metric, "Keys"), values)
    middle = sorted(values)[len(values) // 2]
    return [(plot, f"{metric} of {len(values):,} new models; the median is {metric_text(middle)}{edge}")]


def _scatter(points: Sequence[Point], metric: str) -> tuple[Plot, str]:
    axis = _Axis([value for p in points for value in p.values])
    across, up = Scale(axis.low, axis.high, LEFT, RIGHT), Scale(axis.low, axis.high, BOTTOM, TOP)
    places = [[axis.inside(value) for value in p.values] for p in points]
    plot = Plot(
        f"{metric}, old against new",
        across.label("Old"),
        up.label("New"),
        across.ticks(),
        up.ticks(),
        dots=[(round(across(old), 1), round(up(new), 1)) for new, old in places],
        names=[_title(p) for p in points],
        reference=(LEFT, BOTTOM, RIGHT, TOP),
    )
    side = "Above" if more_is_better(metric) else "Below"
    edge = axis.edge(p.values for p in points)
    return plot, f"{metric}, old against new. {side} the line the new model is better{edge}"


def _changes(points: Sequence[Point], metric: str) -> tuple[Plot, str]:
    plot, edge = _bars("Change", (f"New minus old {metric}", "Keys"), [p.change for p in points], zero=True)
    verdicts = [verdict(metric, p.change) for p in points]
    counts = [f"{verdicts.count(word):,} {word}" for word in ("better", "worse", "same") if word in verdicts]
    return plot, f"Change of {metric}: {', '.join(counts)}{edge}"


def _bars(title: str, axes: tuple[str, str], values: Sequence[float], *, zero: bool = False) -> tuple[Plot, str]:
    """Return a histogram in bins with round edges; values far out are counted in the last bins.

    Args:
        zero: zero is one of the edges, and is marked.
    """
    axis = _Axis(values)
    low, high = (min(axis.low, 0.0), max(axis.high, 0.0)) if zero else (axis.low, axis.high)
    largest = max(abs(low), abs(high))
    spread = high - low if high - low > 1e-4 * largest else largest / 10 or 1.0
    step = round_step(spread / _BINS)
    first, last = math.floor(low / step), math.floor(high / step)
    edges = [place * step for place in range(first, last + 2)]
    counts = [0] * (len(edges) - 1)
    for value in values:
        counts[math.floor(min(max(value, low), high) / step) - first] += 1
    plot = histogram(title, axes, edges, counts)
    if zero:
        at = Scale(edges[0], edges[-1], LEFT, RIGHT)(0.0)
        plot.reference = (at, BOTTOM, at, TOP)
    return plot, axis.edge((value,) for value in values)


class _Axis:
    """The ends of an axis. A value that is far out is drawn at the edge, so that it does not squeeze the rest."""

    def __init__(self, values: Sequence[float]) -> None:
        ordered = sorted(values)
        quarter = len(ordered) // 4
        first, last = ordered[quarter], ordered[-1 - quarter]
        reach = 20 * (last - first)
        within = [value for value in ordered if first - reach <= value <= last + reach] if reach else ordered
        self.low, self.high = within[0], within[-1]

    def inside(self, value: float) -> float:
        return min(max(value, self.low), self.high)

    def edge(self, keys: Iterable[Sequence[float]]) -> str:
        """Return a remark on the keys that have a value beyond the ends."""
        beyond = sum(any(value != self.inside(value) for value in values) for values in keys)
        return f"; {beyond:,} beyond the edge {'is' if beyond == 1 else 'are'} drawn at it" if beyond else ""


def _drawable(value: float | None) -> float | None:
    """Return a number if an axis can show it: it is finite, and not so large or small that differences overflow."""
    if value is None or not abs(value) < _EXTREME:
        return None
    return float(value) if abs(value) > 1 / _EXTREME else 0.0


def _title(point: Point) -> str:
    was = f"{metric_text(point.old)} \N{RIGHTWARDS ARROW} " if point.old is not None else ""
    return f"{point.key}: {was}{metric_text(point.new)}"


def _shorten(key: str) -> str:
    """Return as much of a key as fits beside the figure."""
    if _width(key) <= _LETTERS:
        return key
    shown = key[:_LETTERS]
    while _width(shown) >= _LETTERS:
        shown = shown[:-1]
    return shown + "\N{HORIZONTAL ELLIPSIS}"


def _width(text: str) -> int:
    """Return the width of a text in letters; East Asian letters count as two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
