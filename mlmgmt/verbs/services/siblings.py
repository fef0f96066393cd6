"""Which web service trains the models of which: by their tags, or else by the trained model's name."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from mlmgmt.definition import assets
from mlmgmt.definition.tags import EXPERIMENT_TAG, SERVICE_TAG, TRAINING_TAG
from mlmgmt.errors import MlmgmtError
from mlmgmt.ids import EndpointId, ResourceId, fold
from mlmgmt.store.services import is_revision_of
from mlmgmt.verbs.runs import proof
from mlmgmt.verbs.services import endpoint_facts, finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmgmt.ids import ServiceId
    from mlmgmt.store.services import Id, Revision
    from mlmgmt.verbs.session import Session

SUFFIX = " [trained model]"
"""Set Up Web Service names a model after its training experiment, with this suffix."""


def trains(revision: Revision) -> bool:
    """Whether a service is a training service: it has no trained model, so a PATCH has nothing to replace."""
    return not assets.trained_models(revision.document)


def has_trainer(revision: Revision) -> bool:
    """Whether a service has a module that trains; True if its graph cannot be read here."""
    try:
        return proof.trains(revision.document)
    except MlmgmtError:
        return True


def title(revision: Revision) -> str:
    """The display name of a web service; for an endpoint, that of its web service."""
    resource = revision.resource
    if isinstance(resource, ResourceId):
        return resource.name
    return str(revision.document["properties"].get("title") or resource.service)


def predictive(session: Session, training: Revision) -> list[Revision]:
    """Return the services whose model a training service makes, those of the same kind first."""
    return [other for other in all_services(session, training) if not trains(other) and _is_of(training, other)]


def training(session: Session, scoring: Revision) -> list[Revision]:
    """Return the training services that make the model of a service, those of the same kind first."""
    return [other for other in all_services(session, scoring) if trains(other) and _is_of(other, scoring)]


def all_services(session: Session, near: Revision | None = None) -> Iterator[Revision]:
    """Yield all New web services, and the default endpoint of each Classic one.

    Args:
        near: the service whose siblings are wanted. It is omitted; services of its kind and its group come first.
    """
    kinds = [_defaults(session), _in_groups(session, near)]
    if near is not None and near.resource.group is not None:
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
    if near is not None and near.resource.group is not None:
        own = fold(near.resource.group)
        names.sort(key=lambda name: fold(name) != own)
    for name in names:
        yield from session.store.services.in_group(session.group_id(name))


def pair(session: Session, named: Revision | None, kind: type[Id]) -> tuple[Revision[Id] | None, Revision[Id] | None]:
    """Return the scoring service and the training service that belong together; None for one that does not exist.

    Args:
        named: one of the two, of this kind; None for the scoring service created last.
        kind: what to return: New web services or Classic endpoints.
    """

    def first(found: list[Revision]) -> Revision[Id] | None:
        return next((other for other in found if is_revision_of(other, kind)), None)

    known = [
        other for other in ([named] if named is not None else all_services(session)) if is_revision_of(other, kind)
    ]
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
    """The sentence that a service has no updatable resources, and which service has them."""
    text = (
        f"The web service {title(revision)!r} has no updatable resources: it trains a model and does not contain one."
    )
    names = [label(other) for other in predictive(session, revision)]
    return f"{text} Update its model in {' and '.join(names[:3])}." if names else text


def label(revision: Revision) -> str:
    """The name of a web service in a sentence; a New one with its resource group."""
    resource = revision.resource
    if isinstance(resource, ResourceId):
        return f"{resource.name!r} of the resource group {resource.group!r}"
    return f"{title(revision)!r}"


def patch_hint(session: Session, revision: Revision) -> str:
    """The next command after a PATCH found nothing to replace: one for the service that has the model."""
    for other in predictive(session, revision):
        resource = other.resource
        if isinstance(resource, ResourceId):
            return _help_command(resource)
        return next_command(session, resource)
    return "PATCH an endpoint of the predictive web service; mlmgmt Get-AmlWebService lists them."


def next_command(session: Session, default: EndpointId) -> str:
    """The next command for a default endpoint, which cannot be patched: help for another endpoint, or adding one."""
    patchable = patchable_of(session, default)
    return _help_command(patchable) if patchable is not None else add_endpoint_command(default)


def add_endpoint_command(near: EndpointId, name: str = "loc001") -> str:
    """The command that adds an endpoint to the web service of `near`."""
    return f"mlmgmt add-endpoint -WebServiceId {near.service} -EndpointName {name}"


def _help_command(resource: ServiceId) -> str:
    return f"mlmgmt endpoint-help {resource.words} -Part update"


def patchable_of(session: Session, near: EndpointId) -> EndpointId | None:
    """Return an endpoint of the same web service that can be patched: not the default one, nor a protected one."""
    for name in session.store.services.endpoint_names(near.workspace, near.service):
        identity = EndpointId(near.workspace, near.service, name)
        found = session.store.services.current(identity) if name != finding.DEFAULT else None
        if found is not None and not endpoint_facts.prevents_update(found.document):
            return identity
    return None
