"""A change in two steps: plan it, so that it can be shown and questioned, then apply it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import PreconditionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_TRIES = 20


def no_comparison() -> tuple[dict[str, Any], dict[str, Any]]:
    """For `Outcome.compared`, where the documents are not definitions: they are shown and not compared."""
    return {}, {}


@dataclass(slots=True)
class Outcome:
    """What a change would do. Nothing has been written yet.

    Args:
        target: the name of the resource that changes.
        before: its current document; None when it is created.
        after: its document after the change; None when it is removed.
        commit: makes the change and returns what to show; first it checks again that nothing else changed meanwhile.
        replan: plans the same change again, on the current state.
        nothing: what to say when the change would change nothing and that is not an error.
        question: replaces the cmdlet's own question.
        report: what to show even if the change is not made.
        preview: what `-WhatIf` shows instead of the report; a function where it is expensive to compute.
        compared: returns both documents for comparison, where `before` and `after` lack something: secrets.
        keep: writes what is worth keeping even if the user answers no, such as a model that took an hour to train; only
            `-WhatIf` does not call it.
        kept: a sentence about what `keep` wrote, shown after an answer of no.
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
            again: if another change came in between, plan again and retry instead of refusing. Use this only where the
                plan was not shown to anyone.

        Raises:
            PreconditionFailed: `EtagChanged`: another change came in between.
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
