"""What the server says of itself: its health, its OpenAPI document, and each web service's Swagger document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt import __version__
from mlmgmt.errors import BadRequest, Detail
from mlmgmt.protocol.data_plane import SCORING_VERSION
from mlmgmt.protocol.swagger import swagger
from mlmgmt.server import openapi
from mlmgmt.server.call import Call, Reply
from mlmgmt.verbs import serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmgmt.server.scoring import Scoring

_MOST = 256


class Documents:
    """The handlers; what a graph takes and gives is remembered by the etag of its revision."""

    def __init__(self, scoring: Scoring) -> None:
        self._scoring = scoring
        self._ports: dict[str, Any] = {}

    def handlers(self) -> dict[str, Callable[[Call], Reply]]:
        return {"Health_Get": health, "OpenApi_Get": openapi_document, "getSwaggerDocument": self.swagger_document}

    def swagger_document(self, call: Call) -> Reply:
        """Anybody may read it: it has no data of the service unless its owner exposes its example."""
        if call.query.get("api-version", SCORING_VERSION) != SCORING_VERSION:
            message = f"The query may have api-version={SCORING_VERSION}, and no other."
            details = [Detail("BadVersionCall", message, "api-version")]
            raise BadRequest("Invalid argument provided.", details=details, code="BadArgument")
        revision = self._scoring.revision(call.path)
        if revision.etag not in self._ports:
            if len(self._ports) >= _MOST:
                self._ports.clear()
            self._ports[revision.etag] = serving.ports(revision)
        inputs, tables = self._ports[revision.etag] or (None, None)
        body = swagger(
            revision.document,
            origin=call.origin,
            guid=call.path["serviceId"].casefold(),
            subscription=call.session.store.home.subscription.replace("-", ""),
            inputs=inputs,
            tables=tables,
        )
        return Reply(value=body)


def health(call: Call) -> Reply:
    return Reply(value={"status": "ok", "version": __version__})


def openapi_document(call: Call) -> Reply:
    return Reply(value=openapi.document(call.origin))
