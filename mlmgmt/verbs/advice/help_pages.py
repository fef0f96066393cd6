"""Help pages: how to call a service, by request and by batch job, and how to replace its trained model.

No page has a key. A public page shows rows of data only if the owner exposes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mlmgmt
from mlmgmt.definition import assets
from mlmgmt.errors import MlmgmtError
from mlmgmt.ids import EndpointId, ResourceId
from mlmgmt.pages.article import Article, Code, Section, Table, Text
from mlmgmt.pages.samples import rendering
from mlmgmt.protocol import states
from mlmgmt.protocol.columns import placeholder_row
from mlmgmt.verbs import userfiles
from mlmgmt.verbs.advice import sample_code
from mlmgmt.verbs.runs import artifacts
from mlmgmt.verbs.scoring import remote
from mlmgmt.verbs.services import addresses, endpoint_facts, finding, siblings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Unpack

    from mlmgmt.pages.article import Block
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.advice.sample_code import Update
    from mlmgmt.verbs.services.addresses import Address
    from mlmgmt.verbs.session import Session

SCORE, JOBS, UPDATE = "score", "jobs", "update"
PARTS = ("", SCORE, JOBS, UPDATE)
_NAMES = {
    "": "Overview",
    SCORE: "Request Response API",
    JOBS: "Batch Execution API",
    UPDATE: "Update Resource API",
}
_TITLES = {
    "": "API Documentation for {}",
    SCORE: "Request Response API Documentation for {}",
    JOBS: "Batch Execution API Documentation for {}",
    UPDATE: "Update Resource API Documentation for {}",
}
_PROGRAMS = {"python": "Python", "csharp": "C#", "r": "R", "powershell": "PowerShell", "curl": "curl"}


def show(
    session: Session,
    *,
    part: str = "",
    server: str | None = None,
    output_file: str | None = None,
    force: bool = False,
    **address: Unpack[Address],
) -> dict[str, Any]:
    """Return the help of a service: addresses, updatable resources and sections; or write it to a file.

    Args:
        part: one of `PARTS`; all of them if empty.
        server: the origin of the server; default `remote.DEFAULT_ORIGIN`.
        output_file: an HTML page to write.

    Raises:
        NotFound: there is no such service. Conflict: the file exists.
        WrongUsage: `BadParameterValue`: the server's address is invalid.
    """
    origin = remote.origin_of(server)
    revision = addresses.existing(session, **address)
    article = _article(session, revision, origin, part, _Reader(public=False, shows_data=True))
    facts = _facts(session, revision, origin)
    if output_file is not None:
        userfiles.write(output_file, article.html(), overwrite=force)
        return {"File": output_file, **facts}
    return {"Title": article.title, "Subtitle": article.subtitle, **facts, "Sections": article.to_json()}


def page(session: Session, revision: Revision, *, origin: str | None = None, part: str = "") -> bytes:
    """Return the help page of a revision: one self-contained HTML file.

    Args:
        origin: of the server that shows it to anybody; None for the user of the home, who may see the example's rows.
        part: one of `PARTS`; all of them if empty.
    """
    base = origin if origin is not None else remote.DEFAULT_ORIGIN
    shows = origin is None or revision.document["properties"].get("exposeSampleData") is True
    return _article(session, revision, base, part, _Reader(origin is not None, shows)).html()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who reads a page: anybody if `public`; rows of data are shown only if `shows_data`."""

    public: bool
    shows_data: bool


def _article(session: Session, revision: Revision, base: str, part: str, reader: _Reader) -> Article:
    """Return the article of a part; only a public one links to other pages of a server."""
    makers = {SCORE: _score, JOBS: _jobs, UPDATE: _update}
    wanted = [part] if part else [SCORE, JOBS, UPDATE]
    sections = [_overview(session, revision, base)] if not part else []
    sections += [makers[name](session, revision, base, reader) for name in wanted]
    properties = revision.document["properties"]
    updated = str(properties.get("modifiedOn") or revision.modified_on)
    return Article(
        title=_TITLES[part].format(siblings.title(revision)),
        subtitle=f"{_kind(revision)} Updated {updated[:10]} {updated[11:16]} UTC.",
        sections=sections,
        links=_links(revision, base, part, whole=not reader.public),
        footer=f"mlmgmt {mlmgmt.__version__}, revision {revision.number}",
    )


def _kind(revision: Revision) -> str:
    resource = revision.resource
    if isinstance(resource, ResourceId):
        return f"Web service {resource.name} of the resource group {resource.group}."
    return f"Endpoint {resource.name}."


