"""Help pages: what a page shows and does not show, and the programs that replace a model."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmgmt.pages.article import Article, Code, Section, Table, Text
from mlmgmt.pages.samples import rendering
from mlmgmt.verbs.advice import help_pages
from mlmgmt.verbs.services import finding
from mlmgmt.verbs.session import Session
from tests.browser import needs_browser
from tests.classic.classic_home import AT, RESOURCE, SCORING, TRAINING, Bikes, answer, answers, score
from tests.conftest import ODD
from tests.retraining.test_evaluation_page import HOSTILE, NASTY, CheckedHtml
from tests.server.conftest import started

if TYPE_CHECKING:
    from tests.browser import Browser
    from tests.conftest import Command

LANGUAGES = rendering.LANGUAGES


def endpoint(mlmgmt: Command, name: str = "loc001") -> dict[str, Any]:
    found: dict[str, Any] = mlmgmt(["endpoints", SCORING, name, "-o", "json"], ok=True).json
    return found


def public(name: str = "loc001", service: str = SCORING, part: str = "") -> str:
    """Return the page as a server shows it to anybody."""
    session = Session()
    revision = finding.endpoint(session, service, name)
    return help_pages.page(session, revision, origin="https://example.com:8443", part=part).decode()


def texts(page: str) -> str:
    """Return the text of a page, without its tags."""
    import html

    return html.unescape(re.sub(r"<[^>]+>", " ", page.split("</style>")[1]))


class TestPages:
    def test_a_page_has_addresses_names_columns_and_programs(self, mlmgmt: Command, bikes: Bikes) -> None:
        page, found = public(), endpoint(mlmgmt)
        said = texts(page)
        api = "https://example.com:8443" + found["ApiLocation"].split("azureml.net")[1]
        update = f"/workspaces/{Session().workspace}/webservices/{bikes.service}/endpoints/loc001"
        for text in (
            f"API Documentation for {SCORING}",
            f"POST {api}/execute?api-version=2.0&details=true",
            f"POST {api}/jobs?api-version=2.0",
            f"{api}/swagger.json",
            f"PATCH https://example.com:8443{update}",
            f"https://management.azureml.net{update}",
            RESOURCE,
            "Scored Labels",
            "NotStarted",
            "Cancelled",
            "Content-Type",
            found["Version"][:10],
        ):
            assert text in said, text
        for name in ("Python", "C#", "R", "PowerShell", "curl"):
            assert page.count(f"<figcaption>{name}</figcaption>") == 3
        CheckedHtml(re.sub(r' href="[^"]+"', "", page))

    def test_each_part_is_a_page_with_links_to_the_others(self, mlmgmt: Command, bikes: Bikes) -> None:
        root = "https://example.com:8443" + endpoint(mlmgmt)["HelpLocation"].split("azureml.net")[1]
        titles = {"score": "Request Response", "jobs": "Batch Execution", "update": "Update Resource"}
        for part, title in titles.items():
            page = public(part=part)
            assert f"<title>{title} API Documentation for {SCORING}</title>" in page
            links = set(re.findall(r'href="([^"]+)"', page))
            assert links == {root, *(f"{root}/{other}" for other in titles if other != part)}
            assert page.count("<h2>") == 1

    def test_no_page_shows_a_key_or_a_path_of_the_home(self, mlmgmt: Command, bikes: Bikes) -> None:
        found = endpoint(mlmgmt)
        for page in map(str, (public(), public("default"), public("default", TRAINING))):
            for secret in (found["PrimaryKey"], found["SecondaryKey"], str(bikes.root), os.environ["MLMGMT_CONFIG"]):
                assert secret not in page
            assert Session().storage_account() not in page
        mlmgmt(["endpoint-help", *AT, "loc001", "-OutputFile", "help.html"], ok=True)
        own = Path("help.html").read_text()
        assert found["PrimaryKey"] not in own
        assert "https://example.com" not in own

    def test_rows_are_shown_only_if_they_are_exposed(self, mlmgmt: Command, bikes: Bikes) -> None:
        session = Session()
        revision = finding.endpoint(session, SCORING, "loc001")
        (row,) = revision.document["properties"]["exampleRequest"]["inputs"]["input1"]
        shown = json.dumps([row])
        assert shown not in texts(public())
        own = help_pages.page(session, revision).decode()
        assert shown in texts(own)
        revision.document["properties"]["exposeSampleData"] = True
        exposed = help_pages.page(session, revision, origin="https://example.com").decode()
        assert shown in texts(exposed)

    def test_the_page_of_a_training_service_names_the_service_to_update(self, mlmgmt: Command, bikes: Bikes) -> None:
        said = texts(public("default", TRAINING, "update"))
        assert "no updatable resources" in said
        assert SCORING in said
        assert "Use batch execution instead" in texts(public("default", TRAINING, "score"))
        assert "output1results.ilearner" in texts(public("default", TRAINING, "jobs"))
        assert "add another endpoint" in texts(public("default", part="update"))

    def test_a_new_service_has_a_page_too(self, mlmgmt: Command, bikes: Bikes) -> None:
        mlmgmt(["export-definition", "-ExperimentId", SCORING, "-OutputFile", "bike.json"], ok=True)
        mlmgmt("new -g retail -l southcentralus -n bikes -DefinitionFile bike.json -Force", ok=True)
        mlmgmt("endpoint-help -g retail -n bikes -OutputFile bikes.html", ok=True)
        said = texts(Path("bikes.html").read_text())
        identity = mlmgmt("get -g retail -n bikes", ok=True).json["id"]
        assert f"PATCH http://127.0.0.1:8777{identity}?api-version=2017-01-01" in said
        assert '"locationInfo"' in said
        assert mlmgmt("endpoint-help -g retail -n bikes -OutputFile bikes.html").status == 1
        mlmgmt("endpoint-help -g retail -n bikes -OutputFile bikes.html -Force", ok=True)

    @needs_browser
    def test_a_browser_shows_it_and_fetches_nothing(self, mlmgmt: Command, bikes: Bikes, browser: Browser) -> None:
        mlmgmt(["endpoint-help", *AT, "loc001", "-OutputFile", "help.html"], ok=True)
        papers = []
        for dark in (False, True):
            browser.open("help.html", dark=dark)
            papers.append(browser.run("getComputedStyle(document.body).backgroundColor"))
            assert browser.complaints() == []
            assert browser.requests() == [Path("help.html").resolve().as_uri()]
        assert papers == ["rgb(255, 255, 255)", "rgb(20, 24, 29)"]
        assert browser.texts("h2") == ["Overview", "Request Response API", "Batch Execution API", "Update Resource API"]
        assert browser.run("[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.hash))")
        browser.open("help.html", width=360)
        assert browser.run("document.documentElement.scrollWidth") <= 360

    @needs_browser
    @settings(max_examples=10, deadline=None)
    @given(text=st.sampled_from([HOSTILE, *NASTY]) | st.text(max_size=30))
    def test_names_are_only_text_in_a_page(
        self, browser: Browser, tmp_path_factory: pytest.TempPathFactory, text: str
    ) -> None:
        blocks = [Text(text), Code(text, text), Table((text, ""), [(text, text)], text)]
        page = Article(text, text, [Section(text, "part", list(blocks))], text).html()
        path = tmp_path_factory.mktemp("hostile") / "page.html"
        path.write_bytes(page)
        browser.open(path)
        assert browser.complaints() == []
        assert browser.run("document.querySelectorAll('script, img, iframe, form, style:not(head style)').length") == 0
        (style,) = re.findall(r"<style>(.*?)</style>", page.decode(), re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"sha256-{digest}" in page.decode()


class TestOnTheCommandLine:
    def test_table_and_json_output(self, mlmgmt: Command, bikes: Bikes) -> None:
        words = ["Get-AmlWebServiceEndpointHelp", *AT, "loc001", "-Part", "update"]
        said = mlmgmt([*words, "-o", "table"], ok=True).out
        facts = mlmgmt([*words, "-o", "json"], ok=True).json
        assert facts["Resources"] == [RESOURCE]
        assert facts["PatchUrl"] in said
        assert f"Resource Name   {RESOURCE}" in said
        assert "urllib.request" in said
        assert "<" not in said.split("Python:")[0].replace("<bdi>", "")
        assert facts["PatchUrl"].endswith(f"/webservices/{bikes.service}/endpoints/loc001")
        other = mlmgmt([*words, "-Server", "https://ml.example.com", "-o", "json"], ok=True).json
        assert other["PatchUrl"].startswith("https://ml.example.com/workspaces/")
        assert mlmgmt([*words, "-Server", "nowhere"]).status == 2
        training = ["endpoint-help", "-WebServiceId", TRAINING, "-EndpointName", "default", "-o", "json"]
        assert mlmgmt(training, ok=True).json["PatchUrl"] is None

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_a_program_for_each_language(self, mlmgmt: Command, bikes: Bikes, language: str) -> None:
        words = ["sample-code", *AT, "loc001", "-Api", "update", "-Language", language]
        code = mlmgmt(words, ok=True).out
        assert code.isascii()
        for text in (f"/webservices/{bikes.service}/endpoints/loc001", RESOURCE, "AZUREML_SAS_BLOB_TOKEN"):
            assert text in code
        assert endpoint(mlmgmt)["PrimaryKey"] not in code
        if language == "python":
            ast.parse(code)
        training = ["sample-code", "-WebServiceId", TRAINING, "-EndpointName", "default", "-Api", "update"]
        refused = mlmgmt([*training, "-Language", language])
        assert refused.status == 1
        assert "NoUpdatableResources" in refused.err
        assert SCORING in refused.err


LITERALS = {
    "powershell": r"@'\n(.*?)\n'@",
    "csharp": r'var body = ("{3,})\n(.*?)\n\1;',
    "r": r'body <- r"(-*)\((.*?)\)\1"',
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_are_only_text_in_a_program(language: str) -> None:
    names = ("AZUREML_BASE_LOCATION", "AZUREML_RELATIVE_LOCATION", "AZUREML_SAS_BLOB_TOKEN")
    for odd in [*ODD, "JSON\nJSON"]:
        location = dict(zip(("BaseLocation", "RelativeLocation", "SasBlobToken"), names, strict=True))
        body = {"Resources": [{"Name": odd, "Location": location}]}
        code = rendering.render_update(
            language,
            url="http://127.0.0.1:8777/x",
            key="AZUREML_API_KEY",
            body=body,
            variables=names,
            remark="All of it.",
            notes=[odd],
        )
        assert code.isascii()
        if language == "python":
            (value,) = (
                node.value
                for node in ast.parse(code).body
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "BODY"
            )
            found = eval(ast.unparse(value), {"required": lambda name: name})
        elif language == "curl":
            environ = {"PATH": os.environ["PATH"], "AZUREML_API_KEY": "x", **{name: name for name in names}}
            script = code.split("# The key goes")[0] + "body\n"
            done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=environ, check=True)
            found = json.loads(done.stdout)
        else:
            literal = re.search(LITERALS[language], code, re.DOTALL)
            assert literal, code
            found = json.loads(literal[literal.lastindex or 0])
        assert found == body


def test_programs_patch_over_http(mlmgmt: Command, bikes: Bikes) -> None:
    languages = {"python": ([sys.executable, "-W", "error"], 3), "curl": (["sh"], 2)}
    if not shutil.which("curl"):
        del languages["curl"]
    with started(token="none") as server:
        for language, (command, model) in languages.items():
            check_program(mlmgmt, bikes, server.origin, language, command, model)


def check_program(mlmgmt: Command, bikes: Bikes, origin: str, language: str, command: list[str], model: int) -> None:
    """Run the program of a language: it reports what is missing and what is refused, and then patches the endpoint."""
    words = ["sample-code", *AT, "loc001", "-Api", "update", "-Language", language, "-Server", origin]
    Path("program").write_text(mlmgmt(words, ok=True).out, encoding="ascii")
    place = bikes.location(f"model00{model}")
    variables = {
        "AZUREML_BASE_LOCATION": place["BaseLocation"],
        "AZUREML_RELATIVE_LOCATION": place["RelativeLocation"],
        "AZUREML_SAS_BLOB_TOKEN": place["SasBlobToken"],
        "AZUREML_API_KEY": endpoint(mlmgmt)["PrimaryKey"],
    }

    def run(**changed: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": os.environ["PATH"], "no_proxy": "*", "LC_ALL": "C", **variables, **changed}
        return subprocess.run(
            [*command, "program"], capture_output=True, text=True, env=environ, timeout=60, check=False
        )

    assert "AZUREML_API_KEY" in run(AZUREML_API_KEY="").stderr
    wrong = run(AZUREML_SAS_BLOB_TOKEN="?test")
    assert wrong.returncode != 0
    assert "InvalidBlob" in wrong.stderr + wrong.stdout
    assert not answers(mlmgmt, "loc001", model)
    done = run()
    assert done.returncode == 0, done.stderr
    assert "the new model is in use" in done.stdout.casefold()
    assert abs(score(mlmgmt, "loc001") - answer(model)) < 0.01
