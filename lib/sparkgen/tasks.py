"""Tasks on the executors of Spark: a function, run once for each of many items.

What goes in and comes out is small, such as names of files and what was written to them. Records and
pictures pass through files on storage that all executors share, never through the JVM.
"""

import sys
import zipimport
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from sparkgen.errors import TaskFailed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

S = TypeVar("S")
T = TypeVar("T")


def run_each(
    spark: "SparkSession",
    run: Callable[[S], Iterator[T]],
    items: Sequence[S],
    *,
    tasks: int | None = None,
) -> list[T]:
    """What `run` gives for each item, in the order of the items.

    Args:
        spark: the session.
        run: travels to every task by pickle.
        items: travel by pickle, each to its task, and so does what is made of them.
        tasks: among which the items are divided, neighbours together; None: a task an item.

    Raises:
        TaskFailed: `run` raised an error as often as Spark tries a task.
    """
    from py4j.protocol import Py4JJavaError

    def quickly(item: S) -> Iterator[T]:
        yield from run(item)
        _forget_archives()

    divided = spark.sparkContext.parallelize(items, max(1, tasks or len(items)))
    try:
        return divided.flatMap(quickly).collect()
    except Py4JJavaError as error:
        raise TaskFailed(_last_of_traceback(str(error.java_exception.getMessage()))) from error


def _forget_archives() -> None:
    """Saves the worker's next task some 50 ms.

    Before every task Spark has Python invalidate its caches, and Python then reads the directory of
    each archive on its path anew, pyspark.zip's among them. One that it does not remember, it will
    read when it next imports something from it.
    """
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter):
            del sys.path_importer_cache[path]


def _last_of_traceback(message: str) -> str:
    """The error, without the name of its class where it is one of this package's."""
    traceback = message.partition("\n\tat ")[0]
    last = [line for line in traceback.splitlines() if line.strip()][-1].strip()
    name, _, text = last.partition(": ")
    return text if name.startswith("sparkgen.errors.") else last
