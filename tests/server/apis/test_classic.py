"""Classic web services over HTTP: managed with a token, scored with a key, patched while they are called."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator, validate

from mlmgmt.ids import service_guid
from mlmgmt.protocol.operation import STUDIO_HEADER
from mlmgmt.store.blobs import Blob
from mlmgmt.verbs.session import Session
from tests.classic.classic_home import OTHER_COLUMNS, RESOURCE, SCORING, TRAINING, answer, rentals
from tests.server.classic import BODY, VERSION, Classic, codes, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOBODY = [401, "Unauthorized", "ManagementRequestUnauthorized"]


@pytest.fixture(scope="module")
def served(classic_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classic]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from serving(classic_home, tmp_path_factory.mktemp("served"), monkeypatch)


@pytest.fixture
def classic(served: Classic, monkeypatch: pytest.MonkeyPatch) -> Classic:
    """The server, and its home for the command line."""
    monkeypatch.chdir(served.folder)
    monkeypatch.setenv("MLMGMT_CONFIG", str(served.config))
    return served


class TestManagement:
    def test_web_services_and_endpoints_are_listed(self, classic: Classic, mlmgmt: Any) -> None:
        listed = classic.ask("GET", f"{classic.workspace}/webservices")
        assert (listed.status_code, listed.headers["cache-control"]) == (200, "no-cache")
        assert listed.json() == mlmgmt("web-services", ok=True).json
        one = classic.ask("GET", classic.service())
        assert one.json() == listed.json()[0]
        found = classic.ask("GET", f"{classic.service()}/endpoints").json()
        assert [item["Name"] for item in found][:3] == ["default", "loc001", "loc002"]
        shown = classic.ask("GET", classic.endpoint("LOC001"), params={"decryptSecrets": "true"}).json()
        assert shown == found[1]
        typed = mlmgmt(["endpoints", SCORING, "loc001"], ok=True).json
        assert set(typed) - set(shown) == {"mlmgmt"}
        # They differ in the addresses, which are the server's.
        differs = {name for name in shown if shown[name] != typed[name]}
        assert differs == {"ApiLocation", "HelpLocation", "ExperimentLocation", "Resources"}
        identity = shown["ApiLocation"].rpartition("/")[2]
        origin = classic.server.origin
        assert shown["ApiLocation"] == f"{origin}{classic.workspace}/services/{identity}"
        assert shown["HelpLocation"] == f"{origin}/apihelp{classic.endpoint(identity)}"
        assert classic.ask("GET", shown["ExperimentLocation"]).json()["Description"] == SCORING
        (resource,) = shown["Resources"]
        (kept,) = typed["Resources"]
        assert (resource["Name"], resource["Kind"]) == (RESOURCE, "TrainedModel")
        account = Session().storage_account()
        assert resource["Location"] == {**kept["Location"], "BaseLocation": f"{origin}/{account}/"}
        datetime.fromisoformat(shown["CreationTime"])

    def test_an_endpoint_is_added_switched_and_removed(self, classic: Classic, mlmgmt: Any) -> None:
        body = {"Description": "Said.", "ThrottleLevel": "High", "MaxConcurrentCalls": 9, "PreventUpdate": False}
        made = classic.ask(
            "PUT", classic.endpoint("added"), json={**body, "EndpointName": "added", "WebServiceId": "x"}
        )
        assert made.status_code == 200
        assert made.json() == classic.seen("added").shown
        assert {name: made.json()[name] for name in body} == body
        assert codes(classic.ask("PUT", classic.endpoint("added"), json={})) == [409, "Conflict", "EndpointExists"]
        low = classic.ask("PUT", classic.endpoint("low"), json={"MaxConcurrentCalls": 9, "ThrottleLevel": "Low"})
        assert low.json()["MaxConcurrentCalls"] == 4
        assert "MaxConcurrentCalls" in low.headers["x-mlmgmt-warnings"]
        etag = classic.ask("GET", classic.endpoint("added")).headers["etag"]
        switches = {"MaxConcurrentCalls": 50, "DiagnosticsTraceLevel": "All", "SampleDataEnabled": True}
        changed = classic.ask("PATCH", classic.endpoint("added"), json={**switches, "Description": "Other."})
        assert (changed.status_code, changed.content) == (200, b"")
        shown = classic.seen("added").shown
        assert {name: shown[name] for name in switches} == switches
        assert shown["Description"] == "Other."
        # Repeated, as by a client that missed the answer.
        assert classic.ask("PATCH", classic.endpoint("added"), json=switches).status_code == 200
        late = classic.ask("PATCH", classic.endpoint("added"), json={"Description": "x"}, headers={"if-match": etag})
        assert codes(late) == [412, "PreconditionFailed", "EtagMismatch"]
        assert len(mlmgmt(["history", "-s", SCORING, "-e", "added"], ok=True).json) == 2
        for name in ("added", "low"):
            gone = classic.ask("DELETE", classic.endpoint(name))
            assert (gone.status_code, gone.content) == (200, b"")
            assert codes(classic.ask("GET", classic.endpoint(name))) == [404, "NotFound", "EndpointNotFound"]
            assert codes(classic.ask("DELETE", classic.endpoint(name))) == [404, "NotFound", "EndpointNotFound"]

    def test_both_faces_refuse_with_the_same_codes(self, classic: Classic, mlmgmt: Any) -> None:
        def typed(words: list[str]) -> list[str]:
            error = json.loads(mlmgmt([*words, "-o", "json"]).err)["error"]
            return [error["code"], *(detail["code"] for detail in error.get("details", ()))]

        classic.added("fixed", PreventUpdate=True)
        expired = classic.bikes.location("model001", signed=datetime.now(UTC) - timedelta(days=3))
        unsigned = {**classic.bikes.location("model001"), "SasBlobToken": "?test"}
        elsewhere = {**classic.bikes.location("model001"), "BaseLocation": "https://elsewhere.blob.core.windows.net/"}
        missing = {**classic.bikes.location("model001"), "RelativeLocation": "models/none.ilearner"}
        other = classic.bikes.location(OTHER_COLUMNS)
        for endpoint, service, changed in (
            ("default", SCORING, {}),
            ("default", TRAINING, {}),
            ("fixed", SCORING, {}),
            ("none", SCORING, {}),
            ("loc001", SCORING, {"ResourceName": "Bike Rental"}),
            ("loc001", SCORING, {"ResourceName": RESOURCE.upper()}),
            *(("loc001", SCORING, given) for given in (expired, unsigned, elsewhere, missing, other)),
        ):
            words = classic.bikes.patch(endpoint, "model001", "-Force", service=service, **changed)
            at = dict(zip(words[1::2], words[2::2], strict=False))
            body = {
                "Resources": [
                    {
                        "Name": at["-ResourceName"],
                        "Location": {n: at[f"-{n}"] for n in ("BaseLocation", "RelativeLocation", "SasBlobToken")},
                    }
                ]
            }
            identity = classic.bikes.training if service == TRAINING else classic.bikes.service
            sent = classic.ask("PATCH", classic.endpoint(endpoint, identity), json=body)
            assert codes(sent)[1:] == typed(words), changed
            assert sent.status_code in (400, 404, 409)
        for name, more in (("Loc-1", []), ("x" * 25, []), ("loc001", []), ("a", ["-MaxConcurrentCalls", "500"])):
            words = ["add-endpoint", "-s", SCORING, "-e", name, "-ThrottleLevel", "High", *more]
            calls = {"MaxConcurrentCalls": 500} if more else {}
            sent = classic.ask("PUT", classic.endpoint(name), json={"ThrottleLevel": "High", **calls})
            assert codes(sent)[1:] == typed(words)
        for method, path, words in (
            ("DELETE", classic.endpoint("default"), ["remove-endpoint", "-s", SCORING, "-e", "default", "-Force"]),
            ("POST", f"{classic.endpoint('default')}/refresh", ["refresh-endpoint", "-s", SCORING, "-e", "default"]),
            ("POST", f"{classic.endpoint('fixed')}/refresh", ["refresh-endpoint", "-s", SCORING, "-e", "fixed"]),
            ("GET", classic.service("0" * 32), ["web-services", "0" * 32]),
            ("GET", classic.endpoint("default", "0" * 32), ["endpoints", "0" * 32, "default"]),
            ("DELETE", classic.service("0" * 32), ["remove-web-service", "0" * 32, "-Force"]),
        ):
            assert codes(classic.ask(method, path))[1:] == typed(words), path
        assert classic.score(classic.seen("loc001")) == pytest.approx(answer(0), abs=0.01)

    def test_both_faces_leave_the_same_files(self, classic: Classic, mlmgmt: Any) -> None:
        """The same endpoint and the same PATCH, once by the command line and once over HTTP."""
        mlmgmt(["add-endpoint", "-s", SCORING, "-e", "typed", "-Description", "d"], ok=True)
        mlmgmt(classic.bikes.patch("typed", "model001"), ok=True)
        classic.added("sent", Description="d")
        place = {**classic.bikes.location("model001")}
        account = Session().storage_account()
        # The blob's address at this server is accepted, too.
        place["BaseLocation"] = f"{classic.server.origin}/{account}/"
        body = classic.resource("model001", Location=place)
        assert classic.ask("PATCH", classic.endpoint("sent"), json=body).status_code == 200

        def kept(name: str, number: int) -> Any:
            folder = classic.bikes.root.glob(f"workspaces/*/webservices/*/endpoints/{name}/revisions/{number:06}.json")
            revision = json.loads(next(folder).read_text().replace(f"/{name}", "/NAME").replace(f'"{name}"', '"NAME"'))
            for own in ("createdOn", "modifiedOn", "swaggerLocation"):
                revision["document"]["properties"].pop(own)
            for own in ("etag", "modifiedOn", "by"):
                revision.pop(own)
            for model in revision["models"].values():
                model.pop("takenOn")
            return json.dumps(revision)

        assert kept("typed", 1) == kept("sent", 1)
        assert kept("typed", 2) == kept("sent", 2)

    @pytest.mark.parametrize(
        "body",
        [
            {"Resources": {"Name": "x"}},
            {"Resources": ["x"]},
            {"Resources": [{"Name": 5}]},
            {"Resources": [{"Name": RESOURCE, "Location": "x"}]},
            {"MaxConcurrentCalls": "9"},
            {"MaxConcurrentCalls": True},
            {"PreventUpdate": "yes"},
            {"Description": 5},
            {},
            [],
            None,
        ],
    )
    def test_bodies_of_another_form_are_refused(self, classic: Classic, body: Any) -> None:
        refused = classic.ask("PATCH", classic.endpoint("loc001"), json=body)
        assert refused.status_code == 400, refused.text

    def test_a_resource_is_named_once_and_megabytes_are_not_repeated(self, classic: Classic) -> None:
        resource = classic.resource("model001")["Resources"][0]
        refused = classic.ask("PATCH", classic.endpoint("loc001"), json={"Resources": [resource, resource]})
        assert codes(refused) == [400, "BadArgument", "DuplicateResourceName"]
        for name, place in (("q" * 1_000_000, {}), (RESOURCE, {"BaseLocation": "z" * 1_000_000})):
            location = {**resource["Location"], **place}
            body = {"Resources": [{"Name": name, "Location": location}]}
            refused = classic.ask("PATCH", classic.endpoint("loc001"), json=body)
            assert refused.status_code == 400
            assert len(refused.content) < 5000

    def test_patches_at_once_are_all_answered(self, classic: Classic) -> None:
        """Another PATCH may already have made the change that one asks for."""
        classic.added("busy")
        bodies = [classic.resource(model) for model in ("model001", "model002")] * 12
        with ThreadPoolExecutor(4) as threads:
            asked = [threads.submit(classic.ask, "PATCH", classic.endpoint("busy"), json=body) for body in bodies]
            answers = [answer.result() for answer in asked]
        assert [answer.status_code for answer in answers] == [200] * len(bodies)

    def test_what_is_not_done_here_says_so(self, classic: Classic) -> None:
        code = {"InputSchema": {}, "OutputSchema": {}, "Language": "python-2.7-64", "SourceCode": "x"}
        published = {"Name": "code", "Type": "Code", "CodeBundle": code}
        refused = classic.ask("PUT", classic.service("a" * 32), json=published)
        assert codes(refused) == [400, "BadArgument", "WebServiceTypeInvalid"]
        assert codes(classic.ask("GET", classic.service("name"))) == [400, "BadArgument", "WebServiceIdInvalid"]


class TestProof:
    def test_a_token_is_shown_in_either_header(self, classic: Classic) -> None:
        for headers in (
            {"authorization": f"Bearer {classic.token}"},
            {"authorization": f"bearer  {classic.token}"},
            {"AUTHORIZATION": f"BEARER {classic.token}"},
            classic.studio,
            # One client sends both, always.
            {**classic.studio, **classic.bearer, "x-aml-sdk": "powershell_0.3.8"},
        ):
            for path in (f"{classic.workspace}/webservices", f"/api{classic.workspace}/experiments"):
                assert classic.client.get(path, headers=headers).status_code == 200, (path, headers)
        second = json.loads(next(classic.config.rglob("workspaces/*.json")).read_text())["secondary"]
        assert classic.client.get(classic.service(), headers={"authorization": f"Bearer {second}"}).status_code == 200

    def test_whoever_shows_nothing_or_something_else_is_refused(self, classic: Classic, mlmgmt: Any) -> None:
        other = mlmgmt("new-workspace Other -o json", ok=True).json["WorkspaceId"]
        mlmgmt(f"workspace-config other.json -WorkspaceId {other} -Force", ok=True)
        strange = json.loads((classic.folder / "other.json").read_text())["AuthorizationToken"]
        proofs: tuple[dict[str, str], ...] = (
            {},
            {"authorization": classic.token},
            {"authorization": f"Basic {classic.token}"},
            {"authorization": "Bearer"},
            {"authorization": f"Bearer {strange}"},
            {"authorization": f"Bearer {classic.server.token}"},
            {"authorization": f"Bearer {classic.token[:-1]}"},
        )
        for headers in proofs:
            for path in (classic.service(), f"/api{classic.workspace}/experiments"):
                refused = classic.client.get(path, headers=headers)
                assert codes(refused) == NOBODY, (path, headers)
                assert refused.headers["www-authenticate"].startswith("Bearer")
                assert strange not in refused.text
        mine = {"authorization": f"Bearer {strange}"}
        assert classic.client.get(f"/workspaces/{other}/webservices", headers=mine).json() == []
        foreign = classic.client.get(f"/workspaces/{other}/webservices/{classic.bikes.service}", headers=mine)
        assert codes(foreign) == [404, "NotFound", "WebServiceIdNotFoundInWorkspace"]
        nowhere = classic.client.get(f"/workspaces/{'0' * 32}/webservices", headers=classic.bearer)
        assert codes(nowhere) == [404, "NotFound", "WorkspaceNotFound"]
        assert other not in nowhere.text

    def test_an_endpoint_s_key_opens_that_endpoint_alone(self, classic: Classic, mlmgmt: Any) -> None:
        own, other = classic.added("own"), classic.seen("loc001")
        for key in (own.key, own.second):
            headers = {"authorization": f"Bearer {key}"}
            assert classic.client.get(classic.endpoint("own"), headers=headers).json() == own.shown
            for method, path in (
                ("GET", classic.endpoint("loc001")),
                ("PATCH", classic.endpoint("loc001")),
                ("DELETE", classic.endpoint("default")),
                ("PUT", classic.endpoint("own")),
                ("PUT", classic.endpoint("another")),
                ("GET", f"{classic.service()}/endpoints"),
                ("GET", classic.service()),
                ("DELETE", classic.service()),
                ("GET", f"{classic.workspace}/webservices"),
                ("GET", f"/api{classic.workspace}/experiments"),
                ("GET", classic.endpoint("own", classic.bikes.training)),
            ):
                assert codes(classic.client.request(method, path, headers=headers, json={})) == NOBODY, (method, path)
        patched = classic.client.patch(classic.endpoint("own"), headers=own.bearer, json={"Description": "By key."})
        assert patched.status_code == 200
        assert mlmgmt(["history", "-s", SCORING, "-e", "own"], ok=True).json[0]["By"] == "a key of own"
        # The service fetched no model without a signature, not even for the owner; a key does not open storage either.
        place = {name: value for name, value in classic.bikes.location("model001").items() if name != "SasBlobToken"}
        body = classic.resource("model001", Location=place)
        refused = classic.client.patch(classic.endpoint("own"), headers=own.bearer, json=body)
        assert codes(refused) == [400, "BadArgument", "InvalidBlob"]
        assert str(classic.folder) not in refused.text
        assert codes(classic.ask("PATCH", classic.endpoint("own"), json=body)) == [400, "BadArgument", "InvalidBlob"]
        signed = classic.resource("model001")
        assert classic.ask("PATCH", classic.endpoint("own"), json=signed).status_code == 200
        assert codes(classic.scored(other, key=own.key))[1:] == ["Unauthorized", "ScoreRequestUnauthorized"]
        refreshed = classic.client.post(f"{classic.endpoint('own')}/refresh", headers=own.bearer)
        assert refreshed.status_code == 304
        assert classic.client.delete(classic.endpoint("own"), headers=own.bearer).status_code == 200
        assert codes(classic.client.get(classic.endpoint("own"), headers=own.bearer)) == NOBODY
        default = classic.seen("default", classic.bikes.training)
        path = classic.endpoint("default", classic.bikes.training)
        assert codes(classic.client.delete(path, headers=default.bearer))[:2] == [403, "AuthorizationFailed"]

    def test_headers_that_are_sent_twice_are_refused(self, classic: Classic) -> None:
        twice = [(STUDIO_HEADER, classic.token), (STUDIO_HEADER, "other")]
        assert classic.client.get(f"/api{classic.workspace}/experiments", headers=twice).status_code == 400


class TestRetraining:
    def test_the_published_story_over_http(self, classic: Classic, mlmgmt: Any) -> None:
        """A training service's job makes a model, its results patch one endpoint, and only its answer changes."""
        trained = classic.seen("default", classic.bikes.training)
        assert trained.shown["Resources"] == []
        session = Session()
        account = session.storage_account()
        session.store.blobs.write(Blob(account, "data", "loc.csv"), rentals(6).encode())
        secret = session.store.secrets.account_key(account)
        storage = f"DefaultEndpointsProtocol=https;AccountName={account};AccountKey={secret}"
        job = {
            "Inputs": {"input1": {"ConnectionString": storage, "RelativeLocation": "data/loc.csv"}},
            "Outputs": {
                "output1": {"ConnectionString": storage, "RelativeLocation": "models/loc.ilearner"},
                "output2": {"ConnectionString": storage, "RelativeLocation": "models/loc.csv"},
            },
            "GlobalParameters": {},
        }

        def at(method: str, path: str = "", **more: Any) -> Any:
            place = f"{trained.place}/jobs{path}"
            return classic.client.request(method, place, params=VERSION, headers=trained.bearer, **more)

        identity = at("POST", json=job).json()
        assert at("GET", f"/{identity}").json()["StatusCode"] == "NotStarted"
        assert at("POST", f"/{identity}/start").status_code == 200
        until = time.monotonic() + 60
        while (status := at("GET", f"/{identity}").json())["StatusCode"] not in ("Finished", "Failed"):
            assert time.monotonic() < until
            time.sleep(0.1)
        assert status["StatusCode"] == "Finished", status
        place = status["Results"]["output1"]
        assert place["BaseLocation"] == f"{classic.server.origin}/{account}/"
        stranger = classic.client.get(f"{trained.place}/jobs/{identity}", params=VERSION, headers=classic.bearer)
        assert codes(stranger) == [401, "Unauthorized", "ScoreRequestUnauthorized"]

        endpoint = classic.added("story")
        beside = classic.seen("default")
        assert classic.score(endpoint) == pytest.approx(answer(0), abs=0.01)
        body = {"Resources": [{"Name": endpoint.shown["Resources"][0]["Name"], "Location": place}]}
        patched = classic.client.patch(classic.endpoint("story"), headers=endpoint.bearer, json=body)
        assert (patched.status_code, patched.content) == (200, b""), patched.text
        assert classic.score(endpoint) == pytest.approx(answer(6), abs=0.01)
        assert classic.score(beside) == pytest.approx(answer(0), abs=0.01)
        (resource,) = classic.seen("story").shown["Resources"]
        assert resource["Location"]["RelativeLocation"] == "models/loc.ilearner"

        refresh = f"{classic.endpoint('story')}/refresh"
        kept = classic.ask("POST", refresh, json={"OverwriteResources": "False"})
        assert (kept.status_code, kept.content) == (304, b"")
        assert classic.ask("POST", refresh, json={"OverwriteResources": "maybe"}).status_code == 400
        assert classic.ask("POST", refresh, json={"OverwriteResources": "True"}).status_code == 200
        assert classic.score(endpoint) == pytest.approx(answer(0), abs=0.01)
        mlmgmt(["rollback", "-s", SCORING, "-e", "story", "--to", "2"], ok=True)
        assert classic.score(endpoint) == pytest.approx(answer(6), abs=0.01)

    def test_a_patch_takes_effect_on_the_next_request_under_load(self, classic: Classic) -> None:
        patched, beside = classic.added("loaded"), classic.added("beside")
        models = ["model001", "model002"]
        over, standing = Event(), [answer(0)]

        def scoring(_: int) -> int:
            count = 0
            while not over.is_set():
                before = standing[0]
                found = classic.score(patched)
                # None: a PATCH is running, and either model may answer.
                assert before is None or abs(found - before) < 0.01 or standing[0] != before
                assert abs(classic.score(beside) - answer(0)) < 0.01
                count += 1
            return count

        patches, until = 0, time.monotonic() + 2.5
        with ThreadPoolExecutor(3) as threads:
            sides = [threads.submit(scoring, side) for side in range(3)]
            try:
                while time.monotonic() < until and not any(side.done() for side in sides):
                    number = patches % 2
                    standing[0] = None  # type: ignore[call-overload]
                    body = classic.resource(models[number])
                    assert classic.ask("PATCH", classic.endpoint("loaded"), json=body).status_code == 200
                    assert classic.score(patched) == pytest.approx(answer(number + 1), abs=0.01)
                    standing[0] = answer(number + 1)
                    patches += 1
                    time.sleep(0.05)
            finally:
                over.set()
            answered = sum(side.result() for side in sides)
        assert patches > 5
        assert answered > 50

    def test_how_many_calls_an_endpoint_takes_follows_its_level(self, classic: Classic) -> None:
        low, high = classic.added("few"), classic.added("more", ThrottleLevel="High", MaxConcurrentCalls=200)
        rows = [[str(n % 24), "0.5", "0"] for n in range(4000)]
        many = {"Inputs": {"input1": {"ColumnNames": ["hour", "temp", "cnt"], "Values": rows}}}
        with ThreadPoolExecutor(24) as threads:

            def at_once(endpoint: Any) -> Any:
                return list(threads.map(lambda _: classic.scored(endpoint, many), range(36)))

            refused = [answer for answer in at_once(low) if answer.status_code != 200]
            assert 0 < len(refused) < 36
            assert codes(refused[0]) == [503, "ServiceUnavailable", "RequestThrottled"]
            assert {answer.status_code for answer in at_once(high)} == {200}
            raised = {"ThrottleLevel": "High", "MaxConcurrentCalls": 100}
            assert classic.ask("PATCH", classic.endpoint("few"), json=raised).status_code == 200
            assert {answer.status_code for answer in at_once(low)} == {200}

    def test_calls_are_logged_as_the_trace_level_asks(self, classic: Classic) -> None:
        endpoint = classic.added("traced")
        identity = endpoint.place.rpartition("/")[2]
        workspace, service = classic.workspace.rpartition("/")[2], classic.bikes.service
        classic.scored(endpoint)
        assert classic.ask("PATCH", classic.endpoint("traced"), json={"DiagnosticsTraceLevel": "Error"}).is_success
        classic.scored(endpoint)
        assert classic.scored(endpoint, {"Inputs": {}}).status_code == 400
        logs = f"storage/*/ml-diagnostics/{workspace}-{service}-{identity}/score/requests/*.jsonl"
        until = time.monotonic() + 10
        while not (found := list(classic.bikes.root.glob(logs))) and time.monotonic() < until:
            time.sleep(0.05)
        (line,) = (json.loads(line) for line in found[0].read_text().splitlines())
        assert line["status"] == 400


