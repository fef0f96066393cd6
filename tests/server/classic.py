"""A running server for a home with Classic web services, and requests as clients of the service sent them."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from mlmgmt.cli import app
from mlmgmt.protocol.operation import STUDIO_HEADER
from mlmgmt.verbs.classic import workspaces
from mlmgmt.verbs.session import Session
from tests.classic.classic_home import Bikes
from tests.server.conftest import Server, started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

VERSION = {"api-version": "2.0"}
BODY = {"Inputs": {"input1": {"ColumnNames": ["hour", "temp", "cnt"], "Values": [["10", "0.5", "0"]]}}}
"""`classic_home.REQUEST` in the form that clients send."""


@dataclass
class Endpoint:
    """An endpoint as its owner sees it."""

    place: str
    key: str
    second: str
    shown: dict[str, Any]

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}


@dataclass
class Classic:
    """The server, the home, and a client without a token or key.

    Args:
        folder: the working folder of the home; `config` its configuration.
        workspace: the path of the workspace, `/workspaces/...`.
        token: one of its two tokens.
    """

    server: Server
    bikes: Bikes
    folder: Path
    config: Path
    workspace: str
    token: str
    client: httpx.Client

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    @property
    def studio(self) -> dict[str, str]:
        return {STUDIO_HEADER: self.token}

    def service(self, identity: str | None = None) -> str:
        """The path of a web service; by default that of the one that scores."""
        return f"{self.workspace}/webservices/{identity or self.bikes.service}"

    def endpoint(self, name: str, identity: str | None = None) -> str:
        return f"{self.service(identity)}/endpoints/{name}"

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request to management with the workspace's token."""
        return self.client.request(method, path, headers={**self.bearer, **options.pop("headers", {})}, **options)

    def studio_ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request to Studio's own API; `path` is below the workspace."""
        return self.client.request(method, f"/api{self.workspace}/{path}", headers=self.studio, **options)

    def seen(self, name: str, identity: str | None = None) -> Endpoint:
        shown = self.ask("GET", self.endpoint(name, identity)).json()
        return Endpoint(shown["ApiLocation"], shown["PrimaryKey"], shown["SecondaryKey"], shown)

    def added(self, name: str, **body: Any) -> Endpoint:
        """A new endpoint of the web service that scores."""
        answer = self.ask("PUT", self.endpoint(name), json=body)
        assert answer.status_code == 200, answer.text
        return self.seen(name)

    def scored(self, endpoint: Endpoint, body: Any = None, key: str | None = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {endpoint.key if key is None else key}"}
        place = f"{endpoint.place}/execute"
        return self.client.post(place, params={**VERSION, "details": "true"}, headers=headers, json=body or BODY)

    def score(self, endpoint: Endpoint) -> float:
        answer = self.scored(endpoint)
        assert answer.status_code == 200, answer.text
        return float(answer.json()["Results"]["output1"]["value"]["Values"][0][-1])

    def resource(self, model: str, **changed: Any) -> dict[str, Any]:
        """A PATCH that replaces the model."""
        resource = {"Name": "Bike Rental [trained model]", "Location": self.bikes.location(model), **changed}
        return {"Resources": [resource]}


def codes(answer: httpx.Response) -> list[Any]:
    """The status and the codes of an error, in either form."""
    body = answer.json()
    if "Error" in body:
        error = body["Error"]
        assert list(error)[:6] == ["Code", "Message", "Target", "Details", "InnerError", "DebugInfo"]
        return [answer.status_code, error["Code"], *(detail["Code"] for detail in error["Details"])]
    error = body["error"]
    return [answer.status_code, error["code"], *(detail["code"] for detail in error.get("details", ()))]


def run(words: list[str]) -> Any:
    """The JSON output of a command."""
    out, talk = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(talk):
        status = app.run([*words, "-o", "json"])
    assert status == 0, talk.getvalue()
    return json.loads(out.getvalue() or "null")


def serving(prepared: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> Iterator[Classic]:
    """Serve a copy of a home, made in a separate folder.

    Args:
        prepared: where that home is; see the fixture of that name.
    """
    work, config = folder / "served", folder / "served-config"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("MLMGMT_CONFIG", str(config))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    bikes = Bikes.from_copy(prepared, work, config)
    session = Session()
    token = workspaces.tokens(session, session.workspace)["primary"]
    bearer = run(["token", "-Hours", "1"])["Token"]
    given = {"MLMGMT_CONFIG": str(config), "MLMGMT_HOME": str(bikes.root)}
    with started(*words, token=bearer, **given) as server, httpx.Client(trust_env=False, timeout=60) as client:
        client.base_url = httpx.URL(server.origin)
        yield Classic(server, bikes, work, config, f"/workspaces/{session.workspace}", token, client)
