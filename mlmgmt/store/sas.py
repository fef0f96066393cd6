"""Shared access signatures of the blob service: sign tokens, and check them.

A token is a query whose `sig` is the HMAC-SHA256 of its other fields in a fixed order, with one of the account's keys.
Newer versions of the storage service sign more fields. Tokens are made here in the version 2015-02-21; tokens of
current clients are accepted too.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import parse_qsl, quote, urlencode

from mlmgmt.errors import AuthorizationFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERSION = "2015-02-21"
EARLY = timedelta(minutes=5)
LASTS = timedelta(hours=24)
BLOB, CONTAINER = "b", "c"
_RESPONSE = ("rscc", "rscd", "rsce", "rscl", "rsct")
_LAYOUTS = (
    ("2020-12-06", ("sp", "st", "se", "/", "si", "sip", "spr", "sv", "sr", "", "ses", *_RESPONSE)),
    ("2018-11-09", ("sp", "st", "se", "/", "si", "sip", "spr", "sv", "sr", "", *_RESPONSE)),
    ("2015-04-05", ("sp", "st", "se", "/", "si", "sip", "spr", "sv", *_RESPONSE)),
    (VERSION, ("sp", "st", "se", "/", "si", "sv", *_RESPONSE)),
)
"""The signed fields, by the first version that signs them; `/` is the resource, and "" the time of a snapshot."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_BINDING = frozenset(("si", "sip", "ss", "srt", "sdd", "skoid", "saoid", "suoid", "scid", "srh", "srq", "sduoid"))
"""The fields that restrict a token by policy, network, directory or user. These do not exist here, so it is refused."""


def sign(
    key: str,
    account: str,
    blob: str,
    *,
    now: datetime,
    permissions: str = "r",
    lasts: timedelta = LASTS,
    resource: str = BLOB,
) -> str:
    """Return a token that starts with `?` and is valid from five minutes ago.

    Args:
        blob: `container/path`; only the container if `resource` is `CONTAINER`.
    """
    start, expiry = _stamp(now - EARLY), _stamp(now + lasts)
    fields = {"sv": VERSION, "sr": resource, "st": start, "se": expiry, "sp": permissions}
    signature = _signature(key, account, blob, fields)
    ordered = {"sv": VERSION, "sr": resource, "sig": signature, "st": start, "se": expiry, "sp": permissions}
    return "?" + urlencode(ordered, quote_via=quote)


def check(
    token: str, key: str | Sequence[str], account: str, blob: str, *, now: datetime, permission: str = "r"
) -> None:
    """Check that a token allows a permission on a blob now.

    Args:
        token: the token, or the whole query of an address; other parameters are ignored.
        key: the account's key, or several keys of which one must match.
        blob: `container/path`; only the container for an operation on the container, which a blob's token never allows.

    Raises:
        AuthorizationFailed: `SasInvalid`, `SasExpired` or `SasNotPermitted`.
    """
    fields = dict(parse_qsl(token.lstrip("?"), keep_blank_values=True))
    if not fields.get("sig"):
        _refuse("SasInvalid", "The shared access signature has no 'sig': it is a placeholder or incomplete.")
    if not _is_signed(fields, [key] if isinstance(key, str) else key, account, blob):
        _refuse("SasInvalid", "The shared access signature is not valid for this blob.")
    if bound := sorted(name for name in _BINDING if fields.get(name)):
        message = f"The shared access signature uses restrictions that are not supported here: {', '.join(bound)}."
        _refuse("SasInvalid", message)
    start, expiry = _moment(fields.get("st", "")), _moment(fields.get("se", ""))
    if expiry is None or (start is None and fields.get("st")):
        _refuse("SasInvalid", "The shared access signature has no valid start or end time.")
    if now.astimezone(UTC) > expiry or (start is not None and now.astimezone(UTC) < start):
        since = f"from {fields['st']} " if start is not None else ""
        _refuse("SasExpired", f"The shared access signature is valid {since}until {fields['se']}.")
    granted = fields.get("sp", "")
    if permission not in granted:
        _refuse("SasNotPermitted", f"The shared access signature permits {granted!r}, not {permission!r}.")


def _refuse(code: str, message: str) -> NoReturn:
    hint = "Get a new one; for the results of a batch job: mlmgmt batch status"
    raise AuthorizationFailed(message, detail=code, target="SasBlobToken", hint=hint)


def _is_signed(fields: Mapping[str, str], keys: Sequence[str], account: str, blob: str) -> bool:
    kind, version = fields.get("sr", ""), fields.get("sv", "")
    if kind not in (BLOB, CONTAINER) or not _DATE.fullmatch(version) or version < VERSION:
        return False
    container, slash, _ = blob.partition("/")
    if kind == BLOB and not slash:
        return False
    name = container if kind == CONTAINER else blob
    given = fields.get("sig", "").encode()
    return any(hmac.compare_digest(_signature(key, account, name, fields).encode(), given) for key in keys)


def _signature(key: str, account: str, name: str, fields: Mapping[str, str]) -> str:
    layout = next(layout for since, layout in _LAYOUTS if fields["sv"] >= since)
    resource = f"/blob/{account}/{name}"
    text = "\n".join(resource if field == "/" else fields.get(field, "") for field in layout)
    return b64encode(hmac.new(b64decode(key), text.encode(), sha256).digest()).decode()


def _moment(text: str) -> datetime | None:
    """Return a token's time, given to the second, the minute or the day; UTC if it has no time zone."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
