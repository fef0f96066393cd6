"""Results, shown as JSON or in a form that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.cli import advice_views, classic_views, deployment_views, guide, many_views, plan_views, render
from mlmgmt.counts import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.verbs.services.history import Entry

MOST_ROWS = 20
MOST_COLUMNS = 12
"""The most rows, and last columns, of scores that a table shows."""
_LONGEST_NUMBER = 10
_CHECKS = {"proved": "checked", "unproved": "not checked", "untouched": "not needed", "none": ""}
"""How the table of a history shows the values of `Check`."""


def show(view: str, result: Any, form: str, *, lists: str = "results") -> None:
    """Show a result as JSON, or by its view.

    Args:
        form: json or table.
        lists: what the result is a list of, for an empty one.
    """
    if result is None:
        return
    if isinstance(result, str):
        render.out(result)
    elif view == "topic":
        guide.topic(result)
    elif form == "json" or view == "json":
        render.out(render.json_text(result))
    elif result == []:
        render.talk(_NOTHING.get(view, f"There are no {lists}."))
    else:
        VIEWS[view](result)


_NOTHING = {"usage": "There is no usage yet. A running server records its calls once a second."}
"""What to say instead of an empty list, where there is more to say."""


def _rows(result: Any) -> None:
    rows = result if isinstance(result, list) else [result]
    dates = ("Location", "CreationTime", "CreationDate")
    render.table(list(rows[0]), ([row[name] for name in rows[0]] for row in rows), leave_out_first=dates)


def as_object(result: Any) -> None:
    if isinstance(result, list):
        _rows(result)
        return
    render.members(result)


def _webservice(result: Any) -> None:
    if isinstance(result, list):
        rows = (
            [i["name"], _group_of(i), i["location"], i["properties"].get("title"), i["properties"]["modifiedOn"][:19]]
            for i in result
        )
        render.table(
            ["Name", "ResourceGroup", "Location", "Title", "ModifiedOn"],
            rows,
            leave_out_first=("Location", "ModifiedOn"),
        )
        return
    if "properties" not in result:
        classic_views.endpoint(result)
        return
    properties = result["properties"]
    graph = properties.get("package", {})
    shown = {
        "Name": result["name"],
        "ResourceGroup": _group_of(result),
        "Location": result["location"],
        "Regions": result["mlmgmt"].get("regions"),
        "Title": properties.get("title"),
        "Description": properties.get("description"),
        "ProvisioningState": properties.get("provisioningState"),
        "CreatedOn": properties.get("createdOn"),
        "ModifiedOn": properties.get("modifiedOn"),
        "ReadOnly": properties.get("readOnly", False),
        "Graph": f"{count_of(len(graph.get('nodes', {})), 'node')}, {count_of(len(graph.get('edges', [])), 'edge')}",
        "Tags": result.get("tags"),
        "Revision": result["mlmgmt"]["revision"],
        "Etag": result["etag"],
        "Id": result["id"],
    }
    as_object({name: value for name, value in shown.items() if value not in (None, {})})
    assets = properties.get("assets", {})
    models = result["mlmgmt"]["models"]
    if models:
        headers = ["Trained model", "State", "Model in use", "Trained on", "Rows", "Blob"]
        blobs = {"same": "unchanged", "changed": "ANOTHER MODEL NOW", "deleted": "deleted", "elsewhere": "elsewhere"}
        rows = (
            [
                f"{asset_id} {assets.get(asset_id, {}).get('name', '')}",
                body["state"],
                (body.get("digest") or "")[:16],
                (body.get("trainedOn") or "")[:19],
                body.get("rows"),
                blobs.get(body.get("blob", ""), ""),
            ]
            for asset_id, body in models.items()
        )
        render.table(headers, rows, leave_out_first=("Rows", "Trained on"))


def _group_of(item: Mapping[str, Any]) -> str:
    return str(item["id"]).split("/")[4]


def _digests(models: Mapping[str, str]) -> str | dict[str, str]:
    """Return the first digits of each model's digest, by asset id; only the digits if there is one model."""
    cut = {asset: digest[:12] for asset, digest in models.items()}
    return next(iter(cut.values())) if len(cut) == 1 else cut


