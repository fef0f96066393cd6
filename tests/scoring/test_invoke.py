"""Call a web service by its address and key: in this process at Azure's addresses, and at a server."""

from __future__ import annotations

import json
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlmgmt.errors import MlmgmtError
from mlmgmt.ids import service_guid
from mlmgmt.store.blobs import Blob
from mlmgmt.verbs.scoring import invoking
from mlmgmt.verbs.session import Session
from mlmgmt.verbs.userfiles import Source
from tests.batch.test_batch import no_processor_free, until
from tests.classic.classic_home import RESOURCE, SCORING, TRAINING, Bikes, answer, rentals, score
from tests.server.conftest import started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Command, Result
    from tests.server.conftest import Server

REQUEST = {"Inputs": {"input1": {"ColumnNames": ["hour", "temp", "cnt"], "Values": [["10", "0.5", "0"]]}}}
BODY = json.dumps(REQUEST | {"GlobalParameters": {}})


class Service:
    """The address and the keys of an endpoint."""

    def __init__(self, mlmgmt: Command, service: str = SCORING, endpoint: str = "default") -> None:
        shown = mlmgmt(["Get-AmlWebServiceEndpoint", service, endpoint, "-o", "json"], ok=True).json
        self.location, self.key, self.second = (shown[n] for n in ("ApiLocation", "PrimaryKey", "SecondaryKey"))

    @property
    def submits(self) -> str:
        return f"{self.location}/jobs?api-version=2.0"


def rrs(location: str, key: str, *more: str, text: str | None = BODY) -> list[str]:
    words = ["Invoke-AmlWebServiceRRSEndpoint", "-ApiKey", key, "-ApiLocation", location]
    return [*words, *(["-InputJsonText", text] if text is not None else []), *more]


def bes(location: str, key: str, document: Any, *more: str) -> list[str]:
    text = document if isinstance(document, str) else json.dumps(document)
    words = ["Invoke-AmlWebServiceBESEndpoint", "-ApiKey", key, "-SubmitJobRequestUrl", location]
    return [*words, "-JobConfigString", text, *more]


def refused(result: Result, code: str, status: int = 1) -> str:
    assert result.status == status, result.err
    assert code in result.err
    assert result.out == ""
    return result.err


def put(name: str, content: str) -> dict[str, str]:
    """Write a blob in the home's account, and return a job's reference to it."""
    session = Session()
    account = session.storage_account()
    session.store.blobs.write(Blob(account, "data", name), content.encode())
    connection = f"DefaultEndpointsProtocol=https;AccountName={account};"
    connection += f"AccountKey={session.store.secrets.account_key(account)}"
    return {"ConnectionString": connection, "RelativeLocation": f"data/{name}"}


@pytest.fixture
def asked(mlmgmt: Command, bikes: Bikes) -> Service:
    return Service(mlmgmt)


@pytest.fixture
def trains(mlmgmt: Command, bikes: Bikes) -> Service:
    return Service(mlmgmt, TRAINING)


