"""The web services that a commitment plan pays for, and its usage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlmgmt.ids import service_guid
from mlmgmt.verbs.plans import associations, plans, usage
from mlmgmt.verbs.session import Session
from tests.cli.test_completion import complete
from tests.conftest import small_definition
from tests.plans.test_plans import HOURS, TRANSACTIONS, at, deploy, make, service

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Command


class TestAssociations:
    def test_a_service_is_associated_with_the_plan_that_it_names(self, mlmgmt: Command, home: Path) -> None:
        plan = make("Standard")
        assert "Warning" not in deploy(mlmgmt, "small", str(plan).upper())
        deploy(mlmgmt, "free", None)
        (found,) = mlmgmt("Get-AzMlCommitmentAssociation -ResourceGroupName retail -CommitmentPlanName standard").json
        swagger = mlmgmt("get -g retail -n small", ok=True).json["properties"]["swaggerLocation"]
        assert found["name"] == swagger.split("/")[-2]
        assert found["properties"]["associatedResourceId"] == str(service("small"))
        assert found["properties"]["commitmentPlanId"] == str(plan)
        assert found["id"] == f"{plan}/commitmentAssociations/{found['name']}"
        one = mlmgmt(f"associations -g retail -CommitmentPlanName standard -n {found['name'].upper()}", ok=True).json
        assert one == found
        assert associations.paying_plan(Session(), service("small")) == plan
        assert associations.paying_plan(Session(), service("free")) is None
        for name in ("0" * 32, "..", "x"):
            assert "ResourceNotFound" in mlmgmt(f"associations -g retail -CommitmentPlanName standard -n {name}").err

    def test_an_association_is_removed_and_restored_with_its_service(self, mlmgmt: Command, home: Path) -> None:
        plan, other = make("one"), make("two")
        deploy(mlmgmt, "small", plan)
        listing = "associations -g retail -CommitmentPlanName"
        refused = mlmgmt("remove-plan -g retail -n one -Force")
        assert "CommitmentPlanInUse" in refused.err
        assert "retail/small" in refused.err
        mlmgmt("remove -g retail -n small -Force", ok=True)
        assert mlmgmt(f"{listing} one", ok=True).json == []
        mlmgmt("restore -g retail -n small -Force", ok=True)
        assert len(mlmgmt(f"{listing} one", ok=True).json) == 1
        # Created again, it is another service, so the old association does not apply.
        mlmgmt("remove -g retail -n small -Force", ok=True)
        deploy(mlmgmt, "small", other)
        assert mlmgmt(f"{listing} one", ok=True).json == []
        assert len(mlmgmt(f"{listing} two", ok=True).json) == 1
        mlmgmt("remove-plan -g retail -n one -Force", ok=True)
        mlmgmt("remove -g retail -n small -Force", ok=True)
        deploy(mlmgmt, "small", None)
        assert mlmgmt(f"{listing} two", ok=True).json == []
        assert associations.paying_plan(Session(), service("small")) is None

    def test_a_service_that_had_no_plan_can_be_given_one_and_keeps_it(self, mlmgmt: Command, home: Path) -> None:
        plan, other = make("one"), make("two")
        deploy(mlmgmt, "small", None)
        change = {"properties": {"packageType": "Graph", "commitmentPlan": {"id": str(plan)}}}
        mlmgmt("update -g retail -n small -Force", stdin=json.dumps(change), ok=True)
        assert associations.paying_plan(Session(), service("small")) == plan
        change["properties"]["commitmentPlan"] = {"id": str(other)}
        refused = mlmgmt("update -g retail -n small -Force", stdin=json.dumps(change))
        assert "CannotChangeCommitmentPlan" in refused.err
        definition = small_definition(commitmentPlan={"id": str(other)})
        again = mlmgmt("new -g retail -l southcentralus -n small -Force", stdin=json.dumps(definition))
        assert "CannotChangeCommitmentPlan" in again.err
        assert "Move-AzMlCommitmentAssociation" in again.err
        assert associations.paying_plan(Session(), service("small")) == plan

    @pytest.mark.parametrize(
        "plan",
        [
            "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/studio/providers/"
            "Microsoft.MachineLearning/commitmentPlans/standard",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearning/commitmentPlans/" + "x" * 500,
            "standard",
        ],
    )
    def test_a_plan_that_is_not_in_this_home_only_gives_a_warning(self, mlmgmt: Command, home: Path, plan: str) -> None:
        warning = deploy(mlmgmt, "small", plan)
        assert "is not in this home; scoring is not charged" in warning
        assert associations.paying_plan(Session(), service("small")) is None
        usage.charge(Session(), {service("small"): (1, 1.0)})
        # An update of something else does not repeat the warning.
        assert "charged" not in mlmgmt("update -g retail -n small -Title Other -Force", ok=True).err

    def test_move_an_association_to_another_plan(self, mlmgmt: Command, home: Path) -> None:
        mlmgmt("New-AzResourceGroup -Name other -Location southcentralus", ok=True)
        here, there = make("here"), make("there", group="other")
        deploy(mlmgmt, "small", here)
        usage.charge(at(), {service("small"): (5, 36.0)})
        guid = service_guid(service("small"))
        start = f"Move-AzMlCommitmentAssociation -ResourceGroupName retail -CommitmentPlanName here -Name {guid}"
        for destination, code in (
            ("there", "InvalidResourceId"),
            (service("small"), "InvalidResourceId"),
            (str(there) + "x", "ResourceNotFound"),
        ):
            assert code in mlmgmt(f"{start} -DestinationPlanId {destination}").err
        planned = mlmgmt(f"{start} -DestinationPlanId {there} -WhatIf", ok=True)
        assert planned.json["properties"]["commitmentPlanId"] == str(there)
        moved = mlmgmt(f"{start} -DestinationPlanId {str(there).upper()}", ok=True).json
        assert moved["id"] == f"{there}/commitmentAssociations/{guid}"
        assert mlmgmt("associations -g other -CommitmentPlanName there", ok=True).json == [moved]
        assert mlmgmt("associations -g retail -CommitmentPlanName here", ok=True).json == []
        assert "ResourceNotFound" in mlmgmt(f"{start} -DestinationPlanId {there}").err
        usage.charge(at(), {service("small"): (7, 0.0)})
        used = [
            usage.usage_history(at(), group=group, name=name)[0]["usage"][TRANSACTIONS]
            for group, name in (("retail", "here"), ("other", "there"))
        ]
        assert used == [5.0, 7.0]
        # Later changes of the service do not move it back.
        mlmgmt("update -g retail -n small -Title Other -Force", ok=True)
        assert associations.paying_plan(Session(), service("small")) == there

    def test_removing_a_group_removes_its_plans_unless_another_group_uses_one(
        self, mlmgmt: Command, home: Path
    ) -> None:
        mlmgmt("New-AzResourceGroup -Name other -Location southcentralus", ok=True)
        plan = make("one", group="other")
        deploy(mlmgmt, "own", plan, group="other")
        deploy(mlmgmt, "small", plan)
        refused = mlmgmt("Remove-AzResourceGroup -Name other -Force")
        assert refused.status == 1
        assert "CommitmentPlanInUse" in refused.err
        assert "retail/small" in refused.err
        assert "other/own" not in refused.err
        assert mlmgmt("get -g other -n own", ok=True).json["name"] == "own"
        mlmgmt("remove -g retail -n small -Force", ok=True)
        mlmgmt("Remove-AzResourceGroup -Name other -Force", ok=True)
        assert mlmgmt("plan", ok=True).json == []
        mlmgmt("New-AzResourceGroup -Name other -Location southcentralus", ok=True)
        assert mlmgmt("plan -g other", ok=True).json == []

    @pytest.mark.parametrize("content", ["", "{}", "planId", "associatedResourceId"])
    def test_a_damaged_association_is_refused(self, mlmgmt: Command, home: Path, content: str) -> None:
        deploy(mlmgmt, "small", make("one"))
        (path,) = home.glob("subscriptions/*/commitmentassociations/*.json")
        body = json.loads(path.read_text())
        path.write_text(json.dumps(body | {content: "x"}) if content in body else content)
        refused = mlmgmt("associations -g retail -CommitmentPlanName one")
        assert refused.status == 1
        assert "HomeDamaged" in refused.err

    def test_plans_and_associations_are_completed(self, mlmgmt: Command, home: Path) -> None:
        deploy(mlmgmt, "small", make("standard"))
        assert complete("mlmgmt remove-plan -g retail -n st") == ["standard"]
        start = "mlmgmt associations -g retail -CommitmentPlanName"
        assert complete(f"{start} s") == ["standard"]
        assert complete(f"{start} standard -n ") == [service_guid(service("small"))]


class TestUsage:
    def test_usage_history_counts_down_and_is_reset_by_each_refill(self, mlmgmt: Command, home: Path) -> None:
        plan = make("trial", "DevTest")
        deploy(mlmgmt, "small", plan)
        deploy(mlmgmt, "second", plan)
        for days, counts in (
            (0, {"small": (300, 1800.0), "second": (100, 0.0)}),
            (2, {"small": (500, 0.0)}),
            (29, {"small": (250, 7200.0)}),
            (30, {"second": (10, 36.0)}),
        ):
            usage.charge(at(days=days), {service(name): count for name, count in counts.items()})
        items = usage.usage_history(at(days=31), group="retail", name="trial")
        days = [item["usageDate"] for item in items]
        assert days == [f"2026-{day}T00:00:00Z" for day in ("12-21", "12-20", "11-23", "11-21")]
        shown_usage = [
            (
                item["planQuantitiesBeforeUsage"][TRANSACTIONS],
                item["usage"][TRANSACTIONS],
                item["planQuantitiesAfterUsage"][TRANSACTIONS],
                item["planUsageOverage"][TRANSACTIONS],
            )
            for item in items
        ]
        assert shown_usage == [(1000, 10, 990, 0), (100, 250, 0, 150), (600, 500, 100, 0), (1000, 400, 600, 0)]
        assert [item["planUsageOverage"][HOURS] for item in items] == [0, 0.5, 0, 0]
        assert all(not any(item["planDeletionOverage"].values()) for item in items)
        for later, amounts in (
            (1, (600, 1.5)),
            (29, (0, 0)),
            (30, (990, 1.99)),
            (75, (1000, 2)),
        ):
            found = plans.get(at(days=later), group="retail", name="trial")
            assert isinstance(found, dict)
            quantities = found["properties"]["includedQuantities"]
            assert (quantities[TRANSACTIONS]["amount"], quantities[HOURS]["amount"]) == pytest.approx(amounts)

    def test_a_used_up_trial_is_suspended_and_a_paid_plan_is_charged(self, mlmgmt: Command, home: Path) -> None:
        trial, paid = make("trial", "DevTest"), make("paid", "S1")
        deploy(mlmgmt, "small", trial)
        deploy(mlmgmt, "large", paid)
        usage.charge(at(), {service("small"): (999, 0.0), service("large"): (200_000, 0.0)})
        assert [usage.is_plan_suspended(at(), plan) for plan in (trial, paid)] == [False, False]
        usage.charge(at(), {service("small"): (1, 0.0)})
        assert usage.is_plan_suspended(at(), trial)
        assert usage.is_suspended(at(), service("small"))
        assert not usage.is_suspended(at(), service("large"))
        assert not usage.is_plan_suspended(at(days=30), trial)
        # After a move to a paid plan, it can be called again.
        guid = service_guid(service("small"))
        move = f"move-association -g retail -CommitmentPlanName trial -n {guid} -DestinationPlanId {paid}"
        mlmgmt(move, ok=True)
        assert not usage.is_suspended(at(), service("small"))

    def test_computing_time_is_counted(self, mlmgmt: Command, home: Path) -> None:
        plan = make("trial", "DevTest")
        deploy(mlmgmt, "small", plan)
        usage.charge(at(), {service("small"): (1, 7199.0)})
        assert not usage.is_plan_suspended(at(), plan)
        usage.charge(at(), {service("small"): (1, 1.0)})
        assert usage.is_plan_suspended(at(), plan)

    def test_a_plan_created_again_starts_without_usage(self, mlmgmt: Command, home: Path) -> None:
        plan = make("trial", "DevTest")
        deploy(mlmgmt, "small", plan)
        usage.charge(at(), {service("small"): (5000, 0.0)})
        mlmgmt("remove -g retail -n small -Force", ok=True)
        mlmgmt("remove-plan -g retail -n trial -Force", ok=True)
        assert make("trial", "DevTest") == plan
        assert usage.usage_history(at(), group="retail", name="trial") == []
        assert not usage.is_plan_suspended(at(), plan)

    def test_a_home_that_is_not_trusted_is_not_charged(
        self, mlmgmt: Command, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        plan = make("one")
        deploy(mlmgmt, "small", plan)
        monkeypatch.setenv("MLMGMT_CONFIG", str(tmp_path / "somebody else"))
        usage.charge(at(), {service("small"): (1, 1.0)})
        assert not (home / plan.folder / "usage").exists()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("plan", ["DevTest", "retail"]),
        ("plan -g retail -n one", ["OnOverage", "suspended", "PLAN"]),
        ("plan -g retail", ["one"]),
        ("associations -g retail -CommitmentPlanName one", ["GUID", "small"]),
        ("associations -g retail -CommitmentPlanName one -n GUID", ["PLAN"]),
        ("usage -g retail -n one", ["2026-11-21", "1,200", "0.5", "200 transactions"]),
        ("skus", ["S3", "50,000,000", "12,500"]),
        ("providers", ["webServices", "Japan East"]),
    ],
)
def test_every_answer_has_a_table_view(mlmgmt: Command, home: Path, line: str, expected: list[str]) -> None:
    plan = make("one", "DevTest")
    deploy(mlmgmt, "small", plan)
    usage.charge(at(), {service("small"): (1200, 1800.0)})
    values = {"PLAN": str(plan), "GUID": service_guid(service("small"))}
    shown = mlmgmt(f"{line.replace('GUID', values['GUID'])} -o table", ok=True).out
    for text in expected:
        assert values.get(text, text) in shown
    mlmgmt("New-AzResourceGroup -Name empty -Location southcentralus", ok=True)
    assert "no commitment plans" in mlmgmt("plan -g empty -o table", ok=True).err
