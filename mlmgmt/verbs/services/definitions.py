"""Definitions in files: import, export, diff, test, and setting the model that retraining made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from mlmgmt import resources
from mlmgmt.definition import assets, diff, document, patch, reading
from mlmgmt.definition.schema import without
from mlmgmt.errors import BadRequest, Detail, MlmgmtError, NotFound, WrongUsage
from mlmgmt.ids import ResourceId
from mlmgmt.verbs import userfiles
from mlmgmt.verbs.outcome import Outcome
from mlmgmt.verbs.runs import models, proof, runnable
from mlmgmt.verbs.services import changes, deployment, history, lookup, templates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source


class Difference(TypedDict):
    """The differences between two definitions, and the same as RFC 6902 operations on the canonical document."""

    changes: list[diff.ChangeEntry]
    patch: list[dict[str, Any]]


def read(
    session: Session,
    *,
    definition: Source,
    template_parameter_file: Source | None = None,
    template_parameters: Sequence[str] = (),
    group: str | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """Return a definition from a file or a string, canonical and checked; show its warnings.

    Args:
        template_parameter_file, template_parameters, group, name: for a deployment template; see `templates.read`.

    Raises:
        BadRequest: `InvalidDefinition`, with the file, line, column and path of every problem; `InvalidTemplate`.
    """
    values = templates.Values(template_parameter_file, template_parameters)
    found = templates.read(session, definition, values=values, group=group, name=name)
    for line in reading.sentences(found.warnings):
        session.warn(line)
    return found.document


def export_text(session: Session, *, web_service: Source) -> str:
    """Return the text of a web service as the original exported it, without what only the service sets."""
    return document.export(_export(session, web_service)).decode()


def _export(session: Session, web_service: Source) -> Any:
    found = reading.read(web_service.data, session.contract, source=web_service.name, whole=False)
    if "package" not in found.document.get("properties", {}):
        message = f"{web_service.name} has no package: it comes from a list, or is not a web service."
        hint = "Get the service by its name: mlmgmt Get-AzMlWebService -ResourceGroupName ... -Name ..."
        raise BadRequest(message, detail="MissingPackage", target=web_service.name, hint=hint)
    for line in reading.sentences(found.warnings):
        session.warn(line)
    return without(found.document, session.contract.root, read_only=True)


def plan_export(session: Session, *, web_service: Source, output_file: str) -> Outcome:
    """Plan to write a web service to a file, as the original exported it.

    Raises:
        BadRequest: the web service cannot be read, or the file cannot be written.
    """
    text = export_text(session, web_service=web_service).encode()
    # Only a regular file is overwritten; a pipe or a device is written to, without a question.
    current: dict[str, Any] | None = {} if Path(output_file).is_file() else None

    def commit() -> None:
        userfiles.write(output_file, text, overwrite=True)

    question = f"The file {output_file} already exists. Overwrite it?" if current is not None else None
    return Outcome(target=output_file, before=current, after={}, commit=commit, question=question)


def list_assets(
    session: Session,
    *,
    definition: Source,
    template_parameter_file: Source | None = None,
    template_parameters: Sequence[str] = (),
    name: str | None = None,
) -> list[dict[str, Any]]:
    """Return the assets of a definition, with their kinds; for a deployment template, see `templates.read`."""
    values = templates.Values(template_parameter_file, template_parameters)
    found = templates.read(session, definition, values=values, name=name, whole=False).document
    return [
        {
            "Id": asset_id,
            "Name": asset.get("name"),
            "Kind": "trained model" if assets.is_trained_model(asset) else str(asset.get("type", "")).lower(),
            "Uri": (asset.get("locationInfo") or {}).get("uri"),
        }
        for asset_id, asset in found.get("properties", {}).get("assets", {}).items()
    ]


def set_model(session: Session, *, file: str, location: str, asset: str | None = None) -> dict[str, Any]:
    """Point one trained model of a definition file at another uri; the rest of the file is unchanged.

    Raises:
        BadRequest: the file is not a definition, the asset is ambiguous, or the uri is not that of a trained model.
        NotFound: the file, or the asset.
    """
    source = userfiles.read(file)
    found = reading.read(source.data, session.contract, source=source.name, whole=False).document
    model = assets.find(found, asset)
    check_uri(location)
    text = replace_model_uri(source, model, location)
    if text != source.data:
        userfiles.write(file, text, overwrite=True)
    return {"File": file, "Asset": model.asset_id, "Name": model.name, "Was": model.uri, "Uri": location}


def check_uri(location: str) -> None:
    """Refuse a uri that cannot be that of a trained model.

    Raises:
        BadRequest: `InvalidBlobExtension`, `InvalidBlob`.
    """
    from mlmgmt.store import blobs

    blobs.parse(location)
    path = location.split("?", 1)[0]
    if not path.casefold().endswith(assets.TRAINED_MODEL_SUFFIX):
        message = f"The location of a trained model must end in .ilearner: {location!r}."
        hint = (
            "Join the BaseLocation and RelativeLocation of the batch job's output."
            if path.endswith((".", ",", ";"))
            else None
        )
        if path[-1:] in ".,;":
            hint = f"Remove the punctuation at its end: {path[-1]!r}."
        raise BadRequest(message, detail="InvalidBlobExtension", target="Location", hint=hint)


def replace_model_uri(source: Source, model: assets.TrainedModel, location: str) -> bytes:
    """Return the bytes of a definition file with one model reference replaced, in the same encoding."""
    path = ("properties", "assets", model.asset_id, "locationInfo", "uri")
    return document.encode_like(source.data, document.parse_file(source.data).with_string(path, location))


def compare(
    session: Session,
    *,
    group: str | None = None,
    name: str | None = None,
    left: Source | None = None,
    right: Source | None = None,
    revision: int | None = None,
) -> Difference:
    """Compare two files, a web service with a file, or the current revision with an earlier one.

    Raises:
        WrongUsage: neither two files nor a web service is given.
        BadRequest: a file is not a definition.
        NotFound: the service, or the revision.
    """
    if group is None or name is None:
        if left is None or right is None or revision is not None:
            raise WrongUsage("Give two files, or a web service (-ResourceGroupName, -Name) and a file or a -Revision.")
        before, after = _from_file(session, left), _from_file(session, right)
    else:
        before, after = _with_deployed(session, group, name, left, right, revision)
    return difference(session, before, after)


def difference(session: Session, before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """Compare two canonical documents, without what only the service sets."""
    left, right = (changes.comparable(session, document, {}) for document in (before, after))
    found = diff.changes(left, right, session.contract, models=_manifests(session, left, right))
    # A patch applies to documents, which hold no secrets.
    old, new = ({name: value for name, value in side.items() if name != "secrets"} for side in (left, right))
    return {"changes": [change.to_json() for change in found], "patch": diff.json_patch(old, new, session.contract)}


def _from_file(session: Session, source: Source) -> dict[str, Any]:
    found = reading.read(source.data, session.contract, source=source.name).document
    body, secrets = changes.split_secrets(found)
    return changes.comparable(session, body, secrets)


def _with_deployed(
    session: Session, group: str, name: str, left: Source | None, right: Source | None, revision: int | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    current = lookup.existing(session, group, name)
    if right is not None:
        raise WrongUsage("Give one file, not two, to compare a web service with.")
    if left is not None:
        earlier = current if revision is None else history.revision_of(session, current.resource, revision)
        return preview(session, earlier.document, left)
    if revision is None:
        revision = current.number - 1
        if not revision:
            message = f"{name!r} has only one revision, so there is no earlier one to compare it with."
            raise WrongUsage(message, target="Revision", hint="Give a file to compare it with.")
    earlier = history.revision_of(session, current.resource, revision)
    before = changes.comparable(session, earlier.document, {})
    return before, changes.comparable(session, current.document, {})


def preview(session: Session, current: Mapping[str, Any], source: Source) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a deployed document, and the same after an update from the file; secrets as short digests."""
    found = reading.read(source.data, session.contract, source=source.name, whole=False).document
    change = without(found, session.contract.root, read_only=True)
    merged = patch.merge(current, change, session.contract, hold=False)
    reading.check(merged, session.contract)
    body, fresh = changes.split_secrets(merged)
    identity = ResourceId.parse(str(current["id"]))
    known = session.store.service_secrets(identity)
    before = changes.comparable(session, current, known, given=fresh)
    after = changes.comparable(session, body, changes.merge_secrets(known, fresh), given=fresh)
    return before, after


