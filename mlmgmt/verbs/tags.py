"""Tags: names and values that users attach to a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_tags(tags: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the tags if every value is a string or null.

    Raises:
        BadRequest: `InvalidTags`.
    """
    for name, value in tags.items():
        if not isinstance(value, str | None):
            message = f"The value of tag {name[:40]!r} must be a string."
            raise BadRequest(message, detail="InvalidTags", at=f"$.tags.{name[:40]}", target="tags")
    return dict(tags)