class TestScoring:
    def test_an_address_names_the_workspace_of_what_answers(self, classic: Classic, mlmgmt: Any) -> None:
        endpoint = classic.seen("default")
        guid = endpoint.place.rpartition("/")[2]
        subscription = Session().store.home.subscription.replace("-", "")
        other = mlmgmt("new-workspace Elsewhere -o json", ok=True).json["WorkspaceId"]
        for path, expected in (
            (f"/workspaces/{'0' * 32}/services/{guid}", [404, "NotFound", "WebServiceIdNotFoundInWorkspace"]),
            (f"/workspaces/{other}/services/{guid}", [404, "NotFound", "WebServiceIdNotFoundInWorkspace"]),
            (f"{classic.workspace}/services/{'0' * 32}", [404, "NotFound", "WebServiceNotFound"]),
            (f"{classic.workspace}/services/{classic.bikes.service}", [404, "NotFound", "WebServiceNotFound"]),
            (f"/subscriptions/{subscription}/services/{guid}", [400, "BadArgument", "BadSubscriptionId"]),
        ):
            place = f"{path}/execute"
            # After a correct request the id is cached; a wrong one must still be refused.
            for _ in range(2):
                refused = classic.client.post(place, params=VERSION, headers=endpoint.bearer, json=BODY)
                assert codes(refused) == expected, path
                assert classic.score(endpoint) == pytest.approx(answer(0), abs=0.01)
        loud = endpoint.place.replace("workspaces", "WORKSPACES").replace(guid, guid.upper())
        assert classic.client.post(f"{loud}/execute", params=VERSION, headers=endpoint.bearer, json=BODY).is_success
        assert codes(classic.client.post(f"{endpoint.place}/execute", headers=endpoint.bearer, json=BODY)) == [
            400,
            "BadArgument",
            "BadVersionCall",
        ]
        swagger = classic.client.post(
            f"{endpoint.place}/execute",
            params={**VERSION, "format": "swagger"},
            headers=endpoint.bearer,
            json={"Inputs": {"input1": [{"hour": 10, "temp": 0.5, "cnt": 0}]}},
        )
        assert swagger.json()["Results"]["output1"][0]["hour"] == "10"

    def test_a_new_web_service_is_scored_in_the_first_workspace_too(self, classic: Classic, mlmgmt: Any) -> None:
        mlmgmt(["export-definition", SCORING, "new.json", "-Force"], ok=True)
        mlmgmt("new -g retail -l southcentralus -n bikes -DefinitionFile new.json -Force", ok=True)
        key = mlmgmt("keys -g retail -n bikes -o json", ok=True).json["Primary"]
        resource = Session().service_id("retail", "bikes")
        for path in (resource.scoring_path, f"{classic.workspace}/services/{service_guid(resource)}"):
            headers = {"authorization": f"Bearer {key}"}
            found = classic.client.post(f"{path}/execute", params=VERSION, headers=headers, json=BODY)
            value = found.json()["Results"]["output1"]["value"]["Values"][0][-1]
            assert float(value) == pytest.approx(answer(0), abs=0.01)
            job = classic.client.get(f"{path}/jobs/{'0' * 32}", params=VERSION, headers=headers)
            assert job.status_code == 404
        mlmgmt("remove -g retail -n bikes -Force", ok=True)

    def test_a_removed_endpoint_is_gone_at_once_and_a_restored_one_is_back(self, classic: Classic, mlmgmt: Any) -> None:
        endpoint = classic.added("shortly")
        assert classic.scored(endpoint).status_code == 200
        assert classic.ask("DELETE", classic.endpoint("shortly")).status_code == 200
        assert codes(classic.scored(endpoint)) == [404, "NotFound", "WebServiceNotFound"]
        mlmgmt(["restore", "-s", SCORING, "-e", "shortly"], ok=True)
        assert classic.scored(endpoint).status_code == 200

    def test_an_endpoint_s_swagger_document_is_valid_and_names_it(self, classic: Classic) -> None:
        endpoint = classic.seen("loc001")
        identity = endpoint.place.rpartition("/")[2]
        document = classic.client.get(f"{endpoint.place}/swagger.json").json()
        validate(document, cls=OpenAPIV2SpecValidator)
        assert document["info"]["x-endpoint-name"] == "loc001"
        assert document["info"]["title"] == SCORING
        scheme, host, path = document["schemes"][0], document["host"], document["basePath"]
        assert f"{scheme}://{host}{path}" == endpoint.place
        for name in ("loc001", identity, identity.upper()):
            assert classic.client.get(f"{classic.endpoint(name)}/apidocument").json() == document
        for name in ("none", "0" * 32, "a" * 300):
            refused = classic.client.get(f"{classic.endpoint(name)}/apidocument")
            assert codes(refused) == [404, "NotFound", "EndpointNotFound"]
            # The caller has proved nothing, so the error lists no endpoints.
            assert "loc001" not in refused.text

    def test_help_pages_are_for_anybody_and_have_no_key(self, classic: Classic) -> None:
        endpoint = classic.seen("loc001")
        for part in ("", "/score", "/jobs", "/update"):
            page = classic.client.get(endpoint.shown["HelpLocation"] + part)
            assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
            for item in classic.ask("GET", f"{classic.service()}/endpoints").json():
                assert item["PrimaryKey"] not in page.text
                assert item["SecondaryKey"] not in page.text
            assert classic.token not in page.text
        update = classic.client.get(f"{endpoint.shown['HelpLocation']}/update").text
        assert f"{classic.server.origin}{classic.endpoint('loc001')}" in update
        assert RESOURCE in update
        assert classic.client.get(f"{endpoint.shown['HelpLocation']}/nothing").status_code == 404


