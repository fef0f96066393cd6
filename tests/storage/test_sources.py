"""What graphs may read and write, from the command line: map sources, allow scripts, run, and undo it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mlmgmt.errors import NotFound
from mlmgmt.store import blobs
from mlmgmt.verbs.runs import models, proof
from mlmgmt.verbs.session import Session
from mlmgmt.verbs.storage import sources
from tests.conftest import Command  # noqa: TC001 - the other stories import it so
from tests.learning.graphs import definition

SERVER = "sales.database.windows.net"
QUERY = "Database query"
COLUMNS = {"id": "Integer", "name": "String?"}


def deploy(mlmgmt: Command, body: dict[str, Any], name: str = "s", *, more: str = "", ok: bool = True) -> Any:
    Path(f"{name}.json").write_text(json.dumps(body))
    return mlmgmt(f"new -g retail -l southcentralus -n {name} -DefinitionFile {name}.json -Force {more}", ok=ok)


def run_job(mlmgmt: Command, *words: str, name: str = "s") -> Any:
    """Run a batch job and wait for it."""
    job = mlmgmt(["batch", "submit", "-g", "retail", "-n", name, "-Start", *words], ok=True).json["JobId"]
    return mlmgmt(f"batch wait -g retail -n {name} --job {job} --timeout 120")


def score(mlmgmt: Command, body: dict[str, Any], name: str = "s") -> Any:
    Path("request.json").write_text(json.dumps(body))
    return mlmgmt(f"score -g retail -n {name} -i request.json")


def rows(result: Any) -> Any:
    return result.json["Results"]["o"]["value"]["Values"]


@pytest.fixture
def sales(mlmgmt: Command, home: Path) -> Path:
    with sqlite3.connect("sales.db") as connection:
        connection.execute("create table orders (id integer, name text)")
        connection.executemany("insert into orders values (?, ?)", [(1, "one"), (2, "two"), (3, None)])
    connection.close()
    mlmgmt(f"map-source {SERVER} sqlite:///sales.db", ok=True)
    return Path("sales.db")


def query_definition(**more: Any) -> dict[str, Any]:
    """A definition with Import Data, whose query is a web service parameter."""
    parameters = {
        "Please Specify Data Source": "SqlAzure",
        "Database Server Name": SERVER,
        "Database Name": "sales",
        "Database Query": "select id, name from orders",
    }
    body = definition({"in": ("Import Data", parameters), "out": "output:o"}, ["in > out"], outputs={"o": COLUMNS})
    links = [{"nodeId": "in", "parameterKey": "Database Query"}]
    body["properties"]["package"]["graphParameters"] = {QUERY: {"type": "String", "links": links}}
    body["properties"] |= more
    return body


def test_a_call_may_give_a_query_and_the_service_has_a_default(mlmgmt: Command, sales: Path) -> None:
    deploy(
        mlmgmt, query_definition(parameters={"database query": {"value": "select id, name from orders where id = 2"}})
    )
    assert rows(score(mlmgmt, {"Inputs": {}})) == [["2", "two"]]
    given = "select id, name from orders where id <> 2"
    for name in (QUERY, QUERY.upper()):
        answer = score(mlmgmt, {"Inputs": {}, "GlobalParameters": {name: given}})
        assert rows(answer) == [["1", "one"], ["3", None]]
    assert rows(score(mlmgmt, {"Inputs": {}, "GlobalParameters": {QUERY: None}})) == [["2", "two"]]


def test_without_a_default_the_query_in_the_graph_is_used_or_a_query_is_required(mlmgmt: Command, sales: Path) -> None:
    body = query_definition()
    deploy(mlmgmt, body)
    assert len(rows(score(mlmgmt, {"Inputs": {}}))) == 3
    del body["properties"]["package"]["nodes"]["in"]["parameters"]["Database Query"]
    example = {"inputs": {}, "globalParameters": {QUERY: "select 1 as id, 'x' as name"}}
    body["properties"]["exampleRequest"] = example
    deploy(mlmgmt, body, "required")
    refused = score(mlmgmt, {"Inputs": {}}, "required")
    assert refused.status == 1
    assert "MissingRequiredGlobalParameters" in refused.err
    assert QUERY in refused.err
    one = {"Inputs": {}, "GlobalParameters": {QUERY: "select 7 as id, 'y' as name"}}
    assert rows(score(mlmgmt, one, "required")) == [["7", "y"]]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"Databse query": "x"}, "UnexpectedParameter"),
        ({QUERY: "select 1", QUERY.upper(): "select 2"}, "UnexpectedParameter"),
        ({QUERY: ["select 1"]}, "BadParameterValue"),
        ({QUERY: {"value": "select 1"}}, "BadParameterValue"),
        ({QUERY: 5}, "ModuleExecutionError"),
        ({QUERY: "drop table orders"}, "ModuleExecutionError"),
    ],
)
def test_an_invalid_parameter_is_refused(mlmgmt: Command, sales: Path, given: dict[str, Any], code: str) -> None:
    deploy(mlmgmt, query_definition())
    refused = score(mlmgmt, {"Inputs": {}, "GlobalParameters": given})
    assert refused.status == 1
    assert code in refused.err
    assert len(rows(score(mlmgmt, {"Inputs": {}}))) == 3


def test_a_batch_job_reads_from_a_path_parameter(mlmgmt: Command, home: Path) -> None:
    session = Session()
    (account, *_) = session.store.blobs.accounts()
    for name in ("north", "south"):
        session.store.blobs.write(blobs.Blob(account, "data", f"{name}.csv"), f"id,name\n1,{name}\n".encode())
    parameters = {"Account Name": account, "Path to container or directory or blob": "data/north.csv"}
    node = ("Import Data", parameters | {"File has Header Row": "True"})
    body = definition({"in": node, "out": "output:o"}, ["in > out"], outputs={"o": COLUMNS})
    links = [{"nodeId": "in", "parameterKey": "Path to container or directory or blob"}]
    body["properties"]["package"]["graphParameters"] = {"Path": {"type": "String", "links": links}}
    deploy(mlmgmt, body)
    done = run_job(mlmgmt, "-Parameters", "path=data/south.csv", "-Outputs", "done/o.csv")
    assert done.json["StatusCode"] == "Finished"
    assert session.store.blobs.read(blobs.Blob(account, "done", "o.csv")) == b"id,name\n1,south\n"
    failed = run_job(mlmgmt, "-Parameters", "path=data/../../home.json")
    assert failed.status == 1
    assert "InvalidBlob" in failed.err


def export_definition(**more: str) -> dict[str, Any]:
    """A scoring graph that also writes its rows into a table."""
    place = {
        "Please Specify Data Destination": "SqlAzure",
        "Database Server Name": SERVER,
        "Database Name": "sales",
        "Data Table Name": "log",
    }
    nodes = {
        "i": "input:i",
        "select": ("Select Columns in Dataset", {}),
        "export": ("Export Data", place | more),
        "out": "output:o",
    }
    edges = ["i > select.Dataset", "select.Results dataset > export.Dataset", "select.Results dataset > out"]
    return definition(nodes, edges, inputs={"i": COLUMNS}, outputs={"o": COLUMNS})


def logged_rows() -> list[Any] | None:
    connection = sqlite3.connect("sales.db")
    try:
        return connection.execute("select id, name from log").fetchall()
    except sqlite3.OperationalError:
        return None
    finally:
        connection.close()


def test_export_data_writes_in_a_job_but_not_in_a_check_or_a_plan(mlmgmt: Command, sales: Path) -> None:
    deploy(mlmgmt, export_definition(), more="-WhatIf")
    deploy(mlmgmt, export_definition())
    assert logged_rows() is None
    mlmgmt("test -g retail -n s", ok=True)
    reader = models.reader(Session(), export_definition(), {})
    assert proof.score_example(Session(), export_definition(), reader) == "made from the input"
    assert logged_rows() is None
    Path("rows.csv").write_text("id,name\n7,seven\n8,\n")
    assert run_job(mlmgmt, "-Inputs", "rows.csv").json["StatusCode"] == "Finished"
    assert logged_rows() == [(7, "seven"), (8, None)]


def test_an_export_that_fails_fails_the_job_and_writes_nothing(mlmgmt: Command, sales: Path) -> None:
    with sqlite3.connect("sales.db") as connection:
        connection.execute("create table log (id integer check (id < 8), name text)")
    connection.close()
    deploy(mlmgmt, export_definition())
    Path("rows.csv").write_text("id,name\n7,seven\n8,\n")
    failed = run_job(mlmgmt, "-Inputs", "rows.csv")
    assert failed.status == 1
    assert "CHECK constraint failed" in failed.err
    assert logged_rows() == []


def test_evaluating_a_model_exports_nothing(mlmgmt: Command, churn: Path, exported: Path) -> None:
    """The check before an update, a planned update and evaluate run only what the outputs need."""
    body = json.loads(exported.read_text())
    package, assets = body["properties"]["package"], body["properties"]["assets"]
    (out,) = (name for name, node in package["nodes"].items() if "outputId" in node)
    (edge,) = (edge for edge in package["edges"] if edge["targetNodeId"] == out)
    made = export_definition()["properties"]
    assets["log"], package["nodes"]["log"] = made["assets"]["asset-export"], made["package"]["nodes"]["export"]
    package["nodes"]["log"]["assetId"] = "log"
    package["edges"].append(edge | {"targetNodeId": "log", "targetPortId": "Dataset"})
    exported.write_text(json.dumps(body))
    mlmgmt(f"map-source {SERVER} sqlite:///sales.db", ok=True)
    for gate in ("-WhatIf", "-Force"):
        mlmgmt(f"update -g retail -n churn -ServiceUpdates churn.json {gate}", ok=True)
    mlmgmt("evaluate -g retail -n churn --data new-customers.csv", ok=True)
    assert not Path("sales.db").exists()
    mlmgmt("score -g retail -n churn -i customers.csv --output-file scores.csv", ok=True)
    connection = sqlite3.connect("sales.db")
    (count,) = connection.execute("select count(*) from log").fetchone()
    connection.close()
    assert count == len(Path("scores.csv").read_text().splitlines()) - 1


SCRIPT = """import pandas as pd
def azureml_main(dataframe1=None, dataframe2=None):
    {}
