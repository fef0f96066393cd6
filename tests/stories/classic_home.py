"""A home with Classic web services, made once and copied for each test, and models to patch their endpoints with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from threadpoolctl import threadpool_limits

from mlmgmt.store import sas
from mlmgmt.store.blobs import Blob
from mlmgmt.verbs.services import finding
from mlmgmt.verbs.session import Session
from mlmgmt.verbs.storage import references
from tests.prepared import HOME, copy, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

TRAINING, SCORING = "Bike Rental", "Bike Rental [Predictive Exp.]"
RESOURCE = "Bike Rental [trained model]"
AT = ["-WebServiceId", SCORING, "-EndpointName"]
MODELS = {f"model{number:03}": number for number in (1, 2, 3)}
"""Models for `SCORING`, by name, and what they have learnt: each adds so many hundreds to what the tables say."""
OTHER_COLUMNS, OTHER_TASK = "othercolumns", "othertask"


def rentals(hundreds: int, rows: int = 60) -> str:
    """A table whose `cnt` is plain arithmetic, so that whoever reads a score knows which table was learnt."""
    lines = (f"{n % 24},{n % 11 / 10},{100 * hundreds + 2 * (n % 24) + 10 * (n % 11) / 10}" for n in range(rows))
    return "\n".join(["hour,temp,cnt", *lines]) + "\n"


REQUEST = "hour,temp,cnt\n10,0.5,0\n"


def answer(hundreds: int) -> float:
    """What a model that learnt `rentals(hundreds)` answers to `REQUEST`."""
    return 100 * hundreds + 25


def _learnt(name: str, task: str, label: str, table: str) -> Blob:
    """The blob of a model that an experiment trained; the experiment goes again."""
    Path(f"{name}.csv").write_text(table)
    run("new-experiment", name, "-Task", task, "-Label", label, "-Data", f"{name}.csv")
    run("set-up-web-service", name, "-Predictive")
    session = Session()
    made = next(body for body in session.experiments.all() if body["ParentExperimentId"] is not None)
    uris = [asset["locationInfo"]["uri"] for asset in made["Definition"]["properties"]["assets"].values()]
    account, _, path = next(uri for uri in uris if uri.endswith(".ilearner"))[8:].partition(".blob.core.windows.net/")
    container, _, path = path.partition("/")
    blob = Blob(session.storage_account(), "models", f"{name}.ilearner")
    assert account == blob.account
    session.store.blobs.write(blob, session.store.blobs.read(Blob(account, container, path)))
    for experiment in (made["ExperimentId"], made["ParentExperimentId"]):
        session.experiments.remove(experiment)
    return blob


def prepare(folder: Path) -> None:
    """Make a home in `folder`: two web services, and the endpoints loc001 and loc002 of `SCORING`."""
    work = folder / "work"
    work.mkdir()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(work)
        monkeypatch.setenv("MLMGMT_CONFIG", str(folder / "config"))
        monkeypatch.delenv("MLMGMT_HOME", raising=False)
        with threadpool_limits(1):
            _teach()
        for name in (SCORING, TRAINING):
            run("deploy", name)
        for name in ("loc001", "loc002"):
            run("add-endpoint", "-WebServiceId", SCORING, "-EndpointName", name)
    for table in work.glob("*.csv"):
        table.unlink()


def _teach() -> None:
    """The models, and the experiments that the web services come from."""
    for line in HOME:
        run(*line.split())
    for name, hundreds in MODELS.items():
        _learnt(name, "regression", "cnt", rentals(hundreds))
    _learnt(OTHER_COLUMNS, "regression", "cnt", rentals(1).replace("temp", "humidity"))
    busy = (line.split(",") for line in rentals(0).splitlines()[1:])
    busy_table = "".join(f"{hour},{temp},{'yes' if float(cnt) > 25 else 'no'}\n" for hour, temp, cnt in busy)
    _learnt(OTHER_TASK, "binary", "busy", "hour,temp,busy\n" + busy_table)
    Path("rentals.csv").write_text(rentals(0))
    run("new-experiment", TRAINING, "-Task", "regression", "-Label", "cnt", "-Data", "rentals.csv")
    run("set-up-web-service", TRAINING, "-Predictive")
    run("set-up-web-service", TRAINING, "-Retraining")


@dataclass(frozen=True)
class Bikes:
    """A test's own copy of that home.

    Args:
        root: its folder.
        service: the id of `SCORING`; `training` that of `TRAINING`.
    """

    root: Path
    service: str
    training: str

    @classmethod
    def copied(cls, prepared: Path, work: Path, config: Path) -> Bikes:
        """A copy in the working folder and the configuration of a test."""
        root = copy(prepared, work, config)
        scoring, training = finding.web_services(Session())
        return cls(root, scoring["Id"], training["Id"])

    def blob(self, model: str) -> Blob:
        return Blob(Session().storage_account(), "models", f"{model}.ilearner")

    def data(self, model: str) -> bytes:
        """The bytes of a model's blob."""
        return (self.root / "storage" / self.blob(model).account / f"models/{model}.ilearner").read_bytes()

    def digest(self, model: str) -> str:
        return sha256(self.data(model)).hexdigest()

    def location(self, model: str, *, signed: datetime | None = None) -> dict[str, str]:
        """Where a model is, as a job's status says it; signed now, or at another time."""
        found = references.signed_reference(Session(), self.blob(model))
        if signed is not None:
            blob = self.blob(model)
            key = Session().store.secrets.account_key(blob.account)
            assert key is not None
            found["SasBlobToken"] = sas.sign(key, blob.account, blob.name, now=signed)
        return {name: value for name, value in found.items() if value is not None}

    def patch(self, endpoint: str, model: str, *more: str, service: str = SCORING, **changed: str) -> list[str]:
        """The words that patch an endpoint; `changed` gives other values by the parameters' names."""
        given = {"ResourceName": RESOURCE, **self.location(model), **changed}
        words = [word for name, value in given.items() for word in (f"-{name}", value)]
        return ["Patch-AmlWebServiceEndpoint", "-WebServiceId", service, "-EndpointName", endpoint, *words, *more]

    def files(self, *parts: str) -> dict[str, bytes]:
        """Every file below a part of the home, with its bytes; locks left out."""
        return _files(self.root.joinpath(*parts))

    def endpoint(self, name: str) -> dict[str, bytes]:
        """Every file of an endpoint of `SCORING`."""
        return self.files("workspaces", Session().workspace, "webservices", self.service, "endpoints", name)

    def everything(self) -> dict[str, bytes]:
        """Every file of the home and of the configuration."""
        return self.files() | _files(Path(os.environ["MLMGMT_CONFIG"]))


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".lock"
    }


