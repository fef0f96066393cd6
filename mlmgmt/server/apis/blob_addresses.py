"""A blob has one name in documents and another at this server; both are understood on the way in.

`https://<account>.blob.core.windows.net/` is `{origin}/<account>/` here.
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

_PLACES = frozenset(("uri", "baselocation"))


def outward(call: Call, place: Mapping[str, Any]) -> dict[str, Any]:
    """A result's place as a caller of this server reaches it."""
    account = (urlsplit(place["BaseLocation"]).hostname or "").removesuffix(SUFFIX)
    return {**place, "BaseLocation": f"{call.origin}/{account}/"}


def inward(body: bytes, origins: Iterable[str]) -> bytes:
    """A JSON text whose locations at this server are named as documents name them; any other text is as it was."""
    wanted = [origin for origin in origins if origin.encode() in body]
    if not wanted:
        return body
    try:
        value = parse(body)
    except MlmgmtError:
        return body
    pattern = re.compile(f"(?:{'|'.join(map(re.escape, wanted))})/([a-z0-9]{{3,24}})(?=/|$)", re.IGNORECASE)
    found = _walked(value, pattern)
    return body if found is value else compact(found)


def _walked(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, dict):
        found = {name: _inner(name, inner, pattern) for name, inner in value.items()}
        return found if any(found[name] is not inner for name, inner in value.items()) else value
    if isinstance(value, list):
        items = [_walked(inner, pattern) for inner in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def _inner(name: str, value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        if name.casefold() in _PLACES and (found := pattern.match(value)):
            return f"https://{found[1]}{SUFFIX}{value[found.end() :]}"
        return value
    return _walked(value, pattern)
