"""The forms of answers that the official clients need: web services, pages and long-running operations."""

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
from mlmgmt.protocol.regions import LOCATIONS
from mlmgmt.server.http.call import Call, Reply, invalid
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.errors import BadRequest

PAGE = 100
"""Web services on a page. Commitment plans are all on one page: their clients never request a second."""
_GUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_REMEMBERED = timedelta(days=1)


def web_service(call: Call, document: Mapping[str, Any], *, status: int = 200, etag: str | None = None) -> Reply:
    """Answer with a web service, in the form of the api-version that was requested."""
    return Reply(status, web_service_body(call, document), {"etag": f'"{etag}"'} if etag else {})


def web_service_body(call: Call, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a web service in the form of the requested api-version, its Swagger document at this server's address."""
    body = {name: value for name, value in document.items() if name not in ("etag", "mlmgmt", "$schema")}
    properties = dict(body["properties"])
    if isinstance(location := properties.get("swaggerLocation"), str):
        properties["swaggerLocation"] = call.origin + urlsplit(location).path
    # The official clients read `package` only if this says Graph.
    properties.setdefault("packageType", "Graph")
    # The service answered with its own spelling of a region, whatever the caller's was.
    stated = str(body.get("location") or "")
    body["location"] = next((known for known in LOCATIONS if same_location(known, stated)), stated)
    body["properties"] = _in_2016_form(properties) if call.version == V2016 else properties
    return body


def _in_2016_form(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the properties as the older api-version has them: bare parameter values, and no `payloads...` members."""
    kept = {name: value for name, value in properties.items() if not name.startswith("payloads")}
    if isinstance(parameters := kept.get("parameters"), dict):
        kept["parameters"] = _plain_values(parameters)
    package = kept.get("package")
    if isinstance(package, dict) and isinstance(nodes := package.get("nodes"), dict):
        plain = {
            name: {**node, "parameters": _plain_values(node["parameters"])}
            if isinstance(node.get("parameters"), dict)
            else node
            for name, node in nodes.items()
        }
        kept["package"] = {**package, "nodes": plain}
    return kept


def _plain_values(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.get("value") if isinstance(value, dict) else value for name, value in parameters.items()}


def page(call: Call, items: list[Any], after: str | None = None) -> Reply:
    """Answer with a page of a list.

    Args:
        after: where the next page begins: after the item of this name; None on the last page.
    """
    body: dict[str, Any] = {"value": items}
    if after is not None:
        token = urlsafe_b64encode(after.encode()).decode().rstrip("=")
        # Absolute, and with its api-version: one of the clients requests it unchanged.
        body["nextLink"] = (
            f"{call.origin}{call.operation.fill_path(**call.path)}?api-version={call.version}&%24skiptoken={token}"
        )
    return Reply(value=body)


def skip_token(call: Call) -> str:
    """Return the name after which the requested page begins; empty for the first page.

    Raises:
        BadRequest: `InvalidSkipToken`.
    """
    token = call.query.get("$skiptoken", "")
    try:
        text = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (NotBase64, ValueError):
        raise _foreign_skip_token() from None
    if token and "/" not in text:
        raise _foreign_skip_token()
    return text


def _foreign_skip_token() -> BadRequest:
    return invalid("The $skiptoken was not issued by this server.", "InvalidSkipToken", "$skiptoken")


class LongRunning:
    """Long-running operations, each of which is complete before it is answered.

    An operation's id is its time and a signature of that, so nothing is stored, and every worker can answer for it.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def headers(self, call: Call, location: str) -> dict[str, str]:
        """Return the headers from which clients know where to ask how an operation ended."""
        identity = self._issue(call.now)
        region = quote(location.replace(" ", "").casefold() or "local", safe="")
        subscription = quote(call.session.store.home.subscription, safe="")
        path = f"/subscriptions/{subscription}/providers/Microsoft.MachineLearning/locations/{region}"
        return {
            "azure-asyncoperation": f"{call.origin}{path}/operationsStatus/{identity}?api-version={call.version}",
            "azure-asyncoperation-percentcomplete": "100",
            "retry-after": "0",
        }

    def status(self, call: Call, identity: str, path: str | None = None) -> dict[str, Any] | None:
        """Return the status of an operation; None when this server did not issue its id, or more than a day ago."""
        began = self._start_time(identity.casefold())
        if began is None or not timedelta(minutes=-1) < call.now - began < _REMEMBERED:
            return None
        return _status_document(identity, began, path or call.operation.fill_path(**call.path))

    def _issue(self, now: datetime) -> str:
        head = f"{int(now.timestamp() * 1000):012x}{token_hex(2)}"
        whole = head + self._signature(head)
        return f"{whole[:8]}-{whole[8:12]}-{whole[12:16]}-{whole[16:20]}-{whole[20:32]}"

    def _signature(self, head: str) -> str:
        return hmac.new(self._key, b"operation" + head.encode(), sha256).hexdigest()[:16]

    def _start_time(self, identity: str) -> datetime | None:
        if not _GUID.fullmatch(identity):
            return None
        whole = identity.replace("-", "")
        if not hmac.compare_digest(self._signature(whole[:16]), whole[16:]):
            return None
        return datetime.fromtimestamp(int(whole[:12], 16) / 1000, UTC)


def _status_document(identity: str, began: datetime, path: str) -> dict[str, Any]:
    # The contract has provisioningState; the clients read status.
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
