"""The table of `retrain-many`, for people to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.cli import render
from mlmgmt.counts import count_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_ROWS = 40
_FIRST = ("Failed",)


def table(result: Any) -> None:
    """Show the table that `many.retraining` returns. Failures come first, and all of them are shown."""
    rows = sorted(result["Rows"], key=lambda row: row["Decision"] not in _FIRST)
    failed = sum(row["Decision"] in _FIRST for row in rows)
    shown = rows[: max(failed, _MOST_ROWS)]
    metric = result["Metric"]
    headers = ["Key", "Endpoint", "Rows", *([f"Old {metric}", f"New {metric}"] if metric else []), "Decision", "Model"]
    cells = [_cells(row, with_metric=bool(metric)) for row in shown]
    if any(row["Reason"] for row in shown):
        headers.append("Reason")
        cells = [[*line, row["Reason"]] for line, row in zip(cells, shown, strict=True)]
    render.table(headers, cells, leave_out_first=("Model", "Rows", "Endpoint", f"Old {metric}", f"New {metric}"))
    if len(rows) > len(shown):
        render.talk(
            f"Shown: {len(shown):,} of {len(rows):,} keys. -o json shows all of them, -Results writes them to files."
        )
    counts = ", ".join(f"{count:,} {decision}" for decision, count in sorted(result["Counts"].items()))
    summary = f"{count_of(len(rows), 'key')}: {counts}."
    if "Seconds" in result:
        summary += f" {result['Seconds']:,.1f} s, {result['Backend']}."
    render.talk(summary)


def _cells(row: Mapping[str, Any], *, with_metric: bool) -> list[Any]:
    from mlmgmt.pages.evaluation import metric_text

    metrics = [metric_text(row[name]) if row[name] is not None else "" for name in ("OldMetric", "Metric")]
    return [
        row["Key"],
        row["Endpoint"],
        row["Rows"],
        *(metrics if with_metric else ()),
        row["Decision"],
        (row["Model"] or "")[:12],
    ]
