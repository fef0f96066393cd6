"""The experiment format of Studio: modules with GUIDs, edges between `node:port`, and separate web service ports.

`to_graph` and `from_graph` convert between it and the package of a definition. They differ in datasets, trained models
and transformations: an experiment names them on the port that they feed (`DataSourceId` and similar members), a
definition has a Resource node for each.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from mlmgmt.definition.assets import DATASET, RESULTS_PORT, TRAINED_MODEL, TRANSFORMATION, kind_of
from mlmgmt.errors import BadRequest, Detail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_FAMILY = "506153734175476c4f62416c57734963"
_URI = re.compile(r"aml://module/(?P<id>.+)", re.IGNORECASE)
_SOURCES = {"DataSourceId": DATASET, "TrainedModelId": TRAINED_MODEL, "TransformModuleId": TRANSFORMATION}
_FOREIGN = re.compile(r"aml://(?P<kind>dataset|trainedmodel|transformation)/(?P<id>.+)", re.IGNORECASE)


def _refuse(message: str, target: str) -> NoReturn:
    raise BadRequest(
        "The experiment graph cannot be read.",
        target=target,
        details=[Detail("InvalidExperimentGraph", message, target)],
        hint="It needs ModuleNodes, EdgesInternal and WebService, like a file from Export-AmlExperimentGraph.",
    )


def is_foreign_dataset(asset: Mapping[str, Any]) -> bool:
    """Whether a Resource is a dataset in Studio, of which only the id is known."""
    found = _FOREIGN.fullmatch(str((asset.get("locationInfo") or {}).get("uri")))
    return found is not None and found["kind"].casefold() == DATASET


def is_studio(value: Any) -> bool:
    """Whether a JSON value is in the experiment format: a whole experiment or only its graph."""
    if not isinstance(value, dict):
        return False
    folded = _fold_names(value)
    return "modulenodes" in folded or "modulenodes" in _fold_names(folded.get("graph"))


def _fold_names(value: Any) -> dict[str, Any]:
    return {str(name).casefold(): inner for name, inner in value.items()} if isinstance(value, dict) else {}


def _list(value: Any, where: str) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        _refuse(f"{where} must be a list of objects.", where)
    return [_fold_names(item) for item in value]


def to_graph(value: Mapping[str, Any]) -> dict[str, Any]:
    """Convert an experiment to the `packageType`, `assets` and `package` of a definition's `properties`.

    Raises:
        BadRequest: `InvalidExperimentGraph`.
    """
    top = _fold_names(value)
    graph = _fold_names(top.get("graph")) or top
    service = _fold_names(top.get("webservice")) or _fold_names(graph.get("webservice"))
    nodes: dict[str, Any] = {}
    assets: dict[str, Any] = {}
    edges: list[dict[str, str]] = []
    linked: dict[str, list[dict[str, str]]] = {}
    modules = _list(graph.get("modulenodes"), "ModuleNodes")
    for place, module in enumerate(modules):
        node = str(module.get("id") or "")
        if not node or node in nodes:
            _refuse(f"Module {place + 1} has no Id, or the Id of another module.", f"ModuleNodes[{place}]")
        asset = _add_asset(assets, module, f"ModuleNodes[{place}]")
        nodes[node] = {"assetId": asset} | _parameters(module, node, linked)
    # Only after all modules are known, so that the nodes added here do not take their ids.
    for module in modules:
        for port in _list(module.get("inputportsinternal"), "InputPortsInternal"):
            _add_sources(port, str(module["id"]), nodes, assets, edges)
    for place, edge in enumerate(_list(graph.get("edgesinternal"), "EdgesInternal")):
        where = f"EdgesInternal[{place}]"
        source, target = (
            _parse_end(edge.get(end), nodes, where) for end in ("sourceoutputportid", "destinationinputportid")
        )
        edges.append(_edge(source, target))
    _add_service_ports(service, nodes, edges)
    parameters = _service_parameters(service, linked)
    package: dict[str, Any] = {"nodes": nodes, "edges": edges}
    if parameters:
        package["graphParameters"] = parameters
    return {"packageType": "Graph", "assets": assets, "package": package}


def _add_asset(assets: dict[str, Any], module: Mapping[str, Any], where: str) -> str:
    identity = str(module.get("moduleid") or "")
    if not identity:
        _refuse("A module has no ModuleId.", where)
    uri = f"aml://module/{identity}"
    for asset, body in assets.items():
        if body["locationInfo"]["uri"] == uri:
            return asset
    name = str(module.get("modulename") or module.get("name") or identity)
    asset = f"asset{len(assets) + 1}"
    assets[asset] = {"name": name, "type": "Module", "locationInfo": {"uri": uri}}
    return asset


def _parameters(module: Mapping[str, Any], node: str, linked: dict[str, list[dict[str, str]]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for parameter in _list(module.get("moduleparameters"), "ModuleParameters"):
        name = str(parameter.get("name") or "")
        if not name:
            _refuse(f"A parameter of {node!r} has no Name.", f"ModuleParameters of {node}")
        if parameter.get("value") is not None:
            found[name] = {"value": str(parameter["value"])}
        if parameter.get("linkedglobalparameter"):
            link = {"nodeId": node, "parameterKey": name}
            linked.setdefault(str(parameter["linkedglobalparameter"]), []).append(link)
    return {"parameters": found} if found else {}


def _add_sources(
    port: Mapping[str, Any], node: str, nodes: dict[str, Any], assets: dict[str, Any], edges: list[dict[str, str]]
) -> None:
    """Add a Resource node for each saved dataset, model or transformation that an input port names."""
    for member, kind in _SOURCES.items():
        identity = port.get(member.casefold())
        if not identity:
            continue
        uri = str(identity) if "://" in str(identity) else f"aml://{kind.replace(' ', '')}/{identity}"
        asset = next((key for key, body in assets.items() if _is_resource(body, uri)), None)
        if asset is None:
            asset = f"asset{len(assets) + 1}"
            name = uri.rsplit("/", 1)[-1]
            ports = {RESULTS_PORT: {"type": "Dataset"}}
            assets[asset] = {"name": name, "type": "Resource", "locationInfo": {"uri": uri}, "outputPorts": ports}
        source = next((key for key, body in nodes.items() if body.get("assetId") == asset), None)
        if source is None:
            source = _unused_name(f"{asset}-source", nodes)
            nodes[source] = {"assetId": asset}
        edges.append(_edge((source, RESULTS_PORT), (node, str(port.get("name") or ""))))


def _is_resource(asset: Mapping[str, Any], uri: str) -> bool:
    return bool(asset["type"] == "Resource" and asset["locationInfo"]["uri"] == uri)


def _unused_name(wanted: str, taken: Mapping[str, Any]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}{number}", number + 1
    return name


def _parse_end(value: Any, nodes: Mapping[str, Any], where: str) -> tuple[str, str]:
    """Return the node and port of `node:port`. Both may contain colons, so the known nodes decide which one splits."""
    text = str(value or "")
    colons = [place for place, letter in enumerate(text) if letter == ":"]
    if not colons:
        _refuse(f"{value!r} does not have the form node:port.", where)
    place = next((place for place in colons if text[:place] in nodes), None)
    if place is None:
        _refuse(f"The graph has no module {text[: colons[0]]!r}.", where)
    return text[:place], text[place + 1 :]


def _edge(source: tuple[str, str], target: tuple[str, str]) -> dict[str, str]:
    edge = {"sourceNodeId": source[0], "sourcePortId": source[1]}
    edge |= {"targetNodeId": target[0], "targetPortId": target[1]}
    return {name: value for name, value in edge.items() if value}


def _add_service_ports(service: Mapping[str, Any], nodes: dict[str, Any], edges: list[dict[str, str]]) -> None:
    for member, role in (("inputs", "inputId"), ("outputs", "outputId")):
        for place, port in enumerate(_list(service.get(member), f"WebService.{member}")):
            end = _parse_end(port.get("portid"), nodes, f"WebService.{member}[{place}]")
            name = str(port.get("name") or f"{member[:-1]}{place + 1}")
            node = next((key for key, body in nodes.items() if body.get(role) == name), None)
            if node is None:
                node = _unused_name(f"{name}-port", nodes)
                nodes[node] = {role: name}
            edges.append(_edge((node, ""), end) if role == "inputId" else _edge(end, (node, "")))


def _service_parameters(service: Mapping[str, Any], linked: Mapping[str, Any]) -> dict[str, Any]:
    names = [str(parameter.get("name")) for parameter in _list(service.get("parameters"), "WebService.Parameters")]
    names += [name for name in linked if name not in names]
    return {name: {"description": name, "type": "String", "links": linked.get(name, [])} for name in names}


def from_graph(
    properties: Mapping[str, Any], ports: Callable[[Mapping[str, Any]], tuple[tuple[str, ...], tuple[str, ...]]]
) -> dict[str, Any]:
    """Convert a definition's graph to the experiment format: `Graph` and `WebService`.

    Args:
        ports: returns the names of a module's input and output ports; they are listed even if not connected.
    """
    package, assets = properties["package"], properties.get("assets", {})
    nodes, edges = package.get("nodes", {}), package.get("edges", [])
    links = _links(package)
    modules = {
        node: body for node, body in nodes.items() if assets.get(body.get("assetId"), {}).get("type") == "Module"
    }
    written = []
    for node, body in modules.items():
        asset = assets[body["assetId"]]
        inputs, outputs = ports(asset)
        taken = (_port_name(edge.get("targetPortId"), inputs) for edge in edges if edge["targetNodeId"] == node)
        given = (_port_name(edge.get("sourcePortId"), outputs) for edge in edges if edge["sourceNodeId"] == node)
        found = _URI.fullmatch(asset["locationInfo"]["uri"])
        written.append(
            {
                "Id": node,
                "ModuleId": found["id"] if found else f"{_FAMILY}.{asset['name']}",
                "ModuleName": asset["name"],
                "ModuleParameters": [
                    {
                        "Name": name,
                        "Value": value.get("value") if isinstance(value, dict) else value,
                        "ValueType": "Literal",
                        "LinkedGlobalParameter": links.get((node, name)),
                    }
                    for name, value in _with_linked(body, node, links).items()
                ],
                "InputPortsInternal": [
                    {"Name": name, "NodeId": node, **_saved_source(node, name, inputs, nodes, assets, edges)}
                    for name in _union(inputs, taken)
                ],
                "OutputPortsInternal": [{"Name": name, "NodeId": node} for name in _union(outputs, given)],
            }
        )
    between = [
        {
            "SourceOutputPortId": f"{edge['sourceNodeId']}:{edge.get('sourcePortId') or ''}",
            "DestinationInputPortId": f"{edge['targetNodeId']}:{edge.get('targetPortId') or ''}",
        }
        for edge in edges
        if edge["sourceNodeId"] in modules and edge["targetNodeId"] in modules
    ]
    return {
        "Graph": {"ModuleNodes": written, "EdgesInternal": between},
        "WebService": {
            "Inputs": _service_port_list(nodes, modules, edges, "inputId"),
            "Outputs": _service_port_list(nodes, modules, edges, "outputId"),
            "Parameters": [{"Name": name} for name in package.get("graphParameters", {})],
        },
    }


def _port_name(name: str | None, known: tuple[str, ...]) -> str:
    """Return a port's name as its module spells it; the module's only port if an edge names none."""
    if not name:
        return known[0] if len(known) == 1 else ""
    return next((port for port in known if port.casefold() == name.casefold()), name)


def _with_linked(node: Mapping[str, Any], identity: str, links: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Return a node's parameters, including those that get a value only from a web service parameter."""
    own = dict(node.get("parameters") or {})
    return own | {key: None for owner, key in links if owner == identity and key not in own}


