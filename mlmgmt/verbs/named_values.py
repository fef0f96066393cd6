"""Values that are given on the command line as NAME=VALUE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmgmt.errors import BadRequest, Detail

if TYPE_CHECKING:
    from collections.abc import Sequence


def named_values(texts: Sequence[str], target: str = "Parameters") -> dict[str, str]:
    """Values given as `NAME=VALUE`; `target` is the parameter that gives them.

    Raises:
        BadRequest: `BadParameterValue`: one is not of that form; `UserParameterInvalid`: one is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = (part.strip() if place == 0 else part for place, part in enumerate(text.partition("=")))
        if not sign:
            message = f"{text!r} is no NAME=VALUE."
            hint = "A value with a comma in it is given in a job document: mlmgmt batch submit -JobFile"
            raise BadRequest(message, target=target, details=[Detail("BadParameterValue", message)], hint=hint)
        if name in found:
            message = f"-{target} gives {name!r} twice."
            raise BadRequest(message, target=target, details=[Detail("UserParameterInvalid", message)])
        found[name] = value
    return found
