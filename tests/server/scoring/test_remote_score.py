"""`mlmgmt score -Server`: a server gives the same answers and errors as scoring in the process."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.conftest import small_definition
from tests.server.conftest import Server, Start, request_body


def error_of(result: Any) -> dict[str, Any]:
    """The error of a command that was run with `-o json`; other messages may come first."""
    assert result.status != 0
    return dict(json.loads(result.err[result.err.index("{") :])["error"])


def details_of(result: Any) -> list[str]:
    return [detail["code"] for detail in error_of(result)["details"]]


def limited() -> dict[str, Any]:
    """A service with a parameter that names the columns to keep."""
    body = small_definition(parameters={"Kept": {"value": "age"}})
    package = body["properties"]["package"]
    rules = {"isFilter": True, "rules": [{"ruleType": "ColumnNames", "columns": ["city"], "exclude": False}]}
    package["nodes"]["select"]["parameters"] = {"Select Columns": {"value": json.dumps(rules)}}
    link = {"nodeId": "select", "parameterKey": "Select Columns"}
    package["graphParameters"] = {"Kept": {"type": "String", "links": [link]}}
    return body


def test_rows_of_a_file_are_scored_alike_in_the_process_and_by_the_server(server: Server, mlmgmt: Any) -> None:
    line = "score -g retail -n churn --input new-customers.csv"
    here, there = mlmgmt(line, ok=True), mlmgmt(f"{line} -Server {server.origin}", ok=True)
    assert here.out == there.out
    assert len(there.json["Results"]["output1"]["value"]["Values"]) == 2400
    assert list(there.json["models"]) == ["asset3"]
    table = mlmgmt(f"{line} -o table", ok=True)
    assert mlmgmt(f"{line} -o table -Server {server.origin}/", ok=True).out == table.out
    assert "Answered by asset3" in table.err


@pytest.mark.parametrize("form", ["table", "objects"])
def test_a_body_is_scored_alike(server: Server, mlmgmt: Any, form: str) -> None:
    Path("body.json").write_text(json.dumps(request_body(3, form=form)))
    line = "score -g retail -n churn --input body.json"
    assert mlmgmt(line, ok=True).out == mlmgmt(f"{line} -Server {server.origin}", ok=True).out


def test_scores_go_to_a_file_alike(server: Server, mlmgmt: Any) -> None:
    line = "score -g retail -n churn --input new-customers.csv -OutputFile"
    mlmgmt(f"{line} here.csv", ok=True)
    mlmgmt(f"{line} there.csv -Server {server.origin}", ok=True)
    assert Path("here.csv").read_bytes() == Path("there.csv").read_bytes()
    again = mlmgmt(f"{line} there.csv -Server {server.origin} -o json")
    assert details_of(again) == details_of(mlmgmt(f"{line} here.csv -o json"))
    mlmgmt(f"{line} there.csv -Server {server.origin} -Force", ok=True)


def limited_both(server: Server, mlmgmt: Any, given: dict[str, str], more: str) -> tuple[Any, Any]:
    """What a service with a parameter answers in the process and by the server."""
    Path("limited.json").write_text(json.dumps(limited()))
    mlmgmt("new -g retail -l southcentralus -n limited -DefinitionFile limited.json -Force", ok=True)
    body = {"Inputs": {"input1": [{"age": 5, "city": "Ulm"}]}, "GlobalParameters": given}
    Path("body.json").write_text(json.dumps(body))
    line = f"score -g retail -n limited --input body.json{more} -o json"
    return mlmgmt(line), mlmgmt(f"{line} -Server {server.origin}")


@pytest.mark.parametrize(
    ("given", "more"),
    [({}, ""), ({"kept": "city"}, ""), ({"kept": "city"}, " -p Kept=age"), ({}, " -p Kept=city,age")],
)
def test_parameters_are_given_alike(server: Server, mlmgmt: Any, given: dict[str, str], more: str) -> None:
    here, there = limited_both(server, mlmgmt, given, more)
    assert (here.status, here.out) == (there.status, there.out)
    if here.status:
        assert details_of(here) == details_of(there)


@pytest.mark.parametrize("more", [" -p Nothing=1", " -p Kept"])
def test_parameters_are_refused_alike(server: Server, mlmgmt: Any, more: str) -> None:
    here, there = limited_both(server, mlmgmt, {}, more)
    assert details_of(here) == details_of(there)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ragged.csv", "{header}\n{row},more\n"),
        ("wrong.csv", "{header}\n{wrong}\n"),
        ("lacking.csv", "age\n5\n"),
        ("none.csv", "{header}\n"),
        ("other.json", {"Inputs": {"other": []}}),
        ("missing.json", {"Inputs": {}}),
        ("narrow.json", {"Inputs": {"input1": {"ColumnNames": ["age"], "Values": [[1, 2]]}}}),
        ("text.json", "{{"),
        ("list.json", {"Inputs": {"input1": [1]}}),
    ],
)
def test_refusals_are_the_same(server: Server, mlmgmt: Any, name: str, text: Any) -> None:
    header, row, *_ = Path("new-customers.csv").read_text().splitlines()
    wrong = row.replace(row.split(",")[0], "old", 1)
    Path(name).write_text(
        text.format(header=header, row=row, wrong=wrong) if isinstance(text, str) else json.dumps(text)
    )
    line = f"score -g retail -n churn -o json --input {name}"
    assert details_of(mlmgmt(line)) == details_of(mlmgmt(f"{line} -Server {server.origin}"))


@pytest.mark.parametrize("line", ["-n nobody -o json --input new-customers.csv", "-n churn -o json"])
def test_refusals_of_the_command_are_the_same(server: Server, mlmgmt: Any, line: str) -> None:
    here, there = mlmgmt(f"score -g retail {line}"), mlmgmt(f"score -g retail {line} -Server {server.origin}")
    assert (here.status, error_of(here)) == (there.status, error_of(there))


def test_the_server_s_refusal_comes_back_whole(server: Server, mlmgmt: Any) -> None:
    Path("lacking.csv").write_text("age\n5\n")
    found = error_of(mlmgmt(f"score -g retail -n churn -o json --input lacking.csv -Server {server.origin}"))
    body = {"Inputs": {"input1": {"ColumnNames": ["age"], "Values": [["5"]]}}}
    address = f"{server.scoring()}/execute?api-version=2.0&details=true"
    with server.client(authorization=f"Bearer {server.keys()['primary']}") as client:
        said = client.post(address, json=body).json()["error"]
    assert found == said
    assert said["hint"]


def test_a_key_opens_the_service_or_does_not(server: Server, mlmgmt: Any) -> None:
    line = f"score -g retail -n churn --input new-customers.csv -o json -Server {server.origin} -ApiKey"
    for key in server.keys().values():
        mlmgmt([*line.split(), key], ok=True)
    for key in ("none", "none\r\nHost: other", "ключ"):
        refused = mlmgmt([*line.split(), key])
        assert (refused.status, details_of(refused)) == (1, ["ScoreRequestUnauthorized"])
    alone = mlmgmt("score -g retail -n churn --input new-customers.csv -ApiKey x -o json")
    assert alone.status == 2
    assert "-Server" in error_of(alone)["message"]


def test_a_service_that_trains_has_no_rows_to_answer(server: Server, mlmgmt: Any) -> None:
    mlmgmt("new -g retail -l southcentralus -n training -DefinitionFile churn-training.json -Force", ok=True)
    line = "score -g retail -n training --input customers.csv -o json"
    assert details_of(mlmgmt(line)) == details_of(mlmgmt(f"{line} -Server {server.origin}")) == ["IncompatibleModel"]


def test_a_request_that_is_too_large_is_refused_by_the_server(server: Server, mlmgmt: Any) -> None:
    Path("wide.json").write_text(json.dumps({"Inputs": {"input1": [{"age": "x" * 1_000_000}] * 20}}))
    refused = mlmgmt(f"score -g retail -n churn --input wide.json -o json -Server {server.origin}")
    assert error_of(refused)["code"] == "RequestEntityTooLarge"


def test_https_trusts_the_home_s_own_authority(start: Start, churn: Path, mlmgmt: Any) -> None:
    server = start("-Tls")
    line = "score -g retail -n churn --input new-customers.csv"
    assert mlmgmt(line, ok=True).out == mlmgmt(f"{line} -Server {server.origin}", ok=True).out
    plain = mlmgmt(f"{line} -o json -Server {server.origin.replace('https', 'http')}")
    assert details_of(plain)[0].startswith("Server")
    assert server.authority is not None
    os.rename(server.authority, f"{server.authority}.away")
    assert details_of(mlmgmt(f"{line} -o json -Server {server.origin}")) == ["ServerNotTrusted"]


def test_where_no_server_answers_it_is_said_how_to_start_one(churn: Path, mlmgmt: Any) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        found = mlmgmt(f"score -g retail -n churn --input new-customers.csv -o json -Server {origin}")
    assert details_of(found) == ["ServerNotReachable"]
    assert "mlmgmt serve" in error_of(found)["hint"]


@pytest.mark.parametrize(
    "bad", ["127.0.0.1:8777", "ftp://127.0.0.1", "http://127.0.0.1/path", "http://u:p@127.0.0.1", "http://h:99999"]
)
def test_what_is_no_server_s_address_is_refused(churn: Path, mlmgmt: Any, bad: str) -> None:
    assert mlmgmt(f"score -g retail -n churn --input new-customers.csv -o json -Server {bad}").status == 2


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"hello\r\n", "ServerAnswerNotUnderstood"),
        (b"", "ServerNotReachable"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "ServerAnswerNotUnderstood"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{}", "ServerAnswerNotUnderstood"),
        (b"HTTP/1.1 502 Bad\r\ncontent-length: 4\r\n\r\noops", "ServerAnswerNotUnderstood"),
        (b'HTTP/1.1 404 No\r\ncontent-length: 14\r\n\r\n{"error":"no"}', "ServerAnswerNotUnderstood"),
    ],
)
def test_something_else_that_listens_is_no_server(churn: Path, mlmgmt: Any, said: bytes, code: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                received = b""
                while b"GlobalParameters" not in received:
                    received += connection.recv(65536)
                connection.sendall(said)

        thread = Thread(target=answer)
        thread.start()
        Path("body.json").write_text(json.dumps(request_body(1)))
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        found = mlmgmt(f"score -g retail -n churn --input body.json -o json -Server {origin}")
        thread.join(20)
    assert details_of(found) in ([code], ["ServerAnswerNotUnderstood"])


def test_what_is_told_of_the_columns_is_told_by_the_server_too(server: Server, mlmgmt: Any) -> None:
    header, row = Path("new-customers.csv").read_text().splitlines()[:2]
    Path("more.csv").write_text(f"{header},shoeSize\n{row},42\n")
    here = mlmgmt("score -g retail -n churn --input more.csv -o json", ok=True)
    there = mlmgmt(f"score -g retail -n churn --input more.csv -o json -Server {server.origin}", ok=True)
    for told in (here.err, there.err):
        assert "does not read the column 'shoeSize'" in told
