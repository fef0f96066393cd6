"""The part of many retrainings that runs in other processes, or on other machines.

Nothing here needs the home: everything that a model is made with is sent along, and the model is sent back unsigned.
The exception is a graph that reads datasets of the home, which works only on the home's machine.
"""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mlmgmt.counts import count_of
from mlmgmt.errors import MlmgmtError, error_text
from mlmgmt.verbs.retraining import comparing, training
from mlmgmt.verbs.runs import artifacts, proof
from mlmgmt.verbs.session import Session
from mlmgmt.verbs.userfiles import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.definition.assets import TrainedModel
    from mlmgmt.learning.comparison import Scores

_MOST_OPEN = 8
_open_models: dict[str, Any] = {}
"""Models that this process has opened, by digest; at most `_MOST_OPEN`."""


@dataclass(frozen=True, slots=True)
class Work:
    """What every key's model is made with.

    Args:
        training: the training definition.
        scoring: the definition that the models are for; `model` is their place in it.
        learnt_by_training: the files of the models that the training definition uses, by asset id. Their signatures
            are checked before they are sent.
        learnt_by_scoring: those of the scoring definition, without the model itself.
        for_training: values of web service parameters; also `for_scoring`.
        account: the caller; `service` is the name of the scoring service in the model files.
        home: the home's path on this machine; `home_id` is written into the models.
    """

    training: Mapping[str, Any]
    scoring: Mapping[str, Any]
    model: TrainedModel
    learnt_by_training: Mapping[str, bytes]
    learnt_by_scoring: Mapping[str, bytes]
    for_training: Mapping[str, Any]
    for_scoring: Mapping[str, Any]
    holdout: float | None
    account: str
    service: str
    home: str
    home_id: str


@dataclass(frozen=True, slots=True)
class Result:
    """The result for one key.

    Args:
        content: the unsigned model file; None if there is none, and `reason` says why.
        metrics: of the new model on held-out rows; `old` are those of the current model.
        example: the rows with which the model was checked; None if it was not.
        notes: warnings.
    """

    key: str
    content: bytes | None = None
    rows: int | None = None
    metrics: dict[str, float | None] | None = None
    old: dict[str, float | None] | None = None
    example: str | None = None
    seconds: float = 0.0
    reason: str | None = None
    notes: list[str] = field(default_factory=list)


def make_model(work: Work, key: str, data: bytes, current: bytes | None) -> Result:
    """Train, compare and check one key's model. An error becomes part of the result, so that other keys go on.

    Args:
        current: the file of the key's current model, if there is one.
    """
    began = time.perf_counter()
    notes: list[str] = []
    try:
        with _one_thread():
            return _make_model(work, key, data, current, notes, began)
    except MlmgmtError as error:
        return Result(key, reason=error_text(error), seconds=time.perf_counter() - began, notes=notes)
    except Exception as error:
        # A bug in one module must not stop the other keys; the table shows the error.
        reason = f"InternalError: {type(error).__name__}: {error}"
        return Result(key, reason=reason, seconds=time.perf_counter() - began, notes=notes)


def _one_thread() -> Any:
    """Use one thread in each of many processes, since more would compete for the processors."""
    if os.environ.get("OMP_NUM_THREADS") == "1":
        return nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def _make_model(work: Work, key: str, data: bytes, current: bytes | None, notes: list[str], began: float) -> Result:
    from mlmgmt.learning import digests, ilearner
    from mlmgmt.learning.comparison import Evaluation

    session = Session(
        home_option=work.home, signed_in_as={"account": work.account, "role": "Contributor"}, tell=notes.append
    )
    fitted = training.fit(
        session,
        work.training,
        Source(f"{key}.csv", data),
        None,
        work.holdout,
        parameters=work.for_training,
        read=_reader(session, work.training, work.learnt_by_training),
    )
    others = _reader(session, work.scoring, work.learnt_by_scoring)
    compared, example = None, None
    if fitted.held is not None:
        new = comparing.score(
            session,
            work.scoring,
            work.model,
            fitted.held,
            fitted.trained,
            {},
            work.for_scoring,
            read=others,
            outputs=lambda outputs: proof.check_outputs(work.scoring, outputs),
        )
        deployed = ilearner.manifest(current)["payload"]["sha256"] if current is not None else None
        old = _current_metrics(new, current, notes)
        compared = Evaluation(new.metrics, old, len(fitted.held.rows), None, None, deployed=deployed)
        example = f"{count_of(compared.rows, 'row')} held out"
    facts = artifacts.facts_of(
        session, fitted.trained, data=f"{key}.csv", seen=fitted.seen, service=work.service, evaluation=compared
    )
    content = ilearner.pack_unsigned(
        fitted.trained, facts | {"key": key}, home=work.home_id, rows=digests.row_digests(fitted.seen)
    )
    # The web service will open the file's model, so check that one and not the model in memory.
    reloaded = ilearner.open_unsigned(content)
    if example is None:
        example = proof.score_example(
            session, work.scoring, lambda asset: reloaded if asset == work.model.asset_id else others(asset)
        )
    return Result(
        key,
        content,
        len(fitted.seen.rows),
        artifacts.finite_metrics(compared.new) if compared is not None else None,
        artifacts.finite_metrics(compared.old) if compared is not None and compared.old is not None else None,
        example,
        time.perf_counter() - began,
        notes=notes,
    )


def _current_metrics(new: Scores, current: bytes | None, notes: list[str]) -> dict[str, float] | None:
    """Return the current model's metrics on the same rows; None if it is for another task."""
    if current is None:
        return None
    try:
        trained = _open_file(current)
        return comparing.metrics_of_other(new, trained) if trained.task == new.trained.task else None
    except MlmgmtError as error:
        notes.append(f"Warning: the current model could not be evaluated: {error.message}")
        return None


def _reader(session: Session, document: Mapping[str, Any], learnt: Mapping[str, bytes]) -> Callable[[str], Any]:
    from mlmgmt.verbs.runs import models

    datasets = models.reader(session, document, {})
    return lambda asset: _open_file(learnt[asset]) if asset in learnt else datasets(asset)


def _open_file(content: bytes) -> Any:
    """Open a model file. Its signature was checked before it was sent here. The last ones opened are cached."""
    from mlmgmt.learning import ilearner

    digest = sha256(content).hexdigest()
    if digest not in _open_models:
        while len(_open_models) >= _MOST_OPEN:
            del _open_models[next(iter(_open_models))]
        _open_models[digest] = ilearner.unpack(content, key=None, home="", trusts=lambda _: True)[0]
    return _open_models[digest]
