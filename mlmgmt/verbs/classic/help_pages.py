"""Help pages: how what answers is asked, by request and by batch job, and how its trained model is replaced.

No page holds a key. One that anybody may read shows rows of data only where the owner exposes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mlmgmt
from mlmgmt.definition import assets
from mlmgmt.errors import MlmgmtError
from mlmgmt.ids import EndpointId, ResourceId
from mlmgmt.pages.article import Article, Code, Section, Table, Text
from mlmgmt.verbs import addresses, sample_code, scoring_remote, siblings, update_code, userfiles
from mlmgmt.verbs.classic import endpoint_facts, endpoints, help_parts, standing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from mlmgmt.pages.article import Block
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.addresses import Address
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
    """The help of what answers: its addresses, updatable resources and sections; or the file it was written to.

    Args:
        part: one of `PARTS`; all of them when empty.
        server: the origin of the server; `scoring_remote.DEFAULT_ORIGIN` when None.
        output_file: an HTML page to write.

    Raises:
        NotFound: there is no such service. Conflict: the file exists.
        WrongUsage: `BadParameterValue`: the server's address is none.
    """
    origin = scoring_remote.origin_of(server)
    revision = addresses.existing(session, **address)
    article = _article(session, revision, origin, part, _Reader(public=False, shows_data=True))
    facts = _facts(session, revision, origin)
    if output_file is not None:
        userfiles.write(output_file, article.html(), overwrite=force)
        return {"File": output_file, **facts}
    return {"Title": article.title, "Subtitle": article.subtitle, **facts, "Sections": article.to_json()}


def page(session: Session, revision: Revision, *, origin: str | None = None, part: str = "") -> bytes:
    """The help page of a revision: one self-contained HTML file.

    Args:
        origin: of the server that shows it to anybody; None for the home's own user, who may see the example's rows.
        part: one of `PARTS`; all of them when empty.
    """
    base = origin if origin is not None else scoring_remote.DEFAULT_ORIGIN
    shows = origin is None or revision.document["properties"].get("exposeSampleData") is True
    return _article(session, revision, base, part, _Reader(origin is not None, shows)).html()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who reads a page: `public` is anybody, and sees rows of data only where `shows_data`."""

    public: bool
    shows_data: bool


def _article(session: Session, revision: Revision, base: str, part: str, reader: _Reader) -> Article:
    """The article of a part; the user's own refers to itself alone, and not to other pages of a server."""
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
    if whole or isinstance(resource, ResourceId):
        return []
    help_page = base + endpoints.help_path(resource)
    return [(_NAMES[name], f"{help_page}/{name}" if name else help_page) for name in PARTS if name != part]


def _facts(session: Session, revision: Revision, base: str) -> dict[str, Any]:
    """What a script looks for: addresses, and the exact names of the resources."""
    update = update_code.update_of(revision, base)
    api = scoring_remote.address(revision.resource, base)
    found: dict[str, Any] = {
        "ApiLocation": api,
        "SwaggerLocation": f"{api}/swagger.json",
        "PatchUrl": update.url if update.resources and not _is_default(revision) else None,
        "Resources": list(update.resources),
    }
    if isinstance(revision.resource, EndpointId):
        found["HelpLocation"] = base + endpoints.help_path(revision.resource)
    return found


def _is_default(revision: Revision) -> bool:
    """Whether it is an endpoint that follows its experiment, and is never updated."""
    return isinstance(revision.resource, EndpointId) and revision.resource.name == standing.DEFAULT


def _overview(session: Session, revision: Revision, base: str) -> Section:
    properties, resource = revision.document["properties"], revision.resource
    facts = _facts(session, revision, base)
    api = facts["ApiLocation"]
    rows = [["Description", str(properties.get("description") or "")]]
    if not siblings.trains(revision):
        rows += [["Request Response", f"{api}/execute?{help_parts.QUERY}"]]
    rows += [["Batch Execution", f"{api}/jobs?{help_parts.QUERY}"]]
    rows += [["Swagger", facts["SwaggerLocation"]]]
    rows += [["Update Resource", facts["PatchUrl"] or _why_no_update(facts)]]
    if isinstance(resource, EndpointId):
        own = revision.document.get(endpoint_facts.MEMBER) or endpoint_facts.facts()
        rows += [["Calls at a time", f"{own['maxConcurrentCalls']} (throttle level {own['throttleLevel']})"]]
        rows += [["Id", facts["ApiLocation"].rpartition("/")[2]]]
    for model in assets.trained_models(revision.document):
        body = revision.models.get(model.asset_id) or {}
        trained = f", trained {str(body['trainedOn'])[:10]}" if body.get("trainedOn") else ""
        rows += [["Trained model", f"{model.name}: {str(body.get('digest') or body.get('state'))[:12]}{trained}"]]
    text = "Each request shows one of the two keys as a bearer token; no key stands on this page."
    return Section("Overview", "overview", [Table((), [row for row in rows if row[1]]), Text(text)])


def _why_no_update(facts: Mapping[str, Any]) -> str:
    return "none: it follows its experiment" if facts["Resources"] else "none: it has no updatable resources"


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
        said = error.details[0].message if error.details else error.message
        other = "Its results come of batch execution." if "IncompatibleModel" in error.codes() else ""
        section.blocks.append(Text(f"{said} {other}".strip(), warns=True))
        return section
    api = scoring_remote.address(revision.resource, base)
    section.blocks.extend(help_parts.request_response(revision, api, shows_data=reader.shows_data))
    section.blocks.extend(programs)
    return section


def _jobs(session: Session, revision: Revision, base: str, reader: _Reader) -> Section:
    section = Section(_NAMES[JOBS], JOBS)
    try:
        programs = _programs(session, revision, base, sample_code.BATCH, reader)
        section.blocks.extend(help_parts.batch(revision, scoring_remote.address(revision.resource, base)))
    except MlmgmtError as error:
        section.blocks.append(Text(error.details[0].message if error.details else error.message, warns=True))
        return section
    section.blocks.extend(programs)
    return section


def _update(session: Session, revision: Revision, base: str, reader: _Reader) -> Section:
    section, resource = Section(_NAMES[UPDATE], UPDATE), revision.resource
    update = update_code.update_of(revision, base)
    if not update.resources:
        section.blocks.append(Text(siblings.no_resources(session, revision), warns=True))
        section.blocks.append(
            Code(siblings.patch_hint(session, revision), "The same help where there is one to replace")
        )
        return section
    if _is_default(revision):
        assert isinstance(resource, EndpointId)
        text = "The default endpoint follows its experiment and is not updated; add another endpoint for a new model."
        section.blocks.append(Text(text, warns=True))
        section.blocks.append(Code(siblings.adding(resource)))
        return section
    section.blocks.extend(help_parts.update(update))
    for language, name in _PROGRAMS.items():
        section.blocks.append(Code(update_code.program(session, revision, language, base, public=reader.public), name))
    return section
