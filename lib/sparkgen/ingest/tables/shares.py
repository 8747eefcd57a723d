"""Reads the pictures of Parquet files as blocks, each task some of them.

Parquet can be read from the beginning of a row group only, so a task that begins further on reads the
rows before as well, and drops them: that costs little beside the decoding of pictures.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import NamedTuple
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from sparkgen.datasets.storage import is_remote, open_uri
from sparkgen.errors import IngestError
from sparkgen.ingest.block import Block
from sparkgen.ingest.captions import text_of
from sparkgen.ingest.class_values import UNKNOWN, Classes
from sparkgen.ingest.files.archives import MOST_BYTES
from sparkgen.ingest.images.decode import ImageRule
from sparkgen.ingest.images.pictures import Picture, decode_pictures
from sparkgen.ingest.tables.classes import NULL, labels_of
from sparkgen.ingest.tables.columns import Columns
from sparkgen.ingest.tables.parquet import Cut, opened_parquet, readable_parquet

MOST_READERS = 64  # of one row group, each of which reads it from its beginning

REASONS = {NULL: "null-label", UNKNOWN: "unknown-label"}
"""Why a row of such a label is bad."""


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
        labels = labels_of(column, len(batch), self.classes).tolist()
        said = part.columns.caption
        captions = batch.column(said).to_pylist() if said else [None] * len(batch)
        rows = zip(cells, paths, labels, captions, within, strict=False)
        for cell, path, label, caption, position in rows:
            reason = REASONS.get(label)
            if caption is not None:
                caption, wrong = text_of(caption.encode())
                reason = reason or wrong
            if cell is None:
                cell, missing = _file(part.folder, path)
                reason = reason or missing
            yield Picture(position, label, cell, reason, caption)


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
        owners = []
        for cut in part.cuts:
            owners.append(before // share_rows)
            before += cut.rows
        for owner, found in groupby(range(len(owners)), owners.__getitem__):
            first, *_ = numbers = list(found)
            cuts = part.cuts[first : first + len(numbers)]
            some = part._replace(number=part.number + first, cuts=cuts)
            shares.setdefault(owner, []).append(some)
    return [TableShare(tuple(ours), classes, rule) for ours in shares.values()]


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
