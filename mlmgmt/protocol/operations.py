"""Every operation of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmgmt.protocol.classic import CLASSIC
from mlmgmt.protocol.data_plane import BLOBS, CLASSIC_SCORING, SCORING, SERVER
from mlmgmt.protocol.plans import PLANS
from mlmgmt.protocol.resources import RESOURCES
from mlmgmt.protocol.web_services import WEB_SERVICES

if TYPE_CHECKING:
    from mlmgmt.protocol.operation import Operation

OPERATIONS = (*WEB_SERVICES, *PLANS, *RESOURCES, *CLASSIC, *SCORING, *CLASSIC_SCORING, *SERVER, *BLOBS)


def find(name: str) -> Operation:
    """Return the operation with a name."""
    return next(operation for operation in OPERATIONS if operation.name == name)
