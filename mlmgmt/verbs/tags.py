"""Tags: names and texts that a user gives a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail

if TYPE_CHECKING:
    from collections.abc import Mapping


def checked(tags: Mapping[str, Any]) -> dict[str, str | None]:
    """Return tags whose values are texts; a null stays a null.

    Raises:
        BadRequest: `InvalidTags`.
    """
    for name, value in tags.items():
        if not isinstance(value, str | None):
            message = f"The tag {name[:40]!r} is no text; the value of a tag is."
            raise BadRequest(message, target="tags", details=[Detail("InvalidTags", message, f"$.tags.{name[:40]}")])
    return dict(tags)
