"""The page of a retrain-many run: one self-contained HTML file that fetches nothing, with a table to sort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mlmgmt
from mlmgmt.counts import count_of
from mlmgmt.pages.evaluation import number_cell
from mlmgmt.pages.rendering import render_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DIGITS = 12
_GOOD, _BAD = ("Patched", "Updated"), ("Failed",)


def page(run: Mapping[str, Any]) -> bytes:
    """Return the page of a run.

    Args:
        run: `Service` and `Training` (names), `StartedOn` (ISO 8601), `Seconds`, `Backend`, `Metric` (the headline,
            None if no row has metrics), `Counts` (by decision) and `Rows`. Each row has `Key`, `Endpoint`, `Rows`,
            `Metrics` (by name), `Metric`, `OldMetric`, `Decision`, `Reason`, `Model` (a digest) and `Seconds`; all but
            `Key` and `Decision` may be None.
    """
    from mlmgmt.modules.evaluation import more_is_better
    from mlmgmt.pages import plots

    rows, metric = run["Rows"], run["Metric"]
    started = _format_time(str(run["StartedOn"]))
    others = [name for name in dict.fromkeys(name for row in rows for name in row["Metrics"] or ()) if name != metric]
    compared = any(row["OldMetric"] is not None for row in rows)
    return render_page(
        "many.html.j2",
        ["evaluation.css", "many.css"],
        "many.js",
        service=run["Title"],
        count=count_of(len(rows), "key"),
        counts=[{"name": name, "count": f"{count:,}", "class": _class(name)} for name, count in run["Counts"].items()],
        facts=[
            ("Scoring service", run["Service"]),
            ("Training service", run["Training"]),
            ("Started", started),
            ("Took", _duration(float(run["Seconds"] or 0))),
            ("Ran on", run["Backend"]),
        ],
        metric=metric,
        better="more is better" if metric and more_is_better(metric) else "less is better",
        compared=compared,
        others=others,
        rows=[_line(row, metric, others) for row in rows],
        area={"left": plots.LEFT, "right": plots.RIGHT, "top": plots.TOP, "bottom": plots.BOTTOM},
        **_pictures(rows, metric),
        footer=f"mlmgmt {mlmgmt.__version__}, {started}",
    )


def _pictures(rows: Sequence[Mapping[str, Any]], metric: str | None) -> dict[str, Any]:
    """Return a line for each key, or figures of all keys together, and the note below them."""
    from mlmgmt.pages import many_plots

    points = [many_plots.point(str(row["Key"]), row["Metric"], row["OldMetric"]) for row in rows]
    drawn = [one for one in points if one is not None]
    if not drawn or metric is None:
        return {"pairs": None, "plots": [], "note": "No new model was evaluated." if rows else ""}
    few = len(drawn) <= many_plots.MOST_LINES
    if not few and any(one.old is not None for one in drawn):
        lacking, why = sum(one is None or one.old is None for one in points), "without both values"
    else:
        lacking, why = len(points) - len(drawn), "without a value"
    notes = [f"Not drawn: {count_of(lacking, 'key')} {why}."] if lacking else []
    if not few:
        return {"pairs": None, "plots": many_plots.plots(drawn, metric), "note": " ".join(notes)}
    pairs, beyond = many_plots.pairs(drawn, metric)
    order = "Greatest gain first" if any(one.old is not None for one in drawn) else "Best first"
    return {"pairs": pairs, "plots": [], "note": " ".join([f"{order}{beyond}.", *notes])}


def _line(row: Mapping[str, Any], metric: str | None, others: Sequence[str]) -> dict[str, Any]:
    new, old, metrics = row["Metric"], row["OldMetric"], row["Metrics"] or {}
    seconds = row["Seconds"]
    change = new - old if new is not None and old is not None else None
    return {
        "key": row["Key"],
        "endpoint": row["Endpoint"] or "",
        "rows": _number(row["Rows"]),
        "new": _number(new),
        "old": _number(old),
        "change": _change(change),
        "verdict": _verdict(metric, change),
        "others": [_number(metrics.get(name)) for name in others],
        "decision": row["Decision"],
        "class": _class(row["Decision"]),
        "reason": row["Reason"] or "",
        "model": (row["Model"] or "")[:_DIGITS],
        "seconds": _number(seconds) | ({} if seconds is None else {"text": f"{seconds:,.2f}"}),
    }


def _number(value: float | None) -> dict[str, str]:
    return {"text": "", "whole": ""} if value is None else number_cell(value)


def _verdict(metric: str | None, change: float | None) -> str:
    from mlmgmt.pages.many_plots import verdict

    return "" if metric is None or change is None or not abs(change) < float("inf") else verdict(metric, change)


def _change(value: float | None) -> dict[str, str]:
    number = _number(value)
    text = number["text"].replace("-", "\N{MINUS SIGN}", 1) if value and value < 0 else number["text"]
    return number | {"text": f"+{text}" if value and value > 0 and number["whole"] else text}


def _class(decision: str) -> str:
    return "better" if decision in _GOOD else "worse" if decision in _BAD else "same"


def _format_time(text: str) -> str:
    """Return a time in the format of the page; other text is returned unchanged."""
    return f"{text[:10]} {text[11:19]} UTC" if text[10:11] == "T" and text.endswith("Z") else text


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min {left} s" if hours else f"{minutes} min {left} s"
