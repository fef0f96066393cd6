"""Answer requests that arrive at the same time together, where calling the estimator is most of a request's cost."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mlmgmt.learning.conversion import Cells

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from mlmgmt.learning.scorer import Answer, Scorer

_MOST_ROWS = 512
_LONGEST_WAIT = 0.002
"""Seconds that a batch waits to be as large as the one before it. A single request after another never waits."""


class Batcher:
    """The waiting requests of one scorer. Its answer to a row must not depend on other rows."""

    def __init__(self, scorer: Scorer, threads: Executor) -> None:
        self._scorer, self._threads = scorer, threads
        self._waiting: list[tuple[str, Cells, asyncio.Future[Answer]]] = []
        self._arrived = asyncio.Event()
        self._last_size = 1
        self._task: asyncio.Task[None] | None = None

    async def answer(self, port: str, cells: Cells) -> Answer:
        """Answer one request; see `Scorer.answer`."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((port, cells, future))
        self._arrived.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            await self._gather()
            batch = self._take_batch()
            found = await asyncio.get_running_loop().run_in_executor(
                self._threads, _answers, self._scorer, [(port, cells) for port, cells, _ in batch]
            )
            self._last_size = len(batch)
            for (_, _, future), answer in zip(batch, found, strict=True):
                if future.done():
                    continue
                if isinstance(answer, BaseException):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    async def _gather(self) -> None:
        """Wait briefly for as many requests as the last batch had."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _LONGEST_WAIT
        while len(self._waiting) < self._last_size and (left := until - loop.time()) > 0:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except TimeoutError:
                return

    def _take_batch(self) -> list[tuple[str, Cells, asyncio.Future[Answer]]]:
        """Take the waiting requests with the same columns as the first, up to `_MOST_ROWS` rows together."""
        _, first, _ = self._waiting[0]
        taken: list[Any] = []
        left: list[Any] = []
        rows = 0
        for waiting in self._waiting:
            cells = waiting[1]
            alike = cells.columns == first.columns and not (cells.lacking or first.lacking)
            if not taken or (alike and rows + len(cells.rows) <= _MOST_ROWS):
                taken.append(waiting)
                rows += len(cells.rows)
            else:
                left.append(waiting)
        self._waiting = left
        return taken


def _answers(scorer: Scorer, batch: list[tuple[str, Cells]]) -> list[Answer | BaseException]:
    """Return the answer or the error for each request."""
    if len(batch) > 1:
        port, first = batch[0]
        rows = [row for _, cells in batch for row in cells.rows]
        # If any of them is wrong, answer each alone, so that only that one gets an error.
        with suppress(Exception):
            together, notes = scorer.answer({port: Cells(first.columns, rows, first.source)})
            if all(len(table["Values"]) == len(rows) for table in together.values()):
                return list(_split(together, notes, [len(cells.rows) for _, cells in batch]))
    return [_answer_alone(scorer, port, cells) for port, cells in batch]


def _answer_alone(scorer: Scorer, port: str, cells: Cells) -> Answer | BaseException:
    try:
        return scorer.answer({port: cells})
    except Exception as error:
        return error


def _split(together: dict[str, dict[str, Any]], notes: list[str], counts: list[int]) -> list[Answer]:
    """Split the tables that answer all requests into the answer to each."""
    shares: list[Answer] = []
    begin = 0
    for count in counts:
        tables = {name: {**table, "Values": table["Values"][begin : begin + count]} for name, table in together.items()}
        shares.append((tables, notes))
        begin += count
    return shares
