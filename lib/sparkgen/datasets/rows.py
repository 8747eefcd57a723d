"""Reads the rows of a dataset version as arrays: a file, a part of a split, a batch for a model."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sparkgen.datasets.files import StoredFile, check_sizes
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.records import Record
from sparkgen.noise import NoiseSpec, Stream, row_noises

Arrays = dict[str, Any]
PADDING_ID = -1


class Rows(NamedTuple):
    """N rows of a dataset version."""

    id: npt.NDArray[np.int64]
    """(N,)."""
    label: npt.NDArray[np.int32]
    """(N,)."""
    data: npt.NDArray[Any]
    """The records as they are stored: (N, *shape)."""
    caption: npt.NDArray[Any] | None = None
    """The captions beside them, as they are stored: (N, T)."""

    def take(self, rows: Any) -> "Rows":
        """Some of the rows, selected by a slice or by their numbers."""
        return Rows._make(None if column is None else column[rows] for column in self)

    def columns(self, record: Record) -> Arrays:
        """The columns by the names that they have in a file and in a batch."""
        return dict(zip(record.schema.names, self, strict=False))

    @classmethod
    def concatenate(cls, parts: Sequence["Rows"]) -> "Rows":
        """All rows of some parts, one part after the other."""
        if len(parts) == 1:
            return parts[0]
        columns = zip(*parts, strict=True)
        return cls._make(None if some[0] is None else np.concatenate(some) for some in columns)

    @classmethod
    def zeros(cls, record: Record, count: int = 0) -> "Rows":
        """Rows whose ids, labels and records are all zero."""
        columns = (np.zeros((count, *one.shape), one.dtype) for one in record.columns.values())
        return cls(np.zeros(count, np.int64), np.zeros(count, np.int32), *columns)


class Segment(NamedTuple):
    """Rows [start, stop) of one file; `shard` is the file's number in its split."""

    shard: int
    start: int
    stop: int


class Split(NamedTuple):
    """The files of a split, and the form of their records."""

    files: tuple[StoredFile, ...]
    record: Record

    @property
    def rows(self) -> int:
        """The number of rows of all files together."""
        return sum(file.entry.rows for file in self.files)

    def segments(self, start: int, stop: int) -> list[Segment]:
        """The segments of files that make up rows [start, stop) of the split, in order."""
        edges = np.cumsum([0, *(file.entry.rows for file in self.files)]).tolist()
        return [
            Segment(shard, max(start - left, 0), min(stop, right) - left)
            for shard, (left, right) in enumerate(pairwise(edges))
            if max(start, left) < min(stop, right)
        ]

    def check(self, shards: Iterable[int]) -> None:
        """Raises a `ManifestError` for the first file that is missing or has another size."""
        check_sizes([self.files[shard] for shard in shards])


def open_split(version_uri: str, manifest: Manifest, name: str) -> Split:
    """A split of a version; a `ManifestError` where it has no rows."""
    return Split(tuple(manifest.split_files(version_uri, name)), manifest.spec.record)


def read_rows(split: Split, start: int = 0, stop: int | None = None) -> Rows:
    """Rows [start, stop) of a split, in the order of its files, or up to its end.

    Raises:
        ManifestError: a file is missing or damaged.
    """
    segments = split.segments(start, split.rows if stop is None else min(stop, split.rows))
    split.check(segment.shard for segment in segments)
    parts = [
        read_file(split.files[shard], split.record).take(slice(first, last))
        for shard, first, last in segments
    ]
    return Rows.concatenate([Rows.zeros(split.record), *parts])


def first_rows(version_uri: str, manifest: Manifest, *, split: str, limit: int) -> Arrays:
    """The first `limit` rows of a split, or all if it has fewer, as one batch without noise.

    Raises:
        ManifestError: no such split, or a file is missing or damaged.
    """
    opened = open_split(version_uri, manifest, split)
    return make_batch(read_rows(opened, 0, limit), opened.record, {}, seed=0)


