"""How a planned change becomes a revision: what may change, what is secret, and the write itself."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mlmgmt.definition.document import compact, copy
from mlmgmt.definition.schema import without
from mlmgmt.errors import Conflict, Detail, PreconditionFailed
from mlmgmt.ids import EndpointId, ResourceId
from mlmgmt.protocol.regions import of as region_of
from mlmgmt.store.blobs import without_secrets
from mlmgmt.store.services import CREATED, REMOVED, Revision
from mlmgmt.verbs.outcome import Outcome
from mlmgmt.verbs.plans import associations
from mlmgmt.verbs.services import finding as classic
from mlmgmt.verbs.session import later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mlmgmt.ids import ServiceId
    from mlmgmt.verbs.services.deployment import Deployment
    from mlmgmt.verbs.session import Session

_SET_BY_SERVICE = ("createdOn", "modifiedOn", "provisioningState", "swaggerLocation")
_ENVELOPE = ("id", "name", "type", "etag", "location", "tags", "properties", "mlmgmt", "$schema")


@dataclass(frozen=True, slots=True)
class Change:
    """All that a revision is made of, gathered while planning.

    Args:
        kind: what `Revision.change` will say.
        secrets: all the secrets of the service as they will be; None leaves them alone.
        planned_on: the revision the plan was made on; another one at writing time refuses the change.
        region: one more region with regional properties.
    """

    kind: str
    document: Mapping[str, Any]
    secrets: dict[str, Any] | None
    deployed: Deployment
    message: str | None
    source: str | None
    planned_on: Revision | None
    region: str | None = None


def outcome_of(
    session: Session,
    identity: ServiceId,
    change: Change,
    show: Callable[[Revision], Any],
    *,
    warnings: Iterable[str] = (),
    replan: Callable[[], Outcome] | None = None,
) -> Outcome:
    """The outcome of a change to one web service; `show` turns the written revision into what is answered."""

    def commit() -> Any:
        with session.store.writing(identity):
            return show(write(session, identity, change))

    planned = change.planned_on
    before = None if planned is None or planned.removed else planned.document
    return Outcome(
        target=identity.name,
        before=before,
        after=dict(change.document),
        commit=commit,
        replan=replan,
        warnings=[*warnings, *change.deployed.warnings],
    )


def write(session: Session, identity: ServiceId, change: Change) -> Revision:
    """Write a planned change as the next revision; the service's lock is held.

    Model bytes, secrets and the association with a plan come first, so that whatever a revision refers to is there
    before it is; secrets and association count only once the revision does.

    Raises:
        PreconditionFailed: `EtagChanged`: another change came between plan and write.
    """
    services = session.store.services
    latest = services.latest(identity)
    planned = change.planned_on.etag if change.planned_on is not None else None
    found = latest.etag if latest is not None else None
    if planned != found:
        text = (
            f"{identity.name!r} was changed by another command: it was planned on etag {planned}, and now has {found}."
        )
        raise PreconditionFailed(
            text, target=identity.name, details=[Detail("EtagChanged", text)], hint="Look again, then repeat."
        )
    if change.kind != REMOVED:
        _require_owner(session, identity)
    modified = later(session.clock(), latest.modified_on if latest is not None else None)
    number = latest.number + 1 if latest is not None else 1
    document = _stamped(identity, change, latest, modified)
    etag = sha256(compact([number, document])).hexdigest()[:32]
    change.deployed.keep(session)
    if change.secrets is not None:
        before = session.store.service_secrets(identity)
        session.store.secrets.keep_service(identity, change.secrets, before, revision=number, etag=etag)
    if change.kind != REMOVED and isinstance(identity, ResourceId):
        associations.keep(session, identity, document, modified, anew=change.kind == CREATED)
    regions = list(latest.regions) if latest is not None and change.kind != CREATED else []
    if change.region is not None:
        regions.append(change.region)
    return services.commit(
        Revision(
            number=number,
            etag=etag,
            change=change.kind,
            modified_on=modified,
            by=session.caller,
            document=document,
            models=change.deployed.models,
            checked=change.deployed.checked,
            message=change.message,
            source=change.source,
            regions=regions,
        )
    )


def _require_owner(session: Session, identity: ServiceId) -> None:
    """Refuse to write what belongs to a group, or a Classic web service, that was removed since it was planned."""
    if isinstance(identity, EndpointId):
        classic.owner(session, identity)
    elif session.store.groups.get(identity.group_id) is None:
        session.existing_group(identity.group)


def _stamped(identity: ServiceId, change: Change, latest: Revision | None, modified: str) -> dict[str, Any]:
    document = dict(change.document)
    created = modified
    if latest is not None and change.kind != CREATED:
        created = latest.document["properties"].get("createdOn", modified)
    properties = dict(document["properties"])
    location = str(document["location"])
    properties |= {
        "createdOn": created,
        "modifiedOn": modified,
        "provisioningState": "Succeeded",
        "swaggerLocation": f"{region_of(location).scoring}{identity.scoring_path}/swagger.json",
    }
    head = {"id": document["id"], "name": document["name"], "type": identity.type}
    rest = {name: value for name, value in document.items() if name not in (*head, "tags", "location", "properties")}
    ordered = {"properties": properties, "location": location, "tags": document.get("tags") or {}}
    return head | ordered | rest


def check_etag(standing: Revision | None, if_match: str | None, *, only_new: bool = False) -> None:
    """Hold the etag a caller gives (`*` stands for any) against the one that stands.

    Args:
        only_new: none may stand.

    Raises:
        PreconditionFailed: `EtagMismatch`, with both; `AlreadyExists`.
    """
    if only_new and standing is not None:
        text = f"{standing.document['name']!r} exists, and is not to be replaced."
        raise PreconditionFailed(text, target="IfNoneMatch", details=[Detail("AlreadyExists", text)])
    if if_match is None:
        return
    wanted = if_match.strip().strip('"')
    found = standing.etag if standing is not None else None
    if wanted != found and not (wanted == "*" and found is not None):
        text = f"-IfMatch gives the etag {wanted}, and the current one is {found}."
        hint = "Someone changed the service since; Get it again and look at the difference."
        raise PreconditionFailed(text, target="IfMatch", details=[Detail("EtagMismatch", text)], hint=hint)


def refuse_read_only(standing: Revision) -> None:
    """Refuse to change what was made read-only.

    Raises:
        Conflict: `WebServiceReadOnly`.
    """
    if standing.document["properties"].get("readOnly"):
        text = f"The web service {standing.document['name']!r} is read-only; it can never be updated, only removed."
        raise Conflict(text, target="readOnly", details=[Detail("WebServiceReadOnly", text, "$.properties.readOnly")])


def split_secrets(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A document without what must not stand in the home, and that; the document given is not altered."""
    secrets: dict[str, Any] = {}
    properties = dict(document["properties"])
    if keys := properties.pop("keys", None):
        secrets["keys"] = keys
    if isinstance(account := properties.get("storageAccount"), dict) and "key" in account:
        secrets["storageAccountKey"] = account["key"]
        properties["storageAccount"] = {name: value for name, value in account.items() if name != "key"}
    if isinstance(assets := properties.get("assets"), dict):
        properties["assets"] = {asset_id: _public(asset_id, asset, secrets) for asset_id, asset in assets.items()}
    payloads = properties.get("payloadsLocation")
    if isinstance(payloads, dict):
        properties["payloadsLocation"] = _location("payloadsLocation", payloads, secrets)
    return {**document, "properties": properties}, secrets


