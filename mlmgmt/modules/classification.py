"""Initialize Model / Classification: linear learners and boosted trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.modules.base import Parameter
from mlmgmt.modules.settings import MODE, SEED, Setting, learner, seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_CATEGORY = "Classification"
_NO_MEMORY = "scikit-learn chooses the memory of L-BFGS itself."
TOLERANCE, L1, L2, MEMORY = (
    "Optimization Tolerance",
    "L1 Regularization weight",
    "L2 Regularizaton weight",  # The module itself spells it like this.
    "Memory Size",
)


def minmax(_: Mapping[str, Any]) -> Any:
    """Return a scaler that brings numbers to 0..1."""
    from sklearn.preprocessing import MinMaxScaler

    return MinMaxScaler()


def _logistic_regression(settings: Mapping[str, Any]) -> Any:
    from sklearn.linear_model import LogisticRegression

    l1, l2, tolerance = settings[L1], settings[L2], settings[TOLERANCE]
    weight = l1 + l2
    return LogisticRegression(
        C=1 / weight if weight else float("inf"),
        l1_ratio=l1 / weight if weight else 0,
        solver="saga" if l1 else "lbfgs",
        # Below 1e-6 SAGA goes on forever without moving.
        tol=max(tolerance, 1e-6) if l1 else tolerance,
        max_iter=5_000,
        random_state=seed_of(settings),
    )


_LOGISTIC = (
    MODE,
    Setting(
        Parameter(TOLERANCE, "float", "1e-07", label="Optimization tolerance", above=0),
        range="Range for optimization tolerance",
        values="0.00001; 0.00000001",
    ),
    Setting(
        Parameter(L1, "float", "1.0", label="L1 regularization weight", minimum=0),
        range="Range for L1 regularization weight",
        values="0.0; 0.01; 0.1; 1.0",
    ),
    Setting(
        Parameter(
            L2,
            "float",
            "1.0",
            label="L2 regularization weight",
            minimum=0,
            aliases=("L2 Regularization weight",),
        ),
        range="Range for L2 regularization weight",
        values="0.01; 0.1; 1.0",
    ),
    Setting(
        Parameter(MEMORY, "integer", "20", label="Memory size for L-BFGS", minimum=1, without_effect=_NO_MEMORY),
        range="Range for memory size for L-BFGS the lower the value the faster and less accurate the training",
        values="5; 20; 50",
    ),
    SEED,
)

TWO_CLASS_LOGISTIC_REGRESSION = learner(
    "Two-Class Logistic Regression",
    "b0fd7660-eeed-43c5-9487-20d9cc79ed5d",
    "binary",
    _LOGISTIC,
    _logistic_regression,
    category=_CATEGORY,
    form="linear",
    scaler=minmax,
    weighted=True,
    maps_to="sklearn.linear_model.LogisticRegression on features scaled to 0..1",
)
MULTICLASS_LOGISTIC_REGRESSION = learner(
    "Multiclass Logistic Regression",
    "1d195fe5-98cd-4e1a-a1c8-076aaa3e02c3",
    "multiclass",
    _LOGISTIC,
    _logistic_regression,
    category=_CATEGORY,
    form="linear",
    scaler=minmax,
    maps_to="sklearn.linear_model.LogisticRegression (multinomial) on features scaled to 0..1",
)

LEAVES, SAMPLES, RATE, TREES = (
    "Maximum number of leaves per tree",
    "Minimum number of training instances required to form a leaf",
    "The learning rate",
    "Total number of trees constructed",
)
BOOSTED = (
    MODE,
    Setting(
        Parameter(LEAVES, "integer", "20", minimum=2),
        range="Range for maximum number of leaves per tree",
        values="2; 8; 32; 128",
    ),
    Setting(
        Parameter(SAMPLES, "integer", "10", label="Minimum number of samples per leaf node", minimum=1),
        range="Range for minimum number of training instances required to form a leaf",
        values="1; 10; 50",
    ),
    Setting(
        Parameter(RATE, "float", "0.2", label="Learning rate", above=0, maximum=1),
        range="Range for learning rate",
        values="0.025; 0.05; 0.1; 0.2; 0.4",
    ),
    Setting(
        Parameter(TREES, "integer", "100", label="Number of trees constructed", minimum=1),
        range="Range for total number of trees constructed",
        values="20; 100; 500",
    ),
    SEED,
)
"""The settings of boosted trees, for two classes and for regression."""


def boosting(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of scikit-learn's histogram boosting. It grows all trees, as in Studio."""
    return {
        "max_leaf_nodes": settings[LEAVES],
        "min_samples_leaf": settings[SAMPLES],
        "learning_rate": settings[RATE],
        "max_iter": settings[TREES],
        "early_stopping": False,
        "random_state": seed_of(settings),
    }


def _boosted_decision_tree(settings: Mapping[str, Any]) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(**boosting(settings))


TWO_CLASS_BOOSTED_DECISION_TREE = learner(
    "Two-Class Boosted Decision Tree",
    "e3c522f8-53d9-4829-8ea4-5c6a6b75330c",
    "binary",
    BOOSTED,
    _boosted_decision_tree,
    category=_CATEGORY,
    form="boosted",
    complete=False,
    finite=False,
    maps_to="sklearn.ensemble.HistGradientBoostingClassifier",
)

MODULES = (TWO_CLASS_LOGISTIC_REGRESSION, MULTICLASS_LOGISTIC_REGRESSION, TWO_CLASS_BOOSTED_DECISION_TREE)
