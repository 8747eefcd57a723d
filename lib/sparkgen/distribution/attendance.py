"""The driver waits here for all workers: it passes on stop requests and what rank 0 says, and ends all if
one worker hangs.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any

from sparkgen.distribution.board import Board
from sparkgen.distribution.outcome import Ended, blame, raised
from sparkgen.distribution.signals import StopRequests
from sparkgen.distribution.supervisor import Size
from sparkgen.distribution.watch import LOOK_SECONDS, Watch
from sparkgen.errors import Interrupted

WAIT_SECONDS = 0.2


def attend(
    futures: Sequence[Future[Any]],
    board: Board,
    size: Size,
    requests: StopRequests,
    *,
    listen: Callable[[], None] | None = None,
) -> list[Ended]:
    """Waits until all workers have ended, and gives a record of how each one ended.

    The first Ctrl-C or SIGTERM asks workers to stop, the next one kills; one that hangs is the end
    of all. `listen` hears rank 0, where it is not heard directly.

    Raises:
        Interrupted: a stop was asked for, whatever the workers had reached by then.
        SparkgenError: what a worker raised while it was to stop.
    """
    posted, looked, hung = 0, time.monotonic(), None
    watch = Watch(size.hang_seconds)
    while wait(futures, timeout=WAIT_SECONDS).not_done:
        if listen is not None:
            listen()
        if requests.count > posted:
            board.post("stop" if requests.count == 1 else "kill")
            posted = requests.count
        if hung is None and time.monotonic() - looked > LOOK_SECONDS:
            looked = time.monotonic()
            with suppress(OSError):  # a machine that is too busy to answer is asked again
                hung = watch.look(board.beats(size.workers))
            if hung is not None:
                board.post("kill")
    if listen is not None:
        listen()
    if requests.count:
        raise _interruption([e for future in futures for e in _ended(future)])
    all_ended = [e for future in futures for e in _results(future)]
    return all_ended if hung is None else blame(all_ended, hung.rank, hung.reason)


def _interruption(all_ended: Sequence[Ended]) -> Exception:
    outcomes = [ended.outcome for ended in all_ended if ended.outcome is not None]
    # A worker that wrote a checkpoint says where training goes on; another error comes first.
    errors = sorted(
        (outcome for outcome in outcomes if "error" in outcome),
        key=lambda outcome: outcome["error"] == Interrupted.__name__,
    )
    if errors:
        return raised(errors[0])
    return Interrupted("stopped; the same command with --resume goes on from the last checkpoint")


def _ended(future: Future[Any]) -> list[Ended]:
    return [] if future.exception() is not None else _results(future)


def _results(future: Future[Any]) -> list[Ended]:
    ended = future.result()
    return ended if isinstance(ended, list) else [ended]
