"""One worker runs in each task of a Spark barrier stage, which starts all of its tasks together or none.

Each task starts its worker itself, stays with it, and ends well even where the worker did not, so that it
is the launcher, not Spark, that decides on a restart.
"""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from sparkgen.access import with_access
from sparkgen.distribution.attendance import attend
from sparkgen.distribution.board import Board, open_board
from sparkgen.distribution.cluster import await_slots
from sparkgen.distribution.joining import serving, worker_environment
from sparkgen.distribution.outcome import Ended, lost_stage
from sparkgen.distribution.routes import interface_towards
from sparkgen.distribution.signals import stop_requests
from sparkgen.distribution.slots import Meeting, assign, thread_environment
from sparkgen.distribution.supervisor import Call, Size, supervise
from sparkgen.distribution.voice import Listener, Sender
from sparkgen.errors import WorkerError
from sparkgen.tasks import refuse_missing_module

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What a task raises that cannot reach the driver: the next start may.
UNREACHABLE = ("OSError", "ConnectionError", "TimeoutError", "urllib.error.", "Connection")


def run_barrier(call: Call, size: Size, backend: str, *, spark: "SparkSession") -> list[Ended]:
    """Runs all workers once in Spark, and gives a record of how each one ended.

    If Spark lost a task, one record stands for all workers.

    Raises:
        RequestError: the cluster has fewer slots than there are workers, for all of `slots_seconds`.
        WorkerError: a task failed before its worker began.
    """
    from py4j.protocol import Py4JJavaError

    workers = size.workers
    await_slots(spark, workers, seconds=size.slots_seconds)
    context = spark.sparkContext
    with (
        stop_requests() as requests,
        open_board("", address=context.getConf().get("spark.driver.host")) as board,
        serving(backend, workers, "") as port,
        ThreadPoolExecutor(1, "barrier") as pool,
    ):
        own = partial(_task, call=call, board=board, port=port, backend=backend)
        task = with_access(partial(own, threads=size.threads))
        stage = context.parallelize(range(workers), workers).barrier().mapPartitions(task)
        try:
            ended = attend(
                [pool.submit(stage.collect)], board, size, requests, listen=Listener(board).listen
            )
        except Py4JJavaError as error:
            return [_lost_by_spark(str(error.java_exception.getMessage()))]
    return ended if len(ended) == workers else [lost_stage("a task or its executor is gone")]


def _task(
    partition: Iterator[Any],
    *,
    call: Call,
    board: Board,
    port: int,
    backend: str,
    threads: int | None,
) -> Iterator[Ended]:
    """One worker, inside an executor."""
    from pyspark import BarrierTaskContext

    context = BarrierTaskContext.get()
    if not board.claim(f"task-{context.partitionId()}"):
        # Spark starts a barrier stage anew when it loses a task. The board is used up, and the
        # launcher has restarts of its own: it sees that nothing came back.
        return
    hosts = context.allGather(socket.gethostname())
    slot = assign(hosts)[context.partitionId()]
    meeting = Meeting(board, port, interface_towards(board.address))
    environment = {
        **worker_environment(backend, slot, meeting),
        **thread_environment(threads, local_size=slot.local_size),
        **_gpus(context),
    }
    yield supervise(call, slot.rank, environment, board, hear=Sender(board))


def _gpus(context: Any) -> dict[str, str]:
    """The GPUs that Spark gave this task, where it schedules GPUs."""
    resources = context.resources()
    return (
        {"CUDA_VISIBLE_DEVICES": ",".join(resources["gpu"].addresses)} if "gpu" in resources else {}
    )


def _lost_by_spark(message: str) -> Ended:
    """The end of all workers, by what Spark says of their stage.

    Raises:
        RequestError: a module that the executors' Python lacks.
        WorkerError: a task raised an error that another start would only raise again.
    """
    said = [line.strip() for line in message.partition("\n\tat ")[0].splitlines() if line.strip()]
    refuse_missing_module(said[-1])
    if "Traceback (most recent call last)" in message and not said[-1].startswith(UNREACHABLE):
        raise WorkerError(f"a Spark task of the workers failed: {said[-1]}")
    return lost_stage(said[-1])
