"""Blob references of batch jobs: a connection string and a relative location, or base, relative location and SAS."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, NoReturn

from mlmgmt.errors import BadRequest, Detail, MlmgmtError
from mlmgmt.store import blobs, sas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.verbs.session import Session

INPUT_SUFFIXES = (".nh.csv", ".nh.tsv", ".csv", ".tsv", ".arff")
"""Of tables that a job reads; those with `.nh` have no header."""


def refuse(code: str, message: str, target: str, hint: str | None = None) -> NoReturn:
    """Raise what the service called an invalid argument."""
    details = [Detail(code, message, target)]
    raise BadRequest("Invalid argument provided.", target=target, details=details, hint=hint, code="BadArgument")


def resolve(session: Session, reference: Any, port: str, *, permission: str) -> blobs.Blob:
    """The blob of a reference; keys and signatures in it are checked, and not kept.

    Args:
        permission: `r` for an input, `w` for an output.

    Raises:
        BadRequest: `BadArgument` with the documented detail: the reference is none, or its account is not in this home.
    """
    if not isinstance(reference, dict):
        refuse("InvalidBlob", f"The blob reference of {port!r} is no object.", port)
    fields = {str(name).casefold(): value for name, value in reference.items() if value not in (None, "")}
    relative = str(fields.get("relativelocation") or "").lstrip("/")
    if "connectionstring" in fields:
        account = _account(session, str(fields["connectionstring"]), port)
        base = f"https://{account}.blob.core.windows.net/"
    elif "baselocation" in fields:
        base = str(fields["baselocation"])
    else:
        what = "MissingInputBlobInformation" if permission == "r" else "MissingOutputOverrideSpecification"
        message = f"The reference of {port!r} has neither a ConnectionString nor a BaseLocation."
        refuse(what, message, port)
    if not relative:
        code = "InputBlobRelativeLocationInvalid" if permission == "r" else "MissingOutputOverrideSpecification"
        refuse(code, f"The reference of {port!r} has no RelativeLocation.", port)
    if "/" not in relative:
        refuse("ContainerIsEmpty", f"The RelativeLocation of {port!r} has no container: {relative}", port)
    blob = _parsed(f"{base.rstrip('/')}/{relative}", port)
    if not session.store.blobs.is_registered(blob.account):
        known = ", ".join(session.store.blobs.accounts())
        message = f"The storage account {blob.account!r} is not in this home."
        refuse("BlobNotFound", message, port, f"There are: {known}. Copy the file into one of them.")
    if "sasblobtoken" in fields:
        _check_sas(session, blob, str(fields["sasblobtoken"]), port, permission)
    return blob


def _parsed(uri: str, port: str) -> blobs.Blob:
    try:
        blob = blobs.parse(uri)
    except MlmgmtError as error:
        refuse("InvalidBlob", error.message, port)
    if blob is None:
        refuse("InvalidBlob", f"The reference of {port!r} is no address of a blob: {uri}", port)
    return blob


def _account(session: Session, text: str, port: str) -> str:
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    folded = {name.strip().casefold(): value.strip() for name, value in parts.items()}
    account = folded.get("accountname", "")
    if not account:
        message = f"The ConnectionString of {port!r} names no account."
        refuse(
            "InvalidBlobConnectionString",
            message,
            port,
            "DefaultEndpointsProtocol=https;AccountName=...;AccountKey=...",
        )
    key = session.store.secrets.account_key(account)
    given = folded.get("accountkey", "")
    # An account of this home needs no key from its own user; one that is given must be the right one.
    if given and key and not hmac.compare_digest(given.encode(), key.encode()):
        refuse("InvalidBlobConnectionString", f"The AccountKey of {port!r} is not the key of {account!r}.", port)
    return account


def _check_sas(session: Session, blob: blobs.Blob, token: str, port: str, permission: str) -> None:
    key = session.store.secrets.account_key(blob.account)
    if key is None:
        return
    try:
        sas.check(token, key, blob.account, blob.name, now=session.clock(), permission=permission)
    except MlmgmtError as error:
        refuse("InvalidBlob", f"{port!r}: {error.message}", port, error.hint)


def require_suffix(path: str, allowed: Sequence[str], port: str) -> str:
    """The end of a path, which must be an allowed one.

    Raises:
        BadRequest: `BadArgument`, `InvalidBlobExtension`.
    """
    found = next((suffix for suffix in allowed if path.casefold().endswith(suffix)), None)
    if found is None:
        message = f"The blob of {port!r} ({path}) must end in one of: {', '.join(allowed)}."
        refuse("InvalidBlobExtension", message, port)
    return found


def answered(session: Session, blob: blobs.Blob) -> dict[str, Any]:
    """A result as a job's status gives it, with a signature made now."""
    key = session.store.secrets.account_key(blob.account)
    return {
        "ConnectionString": None,
        "RelativeLocation": blob.relative_location,
        "BaseLocation": blob.base_location,
        "SasBlobToken": sas.sign(key, blob.account, blob.name, now=session.clock()) if key else None,
    }


def stored(blob: blobs.Blob) -> Mapping[str, str]:
    """A blob as a job's document keeps it."""
    return {"account": blob.account, "container": blob.container, "path": blob.path}
