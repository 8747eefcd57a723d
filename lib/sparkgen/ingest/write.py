"""Sorts the rows of each file and writes them as Parquet: the same rows make the same bytes."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sparkgen.datasets.record import Record
from sparkgen.datasets.storage import write_bytes
from sparkgen.ingest.copies import DIGEST, HeldOut, count_copies
from sparkgen.ingest.layout import FILE, ORDER, Layout

COUNTED_ROWS = 1 << 14  # at a time


class WrittenFile(NamedTuple):
    """A file that was written; `path` is relative to the version's folder."""

    folder: str
    path: str
    rows: int
    bytes: int
    sha256: str
    label_counts: dict[int, int]
    copies: dict[str, int]
    texts: dict[str, int]


def files_of(rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """The sorted rows of each file, from rows with the columns `FILE` and `ORDER`, which are dropped."""
    files = rows[FILE].to_numpy()
    sequence = np.lexsort((rows[ORDER].to_numpy(), files))
    rows = rows.drop_columns([FILE, ORDER]).combine_chunks().take(sequence)
    numbers, starts = np.unique(files[sequence], return_index=True)
    for number, start, end in zip(numbers, starts, [*starts[1:], len(rows)], strict=True):
        yield int(number), rows.slice(start, end - start)


def write_file(
    folder: str, layout: Layout, number: int, rows: pa.Table, held: HeldOut
) -> WrittenFile:
    """Writes one file as one row group.

    Args:
        folder: URI of the version's staging folder.
        layout: of the version.
        number: of the file, among all.
        rows: in their order; good ones with the column `DIGEST`, which is not written.
        held: the digests of the splits that are held out.
    """
    output = layout.output(number)
    copies: dict[str, int] = {}
    if DIGEST in rows.column_names:
        copies = count_copies(output.folder, rows[DIGEST].to_numpy(), held)
        rows = rows.drop_columns([DIGEST])
    table = rows.cast(layout.schema(output))
    data = _parquet(table)
    path = f"{output.folder}/part-{number - output.first:05d}.parquet"
    write_bytes(f"{folder}/{path}", data)
    counts: dict[int, int] = {}
    if "label" in table.column_names:
        labels, numbers = np.unique(table["label"].to_numpy(), return_counts=True)
        counts = {int(k): int(n) for k, n in zip(labels, numbers, strict=True)}
    digest = hashlib.sha256(data).hexdigest()
    texts = _texts(table, layout.record) if layout.record.kind in table.column_names else {}
    return WrittenFile(output.folder, path, len(table), len(data), digest, counts, copies, texts)


def _texts(table: pa.Table, record: Record) -> dict[str, int]:
    """How many tokens the rows have but for the first of each, which no model predicts, and their text.

    Where neighbouring rows share a token, each token but the first of the text is counted once.
    """
    if record.tokenizer is None:
        return {}
    characters, of_bytes = record.tokenizer.widths
    counts = np.zeros(3, np.int64)
    for some in table.select([record.kind]).to_batches(COUNTED_ROWS):
        tokens = record.decode(some.column(0))[:, 1:]
        each = np.bincount(tokens.reshape(-1), minlength=len(characters))
        counts += each[:-1].sum(), each @ characters, each @ of_bytes
    return dict(zip(("tokens", "characters", "bytes"), counts.tolist(), strict=True))


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    # Records hardly ever repeat, so a dictionary of them is work for nothing.
    pq.write_table(
        table,
        sink,
        row_group_size=max(len(table), 1),
        compression="snappy",
        use_dictionary=False,
        write_statistics=False,
    )
    return sink.getvalue().to_pybytes()
