"""Sample code that replaces a trained model: PATCH of an endpoint, or of a New web service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlmgmt.definition import assets
from mlmgmt.errors import BadRequest, Detail
from mlmgmt.ids import EndpointId, ResourceId
from mlmgmt.pages.samples import rendering
from mlmgmt.verbs import locations, sample_notes, siblings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmgmt.ids import ServiceId
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

API_VERSION = "2017-01-01"
"""Of the resource manager; Classic management has none."""
_MANAGER = "https://management.azure.com"
BASE, RELATIVE, SIGNATURE, URI = (
    "AZUREML_BASE_LOCATION",
    "AZUREML_RELATIVE_LOCATION",
    "AZUREML_SAS_BLOB_TOKEN",
    "AZUREML_MODEL_URI",
)
"""Environment variables that say where the new model is."""


@dataclass(frozen=True, slots=True)
class Update:
    """How the trained models of what answers are replaced.

    Args:
        url: at a server; `cloud_url` at the hosts that the service had.
        resources: the exact names, in the definition's order.
        key: the environment variable with what proves the caller.
    """

    url: str
    cloud_url: str
    resources: tuple[str, ...]
    key: str
    _assets: tuple[str, ...]

    def body(self, place: int = 0) -> dict[str, Any]:
        """The body that replaces one resource; environment variables' names stand where their values belong."""
        if self.key == KEY:
            location = {"BaseLocation": BASE, "RelativeLocation": RELATIVE, "SasBlobToken": SIGNATURE}
            return {"Resources": [{"Name": self.resources[place], "Location": location}]}
        named = {self._assets[place]: {"locationInfo": {"uri": URI}}}
        return {"properties": {"packageType": "Graph", "assets": named}}

    @property
    def remark(self) -> str:
        """What a body replaces."""
        if self.key == KEY:
            return "The name must be exactly this one, blanks and brackets included."
        return "All that it leaves out stays as it is."

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables in a body."""
        return (BASE, RELATIVE, SIGNATURE) if self.key == KEY else (URI,)


KEY, TOKEN = "AZUREML_API_KEY", "AZUREML_TOKEN"


def path(resource: ServiceId) -> str:
    """The path of an update, with its query."""
    if isinstance(resource, ResourceId):
        return f"{quote(str(resource))}?api-version={API_VERSION}"
    return quote(str(resource))


def update_of(revision: Revision, origin: str) -> Update:
    """How the trained models of a revision are replaced at a server."""
    models = assets.trained_models(revision.document)
    resource = revision.resource
    classic = isinstance(resource, EndpointId)
    where = path(resource)
    return Update(
        origin + where,
        (locations.of(str(revision.document["location"])).management if classic else _MANAGER) + where,
        tuple(model.name for model in models),
        KEY if classic else TOKEN,
        tuple(model.asset_id for model in models),
    )


def program(session: Session, revision: Revision, language: str, origin: str, *, public: bool = False) -> str:
    """A program that replaces the trained model of a revision, in ASCII.

    Args:
        public: anybody may read it, so that it names nothing of this home but the service.

    Raises:
        BadRequest: `NoUpdatableResources`.
    """
    update = update_of(revision, origin)
    if not update.resources:
        message = siblings.no_resources(session, revision)
        details = [Detail("NoUpdatableResources", message)]
        raise BadRequest(message, target="Api", details=details, hint=siblings.patch_hint(session, revision))
    return rendering.render_update(
        language,
        url=update.url,
        key=update.key,
        body=update.body(),
        variables=update.variables,
        remark=update.remark,
        notes=[*_notes(session, revision, update, language, origin, public)],
    )


def _notes(
    session: Session, revision: Revision, update: Update, language: str, origin: str, public: bool
) -> Iterable[str]:
    yield sample_notes.replaces(revision, update.resources[0])
    yield sample_notes.NEEDS[language]
    if len(update.resources) > 1:
        others = ", ".join(update.resources[1:])
        yield f"Its other resources are replaced in the same way, alone or in the same request: {others}"
    yield ""
    yield "Environment variables:"
    if update.key == KEY:
        yield from sample_notes.key_notes(revision)
        yield f"{BASE}, {RELATIVE} and {SIGNATURE}:"
        yield "    what the status of the job that made the model gives as BaseLocation, RelativeLocation, SasBlobToken"
    else:
        yield f"{TOKEN}, which this makes:"
        yield "    mlmgmt token"
        yield f"{URI}: the BaseLocation and the RelativeLocation that the status of the job gives, joined"
    yield from sample_notes.trust_notes(session, language, origin, public=public)
