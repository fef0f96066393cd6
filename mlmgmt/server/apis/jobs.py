"""Batch execution over HTTP: submit, start, status, cancel. The job document is that of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, MlmgmtError
from mlmgmt.protocol import data_plane
from mlmgmt.server.apis.blob_addresses import outward
from mlmgmt.server.http.call import Call, Reply
from mlmgmt.verbs.batch import jobs
from mlmgmt.verbs.scoring import request_response

if TYPE_CHECKING:
    from collections.abc import Callable

_MEMBERS = ("StatusCode", "Results", "Details", "CreatedAt", "StartTime", "EndTime", "Warnings")


def submit(call: Call) -> Reply:
    request = _request(call)
    job = jobs.submit(call.session, **call.address, request=request)
    return Reply(value=job)


def _request(call: Call) -> dict[str, Any]:
    """Return the job document.

    Raises:
        BadRequest: `RequestIsEmpty`, `RequestBodyInvalid`. TooLarge.
    """
    try:
        return call.document()
    except BadRequest as error:
        code = "RequestBodyInvalid" if call.body.strip() else "RequestIsEmpty"
        raise BadRequest(error.message, detail=code, hint=error.hint) from None


def start(call: Call) -> Reply:
    jobs.start(call.session, **call.address, job=call.path["jobId"])
    return Reply()


def status(call: Call) -> Reply:
    found: dict[str, Any] = jobs.status(call.session, **call.address, job=call.path["jobId"])
    body = {name: found[name] for name in _MEMBERS}
    if body["Results"]:
        body["Results"] = {port: outward(call, location) for port, location in body["Results"].items()}
    return Reply(value=body)


def cancel(call: Call) -> Reply:
    jobs.cancel(call.session, **call.address, job=call.path["jobId"])
    return Reply()


def _with_documented_errors(handler: Callable[[Call], Reply]) -> Callable[[Call], Reply]:
    """Have a handler raise the errors that the scoring API documents."""

    def answer(call: Call) -> Reply:
        try:
            return handler(call)
        except MlmgmtError as error:
            raise request_response.as_documented(error) from None

    return answer


_STEPS = {"submitjob": submit, "startjob": start, "getjobstatus": status, "canceljob": cancel}
HANDLERS = {
    named(name): _with_documented_errors(handler)
    for name, handler in _STEPS.items()
    for named in (str, data_plane.classic_name)
}
