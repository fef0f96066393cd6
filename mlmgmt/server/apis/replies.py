"""The shapes of answers: resources, pages, long-running operations and errors, as the official clients need them."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from mlmgmt.ids import same_location
from mlmgmt.protocol.operation import V2016
from mlmgmt.server.http.call import Call, Reply, invalid
from mlmgmt.verbs.plans.skus import LOCATIONS
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = 100
"""Web services on a page. The clients of commitment plans never ask for a second page, so those have one."""
_GUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_REMEMBERED = timedelta(days=1)


def resource(call: Call, document: Mapping[str, Any], *, status: int = 200, etag: str | None = None) -> Reply:
    """A web service as its api-version has it."""
    return Reply(status, shaped(call, document), {"etag": f'"{etag}"'} if etag else {})


def shaped(call: Call, document: Mapping[str, Any]) -> dict[str, Any]:
    """A document with its Swagger document at this server, and in the form of the api-version asked for."""
    body = {name: value for name, value in document.items() if name not in ("etag", "mlmgmt", "$schema")}
    properties = dict(body["properties"])
    if isinstance(location := properties.get("swaggerLocation"), str):
        properties["swaggerLocation"] = call.origin + urlsplit(location).path
    # The clients read `package` only where this stands.
    properties.setdefault("packageType", "Graph")
    # The service said the name of the region, however its caller had spelled it.
    stated = str(body.get("location") or "")
    body["location"] = next((known for known in LOCATIONS if same_location(known, stated)), stated)
    body["properties"] = _of_2016(properties) if call.version == V2016 else properties
    return body


def _of_2016(properties: dict[str, Any]) -> dict[str, Any]:
    """Parameters as plain texts, and no payloads elsewhere."""
    kept = {name: value for name, value in properties.items() if not name.startswith("payloads")}
    if isinstance(parameters := kept.get("parameters"), dict):
        kept["parameters"] = _plain(parameters)
    package = kept.get("package")
    if isinstance(package, dict) and isinstance(nodes := package.get("nodes"), dict):
        plain = {
            name: {**node, "parameters": _plain(node["parameters"])}
            if isinstance(node.get("parameters"), dict)
            else node
            for name, node in nodes.items()
        }
        kept["package"] = {**package, "nodes": plain}
    return kept


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.get("value") if isinstance(value, dict) else value for name, value in parameters.items()}


def page(call: Call, items: list[Any], after: str | None = None) -> Reply:
    """A page of a list; `after` is what the next one follows, None on the last."""
    body: dict[str, Any] = {"value": items}
    if after is not None:
        token = urlsafe_b64encode(after.encode()).decode().rstrip("=")
        # Absolute and with its api-version: one client takes it as it is.
        body["nextLink"] = (
            f"{call.origin}{call.operation.fill_path(**call.path)}?api-version={call.version}&%24skiptoken={token}"
        )
    return Reply(value=body)


def skip_token(call: Call) -> str:
    """What the page asked for follows; empty for the first.

    Raises:
        BadRequest: `InvalidSkipToken`.
    """
    token = call.query.get("$skiptoken", "")
    try:
        text = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (NotBase64, ValueError):
        raise invalid("The $skiptoken is none that this server gave.", "InvalidSkipToken", "$skiptoken") from None
    if token and "/" not in text:
        raise invalid("The $skiptoken is none that this server gave.", "InvalidSkipToken", "$skiptoken")
    return text


class LongRunning:
    """Long-running operations that have ended when they are answered: the change is made, or was refused.

    An operation's id holds when it was, signed, so nothing needs to be kept, by whichever worker it is asked of.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def headers(self, call: Call, location: str) -> dict[str, str]:
        """The headers by which clients ask how an operation ended."""
        identity = self._issue(call.now)
        place = quote(location.replace(" ", "").casefold() or "local", safe="")
        subscription = quote(call.session.store.home.subscription, safe="")
        path = f"/subscriptions/{subscription}/providers/Microsoft.MachineLearning/locations/{place}"
        return {
            "azure-asyncoperation": f"{call.origin}{path}/operationsStatus/{identity}?api-version={call.version}",
            "azure-asyncoperation-percentcomplete": "100",
            "retry-after": "0",
        }

    def status(self, call: Call, identity: str, path: str | None = None) -> dict[str, Any] | None:
        """The status document of an operation; None when this server issued none of that id, or long ago."""
        began = self._began(identity.casefold())
        if began is None or not timedelta(minutes=-1) < call.now - began < _REMEMBERED:
            return None
        return status_of(identity, began, path or call.operation.fill_path(**call.path))

    def _issue(self, now: datetime) -> str:
        head = f"{int(now.timestamp() * 1000):012x}{token_hex(2)}"
        whole = head + self._mark(head)
        return f"{whole[:8]}-{whole[8:12]}-{whole[12:16]}-{whole[16:20]}-{whole[20:32]}"

    def _mark(self, head: str) -> str:
        return hmac.new(self._key, b"operation" + head.encode(), sha256).hexdigest()[:16]

    def _began(self, identity: str) -> datetime | None:
        if not _GUID.fullmatch(identity):
            return None
        whole = identity.replace("-", "")
        if not hmac.compare_digest(self._mark(whole[:16]), whole[16:]):
            return None
        return datetime.fromtimestamp(int(whole[:12], 16) / 1000, UTC)


def status_of(identity: str, began: datetime, path: str) -> dict[str, Any]:
    """A status document; the contract's member is provisioningState, and what clients read is status."""
    moment = stamp(began)
    return {
        "id": path,
        "name": identity,
        "status": "Succeeded",
        "provisioningState": "Succeeded",
        "startTime": moment,
        "endTime": moment,
        "percentComplete": 1.0,
    }
