"""Petastorm reads shards into arrays, in exactly the order that is asked for.

What one must know of Petastorm 0.13.1 to read in order:

- One worker thread a reader. With several, results come in order only while the thread that hands
  out the work keeps ahead of the thread that collects the results.
- A reader looks at the footers of all its files when it opens, then opens each twice to read it, and
  its idle threads wake a thousand times a second. So files are opened by the window, one window
  ahead, and a reader is closed at once when it is exhausted.
- Each file of a window is read once, whole, and held to its SHA-256; Petastorm gets it from memory.
- It holds at most four row groups that nobody has taken yet. It hands out four, then looks every
  10 ms whether one was taken, while the thread that collects the results spins. So a window has four
  files: 10,000 of 6 rows take 8.6 s of processor time, in windows of 16 they took 22 (two cores).
- A list of files keeps it from `_common_metadata`, whose schema it would unpickle.
- It still wants a file system of pyarrow's former kind.
"""

import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import Any, NamedTuple

import pyarrow as pa
from petastorm import make_batch_reader
from pyarrow.filesystem import FileSystem

from sparkgen.datasets.records import Record
from sparkgen.datasets.rows import Rows, Split, decode
from sparkgen.errors import ManifestError

WINDOW = 4  # files opened together, at most
WINDOW_BYTES = 64 * 2**20  # of them, about; two windows are in memory
BYTES_BESIDE_RECORD = 12  # of a row: an int64 id and an int32 label

# Petastorm uses what pyarrow has deprecated; its user can do nothing about that.
warnings.filterwarnings("ignore", category=FutureWarning, module="petastorm")


def memory_bytes(split: Split, shard: int) -> int:
    """The memory that the rows of a shard take, in bytes."""
    stored = sum(one.row_bytes for one in split.record.columns.values())
    return split.files[shard].entry.rows * (stored + BYTES_BESIDE_RECORD)


def read_in_order(split: Split, order: Iterable[int], *, keep_bytes: int = 0) -> Iterator[Rows]:
    """Gives the rows of the shards in `order`, one shard after the other; threads read ahead.

    Args:
        split: whose shards.
        order: shard numbers; may be endless, and may repeat.
        keep_bytes: memory for shards that stay once they are read and are not read again.

    Raises:
        ManifestError: a file cannot be read, or does not hold what the manifest says.
    """
    kept: dict[int, Rows] = {}
    with ThreadPoolExecutor(1, "feed") as ahead:
        windows = _windows(split, iter(order), keep_bytes)
        opening = [ahead.submit(_open, split, window) for window in islice(windows, 1)]
        try:
            while opening:
                opened = opening.pop().result()
                opening = [ahead.submit(_open, split, window) for window in islice(windows, 1)]
                with closing(_read(split, opened)) as shards:
                    for item in opened.window:
                        rows = next(shards) if item.read else kept[item.shard]
                        if item.keep:
                            kept[item.shard] = rows
                        yield rows
        finally:
            for future in opening:
                if future.exception() is None:  # else nobody has come to need that window
                    _close(future.result())


class _Item(NamedTuple):
    """One shard of the order: whether it is read from its file, and whether it is then kept in memory."""

    shard: int
    read: bool
    keep: bool


class _Opened(NamedTuple):
    """Some shards that are opened together, and their Petastorm reader; None if nothing is read."""

    window: list[_Item]
    reader: Any


def _windows(split: Split, order: Iterator[int], keep_bytes: int) -> Iterator[list[_Item]]:
    held: set[int] = set()
    window: list[_Item] = []
    size = 0
    for shard in order:
        read = shard not in held
        keep = read and memory_bytes(split, shard) <= keep_bytes
        if keep:
            held.add(shard)
            keep_bytes -= memory_bytes(split, shard)
        window.append(_Item(shard, read, keep))
        size += split.files[shard].entry.bytes if read else 0
        if len(window) == WINDOW or size >= WINDOW_BYTES:
            yield window
            window, size = [], 0
    if window:
        yield window


def _open(split: Split, window: list[_Item]) -> _Opened:
    shards = [item.shard for item in window if item.read]
    if not shards:
        return _Opened(window, None)
    data = {shard: split.files[shard].read() for shard in dict.fromkeys(shards)}
    # Each file under a name of its own, also where a shard comes twice.
    files = {f"/{number}.parquet": data[shard] for number, shard in enumerate(shards)}
    try:
        reader = make_batch_reader(
            [f"file://{name}" for name in files],
            filesystem=_Memory(files),
            schema_fields=split.record.schema.names,
            workers_count=1,
            shuffle_row_groups=False,
        )
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(split, list(data), error) from error
    return _Opened(window, reader)


def _close(opened: _Opened) -> None:
    if opened.reader is not None:
        opened.reader.stop()
        opened.reader.join()


def _read(split: Split, opened: _Opened) -> Generator[Rows, None, None]:
    try:
        for item in opened.window:
            if item.read:
                yield _next_shard(split, item.shard, opened.reader)
    finally:
        _close(opened)


def _next_shard(split: Split, shard: int, reader: Any) -> Rows:
    file = split.files[shard]
    rows = file.entry.rows
    try:
        parts = [_decode(_next_table(reader), split.record)]
        while (read := sum(len(part.id) for part in parts)) < rows:
            parts.append(_decode(_next_table(reader), split.record))
    except (OSError, TypeError, ValueError, StopIteration, pa.ArrowException) as error:
        raise _unreadable(split, [shard], error) from error
    if read > rows:
        raise ManifestError(f"{rows} rows in {file.uri}", found=str(read), mend=file.mend)
    return Rows.concatenate(parts)


def _next_table(reader: Any) -> Any:
    # Petastorm asks first whether all work handed out is done, then whether all was handed out. The
    # last of it may go out between the two questions; asked again, it answers right.
    try:
        return next(reader)
    except StopIteration:
        return next(reader)


def _decode(table: Any, record: Record) -> Rows:
    return decode(table.id, table.label, [getattr(table, c) for c in record.columns], record)


def _unreadable(split: Split, shards: Sequence[int], error: Exception) -> ManifestError:
    files = [split.files[shard] for shard in shards]
    return ManifestError(
        f"Parquet with the columns {', '.join(split.record.schema.names)} in "
        f"{', '.join(file.uri for file in files)}",
        found=f"{type(error).__name__} {error}",
        mend=files[0].mend,
    )


class _Memory(FileSystem):
    """A file system that holds files in memory, of the kind that Petastorm wants."""

    def __init__(self, files: Mapping[str, pa.Buffer]) -> None:
        self.files = files

    def isfile(self, path: str) -> bool:
        return path in self.files

    def isdir(self, path: str) -> bool:
        return False

    def exists(self, path: str) -> bool:
        return path in self.files

    def open(self, path: str, mode: str = "rb") -> pa.NativeFile:
        return pa.BufferReader(self.files[path])
