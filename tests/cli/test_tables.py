"""Tables on a terminal: nothing is broken inside a name, an id, a date or a number, whatever the width."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from mlmgmt.cli import render
from tests.classic.classic_home import SCORING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.classic.classic_home import Bikes
    from tests.conftest import Command

NAME, DAY, ID = "Bike Rental [Predictive Exp.]", "2026-11-30 20:59:55", "5fc396c40f6b48a58af16449fa905074"
PROSE = "The rentals of South Holland, by hour of the day, for the planning of the vans"
HEADERS = ["Name", "Day", "Id", "Title", "Rows"]
ROW = [NAME, DAY, ID, PROSE, "1,234,567"]


@pytest.fixture(params=[60, 80, 120])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("COLUMNS", str(request.param))
    return int(request.param)


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_a_table_breaks_only_prose(
    count: int, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_terminal(monkeypatch)
    render.table(HEADERS[:count], [ROW[:count]])
    captured = capsys.readouterr()
    shown = plain(captured.out)
    left_out = captured.err.partition("Not shown: ")[2].partition(".")[0].split(", ")
    for header, cell in zip(HEADERS[:count], ROW[:count], strict=True):
        assert (header in left_out) is (header not in shown)
        assert header in left_out or cell in shown or header == "Title"
    if "Title" in shown:
        assert all(word in shown.split() for word in PROSE.split())
    if " : " not in shown:
        assert max(map(len, shown.splitlines())) <= width


def test_columns_are_left_out_in_the_given_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    on_terminal(monkeypatch)
    render.table(HEADERS, [ROW], leave_out_first=("Day",))
    assert capsys.readouterr().err == "Not shown: Day, Rows. Use -o json, or a wider terminal.\n"


def test_rows_become_blocks_where_no_columns_fit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    on_terminal(monkeypatch)
    render.table(HEADERS[:3], [ROW[:3]])
    assert capsys.readouterr().out == f"\nName : {NAME}\nDay  : {DAY}\nId   : {ID}\n"


def test_a_table_in_a_pipe_is_as_wide_as_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    render.table([*HEADERS, "Path"], [[*ROW, "x" * 300]])
    captured = capsys.readouterr()
    assert "   ".join([*ROW, "x" * 300]) in captured.out
    assert captured.err == ""


CLASSIC = [
    f"endpoints -WebServiceId '{SCORING}'",
    f"endpoints -WebServiceId '{SCORING}' -EndpointName loc001",
    f"history -WebServiceId '{SCORING}' -EndpointName loc001",
    "web-services",
    "workspaces",
    "experiments",
    "experiments 'Bike Rental'",
    "experiment-nodes 'Bike Rental'",
    "trained-models -Scope Workspace",
    "storage",
    "skus",
    "providers",
    "sources",
    "groups",
    "modules",
    "modules 'Two-Class Boosted Decision Tree'",
]
NEW = ["get -g retail", "get -g retail -n churn", "history -g retail -n churn", "assets churn-predictive.json"]
NEW += ["test churn-predictive.json", "score -g retail -n churn -InputFile new-customers.csv"]


def check(mlmgmt: Command, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """Every word of the table on a terminal must be a word of the table in a pipe, where nothing is broken."""
    in_pipe = mlmgmt(f"{line} -o table", ok=True).out
    on_terminal(monkeypatch)
    shown = plain(mlmgmt(line, ok=True).out)
    assert {word for word in shown.split() if set(word) != {"─"}} <= {*in_pipe.split(), ":"}
    assert shown.count("[Predictive") == shown.count(SCORING)


@pytest.mark.parametrize("line", CLASSIC)
def test_no_classic_table_breaks_a_word(
    line: str, mlmgmt: Command, bikes: Bikes, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(mlmgmt, monkeypatch, line)


@pytest.mark.parametrize("line", NEW)
def test_no_table_of_a_new_service_breaks_a_word(
    line: str, mlmgmt: Command, churn: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(mlmgmt, monkeypatch, line)
