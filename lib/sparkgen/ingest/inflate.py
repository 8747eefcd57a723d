"""A compressed file as a stream of what it holds."""

import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from isal import igzip

from sparkgen.datasets.storage import open_uri

READ_BYTES = 1 << 16


class XzStream:
    """All streams of a .xz file, one after the other, and nothing else.

    Python's own reader passes over whatever comes after the first of them and is none.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._inflater = lzma.LZMADecompressor(lzma.FORMAT_XZ)

    def __enter__(self) -> "XzStream":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, all that there are where it is negative; none at the end.

        Raises:
            lzma.LZMAError: damaged, or followed by something else.
            EOFError: cut short.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(READ_BYTES), b""))
        while True:
            given = b""
            if self._inflater.eof:
                given = self._after_stream()
                if not given:
                    return b""
                self._inflater = lzma.LZMADecompressor(lzma.FORMAT_XZ)
            elif self._inflater.needs_input:
                given = bytes(self._raw.read(READ_BYTES))
                if not given:
                    raise EOFError("it ends before its last stream does")
            if data := self._inflater.decompress(given, size):
                return data

    def _after_stream(self) -> bytes:
        """What follows a stream; zeros between streams are allowed."""
        rest = self._inflater.unused_data.lstrip(b"\0")
        while not rest and (more := bytes(self._raw.read(READ_BYTES))):
            rest = more.lstrip(b"\0")
        return rest


_READERS = {("gz", "gzip"): igzip.open, ("xz",): XzStream}


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
