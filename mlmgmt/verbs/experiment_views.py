"""Experiments as the service described them."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_STATUS = ("StatusCode", "StatusDetail", "CreationTime", "StartTime", "EndTime")


def documented(body: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The documented members of an experiment. `Description` is its name, as it was there.

    Args:
        others: the experiments of the workspace; one that others were made of is no leaf.
    """
    identity, status = body["ExperimentId"], body["Status"]
    return {
        "ExperimentId": identity,
        "RunId": body.get("RunId"),
        "ParentExperimentId": body.get("ParentExperimentId"),
        "OriginalExperimentDocumentationLink": None,
        "Summary": body.get("Summary") or "",
        "Description": body["Description"],
        "Status": {**{name: status.get(name) for name in _STATUS}, "Metadata": None},
        "Etag": sha256(orjson.dumps(dict(body), option=orjson.OPT_SORT_KEYS)).hexdigest()[:32],
        "Creator": body.get("Creator"),
        "IsLeaf": not any(other.get("ParentExperimentId") == identity for other in others),
        "DisableNodesUpdate": False,
        "Category": body.get("Category") or "user",
        "Tags": [],
    }
