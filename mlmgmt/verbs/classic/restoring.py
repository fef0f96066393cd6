"""Restore a removed Classic web service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import Conflict, NotFound
from mlmgmt.ids import EndpointId, is_guid
from mlmgmt.verbs.classic.web_services import WRITE, locked, view
from mlmgmt.verbs.outcome import Outcome, no_comparison
from mlmgmt.verbs.services import finding, history

if TYPE_CHECKING:
    from mlmgmt.store.classic import WebService
    from mlmgmt.verbs.session import Session


def plan_restore(
    session: Session, *, web_service_id: str, message: str | None = None, skip_model_check: bool = False
) -> Outcome:
    """Plan to restore a removed web service, with the endpoints that were removed with it and their keys.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`: no web service ever had this id.
        Conflict: `WebServiceExists`: it is not removed.
        BadRequest: one of its models fails its check.
    """
    body = _removed_web_service(session, web_service_id)
    session.require(WRITE, body["Id"])
    restored = body.copy()
    restored.pop("RemovedTime", None)
    removed = restored.pop("RemovedEndpoints", [])
    identities = [
        EndpointId(body["WorkspaceId"], body["Id"], name)
        for name in sorted(removed, key=lambda name: name == finding.DEFAULT)
    ]
    # Plan, and so check, every endpoint before anything is written: a web service is not restored without them.
    planned = [
        history.restoration(
            session, identity, message=message or "with its web service", skip_model_check=skip_model_check
        )
        for identity in identities
        if (latest := session.store.services.latest(identity)) is not None and latest.removed
    ]

    def commit() -> dict[str, Any]:
        with locked(session, body["Id"]):
            # Raises, before anything is written, if it was restored meanwhile.
            _removed_web_service(session, body["Id"])
            session.store.web_services.write({**restored, "RemovedEndpoints": removed})
            for outcome in planned:
                outcome.apply(again=True)
            session.store.web_services.write(restored)
        return view(session, restored)

    return Outcome(
        target=body["Name"], before=None, after=restored, commit=commit, preview=restored, compared=no_comparison
    )


def _removed_web_service(session: Session, named: str) -> WebService:
    """Return a web service that was removed, or whose removal was interrupted, by its id."""
    key = named.strip().casefold()
    body = session.store.web_services.read(session.workspace, key) if is_guid(key) else None
    if body is None:
        _refuse_unknown(session, named)
    if body is None or not {"RemovedTime", "RemovedEndpoints"} & body.keys():
        raise Conflict(f"The web service {named!r} is not removed.", detail="WebServiceExists", target=named)
    return body


def _refuse_unknown(session: Session, named: str) -> None:
    """Raise NotFound unless an existing web service has this id or name."""
    try:
        finding.web_service(session, named)
    except NotFound as error:
        error.hint = "Give the id that remove-web-service showed; a removed web service cannot be found by name."
        raise
