"""Classic workspaces: where they are, their tokens, and the `config.json` that scripts for them bring along."""

from __future__ import annotations

import hmac
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mlmgmt.definition import document as text
from mlmgmt.errors import BadRequest, Conflict, Detail, MlmgmtError, NotFound, Unauthorized
from mlmgmt.ids import is_guid, same_location
from mlmgmt.protocol import regions
from mlmgmt.store import lock
from mlmgmt.store.secrets import new_key
from mlmgmt.verbs import userfiles
from mlmgmt.verbs.outcome import Outcome, shown_only
from mlmgmt.verbs.services import endpoint_facts, finding, lookup
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.verbs.session import Session

_LOCATIONS = (*(region.name for region in regions.KNOWN), "Integration Test")
CONFIG = "config.json"
_CONFIG_MEMBERS = ("Location", "WorkspaceId", "AuthorizationToken")
_LOOKS = 'It looks like: {"Location": "South Central US", "WorkspaceId": "...", "AuthorizationToken": "..."}'
_WRITE = "Microsoft.MachineLearning/workspaces/write"
_LIST_KEYS = "Microsoft.MachineLearning/workspaces/listworkspacekeys/action"
_LONGEST_TOKEN, _LONGEST_NAME = 256, 256


def existing(session: Session, workspace: str) -> dict[str, Any]:
    """A workspace of this home: `WorkspaceId`, `Name`, `Location`, `CreationTime`.

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
        target="WorkspaceId",
        details=[Detail("WorkspaceNotFound", message)],
        hint=f"There are: {', '.join(ids(session))}. Without -WorkspaceId a {CONFIG} in the working directory names "
        f"it. To take one over with its id and token: "
        f"mlmgmt new-workspace NAME -ConfigFile {CONFIG}",
    )


def ids(session: Session) -> list[str]:
    """The workspaces of this home, its first one first."""
    first = session.store.home.workspace
    return [first, *(known for known in session.store.workspaces.ids() if known != first)]


def get(session: Session) -> list[dict[str, Any]]:
    """The workspaces of this home, and how much is in each."""
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
    """Plan a workspace of its own, or take over the id and the token that scripts already have.

    Args:
        config_file: gives id, token and region that are not given by themselves.

    Raises:
        BadRequest: `BadParameterValue`: an id, a token, a name or a region that no workspace has.
        Conflict: `WorkspaceExists`.
    """
    session.require(_WRITE, name)
    stated = config(config_file) if config_file is not None else {}
    identity = (workspace_id or stated.get("WorkspaceId") or uuid.uuid4().hex).strip().casefold()
    region = _region(location or stated.get("Location") or regions.DEFAULT)
    token = authorization_token or stated.get("AuthorizationToken")
    if not is_guid(identity):
        _refuse(f"{identity[:64]!r} is no id of a workspace: it has 32 hexadecimal digits.", "WorkspaceId")
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        _refuse(f"A workspace's name has 1 to {_LONGEST_NAME} characters that can be seen.", "Name")
    if token is not None and not (token.isascii() and token.isprintable() and 16 <= len(token) <= _LONGEST_TOKEN):
        _refuse(f"A token has 16 to {_LONGEST_TOKEN} plain letters, digits and signs.", "AuthorizationToken")
    _refuse_taken(session, identity)
    body = {"WorkspaceId": identity, "Name": name, "Location": region, "CreationTime": stamp(session.clock())}

    def commit() -> dict[str, Any]:
        session.store.require_writable()
        with lock.hold(session.store.home.root, f"workspaces/{identity}"):
            _refuse_taken(session, identity)
            session.store.secrets.keep_workspace(identity, {"primary": token or new_key(), "secondary": new_key()})
            session.store.workspaces.write(body)
        return body

    return Outcome(target=name, before=None, after=body, commit=commit, preview=body, compared=shown_only)


def _refuse_taken(session: Session, identity: str) -> None:
    if identity in ids(session):
        message = f"There is a workspace {identity} already."
        raise Conflict(message, target="WorkspaceId", details=[Detail("WorkspaceExists", message)])


def _region(text: str) -> str:
    found = next((known for known in _LOCATIONS if same_location(known, text)), None)
    if found is None:
        _refuse(f"There were no workspaces in {text!r}.", "Location", f"One of: {', '.join(_LOCATIONS)}.")
    return found


def _refuse(message: str, target: str, hint: str | None = None) -> NoReturn:
    raise BadRequest(message, target=target, details=[Detail("BadParameterValue", message, target)], hint=hint)


def tokens(session: Session, workspace: str) -> dict[str, str]:
    """The two tokens of a workspace, either of which opens it; they are made when they are first asked for.

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
    """Whether a token is one of a workspace, in a time that says nothing about it."""
    known = session.store.secrets.workspace(workspace)
    given = token.encode("utf-8", "replace")
    matches = [
        hmac.compare_digest(given, known[side].encode())
        for side in ("primary", "secondary")
        if isinstance(known.get(side), str)
    ]
    return any(matches)


