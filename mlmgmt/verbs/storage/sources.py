"""What modules may reach outside of a graph: blobs of this home, and what the user mapped by name. Nothing else."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mlmgmt.errors import BadRequest, Detail, NotFound
from mlmgmt.ids import check_name, fold
from mlmgmt.store import blobs, lock, sas
from mlmgmt.verbs.storage import references

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmgmt.modules.base import Dataset, ScriptResult
    from mlmgmt.verbs.session import Session


_DATABASE = "{database}"


class GraphAccess:
    """What the graphs of one session may read and write; see `modules.base.GraphAccess`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, address: str) -> bytes:
        """The bytes at an address; a signature in it is checked.

        Raises:
            NotFound: `AddressNotMapped`, `AccountNotRegistered`, `BlobNotFound`, `FileNotFound`.
            BadRequest: `InvalidBlob`, `BlobNotUsable`, `AccessDenied`, `NotAFile`.
            AuthorizationFailed: the signature in it is not good for the blob.
        """
        mapped = _mapped(_members(self._session, "files"), address)
        if mapped is not None:
            from mlmgmt.verbs import userfiles

            return userfiles.read(str(mapped), largest=userfiles.LARGEST_TABLE).data
        blob = self._blob(address, "r")
        try:
            with _usable(blob, "read"):
                return self._session.store.blobs.read(blob)
        except NotFound as error:
            hint = error.hint or references.places(self._session)
            raise NotFound(error.message, target=error.target, details=error.details, hint=hint) from None

    def write(self, address: str, data: bytes, *, overwrite: bool) -> None:
        """Write a blob of a registered account.

        Raises:
            NotFound: `AddressNotMapped`, `AccountNotRegistered`.
            BadRequest: `BlobExists`, unless `overwrite`; `InvalidBlob`, `BlobNotUsable`.
            AuthorizationFailed: the signature in the address is not good for the blob, or the caller is a Reader.
        """
        blob, store = self._blob(address, "w"), self._session.store
        self._session.require("Microsoft.Storage/storageAccounts/write", blob.account)
        if not store.blobs.is_registered(blob.account):
            message = f"The storage account {blob.account!r} is not in this home."
            details = [Detail("AccountNotRegistered", message)]
            raise NotFound(message, target=blob.uri, details=details, hint=references.places(self._session))
        with _usable(blob, "written"):
            if not overwrite and store.blobs.exists(blob):
                message = f"The blob {blob.uri} exists."
                hint = "Give another path, or, where the module has a write mode, set it to Overwrite."
                raise BadRequest(message, target=blob.uri, details=[Detail("BlobExists", message)], hint=hint)
            store.blobs.write(blob, data)

    def database(self, server: str, database: str) -> str:
        """The connection URL that a server is mapped to, `{database}` in it replaced.

        Raises:
            NotFound: `ServerNotMapped`.
            BadRequest: `InvalidResourceName`: the connection takes the database's name, and this can be none.
        """
        known = {_server(name): url for name, url in _members(self._session, "databases").items()}
        url = known.get(_server(server))
        if url is None:
            message = f"The database server {server!r} is not mapped to a connection."
            hint = f"mlmgmt map-source {server} sqlite:////path/of/your.db (or another SQLAlchemy URL)"
            raise NotFound(message, target=server, details=[Detail("ServerNotMapped", message)], hint=hint)
        return str(url).replace(_DATABASE, check_name(database, what="database") if _DATABASE in url else "")

    def run_script(self, source: str, tables: Sequence[Dataset], bundle: bytes | None) -> ScriptResult:
        """Run a script in a process of its own.

        Raises:
            BadRequest: `ScriptsNotAllowed`.
        """
        from mlmgmt.learning import scripts

        if not self._session.store.secrets.outside().get("scripts"):
            message = "This definition runs a Python script, and scripts are not allowed in this home."
            hint = "Read the script first; then: mlmgmt allow-scripts"
            raise BadRequest(message, target="R Script", details=[Detail("ScriptsNotAllowed", message)], hint=hint)
        result = scripts.run(source, tables, bundle)
        for line in result.console.splitlines():
            self._session.detail(line)
        return result

    def _blob(self, address: str, permission: str) -> blobs.Blob:
        plain, signature, _ = blobs.without_secrets(address)
        blob = blobs.parse(plain)
        if blob is None:
            message = f"The address {plain} is neither a blob of this home nor mapped to a file."
            hint = f"mlmgmt map-source {plain} FILE" if _is_web(plain) else None
            raise NotFound(message, target=plain, details=[Detail("AddressNotMapped", message)], hint=hint)
        keys = self._session.store.secrets.account_keys(blob.account)
        if signature and keys:
            now = self._session.clock()
            token = f"?{signature.partition('#')[0]}"
            sas.check(token, keys, blob.account, blob.name, now=now, permission=permission)
        return blob


@contextmanager
def _usable(blob: blobs.Blob, done: str) -> Iterator[None]:
    """What the file system says of a blob, as a refusal: a name that is too long, a blob where a folder should be."""
    try:
        yield
    except OSError as error:
        message = f"The blob {blob.uri} cannot be {done}: {error.strerror or error}."
        hint = "A blob's name may not go on where another blob's ends, and no part of it may be very long."
        raise BadRequest(message, target=blob.uri, details=[Detail("BlobNotUsable", message)], hint=hint) from None


def _members(session: Session, kind: str) -> dict[str, Any]:
    found = session.store.secrets.outside().get(kind)
    return dict(found) if isinstance(found, dict) else {}


