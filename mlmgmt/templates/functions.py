"""The table of functions, by name without letter case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmgmt.templates import (
    arrays,
    comparing,
    dates,
    encoding,
    formatting,
    ids,
    lambdas,
    logic,
    numbers,
    objects,
    strings,
    surroundings,
    unique,
)
from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.names import folded

if TYPE_CHECKING:
    from mlmgmt.templates.signatures import Function

_SUBJECTS = (
    arrays,
    comparing,
    dates,
    encoding,
    formatting,
    ids,
    lambdas,
    logic,
    numbers,
    objects,
    strings,
    surroundings,
    unique,
)
FUNCTIONS: dict[str, Function] = {
    folded(name): function for subject in _SUBJECTS for name, function in subject.FUNCTIONS.items()
}
_NOT_BUILT = {"parsecidr", "cidrsubnet", "cidrhost", "builduri", "parseuri", "tologicalzone", "tologicalzones"}
_NOT_BUILT |= {"tophysicalzone", "tophysicalzones"}
"""Functions of Resource Manager that are refused here."""


def find(name: str) -> Function:
    """Return a function by its name in any letter case; the functions that start with "list" are one.

    Raises:
        TemplateError: there is no such function, or it is not built here.
    """
    found = FUNCTIONS.get(folded(name))
    if found is not None:
        return found
    if folded(name) in _NOT_BUILT:
        raise TemplateError("this function of Resource Manager is not built here.")
    if folded(name).startswith("list") and "." not in name:
        return surroundings.LIST
    raise TemplateError("this function does not exist in templates.")


def is_known(name: str) -> bool:
    """Whether Resource Manager has a function of this name."""
    return folded(name) in FUNCTIONS or folded(name) in _NOT_BUILT or folded(name).startswith("list")
