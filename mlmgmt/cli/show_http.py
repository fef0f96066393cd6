"""`-ShowHttp`: the request to `mlmgmt serve` that does the same as a command, without secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from mlmgmt.cli import http_bodies
from mlmgmt.protocol.data_plane import EXECUTE, classic_name
from mlmgmt.protocol.operation import BOTH, STUDIO_HEADER, V2016, V2017, Proof
from mlmgmt.protocol.operations import find
from mlmgmt.protocol.resources import ANY_DATE

if TYPE_CHECKING:
    from mlmgmt.cmdlets.bind import Bound
    from mlmgmt.protocol.operation import Operation
    from mlmgmt.verbs.session import Session

_RESOURCES_VERSION = "2016-02-01"
_PLACEHOLDER = "{origin}"
_SIGNATURE = re.compile(r"\?\S*\bsig=\S*", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)[^/@?#\s]*:[^/@?#\s]*@")
_CELLS = re.compile(r"\[\n([^\[\]{}]*)\n *\]")
"""An indented array of plain values; a line break in a string is escaped, so only structure has one."""
_GIVEN = {
    "resourceGroupName": "-ResourceGroupName",
    "accountName": "-Name",
    "webServiceName": "-Name",
    "serviceId": "a web service of this home",
    "commitmentPlanName": "a commitment plan",
    "commitmentAssociationName": "an association",
    "jobId": "-JobId",
    "webServiceId": "-WebServiceId",
    "endpointName": "-EndpointName",
    "experimentId": "-ExperimentId",
}
_HIDDEN = frozenset(("primary", "secondary", "key", "credentials", "accountkey", "connectionstring", "sasblobtoken"))


def request(bound: Bound, session: Session) -> str:
    """Return the line, headers and body of the request, or a sentence that says why there is none."""
    values = _values(bound, session)
    known = [_at_address(find(name), values) for name in bound.cmdlet.calls]
    fitting = next((operation for operation in known if _names(operation) <= values.keys()), None)
    if fitting is None and known:
        lacking = min((_names(operation) - values.keys() for operation in known), key=len)
        wanted = " and ".join(sorted(_GIVEN.get(name, name) for name in lacking))
        return f"{bound.cmdlet.name} has an HTTP equivalent only if {wanted} is given."
    if fitting is None:
        return f"{bound.cmdlet.name} has no HTTP equivalent: it works only on this home or on files."
    lines = [f"{fitting.method} {_PLACEHOLDER}{fitting.fill_path(**values)}{_query(fitting, bound)}"]
    lines.append(_proof(fitting))
    body = http_bodies.body(session, fitting.name, bound.arguments)
    if body is None:
        return "\n".join(lines)
    indented = orjson.dumps(_without_secrets(body), option=orjson.OPT_INDENT_2).decode()
    shown = _CELLS.sub(_on_one_line, indented)
    return "\n".join([*lines, "Content-Type: application/json", "", shown])


def _at_address(operation: Operation, values: dict[str, str]) -> Operation:
    """Return the operation, or its variant for an endpoint, which has another path for scoring."""
    of_endpoint = operation.proof is Proof.KEY and {"workspaceId", "serviceId"} <= values.keys()
    return find(classic_name(operation.name)) if of_endpoint else operation


def _proof(operation: Operation) -> str:
    if operation.of_studio:
        return f"{STUDIO_HEADER}: (mlmgmt workspace-config)"
    shown = {Proof.KEY: "a key of the web service", Proof.WORKSPACE: "mlmgmt workspace-config"}
    return f"Authorization: Bearer ({shown.get(operation.proof, 'mlmgmt token')})"


def _names(operation: Operation) -> set[str]:
    return {segment[1:-1] for segment in operation.segments if segment.startswith("{")}


def _values(bound: Bound, session: Session) -> dict[str, str]:
    """Return the values that can be filled into a path."""
    given, subscription = bound.arguments, session.store.home.subscription
    name = given.get("name")
    of_group = any(find(name).segments[-1] == "{resourceGroupName}" for name in bound.cmdlet.calls)
    found = {
        "subscriptionId": subscription,
        "resourceGroupName": name if of_group else given.get("group"),
        "webServiceName": name,
        "commitmentPlanName": given.get("plan") or name,
        "commitmentAssociationName": name if "plan" in given else None,
        "accountName": name,
        "jobId": given.get("job"),
    }
    if given.get("web_service") is not None:
        found |= http_bodies.web_service_path(given["web_service"])
    if bound.cmdlet.in_workspace(bound.parameter_set):
        found |= http_bodies.workspace_path(session, given)
    elif any(find(operation).proof is Proof.KEY for operation in bound.cmdlet.calls):
        found |= http_bodies.scoring_path(session, given)
    return {key: value for key, value in found.items() if isinstance(value, str) and value}


def _query(operation: Operation, bound: Bound) -> str:
    if operation.name == "ClassicWebServices_Deploy":
        update = "&updateExistingWebService=true" if bound.arguments.get("update") else ""
        return f"?generateNewPortNames=false{update}"
    if not operation.versions:
        return ""
    version = operation.versions[0]
    if operation.versions == ANY_DATE:
        version = _RESOURCES_VERSION
    elif operation.versions == BOTH:
        version = V2016 if operation.name.startswith(("Commitment", "Usage", "Skus")) else V2017
    query = f"?api-version={version}"
    if operation.name in EXECUTE:
        query += "&details=true"
    if region := bound.arguments.get("region"):
        query += f"&region={quote(region, safe='')}"
    return query


def _on_one_line(array: re.Match[str]) -> str:
    return f"[{' '.join(line.strip() for line in array[1].split(chr(10)))}]"


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _hidden(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in value]
    return value


def _hidden(name: str, value: Any) -> Any:
    if name.casefold() in _HIDDEN and isinstance(value, str) and value:
        return "..."
    if isinstance(value, str) and "://" in value:
        return _PASSWORD.sub("...@", _SIGNATURE.sub("?...", value))
    return _without_secrets(value)
