"""Figures of a report: the places of lines, bars and dots in a drawing of 350 by 320 units."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmgmt.modules.curves import BinaryCurves, MulticlassCurves, RegressionCurves

if TYPE_CHECKING:
    from collections.abc import Sequence

LEFT, RIGHT, TOP, BOTTOM = 60.0, 340.0, 10.0, 270.0
MOST_CLASSES = 30
"""A matrix of more classes is unreadable; the page then shows the most frequent mistakes instead."""
Curves = BinaryCurves | MulticlassCurves | RegressionCurves | None
_MOST_MISTAKES = 30


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    text: str


@dataclass(slots=True)
class Plot:
    """One figure; `x` and `y` name its axes, and `reference` is a dashed line to compare the data with.

    Args:
        names: the names of all dots, or empty.
    """

    title: str
    x: str
    y: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    lines: list[dict[str, str]] = field(default_factory=list)
    dots: list[tuple[float, float]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    bars: list[dict[str, float]] = field(default_factory=list)
    reference: tuple[float, float, float, float] | None = None


class Scale:
    """Maps a range of values, widened to round numbers, to a range of places.

    Args:
        whole: the values count something.
    """

    def __init__(self, low: float, high: float, first: float, last: float, *, whole: bool = False) -> None:
        # Values that are almost equal have no round numbers between them.
        closest = 1e-4 * max(abs(low), abs(high))
        high = high if high - low > closest else low + max(closest, 1.0)
        self._step = max(round_step((high - low) / 6), 1.0 if whole else 0.0)
        self._lowest, self._highest = math.floor(low / self._step), math.ceil(high / self._step)
        self._first, self._last = first, last
        # Long numbers are shown in thousands, millions, thousandths and so on.
        largest = max(abs(self._lowest), abs(self._highest)) * self._step
        self._power = 3 * math.floor(math.log10(largest) / 3) if largest >= 1e4 or largest < 1e-2 else 0

    def __call__(self, value: float) -> float:
        share = (value / self._step - self._lowest) / (self._highest - self._lowest)
        return round(self._first + share * (self._last - self._first), 2)

    def ticks(self) -> list[Tick]:
        unit = self._step / 10.0**self._power
        decimals = max(0, -math.floor(math.log10(unit) + 1e-9))
        return [
            Tick(self(place * self._step), f"{place * unit:.{decimals}f}".replace("-", "\N{MINUS SIGN}"))
            for place in range(self._lowest, self._highest + 1)
        ]

    def label(self, name: str) -> str:
        """Return the name of an axis, with the unit of its ticks."""
        if not self._power:
            return name
        power = str(self._power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{name} (\N{MULTIPLICATION SIGN} 10{power})"


def round_step(least: float) -> float:
    """Return the least of ..., 0.1, 0.2, 0.5, 1, 2, 5, 10, ... that is at least this."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))


