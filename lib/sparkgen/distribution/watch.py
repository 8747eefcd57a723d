"""The driver finds the worker that hangs: it stands still for many times its usual time between steps.

In an exchange all ranks wait for the last one, so that all of them stand still when one hangs. The
one to blame is the one that has come to fewer exchanges than the others, or whose process writes no
more beats.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

from sparkgen.distribution.heartbeat import Beat

PACES = 10
"""A worker hangs when nothing moves for this many times its usual pace, and `hang_seconds`."""
PATIENCE_SECONDS = 1800.0
"""The same where no pace is known: start, compilation, the second step, validation, checkpoints."""
WEIGHT = 0.1  # of the newest interval in the usual pace
LOOK_SECONDS = 1.0
FROZEN_SECONDS = 10.0
"""Where the driver has not looked for longer, the machine was paused, perhaps with all workers."""


class Hung(NamedTuple):
    """The rank of a worker that hangs, and the reason in words."""

    rank: int
    reason: str


class Seen(NamedTuple):
    """What the driver knows about one worker; times are in seconds, by the driver's clock."""

    rank: int
    beat: Beat
    pace: float
    """Usual time between two moves in training steps; 0 where it is not known yet."""
    still: float
    """Since its counts last moved."""
    silent: float
    """Since its last beat."""

    def limit(self, hang_seconds: float) -> float:
        """The time in seconds that the worker may stand still before it counts as hanging."""
        known = self.beat.steady and self.pace > 0
        return max(hang_seconds, PACES * self.pace if known else PATIENCE_SECONDS)


def find_hung(workers: Sequence[Seen], hang_seconds: float) -> Hung | None:
    """The worker that hangs, or None if no worker hangs.

    Args:
        workers: all that have begun.
        hang_seconds: the least time that a worker in training steps may stand still.
    """
    alive = [worker for worker in workers if not worker.beat.ended]
    silent = [worker for worker in alive if worker.silent > worker.limit(hang_seconds)]
    if silent:
        worst = max(silent, key=lambda worker: worker.silent)
        return Hung(worst.rank, f"its process has not moved for {worst.silent:.0f} s")
    fewest = min((worker.beat.arrived for worker in alive), default=0)
    last = [worker for worker in alive if worker.beat.arrived == fewest]
    if not last or any(worker.still <= worker.limit(hang_seconds) for worker in last):
        return None
    worst = max(last, key=lambda worker: worker.still)
    reason = f"no step for {worst.still:.0f} s"
    if len(last) < len(alive):
        reason += ", and the others wait for it"
    return Hung(worst.rank, reason)


class Watch:
    """Follows the heartbeats of all workers, to find one that hangs.

    Args:
        hang_seconds: see `find_hung`.
    """

    def __init__(self, hang_seconds: float) -> None:
        self._hang_seconds = hang_seconds
        self._looked: float | None = None
        self._beats: dict[int, Beat] = {}
        self._moved: dict[int, float] = {}
        self._ticked: dict[int, float] = {}
        self._pace: dict[int, float] = {}

    def look(self, beats: dict[int, Beat], now: float | None = None) -> Hung | None:
        """Takes the newest heartbeats by rank, and gives the worker that hangs, or None."""
        now = time.monotonic() if now is None else now
        if self._looked is not None and now - self._looked > FROZEN_SECONDS:
            for clock in (self._moved, self._ticked):
                clock.update({rank: at + now - self._looked for rank, at in clock.items()})
        self._looked = now
        for rank, beat in beats.items():
            self._take(rank, beat, now)
        seen = [
            Seen(
                rank,
                beat,
                self._pace.get(rank, 0.0),
                now - self._moved[rank],
                now - self._ticked[rank],
            )
            for rank, beat in self._beats.items()
        ]
        return find_hung(seen, self._hang_seconds)

    def _take(self, rank: int, beat: Beat, now: float) -> None:
        before = self._beats.get(rank)
        self._beats[rank] = beat
        if before is None or beat.ticks != before.ticks:
            self._ticked[rank] = now
        if before is None or beat[1:] != before[1:]:
            if before is not None and before.steady and beat.steady:
                interval = now - self._moved[rank]
                usual = self._pace.get(rank, interval)
                self._pace[rank] = usual + WEIGHT * (interval - usual)
            self._moved[rank] = now
