"""Models of earlier releases keep answering what they answered: the folders in fixtures/models are never made again."""

from __future__ import annotations

import json
import pickle
import pickletools
import runpy
import zlib
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from mlmgmt.errors import BadRequest
from mlmgmt.learning import ilearner
from mlmgmt.modules import catalogue, cleaning, scaling, transformations
from mlmgmt.modules.base import PortType
from mlmgmt.modules.learners import Trained
from mlmgmt.verbs.runs import models
from mlmgmt.verbs.session import Session
from tests.conftest import FIXTURES, Command

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = FIXTURES / "models"
FILES = sorted(FOLDER.glob("*/*.i*"))
LOGISTIC = FOLDER / "0.1.0" / "two-class-logistic-regression.ilearner"
MAKING: dict[str, Any] = runpy.run_path(str(FOLDER / "generate.py"))
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")


def label(path: Path) -> str:
    return str(path.relative_to(FOLDER))


def opened(data: bytes) -> Any:
    return ilearner.unpack(data, key=None, home="0" * 32, trusts=lambda _: True)


def recorded(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The rows that a release answered for, and what this file answered."""
    kept = json.loads((path.parent / "answers.json").read_text())
    return pd.DataFrame(kept["rows"], columns=list(kept["types"])).astype(kept["types"]), kept["answers"][path.name]


def assert_same(found: dict[str, Any], kept: dict[str, Any]) -> None:
    """Numbers may differ in the last digits, as they do between processors."""
    assert {**found, "data": None} == {**kept, "data": None}
    for row, expected in zip(found["data"], kept["data"], strict=True):
        for cell, value in zip(row, expected, strict=True):
            assert cell == (pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value)


@pytest.mark.parametrize("path", FILES, ids=label)
def test_an_old_model_answers_as_it_did(path: Path) -> None:
    learnt, _, manifest = opened(path.read_bytes())
    assert isinstance(learnt, Trained) == (path.suffix == ".ilearner")
    assert manifest["versions"]["mlmgmt"] == path.parent.name
    rows, kept = recorded(path)
    assert_same(MAKING["answered"](learnt, rows), kept)


@pytest.mark.parametrize("path", FILES, ids=label)
def test_an_old_model_written_again_names_no_class_of_ours_and_answers_the_same(path: Path) -> None:
    learnt, _, _ = opened(path.read_bytes())
    data = ilearner.pack(learnt, {}, key=bytes(32), home="0" * 32)
    assert not own_paths(data)
    again, _, _ = opened(data)
    assert type(again) is type(learnt)
    rows, kept = recorded(path)
    assert_same(MAKING["answered"](again, rows), kept)


def own_paths(data: bytes) -> set[str]:
    """The strings in a file's pickle that could name a module of this package: a pickle has all its names as strings,
    or as the arguments of the older instructions for globals."""
    pickled = zlib.decompress(ilearner.take_apart(data).payload)
    found = {str(argument) for _, argument, _ in pickletools.genops(pickled) if isinstance(argument, str)}
    return {text for text in found if text.split(".")[0].split(" ")[0] == "mlmgmt"}


def test_old_transformations_do_name_classes_so_the_search_finds_them() -> None:
    """The search above proves something only if it finds the paths where they are."""
    old = {path.name: own_paths(path.read_bytes()) for path in FILES if path.parent.name == "0.1.0"}
    assert {name for name, paths in old.items() if paths} == {name for name in old if name.endswith(".itransform")}
    assert set.union(*old.values()) == {module for module, _ in transformations.classes_of_0_1_0()}


@pytest.mark.parametrize("kind", ["learners", "transformations"])
def test_what_is_learnt_today_names_no_class_of_ours(kind: str) -> None:
    names = set()
    for name, learnt in MAKING[kind]():
        names.add(name)
        assert not own_paths(ilearner.pack(learnt, {}, key=bytes(32), home="0" * 32)), name
    suffix = {"learners": ".ilearner", "transformations": ".itransform"}[kind]
    assert names >= {path.stem for path in FILES if path.suffix == suffix}


def test_every_learner_and_every_transformation_of_the_catalogue_is_among_them() -> None:
    kept = {path.stem for path in (FOLDER / "0.1.0").iterdir()}
    assert {MAKING["file_name"](module.name) for module in catalogue.modules() if module.task} <= kept
    ports = {
        module.name
        for module in catalogue.modules()
        for port in module.outputs
        if port.type in (PortType.TRANSFORM, PortType.TRAINED, PortType.TRAINED_CLUSTERS)
    }
    makers = {"Train Model", "Tune Model Hyperparameters", "Train Clustering Model"}
    assert ports == makers | set(transformations._classes())
    modes = next(one for one in cleaning.CLEAN_MISSING_DATA.parameters if one.key == "Cleaning mode").choices
    assert {mode for mode, _ in MAKING["CLEANINGS"].values()} == set(modes)
    methods = next(one for one in scaling.NORMALIZE_DATA.parameters if one.key == "Transformation method").choices
    assert set(MAKING["NORMALIZATIONS"]) == set(methods)


def test_a_class_that_moved_is_found_where_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    path = FOLDER / "0.1.0" / "cleaning-probabilistic-pca.itransform"
    now = transformations.classes_of_0_1_0()
    for name in ("CleaningTransformation", "LowRank"):
        monkeypatch.delattr(cleaning, name)
    monkeypatch.setattr(transformations, "classes_of_0_1_0", dict)
    with pytest.raises(BadRequest, match="cannot be opened"):
        opened(path.read_bytes())
    monkeypatch.setattr(transformations, "classes_of_0_1_0", lambda: now)
    rows, kept = recorded(path)
    assert_same(MAKING["answered"](opened(path.read_bytes())[0], rows), kept)


def test_a_state_that_lacks_newer_parts_or_has_others_is_read() -> None:
    trained, _, _ = opened(LOGISTIC.read_bytes())
    state = trained.state() | {"colour": "of a version to come"}
    del state["spread"], state["notes"]
    assert Trained.of(state).features == trained.features
    assert Trained.of(state).spread is False


@pytest.mark.parametrize(
    "content",
    [
        {"module": "Normalize Data", "state": {"method": "Tanh", "fitted": {}, "clip": 3.0}},
        {"module": "Center Data", "state": {}},
    ],
)
def test_a_transformation_with_parts_of_a_version_to_come_is_refused(content: dict[str, Any]) -> None:
    """Without them it would answer something else."""
    payload = zlib.compress(pickle.dumps(content | {"rows": None}))
    with pytest.raises(BadRequest, match="payload cannot be opened"):
        ilearner._open_payload(memoryview(payload), "pickle")


def test_a_payload_of_another_format_is_refused_by_name() -> None:
    with pytest.raises(BadRequest, match="'parquet', but this version reads 'pickle'"):
        ilearner._open_payload(memoryview(b""), "parquet")


def test_a_model_of_another_scikit_learn_is_opened_with_a_warning(mlmgmt: Command, home: Any) -> None:
    told: list[str] = []
    session = Session(tell=told.append)
    trained, _, manifest = opened(LOGISTIC.read_bytes())
    key = session.store.secrets.signing_key()
    assert key is not None
    facts = manifest | {"versions": manifest["versions"] | {"scikit-learn": "1.2.0"}}
    other = ilearner.pack(trained, facts, key=key, home=session.store.home.id)
    assert models.open_model(session, other)[0].features == trained.features
    assert told
    assert "made with scikit-learn 1.2.0" in told[0]