def _manifests(session: Session, *documents: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifests of the models that documents name, by uri, where this home has the blobs."""
    from mlmgmt.store import blobs

    known: dict[str, Any] = {}
    try:
        store = session.store
    except MlmgmtError:
        return known
    for body in documents:
        for model in assets.trained_models(body):
            try:
                blob = blobs.parse(model.uri)
                if blob is not None and model.uri not in known and store.blobs.exists(blob):
                    from mlmgmt.learning import ilearner

                    known[model.uri] = ilearner.manifest(store.blobs.read(blob))
            except MlmgmtError:
                continue
    return known


class Tested(TypedDict):
    """What a test found.

    Args:
        Passed: whether the definition can answer here.
        Accepted: whether it can be deployed; with -Strict, the same as Passed.
        Reasons: why it cannot answer, although it can be deployed.
    """

    Passed: bool
    Accepted: bool
    Checks: list[dict[str, str]]
    Reasons: list[dict[str, Any]]


def test(
    session: Session,
    *,
    group: str | None = None,
    name: str | None = None,
    definition: Source | None = None,
    strict: bool = False,
    template_parameter_file: Source | None = None,
    template_parameters: Sequence[str] = (),
) -> Tested:
    """Check a definition file, or a deployed service with its models and its example request.

    Args:
        strict: accept a definition only if it can answer here.
        template_parameter_file, template_parameters: for a deployment template; see `templates.read`.

    Raises:
        WrongUsage: neither is named.
        BadRequest: the file is not a definition.
    """
    if definition is not None:
        values = templates.Values(template_parameter_file, template_parameters)
        found = templates.read(session, definition, values=values, group=group, name=name)
        rows = [_check("definition", "passed", "schema and graph")]
        rows += [_check("warning", "noted", f"{detail.target}: {detail.message}") for detail in found.warnings]
        checks, reasons = _check_here(session, found.document)
        return _tested([*rows, *checks], reasons, strict)
    if group is None or name is None:
        raise WrongUsage("Name a definition file, or a web service with -ResourceGroupName and -Name.")
    return _test_deployed(session, group, name, strict)


def _tested(rows: list[dict[str, str]], reasons: list[Detail], strict: bool) -> Tested:
    stored = all(row["Result"] != "failed" for row in rows)
    return {
        "Passed": stored and not reasons,
        "Accepted": stored and not (strict and reasons),
        "Checks": rows,
        "Reasons": [{"Code": reason.code, "Message": reason.message, "Target": reason.target} for reason in reasons],
    }


def _check_here(session: Session, document: Mapping[str, Any]) -> tuple[list[dict[str, str]], list[Detail]]:
    """Check a definition as `new` does, and whether it can answer: modules, models, data, scripts and its example."""
    try:
        _ = session.store
    except NotFound as error:
        # A reviewer may have no home. Then only the graph can be checked.
        text = "There is no home here, so its models and data cannot be found."
        rows, reasons = _check_graph(document)
        return rows, [*reasons, Detail(error.details[0].code, text)]
    body, secrets = changes.split_secrets(document)
    try:
        deployed = deployment.prepare(session, body, None, sas_tokens=secrets.get("sas"))
    except MlmgmtError as error:
        messages = dict.fromkeys([error.message, *(detail.message for detail in error.details)])
        return [_check("model", "failed", " ".join(messages))], []
    proved = deployed.checked == "proved"
    found = runnable.examine(session, body, deployed.models, proved=proved)
    notes = [_check("script", "noted", f"{node}, {finding}") for node, finding in found.findings]
    if found.reasons:
        return [
            row for row, (_, finding) in zip(notes, found.findings, strict=True) if not finding.fails
        ], found.reasons
    rows, _ = _check_graph(body)
    rows += notes
    if proved:
        rows.append(_check("model", "passed", "it scores the example"))
    elif found.scored is not None:
        rows.append(_check("example", "passed", f"scored {found.scored}"))
    else:
        rows.append(_check("example", "skipped", _TRAINS))
    return rows, []


_TRAINS = "a training definition runs with retrain, on data"


def _check_graph(document: Mapping[str, Any]) -> tuple[list[dict[str, str]], list[Detail]]:
    """Check modules, ports and parameters; modules that do not run here are reasons why it cannot answer."""
    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.modules import catalogue

    try:
        plan = GraphPlan(document)
    except catalogue.ModuleNotSupported as error:
        return [], list(error.details)
    except MlmgmtError as error:
        return [_check("graph", "failed", error.message)], []
    return [_check("graph", "passed", "it can run"), *(_check("graph", "noted", note) for note in plan.notes())], []


def _test_deployed(session: Session, group: str, name: str, strict: bool) -> Tested:
    current = lookup.existing(session, group, name)
    rows = [_check("revision", "passed", f"{current.number}, {current.change} {current.modified_on} by {current.by}")]
    newest = session.store.services.history(current.resource)[-1:]
    agrees = [(revision.number, revision.etag) for revision in newest] == [(current.number, current.etag)]
    note = f"newest revision is {newest[0].number}" if newest else "there are no revisions"
    rows.append(_check("history", "passed" if agrees else "failed", note))
    try:
        reading.check(current.document, session.contract)
        rows.append(_check("definition", "passed", "schema and graph"))
    except BadRequest as error:
        rows.append(_check("definition", "failed", "; ".join(detail.message for detail in error.details)))
    digests = {}
    for asset_id, body in current.models.items():
        if body["state"] == deployment.UNUSED:
            rows.append(_check(f"model {asset_id}", "noted", "no node uses it"))
            continue
        if body["state"] != deployment.DEPLOYED:
            rows.append(_check(f"model {asset_id}", "failed", f"unavailable: {body['uri']}"))
            continue
        digests[asset_id] = body["digest"]
        blob = deployment.blob_state(session, body["uri"], body["digest"])
        try:
            models.open_model(session, session.store.blobs.model(body["digest"]))
            note = f"{body['digest'][:12]} is in use; its blob is {_blob_word(blob)}"
            rows.append(_check(f"model {asset_id}", "passed", note))
        except MlmgmtError as error:
            rows.append(
                _check(f"model {asset_id}", "failed", f"{body['digest'][:12]} cannot be opened: {error.message}")
            )
    try:
        if proof.trains(current.document):
            rows.append(_check("example", "skipped", _TRAINS))
        else:
            read = models.reader(session, current.document, digests)
            came = proof.score_example(session, current.document, read)
            rows.append(_check("example", "passed", f"scored {came}"))
    except MlmgmtError as error:
        rows.append(_check("example", "failed", error.details[0].message if error.details else error.message))
    return _tested(rows, [], strict)


def _blob_word(state: str) -> str:
    return {
        "same": "unchanged",
        "changed": "a different model now",
        "deleted": "deleted",
        "elsewhere": "not in this home",
    }[state]


def _check(what: str, result: str, note: str) -> dict[str, str]:
    return {"Check": what, "Result": result, "Note": note}


def schema(session: Session, *, name: str = "webservice") -> str:
    """Return the JSON Schema of a kind of document.

    Raises:
        NotFound: there is no schema with that name.
    """
    return resources.schema_text(name).decode()
