"""Parts of files gathered, sorted and written as Parquet: the same rows make the same bytes."""

import hashlib
import json
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sparkgen.datasets.records import IMAGE_SCHEMA, QUARANTINE_SCHEMA
from sparkgen.datasets.storage import write_bytes
from sparkgen.ingest.deal import ORDER
from sparkgen.ingest.layout import QUARANTINE, Output


class WrittenFile(NamedTuple):
    """A file of the version; `path` is relative to it."""

    folder: str
    path: str
    rows: int
    bytes: int
    sha256: str
    label_counts: dict[str, int]

    def to_json(self) -> str:
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str) -> "WrittenFile":
        return cls(**json.loads(text))


def gathered(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, pa.Table]]:
    """The rows of each file, of batches sorted by `file`."""
    current: int | None = None
    parts: list[pa.Table] = []
    for batch in batches:
        for file, rows in zip(batch.column("file").to_pylist(), batch.column("rows"), strict=True):
            if parts and file != current:
                yield int(current or 0), pa.concat_tables(parts)
                parts = []
            current = file
            parts.append(pa.ipc.open_stream(rows.as_buffer()).read_all())
    if parts:
        yield int(current or 0), pa.concat_tables(parts)


def write_file(folder: str, output: Output, number: int, rows: pa.Table) -> WrittenFile:
    """Writes one file, rows by their order, as one row group.

    Args:
        folder: URI of the version's staging folder.
        output: the files that it belongs to.
        number: of the file, among all.
        rows: with the column `ORDER`.
    """
    schema = QUARANTINE_SCHEMA if output.folder == QUARANTINE else IMAGE_SCHEMA
    order = np.argsort(rows[ORDER].to_numpy(), kind="stable")
    table = rows.drop_columns([ORDER]).combine_chunks().take(order).cast(schema)
    data = _parquet(table)
    path = f"{output.folder}/part-{number - output.first:05d}.parquet"
    write_bytes(f"{folder}/{path}", data)
    counts: dict[str, int] = {}
    if "label" in table.column_names:
        labels, numbers = np.unique(table["label"].to_numpy(), return_counts=True)
        counts = {str(k): int(n) for k, n in zip(labels, numbers, strict=True)}
    digest = hashlib.sha256(data).hexdigest()
    return WrittenFile(output.folder, path, len(table), len(data), digest, counts)


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    # Pictures hardly ever repeat, so a dictionary of them is work for nothing.
    pq.write_table(
        table,
        sink,
        row_group_size=max(len(table), 1),
        compression="snappy",
        use_dictionary=False,
        write_statistics=False,
    )
    return sink.getvalue().to_pybytes()
