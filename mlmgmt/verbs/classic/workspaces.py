"""Classic workspaces: their regions, their tokens, and the `config.json` that scripts use."""

from __future__ import annotations

import hmac
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import document as text
from mlmgmt.errors import BadRequest, Conflict, MlmgmtError, NotFound, Unauthorized
from mlmgmt.ids import is_guid, same_location
from mlmgmt.protocol import regions
from mlmgmt.store import lock
from mlmgmt.store.secrets import new_key
from mlmgmt.verbs import userfiles
from mlmgmt.verbs.outcome import Outcome, no_comparison
from mlmgmt.verbs.services import endpoint_facts, finding, lookup
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.store.classic import Workspace
    from mlmgmt.verbs.session import Session

CONFIG = "config.json"
_CONFIG_MEMBERS = ("Location", "WorkspaceId", "AuthorizationToken")
_EXPECTED = 'Expected: {"Location": "South Central US", "WorkspaceId": "...", "AuthorizationToken": "..."}'
_WRITE = "Microsoft.MachineLearning/workspaces/write"
_LIST_KEYS = "Microsoft.MachineLearning/workspaces/listworkspacekeys/action"
_LONGEST_TOKEN, _LONGEST_NAME = 256, 256


def existing(session: Session, workspace: str) -> Workspace:
    """Return a workspace of this home.

    Raises:
        NotFound: `WorkspaceNotFound`.
    """
    key = workspace.strip().casefold()
    first = session.store.home.workspace
    body = session.store.workspaces.read(key) if is_guid(key) else None
    if body is not None:
        return body
    if key == first:
        return {"WorkspaceId": first, "Name": "mlmgmt home", "Location": regions.DEFAULT, "CreationTime": ""}
    message = f"There is no workspace {workspace[:64]!r} in this home."
    raise NotFound(
        message,
        detail="WorkspaceNotFound",
        target="WorkspaceId",
        hint=f"Workspaces: {', '.join(ids(session))}. Without -WorkspaceId, ./{CONFIG} names the workspace. "
        f"To make one with the id and token of a file: mlmgmt new-workspace NAME -ConfigFile {CONFIG}",
    )


def ids(session: Session) -> list[str]:
    """Return the ids of this home's workspaces; the home's own workspace comes first."""
    first = session.store.home.workspace
    return [first, *(known for known in session.store.workspaces.ids() if known != first)]


def get(session: Session) -> list[dict[str, Any]]:
    """Return the workspaces of this home, with the number of experiments and web services in each."""
    found = []
    for known in ids(session):
        body = existing(session, known)
        experiments = sum(1 for _ in session.store.experiments(known).all())
        services = len(finding.web_services(session, known))
        found.append({**body, "Experiments": experiments, "WebServices": services})
    return found


def plan_create(
    session: Session,
    *,
    name: str,
    location: str | None = None,
    workspace_id: str | None = None,
    authorization_token: str | None = None,
    config_file: str | None = None,
) -> Outcome:
    """Plan a new workspace, or one with the id and token that scripts already have.

    Args:
        config_file: supplies the id, token and region that are not given as arguments.

    Raises:
        BadRequest: `BadParameterValue`: an invalid id, token, name or region.
        Conflict: `WorkspaceExists`.
    """
    session.require(_WRITE, name)
    stated = config(config_file) if config_file is not None else {}
    identity = (workspace_id or stated.get("WorkspaceId") or uuid.uuid4().hex).strip().casefold()
    region = _region(location or stated.get("Location") or regions.DEFAULT)
    token = authorization_token or stated.get("AuthorizationToken")
    if not is_guid(identity):
        raise BadRequest(
            f"{identity[:64]!r} is not a workspace id: an id has 32 hexadecimal digits.",
            detail="BadParameterValue",
            at="WorkspaceId",
        )
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise BadRequest(
            f"A workspace name must have 1 to {_LONGEST_NAME} printable characters.",
            detail="BadParameterValue",
            at="Name",
        )
    if token is not None and not (token.isascii() and token.isprintable() and 16 <= len(token) <= _LONGEST_TOKEN):
        raise BadRequest(
            f"A token must have 16 to {_LONGEST_TOKEN} printable ASCII characters.",
            detail="BadParameterValue",
            at="AuthorizationToken",
        )
    _refuse_taken(session, identity)
    body: Workspace = {
        "WorkspaceId": identity,
        "Name": name,
        "Location": region,
        "CreationTime": stamp(session.clock()),
    }

    def commit() -> Workspace:
        session.store.require_writable()
        with lock.hold(session.store.home.root, f"workspaces/{identity}"):
            _refuse_taken(session, identity)
            session.store.secrets.keep_workspace(identity, {"primary": token or new_key(), "secondary": new_key()})
            session.store.workspaces.write(body)
        return body

    return Outcome(target=name, before=None, after=body, commit=commit, preview=body, compared=no_comparison)


