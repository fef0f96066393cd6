"""What is known of each key before any training: its name, its task, its current model and its last result."""

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
    """A key whose model is to be trained.

    Args:
        data: a digest of its data; `input` is a digest of everything that its model is made with.
        blob: where its model is, or will be.
    """

    table: Table
    name: str
    data: str
    input: str
    blob: blobs.Blob


class Keys:
    """The current models and the last results of the keys of one scoring service.

    Args:
        model: the place of the models in the service.
        metric: the metric by which a new model must be better to be deployed; None if it is deployed anyway.
    """

    def __init__(self, session: Session, target: Target, model: TrainedModel, metric: str | None) -> None:
        self._session, self._target, self._asset, self._metric = session, target, model.asset_id, metric
        self._default_digest = target.template.model_digests.get(self._asset)
        self._default = self.trusted(self._default_digest)

    def owners(self, found: Sequence[Table]) -> dict[str, Table]:
        """Return the key that each name belongs to: if several give the same name, its earlier owner or the first."""
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
        """Return the row of a key that needs no training, since its inputs are the same; None for any other key."""
        body = self._session.store.retrainings.read(self._target.template.resource, task.name)
        if body is None or body["Key"] != task.table.key or body["Input"] != task.input:
            return None
        exists = self._session.store.services.current(self._target.identity(task.name)) is not None
        if not exists and body["Decision"] == self._target.deployed:
            return None
        if body["Decision"] == NOT_BETTER and body["Against"] != self.against(task):
            return None
        reason = body["Reason"]
        if body["Decision"] == self._target.deployed and self.answers(task) != body["Model"]:
            reason = "Another model was deployed since; it was not replaced."
        return results.row(**{name: body[name] for name in MEMBERS}) | {"Decision": UNCHANGED, "Reason": reason}

    def model(self, task: Task) -> bytes | None:
        """Return the file of the key's current model, else of the model of the scoring service."""
        digest = self.answers(task)
        return self._default if digest == self._default_digest else self.trusted(digest)

    def answers(self, task: Task) -> str | None:
        """Return the digest of the key's current model, else of the model of the scoring service."""
        current = self._session.store.services.current(self._target.identity(task.name))
        if current is None:
            return self._default_digest
        found: str | None = current.models.get(self._asset, {}).get("digest")
        return found

    def against(self, task: Task) -> list[str | None] | None:
        """Return the metric and the model that a key's new model is compared by; None without a metric."""
        return None if self._metric is None else [self._metric, self.answers(task)]

    def trusted(self, digest: str | None) -> bytes | None:
        """Return the file of a model that this home keeps; None if it is missing or not trusted."""
        try:
            return models.trusted_file(self._session, digest) if digest else None
        except MlmgmtError:
            return None
