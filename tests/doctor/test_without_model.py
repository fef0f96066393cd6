"""`doctor` on a service that has no model, or whose model is elsewhere, does not say that it scores."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import FIXTURES, Command
from tests.learning.graphs import definition


def notes(mlmgmt: Command, name: str) -> dict[str, tuple[str, str]]:
    found = mlmgmt(f"doctor -g retail -n {name} -o json").json["Checks"]
    return {row["Check"]: (row["Result"], row["Note"]) for row in found}


def test_a_service_whose_model_is_elsewhere(mlmgmt: Command, home: Path) -> None:
    file = FIXTURES / "definitions" / "exported-mixed-case.json"
    mlmgmt(
        ["new", "-g", "retail", "-l", "southcentralus", "-n", "old", "-DefinitionFile", str(file), "-Force"], ok=True
    )
    found = notes(mlmgmt, "old")
    assert found["service"] == ("skipped", "'old' cannot score before its model is in this home.")
    assert found["model"][0] == "problem"


def test_a_service_of_modules_alone_does_not_train(mlmgmt: Command, home: Path) -> None:
    columns = {"a": "Integer"}
    body = definition({"in": "input:i", "out": "output:o"}, ["in > out"], inputs={"i": columns}, outputs={"o": columns})
    Path("plain.json").write_text(json.dumps(body))
    mlmgmt("new -g retail -l southcentralus -n plain -DefinitionFile plain.json -Force", ok=True)
    found = notes(mlmgmt, "plain")
    assert found["service"] == ("ok", "'plain' has no trained model; its modules answer by themselves.")
    assert found["model"] == ("ok", "It has no trained model that an update could replace.")
