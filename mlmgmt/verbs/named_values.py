"""Values given on the command line as NAME=VALUE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmgmt.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Sequence


def named_values(texts: Sequence[str], target: str = "Parameters") -> dict[str, str]:
    """Return the values of `NAME=VALUE` texts; `target` is the parameter that they come from.

    Raises:
        BadRequest: `BadParameterValue`: a text has no "="; `UserParameterInvalid`: a name is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        # A value keeps its blanks, a name does not.
        name, sign, value = (part.strip() if place == 0 else part for place, part in enumerate(text.partition("=")))
        if not sign:
            message = f"{text!r} must be written as NAME=VALUE."
            hint = "Put a value that contains a comma into a job document: mlmgmt batch submit -JobFile"
            raise BadRequest(message, detail="BadParameterValue", target=target, hint=hint)
        if name in found:
            raise BadRequest(f"-{target} gives {name!r} twice.", detail="UserParameterInvalid", target=target)
        found[name] = value
    return found
