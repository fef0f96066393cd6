"""The steps of retraining a New web service: export its definition, point it at the new model, update."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, document
from mlmgmt.errors import MlmgmtError
from mlmgmt.ids import ResourceId
from mlmgmt.verbs import siblings, userfiles
from mlmgmt.verbs.steps import NEW_DATA, Steps, answers, newest_job, trained

if TYPE_CHECKING:
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

_GROUP, _NAME, _LOCATION = "retail", "churn", "southcentralus"


def steps(session: Session | None, found: Steps, named: Revision | None) -> None:
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
    found.add(what, command, _made(scoring))
    trainer = training.resource.name if training is not None else f"{name}-training"
    what = "Make the web service that trains, from its training definition"
    command = f"mlmgmt new {where} -l {_LOCATION} -n {shlex.quote(trainer)} -DefinitionFile {stem}-training.json -Force"
    found.add(what, command, _made(training))
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


def _made(revision: Revision | None) -> str | None:
    if revision is None:
        return None
    created = str(revision.document["properties"].get("createdOn"))[:10]
    return f"web service {revision.resource.name!r}, made {created}"


def _stem(name: str) -> str:
    """A file's name for a service that any shell takes as it is."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip("-.") or _NAME
