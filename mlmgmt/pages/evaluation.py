"""The evaluation page: one self-contained HTML file, without scripts, that fetches nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import mlmgmt
from mlmgmt.counts import count_of
from mlmgmt.pages.rendering import render_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlmgmt.learning.comparison import Evaluation
    from mlmgmt.pages.plots import Curves

_MOST_IMPORTANT = 20
_BEGINNING, _MARK = b"<!DOCTYPE html>", b'<meta name="generator" content="mlmgmt '
_OLD_MARK = b"<footer><p>mlmgmt "
"""What recognises a page of an earlier version, which names no generator."""


def page(
    evaluation: Evaluation,
    *,
    moment: str,
    service: str,
    data: str,
    names: tuple[str, str],
    facts: Sequence[Mapping[str, Any]],
    changes: Sequence[Mapping[str, Any]] | None,
) -> bytes:
    """Return the page of an evaluation.

    Args:
        moment: the date and time to show.
        data: the name of the file with the rows.
        names: the titles of the deployed model and the new one.
        facts: the manifests of the models shown; of two, the deployed one is first.
        changes: what an update with the new model changes in the definition; None if there is nothing to update.
    """
    from mlmgmt.modules.curves import curves
    from mlmgmt.modules.evaluation import HEADLINE
    from mlmgmt.modules.importance import importance
    from mlmgmt.pages import plots

    new, old = evaluation.new_scores, evaluation.old_scores
    assert new is not None
    drawn_new, drawn_old = (
        curves(side.truth, side.scores, side.trained.scored) if side is not None else None for side in (new, old)
    )
    columns = importance(new.trained, new.rows, new.truth)
    drawn = plots.plots(drawn_new, drawn_old)
    confusions = [plots.confusion(drawn_old, names[0]), plots.confusion(drawn_new, names[1])]
    return render_page(
        "evaluation.html.j2",
        ["evaluation.css"],
        service=service,
        learner=new.trained.learner,
        label=new.trained.label,
        data=data,
        rows=count_of(evaluation.rows, "row"),
        compared=evaluation.old is not None,
        old_name=names[0],
        new_name=names[1],
        metrics=_metrics(evaluation),
        plots=drawn,
        area={"left": plots.LEFT, "right": plots.RIGHT, "top": plots.TOP, "bottom": plots.BOTTOM},
        legend=any(line["class"] == "old" for plot in drawn for line in plot.lines),
        confusions=[one for one in confusions if one is not None],
        importances=_importances(columns),
        columns=len(columns),
        importance_metric=HEADLINE[new.trained.task],
        fact_names=names if evaluation.old is not None else names[1:],
        facts=_facts(facts),
        changes=changes,
        warnings=[*warnings(evaluation), *_lacking(drawn_new, columns)],
        footer=f"mlmgmt {mlmgmt.__version__}, {moment}",
    )


def metric_text(value: float | None) -> str:
    """Return a metric for people: four digits; for large numbers, all digits before the decimal point."""
    if value is None or not abs(value) < float("inf"):
        return "none"
    if abs(value) >= 1e15:
        return f"{value:.3e}"
    if abs(value) >= 1e4 or (abs(value) > 1 and float(value).is_integer()):
        return f"{value:,.0f}"
    return f"{value:#.4g}".removesuffix(".") if value else "0"


def number_cell(value: float | None) -> dict[str, str]:
    """Return a number for the page: as text for people, and with all digits for programs."""
    finite = value is not None and abs(value) < float("inf")
    return {"text": metric_text(value), "whole": repr(float(value or 0)) if finite else ""}


def _metrics(evaluation: Evaluation) -> list[dict[str, Any]]:
    from mlmgmt.modules.evaluation import more_is_better

    lines = []
    for name, value in evaluation.new.items():
        before = evaluation.old.get(name) if evaluation.old is not None else None
        verdict = ""
        if before is not None and value != before and abs(value - before) < float("inf"):
            verdict = "better" if (value > before) is more_is_better(name) else "worse"
        lines.append({"name": name, "old": number_cell(before), "new": number_cell(value), "verdict": verdict})
    return lines


def _importances(found: Sequence[tuple[str, float]]) -> list[dict[str, Any]]:
    most = max((value for _, value in found), default=0.0)
    return [
        {"name": name, "value": number_cell(value), "width": round(200 * max(value, 0.0) / most, 1) if most > 0 else 0}
        for name, value in found[:_MOST_IMPORTANT]
    ]


def _facts(manifests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    def row(name: str, read: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
        return {"name": name, "values": ["" if (value := read(body)) is None else str(value) for body in manifests]}

    rows = [
        row("Learner", lambda body: body.get("learner")),
        row("Trained on", lambda body: str(body.get("trainedOn") or "")[:19].replace("T", " ")),
        row("Data", lambda body: body.get("data")),
        row("Rows", lambda body: f"{body['rows']:,}" if isinstance(body.get("rows"), int) else None),
        row("Label", lambda body: (body.get("label") or {}).get("name")),
        row("scikit-learn", lambda body: (body.get("versions") or {}).get("scikit-learn")),
    ]
    return [line for line in rows if any(line["values"])]


def warnings(evaluation: Evaluation) -> list[str]:
    """Return the reasons to trust the scores of an evaluation less."""
    found = []
    if evaluation.unable:
        found.append(f"The deployed model could not be evaluated: {evaluation.unable.rstrip('.')}.")
    for which, count in (("deployed", evaluation.overlap), ("new", evaluation.new_overlap)):
        if count:
            found.append(
                f"The {which} model was trained on {count:,} of these {evaluation.rows:,} rows, so its scores look "
                "better than they are."
            )
    return found


def _lacking(drawn: Curves, columns: Sequence[tuple[str, float]]) -> list[str]:
    """Return the reasons for parts that are missing on this page."""
    from mlmgmt.modules.curves import BinaryCurves

    if isinstance(drawn, BinaryCurves) and not drawn.roc:
        return ["All rows are of one class, so there are no curves, no AUC and no importance of columns."]
    return [] if columns else ["These rows do not show how important the columns are."]


def is_page(path: str) -> bool:
    """Return whether a file is a page that mlmgmt wrote."""
    with open(path, "rb") as file:
        beginning = file.read(1000)
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1000))
        return beginning.startswith(_BEGINNING) and (_MARK in beginning or _OLD_MARK in file.read())
