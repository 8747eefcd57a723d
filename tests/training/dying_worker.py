"""A training of which rank 1 is killed once, in the middle of an epoch."""

import os
import signal
import threading
import time
from pathlib import Path

from sparkgen.training.checkpoints import list_checkpoints
from sparkgen.training.worker import train

FIRST_STEPS = 14


def train_and_die_once(request, ring):
    """`train`, but the first rank 1 kills its process as soon as there are checkpoints."""
    folder = Path(request["checkpoint_uri"])
    if ring.rank == 1 and not (folder / "died").exists():
        threading.Thread(target=_kill_this_process, args=(folder,), daemon=True).start()
    return train(request, ring)


def newest_steps(folder: Path) -> int:
    """Steps of the newest checkpoint in a folder; 0 for none."""
    found = list_checkpoints(str(folder))
    return int(found[0].rpartition("-")[2].removesuffix(".npz")) if found else 0


def wait_for_checkpoints(folder: Path, *, after: int = 0) -> None:
    """Returns when a few steps are stored, or a few more than `after`."""
    deadline = time.monotonic() + 120
    while newest_steps(folder) < after + FIRST_STEPS and time.monotonic() < deadline:
        time.sleep(0.005)


def _kill_this_process(folder: Path) -> None:
    wait_for_checkpoints(folder)
    (folder / "died").touch()
    os.kill(os.getpid(), signal.SIGKILL)
