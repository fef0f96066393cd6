"""Where the work of many retrainings is done: processes of this machine, which joblib keeps, or a Dask cluster.

joblib has a backend for Dask, too; but of a task that the cluster gives up, such as one whose worker ran out of memory,
it tells nobody, and waits for ever. Here such a task is a failed key, and the others go on.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

from mlmgmt.errors import BadRequest, Detail, HomeError, NotFound, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlmgmt.verbs.many.fitting import Made

LOKY, DASK = "loky", "dask"
BACKENDS = (LOKY, DASK)
_LEFT_BEHIND = ("MALLOC_TRIM_THRESHOLD_", "PYTHONHASHSEED", "__DASK_PARENT_PID")
"""What a local Dask cluster leaves in the environment of whoever started it; workers that inherit it are slower."""
_PATIENCE = 30
"""Seconds without a worker after which a cluster is given up."""
_AHEAD = 2
"""Tasks for each thread of a cluster, so that none waits for its next one."""
_WATCH = 1.0
"""Seconds between a worker's looks whether the process that started it still runs."""


def check(backend: str, scheduler: str | None, jobs: int | None) -> None:
    """Refuse what does not go together.

    Raises:
        WrongUsage: a scheduler without Dask, or Dask without a scheduler; fewer than one process.
    """
    if (backend == DASK) is (scheduler is None):
        message = "-Backend dask needs the -Scheduler of a cluster, and -Scheduler needs -Backend dask."
        details = [Detail("AmbiguousParameterSet", message)]
        raise WrongUsage(message, target="Scheduler", details=details, hint="-Scheduler tcp://127.0.0.1:8786")
    if jobs is not None and jobs < 1:
        message = f"There is no work for {jobs} processes."
        raise WrongUsage(message, target="Jobs", details=[Detail("BadParameterValue", message)])


def run(
    function: Callable[..., Made], calls: Iterable[tuple[Any, ...]], *, backend: str, scheduler: str | None, jobs: int
) -> Iterator[Made]:
    """Call a function with each of many arguments; answers come as they are ready, whatever their order.

    Arguments are taken from `calls` as they are needed, so that only a few are held at a time.

    Raises:
        NotFound: `SchedulerNotReachable`. HomeError: `WorkerDied`: a process died; `NoWorkers`: the cluster has none,
            or has lost its scheduler.
        BadRequest: `BackendNotInstalled`.
    """
    if backend == DASK:
        yield from _on_cluster(function, iter(calls), str(scheduler))
        return
    from concurrent.futures.process import BrokenProcessPool

    from joblib import Parallel, delayed, parallel_config

    if not isinstance(threading.excepthook, _Hushed):
        threading.excepthook = _Hushed(threading.excepthook)
    with ExitStack() as held:
        held.enter_context(_environment())
        if jobs > 1:
            begin = {"initializer": _end_with, "initargs": (os.getpid(),)}
            held.enter_context(parallel_config(backend=LOKY, inner_max_num_threads=1, **begin))
        parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch="3*n_jobs", batch_size=1)
        try:
            yield from parallel(delayed(function)(*arguments) for arguments in calls)
        except BrokenProcessPool:
            message = "A worker process died: the machine may be out of memory."
            hint = "What is done is kept; the same command goes on with the rest. -Jobs 1 takes the least memory."
            raise HomeError(message, details=[Detail("WorkerDied", message)], hint=hint) from None


def _on_cluster(function: Callable[..., Made], calls: Iterator[tuple[Any, ...]], scheduler: str) -> Iterator[Made]:
    """The same on a Dask cluster; what one of its workers could not do is a failed key."""
    with _cluster(scheduler) as client:
        from concurrent.futures import CancelledError

        from distributed import wait

        sent: dict[Any, str] = {}
        while True:
            room = _AHEAD * max(1, sum(client.nthreads().values())) - len(sent)
            for arguments in islice(calls, max(0, room)):
                sent[client.submit(function, *arguments, pure=False)] = str(arguments[1])
            if not sent:
                return
            try:
                done = wait(list(sent), timeout=_PATIENCE, return_when="FIRST_COMPLETED").done  # type: ignore[no-untyped-call]
            except CancelledError:
                _refuse_lost(f"The Dask scheduler at {scheduler} does not answer any more.")
            except TimeoutError:
                if not client.nthreads():
                    _refuse_lost(f"The Dask scheduler at {scheduler} has no workers.", f"dask worker {scheduler}")
                continue
            for future in done:
                # What was made, too, is lost with a worker that dies before it was fetched; it is made again.
                if future.status in ("finished", "error"):
                    yield _fetched(future, sent.pop(future), scheduler)


def _fetched(future: Any, key: str, scheduler: str) -> Made:
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    from mlmgmt.verbs.many.fitting import Made

    try:
        made: Made = future.result()
    except CancelledError:
        _refuse_lost(f"The Dask scheduler at {scheduler} does not answer any more.")
    except KilledWorker:
        return Made(key, reason="WorkerDied: the workers that tried died; they may be out of memory.")
    except Exception as error:
        return Made(key, reason=f"InternalError: the worker could not do it ({type(error).__name__}: {error})")
    return made


def _refuse_lost(message: str, start: str = "") -> NoReturn:
    hint = "What is done is kept; the same command goes on with the rest."
    if start:
        hint = f"Start one on each machine, with mlmgmt installed: {start}. {hint}"
    raise HomeError(message, target="Scheduler", details=[Detail("NoWorkers", message)], hint=hint)


def _end_with(parent: int) -> None:
    """Have a worker process end when the one that started it has; by itself it would wait for work for minutes.

    Ctrl-C reaches every process of a terminal; the one that started the workers ends them, and a worker that ended by
    itself would print a traceback.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


class _Hushed:
    """Has the thread that looks after worker processes say nothing when Ctrl-C ends them under its hands."""

    def __init__(self, told: Callable[[threading.ExceptHookArgs], Any]) -> None:
        self._told = told

    def __call__(self, error: threading.ExceptHookArgs) -> None:
        if type(error.thread).__name__ != "_ExecutorManagerThread":
            self._told(error)


@contextmanager
def _environment() -> Iterator[None]:
    """Without what slows worker processes down that are started from here."""
    kept = {name: os.environ.pop(name) for name in _LEFT_BEHIND if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


@contextmanager
def _cluster(scheduler: str) -> Iterator[Any]:
    """A client of a cluster."""
    try:
        import distributed
    except ImportError:
        message = "Dask is not installed here."
        details = [Detail("BackendNotInstalled", message)]
        raise BadRequest(message, target="Backend", details=details, hint="pip install 'mlmgmt[dask]'") from None
    for name in ("distributed", "distributed.client"):
        # What goes wrong is told here, in words.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        # How long it tries is a setting of Dask's own, distributed.comm.timeouts.connect.
        client = distributed.Client(scheduler)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        message = f"No Dask scheduler answers at {scheduler}: {error}."
        details = [Detail("SchedulerNotReachable", message)]
        hint = "Start one with: dask scheduler; and a dask worker on each machine, with mlmgmt installed."
        raise NotFound(message, target="Scheduler", details=details, hint=hint) from None
    with client:
        yield client


def described(backend: str, jobs: int) -> str:
    """Where the work is done, for people."""
    if backend == DASK:
        return "dask"
    return "one process" if jobs == 1 else f"loky, {jobs} processes"
