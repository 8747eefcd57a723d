"""The limit of the machine: the same work in plain processes, one a core, without Spark.

Each process first makes what it needs (a model, the bytes of files) and keeps it; a task is then a
function of that and of one item.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

_SPAWN = multiprocessing.get_context("spawn")  # TensorFlow and the JVM's threads do not fork
_kept: list[Any] = []


class Pool:
    """Processes, each with what `make(*arguments)` gave it."""

    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor

    def work(self, task: Callable[[Any, Any], Any], items: Sequence[Any]) -> list[Any]:
        """The results of `task(kept, item)`, items dealt to the processes as they are free."""
        return list(self._executor.map(partial(_do, task), items))


@contextmanager
def process_a_core(
    make: Callable[..., Any], *arguments: Any, processes: int | None = None
) -> Iterator[Pool]:
    """A pool whose processes, one a core or as many as are said, each keep `make(*arguments)`."""
    with ProcessPoolExecutor(
        processes or os.cpu_count(),
        mp_context=_SPAWN,
        initializer=_keep,
        initargs=(make, arguments),
    ) as executor:
        yield Pool(executor)


def in_new_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of `function(*arguments)` from a new interpreter, which then ends."""
    with ProcessPoolExecutor(1, mp_context=_SPAWN) as executor:
        return executor.submit(function, *arguments).result()


def _keep(make: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    _kept.append(make(*arguments))


def _do(task: Callable[[Any, Any], Any], item: Any) -> Any:
    return task(_kept[-1], item)
