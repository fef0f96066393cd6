"""Commitment plans: the scenario scripts of the PowerShell module, and their pitfalls."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlmgmt.cmdlets import registry
from mlmgmt.errors import HomeError, MlmgmtError, PreconditionFailed
from mlmgmt.ids import PlanId, ResourceId, service_guid
from mlmgmt.verbs.plans import plans, skus
from mlmgmt.verbs.session import Session
from tests.conftest import Command, small_definition

START = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
TRANSACTIONS, HOURS = "machineLearningWebServiceTransactions", "machineLearningWebServiceComputeHours"
IN_RETAIL = "-ResourceGroupName retail -Location southcentralus"


def at(**later: float) -> Session:
    """A session whose clock shows a time after START."""
    return Session(clock=lambda: START + timedelta(**later))


def make(name: str, sku: str = "S1", group: str = "retail", **later: float) -> PlanId:
    """Create a plan at a time after START, through the verb."""
    outcome = plans.plan_create(
        at(**later), group=group, name=name, location="South Central US", sku_name=sku, sku_tier="Standard"
    )
    return PlanId.parse(outcome.apply()["id"])


def deploy(mlmgmt: Command, name: str, plan: PlanId | str | None, group: str = "retail") -> str:
    """Deploy a web service that names a plan, and return the messages of the command."""
    more = {"commitmentPlan": {"id": str(plan)}} if plan is not None else {}
    Path(f"{name}.json").write_text(json.dumps(small_definition(**more)))
    line = f"new -g {group} -l southcentralus -n {name} -DefinitionFile {name}.json -Force"
    return mlmgmt(line, ok=True).err


def service(name: str, group: str = "retail") -> ResourceId:
    return Session().service_id(group, name)


class TestTheScenariosOfTheModule:
    def valid(self, plan: dict[str, Any], home: Path, group: str, name: str, location: str) -> None:
        subscription = json.loads((home / "home.json").read_text())["subscriptionId"]
        kind = "Microsoft.MachineLearning/commitmentPlans"
        expected = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}"
        assert plan["id"].casefold() == expected.casefold()
        assert plan["location"].replace(" ", "").casefold() == location.casefold()
        assert plan["type"].casefold() == kind.casefold()
        assert plan["properties"]

    def test_create_get_remove(self, mlmgmt: Command, home: Path) -> None:
        line = f"New-AzureRmMlCommitmentPlan {IN_RETAIL} -Name one -SkuName S1 -SkuTier Standard -Force"
        made = mlmgmt(line, ok=True)
        self.valid(made.json, home, "retail", "one", "southcentralus")
        assert mlmgmt("Get-AzMlCommitmentPlan -ResourceGroupName RETAIL -Name ONE", ok=True).json == made.json
        removed = mlmgmt("Remove-AzureRmMlCommitmentPlan -Force", stdin=made.out, ok=True)
        assert removed.out == ""
        refused = mlmgmt("Get-AzureRmMlCommitmentPlan -ResourceGroupName retail -Name one")
        assert refused.status == 1
        assert refused.err.startswith("Error: ResourceNotFound:")

    def test_update(self, mlmgmt: Command, home: Path) -> None:
        made = mlmgmt(f"New-AzMlCommitmentPlan {IN_RETAIL} -Name one -SkuName S1 -SkuTier Standard -Force", ok=True)
        line = (
            "Update-AzMlCommitmentPlan -ResourceGroupName retail -Name one -SkuName S2 -SkuTier Standard "
            '-SkuCapacity 2 -Tag \'@{"tag1"="value1"}\' -Force'
        )
        assert mlmgmt(line, ok=True).out == ""
        (found,) = mlmgmt("Get-AzMlCommitmentPlan", ok=True).json
        assert found["sku"] == {"name": "S2", "tier": "Standard", "capacity": 2}
        assert found["tags"] == {"tag1": "value1"}
        assert found["etag"] != made.json["etag"]
        assert found["properties"]["creationDate"] == made.json["properties"]["creationDate"]
        assert found["properties"]["includedQuantities"][HOURS]["allowance"] == 500.0
        mlmgmt("Remove-AzMlCommitmentPlan -Force", stdin=made.out, ok=True)
        assert mlmgmt("Get-AzMlCommitmentPlan", ok=True).json == []

    def test_list(self, mlmgmt: Command, home: Path) -> None:
        mlmgmt("New-AzResourceGroup -Name other -Location southcentralus", ok=True)
        for name, group in (("one", "retail"), ("two", "retail"), ("three", "other")):
            make(name, group=group)
        listed = mlmgmt("Get-AzMlCommitmentPlan -ResourceGroupName retail", ok=True).json
        assert [plan["name"] for plan in listed] == ["one", "two"]
        (alone,) = mlmgmt("plan -g other", ok=True).json
        assert alone["name"] == "three"
        everything = [plan["name"] for plan in mlmgmt("Get-AzureRmMlCommitmentPlan", ok=True).json]
        assert sorted(everything) == ["one", "three", "two"]
        # As in the original cmdlet, a name without a group is ignored.
        assert len(mlmgmt("Get-AzMlCommitmentPlan -Name two", ok=True).json) == 3

    def test_a_plan_as_a_generic_resource(self, mlmgmt: Command, home: Path) -> None:
        line = (
            "New-AzureRmResource -Location southcentralus -ResourceType Microsoft.MachineLearning/CommitmentPlans "
            "-ResourceName one -ResourceGroupName retail -SkuObject @{Name='S1';Tier='Standard';Capacity=1} "
            "-Properties @{} -ApiVersion 2016-05-01-preview -Force"
        )
        words = [word.replace("_", " ") for word in line.split()]
        made = mlmgmt(words, ok=True).json
        assert made["ResourceId"] == str(PlanId.parse(made["ResourceId"]))
        assert made["ResourceId"] == mlmgmt("plan -g retail -n one", ok=True).json["id"]
        for kind, cmdlet in (
            ("Microsoft.MachineLearning/webServices", "New-AzMlWebService"),
            ("microsoft.storage/storageaccounts", "New-AzStorageAccount"),
        ):
            refused = mlmgmt(f"new-resource -g retail -l x -n y -ResourceType {kind} -SkuObject @{{Name='S1'}} -Force")
            assert refused.status == 1
            assert "ResourceTypeNotSupported" in refused.err
            assert cmdlet in refused.err

    @pytest.mark.parametrize("sku", ["{}", '{"Name": 1}', '{"Name": "S1", "Size": 2}', '{"Name": "S9"}'])
    def test_an_invalid_sku_object_is_refused(self, home: Path, sku: str) -> None:
        with pytest.raises(MlmgmtError) as refused:
            plans.plan_create_resource(
                Session(),
                group="retail",
                name="one",
                location="x",
                resource_type="microsoft.machinelearning/commitmentplans",
                sku_object=json.loads(sku),
            )
        assert "InvalidSku" in refused.value.codes()

    def test_the_provider_lists_the_regions(self, mlmgmt: Command, home: Path) -> None:
        rows = mlmgmt("Get-AzureRmResourceProvider -ProviderNamespace microsoft.machinelearning", ok=True).json
        (found,) = [row for row in rows if row["ResourceTypes"][0]["ResourceTypeName"] == "commitmentPlans"]
        assert found["Locations"][0] == "South Central US"
        assert mlmgmt("Get-AzResourceProvider -ProviderNamespace Microsoft.Nothing").status == 1


class TestSkus:
    def test_a_plan_agrees_with_the_catalogue(self, mlmgmt: Command, home: Path) -> None:
        for item in mlmgmt("Get-AzMlCommitmentPlanSku", ok=True).json:
            plan = plans.get(at(), group="retail", name=make(item["name"], item["name"]).name)
            assert isinstance(plan, dict)
            properties = plan["properties"]
            listed_values = {each["name"]: each["value"] for each in item["capabilities"]}
            quantities = properties["includedQuantities"]
            assert float(listed_values["includedTransactions"]) == quantities[TRANSACTIONS]["allowance"]
            assert float(listed_values["includedComputeHours"]) == quantities[HOURS]["allowance"]
            assert listed_values["suspendPlanOnOverage"] == str(properties["suspendPlanOnOverage"]).lower()
            assert bool(item["costs"]) is properties["chargeForPlan"]
            assert item["capacity"]["maximum"] == properties["maxCapacityLimit"] == 10
        meters = [quantity[name] for quantity in quantities.values() for name in quantity if name.endswith("Meter")]
        assert len(set(meters)) == len(meters) == 4

    def test_recorded_values_of_s1(self, home: Path) -> None:
        make("one")
        plan = plans.get(at(), group="retail", name="one")
        assert isinstance(plan, dict)
        properties = plan["properties"]
        figures = {
            name: (quantity["allowance"], quantity["amount"])
            for name, quantity in properties["includedQuantities"].items()
        }
        assert figures == {HOURS: (25.0, 25.0), TRANSACTIONS: (100000.0, 100000.0)}
        assert properties["chargeForOverage"] is properties["chargeForPlan"] is True
        assert properties["suspendPlanOnOverage"] is False
        assert (properties["maxAssociationLimit"], properties["refillFrequencyInDays"]) == (10000, 30)
        assert plan["tags"] == {}

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            ("-SkuName S9 -SkuTier Standard", "InvalidSku"),
            ("-SkuName S1 -SkuTier Free", "InvalidSku"),
            ("-SkuName S1 -SkuTier Standard -SkuCapacity 0", "InvalidSkuCapacity"),
            ("-SkuName S1 -SkuTier Standard -SkuCapacity 11", "InvalidSkuCapacity"),
        ],
    )
    def test_invalid_skus_and_capacities_are_refused(self, mlmgmt: Command, home: Path, words: str, code: str) -> None:
        refused = mlmgmt(f"new-plan {IN_RETAIL} -n one {words} -Force")
        assert refused.status == 1
        assert code in refused.err
        assert mlmgmt("plan", ok=True).json == []


class TestChanges:
    def test_creating_a_plan_again_changes_only_sku_and_tags(self, mlmgmt: Command, home: Path) -> None:
        plan = make("one")
        deploy(mlmgmt, "small", plan)
        plans.plan_update_whole(
            at(), group="retail", name="one", sku_name="S1", sku_tier="Standard", tags={"a": "b"}
        ).apply()
        again = mlmgmt(f"new-plan {IN_RETAIL} -n ONE -SkuName S2 -SkuTier Standard -Force", ok=True).json
        assert (again["name"], again["sku"]["name"], again["tags"]) == ("one", "S2", {})
        assert again["location"] == "South Central US"
        assert again["properties"]["creationDate"].startswith("2026-11-21T09:30")
        assert len(mlmgmt("associations -g retail -CommitmentPlanName one", ok=True).json) == 1
        moved = mlmgmt("new-plan -g retail -l westeurope -n one -SkuName S2 -SkuTier Standard -Force")
        assert "InvalidResourceLocation" in moved.err

    def test_what_a_patch_omits_is_unchanged(self, home: Path) -> None:
        make("one")
        session = at()
        plans.plan_update(session, group="retail", name="one", sku_capacity=3).apply()
        changed = plans.plan_update(session, group="retail", name="one", tags={"team": "data"}).apply()
        assert changed["sku"] == {"name": "S1", "tier": "Standard", "capacity": 3}
        changed = plans.plan_update(session, group="retail", name="one", sku_name="s2").apply()
        assert changed["sku"] == {"name": "S2", "tier": "Standard", "capacity": 3}
        assert changed["tags"] == {"team": "data"}
        for given, code in (
            ({}, "EmptyUpdate"),
            ({"sku_name": "S2"}, "NothingChanged"),
            ({"tags": {"n": 1}}, "InvalidTags"),
            ({"sku_capacity": True}, "InvalidSkuCapacity"),
        ):
            with pytest.raises(MlmgmtError) as refused:
                plans.plan_update(session, group="retail", name="one", **given)  # type: ignore[arg-type]
            assert code in refused.value.codes()

    def test_the_cmdlet_lowers_a_capacity_only_with_a_warning(self, mlmgmt: Command, home: Path) -> None:
        make("one")
        line = "update-plan -g retail -n one -SkuName S1 -SkuTier Standard -Force"
        assert "Warning" not in mlmgmt(f"{line} -SkuCapacity 4", ok=True).err
        assert "from 4 to 1" in mlmgmt(line, ok=True).err
        assert mlmgmt("plan -g retail -n one", ok=True).json["sku"]["capacity"] == 1

    def test_what_if_shows_the_plan_and_changes_nothing(self, mlmgmt: Command, home: Path) -> None:
        make("one")
        line = "update-plan -g retail -n one -SkuName S3 -SkuTier Standard"
        shown = mlmgmt(f"{line} -WhatIf", ok=True)
        assert 'Performing the operation "Updating the commitment plan" on target "one".' in shown.err
        assert shown.json["sku"]["name"] == "S3"
        assert "-Force" in mlmgmt(line).err
        assert mlmgmt("plan -g retail -n one", ok=True).json["sku"]["name"] == "S1"
        assert mlmgmt("remove-plan -g retail -n one -WhatIf", ok=True).out == ""
        assert len(mlmgmt("plan", ok=True).json) == 1

    def test_a_concurrent_change_is_not_overwritten(self, home: Path) -> None:
        make("one")
        planned = plans.plan_update(at(), group="retail", name="one", sku_name="S2")
        removal = plans.plan_remove(at(), group="retail", name="one")
        plans.plan_update(at(), group="retail", name="one", tags={"a": "b"}).apply()
        for outcome in (planned, removal):
            with pytest.raises(PreconditionFailed) as refused:
                outcome.apply()
            assert "EtagChanged" in refused.value.codes()
        changed = planned.apply(again=True)
        assert (changed["sku"]["name"], changed["tags"]) == ("S2", {"a": "b"})

    def test_a_reader_can_look_but_not_change(self, mlmgmt: Command, home: Path) -> None:
        plan, other = make("one"), make("two")
        deploy(mlmgmt, "small", plan)
        mlmgmt("set-context -Role Reader", ok=True)
        guid = service_guid(service("small"))
        for line in (
            f"new-plan {IN_RETAIL} -n three -SkuName S1 -SkuTier Standard",
            "update-plan -g retail -n one -SkuName S2 -SkuTier Standard",
            "remove-plan -g retail -n two",
            f"move-association -g retail -CommitmentPlanName one -n {guid} -DestinationPlanId {other}",
            "add-region -g retail -n small -Region westcentralus",
        ):
            refused = mlmgmt(line)
            assert refused.status == 1, line
            assert "AuthorizationFailed" in refused.err, line
        assert len(mlmgmt("plan", ok=True).json) == 2
        assert mlmgmt("usage -g retail -n one", ok=True).json == []

    @pytest.mark.parametrize(
        "content",
        ["", "[]", '{"id": "x"}', "sku", "creationDate", "id"],
    )
    def test_a_damaged_plan_is_refused(self, home: Path, content: str) -> None:
        path = home / make("one").folder / "plan.json"
        body = json.loads(path.read_text())
        path.write_text(json.dumps(body | {content: "x"}) if content in body else content)
        with pytest.raises(HomeError) as refused:
            plans.get(at())
        assert "HomeDamaged" in refused.value.codes()


def test_names_and_parameters_are_those_of_the_module() -> None:
    expected = {
        "Get-AzMlCommitmentPlan": "ResourceGroupName Name",
        "New-AzMlCommitmentPlan": "ResourceGroupName! Location! Name! SkuName! SkuTier! SkuCapacity",
        "Update-AzMlCommitmentPlan": "ResourceGroupName! Name! SkuName! SkuTier! SkuCapacity Tag",
        "Remove-AzMlCommitmentPlan": "ResourceGroupName! Name! MlCommitmentPlan!",
        "Get-AzMlCommitmentAssociation": "ResourceGroupName! CommitmentPlanName! Name",
        "Move-AzMlCommitmentAssociation": "ResourceGroupName! CommitmentPlanName! Name! DestinationPlanId!",
        "Get-AzMlCommitmentPlanUsageHistory": "ResourceGroupName! Name!",
        "Add-AzMlWebServiceRegionalProperty": "ResourceGroupName! Name! Region!",
    }
    gated = {"New", "Update", "Remove", "Move", "Add"}
    for name, parameters in expected.items():
        cmdlet = registry.find(name)
        assert cmdlet is not None
        assert registry.find(name.replace("-Az", "-AzureRm")) is cmdlet
        assert [p.name + "!" * p.mandatory for p in cmdlet.parameters] == parameters.split()
        assert (cmdlet.gate is not None) is (name.partition("-")[0] in gated)
    assert skus.SKUS[0].suspends
