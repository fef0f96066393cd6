"""Evaluating the model that answers, or another one beside it, on rows with labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets
from mlmgmt.errors import BadRequest, Conflict, Detail, NotFound
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
    """Evaluate the deployed model, or another beside it, on the rows of a file.

    Args:
        location: the uri of another `.ilearner` in this home's accounts, with a signature or without.
        report: a file for the evaluation as a page.
        parameters: web service parameters, as `NAME=VALUE`.

    Returns:
        `Evaluation` with the metrics of the model that is `Deployed` and of the `New` one, null for a model that was
        not asked for or could not be evaluated; and `Report`.

    Raises:
        NotFound: the service, or a model.
        BadRequest: the rows do not fit the service's input, or have no label.
        AuthorizationFailed: the signature in the location is not good for it.
        UntrustedModel: the other model was signed elsewhere.
        Conflict: `FileExists`.
    """
    from mlmgmt.learning import comparison, graph_parameters, tables

    standing = lookup.existing(session, group, name)
    model = assets.find(standing.document, asset)
    if report is not None:
        require_page(report)
    (values,) = graph_parameters.divided(named_values.named_values(parameters), standing.document)
    held = tables.read_csv(data.data, data.name)
    deployed = standing.model_digests
    content = _content(session, standing, model, location, deployed)
    opened, learnt, manifest = _opened(session, content, model.asset_id if location is None else location)
    seen = comparing.overlap(learnt, held)
    if location is None:
        scores = comparing.scored(session, standing.document, model, held, opened, deployed, values)
        found = comparison.Evaluation(scores.metrics, None, len(held.rows), seen, None, new_scores=scores)
    else:
        compared = comparing.evaluate(session, standing.document, model, opened, held, deployed, values)
        assert compared is not None
        found = replace(compared, new_overlap=seen)
    for warning in pages.warnings(found):
        session.tell(f"Warning: {warning}")
    if report is not None:
        write_page(session, report, found, standing, model, manifest, location, data.name)
    shown = figures(found)
    if location is None:
        shown |= {"New": None, "Deployed": shown["New"]}
    return {"Evaluation": shown, "Report": report}


def _opened(session: Session, content: bytes, target: str) -> tuple[Trained, Any, dict[str, Any]]:
    from mlmgmt.modules.learners import Trained

    opened, rows, manifest = models.open_model(session, content)
    if not isinstance(opened, Trained):
        message = f"{target} holds no trained model."
        raise BadRequest(message, target=target, details=[Detail("InvalidModelFormat", message)])
    return opened, rows, manifest


def _content(
    session: Session, standing: Revision, model: TrainedModel, location: str | None, deployed: Mapping[str, str]
) -> bytes:
    if location is not None:
        if blobs.parse(blobs.without_secrets(location)[0]) is None:
            text = f"{location} is no address of a blob."
            hint = "It has the form https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH.ilearner."
            raise BadRequest(text, target="Location", details=[Detail("InvalidBlob", text)], hint=hint)
        return GraphAccess(session).read(location)
    digest = deployed.get(model.asset_id)
    if digest is None:
        text = f"The model of {model} is not available in this home."
        hint = "Bring its file into a storage account of this home and update the reference, or retrain."
        raise NotFound(text, target=model.asset_id, details=[Detail("ModelPackageNotFound", text)], hint=hint)
    return session.store.blobs.model(digest)


def figures(found: Evaluation) -> dict[str, Any]:
    """An evaluation for people and scripts to read."""
    return {
        "Rows": found.rows,
        "New": artifacts.finite(found.new),
        "Deployed": artifacts.finite(found.old) if found.old is not None else None,
    }


def write_page(
    session: Session,
    path: str,
    found: Evaluation,
    standing: Revision,
    model: TrainedModel,
    manifest: Mapping[str, Any],
    location: str | None,
    data: str,
) -> None:
    """Write the page of an evaluation of a service's model.

    Args:
        manifest: of the new model, which is the deployed one where `location` is None.
        location: where the new model is, or will be.
    """
    assert found.new_scores is not None
    changes = None
    if location is not None:
        from mlmgmt.definition import patch

        address = blobs.without_secrets(location)[0]
        after = patch.merge(standing.document, assets.relocation(model, address), session.contract)
        changes = definitions.difference(session, standing.document, after)["changes"]
    session.stage("drawing the page")
    page = pages.page(
        found,
        moment=f"{stamp(session.clock())[:19].replace('T', ' ')} UTC",
        service=str(standing.document["name"]),
        data=data,
        names=("Deployed", "New" if location is not None else "Deployed"),
        facts=[manifest] if found.old_facts is None else [found.old_facts, manifest],
        changes=changes,
    )
    userfiles.write(path, page, overwrite=True)
    session.tell(f"The report is in {path}.")


def require_page(path: str) -> None:
    """Refuse early what cannot be written. A page that was made before is overwritten; any other file is not.

    Raises:
        Conflict: `FileExists`.
        NotFound: `FolderNotFound`.
        BadRequest: `AccessDenied`, `NotAFile`.
    """
    goal = Path(path)
    if goal.is_dir():
        message = f"{path} is a folder."
        raise BadRequest(message, target=path, details=[Detail("NotAFile", message)])
    if not goal.parent.is_dir():
        message = f"There is no folder {goal.parent}."
        raise NotFound(message, target=path, details=[Detail("FolderNotFound", message)])
    userfiles.require_writable(path)
    try:
        foreign = goal.is_file() and not pages.is_page(path)
    except OSError:
        message = f"{path} may not be read, to see whether it is an evaluation page."
        raise BadRequest(message, target=path, details=[Detail("AccessDenied", message)]) from None
    if foreign:
        message = f"{path} exists, and is no evaluation page."
        raise Conflict(message, target=path, details=[Detail("FileExists", message)], hint="Give another name.")
