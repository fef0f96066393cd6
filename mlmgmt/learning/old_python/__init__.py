"""What scripts written for an old Anaconda rely on: Python 2, and the pandas, NumPy and scikit-learn of 2014 to 2016.

`translation` makes Python 3 of their text, which needs `running`: the builtins of `python2`, the text of `texts`, and
the files of `paths`. `libraries` restores what was removed or answers differently in the standard library (with
`patterns`), NumPy and scikit-learn (`learners`), and `tables` in pandas (`making`, `selection`, `groups`, `times`).
`checking` names what cannot be restored, and with `notes` what may differ. They work in the process of one script, and
change nothing elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_VERSION = re.compile(r"Anaconda\s+(?P<anaconda>\d+)[\d.]*/Python (?P<python>\d+)(?:\.\d+)*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OldPython:
    """The Python that a script was written for.

    Args:
        anaconda: 2 had pandas 0.14, 4 had pandas 0.18.
        python: 2 or 3.
    """

    anaconda: int
    python: int


def named(version: str | None) -> OldPython | None:
    """Return the old Python that a `Python Version` names, such as `Anaconda 4.0/Python 3.5`; None for others."""
    found = _VERSION.fullmatch((version or "").strip())
    return OldPython(int(found["anaconda"]), int(found["python"])) if found else None
