"""The workers run as processes of this machine.

`horovod.run` would start them through a shell, pass the function and its result as pickles, and on
Ctrl-C kill them in mid-step, with no word to them to write a checkpoint; so the processes are
started here, around the same rendezvous server.
"""

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

from sparkgen.distribution.attendance import attend
from sparkgen.distribution.board import Board, open_board
from sparkgen.distribution.outcome import Ended
from sparkgen.distribution.signals import stop_requests
from sparkgen.distribution.slots import Meeting, assign, slot_environment, thread_environment
from sparkgen.distribution.supervisor import Call, Size, supervise
from sparkgen.distribution.voice import Aloud

LOOPBACK = "127.0.0.1"


def run_local(call: Call, size: Size) -> list[Ended]:
    """Runs all workers once on this machine, and gives a record of how each one ended."""
    with (
        stop_requests() as requests,
        open_board(LOOPBACK, address=LOOPBACK) as board,
        ThreadPoolExecutor(size.workers, "worker") as pool,
    ):
        futures = [
            pool.submit(supervise, call, rank, environment, board, hear=Aloud())
            for rank, environment in enumerate(_environments(board, size.workers, size.threads))
        ]
        return attend(futures, board, size, requests)


def _environments(board: Board, workers: int, threads: int | None) -> list[dict[str, str]]:
    meeting = Meeting(board.address, board.port, "lo")
    slots = assign(["localhost"] * workers)
    own = {**thread_environment(threads, local_size=workers), **_terminal()}
    return [{**slot_environment(slot, meeting), **own} for slot in slots]


def _terminal() -> dict[str, str]:
    """What a worker behind a pipe cannot see: that a person looks on, and how wide the screen is."""
    if not sys.stderr.isatty():
        return {}
    return {
        "SPARKGEN_TERMINAL": "1",
        "COLUMNS": os.environ.get("COLUMNS", str(shutil.get_terminal_size().columns)),
    }