def _links(revision: Revision, base: str, part: str, *, whole: bool) -> list[tuple[str, str]]:
    resource = revision.resource
    if not part:
        return [(_NAMES[name], f"#{name}") for name in PARTS[1:]]
    if whole or not resource.help_path:
        return []
    help_page = base + resource.help_path
    return [(_NAMES[name], f"{help_page}/{name}" if name else help_page) for name in PARTS if name != part]


def _facts(session: Session, revision: Revision, base: str) -> dict[str, Any]:
    """Return what scripts need: addresses, and the exact names of the resources."""
    update = sample_code.update_of(revision, base)
    api = remote.address(revision.resource, base)
    found: dict[str, Any] = {
        "ApiLocation": api,
        "SwaggerLocation": f"{api}/swagger.json",
        "PatchUrl": update.url if update.resources and not finding.is_default(revision.resource) else None,
        "Resources": list(update.resources),
    }
    if revision.resource.help_path:
        found["HelpLocation"] = base + revision.resource.help_path
    return found


def _overview(session: Session, revision: Revision, base: str) -> Section:
    properties, resource = revision.document["properties"], revision.resource
    facts = _facts(session, revision, base)
    api = facts["ApiLocation"]
    rows = [["Description", str(properties.get("description") or "")]]
    if not siblings.trains(revision):
        rows += [["Request Response", f"{api}/execute?{QUERY}"]]
    rows += [["Batch Execution", f"{api}/jobs?{QUERY}"]]
    rows += [["Swagger", facts["SwaggerLocation"]]]
    rows += [["Update Resource", facts["PatchUrl"] or _why_no_update(facts)]]
    if isinstance(resource, EndpointId):
        own = revision.document.get(endpoint_facts.MEMBER) or endpoint_facts.facts()
        rows += [["Concurrent calls", f"{own['maxConcurrentCalls']} (throttle level {own['throttleLevel']})"]]
        rows += [["Id", facts["ApiLocation"].rpartition("/")[2]]]
    for model in assets.trained_models(revision.document):
        body = revision.models.get(model.asset_id) or {}
        trained = f", trained {str(body['trainedOn'])[:10]}" if body.get("trainedOn") else ""
        rows += [["Trained model", f"{model.name}: {str(body.get('digest') or body.get('state'))[:12]}{trained}"]]
    text = "Each request needs one of the two keys as a bearer token. This page does not show the keys."
    return Section("Overview", "overview", [Table((), [row for row in rows if row[1]]), Text(text)])


def _why_no_update(facts: Mapping[str, Any]) -> str:
    return "not available: follows its experiment" if facts["Resources"] else "not available: no updatable resources"


def _programs(session: Session, revision: Revision, base: str, api: str, reader: _Reader) -> list[Block]:
    found: list[Block] = []
    for language, name in _PROGRAMS.items():
        text = sample_code.program(
            session, revision, language, base, api, shows_data=reader.shows_data, public=reader.public
        )
        found.append(Code(text, name))
    return found


def _score(session: Session, revision: Revision, base: str, reader: _Reader) -> Section:
    section = Section(_NAMES[SCORE], SCORE)
    try:
        programs = _programs(session, revision, base, sample_code.REQUEST_RESPONSE, reader)
    except MlmgmtError as error:
        message = error.details[0].message if error.details else error.message
        hint = "Use batch execution instead." if "IncompatibleModel" in error.codes() else ""
        section.blocks.append(Text(f"{message} {hint}".strip(), warns=True))
        return section
    api = remote.address(revision.resource, base)
    section.blocks.extend(_request_response(revision, api, shows_data=reader.shows_data))
    section.blocks.extend(programs)
    return section


def _jobs(session: Session, revision: Revision, base: str, reader: _Reader) -> Section:
    section = Section(_NAMES[JOBS], JOBS)
    try:
        programs = _programs(session, revision, base, sample_code.BATCH, reader)
        section.blocks.extend(_batch(revision, remote.address(revision.resource, base)))
    except MlmgmtError as error:
        section.blocks.append(Text(error.details[0].message if error.details else error.message, warns=True))
        return section
    section.blocks.extend(programs)
    return section


