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
    combining,
    data_input_output,
    forests,
    linear,
    manipulation,
    networks,
    ngrams,
    python_language,
    regression,
    sample_and_split,
    scaling,
    sql,
    text_analytics,
    train_score,
    tuning,
)
from mlmgmt.modules.palette import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlmgmt.modules.base import Module
    from mlmgmt.modules.palette import Absent

FAMILIES = (
    data_input_output,
    manipulation,
    combining,
    cleaning,
    sql,
    sample_and_split,
    scaling,
    text_analytics,
    ngrams,
    python_language,
    train_score,
    tuning,
    classification,
    regression,
    linear,
    forests,
    networks,
    clustering,
)
_URI = re.compile(r"aml://module/[0-9a-f]{32}\.(?P<guid>[0-9a-f]{32})(?:\..*)?", re.IGNORECASE)


_HINT = "The definition can still be managed, edited and diffed. For the modules that run here: mlmgmt modules"


class ModuleNotSupported(BadRequest):
    """The catalogue does not run this module."""

    code = "ModuleNotSupported"


def modules() -> Iterable[Module]:
    """Yield every module, family by family."""
    for family in FAMILIES:
        yield from family.MODULES


@cache
def _index() -> Mapping[str, Module]:
    index: dict[str, Module] = {}
    for module in modules():
        for key in (module.guid, module.name, *module.former_names):
            index[key.casefold()] = module
    return index


@cache
def _absent() -> Mapping[str, Absent]:
    return {absent.name.casefold(): absent for absent in ABSENT.values()}


def by_name(name: str) -> Module:
    """Return the module with a name or former name, in any letter case.

    Raises:
        ModuleNotSupported: the catalogue has no such module.
    """
    found = _index().get(name.strip().casefold())
    if found is None:
        absent = _absent().get(name.strip().casefold())
        message = f"The catalogue has no module {name!r}."
        if absent is not None:
            message = f"The module {absent.name!r} cannot run here. {absent.reason}"
        near = get_close_matches(name.casefold(), _index(), n=3, cutoff=0.5)
        hint = f"Did you mean: {', '.join(sorted({_index()[key].name for key in near}))}?" if near else None
        raise ModuleNotSupported(message, target=name, details=[Detail("ModuleNotSupported", message)], hint=hint)
    return found


def module_of(asset: Mapping[str, Any]) -> Module | None:
    """Return the module that an asset names, or None.

    The GUID in the asset's uri decides, whatever the batch before it. The asset's name counts only where the uri has no
    GUID: another GUID is another module, even under the same name.
    """
    found = _URI.fullmatch(str(asset["locationInfo"]["uri"]).strip())
    return _index().get((found["guid"] if found else str(asset.get("name", ""))).casefold())


def find(asset: Mapping[str, Any]) -> Module:
    """Return the module that an asset names.

    Raises:
        ModuleNotSupported: the catalogue has no such module; the message names it.
    """
    module = module_of(asset)
    if module is not None:
        return module
    uri = str(asset["locationInfo"]["uri"])
    guid = _URI.fullmatch(uri.strip())
    known = ABSENT.get(guid["guid"].casefold()) if guid else _absent().get(str(asset.get("name", "")).casefold())
    name = known.name if known is not None else str(asset.get("name", ""))
    if known is not None:
        message = f"The module {name!r} cannot run here. {known.reason}"
    elif guid:
        message = f"The module {name!r} ({uri}) cannot run here: no module of Studio's palette is known by that id."
    else:
        message = f"The module {name!r} ({uri}) cannot run here: it is a custom module, and packages of R do not run."
    raise ModuleNotSupported(message, target=name, details=[Detail("ModuleNotSupported", message, uri)], hint=_HINT)


def merge_refusals(refusals: Sequence[ModuleNotSupported]) -> ModuleNotSupported:
    """Return one refusal that names the modules of all of them."""
    details = list(dict.fromkeys(detail for refusal in refusals for detail in refusal.details))
    if len(details) == 1:
        return refusals[0]
    names = ", ".join(dict.fromkeys(repr(refusal.target) for refusal in refusals))
    return ModuleNotSupported(f"The modules {names} cannot run here.", details=details, hint=_HINT)