"""


def script_definition(source: str, ports: tuple[str, ...] = ("Dataset1",), key: str = "R Script") -> dict[str, Any]:
    nodes: dict[str, Any] = {"run": ("Execute Python Script", {key: source}), "out": "output:o"}
    edges = ["run.Result Dataset > out"]
    for port in ports:
        nodes[port] = f"input:{port}"
        edges.append(f"{port} > run.{port}")
    inputs = {port: {"id": "Integer"} for port in ports}
    return definition(nodes, edges, inputs=inputs, outputs={"o": {"n": "Integer"}})


FIRST = SCRIPT.format("return pd.DataFrame({'n': [dataframe1['id'].sum(), dataframe2 is not None]}).astype('int64'),")


def test_scripts_are_refused_until_they_are_allowed_and_again_when_denied(mlmgmt: Command, home: Path) -> None:
    body = script_definition(FIRST, ("Dataset2",))
    deploy(mlmgmt, body)
    request = {"Inputs": {"Dataset2": [{"id": 3}, {"id": 4}]}}
    refused = score(mlmgmt, request)
    assert refused.status == 1
    assert "ScriptsNotAllowed" in refused.err
    assert "allow-scripts" in refused.err
    allowed = mlmgmt("allow-scripts", ok=True)
    assert "whatever you can do" in allowed.err
    assert rows(score(mlmgmt, request)) == [["7"], ["0"]]
    mlmgmt("allow-scripts -Deny", ok=True)
    assert "ScriptsNotAllowed" in score(mlmgmt, request).err
    assert mlmgmt("sources", ok=True).json == [{"Name": "scripts", "Kind": "script", "Target": "denied"}]


def test_a_script_takes_tables_from_either_port_or_from_no_port(mlmgmt: Command, home: Path) -> None:
    mlmgmt("allow-scripts", ok=True)
    deploy(mlmgmt, script_definition(FIRST, ("Dataset1", "Dataset2"), "Python Script"), "both")
    tables = {"Dataset1": [{"id": 5}], "Dataset2": [{"id": 9}]}
    assert rows(score(mlmgmt, {"Inputs": tables}, "both")) == [["5"], ["1"]]
    deploy(mlmgmt, script_definition(SCRIPT.format("return pd.DataFrame({'n': [42]}),"), ()), "none")
    assert rows(score(mlmgmt, {"Inputs": {}}, "none")) == [["42"]]


def test_a_failed_script_is_reported_with_node_and_line(mlmgmt: Command, home: Path) -> None:
    mlmgmt("allow-scripts", ok=True)
    failed = score_refused(mlmgmt, script_definition("def azureml_main(a):\n    print 'x'"), "two")
    for words in ("Error0085", "run (Execute Python Script)", "line 2", "scripts run under Python 3"):
        assert words in failed, words
    both = script_definition(FIRST)
    both["properties"]["package"]["nodes"]["run"]["parameters"]["Python Script"] = {"value": "x"}
    assert "both set 'R Script'" in score_refused(mlmgmt, both, "both")
    assert "The script is missing" in score_refused(mlmgmt, script_definition(""), "none")


def score_refused(mlmgmt: Command, body: dict[str, Any], name: str) -> str:
    """Deploy a service, and return the error of scoring with it."""
    deploy(mlmgmt, body, name)
    refused = score(mlmgmt, {"Inputs": {"Dataset1": [{"id": 1}]}}, name)
    assert refused.status == 1
    return str(refused.err)


BUNDLE = "https://olddata.blob.core.windows.net/uploadedresources/PricingEngine_Dependencies.zip"


def bundle_definition(uri: str = BUNDLE) -> dict[str, Any]:
    """A definition whose script imports a module of its bundle, both in Python 2."""
    body = script_definition(
        "import PricingEngine.rates\nimport pandas as pd\n"
        "def azureml_main(config):\n    return pd.DataFrame({'n': [PricingEngine.rates.half(config['id'].iloc[0])]}),"
    )
    package = body["properties"]["package"]
    package["nodes"]["run"]["parameters"]["Python Version"] = {"value": "Anaconda 4.0/Python 2.7.11"}
    package["nodes"]["zip"] = {"assetId": "zip"}
    body["properties"]["assets"]["zip"] = {
        "name": "Dependencies",
        "type": "Resource",
        "locationInfo": {"uri": uri},
        "outputPorts": {"Results dataset": {"type": "Dataset"}},
    }
    ends = {"sourcePortId": "Results dataset", "targetNodeId": "run", "targetPortId": "Script Bundle"}
    package["edges"].append({"sourceNodeId": "zip", **ends})
    return body


def write_bundle(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("PricingEngine/__init__.py", "")
        packed.writestr("PricingEngine/rates.py", "def half(x):\n    print 'half of', x\n    return x / 2\n")
    return path


def test_a_script_imports_the_modules_of_its_bundle(mlmgmt: Command, home: Path) -> None:
    mlmgmt("allow-scripts", ok=True)
    write_bundle(Path("bundle.zip"))
    refused = score_refused(mlmgmt, bundle_definition(), "early")
    for words in ("AccountNotRegistered", "olddata"):
        assert words in refused, words
    mlmgmt(f"map-source {BUNDLE} bundle.zip", ok=True)
    assert rows(score(mlmgmt, {"Inputs": {"Dataset1": [{"id": 7}]}}, "early")) == [["3"]]


def test_a_bundle_of_a_storage_account_can_have_a_signature(mlmgmt: Command, home: Path) -> None:
    mlmgmt("allow-scripts", ok=True)
    account = Session().store.blobs.accounts()[0]
    place = blobs.parse(f"https://{account}.blob.core.windows.net/data/Bundle.ZIP")
    assert place is not None
    Session().store.blobs.write(place, write_bundle(Path("bundle.zip")).read_bytes())
    deploy(mlmgmt, bundle_definition(place.uri), "own")
    assert rows(score(mlmgmt, {"Inputs": {"Dataset1": [{"id": 9}]}}, "own")) == [["4"]]


def test_a_bundle_and_a_table_need_their_own_ports(mlmgmt: Command, home: Path) -> None:
    mlmgmt("allow-scripts", ok=True)
    body = bundle_definition()
    bundle = body["properties"]["package"]["edges"][-1]
    bundle["targetPortId"] = "Dataset2"
    assert "PortTypeMismatch" in score_refused(mlmgmt, body, "table")
    bundle |= {"targetPortId": "Script Bundle", "sourceNodeId": "Dataset1"}
    del bundle["sourcePortId"]
    assert "PortTypeMismatch" in score_refused(mlmgmt, body, "zip")
    Path("bundle.zip").write_bytes(b"no zip file")
    mlmgmt(f"map-source {BUNDLE} bundle.zip", ok=True)
    broken = score_refused(mlmgmt, bundle_definition(), "broken")
    for words in ("Error0018", "Execute Python Script", "cannot be unpacked as a zip file"):
        assert words in broken, words


# Mapping


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["db"], "InvalidMapping"),
        (["db", ""], "InvalidMapping"),
        (["db", "sales.db"], "InvalidMapping"),
        (["db", "nonsense://x"], "InvalidMapping"),
        (["db", "postgresql://ada:hu@sh@db/x"], "InvalidMapping"),
        (["db", "postgresql://ada:hush@db:port/x"], "InvalidMapping"),
        (["db", "sqlite:///x.db", "-Remove"], "InvalidMapping"),
        ([" ", "sqlite:///x.db"], "InvalidMapping"),
        (["http://example.com/x.csv"], "InvalidMapping"),
        (["http://example.com/x.csv", "http://example.com/y.csv"], "InvalidMapping"),
        (["http://example.com/x.csv", "none.csv"], "FileNotFound"),
        (["http://example.com/x.csv", "."], "FileNotFound"),
        (["file:///etc/hostname", "x.csv"], "InvalidMapping"),
        (["ftp://ada:hush@example.com/x.csv", "x.csv"], "InvalidMapping"),
        (["db", "-Remove"], "NotMapped"),
        (["http://example.com/x.csv", "-Remove"], "NotMapped"),
    ],
)
def test_an_invalid_mapping_is_refused(mlmgmt: Command, home: Path, words: list[str], code: str) -> None:
    Path("x.csv").write_text("a\n1\n")
    refused = mlmgmt(["map-source", *words])
    assert refused.status in (1, 2)
    assert code in refused.err
    assert "sh@" not in refused.err
    assert "hush" not in refused.err
    assert len(mlmgmt("sources", ok=True).json) == 1


def test_map_source_needs_a_name(mlmgmt: Command, home: Path) -> None:
    assert mlmgmt("map-source").status in (1, 2)


def test_mappings_are_listed_without_passwords_replaced_and_removed(mlmgmt: Command, home: Path) -> None:
    Path("x.csv").write_text("a\n1\n")
    mlmgmt("map-source DB1 postgresql://ada:p%40ss@db/x", ok=True)
    mlmgmt(["map-source", "db2", "mssql+pyodbc:///?odbc_connect=PWD%3Dhush"], ok=True)
    mlmgmt("map-source http://ada:hush@Example.com/x.csv?sig=hush x.csv", ok=True)
    listed = mlmgmt("sources", ok=True)
    assert "hush" not in listed.out
    assert "p%40ss" not in listed.out
    targets = {row["Name"]: row["Target"] for row in listed.json}
    assert targets.pop("db2").endswith("?***")
    assert targets == {
        "db1": "postgresql://ada:***@db/x",
        "http://example.com/x.csv": str(Path("x.csv").absolute()),
        "scripts": "denied",
    }
    mlmgmt("map-source db1 sqlite:///other.db", ok=True)
    mlmgmt("allow-scripts", ok=True)
    mlmgmt("map-source Db2 -Remove", ok=True)
    mlmgmt("map-source HTTP://EXAMPLE.com/x.csv -Remove", ok=True)
    targets = {row["Name"]: row["Target"] for row in mlmgmt("sources", ok=True).json}
    assert targets == {"db1": f"sqlite:///{Path('other.db').absolute()}", "scripts": "allowed"}
    assert all(b"hush" not in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_mappings_made_at_the_same_time_are_all_stored(home: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def make(number: int) -> None:
        sources.map_source(Session(), name=f"db{number}", target=f"sqlite:////data/{number}.db")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(24)))
    assert {row["Name"] for row in sources.sources(Session())} == {"scripts", *(f"db{n}" for n in range(24))}


def test_a_reader_cannot_map_sources_or_allow_scripts(mlmgmt: Command, sales: Path) -> None:
    mlmgmt("Connect-AzAccount -Role Reader", ok=True)
    for line in ("allow-scripts", "allow-scripts -Deny", "map-source x sqlite:///x.db", f"map-source {SERVER} -Remove"):
        refused = mlmgmt(line)
        assert refused.status == 1
        assert "AuthorizationFailed" in refused.err
    assert [row["Name"] for row in mlmgmt("sources", ok=True).json] == [SERVER, "scripts"]


def test_a_copied_home_has_no_sources_until_it_is_trusted_and_mapped(mlmgmt: Command, sales: Path) -> None:
    deploy(mlmgmt, query_definition())
    mlmgmt("allow-scripts", ok=True)
    shutil.copytree(".mlmgmt", "copy/.mlmgmt")
    place = "--home copy/.mlmgmt"
    assert [row["Target"] for row in mlmgmt(f"sources {place}", ok=True).json] == ["denied"]
    for line in ("allow-scripts", "map-source x sqlite:///x.db"):
        refused = mlmgmt(f"{line} {place}")
        assert refused.status == 1
        assert "trust-home" in refused.err
    Path("request.json").write_text('{"Inputs": {}}')
    score = f"score -g retail -n s -i request.json {place}"
    assert "ServerNotMapped" in mlmgmt(score).err
    mlmgmt(f"trust-home {place}", ok=True)
    assert "ServerNotMapped" in mlmgmt(score).err
    mlmgmt(f"map-source {SERVER} sqlite:///sales.db {place}", ok=True)
    assert len(rows(mlmgmt(score, ok=True))) == 3


def test_a_password_is_not_in_any_output_error_or_job(mlmgmt: Command, home: Path) -> None:
    mlmgmt(f"map-source {SERVER} sqlite:////no/such/folder/x.db?password=hush", ok=True)
    outputs = [mlmgmt("sources", ok=True), deploy(mlmgmt, query_definition())]
    outputs += [score(mlmgmt, {"Inputs": {}}), run_job(mlmgmt), mlmgmt("batch status -g retail -n s", ok=True)]
    assert [output.status for output in outputs] == [0, 0, 1, 1, 0]
    assert not [output for output in outputs if "hush" in output.out + output.err]
    assert all(b"hush" not in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_a_service_without_inputs_needs_no_rows(mlmgmt: Command, sales: Path) -> None:
    deploy(mlmgmt, query_definition())
    assert rows(mlmgmt("score -g retail -n s", ok=True)) == [["1", "one"], ["2", "two"], ["3", None]]
    given = ["-p", f"{QUERY.upper()}=select max(id) as id from orders"]
    few = query_definition()
    few["properties"]["output"]["properties"]["o"]["properties"].pop("name")
    deploy(mlmgmt, few, "few")
    assert rows(mlmgmt(["score", "-g", "retail", "-n", "few", *given], ok=True)) == [["3"]]
    Path("request.json").write_text(json.dumps({"Inputs": {}, "GlobalParameters": {QUERY: "select 9 as id"}}))
    words = ["score", "-g", "retail", "-n", "few", "-i", "request.json"]
    assert rows(mlmgmt(words, ok=True)) == [["9"]]
    assert rows(mlmgmt([*words, *given], ok=True)) == [["3"]]


def test_a_service_with_inputs_still_needs_rows(mlmgmt: Command, small: Path) -> None:
    refused = mlmgmt("score -g retail -n small")
    assert refused.status == 2
    assert "MissingMandatoryParameter" in refused.err
    assert "'input1'" in refused.err
    piped = mlmgmt("score -g retail -n small", stdin="age,city\n1,Bern\n", ok=True)
    assert piped.json["Results"]["output1"]["value"]["Values"] == [["1", "Bern"]]
    assert "EmptyInput" in mlmgmt("score -g retail -n small -i -").err


def test_verbose_shows_what_a_script_printed(mlmgmt: Command, home: Path) -> None:
    mlmgmt("allow-scripts", ok=True)
    deploy(
        mlmgmt, script_definition(SCRIPT.format("print('half', 'way'); return pd.DataFrame({'n': [42]}),"), ()), "none"
    )
    assert "half way" in mlmgmt("score -g retail -n none -Verbose", ok=True).err
    assert "half way" not in mlmgmt("score -g retail -n none", ok=True).err


def test_a_missing_blob_is_reported_with_the_folder_of_blobs(mlmgmt: Command, home: Path) -> None:
    (account, *_) = Session().store.blobs.accounts()
    for name in (account, "elsewhere"):
        with pytest.raises(NotFound) as refused:
            sources.GraphAccess(Session()).read(f"https://{name}.blob.core.windows.net/data/a.csv")
        assert str(home / "storage") in (refused.value.hint or "")
        assert account in (refused.value.hint or "")


class TestFoldersAndWildcards:
    """Import Data reads the files of a folder, or those with such names, as one table."""

    @pytest.fixture
    def parts(self, home: Path) -> str:
        account = Session().storage_account()
        texts = {
            "data/in/part-10.csv": "id,name\n10,ten\n",
            "data/in/part-2.csv": "id,name\n2,two",
            "data/in/other.csv": "id,name\n99,x\n",
            "data/in/deeper/part-3.csv": "id,name\n3,three\n",
            "data/in/part-1.csv": "\ufeffid,name\r\n1,one\r\n",
            "data/plain/a.csv": "7,a\n",
            "data/plain/b.csv": "8,b\n",
        }
        for name, text in texts.items():
            container, _, path = name.partition("/")
            Session().store.blobs.write(blobs.Blob(account, container, path), text.encode())
        return account

    def read(self, mlmgmt: Command, account: str, path: str, header: str = "True") -> Any:
        parameters = {
            "Please Specify Data Source": "AzureBlobStorage",
            "Account Name": account,
            "Path to container or directory or blob": path,
            "File has Header Row": header,
        }
        columns = COLUMNS if header == "True" else {"Col1": "Integer", "Col2": "String?"}
        body = definition({"in": ("Import Data", parameters), "out": "output:o"}, ["in > out"], outputs={"o": columns})
        deploy(mlmgmt, body)
        return score(mlmgmt, {"Inputs": {}})

    @pytest.mark.parametrize(
        ("path", "ids"),
        [
            ("data/in/part-*.csv", ["1", "10", "2"]),
            ("data/in/part-?.csv", ["1", "2"]),
            ("data/in", ["99", "1", "10", "2"]),
            ("data/in/", ["99", "1", "10", "2"]),
            ("data/in/part-2.csv", ["2"]),
        ],
    )
    def test_parts_are_read_in_the_order_of_their_names_with_one_header(
        self, mlmgmt: Command, parts: str, path: str, ids: list[str]
    ) -> None:
        assert [row[0] for row in rows(self.read(mlmgmt, parts, path))] == ids

    def test_parts_without_a_header(self, mlmgmt: Command, parts: str) -> None:
        assert rows(self.read(mlmgmt, parts, "data/plain/*.csv", header="False")) == [["7", "a"], ["8", "b"]]

    @pytest.mark.parametrize("path", ["data/in/x*.csv", "data/none", "nothing/*", "data/../*", "../*"])
    def test_a_name_that_nothing_has_is_refused(self, mlmgmt: Command, parts: str, path: str) -> None:
        refused = self.read(mlmgmt, parts, path)
        assert refused.status == 1
        assert "BlobNotFound" in refused.err or "InvalidBlob" in refused.err, refused.err
