"""`mlmgmt sample-code`: the programs run against a server, and no name or cell breaks out of its quotes."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmgmt.pages.samples import rendering
from tests.conftest import ODD, small_definition

if TYPE_CHECKING:
    from tests.server.conftest import Server, Start

LANGUAGES = rendering.LANGUAGES
RUNNERS = {"python": [sys.executable, "-W", "error"], "curl": ["sh"]}
HAVE = [language for language in RUNNERS if language != "curl" or shutil.which("curl")]


def storage(server: Server, mlmgmt: Any) -> dict[str, str]:
    """The environment variables for the storage account, made as the comments in the programs say."""
    account = mlmgmt("status -o json", ok=True).json["StorageAccounts"][0]
    key = mlmgmt(f"storage-keys -n {account} -o json", ok=True).json[1]["Value"]
    sas = mlmgmt(f"sas -Account {account} -Container samplecode -Permission cw -o json", ok=True).json["SasBlobToken"]
    endpoint = f"AccountName={account};AccountKey={key};BlobEndpoint={server.origin}/{account}"
    scheme = server.origin.partition(":")[0]
    return {
        "AZUREML_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol={scheme};{endpoint}",
        "AZUREML_STORAGE_SAS": sas,
    }


def run(language: str, code: str, *, ok: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program as a user would, with only those environment variables that its comment names."""
    Path("program").write_text(code, encoding="ascii")
    environ = {"PATH": os.environ["PATH"], "no_proxy": "*", "LC_ALL": "C", **variables}
    done = subprocess.run(
        [*RUNNERS[language], "program"], capture_output=True, text=True, env=environ, timeout=120, check=False
    )
    assert (done.returncode == 0) is ok, done.stderr
    return done


def code_of(mlmgmt: Any, server: Server, language: str, *more: str, name: str = "churn") -> str:
    words = ["sample-code", "-g", "retail", "-n", name, "--language", language, "-Server", server.origin, *more]
    return str(mlmgmt(words, ok=True).out)


@pytest.mark.parametrize("language", HAVE)
def test_a_program_scores_and_runs_a_batch_job(server: Server, mlmgmt: Any, language: str) -> None:
    code = code_of(mlmgmt, server, language)
    shutil.copy("new-customers.csv", "input1.csv")
    done = run(language, code, AZUREML_API_KEY=server.keys()["secondary"], **storage(server, mlmgmt))
    answer, end = json.JSONDecoder().raw_decode(done.stdout)
    definition = json.loads(Path("churn-predictive.json").read_text())["properties"]
    example = definition["exampleRequest"]["inputs"]["input1"]
    columns = list(definition["input"]["properties"]["input1"]["properties"])
    Path("body.json").write_text(json.dumps({"Inputs": {"input1": {"ColumnNames": columns, "Values": example}}}))
    here = mlmgmt("score -g retail -n churn --input body.json -o json", ok=True).json
    assert answer == {"Results": here["Results"]}
    assert re.search(rf"{server.origin}/mlstore\w+/samplecode/output1results.csv is in", done.stdout[end:])
    mlmgmt("score -g retail -n churn --input new-customers.csv -OutputFile scores.csv", ok=True)
    assert Path("output1results.csv").read_text().split() == Path("scores.csv").read_text().split()


@pytest.mark.parametrize("language", HAVE)
def test_a_service_that_trains_is_asked_for_a_batch_job_alone(server: Server, mlmgmt: Any, language: str) -> None:
    mlmgmt("new -g retail -l southcentralus -n training -DefinitionFile churn-training.json -Force", ok=True)
    code = code_of(mlmgmt, server, language, name="training")
    assert "/execute" not in code
    assert "execute?" not in code
    shutil.copy("customers.csv", "input1.csv")
    run(language, code, AZUREML_API_KEY=server.keys("training")["primary"], **storage(server, mlmgmt))
    assert Path("output1results.ilearner").stat().st_size > 500
    refused = mlmgmt(f"sample-code -g retail -n training -l {language} -Api rrs -o json")
    assert refused.status == 1
    assert "IncompatibleModel" in refused.err


@pytest.mark.parametrize("language", HAVE)
def test_a_program_says_what_is_missing_and_what_is_refused(server: Server, mlmgmt: Any, language: str) -> None:
    code = code_of(mlmgmt, server, language)
    assert "AZUREML_API_KEY" in run(language, code, ok=False).stderr
    refused = run(language, code, ok=False, AZUREML_API_KEY="wrong")
    assert "Invalid credentials provided." in refused.stderr
    key = server.keys()["primary"]
    half = run(language, code, ok=False, AZUREML_API_KEY=key)
    assert "Scored Labels" in half.stdout
    assert "AZUREML_STORAGE_CONNECTION_STRING" in half.stderr
    variables = storage(server, mlmgmt)
    del variables["AZUREML_STORAGE_SAS"]
    absent = run(language, code, ok=False, AZUREML_API_KEY=key, **variables)
    assert "BlobNotFound" in absent.stderr
    Path("input1.csv").write_text("age\n5\n")
    failed = run(language, code, ok=False, AZUREML_API_KEY=key, **storage(server, mlmgmt))
    assert "Failed" in failed.stderr
    assert key not in failed.stderr + failed.stdout + code


