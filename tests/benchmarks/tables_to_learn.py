"""A table to learn from, with numbers and words and some missing values; its graphs, and the same in scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

from mlmgmt.modules.columns import selection_of
from tests.learning.graphs import definition

LABEL = "label"


def table(rows: int, *, numbers: int = 20, words: int = 10, seed: int = 3) -> pd.DataFrame:
    """Return `numbers` columns of numbers with one in fifty missing, `words` columns of words, and a binary label."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, numbers))
    pull = values[:, 0] - 0.5 * values[:, 1]
    values[random.random(values.shape) < 0.02] = np.nan
    columns: dict[str, Any] = {f"n{place:02}": values[:, place] for place in range(numbers)}
    for place in range(words):
        kinds = np.array([f"w{place}-{kind}" for kind in range(4 + place)], dtype=object)
        drawn = random.integers(0, len(kinds), rows)
        columns[f"w{place:02}"] = pd.array(kinds[drawn], dtype="str")
        pull = pull + 0.1 * (drawn == 0)
    chosen = random.random(rows) < 1 / (1 + np.exp(-pull))
    columns[LABEL] = pd.array(np.where(chosen, "yes", "no"), dtype="str")
    return pd.DataFrame(columns)


def names(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the columns of numbers, and those of words."""
    found = [name for name in frame.columns if name != LABEL]
    return [name for name in found if name[0] == "n"], [name for name in found if name[0] == "w"]


def pipeline(learner: str, frame: pd.DataFrame) -> Any:
    """Return the pipeline of the learner's graph, written directly in scikit-learn."""
    numbers, words = names(frame)
    steps: list[Any] = [SimpleImputer()]
    if learner == "linear":
        steps.append(MinMaxScaler())
    prepare = ColumnTransformer(
        [
            ("numbers", make_pipeline(*steps), numbers),
            ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words),
        ]
    )
    return make_pipeline(prepare, estimator(learner))


def estimator(learner: str) -> Any:
    if learner == "linear":
        return LogisticRegression(C=1.0, tol=1e-7, max_iter=5_000)
    return HistGradientBoostingClassifier(
        max_iter=100, max_leaf_nodes=20, min_samples_leaf=10, learning_rate=0.2, early_stopping=False, random_state=0
    )


MODULES = {
    "linear": ("Two-Class Logistic Regression", {"L1 Regularization weight": 0}),
    "boosted": ("Two-Class Boosted Decision Tree", {}),
}


def training(learner: str, frame: pd.DataFrame) -> dict[str, Any]:
    """Return the training graph: fill missing numbers with their mean, and train."""
    module, parameters = MODULES[learner]
    cleaning = {"Columns to be cleaned": selection_of(*names(frame)[0]), "Cleaning mode": "Replace with mean"}
    return definition(
        {
            "in": "input:input1",
            "clean": ("Clean Missing Data", cleaning),
            "learner": (module, parameters),
            "train": ("Train Model", {"Label column": selection_of(LABEL)}),
            "out": "output:output1",
            "kept": "output:output2",
        },
        [
            "in > clean.Dataset",
            "learner.Untrained model > train.Untrained model",
            "clean.Cleaned dataset > train.Dataset",
            "train.Trained model > out",
            "clean.Cleaning transformation > kept",
        ],
    )


def scoring(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the scoring graph: clean as in training, score, and answer only the scores."""
    numbers, words = names(frame)
    columns = dict.fromkeys(numbers, "Number?") | dict.fromkeys(words, "String?")
    base = "https://made.blob.core.windows.net/m"
    return definition(
        {
            "in": "input:input1",
            "cleaning": f"{base}/cleaning.itransform",
            "clean": "Apply Transformation",
            "model": f"{base}/model.ilearner",
            "score": "Score Model",
            "narrow": (
                "Select Columns in Dataset",
                {"Select Columns": selection_of("Scored Labels", "Scored Probabilities")},
            ),
            "out": "output:output1",
        },
        [
            "cleaning.Results dataset > clean.Transformation",
            "in > clean.Dataset",
            "model.Results dataset > score.Trained model",
            "clean.Transformed dataset > score.Dataset",
            "score.Scored dataset > narrow.Dataset",
            "narrow.Results dataset > out",
        ],
        inputs={"input1": columns},
    )
