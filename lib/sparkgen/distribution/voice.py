"""Rank 0 is heard: what its process says reaches the driver's standard error.

A worker of this machine is heard directly. One in a Spark executor sends what it says to the board, piece
by piece, and the driver looks there; else it would lie in a log file of that executor.
"""

import codecs
import sys
from contextlib import suppress

from sparkgen.distribution.board import Board


class Aloud:
    """Writes bytes to standard error as they come; a character may be cut between two pieces."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __call__(self, piece: bytes) -> None:
        """Writes one piece."""
        sys.stderr.write(self._decoder.decode(piece))
        sys.stderr.flush()


class Sender:
    """Sends what a worker says to the board."""

    def __init__(self, board: Board) -> None:
        self._board, self._number = board, 0

    def __call__(self, piece: bytes) -> None:
        """Sends one piece."""
        with suppress(OSError):  # the supervisor finds for itself that the driver is gone
            self._board.say(self._number, piece)
            self._number += 1


class Listener:
    """Writes what a `Sender` sent to the driver's standard error."""

    def __init__(self, board: Board) -> None:
        self._board, self._number, self._aloud = board, 0, Aloud()

    def listen(self) -> None:
        """Writes all pieces that have come since the last call."""
        with suppress(OSError):  # a machine that is too busy to answer is asked again
            while (piece := self._board.said(self._number)) is not None:
                self._aloud(piece)
                self._number += 1
                self._board.forget(self._number - 1)