@pytest.mark.parametrize("language", HAVE)
def test_over_https_the_comment_says_how_to_trust_the_server(
    start: Start, churn: Path, mlmgmt: Any, language: str
) -> None:
    server = start("-Tls")
    code = code_of(mlmgmt, server, language)
    found = re.search(r"^#     (SSL_CERT_FILE|CURL_CA_BUNDLE)=(\S+)  ", code, re.MULTILINE)
    assert found
    shutil.copy("new-customers.csv", "input1.csv")
    variables = {"AZUREML_API_KEY": server.keys()["primary"], **storage(server, mlmgmt)}
    run(language, code, **variables, **{found[1]: shlex.split(found[2])[0]})
    assert len(Path("output1results.csv").read_text().splitlines()) == 2401
    assert "ertificate" in run(language, code, ok=False, **variables).stderr


def odd_definition() -> dict[str, Any]:
    """A service whose columns, cells, ports and parameters have names that try to break out of quotes."""
    columns = {name: {"type": "String"} for name in ODD}
    body = small_definition(
        input={"type": "object", "properties": {ODD[0]: {"type": "object", "properties": columns}}},
        output={"type": "object", "properties": {ODD[1]: {"type": "object", "properties": columns}}},
        exampleRequest={"inputs": {ODD[0]: [ODD[::-1]]}},
        parameters={ODD[2]: {"value": "\n".join(ODD)}},
    )
    package = body["properties"]["package"]
    package["nodes"]["in"]["inputId"], package["nodes"]["out"]["outputId"] = ODD[:2]
    package["graphParameters"] = {ODD[2]: {"type": "String", "links": []}}
    return body


@pytest.mark.parametrize("language", HAVE)
def test_odd_names_arrive_as_they_are(server: Server, mlmgmt: Any, language: str) -> None:
    Path("odd.json").write_text(json.dumps(odd_definition()))
    name = "it's $(touch oops) \u2028 é"
    mlmgmt(
        ["new", "-g", "retail", "-l", "southcentralus", "-n", name, "-DefinitionFile", "odd.json", "-Force"], ok=True
    )
    code = code_of(mlmgmt, server, language, name=name)
    table = {"ColumnNames": ODD, "Values": [ODD[::-1]]}
    rows = "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in (ODD, ODD[::-1]))
    Path("it_s__quoted_.csv").write_text(rows)
    keys = mlmgmt(["keys", "-g", "retail", "-n", name, "-o", "json"], ok=True).json
    done = run(language, code, AZUREML_API_KEY=keys["Primary"], **storage(server, mlmgmt))
    answer, _ = json.JSONDecoder().raw_decode(done.stdout)
    value = answer["Results"][ODD[1]]["value"]
    assert {member: value[member] for member in table} == table
    assert next(Path().glob("*results.csv")).read_text().count("\n") >= 2
    assert not Path("oops").exists()


def test_what_is_printed(churn: Path, mlmgmt: Any) -> None:
    keys = mlmgmt("keys -g retail -n churn -o json", ok=True).json
    for language in LANGUAGES:
        both = mlmgmt(
            f"Get-AzureRmMlWebServiceSampleCode -g retail -n churn --language {language.upper()}", ok=True
        ).out
        assert "http://127.0.0.1:8777/subscriptions/" in both
        assert "mlmgmt keys -g retail -n churn" in both
        assert "Month-to-month" in both
        for key in keys.values():
            assert key not in both
        rows = mlmgmt(f"sample-code -g retail -n churn -l {language} -Api rrs", ok=True).out
        jobs = mlmgmt(f"sample-code -g retail -n churn -l {language} -Api bes", ok=True).out
        assert ("execute?" in rows, "execute?" in jobs) == (True, False)
        assert ("STORAGE" in rows, "STORAGE" in jobs) == (False, True)
        assert both.isascii()
    default = mlmgmt("sample-code -g retail -n churn", ok=True).out
    assert default == mlmgmt("sample-code -g retail -n churn -l python -o json", ok=True).out
    assert mlmgmt("sample-code -g retail -n churn -Server example.com").status == 2
    assert mlmgmt("sample-code -g retail -n nobody").status == 1


