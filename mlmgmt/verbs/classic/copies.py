"""Copy experiments, within a workspace or to another workspace of this home; list the modules of a graph."""

from __future__ import annotations

from copy import deepcopy
from itertools import count
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import studio
from mlmgmt.errors import BadRequest, NotFound, Unauthorized
from mlmgmt.ids import same_location
from mlmgmt.verbs.classic import workspaces
from mlmgmt.verbs.experiments import experiments
from mlmgmt.verbs.outcome import Outcome, no_comparison

if TYPE_CHECKING:
    from mlmgmt.store.experiments import Experiment
    from mlmgmt.verbs.session import Session

_WRITE = "Microsoft.MachineLearning/workspaces/experiments/write"


def plan_copy(session: Session, *, experiment: str, new_experiment_name: str | None = None) -> Outcome:
    """Plan a copy in the same workspace: a draft with the same graph. Applying it returns a sentence.

    Args:
        new_experiment_name: the name of the copy; default `NAME - Copy`, numbered if that name is taken.

    Raises:
        NotFound: the experiment. Conflict: `ExperimentExists`. BadRequest: `InvalidExperimentName`.
    """
    body = experiments.existing(session, experiment)
    session.require(_WRITE, body["ExperimentId"])
    name = new_experiment_name or _free_name(session, body["Description"])
    return _plan(session, body, name, parent=body.get("ParentExperimentId"), where="")


def plan_copy_across(
    session: Session,
    *,
    experiment: str,
    destination_workspace_id: str,
    destination_workspace_authorization_token: str,
    destination_location: str | None = None,
) -> Outcome:
    """Plan a copy with the same name in another workspace of this home: a draft with the same graph.

    Datasets and models are not copied: the workspaces of a home share its storage accounts. Applying the plan returns a
    sentence.

    Raises:
        NotFound: the experiment; `WorkspaceNotFound`.
        Unauthorized: `ManagementRequestUnauthorized`: the token does not belong to that workspace.
        BadRequest: `WorkspaceInAnotherRegion`. Conflict: `ExperimentExists`.
    """
    body = experiments.existing(session, experiment)
    destination = workspaces.existing(session, destination_workspace_id)
    identity = destination["WorkspaceId"]
    if destination_location is not None and not same_location(destination_location, destination["Location"]):
        message = f"The workspace {identity} is in {destination['Location']!r}, not in {destination_location!r}."
        raise BadRequest(message, detail="WorkspaceInAnotherRegion", target="DestinationLocation")
    if not workspaces.opens(session, identity, destination_workspace_authorization_token):
        raise Unauthorized(
            f"The token does not belong to workspace {identity}.",
            detail="ManagementRequestUnauthorized",
            target="DestinationWorkspaceAuthorizationToken",
            hint=f"Write a {workspaces.CONFIG} with its token: mlmgmt workspace-config FILE -WorkspaceId {identity}",
        )
    there = session.on_same_home(workspace_option=identity)
    there.require(_WRITE, identity)
    where = f" in the workspace {destination['Name']!r}"
    return _plan(there, body, body["Description"], parent=None, where=where)


def _plan(there: Session, body: Experiment, name: str, *, parent: str | None, where: str) -> Outcome:
    experiments.refuse_taken_name(there, name)

    def commit() -> str:
        definition = deepcopy(body["Definition"])
        properties = definition["properties"]
        if properties.get("title") == body["Description"]:
            properties["title"] = name
        summary, kept = body.get("Summary") or "", body.get("Studio")
        copied = experiments.new_document(there, name, definition, summary=summary, parent=parent, studio=kept)
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
    """List the modules of an experiment: `Id`, `ModuleId` and `Comment`.

    Args:
        comment: list only modules with this comment; letter case and surrounding spaces are ignored. A module without a
            comment has its name in that place.

    Raises:
        NotFound: the experiment; `ExperimentNodeNotFound`.
    """
    body = experiments.existing(session, experiment)
    properties = body["Definition"]["properties"]
    assets = properties.get("assets", {})
    comments = studio.comments(body["Studio"]) if "Studio" in body else {}
    found = []
    for node, place in properties["package"].get("nodes", {}).items():
        asset = assets.get(place.get("assetId"), {})
        if asset.get("type") == "Module":
            module = str(asset["locationInfo"]["uri"]).removeprefix("aml://module/")
            found.append({"Id": node, "ModuleId": module, "Comment": comments.get(node) or asset["name"]})
    wanted = [row for row in found if comment is None or row["Comment"].casefold() == comment.strip().casefold()]
    if not wanted and comment is not None:
        message = f"No module of {body['Description']!r} has the comment {comment!r}."
        listed = ", ".join(dict.fromkeys(row["Comment"] for row in found))
        raise NotFound(message, detail="ExperimentNodeNotFound", target="Comment", hint=f"Its comments: {listed}.")
    return wanted
