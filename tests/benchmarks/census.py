"""A census table with the fourteen columns of the Adult data set, and its web services in a home.

The columns of `fixtures/census` come from its generator; the six that it lacks are drawn here. Everything is seeded.
"""

from __future__ import annotations

import csv
import io
import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmgmt import resources
from mlmgmt.modules.columns import selection_of
from mlmgmt.verbs.account import groups
from mlmgmt.verbs.plans import plans
from mlmgmt.verbs.retraining import retraining
from mlmgmt.verbs.services import webservices
from mlmgmt.verbs.userfiles import Source
from tests.learning.graphs import definition

from . import making

if TYPE_CHECKING:
    from mlmgmt.verbs.session import Session

LABEL = "income"
NUMBERS = ("age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week")
WORDS = (
    "workclass",
    "education",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "native-country",
)
COLUMNS = (*NUMBERS, *WORDS)
GROUP = "census"
LEARNERS: dict[str, tuple[str, dict[str, Any]]] = {
    "linear": ("Two-Class Logistic Regression", {"L1 Regularization weight": 0}),
    "trees": ("Two-Class Boosted Decision Tree", {}),
    "binned network": (
        "Two-Class Neural Network",
        {"The type of normalizer": "Binning normalizer", "Number of learning iterations": 20},
    ),
}
"""Modules and parameters. The last one puts numbers into bins, so it has no compiled form."""
_DRAWN = {
    "occupation": ("Craft-repair", "Exec-managerial", "Prof-specialty", "Sales", "Other-service", "Adm-clerical"),
    "relationship": ("Husband", "Wife", "Own-child", "Not-in-family", "Unmarried"),
    "race": ("White", "Black", "Asian-Pac-Islander", "Amer-Indian-Eskimo", "Other"),
    "native-country": ("United-States", "Mexico", "Philippines", "Germany", "Canada", "India", "England"),
}
HOURS = 40
"""The value for missing hours."""


def rows(count: int, seed: int = 1994) -> list[list[Any]]:
    """Return rows of `COLUMNS` and the label. A missing number is None, a missing word `?`."""
    place = Path(resources.fixture("census/generate.py"))
    specification = spec_from_file_location("census_generator", place)
    assert specification is not None
    assert specification.loader is not None
    generator = module_from_spec(specification)
    specification.loader.exec_module(generator)
    random = np.random.default_rng(seed)
    drawn = [dict(zip((*generator.HEADER, LABEL), row, strict=True)) for row in generator.adults(random, count)]
    columns = {name: random.choice(kinds, count).tolist() for name, kinds in _DRAWN.items()}
    columns["fnlwgt"] = random.integers(12_000, 1_400_000, count).tolist()
    columns["capital-loss"] = np.where(random.random(count) < 0.05, random.integers(200, 4_000, count), 0).tolist()
    for index, row in enumerate(drawn):
        row |= {name: values[index] for name, values in columns.items()}
    return [
        [
            *(None if row[name] == "" else int(row[name]) for name in NUMBERS),
            *(row[name] or "?" for name in WORDS),
            row[LABEL],
        ]
        for row in drawn
    ]


def table(count: int) -> bytes:
    """Return the same rows as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[*COLUMNS, LABEL], *rows(count)])
    return text.getvalue().encode()


def request(cells: list[list[Any]]) -> bytes:
    """Return a request-response body with some rows, without their label."""
    table_ = {"ColumnNames": list(COLUMNS), "Values": [row[: len(COLUMNS)] for row in cells]}
    return json.dumps({"Inputs": {"input1": table_}, "GlobalParameters": {}}).encode()


def training(learner: str) -> dict[str, Any]:
    """Return a training definition that cleans the hours and trains."""
    return definition(
        {
            "in": "input:input1",
            "clean": ("Clean Missing Data", _CLEANING),
            "learner": LEARNERS[learner],
            "train": ("Train Model", {"Label column": selection_of(LABEL)}),
            "out": "output:output1",
        },
        [
            "in > clean.Dataset",
            "learner.Untrained model > train.Untrained model",
            "clean.Cleaned dataset > train.Dataset",
            "train.Trained model > out",
        ],
        inputs={"input1": _declared() | {LABEL: "String"}},
    )


def predictive(plan: str) -> dict[str, Any]:
    """Return a predictive definition that answers only the label and its probability. Its model is trained later."""
    return definition(
        {
            "in": "input:input1",
            "clean": ("Clean Missing Data", _CLEANING),
            "model": "https://elsewhere.blob.core.windows.net/models/none.ilearner",
            "score": "Score Model",
            "narrow": (
                "Select Columns in Dataset",
                {"Select Columns": selection_of("Scored Labels", "Scored Probabilities")},
            ),
            "out": "output:output1",
        },
        [
            "model.Results dataset > score.Trained model",
            "in > clean.Dataset",
            "clean.Cleaned dataset > score.Dataset",
            "score.Scored dataset > narrow.Dataset",
            "narrow.Results dataset > out",
        ],
        inputs={"input1": _declared()},
        outputs={"output1": {"Scored Labels": "String", "Scored Probabilities": "Number"}},
        commitmentPlan={"id": plan},
    )


_CLEANING = {
    "Columns to be cleaned": selection_of("hours-per-week"),
    "Cleaning mode": "Custom substitution value",
    "Replacement value": HOURS,
}


def _declared() -> dict[str, str]:
    return dict.fromkeys(NUMBERS, "Integer?") | dict.fromkeys(WORDS, "String?")


def deploy(on: Session, data: bytes) -> None:
    """Deploy a web service for each learner, charged to a commitment plan, with a model trained on the data."""
    groups.plan_create(on, name=GROUP, location=making.REGION).apply()
    plan = plans.plan_create(
        on, group=GROUP, name="standard", location=making.REGION, sku_name="S3", sku_tier="Standard", sku_capacity=10
    ).apply()
    for learner in LEARNERS:
        document = json.dumps(predictive(plan["id"])).encode()
        name = service(learner)
        webservices.plan_create(
            on, group=GROUP, location=making.REGION, name=name, definition=Source("predictive.json", document)
        ).apply()
        trainer = Source("training.json", json.dumps(training(learner)).encode())
        outcome = retraining.retrain(
            on,
            group=GROUP,
            name=name,
            data=Source("adults.csv", data),
            training_definition=trainer,
            holdout=0.0,
            update=True,
        )
        assert outcome.keep is not None
        outcome.keep()
        outcome.apply()


def service(learner: str) -> str:
    """Return the name of a learner's web service."""
    return learner.replace(" ", "-")
