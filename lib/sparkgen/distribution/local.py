"""The workers run as processes of this machine."""

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

from sparkgen.distribution.attendance import attend
from sparkgen.distribution.board import open_board
from sparkgen.distribution.joining import serving, worker_environment
from sparkgen.distribution.outcome import Ended
from sparkgen.distribution.signals import stop_requests
from sparkgen.distribution.slots import Meeting, assign, thread_environment
from sparkgen.distribution.supervisor import Call, Size, supervise
from sparkgen.distribution.voice import Aloud

LOOPBACK = "127.0.0.1"


def run_local(call: Call, size: Size, backend: str) -> list[Ended]:
    """Runs all workers once on this machine, and gives a record of how each one ended."""
    with (
        stop_requests() as requests,
        open_board(LOOPBACK, address=LOOPBACK) as board,
        serving(backend, size.workers, LOOPBACK) as port,
        ThreadPoolExecutor(size.workers, "worker") as pool,
    ):
        meeting = Meeting(board, port, "lo")
        own = {**thread_environment(size.threads, local_size=size.workers), **_terminal()}
        futures = [
            pool.submit(
                supervise,
                call,
                slot.rank,
                {**worker_environment(backend, slot, meeting), **own},
                board,
                hear=Aloud(),
            )
            for slot in assign(["localhost"] * size.workers)
        ]
        return attend(futures, board, size, requests)


def _terminal() -> dict[str, str]:
    """What a worker behind a pipe cannot see: that a person looks on, and how wide the screen is."""
    if not sys.stderr.isatty():
        return {}
    return {
        "SPARKGEN_TERMINAL": "1",
        "COLUMNS": os.environ.get("COLUMNS", str(shutil.get_terminal_size().columns)),
    }
