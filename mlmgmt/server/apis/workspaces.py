"""Who asks for something in a Classic workspace: whoever has its token, or the key of the one endpoint in question."""

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

_OPENED_BY_KEY = frozenset(f"ClassicEndpoints_{name}" for name in ("Get", "Patch", "Refresh", "Delete"))
"""What the key of the endpoint that the path names is good for."""
_MISSING = "The workspace cannot be found."


def caller(
    session: Session,
    operation: Operation,
    path: Mapping[str, str],
    headers: Mapping[str, str],
    tell: Callable[[str], None],
) -> Session:
    """The session of whoever shows a proof, in the workspace that a path names.

    Raises:
        Unauthorized: `ManagementRequestUnauthorized`. NotFound: `WorkspaceNotFound`.
        BadRequest: `WebServiceIdInvalid`.
    """
    token = _token(operation, headers)
    if not token:
        raise _unauthorized("The request has no token of the workspace.")
    workspace = known(session, path["workspaceId"])
    check_service_id(path)
    if workspaces.opens(session, workspace, token):
        return _inside(session.acting_as(f"a token of the workspace {workspace}", CONTRIBUTOR, tell=tell), workspace)
    if operation.name in _OPENED_BY_KEY and _has(session, workspace, path["webServiceId"]):
        name = path["endpointName"]
        acting = _inside(session.acting_as(f"a key of {name}", CONTRIBUTOR, by_key=True, tell=tell), workspace)
        address = {"web_service_id": path["webServiceId"], "endpoint_name": name}
        if workspaces.opens_endpoint(acting, address, token):
            return acting
    raise _unauthorized("Invalid credentials provided.")


def _has(session: Session, workspace: str, service: str) -> bool:
    """Whether a workspace has had a web service of an id; of another one the verbs would look through all by name."""
    try:
        return session.store.web_services.read(workspace, service.casefold()) is not None
    except HomeError:
        # Nothing is told of its file: whoever asks may be anybody.
        return False


def public_endpoint(session: Session, path: Mapping[str, str], finder: Finder) -> tuple[Session, Revision]:
    """The endpoint that a path names by its id or its name, for whoever reads what everybody may; with the session of
    anybody, who is a Reader.

    Raises:
        NotFound: `WorkspaceNotFound`, `EndpointNotFound`. BadRequest: `WebServiceIdInvalid`.
    """
    workspace = known(session, path["workspaceId"])
    check_service_id(path)
    acting = _inside(session.acting_as("anybody", READER), workspace)
    service, name = path["webServiceId"].casefold(), path["endpointName"]
    identity: ServiceId = EndpointId(workspace, service, name.casefold())
    if is_guid(name):
        # Longer than any name can be.
        with suppress(NotFound):
            identity = finder.find(name)
    here = isinstance(identity, EndpointId) and (identity.workspace, identity.service) == (workspace, service)
    # A name that no endpoint can have is not even looked for: it may be longer than a file's name can be.
    found = session.store.services.current(identity) if here and endpoint_facts.is_valid_name(identity.name) else None
    if found is None:
        message = "There is no such endpoint in the workspace."
        raise NotFound("The endpoint cannot be found.", details=[Detail("EndpointNotFound", message)])
    return acting, found


def known(session: Session, workspace: str) -> str:
    """The id of a workspace of this home. Nothing is told of the others: whoever asks may be anybody.

    Raises:
        NotFound: `WorkspaceNotFound`.
    """
    try:
        return str(workspaces.existing(session, workspace)["WorkspaceId"])
    except NotFound:
        message = f"There is no workspace {workspace[:64]!r} in this home."
        raise NotFound(_MISSING, details=[Detail("WorkspaceNotFound", message)]) from None


def check_service_id(path: Mapping[str, str]) -> None:
    """Hold the id of a web service in a path to its form; names are the command line's.

    Raises:
        BadRequest: `BadArgument`, `WebServiceIdInvalid`.
    """
    given = path.get("webServiceId")
    if given is not None and not is_guid(given):
        message = f"{given[:64]!r} is no id of a web service: it has 32 hexadecimal digits."
        raise BadArgument("WebServiceIdInvalid", message, "webServiceId")


def _inside(session: Session, workspace: str) -> Session:
    session.workspace_option = workspace
    return session


def _token(operation: Operation, headers: Mapping[str, str]) -> str:
    """The token that is shown: each API has a header of its own, and takes the other's where that is missing."""
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
    """An error as Studio's own API tells it."""
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
