"""An operation of the HTTP service, as data for the server's routing, its OpenAPI document and `-ShowHttp`.

The names are the operationIds of the resource provider's contract (api-versions 2017-01-01 and 2016-05-01-preview), and
of the scoring API's Swagger document.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import quote

STUDIO = "/api"
"""The prefix of the paths of Studio's own API, whose errors have another shape."""
STUDIO_HEADER = "x-ms-metaanalytics-authorizationtoken"
"""The header with the workspace's token in Studio's own API; Classic management takes it as a bearer token."""
V2017, V2016 = "2017-01-01", "2016-05-01-preview"
BOTH = (V2017, V2016)


class Proof(Enum):
    """How a caller authenticates."""

    NOTHING = auto()
    TOKEN = auto()
    """A bearer token, from `mlmgmt token`."""
    KEY = auto()
    """One of the web service's two keys."""
    SIGNATURE = auto()
    """A shared access signature in the query."""
    WORKSPACE = auto()
    """A token of the Classic workspace, or a key of the endpoint that the path names."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Args:
        path: its template; the case of literal segments is ignored, and `{*rest}` takes the rest of a path.
        answer: the OpenAPI component of its answer; empty for an empty body.
        body: the OpenAPI component of its body; empty if it has none.
        query: more query parameters; one that ends in `!` is required.
        statuses: the statuses of answers that are not errors.
        versions: the api-versions it takes; empty if it takes none.
        takes_long: whether it may change something or take long, so that it must not run in the event loop.
    """

    name: str
    method: str
    path: str
    summary: str
    answer: str = ""
    body: str = ""
    query: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    versions: tuple[str, ...] = ()
    proof: Proof = Proof.TOKEN
    takes_long: bool = False

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.path.strip("/").split("/"))

    @property
    def of_studio(self) -> bool:
        """Whether it belongs to Studio's own API."""
        return self.path.startswith(f"{STUDIO}/")

    def fill_path(self, **values: str) -> str:
        """Return the path with its parameters filled in, percent-encoded."""
        given = {f"{{{name}}}": quote(value, safe="") for name, value in values.items()}
        return "/" + "/".join(given.get(segment, segment) for segment in self.segments)


SUBSCRIPTION = "/subscriptions/{subscriptionId}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/{{resourceGroupName}}"
PROVIDER = "providers/Microsoft.MachineLearning"
SKIP = ("$skiptoken",)
WORKSPACE = "/workspaces/{workspaceId}"
