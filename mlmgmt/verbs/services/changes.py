"""Turn a planned change into a revision: check what may change, separate the secrets, and write."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mlmgmt.definition.document import compact, copy
from mlmgmt.definition.schema import without
from mlmgmt.errors import Conflict, PreconditionFailed
from mlmgmt.ids import EndpointId, ResourceId
from mlmgmt.protocol.regions import of as region_of
from mlmgmt.store.blobs import without_secrets
from mlmgmt.store.services import CREATED, REMOVED, Revision
from mlmgmt.verbs.outcome import Outcome, changed_meanwhile
from mlmgmt.verbs.plans import associations
from mlmgmt.verbs.services import finding as classic
from mlmgmt.verbs.session import later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mlmgmt.ids import ServiceId
    from mlmgmt.store.services import Id
    from mlmgmt.verbs.services.deployment import Deployment
    from mlmgmt.verbs.session import Session

_SET_BY_SERVICE = ("createdOn", "modifiedOn", "provisioningState", "swaggerLocation")
_ENVELOPE = ("id", "name", "type", "etag", "location", "tags", "properties", "mlmgmt", "$schema")


@dataclass(frozen=True, slots=True)
class Change:
    """Everything that a new revision is made of, collected while planning.

    Args:
        kind: the value of `Revision.change`.
        secrets: all secrets of the service after the change; None leaves them unchanged.
        planned_on: the revision that the change was planned on; the write is refused if it is no longer the latest.
        region: a region to add.
    """

    kind: str
    document: Mapping[str, Any]
    secrets: dict[str, Any] | None
    deployed: Deployment
    message: str | None
    source: str | None
    planned_on: Revision | None
    region: str | None = None


def planned_write(
    session: Session,
    identity: Id,
    change: Change,
    show: Callable[[Revision[Id]], Any],
    *,
    warnings: Iterable[str] = (),
    question: str | None = None,
    compared: Callable[[], tuple[dict[str, Any], dict[str, Any]]] | None = None,
) -> Outcome:
    """Return the outcome of one change, which is written as the next revision when the outcome is applied.

    Args:
        show: turns the written revision into the answer.
        question: see `Outcome`.
        compared: see `Outcome`.
    """

    def commit() -> Any:
        with session.store.writing(identity):
            return show(write(session, identity, change))

    planned = change.planned_on
    before = None if planned is None or planned.removed else planned.document
    return Outcome(
        target=identity.name,
        before=before,
        after=None if change.kind == REMOVED else dict(change.document),
        commit=commit,
        warnings=[*warnings, *change.deployed.warnings],
        question=question,
        compared=compared,
    )


def write(session: Session, identity: Id, change: Change) -> Revision[Id]:
    """Write a planned change as the next revision. The caller holds the service's lock.

    Model bytes, secrets and the association with a commitment plan are written first, so that everything a revision
    refers to exists before it. Secrets and association take effect only with the revision.

    Raises:
        PreconditionFailed: `EtagChanged`: another change came in between.
    """
    services = session.store.services
    latest = services.latest(identity)
    planned = change.planned_on.etag if change.planned_on is not None else None
    found = latest.etag if latest is not None else None
    if planned != found:
        text = f"{identity.name!r} was changed by another command: the etag was {planned} and is now {found}."
        raise changed_meanwhile(text, identity.name)
    if change.kind != REMOVED:
        _require_owner(session, identity)
    modified = later(session.clock(), latest.modified_on if latest is not None else None)
    number = latest.number + 1 if latest is not None else 1
    document = _with_timestamps(identity, change, latest, modified)
    etag = sha256(compact([number, document])).hexdigest()[:32]
    change.deployed.keep(session)
    if change.secrets is not None:
        before = session.store.service_secrets(identity)
        session.store.secrets.keep_service(identity, change.secrets, before, revision=number, etag=etag)
    if change.kind != REMOVED and isinstance(identity, ResourceId):
        associations.associate(session, identity, document, modified, is_new=change.kind == CREATED)
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
    """Refuse to write if the group or the Classic web service was removed after the change was planned."""
    if isinstance(identity, EndpointId):
        classic.owner(session, identity)
    elif session.store.groups.get(identity.group_id) is None:
        session.existing_group(identity.group)


def _with_timestamps(identity: ServiceId, change: Change, latest: Revision | None, modified: str) -> dict[str, Any]:
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


def check_etag(current: Revision | None, if_match: str | None, *, only_new: bool = False) -> None:
    """Compare the etag that a caller gives (`*` means any) with the current one.

    Args:
        only_new: refuse if there is a current revision.

    Raises:
        PreconditionFailed: `EtagMismatch`; `AlreadyExists`.
    """
    if only_new and current is not None:
        text = f"{current.document['name']!r} already exists; the request asked not to replace it."
        raise PreconditionFailed(text, detail="AlreadyExists", target="IfNoneMatch")
    if if_match is None:
        return
    wanted = if_match.strip().strip('"')
    found = current.etag if current is not None else None
    if wanted != found and not (wanted == "*" and found is not None):
        text = f"-IfMatch gives the etag {wanted}, but the current etag is {found}."
        hint = "The service was changed meanwhile. Get it again and compare."
        raise PreconditionFailed(text, detail="EtagMismatch", target="IfMatch", hint=hint)


def refuse_read_only(current: Revision) -> None:
    """Refuse to change a read-only web service.

    Raises:
        Conflict: `WebServiceReadOnly`.
    """
    if current.document["properties"].get("readOnly"):
        text = f"The web service {current.document['name']!r} is read-only; it can never be updated, only removed."
        raise Conflict(text, detail="WebServiceReadOnly", at="$.properties.readOnly", target="readOnly")


def split_secrets(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a copy of the document without its secrets, and the secrets, which the home must not contain."""
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
    """Move the credentials of an asset, and the signature in its uri, to the secrets."""
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


def merge_secrets(known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the secrets after a change; dicts, such as the pair of keys, are merged member by member."""
    merged = dict(known)
    for name, value in given.items():
        merged[name] = merged.get(name, {}) | value if isinstance(value, dict) else value
    return merged


def comparable(
    session: Session, document: Mapping[str, Any], secrets: Mapping[str, Any], *, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a document for comparison: without what the service sets, secrets as short digests.

    Args:
        given: show only the secrets that are also in here; a file that omits a secret does not change it.
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
    """Everything that a change can change, to find out whether it does."""
    properties = {name: value for name, value in document["properties"].items() if name not in _SET_BY_SERVICE}
    return compact([document.get("tags") or {}, properties, {k: v for k, v in document.items() if k not in _ENVELOPE}])


def is_same(revision: Revision, document: Mapping[str, Any], models: Mapping[str, Any]) -> bool:
    """Whether a revision already has this definition and these models.

    Args:
        models: by asset id, as `Revision.models`.
    """
    return content(document) == content(revision.document) and digests(models) == digests(revision.models)


def digests(models: Mapping[str, Any]) -> dict[str, Any]:
    """Return the digest of each model, by asset id; None if the model is not in this home."""
    return {asset_id: body.get("digest") for asset_id, body in models.items()}
