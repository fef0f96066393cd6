"""Create, update and remove web services. The rules of a change are here, for every face."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, graph, patch, reading
from mlmgmt.definition.canonical import Canonicalizer
from mlmgmt.definition.document import copy
from mlmgmt.definition.schema import without
from mlmgmt.errors import BadRequest, Conflict, Detail, WrongUsage
from mlmgmt.ids import ResourceId, check_name, same_location
from mlmgmt.store.secrets import new_key
from mlmgmt.store.services import REMOVED
from mlmgmt.verbs.outcome import Outcome, replannable
from mlmgmt.verbs.plans import associations
from mlmgmt.verbs.runs import runnable
from mlmgmt.verbs.services import changes, deployment, lookup, templates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mlmgmt.definition.reading import Reading
    from mlmgmt.ids import ServiceId
    from mlmgmt.store.services import Id, Revision
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

_WRITE = "Microsoft.MachineLearning/webServices/write"
_DELETE = "Microsoft.MachineLearning/webServices/delete"
_SECTIONS = {
    "title": "title",
    "description": "description",
    "is_read_only": "readOnly",
    "keys": "keys",
    "diagnostics": "diagnostics",
    "realtime_configuration": "realtimeConfiguration",
    "assets": "assets",
    "input": "input",
    "output": "output",
    "parameters": "parameters",
    "package": "package",
}


@replannable
def plan_create(
    session: Session,
    *,
    group: str,
    location: str,
    name: str,
    definition: Source,
    from_instance: bool = False,
    message: str | None = None,
    if_match: str | None = None,
    only_new: bool = False,
    skip_model_check: bool = False,
    require_runnable: bool = False,
    template_parameter_file: Source | None = None,
    template_parameters: Sequence[str] = (),
) -> Outcome:
    """Plan a new web service, or the replacement of a whole existing one, as PUT does.

    Args:
        from_instance: the definition came as an object; its own location takes precedence over `location`.
        only_new: refuse to replace an existing one.
        require_runnable: refuse a definition that cannot answer here; see `runnable.examine`.
        template_parameter_file, template_parameters: for a deployment template; see `templates.read`.

    Raises:
        BadRequest: `InvalidDefinition`, `InvalidTemplate`; or a model fails the check.
        Conflict: the service is read-only, or would move.
        AuthorizationFailed, NotFound, PreconditionFailed.
    """
    identity = session.service_id(group, name)
    # Ids keep the letter case in which the group was created.
    identity = replace(identity, group=str(session.existing_group(group)["name"]))
    session.require(_WRITE, identity)
    check_name(location, what="location")
    values = templates.Values(template_parameter_file, template_parameters)
    read = templates.read(session, definition, values=values, group=group, name=name)
    return plan_read(
        session,
        identity,
        read,
        location=location,
        source=definition.name,
        from_instance=from_instance,
        message=message,
        if_match=if_match,
        only_new=only_new,
        skip_model_check=skip_model_check,
        require_runnable=require_runnable,
    )


def plan_read(
    session: Session,
    identity: ResourceId,
    read: Reading,
    *,
    location: str,
    source: str,
    from_instance: bool = False,
    message: str | None = None,
    if_match: str | None = None,
    only_new: bool = False,
    skip_model_check: bool = False,
    require_runnable: bool = False,
) -> Outcome:
    """Plan a web service from a definition that was read; see `plan_create`.

    Args:
        source: where the definition is from, for the history.
    """
    document = without(read.document, session.contract.root, read_only=True)
    warnings = reading.sentences(read.warnings)
    stated = document.get("location")
    if from_instance and isinstance(stated, str):
        if not same_location(stated, location):
            warnings.append(
                f"The definition's own location {stated!r} is used; -Location {location!r} applies only to files."
            )
        location = stated
    present = session.store.services.latest(identity)
    current = present if present is not None and not present.removed else None
    changes.check_etag(current, if_match, only_new=only_new)
    if current is not None:
        changes.refuse_read_only(current)
        if not same_location(current.document["location"], location):
            text = f"The web service is in {current.document['location']!r} and cannot move to {location!r}."
            raise Conflict(text, detail="InvalidResourceLocation", at="$.location", target="location")
        if not associations.is_charged_to(session, identity, document):
            patch.refuse_another_plan(current.document["properties"], document["properties"])
    body, secrets = changes.split_secrets(document)
    # Get never returns keys, so a caller who gets, edits and puts a service has none to send; keep the current ones.
    known = session.store.service_secrets(identity).get("keys", {}) if current is not None else {}
    pair = {**known, **secrets.get("keys", {})}
    secrets["keys"] = {side: pair.get(side) or new_key() for side in ("primary", "secondary")}
    body["location"] = location
    deployed = deployment.prepare(
        session, body, current, skip=skip_model_check, sas_tokens=secrets.get("sas"), service=identity
    )
    if require_runnable:
        runnable.require(session, body, deployed.models, proved=deployed.checked == "proved")
    warnings += associations.notes(session, identity, body)
    head = {"id": str(identity), "name": identity.name, "type": identity.type}
    if current is not None:
        head |= {member: current.document[member] for member in ("id", "name")}
    kind, question = "created", None
    if current is not None:
        kind = "updated"
        question = f"The web service {identity.name!r} already exists (revision {current.number}). Replace it?"
    return changes.planned_write(
        session,
        identity,
        changes.Change(kind, head | body, secrets, deployed, message, source, present),
        lambda revision: lookup.view(session, revision),
        warnings=warnings,
        question=question,
    )


@replannable
def plan_update(
    session: Session,
    *,
    group: str,
    name: str,
    service_updates: Source | None = None,
    storage_account_key: str | None = None,
    tags: dict[str, Any] | None = None,
    clear: Sequence[str] = (),
    message: str | None = None,
    if_match: str | None = None,
    skip_model_check: bool = False,
    require_runnable: bool = False,
    **members: Any,
) -> Outcome:
    """Plan a change of a web service, from a document or from single members (`_SECTIONS`).

    Raises:
        BadRequest: `EmptyUpdate`: nothing is given; `InvalidDefinition`; or a new model fails the check.
        Conflict: `WebServiceReadOnly`, `NothingChanged`, or something fixed would change.
        WrongUsage: a structured member has an unknown key.
        AuthorizationFailed, NotFound, PreconditionFailed.
    """
    current = lookup.existing(session, group, name)
    session.require(_WRITE, current.resource)
    changes.check_etag(current, if_match)
    warnings: list[str] = []
    source = None
    if service_updates is not None:
        read = reading.read(service_updates.data, session.contract, source=service_updates.name, whole=False)
        change, source = read.document, service_updates.name
        warnings += reading.sentences(read.warnings)
    else:
        change = change_of(session, {**members, "storage_account_key": storage_account_key, "tags": tags})
    if not clear and not (change.keys() - {"location"}) and not change.get("properties"):
        _refuse_empty()
    if not clear and set(change) <= {"properties"} and set(change.get("properties", {})) <= {"packageType"}:
        _refuse_empty()
    changes.refuse_read_only(current)
    return plan_change(
        session,
        current,
        change,
        clear=clear,
        warnings=warnings,
        message=message,
        source=source,
        skip_model_check=skip_model_check,
        require_runnable=require_runnable,
    )


def _refuse_empty() -> None:
    text = "There is nothing to update: neither a definition nor a member is given."
    hint = "Pipe a definition into the command, or give -ServiceUpdates FILE, -Title, -Keys, ..."
    raise BadRequest(text, detail="EmptyUpdate", target="ServiceUpdates", hint=hint)


def change_of(session: Session, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return single members as the change document that PATCH takes; see `plan_update`.

    Raises:
        WrongUsage: a structured member has an unknown key.
    """
    properties = {
        _SECTIONS[name]: value
        for name, value in given.items()
        if name not in ("storage_account_key", "tags") and value is not None
    }
    if given.get("storage_account_key") is not None:
        properties["storageAccount"] = {"key": given["storage_account_key"]}
    if properties:
        properties = {"packageType": "Graph", **properties}
    change: dict[str, Any] = {"properties": properties} if properties else {}
    if given.get("tags") is not None:
        change["tags"] = given["tags"]
    folder = Canonicalizer(texts=True)
    folded: dict[str, Any] = folder.convert(copy(change), session.contract.root)
    unknown = [problem for problem in folder.problems if problem.code in ("UnknownMember", "DuplicateMember")]
    if unknown:
        details = [Detail(problem.code, f"{problem.message} {problem.advice or ''}".strip()) for problem in unknown]
        raise WrongUsage("The parameter has an unknown key.", target=str(unknown[0].path[-1]), details=details)
    return folded


