"""Classic workspaces, web services and endpoints on disk: what is read, in which order, and what counts as damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmgmt.errors import BadRequest, HomeError
from mlmgmt.ids import EndpointId, ResourceId, fold, service_guid, service_id
from mlmgmt.store.classic import WebServices, Workspaces
from mlmgmt.store.services import CREATED, REMOVED, Revision, Services

WORKSPACE, SERVICE = "0123456789abcdef" * 2, "fedcba9876543210" * 2
BODY = {
    "Id": SERVICE,
    "Name": "Bikes [Predictive Exp.]",
    "Description": "Ønsker & 漢字",
    "CreationTime": "2026-01-02T03:04:05.0000000Z",
    "WorkspaceId": WORKSPACE,
    "ExperimentId": f"{WORKSPACE}.f-id.{SERVICE}",
}
NAMES = st.text(st.sampled_from("abz09"), min_size=1, max_size=24)


def revision(name: str, number: int = 1, change: str = CREATED) -> Revision:
    identity = EndpointId(WORKSPACE, SERVICE, name)
    document = {"id": str(identity), "name": name, "properties": {"title": f"{name} {number}"}, "location": "here"}
    return Revision(number, f"{number:032}", change, f"2026-01-02T03:04:{number:02}.0000000Z", "ada", document, {})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


class TestWorkspaces:
    def test_a_workspace_is_read_as_it_was_written(self, root: Path) -> None:
        workspaces = Workspaces(root)
        assert (workspaces.read(WORKSPACE), workspaces.ids()) == (None, [])
        body = {"WorkspaceId": WORKSPACE, "Name": "Bikes", "Location": "West Europe", "CreationTime": "now"}
        workspaces.write(body)
        assert workspaces.read(WORKSPACE) == body
        assert workspaces.ids() == [WORKSPACE]
        # The first workspace of a home has experiments and no file.
        (root / "workspaces" / SERVICE / "experiments").mkdir(parents=True)
        assert workspaces.ids() == [WORKSPACE]

    @pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"WorkspaceId": "a", "Name": "b", "Location": 1}'])
    def test_a_damaged_file_is_refused(self, root: Path, text: str) -> None:
        file = root / "workspaces" / WORKSPACE / "workspace.json"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        with pytest.raises(HomeError) as refused:
            Workspaces(root).read(WORKSPACE)
        assert "HomeDamaged" in refused.value.codes()
        assert refused.value.target == str(file)


class TestWebServices:
    def test_web_services_are_read_as_they_were_written_oldest_first(self, root: Path) -> None:
        services = WebServices(root)
        assert (list(services.all(WORKSPACE)), services.ids(WORKSPACE)) == ([], [])
        ids = [f"{number:032x}" for number in (3, 1, 2)]
        bodies = [BODY | {"Id": name, "CreationTime": f"2026-01-0{n}"} for n, name in enumerate(ids, start=1)]
        for body in reversed(bodies):
            services.write(body)
        assert list(services.all(WORKSPACE)) == bodies
        assert services.ids(WORKSPACE) == sorted(ids)
        assert services.read(WORKSPACE, ids[0]) == bodies[0]
        assert services.read(SERVICE, ids[0]) is None
        services.write(bodies[1] | {"RemovedTime": "2026-02-01"})
        assert list(services.all(WORKSPACE)) == [bodies[0], bodies[2]]
        assert services.read(WORKSPACE, ids[1]) == bodies[1] | {"RemovedTime": "2026-02-01"}

    def test_a_file_has_a_line_for_each_member(self, root: Path) -> None:
        WebServices(root).write(BODY)
        text = (root / "workspaces" / WORKSPACE / "webservices" / SERVICE / "service.json").read_text()
        assert text.endswith("}\n")
        assert len(text.splitlines()) == len(BODY) + 2
        assert json.loads(text) == BODY

    @pytest.mark.parametrize("change", [{"Name": None}, {"ExperimentId": 5}, {"Id": "0" * 32}, None])
    def test_a_damaged_file_is_refused(self, root: Path, change: dict[str, Any] | None) -> None:
        services = WebServices(root)
        services.write(BODY)
        file = root / "workspaces" / WORKSPACE / "webservices" / SERVICE / "service.json"
        file.write_text("[]" if change is None else json.dumps(BODY | change))
        for read in (lambda: services.read(WORKSPACE, SERVICE), lambda: list(services.all(WORKSPACE))):
            with pytest.raises(HomeError) as refused:
                read()
            assert refused.value.target == str(file)
        assert services.ids(WORKSPACE) == [SERVICE]


class TestEndpoints:
    def test_endpoints_that_are_not_removed_are_listed_and_counted(self, root: Path) -> None:
        services = Services(root)
        assert (list(services.endpoints(WORKSPACE, SERVICE)), services.count_endpoints(WORKSPACE, SERVICE)) == ([], 0)
        for name in ("loc2", "default", "con", "loc1"):
            services.commit(revision(name))
        services.commit(revision("loc1", 2, "updated"))
        services.commit(revision("loc2", 2, REMOVED))
        found = {item.resource.name: item.number for item in services.endpoints(WORKSPACE, SERVICE)}
        assert found == {"con": 1, "default": 1, "loc1": 2}
        assert services.count_endpoints(WORKSPACE, SERVICE) == 3
        assert services.endpoint_names(WORKSPACE, SERVICE) == ["con", "default", "loc1"]
        assert list(services.endpoints(SERVICE, WORKSPACE)) == []
        assert [item.number for item in services.history(EndpointId(WORKSPACE, SERVICE, "loc2"))] == [1, 2]

    def test_a_crash_between_revision_and_current_document_has_no_effect(self, root: Path) -> None:
        services = Services(root)
        for name in ("loc1", "loc2", "loc3"):
            services.commit(revision(name))
        current = {name: services.folder(revision(name).resource) / "webservice.json" for name in ("loc1", "loc2")}
        kept = {name: file.read_bytes() for name, file in current.items()}
        services.commit(revision("loc1", 2, "updated"))
        services.commit(revision("loc2", 2, REMOVED))
        for name, file in current.items():
            file.write_bytes(kept[name])
        services.folder(revision("loc3").resource).joinpath("webservice.json").unlink()
        found = {item.resource.name: item.number for item in services.endpoints(WORKSPACE, SERVICE)}
        assert found == {"loc1": 2, "loc3": 1}

    def test_identities_include_removed_endpoints(self, root: Path) -> None:
        services = Services(root)
        new = ResourceId("s", "retail", "bikes")
        services.commit(
            Revision(1, "e", CREATED, "now", "ada", {"id": str(new), "name": "bikes", "properties": {}}, {})
        )
        assert list(services.identities()) == [new]
        before = services.folder_times()
        services.commit(revision("loc1"))
        services.commit(revision("loc2"))
        services.commit(revision("loc2", 2, REMOVED))
        assert set(services.identities()) == {new, *(EndpointId(WORKSPACE, SERVICE, name) for name in ("loc1", "loc2"))}
        assert len(services.folder_times()) == len(before) + 1


class TestIds:
    @given(NAMES)
    def test_an_endpoint_s_id_is_parsed_from_its_path(self, name: str) -> None:
        identity = EndpointId(WORKSPACE, SERVICE, name)
        assert service_id(str(identity)) == identity
        assert fold(str(service_id(str(identity).upper().replace("/WORKSPACES", "/workspaces")))) == str(identity)
        assert identity.scoring_path == f"/workspaces/{WORKSPACE}/services/{service_guid(identity)}"
        assert Path(identity.folder).parts[-2:] == ("endpoints", Path(identity.folder).name)

    @given(NAMES, NAMES)
    def test_two_endpoints_share_nothing(self, left: str, right: str) -> None:
        one, other = (EndpointId(WORKSPACE, SERVICE, name) for name in (left, right))
        for what in ("folder", "jobs_folder", "secrets_file", "scoring_path"):
            assert (getattr(one, what) == getattr(other, what)) is (left == right)

    @pytest.mark.parametrize("text", ["/workspaces/w/webservices/s", "/workspaces/w/webservices/s/endpoints/a/b", ""])
    def test_other_paths_are_not_the_id_of_an_endpoint(self, text: str) -> None:
        with pytest.raises(BadRequest) as refused:
            EndpointId.parse(text)
        assert "InvalidResourceId" in refused.value.codes()


def test_an_endpoint_is_found_by_its_id_with_and_without_its_address_file(root: Path) -> None:
    services = Services(root)
    for name in ("default", "loc001"):
        services.commit(revision(name))
    endpoint = EndpointId(WORKSPACE, SERVICE, "loc001")
    guid = service_guid(endpoint)
    note = root / "workspaces" / WORKSPACE / "services" / f"{guid}.json"
    assert services.endpoint_of(guid) == endpoint
    # A file that is damaged, or names another endpoint, is ignored.
    for damage in ("", "[]", '{"id": 7}', '{"id": "/subscriptions/x"}', json.dumps({"id": f"{endpoint}x"})):
        note.write_text(damage)
        assert services.endpoint_of(guid) is None
    note.unlink()
    assert services.endpoint_of(guid) is None
    assert guid in {service_guid(identity) for identity in services.identities()}
