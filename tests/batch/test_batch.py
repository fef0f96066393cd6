"""Batch jobs from start to end: valid and invalid documents, and workers that run, crash and are cancelled."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import pytest

from mlmgmt.errors import MlmgmtError
from mlmgmt.modules.columns import selection_of
from mlmgmt.store import blobs, sas
from mlmgmt.verbs.batch import jobs, worker, workers
from mlmgmt.verbs.session import Session
from mlmgmt.verbs.storage import references
from tests.conftest import FIXTURES, Command, environment
from tests.learning.graphs import definition

if TYPE_CHECKING:
    from collections.abc import Iterator

AT = "-g retail -n "
SLEEPER = "import os, sys, time; os.pwrite(int(sys.argv[-1]), str(os.getpid()).encode(), 0); time.sleep(100)"


def deploy(mlmgmt: Command, name: str, body: dict[str, Any]) -> None:
    Path(f"{name}.json").write_text(json.dumps(body))
    mlmgmt(f"new -g retail -l southcentralus -n {name} -DefinitionFile {name}.json -Force", ok=True)


def query_definition() -> dict[str, Any]:
    """A service with one input and one table output, the result of the query in the parameter `Query`."""
    body = definition(
        {
            "in": "input:input1",
            "sql": ("Apply SQL Transformation", {"SQL Query Script": "none"}),
            "out": "output:output1",
        },
        ["in > sql.Table1", "sql.Results dataset > out"],
        inputs={"input1": {"age": "Integer", "city": "String"}},
        parameters={"Query": {"value": "select city, age + 1 as next from t1"}},
    )
    link = {"nodeId": "sql", "parameterKey": "SQL Query Script"}
    body["properties"]["package"]["graphParameters"] = {"Query": {"type": "string", "links": [link]}}
    return body


def training_definition() -> dict[str, Any]:
    """A service whose output1 is a trained model and output2 its evaluation. `L1` has a default; `L2` has none."""
    learner = {"L1 Regularization weight": "0", "Optimization Tolerance": "1e-12"}
    body = definition(
        {
            "in": "input:input1",
            "learner": ("Two-Class Logistic Regression", learner),
            "train": ("Train Model", {"Label column": selection_of("bought")}),
            "score": "Score Model",
            "evaluate": "Evaluate Model",
            "model": "output:output1",
            "metrics": "output:output2",
        },
        [
            "learner > train.Untrained model",
            "in > train.Dataset",
            "train > score.Trained model",
            "in > score.Dataset",
            "score > evaluate.Scored dataset",
            "train > model",
            "evaluate > metrics",
        ],
        inputs={"input1": {"age": "Integer", "income": "Number", "bought": "Integer"}},
        parameters={"L1": {"value": "0"}},
    )
    body["properties"]["package"]["graphParameters"] = {
        name: {"type": "float", "links": [{"nodeId": "learner", "parameterKey": key}]}
        for name, key in (("L1", "L1 Regularization weight"), ("L2", "L2 Regularizaton weight"))
    }
    return body


def people(rows: int = 80) -> str:
    lines = [f"{20 + n % 50},{1000.5 + 37 * (n % 23)},{int((n * 7) % 50 + n % 23 > 34)}" for n in range(rows)]
    return "\n".join(["age,income,bought", *lines]) + "\n"


@pytest.fixture
def query(mlmgmt: Command, home: Path) -> Path:
    """The service `query`, and `rows.csv`."""
    deploy(mlmgmt, "query", query_definition())
    Path("rows.csv").write_text("age,city\n30,Oslo\n41,Bern\n")
    return home


@pytest.fixture
def account(home: Path) -> str:
    return Session().store.blobs.accounts()[0]


def put(account: str, name: str, text: str) -> None:
    container, _, path = name.partition("/")
    Session().store.blobs.write(blobs.Blob(account, container, path), text.encode())


def blob_text(home: Path, place: dict[str, str]) -> str:
    found = re.fullmatch(r"https://(\w+)\.blob\.core\.windows\.net/", place["BaseLocation"])
    assert found is not None
    return (home / "storage" / found[1] / place["RelativeLocation"]).read_text()


def connection(account: str) -> str:
    key = Session().store.secrets.account_key(account)
    return f"DefaultEndpointsProtocol=https;AccountName={account};AccountKey={key};EndpointSuffix=core.windows.net"


def submit(mlmgmt: Command, service: str, job: dict[str, Any]) -> str:
    Path("job.json").write_text(json.dumps(job))
    return str(mlmgmt(f"batch submit {AT}{service} job.json", ok=True).json["JobId"])


def status(mlmgmt: Command, service: str, job: str) -> dict[str, Any]:
    found: dict[str, Any] = mlmgmt(f"batch status {AT}{service} {job}", ok=True).json
    return found


def until(what: Any) -> None:
    """Wait until a condition is true, for a long time on a slow machine."""
    for _ in range(6000):
        if what():
            return
        time.sleep(0.02)
    raise AssertionError("it never came")


@contextmanager
def no_processor_free(home: Path) -> Iterator[None]:
    """Hold all processor locks, so that workers run but do not compute."""
    with ExitStack() as stack:
        (home / "jobs").mkdir(exist_ok=True)
        for place in range(os.cpu_count() or 1):
            stack.enter_context(filelock.FileLock(home / "jobs" / f"processor-{place}.lock"))
        yield


def worker_of(home: Path, service: str, job: str) -> int:
    path = home / "jobs" / "retail" / service / job / "worker.lock"
    until(lambda: path.is_file() and path.read_text())
    return int(path.read_text())


def ended(pid: int) -> bool:
    """Return whether a process has ended; it may still be a zombie."""
    workers._reap()
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


def submit_many(session: Session, count: int) -> list[str]:
    """Submit jobs of the web service `query` for the same row, without starting them; returns their ids."""
    account = session.store.blobs.accounts()[0]
    put(account, "data/rows.csv", "age,city\n1,Bern\n")
    place = {"BaseLocation": f"https://{account}.blob.core.windows.net/", "RelativeLocation": "data/rows.csv"}
    request = {"Inputs": {"input1": place}}
    return [jobs.submit(session, group="retail", name="query", request=request) for _ in range(count)]


def kill_and_wait(pid: int) -> None:
    """Kill a worker, and wait until it has ended."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: ended(pid))


def every_file(home: Path) -> str:
    return "\n".join(path.read_bytes().decode(errors="replace") for path in home.rglob("*") if path.is_file())


