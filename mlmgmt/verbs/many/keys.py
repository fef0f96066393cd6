"""What is known of each key before anything is done: its name, what its model would be made with, what answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import MlmgmtError
from mlmgmt.store.retrainings import MEMBERS
from mlmgmt.verbs.many import results
from mlmgmt.verbs.runs import models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmgmt.definition.assets import TrainedModel
    from mlmgmt.store import blobs
    from mlmgmt.verbs.many.data import Table
    from mlmgmt.verbs.many.targets import Target
    from mlmgmt.verbs.session import Session

UNCHANGED, NOT_BETTER = "Unchanged", "NotBetter"


@dataclass(frozen=True, slots=True)
class Task:
    """A key with work to do.

    Args:
        data: a digest of its data; `input` one of all that its model is made with.
        kept: where its model is, or will be.
    """

    table: Table
    name: str
    data: str
    input: str
    kept: blobs.Blob


class Standing:
    """What stands for the keys of one scoring service.

    Args:
        model: the place of the models in it.
        metric: by which a model has to be better to be deployed; None where it need not be.
    """

    def __init__(self, session: Session, target: Target, model: TrainedModel, metric: str | None) -> None:
        self._session, self._target, self._asset, self._metric = session, target, model.asset_id, metric
        self._default_digest = target.template.model_digests.get(self._asset)
        self._default = self.trusted(self._default_digest)

    def owners(self, found: Sequence[Table]) -> dict[str, Table]:
        """Whose each name is: of keys that come to the same one, the one that has it already, else the first."""
        owners: dict[str, Table] = {}
        for table in found:
            if (name := self._target.name(table.key)) not in owners:
                owners[name] = table
            elif table.key != owners[name].key:
                body = self._session.store.retrainings.read(self._target.template.resource, name)
                if body is not None and body["Key"] == table.key:
                    owners[name] = table
        return owners

    def known(self, task: Task) -> dict[str, Any] | None:
        """The row of a key whose model is made of the same, and answers or was not better."""
        body = self._session.store.retrainings.read(self._target.template.resource, task.name)
        if body is None or body["Key"] != task.table.key or body["Input"] != task.input:
            return None
        stands = self._session.store.services.current(self._target.identity(task.name)) is not None
        if not stands and body["Decision"] == self._target.deployed:
            return None
        if body["Decision"] == NOT_BETTER and body["Against"] != self.against(task):
            return None
        reason = body["Reason"]
        if body["Decision"] == self._target.deployed and self.answers(task) != body["Model"]:
            reason = "Another model answers since; that is left alone."
        return results.row(**{name: body[name] for name in MEMBERS}) | {"Decision": UNCHANGED, "Reason": reason}

    def model(self, task: Task) -> bytes | None:
        """The model that answers so far: the one of the key, else the one that a new one begins with."""
        digest = self.answers(task)
        return self._default if digest == self._default_digest else self.trusted(digest)

    def answers(self, task: Task) -> str | None:
        """The digest of that model."""
        current = self._session.store.services.current(self._target.identity(task.name))
        if current is None:
            return self._default_digest
        found: str | None = current.models.get(self._asset, {}).get("digest")
        return found

    def against(self, task: Task) -> list[str | None] | None:
        """What decides whether a key's model is deployed: a metric, and the model that it is compared with."""
        return None if self._metric is None else [self._metric, self.answers(task)]

    def trusted(self, digest: str | None) -> bytes | None:
        """The file of a model that this home keeps; None where there is none that it believes."""
        try:
            return models.trusted_file(self._session, digest) if digest else None
        except MlmgmtError:
            return None
