"""The settings of a server, passed to each worker process."""

from __future__ import annotations

from dataclasses import dataclass

LARGEST_REQUEST = 16 * 1024 * 1024
"""The largest body of a scoring request, in bytes; documents and blobs have other limits."""
LARGEST_BLOB = 1024**3


@dataclass(frozen=True, slots=True)
class Settings:
    """A server's settings.

    Args:
        home: the home's folder.
        host, port: the address to listen on.
        workers: processes that share the socket.
        certificate, key: PEM files, for https; both None for http.
        own_authority: the certificate is from the home's local authority, and is renewed while the server runs.
        names: host names by which clients may reach the server, besides those of loopback addresses.
        cors: origins of web pages that may score; none by default.
        access_log: `-` for standard error, a file, or None for no log.
        parent: the process that supervises the workers; a worker ends itself when that is gone.
    """

    home: str
    host: str
    port: int
    workers: int = 1
    certificate: str | None = None
    key: str | None = None
    own_authority: bool = False
    names: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    access_log: str | None = "-"
    parent: int | None = None

    @property
    def scheme(self) -> str:
        return "http" if self.certificate is None else "https"

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"
