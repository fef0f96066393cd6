"""Machine Learning: Tune Model Hyperparameters and Cross Validate Model."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from itertools import product
from math import isnan, prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.modules import columns
from mlmgmt.modules.base import Arguments, Dataset, Module, ModuleFailure, Parameter, Port, PortType
from mlmgmt.modules.evaluation import compare, more_is_better
from mlmgmt.modules.learners import Trained, Untrained, fit, underlying

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Places = np.ndarray[Any, np.dtype[np.intp]]
    Settings = dict[str, Any]

_FOLDS = 10
_LABEL = Parameter("Name or numerical index of the label column", "columns", label="Label column")
_MODE, _GRID, _RANDOM, _SAMPLE = "Specify parameter sweeping mode", "Entire grid", "Random sweep", "Random grid"
_RUNS, _SEED = "Maximum number of runs on random sweep", "Random seed"
_GRID_RUNS, _GRID_SEED = "Maximum number of runs on random grid", "Random seed for random grid"
_CLASSIFIED = "Metric for measuring performance for classification"
_REGRESSED = "Metric for measuring performance for regression"
_METRICS = {
    "binary": {
        "Accuracy": "Accuracy",
        "Precision": "Precision",
        "Recall": "Recall",
        "F-score": "F-Score",
        "AUC": "AUC",
        "Average Log Loss": "Average Log Loss",
        "Train Log Loss": "Training Log Loss",
    },
    "multiclass": {
        "Accuracy": "Overall accuracy",
        "Precision": "Macro-averaged precision",
        "Recall": "Macro-averaged recall",
    },
    "regression": {
        "Mean absolute error": "Mean Absolute Error",
        "Root of mean squared error": "Root Mean Squared Error",
        "Relative absolute error": "Relative Absolute Error",
        "Relative squared error": "Relative Squared Error",
        "Coefficient of determination": "Coefficient of Determination",
    },
}
"""By task, the metrics to choose from, and Evaluate Model's names for them."""


@dataclass(frozen=True, slots=True)
class Fold:
    """A model fitted to all other folds, and its scores of the rows of this one."""

    places: Places
    trained: Trained
    scores: pd.DataFrame
    metrics: dict[str, float]


