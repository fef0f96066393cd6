"""Blob references of batch jobs: connection string and relative location; or base location, relative location, SAS."""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlmgmt.errors import BadArgument, MlmgmtError
from mlmgmt.store import blobs, sas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.verbs.session import Session

INPUT_SUFFIXES = (".nh.csv", ".nh.tsv", ".csv", ".tsv", ".arff")
"""The extensions of tables that a job reads; those with `.nh` have no header."""
_LONGEST_PART = 255
_AT_A_SERVER = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?/([a-z0-9]{3,24})/", re.IGNORECASE)
"""A base location from `mlmgmt serve` on this machine. It is only a name: the blob is read from this home's disk."""
_ACCOUNT = re.compile("[a-z0-9]{3,24}")


def resolve(session: Session, reference: Any, port: str, *, permission: str) -> blobs.Blob:
    """Return the blob of a reference; keys and signatures in it are checked and not stored.

    Args:
        permission: `r` for an input, `w` for an output.

    Raises:
        BadRequest: `BadArgument` with the documented detail: it is not valid, or its account is not in this home.
    """
    reads = permission == "r"
    if not isinstance(reference, dict | None):
        raise BadArgument("InvalidBlob", f"The blob reference of {port!r} must be a JSON object.", port)
    given = {str(name).casefold(): value for name, value in (reference or {}).items() if value not in (None, "")}
    fields = {name: str(value) for name, value in given.items()}
    relative = fields.get("relativelocation", "").lstrip("/")
    if "connectionstring" in fields:
        account = _account(session, fields["connectionstring"], port)
        base = f"https://{account}.blob.core.windows.net/"
    elif "baselocation" in fields:
        base = fields["baselocation"]
    else:
        what = "MissingInputBlobInformation" if reads else "MissingOutputOverrideSpecification"
        message = f"The reference of {port!r} has neither a ConnectionString nor a BaseLocation."
        raise BadArgument(what, message, port)
    empty = "InputBlobRelativeLocationInvalid" if reads else "MissingOutputOverrideSpecification"
    if not relative:
        raise BadArgument(empty, f"The reference of {port!r} has no RelativeLocation.", port)
    blob = blob_at(base, relative, port, empty)
    if not session.store.blobs.is_registered(blob.account):
        message = f"The storage account {blob.account!r} is not in this home."
        raise BadArgument("BlobNotFound", message, port, storage_hint(session))
    if "sasblobtoken" in fields:
        _check_sas(session, blob, fields["sasblobtoken"], port, permission)
    elif session.by_key and "connectionstring" not in fields:
        # A caller who has only a web service's key must also prove access to the storage account.
        raise BadArgument("InvalidBlob", f"The reference of {port!r} has no SasBlobToken.", port)
    return blob


def storage_hint(session: Session) -> str | None:
    """A hint where the blobs of this home are; None for a caller who has only a web service's key."""
    if session.by_key:
        return None
    store = session.store
    known = ", ".join(store.blobs.accounts()) or "none"
    folder = store.home.root / "storage" / "ACCOUNT" / "CONTAINER"
    return f"Storage accounts here: {known}. To bring a blob in, copy its file to {folder}."


def blob_at(base: str, relative: str, port: str, empty: str) -> blobs.Blob:
    """Return the blob at `relative` below `base`.

    Messages do not repeat a query, because it may be a signature.

    Args:
        port: what the reference belongs to, for messages.
        empty: the error code for a location without a blob name.
    """
    if "?" in base or "?" in relative:
        message = f"The reference of {port!r} has a query in its address."
        raise BadArgument("InvalidBlob", message, port, "Give a shared access signature as SasBlobToken.")
    address = _AT_A_SERVER.sub(rf"https://\1{blobs.SUFFIX}/", f"{base.rstrip('/')}/{relative}").replace("#", "%23")
    scheme, _, rest = address.partition("://")
    host, _, path = rest.partition("/")
    if _parse(f"{scheme}://{host}/container/blob", port) is None:
        hint = "Use https://ACCOUNT.blob.core.windows.net/; a server also takes its own addresses."
        raise BadArgument(
            "InvalidBlob", f"The BaseLocation of {port!r} is not the address of a storage account: {base}", port, hint
        )
    container, slash, name = path.lstrip("/").partition("/")
    if not slash or not container:
        raise BadArgument("ContainerIsEmpty", f"The RelativeLocation of {port!r} has no container: {relative}", port)
    if not name.strip("/"):
        raise BadArgument(empty, f"The RelativeLocation of {port!r} has no blob name: {relative}", port)
    blob = _parse(address, port)
    if blob is None:
        message = f"{container!r} is not a valid container name."
        raise BadArgument(
            "ContainerSegmentInvalid", message, port, "Use 3 to 63 lower-case letters, digits and single hyphens."
        )
    if any(len(quote(part)) > _LONGEST_PART for part in blob.path.split("/")):
        message = f"A part of the RelativeLocation of {port!r} is too long for a file of this home."
        raise BadArgument(
            "BlobNameTooLong", message, port, f"Use at most {_LONGEST_PART} plain letters between two slashes."
        )
    return blob


