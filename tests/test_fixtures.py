"""The bike rental data: the shipped file is what the generator makes, and each location needs its own model."""

from __future__ import annotations

import csv
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression

from mlmgmt import resources

GENERATOR = Path(resources.__file__).parent.parent / "fixtures" / "bike-rental" / "generate.py"


@pytest.fixture(scope="module")
def bikes() -> Any:
    spec = importlib.util.spec_from_file_location("bike_rentals", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def generate(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(GENERATOR), *words], capture_output=True, text=True, check=False)


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_the_generator_makes_the_shipped_rentals(apart: Path) -> None:
    assert generate(str(apart)).returncode == 0
    assert (apart / "rentals.csv").read_bytes() == (GENERATOR.parent / "rentals.csv").read_bytes()
    assert len(list(apart.iterdir())) == 1


def test_a_location_has_the_same_data_in_every_run(apart: Path, bikes: Any) -> None:
    few, many = apart / "few", apart / "many"
    assert generate(str(few), "--locations", "7", "--hours", "50").returncode == 0
    assert generate(str(many), "--locations", "12", "--hours", "50").returncode == 0
    assert sorted(path.name for path in few.iterdir()) == [f"rentalloc{place:03}.csv" for place in range(1, 8)]
    for path in few.iterdir():
        assert path.read_bytes() == (many / path.name).read_bytes()
    header, *rows = rows_of(few / "rentalloc007.csv")
    assert tuple(header) == bikes.HEADER == tuple(rows_of(GENERATOR.parent / "rentals.csv")[0])
    assert rows == [[str(value) for value in row] for row in bikes.location(7, 50)]
    assert np.array_equal(np.array(bikes.location(7, 50)), np.column_stack(bikes.location_columns(7, 50)))
    assert len({path.read_bytes() for path in many.iterdir()}) == 12


def test_one_file_has_the_rows_of_all_files(apart: Path, bikes: Any) -> None:
    assert generate(str(apart), "--locations", "3", "--hours", "20", "--one-file").returncode == 0
    (path,) = apart.iterdir()
    header, *rows = rows_of(path)
    assert (path.name, header) == ("rentals-by-location.csv", ["location", *bikes.HEADER])
    for number in (1, 2, 3):
        its = [row[1:] for row in rows if row[0] == f"rentalloc{number:03}"]
        assert its == list(csv.reader(bikes.csv_text(number, 20).splitlines()))[1:]
    assert len(rows) == 60


@pytest.mark.parametrize("words", [["--locations", "0"], ["--one-file"], ["--locations", "2", "--hours", "0"]])
def test_invalid_options_are_refused(apart: Path, words: list[str]) -> None:
    assert generate(str(apart), *words).returncode == 2
    assert list(apart.iterdir()) == []


@pytest.mark.parametrize("learner", [LinearRegression(), HistGradientBoostingRegressor(max_iter=40, random_state=0)])
def test_each_location_is_predicted_best_by_its_own_model(bikes: Any, learner: Any) -> None:
    """On new hours, compared with the mean of the other locations' models and with one model for all."""
    places = [np.column_stack(bikes.location_columns(number, 1800)).astype(float) for number in range(1, 11)]
    known, unseen = [rows[:1200] for rows in places], [rows[1200:] for rows in places]

    def fitted(rows: Any) -> Any:
        return clone(learner).fit(rows[:, :-1], rows[:, -1])

    def error(model: Any, rows: Any) -> float:
        return float(np.sqrt(np.mean((model.predict(rows[:, :-1]) - rows[:, -1]) ** 2)))

    models, pooled = [fitted(rows) for rows in known], fitted(np.concatenate(known))
    for place, rows in enumerate(unseen):
        own = error(models[place], rows)
        others = [error(model, rows) for other, model in enumerate(models) if other != place]
        assert own < np.mean(others)
        assert own < error(pooled, rows)
