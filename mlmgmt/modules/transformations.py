"""Transformations as files keep them: the name of the module that learnt it, and what it learnt as plain values.

A file names no class or path of this program, so a class can move without making earlier files unreadable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.modules.base import Transform
    from mlmgmt.modules.cleaning import CleaningTransformation
    from mlmgmt.modules.scaling import NormalizingTransformation

    Class = type[CleaningTransformation | NormalizingTransformation]


# Both tables import inside: opening a learner must not load what only transformations need.
def _classes() -> Mapping[str, Class]:
    """The classes by the names that files have for them; a name that was released never changes its meaning."""
    from mlmgmt.modules.cleaning import CleaningTransformation
    from mlmgmt.modules.scaling import NormalizingTransformation

    return {"Clean Missing Data": CleaningTransformation, "Normalize Data": NormalizingTransformation}


def classes_of_0_1_0() -> Mapping[tuple[str, str], type[Any]]:
    """The classes by the module paths that files of version 0.1.0 have: it pickled a transformation as it was.

    The keys stay when a class moves. A pickle of a slotted dataclass lists its fields without names, so the first
    fields of these classes keep their order.
    """
    from mlmgmt.modules.cleaning import CleaningTransformation, LowRank
    from mlmgmt.modules.scaling import NormalizingTransformation

    return {
        ("mlmgmt.modules.cleaning", "CleaningTransformation"): CleaningTransformation,
        ("mlmgmt.modules.cleaning", "LowRank"): LowRank,
        ("mlmgmt.modules.scaling", "NormalizingTransformation"): NormalizingTransformation,
    }


def content_of(transformation: Transform) -> dict[str, Any]:
    """Return what a file keeps of a transformation; `from_content` reads it."""
    module = next(name for name, known in _classes().items() if isinstance(transformation, known))
    return {"module": module, "state": transformation.state()}


def from_content(content: Mapping[str, Any]) -> Transform:
    """Return the transformation that a file keeps.

    Raises:
        KeyError: no transformation has this name.
        TypeError: the state has a part that this version does not know; without it the answers would be others.
    """
    return _classes()[content["module"]].of(content["state"])
