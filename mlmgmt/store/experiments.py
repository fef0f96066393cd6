"""Experiments on disk: `workspaces/<workspace>/experiments/<id>.json`, the definition inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from mlmgmt.ids import file_name
from mlmgmt.store import documents, files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class Status(TypedDict):
    """The state of an experiment: InDraft, Running, Finished or Failed."""

    StatusCode: str
    CreationTime: str
    StatusDetail: NotRequired[str | None]
    StartTime: NotRequired[str | None]
    EndTime: NotRequired[str | None]


class Experiment(TypedDict):
    """An experiment. `Description` is its name, as in Studio; `Run` has the nodes and results of its last run.

    `Studio` is the file in Studio's format that it came from: its `Graph`, its `WebService` and its `Other` members.
    """

    ExperimentId: str
    Description: str
    Status: Status
    Definition: dict[str, Any]
    ParentExperimentId: NotRequired[str | None]
    Summary: NotRequired[str]
    Creator: NotRequired[str]
    Category: NotRequired[str]
    RunId: NotRequired[str]
    Run: NotRequired[dict[str, Any] | None]
    Studio: NotRequired[dict[str, Any]]


_EXPERIMENT: documents.Kind[Experiment] = documents.Kind(
    "an experiment", {"ExperimentId": str, "Description": str, "Status": dict, "Definition": dict}
)


class Experiments:
    """The experiments of one workspace."""

    def __init__(self, root: Path, workspace: str) -> None:
        self.workspace = workspace
        self._folder = root / "workspaces" / file_name(workspace) / "experiments"

    def _file(self, experiment: str) -> Path:
        return self._folder / f"{file_name(experiment)}.json"

    def read(self, experiment: str) -> Experiment | None:
        path = self._file(experiment)
        body = _EXPERIMENT.read(path)
        if body is None:
            return None
        if not all(isinstance(body["Status"].get(name), str) for name in ("StatusCode", "CreationTime")):
            raise files.damaged(path, "its status must have StatusCode and CreationTime")
        if not _is_drawn(body["Definition"]):
            raise files.damaged(path, "its definition has no valid graph of nodes, edges and assets")
        if body["Status"]["StatusCode"] == "Draft":
            # The spelling of earlier versions.
            body["Status"]["StatusCode"] = "InDraft"
        return body

    def write(self, body: Experiment) -> None:
        documents.write(self._file(body["ExperimentId"]), body)

    def remove(self, experiment: str) -> None:
        documents.remove(self._file(experiment))

    def all(self) -> Iterator[Experiment]:
        """Yield every experiment, oldest first."""
        found = map(self.read, documents.ids(self._folder))
        yield from sorted((body for body in found if body), key=lambda body: str(body["Status"].get("CreationTime")))


def _is_drawn(definition: dict[str, Any]) -> bool:
    """Whether the graph of a definition can be drawn. People edit these files, so it may not be valid."""
    properties = definition.get("properties")
    package = properties.get("package") if isinstance(properties, dict) else None
    if not isinstance(properties, dict) or not isinstance(package, dict):
        return False
    nodes, edges, assets = package.get("nodes", {}), package.get("edges", []), properties.get("assets", {})
    return (
        all(isinstance(group, dict) and _all_objects(group.values()) for group in (nodes, assets))
        and isinstance(edges, list)
        and _all_objects(edges)
        and all(isinstance(edge.get(end), str) for edge in edges for end in ("sourceNodeId", "targetNodeId"))
        and all(_is_placed(asset.get("locationInfo")) for asset in assets.values())
    )


def _all_objects(values: Iterable[Any]) -> bool:
    return all(isinstance(value, dict) for value in values)


def _is_placed(location: Any) -> bool:
    return isinstance(location, dict) and isinstance(location.get("uri"), str)
