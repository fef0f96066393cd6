"""Web services over the resource manager's API. Each operation calls one verb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mlmgmt.errors import NotFound
from mlmgmt.protocol.web_services import WEB_SERVICES
from mlmgmt.server.apis import json_body, replies
from mlmgmt.server.http.call import Call, Reply, invalid
from mlmgmt.verbs.outcome import carry_out
from mlmgmt.verbs.services import lookup, regions, webservices
from mlmgmt.verbs.userfiles import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.store.services import FileSignature

_BODY = "request"
_MOST_CACHED, _LARGEST_CACHED = 512, 64 * 1024


class _CachedAnswer(NamedTuple):
    """The answer to a Get, and the state of the files that it is right for."""

    signature: FileSignature
    content: bytes
    etag: str


class WebServices:
    """The handlers, with a cache of the answers to Get."""

    def __init__(self, long_running: replies.LongRunning) -> None:
        self._long_running = long_running
        self._cache: dict[tuple[str, ...], _CachedAnswer] = {}

    def handlers(self) -> dict[str, Callable[[Call], Reply]]:
        return {
            "WebServices_CreateOrUpdate": self.create_or_update,
            "WebServices_Get": self.get,
            "WebServices_Patch": self.patch,
            "WebServices_Remove": remove,
            "WebServices_CreateRegionalProperties": self.create_regional_properties,
            "WebServices_ListKeys": list_keys,
            "WebServices_ListByResourceGroup": list_all,
            "WebServices_ListBySubscriptionId": list_all,
            "Operations_List": operations,
            "OperationsStatus_Get": self.operations_status,
            "OperationResults_Get": self.operation_results,
        }

    def get(self, call: Call) -> Reply:
        group, name = call.path["resourceGroupName"], call.path["webServiceName"]
        key = (group, name, call.version, call.origin, call.query.get("region", ""))
        cached = self._cache.get(key)
        if cached is not None and cached.signature.is_unchanged:
            return Reply(200, None, {"etag": cached.etag}, cached.content)
        revision = lookup.current_in_region(call.session, group, name, call.query.get("region") or None)
        reply = replies.web_service(call, lookup.public(call.session, revision), etag=revision.etag)
        reply.content, reply.value = reply.payload(), None
        if len(reply.content) <= _LARGEST_CACHED:
            if len(self._cache) >= _MOST_CACHED:
                self._cache.clear()
            signature = call.session.store.services.file_signature(revision.resource, revision.number)
            self._cache[key] = _CachedAnswer(signature, reply.content, reply.headers["etag"])
        return reply

    def create_or_update(self, call: Call) -> Reply:
        body = call.document()
        location = json_body.required(body, "location", "LocationRequired")
        outcome = webservices.plan_create(
            call.session,
            **call.service,
            location=location,
            definition=Source(_BODY, call.body),
            if_match=call.headers.get("if-match"),
            only_new=call.headers.get("if-none-match", "").strip() == "*",
        )
        return self._changed(call, carry_out(call.session, outcome), 201 if outcome.created else 200)

    def patch(self, call: Call) -> Reply:
        call.document()
        shown = carry_out(
            call.session,
            lambda: webservices.plan_update(
                call.session,
                **call.service,
                service_updates=Source(_BODY, call.body),
                if_match=call.headers.get("if-match"),
            ),
            # A PATCH that asks for the current state is not an error: a caller that missed the answer repeats it.
            unchanged=lambda: None,
        )
        return self._changed(call, shown, 200) if shown is not None else self.get(call)

    def _changed(self, call: Call, shown: Mapping[str, Any], status: int) -> Reply:
        reply = replies.web_service(call, shown, status=status, etag=shown["etag"])
        reply.headers |= self._long_running.headers(call, shown["location"])
        return reply

    def create_regional_properties(self, call: Call) -> Reply:
        region = call.query.get("region", "")
        if not region.strip():
            raise invalid("The query parameter 'region' is missing.", "InvalidQueryParameter", "region")
        carry_out(call.session, regions.plan_add(call.session, **call.service, region=region))
        headers = self._long_running.headers(call, region)
        path, _, _ = headers["azure-asyncoperation"].removeprefix(call.origin).partition("?")
        identity = path.rpartition("/")[2]
        return Reply(value=self._long_running.status(call, identity, path), headers=headers)

    def operations_status(self, call: Call) -> Reply:
        found = self._long_running.status(call, call.path["operationId"])
        if found is None:
            raise NotFound("The operation does not exist, or ended more than a day ago.", detail="OperationNotFound")
        return Reply(value=found)

    def operation_results(self, call: Call) -> Reply:
        self.operations_status(call)
        return Reply(204)


def remove(call: Call) -> Reply:
    outcome = webservices.plan_remove(call.session, **call.service, if_match=call.headers.get("if-match"))
    if outcome.nothing is None:
        carry_out(call.session, outcome)
    # After 204 the clients stop waiting; after 202 the older one polls only after half a minute.
    return Reply(204)


def list_keys(call: Call) -> Reply:
    pair = lookup.keys(call.session, **call.service)
    return Reply(value={"primary": pair["Primary"], "secondary": pair["Secondary"]})


def list_all(call: Call) -> Reply:
    group = call.path.get("resourceGroupName")
    items, after = lookup.page(call.session, group=group, after=replies.skip_token(call), most=replies.PAGE)
    return replies.page(call, [replies.web_service_body(call, item) for item in items], after)


def operations(call: Call) -> Reply:
    rows = [
        {
            "name": f"Microsoft.MachineLearning/webServices/{operation.name.partition('_')[2]}",
            "display": {
                "provider": "Microsoft Machine Learning",
                "resource": "Web service",
                "operation": operation.name.partition("_")[2],
                "description": operation.summary,
            },
        }
        for operation in WEB_SERVICES
        if operation.name.startswith("WebServices_")
    ]
    return Reply(value={"value": rows})
