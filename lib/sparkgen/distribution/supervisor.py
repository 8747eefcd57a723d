"""The supervisor of one worker starts its process, watches it, and ends it when it must not go on.

Each worker has one beside it on its machine: a thread of the driver under `local`, a Spark task
under `spark`. It tells the board when its worker is lost, and kills its worker when the board says
that another is.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from sparkgen.distribution.board import Board
from sparkgen.distribution.heartbeat import HEARTBEAT, Beat, decode
from sparkgen.distribution.outcome import Ended, is_loss
from sparkgen.distribution.process import CALL, OUTCOME, PARENT

POLL_SECONDS = 0.2
EXIT_SECONDS = 20.0
"""How long a worker that has left its outcome may take to end."""
TAIL_BYTES = 6000
TAIL_LINES = 20


class Call(NamedTuple):
    """The function that every worker calls, and the request that it gets."""

    function: str
    """Importable: `module:name`."""
    request: dict[str, Any]
    """Plain JSON."""
    log_folder: str | None = None
    """Where workers leave the traceback of an error; a path or URI that all of them reach."""


class Size(NamedTuple):
    """The number of workers, the threads of each, and the time after which one counts as hanging."""

    workers: int
    threads: int | None
    """TensorFlow threads of each; None: a machine's cores over the workers on it."""
    hang_seconds: float
    """The least time without a training step after which a worker counts as hanging."""
    slots_seconds: float = 0.0
    """How long to wait for Spark's task slots."""


def supervise(
    call: Call,
    rank: int,
    environment: dict[str, str],
    board: Board,
    *,
    hear: Callable[[bytes], None],
) -> Ended:
    """Runs one worker process until it ends, and gives a record of how it ended.

    Args:
        call: what it does.
        rank: of this worker.
        environment: what the worker's environment has besides this process's own.
        board: where losses are told and notices read.
        hear: gets what rank 0 says on standard error, piece by piece.

    Raises:
        OSError: the driver cannot be reached; the worker is dead.
    """
    with tempfile.TemporaryDirectory(prefix="sparkgen-worker-") as name:
        folder = Path(name)
        (folder / CALL).write_text(json.dumps(call._asdict()))
        process = _start(folder, environment)
        tail = bytearray()
        listener = threading.Thread(
            target=_listen, args=(process.stderr, tail, hear if rank == 0 else None), daemon=True
        )
        listener.start()
        try:
            killed = _watch(
                process, folder, _Relay(folder / HEARTBEAT, rank, board), leads=rank == 0
            )
        finally:
            _end(process, listener)
        outcome, at = _outcome(folder)
        ended = Ended(rank, outcome, _status(process), killed, _lines(tail), at)
    if is_loss(ended) and not killed:
        board.post("kill")
    board.report(rank, Beat(ended=True))
    return ended


class _Relay:
    """Sends the heartbeats that a worker writes to its file on to the board."""

    def __init__(self, file: Path, rank: int, board: Board) -> None:
        self.board, self._file, self._rank = board, file, rank
        self._told = Beat()
        board.report(rank, self._told)  # a process that hangs at once has a beat too

    def carry(self) -> None:
        """Sends the worker's heartbeat to the board, if it is a new one."""
        with suppress(FileNotFoundError):
            beat = decode(self._file.read_bytes())
            if beat != self._told:
                self.board.report(self._rank, beat)
                self._told = beat


def _end(process: subprocess.Popen[bytes], listener: threading.Thread) -> None:
    """Kills a worker. One that waits for a dead file system dies later, and is not waited for."""
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(EXIT_SECONDS)
        listener.join()


def _start(folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    own = {
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
        PARENT: str(os.getpid()),
        # What a killed worker leaves, such as the files of AutoGraph, goes with its folder.
        "TMPDIR": str(folder),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "sparkgen.distribution.process", str(folder)],
        env={**os.environ, **own, **environment},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        # Ctrl-C in a terminal goes to every process of the group; it is the driver's to pass on.
        start_new_session=True,
    )


def _watch(process: subprocess.Popen[bytes], folder: Path, relay: _Relay, *, leads: bool) -> bool:
    """Waits for a worker's end; whether it had to be killed.

    Only the worker that leads is told to stop. The others learn it from that one, at the same step:
    a signal of their own could reach them when they have stopped already, and kill them.
    """
    done_at = None
    stopping = False
    while process.poll() is None:
        relay.carry()
        notice = relay.board.read()
        if notice == "kill":
            return True
        if notice == "stop" and leads and not stopping:
            process.terminate()
            stopping = True
        if (folder / OUTCOME).exists():
            done_at = done_at or time.monotonic()
            if time.monotonic() - done_at > EXIT_SECONDS:
                return False
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL_SECONDS)
    return False


def _listen(stream: IO[bytes], tail: bytearray, hear: Callable[[bytes], None] | None) -> None:
    """Keeps the end of what a worker says, and passes it on as it comes."""
    while chunk := os.read(stream.fileno(), 4096):
        tail += chunk
        del tail[:-TAIL_BYTES]
        if hear is not None:
            hear(chunk)
    stream.close()


def _status(process: subprocess.Popen[bytes]) -> int:
    return -signal.SIGKILL if process.returncode is None else process.returncode


def _lines(tail: bytearray) -> str:
    return "\n".join(tail.decode(errors="replace").splitlines()[-TAIL_LINES:])


def _outcome(folder: Path) -> tuple[dict[str, Any] | None, float]:
    """What a worker left and when, in seconds since 1970; None and now where it left nothing."""
    try:
        return json.loads((folder / OUTCOME).read_text()), (folder / OUTCOME).stat().st_mtime
    except FileNotFoundError:
        return None, time.time()
