"""A compressed file as a stream of what it holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from isal import igzip

from sparkgen.datasets.storage import open_uri


@contextmanager
def inflated(uri: str) -> Iterator[Any]:
    """A .gz or .bz2 file as a stream of what it holds, all its parts one after the other.

    Reading raises one of `member.DAMAGE` where the file is damaged or cut short.
    """
    filesystem, path = open_uri(uri)
    if uri.lower().endswith(("gz", "gzip")):
        with (
            filesystem.open_input_stream(path, compression=None) as raw,
            igzip.open(raw) as stream,
        ):
            yield stream
    else:
        with filesystem.open_input_stream(path, compression="bz2") as stream:
            yield stream
