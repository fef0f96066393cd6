"""The graph of a definition: its nodes and edges, the order they run in, and its problems."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets
from mlmgmt.definition.document import compact
from mlmgmt.definition.schema import Path, Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PACKAGE: Path = ("properties", "package")
_REFERENCES = frozenset(
    ("assetId", "inputId", "outputId", "sourceNodeId", "sourcePortId", "targetNodeId", "targetPortId")
)


@dataclass(frozen=True, slots=True)
class Edge:
    """A connection. An edge from an input node has no source port; an edge to an output node has no target port."""

    source: str
    source_port: str | None
    target: str
    target_port: str | None
    index: int = -1


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes and edges of one definition.

    Args:
        nodes: node id to node, like in the document.
        edges: in document order.
    """

    nodes: Mapping[str, Mapping[str, Any]]
    edges: tuple[Edge, ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Graph:
        """Return the graph of a canonical document (empty when it has no package)."""
        package = document.get("properties", {}).get("package", {})
        edges = (
            Edge(edge["sourceNodeId"], edge.get("sourcePortId"), edge["targetNodeId"], edge.get("targetPortId"), index)
            for index, edge in enumerate(package.get("edges", ()))
            if isinstance(edge, dict) and "sourceNodeId" in edge and "targetNodeId" in edge
        )
        return cls(package.get("nodes", {}), tuple(edges))

    def is_input(self, node: str) -> bool:
        return "inputId" in self.nodes.get(node, ())

    def order(self) -> list[str]:
        """Return the nodes, each after all that it depends on.

        Raises:
            graphlib.CycleError: the edges form a cycle.
        """
        waiting = dict.fromkeys(self.nodes, 0)
        following: dict[str, list[str]] = {node: [] for node in self.nodes}
        for edge in self.edges:
            waiting[edge.target] += 1
            following[edge.source].append(edge.target)
        order = [node for node, count in waiting.items() if not count]
        for node in order:
            for target in following[node]:
                waiting[target] -= 1
                if not waiting[target]:
                    order.append(target)
        if len(order) < len(self.nodes):
            # graphlib is slower, but its error names the cycle.
            TopologicalSorter({node: following[node] for node, count in waiting.items() if count}).prepare()
        return order


def usable_parts(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the valid parts of the graph of a document that breaks the schema, so that they can be checked too.

    An invalid edge keeps its place in the list, so that the indices of the others stay right.
    """
    properties = document["properties"]
    package = properties.get("package")
    kept: dict[str, Any] = {
        "assets": _as_mapping(properties.get("assets")),
        "input": {"properties": _as_mapping(_as_mapping(properties.get("input")).get("properties"))},
        "output": {"properties": _as_mapping(_as_mapping(properties.get("output")).get("properties"))},
    }
    if "package" in properties:
        nodes = {
            name: _with_text_references(node)
            for name, node in _as_mapping(_as_mapping(package).get("nodes")).items()
            if isinstance(node, dict)
        }
        edges = _as_mapping(package).get("edges")
        whole = [_with_text_references(edge) for edge in edges] if isinstance(edges, list) else []
        kept["package"] = {"nodes": nodes, "edges": whole}
    return {"properties": kept}


def _with_text_references(value: Any) -> Any:
    """Return a node or an edge with references that are not strings turned into text: they match no name."""
    if not isinstance(value, dict):
        return value
    return {
        name: str(inner)[:40] if name in _REFERENCES and inner is not None and not isinstance(inner, str) else inner
        for name, inner in value.items()
    }


def _as_mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def used_assets(document: Mapping[str, Any]) -> set[str]:
    """Return the assets that some node uses."""
    return {str(node["assetId"]) for node in Graph.of(document).nodes.values() if node.get("assetId") is not None}


def problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problems of the graph of a canonical document that obeys the schema."""
    properties = document["properties"]
    if "package" not in properties:
        message = "'package' is missing: the service has no graph."
        advice = "A list of services omits the package; get the service by name instead."
        yield Problem(Severity.ERROR, "MissingMember", ("properties",), message, advice)
        return
    graph = Graph.of(document)
    yield from _node_problems(graph, properties)
    yield from _edge_problems(graph)
    yield from _port_problems(graph, properties)
    yield from _link_problems(graph, properties)
    yield from _example_problems(properties)


def _example_problems(properties: Mapping[str, Any]) -> Iterator[Problem]:
    declared = {name.casefold() for name in properties["package"].get("graphParameters") or {}}
    for name in (properties.get("exampleRequest") or {}).get("globalParameters") or {}:
        if name.casefold() not in declared:
            path = ("properties", "exampleRequest", "globalParameters", name)
            message = f"The example gives the parameter {name!r}, which the service does not have; it is left out."
            yield Problem(Severity.WARNING, "UnexpectedParameter", path, message, "Remove it.")


def _node_problems(graph: Graph, properties: Mapping[str, Any]) -> Iterator[Problem]:
    known = properties.get("assets", {})
    used = set()
    for node_id, node in graph.nodes.items():
        path = (*PACKAGE, "nodes", node_id)
        roles = [role for role in ("assetId", "inputId", "outputId") if role in node]
        if len(roles) != 1:
            what = " and ".join(roles) or "no asset, input or output"
            message = f"Node {node_id!r} has {what}."
            advice = "It must have exactly one of assetId, inputId and outputId."
            yield Problem(Severity.ERROR, "InvalidNode", path, message, advice)
        asset = node.get("assetId")
        used.add(asset)
        if asset is not None and asset not in known:
            message = f"Node {node_id!r} refers to the asset {asset!r}, which does not exist."
            yield Problem(Severity.ERROR, "UnknownAsset", (*path, "assetId"), message, _list_names(known, "Assets"))
    for asset, body in known.items():
        location = body.get("locationInfo") if isinstance(body, dict) else None
        uri = location.get("uri") if isinstance(location, dict) else None
        if isinstance(uri, str) and uri.strip().casefold().startswith("file:"):
            place = ("properties", "assets", asset, "locationInfo", "uri")
            message = f"The asset {asset!r} refers to a file on this machine."
            yield Problem(Severity.ERROR, "InvalidBlob", place, message, "Use an address in a storage account.")
        if asset not in used:
            message = f"No node uses the asset {asset!r}; changing it has no effect."
            yield Problem(Severity.WARNING, "UnusedAsset", ("properties", "assets", asset), message)


def _edge_problems(graph: Graph) -> Iterator[Problem]:
    data: dict[tuple[str, str | None], int] = {}
    inputs: dict[tuple[str, str | None], int] = {}
    sound = True
    for edge in graph.edges:
        path = (*PACKAGE, "edges", edge.index)
        for end, node in (("sourceNodeId", edge.source), ("targetNodeId", edge.target)):
            if node not in graph.nodes:
                sound = False
                which = "from" if end == "sourceNodeId" else "to"
                message = f"An edge goes {which} the node {node!r}, which does not exist."
                yield Problem(Severity.ERROR, "DanglingEdge", (*path, end), message, _list_names(graph.nodes, "Nodes"))
        taken = inputs if graph.is_input(edge.source) else data
        port = (edge.target, (edge.target_port or "").casefold())
        if port in taken:
            what = "inputs" if taken is inputs else "data edges"
            message = f"Two {what} lead into port {edge.target_port!r} of {edge.target!r} (see edge {taken[port]})."
            advice = "A port takes at most one input and one data edge."
            yield Problem(Severity.ERROR, "PortTaken", path, message, advice)
        taken.setdefault(port, edge.index)
    if sound:
        try:
            graph.order()
        except CycleError as error:
            cycle = " → ".join(error.args[1])
            yield Problem(Severity.ERROR, "Cycle", (*PACKAGE, "edges"), f"The edges form a cycle: {cycle}.")


def _port_problems(graph: Graph, properties: Mapping[str, Any]) -> Iterator[Problem]:
    for section, member in (("input", "inputId"), ("output", "outputId")):
        declared = properties.get(section, {}).get("properties", {})
        named = {node[member]: node_id for node_id, node in graph.nodes.items() if member in node}
        for name in declared:
            if name not in named:
                message = f"The {section} {name!r} has no node in the graph."
                path: Path = ("properties", section, "properties", name)
                advice = _list_names(named, f"{section.title()}s of the graph")
                yield Problem(Severity.ERROR, f"{section.title()}WithoutNode", path, message, advice)
        for name, node_id in named.items():
            if name not in declared:
                message = f"Node {node_id!r} refers to the {section} {name!r}, which is not declared."
                path = (*PACKAGE, "nodes", node_id, member)
                advice = _list_names(declared, f"Declared {section}s")
                yield Problem(Severity.WARNING, "UndeclaredPort", path, message, advice)


def _link_problems(graph: Graph, properties: Mapping[str, Any]) -> Iterator[Problem]:
    for name, parameter in properties["package"].get("graphParameters", {}).items():
        for index, link in enumerate(parameter.get("links", ())):
            if link["nodeId"] not in graph.nodes:
                path = (*PACKAGE, "graphParameters", name, "links", index, "nodeId")
                message = (
                    f"The graph parameter {name!r} is linked to the node {link['nodeId']!r}, which does not exist."
                )
                yield Problem(Severity.WARNING, "DanglingLink", path, message, _list_names(graph.nodes, "Nodes"))


def _list_names(names: Mapping[str, Any], what: str) -> str:
    shown = list(names)[:8]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{what}: {', '.join(shown) or 'none'}{more}."


def digest(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all that decides an answer, except which trained models it uses.

    Two definitions with the same digest accept the same models, so a check of a model with one holds for the other.
    """
    properties = document["properties"]
    models = {model.asset_id for model in assets.learnt_assets(document)}
    stripped = {
        name: {key: value for key, value in asset.items() if key != "locationInfo"} if name in models else asset
        for name, asset in properties.get("assets", {}).items()
    }
    sections = ("package", "input", "output", "parameters", "exampleRequest")
    return sha256(compact([stripped, *(properties.get(section) for section in sections)])).hexdigest()
