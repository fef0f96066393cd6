"""Check an update before it is made: the service, the endpoint, the resource name, and the model's location."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from mlmgmt.definition import assets
from mlmgmt.errors import MlmgmtError
from mlmgmt.ids import EndpointId, ResourceId
from mlmgmt.store import blobs, sas
from mlmgmt.verbs.advice.steps import models_of
from mlmgmt.verbs.classic import patching
from mlmgmt.verbs.doctor.findings import summary
from mlmgmt.verbs.services import deployment, endpoint_facts, finding, siblings, webservices
from mlmgmt.verbs.storage import references

if TYPE_CHECKING:
    from mlmgmt.definition.assets import TrainedModel
    from mlmgmt.ids import ServiceId
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.doctor.findings import Findings
    from mlmgmt.verbs.session import Session

SERVICE, ENDPOINT, RESOURCE, BASE, RELATIVE, SIGNATURE, NEW_MODEL = (
    "service",
    "endpoint",
    "resource",
    "base location",
    "relative location",
    "signature",
    "new model",
)


@dataclass(frozen=True, slots=True)
class Given:
    """The values of a PATCH; None if a value is not given."""

    resource_name: str | None = None
    base_location: str | None = None
    relative_location: str | None = None
    sas_blob_token: str | None = None

    @property
    def any(self) -> bool:
        given = (self.resource_name, self.base_location, self.relative_location, self.sas_blob_token)
        return any(value is not None for value in given)


def check_service(session: Session, revision: Revision, findings: Findings, *, wanted: bool) -> None:
    """Check that a service has a model to update, and that its endpoint can be updated.

    Args:
        wanted: an update is planned; otherwise what prevents one is not a problem.
    """
    resource = revision.resource
    if siblings.trains(revision):
        if wanted:
            note = f"NoUpdatableResources: {siblings.no_resources(session, revision)}"
            findings.problem(SERVICE, note, siblings.patch_hint(session, revision))
        elif not siblings.has_trainer(revision):
            findings.ok(
                SERVICE, f"{siblings.title(revision)!r} has no trained model; its modules answer by themselves."
            )
        else:
            others = ", ".join(siblings.label(other) for other in siblings.predictive(session, revision)[:3])
            where = f" Its models are used by {others}." if others else ""
            findings.ok(SERVICE, f"{siblings.title(revision)!r} trains; batch jobs run it.{where}")
        return
    trainers = ", ".join(siblings.label(other) for other in siblings.training(session, revision)[:3])
    by = f" and is trained by {trainers}" if trainers else ""
    if any(body["state"] == deployment.UNAVAILABLE for body in revision.models.values()):
        findings.skip(SERVICE, f"{siblings.title(revision)!r} cannot score before its model is in this home.")
    else:
        findings.ok(SERVICE, f"{siblings.title(revision)!r} scores{by}.")
    if isinstance(resource, ResourceId):
        if revision.document["properties"].get("readOnly"):
            _report(findings, "It is read-only and cannot be updated.", None, wanted=wanted)
        return
    if finding.is_default(resource):
        cure = siblings.next_command(session, resource)
        note = "The default endpoint follows its experiment and is never patched"
        _report(findings, f"DefaultEndpointNotUpdatable: {note}." if wanted else f"{note}.", cure, wanted=wanted)
    elif endpoint_facts.prevents_update(revision.document):
        note = f"The endpoint {resource.name!r} has PreventUpdate set and keeps its model"
        cure = siblings.add_endpoint_command(resource, f"{resource.name[:20]}new")
        _report(findings, f"EndpointPreventsUpdate: {note}." if wanted else f"{note}.", cure, wanted=wanted)
    else:
        findings.ok(ENDPOINT, f"{resource.name!r} can be patched.")


def _report(findings: Findings, note: str, cure: str | None, *, wanted: bool) -> None:
    if wanted:
        findings.problem(ENDPOINT, note, cure)
    else:
        findings.ok(ENDPOINT, note)


def check_resource_name(revision: Revision, name: str | None, findings: Findings) -> TrainedModel | None:
    """Check a resource name, and return the trained model with exactly this name."""
    known = assets.trained_models(revision.document)
    if not known:
        return None
    if name is None:
        listed = ", ".join(repr(model.name) for model in known)
        findings.skip(RESOURCE, f"No -ResourceName is given; resources: {listed}.")
        return known[0] if len(known) == 1 else None
    exact = [model for model in known if model.name == name]
    if len(exact) == 1:
        findings.ok(RESOURCE, f"{name!r} is the exact name of a resource.")
        return exact[0]
    if exact:
        findings.problem(RESOURCE, f"{len(exact)} resources are named {name!r}.", "Give them different names.")
        return None
    near = _nearest(name, [model.name for model in known])
    note = f"UnknownResourceName: no resource is named {name!r}; {_difference(name, near)}"
    findings.problem(RESOURCE, note, f"-ResourceName '{near}'")
    return None


def _nearest(name: str, known: list[str]) -> str:
    folded = {_folded(other): other for other in known}
    found = get_close_matches(_folded(name), folded, n=1, cutoff=0.0)
    return folded[found[0]] if found else known[0]


def _folded(name: str) -> str:
    return " ".join(name.casefold().removesuffix(siblings.SUFFIX).split())


def _difference(name: str, near: str) -> str:
    if name.casefold() == near.casefold():
        return f"its letter case differs from {near!r}."
    if " ".join(name.split()) == " ".join(near.split()):
        return f"its spaces differ from {near!r}."
    if near == name + siblings.SUFFIX:
        return f"{siblings.SUFFIX!r} is missing; it is part of the name."
    return f"the nearest name is {near!r}."


def check_location(session: Session, revision: Revision, given: Given, findings: Findings) -> blobs.Blob | None:
    """Check the three parts of a new model's location; return its blob, or None if it was not found."""
    fresh = latest_model(session, revision)
    base = _check_base(session, given.base_location, findings, fresh)
    relative = _check_relative(given.relative_location, findings, fresh)
    if base is None or relative is None:
        if given.sas_blob_token is not None:
            findings.skip(SIGNATURE, "Not checked: both locations of the blob are needed.")
        return None
    blob = _parse(base, relative, findings)
    if blob is None:
        return None
    if not session.store.blobs.exists(blob):
        note = f"BlobNotFound: blob {blob.name!r} does not exist in storage account {blob.account!r}."
        findings.problem(RELATIVE, note, _fresh_cure(fresh) or references.storage_hint(session))
        blob_there = None
    else:
        findings.ok(RELATIVE, f"The blob {blob.name!r} exists.")
        blob_there = blob
    _check_signature(session, blob, given.sas_blob_token, findings, revision)
    return blob_there