def _history(result: list[Entry]) -> None:
    headers = ["Revision", "ModifiedOn", "Change", "By", "Models", "Check", "Source", "Message"]
    rows = [
        [
            row["Revision"],
            row["ModifiedOn"][:19].replace("T", " "),
            row["Change"],
            row["By"],
            _digests(row["Models"]),
            _CHECKS.get(row["Check"], row["Check"]),
            row["Source"],
            row["Message"],
        ]
        for row in result
    ]
    filled = [place for place in range(len(headers)) if any(row[place] for row in rows)]
    cells = ([row[place] for place in filled] for row in rows)
    render.table([headers[place] for place in filled], cells, leave_out_first=("Source", "Check", "Message", "By"))


def _checks(result: Any) -> None:
    render.table(["Check", "Result", "Note"], ([row["Check"], row["Result"], row["Note"]] for row in result["Checks"]))
    if result["Reasons"]:
        render.lines("Stored. It cannot score:")
        for reason in result["Reasons"]:
            render.lines(f"- {reason['Message']}")
    else:
        render.lines("Passed." if result["Passed"] else "Not passed.")


def _scores(result: Any) -> None:
    for name, port in result["Results"].items():
        value = port["value"]
        rows, names, types = value["Values"], value["ColumnNames"], value["ColumnTypes"]
        first = max(0, len(names) - MOST_COLUMNS)
        shown = [[*map(_score, row[first:], types[first:])] for row in rows[:MOST_ROWS]]
        render.table(
            [f"{name} row", *names[first:]],
            ([index + 1, *row] for index, row in enumerate(shown)),
            leave_out_first=names,
        )
        if first:
            render.talk(f"Shown: the last {MOST_COLUMNS} of {len(names):,} columns. -o json shows all of them.")
        if len(rows) > MOST_ROWS:
            render.talk(
                f"Shown: the first {MOST_ROWS} of {len(rows):,} rows. "
                "-o json shows all of them, -OutputFile writes them to a file."
            )
    models = ", ".join(f"{asset} {digest[:16]}" for asset, digest in result["models"].items())
    render.talk(f"Answered by {models}." if models else "Answered without a model.")


def _score(cell: Any, kind: str) -> Any:
    """Return a cell of scores, with a long fraction shortened."""
    if not isinstance(cell, str) or kind not in ("Double", "Single") or len(cell) <= _LONGEST_NUMBER:
        return cell
    number = float(cell)
    return f"{number:.{6 if abs(number) < 1e6 else 12}g}"


def _retraining(result: Any) -> None:
    shown = {
        name: value
        for name, value in result.items()
        if name not in ("Evaluation", "WebService", "WhatIf", "Nodes") and value is not None
    }
    if shown:
        as_object(shown)
    if evaluation := result.get("Evaluation"):
        _evaluation(evaluation, held_out="HeldOut" in result)
    if "WhatIf" in result:
        render.diff({"changes": result["WhatIf"]}, "text")
    if service := result.get("WebService"):
        _webservice(service)


def _evaluation(evaluation: Mapping[str, Any], *, held_out: bool) -> None:
    from mlmgmt.pages.evaluation import metric_text

    count = evaluation["Rows"]
    rows = f"On {count_of(count, 'row')}{' held out' if held_out else ''}"
    new, old = evaluation["New"], evaluation["Deployed"]
    if new is None or old is None:
        which, only = ("Deployed", old) if new is None else ("New", new)
        render.table([rows, which], ([name, metric_text(value)] for name, value in only.items()))
    else:
        lines = (
            [name, metric_text(old.get(name)), metric_text(value), _better(name, old.get(name), value)]
            for name, value in new.items()
            if value is not None or old.get(name) is not None
        )
        render.table([rows, "Deployed", "New", ""], lines)


