"""TensorFlow turns errors of the feed into text; this module raises the original errors again.

`tf.data` runs the feed's generators in threads of its own. What one raises arrives at the reader of
the data set as an error of TensorFlow's; here it becomes again what it was.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from sparkgen.errors import SparkgenError

_raised: list[SparkgenError] = []
"""Those that no `feed_errors` has taken yet."""


def remembered(generate: Callable[[], Iterator[Any]]) -> Callable[[], Iterator[Any]]:
    """Wraps a generator function, so that `feed_errors` can raise its original error."""

    def run() -> Iterator[Any]:
        try:
            yield from generate()
        except SparkgenError as error:
            _raised.append(error)
            raise

    return run


@contextmanager
def feed_errors() -> Iterator[None]:
    """Raises the original error of the feed, if taking batches fails while the context lasts.

    Raises:
        ManifestError: a file of the dataset version is damaged.
    """
    _raised.clear()
    try:
        yield
    except tf.errors.OpError:
        if _raised:
            raise _raised.pop(0) from None
        raise