def _union(known: Iterable[str], used: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*known, *(name for name in used if name)]))


def _links(package: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (link["nodeId"], link["parameterKey"]): name
        for name, parameter in package.get("graphParameters", {}).items()
        for link in parameter.get("links", ())
    }


def _saved_source(
    node: str,
    port: str,
    known: tuple[str, ...],
    nodes: Mapping[str, Any],
    assets: Mapping[str, Any],
    edges: Iterable[Mapping[str, str]],
) -> dict[str, str]:
    for edge in edges:
        asset = assets.get(nodes[edge["sourceNodeId"]].get("assetId"), {})
        here = edge["targetNodeId"] == node and _port_name(edge.get("targetPortId"), known) == port
        if here and asset.get("type") == "Resource":
            uri = asset["locationInfo"]["uri"]
            foreign = _FOREIGN.fullmatch(uri)
            kind = kind_of(asset) or (foreign["kind"].casefold() if foreign else DATASET)
            kinds = {named.replace(" ", ""): name for name, named in _SOURCES.items()}
            # A script bundle is a dataset of the workspace.
            member = kinds.get(kind.replace(" ", ""), "DataSourceId")
            return {member: foreign["id"] if foreign else uri}
    return {}


def _service_port_list(
    nodes: Mapping[str, Any], modules: Mapping[str, Any], edges: Iterable[Mapping[str, str]], role: str
) -> list[dict[str, str]]:
    """Return the web service ports, each with the module's port that it is connected to."""
    found: list[dict[str, str]] = []
    near, far = ("sourceNodeId", "target") if role == "inputId" else ("targetNodeId", "source")
    for edge in edges:
        name = nodes[edge[near]].get(role)
        if name is not None and edge[f"{far}NodeId"] in modules:
            port = f"{edge[f'{far}NodeId']}:{edge.get(f'{far}PortId') or ''}"
            found.append({"Id": f"{edge[near]}-{len(found) + 1}", "PortId": port, "Name": name})
    return found
