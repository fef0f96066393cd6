"""How callers name what answers: a New web service by its group and name, an endpoint by its Classic web service and
its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from mlmgmt.ids import ResourceId
from mlmgmt.verbs.services import finding, lookup

if TYPE_CHECKING:
    from typing import Unpack

    from mlmgmt.ids import ServiceId
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session


class Address(TypedDict, total=False):
    """`group` and `name`, or `web_service_id` (or the web service's name) and `endpoint_name`."""

    group: str
    name: str
    web_service_id: str
    endpoint_name: str


def identity(session: Session, **address: Unpack[Address]) -> ServiceId:
    """The id of what is named, whether or not it stands.

    Raises:
        NotFound: the Classic web service. BadRequest: `InvalidResourceName`.
    """
    if "web_service_id" in address:
        return finding.endpoint_id(session, address["web_service_id"], address.get("endpoint_name", finding.DEFAULT))
    return session.service_id(address["group"], address["name"])


def existing(session: Session, **address: Unpack[Address]) -> Revision:
    """The revision that answers.

    Raises:
        NotFound: there is none.
    """
    return at(session, identity(session, **address))


def at(session: Session, resource: ServiceId) -> Revision:
    """The revision that answers at an id.

    Raises:
        NotFound: there is none.
    """
    if isinstance(resource, ResourceId):
        return lookup.existing(session, resource.group, resource.name)
    return finding.existing(session, resource)
