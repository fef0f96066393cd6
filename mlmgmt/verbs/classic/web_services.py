"""Classic web services: each is deployed from an experiment (see `deploying`) and has a default endpoint."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlmgmt.counts import count_of
from mlmgmt.store import lock
from mlmgmt.store.secrets import new_key
from mlmgmt.store.services import CREATED
from mlmgmt.verbs.outcome import Outcome, no_comparison
from mlmgmt.verbs.services import changes, endpoint_facts, finding, webservices
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlmgmt.ids import EndpointId
    from mlmgmt.store.classic import WebService
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.services import deployment
    from mlmgmt.verbs.session import Session

WRITE = "Microsoft.MachineLearning/workspaces/webservices/write"
_DELETE = "Microsoft.MachineLearning/workspaces/webservices/delete"


def get(session: Session, *, web_service_id: str | None = None) -> dict[str, Any] | list[dict[str, Any]]:
    """Return the web services of the workspace, or the one with this id or name.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`.
    """
    if web_service_id is not None:
        return view(session, finding.web_service(session, web_service_id))
    return [view(session, body) for body in finding.web_services(session)]


def view(session: Session, body: WebService) -> dict[str, Any]:
    """Return a web service with the members that the original service answered with."""
    count = session.store.services.count_endpoints(body["WorkspaceId"], body["Id"])
    shown = {name: body[name] for name in ("Id", "Name", "Description", "CreationTime", "WorkspaceId")}
    return shown | {"DefaultEndpointName": finding.DEFAULT, "EndpointCount": count}


def endpoint_creation(
    session: Session,
    identity: EndpointId,
    document: Mapping[str, Any],
    facts: Mapping[str, Any],
    deployed: deployment.Deployment,
    *,
    message: str | None = None,
    source: str | None = None,
    warnings: Iterable[str] = (),
) -> Outcome:
    """Return the outcome of creating an endpoint from a definition, with new keys."""
    body, secrets = changes.split_secrets(document)
    secrets["keys"] = {"primary": new_key(), "secondary": new_key()}
    head = {"id": str(identity), "name": identity.name, "type": identity.type}
    rest = {name: value for name, value in body.items() if name not in head}
    change = changes.Change(
        CREATED,
        head | rest | {endpoint_facts.MEMBER: dict(facts)},
        secrets,
        deployed,
        message,
        source,
        session.store.services.latest(identity),
    )
    return changes.planned_write(
        session, identity, change, lambda revision: revision, warnings=warnings, compared=no_comparison
    )


@contextmanager
def locked(session: Session, service: str) -> Iterator[None]:
    """Lock a web service: nobody else can add endpoints to it, remove it or restore it.

    To avoid a deadlock, lock the web service before any of its endpoints.
    """
    with lock.hold(session.store.home.root, f"webservices/{service}"):
        yield


def _endpoints(session: Session, body: WebService) -> list[Revision[EndpointId]]:
    """Return the endpoints of a web service, the default one last."""
    found = session.store.services.endpoints(body["WorkspaceId"], body["Id"])
    return sorted(found, key=lambda revision: finding.is_default(revision.resource))


def plan_remove(session: Session, *, web_service_id: str, message: str | None = None) -> Outcome:
    """Plan to remove a web service with all its endpoints; their histories are kept.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`.
    """
    body = finding.web_service(session, web_service_id)
    session.require(_DELETE, body["Id"])
    count = len(_endpoints(session, body))

    def commit() -> str:
        with locked(session, body["Id"]):
            # Read it again: it may be removed by now, or an interrupted removal may have noted its endpoints.
            fresh = finding.web_service(session, body["Id"])
            found = _endpoints(session, fresh)
            names = {*fresh.get("RemovedEndpoints", ()), *(revision.resource.name for revision in found)}
            noted: WebService = {**fresh, "RemovedEndpoints": sorted(names)}
            # Mark the web service itself last: if this is interrupted, it still exists and can be removed again.
            session.store.web_services.write(noted)
            for revision in found:
                why = message or f"with the web service {body['Name']}"
                webservices.removal(session, revision.resource, why).apply(again=True)
            session.store.web_services.write({**noted, "RemovedTime": stamp(session.clock())})
        return f"The web service {body['Name']!r} ({body['Id']}) is removed."

    question = f"Remove the web service {body['Name']!r} and its {count_of(count, 'endpoint')}?"
    return Outcome(
        target=body["Name"],
        before=view(session, body),
        after=None,
        commit=commit,
        question=question,
        compared=no_comparison,
    )
