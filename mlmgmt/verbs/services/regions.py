"""Regional properties: add a web service to another region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmgmt.ids import check_name
from mlmgmt.verbs.outcome import Outcome, no_comparison, replannable
from mlmgmt.verbs.services import changes, deployment, lookup

if TYPE_CHECKING:
    from mlmgmt.verbs.session import Session

_WRITE = "Microsoft.MachineLearning/webServices/write"


@replannable
def plan_add(session: Session, *, group: str, name: str, region: str) -> Outcome:
    """Plan to add a web service to a region; if it is in that region already, nothing changes.

    Raises:
        BadRequest: `InvalidResourceName`: the region's name is not valid.
        Conflict: `WebServiceReadOnly`.
        NotFound: `ResourceGroupNotFound`, `WebServiceNotFound`.
        AuthorizationFailed.
    """
    current = lookup.existing(session, group, name)
    session.require(_WRITE, current.resource)
    check_name(region, what="region")
    if lookup.is_in(current, region):
        shown = lookup.view(session, current)
        return Outcome(target=name, before=current.document, after=current.document, commit=lambda: shown)
    changes.refuse_read_only(current)
    return changes.planned_write(
        session,
        current.resource,
        changes.Change(
            "region added",
            current.document,
            None,
            deployment.Deployment(current.models, checked="untouched"),
            f"regional properties in {region}",
            None,
            current,
            region,
        ),
        lambda revision: lookup.view(session, revision),
        question=f"Add the web service {current.document['name']!r} to the region {region!r}?",
        compared=no_comparison,
    )
