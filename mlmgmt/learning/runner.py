"""Runs the graph of a definition: modules in order, each given what its ports need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets as definition_assets
from mlmgmt.definition.graph import Graph
from mlmgmt.errors import BadRequest, Detail
from mlmgmt.modules import catalogue
from mlmgmt.modules.base import Dataset, ModuleFailure, PortType
from mlmgmt.modules.learners import Trained

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.definition.graph import Edge
    from mlmgmt.modules.base import Module, Port

ReadModel = Callable[[str], Trained]
"""From the id of a trained model's asset to the model."""


@dataclass(slots=True)
class Run:
    """The values that a run made.

    Args:
        outputs: by output id.
        ports: by node and output port name, for whoever looks inside the graph.
        inputs: by node and input port name.
    """

    outputs: dict[str, Any] = field(default_factory=dict)
    ports: dict[tuple[str, str], Any] = field(default_factory=dict)
    inputs: dict[tuple[str, str], Any] = field(default_factory=dict)


class Plan:
    """A definition made ready to run: modules found, parameters typed, edges resolved. Nothing has run yet.

    Args:
        document: canonical and checked.
        outputs: the output ids to work for; all of them when None.

    Raises:
        ModuleNotSupported: the catalogue lacks a module that the outputs need.
        ModuleFailure: a node's parameter is not one its module takes.
        BadRequest: a port does not exist or does not fit, or a required one is not connected.
    """

    def __init__(self, document: Mapping[str, Any], *, outputs: tuple[str, ...] | None = None) -> None:
        self._document = document
        self._assets = document["properties"].get("assets", {})
        self.graph = Graph.of(document)
        self._parameters = {
            node_id: {key: (value or {}).get("value") for key, value in node.get("parameters", {}).items()}
            for node_id, node in self.graph.nodes.items()
        }
        self._incoming = self._resolved()
        self.modules: dict[str, Module] = {}
        needed = self._needed(outputs)
        self.order = [node for node in self.graph.order() if node in needed]
        for node in self.order:
            self._check(node)

    def _resolved(self) -> dict[str, list[Edge]]:
        """The edges into each node; where an input and a data node share a port, the request's rows win."""
        fed = {(edge.target, edge.target_port) for edge in self.graph.edges if self.graph.is_input(edge.source)}
        incoming: dict[str, list[Edge]] = {node: [] for node in self.graph.nodes}
        for edge in self.graph.edges:
            if self.graph.is_input(edge.source) or (edge.target, edge.target_port) not in fed:
                incoming[edge.target].append(edge)
        return incoming

    def _needed(self, outputs: tuple[str, ...] | None) -> set[str]:
        wanted = [
            node_id
            for node_id, node in self.graph.nodes.items()
            if "outputId" in node and (outputs is None or node["outputId"] in outputs)
        ]
        found: set[str] = set()
        while wanted:
            node = wanted.pop()
            if node not in found:
                found.add(node)
                wanted += [edge.source for edge in self._incoming[node]]
        return found

    def _check(self, node_id: str) -> None:
        node = self.graph.nodes[node_id]
        if "assetId" not in node:
            return
        asset = self._assets[node["assetId"]]
        if asset["type"] == "Resource":
            if not definition_assets.is_trained_model(asset):
                message = (
                    f"The resource {asset['name']!r} is no trained model, and node {node_id!r} needs what is in it."
                )
                raise BadRequest(message, target=node_id, details=[Detail("ResourceNotSupported", message, node_id)])
            return
        module = self.modules[node_id] = catalogue.find(asset)
        connected = set()
        for edge in self._incoming[node_id]:
            port = _port(module.inputs, edge.target_port, node_id, module, "input")
            connected.add(port.name)
            self._check_edge(edge, port, node_id)
        missing = [port.name for port in module.inputs if not port.optional and port.name not in connected]
        if missing:
            message = f"{module.name} ({node_id}): nothing is connected to {', '.join(map(repr, missing))}."
            raise BadRequest(message, target=node_id, details=[Detail("PortNotConnected", message, node_id)])

    def _check_edge(self, edge: Edge, port: Port, node_id: str) -> None:
        source = self.graph.nodes[edge.source]
        if "inputId" in source:
            given = PortType.DATASET
        elif edge.source in self.modules:
            given = _port(
                self.modules[edge.source].outputs, edge.source_port, edge.source, self.modules[edge.source], "output"
            ).type
        else:
            given = PortType.TRAINED
        if given is not port.type:
            goal = f"the port {port.name!r} of {node_id!r}, which takes a {port.type.value}"
            message = f"A {given.value} from {edge.source!r} does not go into {goal}."
            raise BadRequest(message, target=node_id, details=[Detail("PortTypeMismatch", message, node_id)])

    def nodes_of(self, module_name: str) -> list[str]:
        """The nodes that run a module, in running order."""
        return [node for node in self.order if node in self.modules and self.modules[node].name == module_name]

    def source(self, node: str, port: str) -> tuple[str, str | None] | None:
        """The node and port that feed a port."""
        module = self.modules[node]
        for edge in self._incoming[node]:
            if _port(module.inputs, edge.target_port, node, module, "input").name == port:
                return edge.source, edge.source_port
        return None

    def needs_inputs(self) -> list[str]:
        """The input ids that the outputs depend on."""
        return [self.graph.nodes[node]["inputId"] for node in self.order if "inputId" in self.graph.nodes[node]]

    def run(
        self,
        inputs: Mapping[str, Dataset],
        *,
        read_model: ReadModel,
        parameters: Mapping[str, Any] | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> Run:
        """Run the graph.

        Args:
            inputs: a dataset for each input id that is needed.
            read_model: gives the trained model of an asset.
            parameters: values of the web service parameters, by name.
            tell: is told of each module before it runs.

        Raises:
            ModuleFailure: a module could not do its work; node, module and port or column are named.
            BadRequest: `MissingRequestInput`, `UnexpectedParameter`, `MissingRequiredGlobalParameters`.
        """
        missing = [name for name in self.needs_inputs() if name not in inputs]
        if missing:
            message = f"The request gives no rows for {', '.join(map(repr, missing))}."
            raise BadRequest(message, target=missing[0], details=[Detail("MissingRequestInput", message, missing[0])])
        values = self._global_parameters(parameters or {})
        run = Run()
        for node_id in self.order:
            node = self.graph.nodes[node_id]
            if "inputId" in node:
                run.ports[node_id, ""] = inputs[node["inputId"]]
            elif "outputId" in node:
                for edge in self._incoming[node_id]:
                    run.outputs[node["outputId"]] = self._value(run, edge)
            elif node_id in self.modules:
                if tell is not None:
                    tell(self.modules[node_id].name)
                self._run_module(node_id, values, run)
            else:
                run.ports[node_id, ""] = read_model(node["assetId"])
        return run

    def _run_module(self, node_id: str, values: Mapping[tuple[str, str], Any], run: Run) -> None:
        module = self.modules[node_id]
        given = self._parameters[node_id] | {key: value for (node, key), value in values.items() if node == node_id}
        inputs = {}
        for edge in self._incoming[node_id]:
            port = _port(module.inputs, edge.target_port, node_id, module, "input")
            inputs[port.name] = run.inputs[node_id, port.name] = self._value(run, edge)
        try:
            results = module(inputs, module.arguments(given))
        except ModuleFailure as error:
            raise error.at(node_id, module.name) from error
        for port, value in zip(module.outputs, results, strict=True):
            run.ports[node_id, port.name] = value

    def _value(self, run: Run, edge: Edge) -> Any:
        module = self.modules.get(edge.source)
        if module is None:
            return run.ports[edge.source, ""]
        return run.ports[edge.source, _port(module.outputs, edge.source_port, edge.source, module, "output").name]

    def _global_parameters(self, given: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
        """The value of each linked node parameter: the call's, else the service's default, else the node's own."""
        properties = self._document["properties"]
        declared = properties["package"].get("graphParameters", {})
        defaults = {
            name.casefold(): (value or {}).get("value") for name, value in properties.get("parameters", {}).items()
        }
        unknown = [name for name in given if name not in declared]
        if unknown:
            message = f"The service has no parameter {', '.join(map(repr, unknown))}."
            hint = f"It has: {', '.join(declared) or 'none'}."
            raise BadRequest(
                message, target=unknown[0], details=[Detail("UnexpectedParameter", message, unknown[0])], hint=hint
            )
        values: dict[tuple[str, str], Any] = {}
        for name, parameter in declared.items():
            value = given.get(name, defaults.get(name.casefold()))
            for link in parameter.get("links", ()):
                key = (link["nodeId"], link["parameterKey"])
                if value is not None:
                    values[key] = value
                elif self._parameters.get(link["nodeId"], {}).get(link["parameterKey"]) is None:
                    message = f"The parameter {name!r} has no default and must be given."
                    detail = Detail("MissingRequiredGlobalParameters", message, name)
                    raise BadRequest("Invalid argument provided.", target=name, details=[detail])
        return values


def _port(ports: tuple[Port, ...], name: str | None, node: str, module: Module, what: str) -> Port:
    if name is None and len(ports) == 1:
        return ports[0]
    for port in ports:
        if port.name == name:
            return port
    for port in ports:
        if name is not None and port.name.casefold() == name.casefold():
            return port
    message = f"{module.name} ({node}) has no {what} port {name!r}."
    hint = f"It has: {', '.join(repr(port.name) for port in ports) or 'none'}."
    raise BadRequest(message, target=node, details=[Detail("PortNotFound", message, node)], hint=hint)
