"""The logs that a web service's `diagnostics` turn on: blobs in the container ml-diagnostics of its storage account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmgmt.store.blobs import Blob

if TYPE_CHECKING:
    from mlmgmt.ids import ServiceId
    from mlmgmt.verbs.session import Session

CONTAINER = "ml-diagnostics"


def append(session: Session, resource: ServiceId, lines: bytes) -> None:
    """Add lines to today's log of a web service's request-response calls.

    Raises:
        NotFound: `AccountNotRegistered`: there is no storage account to log to.
    """
    day = session.clock().strftime("%Y-%m-%d")
    path = f"{resource.log_folder}/score/requests/{day}.jsonl"
    session.store.blobs.append(Blob(_account(session, resource), CONTAINER, path), lines)


def _account(session: Session, resource: ServiceId) -> str:
    found = session.store.services.current(resource)
    stated = (found.document["properties"].get("storageAccount") or {}).get("name") if found is not None else None
    known = isinstance(stated, str) and session.store.blobs.is_registered(stated)
    return str(stated) if known else session.storage_account()
