"""Check addresses: of scoring and of updates, at the hosts of the Azure service or at a local server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from mlmgmt.errors import MlmgmtError
from mlmgmt.ids import EndpointId, ResourceId, is_guid, service_guid
from mlmgmt.protocol import regions
from mlmgmt.store.services import is_revision_of
from mlmgmt.verbs.advice import sample_code
from mlmgmt.verbs.scoring import serving
from mlmgmt.verbs.services import endpoint_view, finding, siblings

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from mlmgmt.ids import ServiceId
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.doctor.findings import Findings
    from mlmgmt.verbs.session import Session

ADDRESS, PATCH_URL, REGION, ENDPOINT = "address", "patch url", "region", "endpoint"
SCORING, MANAGEMENT, STUDIO, MANAGER, SERVER = "scoring", "management", "Studio", "resource manager", "server"
_VERSIONS = {"2017-01-01", "2016-05-01-preview"}
_HOSTS = (
    (SCORING, re.compile(r"(?P<region>[a-z]+)\.services\.azureml\.(?:net|de)")),
    (MANAGEMENT, re.compile(r"(?:(?P<region>[a-z]+)\.)?management\.azureml\.(?:net|de)")),
    (STUDIO, re.compile(r"(?:[a-z]+\.)?studio(?:api)?\.azureml\.(?:net|de)")),
    (MANAGER, re.compile(r"management\.azure\.com")),
    (SERVER, re.compile(r"localhost|127\.0\.0\.1|::1")),
)
_SCORING_PATH = re.compile(
    r"/(?:workspaces|subscriptions)/(?P<owner>[^/]+)/services/(?P<id>[^/]+)(?:/(?P<rest>.*))?", re.I
)
_ENDPOINT_PATH = re.compile(r"/workspaces/(?P<owner>[^/]+)/webservices/(?P<id>[^/]+)/endpoints/(?P<name>[^/]+)/?", re.I)
_TAIL = ".,;:!)]}>\"'`"
"""Punctuation of the text that an address was copied from."""


@dataclass(frozen=True, slots=True)
class Place:
    """What an address leads to.

    Args:
        identity: the service that answers there; None if there is none.
        api: the end of a scoring address: `execute`, `jobs`, `swagger.json` or empty.
    """

    identity: ServiceId | None
    api: str = ""


def check_scoring(session: Session, text: str, expected: ServiceId | None, findings: Findings) -> Place:
    """Check a scoring address, and return where it leads.

    Args:
        expected: the service that was named as well, if any.
    """
    split = _split(text, ADDRESS, findings)
    if split is None:
        return Place(None)
    kind = _kind(split)
    found = _SCORING_PATH.fullmatch(split.path)
    if kind in (MANAGEMENT, STUDIO, MANAGER) or (found is None and _ENDPOINT_PATH.fullmatch(split.path)):
        what = kind if kind in (STUDIO, MANAGER) else MANAGEMENT
        findings.problem(ADDRESS, f"It is a {what} address, not a scoring address.", _scoring_cure(session, expected))
        return Place(None)
    if kind is None:
        note = f"{split.hostname!r} is not a host of the service or this machine."
        findings.problem(ADDRESS, note, _scoring_cure(session, expected))
        return Place(None)
    if found is None:
        note = f"Unknown path {split.path!r}; expected /workspaces/.../services/ID, then execute or jobs."
        findings.problem(ADDRESS, note, _scoring_cure(session, expected))
        return Place(None)
    identity = _find(session, found["id"], findings, expected)
    api = (found["rest"] or "").strip("/").partition("/")[0].casefold()
    if identity is None:
        return Place(None, api)
    right = _scoring_cure(session, identity)
    owner = found["owner"].replace("-", "").casefold()
    if owner not in serving.scopes(session, identity):
        what = "workspace" if isinstance(identity, EndpointId) else "subscription"
        note = f"Its {what} {found['owner']} is not the {what} of {description(session, identity)}."
        findings.problem(ADDRESS, note, right)
    if api not in ("", "execute", "jobs", "swagger.json"):
        findings.problem(ADDRESS, f"Unknown API {api!r}; expected execute, jobs or swagger.json.", right)
    _version(split, api, findings, right)
    _secure(split, kind, ADDRESS, findings)
    if kind == SCORING:
        _check_scoring_region(session, split, identity, findings)
    if not findings.has_problem(ADDRESS, REGION):
        findings.ok(ADDRESS, f"It leads to {description(session, identity)}.")
    return Place(identity, api)


def check_update(session: Session, text: str, expected: ServiceId | None, findings: Findings) -> Place:
    """Check the URL of an update, and return where it leads."""
    split = _split(text, PATCH_URL, findings)
    if split is None:
        return Place(None)
    kind = _kind(split)
    if kind == SCORING or _SCORING_PATH.fullmatch(split.path):
        findings.problem(PATCH_URL, "It is a scoring address; it updates nothing.", _update_cure(session, expected))
        return Place(None)
    if "/apihelp/" in split.path:
        findings.problem(PATCH_URL, "It is the address of the help page.", _update_cure(session, expected))
        return Place(None)
    if kind not in (MANAGEMENT, MANAGER, SERVER):
        note = f"{split.hostname!r} is not a host for updates; expected management.azureml.net or management.azure.com."
        findings.problem(PATCH_URL, note, _update_cure(session, expected))
        return Place(None)
    identity = _find_updated(session, split, findings, expected)
    if identity is None:
        return Place(None)
    query = dict(parse_qsl(split.query))
    version = query.get("api-version")
    right = _update_cure(session, identity)
    classic = isinstance(identity, EndpointId)
    if not classic and version not in _VERSIONS:
        note = f"Its api-version is {version!r}." if version else "It has no api-version."
        findings.problem(PATCH_URL, f"{note} Expected {' or '.join(sorted(_VERSIONS))}.", right)
    if classic and version is not None:
        findings.problem(PATCH_URL, "It has an api-version; Classic management does not take one.", right)
    _secure(split, kind, PATCH_URL, findings)
    if classic and kind == MANAGEMENT:
        _check_management_region(session, split, identity, findings)
    if not findings.has_problem(PATCH_URL, REGION, ENDPOINT):
        findings.ok(PATCH_URL, f"It updates {description(session, identity)}.")
    return Place(identity)


def _split(text: str, check: str, findings: Findings) -> SplitResult | None:
    """Return the parts of an address; report and strip spaces and punctuation around it."""
    bare = text.strip().lstrip("<\"'`(").rstrip(_TAIL)
    if bare != text:
        rest = text.strip()[len(bare) :] if text.strip().startswith(bare) else text
        note = f"It ends in {rest!r}, which is not part of the address." if rest else "It has spaces around it."
        findings.problem(check, note, f"Write {bare}")
    if any(letter.isspace() for letter in bare):
        findings.problem(check, "It contains a space or a line break.", "Write it on one line, with spaces as %20.")
        return None
    try:
        split = urlsplit(bare)
        usable = split.scheme in ("http", "https") and bool(split.hostname)
        _ = split.port
    except ValueError:
        usable = False
    if not usable:
        findings.problem(check, f"{bare[:80]!r} is not an address; expected https:// and a host.")
        return None
    return split


def _kind(split: SplitResult) -> str | None:
    host = (split.hostname or "").casefold()
    return next((kind for kind, pattern in _HOSTS if pattern.fullmatch(host)), None)


def _secure(split: SplitResult, kind: str, check: str, findings: Findings) -> None:
    if split.scheme == "http" and kind != SERVER:
        whole = f"https://{split.netloc}{split.path}{'?' if split.query else ''}{split.query}"
        findings.problem(check, "It begins with http; the service requires https.", f"Write {whole}")


def _version(split: SplitResult, api: str, findings: Findings, right: str | None) -> None:
    version = dict(parse_qsl(split.query)).get("api-version")
    if version is None and api in ("execute", "jobs"):
        findings.problem(ADDRESS, "It has no api-version.", f"Add ?api-version=2.0 after {api}.")
    elif version is not None and version != "2.0":
        findings.problem(ADDRESS, f"BadVersionCall: its api-version is {version!r}, not '2.0'.", right)


def _find(session: Session, guid: str, findings: Findings, expected: ServiceId | None) -> ServiceId | None:
    """Return the service with the id in a scoring address."""
    right = _scoring_cure(session, expected)
    try:
        identity = serving.Finder(session).find(guid)
    except MlmgmtError:
        service = session.store.web_services.read(session.workspace, guid) if is_guid(guid) else None
        if service is None:
            findings.problem(ADDRESS, f"WebServiceNotFound: no endpoint of this home has the id {guid[:64]}.", right)
        else:
            note = f"{guid} is the id of the web service {service['Name']!r}; use the id of its endpoint."
            default = EndpointId(session.workspace, guid.casefold(), finding.DEFAULT)
            findings.problem(ADDRESS, note, right or _scoring_cure(session, default))
        return None
    if session.store.services.current(identity) is None:
        note = f"It leads to {description(session, identity)}, which was removed."
        findings.problem(ADDRESS, note, f"mlmgmt restore {identity.words}")
        return None
    _check_expected(session, identity, expected, findings)
    return identity


def _check_expected(session: Session, identity: ServiceId, expected: ServiceId | None, findings: Findings) -> None:
    if expected is not None and service_guid(identity) != service_guid(expected):
        note = f"The address leads to {description(session, identity)}, not to {description(session, expected)}."
        findings.problem(ENDPOINT, note, _scoring_cure(session, expected))


def _find_updated(
    session: Session, split: SplitResult, findings: Findings, expected: ServiceId | None
) -> ServiceId | None:
    path, right = unquote(split.path), _update_cure(session, expected)
    identity: ServiceId
    if found := _ENDPOINT_PATH.fullmatch(path):
        workspace = found["owner"].casefold()
        if workspace != session.workspace:
            findings.problem(PATCH_URL, f"Its workspace {found['owner']} is not {session.workspace}.", right)
            return None
        identity = EndpointId(workspace, found["id"].casefold(), found["name"].casefold())
    else:
        try:
            identity = ResourceId.parse(path.rstrip("/"))
        except MlmgmtError:
            note = f"Unknown path {path!r}; expected /workspaces/.../webservices/.../endpoints/NAME."
            findings.problem(PATCH_URL, note, right)
            return None
    if session.store.services.current(identity) is None:
        findings.problem(PATCH_URL, _why_missing(session, identity), right)
        return None
    _check_expected(session, identity, expected, findings)
    return identity


def _why_missing(session: Session, identity: ServiceId) -> str:
    if isinstance(identity, ResourceId):
        return f"There is no web service {identity.name!r} in the resource group {identity.group!r}."
    if is_guid(identity.name):
        return f"It has the endpoint's id {identity.name}; use the endpoint's name."
    service = session.store.web_services.read(identity.workspace, identity.service)
    if service is None:
        try:
            other = serving.Finder(session).find(identity.service)
        except MlmgmtError:
            return f"The workspace has no web service with the id {identity.service[:64]}."
        return f"{identity.service} is the id of the endpoint {other.name!r}; use the id of its web service."
    return f"The web service {service['Name']!r} has no endpoint {identity.name!r}."


def _check_scoring_region(session: Session, split: SplitResult, identity: ServiceId, findings: Findings) -> None:
    revision = session.store.services.current(identity)
    assert revision is not None
    stated = urlsplit(_api_location(session, revision)).hostname
    if stated is not None and stated != (split.hostname or "").casefold():
        location = revision.document["location"]
        note = f"{split.hostname} is in another region; {description(session, identity)} is in {location!r}."
        findings.problem(REGION, note, _scoring_cure(session, identity))


def _check_management_region(session: Session, split: SplitResult, identity: ServiceId, findings: Findings) -> None:
    revision = session.store.services.current(identity)
    assert revision is not None
    location = str(revision.document["location"])
    right = regions.of(location).management
    if (split.hostname or "").casefold() != urlsplit(right).hostname:
        note = f"{split.hostname} manages another region; the workspace is in {location!r}."
        findings.problem(REGION, note, f"Write {right}{split.path}")


def _api_location(session: Session, revision: Revision) -> str:
    if is_revision_of(revision, EndpointId):
        return endpoint_view.view(session, revision)["ApiLocation"]
    return str(revision.document["properties"].get("swaggerLocation") or "").removesuffix("/swagger.json")


def description(session: Session, identity: ServiceId) -> str:
    """Return a service as a sentence names it."""
    if isinstance(identity, ResourceId):
        return f"the web service {identity.name!r} of the resource group {identity.group!r}"
    service = session.store.web_services.read(identity.workspace, identity.service)
    of = service["Name"] if service is not None else identity.service
    return f"the endpoint {identity.name!r} of {of!r}"


def _scoring_cure(session: Session, identity: ServiceId | None) -> str | None:
    """Return the right scoring address, as a cure."""
    revision = session.store.services.current(identity) if identity is not None else None
    if revision is None:
        return None
    return f"Write {_api_location(session, revision)}  # for your own server, replace the host"


def _update_cure(session: Session, identity: ServiceId | None) -> str | None:
    """Return the right URL of an update, as a cure."""
    revision = session.store.services.current(identity) if identity is not None else None
    if revision is None:
        return None
    if siblings.trains(revision):
        return siblings.patch_hint(session, revision)
    return f"Write {sample_code.update_of(revision, '').cloud_url}"
