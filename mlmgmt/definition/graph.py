"""The graph of a definition: nodes, edges and ports, the order they run in, and what is wrong with them."""

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
    """A connection; an edge from an input node names no source port, one to an output node no target port."""

    source: str
    source_port: str | None
    target: str
    target_port: str | None
    index: int = -1


@dataclass(frozen=True, slots=True)
class Graph:
    """The wiring of one definition.

    Args:
        nodes: node id to node, as in the document.
        edges: in document order.
    """

    nodes: Mapping[str, Mapping[str, Any]]
    edges: tuple[Edge, ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Graph:
        """The graph of a canonical document (empty when it has no package)."""
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
        """The nodes, each after everything it depends on.

        Raises:
            graphlib.CycleError: the edges run in a circle.
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
            # graphlib is slower, and says where the circle runs.
            TopologicalSorter({node: following[node] for node, count in waiting.items() if count}).prepare()
        return order


def usable_parts(document: Mapping[str, Any]) -> dict[str, Any]:
    """What can be checked of a document that breaks the schema: the parts of its graph that are whole.

    An edge that is not keeps its place, so that the others keep theirs.
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
    """A node or an edge whose references are texts; what is none there is no name of anything, and is shown as text."""
    if not isinstance(value, dict):
        return value
    return {
        name: str(inner)[:40] if name in _REFERENCES and inner is not None and not isinstance(inner, str) else inner
        for name, inner in value.items()
    }


def _as_mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the graph of a canonical document that obeys the schema."""
    properties = document["properties"]
    if "package" not in properties:
        message = "There is no package: nothing says what the service does."
        allowed = "nodes and edges; a list of services leaves the package out, get one service by name instead"
        yield Problem(Severity.ERROR, "MissingMember", ("properties",), message, allowed)
        return
    graph = Graph.of(document)
    yield from _node_problems(graph, properties)
    yield from _edge_problems(graph)
    yield from _port_problems(graph, properties)
    yield from _link_problems(graph, properties)


def _node_problems(graph: Graph, properties: Mapping[str, Any]) -> Iterator[Problem]:
    known = properties.get("assets", {})
    used = set()
    for node_id, node in graph.nodes.items():
        path = (*PACKAGE, "nodes", node_id)
        roles = [role for role in ("assetId", "inputId", "outputId") if role in node]
        if len(roles) != 1:
            what = "neither an asset nor an input nor an output" if not roles else " and ".join(roles)
            message = f"Node {node_id!r} names {what}."
            yield Problem(Severity.ERROR, "InvalidNode", path, message, "one of assetId, inputId, outputId")
        asset = node.get("assetId")
        used.add(asset)
        if asset is not None and asset not in known:
            message = f"Node {node_id!r} names the asset {asset!r}, which is not among the assets."
            yield Problem(Severity.ERROR, "UnknownAsset", (*path, "assetId"), message, _list_names(known, "assets"))
    for asset, body in known.items():
        location = body.get("locationInfo") if isinstance(body, dict) else None
        uri = location.get("uri") if isinstance(location, dict) else None
        if isinstance(uri, str) and uri.strip().casefold().startswith("file:"):
            place = ("properties", "assets", asset, "locationInfo", "uri")
            message = f"The asset {asset!r} names a file of this machine."
            yield Problem(Severity.ERROR, "InvalidBlob", place, message, "an address in a storage account")
        if asset not in used:
            message = f"No node uses the asset {asset!r}; changing it changes no answer."
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
                message = f"The edge {'from' if end == 'sourceNodeId' else 'to'} {node!r} has no node there."
                yield Problem(Severity.ERROR, "DanglingEdge", (*path, end), message, _list_names(graph.nodes, "nodes"))
        taken = inputs if graph.is_input(edge.source) else data
        port = (edge.target, (edge.target_port or "").casefold())
        if port in taken:
            what = "inputs" if taken is inputs else "data edges"
            message = f"Two {what} lead into port {edge.target_port!r} of {edge.target!r} (see edge {taken[port]})."
            yield Problem(Severity.ERROR, "PortTaken", path, message, "one input and one data edge at most")
        taken.setdefault(port, edge.index)
    if sound:
        try:
            graph.order()
        except CycleError as error:
            circle = " → ".join(error.args[1])
            yield Problem(Severity.ERROR, "Cycle", (*PACKAGE, "edges"), f"The edges run in a circle: {circle}.")


def _port_problems(graph: Graph, properties: Mapping[str, Any]) -> Iterator[Problem]:
    for section, member in (("input", "inputId"), ("output", "outputId")):
        declared = properties.get(section, {}).get("properties", {})
        named = {node[member]: node_id for node_id, node in graph.nodes.items() if member in node}
        for name in declared:
            if name not in named:
                message = f"The {section} {name!r} has no node in the graph."
                path: Path = ("properties", section, "properties", name)
                yield Problem(
                    Severity.ERROR, f"{section.title()}WithoutNode", path, message, _list_names(named, f"{section}s")
                )
        for name, node_id in named.items():
            if name not in declared:
                message = f"Node {node_id!r} stands for the {section} {name!r}, which is not declared."
                path = (*PACKAGE, "nodes", node_id, member)
                yield Problem(Severity.WARNING, "UndeclaredPort", path, message, _list_names(declared, f"{section}s"))


def _link_problems(graph: Graph, properties: Mapping[str, Any]) -> Iterator[Problem]:
    for name, parameter in properties["package"].get("graphParameters", {}).items():
        for index, link in enumerate(parameter.get("links", ())):
            if link["nodeId"] not in graph.nodes:
                path = (*PACKAGE, "graphParameters", name, "links", index, "nodeId")
                message = f"The graph parameter {name!r} is linked to {link['nodeId']!r}, which is no node."
                yield Problem(Severity.WARNING, "DanglingLink", path, message, _list_names(graph.nodes, "nodes"))


def _list_names(names: Mapping[str, Any], what: str) -> str:
    shown = list(names)[:8]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{what}: {', '.join(shown)}{more}" if shown else f"there are no {what}"


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of all that decides an answer, but for which trained models stand in it.

    Two definitions with one digest accept the same models, so a proof made for one holds for the other.
    """
    properties = document["properties"]
    models = {model.asset_id for model in assets.learnt_assets(document)}
    stripped = {
        name: {key: value for key, value in asset.items() if key != "locationInfo"} if name in models else asset
        for name, asset in properties.get("assets", {}).items()
    }
    sections = ("package", "input", "output", "parameters", "exampleRequest")
    return sha256(compact([stripped, *(properties.get(section) for section in sections)])).hexdigest()
