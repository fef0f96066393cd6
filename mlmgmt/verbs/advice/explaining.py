"""`explain`: the steps of retraining a Classic or a New web service, with the names that this home has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, document
from mlmgmt.definition.tags import EXPERIMENT_TAG, TRAINING_TAG
from mlmgmt.errors import Detail, MlmgmtError, NotFound, WrongUsage
from mlmgmt.ids import EndpointId, ResourceId
from mlmgmt.verbs import userfiles
from mlmgmt.verbs.advice.steps import NEW_DATA, Steps, answers, newest_job, trained
from mlmgmt.verbs.experiments import set_up
from mlmgmt.verbs.services import addresses, endpoint_facts, finding, siblings
from mlmgmt.verbs.storage import references

if TYPE_CHECKING:
    from typing import Unpack

    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.advice.steps import Job
    from mlmgmt.verbs.services.addresses import Address
    from mlmgmt.verbs.session import Session

CLASSIC, NEW = "classic", "new"
_EXAMPLE, _ENDPOINT = "Bike Rental", "loc001"
_NAMES = {
    CLASSIC: "a Classic web service: an endpoint is added, and patched with the new model",
    NEW: "a New web service: its definition is exported, pointed at the new model, and updated",
}


def explain(session: Session, *, flavour: str | None = None, **address: Unpack[Address]) -> dict[str, Any]:
    """The steps of one flavour, which of them are done, and the next one as a command.

    Args:
        flavour: `classic` or `new`; the one of what is named, else `classic`, when None.
        address: which service; the one that was made last when it is left out.

    Returns:
        `Flavour`, `Title`, `Steps` (see `Steps`), and `Next`.

    Raises:
        NotFound: what is named is not there.
        WrongUsage: `AmbiguousParameterSet`: what is named is of the other flavour.
    """
    kind = NEW if "group" in address else CLASSIC
    flavour = flavour or kind
    if address and flavour != kind:
        message = f"What is named is no {flavour} web service."
        details = [Detail("AmbiguousParameterSet", message)]
        raise WrongUsage(message, target="Flavour", details=details, hint=f"mlmgmt explain {kind} ...")
    steps = Steps()
    try:
        home = session.store.home
    except NotFound as error:
        if "NoHome" not in error.codes() or address:
            raise
        home = None
    fact = f"{home.root}, {session.caller}" if home is not None else None
    steps.add("Make a home, and take an account in it", "mlmgmt connect -AccountId you@example.com", fact)
    here = session if home is not None else None
    if flavour == NEW:
        _new(here, steps, addresses.existing(session, **address) if address else None)
    else:
        _classic(here, steps, addresses.existing(session, **address) if address else None, "endpoint_name" in address)
    return {"Flavour": flavour, "Title": f"Retraining {_NAMES[flavour]}.", "Steps": steps.rows, "Next": steps.next}


def _classic(session: Session | None, steps: Steps, named: Revision | None, by_endpoint: bool) -> None:
    scoring, training = siblings.pair(session, named, EndpointId) if session is not None else (None, None)
    experiment = _experiment(session, scoring, training)
    name = str(experiment["Description"]) if experiment is not None else _EXAMPLE
    _experiments(session, steps, experiment, name, scoring)
    _retraining(steps, experiment, name, training)
    job = newest_job(session, training) if session is not None else None
    endpoint = _endpoint(session, scoring, named if by_endpoint else None, job)
    service = _words(scoring, name + set_up.PREDICTIVE)
    _added(session, steps, endpoint, service)
    trained(steps, training, f"{_words(training, name)} -EndpointName {finding.DEFAULT}", job)
    place = f"{service} -EndpointName {endpoint.resource.name if endpoint is not None else _ENDPOINT}"
    _patched(session, steps, endpoint, place, name, job)
    steps.unseen("Score with the patched endpoint", f"mlmgmt score {place} --input {NEW_DATA}")


def _words(revision: Revision | None, name: str) -> str:
    if revision is None:
        return f"-WebServiceId {shlex.quote(name)}"
    resource = revision.resource
    assert isinstance(resource, EndpointId)
    return f"-WebServiceId {resource.service}"


def _experiment(session: Session | None, scoring: Revision | None, training: Revision | None) -> dict[str, Any] | None:
    """The training experiment: the one that the web services were made of, else the last that was made."""
    if session is None:
        return None
    bodies = [body for body in session.experiments.all() if not body.get("ParentExperimentId")]
    tags = [(revision.document.get("tags") or {}) for revision in (scoring, training) if revision is not None]
    wanted = [tags[0].get(TRAINING_TAG)] if scoring is not None else []
    wanted += [tags[-1].get(EXPERIMENT_TAG)] if training is not None else []
    for identity in filter(None, wanted):
        found = [body for body in bodies if body["ExperimentId"] == identity]
        if found:
            return dict(found[0])
    if scoring is not None or training is not None or not bodies:
        return None
    return dict(max(bodies, key=lambda body: str(body["Status"]["CreationTime"])))


def _experiments(
    session: Session | None, steps: Steps, experiment: dict[str, Any] | None, name: str, scoring: Revision | None
) -> None:
    quoted = shlex.quote(name)
    what = "Make a training experiment; it needs a task, a label and a first table"
    command = f"mlmgmt new-experiment {quoted} --task regression --label cnt --data rentals.csv"
    steps.add(what, command, f"experiment {name!r}" if experiment is not None else None)
    predictive = None
    if session is not None and experiment is not None:
        bodies = session.experiments.all()
        predictive = next((b for b in bodies if b.get("ParentExperimentId") == experiment["ExperimentId"]), None)
    fact = f"experiment {predictive['Description']!r}" if predictive is not None else None
    if fact is None and scoring is not None:
        fact = "it was deployed"
    steps.add("Make its predictive experiment", f"mlmgmt set-up-web-service {quoted} --predictive", fact)
    deployed = shlex.quote(str(predictive["Description"]) if predictive is not None else name + set_up.PREDICTIVE)
    what = "Deploy the predictive experiment as a web service that scores"
    steps.add(what, f"mlmgmt deploy {deployed}", _deployed(scoring))


def _deployed(revision: Revision | None) -> str | None:
    if revision is None:
        return None
    resource = revision.resource
    assert isinstance(resource, EndpointId)
    created = str(revision.document["properties"].get("createdOn"))[:10]
    return f"web service {siblings.title(revision)!r} ({resource.service}), deployed {created}"


def _retraining(steps: Steps, experiment: dict[str, Any] | None, name: str, training: Revision | None) -> None:
    nodes = experiment["Definition"]["properties"]["package"]["nodes"].values() if experiment is not None else ()
    outputs = sorted(str(node["outputId"]) for node in nodes if "outputId" in node)
    fact = f"it answers {', '.join(outputs)}" if outputs else "it was deployed" if training is not None else None
    quoted = shlex.quote(name)
    what = "Give the training experiment a web service input and outputs"
    steps.add(what, f"mlmgmt set-up-web-service {quoted} --retraining", fact)
    what = "Deploy the training experiment as a web service that trains"
    steps.add(what, f"mlmgmt deploy {quoted}", _deployed(training))


def _endpoint(
    session: Session | None, scoring: Revision | None, named: Revision | None, job: Job | None
) -> Revision | None:
    """The endpoint to patch: the one named, else one that answers with the job's model, else the last that was added.

    Of many endpoints each has a model of its own, and the job's is no other's.
    """
    if session is None or scoring is None:
        return None
    resource = (named or scoring).resource
    assert isinstance(resource, EndpointId)
    if named is not None and resource.name != finding.DEFAULT and not siblings.trains(named):
        return named
    owner = scoring.resource
    assert isinstance(owner, EndpointId)
    others = [
        other
        for other in session.store.services.endpoints(owner.workspace, owner.service)
        if other.resource.name != finding.DEFAULT and not endpoint_facts.prevents_update(other.document)
    ]
    patched = [other for other in others if answers(session, other, job)]
    return max(patched or others, key=lambda other: str(other.document["properties"].get("createdOn")), default=None)


def _added(session: Session | None, steps: Steps, endpoint: Revision | None, service: str) -> None:
    fact = None
    if session is not None and endpoint is not None:
        added = str(endpoint.document["properties"].get("createdOn"))[:10]
        fact = f"endpoint {endpoint.resource.name} added {added}"
    what = "Add an endpoint; the default one follows its experiment and takes no other model"
    steps.add(what, f"mlmgmt add-endpoint {service} -EndpointName {_ENDPOINT}", fact)


def _patched(
    session: Session | None, steps: Steps, endpoint: Revision | None, place: str, name: str, job: Job | None
) -> None:
    """What the PATCH needs, and the PATCH itself."""
    models = assets.trained_models(endpoint.document) if endpoint is not None else []
    resource = models[0].name if models else f"{name}{siblings.SUFFIX}"
    what = "Get the PATCH URL, the resource's exact name and code"
    steps.add(what, f"mlmgmt endpoint-help {place} -Part update", f"resource {resource!r}" if models else None)
    location = "-BaseLocation ... -RelativeLocation ... -SasBlobToken '?...'"
    if session is not None and job is not None and job.model is not None:
        fresh = references.signed_reference(session, job.model)
        location = (
            f"-BaseLocation {fresh['BaseLocation']} -RelativeLocation {shlex.quote(fresh['RelativeLocation'])} "
            f"-SasBlobToken {shlex.quote(str(fresh['SasBlobToken'] or '?'))}"
        )
    command = f"mlmgmt patch-endpoint {place} -ResourceName {shlex.quote(resource)} {location}"
    what = "Patch the endpoint with the new model"
    if session is None or endpoint is None:
        steps.add(what, command)
        return
    patches = [revision for revision in session.store.services.history(endpoint.resource) if revision.source == "PATCH"]
    fact = f"patched: revision {patches[-1].number}, {patches[-1].modified_on[:19]}" if patches else None
    done = answers(session, endpoint, job) if job is not None and job.model is not None else bool(patches)
    if done and fact is None:
        fact = f"the model of job {job.id if job is not None else ''} answers"
    elif not done and fact is not None:
        fact += "; the model of the newest job does not answer yet"
    steps.add(what, command, fact, done=done)


_GROUP, _NAME, _LOCATION = "retail", "churn", "southcentralus"


def _new(session: Session | None, found: Steps, named: Revision | None) -> None:
    """Add the steps behind the first one, for the service named or the last one that was made."""
    groups = [str(body["name"]) for body in session.store.groups.all()] if session is not None else []
    scoring, training = siblings.pair(session, named, ResourceId) if session is not None else (None, None)
    group = _group(scoring) or _group(training) or (groups[0] if groups else _GROUP)
    name = scoring.resource.name if scoring is not None else _NAME
    fact = f"resource group {group!r}" if group in groups else None
    found.add("Make a resource group", f"mlmgmt new-group -Name {shlex.quote(group)} -Location {_LOCATION}", fact)
    where = f"-g {shlex.quote(group)}"
    stem = _stem(name)
    what = "Make the web service that scores, from its definition (samples: mlmgmt sample churn --out .)"
    command = f"mlmgmt new {where} -l {_LOCATION} -n {shlex.quote(name)} -DefinitionFile {stem}-predictive.json -Force"
    found.add(what, command, _made_on(scoring))
    trainer = training.resource.name if training is not None else f"{name}-training"
    what = "Make the web service that trains, from its training definition"
    command = f"mlmgmt new {where} -l {_LOCATION} -n {shlex.quote(trainer)} -DefinitionFile {stem}-training.json -Force"
    found.add(what, command, _made_on(training))
    job = newest_job(session, training) if session is not None else None
    trained(
        found, training, training.resource.words if training is not None else f"{where} -n {shlex.quote(trainer)}", job
    )
    done = session is not None and answers(session, scoring, job)
    uri = job.model.uri if job is not None and job.model is not None else "BASELOCATION+RELATIVELOCATION"
    _files(found, f"{where} -n {shlex.quote(name)}", f"{stem}.json", uri, scoring, done=done)
    fact = None
    if scoring is not None and done:
        made = f"; the model of job {job.id} answers" if job is not None else ""
        fact = f"updated: revision {scoring.number}, {scoring.modified_on[:19]}{made}"
    what = "Update the web service: the new model is proved, and answers at once"
    found.add(what, f"mlmgmt import -InputFile {stem}.json | mlmgmt update {where} -n {shlex.quote(name)} -Force", fact)
    found.unseen("Score with it", f"mlmgmt score {where} -n {shlex.quote(name)} --input {NEW_DATA}")


def _files(found: Steps, words: str, file: str, uri: str, scoring: Revision | None, *, done: bool) -> None:
    """What happens to the definition's file, as far as it is in the working directory."""
    places = _uris(file)
    models = assets.trained_models(scoring.document) if scoring is not None else []
    asset = f" --asset {models[0].asset_id}" if len(models) == 1 else ""
    fact = "it was, for the update" if done else f"{file} is here" if places is not None else None
    command = f"mlmgmt get {words} > wsd.json && mlmgmt export -WebService wsd.json -OutputFile {file} -Force"
    found.add("Export the definition to a file", command, fact)
    fact = "it was, for the update" if done else f"{file} names it" if places and uri in places else None
    command = f"mlmgmt set-model {file}{asset} --location {uri}"
    found.add("Point its trained model at the new one: locationInfo.uri", command, fact)
    found.unseen("See what the update would change", f"mlmgmt diff {words} {file}")


def _uris(file: str) -> list[str] | None:
    """The places of the trained models that a definition file names; None where there is no such file."""
    if not Path(file).is_file():
        return None
    try:
        body: Any = document.parse(userfiles.read(file).data)
    except MlmgmtError:
        return None
    return [model.uri for model in assets.trained_models(body)] if isinstance(body, dict) else None


def _group(revision: Revision | None) -> str | None:
    resource = revision.resource if revision is not None else None
    return resource.group if isinstance(resource, ResourceId) else None


def _made_on(revision: Revision | None) -> str | None:
    if revision is None:
        return None
    created = str(revision.document["properties"].get("createdOn"))[:10]
    return f"web service {revision.resource.name!r}, made {created}"


def _stem(name: str) -> str:
    """A file's name for a service that any shell takes as it is."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip("-.") or _NAME
