"""Figures of a report: from numbers to the places of lines, bars and dots in a drawing of 340 by 320 units."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmgmt.modules.curves import BinaryCurves, MulticlassCurves, RegressionCurves

if TYPE_CHECKING:
    from collections.abc import Sequence

LEFT, RIGHT, TOP, BOTTOM = 50.0, 330.0, 10.0, 270.0
Curves = BinaryCurves | MulticlassCurves | RegressionCurves | None
Points = "Sequence[tuple[float, float]]"


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    text: str


@dataclass(slots=True)
class Plot:
    """One figure; `x` and `y` name its axes."""

    title: str
    x: str
    y: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    lines: list[dict[str, str]] = field(default_factory=list)
    dots: list[tuple[float, float]] = field(default_factory=list)
    bars: list[dict[str, float]] = field(default_factory=list)
    diagonal: tuple[float, float, float, float] | None = None


class _Scale:
    """From a range of values to a range of places."""

    def __init__(self, low: float, high: float, first: float, last: float) -> None:
        self.low, self.high = low, high if high > low else low + 1.0
        self._first, self._last = first, last

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self._first + share * (self._last - self._first), 2)

    def ticks(self, count: int = 5) -> list[Tick]:
        step = (self.high - self.low) / count
        values = [self.low + step * place for place in range(count + 1)]
        return [Tick(self(value), f"{value:.3g}") for value in values]


def _square(title: str, x: str, y: str, lines: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> Plot:
    across, up = _Scale(0, 1, LEFT, RIGHT), _Scale(0, 1, BOTTOM, TOP)
    drawn = [
        {"class": name, "points": " ".join(f"{across(a)},{up(b)}" for a, b in points)}
        for name, points in lines
        if points
    ]
    return Plot(title, x, y, across.ticks(), up.ticks(), lines=drawn)


def plots(new: Curves, old: Curves) -> list[Plot]:
    """The figures of a new model, with the deployed one beside it where both are of one kind."""
    if isinstance(new, BinaryCurves):
        pair = old if isinstance(old, BinaryCurves) else None
        roc = _square(
            "Receiver operating characteristic",
            "False positive rate",
            "True positive rate",
            [("old", pair.roc if pair else []), ("new", new.roc)],
        )
        roc.diagonal = (LEFT, BOTTOM, RIGHT, TOP)
        trade = _square(
            "Precision and recall",
            "Recall",
            "Precision",
            [("old", pair.precision_recall if pair else []), ("new", new.precision_recall)],
        )
        return [roc, trade] if new.roc else []
    if isinstance(new, RegressionCurves):
        return [_residuals(new), _histogram(new)]
    return []


def _residuals(curves: RegressionCurves) -> Plot:
    predictions, residuals = [point[1] for point in curves.points], [point[2] for point in curves.points]
    across = _Scale(min(predictions), max(predictions), LEFT, RIGHT)
    up = _Scale(min(*residuals, 0.0), max(*residuals, 0.0), BOTTOM, TOP)
    dots = [(across(a), up(b)) for a, b in zip(predictions, residuals, strict=True)]
    nought = (LEFT, up(0), RIGHT, up(0))
    return Plot(
        "Residuals", "Prediction", "Truth minus prediction", across.ticks(), up.ticks(), dots=dots, diagonal=nought
    )


def _histogram(curves: RegressionCurves) -> Plot:
    across = _Scale(curves.edges[0], curves.edges[-1], LEFT, RIGHT)
    up = _Scale(0, max(curves.counts), BOTTOM, TOP)
    bars = []
    for place, count in enumerate(curves.counts):
        left, right, top = across(curves.edges[place]), across(curves.edges[place + 1]), up(count)
        bars.append({"x": left + 0.5, "y": top, "width": max(round(right - left - 1, 2), 0.5), "height": BOTTOM - top})
    return Plot("How large residuals are", "Truth minus prediction", "Rows", across.ticks(), up.ticks(4), bars=bars)


def confusion(curves: Curves, title: str) -> dict[str, Any] | None:
    """A confusion matrix as the page shows it: counts, shares of their line, and five heats."""
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
    lines = []
    for name, line in zip(classes, counts, strict=True):
        whole = sum(line)
        shares = [count / whole if whole else 0.0 for count in line]
        cells = [
            {"count": count, "share": f"{share:.1%}", "heat": min(4, int(share * 4 + 0.5))}
            for count, share in zip(line, shares, strict=True)
        ]
        lines.append({"name": name, "cells": cells})
    return {"title": title, "classes": classes, "lines": lines}
