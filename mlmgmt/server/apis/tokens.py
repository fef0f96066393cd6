"""Bearer tokens of `mlmgmt token`: find the account and role behind a request."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import Unauthorized
from mlmgmt.verbs.account.account import TENANT
from mlmgmt.verbs.session import ROLES, stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmgmt.verbs.session import Session


def challenge(origin: str, error: str = "invalid_token") -> str:
    """Return the header that says which kind of proof is missing."""
    return f'Bearer authorization_uri="{origin}/{TENANT}", realm="mlmgmt", error="{error}"'


def caller(session: Session, authorization: str, tell: Callable[[str], None]) -> Session:
    """Return the session of the account that a token was issued to.

    Args:
        authorization: the header; empty when the request has none.

    Raises:
        Unauthorized: `AuthenticationFailed`, `InvalidAuthenticationToken`, `ExpiredAuthenticationToken`.
    """
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.casefold() != "bearer" or not token:
        raise _refusal("AuthenticationFailed", "The request has no bearer token.")
    known: dict[str, Any] = session.store.secrets.token(sha256(token.encode("utf-8", "replace")).hexdigest())
    if not known or known.get("role") not in ROLES:
        raise _refusal("InvalidAuthenticationToken", "The bearer token was not issued by this home.")
    if str(known.get("expiresOn", "")) <= stamp(session.clock()):
        raise _refusal("ExpiredAuthenticationToken", "The bearer token has expired.")
    return session.acting_as(str(known.get("account") or "unknown"), str(known["role"]), tell=tell, show_warning=tell)


def _refusal(code: str, message: str) -> Unauthorized:
    return Unauthorized(message, detail=code, code=code, hint="Make one with: mlmgmt token")
