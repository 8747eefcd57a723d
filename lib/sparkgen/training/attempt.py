"""What a training may do without: pictures, and a tracking server that answers every time."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sparkgen.unexpected import describe

log = logging.getLogger(__name__)


@contextmanager
def attempt(what: str) -> Iterator[None]:
    """Makes an error a warning, `no <what>: <reason>`, so that hours of training are not lost to it.

    Args:
        what: is missing then, such as `samples.png`.
    """
    try:
        yield
    except Exception as error:
        log.warning("no %s: %s", what, describe(error))
