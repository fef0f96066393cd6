"""Where the work of many retrainings is done: processes of this machine, or a Dask cluster. Both are joblib's."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail, HomeError, NotFound, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlmgmt.verbs.many.fitting import Made

LOKY, DASK = "loky", "dask"
BACKENDS = (LOKY, DASK)
_LEFT_BEHIND = ("MALLOC_TRIM_THRESHOLD_", "PYTHONHASHSEED", "__DASK_PARENT_PID")
"""What a local Dask cluster leaves in the environment of whoever started it; workers that inherit it are slower."""
_PATIENCE = 30


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
        NotFound: `SchedulerNotReachable`. HomeError: a worker process died.
        BadRequest: `BackendNotInstalled`.
    """
    from joblib import Parallel, delayed, parallel_config

    with ExitStack() as held:
        if backend == DASK:
            held.enter_context(_cluster(str(scheduler)))
            held.enter_context(parallel_config(backend=DASK, wait_for_workers_timeout=_PATIENCE))
            parallel = Parallel(return_as="generator_unordered", pre_dispatch="2*n_jobs", batch_size=1)
        else:
            held.enter_context(_environment())
            if jobs > 1:
                held.enter_context(parallel_config(backend=LOKY, inner_max_num_threads=1))
            parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch="3*n_jobs", batch_size=1)
        try:
            yield from parallel(delayed(function)(*arguments) for arguments in calls)
        except Exception as error:
            if "Terminated" not in type(error).__name__ and "BrokenProcess" not in type(error).__name__:
                raise
            message = "A worker process died: the machine may be out of memory."
            hint = "What is done is kept; the same command goes on with the rest. -Jobs 1 takes the least memory."
            raise HomeError(message, details=[Detail("WorkerDied", message)], hint=hint) from None


@contextmanager
def _environment() -> Iterator[None]:
    """Without what slows worker processes down that are started from here."""
    kept = {name: os.environ.pop(name) for name in _LEFT_BEHIND if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


@contextmanager
def _cluster(scheduler: str) -> Iterator[None]:
    try:
        import distributed
    except ImportError:
        message = "Dask is not installed here."
        details = [Detail("BackendNotInstalled", message)]
        raise BadRequest(message, target="Backend", details=details, hint="pip install 'mlmgmt[dask]'") from None
    try:
        client = distributed.Client(scheduler, timeout=_PATIENCE)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        message = f"No Dask scheduler answers at {scheduler}: {error}."
        details = [Detail("SchedulerNotReachable", message)]
        hint = "Start one with: dask scheduler; and a dask worker on each machine, with mlmgmt installed."
        raise NotFound(message, target="Scheduler", details=details, hint=hint) from None
    with client:
        yield


def described(backend: str, jobs: int) -> str:
    """Where the work is done, for people."""
    if backend == DASK:
        return "dask"
    return "one process" if jobs == 1 else f"loky, {jobs} processes"
