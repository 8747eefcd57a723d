"""Progress is shown on standard error: as a bar on a terminal, as lines in a log."""

import os
import sys
import time
from typing import Any

from sparkgen.training.state import EpochFigures

LINE_SECONDS = 30.0


class Progress:
    """A progress display that shows nothing, for all ranks except rank 0."""

    def update(self, epoch: int, steps: int, loss: float) -> None:
        """Shows the running epoch (from 1), the number of steps so far, and the epoch's loss."""

    def epoch(self, epoch: int, record: EpochFigures) -> None:
        """Shows the figures of an epoch that has ended (from 1)."""

    def close(self) -> None:
        """Ends the display."""


class Lines(Progress):
    """A progress display that prints one line at the end of each epoch, and one every 30 seconds.

    Args:
        epochs: of the training.
        total: its steps.
        done: steps taken by an earlier start.
    """

    def __init__(self, *, epochs: int, total: int, done: int) -> None:
        self.epochs, self.total, self.done = epochs, total, done
        self.start = self.last = time.monotonic()

    def update(self, epoch: int, steps: int, loss: float) -> None:
        now = time.monotonic()
        if now - self.last < LINE_SECONDS:
            return
        self.last = now
        rate = (steps - self.done) / (now - self.start)
        left = (self.total - steps) / max(rate, 1e-9)
        print(
            f"epoch {epoch}/{self.epochs} step {steps}/{self.total} loss {loss:.5g} "
            f"{rate:.3g} steps/s {left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )

    def epoch(self, epoch: int, record: EpochFigures) -> None:
        print(_line(epoch, self.epochs, record), file=sys.stderr, flush=True)


class Bar(Progress):
    """A progress bar over all steps, with rate and time left; each epoch prints a line above it."""

    def __init__(self, *, epochs: int, total: int, done: int) -> None:
        from tqdm import tqdm

        self.epochs = epochs
        self.bar: Any = tqdm(total=total, initial=done, unit=" steps", smoothing=0.1)

    def update(self, epoch: int, steps: int, loss: float) -> None:
        self.bar.set_description(f"epoch {epoch}/{self.epochs}", refresh=False)
        self.bar.set_postfix_str(f"loss {loss:.5g}", refresh=False)
        self.bar.update(steps - self.bar.n)

    def epoch(self, epoch: int, record: EpochFigures) -> None:
        self.bar.write(_line(epoch, self.epochs, record), file=sys.stderr)

    def close(self) -> None:
        self.bar.close()


def make_progress(rank: int, *, epochs: int, total: int, done: int) -> Progress:
    """The progress display of a rank: on rank 0 a bar or lines, on the other ranks nothing.

    A launcher says in the environment whether the user has a terminal.
    """
    if rank != 0:
        return Progress()
    terminal = sys.stderr.isatty() or "SPARKGEN_TERMINAL" in os.environ
    return (Bar if terminal else Lines)(epochs=epochs, total=total, done=done)


def _line(epoch: int, epochs: int, record: EpochFigures) -> str:
    return f"epoch {epoch}/{epochs} " + " ".join(f"{k} {v:.5g}" for k, v in record.items())
