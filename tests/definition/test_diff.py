"""The sentences of diff, in the terms of the domain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonpatch
import pytest

from mlmgmt.definition import diff, document, reading
from tests.conftest import Command, small_definition

if TYPE_CHECKING:
    from mlmgmt.definition.schema import Contract


def differ(contract: Contract, **properties: Any) -> list[str]:
    """Return the differences between a definition without these properties and one with them."""
    before, _ = reading.canonical(small_definition(), contract)
    after, problems = reading.canonical(small_definition(**properties), contract)
    assert not [problem for problem in problems if problem.severity.value == "error"]
    return [change.text for change in diff.changes(before, after, contract)]


def test_settings(contract: Contract) -> None:
    assert differ(contract, title="Other") == ['title: "Small" → "Other"']
    assert differ(contract, description="New") == ['description added: "New"']
    assert differ(contract, realtimeConfiguration={"maxConcurrentCalls": 9}) == ["realtimeConfiguration added"]


def columns(kind: str, values: list[Any]) -> dict[str, Any]:
    port = {"type": "object", "properties": {"age": {"type": kind, "enum": values}, "city": {"type": "String"}}}
    return {"type": "object", "properties": {"input1": port}}


def test_a_column_s_type(contract: Contract) -> None:
    assert differ(contract, input=columns("Number", [1])) == [
        'input input1 column \'age\' type: "Integer" → "Number"',
        "input input1 column 'age' enum added",
    ]


@pytest.mark.parametrize(("old", "new"), [(1, True), (1, 1.0), (True, 1.0), (0, False), ("1", 1)])
def test_1_and_true_and_1_0_are_three_values(contract: Contract, old: Any, new: Any) -> None:
    before, _ = reading.canonical(small_definition(input=columns("Integer", [old])), contract)
    after, _ = reading.canonical(small_definition(input=columns("Integer", [new])), contract)
    (change,) = diff.changes(before, after, contract)
    assert (change.old, change.new) == (old, new)
    assert json.dumps(change.old) != json.dumps(change.new)


def test_the_order_of_columns_is_a_difference(contract: Contract) -> None:
    body = small_definition()
    ports = body["properties"]["input"]["properties"]["input1"]["properties"]
    before, _ = reading.canonical(json.loads(json.dumps(body)), contract)
    body["properties"]["input"]["properties"]["input1"]["properties"] = dict(reversed(list(ports.items())))
    after, _ = reading.canonical(body, contract)
    (change,) = diff.changes(before, after, contract)
    assert change.kind == "reordered"
    applied = jsonpatch.apply_patch(before, diff.json_patch(before, after, contract))
    assert document.write(applied) == document.write(after)


def test_nodes_and_edges(contract: Contract) -> None:
    body = small_definition()
    package = body["properties"]["package"]
    package["nodes"]["second"] = {"assetId": "asset1", "parameters": {"Select Columns": {"value": "age"}}}
    package["edges"][1] = {"sourceNodeId": "select", "targetNodeId": "second", "targetPortId": "Dataset"}
    package["edges"].append({"sourceNodeId": "second", "sourcePortId": "Results dataset", "targetNodeId": "out"})
    before, _ = reading.canonical(small_definition(), contract)
    after, _ = reading.canonical(body, contract)
    assert [change.text for change in diff.changes(before, after, contract)] == [
        "node second 'Select Columns in Dataset' added",
        "edge select 'Results dataset' → out removed",
        "edge select → second 'Dataset' added",
        "edge second 'Results dataset' → out added",
    ]


def test_diff_of_two_files_as_text_and_as_a_patch(mlmgmt: Command) -> None:
    Path("a.json").write_text(json.dumps(small_definition()))
    Path("b.json").write_text(json.dumps(small_definition(title="Other", exposeSampleData=True)))
    text = mlmgmt("diff a.json b.json -Format text")
    assert text.status == 1
    assert text.out.splitlines() == ['~ title: "Small" → "Other"', "+ exposeSampleData added: true"]
    patch = mlmgmt("diff a.json b.json -Format patch").json
    old = json.loads(mlmgmt("import -InputFile a.json", ok=True).out)
    new = mlmgmt("import -InputFile b.json", ok=True).out
    assert mlmgmt("import -JsonString " + "'" + json.dumps(jsonpatch.apply_patch(old, patch)) + "'", ok=True).out == new
    assert mlmgmt("diff a.json a.json", ok=True).json == []


def test_errors_exit_with_2(mlmgmt: Command) -> None:
    Path("a.json").write_text("{")
    assert mlmgmt("diff a.json a.json").status == 2
    assert mlmgmt("diff a.json").status == 2


def test_revisions(mlmgmt: Command, small: Path) -> None:
    mlmgmt("update -g retail -n small -Title Second -Force", ok=True)
    mlmgmt("update -g retail -n small -Title Third -Force", ok=True)
    assert mlmgmt("diff -g retail -n small --revision 1 -Format text").out == '~ title: "Small" → "Third"\n'
    assert mlmgmt("diff -g retail -n small -Format text").out == '~ title: "Second" → "Third"\n'
    assert mlmgmt("diff -g retail -n small --revision 9").status == 2


def test_secrets_are_compared_but_not_shown(mlmgmt: Command, small: Path) -> None:
    keys = mlmgmt("keys -g retail -n small", ok=True).json
    same = small_definition(keys={"primary": keys["Primary"], "secondary": keys["Secondary"]})
    Path("same.json").write_text(json.dumps(same))
    assert mlmgmt("diff -g retail -n small same.json", ok=True).json == []
    Path("other.json").write_text(json.dumps(small_definition(keys={"primary": "b3RoZXI="})))
    found = mlmgmt("diff -g retail -n small other.json")
    assert found.status == 1
    assert "primary" in found.json[0]["path"]
    assert keys["Primary"] not in found.out
    assert "b3RoZXI=" not in found.out
