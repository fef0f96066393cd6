"""Classic management: the web services and endpoints of a workspace. Each operation calls one verb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import AuthorizationFailed, BadArgument
from mlmgmt.server.apis import json_body
from mlmgmt.server.apis.blob_addresses import outward
from mlmgmt.server.http.call import Call, Reply, invalid
from mlmgmt.store import blobs
from mlmgmt.verbs.classic import endpoints, patching, web_services
from mlmgmt.verbs.classic.patching import Replacement
from mlmgmt.verbs.outcome import carry_out
from mlmgmt.verbs.services import finding

if TYPE_CHECKING:
    from collections.abc import Mapping


def list_services(call: Call) -> Reply:
    return Reply(value=web_services.get(call.session))


def get_service(call: Call) -> Reply:
    return Reply(value=web_services.get(call.session, web_service_id=call.path["webServiceId"]))


def publish(call: Call) -> Reply:
    """Refuse to publish a web service of code.

    Raises:
        BadRequest: `WebServiceTypeInvalid`.
    """
    kind = json_body.text(call.document(), "Type") or "Code"
    message = f"Web services of the type {kind[:40]!r} are not supported; only those of experiments are."
    raise BadArgument("WebServiceTypeInvalid", message, "Type", "Deploy an experiment: mlmgmt New-AmlWebService")


def delete_service(call: Call) -> Reply:
    carry_out(call.session, web_services.plan_remove(call.session, web_service_id=call.path["webServiceId"]))
    return Reply()


def list_endpoints(call: Call) -> Reply:
    found = endpoints.get(call.session, web_service_id=call.path["webServiceId"], origin=call.origin)
    assert isinstance(found, list)
    return Reply(value=[_endpoint_body(call, body) for body in found])


def get_endpoint(call: Call) -> Reply:
    """Return an endpoint. Its keys are always in clear text: `decryptSecrets` is checked and has no effect."""
    call.switch("decryptSecrets")
    found = endpoints.get(call.session, **call.endpoint, origin=call.origin)
    assert isinstance(found, dict)
    return Reply(200, _endpoint_body(call, found), {"etag": f'"{found["mlmgmt"]["etag"]}"'})


def _endpoint_body(call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return an endpoint with the addresses at which callers of this server reach its models."""
    resources = [{**item, "Location": _location(call, item["Location"])} for item in body["Resources"]]
    return {name: value for name, value in body.items() if name != "mlmgmt"} | {"Resources": resources}


def _location(call: Call, location: Mapping[str, Any]) -> Mapping[str, Any]:
    at_home = blobs.SUFFIX in location["BaseLocation"]
    return outward(call, location) if at_home else location


def create_endpoint(call: Call) -> Reply:
    body = call.document()
    outcome = endpoints.plan_add(
        call.session,
        **call.endpoint,
        description=json_body.text(body, "Description"),
        throttle_level=json_body.text(body, "ThrottleLevel"),
        max_concurrent_calls=json_body.integer(body, "MaxConcurrentCalls"),
        prevent_update=bool(json_body.boolean(body, "PreventUpdate")),
    )
    carry_out(call.session, outcome)
    return get_endpoint(call)


def patch_endpoint(call: Call) -> Reply:
    body = call.document()
    carry_out(
        call.session,
        lambda: patching.plan_change(
            call.session,
            **call.endpoint,
            resources=_replacements(body),
            throttle_level=json_body.text(body, "ThrottleLevel"),
            max_concurrent_calls=json_body.integer(body, "MaxConcurrentCalls"),
            prevent_update=json_body.boolean(body, "PreventUpdate"),
            description=json_body.text(body, "Description"),
            diagnostics_trace_level=json_body.text(body, "DiagnosticsTraceLevel"),
            sample_data_enabled=json_body.boolean(body, "SampleDataEnabled"),
            if_match=call.headers.get("if-match"),
        ),
        # Not an error over HTTP: a client that missed the answer to its PATCH repeats it.
        unchanged=lambda: None,
    )
    return Reply()


def _replacements(body: Mapping[str, Any]) -> list[Replacement]:
    """Return the resources that a PATCH replaces.

    Raises:
        BadRequest: `InvalidRequestContent`; `BadArgument`, `InvalidBlob`: a location has no signature. The service
            fetched no model without one, not even for its owner.
    """
    given = json_body.member(body, "Resources")
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise invalid("The member 'Resources' must be a list of objects.", "InvalidRequestContent", "Resources")
    found = []
    for item in given:
        name, location = json_body.text(item, "Name"), json_body.mapping(item, "Location")
        if location and not json_body.text(location, "SasBlobToken"):
            raise BadArgument("InvalidBlob", f"The location of {name!r} has no SasBlobToken.", "SasBlobToken")
        # An empty name is looked up like any other, so that the error lists the names that exist.
        found.append(Replacement(name or "", location or {}))
    return found


def delete_endpoint(call: Call) -> Reply:
    if call.session.by_key and call.endpoint["endpoint_name"].casefold() == finding.DEFAULT:
        message = "The default endpoint is deleted with its web service, and the key of an endpoint cannot delete that."
        raise AuthorizationFailed(message, detail="AuthorizationFailed", hint="Use the workspace's token.")
    carry_out(call.session, endpoints.plan_remove(call.session, **call.endpoint))
    return Reply()


def refresh_endpoint(call: Call) -> Reply:
    body = call.document() if call.body.strip() else {}
    outcome = patching.plan_refresh(
        call.session,
        **call.endpoint,
        overwrite_resources=bool(json_body.boolean(body, "OverwriteResources", spelled=True)),
    )
    if outcome.nothing is not None:
        return Reply(304)
    carry_out(call.session, outcome)
    return Reply()


HANDLERS = {
    "ClassicWebServices_List": list_services,
    "ClassicWebServices_Get": get_service,
    "ClassicWebServices_Publish": publish,
    "ClassicWebServices_Delete": delete_service,
    "ClassicEndpoints_List": list_endpoints,
    "ClassicEndpoints_Get": get_endpoint,
    "ClassicEndpoints_Create": create_endpoint,
    "ClassicEndpoints_Patch": patch_endpoint,
    "ClassicEndpoints_Delete": delete_endpoint,
    "ClassicEndpoints_Refresh": refresh_endpoint,
}
