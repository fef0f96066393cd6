"""Run the graph of a definition: its modules in order, each with the values of its input ports."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, MlmgmtError
from mlmgmt.learning.graph_parameters import linked_values
from mlmgmt.learning.plan import GraphPlan
from mlmgmt.modules.base import Dataset, ModuleFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.definition.graph import Edge
    from mlmgmt.modules.base import GraphAccess

__all__ = ["GraphPlan", "NodeReport", "Run", "run"]


@dataclass(frozen=True, slots=True)
class NodeReport:
    """The run of one node.

    Args:
        rows: the number of rows and of columns, by output port with a table.
    """

    node: str
    module: str
    seconds: float
    rows: Mapping[str, tuple[int, int]]

    def as_json(self) -> dict[str, Any]:
        tables = {port: {"Rows": rows, "Columns": columns} for port, (rows, columns) in self.rows.items()}
        return {"Node": self.node, "Module": self.module, "Seconds": round(self.seconds, 6), "Outputs": tables}


@dataclass(slots=True)
class Run:
    """The results of a run.

    Args:
        outputs: the values by output id.
        ports: the values inside the graph, by node and output port name.
        inputs: the values by node and input port name.
        reports: a report for each module that ran, in order.
    """

    outputs: dict[str, Any] = field(default_factory=dict)
    ports: dict[tuple[str, str], Any] = field(default_factory=dict)
    inputs: dict[tuple[str, str], Any] = field(default_factory=dict)
    reports: list[NodeReport] = field(default_factory=list)


def run(
    plan: GraphPlan,
    inputs: Mapping[str, Dataset],
    *,
    read: Callable[[str], Any],
    parameters: Mapping[str, Any] | None = None,
    outside: GraphAccess | None = None,
    tell: Callable[[str], None] | None = None,
    report: Callable[[NodeReport], None] | None = None,
) -> Run:
    """Run a graph plan.

    Args:
        inputs: a dataset for each needed input id.
        read: returns the trained model, transformation or dataset of a Resource asset.
        parameters: values of the web service parameters, by name.
        outside: access for modules that read or write outside the graph; without it such a module fails.
        tell: called with the name of each module before it runs.
        report: called with the report of each module after it ran.

    Raises:
        ModuleFailure: a module failed; the error names node, module, and port or column.
        BadRequest: `MissingRequestInput`, `UnexpectedParameter`, `MissingRequiredGlobalParameters`.
    """
    missing = [name for name in plan.needs_inputs() if name not in inputs]
    if missing:
        what = "input" if len(missing) == 1 else "inputs"
        message = f"The request has no rows for the {what} {', '.join(map(repr, missing))}."
        raise BadRequest(message, detail="MissingRequestInput", at=missing[0])
    values = linked_values(plan.document, parameters or {}, plan.lacks)
    done = Run()
    for node_id in plan.order:
        node = plan.graph.nodes[node_id]
        if "inputId" in node:
            done.ports[node_id, ""] = inputs[node["inputId"]]
        elif "outputId" in node:
            for edge in plan.incoming[node_id]:
                done.outputs[node["outputId"]] = _value(plan, done, edge)
        elif node_id in plan.modules:
            if tell is not None:
                tell(plan.modules[node_id].name)
            _run_module(plan, node_id, values.get(node_id, {}), done, outside)
            if report is not None:
                report(done.reports[-1])
        else:
            done.ports[node_id, ""] = read(node["assetId"])
    return done


def _run_module(
    plan: GraphPlan, node_id: str, linked: Mapping[str, Any], done: Run, outside: GraphAccess | None
) -> None:
    module = plan.modules[node_id]
    inputs = {}
    for edge in plan.incoming[node_id]:
        port = plan.input_port(node_id, edge.target_port).name
        inputs[port] = done.inputs[node_id, port] = _value(plan, done, edge)
    began = perf_counter()
    try:
        results = module(inputs, plan.arguments(node_id, linked), outside)
    except ModuleFailure as error:
        raise error.at(node_id, module.name) from error
    except MlmgmtError as error:
        # Something outside the graph refused: keep its error code, but name the node.
        where, message = f"{node_id} ({module.name})", f"{module.name}: {error.message}"
        raise type(error)(message, target=where, details=error.details, hint=error.hint, code=error.code) from error
    rows = {}
    for made, value in zip(module.outputs, results, strict=True):
        done.ports[node_id, made.name] = value
        if isinstance(value, Dataset):
            rows[made.name] = value.frame.shape
    done.reports.append(NodeReport(node_id, module.name, perf_counter() - began, rows))


def _value(plan: GraphPlan, done: Run, edge: Edge) -> Any:
    if edge.source not in plan.modules:
        return done.ports[edge.source, ""]
    return done.ports[edge.source, plan.output_port(edge.source, edge.source_port).name]
