"""Endpoints of Classic web services: each with its own id, keys, address, limits and model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlmgmt.errors import Conflict
from mlmgmt.verbs.classic import web_services
from mlmgmt.verbs.outcome import Outcome, replannable
from mlmgmt.verbs.services import deployment, endpoint_facts, endpoint_view, finding, webservices

if TYPE_CHECKING:
    from mlmgmt.verbs.services.endpoint_view import Endpoint
    from mlmgmt.verbs.session import Session

_WRITE = "Microsoft.MachineLearning/workspaces/webservices/endpoints/write"
_DELETE = "Microsoft.MachineLearning/workspaces/webservices/endpoints/delete"


def get(
    session: Session, *, web_service_id: str, endpoint_name: str | None = None, origin: str | None = None
) -> Endpoint | list[Endpoint]:
    """Return the endpoints of a web service, or one of them; see `endpoint_view.view`.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`, `EndpointNotFound`.
    """
    if endpoint_name is not None:
        return endpoint_view.view(session, finding.endpoint(session, web_service_id, endpoint_name), origin)
    service = finding.web_service(session, web_service_id)
    found = session.store.services.endpoints(service["WorkspaceId"], service["Id"])
    # The default endpoint comes first.
    return sorted(
        (endpoint_view.view(session, revision, origin) for revision in found),
        key=lambda item: item["Name"] != finding.DEFAULT,
    )


@replannable
def plan_add(
    session: Session,
    *,
    web_service_id: str,
    endpoint_name: str,
    description: str | None = None,
    throttle_level: str | None = None,
    max_concurrent_calls: int | None = None,
    prevent_update: bool = False,
    message: str | None = None,
) -> Outcome:
    """Plan an endpoint that starts with the graph and the model of the default one, and with new keys.

    Applying the plan returns a sentence, as the original cmdlet did.

    Args:
        max_concurrent_calls: for throttle level High; ignored at level Low, with a warning.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`.
        BadRequest: `BadArgument` with `InvalidEndpointName` and those of `endpoint_facts.facts`.
        Conflict: `EndpointExists`, `EndpointLimitReached`.
    """
    name = endpoint_facts.check_name(endpoint_name)
    identity = finding.endpoint_id(session, web_service_id, name)
    session.require(_WRITE, identity)
    warnings = []
    if (throttle_level or endpoint_facts.LOW).casefold() == "low" and max_concurrent_calls is not None:
        warnings.append(
            f"-MaxConcurrentCalls is ignored at level Low, which allows {endpoint_facts.CALLS_OF_LOW} concurrent calls."
        )
        max_concurrent_calls = None
    facts = endpoint_facts.facts(throttle_level, max_concurrent_calls, prevent_update)
    default = finding.endpoint(session, identity.service, finding.DEFAULT)
    latest = session.store.services.latest(identity)
    if latest is not None and not latest.removed:
        text = f"The web service already has an endpoint {name!r}."
        raise Conflict(text, detail="EndpointExists", target="EndpointName")
    if session.store.services.has_endpoints(identity.workspace, identity.service, endpoint_facts.MOST_ENDPOINTS):
        text = f"The web service has {endpoint_facts.MOST_ENDPOINTS:,} endpoints, which is the maximum."
        raise Conflict(text, detail="EndpointLimitReached", target="WebServiceId")
    properties = {**default.document["properties"], "description": description or ""}
    document = {**default.document, "properties": properties}
    outcome = web_services.endpoint_creation(
        session,
        identity,
        document,
        facts,
        deployment.prepare(session, document, None, digests=default.models),
        message=message,
        source=f"endpoint {finding.DEFAULT}",
        warnings=warnings,
    )

    def commit() -> str:
        # Nobody may remove the web service meanwhile.
        with web_services.locked(session, identity.service):
            outcome.commit()
        return f"The endpoint {name!r} is added."

    return replace(outcome, commit=commit)


@replannable
def plan_remove(session: Session, *, web_service_id: str, endpoint_name: str, message: str | None = None) -> Outcome:
    """Plan to remove an endpoint; its history is kept, and `restore` brings it back.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`, `EndpointNotFound`.
        Conflict: `DefaultEndpointInUse`: the default endpoint is removed last, with its web service.
    """
    revision = finding.endpoint(session, web_service_id, endpoint_name)
    identity = revision.resource
    session.require(_DELETE, identity)
    if finding.is_default(identity):
        # Read the endpoints instead of counting files: a process that was killed may leave files of a removed endpoint.
        others = sum(1 for _ in session.store.services.endpoints(identity.workspace, identity.service)) - 1
        if others:
            text = f"The default endpoint cannot be removed while the web service has other endpoints ({others})."
            hint = "Remove those first, or remove the web service with all its endpoints: mlmgmt Remove-AmlWebService"
            raise Conflict(text, detail="DefaultEndpointInUse", target=identity.name, hint=hint)
        return web_services.plan_remove(session, web_service_id=identity.service, message=message)
    outcome = webservices.removal(session, identity, message)
    return outcome.with_answer(lambda _: f"The endpoint {identity.name!r} is removed.")
