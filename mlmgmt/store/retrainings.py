"""The last result for each key of a retraining of many models: `retrainings/<scoring service>/<name>.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.ids import file_name, service_guid
from mlmgmt.store import documents, files

if TYPE_CHECKING:
    from pathlib import Path

    from mlmgmt.ids import ServiceId

MEMBERS = (
    "Key",
    "Endpoint",
    "Rows",
    "Metrics",
    "Metric",
    "OldMetric",
    "Decision",
    "Reason",
    "Model",
    "DataDigest",
    "Seconds",
)
"""The members of a row of the result table, in order."""
_KEPT = frozenset((*MEMBERS, "Input", "Against"))


class Retrainings:
    """The results of one home, by the service that scores and the key."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _file(self, scoring: ServiceId, name: str) -> Path:
        return self._root / "retrainings" / service_guid(scoring) / f"{file_name(name)}.json"

    def read(self, scoring: ServiceId, name: str) -> dict[str, Any] | None:
        """Return the last result for a key; None if there is none, or its file cannot be read.

        Args:
            name: the endpoint or web service of the key.
        """
        body = files.read_json(self._file(scoring, name))
        # Results can be worked out again from the models, so a damaged file is not an error.
        return body if body is not None and body.keys() >= _KEPT else None

    def write(self, scoring: ServiceId, name: str, body: dict[str, Any]) -> None:
        documents.write(self._file(scoring, name), body, durable=False)