def _refuse_taken(session: Session, identity: str) -> None:
    if identity in ids(session):
        raise Conflict(f"Workspace {identity} already exists.", detail="WorkspaceExists", target="WorkspaceId")


def _region(text: str) -> str:
    found = next((known for known in regions.OF_WORKSPACES if same_location(known, text)), None)
    if found is None:
        raise BadRequest(
            f"{text!r} is not a region of Classic workspaces.",
            detail="BadParameterValue",
            at="Location",
            hint=f"Regions: {', '.join(regions.OF_WORKSPACES)}.",
        )
    return found


def tokens(session: Session, workspace: str) -> dict[str, str]:
    """Return the two tokens of a workspace, either of which opens it; make them on first use.

    Raises:
        AuthorizationFailed: the caller is a Reader.
    """
    session.require(_LIST_KEYS, workspace)
    secrets = session.store.secrets
    found = secrets.workspace(workspace)
    if not found:
        with lock.hold(session.store.home.root, f"workspaces/{workspace}"):
            found = secrets.workspace(workspace) or {"primary": new_key(), "secondary": new_key()}
            secrets.keep_workspace(workspace, found)
    return {"primary": str(found["primary"]), "secondary": str(found["secondary"])}


def opens(session: Session, workspace: str, token: str) -> bool:
    """Whether a token belongs to a workspace, compared in constant time."""
    known = session.store.secrets.workspace(workspace)
    given = token.encode("utf-8", "replace")
    # Compare with both tokens, so that the time does not show which one matched.
    matches = [
        hmac.compare_digest(given, known[side].encode())
        for side in ("primary", "secondary")
        if isinstance(known.get(side), str)
    ]
    return any(matches)


def write_config(
    session: Session, *, output_file: str = CONFIG, workspace_id: str | None = None, force: bool = False
) -> dict[str, Any]:
    """Write the `config.json` of a workspace; only its owner can read it, because it has the token.

    Raises:
        NotFound: `WorkspaceNotFound`. Conflict: `FileExists`.
    """
    body = existing(session, workspace_id or session.workspace)
    identity = str(body["WorkspaceId"])
    content = {
        "Location": body["Location"],
        "WorkspaceId": identity,
        "AuthorizationToken": tokens(session, identity)["primary"],
    }
    userfiles.write(output_file, text.write(content), overwrite=force, private=True)
    return {"File": output_file, "WorkspaceId": identity, "Location": body["Location"]}


def config(path: str) -> dict[str, str]:
    """Read those of `Location`, `WorkspaceId` and `AuthorizationToken` that a `config.json` has.

    Raises:
        NotFound: the file. BadRequest: `InvalidConfigFile`.
    """
    source = userfiles.read(path)
    try:
        value = text.parse(source.data)
    except MlmgmtError as error:
        raise _invalid_config(path, error.message) from None
    if not isinstance(value, dict):
        raise _invalid_config(path, "it must be a JSON object")
    folded = {str(name).casefold(): inner for name, inner in value.items()}
    found = {name: folded[name.casefold()] for name in _CONFIG_MEMBERS if folded.get(name.casefold()) is not None}
    if wrong := [name for name, inner in found.items() if not isinstance(inner, str)]:
        raise _invalid_config(path, f"{wrong[0]} must be a string")
    return found


