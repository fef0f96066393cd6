"""Requests that old clients build by hand: what is read all the same, and what is refused, with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlmgmt.errors import BadRequest
from mlmgmt.learning import tables
from mlmgmt.verbs.scoring import request_response

DECLARED = {
    "properties": {
        "age": {"type": "Integer"},
        "größe": {"type": "Number"},
        "note": {"type": "String", "x-ms-isnullable": True},
    }
}
ROW = {"age": 1, "größe": 1.5, "note": "x"}


def frame(body: Any, needed: tuple[str, ...] = ("input1",)) -> tuple[dict[str, list[Any]], list[str]]:
    """The columns that a service reads from a request, and the notes about it."""
    cells, _ = request_response.parse(json.dumps(body, ensure_ascii=False).encode(), needed)
    dataset, notes = tables.to_dataset(cells[needed[0]], DECLARED)
    return {name: dataset.frame[name].tolist() for name in dataset.frame}, notes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"Inputs": {"input1": [{\'age\': 1}]}}', "single quotes (line 1, column 25)"),
        ('{"Inputs": {"input1": [{"age": 1}, ]}}', "comma before a closing bracket (line 1, column 34)"),
        ('{"Inputs":\n {"input1": [{"age": NaN}]}}', "NaN is not a JSON number (line 2, column 22)"),
        ('{"Inputs": {"input1": [{"age": -Infinity}]}}', "-Infinity is not a JSON number"),
        ('{"Inputs": {"input1": [{"age": None}]}}', "None is not spelled as in JSON"),
        ('{Inputs: {"input1": [{"age": 1}]}}', "A name has no quotes (line 1, column 2)"),
        ('{"Inputs": {"input1": [{"age": .5}]}}', "A number is not written as in JSON"),
        ('{"Inputs": {"input1": [{"age": 1}]}} // all', "There is a comment"),
        ('{"Inputs": {"input1": [{"note": "a\nb"}]}}', "line end or another control character"),
        ('{"Inputs": {"input1": [{"age": 1}]}', "unexpected end"),
    ],
)
def test_a_body_that_is_not_json_is_refused_with_what_it_is_and_where(text: str, words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        request_response.parse(text.encode(), ("input1",))
    (detail,) = refused.value.details
    assert (detail.code, words in detail.message) == ("RequestBodyInvalid", True), detail.message


@pytest.mark.parametrize(
    "body",
    [
        {"Inputs": {"input1": {"ColumnNames": list(ROW), "Values": [list(ROW.values())]}}},
        {"inputs": {"input1": {"columnnames": list(ROW), "VALUES": [list(ROW.values())]}}, "globalparameters": {}},
        {"INPUTS": {"Input1": [ROW]}, "GlobalParameters": {}},
    ],
)
def test_names_of_the_contract_are_read_in_any_letter_case(body: Any) -> None:
    assert frame(body)[0] == {"age": [1], "größe": [1.5], "note": ["x"]}


@pytest.mark.parametrize("cell", [{}, [], {"a": 1}, [1], [["x"]]])
@pytest.mark.parametrize("column", ["age", "note"])
def test_an_object_or_a_list_in_a_cell_is_refused(cell: Any, column: str) -> None:
    rows = [ROW, ROW | {column: cell}]
    table = {"ColumnNames": list(ROW), "Values": [list(row.values()) for row in rows]}
    for given in (rows, table):
        with pytest.raises(BadRequest, match=rf"Row 2 of the input 'input1' has an? \w+ in the column '{column}'"):
            frame({"Inputs": {"input1": given}})


def test_brackets_in_a_text_are_no_list() -> None:
    assert frame({"Inputs": {"input1": [ROW | {"note": "[{{[["}]}})[0]["note"] == ["[{{[["]


def test_a_misspelt_member_of_any_row_is_named() -> None:
    misspelt = {"agee" if name == "age" else name: value for name, value in ROW.items()}
    with pytest.raises(BadRequest) as refused:
        frame({"Inputs": {"input1": [ROW, ROW, misspelt]}})
    assert refused.value.message == "input1 row 3 lacks the column 'age'."
    assert refused.value.hint == "The service does not read 'agee'."
    # A column that may be missing is read as missing, and the strange one is named.
    columns, notes = frame({"Inputs": {"input1": [ROW, {"age": 2, "größe": 2.0, "notte": "y"}]}})
    assert columns["age"] == [1, 2]
    assert any("'notte'" in note for note in notes)


@pytest.mark.parametrize("name", ["gro\u0308ße", "GRÖSSE", "Gro\u0308SSE", "größe"])
def test_column_names_match_whatever_their_unicode_form(name: str) -> None:
    row = {name if known == "größe" else known: value for known, value in ROW.items()}
    assert frame({"Inputs": {"input1": [row]}})[0]["größe"] == [1.5]
