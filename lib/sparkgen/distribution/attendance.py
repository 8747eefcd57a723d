"""What the driver does while workers work: it waits, and passes the user's wish to stop on."""

from collections.abc import Sequence
from concurrent.futures import Future, wait
from typing import Any

from sparkgen.distribution.board import Board
from sparkgen.distribution.signals import stop_requests
from sparkgen.errors import Interrupted

WAIT_SECONDS = 0.2


def attend(futures: Sequence[Future[Any]], board: Board) -> None:
    """Waits until all are done. The first Ctrl-C or SIGTERM asks workers to stop, the next kills.

    Raises:
        Interrupted: a worker was stopped before it could write a checkpoint.
    """
    posted = 0
    with stop_requests() as requests:
        while wait(futures, timeout=WAIT_SECONDS).not_done:
            if requests.count > posted:
                board.post("stop" if requests.count == 1 else "kill")
                posted = requests.count
    if posted and not any(_left_word(future) for future in futures):
        raise Interrupted(
            "stopped; the same command with --resume goes on from the last checkpoint"
        )


def _left_word(future: Future[Any]) -> bool:
    if future.exception() is not None:
        return False
    ended = future.result()
    return any(e.outcome is not None for e in (ended if isinstance(ended, list) else [ended]))
