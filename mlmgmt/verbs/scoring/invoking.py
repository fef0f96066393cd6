"""Call a web service by its address and a key, as client programs do: to score rows, or to run a batch job.

An address on Azure's own host names is answered in this process, from this home, without the network. Any other address
is that of a running server, and is called over HTTP.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

import orjson

from mlmgmt.definition.document import parse
from mlmgmt.errors import BadArgument, BadRequest, Detail, MlmgmtError, NotFound, WrongUsage
from mlmgmt.ids import EndpointId
from mlmgmt.protocol import regions
from mlmgmt.protocol.states import ENDED, FINISHED
from mlmgmt.verbs import userfiles
from mlmgmt.verbs.batch import jobs, requests
from mlmgmt.verbs.scoring import remote, request_response, serving
from mlmgmt.verbs.session import CONTRIBUTOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.ids import ServiceId
    from mlmgmt.verbs.scoring.serving import Serving
    from mlmgmt.verbs.services.addresses import Address
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

_VERSION = "api-version=2.0"
SUBMIT = f"jobs?{_VERSION}"
"""Part of every address to which jobs are submitted."""
_STATUS = ("StatusCode", "Results", "Details", "CreatedAt", "StartTime", "EndTime", "Warnings")
_PATH = re.compile(
    r"/(?:workspaces/(?P<workspace>[^/]+)|subscriptions/(?P<subscription>[^/]+))/services/(?P<id>[^/]+)", re.IGNORECASE
)
_ENDS = ".,;:!'\")>"
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_LOOKS = "https://ussouthcentral.services.azureml.net/workspaces/WORKSPACE/services/ENDPOINT"


class _Place(NamedTuple):
    """A web service's address, taken apart."""

    origin: str
    path: str
    workspace: str | None
    subscription: str | None
    id: str

    @property
    def is_here(self) -> bool:
        host = (urlsplit(self.origin).hostname or "").rstrip(".")
        return any(host == known or host.endswith(f".{known}") for known in regions.DOMAINS)


def rrs(
    session: Session,
    *,
    api_key: str,
    api_location: str,
    input_json_text: Source | None = None,
    input_json_file: Source | None = None,
    output_json_file: str | None = None,
    force: bool = False,
) -> str | None:
    """Score the rows of a request, with details in the answer.

    Args:
        api_location: the address of an endpoint or a New web service, as `Get-AmlWebServiceEndpoint` shows it.
        input_json_file: the request; it takes precedence over `input_json_text`.
        output_json_file: a file for the answer; `force` overwrites it.

    Returns:
        the text of the answer; None if it was written to a file.

    Raises:
        WrongUsage: no request is given; `BadParameterValue`: the address is not that of a web service.
        Unauthorized: `ScoreRequestUnauthorized`.
        NotFound: `WebServiceNotFound`, `WebServiceIdNotFoundInWorkspace`; `ServerNotReachable`.
        MlmgmtError: what the scoring API answers.
        Conflict: `FileExists`.
    """
    place = _place(session, api_location, "ApiLocation")
    request = input_json_file or input_json_text
    if request is None:
        raise WrongUsage(
            "Give either -InputJsonFile or -InputJsonText.", detail="MissingMandatoryParameter", at="InputJsonText"
        )
    if output_json_file is not None:
        userfiles.refuse_overwriting(output_json_file, overwrite=force)
    session.stage("scoring")
    if place.is_here:
        text = _score_here(session, _open(session, place, api_key), request)
    else:
        found = remote.ask(session, place.origin, place.path + remote.EXECUTE, api_key, request.data)
        if found.warnings:
            session.warn(found.warnings)
        text = found.body.decode(errors="replace")
    if output_json_file is None:
        return text
    userfiles.write(output_json_file, text.encode(), overwrite=True)
    session.tell(f"Wrote the answer to {output_json_file}.")
    return None


def bes(
    session: Session,
    *,
    api_key: str,
    submit_job_request_url: str,
    job_config_file: Source | None = None,
    job_config_string: Source | None = None,
) -> str:
    """Submit a batch job, start it, and wait until it ends.

    Args:
        submit_job_request_url: the web service's address followed by `/jobs?api-version=2.0`.
        job_config_string: the job document; it takes precedence over `job_config_file`.

    Returns:
        the text of the last status: `StatusCode`, `Results`, `Details` and more.

    Raises:
        WrongUsage: no document is given; `BadParameterValue`: the address is not that of a web service.
        BadRequest: `JobFailed`, `JobCancelled`, with the last status as report; what the service refuses at submit.
        Unauthorized: `ScoreRequestUnauthorized`. NotFound: as `rrs`.
    """
    place = _place(session, submit_job_request_url, "SubmitJobRequestUrl")
    document = job_config_string or job_config_file
    if document is None:
        raise WrongUsage(
            "Give either -JobConfigString or -JobConfigFile.", detail="MissingMandatoryParameter", at="JobConfigFile"
        )
    try:
        request = parse(document.data)
    except MlmgmtError as error:
        message = f"{document.name} is not a job document: {error.message}"
        raise BadArgument("RequestBodyInvalid", message, document.name, error.hint) from None
    requests.refuse_misspelled(request)
    if place.is_here:
        status = _run_job_here(session, _open(session, place, api_key), request)
    else:
        status = _run_job_at(session, place, api_key, orjson.dumps(request))
    text = orjson.dumps(status).decode()
    code = str(status.get("StatusCode"))
    if code != FINISHED:
        message = f"The job is {code}."
        details = [Detail(f"Job{code}", str(status.get("Details") or message))]
        raise BadRequest(message, details=details, code="ModuleExecutionError", report=text)
    return text


