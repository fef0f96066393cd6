"""Whose key is it? A key that opens nothing is held against all that this home gave out."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from mlmgmt.ids import EndpointId
from mlmgmt.verbs.classic import workspaces
from mlmgmt.verbs.doctor.addresses import named
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


@dataclass(frozen=True, slots=True)
class Owner:
    """To what a key belongs; `identity` where that answers requests, and `opens` where the key opens it still."""

    told: str
    identity: ServiceId | None = None
    opens: bool = False


def key(session: Session, text: str, revision: Revision | None, findings: Findings) -> ServiceId | None:
    """Hold an API key against what it is to open; returns what it opens, where nothing else was named."""
    if session.role == READER:
        findings.skipped(KEY, "A Reader sees no keys.")
        return None
    text = _bare(text, KEY, findings)
    identity = revision.resource if revision is not None else None
    cure = _shows(identity) if identity is not None else None
    if identity is not None and (side := _side(session.store.service_secrets(identity).get("keys"), text)):
        findings.ok(KEY, f"It is the {side} key of {named(session, identity)}.")
        return identity
    owner = owner_of(session, text)
    if owner is None:
        findings.problem(KEY, _unknown(text), cure)
    elif revision is None:
        if owner.opens:
            findings.ok(KEY, f"It is {owner.told}.")
            return owner.identity
        findings.problem(KEY, f"It is {owner.told}; it opens no web service.", cure)
    else:
        assert identity is not None
        trains = owner.identity is not None and _trains(session, owner.identity)
        hint = ", which trains" if trains and not siblings.trains(revision) else ""
        message = f"{_UNAUTHORIZED}it is {owner.told}{hint}, and does not open {named(session, identity)}."
        findings.problem(KEY, message, cure)
    return None


def token(session: Session, text: str, revision: Revision, findings: Findings) -> None:
    """Hold a management token against what is to be managed."""
    identity = revision.resource
    text = _bare(text, TOKEN, findings)
    if not isinstance(identity, EndpointId):
        _bearer(session, text, findings)
        return
    if workspaces.opens(session, identity.workspace, text):
        findings.ok(TOKEN, "It is a token of the workspace.")
        return
    if session.role == READER:
        findings.skipped(TOKEN, "It is no token of the workspace; whether it is a key, a Reader is not told.")
        return
    if side := _side(session.store.service_secrets(identity).get("keys"), text):
        findings.ok(TOKEN, f"It is the {side} key of {named(session, identity)}, and manages that alone.")
        return
    owner = owner_of(session, text)
    told = f"it is {owner.told}" if owner is not None else _unknown(text).removeprefix(_UNAUTHORIZED)
    cure = f"{_shows(identity)}  # or the workspace's: mlmgmt workspace-config -Force"
    findings.problem(TOKEN, f"ManagementRequestUnauthorized: {told}", cure)


def _bearer(session: Session, text: str, findings: Findings) -> None:
    body = session.store.secrets.token(sha256(text.encode("utf-8", "replace")).hexdigest())
    if not body:
        owner = owner_of(session, text) if session.role != READER else None
        told = f"it is {owner.told}" if owner is not None else "it is none that this home gave out"
        findings.problem(TOKEN, f"A New web service is updated with a token of mlmgmt token; {told}.", "mlmgmt token")
    elif str(body.get("expiresOn")) < stamp(session.clock()):
        findings.problem(TOKEN, f"It expired on {str(body['expiresOn'])[:19]}.", "mlmgmt token")
    elif body.get("role") == READER:
        findings.problem(TOKEN, "It is a Reader's, and changes nothing.", "mlmgmt connect -Role Owner; mlmgmt token")
    else:
        findings.ok(TOKEN, f"It is {body.get('account')}'s, until {str(body['expiresOn'])[:19]}.")


def owner_of(session: Session, text: str) -> Owner | None:
    """To what a key of this home belongs, now or before."""
    store = session.store
    found: Owner | None = None
    for identity in store.services.identities():
        current = store.service_secrets(identity)
        if side := _side(current.get("keys"), text):
            stands = store.services.current(identity) is not None
            removed = "" if stands else ", which was removed"
            return Owner(f"the {side} key of {named(session, identity)}{removed}", identity, opens=stands)
        # What a revision that never came would count from: the keys before the last change.
        before = store.secrets.service(identity, lambda _: None)
        if _side(before.get("keys"), text):
            found = Owner(f"an old key of {named(session, identity)}", identity)
    for workspace in workspaces.ids(session):
        if workspaces.opens(session, workspace, text):
            return Owner(f"a token of the workspace {workspace}")
    for account in store.blobs.accounts():
        if any(_equal(text, known) for known in store.secrets.account_keys(account)):
            return Owner(f"a key of the storage account {account!r}")
    if store.secrets.token(sha256(text.encode("utf-8", "replace")).hexdigest()):
        return Owner("a token of mlmgmt token")
    return found


def _trains(session: Session, identity: ServiceId) -> bool:
    revision = session.store.services.current(identity)
    return revision is not None and siblings.trains(revision)


def _bare(text: str, check: str, findings: Findings) -> str:
    bare = text.strip().strip("\"'")
    if bare.casefold().startswith("bearer "):
        findings.problem(check, "It begins with the word Bearer, which belongs to the header.", "Leave the word out.")
        return bare[7:].strip()
    if bare != text:
        findings.problem(check, "There are blanks or quotes around it.", "Leave them out.")
    return bare


def _unknown(text: str) -> str:
    if len(text) != _LENGTH:
        return f"{_UNAUTHORIZED}it is no key: one has {_LENGTH} characters, this {len(text)}."
    return f"{_UNAUTHORIZED}nothing in this home has or had it; it is an old one, or another home's."


def _shows(identity: ServiceId) -> str:
    if isinstance(identity, EndpointId):
        return f"mlmgmt Get-AmlWebServiceEndpoint {identity.words}"
    return f"mlmgmt keys {identity.words}"


def _side(pair: Mapping[str, str] | None, text: str) -> str:
    found = [side for side in ("primary", "secondary") if _equal(text, str((pair or {}).get(side) or ""))]
    return found[0] if found else ""


def _equal(text: str, known: str) -> bool:
    return bool(known) and hmac.compare_digest(text.encode("utf-8", "replace"), known.encode())
