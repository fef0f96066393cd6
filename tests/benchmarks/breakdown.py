"""Show where an update's time goes, by timing the functions of each step. Nothing is judged by it."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any
from unittest import mock

from mlmgmt.store import lock
from mlmgmt.store.secrets import Secrets
from mlmgmt.store.services import Revision, Services
from mlmgmt.verbs.services import lookup, webservices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlmgmt.verbs.session import Session

_UPDATES = 100
# The parts of `apply` in their order; the `os` calls happen inside the others.
_PARTS: tuple[tuple[str, Any, str], ...] = (
    ("tidy what was left", Services, "tidy"),
    ("read the latest again", Services, "latest"),
    ("compare the secrets", Secrets, "keep_service"),
    ("make the text", Revision, "to_bytes"),
    ("write (commit)", Services, "commit"),
    ("show the answer", lookup, "view"),
    ("of all: os.fsync", os, "fsync"),
    ("of all: os.replace", os, "replace"),
)


def of_update(session: Session, group: str, name: str) -> list[str]:
    """Update a service many times, and return lines with the median microseconds of each step."""
    spent: dict[str, list[float]] = defaultdict(list)
    calls: Counter[str] = Counter()
    for number in range(_UPDATES):
        with _watched(spent, calls):
            begin = perf_counter()
            outcome = webservices.plan_update(session, group=group, name=name, title=f"Breakdown {number}")
            planned = perf_counter()
            spent["plan"].append(planned - begin)
            # Planning also reads; measure only what happens under the lock.
            for label, _, _ in _PARTS:
                spent[label].append(0.0)
            calls.clear()
            outcome.apply()
            spent["apply"].append(perf_counter() - planned)
    lines = ["where an update's time goes (microseconds, medians; a step's time includes the steps inside it):"]
    for label in ("plan", "apply", "lock and release", *(label for label, _, _ in _PARTS)):
        times = f" ({calls[label]} calls)" if calls[label] > 1 else ""
        lines.append(f"  {label:<24}{median(spent[label]) * 1e6:8.0f}{times}")
    return lines


@contextmanager
def _watched(spent: dict[str, list[float]], calls: Counter[str]) -> Iterator[None]:
    """Add up the seconds of the parts, without changing what they do."""

    def timed(label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def watching(*args: Any, **given: Any) -> Any:
            begin = perf_counter()
            try:
                return function(*args, **given)
            finally:
                calls[label] += 1
                if spent[label]:
                    spent[label][-1] += perf_counter() - begin

        return watching

    real_hold = lock.hold

    @contextmanager
    def hold(*args: Any, **given: Any) -> Iterator[None]:
        begin = perf_counter()
        with real_hold(*args, **given):
            taken = perf_counter()
            yield
            leaving = perf_counter()
        spent["lock and release"].append(taken - begin + perf_counter() - leaving)

    with mock.patch.object(lock, "hold", hold):
        patches = [mock.patch.object(owner, what, timed(label, getattr(owner, what))) for label, owner, what in _PARTS]
        for patch in patches:
            patch.start()
        try:
            yield
        finally:
            for patch in patches:
                patch.stop()
