"""What an endpoint has besides its definition: how many calls it takes at a time, and whether it may be updated.

They stand in its document under a member of their own, so that they have a history and a rollback as all else has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMBER = "endpoint"
LOW, HIGH = "Low", "High"
LEVELS = (HIGH, LOW)
TRACE_LEVELS = ("None", "Error", "All")
CALLS_OF_LOW, CALLS_OF_HIGH, MOST_CALLS = 4, 20, 200
"""Calls at a time: of the level Low, of High where nothing is given, and the most of High."""
MOST_ENDPOINTS = 10_000
LONGEST_NAME = 24


def facts(
    level: str | None = None, calls: int | None = None, prevent_update: bool | None = None, *, before: Any = None
) -> dict[str, Any]:
    """The facts of a new endpoint, or those that stand with what is given in their place.

    Args:
        level: `Low` or `High`, in any letter case.
        calls: of the level `High`, 1 to 200; `Low` has 4.
        before: the facts that stand.

    Raises:
        BadRequest: `BadParameterValue`; `WebServiceTooManyConcurrentRequestRequirement`.
    """
    standing: Mapping[str, Any] = before if isinstance(before, dict) else {}
    chosen = level if level is not None else str(standing.get("throttleLevel") or LOW)
    known = {name.casefold(): name for name in LEVELS}
    if chosen.casefold() not in known:
        raise BadArgument(
            "BadParameterValue", f"The throttle level is High or Low, not {chosen[:40]!r}.", "ThrottleLevel"
        )
    chosen = known[chosen.casefold()]
    if calls is not None and not 1 <= calls <= MOST_CALLS:
        code = "WebServiceTooManyConcurrentRequestRequirement" if calls > MOST_CALLS else "BadParameterValue"
        raise BadArgument(
            code, f"An endpoint takes 1 to {MOST_CALLS} calls at a time, not {calls}.", "MaxConcurrentCalls"
        )
    if chosen == LOW:
        count = CALLS_OF_LOW
    elif calls is not None:
        count = calls
    else:
        stays = standing.get("throttleLevel") == HIGH
        count = int(standing["maxConcurrentCalls"]) if stays else CALLS_OF_HIGH
    prevents = bool(standing.get("preventUpdate")) if prevent_update is None else prevent_update
    return {"throttleLevel": chosen, "maxConcurrentCalls": count, "preventUpdate": prevents}


def prevents_update(document: Mapping[str, Any]) -> bool:
    """Whether an endpoint's document says that it is neither patched nor refreshed."""
    return bool((document.get(MEMBER) or {}).get("preventUpdate"))


def may_name(name: str) -> bool:
    """Whether an endpoint may bear a name: 1 to 24 lower-case letters and digits."""
    return name.isascii() and name.isalnum() and name == name.lower() and len(name) <= LONGEST_NAME


def check_name(name: str) -> str:
    """Return `name` if an endpoint may bear it.

    Raises:
        BadRequest: `InvalidEndpointName`.
    """
    if not may_name(name):
        message = f"{name[:40]!r} cannot name an endpoint."
        hint = f"1 to {LONGEST_NAME} lower-case letters and digits."
        raise BadArgument("InvalidEndpointName", message, "EndpointName", hint)
    return name
