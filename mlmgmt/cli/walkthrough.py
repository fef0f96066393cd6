"""`mlmgmt walkthrough`: the whole retraining story on real data, one command at a time."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlmgmt.cli import render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STEPS: tuple[tuple[str, str], ...] = (
    ("Sign in. This makes a home, the folder .mlmgmt.", "Connect-AzAccount"),
    ("A resource group, as in the portal.", "New-AzResourceGroup -Name clinic -Location southcentralus"),
    (
        "Write a sample: 569 tumours from scikit-learn, benign or malignant, with 30 measurements each. The "
        "first model is trained here, on the first 150.",
        "sample breast-cancer --out .",
    ),
    (
        "Deploy the predictive definition. The model is checked first: it is loaded and scores the example request.",
        "New-AzMlWebService -ResourceGroupName clinic -Location southcentralus -Name tumours "
        "-DefinitionFile breast-cancer-predictive.json -Force",
    ),
    ("Score a benign tumour with the first model. It is wrong.", "score -g clinic -n tumours --input request.json"),
    ("Get the deployed service ...", "Get-AzureRmMlWebService -ResourceGroupName clinic -Name tumours > wsd.json"),
    (
        "... and export its definition to a file.",
        "Export-AzureRmMlWebService -WebService wsd.json -OutputFile tumours.json -Force",
    ),
    (
        "Train on the 419 later patients, compare both models on held-out rows, and point the file at the new model.",
        "retrain -g clinic -n tumours --training-definition breast-cancer-training.json --data new-patients.csv "
        "--rewrite tumours.json",
    ),
    ("See what the update would change.", "diff -g clinic -n tumours tumours.json"),
    (
        "Import the file and update the service with it.",
        "Import-AzureRmMlWebService -InputFile tumours.json | "
        "Update-AzureRmMlWebService -ResourceGroupName clinic -Name tumours -Force",
    ),
    ("Score the same tumour with the new model.", "score -g clinic -n tumours --input request.json"),
    ("See who changed what, and which model answered when.", "history -g clinic -n tumours"),
    ("Go back to the first revision ...", "rollback -g clinic -n tumours --to 1"),
    ("... and the first model answers again.", "score -g clinic -n tumours --input request.json"),
    ("Check that the deployed model is the one that answers.", "test -g clinic -n tumours"),
)
_TUMOUR = 2
"""The row of the later patients to score: a benign tumour that the first model takes for malignant."""
_EXPECTED = {"diff": 1}
"""Steps that end with another exit status than 0: the file differs from what is deployed."""


def walk(run: Callable[[list[str]], int], folder: str | None) -> int:
    """Print and run every step; stop at the first one that fails, with its exit status.

    Args:
        run: runs one command line, as `mlmgmt.cli.app.run` does.
        folder: where to work and to make a home; a temporary folder if None.
    """
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mlmgmt-walkthrough-"))
            config = stack.enter_context(tempfile.TemporaryDirectory(prefix="mlmgmt-config-"))
            stack.enter_context(_environment("MLMGMT_CONFIG", config))
        place = Path(folder).resolve()
        if (place / ".mlmgmt").exists():
            render.talk(f"{place} already contains a home, and the walkthrough makes its own. Name another folder.")
            return 1
        place.mkdir(parents=True, exist_ok=True)
        stack.enter_context(_environment("MLMGMT_HOME", str(place / ".mlmgmt")))
        stack.enter_context(contextlib.chdir(place))
        _write_request(place)
        for number, (why, line) in enumerate(STEPS, 1):
            render.out(f"\n[{number}/{len(STEPS)}] {why}\n$ mlmgmt {line.replace('| ', '| mlmgmt ')}")
            sys.stdout.flush()
            status = _run_line(run, line)
            if status != _EXPECTED.get(line.split(" ", 1)[0], 0):
                render.talk(f"The walkthrough stopped, because this command ended with exit status {status}.")
                return status or 1
    render.out("\nThat was the loop: get, export, retrain, diff, import, update, score, roll back.")
    return 0


def _write_request(place: Path) -> None:
    from mlmgmt.verbs.retraining.samples import breast_cancer

    header, _, rest = breast_cancer()["new-patients.csv"].decode().partition("\n")
    columns, cells = header.split(","), rest.split("\n")[_TUMOUR].split(",")
    import orjson

    table = {"ColumnNames": columns[:-1], "Values": [cells[:-1]]}
    (place / "request.json").write_bytes(orjson.dumps({"Inputs": {"input1": table}}, option=orjson.OPT_INDENT_2))


def _run_line(run: Callable[[list[str]], int], line: str) -> int:
    """Run one line like a shell: `>` writes to a file, `|` pipes to the next command."""
    command, _, file = line.partition(" > ")
    parts = command.split(" | ")
    piped: str | None = None
    status = 0
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        # A pipe or a file gets JSON, as in a shell. The last answer is for a person.
        goal = _Captured() if not last or file else None
        words = shlex.split(part)
        with _input(piped), goal or contextlib.nullcontext():
            status = run([*words, "-o", "table"] if goal is None else words)
        piped = goal.text if goal is not None else None
        if status != 0:
            return status
    if file and piped is not None:
        Path(file).write_text(piped)
    return status


class _Captured:
    """Standard output, captured as text."""

    def __init__(self) -> None:
        self.text = ""

    def __enter__(self) -> None:
        self._standard = sys.stdout
        self._file = tempfile.TemporaryFile("w+")
        sys.stdout = self._file

    def __exit__(self, *_: object) -> None:
        sys.stdout = self._standard
        self._file.seek(0)
        self.text = self._file.read()
        self._file.close()


@contextlib.contextmanager
def _input(text: str | None) -> Iterator[None]:
    standard = sys.stdin
    with tempfile.TemporaryFile("w+") as file, open(os.devnull) as nothing:
        if text is not None:
            file.write(text)
            file.seek(0)
        sys.stdin = file if text is not None else nothing
        try:
            yield
        finally:
            sys.stdin = standard


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
