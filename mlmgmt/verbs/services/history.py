"""The history of a web service: list its revisions, roll back to one, restore a removed service."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

from mlmgmt.errors import BadRequest, Conflict, NotFound
from mlmgmt.ids import EndpointId
from mlmgmt.store.services import is_revision_of
from mlmgmt.verbs.outcome import Outcome, replannable
from mlmgmt.verbs.services import addresses, changes, deployment, endpoint_view, lookup

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from mlmgmt.ids import ServiceId
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.services.addresses import Address
    from mlmgmt.verbs.services.endpoint_view import Endpoint
    from mlmgmt.verbs.services.lookup import WebService
    from mlmgmt.verbs.session import Session

_WRITE = "Microsoft.MachineLearning/webServices/write"


class Entry(TypedDict):
    """A revision in a history. `Models` has digests by asset id; a model without one has its state."""

    Revision: int
    ModifiedOn: str
    Change: str
    By: str
    Models: dict[str, str]
    Check: str
    Source: str | None
    Message: str | None
    Etag: str


def history(session: Session, **address: Unpack[Address]) -> list[Entry]:
    """Return every revision of a web service or an endpoint, newest first, even if it is removed.

    Raises:
        NotFound: the service never existed.
    """
    identity = addresses.identity(session, **address)
    revisions = session.store.services.history(identity)
    if not revisions:
        # It raises the NotFound that fits: of a group, of a web service or of an endpoint.
        addresses.at(session, identity)
    return [_row(revision) for revision in reversed(revisions)]


def _row(revision: Revision) -> Entry:
    models = {asset_id: body.get("digest") or body["state"] for asset_id, body in revision.models.items()}
    return {
        "Revision": revision.number,
        "ModifiedOn": revision.modified_on,
        "Change": revision.change,
        "By": revision.by,
        "Models": models,
        "Check": revision.checked,
        "Source": revision.source,
        "Message": revision.message,
        "Etag": revision.etag,
    }


def revision_of(session: Session, resource: ServiceId, number: int) -> Revision:
    """Return one revision.

    Raises:
        NotFound: `RevisionNotFound`.
    """
    found = session.store.services.revision(resource, number)
    if found is None:
        raise NotFound(
            f"{resource.name!r} has no revision {number}.",
            detail="RevisionNotFound",
            target="Revision",
            hint=f"List its revisions: mlmgmt history {resource.words}",
        )
    return found


def plan_rollback(
    session: Session,
    *,
    to: int | None = None,
    message: str | None = None,
    if_match: str | None = None,
    skip_model_check: bool = False,
    **address: Unpack[Address],
) -> Outcome:
    """Plan a new revision with the definition and the models of an earlier one.

    Args:
        to: the number of the earlier revision; the one before the current one when None.

    Raises:
        NotFound: the service; or `RevisionNotFound`.
        Conflict: `WebServiceReadOnly`, `NothingChanged`.
        BadRequest: the models of that revision fail the check; `RevisionIsRemoval`.
    """
    current = addresses.existing(session, **address)
    name = current.resource.name
    session.require(_WRITE, current.resource)
    changes.check_etag(current, if_match)
    changes.refuse_read_only(current)
    number = to if to is not None else current.number - 1
    earlier = revision_of(session, current.resource, number)
    if earlier.removed:
        text = f"Revision {number} removed {name!r}, so it cannot be rolled back to; give another revision."
        raise BadRequest(text, detail="RevisionIsRemoval", target="To")
    if changes.is_same(current, earlier.document, earlier.models):
        text = f"{name!r} already has the content of revision {number}; nothing was rolled back."
        raise Conflict(text, detail="NothingChanged", target=name)
    outcome = _return_to(
        session,
        current.resource,
        earlier,
        current,
        kind="rolled back",
        message=message or f"back to revision {number}",
        skip=skip_model_check,
    )
    # Planned again after another change, it goes back to the same revision.
    again = partial(plan_rollback, session, to=number, message=message, if_match=if_match, **address)
    return replace(outcome, replan=partial(again, skip_model_check=skip_model_check))


def plan_restore(
    session: Session, *, message: str | None = None, skip_model_check: bool = False, **address: Unpack[Address]
) -> Outcome:
    """Plan to restore a removed web service or endpoint, with its keys.

    Raises:
        NotFound: the group or the Classic web service; or the service never existed.
        Conflict: `WebServiceExists`: it is not removed.
    """
    identity = addresses.identity(session, **address)
    if identity.group is not None:
        session.existing_group(identity.group)
    return restoration(session, identity, message=message, skip_model_check=skip_model_check)


@replannable
def restoration(
    session: Session, identity: ServiceId, *, message: str | None = None, skip_model_check: bool = False
) -> Outcome:
    """Plan to restore what was removed at an id; see `plan_restore`."""
    session.require(_WRITE, identity)
    latest = session.store.services.latest(identity)
    if latest is None:
        # It raises NotFound.
        addresses.at(session, identity)
    assert latest is not None
    if not latest.removed:
        hint = f"Go back to an earlier revision: mlmgmt rollback {identity.words} -To ..."
        raise Conflict(f"{identity.name!r} is not removed.", detail="WebServiceExists", target=identity.name, hint=hint)
    return _return_to(
        session,
        identity,
        latest,
        latest,
        kind="restored",
        message=message,
        skip=skip_model_check,
    )


def _view(session: Session, revision: Revision) -> WebService | Endpoint:
    if is_revision_of(revision, EndpointId):
        return endpoint_view.view(session, revision)
    return lookup.view(session, revision)


def _return_to(
    session: Session,
    identity: ServiceId,
    earlier: Revision,
    current: Revision,
    *,
    kind: str,
    message: str | None,
    skip: bool,
) -> Outcome:
    before = None if current.removed else current
    document: Mapping[str, Any] = earlier.document
    deployed = deployment.prepare(session, document, before, skip=skip, digests=earlier.models)
    return changes.planned_write(
        session,
        identity,
        changes.Change(kind, document, None, deployed, message, None, current),
        lambda revision: _view(session, revision),
    )
