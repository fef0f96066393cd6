"""Graphs: what is refused before anything runs, what is reported, and what web service parameters set."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from mlmgmt.errors import BadRequest, MlmgmtError
from mlmgmt.learning import runner
from mlmgmt.learning.plan import GraphPlan
from mlmgmt.modules import catalogue
from mlmgmt.modules.base import Dataset, ModuleFailure
from tests.learning.graphs import definition
from tests.learning.making import ALL, names, selection

ROWS = Dataset(pd.DataFrame({"age": [30, 40, 50, 60], "city": ["Oslo", "Rome", "Oslo", "Rome"]}))
EVERY = {"Select Columns": selection(ALL)}
HALF = {"Fraction of rows in the first output dataset": 0.5, "Randomized split": "False"}


def split(**more: Any) -> dict[str, Any]:
    """A graph whose output is the first half of its input."""
    return definition(
        {"in": "input:input1", "split": ("Split Data", HALF), "out": "output:output1"},
        ["in > split.Dataset", "split.Results dataset1 > out"],
        inputs={"input1": {"age": "Integer", "city": "String"}},
        **more,
    )


def linked(key: str, default: Any = None, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """The graph of `split` with a web service parameter `share`."""
    document = split(parameters={} if default is None else {"Share": {"value": default}})
    document["properties"]["package"]["graphParameters"] = {
        "share": {"links": [{"nodeId": "split", "parameterKey": key}]}
    }
    if parameters is not None:
        document["properties"]["package"]["nodes"]["split"]["parameters"] = parameters
    return document


def run(document: dict[str, Any], **options: Any) -> runner.Run:
    return runner.run(GraphPlan(document), {"input1": ROWS}, read={}.__getitem__, **options)


def count(document: dict[str, Any], **parameters: Any) -> int:
    return len(run(document, parameters=parameters).outputs["output1"].frame)


KEY = "Fraction of rows in the first output dataset"
HTTP = {"Please Specify Data Source": "Http", "URL": "http://x/y.csv"}
BARE = {"Randomized split": {"value": "False"}}


def test_a_web_service_parameter_comes_from_the_call_or_the_default_or_the_node() -> None:
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


def test_a_link_by_label_finds_the_value_that_the_node_has_by_key() -> None:
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
    assert run(document).outputs["output1"].estimator["learner"].n_iter_ == 3
    assert run(document, parameters={"trees": "5"}).outputs["output1"].estimator["learner"].n_iter_ == 5


@pytest.mark.parametrize("port", ["Dataset", "dataset", ""])
@pytest.mark.parametrize("first", ["input", "data"])
def test_the_rows_of_a_request_replace_the_data_on_the_same_port_in_any_spelling(port: str, first: str) -> None:
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
    assert list(run(document).outputs["output1"].frame["age"]) == [30, 40, 50, 60]


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
        GraphPlan(document)
    assert code in refused.value.codes()


def test_every_unsupported_module_is_named_even_if_its_name_is_that_of_a_known_one() -> None:
    document = split()
    nodes, assets = document["properties"]["package"]["nodes"], document["properties"]["assets"]
    for place, name in enumerate(("Execute R Script", "Select Columns in Dataset")):
        uri = f"aml://module/506153734175476c4f62416c57734963.{place:032x}.v1-default-1"
        assets[name] = {"name": name, "type": "Module", "locationInfo": {"uri": uri}}
        nodes[name] = {"assetId": name}
    with pytest.raises(catalogue.ModuleNotSupported) as refused:
        GraphPlan(document, everything=True)
    assert "Execute R Script" in refused.value.message
    assert "Select Columns in Dataset" in refused.value.message
    GraphPlan(document)  # the modules that the outputs need are supported


def test_an_error_names_node_module_and_column_and_has_the_documented_number() -> None:
    document = definition(
        {
            "in": "input:input1",
            "pick": ("Select Columns in Dataset", {"Select Columns": selection(names("salary"))}),
            "out": "output:output1",
        },
        ["in > pick.Dataset", "pick.Results dataset > out"],
    )
    with pytest.raises(ModuleFailure) as failed:
        run(document)
    assert failed.value.number == "0001"
    assert failed.value.target == "pick (Select Columns in Dataset)"
    assert "'salary'" in failed.value.message
    assert "Select Columns" in failed.value.message


def test_a_refusal_from_outside_the_graph_names_the_node() -> None:
    class Closed:
        def parts(self, address: str) -> list[str]:
            return [address]

        def read(self, address: str) -> bytes:
            raise BadRequest(f"{address} is closed.", target=address)

    document = definition(
        {"data": ("Import Data", HTTP), "out": "output:output1"},
        ["data.Results dataset > out"],
    )
    with pytest.raises(MlmgmtError) as refused:
        runner.run(GraphPlan(document), {}, read={}.__getitem__, outside=Closed())  # type: ignore[arg-type]
    assert refused.value.target == "data (Import Data)"
    assert "http://x/y.csv is closed" in refused.value.message


def test_each_node_is_announced_in_order_and_reports_its_rows() -> None:
    told: list[str] = []
    reports: list[runner.NodeReport] = []
    done = run(split(), tell=told.append, report=reports.append)
    assert told == ["Split Data"]
    assert reports == done.reports
    assert reports[0].node == "split"
    assert reports[0].seconds >= 0
    shape = {"Rows": 2, "Columns": 2}
    assert reports[0].as_json()["Outputs"] == {"Results dataset1": shape, "Results dataset2": shape}


def test_a_parameter_without_effect_gets_a_note() -> None:
    document = split()
    parameters = document["properties"]["package"]["nodes"]["split"]["parameters"]
    parameters["Regular expression"] = {"value": '\\"city" ^O'}
    (note,) = GraphPlan(document).notes()
    assert "'Regular expression' is ignored" in note
    del parameters["Regular expression"]
    assert GraphPlan(document).notes() == []
