"""Copies of experiments, in their own workspace or in another of this home; and what is in an experiment's graph."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail, NotFound, Unauthorized
from mlmgmt.ids import same_location
from mlmgmt.verbs.classic import workspaces
from mlmgmt.verbs.experiments import experiments
from mlmgmt.verbs.outcome import Outcome, no_comparison

if TYPE_CHECKING:
    from mlmgmt.verbs.session import Session

_WRITE = "Microsoft.MachineLearning/workspaces/experiments/write"


def plan_copy(session: Session, *, experiment: str, new_experiment_name: str | None = None) -> Outcome:
    """Plan a copy in the same workspace, a draft with the same graph. It answers with a sentence.

    Args:
        new_experiment_name: its name; `NAME - Copy` when left out, numbered if need be.

    Raises:
        NotFound: the experiment. Conflict: `ExperimentExists`. BadRequest: `InvalidExperimentName`.
    """
    body = experiments.existing(session, experiment)
    session.require(_WRITE, body["ExperimentId"])
    name = new_experiment_name or _free_name(session, body["Description"])
    return _planned(session, body, name, parent=body.get("ParentExperimentId"), where="")


def plan_copy_across(
    session: Session,
    *,
    experiment: str,
    destination_workspace_id: str,
    destination_workspace_authorization_token: str,
    destination_location: str | None = None,
) -> Outcome:
    """Plan a copy of the same name in another workspace of this home, a draft with the same graph. Datasets and models
    stay where they are: a home's workspaces share its storage accounts. It answers with a sentence.

    Raises:
        NotFound: the experiment; `WorkspaceNotFound`.
        Unauthorized: `ManagementRequestUnauthorized`: the token is none of that workspace.
        BadRequest: `WorkspaceInAnotherRegion`. Conflict: `ExperimentExists`.
    """
    body = experiments.existing(session, experiment)
    goal = workspaces.existing(session, destination_workspace_id)
    identity = str(goal["WorkspaceId"])
    if destination_location is not None and not same_location(destination_location, goal["Location"]):
        message = f"The workspace {identity} is in {goal['Location']!r}, not in {destination_location!r}."
        details = [Detail("WorkspaceInAnotherRegion", message)]
        raise BadRequest(message, target="DestinationLocation", details=details)
    if not workspaces.opens(session, identity, destination_workspace_authorization_token):
        message = f"The token is none of the workspace {identity}."
        raise Unauthorized(
            message,
            target="DestinationWorkspaceAuthorizationToken",
            details=[Detail("ManagementRequestUnauthorized", message)],
            hint=f"Its {workspaces.CONFIG} has it: mlmgmt workspace-config FILE -WorkspaceId {identity}",
        )
    there = replace(session, workspace_option=identity)
    there.require(_WRITE, identity)
    where = f" in the workspace {goal['Name']!r}"
    return _planned(there, body, body["Description"], parent=None, where=where)


def _planned(there: Session, body: dict[str, Any], name: str, *, parent: str | None, where: str) -> Outcome:
    experiments.refuse_taken(there, name)

    def commit() -> str:
        definition = deepcopy(body["Definition"])
        properties = definition["properties"]
        if properties.get("title") == body["Description"]:
            properties["title"] = name
        copied = experiments.made(there, name, definition, summary=body.get("Summary") or "", parent=parent)
        experiments.write_new(there, copied)
        return f"The experiment {body['Description']!r} is copied to {name!r}{where}: {copied['ExperimentId']}."

    preview = {"Description": name, "WorkspaceId": there.workspace}
    return Outcome(target=name, before=None, after={}, commit=commit, preview=preview, compared=no_comparison)


def _free_name(session: Session, name: str) -> str:
    taken = {body["Description"].casefold() for body in session.experiments.all()}
    first = f"{name} - Copy"
    others = (f"{first} ({number})" for number in count(2))
    return first if first.casefold() not in taken else next(n for n in others if n.casefold() not in taken)


def nodes(session: Session, *, experiment: str, comment: str | None = None) -> list[dict[str, Any]]:
    """The modules of an experiment: `Id`, `ModuleId` and `Comment`. Graphs keep no comments here; the module's name
    stands for it.

    Args:
        comment: those with this comment alone, in any letter case; blanks around it are nothing.

    Raises:
        NotFound: the experiment; `ExperimentNodeNotFound`.
    """
    body = experiments.existing(session, experiment)
    properties = body["Definition"]["properties"]
    assets, graph = properties.get("assets", {}), properties["package"].get("nodes", {})
    found = []
    for node, placed in graph.items():
        asset = assets.get(placed.get("assetId"), {})
        if asset.get("type") == "Module":
            module = str(asset["locationInfo"]["uri"]).removeprefix("aml://module/")
            found.append({"Id": node, "ModuleId": module, "Comment": asset["name"]})
    wanted = [row for row in found if comment is None or row["Comment"].casefold() == comment.strip().casefold()]
    if not wanted and comment is not None:
        message = f"No module of {body['Description']!r} has the comment {comment!r}."
        listed = ", ".join(dict.fromkeys(row["Comment"] for row in found))
        details = [Detail("ExperimentNodeNotFound", message)]
        raise NotFound(message, target="Comment", details=details, hint=f"There are: {listed}.")
    return wanted
