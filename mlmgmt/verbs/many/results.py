"""The table of many retrainings: its rows, and the files it is written to."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail
from mlmgmt.store.retrainings import MEMBERS
from mlmgmt.verbs import userfiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CSV, _JSON, _HTML = ".csv", ".json", ".html"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that spreadsheets compute."""


def row(Key: str, Endpoint: str | None, **members: Any) -> dict[str, Any]:  # noqa: N803 - named as in the table
    """A row with every member, those that are not given being None."""
    given = {"Key": Key, "Endpoint": Endpoint, **members}
    return {name: given.get(name) for name in MEMBERS}


def table(rows: Sequence[dict[str, Any]], metric: str | None) -> dict[str, Any]:
    """The rows by key, how often each decision was taken, and the metric that stands for the others."""
    counts = Counter(row["Decision"] for row in rows)
    ordered = sorted(rows, key=lambda row: str(row["Key"]))
    return {
        "Metric": metric or next((found for row in rows if (found := _headline_of(row["Metrics"]))), None),
        "Counts": dict(counts),
        "Rows": ordered,
    }


def _headline_of(metrics: Mapping[str, Any] | None) -> str | None:
    """The metric that stands for a kind of model's others."""
    from mlmgmt.modules.evaluation import HEADLINE

    return next((name for name in HEADLINE.values() if metrics and name in metrics), None)


def headline(metric: str | None, metrics: Mapping[str, Any] | None) -> float | None:
    """One metric of several: the one that is asked for, else the one that stands for the others."""
    name = metric or _headline_of(metrics)
    return metrics.get(name) if metrics and name else None


def not_better(metric: str, new: Mapping[str, Any] | None, old: Mapping[str, Any] | None) -> str | None:
    """Why a new model is not better by a metric; None when it is."""
    from mlmgmt.modules.evaluation import is_better

    if new is None or old is None:
        return f"The models cannot be compared by {metric}."
    if new.get(metric) is None or old.get(metric) is None:
        return f"There is no {metric} to compare by."
    if is_better(metric, new[metric], old[metric]):
        return None
    return f"{metric}: {old[metric]:.6g} → {new[metric]:.6g}"


def check(files: Sequence[str]) -> None:
    """Refuse early what `write` would refuse late.

    Raises:
        BadRequest: `InvalidResultsFile`: a file with another end; `AccessDenied`, `NotAFile`.
    """
    for file in files:
        if Path(file).suffix.casefold() not in (_CSV, _JSON, _HTML):
            message = f"{file} is no file for the results: they are written as .csv, .json or .html."
            raise BadRequest(message, target="Results", details=[Detail("InvalidResultsFile", message)])
        userfiles.require_writable(file)
        if Path(file).is_dir():
            message = f"{file} is a folder."
            raise BadRequest(message, target="Results", details=[Detail("NotAFile", message)])


def write(files: Sequence[str], answer: Mapping[str, Any]) -> None:
    """Write the table, each file in the form that its end says; what stands there is replaced."""
    for file in files:
        suffix = Path(file).suffix.casefold()
        if suffix == _CSV:
            data = as_csv(answer)
        elif suffix == _JSON:
            from mlmgmt.definition import document

            data = document.write(dict(answer))
        else:
            from mlmgmt.pages import many

            data = many.page(answer)
        userfiles.write(file, data, overwrite=True)


def as_csv(answer: Mapping[str, Any]) -> bytes:
    """The rows as CSV, the metrics a column each; a text that a spreadsheet would compute begins with an apostrophe."""
    metrics = list(dict.fromkeys(name for row in answer["Rows"] for name in row["Metrics"] or ()))
    plain = [name for name in MEMBERS if name not in ("Metrics", "Metric")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*plain, *metrics])
    for row in answer["Rows"]:
        values = [row[name] for name in plain] + [(row["Metrics"] or {}).get(name) for name in metrics]
        writer.writerow([_harmless(value) for value in values])
    return text.getvalue().encode("utf-8", "replace")


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
