"""Reads encoded pictures from Parquet files: blocks of rows, each task some of them.

The driver reads only the footers, and the labels where nothing else says which classes there are. A
block is a run of rows of one row group. Parquet can be read from the beginning of a row group only, so a
task that begins further on reads the rows before as well, and drops them: that costs little beside
the decoding of pictures.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import groupby, islice
from typing import Any, NamedTuple
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from sparkgen.datasets.storage import is_remote, open_uri
from sparkgen.errors import IngestError, RequestError
from sparkgen.ingest.archives import MOST_BYTES
from sparkgen.ingest.block import Block, block_rows
from sparkgen.ingest.decode import ImageRule
from sparkgen.ingest.pictures import Picture, decode_pictures
from sparkgen.ingest.table_columns import NULL, UNKNOWN, Classes, Columns, plain_labels

BLOCK_ROWS = 1024
BATCH_BYTES = 16 << 20  # of cells that are in memory at once, about
BUFFER_BYTES = 1 << 20  # that are read ahead of a column
MOST_READERS = 8  # of one row group; more would only read the same rows once more
THREADS = 32  # that wait for storage

# What Arrow raises over damaged files: ValueError where names in them are no UTF-8.
_DAMAGE = (OSError, ValueError, pa.ArrowException)
REASONS = {NULL: "null-label", UNKNOWN: "unknown-label"}
"""Why a row of such a label is bad."""


class Cut(NamedTuple):
    """A block of a file: `rows` rows of a row group, after the first `skip` ones."""

    group: int
    skip: int
    rows: int


class Part(NamedTuple):
    """Blocks of a Parquet file, which is a source file or holds rows of one.

    `number` is that of the first block in the source file. `folder` is where the paths in cells begin;
    None: they have no meaning.
    """

    split: str
    file: int
    uri: str
    columns: Columns
    cuts: tuple[Cut, ...]
    number: int = 0
    folder: str | None = None


class TableShare(NamedTuple):
    """Some blocks of some files."""

    parts: tuple[Part, ...]
    classes: Classes
    rule: ImageRule

    def blocks(self) -> Iterator[Block]:
        for part in self.parts:
            with readable_parquet(part.uri), opened_parquet(part.uri) as file:
                rows = self.rows(part, file)
                for number, cut in enumerate(part.cuts, part.number):
                    some = islice(rows, cut.rows)
                    records = decode_pictures(some, self.rule, most=cut.rows, uri=part.uri)
                    if records.length != cut.rows:
                        raise IngestError(f"{part.uri} ends before the last row that it declares")
                    yield Block(part.split, part.file, number, records)

    def rows(self, part: Part, file: pq.ParquetFile) -> Iterator[Picture]:
        """The rows of all blocks of a part, one after the other."""
        for group, cuts in groupby(part.cuts, lambda cut: cut.group):
            first, *_ = found = list(cuts)
            left = first.skip
            batches = file.iter_batches(
                first.rows, [group], columns=part.columns.read, use_threads=False
            )
            within = (n for cut in found for n in range(cut.rows))
            for batch in batches:
                if left >= len(batch):
                    left -= len(batch)
                    continue
                rows = self._pictures(part, batch.slice(left), within)
                left = 0
                yield from rows

    def _pictures(
        self, part: Part, batch: pa.RecordBatch, within: Iterator[int]
    ) -> Iterator[Picture]:
        """The rows of a batch, as many as there are positions in blocks left."""
        cells, paths = _cells(batch.column(part.columns.image), part.columns)
        column = batch.column(part.columns.label) if part.columns.label else None
        labels = self.classes.labels_of(column, len(batch)).tolist()
        for cell, path, label, position in zip(cells, paths, labels, within, strict=False):
            reason = REASONS.get(label)
            if cell is None:
                cell, missing = _file(part.folder, path)
                reason = reason or missing
            yield Picture(position, label, cell, reason)


def table_shares(
    parts: Sequence[Part], classes: Classes, rule: ImageRule, *, tasks: int
) -> list[TableShare]:
    """The blocks of all parts, divided into about two shares for each of `tasks`."""
    rows = sum(cut.rows for part in parts for cut in part.cuts)
    groups = len({(part.uri, cut.group) for part in parts for cut in part.cuts})
    most = max(1, min(2 * tasks, MOST_READERS * groups))
    share_rows = max(1, -(-rows // most))
    shares: dict[int, list[Part]] = {}
    before = 0
    for part in parts:
        for n, cut in enumerate(part.cuts):
            ours = shares.setdefault(before // share_rows, [])
            if ours and ours[-1].uri == part.uri and n:
                ours[-1] = ours[-1]._replace(cuts=(*ours[-1].cuts, cut))
            else:
                ours.append(part._replace(number=part.number + n, cuts=(cut,)))
            before += cut.rows
    return [TableShare(tuple(ours), classes, rule) for ours in shares.values()]


def read_footers(
    uris: Sequence[str], rule: ImageRule, find: Callable[[pa.Schema, str], Columns]
) -> list[tuple[Columns, tuple[Cut, ...]]]:
    """The columns and the blocks of each file, by its footer alone.

    Args:
        uris: of the files.
        rule: how pictures are decoded.
        find: gives the columns of a schema and a URI.

    Raises:
        RequestError: one is no Parquet file, or has no such columns.
    """

    def read(uri: str) -> tuple[Columns, tuple[Cut, ...]]:
        with opened_parquet(uri) as file, _whole(uri):
            columns = find(file.schema_arrow, uri)
            return columns, _cuts(file.metadata, columns, rule)

    with ThreadPoolExecutor(THREADS) as readers:
        return list(readers.map(read, uris))


def distinct_labels(parts: Sequence[Part]) -> Iterator[pa.Array]:
    """The distinct labels of each part that has labels.

    Raises:
        IngestError: one cannot be read.
    """

    def read(part: Part) -> pa.Array:
        columns = [part.columns.label]
        with readable_parquet(part.uri), opened_parquet(part.uri) as file:
            batches = file.iter_batches(1 << 16, columns=columns, use_threads=False)
            found = [pc.unique(plain_labels(batch.column(0))) for batch in batches]
            return pc.unique(pa.concat_arrays(found)) if found else pa.array([], pa.int64())

    with ThreadPoolExecutor(THREADS) as readers:
        yield from readers.map(read, [part for part in parts if part.columns.label])


@contextmanager
def opened_parquet(uri: str) -> Iterator[pq.ParquetFile]:
    """A Parquet file whose columns are read as they are needed, not all at once.

    Raises:
        RequestError: it is none, is encrypted, or its footer is damaged.
    """
    filesystem, path = open_uri(uri)
    with _whole(uri):
        raw = filesystem.open_input_file(path)
    with raw:
        with _whole(uri):
            file = pq.ParquetFile(raw, buffer_size=BUFFER_BYTES)
        yield file


@contextmanager
def readable_parquet(uri: str) -> Iterator[None]:
    """Gives what goes wrong inside the file's name: an `IngestError`."""
    try:
        yield
    except _DAMAGE as error:
        raise IngestError(f"{uri} cannot be read: {_line(error)}") from error