def folds(label: pd.Series[Any], task: str, seed: int | None, *, port: str = "Dataset") -> list[Places]:
    """Return the places of the rows of each fold, shuffled; rows without a label are not in a fold.

    There are ten folds, or fewer if there are few rows: each fold has at least two rows, and there are at most as many
    folds as the most frequent class has rows, but at least two. Classes are spread evenly over the folds, so that a
    class of two or more rows is in every training.

    Args:
        seed: None takes a seed from the clock.
        port: the port of the rows, for messages.

    Raises:
        ModuleFailure: there are too few rows, or no two classes have two rows each.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    known = np.flatnonzero(label.notna())
    if len(known) < 2:
        message = f"Cross-validation needs at least two rows with a label; there are {len(known)}."
        raise ModuleFailure(message, number="0021", target=port)
    count = max(2, min(_FOLDS, len(known) // 2))
    if task == "regression":
        splits = KFold(count, shuffle=True, random_state=seed).split(known)
        return [known[held] for _, held in splits]
    codes, classes = pd.factorize(underlying(label.iloc[known]))
    sizes = np.bincount(codes)
    if len(classes) > 1 and (sizes > 1).sum() < 2:
        message = f"Cross-validation needs two classes of at least two rows each in {label.name!r}."
        raise ModuleFailure(message, number="0021", target=str(label.name))
    count = min(count, max(2, int(sizes.max())))
    with warnings.catch_warnings():
        # scikit-learn warns about a class with fewer rows than there are folds.
        warnings.simplefilter("ignore", UserWarning)
        splits = StratifiedKFold(count, shuffle=True, random_state=seed).split(known, codes)
        return [known[held] for _, held in splits]


def cross_validate(untrained: Untrained, dataset: Dataset, label: str, held: Sequence[Places]) -> list[Fold]:
    """Fit a model for each fold to the rows of the other folds, and score the fold with it.

    Raises:
        ModuleFailure: a model cannot be fitted; the message names its fold.
    """
    every, found = np.sort(np.concatenate(held)), []
    for number, places in enumerate(held):
        rest = np.setdiff1d(every, places, assume_unique=True)
        rows = dataset.frame.iloc[places]
        try:
            trained = fit(untrained, dataset.with_frame(dataset.frame.iloc[rest]), label)
            scores = trained.score(dataset.with_frame(rows))
            metrics = compare(rows[label], scores, trained.scored)
        except ModuleFailure as error:
            message = f"In cross-validation, with the rows of fold {number} held out: {error.message}"
            raise ModuleFailure(message, number=error.number, target=error.target, hint=error.hint) from None
        found.append(Fold(places, trained, scores, metrics))
    return found


def _tune(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset, Trained]:
    untrained: Untrained = inputs["Untrained model"]
    dataset: Dataset = inputs["Training dataset"]
    metric = _metric(untrained, arguments)
    label = columns.select_one(dataset, arguments[_LABEL.key], parameter=_LABEL.key)
    seed = _seed(arguments)
    runs = _runs(untrained.ranges, arguments, np.random.default_rng(seed))
    measured = _measure(untrained, dataset, inputs.get("Validation dataset"), label, runs, seed)
    order = _rank([metrics[metric] for metrics in measured], metric)
    rows = [{**runs[place], **measured[place]} for place in order]
    best = fit(untrained.with_settings(runs[order[0]]), dataset, label)
    return Dataset(pd.DataFrame(rows)), best


def _metric(untrained: Untrained, arguments: Arguments) -> str:
    """Return Evaluate Model's name for the metric that ranks the runs.

    Raises:
        ModuleFailure: the task does not have this metric.
    """
    if untrained.task == "clustering":
        message = f"{untrained.learner} is a clustering, which has no label to tune by."
        raise ModuleFailure(message, target="Untrained model", hint="Use Train Clustering Model.")
    key = _REGRESSED if untrained.task == "regression" else _CLASSIFIED
    known = _METRICS[untrained.task]
    if arguments[key] not in known:
        message = f"{arguments[key]} is not measured for {untrained.learner}, which has several classes."
        raise ModuleFailure(message, target=key, hint=f"Use one of: {', '.join(known)}.")
    return known[arguments[key]]


def _seed(arguments: Arguments) -> int | None:
    """Return the seed of the draws and the folds, None for the clock.

    A parameter of 0 means the clock. The entire grid has no seed parameter, and always uses the same folds.
    """
    if arguments[_MODE] == _GRID:
        return 0
    return arguments[_SEED if arguments[_MODE] == _RANDOM else _GRID_SEED] or None


def _runs(ranges: Mapping[str, tuple[Any, ...]], arguments: Arguments, random: np.random.Generator) -> list[Settings]:
    """Return the settings of each run.

    For each run, a random sweep draws one of the listed values of each setting (never a value between them), and may
    repeat a combination. A random grid draws different combinations and tries them in grid order. A learner without
    ranges, or with one value in each, runs once.
    """
    lists = [tuple(dict.fromkeys(values)) for values in ranges.values()]
    size, mode = prod(map(len, lists)), arguments[_MODE]
    if mode == _RANDOM and size > 1:
        drawn = [[values[random.integers(len(values))] for values in lists] for _ in range(arguments[_RUNS])]
    elif mode == _SAMPLE and arguments[_GRID_RUNS] < size:
        numbers = np.sort(random.choice(size, arguments[_GRID_RUNS], replace=False))
        shape = tuple(map(len, lists))
        drawn = [[values[i] for values, i in zip(lists, np.unravel_index(n, shape), strict=True)] for n in numbers]
    else:
        drawn = [list(values) for values in product(*lists)]
    return [dict(zip(ranges, values, strict=True)) for values in drawn]


def _measure(
    untrained: Untrained,
    dataset: Dataset,
    validation: Dataset | None,
    label: str,
    runs: list[Settings],
    seed: int | None,
) -> list[dict[str, float]]:
    """Return the metrics of each run: on the validation dataset, or else the means over the folds that all runs share.

    A metric that a fold does not have, such as an AUC if all its rows are of one class, is left out of the mean.
    """
    if validation is not None and label not in validation.frame.columns:
        message = f"The validation dataset has no label column {label!r}."
        raise ModuleFailure(message, number="0024", target="Validation dataset")
    held = [] if validation is not None else folds(dataset.frame[label], untrained.task, seed, port="Training dataset")
    done: dict[tuple[Any, ...], dict[str, float]] = {}
    for settings in runs:
        key, learner = tuple(settings.values()), untrained.with_settings(settings)
        if key in done:
            continue
        if validation is not None:
            trained = fit(learner, dataset, label)
            done[key] = compare(validation.frame[label], trained.score(validation), trained.scored)
        else:
            found = pd.DataFrame([fold.metrics for fold in cross_validate(learner, dataset, label, held)])
            done[key] = {str(name): float(value) for name, value in found.mean().items()}
    return [done[tuple(settings.values())] for settings in runs]


def _rank(values: list[float], metric: str) -> list[int]:
    """Return the places of the runs, best first; of equal runs the earlier one first, those without a value last."""
    if len(values) > 1 and all(map(isnan, values)):
        message = f"No run has a value of {metric!r}, so there is no best run."
        hint = "Choose another metric, or hold out rows of both classes (for a regression, with different labels)."
        raise ModuleFailure(message, number="0018", target=metric, hint=hint)
    sign = -1 if more_is_better(metric) else 1
    return sorted(range(len(values)), key=lambda place: (isnan(values[place]), sign * values[place]))


_COUNT = Parameter(_RUNS, "integer", "5", minimum=1, maximum=10_000, when=(_MODE, (_RANDOM,)))
_NUMBER = Parameter(_SEED, "integer", "0", minimum=0, maximum=2**32 - 1, when=(_MODE, (_RANDOM,)))
_ON_GRID = (_MODE, (_SAMPLE,))

TUNE_MODEL_HYPERPARAMETERS = Module(
    name="Tune Model Hyperparameters",
    guid="038d91b6c2f242a192151f2c20ed1b40",
    inputs=(
        Port("Untrained model", PortType.UNTRAINED),
        Port("Training dataset"),
        Port("Validation dataset", optional=True),
    ),
    outputs=(Port("Sweep results"), Port("Trained best model", PortType.TRAINED)),
    parameters=(
        Parameter(_MODE, "choice", _RANDOM, choices=(_GRID, _RANDOM, _SAMPLE)),
        _COUNT,
        _NUMBER,
        replace(_COUNT, key=_GRID_RUNS, when=_ON_GRID),
        replace(_NUMBER, key=_GRID_SEED, label=_SEED, when=_ON_GRID),
        _LABEL,
        Parameter(_CLASSIFIED, "choice", "Accuracy", choices=tuple(_METRICS["binary"])),
        Parameter(_REGRESSED, "choice", "Mean absolute error", choices=tuple(_METRICS["regression"])),
    ),
    run=_tune,
    category="Machine Learning / Train",
    maps_to="sklearn.model_selection: StratifiedKFold or KFold; the best settings are fitted to all training rows",
    former_names=("Sweep Parameters",),
)


def _cross_validate(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset, Dataset]:
    untrained: Untrained = inputs["Untrained model"]
    dataset: Dataset = inputs["Dataset"]
    if untrained.task == "clustering":
        message = f"{untrained.learner} is a clustering, which has no label to compare with."
        raise ModuleFailure(message, target="Untrained model")
    label = columns.select_one(dataset, arguments[_LABEL.key], parameter=_LABEL.key)
    held = folds(dataset.frame[label], untrained.task, arguments[_SEED] or None)
    found = cross_validate(untrained, dataset, label, held)
    return _with_scores(dataset, label, found), Dataset(_by_fold(untrained.learner, found))


def _with_scores(dataset: Dataset, label: str, found: list[Fold]) -> Dataset:
    """Return the input with each row's fold, and its scores by the model of the other folds.

    A row without a label has neither.
    """
    classes = {value for fold in found for value in fold.trained.classes}
    whole = replace(found[0].trained, classes=tuple(sorted(classes)))
    names = whole.score_columns()
    parts = [
        # A model that was trained without a class gives it a probability of 0.
        fold.scores.reindex(columns=names, fill_value=0.0)
        .assign(**{_ASSIGNED: pd.array([number] * len(fold.places), dtype="Int64")})
        .set_axis(fold.places, axis=0)
        for number, fold in enumerate(found)
    ]
    scores = pd.concat(parts).reindex(range(len(dataset.frame))).set_axis(dataset.frame.index, axis=0)
    kept = dataset.frame[[name for name in dataset.frame.columns if name not in scores.columns]]
    frame = pd.concat([kept, scores[[_ASSIGNED, *names]]], axis=1)
    roles = dict(dataset.with_frame(kept).roles) | dict.fromkeys(names, "Score") | {label: "Label", _ASSIGNED: "None"}
    return replace(dataset, frame=frame, roles=roles, scored=whole.scored)


_ASSIGNED = "Fold Assignments"


def _by_fold(learner: str, found: list[Fold]) -> pd.DataFrame:
    """Return a row for each fold, then the mean and the (sample) standard deviation of each column."""
    table = pd.DataFrame([{"Number of examples in fold": len(f.places), **f.metrics} for f in found]).astype("float64")
    with np.errstate(invalid="ignore"):
        table.loc["Mean"], table.loc["Standard Deviation"] = table.mean(), table.std()
    table.insert(1, "Model", [learner] * len(table))
    table.insert(0, "Fold number", [str(name) for name in table.index])
    return table.reset_index(drop=True)


CROSS_VALIDATE_MODEL = Module(
    name="Cross Validate Model",
    guid="75fb875d6b864d468bcc74261ade5826",
    inputs=(Port("Untrained model", PortType.UNTRAINED), Port("Dataset")),
    outputs=(Port("Scored results"), Port("Evaluation results by fold")),
    parameters=(_LABEL, Parameter(_SEED, "integer", "0", minimum=0, maximum=2**32 - 1)),
    run=_cross_validate,
    category="Machine Learning / Evaluate",
    maps_to="sklearn.model_selection: StratifiedKFold or KFold, with a model for each fold",
)

MODULES = (TUNE_MODEL_HYPERPARAMETERS, CROSS_VALIDATE_MODEL)
