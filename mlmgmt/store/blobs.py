"""Blobs of the storage accounts registered in a home, and the home's copies of the models in use.

In documents a blob is `https://<account>.blob.core.windows.net/<container>/<path>`; on disk it is
`storage/<account>/<container>/<path>`. Nothing is downloaded: an account that is not registered is not available.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote, unquote, urlsplit

from mlmgmt.errors import BadRequest, NotFound
from mlmgmt.ids import StorageAccountId, file_name
from mlmgmt.store import documents, files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

SUFFIX = ".blob.core.windows.net"
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER = re.compile(r"\$root|[a-z0-9](?:-?[a-z0-9]){2,62}")
_USER = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^/@?#]*:[^/@?#]*)@", re.IGNORECASE)
_LONGEST_PATH = 1024


@dataclass(frozen=True, slots=True)
class Blob:
    """The address of a blob; `path` is its decoded name in the container."""

    account: str
    container: str
    path: str

    @property
    def base_location(self) -> str:
        return f"https://{self.account}{SUFFIX}/"

    @property
    def relative_location(self) -> str:
        return f"{self.container}/{quote(self.path)}"

    @property
    def uri(self) -> str:
        return self.base_location + self.relative_location

    @property
    def name(self) -> str:
        """`container/path`, as signatures name it."""
        return f"{self.container}/{self.path}"


def without_secrets(uri: str) -> tuple[str, str | None, str | None]:
    """Split a uri into the address, its query (a shared access signature) and its `user:password`; None if absent."""
    address, _, query = uri.strip().partition("?")
    found = _USER.match(address)
    if found is None:
        return address, query or None, None
    return found["scheme"] + address[found.end() :], query or None, found["user"]


def parse(uri: str) -> Blob | None:
    """Return the blob that a uri names; None if it is not an address in a storage account.

    Raises:
        BadRequest: `InvalidBlob`: the path could lead out of its container, or is too long; or it is a `file:` uri,
            which no document may contain.
    """
    try:
        parts = urlsplit(uri)
        name = parts.hostname or ""
    except ValueError as error:
        _refuse(uri, f"It is not a valid URI ({error}).")
    if parts.scheme.casefold() == "file":
        _refuse(uri, "A document cannot refer to a file on this machine.")
    host = name.casefold()
    if parts.scheme.casefold() not in ("http", "https") or not host.endswith(SUFFIX):
        return None
    account = host[: -len(SUFFIX)]
    container, _, path = unquote(parts.path.lstrip("/")).partition("/")
    if not _ACCOUNT.fullmatch(account) or not _CONTAINER.fullmatch(container):
        return None
    segments = path.split("/")
    if len(path) > _LONGEST_PATH or any(part in ("", ".", "..") or _unsafe(part) for part in segments):
        _refuse(uri, "The path is empty, too long, or contains '..', an empty part or a control character.")
    return Blob(account, container, path)


def _unsafe(part: str) -> bool:
    return "\\" in part or any(ord(letter) < 32 for letter in part)


def _refuse(uri: str, reason: str) -> NoReturn:
    raise BadRequest(f"{uri!r} is not the address of a blob. {reason}", detail="InvalidBlob", target="uri")


def check_account_name(account: str) -> str:
    """Return `account` if it is a valid name of a storage account.

    Raises:
        BadRequest: `InvalidAccountName`.
    """
    if not _ACCOUNT.fullmatch(account):
        message = f"{account!r} is not a valid storage account name: use 3 to 24 lower-case letters and digits."
        raise BadRequest(message, detail="InvalidAccountName", target="Name")
    return account


class Blobs:
    """The local storage accounts of one home, and its copies of models."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def accounts(self) -> list[str]:
        """Return the registered accounts in order of creation, the home's own first."""
        names = documents.ids(self._root / "accounts")
        return sorted(names, key=self._creation_time) if len(names) > 1 else names

    def _creation_time(self, account: str) -> str:
        # Listing names works even if the file of an account is damaged.
        return str((files.read_json(self._registration(account)) or {}).get("creationTime", ""))

    def _registration(self, account: str) -> Path:
        return self._root / "accounts" / f"{file_name(account)}.json"

    def account(self, account: str) -> dict[str, Any] | None:
        """Return a registered account: `name` and, if given, `id`, `location`, `tags`, `sku` and `creationTime`.

        Raises:
            HomeError: `HomeDamaged`.
        """
        path = self._registration(account)
        why = f"it does not contain the storage account {account!r}"
        body = files.read_whole(path, why)
        if body is None:
            return None
        if body.get("name") != account.casefold():
            raise files.damaged(path, why)
        if not all(isinstance(body.get(member, ""), str) for member in ("id", "location", "sku", "creationTime")):
            raise files.damaged(path, "id, location, sku and creationTime must be strings")
        if "id" in body:
            documents.check_id(path, StorageAccountId.parse, body["id"])
        return body

    def register(self, account: str, body: Mapping[str, Any] | None = None) -> None:
        """Register a storage account, or replace its registration.

        Args:
            body: the members that `account` returns; only the name if None.

        Raises:
            BadRequest: `InvalidAccountName`.
        """
        check_account_name(account)
        (self._root / "storage" / account).mkdir(parents=True, exist_ok=True)
        documents.write(self._registration(account), {**(body or {}), "name": account})

    def unregister(self, account: str) -> None:
        """Remove the registration of a storage account; its files stay."""
        documents.remove(self._registration(account))

    def count(self, account: str) -> int:
        """Return the number of blobs of an account."""
        folder = self._root / "storage" / file_name(account)
        return sum(1 for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))

    def is_registered(self, account: str) -> bool:
        return self._registration(account).is_file()

    def _file(self, blob: Blob) -> Path:
        parts = [quote(part, safe=" ()+,;=@!$&'~") for part in blob.path.split("/")]
        parts = [f"%2e{part[1:]}" if part.startswith(".") else part for part in parts]
        return self._root.joinpath("storage", blob.account, blob.container, *parts)

    def read(self, blob: Blob) -> bytes:
        """Return the bytes of a blob; see `open`."""
        with self.open(blob) as file:
            return file.read()

    def open(self, blob: Blob) -> BinaryIO:
        """Open a blob for reading. The content stays the same even if the blob is replaced or removed.

        Raises:
            NotFound: `AccountNotRegistered` or `BlobNotFound`.
        """
        if not self.is_registered(blob.account):
            message = f"The storage account {blob.account!r} is not in this home."
            raise NotFound(message, detail="AccountNotRegistered", target=blob.uri)
        try:
            return self._file(blob).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            message = f"Blob {blob.name!r} does not exist in the storage account {blob.account!r}."
            raise NotFound(message, detail="BlobNotFound", target=blob.uri) from None

    def exists(self, blob: Blob) -> bool:
        return self.is_registered(blob.account) and self._file(blob).is_file()

    def in_folder(self, account: str, container: str, folder: str) -> list[Blob]:
        """Return the blobs directly in a folder of a container, by name; "" is the container itself."""
        if not _CONTAINER.fullmatch(container):
            return []
        inside = f"{folder}/" if folder else ""
        place = self._file(Blob(account, container, f"{inside}x")).parent
        names = sorted(unquote(path.name) for path in place.iterdir() if path.is_file()) if place.is_dir() else []
        return [Blob(account, container, f"{inside}{name}") for name in names]

    def write(self, blob: Blob, data: bytes) -> None:
        """Write a blob in one step."""
        path = self._file(blob)
        files.make_folder(path.parent)
        files.write(path, data)

    def append(self, blob: Blob, lines: bytes) -> None:
        """Append lines to a blob that is a log; lines of several processes never mix."""
        path = self._file(blob)
        files.make_folder(path.parent)
        files.append(path, lines)

    def upload(self, blob: Blob) -> files.Upload:
        """Return a file to write a blob in pieces; the blob exists once the file is finished."""
        path = self._file(blob)
        files.make_folder(path.parent)
        return files.Upload(path)

    def remove(self, blob: Blob) -> None:
        """Delete an existing blob; see `open`."""
        with self.open(blob):
            self._file(blob).unlink(missing_ok=True)

    def keep_model(self, data: bytes) -> str:
        """Store the home's copy of a model, named by its SHA-256, and return that."""
        digest = sha256(data).hexdigest()
        path = self._root / "models" / f"{digest}.ilearner"
        if not path.is_file() or sha256(path.read_bytes()).hexdigest() != digest:
            files.make_folder(path.parent)
            files.write(path, data)
        return digest

    def model(self, digest: str) -> bytes:
        """Return the home's copy of a model.

        Raises:
            NotFound: `ModelPackageNotFound`: the home has no model with that digest. `ModelPackageInvalid`: its copy
                was changed.
        """
        try:
            data = (self._root / "models" / f"{file_name(digest)}.ilearner").read_bytes()
        except FileNotFoundError:
            message = f"This home has no model with the digest {digest}."
            raise NotFound(message, detail="ModelPackageNotFound", target=digest) from None
        if sha256(data).hexdigest() != digest:
            message = f"The copy of the model {digest} was changed on disk; it is not opened."
            raise NotFound(message, detail="ModelPackageInvalid", target=digest)
        return data
