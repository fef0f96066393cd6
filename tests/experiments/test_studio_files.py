"""Files in the form of Studio's exports of 2017: what they contain survives, and they run to the end."""

from __future__ import annotations

import json
import sqlite3
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmgmt.definition import overlay, studio
from mlmgmt.verbs.experiments import saving
from mlmgmt.verbs.session import Session

if TYPE_CHECKING:
    from tests.conftest import Command

FILES = Path(studio.__file__).parent.parent.parent / "fixtures" / "experiments"
HOUSES, PREDICTIVE = FILES / "house-prices.json", FILES / "house-prices-predictive.json"
NAME, SCORING = "House Prices", "House Prices [Predictive Exp.]"
NODE = "8f1c2a37-5d0e-4b1b-9c55-0a1e6d3f7b20-"
JOIN, CLEAN, SPLIT, LEARNER, TRAIN = (f"{NODE}{number}" for number in (11, 25, 38, 46, 52))
LEFT, RIGHT = (f"7c1f0a9be3d84c2c9a51d0e6f2b34a55.{name}.v1-default-1" for name in ("5a0c11", "91be40"))
TABLES = ["-Data", f"{LEFT}=houses.csv", "-Data", f"{RIGHT}=districts.csv"]


@pytest.fixture
def houses(home: Path) -> None:
    """The two tables that the experiment joins, houses.csv and districts.csv, in the working folder."""
    random = np.random.default_rng(3)
    area, rooms, district = random.uniform(40, 200, 160), random.integers(1, 7, 160), random.integers(0, 4, 160)
    frame = pd.DataFrame({"area": area, "rooms": rooms, "district": [f"d{each}" for each in district]})
    frame.loc[::9, "area"] = np.nan
    frame["price"] = 1000 * frame["area"].fillna(100) + 5000 * frame["rooms"] + 20000 * district
    frame.to_csv("houses.csv", index=False)
    pd.DataFrame({"district": [f"d{each}" for each in range(4)], "income": [20, 30, 40, 50]}).to_csv(
        "districts.csv", index=False
    )


def read(path: str | Path) -> Any:
    return json.loads(Path(path).read_text())


def exported(mlmgmt: Command, name: str = NAME) -> Any:
    mlmgmt(["export-experiment", name, "out.json", "-Force"], ok=True)
    return read("out.json")


def differences(left: Any, right: Any, path: str = "") -> dict[str, Any]:
    """The values of the second document that differ from the first, by their place."""
    if isinstance(left, dict) and isinstance(right, dict):
        names = {**left, **right}
        pairs = [(f"{path}/{name}", left.get(name), right.get(name)) for name in names]
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = [(f"{path}/{place}", *both) for place, both in enumerate(zip(left, right, strict=True))]
    else:
        return {} if (left, type(left)) == (right, type(right)) else {path: right}
    return {place: value for name, old, new in pairs for place, value in differences(old, new, name).items()}


def node_of(document: Any, node: str) -> Any:
    return next(module for module in document["Graph"]["ModuleNodes"] if module["Id"] == node)


