"""The usage of a commitment plan: a file for each UTC day, `<plan>/usage/2026-11-21.json`, counted by service guid."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from mlmgmt.store import documents, files, lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlmgmt.ids import PlanId


class Usage:
    """The usage of one home's commitment plans, in transactions (whole numbers) and seconds of computing."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _folder(self, plan: PlanId) -> Path:
        return self._root / plan.folder / "usage"

    def add(self, plan: PlanId, day: date, counts: Mapping[str, tuple[int, float]]) -> None:
        """Add to a day's counts: transactions and seconds, by service guid. Several processes may add at the same time.

        Raises:
            Conflict: `ResourceLocked`.
            HomeError: `HomeDamaged`: the day's file contains something else; it is not overwritten.
        """
        path = self._folder(plan) / f"{day.isoformat()}.json"
        with lock.hold(self._root, f"{plan.folder}/usage"):
            known = _read(path)
            for guid, (transactions, seconds) in counts.items():
                before = known.get(guid, (0, 0.0))
                known[guid] = (before[0] + max(0, transactions), before[1] + max(0.0, seconds))
            counts_by_guid = sorted(known.items())
            body = {guid: {"seconds": seconds, "transactions": count} for guid, (count, seconds) in counts_by_guid}
            # A day's counts change with every batch of requests; a power cut may cost the last of them.
            documents.write(path, body, durable=False)

    def of_day(self, plan: PlanId, day: date) -> dict[str, tuple[int, float]]:
        """Return a day's transactions and seconds by service guid; empty if there was no usage."""
        return _read(self._folder(plan) / f"{day.isoformat()}.json")

    def days(self, plan: PlanId) -> list[date]:
        """Return the days with usage, oldest first."""
        return [day for name in documents.ids(self._folder(plan)) if (day := _day(name)) is not None]

    def total(self, plan: PlanId, days: Iterable[date]) -> tuple[int, float]:
        """Return the total transactions and seconds of several days."""
        found = [count for day in days for count in self.of_day(plan, day).values()]
        return sum(transactions for transactions, _ in found), sum(seconds for _, seconds in found)


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None


def _read(path: Path) -> dict[str, tuple[int, float]]:
    body = files.read_whole(path, "it does not contain the usage of a commitment plan") or {}
    return {guid: _counts(path, entry) for guid, entry in body.items()}


def _counts(path: Path, entry: Any) -> tuple[int, float]:
    transactions = entry.get("transactions") if isinstance(entry, dict) else None
    seconds = entry.get("seconds") if isinstance(entry, dict) else None
    if type(transactions) is not int or not isinstance(seconds, int | float) or min(transactions, seconds) < 0:
        raise files.damaged(path, "usage must have 'transactions' and 'seconds', both 0 or more")
    return transactions, float(seconds)
