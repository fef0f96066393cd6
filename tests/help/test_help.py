"""`mlmgmt help` in a pipe, on a terminal, with a pager, and with completion."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlmgmt.cmdlets import registry
from mlmgmt.help import topics
from tests.cli.test_completion import complete
from tests.conftest import environment

if TYPE_CHECKING:
    from tests.conftest import Command

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def at_a_terminal(*words: str, lines: int = 24, columns: int = 80, without: tuple[str, ...] = (), **more: str) -> str:
    """Run a command on a terminal of this size and return what the terminal shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    environ = environment(TERM="xterm-256color", **more)
    for name in {"NO_COLOR", "PAGER", "LESS", "LINES", "COLUMNS", *without} - set(more):
        environ.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, "-m", "mlmgmt", *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environ
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux raises this after the last process has closed the terminal.
            part = b""
        if not part:
            break
        seen += part
    os.close(ours)
    assert process.wait(60) == 0, seen.decode()
    return seen.decode().replace("\r\n", "\n")


@pytest.fixture
def pager(apart: Path) -> str:
    """A pager that writes its input to a file and prints a line."""
    script = apart / "pager"
    script.write_text('#!/bin/sh\ncat > "$1"\necho "the pager was here"\n')
    script.chmod(0o755)
    return f"{script} paged.txt"


def test_help_without_a_topic_lists_all_topics(mlmgmt: Command) -> None:
    shown = mlmgmt("help", ok=True).out
    assert re.findall(r"^- `([\w-]+)`: \S", shown, re.MULTILINE) == list(topics.TOPICS)
    assert mlmgmt("Get-Help", ok=True).out == shown


@pytest.mark.parametrize("words", ["classic", "CLASSIC", "clas", "Classic.md"])
def test_a_topic_in_a_pipe_is_plain_markdown(mlmgmt: Command, words: str) -> None:
    shown = mlmgmt(f"help {words}", ok=True)
    assert shown.out == (topics.FOLDER / "classic.md").read_text()
    assert shown.err == ""


@pytest.mark.parametrize("words", ["many-models", "many models", "many", "-Topic many_models", "-Name MANY-"])
def test_a_topic_of_several_words_is_found_in_every_spelling(mlmgmt: Command, words: str) -> None:
    assert mlmgmt(f"help {words}", ok=True).out == topics.text("many-models")


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        ("help clasic", "HelpTopicNotFound", "Did you mean: mlmgmt help classic"),
        ("help experimnts", "HelpTopicNotFound", "Did you mean: mlmgmt help experiments"),
        ("help updte", "HelpTopicNotFound", "Did you mean: mlmgmt help update"),
        ("help xyzzy", "HelpTopicNotFound", "List the topics with: mlmgmt help"),
        ("help comman", "AmbiguousHelpTopic", "command-line or commands"),
    ],
)
def test_an_unknown_topic_is_refused_with_the_nearest_one(mlmgmt: Command, words: str, code: str, hint: str) -> None:
    refused = mlmgmt(words)
    assert refused.status == 2
    assert refused.out == ""
    assert code in refused.err
    assert hint in refused.err


@pytest.mark.parametrize("name", ["update", "Update-AzMlWebService", "batch submit", "batch cancel", "help", "PLAN"])
def test_help_command_prints_the_same_as_command_help(mlmgmt: Command, name: str) -> None:
    shown = mlmgmt(f"help {name}", ok=True).out
    assert shown == mlmgmt(f"{name.lower()} --help", ok=True).out
    assert shown.startswith("Usage: mlmgmt ")


def test_the_walkthrough_has_help(mlmgmt: Command) -> None:
    assert mlmgmt("help walkthrough", ok=True).out == mlmgmt("walkthrough --help", ok=True).out


@pytest.mark.parametrize("name", ["experiments", "batch"])
def test_a_topic_takes_precedence_over_a_command_with_the_same_name(mlmgmt: Command, name: str) -> None:
    shown = mlmgmt(f"help {name}", ok=True)
    assert shown.out == topics.text(name)
    assert f"mlmgmt {name} --help" in shown.err


