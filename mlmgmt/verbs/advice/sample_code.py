"""Sample code: programs that call a web service or replace its model. They contain no keys."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlmgmt.definition import assets
from mlmgmt.definition.assets import TRAINED_MODEL_SUFFIX, TRANSFORMATION_SUFFIX
from mlmgmt.errors import BadRequest, MlmgmtError
from mlmgmt.ids import EndpointId, ResourceId
from mlmgmt.pages.samples import rendering
from mlmgmt.protocol import regions
from mlmgmt.protocol.columns import placeholder_row
from mlmgmt.verbs.runs import artifacts
from mlmgmt.verbs.scoring import remote
from mlmgmt.verbs.services import addresses, finding, lookup, siblings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Unpack

    from mlmgmt.ids import ServiceId
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.services.addresses import Address
    from mlmgmt.verbs.session import Session

REQUEST_RESPONSE, BATCH, BOTH, UPDATE = "rrs", "bes", "both", "update"
_WIDTH = 110
_LONGEST_FILE = 60


def sample_code(
    session: Session,
    *,
    language: str = rendering.LANGUAGES[0],
    server: str | None = None,
    api: str = BOTH,
    **address: Unpack[Address],
) -> str:
    """Return a program that scores a row with a web service, and runs a batch job of it.

    Args:
        language: one of `rendering.LANGUAGES`.
        server: the origin of the server; default `remote.DEFAULT_ORIGIN`.
        api: `rrs`, `bes`, `both` or `update` (a program that replaces a trained model). For a service that trains,
            `both` is only batch execution.

    Returns:
        the program's text, in ASCII.

    Raises:
        NotFound: the service.
        BadRequest: `IncompatibleModel`: the api is request-response, and the service returns no table; or its graph
            cannot be run. `NoUpdatableResources`: the api is `update`, and the service has no trained model.
        WrongUsage: `BadParameterValue`: the server's address is invalid.
    """
    origin = remote.origin_of(server)
    revision = addresses.existing(session, **address)
    if api == UPDATE:
        if finding.is_default(revision.resource):
            session.tell(
                "The default endpoint follows its experiment and refuses updates; name another with -EndpointName."
            )
        return update_program(session, revision, language, origin)
    return program(session, revision, language, origin, api)


def program(
    session: Session,
    revision: Revision,
    language: str,
    origin: str,
    api: str,
    *,
    shows_data: bool = True,
    public: bool = False,
) -> str:
    """Return the program for a revision; see `sample_code`.

    Args:
        shows_data: take the row from the example request, if there is one; otherwise make up a row.
        public: anybody may read it, so it names nothing in this home except the service.

    Raises:
        BadRequest: `IncompatibleModel`; or its graph cannot be run.
    """
    from mlmgmt.learning.plan import GraphPlan

    document = lookup.public(session, revision)
    plan = GraphPlan(revision.document)
    suffixes = artifacts.output_suffixes(plan)
    ports = plan.needs_inputs()
    scores = _scores(suffixes)
    if not scores and api == REQUEST_RESPONSE:
        message = f"{siblings.title(revision)!r} cannot score: it returns no table, or it trains."
        hint = f"Use batch execution: mlmgmt sample-code {revision.resource.words} --api {BATCH}"
        raise BadRequest(message, detail="IncompatibleModel", target="Api", hint=hint)
    if not scores and api == BOTH:
        session.tell("The program has only batch execution: the service returns no table, or it trains.")
    properties = document["properties"]
    parameters = parameters_of(properties)
    request = None
    if scores and api != BATCH:
        request = sample_request(properties, ports, shows_data=shows_data)
    batch = _batch(ports, suffixes, parameters) if api != REQUEST_RESPONSE or not scores else None
    return rendering.render(
        language,
        service=remote.address(revision.resource, origin),
        notes=[*_notes(session, revision, language, origin, batch, properties, public)],
        request=request,
        batch=batch,
    )


def sample_request(properties: Mapping[str, Any], ports: Iterable[str], *, shows_data: bool) -> dict[str, Any]:
    """Return the body of a request, with one row for each input and each web service parameter."""
    inputs = {port: _table(properties, port, shows_data=shows_data) for port in ports}
    return {"Inputs": inputs, "GlobalParameters": parameters_of(properties)}


def _scores(suffixes: Mapping[str, Collection[str]]) -> bool:
    trains = {TRAINED_MODEL_SUFFIX, TRANSFORMATION_SUFFIX}
    return bool(suffixes) and not any(trains & set(known) for known in suffixes.values())


def parameters_of(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return each web service parameter with its default; an empty text means the value in the graph."""
    defaults = {name.casefold(): body for name, body in (properties.get("parameters") or {}).items()}
    found: dict[str, Any] = {}
    for name in properties["package"].get("graphParameters") or {}:
        body = defaults.get(name.casefold())
        value = body.get("value") if isinstance(body, dict) else body
        found[name] = "" if value is None or isinstance(value, (dict, list)) else value
    return found