def _mapped(known: dict[str, Any], address: str) -> Any:
    name = _address(address)
    return known.get(name, known.get(address))


def _is_web(address: str) -> bool:
    return address.casefold().startswith(("http://", "https://"))


def _address(address: str) -> str:
    """A web address as mappings have it: scheme and host in small letters, without a password or a signature."""
    plain, query, _ = blobs.without_secrets(address)
    scheme, mark, rest = plain.partition("://")
    host, slash, path = rest.partition("/")
    kept = f"?{query}" if query and "sig=" not in query.casefold() else ""
    return f"{scheme.casefold()}{mark}{host.casefold()}{slash}{path}{kept}"


def _server(name: str) -> str:
    return fold(name.strip())


def allow_scripts(session: Session, *, deny: bool = False) -> dict[str, Any]:
    """Allow Execute Python Script in this home, or no longer.

    Raises:
        HomeError: the home is not trusted.
        AuthorizationFailed: the caller is a Reader.
    """
    session.require("Microsoft.MachineLearning/webServices/write", "scripts")
    _keep(session, "scripts", not deny)
    if not deny:
        session.tell("A script of any definition that is run here can do whatever you can do. Read scripts first.")
    return {"Scripts": "denied" if deny else "allowed"}


def map_source(session: Session, *, name: str, target: str | None = None, remove: bool = False) -> list[dict[str, Any]]:
    """Map the name of a database server to a connection URL of SQLAlchemy, or a web address to a file.

    Returns:
        all that is mapped; see `sources`.

    Raises:
        BadRequest: `InvalidMapping`: a web address needs a file, a server a URL.
        NotFound: there is nothing to remove, or no such file.
        HomeError: the home is not trusted.
        AuthorizationFailed: the caller is a Reader.
    """
    session.require("Microsoft.MachineLearning/webServices/write", "data sources")
    kind = "files" if "://" in name else "databases"
    if kind == "files" and not _is_web(name.strip()):
        _refuse(f"{blobs.without_secrets(name)[0]} is no web address: only http and https are mapped.", "Name")
    key = _address(name) if kind == "files" else _server(name)
    if not key:
        _refuse("There is no name to map.", "Name")
    if remove and target is not None:
        _refuse("Either a target is given, or -Remove.", "Remove")
    path = None if remove else _checked(kind, key, target)
    with lock.hold(session.store.home.root, "data sources"):
        # Spellings that an earlier mapping may have are the same name.
        known = {(_address if kind == "files" else _server)(old): to for old, to in _members(session, kind).items()}
        if path is not None:
            known[key] = path
        elif known.pop(key, None) is None:
            message = f"{key} is not mapped."
            raise NotFound(message, target=key, details=[Detail("NotMapped", message)], hint="mlmgmt sources")
        _keep(session, kind, known, held=True)
    return sources(session)


def _keep(session: Session, member: str, value: Any, *, held: bool = False) -> None:
    """Write one member of what graphs may reach; the others stay as another command may have written them."""
    if not held:
        with lock.hold(session.store.home.root, "data sources"):
            return _keep(session, member, value, held=True)
    secrets = session.store.secrets
    return secrets.keep_outside({**secrets.outside(), member: value})


def _refuse(message: str, target: str) -> NoReturn:
    raise BadRequest(message, target=target, details=[Detail("InvalidMapping", message)])


def _checked(kind: str, name: str, target: str | None) -> str:
    """The target as it is kept: paths are whole, because jobs work in another folder."""
    if not (target or "").strip() or ("://" in str(target)) is (kind == "files"):
        what = "a file" if kind == "files" else "a connection URL of SQLAlchemy, such as sqlite:////data/sales.db"
        _refuse(f"{name} is mapped to {what}.", "Target")
    assert target is not None
    if kind == "databases":
        return _connection(name, target.strip())
    path = Path(target).absolute()
    if not path.is_file():
        message = f"There is no file {target}."
        raise NotFound(message, target=target, details=[Detail("FileNotFound", message)])
    return str(path)


def _connection(name: str, target: str) -> str:
    """A connection URL that can be used; the path of an SQLite file becomes whole."""
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(target)
        backend = url.get_backend_name()
        url.get_dialect()
    except Exception:
        # It may hold a password, so it is not repeated.
        _refuse(f"{name} is mapped to a connection URL of SQLAlchemy, and this is none that it knows.", "Target")
    if target.count("@") > 1:
        _refuse("In a connection URL, write @ as %40 within a user, a password or a query.", "Target")
    path = url.database or ""
    if backend == "sqlite" and path and path != ":memory:" and not path.startswith(("file:", "/")):
        scheme, _, rest = target.partition(":///")
        return f"{scheme}:///{Path.cwd() / rest}"
    return target


def sources(session: Session) -> list[dict[str, Any]]:
    """What is mapped, passwords hidden; and whether scripts are allowed."""
    rows = [
        {"Name": name, "Kind": kind, "Target": _hidden(str(target)) if kind == "database" else target}
        for kind, member in (("database", "databases"), ("file", "files"))
        for name, target in sorted(_members(session, member).items())
    ]
    allowed = session.store.secrets.outside().get("scripts")
    rows.append({"Name": "scripts", "Kind": "script", "Target": "allowed" if allowed else "denied"})
    return rows


def _hidden(target: str) -> str:
    """A connection URL without its password, and without the values in its query, any of which may be one."""
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(target)
    except Exception:
        return "***"
    if target.count("@") > 1:
        # Where the password ends is anyone's guess.
        return f"{url.drivername}://***"
    shown = url.set(query={}).render_as_string(hide_password=True)
    return f"{shown}?***" if url.query else shown
