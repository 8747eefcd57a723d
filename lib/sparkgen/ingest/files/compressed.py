"""Reads compressed files as streams of uncompressed bytes; the file's ending names the compression."""

import lzma
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pyarrow as pa
from isal import igzip, isal_zlib

from sparkgen.datasets.storage import open_uri
from sparkgen.errors import IngestError

ENDINGS = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zst": "zstd"}
BEGINNINGS = {
    "gzip": b"\x1f\x8b",
    "bz2": b"BZh",
    "xz": b"\xfd7zXZ",
    "zstd": b"\x28\xb5\x2f\xfd",
}
READ_BYTES = 1 << 16
MOST_READERS = 8  # of one compressed file; more would only inflate the same bytes once more


class Turns(NamedTuple):
    """The blocks of a file that one task reads: `first`, `first + step`, ... below `stop`, if any."""

    first: int
    step: int
    stop: int | None


def compression(uri: str) -> str | None:
    """The compression that a file's ending names, in upper or lower case; None: no compression."""
    return next((how for end, how in ENDINGS.items() if uri.lower().endswith(end)), None)


def turns(uri: str, blocks: int, *, tasks: int) -> list[Turns]:
    """Divides the blocks of a file among several tasks.

    A plain file is read in place, so a task reads neighbouring blocks. A compressed one can only be
    read from its start, so each of a few tasks inflates all of it and keeps every k-th block:
    inflating is several times cheaper than what is done with a block.

    Args:
        uri: of the file.
        blocks: how many there are; of a compressed file, at least.
        tasks: how many run at a time.
    """
    if compression(uri):
        step = max(1, min(tasks, blocks, MOST_READERS))
        return [Turns(first, step, None) for first in range(step)]
    share = max(1, -(-blocks // tasks))
    return [Turns(first, 1, min(first + share, blocks)) for first in range(0, blocks, share)]


@contextmanager
def opened(uri: str) -> Iterator[Any]:
    """A file as a stream of its content, decompressed if its ending names a compression.

    Raises:
        IngestError: it is not there, not compressed as its name says, cut short or damaged.
    """
    how = compression(uri)
    with readable(uri), inflated(uri, how) if how else plain(uri) as stream:
        yield stream


def plain(uri: str) -> Any:
    """The bytes of a file as a stream, without decompression."""
    filesystem, path = open_uri(uri)
    return filesystem.open_input_stream(path, compression=None)


@contextmanager
def inflated(uri: str, how: str) -> Iterator[Any]:
    """A compressed file as a stream of its decompressed content, all its parts one after the other.

    Reading raises one of `member.DAMAGE` where the file is damaged or cut short.

    Args:
        uri: of the file.
        how: it is compressed: a value of `ENDINGS`.
    """
    reader = {"gzip": igzip.open, "xz": XzStream}.get(how)
    if reader is not None:
        with plain(uri) as raw, reader(raw) as stream:
            yield stream
    else:
        filesystem, path = open_uri(uri)
        with filesystem.open_input_stream(path, compression=how) as stream:
            yield stream


def blocks_in_turn(
    uri: str,
    turns: Turns,
    *,
    of_stream: Callable[[Any], Iterable[bytes]],
    at: Callable[[Any, int], bytes],
) -> Iterator[tuple[int, bytes]]:
    """The blocks of a plain or compressed file that one task reads, with their numbers.

    Args:
        uri: of the file.
        turns: which blocks.
        of_stream: cuts a stream, which a compressed file is, into all its blocks.
        at: reads the block of a number from a plain file.

    Raises:
        IngestError: the file is damaged.
    """
    if compression(uri):
        with opened(uri) as stream:
            for number, block in enumerate(of_stream(stream)):
                if number % turns.step == turns.first:
                    yield number, block
    else:
        filesystem, path = open_uri(uri)
        with readable(uri), filesystem.open_input_file(path) as file:
            for number in range(turns.first, turns.stop or 0):
                yield number, at(file, number)


@contextmanager
def readable(uri: str) -> Iterator[None]:
    """Gives what goes wrong inside the file's name: an `IngestError`."""
    try:
        yield
    except (EOFError, OSError, pa.ArrowInvalid, lzma.LZMAError, isal_zlib.error) as error:  # type: ignore[misc]  # as its stub has it
        raise IngestError(f"{uri} cannot be read: {error or type(error).__name__}") from error


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
        """The next `size` bytes, or all where it is negative; fewer only at the end.

        Raises:
            lzma.LZMAError: damaged, or followed by something else.
            EOFError: cut short.
        """
        parts, left = [], size
        while left and (data := self._some(READ_BYTES if size < 0 else left)):
            parts.append(data)
            left -= len(data)
        return b"".join(parts)

    def _some(self, size: int) -> bytes:
        """At most `size` bytes, more than 0 of them; none at the end."""
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