class TestStudio:
    def test_an_experiment_is_made_run_deployed_and_removed(self, classic: Classic, mlmgmt: Any) -> None:
        """As the Python and PowerShell clients do it: each API with its own header."""
        listed = classic.studio_ask("GET", "experiments").json()
        assert [item["Description"] for item in listed][:2] == [TRAINING, SCORING]
        for moment in ("CreationTime", "EndTime"):
            text = listed[0]["Status"][moment]
            assert text.startswith("/Date(")
            assert abs(int(text[6:-2]) / 1000 - time.time()) < 3600
        found = classic.studio_ask("GET", f"experiments/{listed[0]['ExperimentId']}").json()
        assert {"Graph", "WebService"} <= found.keys()
        body = {
            "Description": "Copied",
            "Summary": "",
            "IsDraft": True,
            "ParentExperimentId": None,
            "DisableNodeUpdate": False,
            "Category": "user",
            "ExperimentGraph": found["Graph"],
            "WebService": found["WebService"],
        }
        made = classic.studio_ask("POST", "experiments/", json=body)
        assert made.status_code == 200, made.text
        identity = made.json()["ExperimentId"]
        assert made.json()["Status"]["StatusCode"] == "InDraft"
        assert made.json()["Graph"] == found["Graph"]
        assert codes(classic.studio_ask("POST", "experiments", json=body)) == [409, "Conflict", "ExperimentExists"]
        early = classic.studio_ask("POST", f"experiments/{identity}/webservice?generateNewPortNames=false")
        assert codes(early) == [400, "BadRequest", "ExperimentNotFinished"]
        ran = classic.studio_ask("POST", f"experiments/{identity}", json={**body, "IsDraft": False})
        assert ran.json()["Status"]["StatusCode"] == "Finished", ran.text
        assert ran.json()["ExperimentId"] == identity
        definition = classic.studio_ask("GET", f"experiments/{identity}/webservicedefinition").json()
        assert definition["properties"]["packageType"] == "Graph"
        deployed = classic.studio_ask("POST", f"experiments/{identity}/webservice?generateNewPortNames=false").json()
        assert deployed["Status"] == "Completed"
        assert classic.studio_ask("GET", f"experiments/{deployed['ActivityId']}/webservice").json() == deployed
        service = classic.ask("GET", classic.service(deployed["WebServiceGroupId"])).json()
        assert (service["Name"], service["EndpointCount"]) == ("Copied", 1)
        endpoint = classic.seen("default", service["Id"])
        assert endpoint.place.endswith(f"/services/{deployed['EndpointId']}")
        update = f"experiments/{identity}/webservice?generateNewPortNames=false&updateExistingWebService=true"
        again = classic.studio_ask("POST", update)
        assert again.json() == deployed
        assert classic.ask("DELETE", classic.service(service["Id"])).status_code == 200
        assert codes(classic.studio_ask("GET", f"experiments/{deployed['ActivityId']}/webservice"))[0] == 404
        assert codes(classic.studio_ask("POST", update)) == [404, "NotFound", "WebServiceNotFound"]
        assert classic.studio_ask("DELETE", f"experiments/{identity}?deleteAncestors=true").status_code == 200
        gone = classic.studio_ask("GET", f"experiments/{identity}")
        assert codes(gone) == [404, "NotFound", "ExperimentNotFound"]
        assert gone.json()["Error"]["InnerError"] is None
        assert "Copied" not in mlmgmt("experiments", ok=True).out

    def test_saving_what_stands_keeps_what_the_format_does_not_say(self, classic: Classic, mlmgmt: Any) -> None:
        before = mlmgmt(["get-experiment", SCORING, "-o", "json"], ok=True).json
        path = f"experiments/{before['ExperimentId']}"
        found = classic.studio_ask("GET", path).json()
        body = {"Description": SCORING, "IsDraft": True, "ExperimentGraph": found["Graph"]}
        saved = classic.studio_ask("POST", path, json={**body, "WebService": found["WebService"]})
        assert saved.json() == found
        renamed = classic.studio_ask("POST", path, json={**body, "Description": "Other"})
        assert codes(renamed) == [400, "BadRequest", "ExperimentRenamed"]
        assert mlmgmt(["get-experiment", SCORING, "-o", "json"], ok=True).json == before
        broken = {"ExperimentGraph": {"ModuleNodes": [{"Id": ""}]}, "Description": "Broken"}
        assert codes(classic.studio_ask("POST", "experiments", json=broken))[2] == "InvalidExperimentGraph"
        assert codes(classic.studio_ask("POST", "experiments", json={}))[2] == "InvalidExperimentName"

    @pytest.mark.parametrize(
        ("member", "value"), [("DisableNodeUpdate", 0), ("Summary", {}), ("ParentExperimentId", []), ("Category", 1)]
    )
    def test_a_member_without_effect_is_refused_if_its_type_is_wrong(
        self, classic: Classic, member: str, value: Any
    ) -> None:
        body = {"Description": "Odd", "ExperimentGraph": {"ModuleNodes": []}, member: value}
        refused = classic.studio_ask("POST", "experiments", json=body)
        assert codes(refused) == [400, "InvalidRequestContent", "InvalidRequestContent"]
        assert member in refused.text

    def test_trained_models_are_promoted_and_listed(self, classic: Classic, mlmgmt: Any) -> None:
        experiment = mlmgmt(["get-experiment", TRAINING, "-o", "json"], ok=True).json["ExperimentId"]
        node = mlmgmt(["experiment-nodes", TRAINING, "-Comment", "Train Model"], ok=True).json[0]["Id"]
        model = {"Name": "Named", "DataTypeId": "iLearnerDotNet", "Description": "d", "FamilyId": None}
        body = {"ExperimentId": experiment, "ModuleNodeId": node, "OutputName": "Trained model", "TrainedModel": model}
        made = classic.studio_ask("POST", "trainedmodels", json=body)
        assert (made.status_code, made.json()["Batch"]) == (200, 1), made.text
        assert codes(classic.studio_ask("POST", "trainedmodels", json=body)) == [409, "Conflict", "TrainedModelExists"]
        model["FamilyId"] = made.json()["FamilyId"]
        assert classic.studio_ask("POST", "trainedmodels", json=body).json()["Batch"] == 2
        found = classic.studio_ask("GET", "trainedmodels").json()
        mine = [item for item in found if item["Name"] == "Named"]
        assert [item["IsLatest"] for item in mine] == [False, True]
        place = mine[1]["DownloadLocation"]
        data = classic.client.get(place["BaseUri"] + place["Location"] + place["AccessCredential"])
        assert (data.status_code, len(data.content)) == (200, mine[1]["Size"])

    def test_refusals_are_of_studio_s_shape(self, classic: Classic) -> None:
        for method, path, expected in (
            ("GET", "nothing", [404, "NotFound", "InvalidResourcePath"]),
            ("PUT", "experiments", [405, "MethodNotAllowed", "MethodNotAllowed"]),
            ("POST", "experiments", [400, "BadRequest"]),
            ("POST", "experiments/x/webservice?generateNewPortNames=5", [400, "InvalidQueryParameter"]),
        ):
            refused = classic.studio_ask(method, path, content=b"{" if method == "POST" else None)
            assert codes(refused)[: len(expected)] == expected, refused.text
