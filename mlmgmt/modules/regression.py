"""Initialize Model / Regression: linear regression and boosted decision trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.modules.base import Parameter
from mlmgmt.modules.classification import BOOSTED, boosting, minmax
from mlmgmt.modules.settings import MODE, RANGE, SEED, SINGLE, Setting, learner, seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_CATEGORY = "Regression"
_METHOD = "Solution method"
_DESCENT, _SQUARES = "Online Gradient Descent", "Ordinary Least Squares"
_BY_DESCENT, _BY_SQUARES = (_METHOD, (_DESCENT,)), (_METHOD, (_SQUARES,))
_NORMALIZE = "Should input instances be normalized"
_AVERAGE = "Final hypothesis is averaged"
_DECREASE = "Decrease learning rate as iterations progress"
_RATE = "Learning rate"
_EPOCHS = "Number of epochs over which algorithm iterates through examples"
_DESCENT_L2 = "L2 regularization term weight"
_SQUARES_L2 = "L2 regularization weight"
_INTERCEPT = "Include intercept term"


def _linear_regression(settings: Mapping[str, Any]) -> Any:
    from sklearn.linear_model import LinearRegression, Ridge, SGDRegressor

    if settings[_METHOD] == _SQUARES:
        weight, intercept = settings[_SQUARES_L2], settings[_INTERCEPT]
        return Ridge(alpha=weight, fit_intercept=intercept) if weight else LinearRegression(fit_intercept=intercept)
    return SGDRegressor(
        eta0=settings[_RATE],
        max_iter=max(1, settings[_EPOCHS]),
        alpha=settings[_DESCENT_L2],
        penalty="l2",
        average=settings[_AVERAGE],
        learning_rate="invscaling" if settings[_DECREASE] else "constant",
        # The module runs all its epochs; it has no stopping rule.
        tol=None,
        random_state=seed_of(settings),
    )


def _scaler(settings: Mapping[str, Any]) -> Any:
    return minmax(settings) if settings.get(_NORMALIZE) else None


LINEAR_REGRESSION = learner(
    "Linear Regression",
    "31960a6f-789b-4cf7-88d6-2e1152c0bd1a",
    "regression",
    (
        Parameter(_METHOD, "choice", _SQUARES, choices=(_DESCENT, _SQUARES)),
        Parameter(MODE.key, "choice", SINGLE, choices=(SINGLE, RANGE), when=_BY_DESCENT),
        Parameter(_NORMALIZE, "boolean", "True", label="Normalize features", when=_BY_DESCENT),
        Parameter(_AVERAGE, "boolean", "True", label="Average final hypothesis", when=_BY_DESCENT),
        Setting(Parameter(_RATE, "float", "0.1", above=0), "Range for learning rate", "0.025; 0.05; 0.1; 0.2"),
        Setting(
            Parameter(_EPOCHS, "integer", "10", label="Number of training epochs", minimum=0),
            "Range for number of epochs over which algorithm iterates through examples",
            "1; 10; 100",
        ),
        Parameter(_DECREASE, "boolean", "True", label="Decrease learning rate", when=_BY_DESCENT),
        Setting(
            Parameter(_DESCENT_L2, "float", "0.001", label=_SQUARES_L2, minimum=0),
            "Range for L2 regularization term weight",
            "0.001; 0.01; 0.1",
        ),
        Parameter(_SQUARES_L2, "float", "0.001", minimum=0, when=_BY_SQUARES),
        Parameter(_INTERCEPT, "boolean", "True", when=_BY_SQUARES),
        SEED,
    ),
    _linear_regression,
    category=_CATEGORY,
    form="linear",
    scaler=_scaler,
    maps_to="sklearn.linear_model.Ridge, LinearRegression or SGDRegressor",
)


def _boosted_decision_tree(settings: Mapping[str, Any]) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(**boosting(settings))


BOOSTED_DECISION_TREE_REGRESSION = learner(
    "Boosted Decision Tree Regression",
    "0207d252-6c41-4c77-84c3-73bdf1ac5960",
    "regression",
    BOOSTED,
    _boosted_decision_tree,
    category=_CATEGORY,
    form="boosted",
    complete=False,
    finite=False,
    maps_to="sklearn.ensemble.HistGradientBoostingRegressor",
)

MODULES = (LINEAR_REGRESSION, BOOSTED_DECISION_TREE_REGRESSION)
