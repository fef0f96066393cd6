"""Where each key's model is deployed: to an endpoint of a Classic web service, or to a separate New web service."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from mlmgmt.definition import assets
from mlmgmt.definition.document import compact
from mlmgmt.ids import EndpointId, ResourceId, fold
from mlmgmt.verbs.classic import endpoints, patching
from mlmgmt.verbs.outcome import Outcome, replannable
from mlmgmt.verbs.services import changes, endpoint_facts, finding, lookup, webservices
from mlmgmt.verbs.userfiles import Source

if TYPE_CHECKING:
    from mlmgmt.definition.assets import TrainedModel
    from mlmgmt.ids import ServiceId
    from mlmgmt.store.blobs import Blob
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

_MARK = 8
"""Characters of the key's digest at the end of a name that differs from its key."""
_ODD = re.compile(r"[^a-z0-9]+")
_SOURCE = "retrain-many"


class Target(Protocol):
    """Where the models of keys are deployed."""

    deployed: str
    """The decision in the table for a key whose model was deployed."""

    @property
    def template(self) -> Revision:
        """The revision that a new endpoint or web service starts as."""

    def identity(self, name: str) -> ServiceId:
        """Return the id for a name, whether or not it exists."""

    def name(self, key: str) -> str:
        """Return the name for a key, always the same."""

    def add(self, name: str) -> None:
        """Create the endpoint or web service."""

    def deploy(self, name: str, model: TrainedModel, blob: Blob, data: bytes, message: str) -> None:
        """Deploy a model that is saved in a blob."""


class Endpoints:
    """Endpoints of a Classic web service, whose models are PATCHed."""

    deployed = "Patched"

    def __init__(self, session: Session, service: str, *, prefix: str, throttle_level: str | None) -> None:
        self._session, self._prefix, self._level = session, prefix, throttle_level
        self.template = finding.endpoint(session, service, finding.DEFAULT)
        self._default = self.template.resource
        if prefix:
            endpoint_facts.check_name(prefix)

    def identity(self, name: str) -> EndpointId:
        return EndpointId(self._default.workspace, self._default.service, name)

    def name(self, key: str) -> str:
        plain = self._prefix + _ODD.sub("", fold(key))
        if plain == self._prefix + fold(key) and len(plain) <= endpoint_facts.LONGEST_NAME and plain != finding.DEFAULT:
            return plain
        return plain[: endpoint_facts.LONGEST_NAME - _MARK] + _mark(key)

    def add(self, name: str) -> None:
        endpoints.plan_add(
            self._session,
            web_service_id=self._default.service,
            endpoint_name=name,
            throttle_level=self._level,
            message=_SOURCE,
        ).apply(again=True)

    def deploy(self, name: str, model: TrainedModel, blob: Blob, data: bytes, message: str) -> None:
        location = {"BaseLocation": blob.base_location, "RelativeLocation": blob.relative_location}
        patching.plan_change(
            self._session,
            web_service_id=self._default.service,
            endpoint_name=name,
            resources=[patching.Replacement(model.name, location)],
            message=message,
        ).apply(again=True)


class Services:
    """New web services of one group, whose models are updated."""

    deployed = "Updated"

    def __init__(self, session: Session, group: str, name: str, *, prefix: str) -> None:
        self._session = session
        self.template = lookup.existing(session, group, name)
        changes.refuse_read_only(self.template)
        self._template, self._prefix = self.template.resource, prefix or f"{self.template.document['name']}-"

    def identity(self, name: str) -> ResourceId:
        return self._session.service_id(self._template.group, name)

    def name(self, key: str) -> str:
        plain = self._prefix + re.sub(r"[^A-Za-z0-9._-]+", "-", key).strip(".-")
        if plain == self._prefix + key and len(plain) <= 100 and fold(plain) != fold(self._template.name):
            return plain
        return f"{plain[:90]}-{_mark(key)}"

    def add(self, name: str) -> None:
        public = lookup.public(self._session, self.template)
        copied = {member: public[member] for member in ("location", "tags", "properties") if member in public}
        webservices.plan_create(
            self._session,
            group=self._template.group,
            name=name,
            location=str(copied["location"]),
            definition=Source(f"web service {self._template.name}", compact(copied)),
            message=_SOURCE,
            only_new=True,
        ).apply(again=True)

    def deploy(self, name: str, model: TrainedModel, blob: Blob, data: bytes, message: str) -> None:
        self._update(name, model, blob, data, message).apply(again=True)

    @replannable
    def _update(self, name: str, model: TrainedModel, blob: Blob, data: bytes, message: str) -> Outcome:
        return webservices.plan_change(
            self._session,
            lookup.existing(self._session, self._template.group, name),
            assets.relocation(model, blob.uri),
            message=message,
            source=_SOURCE,
            held={blob.uri: data},
        )


def _mark(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:_MARK]
