"""Patch an endpoint (a new trained model, other settings), and refresh it from the default endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, patch
from mlmgmt.errors import BadArgument, BadRequest, Conflict
from mlmgmt.verbs.outcome import Outcome, replannable
from mlmgmt.verbs.services import changes, deployment, endpoint_facts, endpoint_view, finding, siblings, webservices
from mlmgmt.verbs.services.endpoint_facts import MEMBER
from mlmgmt.verbs.storage import references

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.ids import EndpointId
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

_WRITE = "Microsoft.MachineLearning/workspaces/webservices/endpoints/write"


@dataclass(frozen=True, slots=True)
class Replacement:
    """The resource name of a trained model to replace, and the location of the new one.

    Args:
        location: `BaseLocation`, `RelativeLocation` and `SasBlobToken`.
    """

    name: str
    location: Mapping[str, Any]


@replannable
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
    """Plan to replace one trained model of an endpoint; see `plan_change`. Applying it returns a sentence."""
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
    return outcome.with_answer(lambda _: f"The endpoint {outcome.target!r} answers with the new model.")


@replannable
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
    """Plan to change an endpoint: its models, which are checked as in an update, and its settings.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`, `EndpointNotFound`.
        BadRequest: `BadArgument` with `NoUpdatableResources`, `UnknownResourceName`, `DuplicateResourceName`, those of
            `references.resolve` and of `endpoint_facts.facts`, or `WebServiceConcurrentRequestRequirementInvalid`;
            `EmptyUpdate`; or the new model fails its check.
        Conflict: `DefaultEndpointNotUpdatable`, `EndpointPreventsUpdate`, `NothingChanged`.
    """
    revision = finding.endpoint(session, web_service_id, endpoint_name)
    identity = revision.resource
    session.require(_WRITE, identity)
    changes.check_etag(revision, if_match)
    _refuse_repeated(resources)
    chosen = [(_find_model(session, revision, resource.name), resource) for resource in resources]
    if resources:
        _refuse_default(identity, f"Add an endpoint for the model: {siblings.add_endpoint_command(identity, '...')}")
        _refuse_if_prevented(revision)
    held: dict[str, bytes] = {}
    change: dict[str, Any] = {"properties": {}}
    for model, resource in chosen:
        uri, data = _read_model(session, resource)
        held[uri] = data
        change["properties"].setdefault("assets", {})[model.asset_id] = {"locationInfo": {"uri": uri}}
    if description is not None:
        change["properties"]["description"] = description
    if diagnostics_trace_level is not None:
        change["properties"]["diagnostics"] = {"level": _trace_level(diagnostics_trace_level)}
    if sample_data_enabled is not None:
        change["properties"]["exposeSampleData"] = sample_data_enabled
    if (throttle_level, max_concurrent_calls, prevent_update) != (None, None, None):
        current_facts = revision.document.get(MEMBER)
        facts = endpoint_facts.facts(throttle_level, max_concurrent_calls, prevent_update, before=current_facts)
        if max_concurrent_calls not in (None, facts["maxConcurrentCalls"]):
            text = f"Throttle level Low always allows {facts['maxConcurrentCalls']} concurrent calls."
            code = "WebServiceConcurrentRequestRequirementInvalid"
            hint = "To allow another number, set the throttle level to High as well."
            raise BadArgument(code, text, "MaxConcurrentCalls", hint)
        change[MEMBER] = facts
    if change == {"properties": {}}:
        text = "There is nothing to change: neither a resource nor a setting is given."
        raise BadRequest(text, detail="EmptyUpdate", target="Resources")
    summary = ", ".join(f"{model.name} from {resource.location.get('RelativeLocation')}" for model, resource in chosen)
    return webservices.plan_change(
        session,
        revision,
        change,
        message=message or summary or None,
        source="PATCH",
        skip_model_check=skip_model_check,
        held=held,
        show=lambda changed: endpoint_view.view(session, changed),
    )


def _refuse_repeated(resources: Sequence[Replacement]) -> None:
    """Refuse two models for one resource: either could be meant."""
    names = set()
    for resource in resources:
        if resource.name in names:
            raise BadArgument("DuplicateResourceName", f"The resource {resource.name!r} is given twice.", "Resources")
        names.add(resource.name)


def _find_model(session: Session, revision: Revision, name: str) -> assets.TrainedModel:
    """Return the trained model with exactly this resource name."""
    known = endpoint_view.updatable(revision)
    if not known:
        message = siblings.no_resources(session, revision)
        raise BadArgument("NoUpdatableResources", message, "Resources", siblings.patch_hint(session, revision))
    found = [model for model in known if model.name == name]
    if len(found) != 1:
        listed = ", ".join(repr(model.name) for model in known)
        message = f"The endpoint has no resource {name!r}."
        if found:
            message = f"{len(found)} resources of the endpoint are named {name!r}; give them different names."
        hint = f"Use the exact name, with spaces and brackets: {listed}"
        raise BadArgument("UnknownResourceName", message, "ResourceName", hint)
    return found[0]


def _refuse_default(identity: EndpointId, hint: str) -> None:
    if finding.is_default(identity):
        text = "The default endpoint follows its experiment; its models cannot be replaced, and it cannot be refreshed."
        raise Conflict(text, detail="DefaultEndpointNotUpdatable", target=identity.name, hint=hint)


def _refuse_if_prevented(revision: Revision) -> None:
    if endpoint_facts.prevents_update(revision.document):
        text = f"The endpoint {revision.resource.name!r} has PreventUpdate set: its model cannot be changed."
        raise Conflict(text, detail="EndpointPreventsUpdate", target="PreventUpdate")


def _read_model(session: Session, resource: Replacement) -> tuple[str, bytes]:
    """Read the new model; return its uri and its bytes."""
    blob = references.resolve(session, dict(resource.location), resource.name, permission="r")
    references.require_suffix(blob.path, (assets.TRAINED_MODEL_SUFFIX,), resource.name)
    if not session.store.blobs.exists(blob):
        message = f"Blob {blob.name!r} does not exist in storage account {blob.account!r}."
        raise BadArgument("BlobNotFound", message, resource.name, references.storage_hint(session))
    return blob.uri, session.store.blobs.read(blob)


def _trace_level(text: str) -> str:
    found = {level.casefold(): level for level in endpoint_facts.TRACE_LEVELS}.get(text.casefold())
    if found is None:
        message = f"The trace level must be None, Error or All, not {text[:40]!r}."
        raise BadArgument("BadParameterValue", message, "DiagnosticsTraceLevel")
    return found


@replannable
def plan_refresh(
    session: Session,
    *,
    web_service_id: str,
    endpoint_name: str,
    overwrite_resources: bool = False,
    message: str | None = None,
    skip_model_check: bool = False,
) -> Outcome:
    """Plan to give an endpoint the current graph of the default endpoint; it keeps its own settings.

    Args:
        overwrite_resources: replace its trained models too; otherwise it keeps them.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`, `EndpointNotFound`.
        Conflict: `DefaultEndpointNotUpdatable`, `EndpointPreventsUpdate`.
        BadRequest: a kept model does not fit the new graph.
    """
    revision = finding.endpoint(session, web_service_id, endpoint_name)
    identity = revision.resource
    session.require(_WRITE, identity)
    _refuse_default(identity, "To update it from its experiment: mlmgmt New-AmlWebService -Update")
    _refuse_if_prevented(revision)
    default = finding.endpoint(session, identity.service, finding.DEFAULT)
    document, models = _refreshed_document(session, revision, default, overwrite=overwrite_resources)
    if changes.is_same(revision, document, models):
        what = "graph and models" if overwrite_resources else "graph"
        text = f"The endpoint {identity.name!r} already has the default endpoint's {what}; nothing was refreshed."
        return Outcome(identity.name, revision.document, revision.document, lambda: None, nothing=text)
    change = changes.Change(
        "refreshed",
        document,
        None,
        deployment.prepare(session, document, revision, skip=skip_model_check, digests=models),
        message,
        f"endpoint {finding.DEFAULT}",
        revision,
    )
    with_models = " with its trained models" if overwrite_resources else ""
    return changes.planned_write(
        session,
        identity,
        change,
        lambda _: f"The endpoint {identity.name!r} is refreshed{with_models}.",
        compared=lambda: (dict(revision.document), dict(document)),
    )


def _refreshed_document(
    session: Session, revision: Revision, default: Revision, *, overwrite: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the endpoint's document with the default endpoint's graph, and the models it will use."""
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
        # Assets may have other ids in the new graph, so models are matched by their resource names.
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
