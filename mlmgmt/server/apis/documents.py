"""What the server says of itself: its health, its OpenAPI document, and each web service's Swagger document."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt import __version__
from mlmgmt.errors import BadArgument, Detail, NotFound
from mlmgmt.ids import EndpointId
from mlmgmt.protocol.data_plane import SCORING_VERSION, classic_name
from mlmgmt.protocol.swagger import swagger
from mlmgmt.server.apis import workspaces
from mlmgmt.server.http.call import Call, Reply
from mlmgmt.server.openapi import document
from mlmgmt.verbs.advice import help_pages
from mlmgmt.verbs.scoring import serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmgmt.server.scoring.scoring import Scoring
    from mlmgmt.store.services import Revision

_MOST_KEPT = 64
_SECONDS = 10
"""For how long a help page is kept."""
_SWAGGER = "swagger.json"
_HTML = "text/html; charset=utf-8"
_SAFE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}


class Documents:
    """The handlers; a document is made once for each revision, since anybody may ask for it."""

    def __init__(self, scoring: Scoring) -> None:
        self._scoring = scoring
        self._made: dict[tuple[str, ...], bytes] = {}

    def handlers(self) -> dict[str, Callable[[Call], Reply]]:
        own = "getSwaggerDocument"
        return {
            "Health_Get": health,
            "OpenApi_Get": openapi_document,
            own: self.swagger_document,
            classic_name(own): self.swagger_document,
            "ClassicEndpoints_GetApiDocument": self.api_document,
            "ClassicHelp_Get": self.help_page,
            "ClassicHelp_GetPart": self.help_page,
        }

    def swagger_document(self, call: Call) -> Reply:
        """Anybody may read it: it has no data of the service unless its owner exposes its example."""
        if call.query.get("api-version", SCORING_VERSION) != SCORING_VERSION:
            raise BadArgument(
                "BadVersionCall", f"The query may have api-version={SCORING_VERSION}, and no other.", "api-version"
            )
        return self._made_of(call, self._scoring.revision(call.path))

    def api_document(self, call: Call) -> Reply:
        """The same, at the address that Classic management has for it."""
        return self._made_of(call, workspaces.public_endpoint(call.session, call.path, self._scoring.finder)[1])

    def help_page(self, call: Call) -> Reply:
        """How an endpoint is asked and updated, for people; there is no key in it.

        Raises:
            NotFound: `InvalidResourcePath`: it has no such part.
        """
        session, revision = workspaces.public_endpoint(call.session, call.path, self._scoring.finder)
        part = call.path.get("part", "").casefold()
        if part not in help_pages.PARTS:
            message = f"The help has these parts: {', '.join(filter(None, help_pages.PARTS))}."
            raise NotFound(message, details=[Detail("InvalidResourcePath", message)])

        def page() -> bytes:
            return help_pages.page(session, revision, origin=call.origin, part=part)

        # It speaks of other web services too, which come and go.
        what = f"{part} {monotonic() // _SECONDS:.0f}"
        return Reply(content=self._kept(revision, call, what, page), headers={"content-type": _HTML, **_SAFE})

    def _made_of(self, call: Call, revision: Revision) -> Reply:
        return Reply(content=self._kept(revision, call, _SWAGGER, lambda: orjson.dumps(_document(call, revision))))

    def _kept(self, revision: Revision, call: Call, what: str, make: Callable[[], bytes]) -> bytes:
        key = (revision.etag, call.origin, what)
        found = self._made.get(key)
        if found is None:
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            found = self._made[key] = make()
        return found


def _document(call: Call, revision: Revision) -> dict[str, Any]:
    inputs, tables = serving.ports(revision) or (None, None)
    identity = revision.resource
    named = {"endpoint": identity.name} if isinstance(identity, EndpointId) else {}
    return swagger(
        revision.document, origin=call.origin, path=identity.scoring_path, inputs=inputs, tables=tables, **named
    )


def health(call: Call) -> Reply:
    return Reply(value={"status": "ok", "version": __version__})


def openapi_document(call: Call) -> Reply:
    return Reply(value=document.document(call.origin))
