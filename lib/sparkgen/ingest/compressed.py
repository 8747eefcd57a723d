"""Compressed files as streams of what they hold, told by the ending of their names."""

import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from isal import isal_zlib

from sparkgen.datasets.storage import open_uri
from sparkgen.errors import IngestError
from sparkgen.ingest.inflate import inflated

ENDINGS = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zst": "zstd"}


def compression(uri: str) -> str | None:
    """How a file is compressed, as its name says, in upper or lower case; None: it is not."""
    return next((how for end, how in ENDINGS.items() if uri.lower().endswith(end)), None)


@contextmanager
def opened(uri: str) -> Iterator[Any]:
    """A file as a stream of what it holds, inflated where its name says that it is compressed.

    Raises:
        IngestError: it is not there, not compressed as its name says, cut short or damaged.
    """
    with readable(uri), (inflated if compression(uri) else plain)(uri) as stream:
        yield stream


def plain(uri: str) -> Any:
    """The bytes of a file as they lie there."""
    filesystem, path = open_uri(uri)
    return filesystem.open_input_stream(path, compression=None)


@contextmanager
def readable(uri: str) -> Iterator[None]:
    """Gives what goes wrong inside the file's name: an `IngestError`."""
    try:
        yield
    except (EOFError, OSError, pa.ArrowInvalid, lzma.LZMAError, isal_zlib.error) as error:  # type: ignore[misc]  # as its stub has it
        raise IngestError(f"{uri} cannot be read: {error}") from error
