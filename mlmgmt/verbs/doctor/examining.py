"""The doctor: goes through the usual mistakes with an endpoint or a web service, and says which one it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import Detail, MlmgmtError, WrongUsage
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
class _Words:
    """What somebody has in hand, besides what an update is made of."""

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
    """Examine what is named by its address, or by whatever of it is in hand. Nothing is changed or asked of a network.

    Args:
        job_file: a job document that is about to be submitted; `data` a CSV file.
        workspace_id, location: of a Classic workspace, as scripts name them; or a `config_file` with both.

    Returns:
        `Passed`, what it is (`Target`), and the `Checks`: `Check`, `Result`, `Note`, `Cure`.

    Raises:
        WrongUsage: nothing is named. NotFound: there is no home, or what is named is not in it.
    """
    given = Given(resource_name, base_location, relative_location, sas_blob_token)
    words = _Words(api_location, api_key, patch_url, authorization_token, job_file, data)
    if not address and not (api_location or api_key or patch_url):
        message = "Nothing says which endpoint or web service it is."
        hint = "-WebServiceId and -EndpointName, -g and -n, or one of -ApiLocation, -PatchUrl and -ApiKey."
        details = [Detail("MissingMandatoryParameter", message)]
        raise WrongUsage(message, target="WebServiceId", details=details, hint=hint)
    findings = Findings()
    if config_file is None and "group" not in address and workspaces.is_config(workspaces.CONFIG):
        # As every cmdlet of Classic services does.
        config_file = workspaces.CONFIG
    stated = _workspace(session, findings, workspace_id, location, config_file)
    expected = naming.identity(session, **address) if address else None
    if expected is not None:
        naming.at(session, expected)
    scored = addresses.scoring(session, api_location, expected, findings) if api_location is not None else None
    updated = addresses.updating(session, patch_url, expected, findings) if patch_url is not None else None
    identity = expected or next((place.identity for place in (updated, scored) if place and place.identity), None)
    if updated and scored and updated.identity and scored.identity and updated.identity != scored.identity:
        note = f"One address leads to {addresses.named(session, scored.identity)}, the other to "
        findings.problem(addresses.ENDPOINT, f"{note}{addresses.named(session, updated.identity)}.")
    revision = session.store.services.current(identity) if identity is not None else None
    if api_key is not None:
        opened = keys.key(session, api_key, revision, findings)
        if identity is None and opened is not None:
            identity, revision = opened, session.store.services.current(opened)
    if revision is None:
        _nothing_more(findings)
    else:
        classic = isinstance(revision.resource, EndpointId)
        token = words.authorization_token or (stated.get("AuthorizationToken") if classic else None)
        if token is not None:
            keys.token(session, token, revision, findings)
        _service(session, revision, words, given, scored.api if scored is not None else "", findings)
    _home(session, findings, changes=given.any or patch_url is not None)
    target = addresses.named(session, identity) if identity is not None else None
    return {"Passed": not findings.has_problem(), "Target": target, "Checks": findings.rows}


def _nothing_more(findings: Findings) -> None:
    for check in (updates.SERVICE, updates.RESOURCE, health.MODEL):
        findings.skipped(check, "It is not known which endpoint or web service is meant.")


def _service(session: Session, revision: Revision, words: _Words, given: Given, api: str, findings: Findings) -> None:
    wanted = given.any or words.patch_url is not None
    updates.target(session, revision, findings, wanted=wanted)
    if api == "execute" and siblings.trains(revision):
        note = "IncompatibleModel: it trains, and request-response gives no model; only a batch job makes the file."
        findings.problem(updates.SERVICE, note, f"mlmgmt batch submit {revision.resource.words} --inputs FILE --start")
    if wanted and not siblings.trains(revision):
        model = updates.resource(revision, given.resource_name, findings)
        blob = updates.location(session, revision, given, findings)
        updates.proved(session, revision, model, blob, findings)
    health.health(session, revision, findings)
    jobs.last(session, revision, findings)
    if words.job_file is not None:
        jobs.request(session, revision, words.job_file, findings)
    if words.data is not None:
        jobs.data(revision, words.data, findings)


def _home(session: Session, findings: Findings, *, changes: bool) -> None:
    home = session.store.home
    if not home.trusted:
        note = f"The home at {home.root} was not made here by you: it is read-only, without keys, its models untrusted."
        findings.problem(HOME, note, "mlmgmt trust-home")
    elif changes and session.role == "Reader":
        findings.problem(
            HOME, f"{session.caller!r} is a Reader, and changes nothing.", "mlmgmt connect -Role Contributor"
        )
    else:
        findings.ok(HOME, f"{session.caller!r} is {session.role} in {home.root}.")


def _workspace(
    session: Session, findings: Findings, workspace: str | None, location: str | None, config_file: str | None
) -> dict[str, str]:
    """Work in the workspace that is named; what is stated of it and is not so is a problem."""
    stated: dict[str, str] = workspaces.config(config_file) if config_file is not None else {}
    wanted, region = workspace or stated.get("WorkspaceId"), location or stated.get("Location")
    if wanted is None and region is None:
        return stated
    try:
        body = workspaces.existing(session, wanted or session.workspace)
    except MlmgmtError as error:
        findings.refused(WORKSPACE, error)
        return stated
    session.workspace_option = str(body["WorkspaceId"])
    findings.ok(WORKSPACE, f"{body['WorkspaceId']} is in this home: {body['Name']!r}.")
    if region is not None and not same_location(region, str(body["Location"])):
        note = f"WorkspaceInAnotherRegion: the workspace is in {body['Location']!r}, not in {region!r}."
        findings.problem(REGION, note, f"-Location '{body['Location']}'")
    elif region is not None:
        findings.ok(REGION, f"The workspace is in {body['Location']!r}.")
    return stated
