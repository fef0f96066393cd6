"""Regional properties: add a web service to a region, and get it from there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.plans.test_plans import service

if TYPE_CHECKING:
    from tests.conftest import Command


class TestRegions:
    def test_the_scenario_of_the_module(self, mlmgmt: Command, small: Path) -> None:
        seen = "Get-AzMlWebService -ResourceGroupName retail -Name small -Region westcentralus"
        assert "PerRegionPayloadNotFound" in mlmgmt(seen).err
        before = mlmgmt("get -g retail -n small", ok=True).json
        line = "Add-AzureRmMlWebServiceRegionalProperty -ResourceGroupName retail -Name small -Region westcentralus"
        assert mlmgmt(line).status == 1
        added = mlmgmt(f"{line} -Force", ok=True).json
        assert added["properties"]["modifiedOn"] > before["properties"]["modifiedOn"]
        assert mlmgmt(seen.replace("westcentralus", "'West Central US'"), ok=True).json == added
        assert "PerRegionPayloadNotFound" in mlmgmt(seen.replace("westcentralus", "japaneast")).err
        assert added["mlmgmt"]["regions"] == ["westcentralus"]
        assert "westcentralus" in mlmgmt("get -g retail -n small -o table", ok=True).out
        (last, *_) = mlmgmt("history -g retail -n small", ok=True).json
        assert (last["Revision"], last["Change"]) == (2, "region added")

    def test_a_region_survives_later_changes_but_not_a_new_service(self, mlmgmt: Command, small: Path) -> None:
        mlmgmt("add-region -g retail -n small -Region westcentralus -Force", ok=True)
        mlmgmt("update -g retail -n small -Title Two -Force", ok=True)
        mlmgmt("add-region -g retail -n small -Region 'Japan East' -Force", ok=True)
        mlmgmt("rollback -g retail -n small --to 1", ok=True)
        mlmgmt("remove -g retail -n small -Force", ok=True)
        mlmgmt("restore -g retail -n small", ok=True)
        for region in ("westcentralus", "japaneast", "southcentralus"):
            mlmgmt(f"get -g retail -n small -Region {region}", ok=True)
        mlmgmt("remove -g retail -n small -Force", ok=True)
        mlmgmt("new -g retail -l southcentralus -n small -DefinitionFile small.json -Force", ok=True)
        assert mlmgmt("get -g retail -n small -Region japaneast").status == 1

    @pytest.mark.parametrize("region", ["southcentralus", "South Central US", "westcentralus"])
    def test_adding_a_region_again_changes_nothing(self, mlmgmt: Command, small: Path, region: str) -> None:
        mlmgmt("New-AzureRmMlWebServiceRegionalProperties -g retail -n small -Region westcentralus -Force", ok=True)
        again = mlmgmt(["add-region", "-g", "retail", "-n", "small", "-Region", region, "-Force"], ok=True).json
        assert again["mlmgmt"]["revision"] == 2

    def test_an_invalid_region_is_refused(self, mlmgmt: Command, small: Path) -> None:
        assert "InvalidResourceName" in mlmgmt("add-region -g retail -n small -Region a/b -Force").err
        assert "WebServiceNotFound" in mlmgmt("add-region -g retail -n other -Region x -Force").err

    def test_a_revision_without_regions_does_not_store_them(self, mlmgmt: Command, small: Path) -> None:
        folder = Path(".mlmgmt") / service("small").folder / "revisions"
        assert "regions" not in json.loads((folder / "000001.json").read_text())
        mlmgmt("add-region -g retail -n small -Region westcentralus -Force", ok=True)
        assert json.loads((folder / "000002.json").read_text())["regions"] == ["westcentralus"]
