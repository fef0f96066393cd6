"""Upload, download and delete blobs of the home's storage accounts, with shared access signatures."""

from __future__ import annotations

import errno
import os
from base64 import b64encode
from contextlib import contextmanager
from hashlib import md5
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from mlmgmt.errors import AuthorizationFailed, BadRequest, Conflict, MlmgmtError, NotFound, Unauthorized
from mlmgmt.server.http.call import Call, Reply
from mlmgmt.server.storage import blocks, versions
from mlmgmt.server.storage.versions import Version
from mlmgmt.store import blobs, lock, sas

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractContextManager

    from mlmgmt.store.files import Upload

_CODES = {"SasNotPermitted": "AuthorizationPermissionMismatch", "AccountNotRegistered": "ResourceNotFound"}
_UNNAMEABLE = frozenset((errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY))
_SIGNED = frozenset(("SasInvalid", "SasExpired"))


def _permitted_blob(call: Call, *permissions: str, comps: tuple[str, ...] = ()) -> blobs.Blob:
    """Return the blob that a path names, if the signature grants one of `permissions`.

    Args:
        comps: the values of `comp` and `restype` that the operation supports.

    Raises:
        BadRequest: `InvalidUri`: the path does not name a blob; `UnsupportedQueryParameter`.
        Unauthorized: `NoAuthenticationInformation`. AuthorizationFailed. NotFound: the account is not in this home.
    """
    account, container, path = call.path["account"], call.path["container"], call.path["blob"]
    found = blobs.parse(f"https://{account}{blobs.SUFFIX}/{quote(container)}/{quote(path)}")
    if found is None or found.account != account:
        raise BadRequest("The path does not name a blob; it must be /account/container/blob.", detail="InvalidUri")
    if unknown := [name for name in ("comp", "restype") if call.query.get(name) and call.query[name] not in comps]:
        name = unknown[0]
        message = f"{name}={call.query[name][:20]!r} is not supported: blobs can only be read, written and deleted."
        raise BadRequest(message, detail="UnsupportedQueryParameter")
    if not call.query.get("sig"):
        message = "The address has no shared access signature."
        raise Unauthorized(message, detail="NoAuthenticationInformation", hint="Make one with: mlmgmt sas")
    store = call.session.store
    keys = store.secrets.account_keys(account)
    if not store.blobs.is_registered(account) or not keys:
        raise NotFound("The storage account is not in this home.", detail="AccountNotRegistered")
    refusal: MlmgmtError | None = None
    for permission in permissions:
        try:
            sas.check(urlencode(call.query), keys, account, found.name, now=call.now, permission=permission)
        except AuthorizationFailed as error:
            refusal = error
        else:
            return found
    assert refusal is not None
    raise refusal


