"""What handlers get and return: a request whose caller is known, and the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

import orjson

from mlmgmt.definition.document import parse
from mlmgmt.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime
    from typing import BinaryIO

    from mlmgmt.protocol.operation import Operation
    from mlmgmt.verbs.services.addresses import Address
    from mlmgmt.verbs.session import Session

JSON = "application/json; charset=utf-8"


class Named(TypedDict):
    """The keyword arguments by which verbs take a resource."""

    group: str
    name: str


class NamedEndpoint(TypedDict):
    """The keyword arguments by which verbs take an endpoint."""

    web_service_id: str
    endpoint_name: str


@dataclass(slots=True)
class Call:
    """A request whose caller is known.

    Args:
        path: the values of the path's parameters, decoded.
        query: decoded; the names are in lower case.
        headers: the names are in lower case.
        version: the api-version; empty if the operation has none.
        origin: the address at which the caller reached this server, such as `http://127.0.0.1:8777`.
        body: the whole body; empty if `upload` is given.
        upload: the body in parts as they arrive, for operations that take a blob.
    """

    operation: Operation
    session: Session
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    version: str
    origin: str
    body: bytes = b""
    upload: AsyncIterator[bytes] | None = None

    @property
    def now(self) -> datetime:
        return self.session.clock()

    @property
    def service(self) -> Named:
        """The web service that the path names."""
        return {"group": self.path["resourceGroupName"], "name": self.path["webServiceName"]}

    @property
    def endpoint(self) -> NamedEndpoint:
        """The endpoint that the path names."""
        return {"web_service_id": self.path["webServiceId"], "endpoint_name": self.path["endpointName"]}

    @property
    def address(self) -> Address:
        """The web service or endpoint that the path names."""
        if "endpointName" in self.path:
            return {"web_service_id": self.path["webServiceId"], "endpoint_name": self.path["endpointName"]}
        return {"group": self.path["resourceGroupName"], "name": self.path["webServiceName"]}

    @property
    def plan(self) -> Named:
        """The commitment plan that the path names."""
        return {"group": self.path["resourceGroupName"], "name": self.path["commitmentPlanName"]}

    def switch(self, name: str) -> bool:
        """Return a query parameter that must be true or false; false when it is absent.

        Raises:
            BadRequest: `InvalidQueryParameter`.
        """
        given = self.query.get(name.casefold(), "false").casefold()
        if given not in ("true", "false"):
            raise invalid(f"The query parameter {name!r} must be true or false.", "InvalidQueryParameter", name)
        return given == "true"

    def document(self) -> dict[str, Any]:
        """Return the body, which must be a JSON object.

        Raises:
            BadRequest: `InvalidRequestContent`; and what `definition.document.parse` refuses.
        """
        value = parse(self.body)
        if not isinstance(value, dict):
            raise invalid("The request content must be a JSON object.", "InvalidRequestContent")
        return value


@dataclass(slots=True)
class Reply:
    """An answer whose body is a value to write as JSON, bytes, a part of a file, or nothing.

    Args:
        file: open at the beginning of the part; `send_file` closes it.
        length: bytes of that part.
        no_cache: add headers that forbid caching, as the resource manager does.
    """

    status: int = 200
    value: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    file: BinaryIO | None = None
    length: int = 0
    no_cache: bool = False

    def payload(self) -> bytes:
        if self.content is not None:
            return self.content
        return b"" if self.value is None else orjson.dumps(self.value)


def invalid(message: str, code: str, target: str | None = None, hint: str | None = None) -> BadRequest:
    """Return the error for an invalid request, with the code both at the top and in the details."""
    return BadRequest(message, detail=code, at=target, hint=hint, code=code)
