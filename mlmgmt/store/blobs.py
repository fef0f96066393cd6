"""Blobs of the storage accounts registered in a home, and the models that services answer with.

In documents a blob is `https://<account>.blob.core.windows.net/<container>/<path>`; on disk it is
`storage/<account>/<container>/<path>`. Nothing is ever fetched: an account that is not registered is not available.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote, unquote, urlsplit

import orjson

from mlmgmt.errors import BadRequest, Detail, NotFound
from mlmgmt.ids import StorageAccountId, file_name
from mlmgmt.store import files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

SUFFIX = ".blob.core.windows.net"
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER = re.compile(r"\$root|[a-z0-9](?:-?[a-z0-9]){2,62}")
_USER = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^/@?#]*:[^/@?#]*)@", re.IGNORECASE)
_LONGEST_PATH = 1024
_WRITING = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True)
class Blob:
    """The place of a blob; `path` is its name inside the container, decoded."""

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
    """A uri split into the address, its query (a shared access signature) and its `user:password`, if it has them."""
    address, _, query = uri.strip().partition("?")
    found = _USER.match(address)
    if found is None:
        return address, query or None, None
    return found["scheme"] + address[found.end() :], query or None, found["user"]


def parse(uri: str) -> Blob | None:
    """The blob that a uri names; None when it is no address that a storage account can have.

    Raises:
        BadRequest: `InvalidBlob`: the path could reach outside its container or is too long; or it is a `file:` uri,
            which no document may hold.
    """
    try:
        parts = urlsplit(uri)
        name = parts.hostname or ""
    except ValueError as error:
        _refuse(uri, f"It is no uri at all ({error}).")
    if parts.scheme.casefold() == "file":
        _refuse(uri, "A document cannot name a file of this machine.")
    host = name.casefold()
    if parts.scheme.casefold() not in ("http", "https") or not host.endswith(SUFFIX):
        return None
    account = host[: -len(SUFFIX)]
    container, _, path = unquote(parts.path.lstrip("/")).partition("/")
    if not _ACCOUNT.fullmatch(account) or not _CONTAINER.fullmatch(container):
        return None
    segments = path.split("/")
    if len(path) > _LONGEST_PATH or any(part in ("", ".", "..") or _unsafe(part) for part in segments):
        _refuse(uri, "The path is empty, too long, or holds '..', an empty part or a control character.")
    return Blob(account, container, path)


def _unsafe(part: str) -> bool:
    return "\\" in part or any(ord(letter) < 32 for letter in part)


def _refuse(uri: str, reason: str) -> NoReturn:
    message = f"{uri!r} is not the address of a blob. {reason}"
    raise BadRequest(message, target="uri", details=[Detail("InvalidBlob", message)])


def check_account_name(account: str) -> str:
    """Return `account` if a storage account may bear it.

    Raises:
        BadRequest: `InvalidAccountName`.
    """
    if not _ACCOUNT.fullmatch(account):
        message = f"{account!r} cannot name a storage account: 3 to 24 lower-case letters and digits."
        raise BadRequest(message, target="Name", details=[Detail("InvalidAccountName", message)])
    return account


class Blobs:
    """The local storage accounts of one home, and its own copies of models."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def accounts(self) -> list[str]:
        """The registered accounts, in the order they came; the home's own first."""
        folder = self._root / "accounts"
        names = sorted(path.stem for path in folder.glob("*.json")) if folder.is_dir() else []
        return sorted(names, key=self._creation_time) if len(names) > 1 else names

    def _creation_time(self, account: str) -> str:
        # Whoever only looks for a name need not hear that the file of another account is damaged.
        return str((files.read_json(self._registration(account)) or {}).get("creationTime", ""))

    def _registration(self, account: str) -> Path:
        return self._root / "accounts" / f"{file_name(account)}.json"

    def account(self, account: str) -> dict[str, Any] | None:
        """What a registered account is: `name`, and `id`, `location`, `tags`, `sku` and `creationTime` if it is given.

        Raises:
            HomeError: `HomeDamaged`.
        """
        path = self._registration(account)
        body = files.read_json(path)
        if body is None and not path.exists():
            return None
        if body is None or body.get("name") != account.casefold():
            raise files.damaged(path, f"it does not hold the storage account {account!r}")
        if not all(isinstance(body.get(member, ""), str) for member in ("id", "location", "sku", "creationTime")):
            raise files.damaged(path, "what is said of a storage account is text")
        try:
            if "id" in body:
                StorageAccountId.parse(body["id"])
        except BadRequest as error:
            raise files.damaged(path, error.message.rstrip(".")) from None
        return body

    def register(self, account: str, body: Mapping[str, Any] | None = None) -> None:
        """Register a storage account, or write anew what is said of it.

        Args:
            body: as `account` gives it; the name alone when None.

        Raises:
            BadRequest: `InvalidAccountName`.
        """
        check_account_name(account)
        (self._root / "accounts").mkdir(exist_ok=True)
        (self._root / "storage" / account).mkdir(parents=True, exist_ok=True)
        files.write(self._registration(account), orjson.dumps({**(body or {}), "name": account}, option=_WRITING))

    def unregister(self, account: str) -> None:
        """Forget a storage account; its files stay."""
        self._registration(account).unlink(missing_ok=True)
        files.flush_folder(self._root / "accounts")

    def count(self, account: str) -> int:
        """How many blobs are in the files of an account."""
        folder = self._root / "storage" / file_name(account)
        return sum(1 for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))

    def is_registered(self, account: str) -> bool:
        return self._registration(account).is_file()

    def _file(self, blob: Blob) -> Path:
        parts = [quote(part, safe=" ()+,;=@!$&'~") for part in blob.path.split("/")]
        parts = [f"%2e{part[1:]}" if part.startswith(".") else part for part in parts]
        return self._root.joinpath("storage", blob.account, blob.container, *parts)

    def read(self, blob: Blob) -> bytes:
        """The bytes of a blob; see `open`."""
        with self.open(blob) as file:
            return file.read()

    def open(self, blob: Blob) -> BinaryIO:
        """A blob's file, to read from; it stays the same whatever happens to the blob's name.

        Raises:
            NotFound: `AccountNotRegistered` or `BlobNotFound`.
        """
        if not self.is_registered(blob.account):
            message = f"The storage account {blob.account!r} is not in this home."
            raise NotFound(message, target=blob.uri, details=[Detail("AccountNotRegistered", message)])
        try:
            return self._file(blob).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            message = f"There is no blob {blob.name!r} in the storage account {blob.account!r}."
            raise NotFound(message, target=blob.uri, details=[Detail("BlobNotFound", message)]) from None

    def exists(self, blob: Blob) -> bool:
        return self.is_registered(blob.account) and self._file(blob).is_file()

    def write(self, blob: Blob, data: bytes) -> None:
        """Write a blob, whole."""
        path = self._file(blob)
        files.make_folder(path.parent)
        files.write(path, data)

    def append(self, blob: Blob, lines: bytes) -> None:
        """Add lines to a blob that is a log; lines of several processes never mix."""
        path = self._file(blob)
        files.make_folder(path.parent)
        files.append(path, lines)

    def upload(self, blob: Blob) -> files.Upload:
        """A blob to be written piece by piece; it is there, whole, once that is finished."""
        path = self._file(blob)
        files.make_folder(path.parent)
        return files.Upload(path)

    def remove(self, blob: Blob) -> None:
        """Delete a blob that exists; see `open`."""
        with self.open(blob):
            self._file(blob).unlink(missing_ok=True)

    def keep_model(self, data: bytes) -> str:
        """Keep the home's own copy of a model; its name is its SHA-256, which is returned."""
        digest = sha256(data).hexdigest()
        path = self._root / "models" / f"{digest}.ilearner"
        if not path.is_file() or sha256(path.read_bytes()).hexdigest() != digest:
            files.make_folder(path.parent)
            files.write(path, data)
        return digest

    def model(self, digest: str) -> bytes:
        """The home's own copy of a model.

        Raises:
            NotFound: `ModelPackageNotFound`: the home has none with that digest.
        """
        try:
            data = (self._root / "models" / f"{file_name(digest)}.ilearner").read_bytes()
        except FileNotFoundError:
            message = f"This home keeps no model with the digest {digest}."
            raise NotFound(message, target=digest, details=[Detail("ModelPackageNotFound", message)]) from None
        if sha256(data).hexdigest() != digest:
            message = f"The copy of the model {digest} was altered on disk; it is not opened."
            raise NotFound(message, target=digest, details=[Detail("ModelPackageInvalid", message)])
        return data
