"""Initialize Model: decision forests, for two classes, several classes and regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.modules.base import Parameter
from mlmgmt.modules.settings import MODE, Setting, learner, seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_BAGGING, _REPLICATE = "Bagging Resampling", "Replicate Resampling"
_RESAMPLING = "Resampling method"
TREES, DEPTH, SPLITS, LEAF = (
    "Number of decision trees",
    "Maximum depth of the decision trees",
    "Number of random splits per node",
    "Minimum number of samples per leaf node",
)
_NO_RANDOM_SPLITS = "scikit-learn's forests draw features at each node and try every split of them."
UNKNOWN_VALUES = Parameter("Allow unknown values for categorical features", "boolean", "True")

FOREST = (
    MODE,
    Parameter(_RESAMPLING, "choice", _BAGGING, choices=(_BAGGING, _REPLICATE)),
    Setting(
        Parameter(TREES, "integer", "8", minimum=1),
        range="Range for number of decision trees",
        values="1; 8; 32",
    ),
    Setting(
        Parameter(DEPTH, "integer", "32", minimum=1),
        range="Range for the maximum depth of the decision trees",
        values="1; 16; 64",
    ),
    Setting(
        Parameter(SPLITS, "integer", "128", minimum=1, without_effect=_NO_RANDOM_SPLITS),
        range="Range for the number of random splits per node",
        values="1; 128; 1024",
    ),
    Setting(
        Parameter(LEAF, "integer", "1", minimum=1),
        range="Range for the minimum number of samples per leaf node",
        values="1; 4; 16",
    ),
)
"""The settings of every forest. The modules have no seed, so the seed is always the same."""


def _forest_arguments(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "n_estimators": settings[TREES],
        "max_depth": settings[DEPTH],
        "min_samples_leaf": settings[LEAF],
        "bootstrap": settings[_RESAMPLING] == _BAGGING,
        "random_state": seed_of(settings),
    }


def _classifier(settings: Mapping[str, Any]) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(**_forest_arguments(settings))


def _regressor(settings: Mapping[str, Any]) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    # Trees that see the same rows and try every feature would all be equal, without any spread.
    share = 1.0 if settings[_RESAMPLING] == _BAGGING else 1 / 3
    return RandomForestRegressor(**_forest_arguments(settings), max_features=share)


TWO_CLASS_DECISION_FOREST = learner(
    "Two-Class Decision Forest",
    "5a7d5466-9928-40c8-a19c-d5de4882c77e",
    "binary",
    FOREST,
    _classifier,
    category="Classification",
    form="forest",
    complete=False,
    unknown=UNKNOWN_VALUES,
    maps_to="sklearn.ensemble.RandomForestClassifier",
)
MULTICLASS_DECISION_FOREST = learner(
    "Multiclass Decision Forest",
    "5e70108d-2e44-45d9-86e8-94f37c68fe86",
    "multiclass",
    FOREST,
    _classifier,
    category="Classification",
    form="forest",
    complete=False,
    unknown=UNKNOWN_VALUES,
    maps_to="sklearn.ensemble.RandomForestClassifier",
)
DECISION_FOREST_REGRESSION = learner(
    "Decision Forest Regression",
    "562988b2-e740-4e3a-8131-358391bad755",
    "regression",
    FOREST,
    _regressor,
    category="Regression",
    form="forest",
    complete=False,
    spread=True,
    unknown=UNKNOWN_VALUES,
    maps_to="sklearn.ensemble.RandomForestRegressor; mean and standard deviation over its trees",
)

MODULES = (TWO_CLASS_DECISION_FOREST, MULTICLASS_DECISION_FOREST, DECISION_FOREST_REGRESSION)