def _refuse_unused_models(change: Mapping[str, Any], merged: Mapping[str, Any]) -> None:
    """Refuse a change that gives a model to an asset that no node uses, as if its key were misspelt.

    Raises:
        BadRequest: `AssetNotFound`, with the assets that take such a model.
    """
    properties = change.get("properties") or {}
    if "package" in properties:
        return
    used = graph.used_assets(merged)
    named = merged["properties"].get("assets", {})
    for key in properties.get("assets") or {}:
        kind = assets.kind_of(named.get(key) or {})
        if key in used or kind not in (assets.TRAINED_MODEL, assets.TRANSFORMATION):
            continue
        takers = [model for model in assets.of_kinds(merged, kind) if model.asset_id in used]
        if takers:
            message = f"No node uses the asset {key!r}, so this {kind} would not answer."
            hint = f"Give it to the asset that does: {'; '.join(map(str, takers))}."
            raise BadRequest(message, detail="AssetNotFound", at=f"$.properties.assets.{key}", target=key, hint=hint)


def plan_change(
    session: Session,
    current: Revision[Id],
    change: Mapping[str, Any],
    *,
    clear: Iterable[str] = (),
    warnings: Iterable[str] = (),
    message: str | None = None,
    source: str | None = None,
    skip_model_check: bool = False,
    require_runnable: bool = False,
    held: Mapping[str, bytes] | None = None,
    show: Callable[[Revision[Id]], Any] | None = None,
) -> Outcome:
    """Plan one change document on the current revision.

    Args:
        show: turns the written revision into the answer; `lookup.view` when None.
        held: new models whose bytes are at hand, by uri; the uri may be the current one.
        require_runnable: refuse a definition that cannot answer here; see `runnable.examine`.
    """
    merged = patch.merge(current.document, change, session.contract, clear=clear)
    _refuse_unused_models(change, merged)
    body, fresh = changes.split_secrets(merged)
    known = session.store.service_secrets(current.resource)
    secrets = changes.merge_secrets(known, fresh)
    if "keys" in fresh:
        # A copied home has no keys, so a change of one key must make the other, too.
        secrets["keys"] = {side: secrets["keys"].get(side) or new_key() for side in ("primary", "secondary")}
    notes = [
        *warnings,
        *reading.sentences(w for w in reading.check(merged, session.contract) if w.code != "UndeclaredPort"),
    ]
    unchanged = changes.content(body) == changes.content(current.document) and secrets == known
    if unchanged and not _brings_another_model(current, held or {}):
        text = f"The change would not change {current.document['name']!r}; nothing was updated."
        hint = "See what a file would change: mlmgmt diff"
        if not isinstance(current.resource, ResourceId):
            hint = f"See which model is in use, and since when: mlmgmt history {current.resource.words}"
        raise Conflict(text, detail="NothingChanged", target=current.document["name"], hint=hint)
    resource = current.resource
    if isinstance(resource, ResourceId) and associations.named_plan(current.document) != associations.named_plan(body):
        notes += associations.notes(session, resource, body)
    deployed = deployment.prepare(
        session, body, current, skip=skip_model_check, sas_tokens=fresh.get("sas"), held=held or {}
    )
    if require_runnable:
        runnable.require(session, body, deployed.models, proved=deployed.checked == "proved")
    question = None
    if body["properties"].get("readOnly"):
        name = current.document["name"]
        question = f"This makes {name!r} read-only: it can never be updated again, only removed. Continue?"
    return changes.planned_write(
        session,
        resource,
        changes.Change("updated", body, None if secrets == known else secrets, deployed, message, source, current),
        show or (lambda revision: lookup.view(session, revision)),
        warnings=list(dict.fromkeys(notes)),
        question=question,
        compared=lambda: (
            changes.comparable(session, current.document, known, given=fresh),
            changes.comparable(session, body, secrets, given=fresh),
        ),
    )