class TestRequestResponse:
    def test_the_answer_is_that_of_score_with_either_key(self, mlmgmt: Command, asked: Service) -> None:
        Path("request.json").write_text(BODY)
        words = ["score", "-s", SCORING, "-e", "default", "--input", "request.json", "-o", "json"]
        same = mlmgmt(words, ok=True).json["Results"]
        for key in (asked.key, asked.second):
            text = mlmgmt(rrs(asked.location, key), ok=True).out
            assert json.loads(text) == {"Results": same}
        assert same["output1"]["value"]["ColumnTypes"][-1] == "Double"
        assert float(same["output1"]["value"]["Values"][0][-1]) == pytest.approx(answer(0), abs=0.01)

    def test_a_file_takes_precedence_over_a_text_and_the_answer_is_written_to_a_file(
        self, mlmgmt: Command, asked: Service
    ) -> None:
        rows = json.dumps({"Inputs": {"input1": [{"hour": 3, "temp": 1.0, "cnt": None}] * 2}})
        Path("rows.json").write_text("\ufeff" + rows)
        words = rrs(asked.location, asked.key, "-InputJsonFile", "rows.json", "-OutputJsonFile", "out.json")
        done = mlmgmt(words, ok=True)
        assert done.out == ""
        values = json.loads(Path("out.json").read_text())["Results"]["output1"]["value"]["Values"]
        assert [float(row[-1]) for row in values] == pytest.approx([16, 16], abs=0.01)
        refused(mlmgmt(words), "FileExists")
        mlmgmt([*words, "-Force"], ok=True)
        refused(mlmgmt(rrs(asked.location, asked.key, text=None)), "MissingMandatoryParameter", 2)

    def test_a_key_is_valid_only_for_its_own_endpoint(self, mlmgmt: Command, asked: Service) -> None:
        other = Service(mlmgmt, SCORING, "loc001")
        for key in (other.key, "x", "ключ", f"{asked.key}x"):
            told = refused(mlmgmt(rrs(asked.location, key)), "ScoreRequestUnauthorized")
            assert asked.key not in told
        mlmgmt(rrs(other.location, other.second), ok=True)

    @pytest.mark.parametrize("end", [".", ",", " ", "/", "/execute?api-version=2.0&details=true", "/execute"])
    def test_an_address_with_extra_characters_is_understood(self, mlmgmt: Command, asked: Service, end: str) -> None:
        done = mlmgmt(rrs(asked.location + end, asked.key), ok=True)
        assert done.out == mlmgmt(rrs(asked.location, asked.key), ok=True).out
        assert ("which is not part of the address" in done.err) == (end in (".", ","))
        assert ("a full stop" in done.err) == (end == ".")

    @pytest.mark.parametrize(
        "wrong",
        [
            "",
            "nowhere",
            "https://ussouthcentral.services.azureml.net/",
            "https://management.azureml.net/workspaces/a/webservices/b/endpoints/c",
            "https://ussouthcentral.services.azureml.net/workspaces/a/services/b/jobs?api-version=2.0",
            "ftp://ussouthcentral.services.azureml.net/workspaces/a/services/b",
            "https://user:pass@example.org/workspaces/a/services/b",
            "http://[/workspaces/a/services/b",
            "http://localhost:99999/workspaces/a/services/b",
            "https://a.azureml.net/workspaces/a/services/b\nX: y",
        ],
    )
    def test_a_wrong_address_is_a_usage_error(self, mlmgmt: Command, bikes: Bikes, wrong: str) -> None:
        result = mlmgmt(rrs(wrong, "key"))
        assert result.status == 2
        assert result.out == ""

    def test_unknown_ids_and_other_workspaces_are_refused(self, mlmgmt: Command, bikes: Bikes, asked: Service) -> None:
        guid, subscription = asked.location.rpartition("/")[2], Session().store.home.subscription.replace("-", "")
        host = "https://europewest.services.AzureML.de"
        for path, code in (
            (f"workspaces/{Session().workspace}/services/{'0' * 32}", "WebServiceNotFound"),
            (f"workspaces/{Session().workspace}/services/nothing", "WebServiceNotFound"),
            (f"workspaces/{'0' * 32}/services/{guid}", "WebServiceIdNotFoundInWorkspace"),
            (f"subscriptions/{subscription}/services/{guid}", "BadSubscriptionId"),
        ):
            refused(mlmgmt(rrs(f"{host}/{path}", asked.key)), code)
        mlmgmt(rrs(f"{host}/WORKSPACES/{Session().workspace}/Services/{guid.upper()}", asked.key), ok=True)
        mlmgmt(["remove-web-service", SCORING, "-Force"], ok=True)
        refused(mlmgmt(rrs(asked.location, asked.key)), "WebServiceNotFound")

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("", "RequestIsEmpty"),
            ("nothing", "RequestBodyInvalid"),
            ("[]", "RequestBodyInvalid"),
            ("{}", "MissingRequestInput"),
            ('{"Inputs": {"inputs": []}}', "InvalidInputNames"),
            ('{"Inputs": {"input1": {"ColumnNames": ["hour"], "Values": [["1", "2"]]}}}', "TableSchemaColumnCount"),
            (BODY.replace("0.5", "warm"), "InputParseError"),
            (BODY.replace('{"GlobalParameters": {}', "")[:-1] + ', "GlobalParameters": {"X": "1"}}', "UnexpectedParam"),
        ],
    )
    def test_an_invalid_request_is_refused_with_the_codes_of_the_scoring_api(
        self, mlmgmt: Command, asked: Service, body: str, code: str
    ) -> None:
        told = refused(mlmgmt(rrs(asked.location, asked.key, text=body)), code)
        assert any(outer in told for outer in ("BadArgument", "BadUserArgument", "LibraryExecutionError"))

    def test_a_new_web_service_has_an_address_by_subscription_and_one_by_workspace(
        self, mlmgmt: Command, bikes: Bikes
    ) -> None:
        mlmgmt(["export-definition", SCORING, "new.json"], ok=True)
        mlmgmt("new -g retail -l southcentralus -n bikes -DefinitionFile new.json -Force", ok=True)
        key = mlmgmt("keys -g retail -n bikes -o json", ok=True).json["Primary"]
        session = Session()
        resource = session.service_id("retail", "bikes")
        for path in (resource.scoring_path, f"/workspaces/{session.workspace}/services/{service_guid(resource)}"):
            text = mlmgmt(rrs(f"https://ussouthcentral.services.azureml.net{path}", key), ok=True).out
            assert float(json.loads(text)["Results"]["output1"]["value"]["Values"][0][-1]) == pytest.approx(25, abs=0.1)
        wrong = resource.scoring_path.replace(session.store.home.subscription.replace("-", ""), "0" * 32)
        refused(mlmgmt(rrs(f"https://ussouthcentral.services.azureml.net{wrong}", key)), "BadSubscriptionId")


