"""An endpoint of a Classic web service in the shape that the service answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from mlmgmt.definition import assets
from mlmgmt.protocol import regions
from mlmgmt.store import blobs
from mlmgmt.verbs.services import endpoint_facts
from mlmgmt.verbs.services.endpoint_facts import MEMBER
from mlmgmt.verbs.session import READER

if TYPE_CHECKING:
    from mlmgmt.ids import EndpointId
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

STUDIO = "https://studio.azureml.net"
"""The host of the help pages; a running server replaces it, and the hosts of scoring and management too."""


class Location(TypedDict):
    """Where the blob of a trained model is. The token is never shown."""

    BaseLocation: str
    RelativeLocation: str
    SasBlobToken: str


class Resource(TypedDict):
    """A trained model of an endpoint, which a PATCH can replace."""

    Name: str
    Kind: str
    Location: Location


class InUse(TypedDict):
    """What this program adds to an endpoint: its revision, and the models in use by asset id."""

    revision: int
    etag: str
    models: dict[str, dict[str, Any]]


class Endpoint(TypedDict):
    """An endpoint as Get answers it. A Reader gets None for both keys."""

    Name: str
    Description: str
    CreationTime: str
    WorkspaceId: str
    WebServiceId: str
    HelpLocation: str
    PrimaryKey: str | None
    SecondaryKey: str | None
    ApiLocation: str
    Version: str
    PreventUpdate: bool
    SampleDataEnabled: bool
    ExperimentLocation: str | None
    MaxConcurrentCalls: int
    DiagnosticsTraceLevel: str
    ThrottleLevel: str
    Resources: list[Resource]
    mlmgmt: InUse


def view(session: Session, revision: Revision[EndpointId], origin: str | None = None) -> Endpoint:
    """Return an endpoint as the service answered it, and under `mlmgmt` the models in use. A Reader gets no keys.

    Args:
        origin: the server to write into its addresses; None for the hosts of the original service.
    """
    identity = revision.resource
    document = revision.document
    properties, facts = document["properties"], document.get(MEMBER) or endpoint_facts.facts()
    pair = {} if session.role == READER else session.store.service_secrets(identity).get("keys") or {}
    tags = document.get("tags") or {}
    return {
        "Name": identity.name,
        "Description": properties.get("description") or "",
        "CreationTime": properties["createdOn"],
        "WorkspaceId": identity.workspace,
        "WebServiceId": identity.service,
        "HelpLocation": (origin or STUDIO) + identity.help_path,
        "PrimaryKey": pair.get("primary"),
        "SecondaryKey": pair.get("secondary"),
        "ApiLocation": (origin or regions.of(str(document["location"])).scoring) + identity.scoring_path,
        "Version": properties["modifiedOn"],
        "PreventUpdate": facts["preventUpdate"],
        "SampleDataEnabled": bool(properties.get("exposeSampleData")),
        "ExperimentLocation": _experiment(identity, tags.get("experiment"), origin),
        "MaxConcurrentCalls": facts["maxConcurrentCalls"],
        "DiagnosticsTraceLevel": (properties.get("diagnostics") or {}).get("level") or "None",
        "ThrottleLevel": facts["throttleLevel"],
        "Resources": [_resource(model) for model in updatable(revision)],
        "mlmgmt": {"revision": revision.number, "etag": revision.etag, "models": _models(revision)},
    }


def _models(revision: Revision) -> dict[str, dict[str, Any]]:
    kept = ("state", "digest", "takenOn", "trainedOn", "rows", "learner")
    return {
        asset: {name: body[name] for name in kept if name in body} for asset, body in sorted(revision.models.items())
    }


def updatable(revision: Revision) -> list[assets.TrainedModel]:
    """Return the trained models that a PATCH of the endpoint can replace."""
    return assets.trained_models(revision.document)


def _resource(model: assets.TrainedModel) -> Resource:
    blob = blobs.parse(model.uri)
    base, _, relative = model.uri.rpartition("/") if blob is None else (blob.base_location[:-1], "", "")
    return {
        "Name": model.name,
        "Kind": "TrainedModel",
        "Location": {
            "BaseLocation": f"{base}/",
            "RelativeLocation": relative if blob is None else blob.relative_location,
            "SasBlobToken": "",
        },
    }


def _experiment(identity: EndpointId, experiment: str | None, origin: str | None) -> str | None:
    if experiment is None:
        return None
    if origin is not None:
        return f"{origin}/api/workspaces/{identity.workspace}/experiments/{experiment}"
    return f"{STUDIO}/?#Workspaces/Experiments/Experiment/{experiment}/ViewExperiment"
