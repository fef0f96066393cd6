"""Endpoints and trained models of a Classic workspace, for people to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.cli import render

if TYPE_CHECKING:
    from collections.abc import Mapping

_LISTED = ("Name", "ThrottleLevel", "MaxConcurrentCalls", "Description", "Version")
_APART = ("Resources", "mlmgmt")


def endpoint(result: Any) -> None:
    """Show one endpoint, or a list of them, in the form of `endpoint_view`."""
    if isinstance(result, list):
        rows = ([*(_cell(item, name) for name in _LISTED), _digests(item)] for item in result)
        render.table([*_LISTED, "Models"], rows, leave_out_first=("MaxConcurrentCalls", "Version"))
        return
    shown = {name: value for name, value in result.items() if name not in _APART and value not in (None, "")}
    shown["Revision"] = result["mlmgmt"]["revision"]
    render.members(shown)
    if result["Resources"]:
        models = list(result["mlmgmt"]["models"].values())
        render.table(
            ["Updatable resource", "Kind", "Location"],
            (
                [item["Name"], item["Kind"], item["Location"]["BaseLocation"] + item["Location"]["RelativeLocation"]]
                for item in result["Resources"]
            ),
        )
        render.table(
            ["Model in use", "State", "Trained on", "Rows"],
            (
                [body.get("digest", "")[:16], body["state"], (body.get("trainedOn") or "")[:19], body.get("rows")]
                for body in models
            ),
        )
    else:
        render.talk("The endpoint has no updatable resources.")


def _cell(item: Mapping[str, Any], name: str) -> Any:
    return str(item[name])[:19] if name == "Version" else item[name]


def _digests(item: Mapping[str, Any]) -> str:
    return ", ".join(body.get("digest", body["state"])[:12] for body in item["mlmgmt"]["models"].values())


_MODEL_COLUMNS = ("Name", "Id", "IsLatest", "CreatedDate", "Size", "Description")


def trained_model(result: Any) -> None:
    """Show the trained models that `trained_models.get` returns, or one that was promoted."""
    if not isinstance(result, list):
        render.members(
            {name: value for name, value in result.items() if value is not None and not isinstance(value, dict)}
        )
        return
    columns = [name for name in _MODEL_COLUMNS if any(name in row for row in result)]
    render.table(
        columns,
        ([_short(row.get(name)) if name == "CreatedDate" else row.get(name) for name in columns] for row in result),
    )


def _short(moment: Any) -> str:
    return str(moment or "")[:19]
