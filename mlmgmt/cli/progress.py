"""Progress of a command: a spinner or a bar on a terminal, lines with -Verbose, otherwise nothing."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from mlmgmt.cli import render

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID
    from rich.status import Status


class Progress:
    """Shows the stages of one command on standard error."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._status: Status | None = None
        self._bar: tuple[Bar, TaskID] | None = None
        self._name = ""
        self._began = time.monotonic()

    def stage(self, name: str) -> None:
        """Show that a stage begins."""
        self._name = name
        if self._verbose:
            render.talk(f"{time.monotonic() - self._began:6.1f} s  {name}")
        elif sys.stderr.isatty():
            if self._bar is not None:
                self.close()
            if self._status is None:
                from rich.console import Console

                self._status = Console(stderr=True).status(name)
                self._status.start()
            self._status.update(f"{name} …")

    def count(self, done: int, total: int) -> None:
        """Show how many are done: a bar with rate and time remaining, or with -Verbose a line for each tenth."""
        if self._verbose:
            if done == total or done % max(1, total // 10) == 0:
                render.talk(f"{time.monotonic() - self._began:6.1f} s  {done:,} of {total:,}")
        elif sys.stderr.isatty():
            if self._bar is None:
                self.close()
                self._bar = _bar(self._name, total)
            bar, task = self._bar
            bar.update(task, completed=done)

    def detail(self, text: str) -> None:
        """Show a sentence if -Verbose is given."""
        if self._verbose:
            render.talk(f"          {text}")

    def tell(self, text: str) -> None:
        """Show a sentence that stays on the screen."""
        self.close()
        render.talk(text)

    def close(self) -> None:
        """Remove the spinner or the bar."""
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None
        if self._status is not None:
            self._status.stop()
            self._status = None


def _bar(name: str, total: int) -> tuple[Bar, TaskID]:
    from rich import progress
    from rich.console import Console

    class Rate(progress.ProgressColumn):
        """How many are done per second."""

        def render(self, task: progress.Task) -> str:
            return f"{task.speed:,.1f}/s" if task.speed else ""

    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        Rate(),
        progress.TextColumn("remaining"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    bar.start()
    return bar, bar.add_task(name, total=total)
