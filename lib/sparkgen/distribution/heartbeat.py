"""The heartbeat of a worker: how far its training thread is, told once a second in a small file.

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
    """What a worker tells."""

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
        """The beat as the bytes of its file."""
        return json.dumps(self._asdict()).encode()


def decode(data: bytes) -> Beat:
    """The beat of its file's bytes."""
    return Beat(**json.loads(data))


class Heartbeat:
    """The counts of this process; its methods are called by the training thread only."""

    def __init__(self) -> None:
        self._moves = self._arrived = 0
        self._steady = False
        self._in_graph: Callable[[], int] = int

    def arrive(self) -> None:
        """Counts an exchange that begins."""
        self._arrived += 1

    def each(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Gives pieces of other work, such as batches of validation, and counts each."""
        for piece in pieces:
            self._moves += 1
            yield piece

    def step(self) -> None:
        """Counts training steps that are done; from here on their pace is what is expected."""
        self._moves += 1
        self._steady = True

    @contextmanager
    def rest(self) -> Iterator[None]:
        """While the context lasts, work of another kind than training steps is done."""
        steady, self._steady = self._steady, False
        self._moves += 1
        try:
            yield
        finally:
            self._steady = steady
            self._moves += 1

    def count_in_graph(self, count: Callable[[], int]) -> None:
        """Has a function say how many exchanges a TensorFlow graph has come to."""
        self._in_graph = count

    def beat(self, ticks: int) -> Beat:
        """What is to be told now."""
        arrived = self._arrived + self._in_graph()
        return Beat(ticks, self._moves + arrived, arrived, self._steady)


heartbeat = Heartbeat()


def tell(folder: Path) -> None:
    """Writes this process's beats to a folder from now on, in a thread of its own."""
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
