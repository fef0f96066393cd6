"""Machine Learning: Train Model, Score Model, Evaluate Model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlmgmt.modules import columns
from mlmgmt.modules.base import Arguments, Dataset, Module, ModuleFailure, Parameter, Port, PortType
from mlmgmt.modules.evaluation import evaluate
from mlmgmt.modules.learners import Trained, Untrained, fit

if TYPE_CHECKING:
    from collections.abc import Mapping


def _train_model(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Trained]:
    untrained: Untrained = inputs["Untrained model"]
    dataset: Dataset = inputs["Dataset"]
    if untrained.task == "clustering":
        message = f"{untrained.learner} is a clustering, which has no label."
        raise ModuleFailure(message, number="0013", target="Untrained model", hint="Use Train Clustering Model.")
    label = columns.select_one(dataset, arguments["Label column"], parameter="Label column")
    return (fit(untrained, dataset, label),)


TRAIN_MODEL = Module(
    name="Train Model",
    guid="5cc7053eaa30450d96c0dae4be720977",
    inputs=(Port("Untrained model", PortType.UNTRAINED), Port("Dataset")),
    outputs=(Port("Trained model", PortType.TRAINED),),
    parameters=(Parameter("Label column", "columns"),),
    run=_train_model,
    category="Machine Learning / Train",
    maps_to="a scikit-learn Pipeline: one-hot encoding, scaling if the learner needs it, the learner",
)


def _score_model(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    trained: Trained = inputs["Trained model"]
    dataset: Dataset = inputs["Dataset"]
    scores = trained.score(dataset)
    if arguments["Append score columns to output"]:
        kept = dataset.frame
    else:
        kept = dataset.frame[[name for name in (trained.label,) if name in dataset.frame.columns]]
    kept = kept[[name for name in kept.columns if name not in scores.columns]]
    roles = dict(dataset.roles) | dict.fromkeys(map(str, scores.columns), "Score")
    if trained.label in kept.columns:
        roles[trained.label] = "Label"
    frame = pd.concat([kept, scores], axis=1)
    return (replace(dataset.with_frame(frame), roles=roles, scored=trained.scored),)


SCORE_MODEL = Module(
    name="Score Model",
    guid="401b4f92e7244d5abe81d5b0ff9bdb33",
    inputs=(Port("Trained model", PortType.TRAINED), Port("Dataset")),
    outputs=(Port("Scored dataset"),),
    parameters=(Parameter("Append score columns to output", "boolean", "True"),),
    run=_score_model,
    category="Machine Learning / Score",
    maps_to="predict and predict_proba of the trained pipeline",
)


def _evaluate_model(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    ports = ("Scored dataset", "Scored dataset to compare")
    rows = [row for port in ports if inputs.get(port) is not None for row in evaluate(inputs[port])]
    return (Dataset(pd.DataFrame(rows)),)


EVALUATE_MODEL = Module(
    name="Evaluate Model",
    guid="927d65ac3b504694990320f6c1672089",
    inputs=(Port("Scored dataset"), Port("Scored dataset to compare", optional=True)),
    outputs=(Port("Evaluation results"),),
    parameters=(),
    run=_evaluate_model,
    category="Machine Learning / Evaluate",
    maps_to="sklearn.metrics",
)

MODULES = (TRAIN_MODEL, SCORE_MODEL, EVALUATE_MODEL)
