"""Helpers for tests of many retrainings: tables by key, the words of the command, and its results in the home."""

from __future__ import annotations

import csv
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.classic.classic_home import SCORING, TRAINING, rentals

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

KEYS = {"berlin": 3, "cairo": 4, "delhi": 5, "essen": 6, "fes": 7, "graz": 8}
"""Keys, and the hundreds that each key's table adds; see `classic_home.rentals`."""
SIX = {key: rentals(hundreds) for key, hundreds in KEYS.items()}
"""A table for each key, and for two of them."""
TWO = {key: SIX[key] for key in ("berlin", "cairo")}
ROOT_MEAN_SQUARED_ERROR = "Root Mean Squared Error"


def noisy(hundreds: int, rows: int = 60, *, spread: float = 5.0) -> str:
    """`rentals` with random noise of size `spread` in the label; all rows differ."""
    chance = random.Random(hundreds)
    header, *lines = rentals(hundreds, rows).splitlines()
    cells = (line.split(",") for line in lines)
    told = (f"{hour},{temp},{float(count) + chance.gauss(0, spread):.6f}" for hour, temp, count in cells)
    return "\n".join([header, *told]) + "\n"


def noise(rows: int = 60) -> str:
    """A table whose label does not depend on its columns."""
    chance = random.Random(1)
    lines = (f"{chance.randrange(24)},{chance.random():.3f},{chance.uniform(-5000, 5000):.3f}" for _ in range(rows))
    return "\n".join(["hour,temp,cnt", *lines]) + "\n"


def folder(name: str = "loc", **tables: str) -> Path:
    """Write a folder with one table for each key."""
    path = Path(name)
    path.mkdir(exist_ok=True)
    for key, text in tables.items():
        (path / f"{key}.csv").write_text(text)
    return path


def one_file(**tables: str) -> Path:
    """Write the same tables in one file, with the rows of all keys mixed and the key in a middle column `where`."""
    rows = []
    for key, text in tables.items():
        header, *lines = csv.reader(text.splitlines())
        rows += [(place, [line[0], key, *line[1:]]) for place, line in enumerate(lines)]
    with open("all.csv", "w", newline="") as file:
        csv.writer(file).writerows([[header[0], "where", *header[1:]], *(row for _, row in sorted(rows))])
    return Path("all.csv")


def many(*more: str, data: str | Path = "loc", jobs: int = 1) -> list[str]:
    """Return the words that retrain many endpoints of `SCORING`; with one job, in this process."""
    words = ["retrain-many", "-TrainingService", TRAINING, "-ScoringService", SCORING, "-Data", str(data)]
    return [*words, "-Jobs", str(jobs), "-o", "json", *more]


def by_key(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the rows of a run's table by key."""
    return {row["Key"]: row for row in table["Rows"]}


def decisions(table: dict[str, Any]) -> dict[str, str]:
    return {row["Key"]: row["Decision"] for row in table["Rows"]}


@dataclass(frozen=True)
class Kept:
    """What a run saved in the home.

    Args:
        root: the home.
    """

    root: Path

    def blobs(self) -> dict[str, Path]:
        """Return the saved model files by name."""
        return {path.name: path for path in sorted(self.root.glob("storage/*/retraining/*/*.ilearner"))}

    def moments(self) -> dict[str, int]:
        """Return when each model file was written, in nanoseconds."""
        return {name: path.stat().st_mtime_ns for name, path in self.blobs().items()}

    def of(self, row: dict[str, Any]) -> bytes:
        """Return the model file of a row, found by its digest."""
        return (self.root / "models" / f"{row['Model']}.ilearner").read_bytes()


def endpoints(mlmgmt: Callable[..., Any]) -> set[str]:
    """Return the names of all endpoints of `SCORING`."""
    return {shown["Name"] for shown in mlmgmt(["endpoints", SCORING, "-o", "json"], ok=True).json}


def files_below(*folders: Path | str) -> dict[str, tuple[bytes, int]]:
    """Return every file except locks, with its bytes and the time of its last change."""
    found = {}
    for path in folders:
        for place in sorted(Path(path).rglob("*")):
            if place.is_file() and place.suffix != ".lock":
                found[str(place)] = (place.read_bytes(), place.stat().st_mtime_ns)
    return found


def everything(root: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file of a home and of the configuration."""
    return files_below(root, os.environ["MLMGMT_CONFIG"])


def answers_of(mlmgmt: Callable[..., Any], endpoint: str, table: str, *at: str) -> list[float]:
    """Return the scores of an endpoint, or with `at` of another web service, for the rows of a table."""
    Path("asked.csv").write_text(table)
    words = ["score", *(at or ("-s", SCORING, "-e", endpoint)), "-Input", "asked.csv", "-o", "json"]
    value = mlmgmt(words, ok=True).json["Results"]["output1"]["value"]
    place = value["ColumnNames"].index("Scored Labels")
    return [float(row[place]) for row in value["Values"]]


def failed(result: Result, *keys: str) -> dict[str, dict[str, Any]]:
    """Check that exactly these keys of a run failed, and return all rows."""
    assert result.status == 4, result.err
    assert f"{len(keys)} of " in result.err
    rows = by_key(result.json)
    assert {key for key, row in rows.items() if row["Decision"] == "Failed"} == set(keys)
    assert all(row["Reason"] and row["Model"] is None for row in rows.values() if row["Decision"] == "Failed")
    return rows


def new_services(mlmgmt: Callable[..., Any]) -> None:
    """Deploy the two experiments as New web services: `training`, and `bikes` for scoring."""
    for experiment, name in ((TRAINING, "training"), (SCORING, "bikes")):
        mlmgmt(["export-definition", experiment, f"{name}.json"], ok=True)
        mlmgmt(f"new -g retail -l southcentralus -n {name} -DefinitionFile {name}.json -Force", ok=True)