def _square(title: str, x: str, y: str, lines: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> Plot:
    across, up = Scale(0, 1, LEFT, RIGHT), Scale(0, 1, BOTTOM, TOP)
    drawn = [
        {"class": name, "points": " ".join(f"{across(a)},{up(b)}" for a, b in points)}
        for name, points in lines
        if points
    ]
    return Plot(title, x, y, across.ticks(), up.ticks(), lines=drawn)


def plots(new: Curves, old: Curves) -> list[Plot]:
    """Return the figures of a new model, together with the deployed one if it has the same task."""
    if isinstance(new, BinaryCurves) and new.roc:
        return _binary(new, old if isinstance(old, BinaryCurves) else None)
    if isinstance(new, RegressionCurves) and new.points:
        return [_residuals(new), _histogram(new)]
    return []


def _binary(new: BinaryCurves, old: BinaryCurves | None) -> list[Plot]:
    roc = _square(
        "Receiver operating characteristic",
        "False positive rate",
        "True positive rate",
        [("old", old.roc if old else []), ("new", new.roc)],
    )
    roc.reference = (LEFT, BOTTOM, RIGHT, TOP)
    trade = _square(
        "Precision and recall",
        "Recall",
        "Precision",
        [("old", old.precision_recall if old else []), ("new", new.precision_recall)],
    )
    positive, negative = new.true_positive + new.false_negative, new.false_positive + new.true_negative
    guessed = round(BOTTOM - (BOTTOM - TOP) * positive / (positive + negative), 2)
    trade.reference = (LEFT, guessed, RIGHT, guessed)
    return [roc, trade]


def _residuals(curves: RegressionCurves) -> Plot:
    predictions, residuals = [point[1] for point in curves.points], [point[2] for point in curves.points]
    across = Scale(min(predictions), max(predictions), LEFT, RIGHT)
    up = Scale(min(*residuals, 0.0), max(*residuals, 0.0), BOTTOM, TOP)
    count = sum(curves.counts)
    return Plot(
        "Residuals" if count == len(residuals) else f"Residuals of {len(residuals)} of the {count:,} rows",
        across.label("Prediction"),
        up.label("Truth minus prediction"),
        across.ticks(),
        up.ticks(),
        dots=[(across(a), up(b)) for a, b in zip(predictions, residuals, strict=True)],
        reference=(LEFT, up(0), RIGHT, up(0)),
    )


def _histogram(curves: RegressionCurves) -> Plot:
    return histogram("How large the residuals are", ("Truth minus prediction", "Rows"), curves.edges, curves.counts)


def histogram(title: str, axes: tuple[str, str], edges: Sequence[float], counts: Sequence[int]) -> Plot:
    """Return a figure with a bar for each count; there is one more edge than counts."""
    across = Scale(edges[0], edges[-1], LEFT, RIGHT)
    up = Scale(0, max(counts), BOTTOM, TOP, whole=True)
    bars = []
    for place, count in enumerate(counts):
        left, right, top = across(edges[place]), across(edges[place + 1]), up(count)
        width, height = max(round(right - left - 1, 2), 0.5), round(BOTTOM - top, 2)
        bars.append({"x": round(left + 0.5, 2), "y": top, "width": width, "height": height})
    return Plot(title, across.label(axes[0]), up.label(axes[1]), across.ticks(), up.ticks(), bars=bars)


def confusion(curves: Curves, title: str) -> dict[str, Any] | None:
    """Return a confusion for the page; None if the model has no classes.

    Up to `MOST_CLASSES` classes, it has the `lines` of a matrix: counts, their share of the line, and one of five heat
    levels. For more classes, it has the most frequent `mistakes`.
    """
    if isinstance(curves, BinaryCurves):
        classes = [curves.negative, curves.positive]
        counts = [
            [curves.true_negative, curves.false_positive],
            [curves.false_negative, curves.true_positive],
        ]
    elif isinstance(curves, MulticlassCurves):
        classes, counts = curves.classes, curves.confusion
    else:
        return None
    few = len(classes) <= MOST_CLASSES
    return {
        "title": title,
        "classes": classes,
        "lines": [_line(classes[place], line, place) for place, line in enumerate(counts)] if few else [],
        "mistakes": [] if few else _mistakes(classes, counts),
    }


def _line(name: str, counts: Sequence[int], place: int) -> dict[str, Any]:
    whole = sum(counts)
    shares = [count / whole if whole else 0.0 for count in counts]
    cells = [
        {"count": count, "share": f"{share:.1%}", "heat": min(4, int(share * 4 + 0.5)), "hit": other == place}
        for other, (count, share) in enumerate(zip(counts, shares, strict=True))
    ]
    return {"name": name, "cells": cells}


def _mistakes(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    found = [
        (count, actual, taken)
        for actual, line in enumerate(counts)
        for taken, count in enumerate(line)
        if count and actual != taken
    ]
    found.sort(key=lambda mistake: -mistake[0])
    return [
        {
            "actual": classes[actual],
            "predicted": classes[taken],
            "count": count,
            "share": f"{count / sum(counts[actual]):.1%}",
        }
        for count, actual, taken in found[:_MOST_MISTAKES]
    ]
