"""Train a model for each key with one training service, and deploy each to a separate endpoint or web service.

The name of a model's blob contains a digest of everything that the model was made with. So a run can continue after an
interrupted one: a model that already exists is not trained again, and one that is not deployed yet is deployed.
"""

from __future__ import annotations

import os
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mlmgmt.counts import count_of
from mlmgmt.definition import assets, graph
from mlmgmt.definition.document import compact
from mlmgmt.errors import MlmgmtError, SomeFailed, error_text
from mlmgmt.ids import file_name
from mlmgmt.store import blobs
from mlmgmt.verbs import named_values
from mlmgmt.verbs.many import data as tables
from mlmgmt.verbs.many import fitting, results, running
from mlmgmt.verbs.many.keys import NOT_BETTER, Keys, Task
from mlmgmt.verbs.many.targets import Endpoints, Services
from mlmgmt.verbs.outcome import Outcome, no_comparison
from mlmgmt.verbs.retraining import retraining as single
from mlmgmt.verbs.retraining import training
from mlmgmt.verbs.runs import models
from mlmgmt.verbs.services import deployment, finding, lookup, siblings
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.many.data import Table
    from mlmgmt.verbs.many.fitting import Result, Work
    from mlmgmt.verbs.many.targets import Target
    from mlmgmt.verbs.session import Session

FAILED, WHAT_IF = "Failed", "WhatIf"
_CONTAINER = "retraining"


def plan(
    session: Session,
    *,
    training_service: str,
    scoring_service: str,
    data: str,
    key_column: str | None = None,
    group: str | None = None,
    asset: str | None = None,
    name_prefix: str = "",
    throttle_level: str | None = None,
    holdout: float | None = None,
    parameters: Sequence[str] = (),
    only_if_better: str | None = None,
    again: bool = False,
    backend: str = running.LOKY,
    scheduler: str | None = None,
    jobs: int | None = None,
    results_files: Sequence[str] = (),
) -> Outcome:
    """Plan to train and deploy a model for each key of some data.

    Args:
        training_service: the web service that trains: a Classic one by id or name; with a `group`, a New one by name.
        scoring_service: the web service that the models are for, given in the same way.
        data: a folder with one CSV file for each key, or a file whose `key_column` holds the key.
        name_prefix: prefix of the names of endpoints or web services; default for New web services: the scoring
            service's name.
        only_if_better: a metric; a key's model is deployed only if it is better by it than the current model.
        again: also train keys whose data is unchanged.
        backend: `running.LOKY` or `running.DASK`; Dask needs the `scheduler` of a cluster.
        jobs: number of processes; default: one for each processor.
        results_files: files for the table; their suffixes .csv, .json and .html choose the format.

    Returns:
        an outcome whose answer is the table: `Rows` by key, `Counts` by decision, and how it was made.

    Raises:
        NotFound: a service, or the data. WrongUsage, BadRequest: the arguments do not fit together.
        SomeFailed: when applied: some keys have no new model; the table is its report.
    """
    running.check(backend, scheduler, jobs)
    single.check_metric(only_if_better)
    results.check(results_files)
    if group is None:
        trainer: Revision = finding.endpoint(session, training_service, finding.DEFAULT)
        target: Target = Endpoints(session, scoring_service, prefix=name_prefix, throttle_level=throttle_level)
    else:
        trainer = lookup.existing(session, group, training_service)
        target = Services(session, group, scoring_service, prefix=name_prefix)
    session.require("Microsoft.MachineLearning/webServices/write", target.template.resource)
    training.check(trainer.document)
    model = assets.find(target.template.document, asset)
    given = named_values.named_values(parameters)
    run = _Run(session, target, _work(session, trainer, target.template, model, given, holdout), only_if_better, again)
    processes = jobs or os.cpu_count() or 1
    name = siblings.title(target.template)

    def commit() -> dict[str, Any]:
        with tables.tables(data, key_column) as found:
            answer = run.carry_out(found, backend=backend, scheduler=scheduler, jobs=processes)
        results.write(results_files, answer)
        if failed := answer["Counts"].get(FAILED, 0):
            message = f"{failed} of {len(answer['Rows'])} failed; the others are done."
            hint = "The table shows the reasons. Fix the data, and run the same command again for the rest."
            raise SomeFailed(message, target=name, hint=hint, report=answer)
        return answer

    def preview() -> dict[str, Any]:
        with tables.tables(data, key_column) as found:
            return run.preview(found)

    return Outcome(target=name, before=None, after={}, commit=commit, preview=preview, compared=no_comparison)