@pytest.mark.parametrize("cmdlet", registry.CMDLETS, ids=lambda cmdlet: cmdlet.short[0])
def test_command_help_ends_with_its_topic(mlmgmt: Command, cmdlet: registry.Cmdlet) -> None:
    last = mlmgmt([*cmdlet.short[0].split(), "--help"], ok=True).out.splitlines()[-1]
    assert last == f"More: mlmgmt help {registry.topic(cmdlet)}"
    assert mlmgmt(last.removeprefix("More: mlmgmt "), ok=True).out.startswith("# ")


def test_help_of_batch_ends_with_its_topic(mlmgmt: Command) -> None:
    assert mlmgmt("batch --help", ok=True).out.splitlines()[-1] == "More: mlmgmt help batch"


def test_a_terminal_shows_colour_and_no_markup(apart: Path) -> None:
    shown = at_a_terminal("help", "homes-and-trust", PAGER="cat")
    assert "\x1b[1;36m" in shown
    plain = COLOUR.sub("", shown)
    assert "# Homes" not in plain
    assert "Homes, accounts, keys and trust" in plain
    assert "$ mlmgmt New-AzResourceGroup -Name retail -Location southcentralus\n" in re.sub(" +\n", "\n", plain)
    assert max(map(len, plain.splitlines())) <= 80


def test_no_color_turns_colours_off(apart: Path) -> None:
    shown = at_a_terminal("help", "vs-code", NO_COLOR="1", PAGER="cat")
    codes = {code for found in re.findall(r"\x1b\[([0-9;]*)m", shown) for code in found.split(";")}
    assert codes <= {"", "0", "1", "3", "4"}


def test_a_long_topic_goes_through_the_pager(apart: Path, pager: str) -> None:
    assert at_a_terminal("help", "http", PAGER=pager) == "the pager was here\n"
    paged = COLOUR.sub("", Path("paged.txt").read_text())
    assert "Serve a home over HTTP" in paged
    assert "Pages of other sites can score only with" in paged


def test_short_topics_and_pipes_use_no_pager(apart: Path, pager: str, mlmgmt: Command) -> None:
    assert "Edit definitions in VS Code" in at_a_terminal("help", "vs-code", lines=60, PAGER=pager)
    assert at_a_terminal("help", "vs-code", lines=10, PAGER=pager) == "the pager was here\n"
    Path("paged.txt").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "mlmgmt", "help", "http"],
        capture_output=True,
        text=True,
        env=environment(PAGER=pager),
        check=True,
    )
    assert done.stdout == topics.text("http")
    assert not Path("paged.txt").exists()


@pytest.mark.parametrize("named", ["", "no-such-pager", "cat"])
def test_without_a_pager_the_whole_topic_is_printed(apart: Path, named: str) -> None:
    shown = at_a_terminal("help", "http", PAGER=named)
    assert "Serve a home over HTTP" in shown
    assert "Pages of other sites can score only with" in COLOUR.sub("", shown)


def test_less_is_the_default_pager(apart: Path) -> None:
    folder = apart / "bin"
    folder.mkdir()
    less = folder / "less"
    less.write_text('#!/bin/sh\ncat > /dev/null\necho "less $* LESS=$LESS"\n')
    less.chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    assert at_a_terminal("help", "http", PATH=path) == "less -R LESS=R\n"
    assert at_a_terminal("help", "http", PATH=path, PAGER="less", LESS="S") == "less  LESS=S\n"


def test_quitting_the_pager_early_is_not_an_error(apart: Path) -> None:
    Path("early").write_text("#!/bin/sh\nexit 0\n")
    Path("early").chmod(0o755)
    assert at_a_terminal("help", "commands", PAGER=str(Path("early").resolve())) == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("mlmgmt hel", ["help"]),
        ("mlmgmt help ", list(topics.TOPICS)),
        ("mlmgmt help MAN", ["many-models"]),
        ("mlmgmt help set-", ["set-context", "set-model", "set-up-web-service"]),
    ],
)
def test_topics_are_completed(apart: Path, words: str, expected: list[str]) -> None:
    assert sorted(complete(words)) == sorted(expected)
