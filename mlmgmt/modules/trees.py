"""Tree ensembles in forms that predict quickly: nested tuples that one row walks down."""

from __future__ import annotations

from math import exp, sqrt
from struct import Struct
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmgmt.modules import tree_leaves
from mlmgmt.modules.predictors import Form

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmgmt.modules.encoding import Matrix
    from mlmgmt.modules.features import Column
    from mlmgmt.modules.tree_leaves import Node


class Forest(Form):
    """An average over independent trees; scikit-learn compares in single precision."""

    @property
    def breadth(self) -> int:
        return max(self.encoding.width, len(self.learner.estimators_) if self.spread else 0)

    def _answer(self, columns: list[Column]) -> Matrix:
        matrix = _single(self.encoding.matrix(columns))
        trees = [estimator.tree_ for estimator in self.learner.estimators_]
        if self.spread:
            grown = np.array([tree.predict(matrix)[:, 0] for tree in trees])
            return np.column_stack([grown.mean(axis=0), grown.std(axis=0)])
        total = np.zeros((len(matrix), trees[0].max_n_classes))
        for tree in trees:
            total += tree.predict(matrix)
        return np.asarray(total / len(trees))

    def row(self) -> Callable[[Sequence[Any]], list[float]]:
        if not self.rowwise:
            return super().row()
        trees = [_forest_tree(estimator.tree_) for estimator in self.learner.estimators_]
        count, encode = len(trees), self.encoding.vector
        single = Struct(f"{self.encoding.width}f")

        def leaves(cells: Sequence[Any]) -> list[Any]:
            encoded = encode(cells)
            try:
                values = single.unpack(single.pack(*encoded))
            except OverflowError:
                values = tuple(_single(np.array(encoded)).tolist())
            return _walk(trees, values)

        def chances(cells: Sequence[Any]) -> list[float]:
            return [sum(of_class) / count for of_class in zip(*leaves(cells), strict=True)]

        def mean_and_spread(cells: Sequence[Any]) -> list[float]:
            found = [leaf[0] for leaf in leaves(cells)]
            mean = sum(found) / count
            return [mean, sqrt(sum((value - mean) ** 2 for value in found) / count)]

        def mean(cells: Sequence[Any]) -> list[float]:
            return [sum(leaf[0] for leaf in leaves(cells)) / count]

        if self.task == "regression":
            return mean_and_spread if self.spread else mean
        return chances


def _walk(trees: Sequence[Node], values: Sequence[float]) -> list[Any]:
    """Return the leaf of each tree that a row reaches, by walking down each tree."""
    found = []
    for node in trees:
        while node.__class__ is tuple:
            place, threshold, left, right, missing = node
            value = values[place]
            node = left if value <= threshold else right if value == value else missing
        found.append(node)
    return found


def _single(matrix: Matrix) -> Any:
    """Return the numbers in single precision; one that is too large for it becomes infinite."""
    with np.errstate(over="ignore"):
        return matrix.astype("float32")


def _forest_tree(tree: Any) -> Node:
    """Return the root of a tree; a leaf is a list with its value, or the share of each class."""
    left, right, missing = tree.children_left.tolist(), tree.children_right.tolist(), tree.missing_go_to_left.tolist()
    features, thresholds = tree.feature.tolist(), tree.threshold.tolist()
    values = tree.value[:, 0, :].tolist()
    nodes: list[Node] = [None] * len(left)
    # Children come after their parents, so going backwards every child is ready before it is needed.
    for index in range(len(left) - 1, -1, -1):
        if left[index] < 0:
            nodes[index] = values[index]
        else:
            less, more = nodes[left[index]], nodes[right[index]]
            nodes[index] = (features[index], thresholds[index], less, more, less if missing[index] else more)
    return nodes[0]


class Boosted(Form):
    """A sum over trees, each grown on the errors of those before it, and a link."""

    def row(self) -> Callable[[Sequence[Any]], list[float]]:
        if not self.rowwise:
            return super().row()
        trees = [_boosted_tree(predictor.nodes) for (predictor,) in self.learner._predictors]
        base = float(self.learner._baseline_prediction.item())
        encode = self.encoding.vector
        find_leaves = tree_leaves.reader(trees, self.encoding) or (lambda cells: _walk(trees, encode(cells)))
        regression = self.task == "regression"

        def numbers(cells: Sequence[Any]) -> list[float]:
            total = base
            # Added one by one, as in scikit-learn; newer versions of Python round differently in sum().
            for value in find_leaves(cells):
                total += value
            if regression:
                return [total]
            chance = 1 / (1 + exp(-total)) if total > -709 else 0.0
            return [1 - chance, chance]

        return numbers


def _boosted_tree(nodes: Any) -> Node:
    """Return the root of a tree of histogram boosting; a leaf is its value."""
    left, right = nodes["left"].tolist(), nodes["right"].tolist()
    features, thresholds = nodes["feature_idx"].tolist(), nodes["num_threshold"].tolist()
    missing, leaf, values = nodes["missing_go_to_left"].tolist(), nodes["is_leaf"].tolist(), nodes["value"].tolist()

    grown: list[Node] = [None] * len(left)
    for index in range(len(left) - 1, -1, -1):
        if leaf[index]:
            grown[index] = values[index]
        else:
            less, more = grown[left[index]], grown[right[index]]
            grown[index] = (features[index], thresholds[index], less, more, less if missing[index] else more)
    return grown[0]