def _place(session: Session, text: str, parameter: str) -> _Place:
    """Parse the address of a web service, with or without the path of an API call."""
    given = text.strip()
    address = given.rstrip(_ENDS)
    if address != given:
        ended = "a full stop" if given[len(address)] == "." else repr(given[len(address) :])
        session.warn(f"-{parameter} ends in {ended}, which is not part of the address and is ignored.")
    submits = parameter == "SubmitJobRequestUrl"
    if submits and SUBMIT not in address.casefold():
        hint = f"It looks like {address.partition('?')[0].rstrip('/').removesuffix('/jobs') or _LOOKS}/{SUBMIT}"
        raise WrongUsage(
            f"-{parameter} must contain {SUBMIT}: {address[:200]!r}",
            detail="BadParameterValue",
            at=parameter,
            hint=hint,
        )
    base, _, _ = address.partition("?")
    base = base.rstrip("/").removesuffix("/jobs" if submits else "/execute")
    try:
        parts = urlsplit(base if base.isprintable() else "")
    except ValueError:
        parts = urlsplit("")
    found = _PATH.fullmatch(parts.path)
    if found is None or parts.scheme not in ("http", "https"):
        message = f"-{parameter} is not the address of a web service: {given[:200]!r}"
        hint = f"It looks like {_LOOKS}{f'/{SUBMIT}' if submits else ''}. Get-AmlWebServiceEndpoint shows it."
        raise WrongUsage(message, detail="BadParameterValue", at=parameter, hint=hint)
    place = _Place(
        f"{parts.scheme}://{parts.netloc}", parts.path, found["workspace"], found["subscription"], found["id"]
    )
    return place if place.is_here else place._replace(origin=remote.origin_of(place.origin))


def _open(session: Session, place: _Place, key: str) -> Serving:
    """Return the web service at an address of this home, after checking the key."""
    try:
        resource = serving.Finder(session).find(place.id)
        _refuse_other_scope(session, place, resource)
        found = serving.load(session, resource, place.id)
    except NotFound as error:
        error.hint = "To see the ApiLocation of each endpoint: mlmgmt endpoints WEBSERVICE"
        raise
    found.check_key(b"Bearer " + key.strip().encode("utf-8", "replace"))
    return found


def _refuse_other_scope(session: Session, place: _Place, resource: ServiceId) -> None:
    """Refuse an address with another workspace or subscription than that of the web service."""
    scopes = serving.scopes(session, resource)
    if place.workspace is not None and place.workspace.casefold() != scopes.workspace:
        message = f"The id {place.id!r} does not belong to the workspace {place.workspace[:64]!r}."
        details = [Detail("WebServiceIdNotFoundInWorkspace", message)]
        raise NotFound("The resource cannot be found.", target=place.id, details=details)
    if place.subscription is not None and place.subscription.replace("-", "").casefold() != scopes.subscription:
        message = "The subscription in the address is not the subscription of this home."
        raise BadArgument("BadSubscriptionId", message, "subscriptionId")


def _score_here(session: Session, found: Serving, request: Source) -> str:
    try:
        scorer = serving.scorer(session, found)
        cells, parameters = request_response.parse(request.data, scorer.plan.needs_inputs(), request.name)
        tables, notes = scorer.answer(cells, parameters)
    except MlmgmtError as error:
        raise request_response.as_documented(error) from None
    for note in notes:
        session.warn(note)
    return orjson.dumps(request_response.results(tables)).decode()


def _run_job_here(session: Session, found: Serving, request: Mapping[str, Any]) -> dict[str, Any]:
    """Run a job in this home and return its last status. The key is enough; the caller's role does not matter."""
    resource = found.resource
    actor = session.acting_as(session.caller, CONTRIBUTOR)
    if isinstance(resource, EndpointId):
        actor = actor.on_same_home(workspace_option=resource.workspace)
        address: Address = {"web_service_id": resource.service, "endpoint_name": resource.name}
    else:
        address = {"group": resource.group, "name": resource.name}
    try:
        job = jobs.submit(actor, request=request, **address)
        jobs.start(actor, job=job, **address)
    except MlmgmtError as error:
        raise request_response.as_documented(error) from None
    session.tell(f"The job {job} has started.")
    status: Mapping[str, Any] = jobs.wait(actor, job=job, **address)
    for warning in status["Warnings"] or ():
        session.warn(warning)
    return {name: status[name] for name in _STATUS}


def _run_job_at(session: Session, place: _Place, key: str, body: bytes) -> dict[str, Any]:
    """Run a job at a running server and return its last status."""
    session.stage("submitting")
    job = remote.ask(session, place.origin, f"{place.path}/{SUBMIT}", key, body).value
    if not isinstance(job, str):
        raise remote.not_understood(place.origin)
    at = f"{place.path}/jobs/{quote(job, safe='')}"
    remote.ask(session, place.origin, f"{at}/start?{_VERSION}", key)
    session.tell(f"The job {job} has started.")
    pause, stage = _SHORTEST_PAUSE, ""
    while True:
        status = remote.ask(session, place.origin, f"{at}?{_VERSION}", key, method="GET").value
        if not isinstance(status, dict):
            raise remote.not_understood(place.origin)
        if status.get("StatusCode") in ENDED:
            return status
        if stage != (stage := str(status.get("StatusCode")).casefold()):
            session.stage(stage)
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 1.5)
