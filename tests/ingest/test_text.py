"""Blocks of lines: the same cut whichever way a file is read."""

import bz2
import gzip
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkgen.ingest import text
from sparkgen.ingest.libsvm_line import Rule
from sparkgen.ingest.text import line_blocks, read_block, text_slices

RULE = Rule(width=4, classes=10)


@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=60))
def test_a_stream_and_an_open_file_give_the_same_blocks(lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    streamed = list(line_blocks(BytesIO(data), 64, read_bytes=7))
    file = pa.BufferReader(data)
    count = -(-len(data) // 64)
    placed = [read_block(file, number, 64) for number in range(count)]
    assert b"".join(streamed) == data
    assert [b for b in placed if b] == [b for b in streamed if b]
    assert placed[: len(streamed)] == streamed[:count]
    assert all(block.endswith(b"\n") for block in streamed[:-1] if block)


@pytest.mark.parametrize("tasks", [1, 2, 5])
@pytest.mark.parametrize("suffix", [".txt", ".txt.gz", ".txt.bz2"])
def test_the_slices_of_a_file_hold_every_row_once(tmp_path: Path, suffix: str, tasks: int) -> None:
    rows = 3 * text.BLOCK_BYTES // 100
    lines = b"".join(b"%d 1:%d #%s\n" % (i % 10, i % 256, b"." * 85) for i in range(rows))
    pack = {".txt": bytes, ".txt.gz": gzip.compress, ".txt.bz2": bz2.compress}[suffix]
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(pack(lines))
    size = path.stat().st_size
    slices = text_slices("train", 0, str(path), size=size, rule=RULE, tasks=tasks)
    blocks = sorted((b.number, b.records) for s in slices for b in s.blocks())
    labels = [label for _, records in blocks for label in records.labels.tolist()]
    assert labels == [i % 10 for i in range(rows)]
    assert sum(records.length for _, records in blocks) == rows
