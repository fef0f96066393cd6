"""The web services that Set Up Web Service makes from a training graph, the graph builder, and declared tables."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlmgmt.definition.graph import problems
from mlmgmt.errors import BadRequest
from mlmgmt.learning import schemas, set_up
from mlmgmt.learning.graph_builder import Sketch
from mlmgmt.learning.plan import GraphPlan
from mlmgmt.modules.base import Dataset, Scored
from mlmgmt.modules.columns import selection_of
from tests.learning.graphs import definition

DATA = "https://here.blob.core.windows.net/data/rows.csv"
TRAIN = ("Train Model", {"Label column": selection_of("y")})
LEARNT = ["learner > train.Untrained model", "train.Trained model > score.Trained model"]
NODES = {
    "data": DATA,
    "clean": "Clean Missing Data",
    "scale": "Normalize Data",
    "split": "Split Data",
    "learner": "Linear Regression",
    "train": TRAIN,
    "score": "Score Model",
    "judge": "Evaluate Model",
}
EDGES = [
    *LEARNT,
    "data > clean",
    "clean.Cleaned dataset > scale",
    "scale.Transformed dataset > split",
    "split.Results dataset1 > train.Dataset",
    "split.Results dataset2 > score.Dataset",
    "score > judge.Scored dataset",
]


def wiring(sketch: Sketch) -> set[str]:
    """Return the edges of a graph, by the names of modules, resources and web service ports."""

    def called(node: str) -> str:
        body = sketch.nodes[node]
        return str(body.get("inputId") or body.get("outputId") or sketch.assets[body["assetId"]]["name"])

    return {
        f"{called(e['sourceNodeId'])}.{e.get('sourcePortId', '')} > "
        f"{called(e['targetNodeId'])}.{e.get('targetPortId', '')}"
        for e in sketch.edges
    }


def predictive(document: dict[str, Any]) -> tuple[Sketch, list[tuple[str, str]]]:
    """Return the predictive graph, and the ports whose values were saved for it."""
    saved: list[tuple[str, str]] = []

    def save(node: str, port: str) -> tuple[str, str]:
        saved.append((node, port))
        suffix = "itransform" if "ransformation" in port else "ilearner"
        return f"saved {node}", f"https://here.blob.core.windows.net/box/{node}.{suffix}"

    return set_up.predictive(document, save), saved


class TestRetraining:
    def test_the_input_joins_the_data_and_model_and_evaluation_are_outputs(self) -> None:
        document = definition(NODES, EDGES)
        before = deepcopy(document)
        sketch = set_up.retraining(document)
        assert document == before
        added = {
            "input1. > Clean Missing Data.",
            "Train Model.Trained model > output1.",
            "Evaluate Model.Evaluation results > output2.",
        }
        assert wiring(sketch) == wiring(Sketch(document)) | added

    def test_the_input_leads_to_every_port_that_the_data_feeds(self) -> None:
        edges = [*LEARNT, "data > train.Dataset", "data > score.Dataset"]
        nodes = {key: NODES[key] for key in ("data", "learner", "train", "score")}
        sketch = set_up.retraining(definition(nodes, edges))
        assert {"input1. > Train Model.Dataset", "input1. > Score Model.Dataset"} <= wiring(sketch)

    def test_a_separate_test_dataset_stays_in_the_graph(self) -> None:
        nodes = {key: NODES[key] for key in ("data", "learner", "train", "score")} | {"test": DATA.replace("rows", "t")}
        edges = [*LEARNT, "data > train.Dataset", "test > score.Dataset"]
        found = wiring(set_up.retraining(definition(nodes, edges)))
        assert "input1. > Score Model.Dataset" not in found
        assert "test. > Score Model.Dataset" in found

    def test_each_evaluation_is_an_output(self) -> None:
        sketch = set_up.retraining(
            definition({**NODES, "more": "Evaluate Model"}, [*EDGES, "score > more.Scored dataset"])
        )
        assert sorted(sketch.ports("outputId")) == ["output1", "output2", "output3"]

    def test_a_second_set_up_changes_nothing(self) -> None:
        once = set_up.retraining(definition(NODES, EDGES))
        twice = set_up.retraining(once.document)
        assert wiring(twice) == wiring(once)
        assert len(twice.edges) == len(once.edges)

    @pytest.mark.parametrize("drawn", ["retraining", "predictive"])
    def test_the_graph_is_valid_and_can_run(self, drawn: str) -> None:
        document = definition(NODES, EDGES)
        sketch = set_up.retraining(document) if drawn == "retraining" else predictive(document)[0]
        assert [found.message for found in problems(sketch.document) if found.severity.name == "ERROR"] == []
        assert GraphPlan(sketch.document).needs_inputs() == ["input1"]


class TestPredictive:
    def test_modules_that_learn_are_replaced_by_what_they_learnt(self) -> None:
        sketch, saved = predictive(definition(NODES, EDGES))
        assert sorted(saved) == [
            ("clean", "Cleaning transformation"),
            ("scale", "Transformation function"),
            ("train", "Trained model"),
        ]
        assert wiring(sketch) == {
            "data. > Apply Transformation.Dataset",
            "input1. > Apply Transformation.Dataset",
            "saved clean.Results dataset > Apply Transformation.Transformation",
            "saved scale.Results dataset > Apply Transformation.Transformation",
            "Apply Transformation.Transformed dataset > Apply Transformation.Dataset",
            "Apply Transformation.Transformed dataset > Score Model.Dataset",
            "saved train.Results dataset > Score Model.Trained model",
            "Score Model.Scored dataset > output1.",
        }

    def test_a_transformation_that_is_used_twice_is_saved_once(self) -> None:
        nodes = {**NODES, "again": "Apply Transformation"}
        edges = [edge for edge in EDGES if not edge.startswith("scale")]
        edges += [
            "clean.Cleaning transformation > again.Transformation",
            "scale.Transformed dataset > again.Dataset",
            "again > split",
        ]
        sketch, saved = predictive(definition(nodes, edges))
        assert saved.count(("clean", "Cleaning transformation")) == 1
        assert len(GraphPlan(sketch.document).nodes_of("Apply Transformation")) == 3

    def test_a_scorer_is_added_where_there_is_none(self) -> None:
        clusters = {
            "learner": "K-Means Clustering",
            "train": ("Train Clustering Model", {"Column Set": selection_of("x")}),
        }
        for learner, scorer in (
            ({"learner": "Linear Regression", "train": TRAIN}, "Score Model.Scored dataset > output1."),
            (clusters, "Assign Data to Clusters.Results dataset > output1."),
        ):
            sketch, _ = predictive(definition({"data": DATA, **learner}, [LEARNT[0], "data > train.Dataset"]))
            assert scorer in wiring(sketch)

    def test_all_split_data_in_a_row_are_bypassed(self) -> None:
        nodes = {**NODES, "first": "Split Data"}
        edges = [edge for edge in EDGES if edge != "data > clean"]
        edges += ["data > first", "first.Results dataset1 > clean"]
        sketch, _ = predictive(definition(nodes, edges))
        assert "data. > Apply Transformation.Dataset" in wiring(sketch)
        assert GraphPlan(sketch.document).nodes_of("Split Data") == []


def test_a_graph_with_no_or_two_trainers_is_refused_with_a_hint() -> None:
    nothing = definition({"data": DATA, "split": "Split Data"}, ["data > split"])
    twice = definition(
        {**NODES, "second": TRAIN},
        [*EDGES, "learner > second.Untrained model", "split.Results dataset2 > second.Dataset"],
    )
    for document, code in ((nothing, "NoTrainer"), (twice, "SeveralTrainers")):
        with pytest.raises(BadRequest) as refused:
            set_up.retraining(document)
        assert code in refused.value.codes()
        assert refused.value.hint


class TestSketch:
    def test_nodes_of_one_module_share_its_asset(self) -> None:
        sketch = Sketch()
        first, second = sketch.module("Split Data"), sketch.module("split data", {"Random seed": 7})
        assert first != second
        assert len(sketch.assets) == 1
        assert sketch.nodes[second]["parameters"] == {"Random seed": {"value": "7"}}

    def test_dropping_a_node_removes_its_edges_and_unused_assets(self) -> None:
        sketch = Sketch(definition(NODES, EDGES))
        sketch.drop(["data", "judge"])
        assert {"asset-data", "asset-judge"}.isdisjoint(sketch.assets)
        assert all("data" not in edge.values() and "judge" not in edge.values() for edge in sketch.edges)
        assert len(sketch.edges) == len(EDGES) - 2

    def test_an_id_in_use_is_not_given_again(self) -> None:
        sketch = Sketch(definition({"node1": "Split Data"}, []))
        assert sketch.module("Split Data") == "node2"


class TestTables:
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None], dtype="Int64"),
            "real": [0.5, 1.5],
            "true": pd.array([True, False], dtype="boolean"),
            "day": pd.to_datetime(["2020-01-02", "2020-01-03"]),
            "word": ["a", "b"],
            "kind": pd.Categorical([3, 4]),
            "Scored Labels": ["no", "yes"],
        }
    )

    def test_each_type_is_declared_like_in_the_contract(self) -> None:
        table = Dataset(self.frame, scored=Scored("binary", "word", ("no", "yes")))
        found = schemas.specification(table, nullable=("word",))["properties"]
        assert {name: (body["type"], body.get("format")) for name, body in found.items()} == {
            "whole": ("Integer", "Int64"),
            "real": ("Number", "Double"),
            "true": ("Boolean", None),
            "day": ("String", "date-time"),
            "word": ("String", None),
            "kind": ("Integer", "Int64"),
            "Scored Labels": ("String", None),
        }
        assert [name for name, body in found.items() if body["x-ms-isnullable"]] == ["whole", "word"]
        assert found["Scored Labels"]["enum"] == ["no", "yes"]
        assert list(found) == list(self.frame.columns)

    def test_the_example_is_the_first_row_as_plain_values(self) -> None:
        assert schemas.example(Dataset(self.frame)) == [1, 0.5, True, "2020-01-02T00:00:00", "a", 3, "no"]
        gaps = pd.DataFrame({"a": pd.array([None], dtype="Int64"), "b": [np.nan], "c": [None]})
        assert schemas.example(Dataset(gaps)) == [None, None, None]
        assert schemas.example(Dataset(self.frame.iloc[:0])) == []
