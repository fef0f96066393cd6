"""Storage accounts as resources: folders of this home that documents address like accounts in the cloud."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mlmgmt import ids
from mlmgmt.counts import count_of
from mlmgmt.errors import BadRequest, Conflict, MlmgmtError, NotFound
from mlmgmt.ids import StorageAccountId, fold, same_location
from mlmgmt.store import blobs, lock, sas
from mlmgmt.store.secrets import new_key
from mlmgmt.verbs.outcome import Outcome, changed_meanwhile, no_comparison, replannable
from mlmgmt.verbs.session import stamp
from mlmgmt.verbs.tags import check_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.verbs.session import Session

_WRITE = "Microsoft.Storage/storageAccounts/write"
_DELETE = "Microsoft.Storage/storageAccounts/delete"
_LIST_KEYS = "Microsoft.Storage/storageAccounts/listkeys/action"
_TYPE, _KIND = "Microsoft.Storage/storageAccounts", "StorageV2"
RESERVED = ("subscriptions", "providers", "workspaces", "healthz", "api", "apihelp")
"""Not allowed as account names: a server takes the first part of a path for an account, except these."""
SKUS = ("Standard_LRS", "Standard_GRS", "Standard_RAGRS", "Standard_ZRS", "Premium_LRS")
PERMISSIONS = "racwdl"
"""The permissions of a signature, in the order in which they are written: read, add, create, write, delete, list."""
_LONGEST_HOURS = 24.0 * 366
_NOT_FOUND = "ResourceNotFound"


def get(
    session: Session, *, group: str | None = None, name: str | None = None
) -> dict[str, Any] | list[dict[str, Any]]:
    """Return one account, or those of a group, or all. The home's own account is in no group and has no id.

    Raises:
        NotFound: `ResourceGroupNotFound`; `ResourceNotFound`, as the outer code.
    """
    if name is not None:
        return _view(existing(session, group, name))
    if group is not None:
        session.existing_group(group)
    found = (session.store.blobs.account(known) for known in session.store.blobs.accounts())
    return [_view(body) for body in found if body is not None and (group is None or _is_in(body, group))]


def _is_in(body: Mapping[str, Any], group: str) -> bool:
    return "id" in body and fold(StorageAccountId.parse(body["id"]).group) == fold(group)


def existing(session: Session, group: str | None, name: str) -> dict[str, Any]:
    """Return the document of an account, which must be in the group if one is given.

    Raises:
        NotFound: `ResourceGroupNotFound`, `ResourceNotFound`.
    """
    if group is not None:
        session.existing_group(group)
    body = session.store.blobs.account(name.casefold())
    if body is None or (group is not None and not _is_in(body, group)):
        where = f" in the resource group {group!r}" if group is not None else ""
        message = f"The storage account {name!r} was not found{where}."
        hint = f"Existing accounts: {', '.join(session.store.blobs.accounts())}."
        if body is not None:
            owner = StorageAccountId.parse(body["id"]).group if "id" in body else None
            hint = (
                f"It is in the resource group {owner!r}."
                if owner
                else f"It is in no resource group. {_add_to_group_hint(name)}"
            )
        raise NotFound(message, target=name, code=_NOT_FOUND, hint=hint)
    return body


def _add_to_group_hint(name: str) -> str:
    return f"Add it to one: mlmgmt New-AzStorageAccount -ResourceGroupName ... -Name {name} -Location ..."


def _view(body: Mapping[str, Any]) -> dict[str, Any]:
    sku = body.get("sku") or SKUS[0]
    return {
        "id": body.get("id"),
        "name": body["name"],
        "type": _TYPE,
        "location": body.get("location"),
        "tags": body.get("tags") or {},
        "sku": {"name": sku, "tier": sku.partition("_")[0]},
        "kind": _KIND,
        "properties": {
            "provisioningState": "Succeeded",
            "creationTime": body.get("creationTime"),
            "primaryEndpoints": {"blob": f"https://{body['name']}{blobs.SUFFIX}/"},
        },
    }


def check_name(session: Session, name: str) -> dict[str, Any]:
    """Check whether a name is free for a new account: `nameAvailable`, and if not, `reason` and `message`."""
    try:
        _check_new(name)
    except BadRequest as error:
        return {"nameAvailable": False, "reason": "AccountNameInvalid", "message": error.message}
    if session.store.blobs.is_registered(name):
        message = f"The storage account {name!r} is taken."
        return {"nameAvailable": False, "reason": "AlreadyExists", "message": message}
    return {"nameAvailable": True}


def _check_new(name: str) -> str:
    blobs.check_account_name(name)
    if name in RESERVED:
        message = f"{name!r} cannot be the name of a storage account: it is reserved for other addresses."
        raise BadRequest(message, detail="ReservedResourceName", target="Name")
    return name


@replannable
def plan_create(
    session: Session,
    *,
    group: str,
    name: str,
    location: str,
    sku: str = SKUS[0],
    tags: dict[str, Any] | None = None,
) -> Outcome:
    """Plan a storage account. An existing one in the group gets the SKU and tags; the home's own is added to the group.

    Raises:
        BadRequest: `InvalidAccountName`, `ReservedResourceName`, `InvalidSku`.
        Conflict: `StorageAccountAlreadyTaken`: it is in another group; `InvalidResourceLocation`.
        NotFound: `ResourceGroupNotFound`.
        AuthorizationFailed.
    """
    session.existing_group(group)
    identity = StorageAccountId(session.store.home.subscription, session.group_id(group).name, name)
    session.require(_WRITE, identity)
    _check_new(name)
    ids.check_name(location, what="location")
    chosen = {known.casefold(): known for known in SKUS}.get(sku.casefold())
    if chosen is None:
        hint = f"Use one of: {', '.join(SKUS)}. They make no difference here."
        raise BadRequest(f"Unknown storage SKU {sku!r}.", detail="InvalidSku", target="SkuName", hint=hint)
    current = session.store.blobs.account(name)
    if current is not None and "id" in current and not _is_in(current, group):
        message = f"The storage account {name!r} is taken by another resource group."
        raise Conflict(message, detail="StorageAccountAlreadyTaken", at=current["id"], target=name)
    if current is not None and not same_location(current.get("location", location), location):
        message = f"The storage account is in {current['location']!r} and cannot move to {location!r}."
        raise Conflict(message, detail="InvalidResourceLocation", at="$.location", target="location")
    body = {"id": str(identity), "location": location, "sku": chosen, "tags": check_tags(tags or {})}
    if current is None:
        body["creationTime"] = stamp(session.clock())
    after = (current or {"name": name}) | body
    if current is not None and "id" in current:
        after |= {member: current[member] for member in ("id", "location") if member in current}

    def commit() -> dict[str, Any]:
        session.store.require_writable()
        with lock.hold(session.store.home.root, f"accounts/{name}"):
            _refuse_changed(session, name, current)
            if not session.store.secrets.account_keys(name):
                session.store.secrets.keep_account_key(name, new_key(), new_key())
            session.store.blobs.register(name, after)
        return _view(after)

    warnings = []
    if files := session.store.blobs.count(name) if current is None else 0:
        verb = "is" if files == 1 else "are"
        warnings.append(
            f"{count_of(files, 'blob')} from an earlier account with this name {verb} still on disk "
            f"and {verb} used again."
        )
    return Outcome(
        target=name,
        before=_view(current) if current is not None else None,
        after=_view(after),
        commit=commit,
        preview=_view(after),
        warnings=warnings,
        compared=no_comparison,
    )


def _refuse_changed(session: Session, name: str, planned_on: Mapping[str, Any] | None) -> None:
    if session.store.blobs.account(name) != planned_on:
        raise changed_meanwhile(f"The storage account {name!r} was changed by another command.", name)


@replannable
def plan_remove(session: Session, *, group: str, name: str) -> Outcome:
    """Plan to remove a storage account and its keys; its files stay on disk. A missing account is not an error.

    Raises:
        NotFound: `ResourceGroupNotFound`.
        AuthorizationFailed.
    """
    try:
        body = existing(session, group, name)
    except NotFound as error:
        if error.code != _NOT_FOUND:
            raise
        text = f"{group!r} has no storage account {name!r}; nothing was removed."
        return Outcome(target=name, before=None, after=None, commit=lambda: None, nothing=text)
    account = str(body["name"])
    session.require(_DELETE, body["id"])

    def commit() -> None:
        session.store.require_writable()
        with lock.hold(session.store.home.root, f"accounts/{account}"):
            _refuse_changed(session, account, body)
            session.store.blobs.unregister(account)
            session.store.secrets.forget_account(account)

    warnings = []
    if count := session.store.blobs.count(account):
        place = session.store.home.root / "storage" / account
        warnings.append(f"{count_of(count, 'blob')} will stay on disk in {place}, but without an address.")
    if users := _users(session, account):
        warnings.append(
            f"Web services with models in it: {', '.join(users[:5])}. They keep using the home's own copies."
        )
    return Outcome(
        target=account,
        before=_view(body),
        after=None,
        commit=commit,
        warnings=warnings,
        compared=no_comparison,
    )


def _users(session: Session, account: str) -> list[str]:
    """Return the web services that use a model from an account."""
    return [
        f"{known['name']}/{revision.document['name']}"
        for known in session.store.groups.all()
        for revision in session.store.services.in_group(session.group_id(known["name"]))
        if any(_account_of(model) == account for model in revision.models.values())
    ]


def _account_of(model: Mapping[str, Any]) -> str | None:
    try:
        blob = blobs.parse(str(model.get("uri", "")))
    except MlmgmtError:
        return None
    return blob.account if blob is not None else None


def keys(session: Session, *, name: str, group: str | None = None) -> list[dict[str, str]]:
    """Return the two keys of an account; either opens it. The second is created on first use.

    Raises:
        NotFound: `ResourceGroupNotFound`, `ResourceNotFound`.
        AuthorizationFailed: the caller is a Reader.
    """
    account = str(existing(session, group, name)["name"])
    session.require(_LIST_KEYS, account)
    secrets = session.store.secrets
    pair = secrets.account_keys(account)
    if len(pair) < 2:
        with lock.hold(session.store.home.root, f"accounts/{account}"):
            first, *others = secrets.account_keys(account) or (new_key(),)
            pair = (first, others[0] if others else new_key())
            secrets.keep_account_key(account, *pair)
    return [
        {"KeyName": f"key{number}", "Value": value, "Permissions": "Full"} for number, value in enumerate(pair, start=1)
    ]


def sas_token(
    session: Session,
    *,
    container: str,
    blob: str | None = None,
    account: str | None = None,
    permission: str = "r",
    hours: float = 24.0,
) -> dict[str, Any]:
    """Create a shared access signature for one blob, which need not exist yet, or for a container.

    Args:
        account: the home's first one when None.
        permission: letters from `PERMISSIONS`.

    Returns:
        `BlobUri`, `BaseLocation`, `RelativeLocation`, `SasBlobToken` (with its `?`) and `ExpiresOn`.

    Raises:
        BadRequest: `InvalidPermission`, `InvalidLifetime`, `InvalidBlob`.
        NotFound: `ResourceNotFound`: the account; `KeysNotFound`.
        AuthorizationFailed: the caller is a Reader.
    """
    name = str(existing(session, None, account if account is not None else session.storage_account())["name"])
    session.require(_LIST_KEYS, name)
    letters = permission.strip().casefold()
    if not letters or set(letters) - set(PERMISSIONS):
        message = f"{permission!r} is not a valid permission for a signature."
        hint = f"Use letters from {PERMISSIONS}: read, add, create, write, delete, list."
        raise BadRequest(message, detail="InvalidPermission", target="Permission", hint=hint)
    if not 1 / 60 <= hours <= _LONGEST_HOURS:
        message = f"A signature must be valid for 1 minute to 366 days, not {hours:.10g} hours."
        raise BadRequest(message, detail="InvalidLifetime", target="Hours")
    place = blobs.Blob(name, container, blob if blob is not None else "any")
    if blobs.parse(place.uri) != place:
        message = (
            f"{container!r} is not a valid container name: use 3 to 63 lower-case letters, digits and single hyphens."
        )
        raise BadRequest(message, detail="InvalidBlob", target="Container")
    key = session.store.secrets.account_key(name)
    if key is None:
        message = f"The keys of {name!r} are not in this user's configuration."
        raise NotFound(message, detail="KeysNotFound", target=name)
    now, lasts = session.clock(), timedelta(hours=hours)
    token = sas.sign(
        key,
        name,
        place.name if blob is not None else container,
        now=now,
        permissions="".join(letter for letter in PERMISSIONS if letter in letters),
        lasts=lasts,
        resource=sas.BLOB if blob is not None else sas.CONTAINER,
    )
    return {
        "BlobUri": place.uri if blob is not None else place.base_location + container,
        "BaseLocation": place.base_location,
        "RelativeLocation": place.relative_location if blob is not None else container,
        "SasBlobToken": token,
        "ExpiresOn": stamp(now + lasts),
    }
