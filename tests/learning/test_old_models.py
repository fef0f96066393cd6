"""Models that were written before keep answering what they answered: the files in fixtures/models stay as they are."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from mlmgmt.learning import ilearner
from mlmgmt.modules.base import Dataset
from mlmgmt.modules.learners import Trained
from mlmgmt.verbs.runs import models
from mlmgmt.verbs.session import Session
from tests.conftest import FIXTURES, Command

FOLDER = FIXTURES / "models"
KEPT = json.loads((FOLDER / "answers.json").read_text())
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")


def opened(name: str) -> Any:
    return ilearner.unpack((FOLDER / name).read_bytes(), key=None, home="0" * 32, trusts=lambda _: True)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.ilearner")))
def test_an_old_model_answers_as_it_did(name: str) -> None:
    trained, _, manifest = opened(f"{name}.ilearner")
    assert isinstance(trained, Trained)
    assert manifest["learner"] == trained.learner
    rows = pd.DataFrame(KEPT["rows"]).astype({"age": "Int64", "city": "str", "member": "boolean"})
    kept = KEPT["answers"][name]
    scores = trained.score(Dataset(rows))
    assert list(scores.columns) == kept["columns"]
    for place, column in enumerate(kept["columns"]):
        expected = [row[place] for row in kept["data"]]
        if isinstance(expected[0], float):
            assert list(scores[column]) == pytest.approx(expected, rel=1e-9)
        else:
            assert list(scores[column]) == expected


def test_an_old_transformation_fills_as_it_did() -> None:
    learnt, _, _ = opened("cleaning.itransform")
    holes = pd.DataFrame({"age": pd.array([None, 30], dtype="Int64"), "income": [float("nan"), 1.0]})
    filled = learnt.apply(Dataset(holes)).frame
    assert filled["age"][0] == KEPT["answers"]["cleaning"]["age"]
    assert filled["income"][0] == pytest.approx(KEPT["answers"]["cleaning"]["income"])
    assert list(filled.loc[1]) == [30, 1.0]


def test_a_state_that_lacks_newer_parts_or_has_others_is_read() -> None:
    trained, _, _ = opened("two-class-logistic.ilearner")
    state = trained.state() | {"colour": "of a version to come"}
    del state["spread"], state["notes"]
    assert Trained.of(state).features == trained.features
    assert Trained.of(state).spread is False


def test_a_model_of_another_scikit_learn_is_opened_with_a_warning(mlmgmt: Command, home: Any) -> None:
    told: list[str] = []
    session = Session(tell=told.append)
    trained, _, manifest = opened("two-class-logistic.ilearner")
    key = session.store.secrets.signing_key()
    assert key is not None
    facts = manifest | {"versions": manifest["versions"] | {"scikit-learn": "1.2.0"}}
    other = ilearner.pack(trained, facts, key=key, home=session.store.home.id)
    assert models.open_model(session, other)[0].features == trained.features
    assert told
    assert "made with scikit-learn 1.2.0" in told[0]
