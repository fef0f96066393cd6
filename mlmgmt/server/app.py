"""The ASGI application. Each request goes through host, route, proof, version, body, handler and log, in this order."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from mlmgmt.definition.document import LARGEST
from mlmgmt.errors import (
    BadArgument,
    Busy,
    HomeError,
    MethodNotAllowed,
    MlmgmtError,
    NotFound,
    Unauthorized,
)
from mlmgmt.protocol.data_plane import EXECUTE, SCORING_VERSION
from mlmgmt.protocol.operation import STUDIO, STUDIO_HEADER, Proof
from mlmgmt.protocol.operations import OPERATIONS
from mlmgmt.protocol.resources import ANY_DATE, DATE
from mlmgmt.server.apis import (
    blob_addresses,
    classic,
    documents,
    jobs,
    plans,
    replies,
    resources,
    studio,
    tokens,
    web_services,
    workspaces,
)
from mlmgmt.server.http import hosts, request_ids
from mlmgmt.server.http.body import Disconnected, chunks, read
from mlmgmt.server.http.call import JSON, Call, Reply, invalid
from mlmgmt.server.http.log import AccessLog, report
from mlmgmt.server.http.routing import Router
from mlmgmt.server.http.settings import LARGEST_BLOB, LARGEST_REQUEST
from mlmgmt.server.scoring.scoring import Scoring
from mlmgmt.server.storage import blobs
from mlmgmt.server.storage.versions import send_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Message, Receive, Scope, Send

    from mlmgmt.protocol.operation import Operation
    from mlmgmt.server.http.settings import Settings
    from mlmgmt.verbs.session import Session

_DATE = re.compile(DATE, re.IGNORECASE)
_JSON_HEADER = (b"content-type", JSON.encode())
_MANAGEMENT_HEADERS = ((b"cache-control", b"no-cache"), (b"pragma", b"no-cache"), (b"expires", b"-1"))
_MANAGEMENT = frozenset((Proof.TOKEN, Proof.WORKSPACE))
_WRITERS = 8
_FIRST_ERROR = 400
_STUDIO_PATHS = f"{STUDIO}/".encode()
_LARGEST_IN_LOOP = 64 * 1024
"""Bytes of a body that may be read in the event loop."""


class App:
    """One worker's application.

    Args:
        session: opens the home, as no particular caller.
    """

    def __init__(self, settings: Settings, session: Session) -> None:
        self._settings, self._session = settings, session
        self._router = Router(OPERATIONS)
        self._hosts = hosts.Hosts(settings)
        # Threads that write may wait for a lock. Requests with another kind of proof must not wait behind them.
        self._threads = {proof: ThreadPoolExecutor(_WRITERS, f"mlmgmt-{proof.name.lower()}") for proof in Proof}
        self.log = AccessLog(settings.access_log)
        self.scoring = Scoring(settings, session)
        long_running = replies.LongRunning(session.store.secrets.signing_key() or b"")
        self._handlers: dict[str, Callable[[Call], Reply]] = {
            **web_services.WebServices(long_running).handlers(),
            **plans.HANDLERS,
            **resources.HANDLERS,
            **documents.Documents(self.scoring).handlers(),
            **jobs.HANDLERS,
            **classic.HANDLERS,
            **studio.HANDLERS,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = perf_counter()
        identity = request_ids.new()
        reply: Reply
        try:
            reply = await self._answer(scope, receive, identity)
        except MlmgmtError as error:
            reply = _refusal(error, scope)
        except Disconnected:
            return
        except OSError as error:
            reply = _refusal(_from_os_error(error), scope)
        except Exception as error:
            reply = _report_bug(error, identity)
        if reply.status >= _FIRST_ERROR:
            texts = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            _add_correlation(reply, texts, identity)
        size = await _send(scope, send, reply, identity)
        self.log.add(scope, reply.status, size, began, identity)

    async def _answer(self, scope: Scope, receive: Receive, identity: str) -> Reply:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if len(headers) != len(scope["headers"]):
            _refuse_repeated([name for name, _ in scope["headers"]])
        if b"host" not in headers and scope["http_version"] != "1.0":
            raise invalid("The request has no Host header.", "InvalidHostHeader", "Host")
        origin = self._hosts.origin(headers.get(b"host"))
        operation, values = self._router.find(scope["method"], scope["raw_path"])
        if operation.name in EXECUTE:
            # An execute body never goes through blob_addresses.inward: its rows are the caller's data, and nothing in
            # them is an address.
            return await self.scoring.execute(values, scope["query_string"], headers, receive)
        query = _query(scope["query_string"])
        texts = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        warnings: list[str] = []
        session = self._authenticate(operation, values, texts, origin, warnings.append)
        version = _version(operation, query)
        if "subscriptionId" in values and operation.proof is Proof.TOKEN:
            _require_subscription(session, values["subscriptionId"])
        call = Call(operation, session, values, query, texts, version, origin)
        if operation.proof is Proof.SIGNATURE:
            return await self._answer_blob(call, receive, headers)
        if operation.body or operation.method not in ("GET", "HEAD"):
            limit = LARGEST if operation.proof in _MANAGEMENT else LARGEST_REQUEST
            call.body = await read(receive, headers, limit)
        takes_long = operation.takes_long or len(call.body) > _LARGEST_IN_LOOP
        reply = await self._in_thread(operation.proof, self._handle, call) if takes_long else self._handle(call)
        if operation.proof in _MANAGEMENT:
            reply.no_cache = True
            _add_correlation(reply, texts, identity)
        if warnings:
            reply.headers[request_ids.WARNINGS_HEADER] = request_ids.header_value(warnings)
        return reply

    def _handle(self, call: Call) -> Reply:
        call.body = blob_addresses.inward(call.body, {call.origin, self._settings.origin})
        return self._handlers[call.operation.name](call)

    async def _answer_blob(self, call: Call, receive: Receive, headers: dict[bytes, bytes]) -> Reply:
        try:
            if call.operation.name == "Blob_Upload":
                call.upload = chunks(receive, headers, LARGEST_BLOB)
                return await blobs.upload(call, partial(self._in_thread, Proof.SIGNATURE))
            found: Reply = await self._in_thread(Proof.SIGNATURE, blobs.HANDLERS[call.operation.name], call)
        except MlmgmtError as error:
            return blobs.refusal(error)
        return found

    async def _in_thread(self, proof: Proof, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads[proof], function, *arguments)

    def _authenticate(
        self,
        operation: Operation,
        values: dict[str, str],
        headers: dict[str, str],
        origin: str,
        tell: Callable[[str], None],
    ) -> Session:
        if operation.proof is Proof.TOKEN:
            try:
                return tokens.caller(self._session, headers.get("authorization", ""), tell)
            except Unauthorized as error:
                error.challenge = tokens.challenge(origin)
                raise
        if operation.proof is Proof.WORKSPACE:
            return workspaces.caller(self._session, operation, values, headers, tell)
        if operation.proof is Proof.KEY:
            return self.scoring.caller(values, headers.get("authorization", "").encode("latin-1"))
        return self._session

    def close(self) -> None:
        """Wait until running writes end, then write what was counted and logged."""
        for threads in self._threads.values():
            threads.shutdown(wait=True)
        self.scoring.close()
        self.log.flush()


@lru_cache(maxsize=64)
def _query(text: bytes) -> Mapping[str, str]:
    pairs = parse_qsl(text.decode("latin-1"), keep_blank_values=True)
    return {name.casefold(): value for name, value in pairs}


def _version(operation: Operation, query: Mapping[str, str]) -> str:
    """Return the api-version of a request.

    Raises:
        BadRequest: `MissingApiVersionParameter`, `InvalidApiVersionParameter`; `BadVersionCall` in the scoring API.
    """
    if not operation.versions:
        return ""
    given = query.get("api-version", "")
    if operation.proof is Proof.KEY:
        if given not in operation.versions:
            raise BadArgument(
                "BadVersionCall", f"The query parameter 'api-version' must be {SCORING_VERSION}.", "api-version"
            )
        return given
    if not given:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise invalid(message, "MissingApiVersionParameter", "api-version")
    if operation.versions == ANY_DATE:
        if _DATE.fullmatch(given):
            return given
    elif given in operation.versions:
        return given
    elif given.casefold() in operation.versions:
        return given.casefold()
    allowed = ", ".join(operation.versions)
    message = f"The operation does not support api-version {given[:40]!r}; supported: {allowed}."
    raise invalid(message, "InvalidApiVersionParameter", "api-version")


def _require_subscription(session: Session, given: str) -> None:
    if given.casefold() != session.store.home.subscription.casefold():
        message = f"The subscription {given[:64]!r} could not be found."
        raise NotFound(
            message, detail="SubscriptionNotFound", code="SubscriptionNotFound", hint="Show this home's: mlmgmt status"
        )


def _refuse_repeated(names: list[bytes]) -> None:
    """Refuse two hosts or two proofs: a proxy in front of this server may have checked the other one.

    Raises:
        BadRequest: `InvalidHeader`.
    """
    for name in (b"host", b"authorization", STUDIO_HEADER.encode()):
        if names.count(name) > 1:
            title = name.decode().title()
            raise invalid(f"The request has more than one {title} header.", "InvalidHeader", title)


def _add_correlation(reply: Reply, headers: dict[str, str], identity: str) -> None:
    given = headers.get("x-ms-correlation-request-id", "")
    reply.headers["x-ms-correlation-request-id"] = given if request_ids.is_harmless(given) else identity
    client = headers.get("x-ms-client-request-id", "")
    if headers.get("x-ms-return-client-request-id", "").casefold() == "true" and request_ids.is_harmless(client):
        reply.headers["x-ms-client-request-id"] = client


def _refusal(error: MlmgmtError, scope: Scope) -> Reply:
    """Return the answer to a refused request.

    Studio's own API has one form of errors; the resource manager, Classic management and scoring share another.
    """
    of_studio = scope["raw_path"].lower().startswith(_STUDIO_PATHS)
    body = workspaces.studio_error(error) if of_studio else error.to_json()
    if error.hint and not of_studio:
        body["error"]["hint"] = error.hint
    headers = {}
    if isinstance(error, Unauthorized):
        headers["www-authenticate"] = error.challenge or 'Bearer realm="mlmgmt"'
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = error.allowed
    if isinstance(error, Busy):
        headers["retry-after"] = "1"
    if error.http_status == 413:
        headers["connection"] = "close"
    return Reply(error.http_status, body, headers, no_cache=True)


def _from_os_error(error: OSError) -> MlmgmtError:
    # Files are replaced whole or not at all, so a failed write leaves the earlier ones intact.
    message = f"The server cannot read or write a file: {error.strerror or error}. Existing files are intact."
    return HomeError(message, hint="Check the free space and the permissions of the home's folder.")


def _report_bug(error: Exception, identity: str) -> Reply:
    report(error, identity)
    message = "An unexpected error occurred; no web service was left half changed."
    return Reply(500, {"error": {"code": "InternalError", "message": message, "target": identity}})


async def _send(scope: Scope, send: Send, reply: Reply, identity: str) -> int:
    """Send an answer.

    Returns:
        The number of bytes sent of its body.
    """
    payload = reply.payload()
    headers = [(b"x-ms-request-id", identity.encode())]
    if reply.no_cache:
        headers += _MANAGEMENT_HEADERS
    if "content-length" not in reply.headers and (payload or reply.status not in (204, 304)):
        headers.append((b"content-length", str(len(payload)).encode()))
    if (reply.value is not None or reply.content is not None) and "content-type" not in reply.headers:
        headers.append(_JSON_HEADER)
    headers += [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in reply.headers.items()]
    start: Message = {"type": "http.response.start", "status": reply.status, "headers": headers}
    await send(start)
    if reply.file is not None:
        return await send_file(send, reply.file, reply.length)
    body = b"" if scope["method"] == "HEAD" else payload
    await send({"type": "http.response.body", "body": body})
    return len(body)
