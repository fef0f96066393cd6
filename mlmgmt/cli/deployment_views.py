"""Deployments of templates, for people to read."""

from __future__ import annotations

from typing import Any

from mlmgmt.cli import render


def deployment(result: Any) -> None:
    """Show what `deploying.plan` answers, or what it would do: a line for each resource, with what differs."""
    head = {name: value for name, value in result.items() if isinstance(value, str)}
    if head:
        render.members(head)
    rows = ([row["Change"], row["Type"].rpartition("/")[2], row["Name"]] for row in result["Resources"])
    render.table(["Change", "Type", "Name"], rows)
    for row in result["Resources"]:
        for line in row.get("Differences", ()):
            render.lines(f"  {row['Name']}: {line}")
    for name, output in result.get("Outputs", {}).items():
        render.lines(f"Output {name}: {output['Value']}")
    for title, listed in (("Left alone", result["LeftAlone"]), ("Skipped by its condition", result.get("Skipped", ()))):
        for text in listed:
            render.lines(f"{title}: {text}")
