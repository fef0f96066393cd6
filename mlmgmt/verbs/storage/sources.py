"""What graphs may read and write: blobs of this home, and sources that the user mapped by name. Nothing else."""

from __future__ import annotations

from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mlmgmt.errors import BadRequest, NotFound
from mlmgmt.ids import check_name, fold
from mlmgmt.store import blobs, lock, sas
from mlmgmt.verbs.storage import references

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmgmt.modules.base import Dataset, ScriptResult
    from mlmgmt.verbs.session import Session


_DATABASE = "{database}"


class GraphAccess:
    """What the graphs of one session may read, write and run; see `modules.base.Outside`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, address: str) -> bytes:
        """Return the bytes at an address; a signature in it is checked.

        Raises:
            NotFound: `AddressNotMapped`, `AccountNotRegistered`, `BlobNotFound`, `FileNotFound`.
            BadRequest: `InvalidBlob`, `BlobNotUsable`, `AccessDenied`, `NotAFile`.
            AuthorizationFailed: the signature in it is not valid for the blob.
        """
        mapped = _mapped_file(_members(self._session, "files"), address)
        if mapped is not None:
            from mlmgmt.verbs import userfiles

            return userfiles.read(str(mapped), largest=userfiles.LARGEST_TABLE).data
        blob = self._blob(address, "r")
        try:
            with _refusing_file_errors(blob, "read"):
                return self._session.store.blobs.read(blob)
        except NotFound as error:
            hint = error.hint or references.storage_hint(self._session)
            raise NotFound(error.message, target=error.target, details=error.details, hint=hint) from None

    def parts(self, address: str) -> list[str]:
        """Return the addresses of the blobs that an address means: one, those in a folder, or those with such a name.

        Raises:
            NotFound: `BlobNotFound`: there is no such blob.
        """
        plain = blobs.without_secrets(address)[0]
        if _mapped_file(_members(self._session, "files"), address) is not None or not _is_web(plain):
            return [address]
        container, slash, path = unquote(urlsplit(plain).path.strip("/")).partition("/")
        folder, _, pattern = path.rpartition("/")
        has_wildcards = "*" in pattern or "?" in pattern
        one = blobs.parse(plain.rstrip("/")) if slash else None
        if one is not None and not has_wildcards:
            with _refusing_file_errors(one, "read"):
                if self._session.store.blobs.exists(one):
                    return [address]
        account = one.account if one is not None else (urlsplit(plain).hostname or "").partition(".")[0]
        if not self._session.store.blobs.is_registered(account):
            return [address]
        listed = self._session.store.blobs.in_folder(account, container, folder if has_wildcards else path)
        found = [
            blob.uri
            for blob in listed
            if not has_wildcards or fnmatchcase(blob.path.rpartition("/")[2], pattern.replace("[", "[[]"))
        ]
        if not found:
            message = f"The storage account {account!r} has neither a blob nor a folder {container}/{path}."
            raise NotFound(message, detail="BlobNotFound", target=plain)
        return found

    def write(self, address: str, data: bytes, *, overwrite: bool) -> None:
        """Write a blob of a registered account.

        Raises:
            NotFound: `AddressNotMapped`, `AccountNotRegistered`.
            BadRequest: `BlobExists`, unless `overwrite`; `InvalidBlob`, `BlobNotUsable`.
            AuthorizationFailed: the signature in the address is not valid for the blob, or the caller is a Reader.
        """
        blob, store = self._blob(address, "w"), self._session.store
        self._session.require("Microsoft.Storage/storageAccounts/write", blob.account)
        if not store.blobs.is_registered(blob.account):
            message = f"The storage account {blob.account!r} is not in this home."
            raise NotFound(
                message, detail="AccountNotRegistered", target=blob.uri, hint=references.storage_hint(self._session)
            )
        with _refusing_file_errors(blob, "written"):
            if not overwrite and store.blobs.exists(blob):
                message = f"The blob {blob.uri} already exists."
                hint = "Give another path; or set the module's write mode to Overwrite, if it has one."
                raise BadRequest(message, detail="BlobExists", target=blob.uri, hint=hint)
            store.blobs.write(blob, data)

    def database(self, server: str, database: str) -> str:
        """Return the connection URL that a server is mapped to, with `{database}` replaced.

        Raises:
            NotFound: `ServerNotMapped`.
            BadRequest: `InvalidResourceName`: the database's name is not valid, and the URL contains it.
        """
        known = {_server(name): url for name, url in _members(self._session, "databases").items()}
        url = known.get(_server(server))
        if url is None:
            message = f"The database server {server!r} is not mapped to a connection."
            hint = f"Map it: mlmgmt map-source {server} sqlite:////path/of/your.db (or another SQLAlchemy URL)"
            raise NotFound(message, detail="ServerNotMapped", target=server, hint=hint)
        return str(url).replace(_DATABASE, check_name(database, what="database") if _DATABASE in url else "")

    def run_script(
        self, source: str, tables: Sequence[Dataset], bundle: bytes | None, version: str | None
    ) -> ScriptResult:
        """Run a script in a separate process.

        Raises:
            BadRequest: `ScriptsNotAllowed`.
        """
        from mlmgmt.learning import scripts

        if not self._session.store.secrets.outside().get("scripts"):
            message = "This definition runs a Python script, but scripts are not allowed in this home."
            hint = "Read the script, then: mlmgmt allow-scripts"
            raise BadRequest(message, detail="ScriptsNotAllowed", target="R Script", hint=hint)
        result = scripts.run(source, tables, bundle, version=version)
        for line in result.console.splitlines():
            self._session.detail(line)
        return result

    def _blob(self, address: str, permission: str) -> blobs.Blob:
        plain, signature, _ = blobs.without_secrets(address)
        blob = blobs.parse(plain)
        if blob is None:
            message = f"The address {plain} is not a blob of this home and is not mapped to a file."
            hint = f"Map it: mlmgmt map-source {plain} FILE" if _is_web(plain) else None
            raise NotFound(message, detail="AddressNotMapped", target=plain, hint=hint)
        keys = self._session.store.secrets.account_keys(blob.account)
        if signature and keys:
            now = self._session.clock()
            token = f"?{signature.partition('#')[0]}"
            sas.check(token, keys, blob.account, blob.name, now=now, permission=permission)
        return blob


@contextmanager
def _refusing_file_errors(blob: blobs.Blob, done: str) -> Iterator[None]:
    """Turn errors of the file system into refusals, such as a name that is too long or already a folder."""
    try:
        yield
    except OSError as error:
        message = f"The blob {blob.uri} cannot be {done}: {error.strerror or error}."
        hint = "Use shorter names. A blob cannot be in a folder that has the name of another blob."
        raise BadRequest(message, detail="BlobNotUsable", target=blob.uri, hint=hint) from None


def _members(session: Session, kind: str) -> dict[str, Any]:
    found = session.store.secrets.outside().get(kind)
    return dict(found) if isinstance(found, dict) else {}


def _mapped_file(known: dict[str, Any], address: str) -> Any:
    name = _address(address)
    return known.get(name, known.get(address))


def _is_web(address: str) -> bool:
    return address.casefold().startswith(("http://", "https://"))


def _address(address: str) -> str:
    """Return a web address as mappings store it: scheme and host in lower case, without a password or a signature."""
    plain, query, _ = blobs.without_secrets(address)
    scheme, mark, rest = plain.partition("://")
    host, slash, path = rest.partition("/")
    kept = f"?{query}" if query and "sig=" not in query.casefold() else ""
    return f"{scheme.casefold()}{mark}{host.casefold()}{slash}{path}{kept}"


def _server(name: str) -> str:
    return fold(name.strip())


def allow_scripts(session: Session, *, deny: bool = False) -> dict[str, Any]:
    """Allow or deny Execute Python Script in this home.

    Raises:
        HomeError: the home is not trusted.
        AuthorizationFailed: the caller is a Reader.
    """
    session.require("Microsoft.MachineLearning/webServices/write", "scripts")
    _save(session, "scripts", not deny)
    if not deny:
        session.tell("A script can now do whatever you can do, in every definition that runs here. Read scripts first.")
    return {"Scripts": "denied" if deny else "allowed"}


def map_source(session: Session, *, name: str, target: str | None = None, remove: bool = False) -> list[dict[str, Any]]:
    """Map the name of a database server to a connection URL of SQLAlchemy, or a web address to a file.

    Returns:
        all mappings; see `sources`.

    Raises:
        BadRequest: `InvalidMapping`: a web address must be mapped to a file, a server to a URL.
        NotFound: the mapping to remove, or the file.
        HomeError: the home is not trusted.
        AuthorizationFailed: the caller is a Reader.
    """
    session.require("Microsoft.MachineLearning/webServices/write", "data sources")
    kind = "files" if "://" in name else "databases"
    if kind == "files" and not _is_web(name.strip()):
        raise BadRequest(
            f"{blobs.without_secrets(name)[0]} cannot be mapped: a web address must begin with http or https.",
            detail="InvalidMapping",
            target="Name",
        )
    key = _address(name) if kind == "files" else _server(name)
    if not key:
        raise BadRequest("The name to map is empty.", detail="InvalidMapping", target="Name")
    if remove and target is not None:
        raise BadRequest("Give either a target or -Remove.", detail="InvalidMapping", target="Remove")
    path = None if remove else _check_target(kind, key, target)
    with lock.hold(session.store.home.root, "data sources"):
        # An earlier mapping may spell the same name differently.
        known = {(_address if kind == "files" else _server)(old): to for old, to in _members(session, kind).items()}
        if path is not None:
            known[key] = path
        elif known.pop(key, None) is None:
            message = f"{key} is not mapped."
            raise NotFound(message, detail="NotMapped", target=key, hint="List the mappings: mlmgmt sources")
        _save(session, kind, known, held=True)
    return sources(session)


def _save(session: Session, member: str, value: Any, *, held: bool = False) -> None:
    """Write one kind of source; another command may be writing the others."""
    if not held:
        with lock.hold(session.store.home.root, "data sources"):
            return _save(session, member, value, held=True)
    secrets = session.store.secrets
    return secrets.keep_outside({**secrets.outside(), member: value})


def _check_target(kind: str, name: str, target: str | None) -> str:
    """Return the target to store, with an absolute path, because jobs run in another folder."""
    if not (target or "").strip() or ("://" in str(target)) is (kind == "files"):
        what = "a file" if kind == "files" else "a connection URL of SQLAlchemy, such as sqlite:////data/sales.db"
        raise BadRequest(f"{name} must be mapped to {what}.", detail="InvalidMapping", target="Target")
    assert target is not None
    if kind == "databases":
        return _check_connection(name, target.strip())
    path = Path(target).absolute()
    if not path.is_file():
        raise NotFound(f"File not found: {target}.", detail="FileNotFound", target=target)
    return str(path)


def _check_connection(name: str, target: str) -> str:
    """Return a usable connection URL; the path of an SQLite file becomes absolute."""
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(target)
        backend = url.get_backend_name()
        url.get_dialect()
    except Exception:
        # Do not repeat the URL: it may contain a password.
        raise BadRequest(
            f"{name} must be mapped to a connection URL that SQLAlchemy knows.",
            detail="InvalidMapping",
            target="Target",
        ) from None
    if target.count("@") > 1:
        raise BadRequest(
            "In a connection URL, write @ as %40 in the user, the password and the query.",
            detail="InvalidMapping",
            target="Target",
        )
    path = url.database or ""
    if backend == "sqlite" and path and path != ":memory:" and not path.startswith(("file:", "/")):
        scheme, _, rest = target.partition(":///")
        return f"{scheme}:///{Path.cwd() / rest}"
    return target


def sources(session: Session) -> list[dict[str, Any]]:
    """Return all mappings, without passwords, and whether scripts are allowed."""
    rows = [
        {"Name": name, "Kind": kind, "Target": _without_password(str(target)) if kind == "database" else target}
        for kind, member in (("database", "databases"), ("file", "files"))
        for name, target in sorted(_members(session, member).items())
    ]
    allowed = session.store.secrets.outside().get("scripts")
    rows.append({"Name": "scripts", "Kind": "script", "Target": "allowed" if allowed else "denied"})
    return rows


def _without_password(target: str) -> str:
    """Return a connection URL without its password and its query, which may contain one."""
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(target)
    except Exception:
        return "***"
    if target.count("@") > 1:
        # It is not clear where the password ends.
        return f"{url.drivername}://***"
    shown = url.set(query={}).render_as_string(hide_password=True)
    return f"{shown}?***" if url.query else shown