class TestTheDocumentedJob:
    def test_a_training_job_gives_a_model_and_its_evaluation(self, mlmgmt: Command, home: Path, account: str) -> None:
        """The document is that of the retraining walkthrough: a leading slash, nulls, and a required parameter."""
        from sklearn.linear_model import LogisticRegression

        from mlmgmt.learning import ilearner

        deploy(mlmgmt, "train", training_definition())
        put(account, "data/people.csv", people())
        text = connection(account)
        reference = {"ConnectionString": text, "BaseLocation": None, "SasBlobToken": None}
        body = {
            "Inputs": {"input1": {**reference, "RelativeLocation": "/data/people.csv"}},
            "Outputs": {
                "output1": {**reference, "RelativeLocation": "models/output1results.ilearner"},
                "output2": {**reference, "RelativeLocation": "models/output2results.csv"},
            },
            "GlobalParameters": {"L2": "0.25"},
        }
        job = submit(mlmgmt, "train", body)
        assert re.fullmatch("[0-9a-f]{32}", job)
        waiting = status(mlmgmt, "train", job)
        assert (waiting["StatusCode"], waiting["Results"], waiting["Details"]) == ("NotStarted", None, None)
        running = mlmgmt(f"batch start {AT}train {job}", ok=True).json
        assert (running["StatusCode"], running["Results"]) == ("Running", None)
        done = mlmgmt(f"batch wait {AT}train {job} --output-folder .", ok=True).json
        assert done["StatusCode"] == "Finished"
        assert done["Details"] is None
        base = f"https://{account}.blob.core.windows.net/"
        for port, place in (("output1", "models/output1results.ilearner"), ("output2", "models/output2results.csv")):
            result = done["Results"][port]
            assert list(result) == ["ConnectionString", "RelativeLocation", "BaseLocation", "SasBlobToken"]
            assert (result["ConnectionString"], result["RelativeLocation"]) == (None, place)
            assert result["BaseLocation"] == base
            assert result["SasBlobToken"].startswith("?sv=2015-02-21&sr=b&sig=")
        assert [node["Module"] for node in done["Nodes"]][-1] == "Evaluate Model"
        assert sorted(done["Files"]) == ["output1.ilearner", "output2.csv"]

        rows = [[float(cell) for cell in row] for row in csv.reader(io.StringIO(people())) if row[0] != "age"]
        manifest = ilearner.manifest(Path("output1.ilearner").read_bytes())
        assert manifest["parameters"]["L2 Regularizaton weight"] in (0.25, "0.25")
        with open("output2.csv", newline="") as file:
            metrics = next(csv.DictReader(file))
        ages = [row[0] for row in rows]
        scaled = [[(a - min(ages)) / (max(ages) - min(ages)), (i - 1000.5) / (37 * 22)] for a, i, _ in rows]
        fitted = LogisticRegression(C=4.0, tol=1e-12, max_iter=1000).fit(scaled, [row[2] for row in rows])
        assert float(metrics["Accuracy"]) == pytest.approx(fitted.score(scaled, [row[2] for row in rows]))

        again = mlmgmt(f"batch start {AT}train {job}")
        assert again.status == 1
        assert "InvalidOperation" in again.err
        assert "CannotStartJob" in again.err
        assert mlmgmt(f"batch wait {AT}train {job} --output-folder .").status == 1
        mlmgmt(f"batch wait {AT}train {job} --output-folder . -Force", ok=True)
        assert mlmgmt(f"batch cancel {AT}train {job}", ok=True).json["StatusCode"] == "Finished"
        key = text.split("AccountKey=")[1].split(";")[0]
        assert key not in every_file(home)
        assert done["Results"]["output1"]["SasBlobToken"].split("sig=")[1].split("&")[0] not in every_file(home)

    def test_a_predictive_job_gives_the_same_scores_as_the_service(self, mlmgmt: Command, churn: Path) -> None:
        """The input has no header and a blank in its name; the output is separated by tabs."""
        lines = Path("new-customers.csv").read_text().splitlines(keepends=True)[:41]
        Path("some.csv").write_text("".join(lines))
        scored = mlmgmt("score -g retail -n churn --input some.csv", ok=True).json["Results"]["output1"]["value"]
        names = Session().store.services.latest(Session().service_id("retail", "churn"))
        assert names is not None
        declared = list(names.document["properties"]["input"]["properties"]["input1"]["properties"])
        with open("some.csv", newline="") as file:
            rows = [[row.get(name, "") for name in declared] for row in csv.DictReader(file)]
        with open("bare rows.nh.csv", "w", newline="") as file:
            csv.writer(file).writerows(rows)
        words = f"batch submit {AT}churn -Inputs 'bare rows.nh.csv' -Outputs scores/march.tsv -Start"
        done = mlmgmt(words, ok=True).json
        result = mlmgmt(f"batch wait {AT}churn {done['JobId']} -OutputFolder .", ok=True).json
        assert result["Results"]["output1"]["RelativeLocation"] == "scores/march.tsv"
        with open("output1.tsv", newline="") as file:
            table = list(csv.DictReader(file, delimiter="\t"))
        assert len(table) == 40
        place = scored["ColumnNames"].index("Scored Labels"), scored["ColumnNames"].index("Scored Probabilities")
        assert [row["Scored Labels"] for row in table] == [row[place[0]] for row in scored["Values"]]
        assert [float(row["Scored Probabilities"]) for row in table] == pytest.approx(
            [float(row[place[1]]) for row in scored["Values"]]
        )

    @pytest.mark.parametrize("form", ["connection", "connection without a key", "base and signature", "base", "single"])
    def test_every_form_of_a_blob_reference_is_accepted(
        self, mlmgmt: Command, query: Path, account: str, form: str
    ) -> None:
        put(account, "data/new rows#1.csv", "age,city\n1,Bern\n")
        key = Session().store.secrets.account_key(account)
        assert key is not None
        now = datetime.now(UTC)
        base = f"https://{account}.blob.core.windows.net/"
        reading = sas.sign(key, account, "data/new rows#1.csv", now=now)
        writing = sas.sign(key, account, "out/a.csv", now=now, permissions="rw")
        given: dict[str, Any] = {
            "connection": {"ConnectionString": connection(account)},
            "connection without a key": {"connectionstring": f"AccountName={account}", "SasBlobToken": ""},
            "base and signature": {"BaseLocation": base, "SasBlobToken": reading, "ConnectionString": None},
            "base": {"BASELOCATION": base.rstrip("/")},
            "single": {"BaseLocation": base + "data/"},
        }[form]
        name = "new rows#1.csv" if form == "single" else "data/new%20rows%231.csv"
        source = given | {"RelativeLocation": name}
        goal: dict[str, Any] = {"BaseLocation": base, "RelativeLocation": "out/a.csv", "SasBlobToken": writing}
        body = {"inputs": {"input1": source}, "Outputs": {"output1": goal}, "GLOBALPARAMETERS": None}
        if form == "single":
            body = {"Input": source, "Output": goal, "Inputs": None, "GlobalParameters": {}}
        submit(mlmgmt, "query", body)
        written = [json.loads(path.read_text()) for path in query.glob("jobs/*/*/*/job.json")]
        place = {"account": account, "container": "data", "path": "new rows#1.csv"}
        assert [job["inputs"] for job in written] == [{"input1": place}]
        assert written[0]["outputs"]["output1"]["path"] == "a.csv"
        assert "sig=" not in every_file(query / "jobs")
        assert key not in every_file(query)


