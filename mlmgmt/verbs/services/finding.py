"""Find things in a Classic workspace: a web service by its id or name, an endpoint by its name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlmgmt.errors import BadRequest, Detail, HomeError, NotFound
from mlmgmt.ids import EndpointId, is_guid
from mlmgmt.verbs.services import endpoint_facts

if TYPE_CHECKING:
    from typing import TypeGuard

    from mlmgmt.ids import ServiceId
    from mlmgmt.store.classic import WebService
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

DEFAULT = "default"
"""The endpoint that every web service has; it follows the experiment."""


def web_service(session: Session, named: str) -> WebService:
    """Return a web service of the workspace, by its id, or by its name in any letter case.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`.
        BadRequest: `AmbiguousWebService`: several web services have that name.
        HomeError: `HomeDamaged`: none was found, and one that may be the right one cannot be read.
    """
    key = named.strip().casefold()
    if is_guid(key):
        body = session.store.web_services.read(session.workspace, key)
        if body is not None and _is_complete(session, body):
            return body
    known, damage = _readable(session)
    found = [body for body in known if body["Name"].casefold() == key]
    if len(found) > 1:
        message = f"{len(found)} web services are named {named!r}; give an id."
        hint = ", ".join(body["Id"] for body in found)
        raise BadRequest(message, detail="AmbiguousWebService", target="WebServiceId", hint=hint)
    if not found and damage is not None:
        raise damage
    if not found:
        message = f"The workspace has no web service {named!r}."
        listed = ", ".join(f"{body['Id']} ({body['Name']})" for body in known[:10])
        raise NotFound(
            "The web service cannot be found.",
            target=named,
            details=[Detail("WebServiceIdNotFoundInWorkspace", message)],
            hint=f"Its web services: {listed}." if known else "Deploy one: mlmgmt New-AmlWebService",
        )
    return found[0]


def web_services(session: Session, workspace: str | None = None) -> list[WebService]:
    """Return the web services of a workspace, oldest first; of the session's workspace when None."""
    return [
        body for body in session.store.web_services.all(workspace or session.workspace) if _is_complete(session, body)
    ]


def _readable(session: Session) -> tuple[list[WebService], HomeError | None]:
    """Return the readable web services of the workspace, oldest first, and the error of one that is not readable."""
    found: list[WebService] = []
    damage = None
    for service in session.store.web_services.ids(session.workspace):
        try:
            body = session.store.web_services.read(session.workspace, service)
        except HomeError as error:
            damage = error
        else:
            found += [body] if body is not None and _is_complete(session, body) else []
    return sorted(found, key=lambda body: str(body["CreationTime"])), damage


def _is_complete(session: Session, body: WebService) -> bool:
    """Whether a web service is complete and was not removed. Its default endpoint is written last."""
    default = EndpointId(body["WorkspaceId"], body["Id"], DEFAULT)
    return "RemovedTime" not in body and os.access(session.store.services.path_of(default, 1), os.F_OK)


def owner(session: Session, identity: EndpointId) -> WebService:
    """Return the web service that an endpoint belongs to.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`.
    """
    body = session.store.web_services.read(identity.workspace, identity.service)
    if body is None or "RemovedTime" in body:
        message = f"The workspace has no web service {identity.service!r}."
        details = [Detail("WebServiceIdNotFoundInWorkspace", message)]
        raise NotFound("The web service cannot be found.", target=identity.service, details=details)
    return body


def endpoint_id(session: Session, web_service_id: str, endpoint_name: str) -> EndpointId:
    """Return the id of an endpoint, which need not exist, of a web service, which must.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`; `EndpointNotFound`: the name is not valid.
    """
    service = web_service(session, web_service_id)
    identity = EndpointId(service["WorkspaceId"], service["Id"], endpoint_name.strip().casefold())
    if not endpoint_facts.is_valid_name(identity.name):
        # Do not look for it: the name may be longer than a file name can be.
        raise _not_found(session, identity, removed=False)
    return identity


def is_default(identity: ServiceId) -> TypeGuard[EndpointId]:
    """Whether it is a default endpoint, which follows its experiment and is never updated."""
    return isinstance(identity, EndpointId) and identity.name == DEFAULT


def endpoint(session: Session, web_service_id: str, endpoint_name: str) -> Revision[EndpointId]:
    """Return the current revision of an endpoint, by its names.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`, `EndpointNotFound`.
    """
    return existing(session, endpoint_id(session, web_service_id, endpoint_name))


def existing(session: Session, identity: EndpointId) -> Revision[EndpointId]:
    """Return the current revision of an endpoint, by its id.

    Raises:
        NotFound: `EndpointNotFound`.
    """
    found = session.store.services.latest(identity)
    if found is None or found.removed:
        raise _not_found(session, identity, removed=found is not None)
    return found


def _not_found(session: Session, identity: EndpointId, *, removed: bool) -> NotFound:
    message = f"The web service {owner(session, identity)['Name']!r} has no endpoint {identity.name[:64]!r}."
    if removed:
        hint = f"It was removed. Restore it: mlmgmt restore {identity.words}"
    else:
        names = session.store.services.endpoint_names(identity.workspace, identity.service)
        hint = f"Its endpoints: {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}."
    return NotFound(
        "The endpoint cannot be found.",
        target=identity.name[:64],
        details=[Detail("EndpointNotFound", message, str(identity))],
        hint=hint,
    )
