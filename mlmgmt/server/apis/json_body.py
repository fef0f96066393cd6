"""Read the members of a JSON request body: names in any letter case, values checked for their type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from mlmgmt.server.http.call import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.errors import BadRequest

_T = TypeVar("_T")


def member(body: Mapping[str, Any], name: str) -> Any:
    """Return a member; None when it is absent or null."""
    if name in body:
        return body[name]
    return next((value for key, value in body.items() if key.casefold() == name.casefold()), None)


def text(body: Mapping[str, Any], name: str) -> str | None:
    """Return a member that must be a string; None when it is absent or null.

    Raises:
        BadRequest: `InvalidRequestContent`.
    """
    return _typed(body, name, str, "a string")


def required(body: Mapping[str, Any], name: str, code: str = "InvalidRequestContent") -> str:
    """Return a member that must be a string and not blank.

    Raises:
        BadRequest: `code`; `InvalidRequestContent`: it is not a string.
    """
    found = text(body, name)
    if found is None or not found.strip():
        raise invalid(f"The request content must have the member {name!r}, which is missing or blank.", code, name)
    return found


def integer(body: Mapping[str, Any], name: str) -> int | None:
    """Return a member that must be a whole number; see `text`."""
    # In Python True is an int.
    if isinstance(member(body, name), bool):
        raise _wrong_type(name, "a whole number")
    return _typed(body, name, int, "a whole number")


def boolean(body: Mapping[str, Any], name: str, *, spelled: bool = False) -> bool | None:
    """Return a member that must be true or false; see `text`.

    Args:
        spelled: the strings "true" and "false" are accepted as well, in any letter case.
    """
    value = member(body, name)
    if spelled and isinstance(value, str) and value.casefold() in ("true", "false"):
        return value.casefold() == "true"
    return _typed(body, name, bool, "true or false")


def mapping(body: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return a member that must be an object; see `text`."""
    return _typed(body, name, dict, "an object")


def _typed(body: Mapping[str, Any], name: str, kind: type[_T], what: str) -> _T | None:
    value = member(body, name)
    if value is None or isinstance(value, kind):
        return value
    raise _wrong_type(name, what)


def _wrong_type(name: str, what: str) -> BadRequest:
    return invalid(f"The member {name!r} of the request content must be {what}.", "InvalidRequestContent", name)
