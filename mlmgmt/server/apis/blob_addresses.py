"""Addresses of blobs: translate between those in documents and those at this server; requests may use either.

`https://<account>.blob.core.windows.net/` in a document is `{origin}/<account>/` at this server.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlmgmt.definition.document import compact, parse
from mlmgmt.errors import MlmgmtError
from mlmgmt.store.blobs import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlmgmt.server.http.call import Call

_ADDRESS_MEMBERS = frozenset(("uri", "baselocation"))


def outward(call: Call, location: Mapping[str, Any]) -> dict[str, Any]:
    """Return the location of a blob with the address at which callers of this server reach it."""
    account = (urlsplit(location["BaseLocation"]).hostname or "").removesuffix(SUFFIX)
    return {**location, "BaseLocation": f"{call.origin}/{account}/"}


def inward(body: bytes, origins: Iterable[str]) -> bytes:
    """Replace the addresses of blobs at this server, in a JSON text, by those that documents use.

    Text that is not JSON, or has no such address, is returned unchanged.

    Args:
        origins: the addresses under which callers reach this server.
    """
    present = [origin for origin in origins if origin.encode() in body]
    if not present:
        return body
    try:
        value = parse(body)
    except MlmgmtError:
        return body
    pattern = re.compile(f"(?:{'|'.join(map(re.escape, present))})/([a-z0-9]{{3,24}})(?=/|$)", re.IGNORECASE)
    rewritten = _rewrite(value, pattern)
    return body if rewritten is value else compact(rewritten)


def _rewrite(value: Any, pattern: re.Pattern[str]) -> Any:
    # A value without such an address is returned itself, so that the caller sees by identity that nothing changed.
    if isinstance(value, dict):
        found = {name: _rewrite_member(name, inner, pattern) for name, inner in value.items()}
        return found if any(found[name] is not inner for name, inner in value.items()) else value
    if isinstance(value, list):
        items = [_rewrite(inner, pattern) for inner in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def _rewrite_member(name: str, value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        if name.casefold() in _ADDRESS_MEMBERS and (found := pattern.match(value)):
            return f"https://{found[1]}{SUFFIX}{value[found.end() :]}"
        return value
    return _rewrite(value, pattern)