Latest = tuple["ServiceId", str, blobs.Blob]
"""The service that trained a model, the id of the job, and the model's blob."""


def latest_model(session: Session, revision: Revision, blob: blobs.Blob | None = None) -> Latest | None:
    """Return the last model that a job made for a service; with `blob`, the one in that blob."""
    for trainer in siblings.training(session, revision):
        for body in reversed(list(session.store.jobs.of(trainer.resource))):
            for place in models_of(body):
                if blob in (None, place):
                    return trainer.resource, body["id"], place
    return None


def _fresh_cure(fresh: Latest | None) -> str | None:
    if fresh is None:
        return None
    return (
        f"-RelativeLocation {fresh[2].relative_location}  # from mlmgmt batch status {fresh[0].words} --job {fresh[1]}"
    )


def _check_base(session: Session, text: str | None, findings: Findings, fresh: Latest | None) -> str | None:
    right = f"-BaseLocation {fresh[2].base_location}" if fresh is not None else None
    if text is None:
        findings.skip(BASE, "No -BaseLocation is given.")
        return None
    if "?" in text or assets.TRAINED_MODEL_SUFFIX in text.casefold():
        findings.problem(BASE, "It is the whole address of the model; give only the account's address.", right)
        return None
    if not text.endswith("/"):
        note = "It does not end in a slash; the three parts are joined without a separator."
        findings.problem(BASE, note, f"-BaseLocation {text}/")
    try:
        probe = references.blob_at(text, "container/blob", "-BaseLocation", "InvalidBlob")
    except MlmgmtError as error:
        findings.error(BASE, error, right)
        return None
    if not session.store.blobs.is_registered(probe.account):
        note = f"The storage account {probe.account!r} is not in this home; nothing is fetched from the network."
        findings.problem(BASE, note, references.storage_hint(session))
        return None
    if text.endswith("/"):
        findings.ok(BASE, f"It is the storage account {probe.account!r}.")
    return text


