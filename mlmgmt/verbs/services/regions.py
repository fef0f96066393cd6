"""Regional properties: a web service is made known in a further region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmgmt.ids import check_name
from mlmgmt.verbs.outcome import Outcome, shown_only
from mlmgmt.verbs.services import changes, deployment, lookup

if TYPE_CHECKING:
    from mlmgmt.verbs.session import Session

_WRITE = "Microsoft.MachineLearning/webServices/write"


def plan_add(session: Session, *, group: str, name: str, region: str) -> Outcome:
    """Plan to give a web service properties in a region; where it has them, it is answered as it is.

    Raises:
        BadRequest: `InvalidResourceName`: that is no name of a region.
        Conflict: `WebServiceReadOnly`.
        NotFound: `ResourceGroupNotFound`, `WebServiceNotFound`.
        AuthorizationFailed.
    """
    standing = lookup.existing(session, group, name)
    session.require(_WRITE, standing.resource)
    check_name(region, what="region")
    if lookup.is_in(standing, region):
        shown = lookup.view(session, standing)
        return Outcome(target=name, before=standing.document, after=standing.document, commit=lambda: shown)
    changes.refuse_read_only(standing)
    outcome = changes.outcome_of(
        session,
        standing.resource,
        changes.Change(
            "region added",
            standing.document,
            None,
            deployment.Deployment(standing.models, checked="untouched"),
            f"regional properties in {region}",
            None,
            standing,
            region,
        ),
        lambda revision: lookup.view(session, revision),
        replan=lambda: plan_add(session, group=group, name=name, region=region),
    )
    outcome.question = f"Make regional properties of the web service {standing.document['name']!r} in {region!r}?"
    outcome.compared = shown_only
    return outcome