def _better(name: str, old: float | None, new: float | None) -> str:
    from mlmgmt.modules.evaluation import more_is_better

    if old is None or new is None or old == new:
        return ""
    return "better" if (new > old) is more_is_better(name) else "worse"


def _job(result: Any) -> None:
    if isinstance(result, list):
        _rows(result)
        return
    shown = {name: value for name, value in result.items() if name not in ("Results", "Nodes") and value is not None}
    as_object(shown)
    if result.get("Results"):
        # A table would wrap a signature at the end of its column, so that nobody could copy it.
        for port, place in result["Results"].items():
            render.lines("")
            as_object({"Output": port, **{name: value for name, value in place.items() if value is not None}})
    _nodes(result.get("Nodes"))


def _nodes(nodes: Any) -> None:
    if nodes:
        rows = ([node["Node"], node["Module"], f"{node['Seconds']:.3f}", _shapes(node["Outputs"])] for node in nodes)
        render.table(["Node", "Module", "Seconds", "Rows"], rows)


def _shapes(outputs: Mapping[str, Any]) -> str:
    return ", ".join(f"{shape['Rows']:,} x {shape['Columns']}" for shape in outputs.values())


def _experiment(result: Any) -> None:
    if isinstance(result, list):
        _rows([_experiment_row(body) for body in result])
        return
    # The preview of a new experiment has neither a status nor an id.
    status = result.get("Status") or {}
    shown = {
        "Description": result["Description"],
        **{name: status.get(name) for name in ("StatusCode", "StatusDetail", "CreationTime", "EndTime")},
        "OutputFile": result.get("OutputFile"),
        "ExperimentId": result.get("ExperimentId"),
    }
    as_object({name: value for name, value in shown.items() if value is not None})
    if result.get("Columns"):
        _rows(result["Columns"])
    run = result.get("Run") or result
    _nodes(run.get("Nodes"))
    if run.get("Evaluation"):
        lines = [{name: _metric(value) for name, value in line.items()} for line in run["Evaluation"]]
        if len(lines) == 1:
            render.table(["Metric", "Value"], lines[0].items())
        else:
            _rows(lines)


def _experiment_row(body: Mapping[str, Any]) -> dict[str, Any]:
    status = body["Status"]
    return {
        "Description": body["Description"],
        "StatusCode": status["StatusCode"],
        "CreationTime": status["CreationTime"][:19],
        "EndTime": (status.get("EndTime") or "")[:19] or None,
        "ExperimentId": body["ExperimentId"],
    }


def _metric(value: Any) -> Any:
    """Return a cell of an evaluation: figures are rounded, counts and names are not."""

    from mlmgmt.pages.evaluation import metric_text

    return metric_text(value) if value is None or isinstance(value, float) else value


def _module(result: Any) -> None:
    if isinstance(result, list):
        _rows(result)
        return
    tables = ("Inputs", "Outputs", "Parameters")
    as_object({name: value for name, value in result.items() if name not in tables and value not in (None, [])})
    for name in tables:
        if result[name]:
            render.lines(f"\n{name}")
            rows = result[name]
            filled = [column for column in rows[0] if any(row[column] is not None for row in rows)]
            render.table(filled, ([row[column] for column in filled] for row in rows))


def _flat(flattened: Callable[[Any], Any]) -> Callable[[Any], None]:
    return lambda result: as_object(flattened(result))


VIEWS: dict[str, Callable[[Any], None]] = {
    "object": as_object,
    "webservice": _webservice,
    "history": _history,
    "checks": _checks,
    "scores": _scores,
    "retraining": _retraining,
    "rows": _rows,
    "job": _job,
    "experiment": _experiment,
    "module": _module,
    **{name: _flat(flattened) for name, flattened in plan_views.FLAT.items()},
    "endpoint": classic_views.endpoint,
    "many": many_views.table,
    **advice_views.VIEWS,
    "deployment": deployment_views.deployment,
    "trained-model": classic_views.trained_model,
}
