"""Request-response scoring over HTTP: answers, keys and errors."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlmgmt.ids import PlanId
from mlmgmt.verbs.session import Session
from tests.batch.test_batch import query_definition
from tests.server.conftest import Server, Start, request_body

QUERY = {"api-version": "2.0", "details": "true"}


class Scorer:
    """Calls the scoring API of one web service."""

    def __init__(self, server: Server, name: str = "churn") -> None:
        self.place, self.keys = server.scoring(name), server.keys(name)
        self.client = httpx.Client(timeout=60, trust_env=False)

    def ask(self, body: Any = None, *, key: str | None = None, query: Any = None, **options: Any) -> httpx.Response:
        """Send a request, with the primary key by default."""
        headers = {"authorization": f"Bearer {self.keys['primary'] if key is None else key}"} | options.pop(
            "headers", {}
        )
        body = {"json": request_body() if body is None else body} if "content" not in options else {}
        return self.client.post(f"{self.place}/execute", params=query or QUERY, headers=headers, **body, **options)


@pytest.fixture
def scorer(server: Server) -> Any:
    found = Scorer(server)
    yield found
    found.client.close()


def codes(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["details"][0]["code"]


def test_it_answers_what_the_command_line_answers(scorer: Scorer, mlmgmt: Any) -> None:
    typed = mlmgmt("score -g retail -n churn --input new-customers.csv -o json", ok=True).json
    rows = len(typed["Results"]["output1"]["value"]["Values"])
    for count in (1, 24, 25, rows):
        answer = scorer.ask(request_body(count))
        assert answer.status_code == 200
        value = answer.json()["Results"]["output1"]["value"]
        expected = typed["Results"]["output1"]["value"]
        assert {**value, "Values": None} == {**expected, "Values": None}
        assert [label for label, _ in value["Values"]] == [label for label, _ in expected["Values"][:count]]
        chances = [float(chance) for _, chance in value["Values"]]
        assert chances == pytest.approx([float(chance) for _, chance in expected["Values"][:count]], abs=1e-9)
        stated = dict(part.split("=") for part in answer.headers["x-mlmgmt-models"].split(", "))
        assert stated == typed["models"]


def test_rows_go_in_and_come_out_in_either_form(scorer: Scorer) -> None:
    table = scorer.ask(request_body(3)).json()["Results"]["output1"]
    assert table["type"] == "table"
    names, values = table["value"]["ColumnNames"], table["value"]["Values"]
    bare = scorer.ask(request_body(3), query={"api-version": "2.0"}).json()["Results"]["output1"]["value"]
    assert bare == {"ColumnNames": names, "Values": values}
    objects = {"api-version": "2.0", "format": "swagger"}
    expected = {"Results": {"output1": [dict(zip(names, row, strict=True)) for row in values]}}
    for form in ("table", "objects"):
        assert scorer.ask(request_body(3, form=form), query=objects).json() == expected
    numbers = request_body(1, form="objects")
    (row,) = numbers["Inputs"]["input1"]
    typed = {name: float(value) if value.replace(".", "").isdigit() else value for name, value in row.items()}
    assert (
        scorer.ask({"Inputs": {"input1": [typed]}}, query=objects).json()["Results"]["output1"][0]
        == expected["Results"]["output1"][0]
    )


def test_either_key_opens_it_and_nothing_else(scorer: Scorer, server: Server) -> None:
    assert scorer.ask(key=scorer.keys["secondary"]).status_code == 200
    assert scorer.ask(headers={"authorization": f"bearer {scorer.keys['primary']}"}).status_code == 200
    expected = {
        "error": {
            "code": "Unauthorized",
            "message": "Request is unauthorized to access resource.",
            "details": [{"code": "ScoreRequestUnauthorized", "message": "Invalid credentials provided."}],
        }
    }
    for wrong in ("x", scorer.keys["primary"][:-1], server.token):
        answer = scorer.ask(key=wrong)
        assert (answer.status_code, answer.json()) == (401, expected)
    assert scorer.client.post(f"{scorer.place}/execute", params=QUERY, json=request_body()).json() == expected
    assert server.ask("PATCH", server.service(), json={"properties": {"keys": {"primary": "other"}}}).status_code == 200
    assert scorer.ask().status_code == 401
    assert scorer.ask(key="other").status_code == 200


def test_refusals_have_the_documented_codes(scorer: Scorer) -> None:
    one = request_body()
    columns, (row,) = one["Inputs"]["input1"]["ColumnNames"], one["Inputs"]["input1"]["Values"]

    def with_rows(values: Any, names: Any = columns) -> Any:
        return {"Inputs": {"input1": {"ColumnNames": names, "Values": values}}}

    def bad(**options: Any) -> tuple[int, str, str]:
        return codes(scorer.ask(**options))

    assert bad(content=b"{") == (400, "BadArgument", "RequestBodyInvalid")
    assert bad(content=b"[" * 100_000) == (400, "BadArgument", "RequestBodyInvalid")
    assert bad(content=b"") == (400, "BadArgument", "RequestIsEmpty")
    assert bad(content=b"[]") == (400, "BadArgument", "RequestBodyInvalid")
    assert bad(content=b'{"Inputs": [1]}') == (400, "BadArgument", "RequestBodyInvalid")
    assert bad(body={"Inputs": {}}) == (400, "BadArgument", "MissingRequestInput")
    assert bad(body={"Inputs": {"input2": []}}) == (400, "BadArgument", "InvalidInputNames")
    assert bad(body={**one, "GlobalParameters": {"none": "1"}}) == (400, "BadArgument", "UnexpectedParameter")
    assert bad(body=with_rows([row[:-1]])) == (400, "LibraryExecutionError", "TableSchemaColumnCountMismatch")
    assert bad(body=with_rows([["old", *row[1:]]])) == (400, "BadUserArgument", "InputParseError")
    assert bad(body=with_rows([row[1:]], columns[1:])) == (400, "BadUserArgument", "InputMismatchError")
    assert bad(query={"api-version": "1.0"}) == (400, "BadArgument", "BadVersionCall")
    assert bad(query={**QUERY, "format": "xml"}) == (400, "BadArgument", "InvalidQueryParameter")
    place = scorer.place
    scorer.place = place[:-32] + "0" * 32
    assert bad() == (404, "NotFound", "WebServiceNotFound")
    scorer.place = place.replace(place.split("/")[4], "0" * 32)
    assert bad() == (400, "BadArgument", "BadSubscriptionId")


def test_a_removed_service_is_gone_and_a_restored_one_is_back(scorer: Scorer, server: Server, mlmgmt: Any) -> None:
    assert scorer.ask().status_code == 200
    assert server.ask("DELETE", server.service()).status_code == 204
    assert codes(scorer.ask()) == (404, "NotFound", "WebServiceNotFound")
    mlmgmt("restore -g retail -n churn -Force", ok=True)
    assert scorer.ask().status_code == 200


def test_the_next_call_after_an_update_is_answered_by_the_new_model(scorer: Scorer, mlmgmt: Any) -> None:
    """The update comes from the command line, which works on the same home."""
    before = scorer.ask()
    line = (
        "retrain -g retail -n churn --training-definition churn-training.json --data new-customers.csv --update -Force"
    )
    mlmgmt(line, ok=True)
    after = scorer.ask()
    expected = mlmgmt("get -g retail -n churn", ok=True).json["mlmgmt"]["models"]["asset3"]["digest"]
    assert after.headers["x-mlmgmt-models"] == f"asset3={expected}" != before.headers["x-mlmgmt-models"]
    assert after.json() != before.json()
    mlmgmt("rollback -g retail -n churn --to 1 -Force", ok=True)
    again = scorer.ask()
    assert (again.json(), again.headers["x-mlmgmt-models"]) == (before.json(), before.headers["x-mlmgmt-models"])


def test_a_service_without_its_model_says_so(server: Server, mlmgmt: Any) -> None:
    definition = json.loads(Path("churn-predictive.json").read_text())
    location = definition["properties"]["assets"]["asset3"]["locationInfo"]
    location["uri"] = "https://elsewhere.blob.core.windows.net/models/m.ilearner"
    assert server.ask("PUT", server.service("other"), json={**definition, "location": "westeurope"}).status_code == 201
    scorer = Scorer(server, "other")
    assert codes(scorer.ask()) == (404, "NotFound", "ModelPackageNotFound")
    scorer.client.close()


def test_calls_are_charged_to_the_plan(start: Start, churn: Path, mlmgmt: Any) -> None:
    server = start()
    mlmgmt("new-plan -g retail -l southcentralus -n small -SkuName DevTest -SkuTier Standard -Force", ok=True)
    plan = f"{server.group}/providers/Microsoft.MachineLearning/commitmentPlans/small"
    definition = json.loads(Path("churn-predictive.json").read_text())
    definition["properties"]["commitmentPlan"] = {"id": plan}
    body = {**definition, "location": "southcentralus"}
    assert server.ask("PUT", server.service("paid"), json=body).status_code == 201
    scorer = Scorer(server, "paid")
    refused = 0
    for _ in range(7):
        assert scorer.ask().status_code == 200
        refused += scorer.ask({"Inputs": {}}).status_code == 400
    assert refused == 7

    def used() -> float:
        found = server.ask("GET", f"{plan}/usageHistory", version="2016-05-01-preview").json()["value"]
        return float(found[0]["usage"]["machineLearningWebServiceTransactions"]) if found else 0

    until = time.monotonic() + 10
    while used() < 7 and time.monotonic() < until:
        time.sleep(0.1)
    assert used() == 7
    left = mlmgmt("plan -g retail -n small -o json", ok=True).json["properties"]["includedQuantities"]
    assert left["machineLearningWebServiceTransactions"]["amount"] == 993
    # Another server of the same home was asked for most of the rest.
    session = Session()
    identity = PlanId(server.subscription, "retail", "small")
    session.store.usage.add(identity, datetime.now(UTC).date(), {"0" * 32: (980, 1.0)})
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: scorer.ask(), range(20)))
    until = time.monotonic() + 10
    while (last := scorer.ask()).status_code == 200 and time.monotonic() < until:
        time.sleep(0.1)
    assert codes(last) == (403, "Forbidden", "CommitmentPlanSuspended")
    mlmgmt("update-plan -g retail -n small -SkuName S1 -SkuTier Standard -Force", ok=True)
    until = time.monotonic() + 10
    while (last := scorer.ask()).status_code != 200 and time.monotonic() < until:
        time.sleep(0.1)
    assert last.status_code == 200
    scorer.client.close()


def test_diagnostics_are_logged_as_they_ask(server: Server, churn: Path) -> None:
    scorer = Scorer(server)

    def lines() -> list[dict[str, Any]]:
        found = sorted(churn.glob("storage/*/ml-diagnostics/*/score/requests/*.jsonl"))
        return [json.loads(line) for path in found for line in path.read_text().splitlines()]

    def after(level: dict[str, str], more: int) -> list[dict[str, Any]]:
        before = len(lines())
        assert server.ask("PATCH", server.service(), json={"properties": {"diagnostics": level}}).status_code == 200
        scorer.ask()
        scorer.ask({"Inputs": {}})
        until = time.monotonic() + 10
        while len(lines()) < before + more and time.monotonic() < until:
            time.sleep(0.05)
        # By now a line that must not be written would have been: the server writes them once a second.
        time.sleep(0 if more else 1.5)
        return lines()

    assert after({"level": "None"}, 0) == []
    assert [line["status"] for line in after({"level": "Error"}, 1)] == [400]
    found = after({"level": "All"}, 2)
    assert [line["status"] for line in found] == [400, 200, 400]
    assert found[1]["rows"] == 1
    assert found[1]["models"].keys() == {"asset3"}
    text = json.dumps(found)
    assert scorer.keys["primary"] not in text
    assert "Month-to-month" not in text
    assert len(after({"level": "All", "expiry": "2020-01-01T00:00:00Z"}, 0)) == 3
    scorer.client.close()


def test_more_calls_at_once_than_allowed_are_sent_away(server: Server) -> None:
    """The sample allows 4 concurrent calls."""
    scorer = Scorer(server)
    many = request_body(2000)
    with ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(lambda _: scorer.ask(many), range(48)))
    found = {answer.status_code for answer in answers}
    assert found == {200, 503}
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert codes(refused) == (503, "ServiceUnavailable", "RequestThrottled")
    assert int(refused.headers["retry-after"]) >= 1
    assert scorer.ask().status_code == 200
    scorer.client.close()


def test_pages_of_other_sites_score_where_that_is_configured(start: Start, server: Server) -> None:
    page = {"origin": "https://shop.example.com"}
    preflight = page | {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    closed, opened = Scorer(server), Scorer(start("-Cors", "https://shop.example.com"))
    assert closed.client.options(f"{closed.place}/execute", headers=preflight).status_code == 405
    assert "access-control-allow-origin" not in closed.ask(headers=page).headers
    assert opened.client.options(f"{opened.place}/execute", headers=preflight).status_code == 200
    assert opened.ask(headers=page).headers["access-control-allow-origin"] == "https://shop.example.com"
    other = opened.ask(headers={"origin": "https://evil.example.com"})
    assert "access-control-allow-origin" not in other.headers
    for scorer in (closed, opened):
        scorer.client.close()


def test_web_service_parameters_take_effect(server: Server) -> None:
    """A parameter with a default may be left out. A value is passed to the linked module, for that call only."""
    definition = {**query_definition(), "location": "southcentralus"}
    assert server.ask("PUT", server.service("query"), json=definition).status_code == 201
    scorer = Scorer(server, "query")
    rows = {"Inputs": {"input1": {"ColumnNames": ["age", "city"], "Values": [[1, "Bern"], [2, "Thun"]]}}}
    objects = {"api-version": "2.0", "format": "swagger"}

    def scored(**parameters: str) -> Any:
        answer = scorer.ask({**rows, "GlobalParameters": parameters}, query=objects)
        assert answer.status_code == 200, answer.text
        return answer.json()["Results"]["output1"]

    by_default = [{"city": "Bern", "next": "2"}, {"city": "Thun", "next": "3"}]
    assert scored() == by_default
    assert scored(Query="select city, age * 10 as tenfold from t1 where age > 1") == [{"city": "Thun", "tenfold": "20"}]
    assert scored() == by_default
    wrong = scorer.ask({**rows, "GlobalParameters": {"Query": "drop table t1"}})
    assert wrong.status_code == 400
    scorer.client.close()
