"""Initialize Model: neural networks, for two classes, several classes and regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.modules.base import ModuleFailure, Parameter
from mlmgmt.modules.classification import minmax
from mlmgmt.modules.settings import MODE, RANGE, SEED, SINGLE, Setting, learner, seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_LAYERS, _SWEPT_LAYERS = "Hidden layer specification", "Hidden layer specification1"
_CONNECTED, _SCRIPT = "Fully-connected case", "Custom definition script"
_NODES, _SWEPT_NODES = "Number of hidden nodes", "Number of hidden nodes1"
_DIAMETER = "The initial learning weights diameter"
RATE, MOMENTUM, ITERATIONS = "The learning rate", "The momentum", "Number of learning iterations"
_SHUFFLE = "Shuffle examples"
_NORMALIZER = "The type of normalizer"
_BINNING, _GAUSSIAN, _MINMAX, _NONE = (
    "Binning normalizer",
    "Gaussian normalizer",
    "Min-Max normalizer",
    "Do not normalize",
)
_NO_DIAMETER = "scikit-learn derives the first weights from the sizes of the layers."
_NO_NET_SHARP = {_SCRIPT: "no library here reads Net#; give the hidden nodes of each layer instead, such as 100,50."}
_BINS = 10
"""Studio does not document how many bins the binning normalizer makes; this is the default of Group Data into Bins."""

_BATCH = 20
"""The rows between two updates of the weights. The module updates them often; batches of 200, scikit-learn's default,
hardly train a network on a table of a few hundred rows."""


class _Layers(Parameter):
    """The hidden nodes of each layer, separated by commas."""

    __slots__ = ()

    def parse(self, text: str) -> tuple[int, ...]:
        try:
            sizes = tuple(int(part.replace("_", "?")) for part in text.split(","))
        except ValueError:
            hint = "Give a whole number, or one for each layer: 100,50."
            raise ModuleFailure(f"{text!r} is not a number of hidden nodes.", target=self.key, hint=hint) from None
        if min(sizes) < 1:
            message = f"{min(sizes)} is too small for {self.key!r}."
            raise ModuleFailure(message, number="0005", target=self.key, hint="It must be at least 1.")
        return sizes


def _settings(rate: str) -> tuple[Parameter | Setting, ...]:
    """Return the settings of a network.

    Args:
        rate: the default learning rate.
    """
    layers = Parameter(
        _LAYERS,
        "choice",
        _CONNECTED,
        choices=(_CONNECTED, _SCRIPT),
        refused=_NO_NET_SHARP,
        when=(MODE.key, (SINGLE,)),
    )
    swept = Parameter(
        _SWEPT_LAYERS,
        "choice",
        _CONNECTED,
        label=_LAYERS,
        choices=(_CONNECTED, _SCRIPT),
        refused=_NO_NET_SHARP,
        when=(MODE.key, (RANGE,)),
    )
    return (
        MODE,
        layers,
        swept,
        Parameter(_DIAMETER, "float", "0.1", above=0, without_effect=_NO_DIAMETER),
        Setting(
            Parameter(RATE, "float", rate, label="Learning rate", above=0, maximum=2),
            range="Range for learning rate",
            values="0.1; 0.2; 0.4",
        ),
        Parameter(MOMENTUM, "float", "0", minimum=0, maximum=1),
        Parameter("Neural network definition", when=(_LAYERS, (_SCRIPT,))),
        Parameter(_NORMALIZER, "choice", _MINMAX, choices=(_BINNING, _GAUSSIAN, _MINMAX, _NONE)),
        _Layers(_NODES, default="100", when=(_LAYERS, (_CONNECTED,))),
        _Layers(_SWEPT_NODES, default="100", label=_NODES, when=(_SWEPT_LAYERS, (_CONNECTED,))),
        Setting(
            Parameter(ITERATIONS, "integer", "100", minimum=1),
            range="Range for number of learning iterations",
            values="20; 40; 80; 160",
        ),
        Parameter(_SHUFFLE, "boolean", "True"),
        SEED,
    )


def _network_arguments(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "hidden_layer_sizes": settings.get(_NODES) or settings[_SWEPT_NODES],
        "activation": "logistic",
        "solver": "sgd",
        "learning_rate": "constant",
        "learning_rate_init": settings[RATE],
        "momentum": settings[MOMENTUM],
        "batch_size": _BATCH,
        "max_iter": settings[ITERATIONS],
        # The module runs all its iterations; it has no stopping rule.
        "n_iter_no_change": settings[ITERATIONS],
        "shuffle": settings[_SHUFFLE],
        "random_state": seed_of(settings),
    }


def _classifier(settings: Mapping[str, Any]) -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(**_network_arguments(settings))


def _regressor(settings: Mapping[str, Any]) -> Any:
    from sklearn.neural_network import MLPRegressor

    return MLPRegressor(**_network_arguments(settings))


def _scaler(settings: Mapping[str, Any]) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

    if settings[_NORMALIZER] == _BINNING:
        bins = KBinsDiscretizer(
            n_bins=_BINS,
            encode="ordinal",
            strategy="quantile",
            quantile_method="averaged_inverted_cdf",
            # Otherwise a long table is sampled at random.
            subsample=None,
        )
        return make_pipeline(bins, minmax(settings))
    if settings[_NORMALIZER] == _GAUSSIAN:
        return StandardScaler()
    return minmax(settings) if settings[_NORMALIZER] == _MINMAX else None


TWO_CLASS_NEURAL_NETWORK = learner(
    "Two-Class Neural Network",
    "ebc29f52-719d-4d0f-b66a-2ce85f527c7d",
    "binary",
    _settings("0.1"),
    _classifier,
    category="Classification",
    form="network",
    scaler=_scaler,
    weighted=True,
    maps_to="sklearn.neural_network.MLPClassifier, by stochastic gradient descent in batches of 20 rows",
)
MULTICLASS_NEURAL_NETWORK = learner(
    "Multiclass Neural Network",
    "e8b401fb-230a-4b21-bd11-d1fda0d57c1f",
    "multiclass",
    _settings("0.1"),
    _classifier,
    category="Classification",
    form="network",
    scaler=_scaler,
    maps_to="sklearn.neural_network.MLPClassifier, by stochastic gradient descent in batches of 20 rows",
)
NEURAL_NETWORK_REGRESSION = learner(
    "Neural Network Regression",
    "d7ee222c-669f-4200-a576-a761a9c1a928",
    "regression",
    _settings("0.005"),
    _regressor,
    category="Regression",
    form="network",
    scaler=_scaler,
    maps_to="sklearn.neural_network.MLPRegressor, by stochastic gradient descent in batches of 20 rows",
)

MODULES = (TWO_CLASS_NEURAL_NETWORK, MULTICLASS_NEURAL_NETWORK, NEURAL_NETWORK_REGRESSION)
