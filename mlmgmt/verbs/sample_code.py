"""Sample code: programs that ask a web service, with its address, ports, columns and parameters; without its keys."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from typing import TYPE_CHECKING, Any

from mlmgmt.definition.assets import TRAINED_MODEL_SUFFIX, TRANSFORMATION_SUFFIX
from mlmgmt.errors import BadRequest, Detail, MlmgmtError
from mlmgmt.ids import ResourceId
from mlmgmt.pages.samples import rendering
from mlmgmt.verbs import addresses, job_requests, lookup, scoring_remote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Unpack

    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.addresses import Address
    from mlmgmt.verbs.session import Session

PYTHON, POWERSHELL, CURL, CSHARP, R = rendering.LANGUAGES
REQUEST_RESPONSE, BATCH, BOTH = "rrs", "bes", "both"
_NEEDS = {
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
_WIDTH = 110
_LONGEST_FILE = 60


def sample_code(
    session: Session,
    *,
    language: str = PYTHON,
    server: str | None = None,
    api: str = BOTH,
    **address: Unpack[Address],
) -> str:
    """A program that scores a row with a web service, and runs a batch job of it.

    Args:
        language: one of `rendering.LANGUAGES`.
        server: the origin of the server; `scoring_remote.DEFAULT_ORIGIN` when None.
        api: `rrs`, `bes` or `both`; of a service that trains, `both` is batch execution alone.

    Returns:
        the program's text, in ASCII.

    Raises:
        NotFound: the service.
        BadRequest: `IncompatibleModel`: request-response is asked for, and the service gives no table; or its graph
            cannot be run.
        WrongUsage: `BadParameterValue`: the server's address is none.
    """
    from mlmgmt.learning.plan import Plan

    origin = scoring_remote.origin_of(server)
    revision = addresses.existing(session, **address)
    document = lookup.public(session, revision)
    plan = Plan(revision.document)
    suffixes = job_requests.output_suffixes(plan)
    ports = plan.needs_inputs()
    scores = _scores(suffixes)
    if not scores and api == REQUEST_RESPONSE:
        message = f"{revision.document['name']!r} is no service to score with: it gives no table, or trains."
        hint = f"Ask for the other: mlmgmt sample-code {revision.resource.words} --api {BATCH}"
        raise BadRequest(message, target="Api", details=[Detail("IncompatibleModel", message)], hint=hint)
    if not scores and api == BOTH:
        session.tell("It is for batch execution alone: the service gives no table, or trains.")
    properties = document["properties"]
    parameters = _parameters(properties)
    request = None
    if scores and api != BATCH:
        inputs = {port: _table(properties, port) for port in ports}
        request = {"Inputs": inputs, "GlobalParameters": parameters}
    batch = _batch(ports, suffixes, parameters) if api != REQUEST_RESPONSE or not scores else None
    return rendering.render(
        language,
        service=scoring_remote.address(session, revision.resource, origin),
        notes=[*_notes(session, revision, language, origin, batch, properties)],
        request=request,
        batch=batch,
    )


def _scores(suffixes: Mapping[str, Collection[str]]) -> bool:
    trains = {TRAINED_MODEL_SUFFIX, TRANSFORMATION_SUFFIX}
    return bool(suffixes) and not any(trains & set(known) for known in suffixes.values())


def _parameters(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Each web service parameter with its default; an empty text leaves the service's own value."""
    defaults = {name.casefold(): body for name, body in (properties.get("parameters") or {}).items()}
    found: dict[str, Any] = {}
    for name in properties["package"].get("graphParameters") or {}:
        body = defaults.get(name.casefold())
        value = body.get("value") if isinstance(body, dict) else body
        found[name] = "" if value is None or isinstance(value, (dict, list)) else value
    return found


def _columns(properties: Mapping[str, Any], port: str) -> dict[str, Any]:
    specification = ((properties.get("input") or {}).get("properties") or {}).get(port) or {}
    return dict(specification.get("properties") or {})


def _table(properties: Mapping[str, Any], port: str) -> dict[str, Any]:
    """One row for an input: the example request's first, else one of the types that are declared."""
    columns = _columns(properties, port)
    rows = ((properties.get("exampleRequest") or {}).get("inputs") or {}).get(port)
    if not rows:
        from mlmgmt.learning.tables import made_row

        rows = [made_row({"properties": columns})]
    return {"ColumnNames": list(columns), "Values": rows[:1]}


def _batch(
    ports: Iterable[str], suffixes: Mapping[str, tuple[str, ...]], parameters: Mapping[str, Any]
) -> rendering.Batch:
    taken: set[str] = set()
    inputs = {port: _file(port, ".csv", taken) for port in ports}
    outputs = {port: _file(f"{port}results", known[0], taken) for port, known in suffixes.items()}
    return rendering.Batch(inputs, outputs, dict(parameters))


def _file(port: str, suffix: str, taken: set[str]) -> str:
    """A name for a port's file that is the same in every file system, shell and address."""
    plain = re.sub("[^A-Za-z0-9_]", "_", port)[:_LONGEST_FILE]
    found, number = f"{plain}{suffix}", 2
    while found.casefold() in taken:
        found, number = f"{plain}_{number}{suffix}", number + 1
    taken.add(found.casefold())
    return found


def _notes(
    session: Session,
    revision: Revision,
    language: str,
    origin: str,
    batch: rendering.Batch | None,
    properties: Mapping[str, Any],
) -> Iterable[str]:
    """The comment at the head: what the program needs, and which commands show it."""
    resource, name = revision.resource, revision.document["name"]
    if isinstance(resource, ResourceId):
        yield f"Asks the web service {name} of the resource group {resource.group}."
        shows = f"mlmgmt keys {resource.words}"
    else:
        yield f"Asks the endpoint {name} of the web service {revision.document['properties'].get('title')}."
        shows = f"mlmgmt Get-AmlWebServiceEndpoint {resource.words}"
    yield _NEEDS[language]
    yield ""
    yield "Environment variables:"
    yield "AZUREML_API_KEY, one of the two keys that this shows:"
    yield f"    {shows}"
    if batch is not None:
        yield from _storage_notes(session, origin, batch)
        for port, file in batch.inputs.items():
            if columns := _columns(properties, port):
                told = f"{file} begins with a line of column names, in any order: {json.dumps(list(columns))[1:-1]}"
                yield from textwrap.wrap(told, _WIDTH, subsequent_indent="    ", break_long_words=False)
    if origin.casefold().startswith("https:"):
        yield "For a server with -Tls, the certificate of this home's own authority:"
        yield "    " + _TRUSTS[language].format(shlex.quote(str(scoring_remote.authority(session))))


def _storage_notes(session: Session, origin: str, batch: rendering.Batch) -> Iterable[str]:
    try:
        account = session.account()
    except MlmgmtError:
        account = "ACCOUNT"
    scheme = origin.partition(":")[0].casefold()
    yield "AZUREML_STORAGE_CONNECTION_STRING, with a key that mlmgmt storage-keys shows:"
    yield f"    mlmgmt storage-keys -n {account}"
    place = f"BlobEndpoint={origin}/{account}"
    yield f"    DefaultEndpointsProtocol={scheme};AccountName={account};AccountKey=...;{place}"
    if batch.inputs:
        yield f"AZUREML_STORAGE_SAS, a SasBlobToken, for the upload of {', '.join(batch.inputs.values())};"
        yield "left out, what is in the container is read:"
        yield f"    mlmgmt sas -Account {account} -Container {rendering.CONTAINER} -Permission cw"