@contextmanager
def _whole(uri: str) -> Iterator[None]:
    """Refuses a file of which Arrow cannot read the footer."""
    try:
        yield
    except _DAMAGE as error:
        raise RequestError(
            f"a whole Parquet file that is not encrypted at {uri}",
            found=_line(error),
            mend="write or download it again, or correct the dataset's source",
        ) from None


def _cells(column: pa.Array, columns: Columns) -> tuple[list[bytes | None], list[str | None]]:
    """The bytes and the path of each row; None where there are none."""
    paths: list[str | None] = [None] * len(column)
    if columns.is_struct:
        fields = dict(zip((f.name for f in column.type), column.flatten(), strict=True))
        cells = fields["bytes"]
        if columns.has_path and cells.null_count:
            paths = fields["path"].to_pylist()
    else:
        cells = column
    return cells.to_numpy(zero_copy_only=False).tolist(), paths


def _file(folder: str | None, path: str | None) -> tuple[bytes, str | None]:
    """The bytes of the file that a cell names in place of its own, or the reason against it."""
    if folder is None or not path:
        return b"", "null-image"
    if path.startswith("/") or "://" in path or ".." in path.replace("\\", "/").split("/"):
        return b"", "path-escape"
    filesystem, whole = open_uri(f"{folder}/{quote(path) if is_remote(folder) else path}")
    info = filesystem.get_file_info(whole)
    if info.type != fs.FileType.File:
        return b"", "missing-file"
    if info.size > MOST_BYTES:
        return b"", "decompression-bomb"
    try:
        with filesystem.open_input_stream(whole, compression=None) as stream:
            return bytes(stream.read()), None
    except OSError:
        return b"", "unreadable-file"


def _cuts(metadata: Any, columns: Columns, rule: ImageRule) -> tuple[Cut, ...]:
    """The blocks of a file, which depend on it and on the size of decoded pictures alone."""
    most, cuts = block_rows(BLOCK_ROWS, math.prod(rule.shape)), []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        rows = min(most, _batch_rows(group, columns.image))
        cuts += [
            Cut(number, skip, min(rows, group.num_rows - skip))
            for skip in range(0, group.num_rows, rows)
        ]
    return tuple(cuts)


def _batch_rows(group: Any, image: str) -> int:
    """The rows of a row group whose pictures take about `BATCH_BYTES` together."""
    columns = (group.column(n) for n in range(group.num_columns))
    size = sum(
        column.total_uncompressed_size
        for column in columns
        if f"{column.path_in_schema}.".startswith(f"{image}.")
    )
    return max(1, int(group.num_rows * BATCH_BYTES / max(size, 1)))


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
