"""Keeps two processes from training one run, by the file `alive.json` next to its checkpoints.

The process that trains the run renews the file. On its own machine a process that was killed is seen to
be gone at once; for other machines the file counts for a minute after it was last renewed.
"""

import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from sparkgen.beside import beside
from sparkgen.datasets.storage import open_uri, read_bytes, write_bytes
from sparkgen.errors import RequestError

log = logging.getLogger(__name__)

ALIVE = "alive.json"
RENEWAL_SECONDS = 15.0
FRESH_SECONDS = 60.0
SETTLING_SECONDS = 0.5
"""After which two that claimed a run at the same moment both see who of them was last."""


@contextmanager
def presence(folder_uri: str, *, taken_up: bool) -> Iterator[None]:
    """Locks a run for this process during a `with` block.

    Args:
        folder_uri: of the run's checkpoints.
        taken_up: it is an older run, which another process may be training.

    Raises:
        RequestError: another process trains the run.
    """
    path = f"{folder_uri}/{ALIVE}"
    own = {**_this_process(), "token": uuid.uuid4().hex}
    if taken_up:
        _refuse(path, own)
    _write(path, own)
    if taken_up:
        time.sleep(SETTLING_SECONDS)
        _refuse(path, own)
    try:
        with beside(partial(_renew, path, own)):
            yield
    finally:
        with suppress(OSError):
            if _taker(path, own) is None:
                filesystem, place = open_uri(path)
                filesystem.delete_file(place)


def _refuse(path: str, own: dict[str, Any]) -> None:
    found = _taker(path, own)
    if found is None or not _lives(found):
        return
    raise RequestError(
        "a run that no other process trains",
        found=f"process {found['pid']} on {found['host']}, which trains it",
        mend="wait for it or stop it, or train without --resume; the claim of a process that was "
        f"killed on another machine ends after {FRESH_SECONDS:.0f} s",
    )


def _taker(path: str, own: dict[str, Any]) -> dict[str, Any] | None:
    """The content of the lock file of another process; None where there is none."""
    found = _read(path)
    return None if found is None or found.get("token") == own["token"] else found


def _lives(found: dict[str, Any]) -> bool:
    import psutil

    if found["host"] != socket.gethostname():
        return time.time() - float(found["at"]) < FRESH_SECONDS
    try:
        # The same number may have gone to another process since.
        return psutil.Process(found["pid"]).create_time() == found["started"]
    except psutil.NoSuchProcess:
        return False


def _this_process() -> dict[str, Any]:
    import psutil

    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
    }


def _renew(path: str, own: dict[str, Any], done: threading.Event) -> None:
    while not done.wait(RENEWAL_SECONDS):
        with suppress(OSError):  # the training itself will say that its folder is gone
            if taker := _taker(path, own):  # this machine slept for longer than its claim held
                name = f"process {taker['pid']} on {taker['host']}"
                log.warning("%s has taken the run up as well: stop one of the two", name)
                return
            _write(path, own)


def _write(path: str, own: dict[str, Any]) -> None:
    write_bytes(path, json.dumps({**own, "at": time.time()}).encode())


def _read(path: str) -> dict[str, Any] | None:
    try:
        found = json.loads(read_bytes(path))
        return found if {"host", "pid", "started", "at"} <= set(found) else None
    except (FileNotFoundError, ValueError, TypeError):
        return None  # a damaged claim was left by nobody who still renews it
