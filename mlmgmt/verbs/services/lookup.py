"""Read web services: one, a list, the models in use, and the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, cast

from mlmgmt.definition import graph
from mlmgmt.definition.document import parse
from mlmgmt.definition.schema import without
from mlmgmt.errors import BadRequest, Detail, NotFound, WrongUsage
from mlmgmt.ids import ResourceId, file_name, same_location
from mlmgmt.verbs.services import deployment

if TYPE_CHECKING:
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source


class InUse(TypedDict):
    """What this program adds to a web service: its revision, added regions if any, and the models by asset id."""

    revision: int
    regions: NotRequired[list[str]]
    models: dict[str, dict[str, Any]]


class Item(TypedDict):
    """A web service as a list shows it: without the package, assets and ports of its definition."""

    id: str
    name: str
    type: str
    etag: str
    location: str
    properties: dict[str, Any]
    tags: NotRequired[dict[str, str]]


class WebService(Item):
    """A web service as Get answers it. Its `properties` are the definition without write-only members."""

    mlmgmt: InUse


_LEFT_OUT_OF_LISTS = ("package", "assets", "input", "output", "exampleRequest", "parameters")


def existing(session: Session, group: str, name: str) -> Revision[ResourceId]:
    """Return the current revision of a web service.

    Raises:
        NotFound: the group, or `WebServiceNotFound`.
    """
    session.existing_group(group)
    identity = session.service_id(group, name)
    found = session.store.services.latest(identity)
    if found is None or found.removed:
        message = f"The resource group {group!r} has no web service {name!r}."
        if found is not None:
            hint = f"It was removed. Restore it: mlmgmt restore -g {group} -n {name}"
        else:
            names = sorted(revision.document["name"] for revision in session.store.services.in_group(identity.group_id))
            hint = f"Its web services: {', '.join(names)}." if names else "The group has no web services yet."
        raise NotFound(
            "The web service cannot be found.",
            target=name,
            details=[Detail("WebServiceNotFound", message, str(identity))],
            hint=hint,
        )
    return found


def get(
    session: Session, *, group: str | None = None, name: str | None = None, region: str | None = None
) -> WebService | list[Item]:
    """Return one web service in full, or those of a group or of the subscription without their packages.

    Raises:
        NotFound: `ResourceGroupNotFound`, `WebServiceNotFound`, `PerRegionPayloadNotFound`.
        WrongUsage: a name without a group.
    """
    if name is not None:
        if group is None:
            message = "-Name also needs -ResourceGroupName."
            raise WrongUsage(
                message, target="ResourceGroupName", hint="Add -ResourceGroupName, or omit -Name to list all."
            )
        return view(session, current_in_region(session, group, name, region))
    if group is not None:
        identity = session.group_id(session.existing_group(group)["name"])
        return [_item(session, revision) for revision in session.store.services.in_group(identity)]
    return [
        _item(session, revision)
        for body in session.store.groups.all()
        for revision in session.store.services.in_group(session.group_id(body["name"]))
    ]


def current_in_region(session: Session, group: str, name: str, region: str | None = None) -> Revision:
    """Return the current revision of a web service, which must be in the region if one is given.

    Raises:
        NotFound: see `existing`; or `PerRegionPayloadNotFound`.
    """
    found = existing(session, group, name)
    if region is not None and not is_in(found, region):
        message = f"The web service {name!r} has no regional properties for {region!r}."
        raise NotFound(
            "The regional properties cannot be found.",
            target=region,
            details=[Detail("PerRegionPayloadNotFound", message)],
            hint=f"It is in {', '.join(map(repr, (found.document['location'], *found.regions)))}. To add a region: "
            f"mlmgmt add-region -g {group} -n {name} -Region ...",
        )
    return found


def is_in(revision: Revision, region: str) -> bool:
    """Whether a web service is in a region: its location, or a region that was added."""
    return any(same_location(region, known) for known in (str(revision.document["location"]), *revision.regions))


def view(session: Session, revision: Revision) -> WebService:
    """Return a web service as Get answers it: the definition without secrets, the etag, and the models in use."""
    models: dict[str, dict[str, Any]] = {}
    used = graph.used_assets(revision.document)
    for asset_id, body in revision.models.items():
        if asset_id not in used:
            models[asset_id] = {"state": deployment.UNUSED}
            continue
        shown = {
            name: body[name] for name in ("state", "digest", "takenOn", "trainedOn", "rows", "learner") if name in body
        }
        if body.get("digest"):
            shown["blob"] = deployment.blob_state(session, body["uri"], body["digest"])
        models[asset_id] = shown
    document = public(session, revision)
    use: InUse = {"revision": revision.number, "models": models}
    if revision.regions:
        use = {"revision": revision.number, "regions": revision.regions, "models": models}
    return {**_with_envelope(document, revision), "mlmgmt": use}


def public(session: Session, revision: Revision) -> dict[str, Any]:
    """Return a definition without its write-only members, such as the keys."""
    found: dict[str, Any] = without(revision.document, session.contract.root, write_only=True)
    return found


def page(
    session: Session, *, group: str | None = None, after: str = "", most: int = 100
) -> tuple[list[Item], str | None]:
    """Return the next page of web services of a group or the subscription, and where the page after it begins.

    Args:
        after: the second value of the previous page; empty for the first page.

    Raises:
        NotFound: `ResourceGroupNotFound`.
    """
    if group is None:
        groups = [str(body["name"]) for body in session.store.groups.all()]
    else:
        groups = [str(session.existing_group(group)["name"])]
    behind_group, _, behind_name = after.partition("/")
    items: list[Item] = []
    last = None
    for name in groups:
        folder = file_name(name)
        if folder < behind_group:
            continue
        behind = behind_name if folder == behind_group else ""
        for revision in session.store.services.in_group(session.group_id(name), behind):
            if len(items) == most:
                return items, last
            items.append(_item(session, revision))
            last = f"{folder}/{file_name(revision.document['name'])}"
    return items, None


def _with_envelope(document: dict[str, Any], revision: Revision) -> Item:
    head = {name: document[name] for name in ("id", "name", "type") if name in document}
    tail = {name: value for name, value in document.items() if name not in head}
    return cast("Item", head | {"etag": revision.etag} | tail)


def _item(session: Session, revision: Revision) -> Item:
    document = dict(revision.document)
    kept = {name: value for name, value in document["properties"].items() if name not in _LEFT_OUT_OF_LISTS}
    document["properties"] = kept
    return _with_envelope(without(document, session.contract.root, write_only=True), revision)


def keys(session: Session, *, group: str, name: str) -> dict[str, str]:
    """Return the two keys of a web service.

    Raises:
        NotFound: the service, or `KeysNotFound`: this copy of the home has no secrets.
        AuthorizationFailed: the caller is a Reader.
    """
    return keys_of(session, existing(session, group, name))


def keys_of(session: Session, found: Revision) -> dict[str, str]:
    """Return the two keys of a revision's service; see `keys`."""
    session.refuse_reader("Microsoft.MachineLearning/webServices/listkeys/action", found.resource)
    pair = session.store.service_secrets(found.resource).get("keys")
    name = found.document["name"]
    if pair is None:
        raise NotFound(
            f"The keys of {name!r} are not in this user's configuration.",
            detail="KeysNotFound",
            target=name,
            hint="A copied home has no keys. Set new ones: mlmgmt update ... -Keys \"@{Primary='...'}\"",
        )
    return {"Primary": pair["primary"], "Secondary": pair["secondary"]}


def keys_of_object(session: Session, *, web_service: Source) -> dict[str, str]:
    """Return the two keys of the web service whose Get answer is given; see `keys` and `named_by`."""
    identity = named_by(web_service)
    return keys(session, group=identity.group, name=identity.name)


def named_by(web_service: Source) -> ResourceId:
    """Return the id in a Get answer.

    Raises:
        BadRequest: `InvalidResourceId`: there is no id, as in an imported definition, or not one of a web service.
    """
    body = parse(web_service.data)
    found = body.get("id", body.get("Id")) if isinstance(body, dict) else None
    if not isinstance(found, str):
        message = f"{web_service.name} does not name a web service: it has no id."
        hint = "Exported definitions have no id. Give -ResourceGroupName and -Name, or pipe the answer of Get."
        raise BadRequest(message, detail="InvalidResourceId", target="id", hint=hint)
    return ResourceId.parse(found)
