"""Drop the connections of clients that are too slow, so that they do not use up the server.

uvicorn ends connections that are idle between requests. This ends those that stop within one: a head or a body that
does not arrive, an answer that the client does not read. The check once a second costs a request next to nothing.
"""

from __future__ import annotations

import re
from time import monotonic
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from orjson import dumps
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mlmgmt.server.http import request_ids
from mlmgmt.server.http.call import JSON

if TYPE_CHECKING:
    import asyncio

HEAD_SECONDS = 10.0
"""Seconds in which the head of a request must arrive, from its first byte or from the start of the connection."""
PAUSE_SECONDS = 15.0
"""The longest pause while a body arrives or an answer is read."""
LEAST_RATE = 1024
"""Bytes per second: the lowest average rate of a body, checked after a minute."""
LARGEST_HEAD = 64 * 1024
_GRACE = 60.0
_OFFER = re.compile(rb"\r\nupgrade(?=:)", re.IGNORECASE)
"""The client offers another protocol, as those do that know HTTP/2. They do not mind that it is ignored."""

connections: WeakSet[Connection] = WeakSet()


class Connection(HttpToolsProtocol):
    """One connection, with the time of its last progress."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.began = self.last = monotonic()
        self.size = 0
        self.in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connections.add(self)

    def data_received(self, data: bytes) -> None:
        self.last = monotonic()
        self.size += len(data)
        if self.in_head and self.size > LARGEST_HEAD + len(data):
            self.transport.close()
            return
        if (self.in_head or self.cycle is None or self.cycle.response_complete) and b"\nupgrade" in data.lower():
            # The parser mistakes the offer for an agreed upgrade, and would not read the body and what follows.
            data = _OFFER.sub(b"\r\nx-offer", data)
        super().data_received(data)

    def resume_writing(self) -> None:
        # The client read something. As long as it does, an answer may be large and the client slow.
        self.last = monotonic()
        super().resume_writing()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.in_head, self.began, self.size = True, self.last, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers of a chunked body are ignored: they would replace headers that were checked, and have no limit.
        if self.in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self.in_head = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, in the form of all other errors."""
        code = "InvalidHttpRequest"
        body = dumps({"error": {"code": code, "message": msg, "details": [{"code": code, "message": msg}]}})
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {JSON}\r\ncontent-length: {len(body)}\r\n"
            f"x-ms-request-id: {request_ids.new()}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    @property
    def is_too_slow(self) -> bool:
        """Whether the client had enough time to send its request or to read its answer."""
        now, cycle = monotonic(), self.cycle
        if self.flow is not None and self.flow.write_paused:
            return now - self.last > _GRACE + PAUSE_SECONDS
        if cycle is None or self.in_head:
            return self.timeout_keep_alive_task is None and now - self.began > HEAD_SECONDS
        if cycle.response_complete:
            return self.timeout_keep_alive_task is None and now - self.last > HEAD_SECONDS
        lasted = now - self.began
        slow = now - self.last > PAUSE_SECONDS or (lasted > _GRACE and self.size < LEAST_RATE * lasted)
        return bool(cycle.more_body and slow)


def close_slow() -> None:
    """Close the connections that are too slow."""
    for connection in tuple(connections):
        if connection.transport is not None and not connection.transport.is_closing() and connection.is_too_slow:
            connection.transport.abort()
