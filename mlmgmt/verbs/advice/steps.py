"""Steps of a procedure: which of them are done, the facts that show it, and the command for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets
from mlmgmt.errors import MlmgmtError
from mlmgmt.protocol import states
from mlmgmt.verbs.storage import references

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmgmt.store import jobs
    from mlmgmt.store.blobs import Blob
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

NEW_DATA = "new-data.csv"
"""The name that commands have for the user's own file."""


@dataclass(slots=True)
class Steps:
    """Steps in order: `Step` (its number), `What`, `Done`, `Fact` and `Command`.

    `Done` is None if nothing in a home can show it.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, what: str, command: str, fact: str | None = None, *, done: bool | None = None) -> None:
        """Add a step; it is done if there is a fact, unless `done` is given."""
        state = fact is not None if done is None else done
        self._add(what, command, fact, state)

    def add_untracked(self, what: str, command: str) -> None:
        """Add a step that leaves no trace in a home."""
        self._add(what, command, None, None)

    def _add(self, what: str, command: str, fact: str | None, done: bool | None) -> None:
        number = len(self.rows) + 1
        self.rows.append({"Step": number, "What": what, "Done": done, "Fact": fact, "Command": command})

    @property
    def next(self) -> str | None:
        """The command of the first step that is not done; if all are done, of the last one, which can be repeated."""
        pending = [row for row in self.rows if row["Done"] is False]
        chosen = pending[0] if pending else self.rows[-1] if self.rows else None
        return None if chosen is None else str(chosen["Command"])


@dataclass(frozen=True, slots=True)
class Job:
    """The newest job of a training service; `model` is the blob of the model that it made."""

    body: jobs.Job
    model: Blob | None

    @property
    def id(self) -> str:
        return self.body["id"]

    @property
    def state(self) -> str:
        return self.body["state"]


def newest_job(session: Session, trainer: Revision | None) -> Job | None:
    """Return the newest job of a training service."""
    bodies = list(session.store.jobs.of(trainer.resource)) if trainer is not None else []
    if not bodies:
        return None
    return Job(bodies[-1], next(models_of(bodies[-1]), None))


def models_of(job: jobs.Job) -> Iterator[Blob]:
    """Yield the trained models in the results of a stored job."""
    for port, kept in (job.get("results") or {}).items():
        try:
            place = references.from_document(kept, port)
        except MlmgmtError:
            continue
        if place.path.casefold().endswith(assets.TRAINED_MODEL_SUFFIX):
            yield place


def add_training_step(steps: Steps, trainer: Revision | None, words: str, job: Job | None) -> None:
    """Add the step that trains a model: a batch job of the training service."""
    what = "Train a model on new data, as a batch job of the training service"
    submit = f"mlmgmt batch submit {words} --inputs {NEW_DATA} --start"
    if job is None or trainer is None:
        steps.add(what, submit)
        return
    fact = f"job {job.id} is {job.state}"
    ended = str(job.body.get("endedOn") or "")[:19]
    if job.state == states.FINISHED:
        steps.add(what, submit, f"{fact}, {ended}" if ended else fact)
    elif job.state in (states.FAILED, states.CANCELLED):
        steps.add(what, submit, fact, done=False)
    else:
        verb = "start" if job.state == states.NOT_STARTED else "wait"
        steps.add(what, f"mlmgmt batch {verb} {words} --job {job.id}", fact, done=False)


def uses_model_of(session: Session, revision: Revision | None, job: Job | None) -> bool:
    """Whether a service uses the model that a job made."""
    if revision is None or job is None or job.model is None:
        return False
    try:
        digest = sha256(session.store.blobs.read(job.model)).hexdigest()
    except MlmgmtError:
        return False
    return any(body.get("digest") == digest for body in revision.models.values())
