"""Handles Ctrl-C and SIGTERM: the program stops what it started, cleans up, and exits.

The first signal stops Spark and raises `Stopped` in the main thread, so that every `with` and
`finally` on its way is heard. The second one, or a clearing up that takes too long, ends the program
and its children at once.
"""

import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SPARK_SECONDS = 10.0
"""How long Spark may take to stop."""
CLEAR_UP_SECONDS = 60.0
"""How long the program may take to leave after the first signal."""
AGAIN_SECONDS = 1.0
JAVA_SECONDS = 5.0
SUBMITTED = "PYSPARK_GATEWAY_PORT"
"""Set where spark-submit started this program, below its own JVM."""
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Stopped(BaseException):
    """The exception for a program that the user stops; no `except Exception` catches it."""


class _Program:
    """The state of signal handling in this process."""

    listening = False
    received: signal.Signals | None = None
    broken_off = False
    holds = 0
    waiting = False


_program = _Program()


@contextmanager
def listening() -> Iterator[None]:
    """Handles Ctrl-C and SIGTERM during a `with` block; it has an effect in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.getsignal(signum) for signum in (*SIGNALS, signal.SIGALRM)}
    _program.listening = True
    _program.received = None
    _program.broken_off = False
    for signum in SIGNALS:
        signal.signal(signum, _receive)
    signal.signal(signal.SIGALRM, _raise_again)
    if SUBMITTED in os.environ:
        end_with_parent(signal.SIGTERM)  # spark-submit tells its program nothing when it ends
    try:
        yield
    finally:
        _program.listening = False
        for signum, handler in before.items():
            signal.signal(signum, handler)


def listens() -> bool:
    """Whether this program handles signals at present; see `listening`."""
    return _program.listening


def note(signum: int) -> None:
    """Stores a signal that other code handles; the exit status depends on it."""
    if _program.listening:
        _program.received = _program.received or signal.Signals(signum)


def deliver(signum: int) -> None:
    """Handles a signal that was stored by `note` and that no other code has acted on."""
    if not _program.listening:
        signal.raise_signal(signum)
    elif _program.holds:
        _program.waiting = True
    else:
        _stop()


def received() -> signal.Signals | None:
    """The first signal that asked this program to stop."""
    return _program.received


def broken_off() -> bool:
    """Whether `Stopped` was raised; later errors may be a consequence of it."""
    return _program.broken_off


def status() -> int:
    """The exit status of a program that was stopped: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + (_program.received or signal.SIGINT)


@contextmanager
def held() -> Iterator[None]:
    """Delays signals until the end of a `with` block that must not be interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _program.holds += 1
    try:
        yield
    finally:
        _program.holds -= 1
    if _program.waiting and not _program.holds:
        _program.waiting = False
        _stop()


def end_with_parent(signum: signal.Signals) -> None:
    """Asks the kernel to send this process a signal when the thread that started it ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signum)


def leave() -> None:
    """Ends all child processes and the program, with the exit status of the signal."""
    signal.setitimer(signal.ITIMER_REAL, 0)  # from here on `Stopped` would only disturb
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    end_children()
    # Not by sys.exit: it would wait for threads that talk to a Spark that is gone.
    os._exit(status())


def end_children(patience_seconds: float = JAVA_SECONDS) -> None:
    """Kills all descendants of this process; a JVM first gets some seconds to remove its files."""
    import psutil

    children = psutil.Process().children(recursive=True)
    process = getattr(_spark("_gateway"), "proc", None)
    if process is not None and patience_seconds:
        with suppress(Exception):
            process.stdin.close()  # a JVM that PySpark started ends with its input
            process.wait(patience_seconds)
    for child in children:
        with suppress(psutil.Error):
            child.kill()


def _receive(signum: int, frame: FrameType | None) -> None:
    if _program.received is not None:
        end_children(patience_seconds=0)
        os._exit(status())
    note(signum)
    deliver(signum)


def _stop() -> None:
    _program.broken_off = True
    _be_quiet()
    _start_thread(_leave_late)
    _stop_spark()
    signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
    raise Stopped


def _raise_again(signum: int, frame: FrameType | None) -> None:
    """Raises `Stopped` again where it was lost, as in a destructor, where Python ignores exceptions."""
    signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
    error = sys.exc_info()[1]
    while error is not None:
        if isinstance(error, Stopped):
            return  # it is on its way: what clears up now is let alone
        error = error.__context__
    raise Stopped


def _be_quiet() -> None:
    """Turns off logs and tracebacks; errors from now on are consequences of the stop."""
    logging.disable(logging.CRITICAL)
    sys.unraisablehook = lambda unraisable: None
    threading.excepthook = lambda arguments: None


def _leave_late() -> None:
    threading.Event().wait(CLEAR_UP_SECONDS)
    end_children(patience_seconds=0)
    os._exit(status())


def _stop_spark() -> None:
    """Stops the running Spark jobs, before folders that their tasks write to are removed."""
    context = getattr(_spark("_active_spark_context"), "_jsc", None)
    if context is None:
        _kill_java()  # that is only just starting: told to end it would complain at length
        return

    def stop() -> None:  # in a thread of its own, which has its own connection to the JVM
        with suppress(Exception):
            context.setLogLevel("OFF")
            context.sc().stop()

    stopper = _start_thread(stop)
    stopper.join(SPARK_SECONDS)
    if stopper.is_alive():
        _kill_java()


def _kill_java() -> None:
    import psutil

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if child.name() in ("java", "bash"):  # spark-submit is a script until it starts Java
                child.kill()


def _spark(attribute: str) -> Any:
    module = sys.modules.get("pyspark")
    return getattr(getattr(module, "SparkContext", None), attribute, None)


def _start_thread(run: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
