"""The leaves that a row reaches in many small trees, found without walking down any of them.

This is the idea of QuickScorer (Lucchese et al., SIGIR 2015). Each tree has as many bits of one long integer as it may
have leaves, the leftmost leaf first. A test that fails rules out the leaves below its left branch; the first leaf that
is not ruled out is the one reached. The tests of a feature are sorted by threshold, so a value fails a number of tests
from the start of the list, and what those rule out together is one integer, computed in advance.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from operator import or_
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmgmt.modules.encoding import Number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmgmt.modules.encoding import Category, Encoding

_WIDTHS = {32: "<u4", 64: "<u8"}
Node = Any
"""A leaf is its value; another node is (feature, threshold, child for smaller values, child for others, child for
missing values), the last being one of the two before it."""


@dataclass(frozen=True, slots=True)
class _Test:
    """A node of a tree: what it rules out when a value is greater than the threshold, or missing."""

    feature: int
    threshold: float
    rules_out: int
    missing_passes: bool


class _Trees:
    """The tests of all trees, and the values of their leaves, a line for each tree."""

    def __init__(self, trees: Sequence[Node], width: int) -> None:
        self.tests: list[_Test] = []
        self.values: list[list[float]] = []
        for number, tree in enumerate(trees):
            values: list[float] = []
            self._take(tree, values, number * width)
            self.values.append(values)

    def _take(self, node: Node, values: list[float], shift: int) -> None:
        if node.__class__ is not tuple:
            values.append(node)
            return
        feature, threshold, left, right, missing = node
        first = len(values)
        self._take(left, values, shift)
        last = len(values)
        self._take(right, values, shift)
        rules_out = ((1 << last) - (1 << first)) << shift
        self.tests.append(_Test(feature, threshold, rules_out, missing is left))


def reader(trees: Sequence[Node], encoding: Encoding) -> Callable[[Sequence[Any]], list[float]] | None:
    """Return a function from one row's cells to the value of the leaf reached in each tree, in order.

    Return None if a tree has more leaves than a word has bits.
    """
    most = max(map(_leaves, trees), default=1)
    width = next((width for width in _WIDTHS if most <= width), None)
    if width is None or not trees:
        return None
    parts = _Trees(trees, width)
    numbers = [
        (number.place, None if number == Number(number.place) else number, *_of_number(parts, place))
        for place, number in enumerate(encoding.numbers)
    ]
    read = [part for part in numbers if part[2]]
    words = [(category, *_of_category(parts, category)) for category in encoding.categories]
    everything = (1 << (len(trees) * width)) - 1
    size, kind = len(trees) * width // 8, _WIDTHS[width]
    table = np.zeros((len(trees), width))
    for line, values in zip(table, parts.values, strict=True):
        line[: len(values)] = values
    flat, begins = table.ravel(), np.arange(len(trees)) * width

    def find_leaves(cells: Sequence[Any]) -> list[float]:
        out = 0
        for place, scale, thresholds, failed, missing in read:
            value = cells[place]
            if scale is not None:
                value = (value * scale.factor + scale.shift - scale.centre) / scale.spread
            out |= failed[bisect_left(thresholds, value)] if value == value else missing
        for category, of_value, of_none in words:
            cell = cells[category.place]
            found = of_value.get(cell)
            if found is None:
                if category.strict:
                    category.refuse(cell)
                found = of_none
            out |= found
        left = np.frombuffer((everything ^ out).to_bytes(size, "little"), kind)
        # The bits below the lowest bit left are the leaves before the one reached, so their count is its place.
        values: list[float] = flat.take(np.bitwise_count(~left & (left - 1)) + begins).tolist()
        return values

    return find_leaves


def _leaves(node: Node) -> int:
    return _leaves(node[2]) + _leaves(node[3]) if node.__class__ is tuple else 1


def _of_number(parts: _Trees, place: int) -> tuple[list[float], list[int], int]:
    """Return a column's sorted thresholds, what its first n tests rule out, and what a missing value rules out."""
    tests = sorted((test for test in parts.tests if test.feature == place), key=lambda test: test.threshold)
    failed = list(accumulate((test.rules_out for test in tests), or_, initial=0))
    missing = 0
    for test in tests:
        missing |= 0 if test.missing_passes else test.rules_out
    return [test.threshold for test in tests], failed, missing


def _of_category(parts: _Trees, category: Category) -> tuple[dict[Any, int], int]:
    """Return what each value of a category rules out, through all its one-hot columns, and what unknown values do."""
    columns = {column: _of_number(parts, column) for column in category.columns.values()}

    def ruled_out(chosen: int) -> int:
        out = 0
        for column, (thresholds, failed, _) in columns.items():
            out |= failed[bisect_left(thresholds, 1.0 if column == chosen else 0.0)]
        return out

    return {value: ruled_out(column) for value, column in category.columns.items()}, ruled_out(-1)
