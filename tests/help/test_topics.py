"""The README and the help topics: their commands run, their output is real, and the names in them exist."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
from threadpoolctl import threadpool_limits

from mlmgmt.cmdlets import registry, spelling
from mlmgmt.cmdlets.declare import kebab
from mlmgmt.errors import WrongUsage
from mlmgmt.help import topics
from tests.conftest import FIXTURES
from tests.help.blocks import Step, blocks, spans, steps
from tests.help.shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

    from mlmgmt.cmdlets.declare import Cmdlet

ROOT = FIXTURES.parent
README = (ROOT / "README.md").read_text()
WRITTEN = [topic for topic in topics.TOPICS if topic != topics.COMMANDS]
TEXTS = {"README": README, **{topic: topics.text(topic) for topic in WRITTEN}}

RENTALS = ("cp fixtures/bike-rental/rentals.csv .", "head -n 600 rentals.csv > downtown.csv")
BIKES = (
    *RENTALS,
    'mlmgmt new-experiment "Bike Rental" --task regression --label cnt --data rentals.csv',
    'mlmgmt set-up-web-service "Bike Rental" --predictive',
    'mlmgmt set-up-web-service "Bike Rental" --retraining',
    'mlmgmt deploy "Bike Rental"',
    'mlmgmt deploy "Bike Rental [Predictive Exp.]"',
)
BEFORE: dict[str, tuple[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        ("services", "definitions", "templates", "retraining", "experiments", "batch", "http", "plans-and-storage"),
        ("churn", ()),
    ),
    "command-line": ("home", ()),
    "scripts": ("home", ("cp fixtures/bike-rental/rentals.csv dependencies.zip",)),
    "classic": ("home", RENTALS),
    "many-models": ("home", BIKES),
}
"""How the session of a topic starts: with a fixture, and commands."""
NOT_RUN = {"json", "js", "text", ""}


SESSIONS = [name for name, text in TEXTS.items() if any(block.language == "console" for block in blocks(text))]


@pytest.mark.parametrize("name", SESSIONS)
def test_every_command_runs_and_prints_what_the_text_shows(
    name: str, apart: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other tests need the processors too.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    fixture, before = BEFORE.get(name, ("apart", ()))
    request.getfixturevalue(fixture)
    (apart / "fixtures").symlink_to(FIXTURES)
    with Shell() as shell, threadpool_limits(1):
        for command in before:
            status, said = shell.run(Step(command))
            assert status == 0, said
        for block in blocks(TEXTS[name]):
            if block.language == "json":
                shell.write(block)
            for step in steps(block) if block.language == "console" else ():
                status, said = shell.run(step)
                # These end with 1 when they find something.
                finds = step.command.startswith(("mlmgmt diff", "mlmgmt doctor"))
                assert status <= finds, said
                shell.expect(step, said)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    walkthrough, test = (block.lines for block in blocks(README) if block.language == "sh")
    assert [line.split(" && ")[-1] for line in walkthrough] == [".venv/bin/mlmgmt walkthrough"]
    assert test[0] in (ROOT / ".ci" / "run").read_text().splitlines()
    assert len(test) == 1


def test_few_blocks_are_not_run() -> None:
    found = {name: [block.language for block in blocks(text)] for name, text in TEXTS.items()}
    assert {language for name in WRITTEN for language in found[name]} <= NOT_RUN | {"console"}
    assert sum(language in NOT_RUN - {"json"} for languages in found.values() for language in languages) <= 4
    for name, text in TEXTS.items():
        for block in blocks(text):
            assert block.file or block.language != "json", (name, block)


@pytest.mark.parametrize("name", TEXTS)
def test_every_command_and_parameter_in_the_text_exists(name: str) -> None:
    text = TEXTS[name]
    commands = [line for block in blocks(text) for line in " ".join(block.lines).split("mlmgmt ")[1:]]
    assert commands or name in ("development", "vs-code")
    for span in spans(text):
        if span.startswith("-") and span not in ("-", "-Res"):
            assert span.split()[0].lstrip("-") in every_parameter(), span
        elif re.fullmatch(r"[A-Z][a-z]+-A[a-z]+[A-Z]\w+", span):
            assert registry.find(span), span
        else:
            check(span)
    for block in blocks(text):
        for line in "\n".join(block.lines).replace("\\\n", " ").splitlines() if block.language == "text" else ():
            check(line)


def every_parameter() -> set[str]:
    """Return every parameter of every command, in every spelling, without dashes."""
    parameters = {parameter for cmdlet in registry.CMDLETS for parameter in cmdlet.all_parameters}
    names = {name for parameter in parameters for name in (parameter.name, *parameter.aliases)}
    return names | {kebab(name) for name in names} | {parameter.short for parameter in parameters}


def command_of(text: str) -> tuple[Cmdlet, list[str]] | None:
    """Return the cmdlet at the start of a piece of code, and the words after it."""
    try:
        words = shlex.split(re.split(r" [|>] ", text)[0])
    except ValueError:
        return None
    words = registry.joined(words[1:] if words[:1] == ["mlmgmt"] else words)
    cmdlet = registry.find(words[0]) if words else None
    return None if cmdlet is None else (cmdlet, words[1:])


def check(span: str) -> None:
    """Fail if a command does not exist, or does not have a parameter."""
    found = command_of(span)
    if found is None:
        known = re.match(r"mlmgmt (--|COMMAND|[a-z]+ --help|walkthrough)", span)
        assert known or not span.startswith("mlmgmt "), span
        return
    cmdlet, words = found
    try:
        pairs, loose, _ = spelling.pairs(cmdlet, [word for word in words if word != "..."])
    except WrongUsage as error:
        pytest.fail(f"{span}: {error}")
    exact = every_parameter()
    assert all(word.lstrip("-").split(":")[0] in exact for word in words if word[:1] == "-"), span
    if cmdlet.name == "Get-Help" and loose not in ([], ["TOPIC"], ["COMMAND"]):
        assert topics.find(" ".join(loose)) == loose[0], span
    assert pairs or loose or not set(words) - {"..."}, span


@pytest.mark.parametrize("cmdlet", registry.CMDLETS, ids=lambda cmdlet: cmdlet.short[0])
def test_every_command_is_named_in_its_topic(cmdlet: Cmdlet) -> None:
    topic = registry.topic(cmdlet)
    assert topic in WRITTEN
    text = topics.text(topic)
    code = [*spans(text), *(command for block in blocks(text) for step in steps(block) for command in [step.command])]
    stages = [stage for piece in code for stage in re.split(r" \|+ |\$\(", piece)]
    named = {found[0].name for stage in stages if (found := command_of(stage)) is not None}
    assert cmdlet.name in named


def test_every_file_is_a_topic_whose_title_fits_a_line() -> None:
    assert sorted(path.stem for path in topics.FOLDER.glob("*.md")) == sorted(WRITTEN)
    for topic in topics.TOPICS:
        line = f"- {topic}: {topics.title(topic)}"
        assert len(line) <= 78, line


def test_code_fits_a_terminal() -> None:
    """A wrapped line cannot be pasted. Ids in documents and in the examples of commands may be longer."""
    for topic in topics.TOPICS:
        for block in blocks(topics.text(topic)):
            for line in block.lines if block.language != "json" else ():
                unbreakable = topic == topics.COMMANDS and len(line.removesuffix("\\").split()) <= 2
                assert len(line) <= 78 or unbreakable, line


def test_the_readme_is_short_and_links_every_topic() -> None:
    assert len(README.splitlines()) <= 160
    linked = re.findall(r"\[([\w-]+)\]\(mlmgmt/help/([\w-]+)\.md\)", README)
    assert [name for name, file in linked if name == file] == WRITTEN
    assert "`mlmgmt help commands`" in README
    for path in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (ROOT / path).is_file(), path


def test_the_reference_has_every_command_and_every_parameter() -> None:
    sections = dict(re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", topics.text("commands"), re.MULTILINE | re.DOTALL))
    assert sorted(sections) == sorted(cmdlet.short[0] for cmdlet in registry.CMDLETS)
    for cmdlet in registry.CMDLETS:
        section = sections[cmdlet.short[0]]
        assert cmdlet.summary in section
        for name in (*cmdlet.spellings, *(f"-{parameter.name}" for parameter in cmdlet.parameters)):
            assert f"`{name}`" in section, (cmdlet.name, name)
        example = section.partition("```sh\n")[2].partition("```")[0]
        assert shlex.split(example.replace("\\\n", " ")) == shlex.split(cmdlet.example)
