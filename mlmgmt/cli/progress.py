"""What is being done, for whoever waits: a spinner on a terminal, lines with -Verbose, else nothing."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from mlmgmt.cli import render

if TYPE_CHECKING:
    from rich.status import Status


class Progress:
    """Shows the stages of one command on standard error."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._status: Status | None = None
        self._began = time.monotonic()

    def stage(self, name: str) -> None:
        """A new stage begins."""
        if self._verbose:
            render.talk(f"{time.monotonic() - self._began:6.1f} s  {name}")
        elif sys.stderr.isatty():
            if self._status is None:
                from rich.console import Console

                self._status = Console(stderr=True).status(name)
                self._status.start()
            self._status.update(f"{name} …")

    def detail(self, text: str) -> None:
        """A sentence for -Verbose."""
        if self._verbose:
            render.talk(f"          {text}")

    def tell(self, text: str) -> None:
        """A sentence that stays."""
        self.close()
        render.talk(text)

    def close(self) -> None:
        """Take the spinner away."""
        if self._status is not None:
            self._status.stop()
            self._status = None
