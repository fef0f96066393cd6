"""Studio's experiment format: a graph survives the way there and back, with any names of ids, ports and parameters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmgmt.definition import studio
from mlmgmt.errors import BadRequest

FAMILY = "506153734175476c4f62416c57734963"
PORTS = {"0": (("Dataset",), ("Results dataset",)), "1": (("Left", "Right"), ("One", "Two")), "2": ((), ())}
SUFFIXES = (".csv", ".ilearner", ".itransform")

# A colon separates node and port, so the ports of modules have none; a node's id may contain anything.
words = st.text(st.characters(codec="utf-8", exclude_characters=":"), min_size=1, max_size=6)
identities = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)


def ports(asset: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ports of the modules in these tests; one of them is unknown and has none."""
    return PORTS[asset["name"][-1]]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """The properties of definitions: modules, saved assets, web service ports and parameters, connected at random."""
    assets: dict[str, Any] = {}
    for number in range(3):
        uri = f"aml://module/{FAMILY}.{number:032x}.v1-default-1"
        assets[f"m{number}"] = {"name": f"Module {number}", "type": "Module", "locationInfo": {"uri": uri}}
    nodes: dict[str, Any] = {}
    links: dict[str, list[dict[str, str]]] = {}
    for identity in draw(st.lists(identities, min_size=1, max_size=4, unique=True)):
        # An id that starts with another id and a colon would look like a port of that node.
        if any(f"{a}:".startswith(f"{b}:") for other in nodes for a, b in ((identity, other), (other, identity))):
            continue
        values = draw(st.dictionaries(words, words, max_size=3))
        nodes[identity] = {"assetId": draw(st.sampled_from(sorted(assets)))}
        nodes[identity] |= {"parameters": {key: {"value": value} for key, value in values.items()}} if values else {}
        for key in draw(st.lists(words, max_size=2, unique=True)):
            links.setdefault(draw(words), []).append({"nodeId": identity, "parameterKey": key})
    modules = sorted(nodes)
    edges: list[dict[str, str]] = []

    def wire(source: str, source_port: str, target: str, target_port: str) -> None:
        edge = {"sourceNodeId": source, "sourcePortId": source_port}
        edge |= {"targetNodeId": target, "targetPortId": target_port}
        edges.append({name: value for name, value in edge.items() if value})

    def end(side: int) -> tuple[str, str]:
        node = draw(st.sampled_from(modules))
        known = PORTS[assets[nodes[node]["assetId"]]["name"][-1]][side]
        return node, draw(st.sampled_from(known) if known else words)

    for _ in range(draw(st.integers(0, 4))):
        wire(*end(1), *end(0))
    taken = {(edge["targetNodeId"], edge["targetPortId"]) for edge in edges}
    for number in range(draw(st.integers(0, 3))):
        target = end(0)
        if target not in taken:
            taken.add(target)
            uri = f"https://account.blob.core.windows.net/box/{number}{draw(st.sampled_from(SUFFIXES))}"
            assets[f"r{number}"] = {"name": f"{number}", "type": "Resource", "locationInfo": {"uri": uri}}
            nodes[f"saved thing {number}"] = {"assetId": f"r{number}"}
            wire(f"saved thing {number}", "Results dataset", *target)
    for name in draw(st.lists(words, max_size=2, unique=True)):
        nodes[f"port in {name}"] = {"inputId": name}
        wire(f"port in {name}", "", *end(0))
    for name in draw(st.lists(words, max_size=2, unique=True)):
        nodes[f"port out {name}"] = {"outputId": name}
        wire(*end(1), f"port out {name}", "")
    package: dict[str, Any] = {"nodes": nodes, "edges": edges}
    if links:
        package["graphParameters"] = {name: {"links": found} for name, found in links.items()}
    return {"packageType": "Graph", "assets": assets, "package": package}