def write_config(
    session: Session, *, output_file: str = CONFIG, workspace_id: str | None = None, force: bool = False
) -> dict[str, Any]:
    """Write the `config.json` of a workspace, which holds its token, readable by its owner alone.

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
    """What a `config.json` says: `Location`, `WorkspaceId`, `AuthorizationToken`, as far as it does.

    Raises:
        NotFound: the file. BadRequest: `InvalidConfigFile`.
    """
    source = userfiles.read(path)
    try:
        value = text.parse(source.data)
    except MlmgmtError as error:
        raise _no_config(path, error.message) from None
    if not isinstance(value, dict):
        raise _no_config(path, "it is no object")
    folded = {str(name).casefold(): inner for name, inner in value.items()}
    found = {name: folded[name.casefold()] for name in _CONFIG_MEMBERS if folded.get(name.casefold()) is not None}
    if wrong := [name for name, inner in found.items() if not isinstance(inner, str)]:
        raise _no_config(path, f"{wrong[0]} is no text")
    return found


def _no_config(path: str, why: str) -> BadRequest:
    message = f"{path} says nothing of a workspace: {why.rstrip('.')}."
    return BadRequest(message, target=path, details=[Detail("InvalidConfigFile", message)], hint=_LOOKS)


def enter(session: Session, given: Mapping[str, Any], address: Mapping[str, Any]) -> None:
    """Work in the workspace that parameters, a file, or the `config.json` of the working directory names.

    Args:
        given: `WorkspaceId`, `AuthorizationToken`, `Location` and `ConfigFile` as far as they are given; what is given
            by itself goes before the file.
        address: the verb's arguments; an endpoint's own key is as good for what is done to that endpoint.

    Raises:
        NotFound: `WorkspaceNotFound`.
        BadRequest: `InvalidConfigFile`, or the workspace is in another region.
        Unauthorized: `ManagementRequestUnauthorized`: the token is none of the workspace.
    """
    path = given.get("ConfigFile") or (CONFIG if is_config(CONFIG) else None)
    stated: dict[str, Any] = config(path) if path is not None else {}
    if _names_another(stated.get("WorkspaceId"), given.get("WorkspaceId")):
        # The region and the token of one workspace are none of another's.
        path, stated = None, {}
    stated |= {name: given[name] for name in _CONFIG_MEMBERS if given.get(name)}
    if not stated:
        return
    where = f" ({path} says so)" if path is not None and not given.get("WorkspaceId") else ""
    body = existing(session, stated.get("WorkspaceId") or session.store.home.workspace)
    identity = str(body["WorkspaceId"])
    session.workspace_option = identity
    region = stated.get("Location")
    if region is not None and not same_location(_region(region), body["Location"]):
        message = f"The workspace {identity} is in {body['Location']!r}, not in {region!r}{where}."
        raise BadRequest(message, target="Location", details=[Detail("WorkspaceInAnotherRegion", message)])
    token = stated.get("AuthorizationToken")
    if token is not None and not opens(session, identity, token) and not opens_endpoint(session, address, token):
        message = f"The token is none of the workspace {identity}; its id and region are right{where}."
        raise Unauthorized(
            message,
            target="AuthorizationToken",
            details=[Detail("ManagementRequestUnauthorized", message)],
            hint="Your own home needs none: leave it out. A new file with the right one: "
            f"mlmgmt workspace-config {CONFIG} -WorkspaceId {identity} -Force",
        )


def _names_another(stated: str | None, given: str | None) -> bool:
    return bool(stated and given) and str(stated).strip().casefold() != str(given).strip().casefold()


def is_config(path: str) -> bool:
    """Whether a file that is merely there is one of these; any other is none of our business."""
    try:
        return Path(path).is_file() and "WorkspaceId" in config(path)
    except MlmgmtError:
        return False


def opens_endpoint(session: Session, address: Mapping[str, Any], token: str) -> bool:
    """Whether a token is one of the two keys of the endpoint that an address names, if it names one that stands."""
    service, name = address.get("web_service_id"), address.get("endpoint_name")
    if not isinstance(service, str) or not isinstance(name, str):
        return False
    if not endpoint_facts.may_name(name.strip().casefold()):
        return False
    try:
        # Whoever has no key may ask as well: what there is instead is not looked up for them.
        found = session.store.services.current(finding.endpoint_id(session, service, name))
        pair = lookup.keys_of(session, found) if found is not None else {}
    except MlmgmtError:
        return False
    matches = [hmac.compare_digest(token.encode("utf-8", "replace"), key.encode()) for key in pair.values()]
    return any(matches)
