"""Runs a function in a second thread while a `with` block does its work."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def beside(look_after: Callable[[threading.Event], None]) -> Iterator[None]:
    """Runs a function in a second thread during a `with` block, and waits for its end.

    Args:
        look_after: is given an event that is set when the work is done, upon which it is to return.
    """
    done = threading.Event()
    thread = threading.Thread(target=look_after, args=(done,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