def meaning(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the meaning of a graph, independent of the names of its assets, Resource nodes and service ports."""
    package, assets = properties["package"], properties["assets"]
    nodes = package["nodes"]

    def called(node: str) -> tuple[str, ...]:
        body = nodes[node]
        for role in ("inputId", "outputId"):
            if role in body:
                return role, body[role]
        asset = assets[body["assetId"]]
        return ("saved", asset["locationInfo"]["uri"]) if asset["type"] == "Resource" else ("module", node)

    return {
        "modules": {
            node: (
                assets[body["assetId"]]["locationInfo"]["uri"],
                {key: value["value"] for key, value in body.get("parameters", {}).items()},
            )
            for node, body in nodes.items()
            if called(node)[0] == "module"
        },
        "edges": sorted(
            (
                *called(edge["sourceNodeId"]),
                edge.get("sourcePortId", ""),
                *called(edge["targetNodeId"]),
                edge.get("targetPortId", ""),
            )
            for edge in package["edges"]
        ),
        "links": {
            (link["nodeId"], link["parameterKey"]): name
            for name, parameter in package.get("graphParameters", {}).items()
            for link in parameter["links"]
        },
    }


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck), database=None)
@given(graphs())
def test_a_written_experiment_is_read_as_the_same_graph(properties: dict[str, Any]) -> None:
    written = json.loads(json.dumps(studio.from_graph(properties, ports)))
    assert meaning(studio.to_graph(written)) == meaning(properties)
    again = studio.from_graph(studio.to_graph(written), lambda asset: ports({"name": asset["name"]}))
    assert meaning(studio.to_graph(again)) == meaning(properties)


def upper(value: Any) -> Any:
    """Return the document with every member's name in upper case."""
    if isinstance(value, dict):
        return {name.upper(): upper(inner) for name, inner in value.items()}
    return [upper(item) for item in value] if isinstance(value, list) else value


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck), database=None)
@given(graphs())
def test_members_are_read_in_any_letter_case(properties: dict[str, Any]) -> None:
    written = studio.from_graph(properties, ports)
    assert studio.to_graph(upper(written)) == studio.to_graph(written)


def test_the_documented_shape() -> None:
    """Edges between `node:port`, every port listed, saved assets named on the port that they feed."""
    asset = {"name": "Module 1", "type": "Module", "locationInfo": {"uri": f"aml://module/{FAMILY}.{'0' * 32}.v1"}}
    model = {"name": "M", "type": "Resource", "locationInfo": {"uri": "https://a.blob.core.windows.net/b/m.ilearner"}}
    package = {
        "nodes": {
            "x": {"assetId": "a", "parameters": {"Key": {"value": "5"}}},
            "y": {"assetId": "a"},
            "m": {"assetId": "r"},
            "in": {"inputId": "input1"},
        },
        "edges": [
            {"sourceNodeId": "x", "sourcePortId": "One", "targetNodeId": "y", "targetPortId": "left"},
            {"sourceNodeId": "m", "sourcePortId": "Results dataset", "targetNodeId": "y", "targetPortId": "right"},
            {"sourceNodeId": "in", "targetNodeId": "x", "targetPortId": "Left"},
        ],
        "graphParameters": {"Ask me": {"links": [{"nodeId": "x", "parameterKey": "Key"}]}},
    }
    written = studio.from_graph({"assets": {"a": asset, "r": model}, "package": package}, ports)
    x, y = written["Graph"]["ModuleNodes"]
    assert x["ModuleId"] == f"{FAMILY}.{'0' * 32}.v1"
    assert x["ModuleParameters"] == [
        {"Name": "Key", "Value": "5", "ValueType": "Literal", "LinkedGlobalParameter": "Ask me"}
    ]
    assert x["InputPortsInternal"] == [{"Name": "Left", "NodeId": "x"}, {"Name": "Right", "NodeId": "x"}]
    assert y["InputPortsInternal"][1]["TrainedModelId"] == "https://a.blob.core.windows.net/b/m.ilearner"
    assert y["OutputPortsInternal"] == [{"Name": "One", "NodeId": "y"}, {"Name": "Two", "NodeId": "y"}]
    assert written["Graph"]["EdgesInternal"] == [{"SourceOutputPortId": "x:One", "DestinationInputPortId": "y:left"}]
    (port,) = written["WebService"]["Inputs"]
    assert (port["PortId"], port["Name"]) == ("x:Left", "input1")