class TestEverythingIsKept:
    @pytest.mark.parametrize("file", [HOUSES, PREDICTIVE], ids=lambda path: path.stem)
    def test_an_export_is_the_imported_file_with_a_new_id(self, mlmgmt: Command, home: Path, file: Path) -> None:
        mlmgmt(["import-experiment", str(file)], ok=True)
        summary = [] if read(file)["Summary"] else ["/Summary"]
        changed = differences(read(file), exported(mlmgmt, read(file)["Description"]))
        assert list(changed) == ["/ExperimentId", *summary]

    def test_a_changed_parameter_is_the_only_change(self, mlmgmt: Command, home: Path) -> None:
        made = mlmgmt(["import-experiment", str(HOUSES)], ok=True).json
        before = exported(mlmgmt)
        session = Session()
        body = saving.get(session, experiment=made["ExperimentId"])
        changed = deepcopy(body["Graph"])
        parameters = node_of({"Graph": changed}, SPLIT)["ModuleParameters"]
        next(each for each in parameters if each["Name"] == "Random seed")["Value"] = "11"
        saving.plan_save(session, graph=changed, service=body["WebService"], experiment=made["ExperimentId"]).apply()
        assert list(differences(before, exported(mlmgmt)).values()) == ["11"]

    def test_a_changed_comment_keeps_the_run(self, mlmgmt: Command, houses: None) -> None:
        made = mlmgmt(["import-experiment", str(HOUSES), *TABLES], ok=True).json
        mlmgmt(["run-experiment", NAME], ok=True)
        session = Session()
        changed = deepcopy(saving.get(session, experiment=made["ExperimentId"])["Graph"])
        node_of({"Graph": changed}, TRAIN)["Comment"] = "twice a year"
        after = saving.plan_save(session, graph=changed, experiment=made["ExperimentId"]).apply()
        assert after["Status"]["StatusCode"] == "Finished"
        assert node_of(exported(mlmgmt), TRAIN)["Comment"] == "twice a year"

    def test_a_copy_has_comments_and_layout_too(self, mlmgmt: Command, home: Path) -> None:
        mlmgmt(["import-experiment", str(HOUSES)], ok=True)
        mlmgmt(["copy-experiment", "-ExperimentId", NAME, "-NewExperimentName", "Mine"], ok=True)
        changed = differences(exported(mlmgmt), exported(mlmgmt, "Mine"))
        assert sorted(changed) == ["/Description", "/ExperimentId"]

    def test_tables_change_only_the_ports_that_name_them(self, mlmgmt: Command, houses: None) -> None:
        mlmgmt(["import-experiment", str(HOUSES), *TABLES], ok=True)
        changed = differences(read(HOUSES), exported(mlmgmt))
        ports = [f"/Graph/ModuleNodes/0/InputPortsInternal/{port}/DataSourceId" for port in (0, 1)]
        assert list(changed) == ["/ExperimentId", *ports]

    @pytest.mark.parametrize("change", ["lower", "bare graph", "null web service"])
    def test_other_forms_of_the_file(self, mlmgmt: Command, home: Path, change: str) -> None:
        document = read(HOUSES)
        if change == "lower":
            document = {name.lower(): value for name, value in document.items()}
            document["graph"]["modulenodes"] = document["graph"].pop("ModuleNodes")
        elif change == "bare graph":
            document = document["Graph"] | {"WebService": document["WebService"]}
        else:
            document["WebService"] = None
        Path("other.json").write_text(json.dumps(document))
        mlmgmt("import-experiment other.json -n Other", ok=True)
        out = exported(mlmgmt, "Other")
        graph = {name.lower(): value for name, value in out["Graph"].items()}
        assert graph["modulenodes"] == read(HOUSES)["Graph"]["ModuleNodes"]
        assert out["Graph"]["SerializedClientData"] == read(HOUSES)["Graph"]["SerializedClientData"]


