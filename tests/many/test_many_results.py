"""The results of many retrainings: files, progress lines, and who may start a run."""

from __future__ import annotations

import csv
import io
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.classic.classic_home import Bikes, rentals
from tests.many.many_tables import (
    SIX,
    TWO,
    everything,
    failed,
    folder,
    many,
    noisy,
    one_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.conftest import Command


@contextmanager
def connected(mlmgmt: Command, role: str) -> Iterator[None]:
    mlmgmt(f"Connect-AzAccount -AccountId ada@example.com -Role {role}", ok=True)
    yield
    mlmgmt("Connect-AzAccount -AccountId ada@example.com -Role Owner", ok=True)


class TestResults:
    def test_all_result_files_have_the_same_rows(self, mlmgmt: Command, bikes: Bikes) -> None:
        hostile = {
            "=1+1": rentals(1),
            "@sum": rentals(2),
            "-cmd": noisy(3),
            '<b>"q"</b>': rentals(4),
            "short": "x\n1\n",
        }
        one_file(**{key: text for key, text in hostile.items() if key != "short"})
        with open("all.csv", "a") as file:
            file.write("1,=short,2,3\n")
        names = ["r.csv", "r.json", "r.html"]
        result = mlmgmt(many("-KeyColumn", "where", "-Results", ",".join(names), data="all.csv"))
        rows = failed(result, "=short")
        assert json.loads(Path("r.json").read_text()) == result.json
        with open("r.csv", newline="") as file:
            table = {row["Key"].removeprefix("'"): row for row in csv.DictReader(file)}
        assert table.keys() == rows.keys()
        page = Path("r.html").read_text()
        for key, row in rows.items():
            line = table[key]
            assert line["Key"] == (key if key.startswith("<") else f"'{key}")
            for name in ("Endpoint", "Decision", "Model", "DataDigest"):
                assert line[name] == (row[name] or "")
            assert line["Rows"] == ("" if row["Rows"] is None else str(row["Rows"]))
            for name, value in (row["Metrics"] or {}).items():
                assert line[name] == ("" if value is None else repr(value))
                assert value is None or float(line[name]) == value
            assert (row["Endpoint"] or "") in page
            assert (row["Model"] or "")[:12] in page
        for cells in csv.reader(io.StringIO(Path("r.csv").read_text())):
            assert not [cell for cell in cells if cell[:1] in "=+@" and cell]
        assert "&lt;b&gt;" in page
        assert '<b>"q' not in page

    def test_result_files_are_written_again_by_a_run_with_nothing_to_do(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        mlmgmt(many("-Results", "r.csv"), ok=True)
        Path("r.csv").write_text("old")
        mlmgmt(many("-Results", "r.csv"), ok=True)
        with open("r.csv", newline="") as file:
            assert [row["Decision"] for row in csv.DictReader(file)] == ["Unchanged"] * 2

    def test_progress_is_shown_in_lines(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**SIX)
        told = mlmgmt(many("-Verbose"), ok=True).err
        assert "reading 6 tables" in told
        assert "training 6 models" in told
        assert [f"{done} of 6" in told for done in range(1, 7)] == [True] * 6


class TestPermissions:
    def test_a_reader_cannot_start_a_run(self, mlmgmt: Command, bikes: Bikes) -> None:
        folder(**TWO)
        with connected(mlmgmt, "Reader"):
            before = everything(bikes.root)
            refused = mlmgmt(many())
            assert refused.status == 1
            assert "AuthorizationFailed" in refused.err
            assert everything(bikes.root) == before

    def test_a_home_without_a_signing_key_is_read_only(
        self, mlmgmt: Command, bikes: Bikes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder(**TWO)
        before = bikes.files()
        monkeypatch.setenv("MLMGMT_CONFIG", str(tmp_path / "another"))
        refused = mlmgmt(many())
        assert refused.status == 1
        assert "trust-home" in refused.err
        assert bikes.files() == before
