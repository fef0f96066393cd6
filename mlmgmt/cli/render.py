"""The only place that prints: data to standard output, talk to standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlmgmt.errors import MlmgmtError

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
"""Control characters that must not reach a terminal, each with the text that is shown instead."""
_READABLE = 100
"""The widest running text, in columns."""
_PROSE = frozenset(
    ("Allowed", "Description", "Details", "MapsTo", "Message", "Note", "Reason", "Title", "What", "When")
)
"""The columns that are running text, unless they come first: the first column names the row."""
_NARROWEST = 20
"""The narrowest that a column of running text wraps to."""
_FEWEST = 3
"""The fewest columns of a table; with fewer, each row becomes a block of lines."""
_GAP = 3
"""The space between two columns."""
_ENDLESS = 1_000_000
"""The width of a pipe."""


def out(text: str) -> None:
    """Print data unchanged."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def lines(text: str) -> None:
    """Print data for people, without control characters."""
    out(text.translate(_CONTROLS))


def talk(text: str) -> None:
    """Print a message to standard error."""
    sys.stderr.write(text.translate(_CONTROLS) + "\n")
    sys.stderr.flush()


def json_text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def error(problem: MlmgmtError, *, as_json: bool = False) -> None:
    """Print an expected error: code, message, target, details and hint."""
    if as_json:
        body: dict[str, Any] = problem.to_json()
        if problem.hint:
            body["error"]["hint"] = problem.hint
        talk(json_text(body).rstrip())
        return
    parts = [f"Error: {problem.code}: {problem.message}"]
    if problem.target:
        parts.append(f"  Target: {problem.target}")
    details = [detail for detail in problem.details if detail.message != problem.message or detail.target]
    codes = [detail.code for detail in problem.details if detail not in details]
    if codes:
        parts.append(f"  Code: {', '.join(codes)}")
    for detail in details:
        where = f" at {detail.target}" if detail.target else ""
        parts.append(f"  [{detail.code}]{where}")
        if not detail.repeats(problem.message):
            parts.append(f"      {detail.message}")
    if problem.hint:
        parts.append(f"  Hint: {problem.hint}")
    talk("\n".join(parts))


def diff(result: Mapping[str, Any], form: str) -> None:
    """Print differences as text, as JSON, or as a JSON Patch."""
    if form == "patch":
        out(json_text(result["patch"]))
    elif form == "json":
        out(json_text(result["changes"]))
    elif not result["changes"]:
        talk("No difference.")
    else:
        marks = {"added": "+", "removed": "-", "changed": "~", "reordered": "~"}
        lines("\n".join(f"{marks[change['change']]} {change['text']}" for change in result["changes"]))


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, leave_out_first: Sequence[str] = ()) -> None:
    """Print a table for people, without breaking a name or a number. In a pipe it is as wide as it needs to be.

    Where it does not fit the terminal, long text and lists wrap at spaces. If that is not enough, columns are left out
    and named below the table. Where even `_FEWEST` columns do not fit, each row becomes a block of lines.

    Args:
        leave_out_first: the columns to leave out first, in this order, after those that are empty; of the others, the
            last ones go first.
    """
    from rich import box
    from rich.console import Console
    from rich.measure import measure_renderables
    from rich.table import Table
    from rich.text import Text

    values = [[*row] for row in rows]
    cells = [[Text(shown(cell).translate(_CONTROLS)) for cell in row] for row in (headers, *values)]
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else _ENDLESS)
    measures = [measure_renderables(console, console.options, column) for column in zip(*cells, strict=True)]
    narrow = [measure.maximum for measure in measures]
    for place, measure in enumerate(measures):
        if (place and headers[place] in _PROSE) or any(isinstance(row[place], (list, dict)) for row in values):
            narrow[place] = max(measure.minimum, min(measure.maximum, _NARROWEST))
    order = list(reversed(leave_out_first))
    ranks = [
        # The highest rank is left out first.
        (not any(cells[line][place] for line in range(1, len(cells))), header in order and order.index(header) + 1)
        for place, header in enumerate(headers)
    ]
    kept, spare = list[int](), console.width + 1
    for place in sorted(range(len(headers)), key=ranks.__getitem__):
        if len(kept) < _FEWEST or narrow[place] + _GAP <= spare:
            kept.append(place)
            spare -= narrow[place] + _GAP
    if spare < 0:
        for row in values:
            lines("")
            members(dict(zip(headers, row, strict=True)))
        return
    grid = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for place in sorted(kept):
        width = min(measures[place].maximum, narrow[place] + spare)
        spare -= width - narrow[place]
        grid.add_column(cells[0][place], width=width, overflow="fold")
    for line in cells[1:]:
        grid.add_row(*(line[place] for place in sorted(kept)))
    console.print(grid)
    if hidden := [header for place, header in enumerate(headers) if place not in kept]:
        talk(f"Not shown: {', '.join(hidden)}. Use -o json, or a wider terminal.")


def members(result: Mapping[str, Any]) -> None:
    """Print an object, one member a line, with its values aligned."""
    width = max(map(len, result), default=0)
    lines("\n".join(f"{name:<{width}} : {shown(value)}" for name, value in result.items()))


def document(markdown: str) -> None:
    """Print Markdown: formatted on a terminal, through a pager if it does not fit; unchanged anywhere else."""
    if not sys.stdout.isatty():
        out(markdown)
        return
    import re

    from rich.console import Console
    from rich.markdown import Heading, Markdown
    from rich.theme import Theme

    class LeftHeading(Heading):
        LEVEL_ALIGN: ClassVar = dict.fromkeys(Heading.LEVEL_ALIGN, "left")

    class Article(Markdown):
        elements: ClassVar = {**Markdown.elements, "heading_open": LeftHeading}

    theme = Theme({"markdown.code": "bold cyan", "markdown.code_block": "cyan"})
    console = Console(file=sys.stdout, highlight=False, theme=theme)
    # A link to another file of the documentation is of no use on a terminal.
    text = re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]+\)", r"\1", markdown)
    with console.capture() as capture:
        console.print(Article(text, code_theme="ansi_dark"), width=min(console.width, _READABLE))
    shown = capture.get()
    if shown.count("\n") < console.height or not _page(shown):
        sys.stdout.write(shown)


def _page(text: str) -> bool:
    """Show a text in the pager that PAGER names, or in less; return whether there was one."""
    import contextlib
    import os
    import shlex
    import shutil
    import subprocess

    named = os.environ.get("PAGER")
    words = shlex.split("less -R" if named is None else named)
    if not words or os.environ.get("TERM") in (None, "", "dumb") or shutil.which(words[0]) is None:
        return False
    # Without -R or LESS=R, less prints colour codes as text.
    pager = subprocess.Popen(words, stdin=subprocess.PIPE, text=True, errors="replace", env={"LESS": "R", **os.environ})
    assert pager.stdin is not None
    # The user may quit the pager early, and Ctrl-C is for the pager.
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt), pager.stdin:
        pager.stdin.write(text)
    while True:
        try:
            pager.wait()
        except KeyboardInterrupt:
            continue
        return True


def shown(value: Any) -> str:
    """Return the text of a value in a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={shown(inner)}" for key, inner in value.items())
    return str(value)
