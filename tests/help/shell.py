"""A small shell that runs the commands of the README and the help topics in this process."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlmgmt.cli import app
from mlmgmt.cmdlets import registry
from tests.conftest import environment
from tests.server.conftest import started

if TYPE_CHECKING:
    from tests.help.blocks import Block, Step

_CHANGES = "|".join(
    (
        r"\?sv=[^\s']+",  # a signature
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",  # a subscription or an etag
        r"mlstore[0-9a-f]{8}",
        r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?",
        r"\d{4}-\d\d-\d\d",
        r"\d{8}T\d{6}-[0-9a-f]{12}",  # the name of a retrained model
        r"\b[0-9a-f]{12,64}\b",  # an id or a digest
        r"https?://127\.0\.0\.1:\d+",
        r"-?\d+\.\d+",
    )
)
"""What differs from run to run or, for figures, between versions of a library."""


class Shell:
    """Runs commands in the working folder, with the real ids and signatures in place of those in the text."""

    def __init__(self) -> None:
        self._real: dict[str, str] = {}
        self._running = ExitStack()

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def write(self, block: Block) -> None:
        """Write the file whose content a block shows."""
        text = self._with_real_names("\n".join(block.lines) + "\n")
        json.loads(text)
        Path(block.file).parent.mkdir(exist_ok=True)
        Path(block.file).write_text(text)

    def run(self, step: Step) -> tuple[int, str]:
        """Run one command; return its exit status and all of its output."""
        command = self._with_real_names(step.command)
        if command == "mlmgmt serve":
            said = self._serve()
            status = 0
        elif command.startswith("mlmgmt ") and "$(" not in command:
            status, said = _mlmgmt(command)
        else:
            status, said = bash(command)
        return status, said.replace(f"{Path.cwd()}/", "")

    def expect(self, step: Step, said: str) -> None:
        """Compare the output in the text with the real output, line by line; `...` matches any lines.

        Empty lines and the rules of tables are ignored. A command may be shown without its output.
        """
        lines, skips = _lines(said.splitlines()), False
        for shown in _lines(step.shown):
            if shown == "...":
                skips = True
                continue
            while lines and skips and not self._same(shown, lines[0]):
                del lines[0]
            problem = f"$ {step.command}\n\nshould print\n\n{shown}\n\nbut prints\n\n{said}"
            assert lines, problem
            assert self._same(shown, lines.pop(0)), problem
            skips = False
        assert skips or not step.shown or not lines, f"$ {step.command}\n\nalso prints\n\n{lines}"

    def _same(self, shown: str, line: str) -> bool:
        """Whether a line matches the text, which may end with an ellipsis; record the real names."""
        begin, cut, _ = (part.rstrip() for part in shown.partition("…"))
        names = re.findall(_CHANGES, begin)
        literals = map(re.escape, re.split(_CHANGES, begin))
        found = re.fullmatch(f"({_CHANGES})".join(literals) + (".*" if cut else ""), line)
        if found is None:
            return False
        self._real.update(zip(names, found.groups(), strict=True))
        return True

    def _with_real_names(self, command: str) -> str:
        return re.sub(_CHANGES, lambda name: self._real.get(name[0], name[0]), command)

    def _serve(self) -> str:
        server = self._running.enter_context(started(token="unused"))
        return "\n".join(server.lines)


def _lines(lines: list[str]) -> list[str]:
    return [" ".join(line.split()) for line in lines if line.strip(" ─")]


def _mlmgmt(command: str) -> tuple[int, str]:
    """Run commands joined by pipes, perhaps into a file, and the command after `||` if they fail."""
    first, _, other = command.partition(" || ")
    words, status, piped = _words(first), 0, ""
    said = io.StringIO()
    file = words.pop() if len(words) > 1 and words[-2] == ">" else None
    stages: list[list[str]] = [[]]
    for word in words:
        if word == "|":
            stages.append([])
        elif word != ">":
            stages[-1].append(word)
    for stage in stages:
        assert stage[0] == "mlmgmt", command
        last = stage is stages[-1] and file is None
        words = stage[1:]
        if words[0] == "retrain-many":
            # Starting processes is slow, and training in several is tested in tests/many.
            words += ["-Jobs", "1"]
        if last and not {"-o", "--output", "-OutputFormat"} & set(words) and _has_tables(words):
            words += ["-o", "table"]
        goal = said if last else io.StringIO()
        stdin = io.TextIOWrapper(io.BytesIO(piped.encode()))
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(goal), redirect_stderr(said):
            patch.setattr(sys, "stdin", stdin)
            status = app.run(words)
        piped = goal.getvalue()
    if file is not None:
        Path(file).write_text(piped)
    if other and status != 0:
        status, more = _mlmgmt(other)
        said.write(more)
    return status, said.getvalue()


def _words(command: str) -> list[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    return list(lexer)


def _has_tables(words: list[str]) -> bool:
    joined = registry.joined(words)
    return registry.find(joined[0]) is not None


def bash(script: str) -> tuple[int, str]:
    """Run a script in bash, where `mlmgmt` is the command of this checkout."""
    folder = Path.cwd() / ".bin"
    folder.mkdir(exist_ok=True)
    command = folder / "mlmgmt"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mlmgmt "$@"\n')
    command.chmod(0o755)
    path = f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(PATH=path),
        check=False,
    )
    return done.returncode, done.stdout
