"""Shared access signatures of the blob service: really signed, really checked.

A token is a query whose `sig` is the HMAC-SHA256, under one of the account's keys, of its other fields in a fixed
order. The order grew with the versions of the storage service; those made here are of 2015-02-21, and those that the
clients of today make are understood too.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import parse_qsl, quote, urlencode

from mlmgmt.errors import AuthorizationFailed, Detail

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
"""What is signed from which version on; `/` stands for the resource, and an empty field for a snapshot's time."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_BINDING = frozenset(("si", "sip", "ss", "srt", "sdd", "skoid", "saoid", "suoid", "scid", "srh", "srq", "sduoid"))
"""What binds a token to policies, networks, directories or people: there are none here, and it opens nothing."""


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
    """A token, beginning with `?`, valid from five minutes ago.

    Args:
        blob: `container/path`; the container alone where `resource` is `CONTAINER`.
    """
    start, expiry = _stamp(now - EARLY), _stamp(now + lasts)
    fields = {"sv": VERSION, "sr": resource, "st": start, "se": expiry, "sp": permissions}
    signature = _signature(key, account, blob, fields)
    ordered = {"sv": VERSION, "sr": resource, "sig": signature, "st": start, "se": expiry, "sp": permissions}
    return "?" + urlencode(ordered, quote_via=quote)


def check(
    token: str, key: str | Sequence[str], account: str, blob: str, *, now: datetime, permission: str = "r"
) -> None:
    """Hold a token against the blob, the permission wanted and the time.

    Args:
        key: the account's key, or several of which any will do.
        token: the query of an address may be given whole; what else is in it does not matter.
        blob: `container/path`; the container alone where that is what is asked for, which no blob's token opens.

    Raises:
        AuthorizationFailed: `SasInvalid`, `SasExpired` or `SasNotPermitted`.
    """
    fields = dict(parse_qsl(token.lstrip("?"), keep_blank_values=True))
    if not fields.get("sig"):
        _refuse("SasInvalid", "The shared access signature has no sig: it is a placeholder, or was cut short.")
    if not _is_signed(fields, [key] if isinstance(key, str) else key, account, blob):
        _refuse("SasInvalid", "The shared access signature is not one for this blob.")
    if bound := sorted(name for name in _BINDING if fields.get(name)):
        message = f"The shared access signature is bound to what there is not here: {', '.join(bound)}."
        _refuse("SasInvalid", message)
    start, expiry = _moment(fields.get("st", "")), _moment(fields.get("se", ""))
    if expiry is None or (start is None and fields.get("st")):
        _refuse("SasInvalid", "The shared access signature does not say until when it is valid.")
    if now.astimezone(UTC) > expiry or (start is not None and now.astimezone(UTC) < start):
        since = f"from {fields['st']} " if start is not None else ""
        _refuse("SasExpired", f"The shared access signature is valid {since}until {fields['se']}.")
    granted = fields.get("sp", "")
    if permission not in granted:
        _refuse("SasNotPermitted", f"The shared access signature permits {granted!r}, not {permission!r}.")


def _refuse(code: str, message: str) -> NoReturn:
    hint = "Ask for a fresh one; of what a batch job made, its status gives one each time: mlmgmt batch status"
    raise AuthorizationFailed(message, target="SasBlobToken", details=[Detail(code, message)], hint=hint)


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
    """A time as tokens write it: to the second, to the minute, or a day alone; UTC where no zone is named."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
