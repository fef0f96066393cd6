"""What an operation of the HTTP service is, as data: the server routes it, its OpenAPI document and `-ShowHttp`
read it.

The names are the operationIds of the resource provider's contract (api-versions 2017-01-01 and 2016-05-01-preview), and
of the scoring API's Swagger document.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import quote

STUDIO = "/api"
"""Where the paths of Studio's own API begin; its errors are of another shape."""
STUDIO_HEADER = "x-ms-metaanalytics-authorizationtoken"
"""Brings the workspace's token to Studio's own API; Classic management takes it as a bearer token."""
V2017, V2016 = "2017-01-01", "2016-05-01-preview"
BOTH = (V2017, V2016)


class Proof(Enum):
    """What a caller shows."""

    NOTHING = auto()
    TOKEN = auto()
    """A bearer token: `mlmgmt token`."""
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
        path: its template; literal segments are matched without regard to case, `{*rest}` takes all that is left.
        versions: the api-versions it takes; none when it takes no api-version.
        query: further query parameters; one that ends in `!` is required.
        body: what its body is, as a component of the OpenAPI document; none when it has none.
        answers: status and component ("" for an empty body) of each answer that is no error.
        writes: it may change something, or take long; it does not run in the event loop.
    """

    name: str
    method: str
    path: str
    summary: str
    versions: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    body: str = ""
    answers: tuple[tuple[int, str], ...] = ((200, ""),)
    proof: Proof = Proof.TOKEN
    writes: bool = False

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.path.strip("/").split("/"))

    @property
    def of_studio(self) -> bool:
        """Whether it is of Studio's own API."""
        return self.path.startswith(f"{STUDIO}/")

    def fill_path(self, **values: str) -> str:
        """The path with its parameters filled in, percent-encoded."""
        given = {f"{{{name}}}": quote(value, safe="") for name, value in values.items()}
        return "/" + "/".join(given.get(segment, segment) for segment in self.segments)


SUBSCRIPTION = "/subscriptions/{subscriptionId}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/{{resourceGroupName}}"
PROVIDER = "providers/Microsoft.MachineLearning"
SKIP = ("$skiptoken",)
WORKSPACE = "/workspaces/{workspaceId}"