def download(call: Call) -> Reply:
    blob = _permitted_blob(call, "r")
    with _refuse_bad_names():
        file = call.session.store.blobs.open(blob)
    try:
        version = Version.of(os.fstat(file.fileno()))
        # Always bytes, so that a browser never runs an uploaded page or script under this server's address.
        headers = {
            "content-type": "application/octet-stream",
            "accept-ranges": "bytes",
            "x-ms-blob-type": "BlockBlob",
            **version.headers(),
            **_version_header(call),
        }
        versions.require_match(call.headers, version)
        if versions.is_unmodified(call.headers, version):
            file.close()
            return Reply(304, headers=version.headers() | _version_header(call))
        wanted = versions.requested_range(call.headers, version.size) if call.operation.method == "GET" else None
        whole = wanted is None
        wanted = wanted if wanted is not None else range(version.size)
        if not whole:
            headers["content-range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{version.size}"
            if call.headers.get("x-ms-range-get-content-md5") == "true" and (mark := versions.part_md5(file, wanted)):
                headers["content-md5"] = mark
        headers["content-length"] = str(len(wanted))
        file.seek(wanted.start)
    except BaseException:
        file.close()
        raise
    if call.operation.method == "HEAD":
        file.close()
        return Reply(headers=headers)
    return Reply(200 if whole else 206, headers=headers, file=file, length=len(wanted))


def delete(call: Call) -> Reply:
    store, blob = call.session.store, _permitted_blob(call, "d")
    store.require_writable()
    with _refuse_bad_names(), _write_lock(call, blob):
        versions.require_match(call.headers, _current_version(call, blob))
        store.blobs.remove(blob)
    return Reply(202, headers=_version_header(call))


async def upload(call: Call, in_thread: Callable[..., Any]) -> Reply:
    """Write a blob, or a block of one, as its bytes arrive. It appears only when it is complete."""
    store, comp = call.session.store, call.query.get("comp")
    blob = _permitted_blob(call, "c", "w", comps=blocks.COMPS)
    store.require_writable()
    assert call.upload is not None
    staged = blocks.Blocks(store.home.root, blob)
    if comp == "block":
        block = await in_thread(staged.new, call.query.get("blockid", ""))
        mark = await _receive(block, call.upload, in_thread)
        try:
            _check_md5(call, mark)
            await in_thread(block.finish)
        except BaseException:
            block.abandon()
            raise
        return Reply(201, headers={"content-md5": mark, **_version_header(call)})
    _check_write(call, blob)
    parts, listed = call.upload, None
    if comp == "blocklist":
        identities, text = await blocks.read_list(call.upload)
        # Content-MD5 is that of the list, not of the blob.
        listed = _base64_md5(md5(text, usedforsecurity=False))
        _check_md5(call, listed)
        parts = staged.content(identities, in_thread)
    with _refuse_bad_names():
        pending = await in_thread(store.blobs.upload, blob)
    content = await _receive(pending, parts, in_thread)
    mark = listed or content
    try:
        _check_md5(call, mark)
        version: Version = await in_thread(_finish, call, blob, pending)
    except BaseException:
        pending.abandon()
        raise
    await in_thread(staged.forget)
    return Reply(201, headers={**version.headers(), "content-md5": mark, **_version_header(call)})


async def _receive(pending: Upload, parts: AsyncIterator[bytes], in_thread: Callable[..., Any]) -> str:
    """Write the bytes as they arrive, and return their MD5. An upload that breaks off leaves nothing behind."""
    digest = md5(usedforsecurity=False)
    try:
        async for part in parts:
            digest.update(part)
            await in_thread(pending.add, part)
    except BaseException:
        pending.abandon()
        raise
    return _base64_md5(digest)


def _base64_md5(digest: Any) -> str:
    return b64encode(digest.digest()).decode()


def _check_md5(call: Call, mark: str) -> None:
    if call.headers.get("content-md5", mark) != mark:
        raise BadRequest("The content does not match the MD5 in the Content-MD5 header.", detail="Md5Mismatch")


def _finish(call: Call, blob: blobs.Blob, pending: Upload) -> Version:
    with _refuse_bad_names(), _write_lock(call, blob):
        # Checked again: another upload may have ended since this one began.
        _check_write(call, blob)
        version = Version.of(pending.state())
        if not pending.finish(replace="w" in call.query.get("sp", "") and not _is_create_only(call)):
            raise _already_exists()
    return version


def _check_write(call: Call, blob: blobs.Blob) -> None:
    """Refuse to overwrite a blob against the request's conditions or without the signature's permission."""
    current = _current_version(call, blob)
    if current is not None and _is_create_only(call):
        raise _already_exists()
    versions.require_match(call.headers, current)
    if current is not None:
        if versions.is_unmodified(call.headers, current):
            raise versions.condition_not_met()
        # The permission c only allows to create blobs, not to overwrite them.
        _permitted_blob(call, "w", comps=blocks.COMPS)


def _is_create_only(call: Call) -> bool:
    return call.headers.get("if-none-match", "").strip() == "*"


def _current_version(call: Call, blob: blobs.Blob) -> Version | None:
    with _refuse_bad_names():
        try:
            file = call.session.store.blobs.open(blob)
        except NotFound:
            return None
        with file:
            return Version.of(os.fstat(file.fileno()))


def _write_lock(call: Call, blob: blobs.Blob) -> AbstractContextManager[None]:
    """Return the lock of a container, held from the check of the current version until the write."""
    return lock.hold(call.session.store.home.root, f"blobs/{blob.account}/{blob.container}")


@contextmanager
def _refuse_bad_names() -> Iterator[None]:
    """Refuse blob names that cannot be file names.

    Raises:
        BadRequest: `InvalidResourceName`, in place of the OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _UNNAMEABLE:
            raise
        message = "The blob cannot have this name: a part of it is too long, or names both a blob and a folder."
        raise BadRequest(message, detail="InvalidResourceName") from None


def _already_exists() -> Conflict:
    return Conflict("The specified blob already exists.", detail="BlobAlreadyExists")


HANDLERS = {"Blob_Get": download, "Blob_GetProperties": download, "Blob_Delete": delete}


def refusal(error: MlmgmtError) -> Reply:
    """Return an error in the form of the blob service: XML, with the code in a header, too."""
    code = error.details[0].code if error.details else error.code
    code = "AuthenticationFailed" if code in _SIGNED else _CODES.get(code, code)
    body = f"<Error><Code>{escape(code)}</Code><Message>{escape(error.message)}</Message></Error>"
    headers = {"content-type": "application/xml", "x-ms-error-code": code, "x-ms-version": sas.VERSION}
    return Reply(error.http_status, None, headers, f'<?xml version="1.0" encoding="utf-8"?>{body}'.encode())


def _version_header(call: Call) -> dict[str, str]:
    given = call.headers.get("x-ms-version", "")
    return {"x-ms-version": given if len(given) == 10 and given.replace("-", "").isdigit() else sas.VERSION}
