"""Signing in, the context, trust, and tokens."""

from __future__ import annotations

import getpass
import secrets as random
import socket
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest
from mlmgmt.store import home as homes
from mlmgmt.store.secrets import new_key
from mlmgmt.verbs.session import OWNER, ROLES, stamp

if TYPE_CHECKING:
    from mlmgmt.store.store import Store
    from mlmgmt.verbs.session import Session

TENANT = "00000000-0000-0000-0000-000000000000"


def connect(
    session: Session,
    *,
    account: str | None = None,
    role: str | None = None,
    subscription: str | None = None,
    tenant: str | None = None,
    service_principal: bool = False,
    credential: str | None = None,
) -> dict[str, Any]:
    """Sign in to the home; create the home if there is none.

    A new home gets a subscription and a local storage account. Nothing is authenticated: tenant, service principal and
    credential are accepted because scripts pass them, and are not stored.

    Raises:
        BadRequest: `HomeHasAnotherSubscription`: the home exists with another subscription.
    """
    found = homes.find(session.environ, session.home_option)
    made = found is None or not (found / "home.json").exists()
    if made:
        root = found or Path.cwd() / homes.FOLDER
        home = homes.create(session.environ, root, subscription)
        session.tell(f"Created a home at {home.root}.")
    session = session.reopened()
    store = session.store
    if subscription is not None and subscription.casefold() != store.home.subscription.casefold():
        message = f"The subscription of this home is {store.home.subscription}, not {subscription!r}."
        hint = "Each home has one subscription. Leave -Subscription out, or choose another home with --home."
        raise BadRequest(message, detail="HomeHasAnotherSubscription", target="Subscription", hint=hint)
    store.require_writable()
    if not store.blobs.accounts():
        register_account(store, f"mlstore{store.home.id[:8]}")
    known = store.secrets.context()
    name = account or credential or known.get("account") or _default_account()
    store.secrets.keep_context({"account": name, "role": role or known.get("role") or OWNER})
    return context(session.reopened())


def _default_account() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "user"
    return f"{user}@{socket.gethostname() or 'localhost'}"


def register_account(store: Store, name: str) -> None:
    """Register a local storage account and create its key."""
    store.secrets.keep_account_key(name, new_key())
    store.blobs.register(name)


def context(session: Session) -> dict[str, Any]:
    """Return the account, role, subscription and home in use."""
    home = session.store.home
    return {
        "Account": session.caller,
        "Role": session.role,
        "Subscription": {"SubscriptionId": home.subscription, "Name": "mlmgmt home"},
        "Tenant": {"TenantId": TENANT},
        "Environment": "mlmgmt",
        "Home": str(home.root),
    }


def set_context(
    session: Session, *, subscription: str | None = None, subscription_name: str | None = None, role: str | None = None
) -> dict[str, Any]:
    """Set the role; the subscription can only be confirmed, because a home has one.

    Raises:
        BadRequest: `SubscriptionNotFound`: the home has another subscription.
    """
    home = session.store.home
    wanted = subscription or subscription_name
    if wanted is not None and wanted.casefold() not in (home.subscription.casefold(), "mlmgmt home"):
        message = f"The subscription {wanted!r} was not found; this home's is {home.subscription}."
        hint = "Each home has one subscription; choose another home with --home."
        raise BadRequest(message, detail="SubscriptionNotFound", target="Subscription", hint=hint)
    session.store.require_writable()
    session.store.secrets.keep_context({"account": session.caller, "role": role or session.role})
    return context(session.reopened())


def trust_home(session: Session) -> dict[str, Any]:
    """Trust the home in use: it becomes writable. Its models stay untrusted."""
    home = homes.load(session.environ, session.home_option)
    trusted = homes.trust(session.environ, home)
    session = session.reopened()
    if trusted.id != home.id:
        session.tell("This is a copy of another home of yours; it now has its own id and keys.")
    store = session.store
    for account in store.blobs.accounts():
        if store.secrets.account_key(account) is None:
            store.secrets.keep_account_key(account, new_key())
    if not store.secrets.context():
        store.secrets.keep_context({"account": _default_account(), "role": OWNER})
    return context(session.reopened())


def trust_model(session: Session, *, digest: str) -> dict[str, Any]:
    """Trust one model file, identified by its SHA-256.

    Raises:
        BadRequest: `InvalidDigest`.
    """
    wanted = digest.strip().lower()
    if len(wanted) != 64 or any(letter not in "0123456789abcdef" for letter in wanted):
        message = f"{digest!r} must be a SHA-256: 64 hexadecimal digits."
        raise BadRequest(message, detail="InvalidDigest", target="Digest")
    session.store.require_writable()
    session.store.secrets.trust_model(wanted, stamp(session.clock()))
    return {"Digest": wanted, "Trusted": True}


def token(session: Session, *, hours: float = 1.0) -> dict[str, Any]:
    """Create a bearer token for the HTTP service; only its SHA-256 and its expiry are stored.

    Raises:
        BadRequest: `InvalidLifetime`: not between a minute and 30 days.
    """
    if not 1 / 60 <= hours <= 24 * 30:
        message = f"A token must be valid for 1 minute to 30 days, not {hours:.10g} hours."
        raise BadRequest(message, detail="InvalidLifetime", target="Hours")
    store = session.store
    store.require_writable()
    now = session.clock()
    text, expires = random.token_urlsafe(32), stamp(now + timedelta(hours=hours))
    body = {"expiresOn": expires, "account": session.caller, "role": session.role}
    store.secrets.keep_token(sha256(text.encode()).hexdigest(), body)
    store.secrets.drop_expired_tokens(stamp(now))
    return {"Token": text, "ExpiresOn": expires, "TenantId": TENANT, "UserId": session.caller, "Type": "Bearer"}


def status(session: Session) -> dict[str, Any]:
    """Return the home, account, role and storage in use, and how many resources there are."""
    store = session.store
    home = store.home
    groups = list(store.groups.all())
    services = [revision for body in groups for revision in store.services.in_group(session.group_id(body["name"]))]
    return {
        "Home": str(home.root),
        "Trusted": home.trusted,
        "Account": session.caller,
        "Role": session.role,
        "Subscription": home.subscription,
        "StorageAccounts": store.blobs.accounts(),
        "ResourceGroups": len(groups),
        "WebServices": len(services),
        "Secrets": str(home.trust),
        "Roles": list(ROLES),
    }