def _brings_another_model(current: Revision, held: Mapping[str, bytes]) -> bool:
    answers = {body.get("uri"): body.get("digest") for body in current.models.values()}
    return any(uri in answers and sha256(data).hexdigest() != answers[uri] for uri, data in held.items())


def plan_remove(
    session: Session, *, group: str, name: str, message: str | None = None, if_match: str | None = None
) -> Outcome:
    """Plan to remove a web service; its history and its keys stay, so that it can be restored.

    A missing service is not an error: the outcome says so and does nothing.

    Raises:
        NotFound: `ResourceGroupNotFound`.
        PreconditionFailed: `EtagMismatch`.
        AuthorizationFailed.
    """
    session.existing_group(group)
    return removal(session, session.service_id(group, name), message, if_match)


@replannable
def removal(session: Session, identity: ServiceId, message: str | None, if_match: str | None = None) -> Outcome:
    """Plan to remove a web service or an endpoint, even if its group or web service is gone; see `plan_remove`."""
    session.require(_DELETE, identity)
    current = session.store.services.latest(identity)
    if current is None or current.removed:
        text = f"{identity} does not exist; nothing was removed."
        if identity.group is not None:
            text = f"{identity.group!r} has no web service {identity.name!r}; nothing was removed."
        return Outcome(target=identity.name, before=None, after=None, commit=lambda: None, nothing=text)
    changes.check_etag(current, if_match)
    kept = deployment.Deployment(current.models)
    change = changes.Change(REMOVED, current.document, None, kept, message, None, current)
    return changes.planned_write(session, identity, change, lambda _: None)


def plan_remove_object(session: Session, *, web_service: Source, message: str | None = None) -> Outcome:
    """Plan to remove the web service whose Get answer is given; see `plan_remove` and `lookup.named_by`."""
    identity = lookup.named_by(web_service)
    return plan_remove(session, group=identity.group, name=identity.name, message=message)
