"""Build or change the graph of a definition: add and remove nodes, assets and edges."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from mlmgmt.definition.assets import RESULTS_PORT
from mlmgmt.modules import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_URI = "aml://module/506153734175476c4f62416c57734963.{}.v1-default-1"
Edge = dict[str, str]


class Sketch:
    """A canonical document with a graph that can be changed.

    Args:
        document: the document to start with, which is copied; an empty graph if None.
    """

    def __init__(self, document: Mapping[str, Any] | None = None) -> None:
        self.document: dict[str, Any] = deepcopy(dict(document)) if document is not None else {"properties": {}}
        properties = self.document["properties"]
        properties.setdefault("packageType", "Graph")
        self.assets: dict[str, Any] = properties.setdefault("assets", {})
        package = properties.setdefault("package", {})
        self.nodes: dict[str, Any] = package.setdefault("nodes", {})
        self.edges: list[Edge] = package.setdefault("edges", [])

    def _unused_id(self, kind: str, taken: Mapping[str, Any]) -> str:
        number = 1
        while f"{kind}{number}" in taken:
            number += 1
        return f"{kind}{number}"

    def module(self, name: str, parameters: Mapping[str, Any] | None = None) -> str:
        """Add a node that runs a module of the catalogue, and return its id. Nodes of one module share its asset."""
        module = catalogue.by_name(name)
        asset = next((key for key, body in self.assets.items() if _is_module(body, module.guid)), None)
        if asset is None:
            asset = self._unused_id("asset", self.assets)
            body = {"name": module.name, "type": "Module", "locationInfo": {"uri": _URI.format(module.guid)}}
            self.assets[asset] = body
        node = self._unused_id("node", self.nodes)
        values = {key: {"value": str(value)} for key, value in (parameters or {}).items()}
        self.nodes[node] = {"assetId": asset} | ({"parameters": values} if values else {})
        return node

    def resource(self, name: str, uri: str) -> str:
        """Add a node for a blob (a dataset, a trained model or a transformation), and return its id.

        Its port has the type `Dataset` whatever the blob is; the contract has no other type.
        """
        asset, node = self._unused_id("asset", self.assets), self._unused_id("node", self.nodes)
        ports = {RESULTS_PORT: {"type": "Dataset"}}
        self.assets[asset] = {"name": name, "type": "Resource", "locationInfo": {"uri": uri}, "outputPorts": ports}
        self.nodes[node] = {"assetId": asset}
        return node

    def port(self, member: str, name: str) -> str:
        """Add the node of a web service input or output, and return its id; `member` is `inputId` or `outputId`."""
        node = self._unused_id("node", self.nodes)
        self.nodes[node] = {member: name}
        return node

    def connect(self, source: str, source_port: str | None, target: str, target_port: str | None) -> None:
        edge = {"sourceNodeId": source, "targetNodeId": target}
        edge |= {"sourcePortId": source_port} if source_port else {}
        self.edges.append(edge | ({"targetPortId": target_port} if target_port else {}))

    def into(self, node: str) -> list[Edge]:
        return [edge for edge in self.edges if edge["targetNodeId"] == node]

    def out_of(self, node: str) -> list[Edge]:
        return [edge for edge in self.edges if edge["sourceNodeId"] == node]

    def ports(self, member: str) -> dict[str, str]:
        """Return the nodes of the web service inputs or outputs, by name."""
        return {body[member]: node for node, body in self.nodes.items() if member in body}

    def drop(self, nodes: Iterable[str]) -> None:
        """Remove nodes, their edges, and the assets and web service parameters that no other node uses."""
        gone = set(nodes)
        for node in gone:
            self.nodes.pop(node, None)
        self.edges[:] = [e for e in self.edges if e["sourceNodeId"] not in gone and e["targetNodeId"] not in gone]
        used = {body.get("assetId") for body in self.nodes.values()}
        for asset in [asset for asset in self.assets if asset not in used]:
            del self.assets[asset]
        declared = self.document["properties"]["package"].get("graphParameters") or {}
        for name, parameter in list(declared.items()):
            links = parameter.get("links") or ()
            if any(link["nodeId"] in gone for link in links):
                parameter["links"] = [link for link in links if link["nodeId"] not in gone]
                if not parameter["links"]:
                    del declared[name]
                    (self.document["properties"].get("parameters") or {}).pop(name, None)

    def without_service_ports(self) -> Sketch:
        """Return a copy without the nodes of web service inputs and outputs: the graph that an experiment runs."""
        plain = Sketch(self.document)
        plain.drop([*plain.ports("inputId").values(), *plain.ports("outputId").values()])
        return plain


def _is_module(asset: Mapping[str, Any], guid: str) -> bool:
    found = catalogue.module_of(asset) if asset.get("type") == "Module" else None
    return found is not None and found.guid == guid