def scored(mlmgmt: Callable[..., Any], endpoint: str, service: str = SCORING) -> float:
    """What an endpoint answers to `REQUEST`."""
    Path("request.csv").write_text(REQUEST)
    words = ["score", "-WebServiceId", service, "-EndpointName", endpoint, "-Input", "request.csv"]
    table = mlmgmt(words, ok=True).json["Results"]["output1"]["value"]
    return float(table["Values"][0][table["ColumnNames"].index("Scored Labels")])


def answers(mlmgmt: Callable[..., Any], endpoint: str, hundreds: int, service: str = SCORING) -> bool:
    """Whether an endpoint answers with the model that learnt `rentals(hundreds)`."""
    return abs(scored(mlmgmt, endpoint, service) - answer(hundreds)) < 0.01


def history(mlmgmt: Callable[..., Any], endpoint: str = "loc001") -> list[dict[str, Any]]:
    """The history of an endpoint of `SCORING`, newest first."""
    found: list[dict[str, Any]] = mlmgmt(["history", *AT, endpoint], ok=True).json
    return found


def experiment(**changed: Any) -> dict[str, Any]:
    """The predictive experiment, changed in the home as one that was drawn anew: some of its properties.

    Args:
        changed: values of properties, None for those that it loses; `model` the uri of its trained model.
    """
    session = Session()
    body = next(body for body in session.experiments.all() if body["Description"] == SCORING)
    properties = body["Definition"]["properties"]
    if (uri := changed.pop("model", None)) is not None:
        (asset,) = (asset for asset in properties["assets"].values() if asset["name"] == RESOURCE)
        asset["locationInfo"]["uri"] = uri
    kept = {name: value for name, value in (properties | changed).items() if value is not None}
    body["Definition"]["properties"] = kept
    session.experiments.write(body)
    return body
