"""Singular and plural agree, wherever a sentence counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlmgmt.counts import count_of
from mlmgmt.errors import MlmgmtError
from mlmgmt.learning import tables
from mlmgmt.modules import features, text_formats
from mlmgmt.modules.failures import ModuleFailure
from mlmgmt.server.storage import versions

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1200, "1,200 rows")])
def test_a_count_agrees_with_its_noun(number: int, text: str) -> None:
    assert count_of(number, "row") == text


def _refuse_missing(column: list[float]) -> None:
    features.refuse_missing([np.array(column)], (features.Feature("age", "Double"),), "PCA")


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda: tables.read_csv(b"a,b\n1\n", "t.csv"), "the line has 1 cell,"),
        (lambda: text_formats.read_delimited(b"a,b\n1\n", ",", True), "has 1 cell,"),
        (lambda: text_formats.read_arff(b"@attribute a numeric\n@data\n1,2\n"), "2 cells for 1 attribute."),
        (lambda: versions.requested_range({"range": "bytes=5-"}, 1), "which has 1 byte."),
        (lambda: _refuse_missing([np.nan]), "missing in 1 of 1 row."),
        (lambda: _refuse_missing([np.nan, 1.0]), "missing in 1 of 2 rows."),
    ],
)
def test_a_message_about_one_thing_is_in_the_singular(act: Callable[[], object], text: str) -> None:
    with pytest.raises((MlmgmtError, ModuleFailure)) as refused:
        act()
    assert text in refused.value.message
