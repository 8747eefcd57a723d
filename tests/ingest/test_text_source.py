"""Text as blocks of bytes: every byte is there, and nobody sees how many tasks cut it."""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkgen.config.dataset import DatasetConfig
from sparkgen.datasets.manifest import read_manifest
from sparkgen.datasets.records import DataSpec, TokenRecord
from sparkgen.errors import IngestError, RequestError
from sparkgen.ingest.job import ingest
from sparkgen.ingest.sources import source_of, text

PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}


def config(path: Path | str, **changes: Any) -> DatasetConfig:
    values = {"name": "letters", "record": "tokens", "shape": [5], "lanes": 2, **changes}
    return DatasetConfig.model_validate(
        {"source": {"format": "text", "train": str(path)}, **values}
    )


def tokens(path: Path, *, tasks: int = 1, length: int = 4) -> np.ndarray:
    """The records of a file in their order."""
    dataset = config(path, shape=[length + 1])
    source = source_of(dataset)
    work = source.shares(dataset, source.files(dataset), tasks=tasks, scratch="")
    blocks = [block for share in work.shares for block in share.blocks()]
    blocks.sort(key=lambda block: block.number)
    assert len({block.number for block in blocks}) == len(blocks)
    return np.concatenate([np.zeros((0, length + 1), np.uint8), *(b.records.data for b in blocks)])


def expected(data: bytes, length: int) -> list[bytes]:
    starts = range(0, max(len(data) - 1, 1), length) if data else ()
    return [data[i : i + length + 1].ljust(length + 1, b"\0") for i in starts]


@given(st.binary(max_size=80), st.integers(1, 9), st.integers(1, 5))
def test_a_stream_and_a_file_give_the_same_blocks(data: bytes, length: int, many: int) -> None:
    stride = length * many
    found = list(text.windows(io.BytesIO(data), stride))
    assert found == [
        data[i : i + stride + 1] for i in (range(0, max(len(data) - 1, 1), stride) if data else ())
    ]
    records = [row.tobytes() for part in found for row in text.records_of(part, length).data]
    assert records == expected(data, length)


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("size", [0, 1, 2, 5, 6, 400, 401, 402, 5000])
def test_no_number_of_tasks_changes_the_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, size: int
) -> None:
    monkeypatch.setattr(text, "BLOCK_RECORDS", 10)
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    path = tmp_path / f"text{suffix}"
    path.write_bytes(PACK[suffix](data))
    for tasks in (1, 2, 7):
        assert [row.tobytes() for row in tokens(path, tasks=tasks)] == expected(data, 4)


def test_a_damaged_stream_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress(bytes(1000))[:-9])
    with pytest.raises(IngestError, match=rf"^{path} cannot be read: "):
        tokens(path)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"values": 300}, "since tokens are bytes"),
        ({"shape": [1]}, "found 256 and [1]"),
        ({"shape": [2, 2]}, "the shape of tokens must be [length], found [2, 2]"),
        ({"record": "image", "shape": [2, 2, 1]}, "tokens as dataset.record"),
        ({"invert": True}, "dataset.invert false for tokens"),
        ({"class_names": ["a", "b"]}, "no dataset.class_names and no dataset.labels"),
        ({"labels": [0]}, "no dataset.class_names and no dataset.labels"),
    ],
)
def test_what_has_no_meaning_for_text_is_refused(changes: dict, line: str) -> None:
    with pytest.raises(RequestError) as error:
        source_of(config("x", **changes))
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_a_version_of_text_is_the_bytes_of_its_files(spark: Any, tmp_path: Path) -> None:
    first, second = b"To be, or not to be, that is the question.", b"Whether \xff\x00 'tis nobler"
    (tmp_path / "a.txt").write_bytes(first)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(second))
    out = str(tmp_path / "out")
    dataset = config(f"{tmp_path}/*.txt*", validation_fraction=0.0)
    manifest = ingest(spark, dataset, datasets_uri=out)
    folder = tmp_path / "out" / "letters" / manifest.version
    assert read_manifest(str(folder)) == manifest
    assert (manifest.format_version, manifest.record, manifest.shape) == (2, "tokens", (5,))
    assert manifest.spec == DataSpec(TokenRecord((5,)), 1)
    parts = [pq.read_table(folder / f.path) for f in manifest.splits["train"].files]
    rows = pa.concat_tables(parts).sort_by("id")
    assert rows.column_names == ["id", "label", "tokens"]
    assert rows["tokens"].to_pylist() == expected(first, 4) + expected(second, 4)
    assert set(rows["label"].to_pylist()) == {0}
    assert manifest.unused == {}
    assert ingest(spark, dataset, datasets_uri=out) == manifest
