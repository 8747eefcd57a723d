"""What a pass hands to the next is what it was given, however it is divided into files."""

import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sparkgen.ingest import stages
from sparkgen.ingest.block import Block, Records
from sparkgen.ingest.deal import Filter, encode_block


def encoded(number: int, rows: int) -> pa.RecordBatch:
    labels, data = np.zeros(rows, np.int32), np.full((rows, 8), number, np.uint8)
    records = Records(labels, data, [], rows)
    return encode_block(Block("train", 0, number, records), Filter(None, invert=False))


@given(rows=st.lists(st.integers(0, 40), max_size=8), group_bytes=st.integers(1, 2000))
def test_groups_hold_all_blocks_in_their_order(rows: list[int], group_bytes: int) -> None:
    blocks = [encoded(number, many) for number, many in enumerate(rows)]
    with tempfile.TemporaryDirectory() as folder, patch.object(stages, "GROUP_BYTES", group_bytes):
        groups = list(stages._write_groups(iter(blocks), folder))
        read = [batch for group in groups for batch in stages._read_all(group.uri).to_batches()]
        assert len({group.uri for group in groups}) == len(list(Path(folder).iterdir()))
        assert [b.to_pydict() for b in read] == [b.to_pydict() for b in blocks]
    assert [s.number for group in groups for s in group.summaries] == list(range(len(rows)))
    assert [s.rows for group in groups for s in group.summaries] == rows
    for group in groups:  # one block may pass the bound, and only the last does
        last = blocks[group.summaries[-1].number].nbytes
        assert group.bytes - last < group_bytes


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_a_task_reads_its_own_part(sizes: list[int]) -> None:
    schema = pa.schema([("id", pa.int64())])
    parts = [pa.record_batch([[task] * n], schema=schema) for task, n in enumerate(sizes)]
    with tempfile.TemporaryDirectory() as folder:
        uri = stages._write_batches(parts, folder)
        for task, part in enumerate(parts):
            assert stages._read_part(uri, task).to_pydict() == part.to_pydict()