@pytest.mark.parametrize(
    ("member", "kind"),
    [("DataSourceId", "dataset"), ("TrainedModelId", "trained model"), ("TransformModuleId", "transformation")],
)
def test_an_asset_in_studio_keeps_its_id(member: str, kind: str) -> None:
    port = {"Name": "Left", "NodeId": "a", member: "ws.5f2.v1-x"}
    node = {"Id": "a", "ModuleId": "0", "ModuleName": "Module 1", "InputPortsInternal": [port]}
    properties = studio.to_graph({"ModuleNodes": [node]})
    (saved,) = [asset for asset in properties["assets"].values() if asset["type"] == "Resource"]
    assert studio.foreign_kind(saved) == kind
    back = studio.from_graph(properties, ports)["Graph"]["ModuleNodes"][0]["InputPortsInternal"]
    assert back[0] == port


def test_a_dataset_on_many_ports_becomes_one_node() -> None:
    nodes = [
        {"Id": node, "ModuleId": "0", "InputPortsInternal": [{"Name": "Dataset", "DataSourceId": "d1"}]}
        for node in ("a", "b", "asset1-source", "asset2-source")
    ]
    properties = studio.to_graph({"ModuleNodes": nodes})
    assert len(properties["assets"]) == 2
    assert len(properties["package"]["nodes"]) == 5
    assert len({edge["sourceNodeId"] for edge in properties["package"]["edges"]}) == 1


@pytest.mark.parametrize(
    ("graph", "where"),
    [
        ({"ModuleNodes": [{"ModuleId": "0"}]}, "ModuleNodes[0]"),
        ({"ModuleNodes": [{"Id": "a"}]}, "ModuleNodes[0]"),
        ({"ModuleNodes": [{"Id": "a", "ModuleId": "0"}] * 2}, "ModuleNodes[1]"),
        ({"ModuleNodes": "none"}, "ModuleNodes"),
        ({"ModuleNodes": [1]}, "ModuleNodes"),
        ({"ModuleNodes": [{"Id": "a", "ModuleId": "0", "ModuleParameters": {}}]}, "ModuleParameters"),
        ({"ModuleNodes": [], "EdgesInternal": [{}]}, "EdgesInternal[0]"),
        ({"ModuleNodes": [], "WebService": {"Outputs": [{"PortId": "a"}]}}, "WebService.outputs[0]"),
    ],
)
def test_an_invalid_experiment_is_refused_with_the_place(graph: dict[str, Any], where: str) -> None:
    with pytest.raises(BadRequest) as refused:
        studio.to_graph(graph)
    assert "InvalidExperimentGraph" in refused.value.codes()
    assert refused.value.target == where


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck), database=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["ModuleNodes", "EdgesInternal", "Id", "ModuleId", "Name", "ModuleParameters", "InputPortsInternal",
                 "SourceOutputPortId", "WebService", "Inputs", "PortId", "Graph", "Parameters", "DataSourceId"]
            ),
            inner,
            max_size=4,
        ),
        max_leaves=12,
    )
)  # fmt: skip
def test_any_value_is_read_as_a_graph_or_refused(value: Any) -> None:
    if studio.is_studio(value):
        try:
            read: Any = set(studio.to_graph(value))
        except BadRequest as refused:
            read = refused.codes()
        assert read == {"packageType", "assets", "package"} or "InvalidExperimentGraph" in read
