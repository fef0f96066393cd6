"""Values given on the command line as NAME=VALUE, or in a JSON file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmgmt.definition import document
from mlmgmt.errors import BadRequest
from mlmgmt.verbs import userfiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def named_values(texts: Sequence[str], target: str = "Parameters") -> dict[str, str]:
    """Return the values of `NAME=VALUE` texts, and of JSON files, each an object of names and values.

    Args:
        target: the parameter that the texts come from.

    Raises:
        BadRequest: `BadParameterValue`: a text is neither, or a file has other content; `UserParameterInvalid`: a name
            is given twice.
        NotFound: `FileNotFound`.
    """
    found: dict[str, str] = {}
    for text in texts:
        for name, value in _pairs(text, target):
            if name in found:
                raise BadRequest(f"-{target} gives {name!r} twice.", detail="UserParameterInvalid", target=target)
            found[name] = value
    return found


def _pairs(text: str, target: str) -> Iterator[tuple[str, str]]:
    name, sign, value = text.partition("=")
    if sign:
        # A value keeps its blanks, a name does not.
        yield name.strip(), value
    elif text.casefold().endswith(".json"):
        yield from _in_file(text, target)
    else:
        message = f"{text!r} must be written as NAME=VALUE, or name a JSON file."
        hint = "Put a value that contains a comma into a JSON file: an object of names and values."
        raise BadRequest(message, detail="BadParameterValue", target=target, hint=hint)


def _in_file(path: str, target: str) -> Iterator[tuple[str, str]]:
    try:
        content = document.parse(userfiles.read(path).data)
    except document.Unreadable as error:
        message = f"{path} cannot be read: {error.message}"
        raise BadRequest(message, detail="BadParameterValue", target=target) from None
    if not isinstance(content, dict):
        raise BadRequest(f"{path} must be an object of names and values.", detail="BadParameterValue", target=target)
    for name, value in content.items():
        if isinstance(value, (dict, list)):
            message = f"{path}: the value of {name!r} must be a text, a number, true or false."
            raise BadRequest(message, detail="BadParameterValue", target=target)
        if value is not None:
            yield name, value if isinstance(value, str) else str(value)
