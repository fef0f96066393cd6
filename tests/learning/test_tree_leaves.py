"""Leaves that are found without a walk, against a walk down every tree."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline

from mlmgmt.modules.encoding import Category, Encoding, Number
from mlmgmt.modules.features import Feature, preparation
from mlmgmt.modules.tree_leaves import reader
from mlmgmt.modules.trees import Boosted

NUMBERS, WORDS = 3, ("red", "green", "blue")
ENCODING = Encoding(
    numbers=(Number(0), Number(1, centre=1.5, spread=0.5), Number(3)),
    categories=(Category(2, "colour", {word: NUMBERS + place for place, word in enumerate(WORDS)}, NUMBERS, False),),
    width=NUMBERS + len(WORDS),
)
values = st.one_of(st.just(nan), st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]), st.floats(-3, 3))


@st.composite
def trees(draw: Any, depth: int = 5) -> Any:
    """Draw a tree of tests; a leaf is a number."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.floats(-10, 10))
    left, right = draw(trees(depth - 1)), draw(trees(depth - 1))
    place = draw(st.integers(0, ENCODING.width - 1))
    threshold = 0.5 if place >= NUMBERS else draw(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]))
    return place, threshold, left, right, left if draw(st.booleans()) else right


def walk(node: Any, values: list[float]) -> float:
    while isinstance(node, tuple):
        place, threshold, left, right, missing = node
        value = values[place]
        node = missing if value != value else left if value <= threshold else right
    return float(node)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(trees(), min_size=1, max_size=3),
    st.lists(st.tuples(values, values, st.sampled_from([*WORDS, "mauve", None]), values), min_size=1, max_size=4),
)
def test_the_leaves_are_those_that_a_walk_reaches(several: Any, rows: Any) -> None:
    find_leaves = reader(several, ENCODING)
    assert find_leaves is not None
    for row in rows:
        assert find_leaves(row) == [walk(tree, ENCODING.vector(row)) for tree in several]


@pytest.mark.parametrize(("most", "small"), [(31, True), (60, True), (200, False)])
def test_trees_of_any_size_predict_as_scikit_learn_does(most: int, small: bool) -> None:
    random = np.random.default_rng(7)
    frame = pd.DataFrame({"a": random.normal(size=3000), "b": random.normal(size=3000)})
    frame.loc[::7, "a"] = nan
    label = np.nan_to_num(frame["a"]) * frame["b"] + random.normal(size=3000)
    features = (Feature("a", "Double"), Feature("b", "Double"))
    learner = HistGradientBoostingRegressor(max_leaf_nodes=most, min_samples_leaf=3, max_iter=20, random_state=0)
    encode = preparation(features, None, unknown_levels=True)
    fitted = Pipeline([("preparation", encode), ("learner", learner)]).fit(frame, label)
    form = Boosted(fitted, features, task="regression")
    row = form.row()
    expected = fitted.predict(frame.head(200))
    found = [row(cells)[0] for cells in frame.head(200).itertuples(index=False)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    largest = max(int(predictor.nodes["is_leaf"].sum()) for (predictor,) in learner._predictors)
    assert (largest <= 64) is small
