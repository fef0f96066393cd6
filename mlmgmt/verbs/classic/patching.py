"""Giving an endpoint another trained model, or other limits: PATCH. And taking it back to its experiment: refresh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, patch
from mlmgmt.errors import BadArgument, BadRequest, Conflict, Detail
from mlmgmt.ids import EndpointId
from mlmgmt.verbs.classic import endpoints
from mlmgmt.verbs.outcome import Outcome
from mlmgmt.verbs.services import changes, deployment, endpoint_facts, endpoint_view, finding, siblings, webservices
from mlmgmt.verbs.services.endpoint_facts import MEMBER
from mlmgmt.verbs.storage import references

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

_WRITE = "Microsoft.MachineLearning/workspaces/webservices/endpoints/write"


@dataclass(frozen=True, slots=True)
class Replacement:
    """A trained model to be replaced, by its resource name, and where the new one is.

    Args:
        location: `BaseLocation`, `RelativeLocation` and `SasBlobToken`.
    """

    name: str
    location: Mapping[str, Any]


def plan_patch(
    session: Session,
    *,
    web_service_id: str,
    endpoint_name: str,
    resource_name: str,
    base_location: str,
    relative_location: str,
    sas_blob_token: str,
    message: str | None = None,
    if_match: str | None = None,
    skip_model_check: bool = False,
) -> Outcome:
    """Plan to replace one trained model of an endpoint; see `plan_change`. It answers with a sentence."""
    location = {
        "BaseLocation": base_location,
        "RelativeLocation": relative_location,
        "SasBlobToken": sas_blob_token,
    }
    outcome = plan_change(
        session,
        web_service_id=web_service_id,
        endpoint_name=endpoint_name,
        resources=[Replacement(resource_name, location)],
        message=message,
        if_match=if_match,
        skip_model_check=skip_model_check,
    )
    outcome = endpoints.told(outcome, "The endpoint {target!r} answers with the new model.")
    outcome.replan = lambda: plan_patch(
        session,
        web_service_id=web_service_id,
        endpoint_name=endpoint_name,
        resource_name=resource_name,
        base_location=base_location,
        relative_location=relative_location,
        sas_blob_token=sas_blob_token,
        message=message,
        if_match=if_match,
        skip_model_check=skip_model_check,
    )
    return outcome


def plan_change(
    session: Session,
    *,
    web_service_id: str,
    endpoint_name: str,
    resources: Sequence[Replacement] = (),
    throttle_level: str | None = None,
    max_concurrent_calls: int | None = None,
    prevent_update: bool | None = None,
    description: str | None = None,
    diagnostics_trace_level: str | None = None,
    sample_data_enabled: bool | None = None,
    message: str | None = None,
    if_match: str | None = None,
    skip_model_check: bool = False,
) -> Outcome:
    """Plan a change of an endpoint: models, which are proved as an update's are, and switches.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`, `EndpointNotFound`.
        BadRequest: `BadArgument` with `NoUpdatableResources`, `UnknownResourceName`, `DuplicateResourceName`, those of
            `references.resolve` and of `endpoint_facts.facts`, or `WebServiceConcurrentRequestRequirementInvalid`;
            `EmptyUpdate`; or the new model does not pass its proof.
        Conflict: `DefaultEndpointNotUpdatable`, `EndpointPreventsUpdate`, `NothingChanged`.
    """
    revision = finding.endpoint(session, web_service_id, endpoint_name)
    identity = revision.resource
    assert isinstance(identity, EndpointId)
    session.require(_WRITE, identity)
    changes.check_etag(revision, if_match)
    _refuse_repeated(resources)
    chosen = [(_named(session, revision, resource.name), resource) for resource in resources]
    if resources:
        _refuse_default(identity, f"Add an endpoint for the model: {siblings.adding(identity, '...')}")
        _refuse_prevented(revision)
    held: dict[str, bytes] = {}
    change: dict[str, Any] = {"properties": {}}
    for model, resource in chosen:
        uri, data = _fetched(session, resource)
        held[uri] = data
        change["properties"].setdefault("assets", {})[model.asset_id] = {"locationInfo": {"uri": uri}}
    if description is not None:
        change["properties"]["description"] = description
    if diagnostics_trace_level is not None:
        change["properties"]["diagnostics"] = {"level": _trace_level(diagnostics_trace_level)}
    if sample_data_enabled is not None:
        change["properties"]["exposeSampleData"] = sample_data_enabled
    if (throttle_level, max_concurrent_calls, prevent_update) != (None, None, None):
        standing_facts = revision.document.get(MEMBER)
        facts = endpoint_facts.facts(throttle_level, max_concurrent_calls, prevent_update, before=standing_facts)
        if max_concurrent_calls not in (None, facts["maxConcurrentCalls"]):
            text = f"The throttle level Low has {facts['maxConcurrentCalls']} calls at a time, and no other number."
            code = "WebServiceConcurrentRequestRequirementInvalid"
            raise BadArgument(code, text, "MaxConcurrentCalls", "Give the level High with it.")
        change[MEMBER] = facts
    if change == {"properties": {}}:
        text = "There is nothing to change: no resource and no switch is given."
        raise BadRequest(text, target="Resources", details=[Detail("EmptyUpdate", text)])
    told = ", ".join(f"{model.name} from {resource.location.get('RelativeLocation')}" for model, resource in chosen)
    return webservices.plan_change(
        session,
        revision,
        change,
        message=message or told or None,
        source="PATCH",
        skip_model_check=skip_model_check,
        held=held,
        show=lambda changed: endpoint_view.view(session, changed),
        replan=lambda: plan_change(
            session,
            web_service_id=identity.service,
            endpoint_name=identity.name,
            resources=resources,
            throttle_level=throttle_level,
            max_concurrent_calls=max_concurrent_calls,
            prevent_update=prevent_update,
            description=description,
            diagnostics_trace_level=diagnostics_trace_level,
            sample_data_enabled=sample_data_enabled,
            message=message,
            if_match=if_match,
            skip_model_check=skip_model_check,
        ),
    )


def _refuse_repeated(resources: Sequence[Replacement]) -> None:
    """Of two models for one resource, either could be meant."""
    names = set()
    for resource in resources:
        if resource.name in names:
            raise BadArgument("DuplicateResourceName", f"The resource {resource.name!r} is given twice.", "Resources")
        names.add(resource.name)


def _named(session: Session, revision: Revision, name: str) -> assets.TrainedModel:
    """The trained model with exactly that resource name."""
    known = endpoint_view.updatable(revision)
    if not known:
        message = siblings.no_resources(session, revision)
        raise BadArgument("NoUpdatableResources", message, "Resources", siblings.patch_hint(session, revision))
    found = [model for model in known if model.name == name]
    if len(found) != 1:
        listed = ", ".join(repr(model.name) for model in known)
        message = f"The endpoint has no resource {name!r}."
        if found:
            message = f"{len(found)} resources of the endpoint are called {name!r}; they need other names."
        raise BadArgument("UnknownResourceName", message, "ResourceName", f"Exactly, blanks and brackets too: {listed}")
    return found[0]


def _refuse_default(identity: EndpointId, hint: str) -> None:
    if identity.name == finding.DEFAULT:
        text = "The default endpoint follows its experiment; it is neither patched nor refreshed."
        details = [Detail("DefaultEndpointNotUpdatable", text)]
        raise Conflict(text, target=identity.name, details=details, hint=hint)


def _refuse_prevented(revision: Revision) -> None:
    if endpoint_facts.prevents_update(revision.document):
        text = f"The endpoint {revision.resource.name!r} has PreventUpdate, and keeps the model it has."
        raise Conflict(text, target="PreventUpdate", details=[Detail("EndpointPreventsUpdate", text)])


def _fetched(session: Session, resource: Replacement) -> tuple[str, bytes]:
    """The uri and the bytes of the new model."""
    blob = references.resolve(session, dict(resource.location), resource.name, permission="r")
    references.require_suffix(blob.path, (assets.TRAINED_MODEL_SUFFIX,), resource.name)
    if not session.store.blobs.exists(blob):
        message = f"There is no blob {blob.name!r} in the storage account {blob.account!r}."
        raise BadArgument("BlobNotFound", message, resource.name, references.places(session))
    return blob.uri, session.store.blobs.read(blob)


def _trace_level(text: str) -> str:
    found = {level.casefold(): level for level in endpoint_facts.TRACE_LEVELS}.get(text.casefold())
    if found is None:
        message = f"The trace level is None, Error or All, not {text[:40]!r}."
        raise BadArgument("BadParameterValue", message, "DiagnosticsTraceLevel")
    return found


def plan_refresh(
    session: Session,
    *,
    web_service_id: str,
    endpoint_name: str,
    overwrite_resources: bool = False,
    message: str | None = None,
    skip_model_check: bool = False,
) -> Outcome:
    """Plan to give an endpoint the graph that the default endpoint has now; its own switches stay.

    Args:
        overwrite_resources: and its trained models; without it an endpoint keeps those it has.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`, `EndpointNotFound`.
        Conflict: `DefaultEndpointNotUpdatable`, `EndpointPreventsUpdate`.
        BadRequest: a kept model does not fit the new graph.
    """
    revision = finding.endpoint(session, web_service_id, endpoint_name)
    identity = revision.resource
    assert isinstance(identity, EndpointId)
    session.require(_WRITE, identity)
    _refuse_default(identity, "New-AmlWebService -Update gives it what its experiment has now.")
    _refuse_prevented(revision)
    default = finding.endpoint(session, identity.service, finding.DEFAULT)
    document, models = _refreshed(session, revision, default, overwrite=overwrite_resources)
    if changes.is_as(revision, document, models):
        text = f"The endpoint {identity.name!r} has what the default one has now; nothing was refreshed."
        if not overwrite_resources:
            text = f"The endpoint {identity.name!r} has the default one's graph already; nothing was refreshed."
        return Outcome(identity.name, revision.document, revision.document, lambda: None, nothing=text)
    change = changes.Change(
        "refreshed",
        document,
        None,
        deployment.plan(session, document, revision, skip=skip_model_check, digests=models),
        message,
        f"endpoint {finding.DEFAULT}",
        revision,
    )
    with_models = " with its trained models" if overwrite_resources else ""
    outcome = changes.outcome_of(
        session,
        identity,
        change,
        lambda _: f"The endpoint {identity.name!r} is refreshed{with_models}.",
        replan=lambda: plan_refresh(
            session,
            web_service_id=identity.service,
            endpoint_name=identity.name,
            overwrite_resources=overwrite_resources,
            message=message,
            skip_model_check=skip_model_check,
        ),
    )
    outcome.compared = lambda: (dict(revision.document), dict(document))
    return outcome


def _refreshed(
    session: Session, revision: Revision, default: Revision, *, overwrite: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The endpoint's document with the default one's graph, and the models it is to answer with."""
    properties = dict(default.document["properties"])
    for name in ("description", "diagnostics", "exposeSampleData"):
        properties.pop(name, None)
        if name in revision.document["properties"]:
            properties[name] = revision.document["properties"][name]
    properties = patch.in_contract_order(properties, session.contract.root.members["properties"])
    models = dict(default.models)
    if not overwrite:
        own = {model.name: model for model in assets.trained_models(revision.document)}
        kept = {}
        for model in assets.trained_models(default.document):
            if (mine := own.get(model.name)) is not None and mine.asset_id in revision.models:
                asset = properties["assets"][model.asset_id]
                location = asset["locationInfo"] | {"uri": mine.uri}
                kept[model.asset_id] = asset | {"locationInfo": location}
                models[model.asset_id] = revision.models[mine.asset_id]
        properties["assets"] = properties["assets"] | kept
    document = {**default.document, "properties": properties}
    own_members = ("id", "name", "type", MEMBER)
    return document | {name: revision.document[name] for name in own_members if name in revision.document}, models
