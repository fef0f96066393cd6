"""Help pages, the findings of `doctor` and the steps of `explain`, for people to read."""

from __future__ import annotations

from typing import Any

from mlmgmt.cli import render
from mlmgmt.counts import count_of


def help_page(result: Any) -> None:
    """Show what `help_pages.show` returns."""
    if "Sections" in result:
        from mlmgmt.pages.article import Article, Section, block_of

        sections = [Section(part["Title"], "", [*map(block_of, part["Blocks"])]) for part in result["Sections"]]
        render.lines(Article(result["Title"], result["Subtitle"], sections, "").text())
    else:
        render.members({name: value for name, value in result.items() if value})


def doctor(result: Any) -> None:
    """Show what `examining.examine` returns: a line for each check and, below each problem, a cure to copy."""
    rows = result["Checks"]
    width = max((len(row["Check"]) for row in rows), default=0)
    for row in rows:
        render.lines(f"{_SIGNS[row['Result']]} {row['Check']:<{width}}  {row['Note']}")
        if row["Cure"]:
            render.lines(f"{'':{width + 10}}  -> {row['Cure']}")
    problems = sum(row["Result"] == "problem" for row in rows)
    render.lines("")
    if result["Target"]:
        render.lines(f"Examined: {result['Target']}.")
    render.lines(f"Not passed: {count_of(problems, 'problem')}." if problems else "Passed.")


def steps(result: Any) -> None:
    """Show what `explaining.explain` returns: each step with a mark, and the fact behind it or its command."""
    render.lines(result["Title"] + "\n")
    for row in result["Steps"]:
        mark = _MARKS[row["Done"]]
        render.lines(f"{mark} {row['Step']:>2}. {row['What']}" + (f": {row['Fact']}" if row["Fact"] else ""))
        if not row["Done"]:
            render.lines(f"        {row['Command']}")
    render.lines(f"\nNext:\n    {result['Next']}")


_MARKS = {True: "[x]", False: "[ ]", None: " - "}
_SIGNS = {"ok": "ok      ", "problem": "PROBLEM ", "skipped": "skipped "}
VIEWS = {"help": help_page, "doctor": doctor, "steps": steps}