def _update(session: Session, revision: Revision, base: str, reader: _Reader) -> Section:
    section, resource = Section(_NAMES[UPDATE], UPDATE), revision.resource
    update = sample_code.update_of(revision, base)
    if not update.resources:
        section.blocks.append(Text(siblings.no_resources(session, revision), warns=True))
        section.blocks.append(Code(siblings.patch_hint(session, revision), "Help for the service to update"))
        return section
    if finding.is_default(resource):
        text = (
            "The default endpoint follows its experiment and cannot be updated; add another endpoint for a new model."
        )
        section.blocks.append(Text(text, warns=True))
        section.blocks.append(Code(siblings.add_endpoint_command(resource)))
        return section
    section.blocks.extend(_update_parts(update))
    for language, name in _PROGRAMS.items():
        section.blocks.append(
            Code(sample_code.update_program(session, revision, language, base, public=reader.public), name)
        )
    return section


QUERY = "api-version=2.0"
_HEADERS = ("Header", "Value")
_BODY_HEADERS = (
    ("Authorization", "Bearer, a space, and one of the two keys. Required."),
    ("Content-Type", "application/json. Required."),
    ("Content-Length", "The length of the body. Required; clients set it."),
    ("Accept", "application/json. Optional."),
)
_STATES = {
    states.NOT_STARTED: ("0", "Submitted but not started; or started, and waiting for its turn."),
    states.RUNNING: ("1", "In progress."),
    states.FAILED: ("2", "Ended with an error; see Details."),
    states.CANCELLED: ("3", "Cancelled by a DELETE."),
    states.FINISHED: (
        "4",
        "Done; Results has the locations of its outputs, each with a signature that is valid for 24 hours.",
    ),
}
_PLACE = {
    "BaseLocation": "https://ACCOUNT.blob.core.windows.net/",
    "RelativeLocation": "CONTAINER/",
    "SasBlobToken": "?sv=...",
}


def _request_response(revision: Revision, api: str, *, shows_data: bool) -> Iterator[Block]:
    """Yield the request, headers, sample request and answer, columns and parameters.

    Raises:
        MlmgmtError: the graph cannot be run here.
    """
    from mlmgmt.learning.plan import GraphPlan

    properties = revision.document["properties"]
    plan = GraphPlan(revision.document)
    yield Code(f"POST {api}/execute?{QUERY}&details=true", "Request")
    yield Text("Without details=true the answer has no ColumnTypes. With format=swagger all rows are JSON objects.")
    yield Table(_HEADERS, _BODY_HEADERS, "Request headers")
    request = sample_code.sample_request(properties, plan.needs_inputs(), shows_data=shows_data)
    yield Code(rendering.pretty_json(request), "Sample request" if shows_data else "Sample request with made-up data")
    yield Code(
        rendering.pretty_json({"Results": {port: _answer(properties, port) for port in plan.outputs()}}),
        "Sample answer with made-up data",
    )
    for side, ports in (("input", plan.needs_inputs()), ("output", plan.outputs())):
        yield from (_columns(properties, side, port) for port in ports)
    yield from _parameters(properties)
    errors = (
        'An error is {"error": {"code", "message", "details"}}: 400 bad request, 401 wrong key, 503 too many calls.'
    )
    yield Text(errors)


def _declared(properties: Mapping[str, Any], side: str, port: str) -> dict[str, Any]:
    return dict(((properties.get(side) or {}).get("properties") or {}).get(port) or {})


def _answer(properties: Mapping[str, Any], port: str) -> dict[str, Any]:
    columns = _declared(properties, "output", port).get("properties") or {}
    cells = [str(cell) for cell in placeholder_row(columns)]
    types = [_column_kind(column)[0] for column in columns.values()]
    return {"type": "table", "value": {"ColumnNames": list(columns), "ColumnTypes": types, "Values": [cells]}}


def _column_kind(column: Mapping[str, Any]) -> tuple[str, str]:
    """Return a column's type as answers name it, and notes on its values."""
    stated, form = str(column.get("type") or "String"), str(column.get("format") or "")
    known = {"integer": form if form.startswith("Int") else "Int64", "number": form or "Double", "boolean": "Boolean"}
    notes = []
    if column.get("enum"):
        listed = ", ".join(map(str, column["enum"][:12]))
        notes.append(f"one of: {listed}{' ...' if len(column['enum']) > 12 else ''}")
    if column.get("x-ms-isnullable"):
        notes.append("may be null")
    return known.get(stated.casefold(), "DateTime" if form.startswith("date") else "String"), "; ".join(notes)


def _columns(properties: Mapping[str, Any], side: str, port: str) -> Block:
    columns = _declared(properties, side, port).get("properties") or {}
    caption = f"{'Input' if side == 'input' else 'Output'} {port}"
    if not columns:
        return Text(f"{caption}: no columns are declared.")
    return Table(("Column", "Type", ""), [(name, *_column_kind(column)) for name, column in columns.items()], caption)


