"""Evaluate the deployed model, or compare another model with it, on rows with labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets
from mlmgmt.errors import BadRequest, Conflict, NotFound
from mlmgmt.pages import evaluation as pages
from mlmgmt.store import blobs
from mlmgmt.verbs import named_values, userfiles
from mlmgmt.verbs.retraining import comparing
from mlmgmt.verbs.runs import artifacts, models
from mlmgmt.verbs.services import definitions, lookup
from mlmgmt.verbs.session import stamp
from mlmgmt.verbs.storage.sources import GraphAccess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.definition.assets import TrainedModel
    from mlmgmt.learning.comparison import Evaluation
    from mlmgmt.modules.learners import Trained
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source


def evaluate(
    session: Session,
    *,
    group: str,
    name: str,
    data: Source,
    location: str | None = None,
    asset: str | None = None,
    report: str | None = None,
    parameters: Sequence[str] = (),
) -> dict[str, Any]:
    """Evaluate the deployed model, or compare another one with it, on the rows of a file.

    Args:
        location: the URI of another `.ilearner` in this home's accounts, with or without a signature.
        report: a file for an HTML page with the evaluation.
        parameters: web service parameters, as `NAME=VALUE`.

    Returns:
        `Evaluation` with the metrics of the `Deployed` and the `New` model, null for a model that was not given or
        could not be evaluated; and `Report`.

    Raises:
        NotFound: the service, or a model.
        BadRequest: the rows do not fit the service's input, or have no label.
        AuthorizationFailed: the signature in the location does not allow reading it.
        UntrustedModel: the other model was signed elsewhere.
        Conflict: `FileExists`.
    """
    from mlmgmt.learning import comparison, graph_parameters, tables

    current = lookup.existing(session, group, name)
    model = assets.find(current.document, asset)
    if report is not None:
        require_page(report)
    (values,) = graph_parameters.divide_parameters(named_values.named_values(parameters), current.document)
    held = tables.read_csv(data.data, data.name)
    deployed = current.model_digests
    content = _model_file(session, current, model, location, deployed)
    opened, learnt, manifest = _open(session, content, model.asset_id if location is None else location)
    seen = comparing.overlap(learnt, held)
    if location is None:
        scores = comparing.score(session, current.document, model, held, opened, deployed, values)
        found = comparison.Evaluation(scores.metrics, None, len(held.rows), seen, None, new_scores=scores)
    else:
        compared = comparing.evaluate(session, current.document, model, opened, held, deployed, values)
        assert compared is not None
        found = replace(compared, new_overlap=seen)
    for warning in pages.warnings(found):
        session.warn(warning)
    if report is not None:
        write_page(session, report, found, current, model, manifest, location, data.name)
    shown = figures(found)
    if location is None:
        shown |= {"New": None, "Deployed": shown["New"]}
    return {"Evaluation": shown, "Report": report}


def _open(session: Session, content: bytes, target: str) -> tuple[Trained, Any, dict[str, Any]]:
    from mlmgmt.modules.learners import Trained

    opened, rows, manifest = models.open_model(session, content)
    if not isinstance(opened, Trained):
        raise BadRequest(f"{target} does not contain a trained model.", detail="InvalidModelFormat", target=target)
    return opened, rows, manifest


def _model_file(
    session: Session, current: Revision, model: TrainedModel, location: str | None, deployed: Mapping[str, str]
) -> bytes:
    if location is not None:
        if blobs.parse(blobs.without_secrets(location)[0]) is None:
            text = f"{location} is not the address of a blob."
            hint = "Use the form https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH.ilearner."
            raise BadRequest(text, detail="InvalidBlob", target="Location", hint=hint)
        return GraphAccess(session).read(location)
    digest = deployed.get(model.asset_id)
    if digest is None:
        text = f"The model of {model} is not available in this home."
        hint = "Copy its file into a storage account of this home and update the reference, or retrain."
        raise NotFound(text, detail="ModelPackageNotFound", target=model.asset_id, hint=hint)
    return session.store.blobs.model(digest)


def figures(found: Evaluation) -> dict[str, Any]:
    """Return the figures of an evaluation for the answer of a command."""
    return {
        "Rows": found.rows,
        "New": artifacts.finite_metrics(found.new),
        "Deployed": artifacts.finite_metrics(found.old) if found.old is not None else None,
    }


def write_page(
    session: Session,
    path: str,
    found: Evaluation,
    current: Revision,
    model: TrainedModel,
    manifest: Mapping[str, Any],
    location: str | None,
    data: str,
) -> None:
    """Write an HTML page with the evaluation of a service's model.

    Args:
        manifest: of the new model, or of the deployed one if `location` is None.
        location: where the new model is, or will be.
    """
    assert found.new_scores is not None
    changes = None
    if location is not None:
        from mlmgmt.definition import patch

        address = blobs.without_secrets(location)[0]
        after = patch.merge(current.document, assets.relocation(model, address), session.contract)
        changes = definitions.difference(session, current.document, after)["changes"]
    session.stage("drawing the page")
    page = pages.page(
        found,
        moment=f"{stamp(session.clock())[:19].replace('T', ' ')} UTC",
        service=str(current.document["name"]),
        data=data,
        names=("Deployed", "New" if location is not None else "Deployed"),
        facts=[manifest] if found.old_facts is None else [found.old_facts, manifest],
        changes=changes,
    )
    userfiles.write(path, page, overwrite=True)
    session.tell(f"Wrote the report to {path}.")


def require_page(path: str) -> None:
    """Refuse a page that cannot be written. An earlier evaluation page is overwritten; any other file is not.

    Raises:
        Conflict: `FileExists`.
        NotFound: `FolderNotFound`.
        BadRequest: `AccessDenied`, `NotAFile`.
    """
    goal = Path(path)
    if goal.is_dir():
        raise BadRequest(f"{path} is a folder.", detail="NotAFile", target=path)
    if not goal.parent.is_dir():
        raise NotFound(f"Folder {goal.parent} does not exist.", detail="FolderNotFound", target=path)
    userfiles.require_writable(path)
    try:
        foreign = goal.is_file() and not pages.is_page(path)
    except OSError:
        message = f"{path} cannot be read, to check that it is an evaluation page."
        raise BadRequest(message, detail="AccessDenied", target=path) from None
    if foreign:
        message = f"{path} already exists and is not an evaluation page."
        raise Conflict(message, detail="FileExists", target=path, hint="Use another name.")
