"""The trained models of a workspace. A model with the name of an earlier one joins its family as the latest."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets
from mlmgmt.store import blobs, lock
from mlmgmt.verbs.experiments import experiments
from mlmgmt.verbs.session import READER, stamp
from mlmgmt.verbs.storage import references

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlmgmt.verbs.session import Session

WORKSPACE = "Workspace"
DATA_TYPE = "iLearnerDotNet"
_SHORT = ("Name", "FamilyId", "Id", "IsLatest", "DataTypeId")


def get(session: Session, *, scope: str, experiment: str | None = None) -> list[dict[str, Any]]:
    """Return the trained models of the workspace, oldest first; or those that an experiment uses.

    Args:
        scope: `Experiment` or `Workspace`.
        experiment: for the scope `Experiment`; without it, warn and return nothing.

    Returns:
        for the workspace, whole models, each with a signature to download it (except for a Reader); for an experiment,
        `Name`, `FamilyId`, `Id`, `IsLatest` and `DataTypeId`; ids are None if the workspace does not list the model.

    Raises:
        NotFound: `ExperimentNotFound`. HomeError: `HomeDamaged`.
    """
    known = all_of(session)
    if scope == WORKSPACE:
        return [view(session, body, known) for body in known]
    if experiment is None:
        session.warn("-Scope Experiment needs -ExperimentId; nothing is shown.")
        return []
    body = experiments.existing(session, experiment)
    return [_reference(model, known) for model in assets.trained_models(body["Definition"])]


def all_of(session: Session) -> list[dict[str, Any]]:
    """Return the stored documents of the workspace's trained models, oldest first."""
    return session.store.trained_models(session.workspace).all()


def _reference(model: assets.TrainedModel, known: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found = by_uri(known, model.uri)
    if found is None:
        return {"Name": model.name, "FamilyId": None, "Id": None, "IsLatest": None, "DataTypeId": DATA_TYPE}
    shown = {**found, "Name": model.name, "IsLatest": is_latest(found, known)}
    return {name: shown[name] for name in _SHORT}


def by_uri(known: Iterable[Mapping[str, Any]], uri: str) -> Mapping[str, Any] | None:
    return next((body for body in known if body["Uri"] == uri), None)


def is_latest(body: Mapping[str, Any], known: Iterable[Mapping[str, Any]]) -> bool:
    return all(other["Batch"] <= body["Batch"] for other in known if other["FamilyId"] == body["FamilyId"])


def latest(known: Iterable[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    """Return the latest trained model with a name, ignoring letter case and surrounding blanks."""
    key = name.strip().casefold()
    found = [body for body in known if body["Name"].strip().casefold() == key]
    return max(found, key=lambda body: int(body["Batch"]), default=None)


def newest(known: Sequence[Mapping[str, Any]], uri: str, name: str) -> Mapping[str, Any] | None:
    """Return the latest of the family that a model in use belongs to, found by its blob or else by its name."""
    current = by_uri(known, uri)
    return latest(known, name if current is None else current["Name"])


def view(session: Session, body: Mapping[str, Any], known: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a trained model in the form in which Studio describes a user's asset."""
    shown = {name: value for name, value in body.items() if name != "Uri"} | {"IsLatest": is_latest(body, known)}
    blob = blobs.parse(body["Uri"])
    if blob is not None:
        place = references.signed_reference(session, blob)
        shown["DownloadLocation"] = {
            "BaseUri": place["BaseLocation"],
            "size": body["Size"],
            "Name": body["Name"],
            "EndpointType": "AzureBlobStorage",
            "CredentialContainer": None,
            "AccessCredential": None if session.role == READER else place["SasBlobToken"],
            "Location": place["RelativeLocation"],
            "FileType": "TrainedModel",
            "isAuxiliary": False,
        }
    return shown


def keep(
    session: Session,
    name: str,
    uri: str,
    *,
    experiment: str,
    description: str = "",
    promoted_from: str | None = None,
) -> dict[str, Any]:
    """Record a model in a blob of this home as a trained model of the workspace.

    It joins the family of an earlier model with that name. A blob that is already recorded keeps its name.

    Args:
        experiment: the id of the experiment that trained it.
        promoted_from: the output port that it came from, as `NODE:PORT`.

    Returns:
        the stored document of the trained model.

    Raises:
        NotFound: `AccountNotRegistered` or `BlobNotFound`.
    """
    session.store.require_writable()
    blob = blobs.parse(uri)
    size = len(session.store.blobs.read(blob)) if blob is not None else 0
    with lock.hold(session.store.home.root, f"trainedmodels/{session.workspace}"):
        known = all_of(session)
        if (current := by_uri(known, uri)) is not None:
            return dict(current)
        before = latest(known, name)
        family = str(before["FamilyId"]) if before is not None else uuid.uuid4().hex
        batch = int(before["Batch"]) + 1 if before is not None else 1
        body: dict[str, Any] = {
            "Name": name.strip() if before is None else before["Name"],
            "FamilyId": family,
            "Id": f"{session.workspace}.{family}.{batch}",
            "IsLatest": True,
            "DataTypeId": DATA_TYPE,
            "Batch": batch,
            "ExperimentId": experiment,
            "Owner": session.caller,
            "PromotedFrom": promoted_from,
            "ResourceUploadId": None,
            "SourceOrigin": "FromOutputPromotion",
            "Language": {"Language": None, "Version": None},
            "Size": size,
            "CreatedDate": stamp(session.clock()),
            "ClientVersion": None,
            "ServiceVersion": 0,
            "Category": None,
            "IsDeprecated": False,
            "Description": description,
            "Uri": uri,
        }
        session.store.trained_models(session.workspace).write(body)
    return body