def _parse(uri: str, port: str) -> blobs.Blob | None:
    try:
        return blobs.parse(uri)
    except MlmgmtError as error:
        raise BadArgument("InvalidBlob", error.message, port) from None


def _account(session: Session, text: str, port: str) -> str:
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    folded = {name.strip().casefold(): value.strip() for name, value in parts.items()}
    account = folded.get("accountname", "").casefold()
    if not _ACCOUNT.fullmatch(account):
        message = f"The ConnectionString of {port!r} has no AccountName."
        raise BadArgument(
            "InvalidBlobConnectionString",
            message,
            port,
            "DefaultEndpointsProtocol=https;AccountName=...;AccountKey=...",
        )
    keys = session.store.secrets.account_keys(account)
    given = folded.get("accountkey", "")
    if session.by_key and not (given and keys):
        raise BadArgument("InvalidBlobConnectionString", f"The ConnectionString of {port!r} has no AccountKey.", port)
    # The home's user needs no key for its own accounts, but a key that is given must be right.
    if given and keys and not any(hmac.compare_digest(given.encode(), key.encode()) for key in keys):
        message = f"The AccountKey of {port!r} is not a key of {account!r}."
        hint = None if session.by_key else "Omit AccountKey: accounts of this home do not need it."
        raise BadArgument("InvalidBlobConnectionString", message, port, hint)
    return account


def _check_sas(session: Session, blob: blobs.Blob, token: str, port: str, permission: str) -> None:
    keys = session.store.secrets.account_keys(blob.account)
    if not keys:
        if session.by_key:
            raise BadArgument("InvalidBlob", f"The signature of {port!r} cannot be checked here.", port)
        return
    try:
        sas.check(token, keys, blob.account, blob.name, now=session.clock(), permission=permission)
    except MlmgmtError as error:
        raise BadArgument("InvalidBlob", f"{port!r}: {error.message}", port, error.hint) from None


def require_suffix(path: str, allowed: Sequence[str], port: str) -> str:
    """Return the extension of a path, which must be an allowed one.

    Raises:
        BadRequest: `BadArgument`, `InvalidBlobExtension`.
    """
    found = next((suffix for suffix in allowed if path.casefold().endswith(suffix)), None)
    if found is None:
        message = f"The blob of {port!r} ({path}) must end in one of: {', '.join(allowed)}."
        raise BadArgument("InvalidBlobExtension", message, port)
    return found


def signed_reference(session: Session, blob: blobs.Blob) -> dict[str, Any]:
    """Return a blob as a job's status gives a result, with a new signature."""
    key = session.store.secrets.account_key(blob.account)
    return {
        "ConnectionString": None,
        "RelativeLocation": blob.relative_location,
        "BaseLocation": blob.base_location,
        "SasBlobToken": sas.sign(key, blob.account, blob.name, now=session.clock()) if key else None,
    }


def to_document(blob: blobs.Blob) -> Mapping[str, str]:
    """Return a blob in the form in which a job's document stores it."""
    return {"account": blob.account, "container": blob.container, "path": blob.path}


def from_document(kept: Mapping[str, Any], port: str) -> blobs.Blob:
    """Return the blob that `to_document` wrote. It is checked again, because files of a home may have been edited.

    Raises:
        BadRequest: `InvalidBlob`.
    """
    parts = [kept.get(name) for name in ("account", "container", "path")] if isinstance(kept, dict) else []
    if parts and all(isinstance(part, str) for part in parts):
        blob = blobs.Blob(*map(str, parts))
        if _parse(blob.uri, port) == blob:
            return blob
    raise BadArgument("InvalidBlob", f"The job's document has no valid blob for {port!r}.", port)
