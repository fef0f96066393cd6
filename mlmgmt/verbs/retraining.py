"""Retraining: run a training definition on new data, compare with what is deployed, and leave a model to deploy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, reading
from mlmgmt.errors import BadRequest, Detail, GateRefused, NotFound, WrongUsage
from mlmgmt.store import blobs, sas
from mlmgmt.verbs import (
    artifacts,
    changes,
    definitions,
    experiments,
    lookup,
    scoring,
    set_up,
    training,
    userfiles,
    webservices,
)
from mlmgmt.verbs import evaluation as evaluating
from mlmgmt.verbs.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.definition.assets import TrainedModel
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

TRAINING_TAG = "trainingService"
"""The tag of a predictive service that names the web service which trains its model."""


def retrain(
    session: Session,
    *,
    group: str,
    name: str,
    data: Source,
    training_definition: Source | None = None,
    test_data: Source | None = None,
    holdout: float | None = None,
    asset: str | None = None,
    rewrite: str | None = None,
    update: bool = False,
    only_if_better: str | None = None,
    message: str | None = None,
) -> Outcome:
    """Train a new model for a web service and compare it with the deployed one on rows that it has not seen.

    Args:
        holdout: the fraction of the data that is held out (`training.HOLDOUT`); rows are drawn stratified by the
            label, seeded by the data's digest. A training graph that splits its rows itself holds out those that its
            Train Model does not get, unless a fraction is given.
        test_data: rows to compare on instead; then all of `data` is trained on.
        rewrite: a definition file whose model reference is pointed at the new model.
        update: go on to update the web service.
        only_if_better: a metric; nothing at all is changed unless the new model is better by it.

    Returns:
        an outcome that reports where the model is (`BaseLocation`, `RelativeLocation`, `SasBlobToken`) and both
        evaluations. Keeping it writes the blob and the rewritten file; applying it updates the web service, if that was
        asked for.

    Raises:
        NotFound: the service; `TrainingDefinitionNotFound`: none is given and none recorded.
        BadRequest: the data or the graph cannot be trained with.
        GateRefused: `NotBetter`; exit status 3.
        Conflict: `WebServiceReadOnly`, before any training.
        WrongUsage: a fraction and rows to compare on are both given.
    """
    standing = lookup.existing(session, group, name)
    session.require("Microsoft.MachineLearning/webServices/jobs/write", standing.resource)
    if update:
        changes.refuse_read_only(standing)
    if test_data is not None and holdout is not None:
        raise WrongUsage("-TestData and -Holdout do not go together: the rows to compare on are one or the other.")
    model = assets.find(standing.document, asset)
    document = _training_document(session, standing, training_definition)
    _rewrite_target(session, rewrite, asset)
    _check_metric(only_if_better)
    fitted = training.fit(session, document, data, test_data, holdout)
    deployed = scoring.digests_of(standing)
    evaluation = evaluating.evaluate(session, standing.document, model, fitted.trained, fitted.held, deployed)
    _gate(only_if_better, evaluation)
    facts = artifacts.facts_of(
        session,
        fitted.trained,
        data=data.name,
        seen=fitted.seen,
        service=str(standing.resource),
        evaluation=evaluation,
    )
    blob, content = training.packed(session, str(standing.document["name"]), fitted, facts)

    def keep() -> None:
        session.stage("saving the model")
        session.store.blobs.write(blob, content)
        # Read again: the file may have been edited while the model was trained.
        if rewrite is not None and (target := _rewrite_target(session, rewrite, asset)) is not None:
            source, its_model = target
            userfiles.write(rewrite, definitions.rewritten(source, its_model, blob.uri), overwrite=True)

    report = _report(session, blob, fitted, evaluation, facts, rewrite)
    unmade = ("BaseLocation", "RelativeLocation", "SasBlobToken", "Rewritten")
    preview = {name: value for name, value in report.items() if name not in unmade} | {"WouldRewrite": rewrite}
    if not update:
        return Outcome(
            target=str(standing.document["name"]),
            before=None,
            after=None,
            commit=_nothing,
            keep=keep,
            report=report,
            preview=preview,
        )
    outcome = webservices.plan_change(
        session,
        standing,
        assets.relocation(model, blob.uri),
        message=message or f"retrained on {data.name}",
        source="retrain",
        held={blob.uri: content},
    )
    outcome.keep, outcome.report, outcome.preview = keep, report, preview
    outcome.kept = f"The new model is kept at {blob.relative_location}" + (
        f", and {rewrite} names it." if rewrite else "."
    )
    outcome.question = f"Update the web service {standing.document['name']!r} with the new model?"
    return outcome


def _nothing() -> None:
    return None


def _training_document(session: Session, standing: Revision, given: Source | None) -> dict[str, Any]:
    if given is not None:
        return reading.read(given.data, session.contract, source=given.name).document
    recorded = (standing.document.get("tags") or {}).get(TRAINING_TAG)
    if recorded:
        name = str(recorded).rsplit("/", 1)[-1]
        return lookup.existing(session, standing.resource.group, name).document
    if trains := (standing.document.get("tags") or {}).get(set_up.TRAINING_TAG):
        return _of_experiment(session, standing, str(trains))
    text = f"Nothing says how to train {standing.document['name']!r}."
    raise NotFound(
        text,
        target="TrainingDefinition",
        details=[Detail("TrainingDefinitionNotFound", text)],
        hint="Give --training-definition FILE; or deploy the training definition as a web service and name that in the "
        f"tag {TRAINING_TAG!r} of {standing.document['name']!r}.",
    )


def _of_experiment(session: Session, standing: Revision, experiment: str) -> dict[str, Any]:
    """The web service that was deployed from the training experiment, in the same group or another; else the
    experiment itself, set up for retraining as it would be.
    """
    groups = [standing.resource.group, *(str(body["name"]) for body in session.store.groups.all())]
    for group in dict.fromkeys(groups):
        for other in session.store.services.in_group(session.group_id(group)):
            if (other.document.get("tags") or {}).get(set_up.EXPERIMENT_TAG) == experiment:
                session.tell(f"Trained by the web service {other.document['name']!r}.")
                return other.document
    from mlmgmt.learning import set_up as drawing

    body = experiments.existing(session, experiment)
    session.tell(f"Trained by the experiment {body['Description']!r}.")
    if "input" in body["Definition"]["properties"]:
        return dict(body["Definition"])
    return drawing.retraining(body["Definition"]).document


def _rewrite_target(session: Session, rewrite: str | None, asset: str | None) -> tuple[Source, TrainedModel] | None:
    """The file to rewrite, looked at before any training, so that a bad file costs no time."""
    if rewrite is None:
        return None
    source = userfiles.read(rewrite)
    userfiles.require_writable(rewrite)
    found = reading.read(source.data, session.contract, source=source.name, whole=False).document
    return source, assets.find(found, asset)


def _check_metric(metric: str | None) -> None:
    if metric is None:
        return
    if _metric_named(metric) is None:
        message = f"There is no metric {metric!r}."
        hint = f"There are: {', '.join(_metrics())}."
        raise BadRequest(message, target="OnlyIfBetter", details=[Detail("UnknownMetric", message)], hint=hint)


def _metrics() -> list[str]:
    from mlmgmt.modules.evaluation import METRICS

    return list(dict.fromkeys(name for names in METRICS.values() for name in names))


def _metric_named(name: str) -> str | None:
    return next((metric for metric in _metrics() if metric.casefold() == name.strip().casefold()), None)


def _gate(metric: str | None, evaluation: evaluating.Evaluation | None) -> None:
    if metric is None:
        return
    from mlmgmt.modules.evaluation import more_is_better

    name = _metric_named(metric)
    assert name is not None
    if evaluation is None or evaluation.old is None:
        why = evaluation.unable if evaluation is not None else "no rows are held out"
        text = f"The models cannot be compared by {name}: {why}."
    elif name not in evaluation.new:
        text = f"This kind of model has no {name}."
        raise BadRequest(text, target="OnlyIfBetter", details=[Detail("UnknownMetric", text)])
    else:
        new, old = evaluation.new[name], evaluation.old[name]
        if (new > old) if more_is_better(name) else (new < old):
            return
        text = f"The new model is not better by {name}: {old:.6g} → {new:.6g}. Nothing was changed."
    report = {"Evaluation": _figures(evaluation)} if evaluation is not None else None
    raise GateRefused(text, target=name, details=[Detail("NotBetter", text)], report=report)


def _figures(evaluation: evaluating.Evaluation) -> dict[str, Any]:
    return {
        "Rows": evaluation.rows,
        "New": artifacts.finite(evaluation.new),
        "Deployed": artifacts.finite(evaluation.old) if evaluation.old is not None else None,
    }


def _report(
    session: Session,
    blob: blobs.Blob,
    fitted: training.Fitted,
    evaluation: evaluating.Evaluation | None,
    facts: Mapping[str, Any],
    rewrite: str | None,
) -> dict[str, Any]:
    key = session.store.secrets.account_key(blob.account)
    report: dict[str, Any] = {
        "BaseLocation": blob.base_location,
        "RelativeLocation": blob.relative_location,
        "SasBlobToken": sas.sign(key, blob.account, blob.name, now=session.clock()) if key else None,
        "Learner": facts["learner"],
        "Rows": facts["rows"],
        "HeldOut": fitted.held_how,
        "Rewritten": rewrite,
    }
    if evaluation is not None:
        report["Evaluation"] = _figures(evaluation)
        if evaluation.unable:
            session.tell(f"Warning: the deployed model could not be evaluated: {evaluation.unable.rstrip('.')}.")
        if evaluation.overlap:
            session.tell(
                f"Warning: the deployed model was trained on {evaluation.overlap} of the {evaluation.rows} rows held "
                "out; its figures flatter it."
            )
    return report
