"""The launcher runs one function on every worker, and starts all workers again when one is lost.

Each worker is a process of its own with a supervisor beside it. As soon as one dies or hangs, all are
killed and all are started again: the function is to go on from its last checkpoint.
"""

import logging
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from sparkgen.distribution.backends import AUTO, choose_backend
from sparkgen.distribution.barrier import run_barrier
from sparkgen.distribution.local import run_local
from sparkgen.distribution.outcome import Ended, describe, first_lost, result_of, workers_failed
from sparkgen.distribution.ring import Alone, Ring
from sparkgen.distribution.slots import thread_environment
from sparkgen.distribution.supervisor import Call, Size
from sparkgen.distribution.trouble import unexpected
from sparkgen.errors import RequestError, SparkgenError, WorkersFailed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Json = dict[str, Any]
Where = Literal["in-process", "local", "spark"]
log = logging.getLogger(__name__)


def launch(
    fn: Callable[[Json, Ring], Json],
    request: Json,
    *,
    workers: int,
    where: Where,
    threads_per_worker: int | None = None,
    max_restarts: int = 0,
    hang_seconds: float = 60.0,
    slots_seconds: float = 300.0,
    log_folder: str | None = None,
    backend: str = AUTO,
    spark: "SparkSession | None" = None,
) -> Json:
    """Runs `fn(request, ring)` on every worker, and gives the result of rank 0.

    Args:
        fn: importable by its module and name in a new process; its result is plain JSON.
        request: plain JSON.
        workers: size of the ring.
        where: `in-process` (one worker, this process), `local` (processes of this machine) or
            `spark` (one process beside each task of a barrier stage).
        threads_per_worker: TensorFlow threads; None: a machine's cores over the workers on it. In
            process it counts only where TensorFlow has not been used yet.
        max_restarts: how often a lost worker is answered by a new start.
        hang_seconds: the least time without a step after which a worker is lost; not in process.
        slots_seconds: how long to wait for the task slots of Spark.
        log_folder: path or URI of a folder for the traceback of an error that `fn` raised.
        backend: by which several workers exchange data.
        spark: the session, for `spark`.

    Raises:
        SparkgenError: what `fn` raised, a `WorkerError` where that is of another kind.
        WorkersFailed: workers were lost once more than `max_restarts`.
        Interrupted: the user stopped the work.
    """
    if where == "in-process":
        check_workers(where, workers)
        if threads_per_worker is not None:
            os.environ.update(thread_environment(threads_per_worker, local_size=1))
        return _in_process(fn, request, log_folder)
    name = choose_backend(backend, workers=workers)
    call = Call(f"{fn.__module__}:{fn.__qualname__}", request, log_folder)
    size = Size(workers, threads_per_worker, hang_seconds, slots_seconds)
    run = partial(run_local, call, size, name)
    if where == "spark":
        if spark is None:
            raise ValueError("expected a Spark session for where='spark', found None")
        run = partial(run_barrier, call, size, name, spark=spark)
    return run_again(run, workers=workers, max_restarts=max_restarts)


def run_again(run: Callable[[], list[Ended]], *, workers: int, max_restarts: int) -> Json:
    """Rank 0's result of a ring that is started again as often as a worker is lost.

    Raises:
        SparkgenError: as `launch`.
    """
    for restart in range(max_restarts + 1):
        try:
            ended = run()
        except RequestError as error:
            if restart:  # the first start had what this one lacks
                raise WorkersFailed(f"workers were lost and cannot be replaced: {error}") from None
            raise
        result = result_of(ended)
        if result is not None:
            return result
        lost = first_lost(ended)
        if restart < max_restarts:
            line = describe(lost, size=workers)
            log.warning("%s; starting again (%d of %d)", line, restart + 1, max_restarts)
    raise workers_failed(lost, size=workers, restarts=max_restarts)


def _in_process(fn: Callable[[Json, Ring], Json], request: Json, log_folder: str | None) -> Json:
    try:
        return fn(request, Alone())
    except SparkgenError:
        raise
    except Exception as error:  # as from a process of its own
        raise unexpected(error, rank=0, log_folder=log_folder) from error


def check_workers(where: Where, workers: int) -> None:
    """Refuses more than one worker if `where` is `in-process`.

    Raises:
        RequestError: it names the keys.
    """
    if where == "in-process" and workers != 1:
        raise RequestError(
            "environment.workers 1 for the launcher in-process",
            found=str(workers),
            mend="set environment.launcher to local or spark",
        )