class TestBatchExecution:
    def test_the_published_walkthrough_trains_in_a_job_and_patches_an_endpoint(
        self, mlmgmt: Command, trains: Service
    ) -> None:
        goal = put("unused.csv", "a\n1\n") | {"RelativeLocation": "models/march.ilearner"}
        document = {"Inputs": {"input1": put("march.csv", rentals(7))}, "Outputs": {"output1": goal}}
        done = mlmgmt(bes(trains.submits, trains.key, document | {"GlobalParameters": {}}), ok=True)
        status = json.loads(done.out)
        assert (status["StatusCode"], status["Details"]) == ("Finished", None)
        place = status["Results"]["output1"]
        assert place["RelativeLocation"] == "models/march.ilearner"
        words = ["patch-endpoint", "-s", SCORING, "-e", "loc001", "-ResourceName", RESOURCE]
        for name in ("BaseLocation", "RelativeLocation", "SasBlobToken"):
            words += [f"-{name}", place[name]]
        mlmgmt(words, ok=True)
        assert score(mlmgmt, "loc001") == pytest.approx(answer(7), abs=0.01)
        listed = mlmgmt(["batch", "status", "-s", TRAINING, "-e", "default", "-o", "json"], ok=True).json
        assert [row["StatusCode"] for row in listed] == ["Finished"]

    def test_a_job_that_is_cancelled_elsewhere_ends_the_waiting(
        self, mlmgmt: Command, bikes: Bikes, trains: Service
    ) -> None:
        document = Source("job", json.dumps({"Inputs": {"input1": put("rows.csv", rentals(1))}}).encode())
        told: list[str] = []
        with no_processor_free(bikes.root), ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(
                invoking.bes,
                Session(tell=told.append),
                api_key=trains.key,
                submit_job_request_url=trains.submits,
                job_config_file=document,
            )
            until(lambda: bool(told))
            mlmgmt(["batch", "cancel", "-s", TRAINING, "-e", "default", told[0].split()[2]], ok=True)
            error = waiting.exception(30)
        assert isinstance(error, MlmgmtError)
        assert "JobCancelled" in error.codes()
        assert json.loads(error.report)["StatusCode"] == "Cancelled"

    @pytest.mark.parametrize(
        ("document", "told"),
        [
            ({"GolbalParameters": {}}, "Did you mean GlobalParameters?"),
            ({"Inputs": {"input1": {"ConnetionString": "x", "RelativeLocation": "a/b.csv"}}}, "ConnectionString?"),
            ({"Output": {"SasBlobTokn": "?x", "BaseLocation": "x", "RelativeLocation": "a/b.csv"}}, "SasBlobToken?"),
            ({"Rows": {}}, "Its members are: Inputs, Outputs, GlobalParameters."),
            ("[]", "an object"),
            ("{", "is not a job document"),
        ],
    )
    def test_a_misspelled_document_is_refused_with_a_suggestion(
        self, mlmgmt: Command, trains: Service, document: Any, told: str
    ) -> None:
        message = refused(mlmgmt(bes(trains.submits, trains.key, document)), "RequestBodyInvalid")
        assert told in message
        if isinstance(document, dict):
            line = ["batch", "submit", "-s", TRAINING, "-e", "default", "-JobFile", json.dumps(document)]
            assert told in refused(mlmgmt(line), "RequestBodyInvalid")
        assert mlmgmt(["batch", "status", "-s", TRAINING, "-e", "default", "-o", "json"], ok=True).json == []

    def test_a_text_takes_precedence_over_a_file(self, mlmgmt: Command, trains: Service) -> None:
        Path("job.json").write_text('{"Wrong": 1}')
        words = bes(trains.submits, trains.key, {"GolbalParameters": {}})
        assert "GolbalParameters" in refused(mlmgmt([*words, "-JobConfigFile", "job.json"]), "RequestBodyInvalid")
        words = [*words[: words.index("-JobConfigString")], "-JobConfigFile", "job.json"]
        assert "'Wrong'" in refused(mlmgmt(words), "RequestBodyInvalid")
        refused(mlmgmt(words[:-2]), "MissingMandatoryParameter", 2)

    def test_the_address_must_contain_jobs_and_the_api_version(self, mlmgmt: Command, trains: Service) -> None:
        for wrong in (trains.location, f"{trains.location}/jobs", f"{trains.location}/jobs?api-version=1.0"):
            told = refused(mlmgmt(bes(wrong, trains.key, {})), "BadParameterValue", 2)
            assert trains.submits in told
        stopped = mlmgmt(bes(f"{trains.submits}.", trains.key, {}))
        assert "a full stop" in stopped.err
        assert "BatchJobInputsNotSpecified" in stopped.err
        refused(mlmgmt(bes(trains.submits, "x", {})), "ScoreRequestUnauthorized")

    def test_the_key_is_enough_for_a_reader(self, mlmgmt: Command, trains: Service) -> None:
        mlmgmt("set-context -Role Reader", ok=True)
        refused(mlmgmt(bes(trains.submits, trains.key, {})), "BatchJobInputsNotSpecified")
        words = ["batch", "submit", "-s", TRAINING, "-e", "default", "-JobFile", "{}"]
        refused(mlmgmt(words), "AuthorizationFailed")


