"""A training goes on when an optional part fails: a picture, or a call to the tracking server."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sparkgen.unexpected import describe

log = logging.getLogger(__name__)


@contextmanager
def attempt(what: str) -> Iterator[None]:
    """Turns an error into a warning, `no <what>: <reason>`, so that hours of training are not lost.

    Args:
        what: is missing then, such as `samples.png`.
    """
    try:
        yield
    except Exception as error:  # of what is optional, none ends a training
        log.warning("no %s: %s", what, describe(error))
