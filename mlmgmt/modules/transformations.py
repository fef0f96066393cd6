"""How files store a transformation: the name of the module that learnt it, and what it learnt as plain values.

A file does not name a class or path of this program, so a class can move and older files can still be read.
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
    """Return the classes by their names in files; a name never changes its meaning after a release."""
    from mlmgmt.modules.cleaning import CleaningTransformation
    from mlmgmt.modules.scaling import NormalizingTransformation

    return {"Clean Missing Data": CleaningTransformation, "Normalize Data": NormalizingTransformation}


def classes_of_0_1_0() -> Mapping[tuple[str, str], type[Any]]:
    """Return the classes by their module paths in files of version 0.1.0, which pickled the transformation itself.

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
    """Return what a file stores of a transformation; `from_content` reads it."""
    module = next(name for name, known in _classes().items() if isinstance(transformation, known))
    return {"module": module, "state": transformation.state()}


def from_content(content: Mapping[str, Any]) -> Transform:
    """Return the transformation that a file stores.

    Raises:
        KeyError: no transformation has this name.
        TypeError: the state has a part that this version does not know; without it the results would differ.
    """
    return _classes()[content["module"]].of(content["state"])
