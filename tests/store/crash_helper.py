"""A process that updates one web service and is killed; run as `python -m tests.store.crash_helper MODE COUNT SEED`.

MODE `random` kills a child at a random moment between taking and releasing the lock, COUNT times. MODE `each` kills a
child before each operating system call of one update, one call after another. After each kill the definition is read
again, and one JSON line says what was found.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from mlmgmt.store import lock
from mlmgmt.verbs.services import lookup, webservices
from mlmgmt.verbs.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlmgmt.verbs.outcome import Outcome

CALLS = (
    "open",
    "write",
    "read",
    "fsync",
    "close",
    "replace",
    "unlink",
    "mkdir",
    "listdir",
    "fstat",
    "stat",
    "lstat",
    "scandir",
)


def update(session: Session, title: str) -> None:
    plan(session, title).apply()


def plan(session: Session, title: str) -> Outcome:
    """Plan a change of the title together with a key: the valid key must always be that of the current revision."""
    return webservices.plan_update(session, group="retail", name="small", title=title, keys={"primary": f"of {title}"})


def current_state() -> dict[str, Any]:
    """Return the current title and revision, after checking the history and the key."""
    session = Session()
    current = lookup.existing(session, "retail", "small")
    history = session.store.services.history(current.resource)
    numbers = [revision.number for revision in history]
    assert numbers == list(range(1, len(numbers) + 1)), numbers
    assert history[-1].number == current.number, (numbers, current.number)
    assert history[-1].document == current.document
    title = current.document["properties"]["title"]
    assert lookup.keys(session, group="retail", name="small")["Primary"] == f"of {title}", title
    return {"revision": current.number, "title": title}


def fork(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def kill_at_random(generator: random.Random) -> bool:
    """Update in a loop in a child, and kill it soon after it takes the lock; return whether it was still alive."""
    reader, writer = os.pipe()

    def work() -> None:
        real = lock.hold

        @contextlib.contextmanager
        def report_and_hold(*arguments: Any, **named: Any) -> Iterator[None]:
            with real(*arguments, **named):
                os.write(writer, b"x")
                yield

        lock.hold = report_and_hold
        session = Session()
        for number in range(1000):
            update(session, f"title {os.getpid()} {number}")

    child = fork(work)
    os.close(writer)
    for _ in range(generator.randint(1, 3)):
        os.read(reader, 1)
    time.sleep(generator.random() * 0.004)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(reader)
    return os.WIFSIGNALED(status)


def kill_before(call: int, planned: Callable[[Session], Outcome]) -> bool:
    """Kill a child before the call-th operating system call of one change; return whether it made that many."""

    def work() -> None:
        session = Session()
        # Plan the change first: only the write is to be interrupted.
        outcome = planned(session)
        counted = iter(range(1, 10_000))

        def counting(real: Callable[..., Any]) -> Callable[..., Any]:
            def counted_call(*arguments: Any, **named: Any) -> Any:
                if next(counted) == call:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*arguments, **named)

            return counted_call

        for name in CALLS:
            setattr(os, name, counting(getattr(os, name)))
        outcome.commit()

    _, status = os.waitpid(fork(work), 0)
    return os.WIFSIGNALED(status)


def main(mode: str, count: int, seed: int) -> None:
    generator = random.Random(seed)
    update(Session(), "warm")
    if mode == "random":
        for _ in range(count):
            before = current_state()
            killed = kill_at_random(generator)
            print(json.dumps({"killed": killed, "before": before, "after": current_state()}), flush=True)
    else:
        call = 1
        before = current_state()
        while kill_before(call, partial(plan, title=f"before call {call}")):
            after = current_state()
            print(json.dumps({"call": call, "before": before, "after": after}), flush=True)
            update(Session(), f"between {call}")
            before, call = current_state(), call + 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
