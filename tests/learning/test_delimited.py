"""Delimited text: what is written can be read again."""

from __future__ import annotations

import pandas as pd
import pytest

from mlmgmt.modules import delimited


@pytest.mark.parametrize("cell", ["plain", 'a "b", c', "two\nlines", "one\rreturn", "a\ttab", "ß ∑"])
def test_a_cell_is_read_as_it_was_written(cell: str) -> None:
    rows = [["name", "size"], [cell, "1"], ["other", "2"]]
    assert list(delimited.reader(delimited.from_rows(rows).decode())) == rows
    frame = pd.DataFrame(rows[1:], columns=rows[0])
    for separator in (",", "\t"):
        assert list(delimited.reader(delimited.from_frame(frame, separator).decode(), separator)) == rows


def test_numbers_stay_without_quotation_marks() -> None:
    assert delimited.from_frame(pd.DataFrame({"text": ["a\rb"], "size": [1]})) == b'"text","size"\n"a\rb",1\n'
