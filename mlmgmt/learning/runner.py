"""Runs the graph of a definition: modules in order, each given what its ports need."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail, MlmgmtError
from mlmgmt.learning.graph_parameters import linked
from mlmgmt.learning.plan import Plan
from mlmgmt.modules.base import Dataset, ModuleFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.definition.graph import Edge
    from mlmgmt.modules.base import GraphAccess

__all__ = ["NodeReport", "Plan", "Run", "run"]


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What one node did.

    Args:
        rows: by output port that carries a table, its rows and columns.
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
    """The values that a run made.

    Args:
        outputs: by output id.
        ports: by node and output port name, for whoever looks inside the graph.
        inputs: by node and input port name.
        reports: one for each module that ran, in order.
    """

    outputs: dict[str, Any] = field(default_factory=dict)
    ports: dict[tuple[str, str], Any] = field(default_factory=dict)
    inputs: dict[tuple[str, str], Any] = field(default_factory=dict)
    reports: list[NodeReport] = field(default_factory=list)


def run(
    plan: Plan,
    inputs: Mapping[str, Dataset],
    *,
    read: Callable[[str], Any],
    parameters: Mapping[str, Any] | None = None,
    outside: GraphAccess | None = None,
    tell: Callable[[str], None] | None = None,
    report: Callable[[NodeReport], None] | None = None,
) -> Run:
    """Run a planned graph.

    Args:
        inputs: a dataset for each input id that is needed.
        read: gives the trained model, transformation or dataset of a Resource asset.
        parameters: values of the web service parameters, by name.
        outside: what modules that read and write reach; such a module fails without it.
        tell: is told of each module before it runs, and `report` of what it did.

    Raises:
        ModuleFailure: a module could not do its work; node, module and port or column are named.
        BadRequest: `MissingRequestInput`, `UnexpectedParameter`, `MissingRequiredGlobalParameters`.
    """
    missing = [name for name in plan.needs_inputs() if name not in inputs]
    if missing:
        message = f"The request gives no rows for {', '.join(map(repr, missing))}."
        raise BadRequest(message, target=missing[0], details=[Detail("MissingRequestInput", message, missing[0])])
    values = linked(plan.document, parameters or {}, plan.stands)
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


def _run_module(plan: Plan, node_id: str, linked_: Mapping[str, Any], done: Run, outside: GraphAccess | None) -> None:
    module = plan.modules[node_id]
    inputs = {}
    for edge in plan.incoming[node_id]:
        port = plan.input_port(node_id, edge.target_port).name
        inputs[port] = done.inputs[node_id, port] = _value(plan, done, edge)
    began = perf_counter()
    try:
        results = module(inputs, plan.arguments(node_id, linked_), outside)
    except ModuleFailure as error:
        raise error.at(node_id, module.name) from error
    except MlmgmtError as error:
        # What lies outside refused; it keeps its own code.
        where, message = f"{node_id} ({module.name})", f"{module.name}: {error.message}"
        raise type(error)(message, target=where, details=error.details, hint=error.hint, code=error.code) from error
    rows = {}
    for made, value in zip(module.outputs, results, strict=True):
        done.ports[node_id, made.name] = value
        if isinstance(value, Dataset):
            rows[made.name] = value.frame.shape
    done.reports.append(NodeReport(node_id, module.name, perf_counter() - began, rows))


def _value(plan: Plan, done: Run, edge: Edge) -> Any:
    if edge.source not in plan.modules:
        return done.ports[edge.source, ""]
    return done.ports[edge.source, plan.output_port(edge.source, edge.source_port).name]
