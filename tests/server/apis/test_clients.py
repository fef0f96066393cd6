"""The official Node clients, unchanged, against a running server: with their pipelines, policies and waits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import small_definition
from tests.server.conftest import Server, Start, request_body

CLIENTS = Path(__file__).parent.parent.parent / "clients"
ASSET = "asset3"
LEAST_NODE = 20
MORE_THAN_A_PAGE = 104
_LONGEST = 120


def _node() -> int:
    """The major version of Node; 0 where there is none."""
    if shutil.which("node") is None:
        return 0
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(told.removeprefix("v").partition(".")[0])


pytestmark = [
    pytest.mark.skipif(_node() < LEAST_NODE, reason=f"There is no Node here from {LEAST_NODE} on for its clients."),
    pytest.mark.skipif(
        # npm writes it last, so it shows that the installation is complete.
        not (CLIENTS / "node_modules" / ".package-lock.json").is_file(),
        reason="Node's clients are not installed: npm ci --prefix tests/clients",
    ),
]


@pytest.fixture(autouse=True)
def two_models(mlmgmt: Any, churn: Path) -> dict[str, Any]:
    """The model of `churn`, and a second one in the home: uri, digest and a token to read it."""
    first = json.loads(Path("churn-predictive.json").read_text())["properties"]["assets"][ASSET]["locationInfo"]["uri"]
    train = "retrain -g retail -n churn -TrainingDefinition churn-training.json -Data new-customers.csv -Force -o json"
    second = mlmgmt(train, ok=True).json
    account = second["BaseLocation"].removeprefix("https://").partition(".")[0]

    def digest(path: str) -> str:
        return sha256((churn / "storage" / account / path).read_bytes()).hexdigest()

    return {
        "first": {"uri": first, "digest": digest(first.removeprefix(second["BaseLocation"]))},
        "second": {
            "uri": second["BaseLocation"] + second["RelativeLocation"],
            "path": f"{account}/{second['RelativeLocation']}",
            "credentials": second["SasBlobToken"],
            "digest": digest(second["RelativeLocation"]),
        },
    }


def run(script: str, server: Server, mlmgmt: Any, models: dict[str, Any], **more: Any) -> str:
    """Run a script of `tests/clients` against a server; returns its output, and shows it if the script failed."""
    mlmgmt("Set-AzContext -Role Reader", ok=True)
    reader = json.loads(mlmgmt("token -o json", ok=True).out)["Token"]
    mlmgmt("Set-AzContext -Role Owner", ok=True)
    models["second"]["place"] = f"{server.origin}/{models['second']['path']}"
    settings = {
        "origin": server.origin,
        "subscription": server.subscription,
        "group": "retail",
        "token": server.token,
        "reader": reader,
        "asset": ASSET,
        "models": models,
        "definition": json.loads(Path("churn-predictive.json").read_text()),
        "small": small_definition(),
        "rows": request_body(3),
        **more,
    }
    Path("settings.json").write_text(json.dumps(settings))
    unset = {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "node_options"}
    environment = {name: value for name, value in os.environ.items() if name.casefold() not in unset}
    if server.authority is not None:
        environment["NODE_EXTRA_CA_CERTS"] = server.authority
    done = subprocess.run(
        ["node", str(CLIENTS / script), "settings.json"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    said = [line for line in server.lines if not line.startswith("{")]
    told = "\n".join((done.stdout, done.stderr, "The server:", *said))
    assert done.returncode == 0, told
    return done.stdout


def with_more_than_a_page(server: Server) -> list[str]:
    """Make enough web services for two pages of a list; returns their names in the order of lists."""
    names = [f"small{number:03}" for number in range(MORE_THAN_A_PAGE)]
    with server.client() as client:
        for name in names:
            path = server.service(name)
            assert client.put(path, params={"api-version": "2017-01-01"}, json=small_definition()).status_code == 201
    return ["churn", *names]


def without_plain_values(definition: dict[str, Any]) -> dict[str, Any]:
    """A definition that the newest client can send.

    The client takes every parameter value, enum item and example cell for an object, so the definition has none, and
    the model's rows come straight from the caller.
    """
    properties = definition["properties"]
    kept = {name: value for name, value in properties.items() if name != "exampleRequest"}
    kept["package"] = {
        "nodes": {
            "in": {"inputId": "input1"},
            "model": {"assetId": ASSET},
            "score": {"assetId": "asset4"},
            "out": {"outputId": "output1"},
        },
        "edges": [
            {"sourceNodeId": "in", "targetNodeId": "score", "targetPortId": "Dataset"},
            {
                "sourceNodeId": "model",
                "sourcePortId": "Results dataset",
                "targetNodeId": "score",
                "targetPortId": "Trained model",
            },
            {"sourceNodeId": "score", "sourcePortId": "Scored dataset", "targetNodeId": "out"},
        ],
    }
    kept["assets"] = {name: properties["assets"][name] for name in (ASSET, "asset4")}
    for side in ("input", "output"):
        text = json.dumps(kept[side])
        tables = json.loads(text)["properties"]
        for table in tables.values():
            for column in table["properties"].values():
                column.pop("enum", None)
        kept[side] = {**kept[side], "properties": tables}
    return {**definition, "properties": kept}


def test_the_newest_client_of_web_services(start: Start, mlmgmt: Any, two_models: dict[str, Any]) -> None:
    server = start("-Tls")
    assert server.origin.startswith("https://")
    definition = without_plain_values(json.loads(Path("churn-predictive.json").read_text()))
    services = with_more_than_a_page(server)
    run("new-web-services.mjs", server, mlmgmt, two_models, services=services, definition=definition)


@pytest.mark.parametrize("options", [(), ("-Tls",), ("-Workers", "2")], ids=["http", "https", "workers"])
def test_the_older_client_of_web_services(
    start: Start, serving: Server, mlmgmt: Any, two_models: dict[str, Any], options: tuple[str, ...]
) -> None:
    server = start(*options) if options else serving
    run("old-web-services.cjs", server, mlmgmt, two_models, services=with_more_than_a_page(server))


@pytest.mark.parametrize("script", ["old-plans.cjs", "new-plans.cjs"])
def test_the_clients_of_commitment_plans(server: Server, mlmgmt: Any, two_models: dict[str, Any], script: str) -> None:
    run(script, server, mlmgmt, two_models)
