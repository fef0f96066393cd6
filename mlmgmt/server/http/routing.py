"""Find the operation of a request by its path, in any letter case, as Azure Resource Manager does."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from mlmgmt.errors import BadRequest, Detail, MethodNotAllowed, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmgmt.protocol.operation import Operation


_MOST_PATHS, _LONGEST_PATH = 1024, 512
"""The size of the cache of paths: clients request few paths, again and again."""


class _Node:
    """One segment of the tree of paths."""

    __slots__ = ("literals", "name", "operations", "parameter", "rest", "rest_name")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.name = ""
        self.rest: dict[str, Operation] = {}
        self.rest_name = ""
        self.operations: dict[str, Operation] = {}


class Router:
    """The operations of a server, by path and method."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        self._cache: dict[tuple[str, bytes], tuple[Operation, dict[str, str]]] = {}
        for operation in operations:
            self._add(operation)

    def _add(self, operation: Operation) -> None:
        place = self._root
        for segment in operation.segments:
            if segment.startswith("{*"):
                place.rest[operation.method] = operation
                place.rest_name = segment[2:-1]
                return
            if segment.startswith("{"):
                place.parameter = place.parameter or _Node()
                place.parameter.name = place.parameter.name or segment[1:-1]
                place = place.parameter
            else:
                place = place.literals.setdefault(segment.casefold(), _Node())
        place.operations[operation.method] = operation

    def find(self, method: str, raw_path: bytes) -> tuple[Operation, dict[str, str]]:
        """Return the operation of a request, and the values of the path's parameters, decoded once.

        Args:
            raw_path: as sent: not decoded, and without the query.

        Raises:
            NotFound: `InvalidResourcePath`. MethodNotAllowed. BadRequest: a segment is not UTF-8.
        """
        known = self._cache.get((method, raw_path))
        if known is None:
            known = self._match(method, raw_path)
            if len(raw_path) <= _LONGEST_PATH:
                if len(self._cache) >= _MOST_PATHS:
                    self._cache.clear()
                self._cache[method, raw_path] = known
        operation, values = known
        return operation, values.copy()

    def _match(self, method: str, raw_path: bytes) -> tuple[Operation, dict[str, str]]:
        try:
            segments = [
                unquote_to_bytes(part).decode() if b"%" in part else part.decode()
                for part in raw_path.strip(b"/").split(b"/")
            ]
        except UnicodeDecodeError:
            raise BadRequest("The path is not UTF-8.", detail="InvalidResourcePath", code="InvalidUri") from None
        values: dict[str, str] = {}
        place = self._root
        for index, segment in enumerate(segments):
            following = place.literals.get(segment.casefold())
            if following is None and place.rest and segment:
                values[place.rest_name] = "/".join(segments[index:])
                return self._for_method(place.rest, method), values
            if following is None and place.parameter is not None and segment:
                following = place.parameter
                values[following.name] = segment
            if following is None:
                raise _unknown()
            place = following
        if not place.operations:
            raise _unknown()
        return self._for_method(place.operations, method), values

    def _for_method(self, known: dict[str, Operation], method: str) -> Operation:
        # HEAD works wherever GET does; health checks use it most.
        found = known.get(method) or (known.get("GET") if method == "HEAD" else None)
        if found is None:
            allowed = ", ".join(sorted({*known, *(("HEAD",) if "GET" in known else ())}))
            message = f"The method {method[:20]} is not allowed for this path; allowed: {allowed}."
            error = MethodNotAllowed(message, details=[Detail("MethodNotAllowed", message)])
            error.allowed = allowed
            raise error
        return found


def _unknown() -> NotFound:
    # The message does not repeat the path, which may contain anything.
    message = "No operation has this path."
    return NotFound(message, detail="InvalidResourcePath", hint="See /openapi.json.")
