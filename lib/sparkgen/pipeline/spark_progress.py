"""Shows the progress of Spark's tasks: as a bar on a terminal, as lines in a log."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from sparkgen.beside import beside

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

POLL_SECONDS = 0.5
LINE_SECONDS = 30.0


@contextmanager
def spark_progress(
    spark: "SparkSession | None", *, line_seconds: float = LINE_SECONDS
) -> Iterator[None]:
    """Shows the progress of Spark's tasks on standard error during a `with` block.

    Args:
        spark: the session; None: there is nothing to show.
        line_seconds: between two lines, where standard error is no terminal.
    """
    if spark is None:
        yield
        return
    tracker = spark.sparkContext.statusTracker()
    with beside(partial(_watch, tracker, line_seconds)):
        yield


def _watch(tracker: Any, line_seconds: float, done: threading.Event) -> None:
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    tasks: dict[int, tuple[int, int]] = {}
    bar: Any = None
    while not done.wait(POLL_SECONDS):
        active = tracker.getActiveStageIds()
        for stage in active:
            if (info := tracker.getStageInfo(stage)) is not None:
                tasks[stage] = (info.numCompletedTasks, info.numTasks)
        if active and bar is None:
            # In a log a bar is a line now and then; on a terminal it goes when its stages are done.
            every = POLL_SECONDS if terminal else line_seconds
            bar = tqdm(
                unit=" tasks",
                desc="spark",
                leave=False,
                mininterval=every,
                delay=every,
                ascii=not terminal,
                bar_format=None if terminal else "{desc} {n_fmt}/{total_fmt} {rate_fmt}\n",
            )
        if bar is not None:
            finished = [total for stage, (_, total) in tasks.items() if stage not in active]
            running = [tasks[stage] for stage in active if stage in tasks]
            bar.total = sum(finished) + sum(total for _, total in running)
            bar.update(sum(finished) + sum(complete for complete, _ in running) - bar.n)
        if not active and bar is not None:
            bar.close()
            bar = None
            tasks.clear()
    if bar is not None:
        bar.close()
