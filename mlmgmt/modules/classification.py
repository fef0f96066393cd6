"""Initialize Model / Classification: Two-Class Logistic Regression, Two-Class Boosted Decision Tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.modules.base import Arguments, Module, Parameter, Port, PortType
from mlmgmt.modules.learners import Untrained

if TYPE_CHECKING:
    from collections.abc import Mapping

SINGLE, RANGE = "SingleParameter", "ParameterRange"
MODE = Parameter("Create trainer mode", "choice", SINGLE, choices=(SINGLE, RANGE))
SEED = Parameter("Random number seed", "integer", minimum=0, maximum=2**32 - 1)
UNKNOWN_LEVELS = Parameter(
    "Allow unknown levels in categorical features", "boolean", "True", label="Allow unknown categorical levels"
)
_ONE, _MANY = (MODE.key, (SINGLE,)), (MODE.key, (RANGE,))


def setting(arguments: Arguments, single: str, swept: str) -> Any:
    """A learner setting: its single value, or the first of its range, as a plain trainer uses a swept learner."""
    return arguments[single] if single in arguments else arguments[swept]


_TOLERANCE, _L1, _L2, _MEMORY = (
    "Optimization Tolerance",
    "L1 Regularization weight",
    "L2 Regularizaton weight",  # so spelled in the module itself
    "Memory Size",
)
_TOLERANCES, _L1S, _L2S, _MEMORIES = (
    "Range for optimization tolerance",
    "Range for L1 regularization weight",
    "Range for L2 regularization weight",
    "Range for memory size for L-BFGS the lower the value the faster and less accurate the training",
)
_NO_MEMORY = "scikit-learn chooses the memory of L-BFGS itself."


def _logistic_regression(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Untrained]:
    tolerance = setting(arguments, _TOLERANCE, _TOLERANCES)
    l1, l2 = setting(arguments, _L1, _L1S), setting(arguments, _L2, _L2S)

    def build() -> Any:
        from sklearn.linear_model import LogisticRegression

        weight = l1 + l2
        return LogisticRegression(
            C=1 / weight if weight else float("inf"),
            l1_ratio=l1 / weight if weight else 0,
            solver="saga" if l1 else "lbfgs",
            tol=max(tolerance, 1e-6) if l1 else tolerance,
            max_iter=5_000,
            random_state=arguments[SEED.key] if arguments[SEED.key] is not None else 0,
        )

    return (
        Untrained(
            learner="Two-Class Logistic Regression",
            task="binary",
            parameters=arguments,
            build=build,
            scaled=True,
            unknown_levels=arguments[UNKNOWN_LEVELS.key],
        ),
    )


TWO_CLASS_LOGISTIC_REGRESSION = Module(
    name="Two-Class Logistic Regression",
    guid="b0fd7660eeed43c5948720d9cc79ed5d",
    inputs=(),
    outputs=(Port("Untrained model", PortType.UNTRAINED),),
    parameters=(
        MODE,
        Parameter(_TOLERANCE, "float", "1e-07", label="Optimization tolerance", above=0, when=_ONE),
        Parameter(_L1, "float", "1.0", label="L1 regularization weight", minimum=0, when=_ONE),
        Parameter(
            _L2,
            "float",
            "1.0",
            label="L2 regularization weight",
            minimum=0,
            when=_ONE,
            aliases=("L2 Regularization weight",),
        ),
        Parameter(
            _MEMORY, "integer", "20", label="Memory size for L-BFGS", minimum=1, when=_ONE, without_effect=_NO_MEMORY
        ),
        Parameter(_TOLERANCES, "float", "0.00001; 0.00000001", above=0, when=_MANY),
        Parameter(_L1S, "float", "0.0; 0.01; 0.1; 1.0", minimum=0, when=_MANY),
        Parameter(_L2S, "float", "0.01; 0.1; 1.0", minimum=0, when=_MANY),
        Parameter(_MEMORIES, "integer", "5; 20; 50", minimum=1, when=_MANY, without_effect=_NO_MEMORY),
        SEED,
        UNKNOWN_LEVELS,
    ),
    run=_logistic_regression,
    maps_to="sklearn.linear_model.LogisticRegression on features scaled to 0..1",
)

_LEAVES, _SAMPLES, _RATE, _TREES = (
    "Maximum number of leaves per tree",
    "Minimum number of training instances required to form a leaf",
    "The learning rate",
    "Total number of trees constructed",
)
_LEAVES_RANGE, _SAMPLES_RANGE, _RATE_RANGE, _TREES_RANGE = (
    "Range for maximum number of leaves per tree",
    "Range for minimum number of training instances required to form a leaf",
    "Range for learning rate",
    "Range for total number of trees constructed",
)


def _boosted_decision_tree(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Untrained]:
    def build() -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            max_leaf_nodes=setting(arguments, _LEAVES, _LEAVES_RANGE),
            min_samples_leaf=setting(arguments, _SAMPLES, _SAMPLES_RANGE),
            learning_rate=setting(arguments, _RATE, _RATE_RANGE),
            max_iter=setting(arguments, _TREES, _TREES_RANGE),
            early_stopping=False,
            random_state=arguments[SEED.key] if arguments[SEED.key] is not None else 0,
        )

    return (
        Untrained(
            learner="Two-Class Boosted Decision Tree",
            task="binary",
            parameters=arguments,
            build=build,
            complete=False,
            unknown_levels=arguments[UNKNOWN_LEVELS.key],
        ),
    )


TWO_CLASS_BOOSTED_DECISION_TREE = Module(
    name="Two-Class Boosted Decision Tree",
    guid="e3c522f853d948298ea45c6a6b75330c",
    inputs=(),
    outputs=(Port("Untrained model", PortType.UNTRAINED),),
    parameters=(
        MODE,
        Parameter(_LEAVES, "integer", "20", minimum=2, when=_ONE),
        Parameter(_SAMPLES, "integer", "10", label="Minimum number of samples per leaf node", minimum=1, when=_ONE),
        Parameter(_RATE, "float", "0.2", label="Learning rate", above=0, maximum=1, when=_ONE),
        Parameter(_TREES, "integer", "100", label="Number of trees constructed", minimum=1, when=_ONE),
        Parameter(_LEAVES_RANGE, "integer", "2; 8; 32; 128", minimum=2, when=_MANY),
        Parameter(_SAMPLES_RANGE, "integer", "1; 10; 50", minimum=1, when=_MANY),
        Parameter(_RATE_RANGE, "float", "0.025; 0.05; 0.1; 0.2; 0.4", above=0, maximum=1, when=_MANY),
        Parameter(_TREES_RANGE, "integer", "20; 100; 500", minimum=1, when=_MANY),
        SEED,
        UNKNOWN_LEVELS,
    ),
    run=_boosted_decision_tree,
    maps_to="sklearn.ensemble.HistGradientBoostingClassifier",
)

MODULES = (TWO_CLASS_LOGISTIC_REGRESSION, TWO_CLASS_BOOSTED_DECISION_TREE)
