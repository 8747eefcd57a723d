"""Records dealt to files: each of them once, with its own bytes, whoever writes which file."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkgen.datasets.records import ImageRecord, Record
from sparkgen.ingest.block import Bad, Block, Records
from sparkgen.ingest.deal import Filter, deal, encode_block
from sparkgen.ingest.layout import FILE, ORDER, Cut, Layout, Summary, make_layout
from sparkgen.ingest.write import files_of

ALL = Filter(labels=None, invert=False)
IMAGE = ImageRecord((2, 1, 1))


class Wide(Record):
    """Three numbers of 16 bits."""

    kind = "wide"
    model_dtype = "int32"
    suffix = ".txt"

    def to_stored(self, data: Any) -> Any:
        return data

    def draw(self, data: Any, path: Any, *, title: str = "") -> None:
        Path(path).write_text(str(data))

    def draw_pairs(self, given: Any, made: Any, path: Any, *, title: str = "") -> None:
        Path(path).write_text(str((given, made)))


WIDE = Wide((3,), 1000)
SIZES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=6)
"""Of each block its good and its bad records."""


def block(number: int, good: int, bad: int, record: Record, split: str = "train") -> Block:
    """Record i of block n has the label i % 3, and spells n and i."""
    data = np.zeros((good, record.size), record.dtype)
    data[:, 0], data[:, 1] = number, np.arange(good)
    labels = (np.arange(good) % 3).astype(np.int32)
    wrong = [Bad(good + k, "wrong", b"%d:%d" % (number, k)) for k in range(bad)]
    return Block(split, 0, number, Records(labels, data, wrong, good + bad))


def laid_out(
    sizes: list[tuple[int, int]], record: Record, keep: Filter = ALL, limit: int | None = None
) -> tuple[pa.Table, Layout]:
    batches = [encode_block(block(n, *size, record), keep) for n, size in enumerate(sizes)]
    blocks = pa.Table.from_batches(batches)
    summaries = [Summary.from_json(text) for text in blocks["summary"].to_pylist()]
    cut = Cut(record, 2, None, 3, 0.2, limit, seed=1)
    return blocks, make_layout(summaries, cut)


def rows_of(dealt: list[pa.RecordBatch]) -> list[dict[str, Any]]:
    return [row for batch in dealt for row in batch.to_pylist()]


@pytest.mark.parametrize("record", [IMAGE, WIDE], ids=["bytes", "16 bits"])
@given(sizes=SIZES, tasks=st.integers(1, 5), limit=st.none() | st.integers(1, 20))
def test_every_record_that_stays_is_dealt_once_with_its_bytes(
    record: Record, sizes: list[tuple[int, int]], tasks: int, limit: int | None
) -> None:
    blocks, layout = laid_out(sizes, record, limit=limit)
    good, bad = deal(blocks, layout, {"train": ["rows.txt"]}, tasks)
    spelt = [(n, i) for n, (rows, _) in enumerate(sizes) for i in range(rows)]
    rows = rows_of(good)
    assert len(rows) == layout.rows["train"] == min(len(spelt), limit or len(spelt))
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        number, i = spelt[row["id"]]
        stored = record.decode([row[record.kind]])[0].reshape(-1)
        assert stored.tolist() == [number, i, *[0] * (record.size - 2)]
        assert row["label"] == i % 3
    for found in (good, bad):
        assert len(found) in (0, tasks)
        for task, batch in enumerate(found):
            assert all(number % tasks == task for number in batch[FILE].to_pylist())
    lines = [n for n, (rows, wrong) in enumerate(sizes) for _ in range(wrong)]
    assert sorted(row[ORDER] for row in rows_of(bad)) == list(range(len(lines)))
    before = [sum(map(sum, sizes[:n])) for n in range(len(sizes))]
    for row in rows_of(bad):
        number, k = (int(part) for part in row["record"].split(b":"))
        assert int(row["position"]) == before[number] + sizes[number][0] + k + 1
        assert (row["split"], row["source"], row["reason"]) == ("train", "rows.txt", "wrong")


@given(sizes=SIZES, tasks=st.integers(2, 5))
def test_the_number_of_tasks_changes_no_file(sizes: list[tuple[int, int]], tasks: int) -> None:
    blocks, layout = laid_out(sizes, IMAGE)

    def files(many: int) -> dict[int, list[dict[str, Any]]]:
        good, _ = deal(blocks, layout, {"train": ["rows.txt"]}, many)
        return {
            number: table.to_pylist()
            for batch in good
            if len(batch)
            for number, table in files_of(pa.Table.from_batches([batch]))
        }

    written = files(1)
    assert files(tasks) == written
    sizes_written = [len(rows) for number, rows in sorted(written.items())]
    outputs = [o for o in layout.outputs.values() if o.folder != "quarantine"]
    assert len(sizes_written) == sum(o.files for o in outputs)
    assert sum(sizes_written) == sum(good for good, _ in sizes)


@given(sizes=SIZES, labels=st.sets(st.integers(0, 2), min_size=1))
def test_a_filter_leaves_its_labels_and_inverts_every_level(
    sizes: list[tuple[int, int]], labels: set[int]
) -> None:
    keep = Filter(tuple(labels), invert=True)
    blocks, layout = laid_out(sizes, IMAGE, keep)
    rows = rows_of(deal(blocks, layout, {"train": ["rows.txt"]}, 1)[0])
    rows.sort(key=lambda row: row["id"])
    spelt = [(n, i) for n, (rows, _) in enumerate(sizes) for i in range(rows) if i % 3 in labels]
    assert [row["image"] for row in rows] == [bytes([255 - n, 255 - i]) for n, i in spelt]
    assert [row["label"] for row in rows] == [i % 3 for _, i in spelt]
    summaries = [Summary.from_json(text) for text in blocks["summary"].to_pylist()]
    assert [s.good for s in summaries] == [good for good, _ in sizes]