def changed(what: str, value: Any) -> Any:
    """Return a function that sets a member of the valid document, or deletes it if the value is `...`."""

    def change(body: dict[str, Any]) -> None:
        *way, last = what.split(".")
        part = body
        for name in way:
            part = part[name]
        if value is ...:
            del part[last]
        else:
            part[last] = value

    return change


IN, OUT = "Inputs.input1", "Outputs.output1"
REFUSALS = [
    (changed("Inputs", ...), "BatchJobInputsNotSpecified"),
    (changed("Inputs", None), "BatchJobInputsNotSpecified"),
    (changed("Inputs.input2", {}), "BatchJobInputsTooManySpecified"),
    (changed("Inputs", {"Input1": {}}), "InvalidInputNames"),
    (changed("Input", {}), "DuplicateInputInBatchCall"),
    (changed("Output", {}), "DuplicateInputInBatchCall"),
    (changed(IN, None), "MissingInputBlobInformation"),
    (changed(IN, {}), "MissingInputBlobInformation"),
    (changed(IN, "rows.csv"), "InvalidBlob"),
    (changed(f"{IN}.RelativeLocation", ""), "InputBlobRelativeLocationInvalid"),
    (changed(f"{IN}.RelativeLocation", "data/"), "InputBlobRelativeLocationInvalid"),
    (changed(f"{IN}.RelativeLocation", "rows.csv"), "ContainerIsEmpty"),
    (changed(f"{IN}.RelativeLocation", "My_Data/rows.csv"), "ContainerSegmentInvalid"),
    (changed(f"{IN}.RelativeLocation", "data/../../x.csv"), "InvalidBlob"),
    (changed(f"{IN}.RelativeLocation", "data/rows.csv?sv=2015-02-21&sig=hush"), "InvalidBlob"),
    (changed(f"{IN}.RelativeLocation", "data/rows.xlsx"), "InvalidBlobExtension"),
    (changed(f"{IN}.RelativeLocation", "data/rows"), "InvalidBlobExtension"),
    (changed(f"{IN}.RelativeLocation", "data/none.csv"), "BlobNotFound"),
    (changed(f"{IN}.ConnectionString", "AccountName=elsewhere;AccountKey=aGk="), "BlobNotFound"),
    (changed(f"{IN}.ConnectionString", "UseDevelopmentStorage=true"), "InvalidBlobConnectionString"),
    (changed(f"{IN}.ConnectionString", "AccountName=a/../b#"), "InvalidBlobConnectionString"),
    (changed(f"{IN}.SasBlobToken", "?sv=2015-02-21&sr=b&sig=aGk%3D&st=a&se=b&sp=r"), "InvalidBlob"),
    (changed(f"{IN}.SasBlobToken", "hush"), "InvalidBlob"),
    (changed(IN, {"BaseLocation": "file:///etc/", "RelativeLocation": "data/rows.csv"}), "InvalidBlob"),
    (changed(IN, {"BaseLocation": "https://[", "RelativeLocation": "data/rows.csv"}), "InvalidBlob"),
    (changed(IN, {"BaseLocation": "https://example.com/", "RelativeLocation": "a/b.csv"}), "InvalidBlob"),
    (changed("Outputs.output2", {}), "InvalidOutputOverrideName"),
    (changed("Outputs.Output1", {}), "InvalidOutputOverrideName"),
    (changed(OUT, None), "MissingOutputOverrideSpecification"),
    (changed(f"{OUT}.RelativeLocation", None), "MissingOutputOverrideSpecification"),
    (changed(f"{OUT}.RelativeLocation", "out/a.ilearner"), "InvalidBlobExtension"),
    (changed(f"{OUT}.RelativeLocation", "data/rows.csv"), "InvalidBlob"),
    (changed(f"{OUT}.RelativeLocation", f"out/{'é' * 60}.csv"), "BlobNameTooLong"),
    (changed("GlobalParameters", {"Qwery": "1"}), "UnexpectedParameter"),
    (changed("GlobalParameters", {"Query": "1", "query": "2"}), "UnexpectedParameter"),
    (changed("GlobalParameters", {"Query": ["1"]}), "DataTypeNotSupported"),
    (changed("GlobalParameters", [1]), "RequestBodyInvalid"),
    (changed("Inputs", "rows.csv"), "RequestBodyInvalid"),
    (changed("inputs", {}), "RequestBodyInvalid"),
    (changed("Inptus", {}), "RequestBodyInvalid"),
]


