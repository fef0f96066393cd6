"""How callers address a service: a New web service by group and name, an endpoint by Classic web service and name."""

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
    """Return the id of an address; what it names need not exist.

    Raises:
        NotFound: the Classic web service.
        BadRequest: `InvalidResourceName`.
    """
    if "web_service_id" in address:
        return finding.endpoint_id(session, address["web_service_id"], address.get("endpoint_name", finding.DEFAULT))
    return session.service_id(address["group"], address["name"])


def existing(session: Session, **address: Unpack[Address]) -> Revision:
    """Return the current revision at an address.

    Raises:
        NotFound: there is no such service.
    """
    return at(session, identity(session, **address))


def at(session: Session, resource: ServiceId) -> Revision:
    """Return the current revision at an id.

    Raises:
        NotFound: there is no such service.
    """
    if isinstance(resource, ResourceId):
        return lookup.existing(session, resource.group, resource.name)
    return finding.existing(session, resource)
