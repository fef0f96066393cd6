"""A web service ready for many requests: the revision that answers, its keys, and its scorer."""

from __future__ import annotations

import hmac
import os
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from mlmgmt.definition import graph
from mlmgmt.errors import BadRequest, Detail, MlmgmtError, NotFound, Unauthorized
from mlmgmt.ids import EndpointId, is_guid, service_guid
from mlmgmt.verbs.runs import artifacts
from mlmgmt.verbs.runs.artifacts import TABLE_SUFFIXES
from mlmgmt.verbs.scoring import scoring
from mlmgmt.verbs.services import endpoint_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.ids import ServiceId
    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.learning.scorer import Scorer
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

NONE, ALL = "None", "All"
_SETTLED = 100_000_000
"""Nanoseconds after which two changes of a folder cannot have the same modification time."""


class Serving:
    """One revision of a web service.

    Args:
        revision: the current one when this object was made; `is_current` says whether it still is.
    """

    def __init__(self, session: Session, revision: Revision) -> None:
        self.revision, self.resource = revision, revision.resource
        secrets = session.store.service_secrets(self.resource)
        pair: Mapping[str, str] = secrets.get("keys") or {}
        self._keys = tuple(pair[side].encode() for side in ("primary", "secondary") if pair.get(side))
        self._next = session.store.services.path_of(self.resource, revision.number + 1)
        self.digests = revision.model_digests
        properties = revision.document["properties"]
        realtime = properties.get("realtimeConfiguration") or {}
        own = revision.document.get(endpoint_facts.MEMBER) or realtime
        self.most_calls = int(own.get("maxConcurrentCalls") or 0)
        self._diagnostics: Mapping[str, Any] = properties.get("diagnostics") or {}

    @property
    def diagnoses(self) -> bool:
        """Whether `diagnostics` turns on any log."""
        return str(self._diagnostics.get("level") or NONE).casefold() != NONE.casefold()

    @property
    def is_current(self) -> bool:
        """Whether no newer revision is committed. This checks one file name, in microseconds."""
        return not os.access(self._next, os.F_OK)

    def check_key(self, authorization: bytes) -> None:
        """Check an Authorization header against both keys, in a time that does not depend on them.

        Raises:
            Unauthorized: `ScoreRequestUnauthorized`.
        """
        scheme, _, given = authorization.partition(b" ")
        given = given.strip()
        matches = [hmac.compare_digest(given, key) for key in self._keys]
        if not any(matches) or scheme.lower() != b"bearer":
            raise Unauthorized(
                "Request is unauthorized to access resource.",
                details=[Detail("ScoreRequestUnauthorized", "Invalid credentials provided.")],
            )

    def logs(self, now: datetime, *, failed: bool) -> bool:
        """Whether `diagnostics` requires that a call is logged."""
        if not self.diagnoses or (str(self._diagnostics["level"]).casefold() != ALL.casefold() and not failed):
            return False
        expiry = self._diagnostics.get("expiry")
        if not isinstance(expiry, str):
            return True
        try:
            until = datetime.fromisoformat(expiry)
        except ValueError:
            return True
        return now < (until if until.tzinfo else until.replace(tzinfo=now.tzinfo))

    @property
    def key_of_scorer(self) -> tuple[Any, ...]:
        """Revisions with the same key can share a scorer."""
        labels = sorted(str(body["label"]["name"]) for body in self.revision.models.values() if "label" in body)
        return graph.digest(self.revision.document), *sorted(self.digests.items()), *labels


class Scopes(NamedTuple):
    """What comes before the id in the addresses of a web service.

    Args:
        subscription: without dashes; None for an endpoint, which does not belong to a subscription.
        workspace: for a New web service, the home's first workspace, since some clients use that form.
    """

    subscription: str | None
    workspace: str


def scopes(session: Session, resource: ServiceId) -> Scopes:
    """Return the scopes in which the addresses of a web service or an endpoint are valid."""
    home = session.store.home
    if isinstance(resource, EndpointId):
        return Scopes(None, resource.workspace)
    return Scopes(home.subscription.replace("-", "").casefold(), home.workspace)


class Finder:
    """Finds web services by their addresses. It lists them again only after a change, so unknown ids cost little."""

    def __init__(self, session: Session) -> None:
        self._services = session.store.services
        self._known: tuple[Any, dict[str, ServiceId]] = None, {}

    def find(self, guid: str) -> ServiceId:
        """Return the web service whose address contains these 32 hexadecimal digits; it may have been removed.

        Raises:
            NotFound: `WebServiceNotFound`.
        """
        if not is_guid(guid):
            raise not_found(guid)
        if (noted := self._services.endpoint_of(guid.casefold())) is not None:
            return noted
        moment, stamps = time.time_ns(), self._services.folder_times()
        known_stamps, known = self._known
        if known_stamps != stamps:
            known = {service_guid(identity): identity for identity in self._services.identities()}
            # A change in the next moment could have the same time stamp as the last one, so do not cache yet.
            if all(stamp < moment - _SETTLED for stamp in stamps.values()):
                self._known = stamps, known
        if (found := known.get(guid.casefold())) is None:
            raise not_found(guid)
        return found


def not_found(guid: str) -> NotFound:
    message = f"No web service has the id {guid[:64]!r}."
    hint = "A Classic address contains the id of an endpoint, not of its web service: see the endpoint's ApiLocation."
    return NotFound("The resource cannot be found.", details=[Detail("WebServiceNotFound", message)], hint=hint)


def load(session: Session, resource: ServiceId, guid: str) -> Serving:
    """Load the current revision of a web service.

    Raises:
        NotFound: `WebServiceNotFound`.
    """
    revision = session.store.services.current(resource)
    if revision is None:
        raise not_found(guid)
    return Serving(session, revision)


def ports(revision: Revision) -> tuple[list[str], list[str]] | None:
    """Return the inputs of a revision and its outputs that are tables; None if its graph cannot be run here."""
    from mlmgmt.learning.plan import GraphPlan

    try:
        plan = GraphPlan(revision.document)
        return plan.needs_inputs(), _tables(plan)
    except MlmgmtError:
        return None


def _tables(plan: GraphPlan) -> list[str]:
    try:
        kinds = artifacts.output_suffixes(plan)
    except BadRequest:
        # One output cannot be written to a file; only a run can show which of the others are tables.
        return plan.outputs()
    return [output for output, suffixes in kinds.items() if suffixes == TABLE_SUFFIXES]


def scorer(session: Session, serving: Serving) -> Scorer:
    """Return a scorer for a revision, with its models open and its graph compiled.

    Raises:
        ModuleNotSupported, BadRequest: the graph cannot be run.
        NotFound: `ModelPackageNotFound`. UntrustedModel.
    """
    ready = scoring.scorer_of(session, serving.revision)
    if not _tables(ready.plan):
        message = f"{serving.resource.name!r} cannot score: its outputs are not tables."
        raise BadRequest(message, detail="IncompatibleModel", code="InvalidOperation", hint="Run it as a batch job.")
    # The property compiles on first use; compile now, and not during the first request.
    ready.is_instant  # noqa: B018
    return ready