class TestComments:
    @pytest.mark.parametrize("comment", ["azuresql", " AZURESQL "])
    def test_nodes_are_found_by_comment(self, mlmgmt: Command, home: Path, comment: str) -> None:
        mlmgmt(["import-experiment", str(HOUSES)], ok=True)
        (row,) = mlmgmt(["experiment-nodes", NAME, "-Comment", comment, "-o", "json"], ok=True).json
        assert (row["Id"], row["Comment"]) == (CLEAN, "azuresql")

    def test_a_module_without_a_comment_is_listed_by_its_name(self, mlmgmt: Command, home: Path) -> None:
        mlmgmt(["import-experiment", str(HOUSES)], ok=True)
        rows = mlmgmt(["experiment-nodes", NAME, "-o", "json"], ok=True).json
        assert {row["Comment"] for row in rows} >= {"join the districts", "azuresql", "retrain here", "Score Model"}
        (row,) = mlmgmt(["experiment-nodes", NAME, "-Comment", "score model", "-o", "json"], ok=True).json
        assert row["Id"] == f"{NODE}61"
        hint = mlmgmt(["experiment-nodes", NAME, "-Comment", "Train Model"]).err
        assert "retrain here" in hint

    def test_a_predictive_experiment_keeps_those_of_its_modules(self, mlmgmt: Command, houses: None) -> None:
        mlmgmt(["import-experiment", str(HOUSES), *TABLES], ok=True)
        refused = mlmgmt(["set-up-web-service", NAME, "--predictive"])
        assert "2 sources" in refused.err
        merged = pd.read_csv("houses.csv")
        merged["income"] = 1
        merged.to_csv("houses.csv", index=False)
        single = read(HOUSES)
        join, clean = node_of(single, JOIN), node_of(single, CLEAN)
        single["Graph"]["ModuleNodes"].remove(join)
        single["Graph"]["EdgesInternal"].pop(0)
        clean["InputPortsInternal"][0]["DataSourceId"] = LEFT
        Path("single.json").write_text(json.dumps(single | {"Description": "Single"}))
        mlmgmt("import-experiment single.json -Data houses.csv", ok=True)
        mlmgmt("set-up-web-service Single --predictive -OutputFile single-predictive.json", ok=True)
        out = exported(mlmgmt, "Single [Predictive Exp.]")
        assert [port["Name"] for port in out["WebService"]["Inputs"]] == ["input1"]
        assert out["Graph"]["SerializedClientData"] == single["Graph"]["SerializedClientData"]
        scorer = node_of(out, f"{NODE}61")
        assert (scorer["UsePreviousResults"], scorer["ModuleParameters"]) == (
            True,
            node_of(single, f"{NODE}61")["ModuleParameters"],
        )
        assert scorer["InputPortsInternal"][0]["TrainedModelId"].endswith(".ilearner")
        # Both web service parameters belong to modules that a predictive service does not have.
        assert out["WebService"]["Parameters"] == []
        mlmgmt("new -g retail -l southcentralus -n single -DefinitionFile single-predictive.json -Force", ok=True)


class TestParameters:
    def test_a_service_has_the_stated_defaults_and_asks_for_the_others(self, mlmgmt: Command, houses: None) -> None:
        mlmgmt(["import-experiment", str(HOUSES), *TABLES], ok=True)
        # A run uses the module's own value, like Studio's editor.
        mlmgmt(["set-up-web-service", NAME, "--retraining", "-OutputFile", "training.json"], ok=False)
        document = read(HOUSES)
        outputs = [{"Id": "o", "PortId": f"{TRAIN}:Trained model", "Name": "output1"}]
        document["WebService"]["Outputs"] = outputs
        Path("with-output.json").write_text(json.dumps(document))
        mlmgmt(["import-experiment", "with-output.json", *TABLES, "-Overwrite"], ok=True)
        run = mlmgmt(["run-experiment", NAME, "-o", "json"], ok=True).json
        trained = next(node for node in run["Nodes"] if node["Node"] == SPLIT)["Outputs"]["Results dataset1"]["Rows"]
        assert trained == 128, "80 % of 160 rows: the parameter's default, not the module's 75 %"
        mlmgmt(["export-definition", NAME, "training.json"], ok=True)
        properties = read("training.json")["properties"]
        assert properties["parameters"] == {"Training share": {"value": "0.8"}}
        declared = properties["package"]["graphParameters"]
        assert {name: body["type"] for name, body in declared.items()} == {
            "Training share": "Double",
            "Ridge": "Double",
        }
        assert "L2 regularization weight" not in properties["package"]["nodes"][LEARNER]["parameters"]

    @pytest.mark.parametrize("given", ["Training share=0.5", "values.json"])
    def test_a_run_takes_values(self, mlmgmt: Command, houses: None, given: str) -> None:
        Path("values.json").write_text('{"training SHARE": 0.5, "Ridge": null}')
        mlmgmt(["import-experiment", str(HOUSES), *TABLES], ok=True)
        run = mlmgmt(["run-experiment", NAME, "-p", given, "-o", "json"], ok=True).json
        split = next(node for node in run["Nodes"] if node["Node"] == SPLIT)
        assert split["Outputs"]["Results dataset1"]["Rows"] == 80

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ("Ridge=a", "ParameterParseError"),
            ("Rigde=1", "UnexpectedParameter"),
            ("Ridge", "BadParameterValue"),
            ("missing.json", "FileNotFound"),
            ("list.json", "BadParameterValue"),
            ("nested.json", "BadParameterValue"),
        ],
    )
    def test_values_that_cannot_be(self, mlmgmt: Command, houses: None, given: str, code: str) -> None:
        Path("list.json").write_text("[1]")
        Path("nested.json").write_text('{"Ridge": [1]}')
        mlmgmt(["import-experiment", str(HOUSES), *TABLES], ok=True)
        refused = mlmgmt(["run-experiment", NAME, "-p", given])
        assert refused.status == 1
        assert code in refused.err or given == "Ridge=a", refused.err


