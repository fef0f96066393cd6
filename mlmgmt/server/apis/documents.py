"""Documents about the server and its web services: health, OpenAPI, Swagger, and the help pages of endpoints."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt import __version__
from mlmgmt.errors import BadArgument, NotFound
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

_MOST_CACHED = 64
_PAGE_SECONDS = 10
"""Seconds for which a help page is cached."""
_SWAGGER = "swagger.json"
_HTML = "text/html; charset=utf-8"
_SAFE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}


class Documents:
    """The handlers. Documents are cached by revision: they need no proof, so anyone may request them often."""

    def __init__(self, scoring: Scoring) -> None:
        self._scoring = scoring
        self._cache: dict[tuple[str, ...], bytes] = {}

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
        """Return a web service's Swagger document.

        It needs no key: it has no data of the service, unless the owner exposes the example.
        """
        if call.query.get("api-version", SCORING_VERSION) != SCORING_VERSION:
            message = f"The query parameter 'api-version' must be {SCORING_VERSION} or left out."
            raise BadArgument("BadVersionCall", message, "api-version")
        return self._swagger_reply(call, self._scoring.revision(call.path))

    def api_document(self, call: Call) -> Reply:
        """Return the Swagger document at its address in Classic management."""
        return self._swagger_reply(call, workspaces.public_endpoint(call.session, call.path, self._scoring.finder)[1])

    def help_page(self, call: Call) -> Reply:
        """Return a page that explains to people how to call and update an endpoint. It shows no key.

        Raises:
            NotFound: `InvalidResourcePath`: the help has no such part.
        """
        session, revision = workspaces.public_endpoint(call.session, call.path, self._scoring.finder)
        part = call.path.get("part", "").casefold()
        if part not in help_pages.PARTS:
            message = f"The help has only these parts: {', '.join(filter(None, help_pages.PARTS))}."
            raise NotFound(message, detail="InvalidResourcePath")

        def page() -> bytes:
            return help_pages.page(session, revision, origin=call.origin, part=part)

        # The page mentions other web services, too, so its revision alone does not say whether it is still right.
        what = f"{part} {monotonic() // _PAGE_SECONDS:.0f}"
        return Reply(content=self._from_cache(revision, call, what, page), headers={"content-type": _HTML, **_SAFE})

    def _swagger_reply(self, call: Call, revision: Revision) -> Reply:
        return Reply(
            content=self._from_cache(revision, call, _SWAGGER, lambda: orjson.dumps(_document(call, revision)))
        )

    def _from_cache(self, revision: Revision, call: Call, what: str, make: Callable[[], bytes]) -> bytes:
        key = (revision.etag, call.origin, what)
        found = self._cache.get(key)
        if found is None:
            if len(self._cache) >= _MOST_CACHED:
                self._cache.clear()
            found = self._cache[key] = make()
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
