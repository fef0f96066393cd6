"""The server under load for longer: a minute of updates, and a hundred kills. Run with: pytest tests/endurance"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.server import conftest as servers
from tests.server.test_reliability import killed, mixed, two_models

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.conftest import Start

start = servers.start


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_minute_of_updates_every_second(start: Start, churn: Path, mlmgmt: Any, workers: str) -> None:
    server = start("-Workers", workers)
    answered, updates = mixed(server, two_models(server, mlmgmt), 60)
    print(f"{answered:,} requests answered correctly during {updates} updates, {workers} workers")
    assert updates > 30


def test_a_hundred_kills_lose_no_update(start: Start, churn: Path, mlmgmt: Any) -> None:
    acknowledged = killed(start, 100)
    print(f"{acknowledged} updates acknowledged, none lost")
    numbers = [row["Revision"] for row in mlmgmt("history -g retail -n churn -o json", ok=True).json]
    assert numbers == list(range(len(numbers), 0, -1))
    assert len(numbers) >= acknowledged
