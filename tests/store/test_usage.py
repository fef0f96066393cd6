"""The usage of a commitment plan: concurrent processes lose nothing, and a damaged day is not overwritten."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING

import pytest

from mlmgmt.errors import HomeError
from mlmgmt.ids import PlanId
from mlmgmt.store.usage import Usage
from tests.conftest import environment

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 11, 21)
PLAN = PlanId("11111111-2222-3333-4444-555555555555", "retail", "standard")


def test_six_processes_add_at_the_same_time(home: Path) -> None:
    chargers = [
        subprocess.Popen([sys.executable, "-m", "tests.store.charger", str(PLAN), f"own{n}", "60"], env=environment())
        for n in range(6)
    ]
    assert [charger.wait() for charger in chargers] == [0] * 6
    usage = Usage(home)
    assert usage.of_day(PLAN, DAY) == {"shared": (720, 90.0), **{f"own{n}": (60, 30.0) for n in range(6)}}
    assert usage.total(PLAN, [DAY, date(2026, 11, 22)]) == (1080, 270.0)


def test_days_are_separate_and_listed_in_order(home: Path) -> None:
    usage = Usage(home)
    assert usage.days(PLAN) == []
    for day in (date(2026, 12, 1), DAY, date(2027, 1, 1)):
        usage.add(PLAN, day, {"a": (1, 1.0)})
    (home / PLAN.folder / "usage" / "notes.txt").write_text("mine")
    assert usage.days(PLAN) == [DAY, date(2026, 12, 1), date(2027, 1, 1)]
    assert usage.of_day(PLAN, date(2026, 12, 2)) == {}


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"a": 1}', '{"a": {"transactions": 1}}', '{"a": {"transactions": -1, "seconds": 0}}', '{"a": {"tr'],
)
def test_a_damaged_day_is_refused_and_not_changed(home: Path, content: str) -> None:
    usage = Usage(home)
    usage.add(PLAN, DAY, {"a": (1, 1.0)})
    path = home / PLAN.folder / "usage" / "2026-11-21.json"
    path.write_text(content)
    with pytest.raises(HomeError) as refused:
        usage.add(PLAN, DAY, {"a": (1, 1.0)})
    assert "HomeDamaged" in refused.value.codes()
    assert path.read_text() == content
