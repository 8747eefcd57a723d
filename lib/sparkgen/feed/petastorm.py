"""The feed of Petastorm: it reads shards from the memory in which they were held to their SHA-256.

What one must know of Petastorm 0.13.1 to read in order:

- One worker thread a reader. With several, results come in order only while the thread that hands
  out the work keeps ahead of the thread that collects the results.
- A reader looks at the footers of all its files when it opens, then opens each twice to read it, and
  its idle threads wake a thousand times a second. So files are opened by the window, one window
  ahead, and a reader is closed at once when it has given its last row.
- It holds at most four row groups that nobody has taken yet. It hands out four, then looks every
  10 ms whether one was taken, while the thread that collects the results spins. So a window has four
  files: 10,000 of 6 rows take 8.6 s of processor time, in windows of 16 they took 22 (two cores).
- A list of files keeps it from `_common_metadata`, whose schema it would unpickle.
- It still wants what pyarrow has dropped: file systems of the former kind, and a class of Parquet's.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sparkgen.datasets.records import Record
from sparkgen.datasets.rows import Rows, Split, decode, read_file
from sparkgen.errors import ManifestError

if not hasattr(pq, "ParquetDatasetPiece"):
    raise ImportError(f"Petastorm needs pyarrow below 15, found {pa.__version__}")

from petastorm import make_batch_reader
from pyarrow.filesystem import FileSystem

# Petastorm uses what pyarrow has deprecated; its user can do nothing about that.
warnings.filterwarnings("ignore", category=FutureWarning, module="petastorm")

WINDOW = 4
AHEAD = 1
THREADS = 1
UNREADABLE = (OSError, AttributeError, TypeError, ValueError, StopIteration, pa.ArrowException)
"""What Petastorm raises, and the decoding, where a file is not as the manifest says."""


class Reading:
    """Some shards that one reader of Petastorm reads; see `feeds.Reading`."""

    def __init__(self, split: Split, shards: Sequence[int]) -> None:
        self._split = split
        self._left = list(shards)
        data = {shard: split.files[shard].read() for shard in dict.fromkeys(shards)}
        # Each file under a name of its own, also where a shard comes twice.
        files = {f"/{number}.parquet": data[shard] for number, shard in enumerate(shards)}
        try:
            self._reader = make_batch_reader(
                [f"file://{name}" for name in files],
                filesystem=_Memory(files),
                schema_fields=split.record.schema.names,
                workers_count=1,
                shuffle_row_groups=False,
            )
        except UNREADABLE as error:
            raise _wrong(split, list(data), error) from error

    def __next__(self) -> Rows:
        shard = self._left.pop(0)
        try:
            rows = self._next_shard(self._split.files[shard].entry.rows)
        except UNREADABLE as error:
            raise _wrong(self._split, [shard], error) from error
        if not self._left:
            self.close()
        return rows

    def close(self) -> None:
        """Ends Petastorm's threads; again does no harm."""
        self._reader.stop()
        self._reader.join()

    def _next_shard(self, rows: int) -> Rows:
        parts = [self._next_part()]
        while (read := sum(len(part.id) for part in parts)) < rows:
            parts.append(self._next_part())
        if read > rows:
            raise ValueError(f"{read} rows")
        return Rows.concatenate(parts)

    def _next_part(self) -> Rows:
        # Petastorm asks first whether all work handed out is done, then whether all was handed out.
        # The last of it may go out between the two questions; asked again, it answers right.
        try:
            table = next(self._reader)
        except StopIteration:
            table = next(self._reader)
        return _decode(table, self._split.record)


open_shards = Reading


def _decode(table: Any, record: Record) -> Rows:
    # Of columns with missing values Petastorm makes floats.
    if table.id.dtype.kind != "i" or table.label.dtype.kind != "i":
        raise TypeError("missing values")
    cells = [getattr(table, name) for name in record.columns]
    for one, some in zip(record.columns.values(), cells, strict=True):
        if one.fixed and set(map(len, some)) - {one.row_bytes}:
            raise ValueError(f"other than {one.row_bytes} bytes")
    return decode(table.id, table.label, cells, record)


def _wrong(split: Split, shards: Sequence[int], error: Exception) -> ManifestError:
    """What is wrong with the files of some shards, in the words of the reader that all else uses."""
    for shard in shards:
        try:
            read_file(split.files[shard], split.record)
        except ManifestError as told:
            return told
    files = [split.files[shard] for shard in shards]
    return ManifestError(
        f"Parquet that Petastorm reads in {', '.join(file.uri for file in files)}",
        found=f"{type(error).__name__} {error}",
        mend=f"{files[0].mend}, or set environment.feed to arrow",
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
