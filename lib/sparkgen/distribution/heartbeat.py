"""Each worker writes a small file once a second, its heartbeat: how far its training thread has come.

A thread of its own writes the file, but counts nothing: it only copies what the training thread
counted. So the file says two things. A process that is stopped writes it no more. A training thread
that hangs leaves the counts as they are.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

Piece = TypeVar("Piece")
BEAT_SECONDS = 1.0
HEARTBEAT = "heartbeat.json"


class Beat(NamedTuple):
    """One heartbeat: what a worker reports about its progress."""

    ticks: int = 0
    """How often the file was written."""
    moves: int = 0
    """What the training thread counted in all: exchanges, and pieces of other work."""
    arrived: int = 0
    """Exchanges that it has come to; all ranks come to the same ones in the same order."""
    steady: bool = False
    """It takes training steps, whose pace is known; else it starts, validates, saves or compiles."""
    ended: bool = False
    """The worker has ended."""

    def encode(self) -> bytes:
        """The heartbeat as the bytes of its file."""
        return json.dumps(self._asdict()).encode()


def decode(data: bytes) -> Beat:
    """The heartbeat that the bytes of its file hold."""
    return Beat(**json.loads(data))


class Heartbeat:
    """The progress counts of this process; only its training thread changes them."""

    def __init__(self) -> None:
        self._moves = self._arrived = 0
        self._steady = False
        self._in_graph: Callable[[], int] = int

    def arrive(self) -> None:
        """Counts one exchange with the other workers, such as an all-reduce, that begins now."""
        self._arrived += 1

    def each(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Gives pieces of other work one by one, such as validation batches, and counts each one."""
        for piece in pieces:
            self._moves += 1
            yield piece

    def step(self) -> None:
        """Counts training steps that are done; from now on, more are expected at the usual pace."""
        self._moves += 1
        self._steady = True

    @contextmanager
    def rest(self) -> Iterator[None]:
        """Notes that, while the context lasts, this process does other work than training steps."""
        steady, self._steady = self._steady, False
        self._moves += 1
        try:
            yield
        finally:
            self._steady = steady
            self._moves += 1

    def count_in_graph(self, count: Callable[[], int]) -> None:
        """Sets the function that counts the exchanges which begin inside a TensorFlow graph."""
        self._in_graph = count

    def beat(self, ticks: int) -> Beat:
        """The heartbeat to write now, made from the current counts."""
        arrived = self._arrived + self._in_graph()
        return Beat(ticks, self._moves + arrived, arrived, self._steady)


heartbeat = Heartbeat()


def tell(folder: Path) -> None:
    """Starts a thread that writes this process's heartbeat to a folder once a second."""
    threading.Thread(target=_tell, args=(folder,), daemon=True).start()


def _tell(folder: Path) -> None:
    ticks = 0
    pause: Any = threading.Event()
    temporary = folder / f"{HEARTBEAT}.tmp"
    while not pause.wait(BEAT_SECONDS):
        ticks += 1
        with suppress(OSError):  # a disk that is full may have room for the next one
            temporary.write_bytes(heartbeat.beat(ticks).encode())
            temporary.rename(folder / HEARTBEAT)
