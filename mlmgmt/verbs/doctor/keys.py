"""Check keys and tokens. A wrong one is compared with every key that this home knows, to say whose it is."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from mlmgmt.ids import EndpointId
from mlmgmt.verbs.classic import workspaces
from mlmgmt.verbs.doctor.addresses import description
from mlmgmt.verbs.services import siblings
from mlmgmt.verbs.session import READER, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.ids import ServiceId
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.doctor.findings import Findings
    from mlmgmt.verbs.session import Session

KEY, TOKEN = "key", "token"
_UNAUTHORIZED = "ScoreRequestUnauthorized: "
_LENGTH = 88
"""Characters of a generated key: 64 bytes in Base64."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What a key belongs to.

    Args:
        label: the key, as a sentence names it.
        identity: the service, if the key belongs to one; `opens` if the key is still valid there.
    """

    label: str
    identity: ServiceId | None = None
    opens: bool = False


def check_key(session: Session, text: str, revision: Revision | None, findings: Findings) -> ServiceId | None:
    """Check an API key; return the service that it opens, unless another service is meant."""
    if session.role == READER:
        findings.skip(KEY, "A Reader cannot see keys.")
        return None
    text = _bare(text, KEY, findings)
    identity = revision.resource if revision is not None else None
    cure = identity.keys_command if identity is not None else None
    if identity is not None and (side := _side(session.store.service_secrets(identity).get("keys"), text)):
        findings.ok(KEY, f"It is the {side} key of {description(session, identity)}.")
        return identity
    owner = owner_of(session, text)
    if owner is None:
        findings.problem(KEY, f"{_UNAUTHORIZED}{_unknown(text)}", cure)
    elif revision is None:
        if owner.opens:
            findings.ok(KEY, f"It is {owner.label}.")
            return owner.identity
        findings.problem(KEY, f"It is {owner.label}; it does not open a web service.", cure)
    else:
        assert identity is not None
        trains = owner.identity is not None and _trains(session, owner.identity)
        hint = ", which trains" if trains and not siblings.trains(revision) else ""
        message = f"{_UNAUTHORIZED}it is {owner.label}{hint}; it does not open {description(session, identity)}."
        findings.problem(KEY, message, cure)
    return None


def check_token(session: Session, text: str, revision: Revision, findings: Findings) -> None:
    """Check a management token for a service."""
    identity = revision.resource
    text = _bare(text, TOKEN, findings)
    if not isinstance(identity, EndpointId):
        _check_bearer(session, text, findings)
        return
    if workspaces.opens(session, identity.workspace, text):
        findings.ok(TOKEN, "It is a token of the workspace.")
        return
    if session.role == READER:
        findings.skip(TOKEN, "It is not a token of the workspace; a Reader cannot check whether it is a key.")
        return
    if side := _side(session.store.service_secrets(identity).get("keys"), text):
        findings.ok(TOKEN, f"It is the {side} key of {description(session, identity)}, and manages only that.")
        return
    owner = owner_of(session, text)
    label = f"it is {owner.label}" if owner is not None else _unknown(text)
    cure = f"{identity.keys_command}  # or use the workspace's token: mlmgmt workspace-config -Force"
    findings.problem(TOKEN, f"ManagementRequestUnauthorized: {label}", cure)


def _check_bearer(session: Session, text: str, findings: Findings) -> None:
    body = session.store.secrets.token(sha256(text.encode("utf-8", "replace")).hexdigest())
    if not body:
        owner = owner_of(session, text) if session.role != READER else None
        label = f"it is {owner.label}" if owner is not None else "it was not issued by this home"
        note = f"The update of a New web service needs a token from 'mlmgmt token'; {label}."
        findings.problem(TOKEN, note, "mlmgmt token")
    elif str(body.get("expiresOn")) < stamp(session.clock()):
        findings.problem(TOKEN, f"It expired on {str(body['expiresOn'])[:19]}.", "mlmgmt token")
    elif body.get("role") == READER:
        findings.problem(
            TOKEN, "It is a Reader's token and cannot change anything.", "mlmgmt connect -Role Owner; mlmgmt token"
        )
    else:
        findings.ok(TOKEN, f"It is a token of {body.get('account')}, valid until {str(body['expiresOn'])[:19]}.")


def owner_of(session: Session, text: str) -> Owner | None:
    """Return what a key of this home belongs to, or belonged to before the last change."""
    store = session.store
    found: Owner | None = None
    for identity in store.services.identities():
        current = store.service_secrets(identity)
        if side := _side(current.get("keys"), text):
            exists = store.services.current(identity) is not None
            removed = "" if exists else ", which was removed"
            return Owner(f"the {side} key of {description(session, identity)}{removed}", identity, opens=exists)
        # Without a committed revision, the secrets are those from before the last change.
        before = store.secrets.service(identity, lambda _: None)
        if _side(before.get("keys"), text):
            found = Owner(f"an old key of {description(session, identity)}", identity)
    for workspace in workspaces.ids(session):
        if workspaces.opens(session, workspace, text):
            return Owner(f"a token of the workspace {workspace}")
    for account in store.blobs.accounts():
        if any(_equal(text, known) for known in store.secrets.account_keys(account)):
            return Owner(f"a key of the storage account {account!r}")
    if store.secrets.token(sha256(text.encode("utf-8", "replace")).hexdigest()):
        return Owner("a token from 'mlmgmt token'")
    return found


def _trains(session: Session, identity: ServiceId) -> bool:
    revision = session.store.services.current(identity)
    return revision is not None and siblings.trains(revision)


def _bare(text: str, check: str, findings: Findings) -> str:
    bare = text.strip().strip("\"'")
    if bare.casefold().startswith("bearer "):
        findings.problem(check, "It begins with the word Bearer, which is part of the header.", "Leave the word out.")
        return bare[7:].strip()
    if bare != text:
        findings.problem(check, "There are spaces or quotes around it.", "Leave them out.")
    return bare


def _unknown(text: str) -> str:
    if len(text) != _LENGTH:
        return f"it is not a key: a key has {_LENGTH} characters, this has {len(text)}."
    return "it is not a key of this home; it may be an old key, or a key of another home."


def _side(pair: Mapping[str, str] | None, text: str) -> str:
    found = [side for side in ("primary", "secondary") if _equal(text, str((pair or {}).get(side) or ""))]
    return found[0] if found else ""


def _equal(text: str, known: str) -> bool:
    return bool(known) and hmac.compare_digest(text.encode("utf-8", "replace"), known.encode())
