"""A change in two steps: plan it, so that it can be shown and questioned, then apply it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ParamSpec

from mlmgmt.errors import Conflict, Declined, PreconditionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlmgmt.verbs.session import Session

_MOST_TRIES = 20
_ETAG_CHANGED = "EtagChanged"
_P = ParamSpec("_P")


def no_comparison() -> tuple[dict[str, Any], dict[str, Any]]:
    """For `Outcome.compared`, where the documents are not definitions: they are shown and not compared."""
    return {}, {}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a change would do. Nothing has been written yet: `commit` writes, and `carry_out` and `apply` call it.

    Args:
        target: the name of the resource that changes.
        before: its current document; None when it is created.
        after: its document after the change; None when it is removed.
        commit: makes the change and returns what to show; first it checks again that nothing else changed meanwhile.
        replan: plans the same change again, on the current state; see `replannable`.
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
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    commit: Callable[[], Any]
    replan: Callable[[], Outcome] | None = None
    warnings: Sequence[str] = ()
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

    def with_answer(self, answer: Callable[[Any], Any]) -> Outcome:
        """Return the same change with an answer computed from the current one."""
        return replace(self, commit=lambda: answer(self.commit()))

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
                if not again or outcome.replan is None or _ETAG_CHANGED not in error.codes():
                    raise
                outcome = outcome.replan()
        return outcome.commit()


def replannable(plan: Callable[_P, Outcome]) -> Callable[_P, Outcome]:
    """Decorate a function that plans: its outcome can repeat the call on the current state."""

    @wraps(plan)
    def planned(*args: _P.args, **kwargs: _P.kwargs) -> Outcome:
        return replace(plan(*args, **kwargs), replan=partial(planned, *args, **kwargs))

    return planned


def changed_meanwhile(message: str, target: str) -> PreconditionFailed:
    """Return the error of a commit before which another change came; `apply` can plan it again."""
    hint = "Get it again, then repeat the command."
    return PreconditionFailed(message, detail=_ETAG_CHANGED, target=target, hint=hint)


def _pass(_: Outcome) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Gates:
    """What a face puts between a plan and its change. Without gates the change is made without questions.

    Args:
        preview: shows the change instead of making it, and returns what to answer.
        should_process: asks before anything is written, also before `Outcome.keep`; raises `Declined`.
        should_continue: asks before the change; raises `Declined`.
        show_report: shows the report before the second question; returns what is left of it to answer.
        again: see `Outcome.apply`.
    """

    preview: Callable[[Outcome], Any] | None = None
    should_process: Callable[[Outcome], None] = _pass
    should_continue: Callable[[Outcome], None] = _pass
    show_report: Callable[[Outcome], Any] | None = None
    again: bool = True


NO_GATES = Gates()


def carry_out(
    session: Session,
    plan: Outcome | Callable[[], Outcome],
    gates: Gates = NO_GATES,
    *,
    unchanged: Callable[[], Any] | None = None,
) -> Any:
    """Carry out a change in the one order for all faces: warnings, what is kept, questions, the change, the report.

    Args:
        plan: the planned change, or a function that plans it.
        unchanged: returns the answer when the change would change nothing; None refuses it.

    Raises:
        Declined: an answer was no.
        Conflict: `NothingChanged`, unless `unchanged` is given.
        PreconditionFailed: see `Outcome.apply`.
    """
    try:
        outcome = plan() if callable(plan) else plan
        for warning in outcome.warnings:
            session.warn(warning)
        if outcome.nothing is not None:
            session.tell(outcome.nothing)
            return None
        if gates.preview is not None:
            return gates.preview(outcome)
        gates.should_process(outcome)
        if outcome.keep is not None:
            outcome.keep()
        report = outcome.report if gates.show_report is None else gates.show_report(outcome)
        try:
            gates.should_continue(outcome)
        except Declined as error:
            message = f"{error.message} {outcome.kept}".strip()
            raise Declined(message, details=error.details, hint=error.hint, report=report) from None
        applied = outcome.apply(again=gates.again)
    except Conflict as error:
        if unchanged is None or "NothingChanged" not in error.codes():
            raise
        return unchanged()
    if outcome.report is None:
        return applied
    return report | ({"WebService": applied} if applied is not None else {})
