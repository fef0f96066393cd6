"""Members of a request's body, read without regard to case and held to their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from mlmgmt.server.http.call import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.errors import BadRequest

_T = TypeVar("_T")


def member(body: Mapping[str, Any], name: str) -> Any:
    """A member; None when it is absent or null."""
    if name in body:
        return body[name]
    return next((value for key, value in body.items() if key.casefold() == name.casefold()), None)


def text(body: Mapping[str, Any], name: str) -> str | None:
    """A member that is text.

    Raises:
        BadRequest: `InvalidRequestContent`.
    """
    return _of(body, name, str, "text")


def required(body: Mapping[str, Any], name: str, code: str = "InvalidRequestContent") -> str:
    """A member that is text, and is there.

    Raises:
        BadRequest: `code`.
    """
    found = text(body, name)
    if found is None or not found.strip():
        raise invalid(f"The request content needs the member {name!r}.", code, name)
    return found


def whole(body: Mapping[str, Any], name: str) -> int | None:
    """A member that is a whole number; see `text`."""
    if isinstance(member(body, name), bool):
        raise _wrong(name, "a whole number")
    return _of(body, name, int, "a whole number")


def switch(body: Mapping[str, Any], name: str, *, spelled: bool = False) -> bool | None:
    """A member that is true or false; see `text`.

    Args:
        spelled: it may be a text that says so, in any letter case.
    """
    value = member(body, name)
    if spelled and isinstance(value, str) and value.casefold() in ("true", "false"):
        return value.casefold() == "true"
    return _of(body, name, bool, "true or false")


def table(body: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """A member that is an object; see `text`."""
    return _of(body, name, dict, "an object")


def _of(body: Mapping[str, Any], name: str, kind: type[_T], what: str) -> _T | None:
    value = member(body, name)
    if value is None or isinstance(value, kind):
        return value
    raise _wrong(name, what)


def _wrong(name: str, what: str) -> BadRequest:
    return invalid(f"The member {name!r} of the request content is {what}.", "InvalidRequestContent", name)
