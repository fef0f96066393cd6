"""Check models before they are deployed: load them, compare them with the graph, and score the example.

A model is read from its uri once, when a change names it. From then on the home's own copy is used, by digest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, graph
from mlmgmt.definition.document import compact
from mlmgmt.errors import BadRequest, Detail, MlmgmtError, NotFound
from mlmgmt.store import blobs, sas
from mlmgmt.verbs.runs import models, proof
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.definition.assets import TrainedModel
    from mlmgmt.ids import ResourceId
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session

DEPLOYED, UNAVAILABLE, UNUSED = "deployed", "unavailable", "unused"
"""The states of a model: taken in; not in this home; in the definition, but no node uses it."""
_SKIP_HINT = "-SkipModelCheck deploys the model without a check, and the history says so."
_KEPT_FACTS = ("learner", "task", "trainedOn", "rows", "metrics", "metric", "evaluatedOn", "label")


@dataclass(slots=True)
class Deployment:
    """The models that a planned revision would use.

    Args:
        models: by asset id, as `Revision.models`.
        checked: `proved`, `skipped`, `unavailable`, `unproved`, `untouched` or `none`.
        bytes: models to store when the change is made, by digest.
        proof: the key and the record of a passed check, to store when the change is made.
    """

    models: dict[str, Any] = field(default_factory=dict)
    checked: str = "none"
    warnings: list[str] = field(default_factory=list)
    bytes: dict[str, bytes] = field(default_factory=dict)
    proof: tuple[str, dict[str, Any]] | None = None

    def keep(self, session: Session) -> None:
        """Store the bytes and the proof; call it before anything refers to them."""
        for data in self.bytes.values():
            session.store.blobs.keep_model(data)
        if self.proof is not None:
            session.store.secrets.keep_proof(*self.proof)


def prepare(
    session: Session,
    document: Mapping[str, Any],
    before: Revision | None,
    *,
    skip: bool = False,
    sas_tokens: Mapping[str, str] | None = None,
    digests: Mapping[str, Any] | None = None,
    held: Mapping[str, bytes] | None = None,
    service: ResourceId | None = None,
) -> Deployment:
    """Find and check the models of a document that is to replace `before`.

    Args:
        skip: take the models without checking them.
        sas_tokens: signatures from the models' uris, by asset id.
        held: new models whose bytes are at hand, by uri; they are used even if the uri did not change.
        digests: models already stored, by asset id, which a rollback uses again; their uris are not read.
        service: the New web service that is created, for a warning about how to train its model.

    Raises:
        BadRequest: `ModelNotProved`: a new model cannot be checked, or a model fails the check. `InvalidBlobExtension`:
            a trained model or a transformation gets a uri that cannot be one.
        NotFound: `BlobNotFound`: the account is in this home and the blob is not.
        UntrustedModel: a model was signed elsewhere, or changed.
    """
    if before is not None and digests is None:
        _refuse_lost_models(before.document, document)
    result = Deployment()
    used = graph.used_assets(document)
    found = []
    for model in assets.learnt_assets(document):
        if model.asset_id in used:
            found.append(model)
        else:
            result.models[model.asset_id] = {"state": UNUSED, "uri": model.uri}
    if not found:
        return result
    known = digests if digests is not None else (before.models if before is not None else {})
    touched = before is None or graph.digest(document) != graph.digest(before.document)
    for model in found:
        present = known.get(model.asset_id)
        named = present is not None and present.get("uri") == model.uri and model.uri not in (held or {})
        if present is not None and named and _keeps_copy(session, present, result):
            result.models[model.asset_id] = present
            if present.get("digest"):
                _note_overwritten(session, model, present, result)
        else:
            touched = True
            token = (sas_tokens or {}).get(model.asset_id)
            content = (held or {}).get(model.uri)
            if content is None:
                content = _read_new(session, model, before is not None, skip, token, result, service)
            if content is not None:
                _take(session, model, content, skip, result)
    if not touched and digests is None:
        result.checked = "untouched"
    elif skip:
        result.checked = "skipped"
        result.warnings.append("The model check was skipped; the new model may not be able to score.")
    elif any(body["state"] == UNAVAILABLE for body in result.models.values()):
        _open_beside_unavailable(session, before, result)
        result.checked = UNAVAILABLE
    else:
        _prove(session, document, before, result)
    return result


def _refuse_lost_models(before: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    """Refuse a change after which a trained model or a transformation would be no model, as with an empty uri."""
    named = document.get("properties", {}).get("assets", {})
    for model in assets.learnt_assets(before):
        asset, suffix = named.get(model.asset_id), Path(model.uri.split("?", 1)[0]).suffix
        if asset is not None and assets.kind_of(asset) != assets.SUFFIXES[suffix.casefold()]:
            uri = (asset.get("locationInfo") or {}).get("uri")
            text = f"The uri of {model} must end in {suffix}, and would be {uri!r}."
            path = f"$.properties.assets.{model.asset_id}.locationInfo.uri"
            hint = f"It is {model.uri} now. To point it to another model: mlmgmt set-model FILE LOCATION"
            raise BadRequest(text, detail="InvalidBlobExtension", target=model.asset_id, at=path, hint=hint)


def _keeps_copy(session: Session, present: Mapping[str, Any], result: Deployment) -> bool:
    """Whether to keep the copy of a model whose uri is unchanged; one that was unavailable may have arrived since."""
    if present.get("digest"):
        return True
    blob = blobs.parse(present["uri"])
    if blob is None or not session.store.blobs.exists(blob):
        return True
    try:
        models.open_model(session, session.store.blobs.read(blob))
    except MlmgmtError as error:
        result.warnings.append(f"The model at {present['uri']} is now available but cannot be used: {error.message}")
        return True
    return False


def _open_beside_unavailable(session: Session, before: Revision | None, result: Deployment) -> None:
    """Only open the new models, because the graph cannot run without every model; refuse this in an update."""
    if result.bytes and before is not None:
        raise BadRequest(
            "The new model cannot be checked.",
            details=[Detail("ModelNotProved", "Another model of the service is not available in this home.")],
            hint=_SKIP_HINT,
        )
    for content in result.bytes.values():
        models.open_model(session, content)


def _note_overwritten(session: Session, model: TrainedModel, present: Mapping[str, Any], result: Deployment) -> None:
    if blob_state(session, model.uri, present["digest"]) == "changed":
        result.warnings.append(
            f"The blob of {model} was overwritten after it was deployed; the deployed copy {present['digest'][:12]} "
            "stays in use. To deploy the new model, store it at another path."
        )


def blob_state(session: Session, uri: str, digest: str) -> str:
    """Whether the blob at a uri is still the model in use: `same`, `changed`, `deleted` or `elsewhere`."""
    blob = blobs.parse(uri)
    if blob is None or not session.store.blobs.is_registered(blob.account):
        return "elsewhere"
    try:
        return "same" if sha256(session.store.blobs.read(blob)).hexdigest() == digest else "changed"
    except NotFound:
        return "deleted"


def _read_new(
    session: Session,
    model: TrainedModel,
    update: bool,
    skip: bool,
    token: str | None,
    result: Deployment,
    service: ResourceId | None,
) -> bytes | None:
    """Read a model that a change names for the first time; None if its account is not in this home."""
    blob = blobs.parse(model.uri)
    if blob is not None and session.store.blobs.is_registered(blob.account):
        keys = session.store.secrets.account_keys(blob.account)
        if token is not None and keys:
            sas.check(token, keys, blob.account, blob.name, now=session.clock())
        return session.store.blobs.read(blob)
    where = f"storage account {blob.account!r}" if blob else "address"
    message = f"The {where} of {model} is not in this home: {model.uri}"
    if update and not skip:
        hint = "Copy the model into a storage account of this home, or use -SkipModelCheck."
        raise _uncheckable(message, model, hint)
    result.models[model.asset_id] = {"state": UNAVAILABLE, "uri": model.uri}
    retrain = f": mlmgmt retrain {service.words} --training-definition FILE --data FILE --update" if service else "."
    result.warnings.append(f"{message}. The service is stored, but cannot score until its model is here{retrain}")
    return None


def _take(session: Session, model: TrainedModel, content: bytes, skip: bool, result: Deployment) -> None:
    digest = sha256(content).hexdigest()
    result.bytes[digest] = content
    result.models[model.asset_id] = {
        "state": DEPLOYED,
        "digest": digest,
        "uri": model.uri,
        "takenOn": stamp(session.clock()),
        **({} if skip else _facts(content)),
    }


def _facts(data: bytes) -> dict[str, Any]:
    from mlmgmt.learning import ilearner

    stated = ilearner.manifest(data)
    return {name: stated[name] for name in _KEPT_FACTS if name in stated}


def _uncheckable(message: str, model: TrainedModel, hint: str | None = None) -> BadRequest:
    details = [Detail("ModelNotProved", message, f"$.properties.assets.{model.asset_id}.locationInfo.uri")]
    return BadRequest("The new model cannot be checked.", target=model.asset_id, details=details, hint=hint)


def _prove(session: Session, document: Mapping[str, Any], before: Revision | None, result: Deployment) -> None:
    digests = {asset_id: body["digest"] for asset_id, body in result.models.items() if "digest" in body}
    key = proof_key(document, digests)
    if session.store.secrets.proof(key):
        for digest in digests.values():
            if digest not in result.bytes:
                session.store.blobs.model(digest)
        result.checked = "proved"
        return
    session.stage("checking the model")
    try:
        if proof.trains(document):
            # One example row is not enough to train; only open what the graph uses.
            for digest in digests.values():
                models.open_model(session, result.bytes.get(digest) or session.store.blobs.model(digest))
            return
        rows = proof.score_example(session, document, models.reader(session, document, digests, result.bytes))
    except MlmgmtError as error:
        if "ModuleNotSupported" not in error.codes():
            raise _check_error(error) from error
        if before is not None and any(digest not in _digests(before) for digest in digests.values()):
            raise BadRequest(
                "The new model cannot be checked.",
                details=[Detail("ModelNotProved", error.message)],
                hint=_SKIP_HINT,
            ) from error
        result.checked = "unproved"
        result.warnings.append(f"The model was not checked. {error.message}")
        return
    result.checked = "proved"
    body = {"graph": graph.digest(document), "models": digests, "on": stamp(session.clock()), "example": rows}
    result.proof = (key, body)
    if rows == "made from the input":
        result.warnings.append(
            "There is no example request; the model was checked with a row made from the input's types."
        )


def proof_key(document: Mapping[str, Any], digests: Mapping[str, str]) -> str:
    """The key of a proof: a digest of everything that decides an answer: the graph and its models."""
    return sha256(compact([graph.digest(document), sorted(digests.items())])).hexdigest()


def _digests(revision: Revision) -> set[str]:
    return {body.get("digest", "") for body in revision.models.values()}


def _check_error(error: MlmgmtError) -> BadRequest:
    """Return the same error with the code `ModelNotProved` added."""
    details = [Detail("ModelNotProved", error.message, error.target), *error.details]
    message = "The model fails the check."
    return BadRequest(message, target=error.target, details=details, hint=error.hint, code=error.code)