def _parameters(properties: Mapping[str, Any]) -> Iterator[Block]:
    values = sample_code.parameters_of(properties)
    if not values:
        yield Text("It has no web service parameters: GlobalParameters is empty.")
        return
    rows = [
        (name, str(value) if value != "" else "none: required, or set in the graph") for name, value in values.items()
    ]
    yield Table(("Parameter", "Default"), rows, "Web service parameters (GlobalParameters)")


def _batch(revision: Revision, api: str) -> Iterator[Block]:
    """Yield the calls to submit, start, query and delete a job, the job document, and the states.

    Raises:
        MlmgmtError: the graph cannot be run here.
    """
    from mlmgmt.learning.plan import GraphPlan

    plan = GraphPlan(revision.document)
    properties = revision.document["properties"]
    calls = [
        ("Submit", f"POST {api}/jobs?{QUERY}", "The job's id, as a JSON string."),
        ("Start", f"POST {api}/jobs/JOB/start?{QUERY}", "Nothing. A job does not run until it is started."),
        ("Status", f"GET {api}/jobs/JOB?{QUERY}", "StatusCode, Results, Details."),
        ("Delete", f"DELETE {api}/jobs/JOB?{QUERY}", "Nothing; the job is cancelled."),
    ]
    yield Table(("Call", "Request", "Answer"), calls)
    yield Table(_HEADERS, _BODY_HEADERS, "Request headers")
    suffixes = artifacts.output_suffixes(plan)
    storage = "DefaultEndpointsProtocol=https;AccountName=ACCOUNT;AccountKey=..."
    places = {
        "Inputs": {
            port: {"ConnectionString": storage, "RelativeLocation": f"CONTAINER/{port}.csv"}
            for port in plan.needs_inputs()
        },
        "Outputs": {
            port: {"ConnectionString": storage, "RelativeLocation": f"CONTAINER/{port}results{known[0]}"}
            for port, known in suffixes.items()
        },
        "GlobalParameters": sample_code.parameters_of(properties),
    }
    yield Code(rendering.pretty_json(places), "Sample request of Submit")
    rows = [(port, ", ".join(known)) for port, known in suffixes.items()]
    yield Table(("Output", "Its blob name ends in"), rows)
    yield from (_columns(properties, "input", port) for port in plan.needs_inputs())
    yield from _parameters(properties)
    first = next(iter(suffixes), "output1")
    end = suffixes[first][0] if suffixes else ".csv"
    answer = {
        "StatusCode": states.FINISHED,
        "Results": {first: {**_PLACE, "RelativeLocation": f"CONTAINER/{first}results{end}"}},
        "Details": None,
    }
    yield Code(rendering.pretty_json(answer), "Sample answer of Status")
    yield Table(("StatusCode", "Number", "Meaning"), [(name, *texts) for name, texts in _STATES.items()])
    yield Text(f"The Swagger document describes these calls too: {api}/swagger.json")


def _update_parts(model: Update) -> Iterator[Block]:
    """Yield the PATCH URL, the resource names, the headers and a sample body."""
    yield Code(f"PATCH {model.url}", "Request")
    yield Text(f"In the Azure service the URL was {model.cloud_url}")
    yield Table((), [("Resource Name", name) for name in model.resources], "Updatable resources: exact names")
    proof = "one of the endpoint's two keys, or the workspace's token"
    if model.key == sample_code.TOKEN:
        proof = "a token from mlmgmt token"
    authorization = ("Authorization", f"Bearer, a space, and {proof}. Required.")
    yield Table(_HEADERS, [authorization, _BODY_HEADERS[1]], "Request headers")
    yield Code(_with_samples(rendering.pretty_json(model.body())), "Sample request")
    if model.key == sample_code.KEY:
        text = (
            "The three values are in the results of the job; each status call returns a fresh SasBlobToken. "
            "BaseLocation ends in a slash."
        )
    else:
        text = "The uri is BaseLocation and RelativeLocation of the job's result, joined, without the SasBlobToken."
    yield Text(text)


def _with_samples(text: str) -> str:
    """Replace the names of variables in a body with sample values."""
    values = {
        sample_code.BASE: "https://ACCOUNT.blob.core.windows.net/",
        sample_code.RELATIVE: "CONTAINER/output1results.ilearner",
        sample_code.SIGNATURE: "?sv=2015-02-21&sr=b&sig=...&se=...&sp=r",
        sample_code.URI: "https://ACCOUNT.blob.core.windows.net/CONTAINER/output1results.ilearner",
    }
    for name, value in values.items():
        text = text.replace(f'"{name}"', f'"{value}"')
    return text
