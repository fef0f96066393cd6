"""Call modules like a graph does, and make tables for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlmgmt.modules.base import Dataset
from mlmgmt.modules.train_score import SCORE_MODEL, TRAIN_MODEL

if TYPE_CHECKING:
    from mlmgmt.modules.base import Module

ALL = {"ruleType": "AllColumns", "exclude": False}


def call(module: Module, inputs: dict[str, Any] | None = None, **parameters: Any) -> tuple[Any, ...]:
    """Run a module with parameters as keyword arguments: `Random_seed` for `Random seed`."""
    return given(module, inputs, {key.replace("_", " "): value for key, value in parameters.items()})


def given(module: Module, inputs: dict[str, Any] | None, parameters: dict[str, Any]) -> tuple[Any, ...]:
    """Run a module with parameters by their keys."""
    return module(inputs or {}, module.arguments({key: str(value) for key, value in parameters.items()}))


def selection(*rules: dict[str, Any], is_filter: bool = True) -> str:
    return json.dumps({"isFilter": is_filter, "rules": list(rules)})


def names(*wanted: str, exclude: bool = False) -> dict[str, Any]:
    return {"ruleType": "ColumnNames", "columns": list(wanted), "exclude": exclude}


def train(learner: Module, frame: pd.DataFrame | Dataset, label: str, parameters: dict[str, Any] | None = None) -> Any:
    """Train a learner with Train Model."""
    dataset = frame if isinstance(frame, Dataset) else Dataset(frame)
    (untrained,) = given(learner, None, parameters or {})
    inputs = {"Untrained model": untrained, "Dataset": dataset}
    (trained,) = call(TRAIN_MODEL, inputs, Label_column=selection(names(label)))
    return trained


def scored(trained: Any, frame: pd.DataFrame, **parameters: Any) -> pd.DataFrame:
    """Return the columns that Score Model adds."""
    inputs = {"Trained model": trained, "Dataset": Dataset(frame)}
    (result,) = call(SCORE_MODEL, inputs, **parameters)
    return result.frame[trained.score_columns()]


def mixed(count: int = 400, *, missing: bool = False, seed: int = 7) -> pd.DataFrame:
    """Return a table of floats, integers, booleans and strings, with a label of two classes, one of three, and counts.

    Args:
        missing: whether some numbers and strings are missing.
    """
    random = np.random.default_rng(seed)
    age, income = random.integers(18, 90, count), random.normal(30_000, 9_000, count)
    city, member = random.choice(["Oslo", "Rome", "Lima", "Bonn"], count), random.random(count) < 0.4
    pull = (age - 50) / 12 + (income - 30_000) / 12_000 + (city == "Oslo") - 0.7 * member
    kind = np.select([pull + random.normal(0, 0.5, count) < -0.8, pull > 0.7], ["low", "high"], "middle")
    frame = pd.DataFrame(
        {
            "age": pd.array(age, dtype="Int64"),
            "income": income,
            "city": pd.array(city, dtype="str"),
            "member": pd.array(member, dtype="boolean"),
            "bought": pd.array(random.random(count) < 1 / (1 + np.exp(-pull)), dtype="boolean"),
            "kind": pd.array(kind, dtype="str"),
            "visits": pd.array(random.poisson(np.exp(0.4 * pull)), dtype="Int64"),
        }
    )
    if missing:
        frame.loc[random.random(count) < 0.1, "income"] = np.nan
        frame.loc[random.random(count) < 0.1, "age"] = pd.NA
        frame.loc[random.random(count) < 0.1, "city"] = None
    return frame


FEATURES = ["age", "income", "city", "member"]
