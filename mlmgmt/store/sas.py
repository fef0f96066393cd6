"""Shared access signatures for blobs: really signed, really checked.

The text that is signed is the one of storage services version 2015-02-21, cut to what a blob needs: permissions,
start, expiry and the canonical resource, HMAC-SHA256 under the account's key.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qs, quote, urlencode

from mlmgmt.errors import AuthorizationFailed, Detail

VERSION = "2015-02-21"
EARLY = timedelta(minutes=5)
LASTS = timedelta(hours=24)


def sign(key: str, account: str, blob: str, *, now: datetime, permissions: str = "r", lasts: timedelta = LASTS) -> str:
    """A token, beginning with `?`, for one blob (`container/path`) of an account; valid from five minutes ago."""
    start, expiry = _stamp(now - EARLY), _stamp(now + lasts)
    fields = {"sv": VERSION, "sr": "b", "sig": _signature(key, account, blob, permissions, start, expiry)}
    return "?" + urlencode(fields | {"st": start, "se": expiry, "sp": permissions}, quote_via=quote)


def check(token: str, key: str, account: str, blob: str, *, now: datetime, permission: str = "r") -> None:
    """Hold a token against the blob, the permission wanted and the time.

    Raises:
        AuthorizationFailed: `SasInvalid`, `SasExpired` or `SasNotPermitted`.
    """
    fields = {name: values[-1] for name, values in parse_qs(token.lstrip("?"), keep_blank_values=True).items()}
    expected = _signature(key, account, blob, fields.get("sp", ""), fields.get("st", ""), fields.get("se", ""))
    if fields.get("sv") != VERSION or not hmac.compare_digest(expected.encode(), fields.get("sig", "").encode()):
        _refuse("SasInvalid", "The shared access signature is not one for this blob.")
    if not (fields["st"] <= _stamp(now) <= fields["se"]):
        _refuse("SasExpired", f"The shared access signature is valid from {fields['st']} to {fields['se']}.")
    if permission not in fields["sp"]:
        _refuse("SasNotPermitted", f"The shared access signature permits {fields['sp']!r}, not {permission!r}.")


def _refuse(code: str, message: str) -> None:
    raise AuthorizationFailed(
        message, target="SasBlobToken", details=[Detail(code, message)], hint="Ask for a fresh one."
    )


def _signature(key: str, account: str, blob: str, permissions: str, start: str, expiry: str) -> str:
    text = "\n".join((permissions, start, expiry, f"/blob/{account}/{blob}", VERSION))
    return b64encode(hmac.new(b64decode(key), text.encode(), sha256).digest()).decode()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
