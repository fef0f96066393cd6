"""Check the state of a service: its models, history, example, limit of calls, commitment plan and log."""

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
    "changed": "its blob was overwritten since; the new content is used only after the next update",
    "deleted": "its blob was deleted since; this does not matter, because the home keeps a copy",
    "elsewhere": "its blob is not in this home",
}


def check(session: Session, revision: Revision, findings: Findings) -> None:
    """Check everything that can be checked without calling the service."""
    _check_models(session, revision, findings)
    _check_history(session, revision, findings)
    _check_example(session, revision, findings)
    _check_throttle(session, revision, findings)
    _check_log(session, revision, findings)


def _check_models(session: Session, revision: Revision, findings: Findings) -> None:
    known = {model.asset_id: model for model in assets.learnt_assets(revision.document)}
    if not known:
        what = "It trains, and has" if siblings.has_trainer(revision) else "It has"
        findings.ok(MODEL, f"{what} no trained model that an update could replace.")
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
            findings.error(MODEL, error, error.hint or f"mlmgmt rollback {revision.resource.words}")
            continue
        state = _BLOBS[deployment.blob_state(session, str(body["uri"]), digest)]
        findings.ok(MODEL, f"{model.name!r} is model {digest[:12]}, which can be opened and is trusted; {state}.")


def _check_history(session: Session, revision: Revision, findings: Findings) -> None:
    """Check whether a refresh replaced a patched model."""
    identity = revision.resource
    if siblings.trains(revision) or finding.is_default(identity):
        findings.ok(HISTORY, f"Revision {revision.number}, {revision.change} {revision.modified_on[:19]}.")
        return
    past = session.store.services.history(identity)
    changed = [new for old, new in pairwise(past) if changes.digests(old.models) != changes.digests(new.models)]
    last = changed[-1] if changed else None
    if last is not None and last.change == "refreshed":
        lost = past[last.number - 2]
        note = (
            f"Revision {last.number} replaced the model of revision {lost.number}: the endpoint was refreshed with "
            "-OverwriteResources, which takes the models of the default endpoint."
        )
        findings.problem(HISTORY, note, f"mlmgmt rollback {identity.words} --to {lost.number}")
        return
    if last is None and isinstance(identity, EndpointId):
        findings.ok(
            HISTORY, "Its model was never patched: it is the one that the default endpoint had when this one was added."
        )
        return
    since = last if last is not None else past[0]
    findings.ok(
        HISTORY, f"Its model has been in use since revision {since.number}, {since.change} {since.modified_on[:19]}."
    )


def _check_example(session: Session, revision: Revision, findings: Findings) -> None:
    if findings.has_problem(MODEL):
        findings.skip(EXAMPLE, "Not checked: the model cannot be used.")
        return
    try:
        if proof.trains(revision.document):
            findings.skip(EXAMPLE, "Not checked: the service trains, and one row is not enough.")
            return
        read = models.reader(session, revision.document, revision.model_digests)
        score = proof.score_example(session, revision.document, read)
    except MlmgmtError as error:
        findings.error(EXAMPLE, error, error.hint or f"mlmgmt rollback {revision.resource.words}")
        return
    findings.ok(EXAMPLE, f"It scores a row: {score}.")


def _check_throttle(session: Session, revision: Revision, findings: Findings) -> None:
    identity = revision.resource
    if isinstance(identity, EndpointId):
        facts = revision.document.get(endpoint_facts.MEMBER) or endpoint_facts.facts()
        calls, level = facts["maxConcurrentCalls"], facts["throttleLevel"]
        more = "add endpoints, or use ThrottleLevel High" if level == endpoint_facts.LOW else "add endpoints"
        note = (
            f"{level}: concurrent calls beyond {calls} are answered with 503 RequestThrottled. To allow more, {more}."
        )
        findings.ok(THROTTLE, note)
        return
    realtime = revision.document["properties"].get("realtimeConfiguration") or {}
    most = realtime.get("maxConcurrentCalls")
    limit = f"Concurrent calls beyond {most} are answered with 503." if most else "Concurrent calls are not limited."
    findings.ok(THROTTLE, limit)
    _check_commitment_plan(session, identity, revision, findings)


def _check_commitment_plan(session: Session, identity: ResourceId, revision: Revision, findings: Findings) -> None:
    plan = associations.paying_plan(session, identity)
    if plan is None:
        named = associations.named_plan(revision.document)
        note = f"Its plan {named.name!r} is not in this home" if named is not None else "It has no plan"
        findings.ok(PLAN, f"{note}: calls are not charged.")
        return
    if usage.is_plan_suspended(session, plan):
        note = f"The plan {plan.name!r} is used up: calls are refused (403) until it is refilled."
        cure = f"mlmgmt update-plan -g {plan.group} -n {plan.name} -SkuName S1 -SkuTier Standard -SkuCapacity 1"
        findings.problem(PLAN, note, cure)
    else:
        findings.ok(PLAN, f"The plan {plan.name!r} pays for calls and is not used up.")


def _check_log(session: Session, revision: Revision, findings: Findings) -> None:
    level = str((revision.document["properties"].get("diagnostics") or {}).get("level") or "None")
    if level.casefold() == "none":
        findings.ok(LOG, "Calls are not logged (DiagnosticsTraceLevel None).")
    else:
        guid = service_guid(revision.resource)
        findings.ok(
            LOG, f"Calls are logged ({level}): blobs with {guid} in their names, container {diagnostics.CONTAINER}."
        )