def _work(
    session: Session,
    trainer: Revision,
    template: Revision,
    model: assets.TrainedModel,
    given: dict[str, str],
    holdout: float | None,
) -> Work:
    from mlmgmt.learning import graph_parameters

    for_training, for_scoring = graph_parameters.divide_parameters(given, trainer.document, template.document)

    def learnt(revision: Revision, *besides: str) -> dict[str, bytes]:
        digests = revision.model_digests
        return {
            asset: models.trusted_file(session, digest) for asset, digest in digests.items() if asset not in besides
        }

    return fitting.Work(
        trainer.document,
        template.document,
        model,
        learnt(trainer),
        learnt(template, model.asset_id),
        for_training,
        for_scoring,
        holdout,
        session.caller,
        str(template.resource),
        str(session.store.home.root),
        session.store.home.id,
    )


class _Run:
    """One run, and the results of its keys so far."""

    def __init__(self, session: Session, target: Target, work: Work, only_if_better: str | None, again: bool) -> None:
        self._session, self._target, self._work, self._again = session, target, work, again
        self._metric = single.metric_named(only_if_better) if only_if_better is not None else None
        self._rows: list[dict[str, Any]] = []
        self._total = 0
        self._owners: dict[str, Table] = {}
        self._template_digests = target.template.model_digests
        self._keys = Keys(session, target, work.model, self._metric)
        properties = target.template.document["properties"]
        self._folder = file_name(str(properties.get("title") or target.template.document["name"])).replace("%", "-")
        learnt = {asset: sha256(content).hexdigest() for asset, content in work.learnt_by_training.items()}
        self._made_with = [graph.digest(work.training), learnt, dict(work.for_training), work.holdout]

    def carry_out(self, found: Sequence[Table], *, backend: str, scheduler: str | None, jobs: int) -> dict[str, Any]:
        """Train and deploy what is missing or changed. Return the table."""
        began, started = time.perf_counter(), stamp(self._session.clock())
        self._total = len(found)
        tasks = {task.table.key: task for task in self._tasks(found)}
        for key in [key for key, task in tasks.items() if self._deploy_if_trained(task)]:
            del tasks[key]
        if tasks:
            self._session.stage(f"training {count_of(len(tasks), 'model')}")
            calls = self._calls(tasks)
            for result in running.run(
                fitting.make_model, calls, backend=backend, scheduler=scheduler, jobs=min(jobs, len(tasks))
            ):
                self._save_and_deploy(tasks[result.key], result)
        return {
            "Title": siblings.title(self._target.template),
            "Service": str(self._target.template.resource),
            "Training": str(self._work.training["id"]),
            "StartedOn": started,
            "Seconds": round(time.perf_counter() - began, 3),
            "Backend": running.description(backend, jobs),
            **results.table(self._rows, self._metric),
        }

    def preview(self, found: Sequence[Table]) -> dict[str, Any]:
        """Return the table with what would be done. Nothing is trained or written."""
        self._total = len(found)
        for task in self._tasks(found):
            self._add_row(task, Decision=WHAT_IF, Reason="would be trained")
        return results.table(self._rows, self._metric)

    def _tasks(self, found: Sequence[Table]) -> Iterator[Task]:
        """Yield the keys to train; add the rows of the others to the table."""
        self._session.stage(f"reading {count_of(len(found), 'table')}")
        self._owners = self._keys.owners(found)
        for table in found:
            try:
                task = self._task(table)
            except MlmgmtError as error:
                self._append(results.row(table.key, None, Decision=FAILED, Reason=error_text(error)))
                continue
            if task is not None:
                yield task

    def _task(self, table: Table) -> Task | None:
        name = self._target.name(table.key)
        digest = tables.digest(table.read())
        made_with = sha256(compact([*self._made_with, digest])).hexdigest()
        path = f"{self._folder}/{file_name(name).replace('%', '-')}-{made_with[:16]}.ilearner"
        task = Task(table, name, digest, made_with, blobs.Blob(self._session.storage_account(), _CONTAINER, path))
        if not table.key:
            self._add_row(task, Decision=FAILED, Reason="The key of its rows is empty.")
        elif (owner := self._owners[name]) is not table:
            why = f"Its name {name!r} is already used for the key {owner.key!r} ({owner.path.name})."
            self._append(results.row(table.key, None, DataDigest=digest, Decision=FAILED, Reason=why))
        elif (known := self._keys.known(task)) is not None and not self._again:
            self._append(known)
        else:
            return task
        return None

    def _deploy_if_trained(self, task: Task) -> bool:
        """Deploy a key's model if an interrupted run has already trained it. Return whether it has."""
        if self._again or not self._session.store.blobs.exists(task.blob):
            return False
        try:
            content = models.check_trusted(self._session, self._session.store.blobs.read(task.blob))
        except MlmgmtError:
            return False
        from mlmgmt.learning import ilearner

        facts = ilearner.manifest(content)
        compared = facts.get("comparedWith") or {}
        metrics, old, answers = facts.get("metrics"), compared.get("metrics"), self._keys.answers(task)
        if self._metric is not None and answers != sha256(content).hexdigest():
            current = self._keys.trusted(answers)
            if current is None or compared.get("payload") != ilearner.manifest(current)["payload"]["sha256"]:
                return False
            if results.not_better(self._metric, metrics, old):
                return False
        self._deploy(task, content, rows=facts.get("rows"), metrics=metrics, old=old, seconds=None)
        return True

    def _calls(self, tasks: dict[str, Task]) -> Iterator[tuple[Any, ...]]:
        """Yield the arguments for each key. The data is read only when it is needed."""
        for task in tasks.values():
            try:
                content = task.table.read()
            except MlmgmtError as error:
                self._add_row(task, Decision=FAILED, Reason=error_text(error))
                continue
            if tables.digest(content) != task.data:
                self._add_row(task, Decision=FAILED, Reason=f"{task.table.path.name} was changed while this ran.")
                continue
            yield self._work, task.table.key, content, self._keys.model(task)

    def _save_and_deploy(self, task: Task, result: Result) -> None:
        """Save and deploy a key's new model, or record why there is none."""
        for note in result.notes:
            self._session.detail(f"{result.key}: {note}")
        seconds = round(result.seconds, 4)
        facts: dict[str, Any] = {"Rows": result.rows, "Metrics": result.metrics, "Seconds": seconds}
        if result.content is None:
            self._add_row(task, Decision=FAILED, Reason=result.reason, **facts)
            return
        if self._metric is not None and (why := results.not_better(self._metric, result.metrics, result.old)):
            old = results.headline(self._metric, result.old)
            self._add_row(task, keep=True, Decision=NOT_BETTER, Reason=why, OldMetric=old, **facts)
            return
        from mlmgmt.learning import ilearner

        try:
            key = self._session.store.secrets.signing_key()
            assert key is not None
            content = ilearner.add_signature(result.content, key=key)
            self._session.store.blobs.write(task.blob, content)
            self._keep_proof(content, result.example)
        except (MlmgmtError, OSError) as error:
            self._add_row(task, Decision=FAILED, Reason=_reason(error), **facts)
            return
        self._deploy(task, content, rows=result.rows, metrics=result.metrics, old=result.old, seconds=seconds)

    def _keep_proof(self, content: bytes, example: str | None) -> None:
        """Record that the model was checked where it was trained, so that deploying it does not check it again."""
        digests = {**self._template_digests, self._work.model.asset_id: sha256(content).hexdigest()}
        document = self._work.scoring
        proof = {"graph": graph.digest(document), "models": digests, "on": stamp(self._session.clock())}
        self._session.store.secrets.keep_proof(deployment.proof_key(document, digests), proof | {"example": example})

    def _deploy(self, task: Task, content: bytes, *, rows: Any, metrics: Any, old: Any, seconds: float | None) -> None:
        digest = sha256(content).hexdigest()
        facts: dict[str, Any] = {"Rows": rows, "Metrics": metrics, "Seconds": seconds}
        facts["OldMetric"] = results.headline(self._metric, old)
        try:
            current = self._session.store.services.current(self._target.identity(task.name))
            if current is None:
                self._target.add(task.name)
            answers = current.models.get(self._work.model.asset_id, {}).get("digest") if current is not None else None
            if answers != digest:
                why = f"retrained on {task.table.path.name}"
                self._target.deploy(task.name, self._work.model, task.blob, content, why)
        except (MlmgmtError, OSError) as error:
            self._add_row(task, Decision=FAILED, Reason=_reason(error), Model=digest, **facts)
            return
        self._add_row(task, keep=True, Decision=self._target.deployed, Model=digest, **facts)

    def _add_row(self, task: Task, *, keep: bool = False, **members: Any) -> None:
        row = results.row(task.table.key, task.name, DataDigest=task.data, **members)
        row["Metric"] = results.headline(self._metric, row["Metrics"])
        if keep:
            resource = self._target.template.resource
            against = self._keys.against(task) if row["Decision"] == NOT_BETTER else None
            body = {**row, "Input": task.input, "Against": against}
            self._session.store.retrainings.write(resource, task.name, body)
        self._append(row)

    def _append(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        self._session.count(len(self._rows), self._total)


def _reason(error: MlmgmtError | OSError) -> str:
    return error_text(error) if isinstance(error, MlmgmtError) else f"HomeUnavailable: {error.strerror or error}"
