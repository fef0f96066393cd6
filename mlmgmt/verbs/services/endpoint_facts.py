"""The settings of an endpoint besides its definition: its concurrent calls, and whether it may be updated.

They are stored in its document, under `MEMBER`, so that they have a history and can be rolled back like the rest.
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
"""Concurrent calls: of the level Low, the default of High, and the maximum of High."""
MOST_ENDPOINTS = 10_000
LONGEST_NAME = 24


def facts(
    level: str | None = None, calls: int | None = None, prevent_update: bool | None = None, *, before: Any = None
) -> dict[str, Any]:
    """Return the settings of a new endpoint, or current settings with some of them replaced.

    Args:
        level: `Low` or `High`, in any letter case.
        calls: 1 to 200, for the level `High`; `Low` always has 4.
        before: the current settings.

    Raises:
        BadRequest: `BadParameterValue`; `WebServiceTooManyConcurrentRequestRequirement`.
    """
    current: Mapping[str, Any] = before if isinstance(before, dict) else {}
    chosen = level if level is not None else str(current.get("throttleLevel") or LOW)
    known = {name.casefold(): name for name in LEVELS}
    if chosen.casefold() not in known:
        raise BadArgument(
            "BadParameterValue", f"The throttle level must be High or Low, not {chosen[:40]!r}.", "ThrottleLevel"
        )
    chosen = known[chosen.casefold()]
    if calls is not None and not 1 <= calls <= MOST_CALLS:
        code = "WebServiceTooManyConcurrentRequestRequirement" if calls > MOST_CALLS else "BadParameterValue"
        raise BadArgument(
            code, f"The number of concurrent calls must be 1 to {MOST_CALLS}, not {calls}.", "MaxConcurrentCalls"
        )
    if chosen == LOW:
        count = CALLS_OF_LOW
    elif calls is not None:
        count = calls
    else:
        stays = current.get("throttleLevel") == HIGH
        count = int(current["maxConcurrentCalls"]) if stays else CALLS_OF_HIGH
    prevents = bool(current.get("preventUpdate")) if prevent_update is None else prevent_update
    return {"throttleLevel": chosen, "maxConcurrentCalls": count, "preventUpdate": prevents}


def prevents_update(document: Mapping[str, Any]) -> bool:
    """Whether an endpoint must be neither patched nor refreshed."""
    return bool((document.get(MEMBER) or {}).get("preventUpdate"))


def is_valid_name(name: str) -> bool:
    """Whether a name is valid for an endpoint: 1 to 24 lower-case letters and digits."""
    return name.isascii() and name.isalnum() and name == name.lower() and len(name) <= LONGEST_NAME


def check_name(name: str) -> str:
    """Return `name` if it is valid for an endpoint.

    Raises:
        BadRequest: `InvalidEndpointName`.
    """
    if not is_valid_name(name):
        message = f"{name[:40]!r} is not a valid endpoint name."
        hint = f"Use 1 to {LONGEST_NAME} lower-case letters and digits."
        raise BadArgument("InvalidEndpointName", message, "EndpointName", hint)
    return name
