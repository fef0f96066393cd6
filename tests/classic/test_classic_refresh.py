"""The settings of an endpoint, and Refresh, which gives it the graph of the default endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlmgmt.errors import Conflict, MlmgmtError
from mlmgmt.verbs.classic import patching
from mlmgmt.verbs.session import Session
from tests.classic.classic_home import AT, RESOURCE, SCORING, Bikes, answers, experiment, history

if TYPE_CHECKING:
    from tests.conftest import Command


def republish(mlmgmt: Command, **changed: Any) -> None:
    """Change the predictive experiment, and update the default endpoint from it."""
    experiment(**changed)
    mlmgmt(["New-AmlWebService", "-PredictiveExperimentId", SCORING, "-Update"], ok=True)


class TestSettings:
    """Settings that PATCH changes over HTTP; the cmdlet has no parameters for them."""

    def change(self, **given: Any) -> dict[str, Any]:
        where = {"web_service_id": SCORING, "endpoint_name": given.pop("endpoint_name", "loc001")}
        answer: dict[str, Any] = patching.plan_change(Session(), **where, **given).apply()
        return answer

    def test_refresh_keeps_them(self, mlmgmt: Command, bikes: Bikes) -> None:
        shown = self.change(
            throttle_level="High",
            max_concurrent_calls=50,
            description="of Oslo",
            diagnostics_trace_level="all",
            sample_data_enabled=True,
        )
        settings = {
            "ThrottleLevel": "High",
            "MaxConcurrentCalls": 50,
            "Description": "of Oslo",
            "DiagnosticsTraceLevel": "All",
            "SampleDataEnabled": True,
        }
        assert settings.items() <= shown.items()
        assert self.change(endpoint_name="default", description="all towns")["Description"] == "all towns"
        republish(mlmgmt, model=bikes.blob("model001").uri)
        mlmgmt(["refresh-endpoint", *AT, "loc001", "-OverwriteResources"], ok=True)
        shown = mlmgmt(["endpoints", SCORING, "loc001"], ok=True).json
        assert settings.items() <= shown.items()
        assert answers(mlmgmt, "loc001", 1)
        assert self.change(throttle_level="Low")["MaxConcurrentCalls"] == 4

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ({}, "EmptyUpdate"),
            ({"throttle_level": "Low", "max_concurrent_calls": 4}, "NothingChanged"),
            ({"max_concurrent_calls": 50}, "WebServiceConcurrentRequestRequirementInvalid"),
            ({"throttle_level": "High", "max_concurrent_calls": 500}, "WebServiceTooManyConcurrentRequestRequirement"),
            ({"throttle_level": "Middle"}, "BadParameterValue"),
            ({"diagnostics_trace_level": "Some"}, "BadParameterValue"),
        ],
    )
    def test_empty_and_wrong_changes_are_refused(self, bikes: Bikes, given: dict[str, Any], code: str) -> None:
        with pytest.raises(MlmgmtError) as refused:
            self.change(**given)
        assert code in refused.value.codes()

    def test_prevent_update_refuses_models_until_it_is_unset(self, mlmgmt: Command, bikes: Bikes) -> None:
        self.change(prevent_update=True)
        location = patching.Replacement(RESOURCE, bikes.location("model001"))
        with pytest.raises(Conflict) as refused:
            self.change(resources=[location])
        assert "EndpointPreventsUpdate" in refused.value.codes()
        self.change(prevent_update=False)
        self.change(resources=[location], description="of Oslo")
        assert answers(mlmgmt, "loc001", 1)


class TestRefresh:
    def test_a_patched_model_is_kept_until_resources_are_overwritten(self, mlmgmt: Command, bikes: Bikes) -> None:
        refresh = ["Refresh-AmlWebServiceEndpoint", *AT, "loc001"]
        before = bikes.everything()
        nothing = mlmgmt(refresh, ok=True)
        assert (nothing.out, "nothing was refreshed" in nothing.err) == ("", True)
        assert bikes.everything() == before
        mlmgmt(bikes.patch("loc001", "model001"), ok=True)
        assert "nothing was refreshed" in mlmgmt(refresh, ok=True).err
        republish(mlmgmt, model=bikes.blob("model002").uri, description="Of this year.", title="Bikes")
        done = mlmgmt(refresh, ok=True)
        assert done.out == "The endpoint 'loc001' is refreshed.\n"
        assert answers(mlmgmt, "loc001", 1)
        assert "nothing was refreshed" in mlmgmt(refresh, ok=True).err
        others = bikes.endpoint("loc002") | bikes.endpoint("default")
        before = bikes.everything()
        assert "model002" in mlmgmt([*refresh, "-OverwriteResources", "-WhatIf"], ok=True).out
        assert bikes.everything() == before
        done = mlmgmt([*refresh, "-OverwriteResources"], ok=True)
        assert done.out == "The endpoint 'loc001' is refreshed with its trained models.\n"
        assert answers(mlmgmt, "loc001", 2)
        assert "nothing was refreshed" in mlmgmt([*refresh, "-OverwriteResources"], ok=True).err
        assert [row["Change"] for row in history(mlmgmt)] == ["refreshed", "refreshed", "updated", "created"]
        assert bikes.endpoint("loc002") | bikes.endpoint("default") == others
        mlmgmt(["rollback", *AT, "loc001", "--to", "3"], ok=True)
        assert answers(mlmgmt, "loc001", 1)

    def test_the_default_endpoint_cannot_be_refreshed(self, mlmgmt: Command, bikes: Bikes) -> None:
        refused = mlmgmt(["refresh-endpoint", *AT, "default"])
        assert "DefaultEndpointNotUpdatable" in refused.err
        assert "New-AmlWebService -Update" in refused.err