def columns_of(properties: Mapping[str, Any], port: str) -> dict[str, Any]:
    """Return the declared columns of an input, by name, in order."""
    specification = ((properties.get("input") or {}).get("properties") or {}).get(port) or {}
    return dict(specification.get("properties") or {})


def _table(properties: Mapping[str, Any], port: str, *, shows_data: bool) -> dict[str, Any]:
    """Return a table with one row for an input: the first of the example request, else a made-up one."""
    columns = columns_of(properties, port)
    rows = ((properties.get("exampleRequest") or {}).get("inputs") or {}).get(port)
    if not rows or not shows_data:
        rows = [placeholder_row(columns)]
    return {"ColumnNames": list(columns), "Values": rows[:1]}


def _batch(
    ports: Iterable[str], suffixes: Mapping[str, tuple[str, ...]], parameters: Mapping[str, Any]
) -> rendering.Batch:
    taken: set[str] = set()
    inputs = {port: _file(port, ".csv", taken) for port in ports}
    outputs = {port: _file(f"{port}results", known[0], taken) for port, known in suffixes.items()}
    return rendering.Batch(inputs, outputs, dict(parameters))


def _file(port: str, suffix: str, taken: set[str]) -> str:
    """Return a file name for a port that every file system, shell and URL takes unchanged."""
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
    public: bool,
) -> Iterable[str]:
    """Yield the lines of the comment at the top: what the program needs, and which commands show it."""
    yield _calls(revision)
    yield _NEEDS[language]
    yield ""
    yield "Environment variables:"
    yield from _key_notes(revision)
    if batch is not None:
        yield from _storage_notes(session, origin, batch, public)
        for port, file in batch.inputs.items():
            if columns := columns_of(properties, port):
                note = f"{file} begins with a line of column names, in any order: {json.dumps(list(columns))[1:-1]}"
                yield from textwrap.wrap(note, _WIDTH, subsequent_indent="    ", break_long_words=False)
    yield from _trust_notes(session, language, origin, public=public)


def _storage_notes(session: Session, origin: str, batch: rendering.Batch, public: bool) -> Iterable[str]:
    try:
        account = "ACCOUNT" if public else session.storage_account()
    except MlmgmtError:
        account = "ACCOUNT"
    scheme = origin.partition(":")[0].casefold()
    yield "AZUREML_STORAGE_CONNECTION_STRING, with a key from mlmgmt storage-keys:"
    yield f"    mlmgmt storage-keys -n {account}"
    place = f"BlobEndpoint={origin}/{account}"
    yield f"    DefaultEndpointsProtocol={scheme};AccountName={account};AccountKey=...;{place}"
    if batch.inputs:
        yield f"AZUREML_STORAGE_SAS, a SasBlobToken, for the upload of {', '.join(batch.inputs.values())};"
        yield "without it, the blobs that are in the container are used:"
        yield f"    mlmgmt sas -Account {account} -Container {rendering.CONTAINER} -Permission cw"


PYTHON, POWERSHELL, CURL, CSHARP, R = rendering.LANGUAGES
_NEEDS = {
    PYTHON: "It needs Python 3.9 or later, and no packages.",
    POWERSHELL: "It needs PowerShell 5.1 or later.",
    CURL: "It needs curl 7.76 or later.",
    CSHARP: "It needs .NET 8 or later: run dotnet new console, and save this as Program.cs.",
    R: "It needs R 4.1 or later and the packages httr2 and jsonlite.",
}
_TRUSTS = {
    PYTHON: "SSL_CERT_FILE={0}  (for the package requests: REQUESTS_CA_BUNDLE={0})",
    POWERSHELL: "SSL_CERT_FILE={0}  (in PowerShell 7 on Linux)",
    CURL: "CURL_CA_BUNDLE={0}  (or give curl --cacert {0})",
    CSHARP: "SSL_CERT_FILE={0}  (on Linux)",
    R: "CURL_CA_BUNDLE={0}",
}


def _calls(revision: Revision) -> str:
    """Return which service is called, for the top of a comment."""
    resource, name = revision.resource, revision.document["name"]
    if isinstance(resource, ResourceId):
        return f"Calls the web service {name} in the resource group {resource.group}."
    return f"Calls the endpoint {name} of the web service {revision.document['properties'].get('title')}."


def _key_notes(revision: Revision) -> Iterable[str]:
    """Yield the variable for the key, and the command that shows the keys."""
    yield "AZUREML_API_KEY, one of the two keys from:"
    yield f"    {revision.resource.keys_command}"


