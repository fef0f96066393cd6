"""Evaluating the model that answers, or another one beside it, on rows with labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets
from mlmgmt.errors import BadRequest, Detail, NotFound
from mlmgmt.store import blobs
from mlmgmt.verbs import artifacts, definitions, evaluation, lookup, models, reports, scoring, userfiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.definition.assets import TrainedModel
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.evaluation import Evaluation
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
) -> dict[str, Any]:
    """Evaluate the deployed model, or another beside it, on the rows of a file.

    Args:
        location: the uri of another `.ilearner` in this home's accounts.
        report: a file for the evaluation as a page.

    Raises:
        NotFound: the service, or a model.
        BadRequest: the rows do not fit the service's input, or have no label.
        UntrustedModel: the other model was signed elsewhere.
        Conflict: `FileExists`.
    """
    from mlmgmt.learning import tables

    standing = lookup.existing(session, group, name)
    model = assets.find(standing.document, asset)
    if report is not None:
        reports.require_writable(report)
    held = tables.read_csv(data.data, data.name)
    deployed = scoring.digests_of(standing)
    content = _content(session, standing, model, location, deployed)
    opened, _, manifest = models.open_model(session, content)
    if location is None:
        scores = evaluation.scored(session, standing.document, model, held, opened, deployed)
        found = evaluation.Evaluation(scores.metrics, None, len(held.rows), None, None, new_scores=scores)
    else:
        compared = evaluation.evaluate(session, standing.document, model, opened, held, deployed)
        assert compared is not None
        found = compared
    if report is not None:
        write_page(session, report, found, standing, model, manifest, location, data.name)
    return {"Evaluation": figures(found), "Report": report}


def _content(
    session: Session, standing: Revision, model: TrainedModel, location: str | None, deployed: Mapping[str, str]
) -> bytes:
    if location is None:
        digest = deployed.get(model.asset_id)
        if digest is None:
            text = f"The model of {model} is not available in this home."
            raise NotFound(text, target=model.asset_id, details=[Detail("ModelPackageNotFound", text)])
        return session.store.blobs.model(digest)
    blob = blobs.parse(location)
    if blob is None:
        text = f"{location} is no address of a blob."
        raise BadRequest(text, target="Location", details=[Detail("InvalidBlob", text)])
    return session.store.blobs.read(blob)


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
    title, subtitle = reports.titles(found.new_scores, str(standing.document["name"]))
    changes = None
    if location is not None:
        from mlmgmt.definition import patch

        after = patch.merge(standing.document, assets.relocation(model, location), session.contract)
        changes = definitions.difference(session, standing.document, after)["changes"]
    old = standing.models.get(model.asset_id, {})
    names = ("Deployed", "New" if location is not None else "Deployed")
    facts = [old, manifest] if found.old is not None else [manifest]
    page = reports.page(
        session,
        found,
        title=title,
        subtitle=f"{subtitle}, on {data}",
        names=names,
        facts=facts,
        changes=changes,
    )
    userfiles.write(path, page, overwrite=True)
    session.tell(f"The report is in {path}.")
