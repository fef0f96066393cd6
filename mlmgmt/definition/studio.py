"""The experiment format of Studio: modules with GUIDs, edges between `node:port`, and separate web service ports.

`to_graph` and `from_graph` convert between it and the package of a definition. They differ in datasets, trained models
and transformations: an experiment names them on the port that they feed (`DataSourceId` and similar members), a
definition has a Resource node for each.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from mlmgmt.definition.assets import BUNDLE, DATASET, RESULTS_PORT, TRAINED_MODEL, TRANSFORMATION, kind_of
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


def foreign_kind(asset: Mapping[str, Any]) -> str | None:
    """Return the kind of a Resource in Studio, of which only the id is known; None for others."""
    found = _FOREIGN.fullmatch(str((asset.get("locationInfo") or {}).get("uri")))
    kinds = {kind.replace(" ", ""): kind for kind in _SOURCES.values()}
    return kinds[found["kind"].casefold()] if found is not None else None


def is_studio(value: Any) -> bool:
    """Whether a JSON value is in the experiment format: a whole experiment or only its graph."""
    if not isinstance(value, dict):
        return False
    folded = _fold_names(value)
    return "modulenodes" in folded or "modulenodes" in _fold_names(folded.get("graph"))


def _fold_names(value: Any) -> dict[str, Any]:
    return {str(name).casefold(): inner for name, inner in value.items()} if isinstance(value, dict) else {}


def parts_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an experiment's `Graph`, its `WebService` (None if it has none), and its `Other` members, all as written.

    The value may be a whole experiment, or only its graph.
    """
    top = {str(name).casefold(): name for name in value}
    other = {name: inner for name, inner in value.items() if str(name).casefold() not in ("graph", "webservice")}
    graph = value[top["graph"]] if "graph" in top else None
    if not isinstance(graph, dict) or not graph:
        graph, other = other, {}
    service = value[top["webservice"]] if "webservice" in top else None
    if not service:
        inside = next((name for name in graph if str(name).casefold() == "webservice"), None)
        service = graph[inside] if inside is not None else service
        graph = {name: inner for name, inner in graph.items() if name != inside}
    return {"Graph": graph, "WebService": service, "Other": other}


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
    parts = parts_of(value)
    graph, service = _fold_names(parts["Graph"]), _fold_names(parts["WebService"])
    nodes: dict[str, Any] = {}
    assets: dict[str, Any] = {}
    edges: list[dict[str, str]] = []
    linked: dict[str, list[dict[str, str]]] = {}
    by_uri: dict[str, str] = {}
    sources: dict[str, str] = {}
    modules = _list(graph.get("modulenodes"), "ModuleNodes")
    for place, module in enumerate(modules):
        node = str(module.get("id") or "")
        if not node or node in nodes:
            _refuse(f"Module {place + 1} has no Id, or the Id of another module.", f"ModuleNodes[{place}]")
        asset = _add_asset(assets, by_uri, module, f"ModuleNodes[{place}]")
        nodes[node] = {"assetId": asset} | _parameters(module, node, linked)
    # Only after all modules are known, so that the nodes added here do not take their ids.
    for module in modules:
        for port in _list(module.get("inputportsinternal"), "InputPortsInternal"):
            _add_sources(port, str(module["id"]), nodes, assets, sources, edges)
    for place, edge in enumerate(_list(graph.get("edgesinternal"), "EdgesInternal")):
        where = f"EdgesInternal[{place}]"
        source, target = (
            _parse_end(edge.get(end), nodes, where) for end in ("sourceoutputportid", "destinationinputportid")
        )
        edges.append(_edge(source, target))
    _add_service_ports(service, nodes, edges)
    parameters, defaults = _service_parameters(service, linked)
    package: dict[str, Any] = {"nodes": nodes, "edges": edges}
    if parameters:
        package["graphParameters"] = parameters
    properties: dict[str, Any] = {"packageType": "Graph", "assets": assets, "package": package}
    return properties | ({"parameters": defaults} if defaults else {})


