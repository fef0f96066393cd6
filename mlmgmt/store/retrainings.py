"""What became of each key of a run of many retrainings: `retrainings/<scoring service>/<name>.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt.ids import file_name, service_guid
from mlmgmt.store import files

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
"""Of a row of the table, in their order."""
_KEPT = frozenset((*MEMBERS, "Input", "Against"))


class Retrainings:
    """The results of one home, by the service that scores and the key."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _file(self, scoring: ServiceId, name: str) -> Path:
        return self._root / "retrainings" / service_guid(scoring) / f"{file_name(name)}.json"

    def read(self, scoring: ServiceId, name: str) -> dict[str, Any] | None:
        """What became of a key the last time; None when it was never seen, or its file is none that can be read.

        Args:
            name: of the endpoint, or the web service, of the key.
        """
        body = files.read_json(self._file(scoring, name))
        # Results can be had again from the models themselves, so a damaged file stands in nobody's way.
        return body if body is not None and body.keys() >= _KEPT else None

    def write(self, scoring: ServiceId, name: str, body: dict[str, Any]) -> None:
        path = self._file(scoring, name)
        if not path.parent.is_dir():
            files.make_folder(path.parent)
        files.write(path, orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE), durable=False)
