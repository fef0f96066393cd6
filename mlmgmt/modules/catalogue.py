"""The catalogue: every module that runs here, found by the GUID in an asset's uri, or by name."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail
from mlmgmt.modules import (
    classification,
    cleaning,
    clustering,
    data_input_output,
    forests,
    manipulation,
    networks,
    python_language,
    regression,
    sample_and_split,
    scaling,
    sql,
    text_analytics,
    train_score,
    tuning,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlmgmt.modules.base import Module

FAMILIES = (
    data_input_output,
    manipulation,
    cleaning,
    sql,
    sample_and_split,
    scaling,
    text_analytics,
    python_language,
    train_score,
    tuning,
    classification,
    regression,
    forests,
    networks,
    clustering,
)
_URI = re.compile(r"aml://module/[0-9a-f]{32}\.(?P<guid>[0-9a-f]{32})(?:\..*)?", re.IGNORECASE)


class ModuleNotSupported(BadRequest):
    """The catalogue does not run this module."""

    code = "ModuleNotSupported"


def modules() -> Iterable[Module]:
    """Every module, family by family."""
    for family in FAMILIES:
        yield from family.MODULES


@cache
def _index() -> Mapping[str, Module]:
    index: dict[str, Module] = {}
    for module in modules():
        for key in (module.guid, module.name, *module.former_names):
            index[key.casefold()] = module
    return index


def by_name(name: str) -> Module:
    """The module of a name, or of a former name, in any letter case.

    Raises:
        ModuleNotSupported: the catalogue has no such module.
    """
    found = _index().get(name.strip().casefold())
    if found is None:
        message = f"The catalogue has no module {name!r}."
        near = get_close_matches(name.casefold(), _index(), n=3, cutoff=0.5)
        hint = f"Perhaps: {', '.join(sorted({_index()[key].name for key in near}))}." if near else None
        raise ModuleNotSupported(message, target=name, details=[Detail("ModuleNotSupported", message)], hint=hint)
    return found


def find(asset: Mapping[str, Any]) -> Module:
    """The module that an asset stands for: by the GUID in its uri, whatever the batch, else by the asset's name.

    Raises:
        ModuleNotSupported: the catalogue has no such module; the message names it.
    """
    uri = asset["locationInfo"]["uri"]
    found = _URI.fullmatch(uri.strip())
    keys = [found["guid"]] if found else []
    name = str(asset.get("name", ""))
    for key in (*keys, name):
        if (module := _index().get(key.casefold())) is not None:
            return module
    message = f"The module {name!r} ({uri}) is not one that runs here."
    hint = "The definition can still be managed, edited and diffed; only running it needs the module."
    raise ModuleNotSupported(message, target=name, details=[Detail("ModuleNotSupported", message, uri)], hint=hint)
