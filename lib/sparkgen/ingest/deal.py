"""Encodes blocks as rows of an Arrow table, and assigns their records to the files of the version."""

from collections import Counter
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sparkgen.datasets.captions import encode_captions
from sparkgen.datasets.record import CAPTION
from sparkgen.ingest.block import Bad, Block
from sparkgen.ingest.captions import CaptionRule, from_bytes, summed, to_bytes
from sparkgen.ingest.copies import DIGEST, digests_of
from sparkgen.ingest.layout import (
    FILE,
    NOWHERE,
    ORDER,
    QUARANTINE_SCHEMA,
    RAW_BYTES,
    Layout,
    Summary,
)
from sparkgen.ingest.reach import Reach

Dealt = list[pa.RecordBatch]
"""Rows for each task that writes, with `FILE` and `ORDER`; empty where no task has any."""

_BAD = pa.schema(
    [
        ("position", pa.int64()),
        ("member", pa.string()),
        ("reason", pa.string()),
        ("record", pa.binary()),
    ]
)


class Filter(NamedTuple):
    """The filter of good records after parsing: the labels that are kept, whether to invert, and how
    captions are made.
    """

    labels: tuple[int, ...] | None
    invert: bool
    captions: CaptionRule | None = None


BLOCK_SCHEMA = pa.schema(
    [
        ("summary", pa.string()),
        ("labels", pa.binary()),
        ("data", pa.binary()),
        ("digests", pa.binary()),
        ("captions", pa.binary()),
        ("bad", pa.binary()),
    ]
)


def encode_block(block: Block, keep: Filter) -> pa.RecordBatch:
    """A block as one row: its summary, and the records that the filter keeps with their digests."""
    labels, data, bad, length, seen, documents, captions = block.records
    good = len(labels)
    if keep.labels is not None:
        stays = np.isin(labels, keep.labels)
        labels, data = labels[stays], data[stays]
        captions = None if captions is None else list(compress(captions, stays))
    if keep.invert:
        data = np.invert(data)
    digests, numbers = digests_of(data), None
    if keep.captions is not None:
        everyone = len(labels)
        if keep.captions.config.kind == "drawn":
            captions, stays = keep.captions.drawn(labels, data, digests)
            captions = list(compress(captions, stays))
            labels, data, digests = labels[stays], data[stays], digests[stays]
        captions = captions or [""] * len(labels)
        left_out = everyone - len(labels)
        numbers = summed(captions, keep.captions.config.length, left_out)
    summary = Summary(
        block.split,
        block.file,
        block.number,
        length=length,
        rows=len(labels),
        good=good,
        reasons=dict(Counter(b.reason for b in bad)),
        found=_found(bad),
        seen=seen,
        documents=documents,
        captions=numbers,
    )
    wrong = np.frombuffer(_encode_bad(bad), np.uint8)
    binaries = (labels, data, digests, to_bytes(captions), wrong)
    columns = [pa.array([summary.to_json()]), *(_one_binary(b) for b in binaries)]
    return pa.record_batch(columns, schema=BLOCK_SCHEMA)


def deal(
    blocks: pa.Table, layout: Layout, names: dict[str, list[str]], tasks: int
) -> tuple[Dealt, Dealt]:
    """The good and the bad records of encoded blocks, divided by the task that writes their files.

    Args:
        blocks: of `BLOCK_SCHEMA`.
        layout: made from the summaries of all blocks.
        names: the file names of each source split, for the quarantine.
        tasks: how many write; task `t` writes the files `t`, `t + tasks`, ...
    """
    good, bad = [], []
    for summary, *columns, wrong in zip(*blocks.columns, strict=True):
        block = Summary.from_json(summary.as_py())
        if block.rows:
            buffers = [column.as_buffer() for column in columns]
            good.append(_rows(block, buffers, layout))
        if block.bad:
            name = names[block.split][block.file]
            bad.append(_quarantined(block, name, _from_ipc(wrong.as_buffer()), layout))
    return _by_task(good, tasks), _by_task(bad, tasks)


def _rows(block: Summary, buffers: list[pa.Buffer], layout: Layout) -> pa.Table:
    labels, data, digests, captions = buffers
    record, before = layout.record, layout.before[block.split, block.file, block.number]
    ids = before.first_id + np.arange(block.rows, dtype=np.int64)
    files, orders = layout.assign(block.split, ids)
    columns = {
        FILE: files,
        ORDER: orders,
        DIGEST: np.frombuffer(digests, np.uint64),
        "id": ids,
        "label": np.frombuffer(labels, np.int32),
        record.kind: record.encode(np.frombuffer(data, record.dtype).reshape(block.rows, -1)),
    }
    if record.caption is not None:
        tokens = encode_captions(from_bytes(captions.to_pybytes()), record.caption).tokens
        columns[CAPTION] = record.caption.encode(tokens)
    rows, kept = pa.table(columns), files != NOWHERE
    return rows if kept.all() else rows.filter(pa.array(kept))


def _found(bad: list[Bad]) -> dict[str, Reach]:
    found: dict[str, Reach] = {}
    for b in bad:
        if b.found is not None:
            one = Reach(b.found, b.found)
            found[b.reason] = found.get(b.reason, one).joined(one)
    return found


def _quarantined(block: Summary, name: str, bad: pa.Table, layout: Layout) -> pa.Table:
    before = layout.before[block.split, block.file, block.number]
    ordinals = before.first_bad + np.arange(len(bad), dtype=np.int64)
    positions = [
        member if line is None else str(before.first_position + line + 1)
        for line, member in zip(bad["position"].to_pylist(), bad["member"].to_pylist(), strict=True)
    ]
    columns = [
        layout.assign_bad(ordinals),
        ordinals,
        pa.array([block.split] * len(bad)),
        pa.array([name] * len(bad)),
        pa.array(positions, pa.string()),
        bad["reason"],
        bad["record"],
    ]
    return pa.table(columns, names=[FILE, ORDER, *QUARANTINE_SCHEMA.names])


def _by_task(dealt: list[pa.Table], tasks: int) -> Dealt:
    if not sum(map(len, dealt)):  # no records, or all of them beyond the limit
        return []
    rows = pa.concat_tables(dealt).combine_chunks()
    task_of = rows[FILE].to_numpy() % tasks
    ends = np.cumsum(np.bincount(task_of, minlength=tasks))
    (batch,) = rows.take(np.argsort(task_of, kind="stable")).combine_chunks().to_batches()
    return [
        batch.slice(start, end - start)
        for start, end in zip(np.append(0, ends[:-1]), ends, strict=True)
    ]


def _one_binary(values: npt.NDArray[Any]) -> pa.BinaryArray:
    """The bytes of an array as the only value of a column, not copied."""
    offsets = np.array([0, values.nbytes], np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(values))]
    return pa.BinaryArray.from_buffers(pa.binary(), 1, buffers)


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
