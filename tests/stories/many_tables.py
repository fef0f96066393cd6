"""Tables by key for the stories of many retrainings, the words of the command, and what it left in the home."""

from __future__ import annotations

import csv
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.stories.classic_home import SCORING, TRAINING, rentals

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

KEYS = {"berlin": 3, "cairo": 4, "delhi": 5, "essen": 6, "fes": 7, "graz": 8}
"""Keys, and how many hundreds each one's table adds; see `classic_home.rentals`."""
ROOT_MEAN_SQUARED_ERROR = "Root Mean Squared Error"


def noisy(hundreds: int, rows: int = 60, *, spread: float = 5.0) -> str:
    """`rentals`, with its label off by some `spread`; no two rows are the same."""
    chance = random.Random(hundreds)
    header, *lines = rentals(hundreds, rows).splitlines()
    cells = (line.split(",") for line in lines)
    told = (f"{hour},{temp},{float(count) + chance.gauss(0, spread):.6f}" for hour, temp, count in cells)
    return "\n".join([header, *told]) + "\n"


def noise(rows: int = 60) -> str:
    """A table whose label has nothing to do with its columns."""
    chance = random.Random(1)
    lines = (f"{chance.randrange(24)},{chance.random():.3f},{chance.uniform(-5000, 5000):.3f}" for _ in range(rows))
    return "\n".join(["hour,temp,cnt", *lines]) + "\n"


def folder(name: str = "loc", **tables: str) -> Path:
    """A folder with one table a key."""
    path = Path(name)
    path.mkdir(exist_ok=True)
    for key, text in tables.items():
        (path / f"{key}.csv").write_text(text)
    return path


def one_file(**tables: str) -> Path:
    """The same tables in one file, rows of all keys mixed, the key in a column `where` in the middle."""
    rows = []
    for key, text in tables.items():
        header, *lines = csv.reader(text.splitlines())
        rows += [(place, [line[0], key, *line[1:]]) for place, line in enumerate(lines)]
    with open("all.csv", "w", newline="") as file:
        csv.writer(file).writerows([[header[0], "where", *header[1:]], *(row for _, row in sorted(rows))])
    return Path("all.csv")


def many(*more: str, data: str | Path = "loc", jobs: int = 1) -> list[str]:
    """The words that retrain many endpoints of `SCORING`; in this process, unless there are more `jobs`."""
    words = ["retrain-many", "-TrainingService", TRAINING, "-ScoringService", SCORING, "-Data", str(data)]
    return [*words, "-Jobs", str(jobs), "-o", "json", *more]


def by_key(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of a run's table."""
    return {row["Key"]: row for row in table["Rows"]}


def decisions(table: dict[str, Any]) -> dict[str, str]:
    return {row["Key"]: row["Decision"] for row in table["Rows"]}


@dataclass(frozen=True)
class Kept:
    """What a run left in the home.

    Args:
        root: the home.
    """

    root: Path

    def blobs(self) -> dict[str, Path]:
        """The files of models that runs kept, by name."""
        return {path.name: path for path in sorted(self.root.glob("storage/*/retraining/*/*.ilearner"))}

    def moments(self) -> dict[str, int]:
        """When each of them was written, in nanoseconds."""
        return {name: path.stat().st_mtime_ns for name, path in self.blobs().items()}

    def of(self, row: dict[str, Any]) -> bytes:
        """The model file of a row, by its digest."""
        return (self.root / "models" / f"{row['Model']}.ilearner").read_bytes()


def endpoints(mlmgmt: Callable[..., Any]) -> set[str]:
    """The names of all endpoints of `SCORING`."""
    return {shown["Name"] for shown in mlmgmt(["endpoints", SCORING, "-o", "json"], ok=True).json}


def files_below(*folders: Path | str) -> dict[str, tuple[bytes, int]]:
    """Every file with its bytes and the moment of its last change; locks left out."""
    found = {}
    for path in folders:
        for place in sorted(Path(path).rglob("*")):
            if place.is_file() and place.suffix != ".lock":
                found[str(place)] = (place.read_bytes(), place.stat().st_mtime_ns)
    return found


def everything(root: Path) -> dict[str, tuple[bytes, int]]:
    """Every file of a home and of the configuration."""
    return files_below(root, os.environ["MLMGMT_CONFIG"])


def answers_of(mlmgmt: Callable[..., Any], endpoint: str, table: str, *at: str) -> list[float]:
    """What an endpoint, or with `at` another web service, answers to the rows of a table."""
    Path("asked.csv").write_text(table)
    words = ["score", *(at or ("-s", SCORING, "-e", endpoint)), "-Input", "asked.csv", "-o", "json"]
    value = mlmgmt(words, ok=True).json["Results"]["output1"]["value"]
    place = value["ColumnNames"].index("Scored Labels")
    return [float(row[place]) for row in value["Values"]]


def failed(result: Result, *keys: str) -> dict[str, dict[str, Any]]:
    """The rows of a run of which some keys, and no others, failed."""
    assert result.status == 4, result.err
    assert f"{len(keys)} of " in result.err
    rows = by_key(result.json)
    assert {key for key, row in rows.items() if row["Decision"] == "Failed"} == set(keys)
    assert all(row["Reason"] and row["Model"] is None for row in rows.values() if row["Decision"] == "Failed")
    return rows


def new_services(mlmgmt: Callable[..., Any]) -> None:
    """The two experiments as New web services: `training`, and `bikes`, which scores."""
    for experiment, name in ((TRAINING, "training"), (SCORING, "bikes")):
        mlmgmt(["export-definition", experiment, f"{name}.json"], ok=True)
        mlmgmt(f"new -g retail -l southcentralus -n {name} -DefinitionFile {name}.json -Force", ok=True)