class TestRefusedAtSubmit:
    @pytest.fixture
    def good(self, query: Path, account: str) -> dict[str, Any]:
        put(account, "data/rows.csv", "age,city\n1,Bern\n")
        text = connection(account)
        return {
            "Inputs": {"input1": {"ConnectionString": text, "RelativeLocation": "data/rows.csv"}},
            "Outputs": {"output1": {"ConnectionString": text, "RelativeLocation": "out/a.csv"}},
            "GlobalParameters": {"Query": "select 1 as one"},
        }

    def test_each_mistake_has_the_code_of_the_service(self, query: Path, good: dict[str, Any]) -> None:
        session = Session()
        assert jobs.submit(session, group="retail", name="query", request=good)
        for change, code in REFUSALS:
            body = json.loads(json.dumps(good))
            change(body)
            with pytest.raises(MlmgmtError) as refused:
                jobs.submit(session, group="retail", name="query", request=body)
            assert refused.value.codes() == ("BadArgument", code), body
            assert refused.value.http_status == 400
            assert refused.value.target
            assert "hush" not in f"{refused.value} {refused.value.details}"
        assert len(list(session.store.jobs.of(session.service_id("retail", "query")))) == 1

    def test_a_wrong_key_or_signature_is_refused(self, good: dict[str, Any], account: str) -> None:
        session = Session()
        key = session.store.secrets.account_key(account)
        assert key is not None
        wrong = json.loads(json.dumps(good))
        wrong["Inputs"]["input1"]["ConnectionString"] = f"AccountName={account};AccountKey={key[:-6]}AAAA=="
        late = json.loads(json.dumps(good))
        old = sas.sign(key, account, "data/rows.csv", now=datetime.now(UTC) - timedelta(days=2))
        late["Inputs"]["input1"]["SasBlobToken"] = old
        reading = json.loads(json.dumps(good))
        reading["Outputs"]["output1"]["SasBlobToken"] = sas.sign(key, account, "out/a.csv", now=datetime.now(UTC))
        for body, code in ((wrong, "InvalidBlobConnectionString"), (late, "InvalidBlob"), (reading, "InvalidBlob")):
            with pytest.raises(MlmgmtError) as refused:
                jobs.submit(session, group="retail", name="query", request=body)
            assert refused.value.codes() == ("BadArgument", code)
            assert key not in f"{refused.value.message} {refused.value.details}"

    def test_parameters_are_checked_before_anything_runs(self, mlmgmt: Command, home: Path, account: str) -> None:
        deploy(mlmgmt, "train", training_definition())
        put(account, "data/people.csv", people())
        place = {"BaseLocation": f"https://{account}.blob.core.windows.net/", "RelativeLocation": "data/people.csv"}
        session = Session()
        for parameters, code in (
            ({}, "MissingRequiredGlobalParameters"),
            ({"L2": None}, "MissingRequiredGlobalParameters"),
            ({"L2": "much"}, "BadParameterValue"),
            ({"L2": "-1"}, "BadParameterValue"),
        ):
            request = {"Inputs": {"input1": place}, "GlobalParameters": parameters}
            with pytest.raises(MlmgmtError) as refused:
                jobs.submit(session, group="retail", name="train", request=request)
            assert refused.value.codes() == ("BadArgument", code), parameters
        request = {"Inputs": {"input1": place}, "GlobalParameters": {"l2": 1, "L1": 0.5}}
        assert jobs.submit(session, group="retail", name="train", request=request)
        single = {
            "Input": place,
            "Output": {**place, "RelativeLocation": "models/m.ilearner"},
            "GlobalParameters": {"L2": "1"},
        }
        with pytest.raises(MlmgmtError) as refused:
            jobs.submit(session, group="retail", name="train", request=single)
        assert refused.value.codes() == ("InvalidOperation", "IncompatibleModel")
        bad = {"Inputs": {"input1": place}, "Outputs": {"output1": {**place, "RelativeLocation": "models/m.csv"}}}
        with pytest.raises(MlmgmtError) as refused:
            jobs.submit(session, group="retail", name="train", request=bad | {"GlobalParameters": {"L2": "1"}})
        assert refused.value.codes() == ("BadArgument", "InvalidBlobExtension")
        assert "must end in one of: .ilearner" in refused.value.details[0].message

    def test_several_inputs_must_be_given_by_name(self, mlmgmt: Command, home: Path) -> None:
        nodes = {"a": "input:left", "b": "input:right", "add": "Add Rows", "out": "output:output1"}
        columns = {"left": {"n": "Integer"}, "right": {"n": "Integer"}}
        edges = ["a > add.Dataset1", "b > add.Dataset2", "add > out"]
        deploy(mlmgmt, "both", definition(nodes, edges, inputs=columns))
        Path("n.csv").write_text("n\n1\n")
        refused = mlmgmt(f"batch submit {AT}both -Inputs n.csv")
        assert refused.status == 1
        assert "MultipleInputsNotAllowed" in refused.err
        assert "left, right" in refused.err
        assert "'right'" in mlmgmt(f"batch submit {AT}both -Inputs left=n.csv").err
        mlmgmt(f"batch submit {AT}both -Inputs left=n.csv,right=n.csv", ok=True)
        assert mlmgmt(f"batch submit {AT}both -Inputs left=n.csv,left=n.csv").status == 1

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            ("-Inputs none.csv", "FileNotFound"),
            ("-Inputs .", "NotAFile"),
            ("-Inputs notes.txt", "InvalidBlobExtension"),
            ("-Inputs rows.csv,rows.csv", "UserParameterInvalid"),
            ("-Inputs other=rows.csv", "InvalidInputNames"),
            ("-Inputs rows.csv -Outputs a.csv", "ContainerIsEmpty"),
            ("-Inputs rows.csv -Outputs x/a.csv,x/b.csv", "UserParameterInvalid"),
            ("-Inputs rows.csv -Parameters Query", "BadParameterValue"),
            ("-Inputs rows.csv -Parameters Query=1,Query=2", "UserParameterInvalid"),
            ("-Inputs rows.csv -Parameters Other=1", "UnexpectedParameter"),
            ("", "BatchJobInputsNotSpecified"),
            ("-JobFile '{}' -Inputs rows.csv", "DuplicateInputInBatchCall"),
        ],
    )
    def test_refused_files_are_not_copied_into_the_home(
        self, mlmgmt: Command, query: Path, words: str, code: str
    ) -> None:
        Path("notes.txt").write_text("age\n1\n")
        refused = mlmgmt(f"batch submit {AT}query {words}")
        assert refused.status == 1
        assert code in refused.err
        assert not list(query.glob("storage/*/experimentinput/*"))
        assert not (query / "jobs").exists()

    @pytest.mark.parametrize("verb", ["start", "status", "cancel", "wait"])
    @pytest.mark.parametrize("wrong", ["0" * 32, "..", "x" * 300, "%2e", "{job}/.."])
    def test_an_unknown_service_or_job_is_named(self, mlmgmt: Command, query: Path, verb: str, wrong: str) -> None:
        assert "WebServiceNotFound" in mlmgmt(f"batch submit {AT}nothing -Inputs rows.csv").err
        job = mlmgmt(f"batch submit {AT}query -Inputs rows.csv", ok=True).json["JobId"]
        wrong = wrong.format(job=job)
        refused = mlmgmt(f"batch {verb} {AT}query {wrong}")
        assert refused.status == 1
        assert "JobNotFound" in refused.err
        assert job in refused.err

    def test_a_reader_can_look_but_not_change(self, mlmgmt: Command, query: Path) -> None:
        job = mlmgmt(f"batch submit {AT}query -Inputs rows.csv", ok=True).json["JobId"]
        mlmgmt("Connect-AzAccount -AccountId bob@example.com -Role Reader", ok=True)
        before = every_file(query)
        for words in (f"submit {AT}query -Inputs rows.csv", f"start {AT}query {job}", f"cancel {AT}query {job}"):
            assert "AuthorizationFailed" in mlmgmt(f"batch {words}").err
        assert status(mlmgmt, "query", job)["StatusCode"] == "NotStarted"
        assert every_file(query) == before