class TestTablesAndModels:
    def test_all_that_is_missing_is_named_with_the_command_that_gives_it(self, mlmgmt: Command, houses: None) -> None:
        told = mlmgmt(["import-experiment", str(HOUSES)], ok=True).err
        refused = mlmgmt(["run-experiment", NAME])
        assert refused.status == 1
        for text in (told, refused.err):
            assert text.count("is not in this home") >= 2
            assert f"mlmgmt run-experiment 'House Prices' -Data {LEFT}=FILE -Data {RIGHT}=FILE" in text
        mlmgmt(["run-experiment", NAME, *TABLES], ok=True)
        mlmgmt(["run-experiment", NAME], ok=True)

    def test_a_failed_run_leaves_the_tables(self, mlmgmt: Command, houses: None) -> None:
        mlmgmt(["import-experiment", str(HOUSES), *TABLES], ok=True)
        before = exported(mlmgmt)
        Path("bad.csv").write_text("a,b\n1,2\n")
        assert mlmgmt(["run-experiment", NAME, "-Data", f"{RIGHT}=bad.csv"]).status == 1
        assert exported(mlmgmt) == before
        mlmgmt(["run-experiment", NAME], ok=True)

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (["-Data", "houses.csv"], "NoDataset"),
            (["-Data", "nothing=houses.csv"], "NoDataset"),
            (["-Data", f"{LEFT}=gone.csv"], "FileNotFound"),
            (["-Model", "m.ilearner"], "NoSavedModel"),
        ],
    )
    def test_what_cannot_be_replaced(self, mlmgmt: Command, houses: None, words: list[str], code: str) -> None:
        mlmgmt(["import-experiment", str(HOUSES)], ok=True)
        refused = mlmgmt(["run-experiment", NAME, *words])
        assert (refused.status, code in refused.err) == (1, True), refused.err
        assert mlmgmt(["import-experiment", str(HOUSES), "-n", "New", *words]).status == 1
        assert "New" not in mlmgmt("experiments", ok=True).out

    def test_a_file_name_may_contain_an_equals_sign_or_a_comma(self, mlmgmt: Command, houses: None) -> None:
        Path("a=b,c.csv").write_bytes(Path("houses.csv").read_bytes())
        single = read(PREDICTIVE)
        Path("single.json").write_text(json.dumps(single))
        mlmgmt(["import-experiment", "single.json", "-Data", "a=b,c.csv"], ok=True)
        ports = exported(mlmgmt, SCORING)["Graph"]["ModuleNodes"][0]["InputPortsInternal"]
        assert ports[1]["DataSourceId"].rpartition("/")[2].startswith("a-b%2Cc-")

    def test_a_predictive_experiment_from_elsewhere_runs_and_is_deployed(
        self, mlmgmt: Command, houses: None, home: Path
    ) -> None:
        frame = pd.read_csv("houses.csv").drop(columns="district")
        frame.to_csv("numbers.csv", index=False)
        mlmgmt("new-experiment Mine --task regression --label price --data numbers.csv -a 'Linear Regression'", ok=True)
        mlmgmt("set-up-web-service Mine --predictive", ok=True)
        nodes = exported(mlmgmt, "Mine [Predictive Exp.]")["Graph"]["ModuleNodes"]
        ports = [port for node in nodes for port in node["InputPortsInternal"]]
        transform = next(port["TransformModuleId"] for port in ports if port.get("TransformModuleId"))
        model = home.joinpath("storage").rglob("*.ilearner")
        Path("mine.ilearner").write_bytes(next(model).read_bytes())
        mlmgmt(["import-experiment", str(PREDICTIVE)], ok=True)
        refused = mlmgmt(["run-experiment", SCORING])
        for kind in ("dataset", "transformation", "trained model"):
            assert f"The {kind} " in refused.err
        wrong = mlmgmt(["run-experiment", SCORING, "-Data", "numbers.csv", "-Model", f"e8a2={transform}"])
        assert "NoSavedModel" in wrong.err
        models = ["-Model", f"7c1f0a9be3d84c2c9a51d0e6f2b34a55.c41d.v1-default-2={transform}"]
        models += ["-Model", "7C1F0A9BE3D84C2C9A51D0E6F2B34A55.e8a2.v1-default-9=mine.ilearner"]
        mlmgmt(["run-experiment", SCORING, "-Data", "numbers.csv", *models], ok=True)
        mlmgmt(["export-definition", SCORING, "scoring.json"], ok=True)
        properties = read("scoring.json")["properties"]
        columns = properties["input"]["properties"]["input1"]["properties"]
        assert columns["price"]["x-ms-isnullable"], "callers do not know the price"
        assert list(properties["output"]["properties"]["output1"]["properties"])[-1] == "Scored Labels"
        mlmgmt(["deploy", SCORING], ok=True)


