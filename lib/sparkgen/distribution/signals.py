"""Ctrl-C and SIGTERM as something to ask for, instead of something that happens in mid-step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequests:
    """How often a stop was asked for: once is a wish, twice an order."""

    def __init__(self) -> None:
        self.count = 0

    def receive(self, signum: int, frame: FrameType | None) -> None:
        """The signal handler."""
        self.count += 1


@contextmanager
def stop_requests() -> Iterator[StopRequests]:
    """Counts the stop signals while the context lasts; only the main thread receives any."""
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
