"""The one rule by which a change becomes part of a definition.

Members that a change omits stay. `keys`, `storageAccount`, `realtimeConfiguration` and `diagnostics` merge member by
member; `assets` merge by id, except that a change with a `package` replaces package and assets together; everything
else is replaced as a whole. Identity, location, storage account and plan cannot change, but may be repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Conflict, Detail, WrongUsage
from mlmgmt.ids import fold, same_location

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlmgmt.definition.schema import Contract, Shape

_MERGED = ("keys", "storageAccount", "realtimeConfiguration", "diagnostics")
CLEARABLE = (
    "title",
    "description",
    "exposeSampleData",
    "realtimeConfiguration",
    "diagnostics",
    "machineLearningWorkspace",
    "exampleRequest",
    "parameters",
    "tags",
)
_IDENTITY = ("id", "name", "type")


def merge(
    stored: Mapping[str, Any],
    change: Mapping[str, Any],
    contract: Contract,
    *,
    clear: Iterable[str] = (),
    hold: bool = True,
) -> dict[str, Any]:
    """Apply a change to a stored document. Both are canonical and stay unaltered; the result shares parts with both.

    Args:
        clear: names of members (`CLEARABLE`) to remove, since null in a change means "not given".
        hold: refuse a change of what is fixed; a comparison passes False, to show it.

    Raises:
        Conflict: `InvalidResourceLocation`, `CannotChangeIdentity`, `CannotChangeCommitmentPlan`.
        BadRequest: `CannotChangeStorageAccount`.
        WrongUsage: `clear` names a member that cannot be cleared.
    """
    if hold:
        _refuse_fixed_members(stored, change)
    merged = dict(stored)
    if not same_location(str(stored.get("location", "")), str(change.get("location", stored.get("location", "")))):
        merged["location"] = change["location"]
    if "tags" in change:
        merged["tags"] = change["tags"]
    read_only = {name for name, shape in contract.root.members.items() if shape.read_only}
    merged |= {
        name: value for name, value in change.items() if name not in {"properties", "location", "tags"} | read_only
    }
    merged["properties"] = _merge_properties(stored["properties"], change.get("properties", {}), contract)
    for name in clear:
        _clear(merged, name)
    return in_contract_order(merged, contract.root)


def in_contract_order(document: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """Return an object with its members in the contract's order, unknown ones last."""
    known = {name: document[name] for name in shape.members if name in document}
    return known | {name: value for name, value in document.items() if name not in known}


def _merge_properties(stored: Mapping[str, Any], change: Mapping[str, Any], contract: Contract) -> dict[str, Any]:
    members = contract.root.members["properties"].members
    merged = dict(stored)
    for name, value in change.items():
        known = members.get(name)
        if known is not None and known.read_only:
            continue
        if name in _MERGED and isinstance(value, dict) and isinstance(stored.get(name), dict):
            merged[name] = in_contract_order(stored[name] | value, members[name])
        elif name == "assets" and "package" not in change:
            merged[name] = _merge_assets(stored.get(name, {}), value, members[name])
        else:
            merged[name] = value
    return in_contract_order(merged, contract.root.members["properties"])


def _merge_assets(stored: Mapping[str, Any], change: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    merged = dict(stored)
    for asset_id, asset in change.items():
        present = stored.get(asset_id)
        if isinstance(present, dict) and isinstance(asset, dict):
            merged[asset_id] = (
                in_contract_order(present | asset, shape.item) if shape.item is not None else present | asset
            )
        else:
            merged[asset_id] = asset
    return merged


def _clear(document: dict[str, Any], name: str) -> None:
    found = next((known for known in CLEARABLE if known.casefold() == name.casefold()), None)
    if found is None:
        hint = f"These can be cleared: {', '.join(CLEARABLE)}."
        raise WrongUsage(f"{name!r} cannot be cleared.", target="Clear", hint=hint)
    if found == "tags":
        document.pop("tags", None)
    else:
        document["properties"] = {key: value for key, value in document["properties"].items() if key != found}


def _refuse_fixed_members(stored: Mapping[str, Any], change: Mapping[str, Any]) -> None:
    for member in _IDENTITY:
        given, present = change.get(member), stored.get(member)
        if isinstance(given, str) and isinstance(present, str) and fold(given) != fold(present):
            message = f"The change is for {given!r}, but this is {present!r}."
            hint = "Remove the identity from the file, or export it: an exported file fits any service."
            raise Conflict(message, detail="CannotChangeIdentity", at=member, hint=hint)
    given, present = change.get("location"), stored.get("location")
    if isinstance(given, str) and isinstance(present, str) and not same_location(given, present):
        raise Conflict(
            f"The location is {present!r} and cannot be changed to {given!r}.",
            detail="InvalidResourceLocation",
            at="$.location",
            target="location",
            hint="Create a new service there instead.",
        )
    before, after = stored["properties"], change.get("properties", {})
    refuse_another_plan(before, after)
    account, new_account = _text(before, "storageAccount", "name"), _text(after, "storageAccount", "name")
    if account is not None and new_account is not None and fold(account) != fold(new_account):
        message = f"The storage account is {account!r} and cannot be changed to {new_account!r}."
        raise BadRequest(
            "The request is invalid.",
            target="storageAccount",
            details=[Detail("CannotChangeStorageAccount", message, "$.properties.storageAccount.name")],
            hint="Change only the trained model's locationInfo.uri to the new blob; leave storageAccount unchanged.",
        )


def refuse_another_plan(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse properties that name another commitment plan than the current ones.

    Raises:
        Conflict: `CannotChangeCommitmentPlan`.
    """
    plan, new_plan = _text(before, "commitmentPlan", "id"), _text(after, "commitmentPlan", "id")
    if plan is not None and new_plan is not None and fold(plan) != fold(new_plan):
        raise Conflict(
            f"The commitment plan is {plan!r}; it is fixed at creation and cannot be changed to {new_plan!r}.",
            detail="CannotChangeCommitmentPlan",
            at="$.properties.commitmentPlan.id",
            target="commitmentPlan",
            hint="To charge another plan: mlmgmt Move-AzMlCommitmentAssociation",
        )


def _text(properties: Mapping[str, Any], member: str, below: str) -> str | None:
    inner = properties.get(member)
    found = inner.get(below) if isinstance(inner, dict) else None
    return found if isinstance(found, str) else None