def import_data(
    path: str, values: dict[str, str | None], linked: dict[str, str], parameters: list[Any] | None = None
) -> None:
    """Write an experiment with one Import Data, whose values are linked to web service parameters."""
    node = "aaaaaaaa-0000-4000-8000-000000000001-11"
    module = {
        "Id": node,
        "ModuleId": "506153734175476c4f62416c57734963.4e1b0fe6aded4b3fa36f39b8862b9004.v1-default-1744",
        "ModuleParameters": [
            {
                "Name": name,
                "Value": value,
                "ValueType": "Literal" if value is not None else "PlaceHolder",
                "LinkedGlobalParameter": linked.get(name),
            }
            for name, value in values.items()
        ],
        "InputPortsInternal": [],
        "OutputPortsInternal": [{"Name": "Results dataset", "NodeId": node}],
    }
    outputs = [{"Id": "o", "PortId": f"{node}:Results dataset", "Name": "output1"}]
    document = {
        "Description": "Shop",
        "Graph": {"ModuleNodes": [module], "EdgesInternal": []},
        "WebService": {"Inputs": [], "Outputs": outputs, "Parameters": parameters or []},
    }
    Path(path).write_text(json.dumps(document))


SQL = {
    "Please Specify Data Source": "SqlAzure",
    "Database Server Name": "shop.database.windows.net",
    "Database Name": "shop",
    "Server User Account Name": "reader",
    "Server User Account Password": None,
    "Trust Server Certificate": "False",
    "Database Query": "select id, price from items",
}


