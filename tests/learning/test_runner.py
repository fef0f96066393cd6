"""Graphs: what is refused before anything runs, what is told, and what web service parameters set."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from mlmgmt.errors import BadRequest, MlmgmtError
from mlmgmt.learning import runner
from mlmgmt.learning.plan import Plan
from mlmgmt.modules import catalogue
from mlmgmt.modules.base import Dataset, ModuleFailure
from tests.learning.graphs import definition
from tests.learning.making import ALL, names, selection

ROWS = Dataset(pd.DataFrame({"age": [30, 40, 50, 60], "city": ["Oslo", "Rome", "Oslo", "Rome"]}))
EVERY = {"Select Columns": selection(ALL)}
HALF = {"Fraction of rows in the first output dataset": 0.5, "Randomized split": "False"}


def split(**more: Any) -> dict[str, Any]:
    """Rows in, the first half out."""
    return definition(
        {"in": "input:input1", "split": ("Split Data", HALF), "out": "output:output1"},
        ["in > split.Dataset", "split.Results dataset1 > out"],
        inputs={"input1": {"age": "Integer", "city": "String"}},
        **more,
    )


def linked(key: str, default: Any = None, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """The same with a web service parameter `share`."""
    document = split(parameters={} if default is None else {"Share": {"value": default}})
    document["properties"]["package"]["graphParameters"] = {
        "share": {"links": [{"nodeId": "split", "parameterKey": key}]}
    }
    if parameters is not None:
        document["properties"]["package"]["nodes"]["split"]["parameters"] = parameters
    return document


def ran(document: dict[str, Any], **options: Any) -> runner.Run:
    return runner.run(Plan(document), {"input1": ROWS}, read={}.__getitem__, **options)


def count(document: dict[str, Any], **parameters: Any) -> int:
    return len(ran(document, parameters=parameters).outputs["output1"].frame)


KEY = "Fraction of rows in the first output dataset"
HTTP = {"Please Specify Data Source": "Http", "URL": "http://x/y.csv"}
BARE = {"Randomized split": {"value": "False"}}


def test_a_web_service_parameter_is_the_call_s_else_the_default_else_the_node_s_own() -> None:
    assert count(split()) == 2
    assert count(linked(KEY)) == 2
    assert count(linked(KEY, "0.25")) == 1
    assert count(linked(KEY, "0.25"), share="0.75") == 3
    assert count(linked(KEY, "0.25"), SHARE="0.75") == 3
    assert count(linked(KEY, "0.25"), share="") == 1
    assert count(linked(KEY.upper(), "0.25")) == 1
    assert count(linked(KEY, parameters=BARE), share="1") == 4
    with pytest.raises(BadRequest) as required:
        count(linked(KEY, parameters=BARE))
    assert required.value.codes()[-1] == "MissingRequiredGlobalParameters"
    assert required.value.target == "share"
    with pytest.raises(BadRequest, match="'colour'"):
        count(linked(KEY), colour="red")


def test_a_link_by_the_label_finds_the_value_that_the_node_has_by_its_key() -> None:
    document = definition(
        {
            "in": "input:input1",
            "learner": ("Two-Class Boosted Decision Tree", {"Total number of trees constructed": 3}),
            "train": ("Train Model", {"Label column": selection(names("city"))}),
            "out": "output:output1",
        },
        ["learner.Untrained model > train.Untrained model", "in > train.Dataset", "train.Trained model > out"],
        inputs={"input1": {"age": "Integer", "city": "String"}},
    )
    link = {"nodeId": "learner", "parameterKey": "Number of trees constructed"}
    document["properties"]["package"]["graphParameters"] = {"trees": {"links": [link]}}
    assert ran(document).outputs["output1"].estimator["learner"].n_iter_ == 3
    assert ran(document, parameters={"trees": "5"}).outputs["output1"].estimator["learner"].n_iter_ == 5


@pytest.mark.parametrize("port", ["Dataset", "dataset", ""])
@pytest.mark.parametrize("first", ["input", "data"])
def test_the_request_s_rows_win_over_the_data_on_the_same_port_however_it_is_spelled(port: str, first: str) -> None:
    given = f"in > select{'.' if port else ''}{port}"
    stands = "data.dataset > select.Dataset"
    document = definition(
        {
            "in": "input:input1",
            "data": ("Enter Data Manually", {"Data": "age\n1\n2\n"}),
            "select": ("Select Columns in Dataset", EVERY),
            "out": "output:output1",
        },
        [*((given, stands) if first == "input" else (stands, given)), "select.Results dataset > out"],
    )
    assert list(ran(document).outputs["output1"].frame["age"]) == [30, 40, 50, 60]


@pytest.mark.parametrize(
    ("edges", "code"),
    [
        (["in > select.Table", "select.Results dataset > out"], "PortNotFound"),
        (["in > select.Dataset", "select.Result > out"], "PortNotFound"),
        (["select.Results dataset > out"], "PortNotConnected"),
        (["in > train.Untrained model", "in > train.Dataset", "train.Trained model > out"], "PortTypeMismatch"),
        (["learner.Untrained model > select.Dataset", "select.Results dataset > out"], "PortTypeMismatch"),
        (["data > select.Dataset", "data.dataset > select.dataset", "select.Results dataset > out"], "PortTaken"),
    ],
)
def test_wrong_wiring_is_refused_before_anything_runs(edges: list[str], code: str) -> None:
    document = definition(
        {
            "in": "input:input1",
            "data": ("Enter Data Manually", {"Data": "age\n1\n"}),
            "select": ("Select Columns in Dataset", EVERY),
            "learner": "Two-Class Logistic Regression",
            "train": ("Train Model", {"Label column": selection(names("city"))}),
            "out": "output:output1",
        },
        edges,
    )
    with pytest.raises(BadRequest) as refused:
        Plan(document)
    assert code in refused.value.codes()


def test_every_module_that_does_not_run_here_is_named_and_a_known_name_makes_no_other_module_known() -> None:
    document = split()
    nodes, assets = document["properties"]["package"]["nodes"], document["properties"]["assets"]
    for place, name in enumerate(("Execute R Script", "Select Columns in Dataset")):
        uri = f"aml://module/506153734175476c4f62416c57734963.{place:032x}.v1-default-1"
        assets[name] = {"name": name, "type": "Module", "locationInfo": {"uri": uri}}
        nodes[name] = {"assetId": name}
    with pytest.raises(catalogue.ModuleNotSupported) as refused:
        Plan(document, everything=True)
    assert "Execute R Script" in refused.value.message
    assert "Select Columns in Dataset" in refused.value.message
    Plan(document)  # what the outputs need runs


def test_an_error_names_node_module_and_column_with_the_documented_number() -> None:
    document = definition(
        {
            "in": "input:input1",
            "pick": ("Select Columns in Dataset", {"Select Columns": selection(names("salary"))}),
            "out": "output:output1",
        },
        ["in > pick.Dataset", "pick.Results dataset > out"],
    )
    with pytest.raises(ModuleFailure) as failed:
        ran(document)
    assert failed.value.number == "0001"
    assert failed.value.target == "pick (Select Columns in Dataset)"
    assert "'salary'" in failed.value.message
    assert "Select Columns" in failed.value.message


def test_what_lies_outside_refuses_in_the_name_of_the_node() -> None:
    class Closed:
        def read(self, address: str) -> bytes:
            raise BadRequest(f"{address} is closed.", target=address)

    document = definition(
        {"data": ("Import Data", HTTP), "out": "output:output1"},
        ["data.Results dataset > out"],
    )
    with pytest.raises(MlmgmtError) as refused:
        runner.run(Plan(document), {}, read={}.__getitem__, outside=Closed())  # type: ignore[arg-type]
    assert refused.value.target == "data (Import Data)"
    assert "http://x/y.csv is closed" in refused.value.message


def test_each_node_reports_its_rows_and_is_told_of_in_order() -> None:
    told: list[str] = []
    reports: list[runner.NodeReport] = []
    done = ran(split(), tell=told.append, report=reports.append)
    assert told == ["Split Data"]
    assert reports == done.reports
    assert reports[0].node == "split"
    assert reports[0].seconds >= 0
    shape = {"Rows": 2, "Columns": 2}
    assert reports[0].as_json()["Outputs"] == {"Results dataset1": shape, "Results dataset2": shape}


def test_what_a_graph_asks_for_and_cannot_have_is_noted() -> None:
    document = split()
    parameters = document["properties"]["package"]["nodes"]["split"]["parameters"]
    parameters["Regular expression"] = {"value": '\\"city" ^O'}
    (note,) = Plan(document).notes()
    assert "'Regular expression' is ignored" in note
    del parameters["Regular expression"]
    assert Plan(document).notes() == []
