"""What modules may reach outside of a graph: blobs of this home, and what the user mapped by name. Nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlmgmt.errors import BadRequest, Detail, NotFound
from mlmgmt.ids import check_name
from mlmgmt.store import blobs, sas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmgmt.modules.base import Dataset, ScriptResult
    from mlmgmt.verbs.session import Session


class Outside:
    """The outside of one session's graphs; see `modules.base.Outside`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, address: str) -> bytes:
        """The bytes at an address; a signature in it is checked.

        Raises:
            NotFound: `AddressNotMapped`, `AccountNotRegistered`, `BlobNotFound`, `FileNotFound`.
            AuthorizationFailed: the signature in it is not good for the blob.
        """
        mapped = self._mapping("files").get(address)
        if mapped is not None:
            from mlmgmt.verbs import userfiles

            return userfiles.read(str(mapped), largest=userfiles.LARGEST_TABLE).data
        return self._session.store.blobs.read(self._blob(address, "r"))

    def write(self, address: str, data: bytes, *, overwrite: bool) -> None:
        """Write a blob of a registered account.

        Raises:
            NotFound: `AddressNotMapped`, `AccountNotRegistered`.
            BadRequest: `BlobExists`, unless `overwrite`.
        """
        blob, store = self._blob(address, "w"), self._session.store
        self._session.require("Microsoft.Storage/storageAccounts/write", blob.account)
        if not store.blobs.is_registered(blob.account):
            message = f"The storage account {blob.account!r} is not in this home."
            raise NotFound(message, target=blob.uri, details=[Detail("AccountNotRegistered", message)])
        if not overwrite and store.blobs.exists(blob):
            message = f"The blob {blob.uri} exists."
            hint = "Set the write mode to Overwrite, or give another path."
            raise BadRequest(message, target=blob.uri, details=[Detail("BlobExists", message)], hint=hint)
        store.blobs.write(blob, data)

    def database(self, server: str, database: str) -> str:
        """The connection URL that a server is mapped to, `{database}` in it replaced.

        Raises:
            NotFound: `ServerNotMapped`.
        """
        known = {name.casefold(): url for name, url in self._mapping("databases").items()}
        url = known.get(server.strip().casefold())
        if url is None:
            message = f"The database server {server!r} is not mapped to a connection."
            hint = f"mlmgmt map-source {server} sqlite:////path/of/your.db (or another SQLAlchemy URL)"
            raise NotFound(message, target=server, details=[Detail("ServerNotMapped", message)], hint=hint)
        return str(url).replace("{database}", check_name(database, what="database") if "{database}" in url else "")

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
        return scripts.run(source, tables, bundle)

    def _mapping(self, kind: str) -> dict[str, Any]:
        return dict(self._session.store.secrets.outside().get(kind) or {})

    def _blob(self, address: str, permission: str) -> blobs.Blob:
        blob = blobs.parse(address.split("?", 1)[0])
        if blob is None:
            message = f"The address {address.split('?', 1)[0]} is neither a blob of this home nor mapped to a file."
            hint = f"mlmgmt map-source {address.split('?', 1)[0]} FILE"
            raise NotFound(message, target=address, details=[Detail("AddressNotMapped", message)], hint=hint)
        signature = urlsplit(address).query
        key = self._session.store.secrets.account_key(blob.account)
        if signature and key:
            now = self._session.clock()
            sas.check(f"?{signature}", key, blob.account, blob.name, now=now, permission=permission)
        return blob


def allow_scripts(session: Session, *, deny: bool = False) -> dict[str, Any]:
    """Allow Execute Python Script in this home, or no longer.

    Raises:
        HomeError: the home is not trusted.
    """
    session.require("Microsoft.MachineLearning/webServices/write", "scripts")
    secrets = session.store.secrets
    secrets.keep_outside({**secrets.outside(), "scripts": not deny})
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
    """
    session.require("Microsoft.MachineLearning/webServices/write", "data sources")
    secrets = session.store.secrets
    body = secrets.outside()
    kind = "files" if "://" in name else "databases"
    known = dict(body.get(kind) or {})
    if remove:
        if name not in known:
            message = f"{name} is not mapped."
            raise NotFound(message, target=name, details=[Detail("NotMapped", message)])
        del known[name]
    else:
        known[name] = _checked(kind, name, target)
    secrets.keep_outside({**body, kind: known})
    return sources(session)


def _checked(kind: str, name: str, target: str | None) -> str:
    from pathlib import Path

    if target is None or ("://" in target) is (kind == "files"):
        what = "a file" if kind == "files" else "a connection URL of SQLAlchemy, such as sqlite:////data/sales.db"
        message = f"{name} is mapped to {what}."
        raise BadRequest(message, target="Target", details=[Detail("InvalidMapping", message)])
    if kind == "databases":
        return target
    path = Path(target).absolute()
    if not path.is_file():
        message = f"There is no file {target}."
        raise NotFound(message, target=target, details=[Detail("FileNotFound", message)])
    return str(path)


def sources(session: Session) -> list[dict[str, Any]]:
    """What is mapped, passwords hidden; and whether scripts are allowed."""
    body = session.store.secrets.outside()
    rows = [
        {"Name": name, "Kind": kind, "Target": _hidden(target)}
        for kind, member in (("database", "databases"), ("file", "files"))
        for name, target in sorted((body.get(member) or {}).items())
    ]
    rows.append({"Name": "scripts", "Kind": "script", "Target": "allowed" if body.get("scripts") else "denied"})
    return rows


def _hidden(target: str) -> str:
    parts = urlsplit(target)
    if parts.password is None:
        return target
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username}:***@{host}").geturl()
