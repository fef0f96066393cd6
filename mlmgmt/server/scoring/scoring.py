"""Request-response scoring: the one path that must take microseconds.

Scorers are cached by revision. A request looks for one file name on disk to know whether its revision is still current.
"""

from __future__ import annotations

import asyncio
import gc
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from mlmgmt.counts import count_of
from mlmgmt.errors import AuthorizationFailed, BadArgument, Busy, Detail, MlmgmtError, NotFound
from mlmgmt.ids import ResourceId
from mlmgmt.protocol.data_plane import SCORING_VERSION
from mlmgmt.server.http import request_ids
from mlmgmt.server.http.body import read
from mlmgmt.server.http.call import Reply
from mlmgmt.server.http.settings import LARGEST_REQUEST
from mlmgmt.server.scoring.batching import Batcher
from mlmgmt.server.scoring.metering import Meter
from mlmgmt.verbs.scoring import request_response, serving
from mlmgmt.verbs.session import CONTRIBUTOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive

    from mlmgmt.ids import ServiceId
    from mlmgmt.learning.scorer import Answer, Scorer
    from mlmgmt.server.http.settings import Settings
    from mlmgmt.server.scoring.metering import ServiceMeter
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.scoring.serving import Serving
    from mlmgmt.verbs.session import Session

MODEL_HEADER = "x-mlmgmt-models"
"""The response header with the digest of each model that answered."""
_MOST_SCORERS = 64
_SCORERS = 4
_LARGEST_IN_LOOP = 256 * 1024
"""Bytes of a request that is parsed in the event loop. Larger ones are parsed in a thread, and others do not wait."""
_TRUSTED_FOR = 1.0
"""Seconds after which the current revision is read again, in case someone replaced its files by hand."""


class Options(NamedTuple):
    """The options in the query of a scoring request."""

    details: bool
    as_objects: bool


class _Ready(NamedTuple):
    """A scorer, and facts about it that do not change."""

    scorer: Scorer
    needed: list[str]
    instant: bool
    batcher: Batcher | None


def _matches(scopes: serving.Scopes, values: Mapping[str, str]) -> bool:
    """Whether a path has the subscription or workspace of a service's address, in the same letter case."""
    workspace = values.get("workspaceId")
    return values["subscriptionId"] == scopes.subscription if workspace is None else workspace == scopes.workspace


class _Entry:
    """The current revision of a web service or endpoint, in this worker."""

    __slots__ = ("checked", "limit", "meter", "models", "ready", "scopes", "serving")

    def __init__(self, serving: Serving, limit: int, meter: ServiceMeter, scopes: serving.Scopes) -> None:
        self.serving, self.limit, self.meter, self.scopes = serving, limit, meter, scopes
        # The ids of assets may contain any characters.
        models = ", ".join(f"{asset}={digest}" for asset, digest in serving.digests.items())
        self.models = request_ids.printable(models)
        self.ready: _Ready | None = None
        self.checked = monotonic()


