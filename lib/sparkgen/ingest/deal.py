"""Blocks as rows of a data frame, and their records dealt to the files of the version."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sparkgen.datasets.records import QUARANTINE_SCHEMA, RAW_BYTES
from sparkgen.ingest.block import Bad, Block
from sparkgen.ingest.layout import Layout, Summary

PARTS = "file int, rows binary"
ORDER = "order"  # the column by which the rows of a file are sorted before it is written

_BAD = pa.schema(
    [
        ("position", pa.int64()),
        ("member", pa.string()),
        ("reason", pa.string()),
        ("record", pa.binary()),
    ]
)


class Filter(NamedTuple):
    """What happens to good records after parsing: which labels stay, whether to invert."""

    labels: tuple[int, ...] | None
    invert: bool


class _Dealt(NamedTuple):
    """Rows, and the file that each goes to."""

    files: npt.NDArray[np.int64]
    rows: pa.Table


def encode_block(block: Block, keep: Filter) -> pa.RecordBatch:
    """A block as one row: its summary, and the records that stay."""
    labels, pixels, bad, length = block.records
    good = len(labels)
    if keep.labels is not None:
        stays = np.isin(labels, keep.labels)
        labels, pixels = labels[stays], pixels[stays]
    if keep.invert:
        pixels = np.invert(pixels)
    summary = Summary(
        block.split,
        block.file,
        block.number,
        length=length,
        rows=len(labels),
        good=good,
        reasons=dict(Counter(b.reason for b in bad)),
        needs=max((b.needs for b in bad), default=0),
    )
    binaries = (labels.tobytes(), pixels.tobytes(), _encode_bad(bad))
    columns = [pa.array([summary.to_json()]), *(pa.array([b], pa.binary()) for b in binaries)]
    return pa.record_batch(columns, names=["summary", "labels", "pixels", "bad"])


def parts_of_files(
    batch: pa.RecordBatch, layout: Layout, names: dict[str, list[str]]
) -> Iterator[pa.RecordBatch]:
    """The records of encoded blocks, a row for each file that some of them go to."""
    good, bad = [], []
    for row in range(batch.num_rows):
        summary, labels, pixels, wrong = (column[row] for column in batch.columns)
        block = Summary.from_json(summary.as_py())
        if block.rows:
            good.append(_images(block, labels.as_buffer(), pixels.as_buffer(), layout))
        if block.bad:
            name = names[block.split][block.file]
            bad.append(_quarantined(block, name, _from_ipc(wrong.as_buffer()), layout))
    yield from _cut(good)
    yield from _cut(bad)


def _images(block: Summary, labels: pa.Buffer, pixels: pa.Buffer, layout: Layout) -> _Dealt:
    place = layout.places[block.split, block.file, block.number]
    count = max(0, min(block.rows, layout.rows[block.split] - place.first_id))
    ids = place.first_id + np.arange(count, dtype=np.int64)
    files, orders = layout.place(block.split, ids)
    width = pixels.size // block.rows
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    images = pa.BinaryArray.from_buffers(
        pa.binary(), count, [None, pa.py_buffer(offsets), pixels.slice(0, count * width)]
    )
    columns = {
        ORDER: orders,
        "id": ids,
        "label": np.frombuffer(labels, np.int32, count),
        "image": images,
    }
    return _Dealt(files, pa.table(columns))


def _quarantined(block: Summary, name: str, bad: pa.Table, layout: Layout) -> _Dealt:
    place = layout.places[block.split, block.file, block.number]
    ordinals = place.first_bad + np.arange(len(bad), dtype=np.int64)
    positions = [
        member if line is None else str(place.first_position + line + 1)
        for line, member in zip(bad["position"].to_pylist(), bad["member"].to_pylist(), strict=True)
    ]
    columns = [
        ordinals,
        pa.array([block.split] * len(bad)),
        pa.array([name] * len(bad)),
        pa.array(positions, pa.string()),
        bad["reason"],
        bad["record"],
    ]
    return _Dealt(
        layout.place_bad(ordinals), pa.table(columns, names=[ORDER, *QUARANTINE_SCHEMA.names])
    )


def _cut(dealt: list[_Dealt]) -> Iterator[pa.RecordBatch]:
    files = np.concatenate([np.zeros(0, np.int64), *(d.files for d in dealt)])
    if not len(files):  # no records, or all of them beyond the limit
        return
    by_file = np.argsort(files, kind="stable")
    rows = pa.concat_tables([d.rows for d in dealt]).combine_chunks().take(by_file)
    numbers, starts = np.unique(files[by_file], return_index=True)
    ends = np.append(starts[1:], len(files))
    for number, start, end in zip(numbers, starts, ends, strict=True):
        part = _to_ipc(rows.slice(start, end - start))
        columns = [pa.array([number], pa.int32()), pa.array([part], pa.binary())]
        yield pa.record_batch(columns, names=["file", "rows"])


def _encode_bad(bad: list[Bad]) -> bytes:
    rows = [
        {
            "position": b.position if isinstance(b.position, int) else None,
            "member": b.position if isinstance(b.position, str) else None,
            "reason": b.reason,
            "record": b.record[:RAW_BYTES],
        }
        for b in bad
    ]
    return _to_ipc(pa.Table.from_pylist(rows, schema=_BAD))


def _to_ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _from_ipc(data: Any) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()
