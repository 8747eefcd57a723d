"""Blocks of lines: the same cut whichever way a file is read."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkgen.errors import IngestError
from sparkgen.ingest.block import Records
from sparkgen.ingest.libsvm.line import LineRule
from sparkgen.ingest.libsvm.lines import BLOCK_BYTES, line_blocks, line_shares, read_block
from sparkgen.ingest.libsvm.parse import joined

RULE = LineRule(width=4, classes=10)
PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".XZ": lambda data: lzma.compress(data, preset=0),
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}
ROWS = b"1 1:1\n2 2:2\n"


def read(path: Path, data: bytes) -> Records:
    path.write_bytes(data)
    shares = line_shares("train", 0, str(path), size=len(data), rule=RULE, tasks=1)
    return joined((block.records for s in shares for block in s.blocks()), RULE)


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
@pytest.mark.parametrize("suffix", [".txt", *PACK])
def test_the_shares_of_a_file_hold_every_row_once(tmp_path: Path, suffix: str, tasks: int) -> None:
    rows = 3 * BLOCK_BYTES // 1000
    lines = b"".join(b"%d 1:%d #%s\n" % (i % 10, i % 256, b"." * 985) for i in range(rows))
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(PACK.get(suffix, bytes)(lines))
    size = path.stat().st_size
    shares = line_shares("train", 0, str(path), size=size, rule=RULE, tasks=tasks)
    blocks = sorted((b.number, b.records) for s in shares for b in s.blocks())
    labels = [label for _, records in blocks for label in records.labels.tolist()]
    assert labels == [i % 10 for i in range(rows)]
    assert sum(records.length for _, records in blocks) == rows


@pytest.mark.parametrize("suffix", PACK)
def test_compressed_streams_in_a_row_are_read_whole(tmp_path: Path, suffix: str) -> None:
    packed = PACK[suffix](ROWS)
    assert read(tmp_path / f"rows{suffix}", packed * 3).labels.tolist() == [1, 2] * 3


@pytest.mark.parametrize("suffix", PACK)
def test_a_file_cut_short_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    with pytest.raises(IngestError, match=rf"^{path} cannot be read: "):
        read(path, PACK[suffix](ROWS)[:-9])


@pytest.mark.parametrize("suffix", PACK)
def test_bytes_after_the_end_are_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    with pytest.raises(IngestError, match=rf"^{path} cannot be read: "):
        read(path, PACK[suffix](ROWS) + b"garbage")


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    shares = line_shares("train", 0, f"{tmp_path}/gone.txt", size=9, rule=RULE, tasks=1)
    with pytest.raises(IngestError, match=r"gone\.txt cannot be read: .*No such file"):
        list(shares[0].blocks())


@pytest.mark.parametrize("suffix", [".txt", ".gz"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_a_byte_order_mark_and_windows_lines_cost_no_row(
    tmp_path: Path, suffix: str, ending: bytes
) -> None:
    data = b"\xef\xbb\xbf" + ROWS.replace(b"\n", ending).removesuffix(ending)
    records = read(tmp_path / f"rows{suffix}", PACK.get(suffix, bytes)(data))
    assert records.labels.tolist() == [1, 2]
    assert records.data.tolist() == [[1, 0, 0, 0], [0, 2, 0, 0]]
    assert not records.bad
