"""Compressed files as streams: as many bytes as are asked for, whatever chunks they are read in."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sparkgen.ingest.files.compressed import opened

PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lambda data: lzma.compress(data[:99_999]) + lzma.compress(data[99_999:]),
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}


@pytest.mark.parametrize("ending", PACK)
def test_a_stream_gives_fewer_bytes_than_asked_for_at_its_end_only(
    tmp_path: Path, ending: str
) -> None:
    data = np.random.default_rng(0).bytes(400_000)
    path = tmp_path / f"a{ending}"
    path.write_bytes(PACK[ending](data))
    sizes = [1, 70_000, 0, 200_000, 100_000, 50_000, 1]
    with opened(str(path)) as stream:
        parts = [bytes(stream.read(size)) for size in sizes]
    assert [len(part) for part in parts] == [1, 70_000, 0, 200_000, 100_000, 29_999, 0]
    assert b"".join(parts) == data
