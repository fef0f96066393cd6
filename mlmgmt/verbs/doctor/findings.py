"""The findings of the doctor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmgmt.errors import MlmgmtError

OK, PROBLEM, SKIPPED = "ok", "problem", "skipped"


@dataclass(slots=True)
class Findings:
    """Checks in the order they were made: `Check`, `Result`, `Note`, and the `Cure` of a problem."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def ok(self, check: str, note: str) -> None:
        self._add(check, OK, note, None)

    def problem(self, check: str, note: str, cure: str | None = None) -> None:
        """Add a problem; its cure is a command, or what to write instead."""
        self._add(check, PROBLEM, note, cure)

    def skip(self, check: str, why: str) -> None:
        self._add(check, SKIPPED, why, None)

    def error(self, check: str, error: MlmgmtError, cure: str | None = None) -> None:
        """Add an error as a problem."""
        self.problem(check, summary(error), cure or error.hint)

    def has_problem(self, *checks: str) -> bool:
        """Whether there is a problem: in any check, or in one of these."""
        return any(row["Result"] == PROBLEM and (not checks or row["Check"] in checks) for row in self.rows)

    def _add(self, check: str, result: str, note: str, cure: str | None) -> None:
        self.rows.append({"Check": check, "Result": result, "Note": note, "Cure": cure})


def summary(error: MlmgmtError) -> str:
    """Return an error in one line: its code, and the messages of its details."""
    messages = list(dict.fromkeys(detail.message for detail in error.details)) or [error.message]
    return f"{(error.codes()[1:] or error.codes())[0]}: {' '.join(messages)}"
