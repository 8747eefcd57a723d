"""Compressed files as streams of what they hold, told by the ending of their names."""

import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from isal import igzip, isal_zlib

from sparkgen.datasets.storage import open_uri
from sparkgen.errors import IngestError

ENDINGS = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zst": "zstd"}


def compression(uri: str) -> str | None:
    """How a file is compressed, as its name says, in upper or lower case; None: it is not."""
    return next((how for end, how in ENDINGS.items() if uri.lower().endswith(end)), None)


@contextmanager
def inflated(uri: str) -> Iterator[Any]:
    """A file as a stream of what it holds; several compressed streams in a row are read as one.

    Raises:
        IngestError: it is not there, not compressed as its name says, cut short or damaged.
    """
    how = compression(uri)
    reader = {"gzip": igzip.open, "xz": lzma.open}.get(how or "")
    with readable(uri):
        if reader is None:
            with plain(uri, how) as stream:
                yield stream
        else:
            with plain(uri) as raw, reader(raw) as stream:
                yield stream


def plain(uri: str, how: str | None = None) -> Any:
    """The bytes of a file as they lie there, or as pyarrow inflates them."""
    filesystem, path = open_uri(uri)
    return filesystem.open_input_stream(path, compression=how)


@contextmanager
def readable(uri: str) -> Iterator[None]:
    """Gives what goes wrong inside the file's name: an `IngestError`."""
    try:
        yield
    except (EOFError, OSError, pa.ArrowInvalid, lzma.LZMAError, isal_zlib.error) as error:  # type: ignore[misc]  # as its stub has it
        raise IngestError(f"{uri} cannot be read: {error}") from error
