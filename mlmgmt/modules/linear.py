"""Initialize Model: support vector machine, averaged perceptron and Poisson regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.modules.base import Parameter
from mlmgmt.modules.classification import minmax
from mlmgmt.modules.settings import MODE, SEED, Setting, learner, seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_SVM_ITERATIONS, _LAMBDA = "Number of iterations", "The value lambda"
_NORMALIZE, _SPHERE = "Normalize the features", "Perform a projection to the unit-ball"
_FOLDS = 5
"""The folds that calibrate a model, as many as scikit-learn's default."""


def _calibrate(estimator: Any) -> Any:
    """Return one linear model of all rows, with one sigmoid from its scores to probabilities."""
    from sklearn.calibration import CalibratedClassifierCV

    return CalibratedClassifierCV(estimator, method="sigmoid", ensemble=False)


def _support_vector_machine(settings: Mapping[str, Any]) -> Any:
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer

    machine = SGDClassifier(
        loss="hinge",
        penalty="l2",
        alpha=settings[_LAMBDA],
        max_iter=settings[_SVM_ITERATIONS],
        # The module runs all its iterations; it has no stopping rule.
        tol=None,
        random_state=seed_of(settings),
    )
    calibrated = _calibrate(machine)
    return make_pipeline(Normalizer(), calibrated) if settings[_SPHERE] else calibrated


def _standard(settings: Mapping[str, Any]) -> Any:
    """Return a scaler to mean 0 and standard deviation 1, if the settings ask for one."""
    from sklearn.preprocessing import StandardScaler

    return StandardScaler() if settings[_NORMALIZE] else None


TWO_CLASS_SUPPORT_VECTOR_MACHINE = learner(
    "Two-Class Support Vector Machine",
    "12d8479b-74b4-4e67-b8de-d32867380e20",
    "binary",
    (
        MODE,
        Setting(
            Parameter(_SVM_ITERATIONS, "integer", "1", minimum=1),
            range="Range for number of iterations",
            values="1; 10; 100",
        ),
        Setting(
            Parameter(_LAMBDA, "float", "0.001", label="Lambda", above=0),
            range="Range for lambda",
            values="0.00001; 0.0001; 0.001; 0.01; 0.1",
        ),
        Parameter(_NORMALIZE, "boolean", "True", label="Normalize features"),
        Parameter(_SPHERE, "boolean", "False", label="Project to the unit-sphere"),
        SEED,
    ),
    _support_vector_machine,
    category="Classification",
    form="linear",
    scaler=_standard,
    weighted=True,
    folds=_FOLDS,
    maps_to="sklearn.linear_model.SGDClassifier with hinge loss, calibrated by a sigmoid",
)

_PERCEPTRON_RATE, _PERCEPTRON_ITERATIONS = "Initial learning rate", "Maximum number of iterations"


def _averaged_perceptron(settings: Mapping[str, Any]) -> Any:
    from sklearn.linear_model import SGDClassifier

    perceptron = SGDClassifier(
        loss="perceptron",
        penalty=None,
        learning_rate="constant",
        eta0=settings[_PERCEPTRON_RATE],
        average=True,
        max_iter=settings[_PERCEPTRON_ITERATIONS],
        tol=None,
        random_state=seed_of(settings),
    )
    return _calibrate(perceptron)


TWO_CLASS_AVERAGED_PERCEPTRON = learner(
    "Two-Class Averaged Perceptron",
    "5ed44caa-5360-407d-ae6c-7a88c491474a",
    "binary",
    (
        MODE,
        Setting(
            Parameter(_PERCEPTRON_RATE, "float", "1.0", label="Learning rate", above=0),
            range="Range for initial learning rate",
            values="0.1; 0.5; 1.0",
        ),
        Setting(
            Parameter(_PERCEPTRON_ITERATIONS, "integer", "10", minimum=1),
            range="Range for maximum number of iterations",
            values="1; 10",
        ),
        SEED,
    ),
    _averaged_perceptron,
    category="Classification",
    form="linear",
    scaler=minmax,
    folds=_FOLDS,
    maps_to="sklearn.linear_model.SGDClassifier with perceptron loss, averaged and calibrated, on features in 0..1",
)

_TOLERANCE = (
    "Tolerance parameter for optimization convergence the lower the value the slower and more accurate the fitting"
)
_L1, _L2 = "L1 regularization weight", "L2 regularization weight"
_MEMORY = "Memory size for L-BFGS the lower the value the faster and less accurate the training"


def _poisson_regression(settings: Mapping[str, Any]) -> Any:
    from sklearn.linear_model import PoissonRegressor

    return PoissonRegressor(
        # Without any penalty, the one-hot columns of a feature and the intercept have no unique solution.
        alpha=settings[_L2] or 1e-10,
        tol=settings[_TOLERANCE],
        # L-BFGS makes no progress on features of very different sizes, and the module does not scale them.
        solver="newton-cholesky",
        max_iter=5_000,
    )


def _scaler_without_penalty(settings: Mapping[str, Any]) -> Any:
    """Return a scaler if there is no penalty: the result is then the same on scaled features, and easier to find."""
    return None if settings[_L2] else minmax(settings)


POISSON_REGRESSION = learner(
    "Poisson Regression",
    "80e21b9d-3827-40d8-b733-b53148becbc2",
    "regression",
    (
        MODE,
        Setting(
            Parameter(_TOLERANCE, "float", "1e-07", label="Optimization tolerance", above=0),
            range="Range for optimization tolerance",
            values="0.00001; 0.00000001",
        ),
        Setting(
            Parameter(
                _L1,
                "float",
                "1.0",
                minimum=0,
                without_effect="scikit-learn's Poisson regression has no L1 penalty.",
                neutral="0",
            ),
            range="Range for L1 regularization weight",
            values="0.0; 0.01; 0.1; 1.0",
        ),
        Setting(
            Parameter(_L2, "float", "1.0", minimum=0),
            range="Range for L2 regularization weight",
            values="0.01; 0.1; 1.0",
        ),
        Setting(
            Parameter(
                _MEMORY,
                "integer",
                "20",
                label="Memory size for L-BFGS",
                minimum=1,
                without_effect="Newton's method is used, which has no such memory.",
            ),
            range="Range for memory size for L-BFGS the lower the value the faster and less accurate the training",
            values="5; 20; 50",
        ),
        Parameter(SEED.key, "integer", without_effect="the fit uses no random numbers."),
    ),
    _poisson_regression,
    category="Regression",
    form="linear",
    scaler=_scaler_without_penalty,
    counts=True,
    maps_to="sklearn.linear_model.PoissonRegressor",
)

MODULES = (TWO_CLASS_SUPPORT_VECTOR_MACHINE, TWO_CLASS_AVERAGED_PERCEPTRON, POISSON_REGRESSION)
