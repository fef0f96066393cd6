"""A durable update without a model to check: against SQLite, and against MLflow if it is installed."""

from __future__ import annotations

import os
import sqlite3
from importlib.util import find_spec
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from mlmgmt.store.services import CURRENT
from mlmgmt.verbs.services import webservices

from . import making
from .breakdown import of_update
from .ratio import Aim

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmgmt.verbs.session import Session

    from .conftest import Measure

SIZE = 10_000
ROUNDS = 180
LOG_FULL = 500


@pytest.fixture
def session(tmp_path: Path) -> Session:
    made = making.session(tmp_path)
    making.service(made, "retail", "churn", making.definition(SIZE))
    # Flush what other benchmarks wrote, or the disk would do so while these wait for it.
    os.sync()
    return made


def _updater(session: Session) -> Callable[[], Any]:
    """Return an update that sets a new title each time."""
    titles = count()

    def update() -> Any:
        return webservices.plan_update(session, group="retail", name="churn", title=f"Title {next(titles)}").apply()

    return update


@pytest.mark.parametrize("used", [False, True], ids=["new database", "database in use"])
def test_sqlite(measure: Measure, session: Session, tmp_path: Path, used: bool) -> None:
    """One update against one commit of the same bytes (WAL, synchronous=FULL) on the same file system.

    A new database extends its log with each commit. Once the log is full, it is overwritten, which costs half as much;
    that is a database in use.
    """
    data = (session.store.services.folder(session.service_id("retail", "churn")) / CURRENT).read_bytes()
    database = sqlite3.connect(tmp_path / "other.db", isolation_level=None)
    assert database.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE revision (number INTEGER PRIMARY KEY, body BLOB NOT NULL)")

    def commit() -> None:
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO revision (body) VALUES (?)", (data,))
        database.execute("COMMIT")

    try:
        for _ in range(LOG_FULL if used else 0):
            commit()
        name = f"update / SQLite commit (WAL, FULL), {'database in use' if used else 'new database'}"
        measure(name, _updater(session), commit, aim=Aim(4), rounds=ROUNDS, warm=10)
    finally:
        database.close()


def test_breakdown(note: Callable[[list[str]], None], session: Session, durable: str | None) -> None:
    """Show where an update's time goes; nothing is compared."""
    note(["", *of_update(session, "retail", "churn"), *([durable] if durable else [])])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(find_spec("mlflow") is None, reason="MLflow is not installed")
def test_mlflow(measure: Measure, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate of updates against the rate of MLflow's model versions, in its SQLite registry."""
    for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        monkeypatch.setenv(name, "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    from mlflow import MlflowClient

    client = MlflowClient()
    client.create_registered_model("churn")
    source = tmp_path / "artifacts"
    os.mkdir(source)
    # MLflow's column holds 5,000 characters, less than a definition, so MLflow writes less than half of our bytes.
    text = making.definition(SIZE).decode()[:4000]

    def version() -> Any:
        return client.create_model_version("churn", source.as_uri(), description=text)

    measure(
        "rate of updates / MLflow create_model_version",
        _updater(session),
        version,
        aim=Aim(1.5, at_least=True),
        rounds=ROUNDS // 4,
        rate=True,
    )
