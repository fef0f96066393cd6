"""Definitions from nodes and edges in a short notation."""

from __future__ import annotations

from typing import Any

from mlmgmt.modules.catalogue import by_name

Columns = dict[str, str]


def definition(
    nodes: dict[str, Any],
    edges: list[str],
    *,
    inputs: dict[str, Columns] | None = None,
    outputs: dict[str, Columns] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return a definition.

    Args:
        nodes: by id, a module's name, or its name and parameters; or `input:NAME`, `output:NAME` or a resource's uri.
        edges: `from.port > to.port`; a port may be omitted if it is the only one.
    """
    assets: dict[str, Any] = {}
    graph = {node: _node(node, body, assets) for node, body in nodes.items()}
    return {
        "location": "South Central US",
        "name": "made",
        "properties": {
            "packageType": "Graph",
            "assets": assets,
            "input": {"type": "object", "properties": {name: _table(body) for name, body in (inputs or {}).items()}},
            "output": {"type": "object", "properties": {name: _table(body) for name, body in (outputs or {}).items()}},
            "package": {"nodes": graph, "edges": [_edge(edge) for edge in edges]},
            **more,
        },
    }


def _node(node: str, body: Any, assets: dict[str, Any]) -> dict[str, Any]:
    name, parameters = body if isinstance(body, tuple) else (body, {})
    kind, _, port = name.partition(":")
    if kind in ("input", "output"):
        return {f"{kind}Id": port}
    asset = f"asset-{node}"
    if kind == "https":
        outputs = {"Results dataset": {"type": "Dataset"}}
        assets[asset] = {"name": node, "type": "Resource", "locationInfo": {"uri": name}, "outputPorts": outputs}
        return {"assetId": asset}
    uri = f"aml://module/506153734175476c4f62416c57734963.{by_name(name).guid}.v1-default-1700"
    assets[asset] = {"name": name, "type": "Module", "locationInfo": {"uri": uri}}
    return {"assetId": asset, "parameters": {key: {"value": str(value)} for key, value in parameters.items()}}


def _edge(edge: str) -> dict[str, str]:
    (source, source_port), (target, target_port) = (end.strip().partition(".")[::2] for end in edge.split(">"))
    body = {"sourceNodeId": source, "targetNodeId": target}
    body |= {"sourcePortId": source_port} if source_port else {}
    return body | ({"targetPortId": target_port} if target_port else {})


def _table(columns: Columns) -> dict[str, Any]:
    return {"type": "object", "properties": {name: _column(kind) for name, kind in columns.items()}}


def _column(kind: str) -> dict[str, Any]:
    return {"type": kind.rstrip("?")} | ({"x-ms-isnullable": True} if kind.endswith("?") else {})
