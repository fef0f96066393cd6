"""Tables of experiments: kept in the home's storage account."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from mlmgmt.store import blobs

if TYPE_CHECKING:
    from mlmgmt.verbs.session import Session

DATASETS = "datasets"
_SUFFIXES = ("csv", "tsv", "arff", "zip")
"""The suffixes that tell a format; a table with any other suffix is read and stored as CSV."""
_LONGEST_STEM = 80


def blob_of(session: Session, name: str, data: bytes) -> blobs.Blob:
    """Return the blob for a table, or a script bundle. The same bytes under the same name have one blob.

    Raises:
        NotFound: `AccountNotRegistered`.
    """
    stem, _, suffix = name.rpartition(".")
    stem, suffix = (stem, suffix.lower()) if suffix.lower() in _SUFFIXES else (name, "csv")
    plain = re.sub(r"[^\w.,()+-]+", "-", stem).strip(".-")[:_LONGEST_STEM] or "table"
    return blobs.Blob(session.storage_account(), DATASETS, f"{plain}-{sha256(data).hexdigest()[:12]}.{suffix}")


def keep(session: Session, name: str, data: bytes) -> str:
    """Store a table as a blob and return its uri. Raises the errors of `blob_of`."""
    blob = blob_of(session, name, data)
    if not session.store.blobs.exists(blob):
        session.store.blobs.write(blob, data)
    return blob.uri
