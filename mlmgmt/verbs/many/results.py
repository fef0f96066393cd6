"""The table of many retrainings: its rows, and the files that it is written to."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest
from mlmgmt.modules import delimited
from mlmgmt.store.retrainings import MEMBERS
from mlmgmt.verbs import userfiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CSV, _JSON, _HTML = ".csv", ".json", ".html"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters of cells that spreadsheets compute as formulas."""


def row(Key: str, Endpoint: str | None, **members: Any) -> dict[str, Any]:  # noqa: N803 - named as in the table
    """Return a row with every member; members that are not given are None."""
    given = {"Key": Key, "Endpoint": Endpoint, **members}
    return {name: given.get(name) for name in MEMBERS}


def table(rows: Sequence[dict[str, Any]], metric: str | None) -> dict[str, Any]:
    """Return the rows by key, the number of rows for each decision, and the main metric."""
    counts = Counter(row["Decision"] for row in rows)
    ordered = sorted(rows, key=lambda row: str(row["Key"]))
    return {
        "Metric": metric or next((found for row in rows if (found := _headline_of(row["Metrics"]))), None),
        "Counts": dict(counts),
        "Rows": ordered,
    }


def _headline_of(metrics: Mapping[str, Any] | None) -> str | None:
    """Return the main metric for this kind of model."""
    from mlmgmt.modules.evaluation import HEADLINE

    return next((name for name in HEADLINE.values() if metrics and name in metrics), None)


def headline(metric: str | None, metrics: Mapping[str, Any] | None) -> float | None:
    """Return the value of one metric: the given one, else the main one."""
    name = metric or _headline_of(metrics)
    return metrics.get(name) if metrics and name else None


def not_better(metric: str, new: Mapping[str, Any] | None, old: Mapping[str, Any] | None) -> str | None:
    """Return why a new model is not better by a metric; None if it is better."""
    from mlmgmt.modules.evaluation import is_better

    if new is None or old is None:
        return f"The models cannot be compared by {metric}."
    if new.get(metric) is None or old.get(metric) is None:
        return f"{metric} is not available for both models."
    if is_better(metric, new[metric], old[metric]):
        return None
    return f"{metric}: {old[metric]:.6g} → {new[metric]:.6g}"


def check(files: Sequence[str]) -> None:
    """Refuse files that `write` cannot write, before any work is done.

    Raises:
        BadRequest: `InvalidResultsFile`: a file with another suffix; `AccessDenied`, `NotAFile`.
    """
    for file in files:
        if Path(file).suffix.casefold() not in (_CSV, _JSON, _HTML):
            raise BadRequest(f"{file} must end in .csv, .json or .html.", detail="InvalidResultsFile", target="Results")
        userfiles.require_writable(file)
        if Path(file).is_dir():
            raise BadRequest(f"{file} is a folder.", detail="NotAFile", target="Results")


def write(files: Sequence[str], answer: Mapping[str, Any]) -> None:
    """Write the table to files, each in the format of its suffix. Existing files are overwritten."""
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
    """Return the rows as CSV, with a column for each metric. Texts that look like formulas get an apostrophe."""
    metrics = list(dict.fromkeys(name for row in answer["Rows"] for name in row["Metrics"] or ()))
    plain = [name for name in MEMBERS if name not in ("Metrics", "Metric")]
    rows = [[*plain, *metrics]]
    for row in answer["Rows"]:
        values = [row[name] for name in plain] + [(row["Metrics"] or {}).get(name) for name in metrics]
        rows.append([_harmless(value) for value in values])
    return delimited.from_rows(rows)


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
