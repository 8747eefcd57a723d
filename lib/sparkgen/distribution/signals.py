"""Ctrl-C and SIGTERM are only counted here, so that a program can stop between two training steps."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sparkgen.stopping import SIGNALS, deliver, note


class StopRequests:
    """The number of stop signals so far: the first asks for a stop, the second for an end at once."""

    def __init__(self) -> None:
        self.count = 0
        self.last: int | None = None

    def receive(self, signum: int, frame: FrameType | None) -> None:
        """The signal handler: counts one stop signal."""
        note(signum)
        self.count += 1
        self.last = signum


@contextmanager
def stop_requests() -> Iterator[StopRequests]:
    """Counts Ctrl-C and SIGTERM while the context lasts; only the main thread receives any.

    Where the context ends without an error, a signal that came in it is sent again to who listened
    before: the work was done before anyone looked.
    """
    requests = StopRequests()
    if threading.current_thread() is not threading.main_thread():
        yield requests
        return
    before = {signum: signal.signal(signum, requests.receive) for signum in SIGNALS}
    try:
        yield requests
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    if requests.last is not None:
        deliver(requests.last)
