"""Errors of the feed on their way through TensorFlow, which makes texts of them.

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
    """The generator function, whose own errors `feed_errors` will know."""

    def run() -> Iterator[Any]:
        try:
            yield from generate()
        except SparkgenError as error:
            _raised.append(error)
            raise

    return run


@contextmanager
def feed_errors() -> Iterator[None]:
    """Around what takes batches: an error of the feed is raised as itself.

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
