"""Run the work of many retrainings: in processes of this machine, with joblib, or on a Dask cluster.

joblib also has a backend for Dask, but it waits forever for a task that the cluster gives up, such as one whose worker
ran out of memory. Here such a task becomes a failed key, and the others go on.
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

from mlmgmt.errors import BadRequest, HomeError, NotFound, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlmgmt.verbs.many.fitting import Result

LOKY, DASK = "loky", "dask"
_LEFT_BEHIND = ("MALLOC_TRIM_THRESHOLD_", "PYTHONHASHSEED", "__DASK_PARENT_PID")
"""Variables that a local Dask cluster leaves in the environment; worker processes that inherit them are slower."""
_CONNECT_SECONDS = 4
"""How long to wait for a scheduler to answer. A wrong address is the usual reason, and Dask alone waits 30 s."""
_PATIENCE = 30
"""Seconds to wait for a cluster without workers."""
_AHEAD = 2
"""Tasks to send for each thread of a cluster, so that no thread waits for its next task."""
_WATCH = 1.0
"""Seconds between checks in a worker that the process which started it still runs."""


def check(backend: str, scheduler: str | None, jobs: int | None) -> None:
    """Refuse arguments that do not fit together.

    Raises:
        WrongUsage: a scheduler without Dask, or Dask without a scheduler; less than one process.
    """
    if (backend == DASK) is (scheduler is None):
        message = "-Backend dask and -Scheduler must be used together."
        raise WrongUsage(
            message,
            detail="AmbiguousParameterSet",
            target="Scheduler",
            hint="--backend dask --scheduler tcp://127.0.0.1:8786",
        )
    if jobs is not None and jobs < 1:
        raise WrongUsage(f"-Jobs must be at least 1, not {jobs}.", detail="BadParameterValue", target="Jobs")


def run(
    function: Callable[..., Result], calls: Iterable[tuple[Any, ...]], *, backend: str, scheduler: str | None, jobs: int
) -> Iterator[Result]:
    """Call a function with each of many arguments, and yield the results in the order in which they are ready.

    Arguments are taken from `calls` only when they are needed, so that few are in memory at a time.

    Raises:
        NotFound: `SchedulerNotReachable`. HomeError: `WorkerDied`: a process died; `NoWorkers`: the cluster has no
            workers, or has lost its scheduler.
        BadRequest: `BackendNotInstalled`.
    """
    if backend == DASK:
        yield from _on_cluster(function, iter(calls), str(scheduler))
        return
    from concurrent.futures.process import BrokenProcessPool

    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import _ExecutorManagerThread

    if not isinstance(threading.excepthook, _QuietHook):
        threading.excepthook = _QuietHook(threading.excepthook, _ExecutorManagerThread)
    with ExitStack() as held:
        held.enter_context(_clean_environment())
        if jobs > 1:
            begin = {"initializer": _end_with_parent, "initargs": (os.getpid(),)}
            held.enter_context(parallel_config(backend=LOKY, inner_max_num_threads=1, **begin))
        parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch="3*n_jobs", batch_size=1)
        try:
            yield from parallel(delayed(function)(*arguments) for arguments in calls)
        except BrokenProcessPool:
            message = "A worker process died: the machine may be out of memory."
            hint = "Finished models are kept. Run the same command again for the rest. --jobs 1 uses the least memory."
            raise HomeError(message, detail="WorkerDied", hint=hint) from None


def _on_cluster(function: Callable[..., Result], calls: Iterator[tuple[Any, ...]], scheduler: str) -> Iterator[Result]:
    """Do the same on a Dask cluster. A task that a worker could not do becomes a failed key."""
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
                _refuse_lost(f"The Dask scheduler at {scheduler} no longer answers.")
            except TimeoutError:
                if not client.nthreads():
                    _refuse_lost(f"The Dask scheduler at {scheduler} has no workers.", f"dask worker {scheduler}")
                continue
            for future in done:
                # The result of a worker that dies before it is fetched is lost; Dask then runs the task again.
                if future.status in ("finished", "error"):
                    yield _fetch(future, sent.pop(future), scheduler)


def _fetch(future: Any, key: str, scheduler: str) -> Result:
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    from mlmgmt.verbs.many.fitting import Result

    try:
        result: Result = future.result()
    except CancelledError:
        _refuse_lost(f"The Dask scheduler at {scheduler} no longer answers.")
    except KilledWorker:
        return Result(key, reason="WorkerDied: every worker that tried died, perhaps out of memory.")
    except Exception as error:
        return Result(key, reason=f"InternalError: the worker failed ({type(error).__name__}: {error})")
    return result


def _refuse_lost(message: str, start: str = "") -> NoReturn:
    hint = "Finished models are kept. Run the same command again for the rest."
    if start:
        hint = f"Start a worker on each machine, with mlmgmt installed: {start}. {hint}"
    raise HomeError(message, detail="NoWorkers", target="Scheduler", hint=hint)


def _end_with_parent(parent: int) -> None:
    """Make this worker process exit when its parent has exited; otherwise it would wait minutes for work."""
    # Ctrl-C reaches every process of a terminal. The parent ends its workers; a worker that ended first would print a
    # traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


class _QuietHook:
    """An excepthook without errors of the thread that manages worker processes, which fails when Ctrl-C ends them."""

    def __init__(self, original: Callable[[threading.ExceptHookArgs], Any], quiet: type[threading.Thread]) -> None:
        self._original = original
        self._quiet = quiet

    def __call__(self, error: threading.ExceptHookArgs) -> None:
        if not isinstance(error.thread, self._quiet):
            self._original(error)


@contextmanager
def _clean_environment() -> Iterator[None]:
    """Remove the variables that would slow down worker processes, and restore them afterwards."""
    kept = {name: os.environ.pop(name) for name in _LEFT_BEHIND if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


@contextmanager
def _cluster(scheduler: str) -> Iterator[Any]:
    """Yield a client of a cluster."""
    try:
        import distributed
    except ImportError:
        message = "Dask is not installed here."
        raise BadRequest(
            message, detail="BackendNotInstalled", target="Backend", hint="pip install 'mlmgmt[dask]'"
        ) from None
    for name in ("distributed", "distributed.client"):
        # Errors are reported here in plain words, so silence Dask's own logs.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = distributed.Client(scheduler, timeout=_CONNECT_SECONDS)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        message = f"No Dask scheduler answers at {scheduler}: {error}."
        hint = "Start one with: dask scheduler. Start a dask worker on each machine, with mlmgmt installed."
        raise NotFound(message, detail="SchedulerNotReachable", target="Scheduler", hint=hint) from None
    with client:
        yield client


def description(backend: str, jobs: int) -> str:
    """Describe where the work is done."""
    if backend == DASK:
        return "dask"
    return "one process" if jobs == 1 else f"loky, {jobs} processes"