class TestWorkers:
    def test_a_worker_outlives_its_shell_and_runs_its_own_revision(self, mlmgmt: Command, query: Path) -> None:
        """The configuration folder is a relative path, the home has a file named like a module, and the service is
        changed and removed while the job runs."""
        (query / "json.py").write_text("raise SystemExit('code of the home was run')")
        shutil.copytree(os.environ["MLMGMT_CONFIG"], "kept")
        words = [sys.executable, "-m", "mlmgmt", "batch", "submit", "-g", "retail", "-n", "query"]
        words += ["-Inputs", "rows.csv", "-Start", "-o", "json"]
        script = f"import subprocess, sys, time; subprocess.run({words!r}, check=True); time.sleep(1000)"
        with (
            no_processor_free(query),
            subprocess.Popen(
                [sys.executable, "-c", script],
                stdout=subprocess.PIPE,
                env=environment(MLMGMT_CONFIG="kept"),
                start_new_session=True,
            ) as shell,
        ):
            assert shell.stdout is not None
            text = ""
            while not text.rstrip().endswith('"Service": "query"\n}'):
                text += shell.stdout.readline().decode()
            job = json.loads(text)["JobId"]
            pid = worker_of(query, "query", job)
            os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
            assert status(mlmgmt, "query", job)["StatusCode"] == "Running"
            body = query_definition()
            del body["name"]
            body["properties"]["parameters"]["Query"]["value"] = "select 'another revision' as city"
            Path("query.json").write_text(json.dumps(body))
            mlmgmt("update -g retail -n query -ServiceUpdates query.json -Force", ok=True)
            mlmgmt("remove -g retail -n query -Force", ok=True)
            assert mlmgmt(f"batch start {AT}query {job}").status == 1
            os.kill(pid, 0)
        done = mlmgmt(f"batch wait {AT}query {job}", ok=True).json
        assert done["Revision"] == 1
        assert blob_text(query, done["Results"]["output1"]) == "city,next\nOslo,31\nBern,42\n"
        assert [row["JobId"] for row in mlmgmt(f"batch status {AT}query", ok=True).json] == [job]
        store = Session().store
        until(lambda: not store.jobs.is_worked_on(Session().service_id("retail", "query"), job))

    def test_a_failing_module_is_reported_without_its_secret_parameter(self, mlmgmt: Command, query: Path) -> None:
        """The parameter counts as a secret, as an address with a signature would; the module's message repeats it."""
        secret = "select age from t1 where rumpelstiltskin"
        words = ["batch", "submit", "-g", "retail", "-n", "query", "-Inputs", "rows.csv", "-Start"]
        job = mlmgmt([*words, "-Parameters", f"Query={secret}"], ok=True).json["JobId"]
        failed = mlmgmt(f"batch wait {AT}query {job}")
        assert failed.status == 1
        assert "ModuleExecutionError" in failed.err
        assert "JobFailed" in failed.err
        shown = status(mlmgmt, "query", job)
        assert (shown["StatusCode"], shown["Results"]) == ("Failed", None)
        assert "Apply SQL Transformation" in shown["Details"]
        assert re.search(r"Error\d{4}", shown["Details"])
        assert secret not in every_file(query)
        assert secret not in every_file(Path(os.environ["MLMGMT_CONFIG"]))

    def test_a_killed_job_fails_and_a_cancelled_job_is_cancelled(self, mlmgmt: Command, query: Path) -> None:
        """Both were running; neither leaves a result."""
        words = f"batch submit {AT}query -Inputs rows.csv -Start -Parameters 'Query=select city from t1'"
        with no_processor_free(query):
            killed, stopped = (mlmgmt(words, ok=True).json["JobId"] for _ in range(2))
            late = mlmgmt(f"batch wait {AT}query {killed} -Timeout 0.1")
            assert late.status == 1
            assert "JobTimeout" in late.err
            assert mlmgmt(f"batch wait {AT}query {killed} -Timeout nan").status == 1
            first, second = (worker_of(query, "query", job) for job in (killed, stopped))
            os.kill(first, signal.SIGKILL)
            assert mlmgmt(f"batch cancel {AT}query {stopped}", ok=True).json["StatusCode"] == "Cancelled"
            until(lambda: ended(first) and ended(second))
            refused = mlmgmt(f"batch wait {AT}query {killed}")
            assert f"The worker process {first} crashed or was killed" in refused.err
            refused = mlmgmt(f"batch wait {AT}query {stopped}")
            assert refused.status == 1
            assert "JobCancelled" in refused.err
        states = [row["StatusCode"] for row in mlmgmt(f"batch status {AT}query", ok=True).json]
        assert states == ["Cancelled", "Failed"]
        assert "CannotStartJob" in mlmgmt(f"batch start {AT}query {stopped}").err
        assert not list(query.glob("storage/*/experimentoutput/*"))
        assert "select city" not in every_file(Path(os.environ["MLMGMT_CONFIG"]) / "homes" / Session().store.home.id)

    def test_cancelling_a_job_ends_the_script_that_its_worker_runs(self, mlmgmt: Command, home: Path) -> None:
        source = (
            "import os, time\n"
            "def azureml_main(frame):\n"
            f"    open({str(Path('script.pid').absolute())!r}, 'w').write(str(os.getpid()))\n"
            "    time.sleep(1000)\n"
        )
        nodes = {"in": "input:input1", "py": ("Execute Python Script", {"R Script": source}), "out": "output:output1"}
        edges = ["in > py.Dataset1", "py.Result Dataset > out"]
        deploy(mlmgmt, "script", definition(nodes, edges, inputs={"input1": {"n": "Integer"}}))
        mlmgmt("allow-scripts", ok=True)
        Path("n.csv").write_text("n\n1\n")
        job = mlmgmt(f"batch submit {AT}script -Inputs n.csv -Start", ok=True).json["JobId"]
        until(lambda: Path("script.pid").is_file() and Path("script.pid").read_text())
        assert mlmgmt(f"batch cancel {AT}script {job}", ok=True).json["StatusCode"] == "Cancelled"
        until(lambda: ended(int(Path("script.pid").read_text())))