def _trust_notes(session: Session, language: str, origin: str, *, public: bool = False) -> Iterable[str]:
    """Yield how to trust the home's certificate authority, if the server has an https address."""
    if origin.casefold().startswith("https:"):
        yield "For a server with -Tls, the certificate of this home's authority:"
        authority = "ca.pem" if public else str(remote.authority(session))
        yield "    " + _TRUSTS[language].format(shlex.quote(authority))


def _replacement(revision: Revision, resource: str) -> str:
    """Return which model of which service is replaced, for the top of a comment."""
    named = revision.resource
    if isinstance(named, ResourceId):
        return f"Replaces {resource} of the web service {named.name}, resource group {named.group}."
    title = revision.document["properties"].get("title")
    return f"Replaces {resource} of the endpoint {named.name} of the web service {title}."


API_VERSION = "2017-01-01"
"""The version of the resource manager; Classic management has none."""
_MANAGER = "https://management.azure.com"
BASE, RELATIVE, SIGNATURE, URI = (
    "AZUREML_BASE_LOCATION",
    "AZUREML_RELATIVE_LOCATION",
    "AZUREML_SAS_BLOB_TOKEN",
    "AZUREML_MODEL_URI",
)
"""Environment variables that say where the new model is."""


@dataclass(frozen=True, slots=True)
class Update:
    """How to replace the trained models of a service.

    Args:
        url: at a server; `cloud_url` in the Azure service.
        resources: the exact names, in the definition's order.
        key: the environment variable with the caller's key or token.
    """

    url: str
    cloud_url: str
    resources: tuple[str, ...]
    key: str
    _assets: tuple[str, ...]

    def body(self, place: int = 0) -> dict[str, Any]:
        """Return the body that replaces one resource, with names of environment variables in place of their values."""
        if self.key == KEY:
            location = {"BaseLocation": BASE, "RelativeLocation": RELATIVE, "SasBlobToken": SIGNATURE}
            return {"Resources": [{"Name": self.resources[place], "Location": location}]}
        named = {self._assets[place]: {"locationInfo": {"uri": URI}}}
        return {"properties": {"packageType": "Graph", "assets": named}}

    @property
    def remark(self) -> str:
        """A comment on the body."""
        if self.key == KEY:
            return "The name must be exactly this one, with its spaces and brackets."
        return "Whatever it omits is not changed."

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables in a body."""
        return (BASE, RELATIVE, SIGNATURE) if self.key == KEY else (URI,)


KEY, TOKEN = "AZUREML_API_KEY", "AZUREML_TOKEN"


def update_path(resource: ServiceId) -> str:
    """Return the path of an update, with its query."""
    if isinstance(resource, ResourceId):
        return f"{quote(str(resource))}?api-version={API_VERSION}"
    return quote(str(resource))


def update_of(revision: Revision, origin: str) -> Update:
    """Return how to replace the trained models of a revision at a server."""
    models = assets.trained_models(revision.document)
    resource = revision.resource
    classic = isinstance(resource, EndpointId)
    where = update_path(resource)
    return Update(
        origin + where,
        (regions.of(str(revision.document["location"])).management if classic else _MANAGER) + where,
        tuple(model.name for model in models),
        KEY if classic else TOKEN,
        tuple(model.asset_id for model in models),
    )


def update_program(session: Session, revision: Revision, language: str, origin: str, *, public: bool = False) -> str:
    """Return a program that replaces the trained model of a revision, in ASCII.

    Args:
        public: anybody may read it, so it names nothing in this home except the service.

    Raises:
        BadRequest: `NoUpdatableResources`.
    """
    update = update_of(revision, origin)
    if not update.resources:
        message = siblings.no_resources(session, revision)
        raise BadRequest(
            message, detail="NoUpdatableResources", target="Api", hint=siblings.patch_hint(session, revision)
        )
    return rendering.render_update(
        language,
        url=update.url,
        key=update.key,
        body=update.body(),
        variables=update.variables,
        remark=update.remark,
        notes=[*_update_notes(session, revision, update, language, origin, public)],
    )


def _update_notes(
    session: Session, revision: Revision, update: Update, language: str, origin: str, public: bool
) -> Iterable[str]:
    yield _replacement(revision, update.resources[0])
    yield _NEEDS[language]
    if len(update.resources) > 1:
        others = ", ".join(update.resources[1:])
        yield f"Replace its other resources in the same way, separately or in the same request: {others}"
    yield ""
    yield "Environment variables:"
    if update.key == KEY:
        yield from _key_notes(revision)
        yield f"{BASE}, {RELATIVE} and {SIGNATURE}:"
        yield "    BaseLocation, RelativeLocation and SasBlobToken from the status of the job that made the model"
    else:
        yield f"{TOKEN}, a token from:"
        yield "    mlmgmt token"
        yield f"{URI}: BaseLocation and RelativeLocation from the status of the job, joined"
    yield from _trust_notes(session, language, origin, public=public)
