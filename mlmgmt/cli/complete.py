"""Values for completion: what is in the home. Completion never reports an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmgmt.cmdlets import registry, spelling
from mlmgmt.errors import MlmgmtError, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmgmt.cmdlets.declare import Cmdlet, Parameter
    from mlmgmt.ids import ServiceId
    from mlmgmt.verbs.session import Session

_CLASSIC = ("workspace", "experiment", "classic-service", "endpoint", "resource")


def candidates(words: list[str], incomplete: str) -> list[tuple[str, str]]:
    """Return the candidates for the incomplete word of a command line, each with its help."""
    words = registry.joined(words)
    cmdlet = registry.find(words[0]) if words else None
    if cmdlet is None:
        found = _second_words(words[0]) if words else _commands(incomplete)
        return [(name, text) for name, text in found.items() if name.lower().startswith(incomplete.lower())]
    if incomplete.startswith("-") and "=" in incomplete:
        name, _, incomplete = incomplete.partition("=")
        words.append(name)
    try:
        given, loose, pending = spelling.pairs(cmdlet, words[1:])
    except WrongUsage:
        given, loose, pending = [], [], None
    if pending is None and incomplete.startswith("-"):
        return [
            (name, parameter.help)
            for parameter in cmdlet.all_parameters
            for name in (f"-{parameter.name}", parameter.option)
            if name.lower().startswith(incomplete.lower())
        ]
    given += zip(cmdlet.positional, loose, strict=False)
    free = [parameter for parameter in cmdlet.positional if parameter.name not in {known.name for known, _ in given}]
    wanted = pending or next(iter(free), None)
    # Some shells pass the = between a name and its value as a separate word.
    start = "" if incomplete == "=" else incomplete
    return [(value, "") for value in _values(cmdlet, wanted, given, start)] if wanted is not None else []


def _second_words(first: str) -> dict[str, str]:
    return {cmdlet.short[0].partition(" ")[2]: cmdlet.summary for cmdlet in registry.family(first)}


def _commands(incomplete: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for cmdlet in registry.CMDLETS:
        # Offer only one kind of name: a shell completes nothing if the candidates have no common start.
        whole = "-" in incomplete or incomplete[:1].isupper()
        for name in cmdlet.spellings if whole else cmdlet.short if incomplete else cmdlet.short[:1]:
            first = name.partition(" ")[0]
            found.setdefault(first, ", ".join(_second_words(first)) or cmdlet.summary)
    return found | {"walkthrough": "Run the whole retraining story on real data."}


def _values(cmdlet: Cmdlet, parameter: Parameter, given: Sequence[tuple[Parameter, str]], incomplete: str) -> list[str]:
    """Return the values that start like the incomplete word, in any letter case. Files are left to the shell."""
    if parameter.choices:
        found: list[str] = list(parameter.choices)
    elif not parameter.completes:
        return []
    elif parameter.completes == "topic":
        from mlmgmt.help import topics

        found = topics.names(incomplete)
    else:
        from mlmgmt.verbs.session import Session

        texts = {known.name: text for known, text in given}
        try:
            found = _in_home(Session(home_option=texts.get("Home")), parameter.completes, texts)
        except (MlmgmtError, OSError):
            return []
    return [value for value in found if value.casefold().startswith(incomplete.casefold())]


def _in_home(session: Session, what: str, texts: dict[str, str]) -> list[str]:
    if what == "asset" and (file := texts.get("File")):
        from mlmgmt.verbs import userfiles
        from mlmgmt.verbs.services import definitions

        rows = definitions.list_assets(session, definition=userfiles.read(file))
        return [str(row["Id"]) for row in rows if row["Kind"] == "trained model"]
    if what == "module":
        from mlmgmt.verbs.runs import catalogue

        return [str(row["Name"]) for row in catalogue.modules(session)]
    if what == "learner":
        from mlmgmt.modules import catalogue as learners

        task = texts.get("Task", "").casefold()
        return [module.name for module in learners.modules() if module.task and module.task == (task or module.task)]
    store = session.store
    if what in _CLASSIC or "WebServiceId" in texts:
        return _classic(session, what, texts)
    if what == "resource-group":
        return [str(body["name"]) for body in store.groups.all()]
    if what == "account":
        return store.blobs.accounts()
    group = texts.get("ResourceGroupName")
    if group is None:
        return []
    if what == "plan":
        return [str(body["name"]) for body in store.plans.in_group(session.group_id(group))]
    if what == "association":
        from mlmgmt.verbs.plans import associations

        plan = associations.commitment_plan_id(session, group, texts.get("CommitmentPlanName", ""))
        return [guid for guid, _ in associations.of_plan(session, plan)]
    if what == "service":
        return [str(revision.document["name"]) for revision in store.services.in_group(session.group_id(group))]
    return _of_service(session, what, session.service_id(group, texts.get("Name", "")))


def _of_service(session: Session, what: str, identity: ServiceId) -> list[str]:
    """Return the jobs, revisions or assets of a web service or an endpoint."""
    store = session.store
    if what == "job":
        return [body["id"] for body in store.jobs.of(identity)]
    if what == "revision":
        return [str(revision.number) for revision in store.services.history(identity)]
    current = store.services.current(identity)
    return list(current.models) if current is not None else []


def _classic(session: Session, what: str, texts: dict[str, str]) -> list[str]:
    """Return what is in the workspace that the words before, or a `config.json`, name."""
    from mlmgmt.verbs.classic import workspaces
    from mlmgmt.verbs.services import endpoint_view, finding

    if what == "workspace":
        return workspaces.ids(session)
    session = workspaces.enter(session, texts, {})
    if what == "experiment":
        return [str(body["Description"]) for body in session.experiments.all()]
    if what == "classic-service":
        return [str(body["Name"]) for body in finding.web_services(session)]
    service = finding.web_service(session, texts.get("WebServiceId", ""))
    if what == "endpoint":
        return session.store.services.endpoint_names(service["WorkspaceId"], service["Id"])
    named = texts.get("EndpointName", finding.DEFAULT)
    if what == "resource":
        return [model.name for model in endpoint_view.updatable(finding.endpoint(session, service["Id"], named))]
    return _of_service(session, what, finding.endpoint_id(session, service["Id"], named))
