"""What a run tells about an experiment's web service: the columns of its inputs and outputs, and an example request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.learning.graph_builder import Sketch
    from mlmgmt.learning.runner import Run
    from mlmgmt.modules.base import Dataset

_LEARNED = ("input", "output", "exampleRequest")


def forget(document: dict[str, Any]) -> None:
    """Remove what a run told, because other tables may have other columns."""
    for member in _LEARNED:
        document["properties"].pop(member, None)


def learn(sketch: Sketch, done: Run, parameters: Mapping[str, Any], *, trains: bool) -> None:
    """Describe the web service inputs and outputs of a graph that ran, unless they are described already.

    Args:
        parameters: the values of web service parameters in that run; they are the example's too.
        trains: whether the graph trains a model. If it only scores, callers may omit the label.
    """
    from mlmgmt.learning import schemas

    properties = sketch.document["properties"]
    if "input" not in properties and (inputs := sketch.ports("inputId")):
        label = "" if trains else label_of(done)
        tables = {name: input_table(sketch, done, name) for name in inputs}
        properties["input"] = object_schema(
            {name: schemas.specification(table, nullable=(label,)) for name, table in tables.items()}
        )
        rows = {name: [schemas.example(table)] for name, table in tables.items()}
        properties.setdefault("exampleRequest", {"inputs": rows, "globalParameters": dict(parameters)})
    if "output" not in properties and (outputs := sketch.ports("outputId")):
        properties["output"] = object_schema({name: output_schema(sketch, done, name) for name in outputs})


def label_of(done: Run) -> str:
    """Return the label of the model that a run trained or used; "" if there is none."""
    from mlmgmt.modules.learners import Trained

    return next((value.label for value in done.ports.values() if isinstance(value, Trained)), "")


def object_schema(specifications: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": specifications}


def output_schema(sketch: Sketch, done: Run, output: str) -> dict[str, Any]:
    """Return the columns of a web service output; none if it is a model."""
    from mlmgmt.learning import schemas
    from mlmgmt.modules.base import Dataset

    edge = next(iter(sketch.into(sketch.ports("outputId")[output])))
    value = _value_on(edge, done)
    return schemas.specification(value) if isinstance(value, Dataset) else {"type": "object", "properties": {}}


def input_table(sketch: Sketch, done: Run, name: str) -> Dataset:
    """Return the table of a run at the port that a web service input feeds."""
    node = sketch.ports("inputId")[name]
    edge = sketch.out_of(node)[0]
    beside = next(e for e in sketch.into(edge["targetNodeId"]) if e["sourceNodeId"] != node and _port(e) == _port(edge))
    table: Dataset = _value_on(beside, done)
    return table


def _port(edge: Mapping[str, str]) -> str:
    return edge.get("targetPortId", "").casefold()


def _value_on(edge: Mapping[str, str], done: Run) -> Any:
    """Return the value on an edge. The edge names its port in any letter case, or not at all if there is only one."""
    values = {port.casefold(): value for (node, port), value in done.ports.items() if node == edge["sourceNodeId"]}
    return values.get(edge.get("sourcePortId", "").casefold(), next(iter(values.values())))