def _public(asset_id: str, asset: Any, secrets: dict[str, Any]) -> Any:
    """An asset without credentials and without the signature in its uri, which go to the secrets."""
    location = asset.get("locationInfo") if isinstance(asset, dict) else None
    if not isinstance(location, dict):
        return asset
    kept = _location(asset_id, location, secrets)
    return asset if kept == location else {**asset, "locationInfo": kept}


def _location(owner: str, location: dict[str, Any], secrets: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in location.items() if name != "credentials"}
    if location.get("credentials"):
        secrets.setdefault("credentials", {})[owner] = location["credentials"]
    if isinstance(kept.get("uri"), str):
        kept["uri"], token, user = without_secrets(kept["uri"])
        if token is not None:
            secrets.setdefault("sas", {})[owner] = token
        if user is not None:
            secrets.setdefault("users", {})[owner] = user
    return kept


def merged_secrets(known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The secrets after a change: a pair of keys, and secrets by asset, member by member."""
    merged = dict(known)
    for name, value in given.items():
        merged[name] = merged.get(name, {}) | value if isinstance(value, dict) else value
    return merged


def comparable(
    session: Session, document: Mapping[str, Any], secrets: Mapping[str, Any], *, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A document for comparing: without what the service sets, secrets as short digests.

    Args:
        given: show only those secrets that this set has too; a file that leaves a secret out does not change it.
    """
    shown: dict[str, Any] = without(document, session.contract.root, read_only=True)
    shown = copy(shown)
    marks: dict[str, Any] = {}
    for name, value in secrets.items():
        if given is not None and name not in given:
            continue
        asked = given[name] if given is not None else value
        if isinstance(value, dict):
            marks[name] = {key: _mark(inner) for key, inner in value.items() if key in asked}
        else:
            marks[name] = _mark(value)
    if marks:
        shown["secrets"] = marks
    return shown


def _mark(secret: Any) -> str:
    return "sha256:" + sha256(str(secret).encode()).hexdigest()[:12]


def content(document: Mapping[str, Any]) -> bytes:
    """What a change can change, for telling whether it does."""
    properties = {name: value for name, value in document["properties"].items() if name not in _SET_BY_SERVICE}
    return compact([document.get("tags") or {}, properties, {k: v for k, v in document.items() if k not in _ENVELOPE}])


def is_as(revision: Revision, document: Mapping[str, Any], models: Mapping[str, Any]) -> bool:
    """Whether a revision has this definition already, and answers with these models.

    Args:
        models: by asset id, as `Revision.models`.
    """
    return content(document) == content(revision.document) and digests(models) == digests(revision.models)


def digests(models: Mapping[str, Any]) -> dict[str, Any]:
    """The digest of each model, by asset id; None of one that is not in this home."""
    return {asset_id: body.get("digest") for asset_id, body in models.items()}
