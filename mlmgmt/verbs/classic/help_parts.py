"""The parts of a help page that are the same in each language: requests, headers, samples, columns and states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.pages.article import Code, Table, Text
from mlmgmt.pages.samples import rendering
from mlmgmt.store import jobs
from mlmgmt.verbs import job_requests, sample_code, update_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmgmt.pages.article import Block
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.update_code import Update

QUERY = "api-version=2.0"
_HEADERS = ("Header", "Value")
_BODY_HEADERS = (
    ("Authorization", "Bearer, a blank, and one of the two keys. Required."),
    ("Content-Type", "application/json. Required."),
    ("Content-Length", "The length of the body. Required; clients set it."),
    ("Accept", "application/json. Optional."),
)
_STATES = {
    jobs.NOT_STARTED: ("0", "Submitted, and not started yet; or started, and waiting its turn."),
    jobs.RUNNING: ("1", "At work."),
    jobs.FAILED: ("2", "Ended with an error; Details says which."),
    jobs.CANCELLED: ("3", "Cancelled by a DELETE."),
    jobs.FINISHED: ("4", "Done; Results says where its outputs are, each with a signature of 24 hours."),
}
_PLACE = {
    "BaseLocation": "https://ACCOUNT.blob.core.windows.net/",
    "RelativeLocation": "CONTAINER/",
    "SasBlobToken": "?sv=...",
}


def request_response(revision: Revision, api: str, *, shows_data: bool) -> Iterator[Block]:
    """Request, headers, sample request and answer, columns and parameters.

    Raises:
        MlmgmtError: the graph cannot be run here.
    """
    from mlmgmt.learning.plan import Plan

    properties = revision.document["properties"]
    plan = Plan(revision.document)
    yield Code(f"POST {api}/execute?{QUERY}&details=true", "Request")
    yield Text(
        "Without details=true the answer leaves ColumnTypes out; with format=swagger rows are objects, both ways."
    )
    yield Table(_HEADERS, _BODY_HEADERS, "Request headers")
    request = sample_code.sample_request(properties, plan.needs_inputs(), shows_data=shows_data)
    yield Code(rendering.pretty_json(request), "Sample request" if shows_data else "Sample request, its row made up")
    yield Code(
        rendering.pretty_json({"Results": {port: _answer(properties, port) for port in plan.outputs()}}),
        "Sample answer, its row made up",
    )
    for side, ports in (("input", plan.needs_inputs()), ("output", plan.outputs())):
        yield from (_columns(properties, side, port) for port in ports)
    yield from _parameters(properties)
    errors = (
        'A refusal is {"error": {"code", "message", "details"}}: 400 what is asked, 401 the key, 503 too many calls.'
    )
    yield Text(errors)


def _declared(properties: Mapping[str, Any], side: str, port: str) -> dict[str, Any]:
    return dict(((properties.get(side) or {}).get("properties") or {}).get(port) or {})


def _answer(properties: Mapping[str, Any], port: str) -> dict[str, Any]:
    from mlmgmt.learning.tables import made_row

    specification = _declared(properties, "output", port)
    columns = specification.get("properties") or {}
    cells = [str(cell) for cell in made_row(specification)]
    types = [_kind(column)[0] for column in columns.values()]
    return {"type": "table", "value": {"ColumnNames": list(columns), "ColumnTypes": types, "Values": [cells]}}


def _kind(column: Mapping[str, Any]) -> tuple[str, str]:
    """A column's type as answers name it, and what else is said of it."""
    stated, form = str(column.get("type") or "String"), str(column.get("format") or "")
    known = {"integer": form if form.startswith("Int") else "Int64", "number": form or "Double", "boolean": "Boolean"}
    said = []
    if column.get("enum"):
        listed = ", ".join(map(str, column["enum"][:12]))
        said.append(f"one of: {listed}{' ...' if len(column['enum']) > 12 else ''}")
    if column.get("x-ms-isnullable"):
        said.append("may be null")
    return known.get(stated.casefold(), "DateTime" if form.startswith("date") else "String"), "; ".join(said)


