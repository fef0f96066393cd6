"""Find out who sends a request to a Classic workspace: someone with its token, or with the key of the endpoint."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mlmgmt.errors import BadArgument, Detail, HomeError, MlmgmtError, NotFound, Unauthorized
from mlmgmt.ids import EndpointId, is_guid
from mlmgmt.protocol.operation import STUDIO_HEADER
from mlmgmt.verbs.classic import workspaces
from mlmgmt.verbs.services import endpoint_facts
from mlmgmt.verbs.session import CONTRIBUTOR, READER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.ids import ServiceId
    from mlmgmt.protocol.operation import Operation
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.scoring.serving import Finder
    from mlmgmt.verbs.session import Session

_ALLOWED_BY_KEY = frozenset(f"ClassicEndpoints_{name}" for name in ("Get", "Patch", "Refresh", "Delete"))
"""Operations for which the key of the endpoint that the path names is enough."""
_MISSING = "The workspace cannot be found."


def caller(
    session: Session,
    operation: Operation,
    path: Mapping[str, str],
    headers: Mapping[str, str],
    tell: Callable[[str], None],
) -> Session:
    """Return a session for the owner of the token or key in the headers, in the workspace that the path names.

    Raises:
        Unauthorized: `ManagementRequestUnauthorized`. NotFound: `WorkspaceNotFound`.
        BadRequest: `WebServiceIdInvalid`.
    """
    token = _token(operation, headers)
    if not token:
        raise _unauthorized("The request has no workspace token.")
    workspace = existing_id(session, path["workspaceId"])
    check_service_id(path)
    acting = session.on_same_home(tell=tell, show_warning=tell, workspace_option=workspace)
    if workspaces.opens(session, workspace, token):
        return acting.acting_as(f"a token of the workspace {workspace}", CONTRIBUTOR)
    if operation.name in _ALLOWED_BY_KEY and _has_web_service(session, workspace, path["webServiceId"]):
        name = path["endpointName"]
        acting = acting.acting_as(f"a key of {name}", CONTRIBUTOR, by_key=True)
        address = {"web_service_id": path["webServiceId"], "endpoint_name": name}
        if workspaces.opens_endpoint(acting, address, token):
            return acting
    raise _unauthorized("Invalid credentials provided.")


def _has_web_service(session: Session, workspace: str, service: str) -> bool:
    # Checked first, since for an unknown id the verbs would search all web services by name.
    try:
        return session.store.web_services.read(workspace, service.casefold()) is not None
    except HomeError:
        # The caller has proved nothing yet, so the answer says nothing about a damaged file.
        return False


def public_endpoint(session: Session, path: Mapping[str, str], finder: Finder) -> tuple[Session, Revision]:
    """Return the endpoint that a path names by id or by name, and a session with the role Reader.

    For what needs no proof.

    Raises:
        NotFound: `WorkspaceNotFound`, `EndpointNotFound`. BadRequest: `WebServiceIdInvalid`.
    """
    workspace = existing_id(session, path["workspaceId"])
    check_service_id(path)
    acting = session.acting_as("anybody", READER, workspace_option=workspace)
    service, name = path["webServiceId"].casefold(), path["endpointName"]
    identity: ServiceId = EndpointId(workspace, service, name.casefold())
    if is_guid(name):
        # An id is longer than any endpoint's name.
        with suppress(NotFound):
            identity = finder.find(name)
    here = isinstance(identity, EndpointId) and (identity.workspace, identity.service) == (workspace, service)
    # A name that no endpoint can have is not looked up: it may be too long for a file name.
    found = session.store.services.current(identity) if here and endpoint_facts.is_valid_name(identity.name) else None
    if found is None:
        message = "There is no such endpoint in the workspace."
        raise NotFound("The endpoint cannot be found.", details=[Detail("EndpointNotFound", message)])
    return acting, found


def existing_id(session: Session, workspace: str) -> str:
    """Return the id of a workspace of this home, as the home spells it.

    The error lists no other workspaces: the caller has proved nothing yet.

    Raises:
        NotFound: `WorkspaceNotFound`.
    """
    try:
        return str(workspaces.existing(session, workspace)["WorkspaceId"])
    except NotFound:
        message = f"There is no workspace {workspace[:64]!r} in this home."
        raise NotFound(_MISSING, details=[Detail("WorkspaceNotFound", message)]) from None


def check_service_id(path: Mapping[str, str]) -> None:
    """Refuse a web service in a path that is not an id; only the command line takes names.

    Raises:
        BadRequest: `BadArgument`, `WebServiceIdInvalid`.
    """
    given = path.get("webServiceId")
    if given is not None and not is_guid(given):
        message = f"{given[:64]!r} is not the id of a web service, which has 32 hexadecimal digits."
        raise BadArgument("WebServiceIdInvalid", message, "webServiceId")


def _token(operation: Operation, headers: Mapping[str, str]) -> str:
    """Return the request's token: each API has its header, and falls back to that of the other."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    shown = bearer.strip() if scheme.casefold() == "bearer" else ""
    own = headers.get(STUDIO_HEADER, "").strip()
    return own or shown if operation.of_studio else shown or own


def _unauthorized(message: str) -> Unauthorized:
    return Unauthorized(
        "Request is unauthorized to access resource.",
        details=[Detail("ManagementRequestUnauthorized", message)],
        hint="The workspace's token is in its config.json: mlmgmt workspace-config",
    )


def studio_error(error: MlmgmtError) -> dict[str, dict[str, object]]:
    """Return an error in the form of Studio's own API."""
    details = [{"Code": found.code, "Message": found.message, "Target": found.target} for found in error.details]
    body: dict[str, object] = {
        "Code": error.code,
        "Message": error.message,
        "Target": error.target,
        "Details": details,
        "InnerError": None,
        "DebugInfo": None,
    }
    return {"Error": body | ({"Hint": error.hint} if error.hint else {})}