class TestParametersWithoutEffect:
    @pytest.fixture(autouse=True)
    def shop(self, mlmgmt: Command, home: Path) -> None:
        with sqlite3.connect("shop.db") as connection:
            connection.execute("create table items(id integer, price real)")
            connection.execute("insert into items values (1, 2.5)")
        mlmgmt(["map-source", "shop.database.windows.net", f"sqlite:///{Path('shop.db').resolve()}"], ok=True)
        Path("rows.csv").write_text("a\n1\n")
        mlmgmt("map-source https://shop.example.com/rows.csv rows.csv", ok=True)

    @pytest.mark.parametrize(
        ("values", "linked"),
        [
            (SQL, {"Server User Account Password": "Password"}),
            (SQL | {"Server User Account Name": None}, {"Server User Account Name": "User name"}),
            (SQL | {"Trust Server Certificate": None}, {"Trust Server Certificate": "Trust"}),
            # These belong to other sources than the chosen one.
            (SQL | {"URL": None}, {"URL": "Address"}),
            (SQL | {"Account Key": None}, {"Account Key": "Key"}),
            (SQL | {"Column delimiter": None}, {"Column delimiter": "Delimiter"}),
        ],
        ids=lambda value: next(iter(value.values())) if len(value) == 1 else "",
    )
    def test_they_are_never_asked_for(
        self, mlmgmt: Command, values: dict[str, str | None], linked: dict[str, str]
    ) -> None:
        import_data("shop.json", values, linked)
        mlmgmt("import-experiment shop.json", ok=True)
        (node,) = mlmgmt("run-experiment Shop -o json", ok=True).json["Nodes"]
        assert node["Outputs"]["Results dataset"]["Rows"] == 1
        mlmgmt("export-definition Shop shop-service.json", ok=True)
        mlmgmt("new -g retail -l southcentralus -n shop -DefinitionFile shop-service.json -Force", ok=True)
        mlmgmt("batch submit -g retail -n shop", ok=True)

    def test_others_are_asked_for_with_the_option_that_gives_them(self, mlmgmt: Command) -> None:
        import_data("shop.json", SQL | {"Database Query": None}, {"Database Query": "The query"})
        mlmgmt("import-experiment shop.json", ok=True)
        refused = mlmgmt("run-experiment Shop")
        assert (refused.status, "-p 'The query=...'" in refused.err) == (1, True), refused.err
        mlmgmt(["run-experiment", "Shop", "-p", "The query=select id from items"], ok=True)

    def test_a_password_is_not_written_down(self, mlmgmt: Command, home: Path) -> None:
        import_data("shop.json", SQL, {"Server User Account Password": "Password", "Database Query": "The query"})
        mlmgmt("import-experiment shop.json", ok=True)
        mlmgmt("run-experiment Shop -p Password=hunter2 -p 'The query=select id from items'", ok=True)
        text = "".join(path.read_text() for path in home.rglob("experiments/*.json"))
        assert "select id from items" in text
        assert "hunter2" not in text


class TestDefinitionsAsExperiments:
    def test_a_predictive_definition_runs_on_a_table_and_is_deployed_as_a_classic_service(
        self, mlmgmt: Command, home: Path
    ) -> None:
        mlmgmt("sample churn --out .", ok=True)
        mlmgmt("import-experiment churn-predictive.json -n Q", ok=True)
        refused = mlmgmt("run-experiment Q")
        assert "The web service input 'input1' has no table" in refused.err
        assert "mlmgmt run-experiment Q -Data FILE" in refused.err
        rows = len(pd.read_csv("customers.csv"))
        run = mlmgmt("run-experiment Q -Data input1=customers.csv -o json", ok=True).json
        scored = next(node for node in run["Nodes"] if node["Module"] == "Score Model")
        assert next(iter(scored["Outputs"].values()))["Rows"] == rows
        mlmgmt("export-definition Q q.json", ok=True)
        declared, original = (read(path)["properties"]["input"] for path in ("q.json", "churn-predictive.json"))
        assert declared == original, "the definition says what its input is"
        mlmgmt("deploy Q", ok=True)


class TestOverlay:
    """Properties of putting changes into a file, for any file."""

    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    )
    modules = st.lists(
        st.fixed_dictionaries({"Id": st.sampled_from("abcd"), "Value": values}), max_size=4, unique_by=lambda m: m["Id"]
    )

    @given(kept=st.dictionaries(st.text(max_size=3), values), graph=modules)
    def test_without_a_change_the_file_stays(self, kept: dict[str, Any], graph: list[Any]) -> None:
        assert overlay.overlay(kept, {"ModuleNodes": graph}, {"ModuleNodes": graph}) == kept

    @given(then=modules, now=modules, comments=st.dictionaries(st.sampled_from("abcd"), st.text(max_size=3)))
    def test_the_graph_is_the_present_one_and_comments_stay(
        self, then: list[Any], now: list[Any], comments: dict[str, str]
    ) -> None:
        file = {"ModuleNodes": [module | {"Comment": comments.get(module["Id"])} for module in then]}
        result = overlay.overlay(file, {"ModuleNodes": then}, {"ModuleNodes": now})["ModuleNodes"]
        assert {module["Id"]: module["Value"] for module in result} == {module["Id"]: module["Value"] for module in now}
        known = {module["Id"] for module in then}
        assert all(module["Comment"] == comments.get(module["Id"]) for module in result if module["Id"] in known)