def _add_asset(assets: dict[str, Any], by_uri: dict[str, str], module: Mapping[str, Any], where: str) -> str:
    identity = str(module.get("moduleid") or "")
    if not identity:
        _refuse("A module has no ModuleId.", where)
    uri = f"aml://module/{identity}"
    if uri not in by_uri:
        by_uri[uri] = f"asset{len(assets) + 1}"
        name = str(module.get("modulename") or module.get("name") or identity)
        assets[by_uri[uri]] = {"name": name, "type": "Module", "locationInfo": {"uri": uri}}
    return by_uri[uri]


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
    port: Mapping[str, Any],
    node: str,
    nodes: dict[str, Any],
    assets: dict[str, Any],
    sources: dict[str, str],
    edges: list[dict[str, str]],
) -> None:
    """Add a Resource node for each saved dataset, model or transformation that an input port names.

    Args:
        sources: the nodes added so far, by uri.
    """
    for member, kind in _SOURCES.items():
        identity = port.get(member.casefold())
        if not identity:
            continue
        uri = str(identity) if "://" in str(identity) else f"aml://{kind.replace(' ', '')}/{identity}"
        if uri not in sources:
            asset = f"asset{len(assets) + 1}"
            ports = {RESULTS_PORT: {"type": "Dataset"}}
            body = {"name": uri.rsplit("/", 1)[-1], "type": "Resource", "locationInfo": {"uri": uri}}
            assets[asset] = body | {"outputPorts": ports}
            sources[uri] = _unused_name(f"{asset}-source", nodes)
            nodes[sources[uri]] = {"assetId": asset}
        edges.append(_edge((sources[uri], RESULTS_PORT), (node, str(port.get("name") or ""))))


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


_PARAMETER_TYPES = {
    word.casefold(): word
    for word in (
        "String",
        "Int",
        "Float",
        "Enumerated",
        "Script",
        "Mode",
        "Credential",
        "Boolean",
        "Double",
        "ColumnPicker",
        "ParameterRange",
        "DataGatewayName",
    )
}


