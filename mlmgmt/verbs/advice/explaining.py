"""`explain`: the steps of retraining a Classic or a New web service, with the names in this home."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, document
from mlmgmt.definition.tags import EXPERIMENT_TAG, TRAINING_TAG
from mlmgmt.errors import MlmgmtError, NotFound, WrongUsage
from mlmgmt.ids import EndpointId, ResourceId
from mlmgmt.verbs import userfiles
from mlmgmt.verbs.advice.steps import NEW_DATA, Steps, add_training_step, newest_job, uses_model_of
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
_TITLES = {
    CLASSIC: "a Classic web service: add an endpoint, and patch it with the new model",
    NEW: "a New web service: export its definition, point it to the new model, and update the web service",
}


def explain(session: Session, *, flavour: str | None = None, **address: Unpack[Address]) -> dict[str, Any]:
    """Return the steps of retraining, which of them are done, and the command of the next one.

    Args:
        flavour: `classic` or `new`; default: that of the service that is named, else `classic`.
        address: the service; default: the newest one.

    Returns:
        `Flavour`, `Title`, `Steps` (see `Steps`), and `Next`.

    Raises:
        NotFound: the service that is named.
        WrongUsage: `AmbiguousParameterSet`: the service that is named is of the other flavour.
    """
    kind = NEW if "group" in address else CLASSIC
    flavour = flavour or kind
    if address and flavour != kind:
        message = f"The web service that is named is {kind}, not {flavour}."
        raise WrongUsage(message, detail="AmbiguousParameterSet", target="Flavour", hint=f"mlmgmt explain {kind} ...")
    steps = Steps()
    try:
        home = session.store.home
    except NotFound as error:
        if "NoHome" not in error.codes() or address:
            raise
        home = None
    fact = f"{home.root}, {session.caller}" if home is not None else None
    steps.add("Make a home and sign in", "mlmgmt connect -AccountId you@example.com", fact)
    here = session if home is not None else None
    if flavour == NEW:
        _add_new_steps(here, steps, addresses.existing(session, **address) if address else None)
    else:
        _add_classic_steps(
            here, steps, addresses.existing(session, **address) if address else None, "endpoint_name" in address
        )
    return {"Flavour": flavour, "Title": f"Retraining {_TITLES[flavour]}.", "Steps": steps.rows, "Next": steps.next}


def _add_classic_steps(session: Session | None, steps: Steps, named: Revision | None, by_endpoint: bool) -> None:
    scoring, training = siblings.pair(session, named, EndpointId) if session is not None else (None, None)
    experiment = _training_experiment(session, scoring, training)
    name = str(experiment["Description"]) if experiment is not None else _EXAMPLE
    _add_experiment_steps(session, steps, experiment, name, scoring)
    _add_retraining_steps(steps, experiment, name, training)
    job = newest_job(session, training) if session is not None else None
    endpoint = _endpoint_to_patch(session, scoring, named if by_endpoint else None, job)
    service = _service_words(scoring, name + set_up.PREDICTIVE)
    _add_endpoint_step(session, steps, endpoint, service)
    add_training_step(steps, training, f"{_service_words(training, name)} -EndpointName {finding.DEFAULT}", job)
    place = f"{service} -EndpointName {endpoint.resource.name if endpoint is not None else _ENDPOINT}"
    _add_patch_steps(session, steps, endpoint, place, name, job)
    steps.add_untracked("Score with the patched endpoint", f"mlmgmt score {place} --input {NEW_DATA}")


def _service_words(revision: Revision[EndpointId] | None, name: str) -> str:
    if revision is None:
        return f"-WebServiceId {shlex.quote(name)}"
    return f"-WebServiceId {revision.resource.service}"


def _training_experiment(
    session: Session | None, scoring: Revision | None, training: Revision | None
) -> dict[str, Any] | None:
    """Return the training experiment of the web services; without any, the newest experiment."""
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


def _add_experiment_steps(
    session: Session | None,
    steps: Steps,
    experiment: dict[str, Any] | None,
    name: str,
    scoring: Revision[EndpointId] | None,
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
    steps.add(what, f"mlmgmt deploy {deployed}", _deployment_fact(scoring))


def _deployment_fact(revision: Revision[EndpointId] | None) -> str | None:
    if revision is None:
        return None
    created = str(revision.document["properties"].get("createdOn"))[:10]
    return f"web service {siblings.title(revision)!r} ({revision.resource.service}), deployed {created}"


def _add_retraining_steps(
    steps: Steps, experiment: dict[str, Any] | None, name: str, training: Revision[EndpointId] | None
) -> None:
    nodes = experiment["Definition"]["properties"]["package"]["nodes"].values() if experiment is not None else ()
    outputs = sorted(str(node["outputId"]) for node in nodes if "outputId" in node)
    fact = (
        f"it has the outputs {', '.join(outputs)}" if outputs else "it was deployed" if training is not None else None
    )
    quoted = shlex.quote(name)
    what = "Give the training experiment a web service input and outputs"
    steps.add(what, f"mlmgmt set-up-web-service {quoted} --retraining", fact)
    what = "Deploy the training experiment as a web service that trains"
    steps.add(what, f"mlmgmt deploy {quoted}", _deployment_fact(training))


def _endpoint_to_patch(
    session: Session | None, scoring: Revision[EndpointId] | None, named: Revision | None, job: Job | None
) -> Revision | None:
    """Return the endpoint to patch: the one that is named, else one that uses the job's model, else the newest.

    Endpoints have different models, so the one with the job's model is the one that the job was for.
    """
    if session is None or scoring is None:
        return None
    if named is not None and not finding.is_default(named.resource) and not siblings.trains(named):
        return named
    owner = scoring.resource
    others = [
        other
        for other in session.store.services.endpoints(owner.workspace, owner.service)
        if not finding.is_default(other.resource) and not endpoint_facts.prevents_update(other.document)
    ]
    patched = [other for other in others if uses_model_of(session, other, job)]
    return max(patched or others, key=lambda other: str(other.document["properties"].get("createdOn")), default=None)


def _add_endpoint_step(session: Session | None, steps: Steps, endpoint: Revision | None, service: str) -> None:
    fact = None
    if session is not None and endpoint is not None:
        added = str(endpoint.document["properties"].get("createdOn"))[:10]
        fact = f"endpoint {endpoint.resource.name} added {added}"
    what = "Add an endpoint; the default one follows its experiment and cannot be patched"
    steps.add(what, f"mlmgmt add-endpoint {service} -EndpointName {_ENDPOINT}", fact)


def _add_patch_steps(
    session: Session | None, steps: Steps, endpoint: Revision | None, place: str, name: str, job: Job | None
) -> None:
    """Add the steps that prepare a PATCH, and the PATCH."""
    models = assets.trained_models(endpoint.document) if endpoint is not None else []
    resource = models[0].name if models else f"{name}{siblings.SUFFIX}"
    what = "Get the PATCH URL, the exact name of the resource and sample code"
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
    done = uses_model_of(session, endpoint, job) if job is not None and job.model is not None else bool(patches)
    if done and fact is None:
        fact = f"it uses the model of job {job.id if job is not None else ''}"
    elif not done and fact is not None:
        fact += "; it does not use the model of the newest job yet"
    steps.add(what, command, fact, done=done)


_GROUP, _NAME, _LOCATION = "retail", "churn", "southcentralus"


def _add_new_steps(session: Session | None, steps: Steps, named: Revision | None) -> None:
    """Add the steps after the first one, for the service that is named or the newest one."""
    groups = [str(body["name"]) for body in session.store.groups.all()] if session is not None else []
    scoring, training = siblings.pair(session, named, ResourceId) if session is not None else (None, None)
    group = _group(scoring) or _group(training) or (groups[0] if groups else _GROUP)
    name = scoring.resource.name if scoring is not None else _NAME
    fact = f"resource group {group!r}" if group in groups else None
    steps.add("Make a resource group", f"mlmgmt new-group -Name {shlex.quote(group)} -Location {_LOCATION}", fact)
    where = f"-g {shlex.quote(group)}"
    stem = _stem(name)
    what = "Make the web service that scores, from its definition (samples: mlmgmt sample churn --out .)"
    command = f"mlmgmt new {where} -l {_LOCATION} -n {shlex.quote(name)} -DefinitionFile {stem}-predictive.json -Force"
    steps.add(what, command, _creation_fact(scoring))
    trainer = training.resource.name if training is not None else f"{name}-training"
    what = "Make the web service that trains, from its training definition"
    command = f"mlmgmt new {where} -l {_LOCATION} -n {shlex.quote(trainer)} -DefinitionFile {stem}-training.json -Force"
    steps.add(what, command, _creation_fact(training))
    job = newest_job(session, training) if session is not None else None
    add_training_step(
        steps, training, training.resource.words if training is not None else f"{where} -n {shlex.quote(trainer)}", job
    )
    done = session is not None and uses_model_of(session, scoring, job)
    uri = job.model.uri if job is not None and job.model is not None else "BASELOCATION+RELATIVELOCATION"
    _add_file_steps(steps, f"{where} -n {shlex.quote(name)}", f"{stem}.json", uri, scoring, done=done)
    fact = None
    if scoring is not None and done:
        made = f"; it uses the model of job {job.id}" if job is not None else ""
        fact = f"updated: revision {scoring.number}, {scoring.modified_on[:19]}{made}"
    what = "Update the web service: the new model is checked and used immediately"
    steps.add(what, f"mlmgmt import -InputFile {stem}.json | mlmgmt update {where} -n {shlex.quote(name)} -Force", fact)
    steps.add_untracked(
        "Score with the updated web service", f"mlmgmt score {where} -n {shlex.quote(name)} --input {NEW_DATA}"
    )


def _add_file_steps(steps: Steps, words: str, file: str, uri: str, scoring: Revision | None, *, done: bool) -> None:
    """Add the steps that export and edit the definition file in the working directory."""
    places = _uris(file)
    models = assets.trained_models(scoring.document) if scoring is not None else []
    asset = f" --asset {models[0].asset_id}" if len(models) == 1 else ""
    fact = "done before the update" if done else f"{file} exists" if places is not None else None
    command = f"mlmgmt get {words} > wsd.json && mlmgmt export -WebService wsd.json -OutputFile {file} -Force"
    steps.add("Export the definition to a file", command, fact)
    fact = "done before the update" if done else f"{file} has its uri" if places and uri in places else None
    command = f"mlmgmt set-model {file}{asset} --location {uri}"
    steps.add("Point its trained model to the new one: locationInfo.uri", command, fact)
    steps.add_untracked("See what the update would change", f"mlmgmt diff {words} {file}")


def _uris(file: str) -> list[str] | None:
    """Return the uris of the trained models in a definition file; None if there is no such file."""
    if not Path(file).is_file():
        return None
    try:
        body: Any = document.parse(userfiles.read(file).data)
    except MlmgmtError:
        return None
    return [model.uri for model in assets.trained_models(body)] if isinstance(body, dict) else None


def _group(revision: Revision[ResourceId] | None) -> str | None:
    return revision.resource.group if revision is not None else None


def _creation_fact(revision: Revision | None) -> str | None:
    if revision is None:
        return None
    created = str(revision.document["properties"].get("createdOn"))[:10]
    return f"web service {revision.resource.name!r}, made {created}"


def _stem(name: str) -> str:
    """Return a file name for a service that no shell needs quoted."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip("-.") or _NAME
