"""The comment at the head of sample code: what a program asks, what it needs, and which commands show that."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mlmgmt.ids import ResourceId
from mlmgmt.pages.samples import rendering
from mlmgmt.verbs import scoring_remote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

PYTHON, POWERSHELL, CURL, CSHARP, R = rendering.LANGUAGES
NEEDS = {
    PYTHON: "It needs Python 3.9 or later, and nothing else.",
    POWERSHELL: "It needs PowerShell 5.1 or later, and nothing else.",
    CURL: "It needs curl 7.76 or later.",
    CSHARP: "It needs .NET 8 or later: dotnet new console, and this as its Program.cs.",
    R: "It needs R 4.1 or later and the packages httr2 and jsonlite.",
}
_TRUSTS = {
    PYTHON: "SSL_CERT_FILE={0}  (for the package requests: REQUESTS_CA_BUNDLE={0})",
    POWERSHELL: "SSL_CERT_FILE={0}  (in PowerShell 7 on Linux)",
    CURL: "CURL_CA_BUNDLE={0}  (or give curl --cacert {0})",
    CSHARP: "SSL_CERT_FILE={0}  (on Linux)",
    R: "CURL_CA_BUNDLE={0}",
}


def asks(revision: Revision) -> str:
    """Which service it is, for the head of a comment."""
    resource, name = revision.resource, revision.document["name"]
    if isinstance(resource, ResourceId):
        return f"Asks the web service {name} of the resource group {resource.group}."
    return f"Asks the endpoint {name} of the web service {revision.document['properties'].get('title')}."


def key_notes(revision: Revision) -> Iterable[str]:
    """Which variable takes a key, and the command that shows it."""
    resource = revision.resource
    shows = "mlmgmt keys" if isinstance(resource, ResourceId) else "mlmgmt Get-AmlWebServiceEndpoint"
    yield "AZUREML_API_KEY, one of the two keys that this shows:"
    yield f"    {shows} {resource.words}"


def trust_notes(session: Session, language: str, origin: str, *, public: bool = False) -> Iterable[str]:
    """How to have the home's own authority trusted, where a server is asked by https."""
    if origin.casefold().startswith("https:"):
        yield "For a server with -Tls, the certificate of this home's own authority:"
        authority = "ca.pem" if public else str(scoring_remote.authority(session))
        yield "    " + _TRUSTS[language].format(shlex.quote(authority))


def replaces(revision: Revision, resource: str) -> str:
    """Which model of which service is replaced, for the head of a comment."""
    named = revision.resource
    if isinstance(named, ResourceId):
        return f"Replaces {resource} of the web service {named.name}, resource group {named.group}."
    title = revision.document["properties"].get("title")
    return f"Replaces {resource} of the endpoint {named.name} of the web service {title}."