def _service_parameters(
    service: Mapping[str, Any], linked: Mapping[str, Any]
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return the `graphParameters` of a package, and the default values of those that have one."""
    found: dict[str, dict[str, Any]] = {}
    defaults = {}
    for name, parameter in _named_parameters(service):
        definition = _fold_names(parameter.get("parameterdefinition"))
        kind = _PARAMETER_TYPES.get(str(definition.get("parametertype")).casefold(), "String")
        described = str(definition.get("description") or name)
        found[name] = {"description": described, "type": kind, "links": linked.get(name, [])}
        default = definition.get("defaultvalue", parameter.get("value"))
        if _is_true(definition.get("hasdefaultvalue")) and default is not None:
            defaults[name] = {"value": default}
    for name in (name for name in linked if name not in found):
        found[name] = {"description": name, "type": "String", "links": linked[name]}
    return found, defaults


def _named_parameters(service: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (str(parameter.get("name")), parameter)
        for parameter in _list(service.get("parameters"), "WebService.Parameters")
    ]


def _is_true(value: Any) -> bool:
    return str(value).casefold() == "true"


def required_parameters(value: Mapping[str, Any]) -> set[str]:
    """Return the web service parameters that an experiment states to be required: without a default, not optional.

    A web service asks for them, whatever value the linked module has in the experiment.
    """
    service = _fold_names(parts_of(value)["WebService"])
    definitions = {name: _fold_names(body.get("parameterdefinition")) for name, body in _named_parameters(service)}
    return {
        name
        for name, body in definitions.items()
        if "hasdefaultvalue" in body and not _is_true(body["hasdefaultvalue"]) and not _is_true(body.get("isoptional"))
    }


def comments(value: Mapping[str, Any]) -> dict[str, str]:
    """Return the comments that people wrote on the modules of an experiment, by module."""
    modules = _list(_fold_names(parts_of(value)["Graph"]).get("modulenodes"), "ModuleNodes")
    return {str(module.get("id")): str(module["comment"]).strip() for module in modules if module.get("comment")}


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
    linked: dict[str, list[str]] = {}
    for owner, key in links:
        linked.setdefault(owner, []).append(key)
    entering: dict[str, list[Mapping[str, str]]] = {}
    leaving: dict[str, list[Mapping[str, str]]] = {}
    for edge in edges:
        entering.setdefault(edge["targetNodeId"], []).append(edge)
        leaving.setdefault(edge["sourceNodeId"], []).append(edge)
    modules = {
        node: body for node, body in nodes.items() if assets.get(body.get("assetId"), {}).get("type") == "Module"
    }
    known = {asset: ports(assets[asset]) for asset in {body["assetId"] for body in modules.values()}}
    written = []
    for node, body in modules.items():
        asset = assets[body["assetId"]]
        inputs, outputs = known[body["assetId"]]
        taken = [_port_name(edge.get("targetPortId"), inputs) for edge in entering.get(node, ())]
        given = [_port_name(edge.get("sourcePortId"), outputs) for edge in leaving.get(node, ())]
        sources: dict[str, dict[str, str]] = {}
        for port, edge in zip(taken, entering.get(node, ()), strict=True):
            source = assets.get(nodes[edge["sourceNodeId"]].get("assetId"), {})
            if source.get("type") == "Resource":
                sources.setdefault(port, _saved_source(source))
        found = _URI.fullmatch(asset["locationInfo"]["uri"])
        own = dict(body.get("parameters") or {})
        # A parameter may have a value only through a web service parameter.
        own |= {key: None for key in linked.get(node, ()) if key not in own}
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
                    for name, value in own.items()
                ],
                "InputPortsInternal": [
                    {"Name": name, "NodeId": node, **sources.get(name, {})} for name in _union(inputs, taken)
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
            "Parameters": [
                {"Name": name} | _stated_default(name, parameter, (properties.get("parameters") or {}).get(name))
                for name, parameter in package.get("graphParameters", {}).items()
            ],
        },
    }


def _port_name(name: str | None, known: tuple[str, ...]) -> str:
    """Return a port's name as its module spells it; the module's only port if an edge names none."""
    if not name:
        return known[0] if len(known) == 1 else ""
    return next((port for port in known if port.casefold() == name.casefold()), name)


def _stated_default(name: str, parameter: Mapping[str, Any], default: Any) -> dict[str, Any]:
    """Return the members of a web service parameter that state its default; none if it has none."""
    value = default.get("value") if isinstance(default, dict) else default
    if value is None:
        return {}
    definition = {
        "Name": name,
        "FriendlyName": name,
        "Description": parameter.get("description") or name,
        "ParameterType": parameter.get("type") or "String",
        "HasDefaultValue": True,
        "DefaultValue": value,
        "IsOptional": False,
        "HasRules": False,
        "ParameterRules": [],
        "MarkupType": "Parameter",
    }
    return {"Value": value, "ParameterDefinition": definition}


def _union(known: Iterable[str], used: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*known, *(name for name in used if name)]))


def _links(package: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (link["nodeId"], link["parameterKey"]): name
        for name, parameter in package.get("graphParameters", {}).items()
        for link in parameter.get("links", ())
    }


def _saved_source(asset: Mapping[str, Any]) -> dict[str, str]:
    """Return the member of an input port that names a saved dataset, model or transformation."""
    uri = asset["locationInfo"]["uri"]
    foreign = _FOREIGN.fullmatch(uri)
    # A script bundle is a dataset of the workspace.
    members = {kind: member for member, kind in _SOURCES.items()} | {BUNDLE: "DataSourceId"}
    kind = kind_of(asset) or foreign_kind(asset) or DATASET
    return {members[kind]: foreign["id"] if foreign else uri}


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
