"""Classic web services and their endpoints, as people deploy, add, show, update, remove and restore them."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmgmt.errors import BadRequest, Conflict, NotFound, Unauthorized
from mlmgmt.store.blobs import Blob
from mlmgmt.verbs.classic import restoring, web_services
from mlmgmt.verbs.scoring import serving
from mlmgmt.verbs.services import endpoint_facts
from mlmgmt.verbs.session import Session
from tests.classic.classic_home import (
    AT,
    RESOURCE,
    SCORING,
    TRAINING,
    Bikes,
    answer,
    answers,
    experiment,
    history,
    rentals,
    score,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Command, Result

SERVICE_MEMBERS = [
    "Id",
    "Name",
    "Description",
    "CreationTime",
    "WorkspaceId",
    "DefaultEndpointName",
    "EndpointCount",
]
ENDPOINT_MEMBERS = {
    *("Name", "Description", "CreationTime", "WorkspaceId", "WebServiceId", "HelpLocation", "PrimaryKey"),
    *("SecondaryKey", "ApiLocation", "Version", "PreventUpdate", "SampleDataEnabled", "ExperimentLocation"),
    *("MaxConcurrentCalls", "DiagnosticsTraceLevel", "ThrottleLevel", "Resources"),
}
GUID = re.compile("[0-9a-f]{32}")


def add(mlmgmt: Command, name: str, *more: str) -> Result:
    return mlmgmt(["Add-AmlWebServiceEndpoint", *AT, name, *more])


def shown(mlmgmt: Command, name: str, service: str = SCORING) -> dict[str, Any]:
    found: dict[str, Any] = mlmgmt(["Get-AmlWebServiceEndpoint", service, name], ok=True).json
    return found


def names(mlmgmt: Command, service: str = SCORING) -> list[str]:
    return [item["Name"] for item in mlmgmt(["endpoints", service], ok=True).json]


class TestWebServices:
    def test_they_are_listed_and_found_by_id_or_name(self, mlmgmt: Command, bikes: Bikes) -> None:
        listed = mlmgmt("Get-AmlWebService", ok=True).json
        assert [(item["Id"], item["Name"], item["EndpointCount"]) for item in listed] == [
            (bikes.service, SCORING, 3),
            (bikes.training, TRAINING, 1),
        ]
        for item in listed:
            assert list(item) == SERVICE_MEMBERS
            assert GUID.fullmatch(item["Id"])
            assert item["DefaultEndpointName"] == "default"
        assert mlmgmt(["web-services", bikes.service.upper()], ok=True).json == listed[0]
        assert mlmgmt(["web-services", "bike RENTAL"], ok=True).json == listed[1]
        refused = mlmgmt("web-services nowhere")
        assert refused.status == 1
        assert "WebServiceIdNotFoundInWorkspace" in refused.err
        assert bikes.service in refused.err

    def test_each_deployment_makes_another_one_unless_update_is_given(self, mlmgmt: Command, bikes: Bikes) -> None:
        made = mlmgmt(["New-AmlWebService", "-PredictiveExperimentId", SCORING], ok=True).json
        assert list(made) == SERVICE_MEMBERS
        assert made["Id"] not in (bikes.service, bikes.training)
        assert score(mlmgmt, "default", made["Id"]) == pytest.approx(answer(0), abs=0.01)
        several = mlmgmt(["endpoints", SCORING])
        assert "AmbiguousWebService" in several.err
        assert made["Id"] in several.err
        assert "AmbiguousWebService" in mlmgmt(["deploy", SCORING, "-Update"]).err
        mlmgmt(["Remove-AmlWebService", "-WebServiceId", made["Id"], "-Force"], ok=True)
        assert names(mlmgmt) == ["default", "loc001", "loc002"]

    def test_update_changes_only_the_default_endpoint(self, mlmgmt: Command, bikes: Bikes) -> None:
        assert "NothingChanged" in mlmgmt(["deploy", SCORING, "-Update"]).err
        others = bikes.endpoint("loc001") | bikes.endpoint("loc002")
        experiment(model=bikes.blob("model001").uri, parameters={"Once": {"value": "1"}})
        before = bikes.everything()
        assert "model001" in mlmgmt(["deploy", SCORING, "-Update", "-WhatIf"], ok=True).out
        assert bikes.everything() == before
        updated = mlmgmt(["New-AmlWebService", "-PredictiveExperimentId", SCORING, "-Update"], ok=True).json
        assert updated["Id"] == bikes.service
        assert updated["EndpointCount"] == 3
        assert answers(mlmgmt, "default", 1)
        assert answers(mlmgmt, "loc001", 0)
        assert bikes.endpoint("loc001") | bikes.endpoint("loc002") == others
        # What is removed from the experiment is removed from the default endpoint too.
        experiment(parameters=None)
        mlmgmt(["deploy", SCORING, "-Update"], ok=True)
        default = bikes.endpoint("default")
        assert b"Once" not in next(data for path, data in default.items() if path.endswith("webservice.json"))
        assert shown(mlmgmt, "default")["mlmgmt"]["revision"] == 3

    def test_an_experiment_that_cannot_be_deployed(self, mlmgmt: Command, bikes: Bikes) -> None:
        with open("rows.csv", "w") as file:
            file.write(rentals(1))
        mlmgmt("new-experiment Draft --task regression --label cnt --data rows.csv", ok=True)
        draft = mlmgmt("New-AmlWebService -PredictiveExperimentId Draft")
        assert "ExperimentNotFinished" in draft.err
        assert "is InDraft" in draft.err
        mlmgmt("run-experiment Draft", ok=True)
        assert "NoWebServicePorts" in mlmgmt("deploy Draft").err
        mlmgmt("set-up-web-service Draft --retraining", ok=True)
        assert "WebServiceNotFound" in mlmgmt("deploy Draft -Update").err
        assert "ExperimentNotFound" in mlmgmt("deploy Nothing").err
        assert len(mlmgmt("web-services", ok=True).json) == 2

    def test_remove_removes_all_endpoints(self, mlmgmt: Command, bikes: Bikes) -> None:
        before = bikes.everything()
        asked = mlmgmt(["Remove-AmlWebService", "-WebServiceId", SCORING])
        assert "its 3 endpoints?" in asked.err
        assert asked.status == 1
        mlmgmt(["Remove-AmlWebService", "-WebServiceId", SCORING, "-WhatIf"], ok=True)
        assert bikes.everything() == before
        guid = shown(mlmgmt, "loc001")["ApiLocation"][-32:]
        said = mlmgmt(["Remove-AmlWebService", "-WebServiceId", SCORING, "-Force"], ok=True).out
        assert said == f"The web service {SCORING!r} ({bikes.service}) is removed.\n"
        assert [item["Id"] for item in mlmgmt("web-services", ok=True).json] == [bikes.training]
        assert "WebServiceIdNotFoundInWorkspace" in mlmgmt(["endpoints", bikes.service]).err
        session = Session()
        assert session.store.services.current(serving.Finder(session).find(guid)) is None

    def test_restore_brings_back_the_endpoints_that_were_removed_with_it(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(bikes.patch("loc001", "model001"), ok=True)
        mlmgmt(["remove-endpoint", *AT, "loc002", "-Force"], ok=True)
        key = shown(mlmgmt, "loc001")["PrimaryKey"]
        not_removed = mlmgmt(["restore-web-service", bikes.service])
        assert "WebServiceExists" in not_removed.err
        mlmgmt(["remove-web-service", SCORING, "-Force"], ok=True)
        gone = bikes.everything()
        mlmgmt(["restore-web-service", bikes.service, "-WhatIf"], ok=True)
        assert bikes.everything() == gone
        back = mlmgmt(["Restore-AmlWebService", "-WebServiceId", bikes.service], ok=True).json
        assert (back["Id"], back["EndpointCount"]) == (bikes.service, 2)
        assert names(mlmgmt) == ["default", "loc001"]
        assert shown(mlmgmt, "loc001")["PrimaryKey"] == key
        assert answers(mlmgmt, "loc001", 1)
        assert [row["Change"] for row in history(mlmgmt)][:2] == ["restored", "removed"]
        nowhere = mlmgmt("restore-web-service 00000000000000000000000000000000")
        assert "WebServiceIdNotFoundInWorkspace" in nowhere.err

    def test_only_one_of_two_concurrent_removals_or_restorations_succeeds(self, mlmgmt: Command, bikes: Bikes) -> None:
        first, second = (web_services.plan_remove(Session(), web_service_id=bikes.service) for _ in range(2))
        first.apply()
        with pytest.raises(NotFound):
            second.apply(again=True)
        first, second = (restoring.plan_restore(Session(), web_service_id=bikes.service) for _ in range(2))
        first.apply()
        before = bikes.everything()
        with pytest.raises(Conflict):
            second.apply(again=True)
        assert bikes.everything() == before
        assert names(mlmgmt) == ["default", "loc001", "loc002"]


def test_a_copy_of_a_home_keeps_its_workspace(mlmgmt: Command, bikes: Bikes, tmp_path: Path) -> None:
    workspace = Session().workspace
    shutil.copytree(bikes.root, tmp_path / "copy")
    mlmgmt(f"trust-home --home {tmp_path / 'copy'}", ok=True)
    listed = mlmgmt(f"web-services --home {tmp_path / 'copy'}", ok=True).json
    assert {item["WorkspaceId"] for item in listed} == {workspace}
    assert [item["Name"] for item in listed] == [SCORING, TRAINING]
    endpoint = mlmgmt(["endpoints", SCORING, "loc001", "--home", str(tmp_path / "copy")], ok=True).json
    assert endpoint["PrimaryKey"] is None


class TestEndpoints:
    def test_they_have_the_documented_members(self, mlmgmt: Command, bikes: Bikes) -> None:
        found = {item["Name"]: item for item in mlmgmt(["Get-AmlWebServiceEndpoint", SCORING], ok=True).json}
        assert list(found) == ["default", "loc001", "loc002"]
        for name, item in found.items():
            assert item.keys() == ENDPOINT_MEMBERS | {"mlmgmt"}
            assert item == shown(mlmgmt, name)
            guid = item["ApiLocation"].rpartition("/")[2]
            assert GUID.fullmatch(guid)
            workspace = Session().workspace
            assert item["ApiLocation"] == (
                f"https://ussouthcentral.services.azureml.net/workspaces/{workspace}/services/{guid}"
            )
            assert item["HelpLocation"].endswith(f"/webservices/{bikes.service}/endpoints/{guid}")
            assert (item["WebServiceId"], item["WorkspaceId"]) == (bikes.service, workspace)
            (resource,) = item["Resources"]
            assert resource["Name"] == RESOURCE
            assert list(resource["Location"]) == ["BaseLocation", "RelativeLocation", "SasBlobToken"]
        assert len({item["ApiLocation"] for item in found.values()}) == 3
        keys = {item[side] for item in found.values() for side in ("PrimaryKey", "SecondaryKey")}
        assert len(keys) == 6
        assert all(len(key) == 88 and key.endswith("==") for key in keys)
        assert shown(mlmgmt, "default", TRAINING)["Resources"] == []

    def test_a_key_opens_only_its_own_endpoint(self, mlmgmt: Command, bikes: Bikes) -> None:
        session = Session()
        served = {}
        for name in ("default", "loc001", "loc002"):
            guid = shown(mlmgmt, name)["ApiLocation"][-32:]
            served[name] = serving.load(session, serving.Finder(session).find(guid), guid)
        for name in served:
            for side in ("PrimaryKey", "SecondaryKey"):
                key = f"Bearer {shown(mlmgmt, name)[side]}".encode()
                served[name].check_key(key)
                for other in served.keys() - {name}:
                    with pytest.raises(Unauthorized):
                        served[other].check_key(key)

    @pytest.mark.parametrize(
        ("words", "level", "calls", "warns"),
        [
            ("", "Low", 4, False),
            ("-ThrottleLevel low -MaxConcurrentCalls 500", "Low", 4, True),
            ("-MaxConcurrentCalls 8", "Low", 4, True),
            ("-ThrottleLevel High", "High", 20, False),
            ("-ThrottleLevel high -MaxConcurrentCalls 1", "High", 1, False),
            ("-ThrottleLevel High -MaxConcurrentCalls 200", "High", 200, False),
        ],
    )
    def test_add_with_a_throttle_level(
        self, mlmgmt: Command, bikes: Bikes, words: str, level: str, calls: int, warns: bool
    ) -> None:
        done = add(mlmgmt, "rentalloc001", *words.split())
        assert done.status == 0
        assert done.out == "The endpoint 'rentalloc001' is added.\n"
        assert ("MaxConcurrentCalls" in done.err) is warns
        found = shown(mlmgmt, "rentalloc001")
        assert (found["ThrottleLevel"], found["MaxConcurrentCalls"]) == (level, calls)
        assert (found["Description"], found["PreventUpdate"]) == ("", False)
        assert (
            serving.load(Session(), serving.Finder(Session()).find(found["ApiLocation"][-32:]), "").most_calls == calls
        )
        assert score(mlmgmt, "rentalloc001") == score(mlmgmt, "default")

    def test_a_new_one_has_the_current_model_of_the_default_endpoint(self, mlmgmt: Command, bikes: Bikes) -> None:
        (resource,) = shown(mlmgmt, "default")["Resources"]
        container, _, path = resource["Location"]["RelativeLocation"].partition("/")
        blob = Blob(Session().storage_account(), container, path)
        Session().store.blobs.write(blob, bikes.data("model001"))
        assert add(mlmgmt, "loc003").status == 0
        Session().store.blobs.remove(blob)
        assert add(mlmgmt, "loc004").status == 0
        assert answers(mlmgmt, "loc003", 0)
        assert answers(mlmgmt, "loc004", 0)

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            ("h1 -ThrottleLevel High -MaxConcurrentCalls 201", "WebServiceTooManyConcurrentRequestRequirement"),
            ("h1 -ThrottleLevel High -MaxConcurrentCalls 0", "BadParameterValue"),
            ("h1 -ThrottleLevel Middle", "ParameterArgumentTransformationError"),
            ("loc001", "EndpointExists"),
            ("default", "EndpointExists"),
            ("Loc003", "InvalidEndpointName"),
            ("loc-003", "InvalidEndpointName"),
            ("../loc003", "InvalidEndpointName"),
        ],
    )
    def test_add_is_refused(self, mlmgmt: Command, bikes: Bikes, words: str, code: str) -> None:
        before = bikes.everything()
        refused = add(mlmgmt, *words.split())
        assert refused.status in (1, 2)
        assert code in refused.err
        assert bikes.everything() == before

    @settings(max_examples=100, deadline=None)
    @given(st.text(st.sampled_from("abz059"), max_size=27) | st.text(st.sampled_from("a9AZé²\u0661-_. \n"), max_size=5))
    def test_names_have_up_to_24_lowercase_letters_and_digits(self, name: str) -> None:
        if re.fullmatch("[abcdefghijklmnopqrstuvwxyz0123456789]{1,24}", name):
            assert endpoint_facts.check_name(name) == name
        else:
            with pytest.raises(BadRequest) as refused:
                endpoint_facts.check_name(name)
            assert "InvalidEndpointName" in refused.value.codes()

    def test_names_ignore_case_and_may_be_reserved_elsewhere(self, mlmgmt: Command, bikes: Bikes) -> None:
        # A reserved file name on Windows is an ordinary name here.
        assert add(mlmgmt, "con").status == 0
        assert "con" in names(mlmgmt)
        assert shown(mlmgmt, " LOC001 ")["Name"] == "loc001"

    @pytest.mark.parametrize("name", ["nothere", "../default", "x" * 300, "é" * 24, "a/b", " "])
    def test_an_unknown_name_is_refused_with_the_names_there_are(
        self, mlmgmt: Command, bikes: Bikes, name: str
    ) -> None:
        refused = mlmgmt(["endpoints", SCORING, name])
        assert refused.status == 1
        assert "EndpointNotFound" in refused.err
        assert "Its endpoints: default, loc001, loc002." in refused.err

    def test_their_number_is_limited(self, mlmgmt: Command, bikes: Bikes, monkeypatch: pytest.MonkeyPatch) -> None:
        assert endpoint_facts.MOST_ENDPOINTS == 10_000
        monkeypatch.setattr(endpoint_facts, "MOST_ENDPOINTS", 4)
        assert add(mlmgmt, "loc003").status == 0
        assert "EndpointLimitReached" in add(mlmgmt, "loc004").err
        mlmgmt(["remove-endpoint", *AT, "loc001", "-Force"], ok=True)
        assert add(mlmgmt, "loc004").status == 0

    def test_remove_restore_and_add_again(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(bikes.patch("loc001", "model001"), ok=True)
        before = shown(mlmgmt, "loc001")
        others = bikes.endpoint("default") | bikes.endpoint("loc002")
        assert "NotConfirmed" in mlmgmt(["Remove-AmlWebServiceEndpoint", *AT, "loc001"]).err
        done = mlmgmt(["Remove-AmlWebServiceEndpoint", *AT, "loc001", "-Force"], ok=True)
        assert done.out == "The endpoint 'loc001' is removed.\n"
        assert names(mlmgmt) == ["default", "loc002"]
        assert mlmgmt(["web-services", SCORING], ok=True).json["EndpointCount"] == 2
        gone = mlmgmt(["score", *AT, "loc001", "-Input", "-"], stdin="hour,temp,cnt\n1,0,0\n")
        assert "EndpointNotFound" in gone.err
        assert "mlmgmt restore" in gone.err
        restored = mlmgmt(["restore", *AT, "loc001"], ok=True).json
        changing = {"Version", "mlmgmt"}
        assert {k: v for k, v in restored.items() if k not in changing} == {
            k: v for k, v in before.items() if k not in changing
        }
        assert answers(mlmgmt, "loc001", 1)
        assert "WebServiceExists" in mlmgmt(["restore", *AT, "loc001"]).err
        assert "EndpointNotFound" in mlmgmt(["restore", *AT, "loc009"]).err
        mlmgmt(["remove-endpoint", *AT, "loc001", "-Force"], ok=True)
        assert add(mlmgmt, "loc001").status == 0
        again = shown(mlmgmt, "loc001")
        assert again["PrimaryKey"] != before["PrimaryKey"]
        assert again["ApiLocation"] == before["ApiLocation"]
        assert answers(mlmgmt, "loc001", 0)
        assert [row["Change"] for row in reversed(history(mlmgmt))] == [
            *("created", "updated", "removed", "restored", "removed", "created"),
        ]
        assert bikes.endpoint("default") | bikes.endpoint("loc002") == others

    def test_the_default_one_is_removed_last_with_its_web_service(self, mlmgmt: Command, bikes: Bikes) -> None:
        refused = mlmgmt(["remove-endpoint", *AT, "default", "-Force"])
        assert "DefaultEndpointInUse" in refused.err
        assert "other endpoints (2)" in refused.err
        for name in ("loc001", "loc002"):
            mlmgmt(["remove-endpoint", *AT, name, "-Force"], ok=True)
        # Files of a removed endpoint that a killed process left do not count as an endpoint.
        folder = (
            bikes.root / "workspaces" / Session().workspace / "webservices" / bikes.service / "endpoints" / "loc001"
        )
        (folder / "webservice.json").write_bytes((folder / "revisions" / "000001.json").read_bytes())
        assert "its 1 endpoint?" in mlmgmt(["remove-endpoint", *AT, "default"]).err
        mlmgmt(["remove-endpoint", *AT, "default", "-Force"], ok=True)
        assert [item["Id"] for item in mlmgmt("web-services", ok=True).json] == [bikes.training]
