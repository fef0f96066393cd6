"""Which web service trains the models of which: told by their tags, else by the name that a trained model bears."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from mlmgmt.definition import assets
from mlmgmt.definition.tags import EXPERIMENT_TAG, SERVICE_TAG, TRAINING_TAG
from mlmgmt.ids import EndpointId, ResourceId, fold
from mlmgmt.verbs.services import endpoint_facts, finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmgmt.ids import ServiceId
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

SUFFIX = " [trained model]"
"""What Set Up Web Service puts behind the training experiment's name to name its model."""


def trains(revision: Revision) -> bool:
    """Whether a service has no trained model of its own, so that a PATCH finds nothing to replace."""
    return not assets.trained_models(revision.document)


def title(revision: Revision) -> str:
    """What people call a web service: of an endpoint, the name of its web service."""
    resource = revision.resource
    if isinstance(resource, ResourceId):
        return resource.name
    return str(revision.document["properties"].get("title") or resource.service)


def predictive(session: Session, training: Revision) -> list[Revision]:
    """The services whose model a training service makes, of the same kind first."""
    return [other for other in everyone(session, training) if not trains(other) and _is_of(training, other)]


def training(session: Session, scoring: Revision) -> list[Revision]:
    """The training services that make the model of a service, of the same kind first."""
    return [other for other in everyone(session, scoring) if trains(other) and _is_of(other, scoring)]


def everyone(session: Session, near: Revision | None = None) -> Iterator[Revision]:
    """What stands in the workspace and in the groups: New web services, and of Classic ones the default endpoint.

    Args:
        near: the one whose siblings are looked for, which is left out; its own kind comes first, then its own group.
    """
    kinds = [_defaults(session), _in_groups(session, near)]
    if near is not None and isinstance(near.resource, ResourceId):
        kinds.reverse()
    for revision in chain(*kinds):
        if near is None or revision.resource != near.resource:
            yield revision


def _defaults(session: Session) -> Iterator[Revision]:
    for service in finding.web_services(session):
        default = session.store.services.current(EndpointId(service["WorkspaceId"], service["Id"], finding.DEFAULT))
        if default is not None:
            yield default


def _in_groups(session: Session, near: Revision | None) -> Iterator[Revision]:
    names = [str(body["name"]) for body in session.store.groups.all()]
    if near is not None and isinstance(near.resource, ResourceId):
        own = fold(near.resource.group)
        names.sort(key=lambda name: fold(name) != own)
    for name in names:
        yield from session.store.services.in_group(session.group_id(name))


def pair(
    session: Session, named: Revision | None, kind: type[ResourceId | EndpointId]
) -> tuple[Revision | None, Revision | None]:
    """The service that scores and the one that trains, of one kind, as far as they are there: of the one named, or the
    last that was made.
    """

    def first(found: list[Revision]) -> Revision | None:
        return next((other for other in found if isinstance(other.resource, kind)), None)

    known = [named] if named is not None else [other for other in everyone(session) if isinstance(other.resource, kind)]
    scoring = [other for other in known if not trains(other)]
    if scoring:
        newest = max(scoring, key=lambda other: str(other.document["properties"].get("createdOn")))
        return newest, first(training(session, newest))
    trainer = known[-1] if known else None
    return (first(predictive(session, trainer)) if trainer is not None else None), trainer


def _is_of(training: Revision, scoring: Revision) -> bool:
    made_of = (training.document.get("tags") or {}).get(EXPERIMENT_TAG)
    tags = scoring.document.get("tags") or {}
    if made_of is not None and tags.get(TRAINING_TAG) == made_of:
        return True
    recorded = tags.get(SERVICE_TAG)
    if recorded is not None and isinstance(training.resource, ResourceId):
        return str(recorded).rstrip("/").rpartition("/")[2].casefold() == training.resource.name.casefold()
    known = {str(training.document["properties"].get("title")), str(training.document["name"])}
    return any(model.name.removesuffix(SUFFIX) in known for model in assets.trained_models(scoring.document))


def no_resources(session: Session, revision: Revision) -> str:
    """That a service has no updatable resources, and which one has."""
    text = f"The web service {title(revision)!r} has no updatable resources: its graph trains a model and holds none."
    names = [told(other) for other in predictive(session, revision)]
    return f"{text} Its model is replaced in {' and '.join(names[:3])}." if names else text


def told(revision: Revision) -> str:
    """A web service by its name, and by its kind where that matters."""
    resource = revision.resource
    if isinstance(resource, ResourceId):
        return f"{resource.name!r} of the resource group {resource.group!r}"
    return f"{title(revision)!r}"


def patch_hint(session: Session, revision: Revision) -> str:
    """The command that goes on where there is something to replace."""
    for other in predictive(session, revision):
        resource = other.resource
        if isinstance(resource, ResourceId):
            return _helping(resource)
        return goes_on(session, resource)
    return "PATCH an endpoint of the predictive web service; mlmgmt Get-AmlWebService lists them."


def goes_on(session: Session, default: EndpointId) -> str:
    """The command that goes on from a default endpoint, which is never patched: another one's help, or adding one."""
    patchable = patchable_of(session, default)
    return _helping(patchable) if patchable is not None else adding(default)


def adding(near: EndpointId, name: str = "loc001") -> str:
    """The command that adds an endpoint to a web service."""
    return f"mlmgmt add-endpoint -WebServiceId {near.service} -EndpointName {name}"


def _helping(resource: ServiceId) -> str:
    return f"mlmgmt endpoint-help {resource.words} -Part update"


def patchable_of(session: Session, near: EndpointId) -> EndpointId | None:
    """An endpoint of the same web service that is not the default one, and may be patched."""
    for name in session.store.services.endpoint_names(near.workspace, near.service):
        identity = EndpointId(near.workspace, near.service, name)
        found = session.store.services.current(identity) if name != finding.DEFAULT else None
        if found is not None and not endpoint_facts.prevents_update(found.document):
            return identity
    return None
