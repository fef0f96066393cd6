"""Bringing back a Classic web service that was removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import Conflict, Detail, NotFound
from mlmgmt.ids import EndpointId, is_guid
from mlmgmt.verbs.classic.web_services import GOING, WRITE, held, view
from mlmgmt.verbs.outcome import Outcome, no_comparison
from mlmgmt.verbs.services import finding, history

if TYPE_CHECKING:
    from mlmgmt.verbs.session import Session


def plan_restore(
    session: Session, *, web_service_id: str, message: str | None = None, skip_model_check: bool = False
) -> Outcome:
    """Plan to bring back a removed web service with the endpoints that were removed with it, keys included.

    Raises:
        NotFound: `WebServiceIdNotFoundInWorkspace`: there never was one of that id.
        Conflict: `WebServiceExists`: it stands.
        BadRequest: a model of it does not pass its proof.
    """
    body = _removed(session, web_service_id)
    session.require(WRITE, body["Id"])
    stood = {name: value for name, value in body.items() if name not in ("RemovedTime", GOING)}

    identities = [
        EndpointId(body["WorkspaceId"], body["Id"], name)
        for name in sorted(body.get(GOING, ()), key=lambda name: str(name) == finding.DEFAULT)
    ]
    # Planned, and so proved, before anything is written: a web service does not come back without its endpoints.
    planned = [
        history.restoration(
            session, identity, message=message or "with its web service", skip_model_check=skip_model_check
        )
        for identity in identities
        if (latest := session.store.services.latest(identity)) is not None and latest.removed
    ]

    def commit() -> dict[str, Any]:
        with held(session, body["Id"]):
            # Of one that came back meanwhile nothing is written.
            _removed(session, body["Id"])
            session.store.web_services.write(stood | {GOING: body.get(GOING, [])})
            for outcome in planned:
                outcome.apply(again=True)
            session.store.web_services.write(stood)
        return view(session, stood)

    return Outcome(target=body["Name"], before=None, after=stood, commit=commit, preview=stood, compared=no_comparison)


def _removed(session: Session, named: str) -> dict[str, Any]:
    """A web service that was removed, or was about to be, by its id."""
    key = named.strip().casefold()
    body = session.store.web_services.read(session.workspace, key) if is_guid(key) else None
    if body is None:
        _stands(session, named)
    if body is None or not {"RemovedTime", GOING} & body.keys():
        text = f"The web service {named!r} is not removed."
        raise Conflict(text, target=named, details=[Detail("WebServiceExists", text)])
    return body


def _stands(session: Session, named: str) -> None:
    """Refuse what no removed web service is called, unless one that stands is."""
    try:
        finding.web_service(session, named)
    except NotFound as error:
        error.hint = "remove-web-service says the id; a removed web service is named by nothing else."
        raise
