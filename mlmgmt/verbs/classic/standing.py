"""Finding what stands in a Classic workspace: a web service by its id or name, an endpoint by its name."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail, NotFound
from mlmgmt.ids import EndpointId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

DEFAULT = "default"
"""The endpoint that every web service has, and that follows its experiment."""
_HEX = re.compile("[0-9a-f]{32}")


def web_service(session: Session, named: str) -> dict[str, Any]:
    """A web service of the workspace, by its id, or by its name in any letter case.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`.
        BadRequest: `AmbiguousWebService`: several have that name.
    """
    key = named.strip().casefold()
    if _HEX.fullmatch(key):
        body = session.store.web_services.read(session.workspace, key)
        if body is not None and _stands(session, body):
            return body
    known = web_services(session)
    found = [body for body in known if body["Name"].casefold() == key]
    if len(found) > 1:
        message = f"{len(found)} web services are called {named!r}; name one by its id."
        hint = ", ".join(body["Id"] for body in found)
        details = [Detail("AmbiguousWebService", message)]
        raise BadRequest(message, target="WebServiceId", details=details, hint=hint)
    if not found:
        message = f"The workspace has no web service {named!r}."
        listed = ", ".join(f"{body['Id']} ({body['Name']})" for body in known[:10])
        raise NotFound(
            "The web service cannot be found.",
            target=named,
            details=[Detail("WebServiceIdNotFoundInWorkspace", message)],
            hint=f"There are: {listed}." if known else "Deploy one: mlmgmt New-AmlWebService",
        )
    return found[0]


def web_services(session: Session) -> list[dict[str, Any]]:
    """The web services of the workspace, oldest first."""
    return [body for body in session.store.web_services.all(session.workspace) if _stands(session, body)]


def _stands(session: Session, body: Mapping[str, Any]) -> bool:
    """Whether a web service was made whole, which its default endpoint is the last step of, and was not removed."""
    default = EndpointId(body["WorkspaceId"], body["Id"], DEFAULT)
    return "RemovedTime" not in body and os.access(session.store.services.path_of(default, 1), os.F_OK)


def owner(session: Session, identity: EndpointId) -> dict[str, Any]:
    """The web service that an endpoint belongs to.

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
    """The id of an endpoint, whether or not it stands; its web service does.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`.
    """
    service = web_service(session, web_service_id)
    return EndpointId(service["WorkspaceId"], service["Id"], endpoint_name.strip().casefold())


def endpoint(session: Session, web_service_id: str, endpoint_name: str) -> Revision:
    """The revision of an endpoint that answers.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`, `EndpointNotFound`.
    """
    return existing(session, endpoint_id(session, web_service_id, endpoint_name))


def existing(session: Session, identity: EndpointId) -> Revision:
    """The revision of an endpoint that answers.

    Raises:
        NotFound: `EndpointNotFound`.
    """
    found = session.store.services.latest(identity)
    if found is None or found.removed:
        message = f"The web service {owner(session, identity)['Name']!r} has no endpoint {identity.name!r}."
        if found is not None:
            hint = f"It was removed; bring it back with: mlmgmt restore {identity.words}"
        else:
            names = session.store.services.endpoint_names(identity.workspace, identity.service)
            hint = f"There are: {', '.join(names[:10])}{' ...' if len(names) > 10 else ''}."
        raise NotFound(
            "The endpoint cannot be found.",
            target=identity.name,
            details=[Detail("EndpointNotFound", message, str(identity))],
            hint=hint,
        )
    return found
