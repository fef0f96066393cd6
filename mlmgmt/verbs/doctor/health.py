"""How what answers is: its model, its example, its history, its calls at a time, and its log."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from mlmgmt.definition import assets
from mlmgmt.errors import MlmgmtError
from mlmgmt.ids import EndpointId, ResourceId, service_guid
from mlmgmt.verbs.plans import associations, usage
from mlmgmt.verbs.runs import models, proof
from mlmgmt.verbs.scoring import diagnostics
from mlmgmt.verbs.services import changes, deployment, endpoint_facts, finding, siblings

if TYPE_CHECKING:
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.doctor.findings import Findings
    from mlmgmt.verbs.session import Session

MODEL, HISTORY, EXAMPLE, THROTTLE, PLAN, LOG = "model", "history", "example", "throttle", "plan", "diagnostics"
_BLOBS = {
    "same": "its blob is unchanged",
    "changed": "its blob was overwritten since, and another model in it answers only after the next update",
    "deleted": "its blob was deleted since, which changes nothing",
    "elsewhere": "its blob is not in this home",
}


def health(session: Session, revision: Revision, findings: Findings) -> None:
    """All that can be seen of a service without a request."""
    _models(session, revision, findings)
    _history(session, revision, findings)
    _example(session, revision, findings)
    _throttle(session, revision, findings)
    _log(session, revision, findings)


def _models(session: Session, revision: Revision, findings: Findings) -> None:
    known = {model.asset_id: model for model in assets.learnt_assets(revision.document)}
    if not known:
        findings.ok(MODEL, "It holds none, and trains one.")
    for asset_id, model in known.items():
        body = revision.models.get(asset_id) or {}
        digest = str(body.get("digest") or "")
        if not digest:
            note = f"ModelPackageNotFound: {model.name!r} is not in this home: {model.uri}"
            cure = "Copy its file into a storage account of this home, or retrain and update."
            findings.problem(MODEL, note, cure)
            continue
        try:
            models.open_model(session, session.store.blobs.model(digest))
        except MlmgmtError as error:
            findings.refused(MODEL, error, error.hint or f"mlmgmt rollback {revision.resource.words}")
            continue
        state = _BLOBS[deployment.blob_state(session, str(body["uri"]), digest)]
        findings.ok(MODEL, f"{model.name!r} answers with {digest[:12]}, opened and trusted; {state}.")


def _history(session: Session, revision: Revision, findings: Findings) -> None:
    """Whether a patched model was lost to a refresh, or none was patched at all."""
    identity = revision.resource
    if siblings.trains(revision) or (isinstance(identity, EndpointId) and identity.name == finding.DEFAULT):
        findings.ok(HISTORY, f"Revision {revision.number}, {revision.change} {revision.modified_on[:19]}.")
        return
    past = session.store.services.history(identity)
    changed = [new for old, new in pairwise(past) if changes.digests(old.models) != changes.digests(new.models)]
    last = changed[-1] if changed else None
    if last is not None and last.change == "refreshed":
        lost = past[last.number - 2]
        note = (
            f"The model of revision {lost.number} was given up in revision {last.number}: the endpoint was refreshed "
            "with -OverwriteResources, which takes the experiment's model."
        )
        findings.problem(HISTORY, note, f"mlmgmt rollback {identity.words} --to {lost.number}")
        return
    if last is None and isinstance(identity, EndpointId):
        findings.ok(HISTORY, "Its model was never patched: it answers as the default endpoint did when it was added.")
        return
    since = last if last is not None else past[0]
    findings.ok(HISTORY, f"Its model answers since revision {since.number}, {since.change} {since.modified_on[:19]}.")


def _example(session: Session, revision: Revision, findings: Findings) -> None:
    if findings.has_problem(MODEL):
        findings.skipped(EXAMPLE, "There is no model to score it with.")
        return
    try:
        if proof.trains(revision.document):
            findings.skipped(EXAMPLE, "One row trains nothing.")
            return
        read = models.reader(session, revision.document, revision.model_digests)
        came = proof.score_example(session, revision.document, read)
    except MlmgmtError as error:
        findings.refused(EXAMPLE, error, error.hint or f"mlmgmt rollback {revision.resource.words}")
        return
    findings.ok(EXAMPLE, f"It scores a row: {came}.")


def _throttle(session: Session, revision: Revision, findings: Findings) -> None:
    identity = revision.resource
    if isinstance(identity, EndpointId):
        facts = revision.document.get(endpoint_facts.MEMBER) or endpoint_facts.facts()
        calls, level = facts["maxConcurrentCalls"], facts["throttleLevel"]
        more = "more endpoints, or ThrottleLevel High" if level == endpoint_facts.LOW else "more endpoints"
        findings.ok(THROTTLE, f"{level}: {calls} calls at a time; above, 503 RequestThrottled. Cure: {more}.")
        return
    realtime = revision.document["properties"].get("realtimeConfiguration") or {}
    most = realtime.get("maxConcurrentCalls")
    findings.ok(THROTTLE, f"{most} calls at a time; above, 503." if most else "There is no limit of calls at a time.")
    _plan(session, identity, revision, findings)


def _plan(session: Session, identity: ResourceId, revision: Revision, findings: Findings) -> None:
    plan = associations.plan_of(session, identity)
    if plan is None:
        named = associations.stated(revision.document)
        note = f"Its plan {named.name!r} is not in this home; " if named is not None else "It has none; "
        findings.ok(PLAN, note + "calls are not charged.")
        return
    if usage.suspended(session, plan):
        note = (
            f"The plan {plan.name!r} is used up, and suspends its services until its refill: calls are refused (403)."
        )
        cure = f"mlmgmt update-plan -g {plan.group} -n {plan.name} -SkuName S1 -SkuTier Standard -SkuCapacity 1"
        findings.problem(PLAN, note, cure)
    else:
        findings.ok(PLAN, f"{plan.name!r} pays, and is not used up.")


def _log(session: Session, revision: Revision, findings: Findings) -> None:
    level = str((revision.document["properties"].get("diagnostics") or {}).get("level") or "None")
    if level.casefold() == "none":
        findings.ok(LOG, "Calls are not logged (DiagnosticsTraceLevel None).")
    else:
        guid = service_guid(revision.resource)
        findings.ok(LOG, f"Calls are logged ({level}): container {diagnostics.CONTAINER}, names with {guid}.")
