"""The pulse is a short exchange, about once a second, in which all ranks agree on what to do next.

Whether the user wants to stop, whether a loss is no longer finite, whether it is time for a
checkpoint: each takes a look at the device or the clock, and all ranks must act on it at the same
step. Between two pulses nothing is exchanged but gradients, and nothing is read back.
"""

import time
from typing import NamedTuple

import numpy as np

from sparkgen.distribution.heartbeat import heartbeat
from sparkgen.distribution.ring import Ring

PULSE_SECONDS = 1.0
GROWTH = 8
"""A burst of steps is at most this many times as long as the last, whatever the clock says."""


class Agreement(NamedTuple):
    """What all ranks agree on after a pulse."""

    stop: bool
    finite: bool
    checkpoint: bool


class Pulse:
    """Makes all ranks agree after every `steps` steps; rank 0's clock decides how many steps that is.

    Args:
        ring: the ranks.
        checkpoint_seconds: between checkpoints; None: they are not due by the clock.
    """

    def __init__(self, ring: Ring, checkpoint_seconds: float | None) -> None:
        self.steps = 1
        self._ring, self._checkpoint_seconds = ring, checkpoint_seconds
        self._beat = self._checkpoint = time.monotonic()

    def beat(self, *, steps: int, stop: bool, finite: bool) -> Agreement:
        """Sends what this rank knows to all ranks, and gives what they agree on; all ranks must call it.

        Args:
            steps: taken since the last beat.
            stop: this process was asked to stop.
            finite: this rank's losses are finite.
        """
        now = time.monotonic()
        due = (
            self._checkpoint_seconds is not None
            and now - self._checkpoint >= self._checkpoint_seconds
        )
        ahead = max(
            1, min(GROWTH * steps, round(PULSE_SECONDS * steps / (now - self._beat + 1e-9)))
        )
        own = np.array([stop, not finite, due, ahead], np.float64)
        own[2:] *= self._ring.rank == 0
        stops, infinite, checkpoint, self.steps = (int(x) for x in self._ring.sum(own))
        heartbeat.step()
        self._beat = time.monotonic()
        if checkpoint:
            self._checkpoint = self._beat
        return Agreement(stops > 0, infinite == 0, checkpoint > 0)

    def rest(self) -> None:
        """Restarts the clock, so that the time since the last `beat` does not count as training time."""
        self._beat = time.monotonic()
