"""The doctor: check an endpoint or a web service for the usual mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import MlmgmtError, WrongUsage
from mlmgmt.ids import EndpointId, same_location
from mlmgmt.verbs.classic import workspaces
from mlmgmt.verbs.doctor import addresses, health, jobs, keys, updates
from mlmgmt.verbs.doctor.findings import Findings
from mlmgmt.verbs.doctor.updates import Given
from mlmgmt.verbs.services import addresses as naming
from mlmgmt.verbs.services import siblings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.services.addresses import Address
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

HOME, WORKSPACE, REGION = "home", "workspace", "region"


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What the user has, besides the values of an update."""

    api_location: str | None
    api_key: str | None
    patch_url: str | None
    authorization_token: str | None
    job_file: Mapping[str, Any] | None
    data: Source | None


def examine(
    session: Session,
    *,
    api_location: str | None = None,
    api_key: str | None = None,
    patch_url: str | None = None,
    authorization_token: str | None = None,
    resource_name: str | None = None,
    base_location: str | None = None,
    relative_location: str | None = None,
    sas_blob_token: str | None = None,
    job_file: Mapping[str, Any] | None = None,
    data: Source | None = None,
    workspace_id: str | None = None,
    location: str | None = None,
    config_file: str | None = None,
    **address: Unpack[Address],
) -> dict[str, Any]:
    """Check a service that is named by its address, or by a URL or a key of it.

    Nothing is changed, and no network is used.

    Args:
        job_file: a job document to check before it is submitted; `data` a CSV file.
        workspace_id, location: the Classic workspace, as scripts name it; or a `config_file` with both.

    Returns:
        `Passed`, the service (`Target`), and the `Checks`: `Check`, `Result`, `Note`, `Cure`.

    Raises:
        WrongUsage: no service is named. NotFound: there is no home, or the service is not in it.
    """
    given = Given(resource_name, base_location, relative_location, sas_blob_token)
    inputs = _Inputs(api_location, api_key, patch_url, authorization_token, job_file, data)
    if not address and not (api_location or api_key or patch_url):
        message = "No endpoint or web service is named."
        hint = "Give -WebServiceId and -EndpointName, or -g and -n, or one of -ApiLocation, -PatchUrl and -ApiKey."
        raise WrongUsage(message, detail="MissingMandatoryParameter", target="WebServiceId", hint=hint)
    findings = Findings()
    if config_file is None and "group" not in address and workspaces.is_config(workspaces.CONFIG):
        # Every cmdlet of Classic services reads ./config.json too.
        config_file = workspaces.CONFIG
    session, stated = _enter_workspace(session, findings, workspace_id, location, config_file)
    expected = naming.identity(session, **address) if address else None
    if expected is not None:
        naming.at(session, expected)
    scored = addresses.check_scoring(session, api_location, expected, findings) if api_location is not None else None
    updated = addresses.check_update(session, patch_url, expected, findings) if patch_url is not None else None
    identity = expected or next((place.identity for place in (updated, scored) if place and place.identity), None)
    if updated and scored and updated.identity and scored.identity and updated.identity != scored.identity:
        note = f"-ApiLocation leads to {addresses.description(session, scored.identity)}, -PatchUrl to "
        findings.problem(addresses.ENDPOINT, f"{note}{addresses.description(session, updated.identity)}.")
    revision = session.store.services.current(identity) if identity is not None else None
    if api_key is not None:
        opened = keys.check_key(session, api_key, revision, findings)
        if identity is None and opened is not None:
            identity, revision = opened, session.store.services.current(opened)
    if revision is None:
        _skip_rest(findings)
    else:
        classic = isinstance(revision.resource, EndpointId)
        token = inputs.authorization_token or (stated.get("AuthorizationToken") if classic else None)
        if token is not None:
            keys.check_token(session, token, revision, findings)
        _check_service(session, revision, inputs, given, scored.api if scored is not None else "", findings)
    _check_home(session, findings, changes=given.any or patch_url is not None)
    target = addresses.description(session, identity) if identity is not None else None
    return {"Passed": not findings.has_problem(), "Target": target, "Checks": findings.rows}


def _skip_rest(findings: Findings) -> None:
    for check in (updates.SERVICE, updates.RESOURCE, health.MODEL):
        findings.skip(check, "Not checked: no endpoint or web service was found.")


def _check_service(
    session: Session, revision: Revision, inputs: _Inputs, given: Given, api: str, findings: Findings
) -> None:
    wanted = given.any or inputs.patch_url is not None
    updates.check_service(session, revision, findings, wanted=wanted)
    if api == "execute" and siblings.trains(revision):
        note = "IncompatibleModel: it trains, and a request returns no model; only a batch job writes one."
        findings.problem(updates.SERVICE, note, f"mlmgmt batch submit {revision.resource.words} --inputs FILE --start")
    if wanted and not siblings.trains(revision):
        model = updates.check_resource_name(revision, given.resource_name, findings)
        blob = updates.check_location(session, revision, given, findings)
        updates.check_new_model(session, revision, model, blob, findings)
    health.check(session, revision, findings)
    jobs.check_last(session, revision, findings)
    if inputs.job_file is not None:
        jobs.check_document(session, revision, inputs.job_file, findings)
    if inputs.data is not None:
        jobs.check_data(revision, inputs.data, findings)


def _check_home(session: Session, findings: Findings, *, changes: bool) -> None:
    home = session.store.home
    if not home.trusted:
        note = f"The home at {home.root} was not made here by you. It is read-only; its models are not trusted."
        findings.problem(HOME, note, "mlmgmt trust-home")
    elif changes and session.role == "Reader":
        findings.problem(
            HOME, f"{session.caller!r} is a Reader and cannot change anything.", "mlmgmt connect -Role Contributor"
        )
    else:
        findings.ok(HOME, f"{session.caller!r} is {session.role} in {home.root}.")


def _enter_workspace(
    session: Session, findings: Findings, workspace: str | None, location: str | None, config_file: str | None
) -> tuple[Session, dict[str, str]]:
    """Return a session in the workspace that is named, and its file's members; report a wrong id or region."""
    stated: dict[str, str] = workspaces.config(config_file) if config_file is not None else {}
    wanted, region = workspace or stated.get("WorkspaceId"), location or stated.get("Location")
    if wanted is None and region is None:
        return session, stated
    try:
        body = workspaces.existing(session, wanted or session.workspace)
    except MlmgmtError as error:
        findings.error(WORKSPACE, error)
        return session, stated
    session = session.on_same_home(workspace_option=body["WorkspaceId"])
    findings.ok(WORKSPACE, f"{body['WorkspaceId']} is in this home: {body['Name']!r}.")
    if region is not None and not same_location(region, body["Location"]):
        note = f"WorkspaceInAnotherRegion: the workspace is in {body['Location']!r}, not in {region!r}."
        findings.problem(REGION, note, f"-Location '{body['Location']}'")
    elif region is not None:
        findings.ok(REGION, f"The workspace is in {body['Location']!r}.")
    return session, stated