def test_files_of_ports_do_not_meet_and_parameters_have_their_defaults(home: Path, mlmgmt: Any) -> None:
    columns = {"age": {"type": "Integer"}, "city": {"type": "String"}}
    body = small_definition(
        input={"type": "object", "properties": {"Xresults": {"type": "object", "properties": columns}}},
        output={"type": "object", "properties": {"x": {"type": "object", "properties": columns}}},
        parameters={"Given": {"value": "5"}},
    )
    package = body["properties"]["package"]
    package["nodes"]["in"]["inputId"], package["nodes"]["out"]["outputId"] = "Xresults", "x"
    package["nodes"]["again"] = {"outputId": "x results"}
    package["edges"].append({"sourceNodeId": "select", "sourcePortId": "Results dataset", "targetNodeId": "again"})
    package["graphParameters"] = {name: {"type": "String", "links": []} for name in ("given", "Open")}
    Path("two.json").write_text(json.dumps(body))
    mlmgmt("new -g retail -l southcentralus -n two -DefinitionFile two.json -Force -SkipModelCheck", ok=True)
    tree = ast.parse(mlmgmt("sample-code -g retail -n two", ok=True).out)
    found = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    inputs, outputs, parameters, request = (
        ast.literal_eval(found[name]) for name in ("INPUTS", "OUTPUTS", "PARAMETERS", "REQUEST")
    )
    assert inputs == {"Xresults": "Xresults.csv"}
    assert outputs == {"x": "xresults_2.csv", "x results": "x_resultsresults.csv"}
    assert parameters == request["GlobalParameters"] == {"given": "5", "Open": ""}
    assert request["Inputs"] == {"Xresults": {"ColumnNames": ["age", "city"], "Values": [[0, "example"]]}}


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(ODD)
CELLS = (
    TEXTS | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none()
)
TABLES = st.lists(TEXTS, min_size=1, max_size=30, unique=True).flatmap(
    lambda names: st.lists(CELLS, min_size=len(names), max_size=len(names)).map(
        lambda row: {"ColumnNames": names, "Values": [row]}
    )
)
PARAMETERS = st.dictionaries(TEXTS, CELLS, max_size=3)
REQUESTS = st.fixed_dictionaries({"Inputs": st.dictionaries(TEXTS, TABLES, max_size=2), "GlobalParameters": PARAMETERS})
BATCHES = st.builds(
    rendering.Batch,
    inputs=st.dictionaries(TEXTS, st.just("in.csv"), max_size=2),
    outputs=st.dictionaries(TEXTS, st.just("out.csv"), max_size=2),
    parameters=PARAMETERS,
)
LITERALS = {
    "powershell": (r"\$request = @'\n(.*?)\n'@", r"\$document = @'\n(.*?)\n'@"),
    "csharp": (r'request = (?P<q>"{3,})\n(.*?)\n(?P=q);', r'document = (?P<q>"{3,})\n(.*?)\n(?P=q);'),
    "r": (r'rows <- r"(?P<q>-*)\((.*?)\)(?P=q)"', r'document <- r"(?P<q>-*)\((.*?)\)(?P=q)"'),
}
CONNECTION = "AccountName=a;AccountKey=b/c+d=="


def rendered(language: str, request: Any, batch: rendering.Batch, notes: list[str]) -> str:
    code = rendering.render(language, service="http://127.0.0.1:1/x", notes=notes, request=request, batch=batch)
    assert code.isascii()
    return code


@settings(max_examples=60, deadline=None)
@given(request=REQUESTS, batch=BATCHES, note=TEXTS)
def test_the_data_in_a_python_program_is_what_it_should_be(request: Any, batch: rendering.Batch, note: str) -> None:
    tree = ast.parse(rendered("python", request, batch, [note]))
    values = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    found = [ast.literal_eval(values[name]) for name in ("REQUEST", "INPUTS", "OUTPUTS", "PARAMETERS")]
    assert found == [request, batch.inputs, batch.outputs, batch.parameters]


@settings(max_examples=60, deadline=None)
@given(request=REQUESTS, batch=BATCHES, note=TEXTS, language=st.sampled_from(sorted(LITERALS)))
def test_the_json_in_the_other_programs_is_what_it_should_be(
    request: Any, batch: rendering.Batch, note: str, language: str
) -> None:
    code = rendered(language, request, batch, [note])
    stands_for_storage = re.search(r"""(?:Replace|gsub)\(['"]\\?("STORAGE_*)\\?"['"]""", code)
    assert stands_for_storage
    for pattern, wanted in zip(LITERALS[language], (request, batch.document(CONNECTION)), strict=True):
        # Up to the first end of the string that the language would see.
        literal = re.search(pattern, code, re.DOTALL)
        assert literal
        text = literal.groups()[-1]
        if language == "csharp":
            assert literal["q"] not in text
        if wanted is not request:
            text = text.replace(f'{stands_for_storage[1]}"', json.dumps(CONNECTION))
        assert json.loads(text) == wanted


@settings(max_examples=25, deadline=None)
@given(request=REQUESTS, batch=BATCHES, note=TEXTS)
def test_the_shell_writes_the_json_that_it_should(request: Any, batch: rendering.Batch, note: str) -> None:
    code = rendered("curl", request, batch, [note])
    functions = re.findall(r"^(?:request|job_document)\(\) \{\n.*?\nJSON\n\}$", code, re.MULTILINE | re.DOTALL)
    script = "\n".join([*functions, "request", "printf '\\036'", "job_document"])
    environ = {"PATH": os.environ["PATH"], "AZUREML_STORAGE_CONNECTION_STRING": CONNECTION}
    done = subprocess.run(["sh", "-eu"], input=script, capture_output=True, text=True, env=environ, check=True)
    assert [json.loads(text) for text in done.stdout.split("\036")] == [request, batch.document(CONNECTION)]
