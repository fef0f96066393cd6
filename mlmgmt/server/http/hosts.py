"""Check the Host header, so that a web page cannot reach the server by a name it controls (DNS rebinding)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from mlmgmt.server.http.call import invalid

if TYPE_CHECKING:
    from mlmgmt.server.http.settings import Settings

_MOST = 64


class Hosts:
    """The host names under which clients may reach a server."""

    def __init__(self, settings: Settings) -> None:
        self._scheme, self._own = settings.scheme, settings.origin
        self._names = {"localhost", settings.host.casefold(), *(name.casefold() for name in settings.names)}
        self._known: dict[bytes, str] = {}

    def origin(self, header: bytes | None) -> str:
        """Return the address at which the caller reached the server, such as `http://localhost:8777`.

        Args:
            header: without one, the server's own address is returned.

        Raises:
            BadRequest: `InvalidHostHeader`.
        """
        if header is None:
            return self._own
        found = self._known.get(header)
        if found is None:
            host = header.decode("latin-1").casefold()
            if not self._is_ours(host):
                hint = "Allow another name: mlmgmt serve -Names NAME"
                raise invalid("The Host header names another server.", "InvalidHostHeader", "Host", hint)
            found = f"{self._scheme}://{host}"
            if len(self._known) < _MOST:
                self._known[header] = found
        return found

    def _is_ours(self, host: str) -> bool:
        name, port = host, ""
        if host.startswith("["):
            name, _, port = host[1:].partition("]")
            port = port.removeprefix(":")
        elif host.count(":") == 1:
            name, _, port = host.partition(":")
        if port and not (port.isascii() and port.isdecimal()):
            return False
        return name in self._names or _is_loopback(name)


def _is_loopback(name: str) -> bool:
    try:
        # Anything may follow a %, and answers repeat the origin.
        return "%" not in name and ip_address(name).is_loopback
    except ValueError:
        return False