def read_file(file: StoredFile, record: Record) -> Rows:
    """The rows of one file of a dataset version, in the order of the file.

    Raises:
        ManifestError: the file is missing or damaged.
    """
    widths = {name: one.row_bytes for name, one in record.columns.items()}
    table = file.table(record.schema.names, widths=widths)
    cells = [table[name] for name in record.columns]
    return decode(table["id"].to_numpy(), table["label"].to_numpy(), cells, record)


def read_column(file: StoredFile, record: Record, name: str | None = None) -> npt.NDArray[Any]:
    """The records of one column of a file of any artifact: (N, *shape).

    Args:
        file: which has a column of them.
        record: what they are.
        name: of the column; None: the record's kind.

    Raises:
        ManifestError: the file is missing or damaged.
    """
    column = name or record.kind
    widths = {column: record.row_bytes} if record.fixed else None
    return record.decode(file.table([column], widths=widths)[column])


def decode(
    ids: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    cells: Sequence[pa.ChunkedArray | Sequence[bytes]],
    record: Record,
) -> Rows:
    """The `Rows` of a file, from its columns; `cells` are those of `record.columns`."""
    return Rows(
        ids.astype(np.int64, copy=False),
        labels.astype(np.int32, copy=False),
        *(one.decode(some) for one, some in zip(record.columns.values(), cells, strict=True)),
    )


def pad(array: npt.NDArray[Any], size: int, value: int = 0) -> npt.NDArray[Any]:
    """An array (N, ...) extended to `size` rows of `value`; texts are extended with empty texts."""
    missing = size - len(array)
    return np.concatenate([array, padding(array, missing, value)]) if missing else array


def padding(array: npt.NDArray[Any], rows: int, value: int = 0) -> npt.NDArray[Any]:
    """Padding rows (rows, ...) of the type and shape of `array`, filled with `value` or empty texts."""
    fill = "" if array.dtype.kind in "OU" else value
    return np.full((rows, *array.shape[1:]), fill, array.dtype)


def stored_batch(rows: Rows, record: Record, noise: Mapping[str, Any], *, size: int) -> Arrays:
    """A batch in the form of `sparkgen.models.contract`, but with stored records.

    Args:
        rows: N, at most `size`; what is missing is padding of weight 0 and id -1.
        record: what they are.
        noise: of the rows, by name: (N, ...).
        size: rows of the batch.
    """
    return {
        **{name: pad(column, size) for name, column in rows.columns(record).items()},
        "id": pad(rows.id, size, PADDING_ID),
        "weight": pad(np.ones(len(rows.id), np.float32), size),
        "noise": {name: pad(values, size) for name, values in noise.items()},
    }


def make_batch(
    rows: Rows,
    record: Record,
    noise: Mapping[str, NoiseSpec],
    *,
    seed: int,
    stream: Stream = Stream.EVALUATE,
    epoch: int = 0,
    size: int | None = None,
) -> Arrays:
    """Rows as a batch of NumPy arrays, in the form of `sparkgen.models.contract`.

    Args:
        rows: N of them.
        record: what they are.
        noise: of a row, by name: a function of seed, stream, epoch and the row's id.
        size: rows of the batch, N or more; None: N.
    """
    drawn = row_noises(noise, rows.id.tolist(), seed=seed, stream=stream, epoch=epoch)
    batch = stored_batch(rows, record, drawn, size=len(rows.id) if size is None else size)
    return {**batch, **seen_columns(batch, record)}


def seen_columns(
    batch: Mapping[str, Any], record: Record, cast: Callable[[Any, str], Any] = np.ndarray.astype
) -> Arrays:
    """The columns of a stored batch as a model sees them: arrays, or tensors with their `cast`."""
    return {name: one.to_model(batch[name], cast) for name, one in record.columns.items()}


def batches_of(rows: Rows, size: int) -> Iterator[Rows]:
    """The rows in their order, in parts of `size` rows; the last part can be smaller."""
    for start in range(0, len(rows.id), size):
        yield rows.take(slice(start, start + size))
