"""The data of the benchmarks: definitions of any size, and homes with services. Everything is seeded."""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt.store.revision_files import REVISIONS
from mlmgmt.store.services import CURRENT
from mlmgmt.verbs.account import account, groups
from mlmgmt.verbs.services import webservices
from mlmgmt.verbs.session import Session
from mlmgmt.verbs.userfiles import Source

if TYPE_CHECKING:
    from pathlib import Path

REGION = "southcentralus"
_AUTHOR = "506153734175476c4f62416c57734963"
_MODULES = (
    ("Select Columns in Dataset", ("Dataset",), "Results dataset", ("Select Columns",)),
    ("Clean Missing Data", ("Dataset",), "Cleaned dataset", ("Columns to be cleaned", "Cleaning mode", "Cols")),
    ("Join Data", ("Dataset1", "Dataset2"), "Results dataset", ("Join type", "Keep right key columns")),
    ("Edit Metadata", ("Dataset",), "Results dataset", ("Column", "Data type", "New column names")),
    ("Normalize Data", ("Dataset",), "Transformed dataset", ("Transformation method", "Use 0 for constant columns")),
    ("Execute Python Script", ("Dataset1", "Dataset2"), "Result Dataset", ("Python Script", "Python Version")),
)
_WORDS = ("age", "tenure", "contract", "monthly", "charges", "support", "region", "segment", "balance", "visits")
_TYPES = (("Integer", "Int64"), ("Number", "Double"), ("String", None), ("Boolean", None))


def definition(size: int, seed: int = 1) -> bytes:
    """Return a definition of about `size` bytes as the service exported them: indented, with nulls, without a model.

    Every module has a random GUID: digits around an `e` can look like a number to a careless parser.
    """
    modules = 1
    while len(text := _text(modules, seed)) < size * 0.97:
        # The text grows in proportion to the number of modules, except for a constant part.
        modules = max(modules + 1, int(modules * size / len(text)))
    return text


def _text(modules: int, seed: int) -> bytes:
    dice = random.Random(seed)
    assets: dict[str, Any] = {}
    nodes: dict[str, Any] = {"node0": {"inputId": "input1"}}
    edges: list[dict[str, Any]] = []
    ports: dict[str, str | None] = {"node0": None}
    for number in range(1, modules + 1):
        name, entries, out, parameters = dice.choice(_MODULES)
        assets[f"asset{number}"] = {
            "name": name,
            "id": None,
            "type": "Module",
            "locationInfo": {
                "uri": f"aml://module/{_AUTHOR}.{dice.randbytes(16).hex()}.v1-default-{dice.randrange(100, 2000)}",
                "credentials": "",
            },
            "inputPorts": None,
            "outputPorts": None,
            "metadata": None,
            "parameters": None,
        }
        node = f"node{number}"
        nodes[node] = {
            "assetId": f"asset{number}",
            "inputId": None,
            "outputId": None,
            "parameters": {parameter: {"value": _setting(dice)} for parameter in parameters},
        }
        for place, entry in enumerate(entries):
            source = f"node{number - 1}" if place == 0 else f"node{dice.randrange(max(0, number - 9), number)}"
            edges.append(_edge(source, ports[source], node, entry))
        ports[node] = out
    nodes["node_out"] = {"outputId": "output1"}
    edges.append(_edge(f"node{modules}", ports[f"node{modules}"], "node_out", None))
    columns = max(4, modules // 20)
    properties = {
        "title": "Benchmark",
        "description": "Made by a benchmark.",
        "packageType": "Graph",
        "realtimeConfiguration": {"maxConcurrentCalls": 4},
        "diagnostics": {"level": "None", "expiry": None},
        "exposeSampleData": True,
        "input": _table("input1", columns, dice),
        "output": _table("output1", columns, dice),
        "assets": assets,
        "package": {"nodes": nodes, "edges": edges, "graphParameters": {}},
    }
    return json.dumps(
        {"location": "South Central US", "properties": properties, "tags": {"team": "a"}}, indent=2
    ).encode()


def _setting(dice: random.Random) -> str:
    kind = dice.randrange(4)
    if kind == 0:
        rules = [{"ruleType": "ColumnNames", "columns": dice.sample(_WORDS, 3), "exclude": False}]
        return json.dumps({"isFilter": True, "rules": rules})
    if kind == 1:
        return str(round(dice.random(), 4))
    return dice.choice(("True", "False", "ZScore", "Custom substitution value", "Inner Join", "Remove entire row"))


def _edge(source: str, port: str | None, target: str, entry: str | None) -> dict[str, Any]:
    return {"sourceNodeId": source, "sourcePortId": port, "targetNodeId": target, "targetPortId": entry}


def _table(name: str, columns: int, dice: random.Random) -> dict[str, Any]:
    described = {}
    for number in range(columns):
        kind, form = dice.choice(_TYPES)
        described[f"{dice.choice(_WORDS)}{number}"] = {"type": kind, "format": form, "x-ms-isnullable": False}
    table = {"title": None, "description": None, "type": "object", "properties": described}
    return {"type": "object", "properties": {name: table}}


def session(folder: Path) -> Session:
    """Return a session with a caller, on a new home in `folder`."""
    environ = {"MLMGMT_HOME": str(folder / "home"), "MLMGMT_CONFIG": str(folder / "config")}
    made = Session(environ=environ)
    account.connect(made, account="benchmark")
    return made


def service(on: Session, group: str, name: str, data: bytes) -> None:
    """Make a group and a service in it, as a command does."""
    groups.plan_create(on, name=group, location=REGION).apply()
    source = Source("definition.json", data)
    webservices.plan_create(on, group=group, location=REGION, name=name, definition=source).apply()


def services(on: Session, group: str, count: int, data: bytes) -> list[str]:
    """Fill a group with `count` services and return their names.

    The first is made as a command does; the others are copies of its file, because flushing 10,000 of them takes
    minutes and makes no difference to reading. The revision is a link to the current document, which is identical.
    """
    first = "service-00000"
    service(on, group, first, data)
    model = on.store.services.folder(on.service_id(group, first))
    text = (model / CURRENT).read_text()
    names = [first, *(f"service-{number:05}" for number in range(1, count))]
    for name in names[1:]:
        folder = model.parent / name
        (folder / REVISIONS).mkdir(parents=True)
        (folder / CURRENT).write_text(text.replace(first, name))
        os.link(folder / CURRENT, folder / REVISIONS / "000001.json")
    assert orjson.loads((model.parent / names[-1] / CURRENT).read_bytes())["document"]["name"] == names[-1]
    return names