class TestTheQueue:
    @pytest.fixture
    def sleepers(self, query: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
        """Submitted jobs whose workers hold the job's lock and do nothing."""
        monkeypatch.setattr(workers, "_WORKER", SLEEPER)
        session = Session()
        found = submit_many(session, 45)
        yield found
        resource = session.service_id("retail", "query")
        for job in found:
            pid = session.store.jobs.worker(resource, job)
            if pid is not None and session.store.jobs.is_worked_on(resource, job):
                kill_and_wait(pid)

    def states(self) -> list[str]:
        session = Session()
        return [body["state"] for body in session.store.jobs.of(session.service_id("retail", "query"))]

    def test_forty_jobs_run_and_the_others_follow_in_turn(
        self, mlmgmt: Command, query: Path, sleepers: list[str]
    ) -> None:
        session = Session()
        for job in sleepers:
            jobs.start(session, group="retail", name="query", job=job)
        assert self.states() == ["Running"] * 40 + ["Queued"] * 5
        waiting = status(mlmgmt, "query", sleepers[40])
        assert (waiting["StatusCode"], waiting["Queued"]) == ("NotStarted", True)
        pids = [worker_of(query, "query", job) for job in sleepers[:3]]

        kill_and_wait(pids[0])
        # Asking for a queued job's status also finds the job whose worker died.
        assert status(mlmgmt, "query", sleepers[40])["StatusCode"] == "Running"
        assert self.states() == ["Failed"] + ["Running"] * 40 + ["Queued"] * 4

        mlmgmt(f"batch cancel {AT}query {sleepers[43]}", ok=True)
        mlmgmt(f"batch cancel {AT}query {sleepers[1]}", ok=True)
        assert self.states()[:2] == ["Failed", "Cancelled"]
        assert self.states()[41:] == ["Running", "Queued", "Cancelled", "Queued"]

        jobs.finish(session, session.service_id("retail", "query"), sleepers[2], state="Finished", results={})
        kill_and_wait(pids[2])
        assert self.states()[41:] == ["Running", "Running", "Cancelled", "Queued"]
        assert mlmgmt(f"batch start {AT}query {sleepers[44]}").status == 1
        with pytest.raises(MlmgmtError) as late:
            jobs.wait(session, group="retail", name="query", job=sleepers[44], timeout=0.1)
        assert late.value.codes()[-1] == "JobTimeout"

    def test_a_cancelled_job_s_outputs_are_not_written(self, query: Path, sleepers: list[str]) -> None:
        session = Session()
        resource = session.service_id("retail", "query")
        jobs.start(session, group="retail", name="query", job=sleepers[0])
        jobs.cancel(session, group="retail", name="query", job=sleepers[0])
        written: list[str] = []

        def keep() -> dict[str, blobs.Blob]:
            written.append("it was")
            return {}

        jobs.finish(session, resource, sleepers[0], keep=keep, state="Finished")
        assert written == []
        assert self.states()[0] == "Cancelled"

    def test_a_result_that_cannot_be_written_is_an_expected_error(self, query: Path, account: str) -> None:
        session = Session()
        blob = blobs.Blob(account, "abc", "a.csv")
        folder = query / "storage" / account / "abc" / "a.csv"
        folder.mkdir(parents=True)
        for place, code in (
            (blob, "InvalidBlob"),
            (replace(blob, path="x" * 250 + "." + "y" * 20), "HomeUnavailable"),
            (replace(blob, account="elsewhere"), "AccountNotRegistered"),
        ):
            with pytest.raises(MlmgmtError) as refused:
                worker._write_outputs(session, {"output1": (place, b"n\n1\n")})
            assert refused.value.codes()[-1] == code

    def test_a_job_whose_worker_cannot_be_started_fails(
        self, query: Path, sleepers: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        found = jobs.start(Session(), group="retail", name="query", job=sleepers[0])
        assert found["StatusCode"] == "Failed"
        assert "/nowhere/python" in found["Details"]


class TestEditedHomes:
    def job(self, mlmgmt: Command) -> str:
        words = ["batch", "submit", "-g", "retail", "-n", "query", "-Inputs", "rows.csv"]
        return str(mlmgmt([*words, "-Parameters", "Query=select 1 as n"], ok=True).json["JobId"])

    def edit(self, home: Path, job: str, **changes: Any) -> None:
        path = home / "jobs" / "retail" / "query" / job / "job.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    @pytest.mark.parametrize(
        "content", ["", "[]", "{}", '{"id": "x"}', '{"id": "BAD", "state": "Odd", "createdOn": "x"}']
    )
    def test_a_damaged_job_is_reported_and_does_not_block_the_others(
        self, mlmgmt: Command, query: Path, content: str
    ) -> None:
        bad, good = self.job(mlmgmt), self.job(mlmgmt)
        (query / "jobs" / "retail" / "query" / "notes.txt").write_text("mine")
        (query / "jobs" / "retail" / "query" / bad / "job.json").write_text(content.replace("BAD", bad))
        listed = mlmgmt(f"batch status {AT}query", ok=True)
        assert [row["JobId"] for row in listed.json] == [good]
        assert bad in listed.err
        assert "HomeDamaged" in mlmgmt(f"batch status {AT}query {bad}").err
        assert "HomeDamaged" in mlmgmt(f"batch cancel {AT}query {bad}").err
        assert mlmgmt(f"batch cancel {AT}query {good}", ok=True).json["StatusCode"] == "Cancelled"

    @pytest.mark.parametrize(
        "place",
        [
            {"account": "..", "container": "..", "path": "out.csv"},
            {"account": "abc", "container": "../../..", "path": "out.csv"},
            {"account": "abc", "container": "abc", "path": "../../../out.csv"},
            {"account": "abc", "container": "abc"},
            {"account": 1, "container": [], "path": None},
            {},
        ],
    )
    def test_an_edited_job_cannot_read_outside_the_storage_accounts(
        self, mlmgmt: Command, query: Path, place: dict[str, Any]
    ) -> None:
        with pytest.raises(MlmgmtError) as refused:
            references.from_document(place, "output1")
        assert refused.value.codes() == ("BadArgument", "InvalidBlob")
        job = self.job(mlmgmt)
        self.edit(query, job, state="Finished", results={"output1": place})
        assert "InvalidBlob" in mlmgmt(f"batch status {AT}query {job}").err

    def test_a_copied_home_shows_jobs_but_starts_none(
        self, mlmgmt: Command, query: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        running, queued, fresh = (self.job(mlmgmt) for _ in range(3))
        self.edit(query, running, state="Running", startedOn="2026-01-01T00:00:00.0000000Z")
        self.edit(query, queued, state="Queued", queuedOn="2026-01-01T00:00:00.0000000Z")
        shutil.copytree(query, "copy/.mlmgmt")
        monkeypatch.chdir("copy")
        before = every_file(Path(".mlmgmt"))
        found = mlmgmt(f"batch status {AT}query {running}", ok=True).json
        assert found["StatusCode"] == "Failed"
        assert "crashed or was killed" in found["Details"]
        assert mlmgmt(f"batch status {AT}query {queued}", ok=True).json["Queued"]
        for words in (f"wait {AT}query {queued}", f"start {AT}query {fresh}", f"cancel {AT}query {fresh}"):
            assert "HomeNotTrusted" in mlmgmt(f"batch {words}").err
        assert every_file(Path(".mlmgmt")) == before

        # Even a trusted copy lacks the parameter values, which are secrets; the job must not run with defaults.
        mlmgmt("trust-home", ok=True)
        session = replace(Session(), tell=lambda _: None)
        resource = session.service_id("retail", "query")
        body = session.store.jobs.read(resource, fresh)
        assert body is not None
        with pytest.raises(MlmgmtError) as refused:
            worker._run_job(session, resource, body)
        assert "'Query'" in refused.value.message


class TestStatus:
    def test_each_status_has_a_fresh_and_valid_signature(self, mlmgmt: Command, churn: Path) -> None:
        """A retraining is a finished job of the training service."""
        mlmgmt("new -g retail -l southcentralus -n trainer -DefinitionFile churn-training.json -Force", ok=True)
        mlmgmt(["update", "-g", "retail", "-n", "churn", "-Tag", "@{trainingService='trainer'}", "-Force"], ok=True)
        report = mlmgmt("retrain -g retail -n churn --data new-customers.csv", ok=True).json
        listed = mlmgmt(f"batch status {AT}trainer", ok=True).json
        assert [row["StatusCode"] for row in listed] == ["Finished"]
        now = datetime.now(UTC)
        tokens = []
        for moment in (now, now + timedelta(days=3)):
            session = Session(clock=lambda moment=moment: moment)  # type: ignore[misc]
            found = jobs.status(session, group="retail", name="trainer", job=listed[0]["JobId"])
            place = next(iter(found["Results"].values()))
            assert place["RelativeLocation"] == report["RelativeLocation"]
            account = re.findall(r"//(\w+)\.", place["BaseLocation"])[0]
            key = session.store.secrets.account_key(account)
            assert key is not None
            token = place["SasBlobToken"]
            for near in (moment - timedelta(minutes=4), moment + timedelta(hours=23)):
                sas.check(token, key, account, place["RelativeLocation"], now=near)
            with pytest.raises(MlmgmtError):
                sas.check(token, key, account, place["RelativeLocation"], now=moment + timedelta(hours=25))
            tokens.append(token)
        assert tokens[0] != tokens[1]

    def test_waiting_for_a_job_that_was_not_started_is_refused(self, mlmgmt: Command, query: Path) -> None:
        made = mlmgmt(f"batch submit {AT}query -Inputs rows.csv", ok=True)
        job = made.json["JobId"]
        assert f"batch start -g retail -n query --job {job}" in made.err
        refused = mlmgmt(f"batch wait {AT}query {job}")
        assert refused.status == 1
        assert "JobNotStarted" in refused.err
        assert "batch start" in refused.err
        assert "FolderNotFound" in mlmgmt(f"batch wait {AT}query {job} -OutputFolder nowhere").err
        assert "Timeout" in mlmgmt(f"batch wait {AT}query {job} -Timeout -1").err
        assert mlmgmt(f"batch cancel {AT}query {job}", ok=True).json["StatusCode"] == "Cancelled"
        assert mlmgmt(f"batch cancel {AT}query {job}", ok=True).json["StatusCode"] == "Cancelled"

    def test_results_are_copied_to_names_inside_their_folder(self, mlmgmt: Command, query: Path, account: str) -> None:
        """An output's id comes from the definition, and may not be a valid file name."""
        job = mlmgmt(f"batch submit {AT}query -Inputs rows.csv", ok=True).json["JobId"]
        place = {"account": account, "container": "abc", "path": "x.tsv"}
        put(account, "abc/x.tsv", "n\n1\n")
        path = query / "jobs" / "retail" / "query" / job / "job.json"
        results = {"../evil": place, "output-1": place}
        path.write_text(json.dumps(json.loads(path.read_text()) | {"state": "Finished", "results": results}))
        Path("sub").mkdir()
        files = mlmgmt(f"batch wait {AT}query {job} -OutputFolder sub", ok=True).json["Files"]
        assert [Path(name).resolve().parent.name for name in files] == ["sub", "sub"]
        assert "sub/output-1.tsv" in files
        Path(files[0]).unlink()
        assert "FileExists" in mlmgmt(f"batch wait {AT}query {job} -OutputFolder sub").err
        assert not Path(files[0]).exists()

    def test_secrets_are_removed_from_the_messages_of_a_worker(self) -> None:
        address = "https://abc.blob.core.windows.net/c/b.csv?sv=1&sig=abcd%3D"
        hide = worker.redactor([address, "0.25", "True", "it's", "no", uuid.UUID(int=7)])
        said = f"{address!r} and sv=1&sig=abcd%3D, {'it' + chr(39) + 's'!r}: 0.25 is no True {uuid.UUID(int=7)}"
        assert hide(said) == "'***' and ***, \"***\": 0.25 is no True ***"


class TestMessages:
    def test_a_dash_reads_the_document_from_standard_input(self, mlmgmt: Command, query: Path) -> None:
        (account, *_) = Session().store.blobs.accounts()
        put(account, "data/rows.csv", "age,city\n1,Bern\n")
        place = {"BaseLocation": f"https://{account}.blob.core.windows.net/", "RelativeLocation": "data/rows.csv"}
        text = json.dumps({"Inputs": {"input1": place}})
        assert mlmgmt(f"batch submit {AT}query -JobFile -", stdin=text, ok=True).json["StatusCode"] == "NotStarted"
        told = " ".join(mlmgmt("batch submit --help", ok=True).out.split())
        assert "- reads standard input" in told
        assert "from the pipeline" not in told

    def test_waiting_reports_each_state_once_and_each_node_at_the_end(self, mlmgmt: Command, query: Path) -> None:
        with no_processor_free(query):
            job = mlmgmt(f"batch submit {AT}query --inputs rows.csv --start", ok=True).json["JobId"]
            late = mlmgmt(f"batch wait {AT}query {job} --timeout 1 -Verbose")
            assert "JobTimeout" in late.err
            assert sum(line.endswith("  running") for line in late.err.splitlines()) == 1
        told = mlmgmt(f"batch wait {AT}query {job} -Verbose", ok=True).err
        assert re.search(r"sql \(Apply SQL Transformation\): \d+\.\d{3} s; Results dataset: 2 rows, 2 columns", told)

    def test_existing_files_are_refused_before_waiting(self, mlmgmt: Command, query: Path) -> None:
        for words, name in (("", "output1.csv"), ("--outputs out/a.tsv", "output1.tsv")):
            with no_processor_free(query):
                job = mlmgmt(f"batch submit {AT}query --inputs rows.csv {words} --start", ok=True).json["JobId"]
                Path(name).write_text("mine")
                refused = mlmgmt(f"batch wait {AT}query {job} --timeout 1 --output-folder .")
                assert "FileExists" in refused.err
                assert "JobTimeout" not in refused.err
                Path(name).unlink()
            mlmgmt(f"batch wait {AT}query {job} --output-folder .", ok=True)
            assert Path(name).read_text().startswith("city")
            Path(name).unlink()

    def test_a_missing_folder_gets_a_hint_with_the_command_that_makes_it(self, mlmgmt: Command, query: Path) -> None:
        refused = mlmgmt(f"batch wait {AT}query {'0' * 32} --output-folder 'my results'")
        assert "FolderNotFound" in refused.err
        assert "mkdir -p 'my results'" in refused.err

    def test_a_failed_job_says_everything_once(self, mlmgmt: Command, query: Path) -> None:
        words = ["batch", "submit", "-g", "retail", "-n", "query", "--inputs", "rows.csv", "--start"]
        job = mlmgmt([*words, "-p", "Query=select absent from t1"], ok=True).json["JobId"]
        failed = mlmgmt(f"batch wait {AT}query {job}")
        details = status(mlmgmt, "query", job)["Details"]
        assert details.count("Apply SQL Transformation: ") == 1
        assert re.search(r"\(Error\d{4}\)", details)
        assert not re.search(r"Error \d", details)
        assert failed.err.count("Apply SQL Transformation: ") == 1

    def test_a_wrong_key_or_account_gets_a_hint(self, query: Path, account: str) -> None:
        for text, hint in (
            (f"AccountName={account};AccountKey=aGk=", "Omit AccountKey"),
            ("AccountName=elsewhere", str(query / "storage")),
        ):
            place = {"ConnectionString": text, "RelativeLocation": "data/rows.csv"}
            with pytest.raises(MlmgmtError) as refused:
                jobs.submit(Session(), group="retail", name="query", request={"Inputs": {"input1": place}})
            assert hint in (refused.value.hint or "")

    def test_a_recorded_training_has_the_start_time_of_its_caller(self, query: Path) -> None:
        session = Session()
        standing = session.store.services.current(session.service_id("retail", "query"))
        assert standing is not None
        job = jobs.record(session, standing, "rows.csv", {}, [], started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
        found = jobs.status(session, group="retail", name="query", job=job)
        assert found["StartTime"] == found["CreatedAt"] == "2026-01-02T03:04:05.0000000Z"
        assert found["EndTime"] > found["StartTime"]

    def test_wide_scores_show_the_last_columns_and_round_long_fractions(self, mlmgmt: Command, home: Path) -> None:
        body = query_definition()
        columns = ", ".join(f"age as c{n}" for n in range(15))
        body["properties"]["parameters"]["Query"]["value"] = f"select {columns}, 1.0 / 3 as third from t1"
        deploy(mlmgmt, "wide", body)
        Path("rows.csv").write_text("age,city\n30,Oslo\n")
        shown = mlmgmt(f"score {AT}wide -i rows.csv -o table", ok=True)
        header, _, row = [line.split() for line in shown.out.splitlines() if line.strip()]
        assert header == ["output1", "row", *(f"c{n}" for n in range(4, 15)), "third"]
        assert row == ["1", *["30"] * 11, "0.333333"]
        assert "last 12 of 16 columns" in shown.err
        (whole,) = mlmgmt(f"score {AT}wide -i rows.csv", ok=True).json["Results"]["output1"]["value"]["Values"]
        assert float(whole[-1]) == 1 / 3


def test_warnings_of_a_job_are_shown_with_its_status(mlmgmt: Command, home: Path) -> None:
    text = (FIXTURES / "churn" / "churn-training.json").read_text()
    assert text.count('"value": "20"') == 1  # the memory size of L-BFGS
    Path("training.json").write_text(text.replace('"value": "20"', '"value": "7"'))
    mlmgmt("new -g retail -l southcentralus -n training -DefinitionFile training.json -Force", ok=True)
    data = FIXTURES / "churn" / "customers.csv"
    job = mlmgmt(f"batch submit -g retail -n training --inputs {data} --start -o json", ok=True).json["JobId"]
    ended = mlmgmt(f"batch wait -g retail -n training --job {job} -o json", ok=True)
    assert "'Memory Size' has no effect" in ended.err
    (warning,) = mlmgmt(f"batch status -g retail -n training --job {job} -o json", ok=True).json["Warnings"]
    assert "'Memory Size' has no effect" in warning
