"""What the server says of itself: its health, its OpenAPI document, and each web service's Swagger document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt import __version__
from mlmgmt.protocol.data_plane import SCORING_VERSION
from mlmgmt.protocol.swagger import swagger
from mlmgmt.server import openapi
from mlmgmt.server.call import Call, Reply
from mlmgmt.verbs import serving
from mlmgmt.verbs.references import refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmgmt.server.scoring import Scoring
    from mlmgmt.store.services import Revision

_MOST_KEPT = 64


class Documents:
    """The handlers; a document is made once for each revision, since anybody may ask for it."""

    def __init__(self, scoring: Scoring) -> None:
        self._scoring = scoring
        self._made: dict[tuple[str, str], bytes] = {}

    def handlers(self) -> dict[str, Callable[[Call], Reply]]:
        return {"Health_Get": health, "OpenApi_Get": openapi_document, "getSwaggerDocument": self.swagger_document}

    def swagger_document(self, call: Call) -> Reply:
        """Anybody may read it: it has no data of the service unless its owner exposes its example."""
        if call.query.get("api-version", SCORING_VERSION) != SCORING_VERSION:
            refuse("BadVersionCall", f"The query may have api-version={SCORING_VERSION}, and no other.", "api-version")
        revision = self._scoring.revision(call.path)
        key = (revision.etag, call.origin)
        if key not in self._made:
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            self._made[key] = orjson.dumps(_document(call, revision))
        return Reply(content=self._made[key])


def _document(call: Call, revision: Revision) -> dict[str, Any]:
    inputs, tables = serving.ports(revision) or (None, None)
    return swagger(
        revision.document,
        origin=call.origin,
        guid=call.path["serviceId"].casefold(),
        subscription=call.session.store.home.subscription.replace("-", ""),
        inputs=inputs,
        tables=tables,
    )


def health(call: Call) -> Reply:
    return Reply(value={"status": "ok", "version": __version__})


def openapi_document(call: Call) -> Reply:
    return Reply(value=openapi.document(call.origin))
