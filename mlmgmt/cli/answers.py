"""A cmdlet's answer, in the form that is asked for."""

from __future__ import annotations

from typing import Any

from mlmgmt.cli import render


def show(view: str, result: Any, form: str) -> None:
    """Show a result: as JSON, or as the view says."""
    if result is None:
        return
    if view == "text" or isinstance(result, str):
        render.out(result)
    elif view == "topic":
        from mlmgmt.cli import guide

        guide.topic(result)
    elif form == "json" or view == "json":
        render.out(render.json_text(result["changes"] if view == "diff" else result))
    else:
        from mlmgmt.cli import views

        views.VIEWS.get(view, views.as_object)(result)
