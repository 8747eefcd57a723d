"""A compressed file as a stream of what it holds."""

import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from isal import igzip

from sparkgen.datasets.storage import open_uri

_READERS = {("gz", "gzip"): igzip.open, ("xz",): lzma.open}


@contextmanager
def inflated(uri: str) -> Iterator[Any]:
    """A .gz, .bz2, .xz or .zst file as a stream of what it holds, all its parts one after the other.

    Reading raises one of `member.DAMAGE` where the file is damaged or cut short.
    """
    filesystem, path = open_uri(uri)
    name = uri.lower()
    reader = next((r for ends, r in _READERS.items() if name.endswith(ends)), None)
    if reader is not None:
        with filesystem.open_input_stream(path, compression=None) as raw, reader(raw) as stream:
            yield stream
    else:
        how = "zstd" if name.endswith("zst") else "bz2"
        with filesystem.open_input_stream(path, compression=how) as stream:
            yield stream
