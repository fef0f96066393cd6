"""The executable form of a definition's graph: modules found, ports and their types checked, nodes in order."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets as definition_assets
from mlmgmt.definition import studio
from mlmgmt.definition.graph import Graph
from mlmgmt.errors import BadRequest
from mlmgmt.modules import catalogue
from mlmgmt.modules.base import Arguments, ModuleFailure, PortType
from mlmgmt.modules.parameters import match_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.definition.graph import Edge
    from mlmgmt.modules.base import Module, Port
    from mlmgmt.modules.parameters import Parameter

_CARRIES = {
    definition_assets.TRAINED_MODEL: (PortType.TRAINED, PortType.TRAINED_CLUSTERS),
    definition_assets.TRANSFORMATION: (PortType.TRANSFORM,),
    definition_assets.DATASET: (PortType.DATASET,),
    definition_assets.BUNDLE: (PortType.ZIP,),
}


class GraphPlan:
    """A graph, checked and ready for `runner.run`.

    Args:
        document: a canonical, checked definition.
        outputs: the output ids to compute; if None, all of them, and the modules that write outside the graph.
        everything: run every node, like an experiment.
        check: if False, only find the nodes that the outputs need; such a plan cannot be run.

    Raises:
        ModuleNotSupported: needed modules are not in the catalogue; the error names all of them.
        BadRequest: a port does not exist or has the wrong type, or a required port is not connected.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        *,
        outputs: tuple[str, ...] | None = None,
        everything: bool = False,
        check: bool = True,
    ) -> None:
        self.document = document
        self._assets = document["properties"].get("assets", {})
        self.graph = Graph.of(document)
        self.parameters = {
            node_id: {key: _plain_value(value) for key, value in (node.get("parameters") or {}).items()}
            for node_id, node in self.graph.nodes.items()
        }
        self.incoming = self._resolve_edges()
        self.modules: dict[str, Module] = {}
        needed = set(self.graph.nodes) if everything else self._needed_nodes(outputs)
        self.order = [node for node in self.graph.order() if node in needed]
        if check:
            self._find_modules()
            for node in self.order:
                self._check(node)

    def _resolve_edges(self) -> dict[str, list[Edge]]:
        """Return the edges into each node. If an input and a dataset lead to the same port, the input wins."""
        fed = {self._port_key(edge) for edge in self.graph.edges if self.graph.is_input(edge.source)}
        incoming: dict[str, list[Edge]] = {node: [] for node in self.graph.nodes}
        for edge in self.graph.edges:
            if self.graph.is_input(edge.source) or self._port_key(edge) not in fed:
                incoming[edge.target].append(edge)
        return incoming

    def _port_key(self, edge: Edge) -> tuple[str, str]:
        """Return the port that an edge leads to, the same for every spelling: in any letter case, or omitted if it is
        the only port.
        """
        asset = self._assets.get(self.graph.nodes[edge.target].get("assetId"))
        module = catalogue.module_of(asset) if asset is not None and asset["type"] == "Module" else None
        name = edge.target_port
        if name is None and module is not None and len(module.inputs) == 1:
            name = module.inputs[0].name
        return edge.target, (name or "").casefold()

    def _needed_nodes(self, outputs: tuple[str, ...] | None) -> set[str]:
        leading = {edge.source for edge in self.graph.edges}
        wanted = [
            node_id
            for node_id, node in self.graph.nodes.items()
            if ("outputId" in node and (outputs is None or node["outputId"] in outputs))
            or (outputs is None and node_id not in leading and self._only_writes(node))
        ]
        found: set[str] = set()
        while wanted:
            node = wanted.pop()
            if node not in found:
                found.add(node)
                wanted += [edge.source for edge in self.incoming[node]]
        return found

    def _only_writes(self, node: Mapping[str, Any]) -> bool:
        """Whether a node's module has no output port, so that it only writes outside the graph."""
        asset = self._assets.get(node.get("assetId"))
        module = catalogue.module_of(asset) if asset is not None else None
        return module is not None and not module.outputs

    def _find_modules(self) -> None:
        lacking = []
        for node_id in self.order:
            asset_id = self.graph.nodes[node_id].get("assetId")
            asset = self._assets[asset_id] if asset_id is not None else None
            if asset is None or asset["type"] == "Resource":
                continue
            try:
                self.modules[node_id] = catalogue.find(asset)
            except catalogue.ModuleNotSupported as error:
                lacking.append(error)
        if lacking:
            raise catalogue.merge_refusals(lacking)

    def _check(self, node_id: str) -> None:
        module = self.modules.get(node_id)
        if module is None:
            if "assetId" in self.graph.nodes[node_id]:
                self.carried_types(node_id)
            for edge in self.incoming[node_id]:
                if edge.source in self.modules:
                    self.output_port(edge.source, edge.source_port)
            return
        connected = set()
        for edge in self.incoming[node_id]:
            port = self.input_port(node_id, edge.target_port)
            if port.name in connected:
                message = f"Two edges lead into the port {port.name!r} of {module.name} ({node_id})."
                raise BadRequest(message, detail="PortTaken", at=node_id)
            connected.add(port.name)
            self._check_edge(edge, port, node_id)
        missing = [port.name for port in module.inputs if not port.optional and port.name not in connected]
        if missing:
            message = f"{module.name} ({node_id}): nothing is connected to {', '.join(map(repr, missing))}."
            raise BadRequest(message, detail="PortNotConnected", at=node_id)

    def carried_types(self, node_id: str) -> tuple[PortType, ...]:
        """Return the types of ports that a Resource node can be connected to.

        Raises:
            BadRequest: `ResourceNotSupported`: its content cannot be read here.
        """
        asset = self._assets[self.graph.nodes[node_id]["assetId"]]
        kind = definition_assets.kind_of(asset)
        kind = kind or studio.foreign_kind(asset)
        if kind is None:
            message = f"The resource {asset['name']!r} of node {node_id!r} cannot be read here."
            hint = f"Its uri must end with one of: {', '.join(definition_assets.SUFFIXES)}."
            raise BadRequest(message, detail="ResourceNotSupported", at=node_id, hint=hint)
        return _CARRIES[kind]

    def _check_edge(self, edge: Edge, port: Port, node_id: str) -> None:
        source = self.graph.nodes[edge.source]
        given: tuple[PortType, ...]
        if "inputId" in source:
            given = (PortType.DATASET,)
        elif edge.source in self.modules:
            given = (self.output_port(edge.source, edge.source_port).type,)
        else:
            given = self.carried_types(edge.source)
        if port.type not in given:
            goal = f"the port {port.name!r} of node {node_id!r}, which takes {port.type.value}"
            message = f"Node {edge.source!r} provides {given[0].value}, but is connected to {goal}."
            raise BadRequest(message, detail="PortTypeMismatch", at=node_id)

    def input_port(self, node: str, name: str | None) -> Port:
        """Return the input port with that name, in any letter case; the only one if `name` is None."""
        return _port(self.modules[node].inputs, name, node, self.modules[node], "input")

    def output_port(self, node: str, name: str | None) -> Port:
        """Return the output port with that name, in any letter case; the only one if `name` is None."""
        return _port(self.modules[node].outputs, name, node, self.modules[node], "output")

    def nodes_of(self, *module_names: str) -> list[str]:
        """Return the nodes that run one of these modules, in running order."""
        return [node for node in self.order if node in self.modules and self.modules[node].name in module_names]

    def source(self, node: str, port: str) -> tuple[str, str | None] | None:
        """Return the node and port that are connected to an input port; None if nothing is."""
        for edge in self.incoming[node]:
            if self.input_port(node, edge.target_port).name == port:
                return edge.source, edge.source_port
        return None

    def needs_inputs(self) -> list[str]:
        """Return the input ids that the outputs depend on."""
        return [self.graph.nodes[node]["inputId"] for node in self.order if "inputId" in self.graph.nodes[node]]

    def arguments(self, node: str, linked: Mapping[str, Any]) -> Arguments:
        """Return the typed parameters of a node: its own values, overridden by linked web service parameters.

        Raises:
            ModuleFailure: a name or a value is not valid for the module.
        """
        module = self.modules[node]
        own, others = (match_texts(module.parameters, values) for values in (self.parameters[node], linked))
        return module.arguments(own | others)

    def lacks(self, node: str, key: str) -> bool:
        """Whether a node has no value for a parameter that has an effect, whichever of its names is used."""
        own, parameter = self.parameters.get(node, {}), self._parameter(node, key)
        if parameter is None:
            return not any(value is not None for name, value in own.items() if name.casefold() == key.casefold())
        texts = match_texts(self.modules[node].parameters, own)
        return parameter.key not in texts and self._has_effect(node, parameter, texts)

    def is_secret(self, name: str) -> bool:
        """Whether a web service parameter sets a module parameter whose value is never shown."""
        declared = self.document["properties"]["package"].get("graphParameters") or {}
        links = [
            link
            for other, parameter in declared.items()
            for link in parameter.get("links") or ()
            if other.casefold() == name.casefold()
        ]
        found = (self._parameter(link["nodeId"], link["parameterKey"]) for link in links)
        return any(parameter is not None and parameter.secret for parameter in found)

    def _parameter(self, node: str, key: str) -> Parameter | None:
        if node not in self.modules:
            return None
        known = self.modules[node].parameters
        named = match_texts(known, {key: "-"})
        return next((parameter for parameter in known if parameter.key in named), None)

    def _has_effect(self, node: str, parameter: Parameter, texts: Mapping[str, str]) -> bool:
        """Whether a parameter changes anything, and is on the active branch of its mode as far as the graph says."""
        if parameter.without_effect is not None or parameter.when is None:
            return parameter.without_effect is None
        switch, values = self._parameter(node, parameter.when[0]), parameter.when[1]
        if switch is None or any(link == (node, switch.key) for link in self._linked):
            return True
        text = str(texts.get(switch.key, switch.default)).strip().casefold()
        return text in map(str.casefold, values) and self._has_effect(node, switch, texts)

    @cached_property
    def _linked(self) -> set[tuple[str, str]]:
        """The node parameters that web service parameters set, by the module's names for them."""
        declared = self.document["properties"]["package"].get("graphParameters") or {}
        links = [link for body in declared.values() for link in body.get("links") or ()]
        found = ((link["nodeId"], self._parameter(link["nodeId"], link["parameterKey"])) for link in links)
        return {(node, parameter.key) for node, parameter in found if parameter is not None}

    def outputs(self) -> list[str]:
        """Return the output ids of the graph."""
        return [node["outputId"] for node in self.graph.nodes.values() if "outputId" in node]

    def notes(self) -> list[str]:
        """Return what the graph asks of its modules but does not get; see `Module.notes`."""
        found = []
        for node, module in self.modules.items():
            try:
                found += [f"{node}: {note}" for note in module.notes(self.parameters[node])]
            except ModuleFailure as error:
                raise error.at(node, module.name) from error
        return list(dict.fromkeys(found))


def _plain_value(value: Any) -> Any:
    return value.get("value") if isinstance(value, dict) else value


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
    raise BadRequest(message, detail="PortNotFound", at=node, hint=hint)