def _check_relative(text: str | None, findings: Findings, fresh: Latest | None) -> str | None:
    if text is None:
        findings.skip(RELATIVE, "No -RelativeLocation is given.")
        return None
    if "?" in text:
        findings.problem(
            RELATIVE, "It has a query, which is the SasBlobToken.", f"-RelativeLocation {text.split('?')[0]}"
        )
        text = text.split("?")[0]
    if not text.casefold().endswith(assets.TRAINED_MODEL_SUFFIX):
        note = f"InvalidBlobExtension: {text!r} is not a trained model, whose name ends in .ilearner"
        tail = "; a .csv is the evaluation of a job." if text.casefold().endswith(".csv") else "."
        findings.problem(RELATIVE, note + tail, _fresh_cure(fresh))
        return None
    return text


def _parse(base: str, relative: str, findings: Findings) -> blobs.Blob | None:
    try:
        return references.blob_at(base, relative, "-RelativeLocation", "InputBlobRelativeLocationInvalid")
    except MlmgmtError as error:
        findings.error(RELATIVE, error)
        return None


def _check_signature(
    session: Session, blob: blobs.Blob, text: str | None, findings: Findings, revision: Revision
) -> None:
    if text is None:
        findings.skip(SIGNATURE, "No -SasBlobToken is given.")
        return
    made = latest_model(session, revision, blob)
    cure = (
        f"mlmgmt batch status {made[0].words} --job {made[1]}  # gives a fresh one each time"
        if made is not None
        else f"mlmgmt sas -Account {blob.account} -Container {blob.container} -Blob '{blob.path}'"
    )
    fields = {name: values[0] for name, values in parse_qs(text.lstrip("?"), keep_blank_values=True).items()}
    if "sig" not in fields:
        findings.problem(
            SIGNATURE, f"{text[:20]!r} is not a signature: it has no sig=. Placeholders are refused.", cure
        )
        return
    if not text.startswith("?"):
        note = "It does not begin with '?'; the three parts are joined without a separator."
        findings.problem(SIGNATURE, note, f"'?{text}'")
    keys = session.store.secrets.account_keys(blob.account)
    if not keys:
        findings.skip(SIGNATURE, f"The keys of {blob.account!r} are not in this user's configuration.")
        return
    try:
        sas.check(text, keys, blob.account, blob.name, now=session.clock())
    except MlmgmtError as error:
        findings.problem(SIGNATURE, f"{summary(error)}{_damage(text)}", cure)
        return
    findings.ok(SIGNATURE, f"It is valid for this blob until {fields.get('se')}.")


def _damage(text: str) -> str:
    """Say how a shell or an encoder damaged a signature, if it looks so."""
    if "%25" in text:
        return " It is percent-encoded twice."
    if "&" not in text:
        return " A shell cut it at its first '&': quote it."
    return " Its '+' should be %2B." if "+" in unquote(text) and "+" in text else ""


def check_new_model(
    session: Session,
    revision: Revision,
    model: TrainedModel | None,
    blob: blobs.Blob | None,
    findings: Findings,
) -> None:
    """Check that the new model fits, by planning the whole update; nothing is written."""
    if blob is None or model is None or findings.has_problem(SERVICE, ENDPOINT, RESOURCE):
        findings.skip(NEW_MODEL, "Not checked: the checks before this one did not all pass.")
        return
    try:
        _plan_update(session, revision, model, blob)
    except MlmgmtError as error:
        if "NothingChanged" in error.codes():
            findings.ok(NEW_MODEL, "It is already the current model.")
        else:
            findings.error(NEW_MODEL, error)
        return
    findings.ok(NEW_MODEL, "It is trusted, its columns match the graph, and it scores the example.")


def _plan_update(session: Session, revision: Revision, model: TrainedModel, blob: blobs.Blob) -> Any:
    identity = revision.resource
    if isinstance(identity, EndpointId):
        fresh = references.signed_reference(session, blob)
        place = {name: fresh[name] for name in ("BaseLocation", "RelativeLocation", "SasBlobToken")}
        change = patching.Replacement(model.name, place)
        return patching.plan_change(
            session, web_service_id=identity.service, endpoint_name=identity.name, resources=[change]
        )
    return webservices.plan_change(session, revision, assets.relocation(model, blob.uri))
