"""Initialize Model / Regression: Linear Regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.modules.base import Arguments, Module, Parameter, Port, PortType
from mlmgmt.modules.classification import MODE, RANGE, SEED, SINGLE, UNKNOWN_LEVELS, setting
from mlmgmt.modules.learners import Untrained

if TYPE_CHECKING:
    from collections.abc import Mapping

_METHOD = "Solution method"
_DESCENT, _SQUARES = "Online Gradient Descent", "Ordinary Least Squares"
_BY_DESCENT, _BY_SQUARES = (_METHOD, (_DESCENT,)), (_METHOD, (_SQUARES,))
_ONE, _MANY = (MODE.key, (SINGLE,)), (MODE.key, (RANGE,))
_NORMALIZE = "Should input instances be normalized"
_AVERAGE = "Final hypothesis is averaged"
_DECREASE = "Decrease learning rate as iterations progress"
_RATE, _RATES = "Learning rate", "Range for learning rate"
_EPOCHS = "Number of epochs over which algorithm iterates through examples"
_EPOCHS_RANGE = "Range for number of epochs over which algorithm iterates through examples"
_DESCENT_L2, _DESCENT_L2S = "L2 regularization term weight", "Range for L2 regularization term weight"
_SQUARES_L2 = "L2 regularization weight"
_INTERCEPT = "Include intercept term"


def _linear_regression(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Untrained]:
    descent = arguments[_METHOD] == _DESCENT
    return (
        Untrained(
            learner="Linear Regression",
            task="regression",
            parameters=arguments,
            build=lambda: _descent(arguments) if descent else _least_squares(arguments),
            scaled=descent and arguments[_NORMALIZE],
            unknown_levels=arguments[UNKNOWN_LEVELS.key],
        ),
    )


def _least_squares(arguments: Arguments) -> Any:
    from sklearn.linear_model import LinearRegression, Ridge

    weight, intercept = arguments[_SQUARES_L2], arguments[_INTERCEPT]
    return Ridge(alpha=weight, fit_intercept=intercept) if weight else LinearRegression(fit_intercept=intercept)


def _descent(arguments: Arguments) -> Any:
    from sklearn.linear_model import SGDRegressor

    return SGDRegressor(
        eta0=setting(arguments, _RATE, _RATES),
        max_iter=max(1, setting(arguments, _EPOCHS, _EPOCHS_RANGE)),
        alpha=setting(arguments, _DESCENT_L2, _DESCENT_L2S),
        penalty="l2",
        average=arguments[_AVERAGE],
        learning_rate="invscaling" if arguments[_DECREASE] else "constant",
        # The module runs all its epochs; it has no stopping rule.
        tol=None,
        random_state=arguments[SEED.key] if arguments[SEED.key] is not None else 0,
    )


LINEAR_REGRESSION = Module(
    name="Linear Regression",
    guid="31960a6f789b4cf788d62e1152c0bd1a",
    inputs=(),
    outputs=(Port("Untrained model", PortType.UNTRAINED),),
    parameters=(
        Parameter(_METHOD, "choice", _SQUARES, choices=(_DESCENT, _SQUARES)),
        Parameter(MODE.key, "choice", SINGLE, choices=(SINGLE, RANGE), when=_BY_DESCENT),
        Parameter(_NORMALIZE, "boolean", "True", label="Normalize features", when=_BY_DESCENT),
        Parameter(_AVERAGE, "boolean", "True", label="Average final hypothesis", when=_BY_DESCENT),
        Parameter(_RATE, "float", "0.1", above=0, when=_ONE),
        Parameter(_EPOCHS, "integer", "10", label="Number of training epochs", minimum=0, when=_ONE),
        Parameter(_DECREASE, "boolean", "True", label="Decrease learning rate", when=_BY_DESCENT),
        Parameter(_DESCENT_L2, "float", "0.001", minimum=0, when=_ONE),
        Parameter(_RATES, "float", "0.025; 0.05; 0.1; 0.2", above=0, when=_MANY),
        Parameter(_EPOCHS_RANGE, "integer", "1; 10; 100", minimum=0, when=_MANY),
        Parameter(_DESCENT_L2S, "float", "0.001; 0.01; 0.1", minimum=0, when=_MANY),
        Parameter(_SQUARES_L2, "float", "0.001", minimum=0, when=_BY_SQUARES),
        Parameter(_INTERCEPT, "boolean", "True", when=_BY_SQUARES),
        SEED,
        UNKNOWN_LEVELS,
    ),
    run=_linear_regression,
    maps_to="sklearn.linear_model.Ridge, LinearRegression or SGDRegressor",
)

MODULES = (LINEAR_REGRESSION,)