OLD = "https://ussouthcentral.services.azureml.net"


class TestAtAServer:
    """The same calls in this process and to a server of the same home, at New and at Classic addresses."""

    @pytest.fixture
    def server(self, mlmgmt: Command, bikes: Bikes) -> Iterator[Server]:
        for name, experiment in (("bikes", SCORING), ("trains", TRAINING)):
            mlmgmt(["export-definition", experiment, f"{name}.json"], ok=True)
            mlmgmt(f"new -g retail -l southcentralus -n {name} -DefinitionFile {name}.json -Force", ok=True)
        with started(token=mlmgmt("token -Hours 1 -o json", ok=True).json["Token"]) as running:
            yield running

    def new(self, mlmgmt: Command, name: str) -> tuple[str, str]:
        """Return the path and a key of a New web service."""
        key = mlmgmt(f"keys -g retail -n {name} -o json", ok=True).json["Primary"]
        return Session().service_id("retail", name).scoring_path, key

    def classic(self, mlmgmt: Command, service: str) -> tuple[str, str]:
        """Return the path and a key of a Classic endpoint."""
        asked = Service(mlmgmt, service)
        return asked.location.removeprefix(OLD), asked.key

    def test_both_give_the_same_answers(self, mlmgmt: Command, server: Server) -> None:
        def both(words: list[str]) -> list[Result]:
            return [mlmgmt([word.replace("{origin}", origin) for word in words]) for origin in (OLD, server.origin)]

        def codes(result: Result) -> list[str]:
            error = json.loads(result.err[result.err.index("{") :])["error"]
            return [error["code"], *(detail["code"] for detail in error.get("details", ()))]

        news = [self.new(mlmgmt, name) for name in ("bikes", "trains")]
        classics = [self.classic(mlmgmt, name) for name in (SCORING, TRAINING)]
        for (path, key), (training, training_key) in (news, classics):
            here, there = both(rrs("{origin}" + path, key))
            assert (here.status, there.status) == (0, 0), there.err
            assert here.out == there.out
            submits = f"{{origin}}{training}/jobs?api-version=2.0"
            for words in (
                rrs("{origin}" + path, "wrong"),
                rrs("{origin}" + path, key, text="{}"),
                rrs("{origin}" + path, key, text=""),
                rrs("{origin}" + path[:-1] + "x", key),
                rrs("{origin}" + path.replace("s/", "s/0", 1), key),
                bes(submits, key, {}),
                bes(submits, training_key, {}),
                bes(submits, training_key, {"Inputz": {}}),
            ):
                first, second = both([*words, "-o", "json"])
                assert codes(first) == codes(second), shlex.join(words)

        good, bad = put("rows.csv", rentals(2)), put("bad.csv", "hour\n1\n")
        (path, key), (classic_path, classic_key) = news[1], classics[1]
        words = bes(f"{server.origin}{classic_path}/jobs?api-version=2.0", classic_key, {"Inputs": {"input1": good}})
        done = json.loads(mlmgmt(words, ok=True).out)
        assert done["StatusCode"] == "Finished"
        assert done["Results"]["output1"]["BaseLocation"].startswith(server.origin)
        results = both(bes(f"{{origin}}{path}/jobs?api-version=2.0", key, {"Inputs": {"input1": bad}}))
        statuses = [json.loads(result.out) for result in results]
        assert [list(status) for status in statuses] == [list(done)] * 2
        assert [(status["StatusCode"], status["Results"]) for status in statuses] == [("Failed", None)] * 2
        assert "'temp'" in statuses[0]["Details"]
        assert statuses[0]["Details"] == statuses[1]["Details"]
        assert [(result.status, "JobFailed" in result.err) for result in results] == [(1, True)] * 2

    def test_a_server_that_does_not_run_is_reported(self, mlmgmt: Command, bikes: Bikes) -> None:
        import socket

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            origin = f"http://127.0.0.1:{free.getsockname()[1]}"
        refused(mlmgmt(rrs(f"{origin}/workspaces/a/services/b", "key")), "ServerNotReachable")


def test_no_home_is_needed_to_call_a_server(mlmgmt: Command, apart: Path) -> None:
    refused(mlmgmt(rrs("http://127.0.0.1:1/workspaces/a/services/b", "key")), "ServerNotReachable")
    refused(mlmgmt(rrs("https://a.azureml.net/workspaces/a/services/b", "key")), "NoHome")


def test_show_http_hides_the_secrets_of_the_request(mlmgmt: Command, asked: Service, trains: Service) -> None:
    path = asked.location.partition(".net")[2]
    told = mlmgmt(rrs(asked.location, asked.key, "-ShowHttp"), ok=True).err
    assert told.startswith(f"POST {{origin}}{path}/execute?api-version=2.0&details=true\n")
    assert '"10"' in told
    document = {"Inputs": {"input1": put("rows.csv", rentals(1))}, "Wrong": 1}
    told += mlmgmt(bes(trains.submits, trains.key, document, "-ShowHttp")).err
    assert f"POST {{origin}}{trains.location.partition('.net')[2]}/jobs?api-version=2.0\n" in told
    assert '"data/rows.csv"' in told
    assert not any(secret in told for secret in (asked.key, trains.key, "AccountKey"))
