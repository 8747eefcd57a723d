"""A piece of work in a process of its own, and what all processes it starts hold at most.

Memory is resident memory as the kernel counts it several times a second, so pages that a process
shares with the one it was forked from count in both.
"""

import multiprocessing
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from sparkgen.beside import beside

POLL_SECONDS = 0.1
TENSORFLOW = "libtensorflow_framework"
DRIVER, JVM, SPARK_WORKER, TRAINER = "driver", "JVM", "Spark's Python", "training worker"
OTHER = "other"


class Watched(NamedTuple):
    """What a piece of work gave, and what was seen of its processes."""

    result: Any
    peak_bytes: dict[str, int]
    """By role, of the largest process that has it."""
    tree_bytes: int
    """Of all processes together."""


class Census:
    """Looks at the processes below this one, over and over."""

    def __init__(self, root: int) -> None:
        self._root = root
        self.peak_bytes: defaultdict[str, int] = defaultdict(int)
        self.tree_bytes = 0
        self.with_tensorflow: set[int] = set()
        """Processes that had TensorFlow in memory; forks that inherited it do not count."""

    def look(self, *, libraries: bool) -> None:
        """Counts once; `libraries` looks for TensorFlow too, which takes longer."""
        total = 0
        for process in _family(self._root):
            try:
                resident, role = process.memory_info().rss, self._role(process)
                if libraries and _has_tensorflow(process) and not self._inherited(process):
                    self.with_tensorflow.add(process.pid)
            except (psutil.Error, OSError):
                continue  # it ended meanwhile
            self.peak_bytes[role] = max(self.peak_bytes[role], resident)
            total += resident
        self.tree_bytes = max(self.tree_bytes, total)

    def _role(self, process: psutil.Process) -> str:
        if process.pid == self._root:
            return DRIVER
        if process.name() == "java":
            return JVM
        command = " ".join(process.cmdline())
        if "pyspark.daemon" in command or "pyspark.worker" in command:
            return SPARK_WORKER
        return TRAINER if "sparkgen.distribution.process" in command else OTHER

    def _inherited(self, process: psutil.Process) -> bool:
        parent = process.parent()
        return (
            parent is not None
            and parent.pid in self.with_tensorflow
            and parent.cmdline() == process.cmdline()
        )


def watch(function: Callable[..., Any], *arguments: Any) -> Watched:
    """Runs `function(*arguments)` in a new interpreter and watches its processes."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        pid = executor.submit(os.getpid).result()
        with census(pid) as seen:
            result = executor.submit(function, *arguments).result()
    return Watched(result, dict(seen.peak_bytes), seen.tree_bytes)


@contextmanager
def census(root: int, *, libraries: bool = False) -> Iterator[Census]:
    """A census of a process and all below it, for as long as the context is open."""
    seen = Census(root)

    def look(done: threading.Event) -> None:
        while not done.wait(POLL_SECONDS):
            seen.look(libraries=libraries)

    with beside(look):
        yield seen


def _family(root: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(root)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _has_tensorflow(process: psutil.Process) -> bool:
    return TENSORFLOW in Path(f"/proc/{process.pid}/maps").read_text()
