"""A change in two steps: planned, so that it can be looked at, then applied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import PreconditionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_TRIES = 20


def shown_only() -> tuple[dict[str, Any], dict[str, Any]]:
    """For `compared`, of documents that are no definitions: they are shown, and not compared like them."""
    return {}, {}


@dataclass(slots=True)
class Outcome:
    """What a change would come to. Nothing has been written.

    Args:
        target: the name of the thing that changes.
        before: its document now; None when it is to be made.
        after: its document then; None when it is to be removed.
        commit: makes the change and returns what to show; it checks again that nothing else changed meanwhile.
        replan: plans the same change anew on what stands now.
        nothing: the change would change nothing, and that is no error: what to say instead.
        question: replaces the cmdlet's own question.
        report: what to show whether or not the change is made.
        preview: what `-WhatIf` shows in place of the report, or a function that gives it where it costs something.
        compared: gives both documents for comparing, where they differ in more than they show: in secrets.
        keep: writes what is to stay whether or not the questions are answered with yes, such as a model that took an
            hour to train; `-WhatIf` alone leaves it out. `kept` says what that is, for an answer of no.
    """

    target: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    commit: Callable[[], Any]
    replan: Callable[[], Outcome] | None = None
    warnings: Sequence[str] = field(default_factory=tuple)
    nothing: str | None = None
    question: str | None = None
    report: Any = None
    preview: Any = None
    compared: Callable[[], tuple[dict[str, Any], dict[str, Any]]] | None = None
    keep: Callable[[], None] | None = None
    kept: str = ""

    @property
    def created(self) -> bool:
        return self.before is None and self.after is not None

    def apply(self, *, again: bool = False) -> Any:
        """Make the change.

        Args:
            again: when another change came between, plan anew and try again instead of refusing; right where nobody
                was shown this plan.

        Raises:
            PreconditionFailed: `EtagChanged`: another change came between.
        """
        outcome = self
        for _ in range(_MOST_TRIES):
            try:
                return outcome.commit()
            except PreconditionFailed as error:
                if not again or outcome.replan is None or "EtagChanged" not in error.codes():
                    raise
                outcome = outcome.replan()
        return outcome.commit()
