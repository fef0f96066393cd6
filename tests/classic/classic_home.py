"""A home with Classic web services, and models to patch their endpoints; it is made once and copied for each test."""

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
"""Models for `SCORING`: by name, the argument of `rentals` for the table that each was trained on."""
OTHER_COLUMNS, OTHER_TASK = "othercolumns", "othertask"


def rentals(hundreds: int, rows: int = 60) -> str:
    """Return a table in which `cnt` is simple arithmetic, so that a score shows which table a model was trained on."""
    lines = (f"{n % 24},{n % 11 / 10},{100 * hundreds + 2 * (n % 24) + 10 * (n % 11) / 10}" for n in range(rows))
    return "\n".join(["hour,temp,cnt", *lines]) + "\n"


REQUEST = "hour,temp,cnt\n10,0.5,0\n"


def answer(hundreds: int) -> float:
    """Return the score of `REQUEST` with a model that was trained on `rentals(hundreds)`."""
    return 100 * hundreds + 25


def _train_model(name: str, task: str, label: str, table: str) -> Blob:
    """Train a model with an experiment, remove the experiment, and return the model's blob."""
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
            _train_all()
        for name in (SCORING, TRAINING):
            run("deploy", name)
        for name in ("loc001", "loc002"):
            run("add-endpoint", "-WebServiceId", SCORING, "-EndpointName", name)
    for table in work.glob("*.csv"):
        table.unlink()


def _train_all() -> None:
    """Make the models, and the experiments of the web services."""
    for line in HOME:
        run(*line.split())
    for name, hundreds in MODELS.items():
        _train_model(name, "regression", "cnt", rentals(hundreds))
    _train_model(OTHER_COLUMNS, "regression", "cnt", rentals(1).replace("temp", "humidity"))
    busy = (line.split(",") for line in rentals(0).splitlines()[1:])
    busy_table = "".join(f"{hour},{temp},{'yes' if float(cnt) > 25 else 'no'}\n" for hour, temp, cnt in busy)
    _train_model(OTHER_TASK, "binary", "busy", "hour,temp,busy\n" + busy_table)
    Path("rentals.csv").write_text(rentals(0))
    run("new-experiment", TRAINING, "-Task", "regression", "-Label", "cnt", "-Data", "rentals.csv")
    run("set-up-web-service", TRAINING, "-Predictive")
    run("set-up-web-service", TRAINING, "-Retraining")


@dataclass(frozen=True)
class Bikes:
    """A copy of that home for one test.

    Args:
        root: its folder.
        service: the id of `SCORING`; `training` that of `TRAINING`.
    """

    root: Path
    service: str
    training: str

    @classmethod
    def from_copy(cls, prepared: Path, work: Path, config: Path) -> Bikes:
        """Copy the home into the working folder and the configuration of a test."""
        root = copy(prepared, work, config)
        scoring, training = finding.web_services(Session())
        return cls(root, scoring["Id"], training["Id"])

    def blob(self, model: str) -> Blob:
        return Blob(Session().storage_account(), "models", f"{model}.ilearner")

    def data(self, model: str) -> bytes:
        """Return the bytes of a model's blob."""
        return (self.root / "storage" / self.blob(model).account / f"models/{model}.ilearner").read_bytes()

    def digest(self, model: str) -> str:
        return sha256(self.data(model)).hexdigest()

    def location(self, model: str, *, signed: datetime | None = None) -> dict[str, str]:
        """Return the location of a model, as the status of a job has it; signed now or at another time."""
        found = references.signed_reference(Session(), self.blob(model))
        if signed is not None:
            blob = self.blob(model)
            key = Session().store.secrets.account_key(blob.account)
            assert key is not None
            found["SasBlobToken"] = sas.sign(key, blob.account, blob.name, now=signed)
        return {name: value for name, value in found.items() if value is not None}

    def patch(self, endpoint: str, model: str, *more: str, service: str = SCORING, **changed: str) -> list[str]:
        """Return the words that patch an endpoint; `changed` has other values, by the names of parameters."""
        given = {"ResourceName": RESOURCE, **self.location(model), **changed}
        words = [word for name, value in given.items() for word in (f"-{name}", value)]
        return ["Patch-AmlWebServiceEndpoint", "-WebServiceId", service, "-EndpointName", endpoint, *words, *more]

    def files(self, *parts: str) -> dict[str, bytes]:
        """Return every file in a part of the home, with its bytes, except locks."""
        return _files(self.root.joinpath(*parts))

    def endpoint(self, name: str) -> dict[str, bytes]:
        """Return every file of an endpoint of `SCORING`."""
        return self.files("workspaces", Session().workspace, "webservices", self.service, "endpoints", name)

    def everything(self) -> dict[str, bytes]:
        """Return every file of the home and of the configuration."""
        return self.files() | _files(Path(os.environ["MLMGMT_CONFIG"]))


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".lock"
    }


def score(mlmgmt: Callable[..., Any], endpoint: str, service: str = SCORING) -> float:
    """Return the score of `REQUEST` at an endpoint."""
    Path("request.csv").write_text(REQUEST)
    words = ["score", "-WebServiceId", service, "-EndpointName", endpoint, "-Input", "request.csv"]
    table = mlmgmt(words, ok=True).json["Results"]["output1"]["value"]
    return float(table["Values"][0][table["ColumnNames"].index("Scored Labels")])


def answers(mlmgmt: Callable[..., Any], endpoint: str, hundreds: int, service: str = SCORING) -> bool:
    """Whether an endpoint answers with the model that was trained on `rentals(hundreds)`."""
    return abs(score(mlmgmt, endpoint, service) - answer(hundreds)) < 0.01


def history(mlmgmt: Callable[..., Any], endpoint: str = "loc001") -> list[dict[str, Any]]:
    """Return the history of an endpoint of `SCORING`, newest first."""
    found: list[dict[str, Any]] = mlmgmt(["history", *AT, endpoint], ok=True).json
    return found


def experiment(**changed: Any) -> dict[str, Any]:
    """Change properties of the predictive experiment in the home, as if it was edited and run again.

    Args:
        changed: values of properties, None to remove one; `model` the uri of its trained model.
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
