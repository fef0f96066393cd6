"""A model for each key: trained from one experiment, each for an endpoint, or a web service, of its own.

A key's model is a blob whose name holds a digest of all it was made with. So what a run that was ended in the middle
left behind is found again: a model that is there is not trained anew, one that does not answer yet is deployed.
"""

from __future__ import annotations

import os
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets, graph
from mlmgmt.definition.document import compact
from mlmgmt.errors import MlmgmtError, SomeFailed, error_text
from mlmgmt.ids import file_name
from mlmgmt.store import blobs
from mlmgmt.verbs import named_values
from mlmgmt.verbs.many import data as tables
from mlmgmt.verbs.many import fitting, results, running
from mlmgmt.verbs.many.keys import NOT_BETTER, Standing, Task
from mlmgmt.verbs.many.targets import Endpoints, Services
from mlmgmt.verbs.outcome import Outcome, shown_only
from mlmgmt.verbs.retraining import retraining as single
from mlmgmt.verbs.retraining import training
from mlmgmt.verbs.runs import models
from mlmgmt.verbs.services import deployment, finding, lookup, siblings
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmgmt.store.services import Revision
    from mlmgmt.verbs.many.data import Table
    from mlmgmt.verbs.many.fitting import Made, Work
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
    """Plan a model for each key of some data.

    Args:
        training_service: what trains, and `scoring_service` what each model is for: Classic web services by id or name;
            with a `group`, New ones by name.
        data: a folder with one CSV file a key, or a file whose `key_column` holds the key.
        name_prefix: what the names of endpoints begin with; those of New services with the scoring service's name.
        only_if_better: a metric; a key's model is deployed only if it is better by it than the one that answers.
        again: train what is unchanged, too.
        backend: `running.BACKENDS`; `dask` with the `scheduler` of a cluster.
        jobs: processes; one for each processor when None.
        results_files: files for the table, by their ends: .csv, .json, .html.

    Returns:
        an outcome whose answer is the table: `Rows` by key, `Counts` by decision, and how it was made.

    Raises:
        NotFound: a service, the data. WrongUsage, BadRequest: what is given does not go together.
        SomeFailed: of the keys some have no new model; the table is its report. When applied.
    """
    running.check(backend, scheduler, jobs)
    single.check_metric(only_if_better)
    results.check(results_files)
    if group is None:
        trainer = finding.endpoint(session, training_service, finding.DEFAULT)
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
            answer = run.carried_out(found, backend=backend, scheduler=scheduler, jobs=processes)
        results.write(results_files, answer)
        if failed := answer["Counts"].get(FAILED, 0):
            message = f"{failed} of {len(answer['Rows'])} failed; the others are done."
            hint = "The table has each one's reason. Mend the data, and the same command does what is missing."
            raise SomeFailed(message, target=name, hint=hint, report=answer)
        return answer

    def preview() -> dict[str, Any]:
        with tables.tables(data, key_column) as found:
            return run.previewed(found)

    return Outcome(target=name, before=None, after={}, commit=commit, preview=preview, compared=shown_only)


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
        return {asset: models.trusted(session, digest) for asset, digest in digests.items() if asset not in besides}

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
    """One run, and what became of each key so far."""

    def __init__(self, session: Session, target: Target, work: Work, only_if_better: str | None, again: bool) -> None:
        self._session, self._target, self._work, self._again = session, target, work, again
        self._metric = single.metric_named(only_if_better) if only_if_better is not None else None
        self._rows: list[dict[str, Any]] = []
        self._total = 0
        self._owners: dict[str, Table] = {}
        self._template_digests = target.template.model_digests
        self._standing = Standing(session, target, work.model, self._metric)
        properties = target.template.document["properties"]
        self._folder = file_name(str(properties.get("title") or target.template.document["name"])).replace("%", "-")
        learnt = {asset: sha256(content).hexdigest() for asset, content in work.learnt_by_training.items()}
        self._made_with = [graph.digest(work.training), learnt, dict(work.for_training), work.holdout]

    def carried_out(self, found: Sequence[Table], *, backend: str, scheduler: str | None, jobs: int) -> dict[str, Any]:
        """Do what is missing or changed; the answer is the table."""
        began, started = time.perf_counter(), stamp(self._session.clock())
        self._total = len(found)
        tasks = {task.table.key: task for task in self._tasks(found)}
        for key in [key for key, task in tasks.items() if self._finished(task)]:
            del tasks[key]
        if tasks:
            self._session.stage(f"training {len(tasks):,} models")
            calls = self._calls(tasks)
            for made in running.run(
                fitting.make, calls, backend=backend, scheduler=scheduler, jobs=min(jobs, len(tasks))
            ):
                self._settle(tasks[made.key], made)
        return {
            "Title": siblings.title(self._target.template),
            "Service": str(self._target.template.resource),
            "Training": str(self._work.training["id"]),
            "StartedOn": started,
            "Seconds": round(time.perf_counter() - began, 3),
            "Backend": running.described(backend, jobs),
            **results.table(self._rows, self._metric),
        }

    def previewed(self, found: Sequence[Table]) -> dict[str, Any]:
        """The table as it is, with what would be done; nothing is trained or written."""
        self._total = len(found)
        for task in self._tasks(found):
            self._add(task, Decision=WHAT_IF, Reason="would be trained")
        return results.table(self._rows, self._metric)

    def _tasks(self, found: Sequence[Table]) -> Iterator[Task]:
        """The keys with work to do; the others' rows are added."""
        self._session.stage(f"looking at {len(found):,} tables")
        self._owners = self._standing.owners(found)
        for table in found:
            try:
                task = self._task(table)
            except MlmgmtError as error:
                self._put(results.row(table.key, None, Decision=FAILED, Reason=error_text(error)))
                continue
            if task is not None:
                yield task

    def _task(self, table: Table) -> Task | None:
        name = self._target.name(table.key)
        digest = tables.digest(table.read())
        made_with = sha256(compact([*self._made_with, digest])).hexdigest()
        path = f"{self._folder}/{file_name(name).replace('%', '-')}-{made_with[:16]}.ilearner"
        task = Task(table, name, digest, made_with, blobs.Blob(self._session.account(), _CONTAINER, path))
        if not table.key:
            self._add(task, Decision=FAILED, Reason="Its rows have no key.")
        elif (owner := self._owners[name]) is not table:
            why = f"Its name, {name!r}, is that of {owner.key!r} ({owner.path.name})."
            self._put(results.row(table.key, None, DataDigest=digest, Decision=FAILED, Reason=why))
        elif (known := self._standing.known(task)) is not None and not self._again:
            self._put(known)
        else:
            return task
        return None

    def _finished(self, task: Task) -> bool:
        """Whether a key's model is there from a run that ended before its time; it is deployed."""
        if self._again or not self._session.store.blobs.exists(task.kept):
            return False
        try:
            content = models.checked(self._session, self._session.store.blobs.read(task.kept))
        except MlmgmtError:
            return False
        from mlmgmt.learning import ilearner

        facts = ilearner.manifest(content)
        compared = facts.get("comparedWith") or {}
        metrics, old, answers = facts.get("metrics"), compared.get("metrics"), self._standing.answers(task)
        if self._metric is not None and answers != sha256(content).hexdigest():
            standing = self._standing.trusted(answers)
            if standing is None or compared.get("payload") != ilearner.manifest(standing)["payload"]["sha256"]:
                return False
            if results.not_better(self._metric, metrics, old):
                return False
        self._deploy(task, content, rows=facts.get("rows"), metrics=metrics, old=old, seconds=None)
        return True

    def _calls(self, tasks: dict[str, Task]) -> Iterator[tuple[Any, ...]]:
        """The arguments for each key, read as they are asked for."""
        for task in tasks.values():
            try:
                content = task.table.read()
            except MlmgmtError as error:
                self._add(task, Decision=FAILED, Reason=error_text(error))
                continue
            if tables.digest(content) != task.data:
                self._add(task, Decision=FAILED, Reason=f"{task.table.path.name} was changed while this ran.")
                continue
            yield self._work, task.table.key, content, self._standing.model(task)

    def _settle(self, task: Task, made: Made) -> None:
        """Keep and deploy what was made of a key."""
        for note in made.notes:
            self._session.detail(f"{made.key}: {note}")
        seconds = round(made.seconds, 4)
        facts: dict[str, Any] = {"Rows": made.rows, "Metrics": made.metrics, "Seconds": seconds}
        if made.content is None:
            self._add(task, Decision=FAILED, Reason=made.reason, **facts)
            return
        if self._metric is not None and (why := results.not_better(self._metric, made.metrics, made.old)):
            old = results.headline(self._metric, made.old)
            self._add(task, keep=True, Decision=NOT_BETTER, Reason=why, OldMetric=old, **facts)
            return
        from mlmgmt.learning import ilearner

        try:
            key = self._session.store.secrets.signing_key()
            assert key is not None
            content = ilearner.add_signature(made.content, key=key)
            self._session.store.blobs.write(task.kept, content)
            self._keep_proof(content, made.example)
        except (MlmgmtError, OSError) as error:
            self._add(task, Decision=FAILED, Reason=_reason(error), **facts)
            return
        self._deploy(task, content, rows=made.rows, metrics=made.metrics, old=made.old, seconds=seconds)

    def _keep_proof(self, content: bytes, example: str | None) -> None:
        """Record the proof that was made where the model was, for the graph that new ones begin with."""
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
                self._target.deploy(task.name, self._work.model, task.kept, content, why)
        except (MlmgmtError, OSError) as error:
            self._add(task, Decision=FAILED, Reason=_reason(error), Model=digest, **facts)
            return
        self._add(task, keep=True, Decision=self._target.deployed, Model=digest, **facts)

    def _add(self, task: Task, *, keep: bool = False, **members: Any) -> None:
        row = results.row(task.table.key, task.name, DataDigest=task.data, **members)
        row["Metric"] = results.headline(self._metric, row["Metrics"])
        if keep:
            resource = self._target.template.resource
            against = self._standing.against(task) if row["Decision"] == NOT_BETTER else None
            body = {**row, "Input": task.input, "Against": against}
            self._session.store.retrainings.write(resource, task.name, body)
        self._put(row)

    def _put(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        self._session.count(len(self._rows), self._total)


def _reason(error: MlmgmtError | OSError) -> str:
    return error_text(error) if isinstance(error, MlmgmtError) else f"HomeUnavailable: {error.strerror or error}"