def _columns(properties: Mapping[str, Any], side: str, port: str) -> Block:
    columns = _declared(properties, side, port).get("properties") or {}
    caption = f"{'Input' if side == 'input' else 'Output'} {port}"
    if not columns:
        return Text(f"{caption}: its columns are not declared.")
    return Table(("Column", "Type", ""), [(name, *_kind(column)) for name, column in columns.items()], caption)


def _parameters(properties: Mapping[str, Any]) -> Iterator[Block]:
    values = sample_code.parameters_of(properties)
    if not values:
        yield Text("It has no web service parameters: GlobalParameters is empty.")
        return
    rows = [
        (name, str(value) if value != "" else "required, or the graph's own value") for name, value in values.items()
    ]
    yield Table(("Parameter", "When left out"), rows, "Web service parameters (GlobalParameters)")


def batch(revision: Revision, api: str) -> Iterator[Block]:
    """Submit, start, status and delete, the job document, and the states.

    Raises:
        MlmgmtError: the graph cannot be run here.
    """
    from mlmgmt.learning.plan import Plan

    plan = Plan(revision.document)
    properties = revision.document["properties"]
    calls = [
        ("Submit", f"POST {api}/jobs?{QUERY}", "The job's id, as a JSON string. The job waits to be started."),
        ("Start", f"POST {api}/jobs/JOB/start?{QUERY}", "Nothing. A job that is not started waits for ever."),
        ("Status", f"GET {api}/jobs/JOB?{QUERY}", "StatusCode, Results, Details."),
        ("Delete", f"DELETE {api}/jobs/JOB?{QUERY}", "Nothing; the job is cancelled."),
    ]
    yield Table(("Call", "Request", "Answer"), calls)
    yield Table(_HEADERS, _BODY_HEADERS, "Request headers")
    suffixes = job_requests.output_suffixes(plan)
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
    yield Table(("Output", "Its blob must end in"), rows)
    yield from (_columns(properties, "input", port) for port in plan.needs_inputs())
    yield from _parameters(properties)
    first = next(iter(suffixes), "output1")
    end = suffixes[first][0] if suffixes else ".csv"
    answer = {
        "StatusCode": jobs.FINISHED,
        "Results": {first: {**_PLACE, "RelativeLocation": f"CONTAINER/{first}results{end}"}},
        "Details": None,
    }
    yield Code(rendering.pretty_json(answer), "Sample answer of Status")
    yield Table(("StatusCode", "Number", "Meaning"), [(name, *said) for name, said in _STATES.items()])
    yield Text(f"The Swagger document has these calls, too: {api}/swagger.json")


def update(model: Update) -> Iterator[Block]:
    """The PATCH URL, the resource names, the headers and a sample body."""
    yield Code(f"PATCH {model.url}", "Request")
    yield Text(f"At the hosts that the service had it was {model.cloud_url}")
    yield Table((), [("Resource Name", name) for name in model.resources], "Updatable resources, by their exact names")
    proof = (
        "Authorization",
        "Bearer, a blank, and one of the endpoint's two keys, or the workspace's token. Required.",
    )
    if model.key == update_code.TOKEN:
        proof = ("Authorization", "Bearer, a blank, and a token that mlmgmt token makes. Required.")
    yield Table(_HEADERS, [proof, _BODY_HEADERS[1]], "Request headers")
    yield Code(_with_samples(rendering.pretty_json(model.body())), "Sample request")
    if model.key == update_code.KEY:
        text = (
            "The three locations are those of the job's results, whose status gives a fresh SasBlobToken each time. "
            "BaseLocation ends in a slash."
        )
    else:
        text = "The uri is BaseLocation and RelativeLocation of the job's result, joined, without its SasBlobToken."
    yield Text(text)


def _with_samples(text: str) -> str:
    """A body with values to look at in place of the variables' names."""
    values = {
        update_code.BASE: "https://ACCOUNT.blob.core.windows.net/",
        update_code.RELATIVE: "CONTAINER/output1results.ilearner",
        update_code.SIGNATURE: "?sv=2015-02-21&sr=b&sig=...&se=...&sp=r",
        update_code.URI: "https://ACCOUNT.blob.core.windows.net/CONTAINER/output1results.ilearner",
    }
    for name, value in values.items():
        text = text.replace(f'"{name}"', f'"{value}"')
    return text
