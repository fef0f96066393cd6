"""Retraining: train a model on new data, compare it with the deployed one, and save it to be deployed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, reading
from mlmgmt.errors import BadRequest, GateRefused, WrongUsage
from mlmgmt.store import blobs, sas
from mlmgmt.verbs import named_values, userfiles
from mlmgmt.verbs.batch import jobs
from mlmgmt.verbs.outcome import Outcome
from mlmgmt.verbs.retraining import comparing, evaluating, trainers, training
from mlmgmt.verbs.runs import artifacts
from mlmgmt.verbs.services import changes, definitions, lookup, webservices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.definition.assets import TrainedModel
    from mlmgmt.learning.comparison import Evaluation
    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source


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
    report: str | None = None,
    parameters: Sequence[str] = (),
    message: str | None = None,
) -> Outcome:
    """Train a new model for a web service, and compare it with the deployed one on held-out rows.

    Args:
        holdout: the fraction of the data to hold out (default: `training.HOLDOUT`). Rows are drawn stratified by the
            label, with a seed from the data's digest. If a training graph splits its rows, the rows that its Train
            Model does not get are held out, unless a fraction is given.
        test_data: rows to compare on instead; then the model is trained on all of `data`.
        rewrite: a definition file in which to point the model reference at the new model.
        update: also update the web service.
        report: a file for an HTML page with the evaluation. It is written even if the model is refused later.
        parameters: web service parameters of the training definition or the service, as `NAME=VALUE`.
        only_if_better: a metric; nothing is changed unless the new model is better by it.

    Returns:
        an outcome that reports where the model is (`BaseLocation`, `RelativeLocation`, `SasBlobToken`) and both
        evaluations. Its `keep` writes the blob and the rewritten file; applying it updates the web service if `update`
        is set.

    Raises:
        NotFound: the service; `TrainingDefinitionNotFound`: none is given, and the service does not name one.
        BadRequest: no model can be trained with the data or the graph.
        GateRefused: `NotBetter`; exit status 3.
        Conflict: `WebServiceReadOnly`, before any training.
        WrongUsage: both `holdout` and `test_data` are given.
    """
    current = lookup.existing(session, group, name)
    session.require("Microsoft.MachineLearning/webServices/jobs/write", current.resource)
    if update:
        changes.refuse_read_only(current)
    if test_data is not None and holdout is not None:
        raise WrongUsage("-TestData and -Holdout cannot be used together.")
    model = assets.find(current.document, asset)
    trainer = trainers.find(session, current, training_definition)
    _file_to_rewrite(session, rewrite, asset)
    check_metric(only_if_better)
    if report is not None:
        if holdout == 0 and test_data is None:
            raise WrongUsage("-Report needs rows to compare on; -Holdout 0 leaves none.")
        evaluating.require_page(report)
    _say_what_is_kept(session, current, model)

    values, began = named_values.named_values(parameters), session.clock()
    new = _train(session, current, model, trainer, data, test_data, holdout, values)
    if report is not None and new.evaluation is not None:
        evaluation = _with_overlap(new) if test_data is not None else new.evaluation
        evaluating.write_page(session, report, evaluation, current, model, new.facts, new.blob.uri, data.name)
    _refuse_unless_better(only_if_better, new.evaluation)

    def keep() -> None:
        session.stage("saving the model")
        session.store.blobs.write(new.blob, new.content)
        if trainer.service is not None:
            outputs = {trainer.output: new.blob}
            jobs.record(session, trainer.service, data.name, outputs, new.fitted.nodes, started=began)
        # Read the file again: it may have been edited while the model was trained.
        if rewrite is not None and (found := _file_to_rewrite(session, rewrite, asset)) is not None:
            source, its_model = found
            userfiles.write(rewrite, definitions.replace_model_uri(source, its_model, new.blob.uri), overwrite=True)

    shown = _report(session, new, rewrite) | {"Report": report if new.evaluation is not None else None}
    unmade = ("BaseLocation", "RelativeLocation", "SasBlobToken", "Rewritten")
    preview = {name: value for name, value in shown.items() if name not in unmade} | {"WouldRewrite": rewrite}
    target = str(current.document["name"])
    if not update:
        return Outcome(target, before=None, after=None, commit=_nothing, keep=keep, report=shown, preview=preview)
    return replace(
        webservices.plan_change(
            session,
            current,
            assets.relocation(model, new.blob.uri),
            message=message or f"retrained on {data.name}",
            source="retrain",
            held={new.blob.uri: new.content},
        ),
        keep=keep,
        kept=f"The new model is saved at {new.blob.relative_location}"
        + (f", and {rewrite} refers to it." if rewrite else "."),
        question=f"Update the web service {target!r} with the new model?",
        report=shown,
        preview=preview,
    )


@dataclass(frozen=True, slots=True)
class _NewModel:
    """A new model, the file that will contain it, and how it compares with the deployed one."""

    fitted: training.Fitted
    evaluation: Evaluation | None
    facts: Mapping[str, Any]
    blob: blobs.Blob
    content: bytes


def _train(
    session: Session,
    current: Revision,
    model: TrainedModel,
    trainer: trainers.Trainer,
    data: Source,
    test_data: Source | None,
    holdout: float | None,
    values: Mapping[str, str],
) -> _NewModel:
    """Train a model, and compare it with the deployed one. Nothing is written."""
    from mlmgmt.learning import graph_parameters

    for_training, for_scoring = graph_parameters.divide_parameters(values, trainer.document, current.document)
    fitted = training.fit(
        session, trainer.document, data, test_data, holdout, digests=trainer.digests, parameters=for_training
    )
    evaluation = comparing.evaluate(
        session, current.document, model, fitted.trained, fitted.held, current.model_digests, for_scoring
    )
    service = str(current.resource)
    facts = artifacts.facts_of(
        session, fitted.trained, data=data.name, seen=fitted.seen, service=service, evaluation=evaluation
    )
    blob, content = training.pack(session, str(current.document["name"]), fitted, facts)
    return _NewModel(fitted, evaluation, facts, blob, content)


def _with_overlap(new: _NewModel) -> Evaluation:
    """Return an evaluation with the number of its rows that the new model was trained on."""
    from mlmgmt.learning import digests

    assert new.evaluation is not None
    if new.fitted.held is None:
        return new.evaluation
    return replace(new.evaluation, new_overlap=comparing.overlap(digests.row_digests(new.fitted.seen), new.fitted.held))


def _say_what_is_kept(session: Session, current: Revision, model: TrainedModel) -> None:
    others = [other for other in assets.learnt_assets(current.document) if other.asset_id != model.asset_id]
    if others:
        *first, last = map(str, others)
        listed = f"{', '.join(first)} and {last} are" if first else f"{last} is"
        session.tell(f"Retrains {model} only. {listed} kept from the first training.")


def _nothing() -> None:
    return None


def _file_to_rewrite(session: Session, rewrite: str | None, asset: str | None) -> tuple[Source, TrainedModel] | None:
    """Read the file to rewrite. Call it before training, so that a bad file fails early."""
    if rewrite is None:
        return None
    source = userfiles.read(rewrite)
    userfiles.require_writable(rewrite)
    found = reading.read(source.data, session.contract, source=source.name, whole=False).document
    return source, assets.find(found, asset)


def check_metric(metric: str | None) -> None:
    """Refuse a metric that no kind of model has.

    Raises:
        BadRequest: `UnknownMetric`.
    """
    if metric is None:
        return
    if metric_named(metric) is None:
        hint = f"Metrics: {', '.join(_metrics())}."
        raise BadRequest(f"Metric {metric!r} does not exist.", detail="UnknownMetric", target="OnlyIfBetter", hint=hint)


def _metrics() -> list[str]:
    from mlmgmt.modules.evaluation import METRICS

    return list(dict.fromkeys(name for names in METRICS.values() for name in names))


def metric_named(name: str) -> str | None:
    """Return the name of a metric as Evaluate Model spells it; None if the metric does not exist."""
    return next((metric for metric in _metrics() if metric.casefold() == name.strip().casefold()), None)


def _refuse_unless_better(metric: str | None, evaluation: Evaluation | None) -> None:
    if metric is None:
        return
    from mlmgmt.modules.evaluation import is_better

    name = metric_named(metric)
    assert name is not None
    if evaluation is None or evaluation.old is None:
        why = evaluation.unable if evaluation is not None else "no rows are held out"
        text = f"The models cannot be compared by {name}: {why}."
    elif name not in evaluation.new:
        text = f"{name} is not a metric of this kind of model."
        raise BadRequest(text, detail="UnknownMetric", target="OnlyIfBetter")
    else:
        new, old = evaluation.new[name], evaluation.old[name]
        if is_better(name, new, old):
            return
        text = f"The new model is not better by {name}: {old:.6g} → {new:.6g}. Nothing was changed."
    report = {"Evaluation": evaluating.figures(evaluation)} if evaluation is not None else None
    raise GateRefused(text, detail="NotBetter", target=name, report=report)


def _report(session: Session, new: _NewModel, rewrite: str | None) -> dict[str, Any]:
    blob, evaluation = new.blob, new.evaluation
    key = session.store.secrets.account_key(blob.account)
    report: dict[str, Any] = {
        "BaseLocation": blob.base_location,
        "RelativeLocation": blob.relative_location,
        "SasBlobToken": sas.sign(key, blob.account, blob.name, now=session.clock()) if key else None,
        "Learner": new.facts["learner"],
        "Rows": new.facts["rows"],
        "HeldOut": new.fitted.held_how,
        "Rewritten": rewrite,
        "Nodes": new.fitted.nodes,
    }
    if evaluation is not None:
        report["Evaluation"] = evaluating.figures(evaluation)
        if evaluation.unable:
            session.warn(f"The deployed model could not be evaluated: {evaluation.unable.rstrip('.')}.")
        if evaluation.overlap:
            session.warn(
                f"The deployed model was trained on {evaluation.overlap} of the {evaluation.rows} held-out "
                "rows, so its scores look better than they are."
            )
    return report
