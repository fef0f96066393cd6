"""Read the body of a request, up to a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmgmt.errors import TooLarge, UnsupportedMediaType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import Receive


class Disconnected(Exception):
    """The client closed the connection before its request was complete; there is no one to answer."""


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request content is larger than {limit:,} bytes.", detail="RequestEntityTooLarge")


def _check_length(headers: Mapping[bytes, bytes], limit: int) -> None:
    stated = headers.get(b"content-length", b"")
    if stated.isdigit() and int(stated) > limit:
        raise _too_large(limit)


def _refuse_encoded(encoding: bytes) -> None:
    if encoding.strip().lower() not in (b"", b"identity"):
        raise UnsupportedMediaType(
            "The request content is compressed, which is not supported.",
            detail="UnsupportedContentEncoding",
            at="Content-Encoding",
            hint="Send it without Content-Encoding.",
        )


async def read(receive: Receive, headers: Mapping[bytes, bytes], limit: int) -> bytes:
    """Return the whole body.

    Raises:
        TooLarge: `RequestEntityTooLarge`. UnsupportedMediaType: it is compressed. Disconnected.
    """
    _check_length(headers, limit)
    if b"content-encoding" in headers:
        _refuse_encoded(headers[b"content-encoding"])
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body") and len(body) <= limit:
        return body
    parts, size = [body], len(body)
    while message.get("more_body") and size <= limit:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if message["type"] == "http.disconnect":
        raise Disconnected
    if size > limit:
        raise _too_large(limit)
    return b"".join(parts)


async def chunks(receive: Receive, headers: Mapping[bytes, bytes], limit: int) -> AsyncIterator[bytes]:
    """Yield the body in parts, as they arrive; see `read`."""
    _check_length(headers, limit)
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part: bytes = message.get("body", b"")
        more = bool(message.get("more_body"))
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        if part:
            yield part