def _invalid_config(path: str, why: str) -> BadRequest:
    message = f"{path} is not a workspace configuration: {why.rstrip('.')}."
    return BadRequest(message, detail="InvalidConfigFile", target=path, hint=_EXPECTED)


def enter(session: Session, given: Mapping[str, Any], address: Mapping[str, Any]) -> Session:
    """Return a session in the workspace that the parameters, a file or `./config.json` name.

    Args:
        given: `WorkspaceId`, `AuthorizationToken`, `Location` and `ConfigFile`, if given; the first three take
            precedence over the file.
        address: the verb's arguments; an endpoint's own key is accepted too for that endpoint.

    Raises:
        NotFound: `WorkspaceNotFound`.
        BadRequest: `InvalidConfigFile`, or the workspace is in another region.
        Unauthorized: `ManagementRequestUnauthorized`: the token does not belong to the workspace.
    """
    path = given.get("ConfigFile") or (CONFIG if is_config(CONFIG) else None)
    stated: dict[str, Any] = config(path) if path is not None else {}
    if _names_another(stated.get("WorkspaceId"), given.get("WorkspaceId")):
        # The file is for another workspace, so its region and token do not apply.
        path, stated = None, {}
    stated |= {name: given[name] for name in _CONFIG_MEMBERS if given.get(name)}
    if not stated:
        return session
    where = f" (from {path})" if path is not None and not given.get("WorkspaceId") else ""
    body = existing(session, stated.get("WorkspaceId") or session.store.home.workspace)
    identity = str(body["WorkspaceId"])
    session = session.on_same_home(workspace_option=identity)
    if where and not given.get("ConfigFile") and identity != session.store.home.workspace:
        # Nobody typed the file's name, so an empty list would be a riddle.
        session.tell(f"Using workspace {identity}{where}.")
    region = stated.get("Location")
    if region is not None and not same_location(_region(region), body["Location"]):
        message = f"The workspace {identity} is in {body['Location']!r}, not in {region!r}{where}."
        raise BadRequest(message, detail="WorkspaceInAnotherRegion", target="Location")
    token = stated.get("AuthorizationToken")
    if token is not None and not opens(session, identity, token) and not opens_endpoint(session, address, token):
        message = f"The token does not belong to workspace {identity}; the id and the region are correct{where}."
        raise Unauthorized(
            message,
            detail="ManagementRequestUnauthorized",
            target="AuthorizationToken",
            hint="Your own home needs no token: leave it out. To write a file with the right one: "
            f"mlmgmt workspace-config {CONFIG} -WorkspaceId {identity} -Force",
        )
    return session


def _names_another(stated: str | None, given: str | None) -> bool:
    return bool(stated and given) and str(stated).strip().casefold() != str(given).strip().casefold()


def is_config(path: str) -> bool:
    """Whether a file is a workspace configuration; other programs have files of this name too."""
    try:
        return Path(path).is_file() and "WorkspaceId" in config(path)
    except MlmgmtError:
        return False


def opens_endpoint(session: Session, address: Mapping[str, Any], token: str) -> bool:
    """Whether a token is one of the two keys of the endpoint that an address names."""
    service, name = address.get("web_service_id"), address.get("endpoint_name")
    if not isinstance(service, str) or not isinstance(name, str):
        return False
    if not endpoint_facts.is_valid_name(name.strip().casefold()):
        return False
    try:
        # The caller is not authorized yet, so no other endpoints are looked up for a hint.
        found = session.store.services.current(finding.endpoint_id(session, service, name))
        pair = lookup.keys_of(session, found) if found is not None else {}
    except MlmgmtError:
        return False
    matches = [hmac.compare_digest(token.encode("utf-8", "replace"), key.encode()) for key in pair.values()]
    return any(matches)
