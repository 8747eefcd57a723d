"""Runs a function on the executors of Spark, once for each of many items.

What goes in and comes out is small, such as names of files and what was written to them. Records and
pictures pass through files on storage that all executors share, never through the JVM.
"""

import pickle
import re
import sys
import threading
import uuid
import zipimport
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from sparkgen.access import with_access
from sparkgen.beside import beside
from sparkgen.errors import RequestError, SparkgenError, TaskFailed
from sparkgen.lean import keep_keras_lean

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

S = TypeVar("S")
T = TypeVar("T")

LOOK_SECONDS = 0.1


def run_each(
    spark: "SparkSession",
    run: Callable[[S], Iterator[T]],
    items: Sequence[S],
    *,
    tasks: int | None = None,
) -> list[T]:
    """The results of `run` for all items, in the order of the items.

    Args:
        spark: the session.
        run: travels to every task by pickle.
        items: travel by pickle, each to its task, and so does what is made of them.
        tasks: among which the items are divided, neighbours together; None: a task an item.

    Raises:
        SparkgenError: one that `run` raised, as itself; no task is tried again, and the others are
            stopped.
        RequestError: a module that the executors' Python lacks.
        TaskFailed: `run` raised another error, as often as Spark tries a task.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark import cloudpickle
    from pyspark.accumulators import AddingAccumulatorParam

    if not items:
        return []
    context = spark.sparkContext
    errors: Any = context.accumulator((), AddingAccumulatorParam(()))
    divided = context.parallelize(items, tasks or len(items))
    try:
        with _stopped_at(errors, context):
            of_part = _of_part(cloudpickle.dumps(run), errors)
            made = divided.mapPartitions(with_access(of_part)).collect()
    except Py4JJavaError as error:
        if not errors.value:
            message = _last_of_traceback(str(error.java_exception.getMessage()))
            refuse_missing_module(message)
            raise TaskFailed(message) from error
    if errors.value:
        raise errors.value[0]
    return list(made)


def _of_part(pickled: bytes, errors: Any) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """What a task does: it runs its items, and hands an error of ours to the driver."""

    def run_part(part: Iterator[Any]) -> Iterator[Any]:
        keep_keras_lean()  # before the function comes, whose modules import Keras
        run = pickle.loads(pickled)
        try:
            for item in part:
                yield from run(item)
        except SparkgenError as error:
            # Spark would try the task again, in vain, and print the traceback.
            errors.add((error,))
        _forget_archives()

    return run_part


@contextmanager
def _stopped_at(errors: Any, context: Any) -> Iterator[None]:
    """Cancels the Spark jobs of a `with` block as soon as a task reports an error."""
    tag = f"sparkgen-{uuid.uuid4().hex}"

    def watch(done: threading.Event) -> None:
        while not done.wait(LOOK_SECONDS):
            if errors.value:
                context.cancelJobsWithTag(tag)
                return

    context.addJobTag(tag)
    try:
        with beside(watch):
            yield
    finally:
        context.removeJobTag(tag)


def _forget_archives() -> None:
    """Clears Python's cache of zip archives, which saves the worker's next task about 50 ms.

    Before every task Spark has Python invalidate its caches, and Python then reads the directory of
    each archive on its path anew, pyspark.zip's among them. One that it does not remember, it will
    read when it next imports something from it.
    """
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter):
            del sys.path_importer_cache[path]


def refuse_missing_module(line: str) -> None:
    """Refuses a Python of the executors that lacks a module, if the last line of a traceback says so.

    Raises:
        RequestError: it names the module.
    """
    missing = re.match(r"ModuleNotFoundError: No module named '([^']+)'", line)
    if missing is not None:
        raise RequestError(
            "sparkgen with all that it needs in the Python of the executors",
            found=f"no module {missing[1]}",
            mend="install it there, or name a Python that has it as PYSPARK_PYTHON; the README says "
            'what is needed, under "On a cluster"',
        )


def _last_of_traceback(message: str) -> str:
    traceback = message.partition("\n\tat ")[0]
    return [line for line in traceback.splitlines() if line.strip()][-1].strip()
