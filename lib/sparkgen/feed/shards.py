"""Reads shards into arrays, in exactly the order that is asked for, by a feed that reads their files.

Shards are opened by the window, some windows ahead of need. Those that are kept are read once.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import NamedTuple

from sparkgen.datasets.rows import Rows, Split
from sparkgen.feed.feeds import Feed, Reading

WINDOW_BYTES = 64 * 2**20  # of the files of a window, about
AHEAD_BYTES = 64 * 2**20  # of the rows of all windows that are ahead, about
BYTES_BESIDE_RECORD = 12  # of a row: an int64 id and an int32 label


def memory_bytes(split: Split, shard: int) -> int:
    """The memory that the rows of a shard take, in bytes."""
    stored = sum(one.row_bytes for one in split.record.columns.values())
    return split.files[shard].entry.rows * (stored + BYTES_BESIDE_RECORD)


def read_in_order(
    split: Split, order: Iterable[int], *, feed: Feed, keep_bytes: int = 0
) -> Generator[Rows, None, None]:
    """Gives the rows of the shards in `order`, one shard after the other; threads read ahead.

    Args:
        split: whose shards.
        order: shard numbers; may be endless, and may repeat.
        feed: what reads their files.
        keep_bytes: memory for shards that stay once they are read and are not read again.

    Raises:
        ManifestError: a file cannot be read, or does not hold what the manifest says.
    """
    kept: dict[int, Rows] = {}
    windows = _windows(split, iter(order), feed.WINDOW, keep_bytes)
    with closing(_opened(split, windows, feed)) as opened:
        for items, reading in opened:
            for item in items:
                rows = next(reading) if item.read else kept[item.shard]
                if item.keep:
                    kept[item.shard] = rows
                yield rows


class _Item(NamedTuple):
    """One shard of the order: whether it is read from its file, and whether it is then kept in memory."""

    shard: int
    read: bool
    keep: bool


_Window = list[_Item]


def _windows(split: Split, order: Iterator[int], length: int, keep_bytes: int) -> Iterator[_Window]:
    held: set[int] = set()
    window: _Window = []
    size = 0
    for shard in order:
        read = shard not in held
        keep = read and memory_bytes(split, shard) <= keep_bytes
        if keep:
            held.add(shard)
            keep_bytes -= memory_bytes(split, shard)
        window.append(_Item(shard, read, keep))
        size += split.files[shard].entry.bytes if read else 0
        if len(window) == length or size >= WINDOW_BYTES:
            yield window
            window, size = [], 0
    if window:
        yield window


class _Opening(NamedTuple):
    """A window that a thread opens; `reading` is None where all of its shards are kept already."""

    window: _Window
    reading: Future[Reading] | None
    bytes: int
    """The memory that the rows which are read will take."""


def _opened(
    split: Split, windows: Iterator[_Window], feed: Feed
) -> Generator[tuple[_Window, Reading], None, None]:
    """The windows in their order; threads have opened up to `feed.AHEAD` before they are asked for."""
    opening: deque[_Opening] = deque()
    with ThreadPoolExecutor(feed.THREADS, "feed") as threads:
        begun = map(partial(_begin, threads, split, feed), windows)
        try:
            _fill(opening, begun, feed.AHEAD)
            while opening:
                first = opening.popleft()
                with closing(first.reading.result() if first.reading else _nothing()) as reading:
                    _fill(opening, begun, feed.AHEAD)
                    yield first.window, reading
        finally:
            for future in (one.reading for one in opening if one.reading):
                # One that failed did so for a window that nobody has come to need.
                if not future.cancel() and future.exception() is None:
                    future.result().close()


def _fill(opening: deque[_Opening], begun: Iterator[_Opening], length: int) -> None:
    """Begins to open windows, until there are `length`, or `AHEAD_BYTES` of rows, or no more."""
    while len(opening) < length and sum(one.bytes for one in opening) < AHEAD_BYTES:
        if (one := next(begun, None)) is None:
            return
        opening.append(one)


def _begin(threads: ThreadPoolExecutor, split: Split, feed: Feed, window: _Window) -> _Opening:
    shards = [item.shard for item in window if item.read]
    reading = threads.submit(feed.open_shards, split, shards) if shards else None
    return _Opening(window, reading, sum(memory_bytes(split, shard) for shard in shards))


def _nothing() -> Generator[Rows, None, None]:
    yield from ()