class Scoring:
    """The web services and endpoints that this worker scores with."""

    def __init__(self, settings: Settings, session: Session) -> None:
        self._session, self._workers = session, settings.workers
        self._subscription = session.store.home.subscription.replace("-", "").casefold()
        self._entries: dict[str, _Entry] = {}
        self._resources: dict[str, ServiceId] = {}
        self.finder = serving.Finder(session)
        self._scorers: OrderedDict[Any, asyncio.Future[_Ready]] = OrderedDict()
        self._threads = ThreadPoolExecutor(_SCORERS, thread_name_prefix="mlmgmt-score")
        self.meter = Meter(session)

    def caller(self, values: dict[str, str], authorization: bytes) -> Session:
        """Return a session for the owner of a key of the web service in a path; add the resource's names to `values`.

        Raises:
            BadRequest: `BadSubscriptionId`. Unauthorized: `ScoreRequestUnauthorized`.
            NotFound: `WebServiceNotFound`, `WebServiceIdNotFoundInWorkspace`.
        """
        entry = self._entry(values)
        entry.serving.check_key(authorization)
        resource = entry.serving.resource
        acting = self._session.acting_as(f"a key of {resource.name}", CONTRIBUTOR, by_key=True)
        if isinstance(resource, ResourceId):
            values |= {"resourceGroupName": resource.group, "webServiceName": resource.name}
        else:
            values |= {"webServiceId": resource.service, "endpointName": resource.name}
            acting = acting.on_same_home(workspace_option=resource.workspace)
        return acting

    async def execute(
        self, values: Mapping[str, str], query: bytes, headers: Mapping[bytes, bytes], receive: Receive
    ) -> Reply:
        """Answer one request.

        Unlike other bodies, this one never goes through `blob_addresses.inward`: its rows are the caller's data, and
        nothing in them is an address.

        Raises:
            MlmgmtError: as the scoring API documents it.
        """
        entry = self._entry(values)
        entry.serving.check_key(headers.get(b"authorization", b""))
        began = perf_counter()
        try:
            options = _options(query)
            body = await read(receive, headers, LARGEST_REQUEST)
            _refuse_suspended(entry)
            ready = entry.ready or await self._ready(entry)
            # The first caller waits until the model is loaded, and is not charged for that time.
            began = perf_counter()
            found, rows = await self._score(entry, ready, body)
            answer = request_response.results(found[0], details=options.details, as_objects=options.as_objects)
            reply = Reply(200, None, {MODEL_HEADER: entry.models}, orjson.dumps(answer))
            if found[1]:
                reply.headers[request_ids.WARNINGS_HEADER] = request_ids.header_value(found[1])
        except MlmgmtError as error:
            entry.meter.note_failure(entry.serving, error, perf_counter() - began)
            raise request_response.as_documented(error) from None
        entry.meter.count_answer(entry.serving, rows, perf_counter() - began)
        return reply

    async def _score(self, entry: _Entry, ready: _Ready, body: bytes) -> tuple[Answer, int]:
        if entry.limit and entry.meter.in_flight >= entry.limit:
            message = f"The web service answers at most {count_of(entry.serving.most_calls, 'call')} at a time."
            raise Busy("Service is temporarily unavailable.", details=[Detail("RequestThrottled", message)])
        entry.meter.in_flight += 1
        try:
            if len(body) <= _LARGEST_IN_LOOP:
                cells, parameters = request_response.parse(body, ready.needed)
            else:
                read_in = asyncio.get_running_loop().run_in_executor
                cells, parameters = await read_in(self._threads, request_response.parse, body, ready.needed)
            rows = sum(len(table.rows) for table in cells.values())
            if ready.instant and not parameters and (found := ready.scorer.quick(cells)) is not None:
                return found, rows
            if ready.batcher is not None and not parameters and len(cells) == 1:
                ((port, table),) = cells.items()
                return await ready.batcher.answer(port, table), rows
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, ready.scorer.answer, cells, parameters), rows
        finally:
            entry.meter.in_flight -= 1

    def _entry(self, values: Mapping[str, str]) -> _Entry:
        """Return the current revision of the web service or endpoint that a path names."""
        guid = values["serviceId"]
        entry = self._entries.get(guid) or self._entries.get(guid := guid.casefold())
        if entry is not None and _matches(entry.scopes, values) and entry.serving.is_current:
            now = monotonic()
            if now - entry.checked < _TRUSTED_FOR:
                return entry
            entry.checked = now
        return self._look_up(values, guid, entry)

    def revision(self, values: Mapping[str, str]) -> Revision:
        """Return the current revision of the web service or endpoint that a path names.

        It needs no key, and may be called from any thread.

        Raises:
            BadRequest: `BadSubscriptionId`. NotFound: as `caller`.
        """
        found = self._session.store.services.current(self._resource(values))
        if found is None:
            raise serving.not_found(values["serviceId"])
        return found

    def _resource(self, values: Mapping[str, str]) -> ServiceId:
        guid = values["serviceId"].casefold()
        workspace = values.get("workspaceId")
        if workspace is None:
            self._require_subscription(values["subscriptionId"])
        found = self._resources.get(guid) or self.finder.find(guid)
        scopes = serving.scopes(self._session, found)
        if workspace is not None and workspace.casefold() != scopes.workspace:
            message = f"The web service {guid} is not in the workspace {workspace[:64]!r}."
            details = [Detail("WebServiceIdNotFoundInWorkspace", message)]
            raise NotFound("The resource cannot be found.", details=details)
        if workspace is None and scopes.subscription is None:
            message = f"{guid} is an endpoint of a workspace and does not belong to a subscription."
            raise BadArgument(
                "BadSubscriptionId", message, "subscriptionId", "Use its address, which begins with /workspaces/."
            )
        return found

    def _require_subscription(self, given: str) -> None:
        if given.replace("-", "").casefold() != self._subscription:
            message = "The subscription in the path is not that of this home."
            raise BadArgument("BadSubscriptionId", message, "subscriptionId")

    def _look_up(self, values: Mapping[str, str], guid: str, before: _Entry | None) -> _Entry:
        resource = self._resource(values)
        try:
            found = serving.load(self._session, resource, guid)
        except MlmgmtError:
            self._entries.pop(guid, None)
            raise
        if before is not None and found.revision.etag == before.serving.revision.etag:
            return before
        self._resources[guid] = resource
        limit = max(1, found.most_calls // self._workers) if found.most_calls else 0
        entry = _Entry(found, limit, self.meter.of(found.resource), serving.scopes(self._session, found.resource))
        self._entries[guid] = entry
        return entry

    async def _ready(self, entry: _Entry) -> _Ready:
        """Return the entry's scorer. The first request loads it in a thread; revisions that score alike share one."""
        key = entry.serving.key_of_scorer
        future = self._scorers.get(key)
        if future is None or (future.done() and future.exception() is not None):
            future = asyncio.ensure_future(self._load_scorer(entry.serving))
            self._scorers[key] = future
            while len(self._scorers) > _MOST_SCORERS:
                self._scorers.popitem(last=False)
        self._scorers.move_to_end(key)
        entry.ready = await asyncio.shield(future)
        return entry.ready

    async def _load_scorer(self, current: Serving) -> _Ready:
        loop = asyncio.get_running_loop()
        scorer = await loop.run_in_executor(self._threads, serving.scorer, self._session, current)
        # Libraries and models live as long as the process, so the garbage collector need not visit them each time.
        gc.freeze()
        instant = scorer.is_instant
        batcher = Batcher(scorer, self._threads) if scorer.is_rowwise and not instant else None
        return _Ready(scorer, scorer.plan.needs_inputs(), instant, batcher)

    def close(self) -> None:
        """Stop the threads, and write the counts and logs."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.meter.flush()


def _refuse_suspended(entry: _Entry) -> None:
    """Refuse calls if the plan of the service is used up.

    Raises:
        AuthorizationFailed: `CommitmentPlanSuspended`.
    """
    if entry.meter.suspended:
        message = "The commitment plan of this web service is used up. Calls are refused until the plan is refilled."
        raise AuthorizationFailed(message, detail="CommitmentPlanSuspended", code="Forbidden")


@lru_cache(maxsize=256)
def _options(query: bytes) -> Options:
    """Return the options in a query.

    Raises:
        BadRequest: `BadVersionCall`, `InvalidQueryParameter`.
    """
    given = {name.casefold(): value for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True)}
    version = given.get("api-version")
    if version != SCORING_VERSION:
        raise BadArgument(
            "BadVersionCall", f"The query parameter 'api-version' must be {SCORING_VERSION}.", "api-version"
        )
    details, form = given.get("details", "false").casefold(), given.get("format", "").casefold()
    for name, value, known in (("details", details, ("true", "false")), ("format", form, ("", "swagger"))):
        if value not in known:
            message = f"The query parameter {name!r} must be {' or '.join(filter(None, known))}."
            raise BadArgument("InvalidQueryParameter", message, name)
    return Options(details == "true", form == "swagger")
