"""The part of many retrainings that is done elsewhere: in other processes, or on other machines.

Nothing here needs the home: what a model is made with comes along, and what is made goes back unsigned. Only a graph
that reads datasets of the home by itself finds them on this machine alone.
"""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

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
_open: dict[str, Any] = {}
"""What this process opened, by digest."""


@dataclass(frozen=True, slots=True)
class Work:
    """What every key's model is made with.

    Args:
        training: the training definition; `scoring` the one that the models are for, `model` their place in it.
        learnt_by_training: the files of what that definition refers to already, by asset id; their signatures were
            checked before they are sent. `learnt_by_scoring` those of the other, without the model itself.
        for_training: values of web service parameters; `for_scoring` too.
        account: whose work it is; `service` names the scoring service in the models.
        home: where it is on this machine; `home_id` is written into the models.
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
class Made:
    """What became of one key.

    Args:
        content: the model file, unsigned; None where there is none, and `reason` says why.
        metrics: of the new model on rows held out; `old` of the one that answers so far.
        example: where the rows came from with which the model was proved; None where it was not.
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


def make(work: Work, key: str, data: bytes, standing: bytes | None) -> Made:
    """Train, compare and prove one key's model; whatever goes wrong is an answer, and stops no other key.

    Args:
        standing: the file of the model that answers so far for this key.
    """
    began = time.perf_counter()
    notes: list[str] = []
    try:
        with _one_thread():
            return _made(work, key, data, standing, notes, began)
    except MlmgmtError as error:
        return Made(key, reason=error_text(error), seconds=time.perf_counter() - began, notes=notes)
    except Exception as error:
        # Of a bug in one module no other location need suffer; what it was stands in the table.
        reason = f"InternalError: {type(error).__name__}: {error}"
        return Made(key, reason=reason, seconds=time.perf_counter() - began, notes=notes)


def _one_thread() -> Any:
    """Each of many processes works in one thread; several would wait for each other."""
    if os.environ.get("OMP_NUM_THREADS") == "1":
        return nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def _made(work: Work, key: str, data: bytes, standing: bytes | None, notes: list[str], began: float) -> Made:
    from mlmgmt.learning import digests, ilearner
    from mlmgmt.learning.comparison import Evaluation

    session = Session(home_option=work.home, proved={"account": work.account, "role": "Contributor"}, tell=notes.append)
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
        new = comparing.scored(
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
        deployed = ilearner.manifest(standing)["payload"]["sha256"] if standing is not None else None
        old = _old(new, standing, notes)
        compared = Evaluation(new.metrics, old, len(fitted.held.rows), None, None, deployed=deployed)
        example = f"{compared.rows:,} rows held out"
    facts = artifacts.facts_of(
        session, fitted.trained, data=f"{key}.csv", seen=fitted.seen, service=work.service, evaluation=compared
    )
    content = ilearner.pack_unsigned(
        fitted.trained, facts | {"key": key}, home=work.home_id, rows=digests.row_digests(fitted.seen)
    )
    # What answers later is the file's model: it is opened here once, as it will be there.
    reloaded = ilearner.open_unsigned(content)
    if example is None:
        example = proof.score_example(
            session, work.scoring, lambda asset: reloaded if asset == work.model.asset_id else others(asset)
        )
    return Made(
        key,
        content,
        len(fitted.seen.rows),
        artifacts.finite(compared.new) if compared is not None else None,
        artifacts.finite(compared.old) if compared is not None and compared.old is not None else None,
        example,
        time.perf_counter() - began,
        notes=notes,
    )


def _old(new: Scores, standing: bytes | None, notes: list[str]) -> dict[str, float] | None:
    """The metrics of the model that answers so far, on the same rows; None when it is for something else."""
    if standing is None:
        return None
    try:
        trained = _opened(standing)
        return comparing.beside(new, trained) if trained.task == new.trained.task else None
    except MlmgmtError as error:
        notes.append(f"Warning: the standing model could not be evaluated: {error.message}")
        return None


def _reader(session: Session, document: Mapping[str, Any], learnt: Mapping[str, bytes]) -> Callable[[str], Any]:
    from mlmgmt.verbs.runs import models

    datasets = models.reader(session, document, {})
    return lambda asset: _opened(learnt[asset]) if asset in learnt else datasets(asset)


def _opened(content: bytes) -> Any:
    """A file whose signature was checked where the home is, before it was sent here; the last ones stay open."""
    from mlmgmt.learning import ilearner

    digest = sha256(content).hexdigest()
    if digest not in _open:
        while len(_open) >= _MOST_OPEN:
            del _open[next(iter(_open))]
        _open[digest] = ilearner.unpack(content, key=None, home="", trusts=lambda _: True)[0]
    return _open[digest]
