"""Copies across splits: by the bytes of the records, each pair of splits counted once."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_rows import config, lines

from sparkgen.ingest import copies, stages
from sparkgen.ingest.copies import count_copies, digests_of
from sparkgen.ingest.ingest import ingest


@given(st.integers(1, 40), st.sampled_from([np.uint8, np.uint16, np.uint32]), st.integers(0, 9))
def test_equal_records_have_equal_digests_wherever_they_stand(
    size: int, dtype: type, seed: int
) -> None:
    data = np.random.default_rng(seed).integers(0, 200, (12, size)).astype(dtype)
    data[7] = data[2]
    whole = digests_of(data)
    assert whole.dtype == np.uint64
    assert whole[7] == whole[2]
    assert whole[5:9].tolist() == digests_of(data[5:9]).tolist()
    assert digests_of(data[:0]).shape == (0,)


def test_records_that_differ_in_a_few_bits_have_different_digests() -> None:
    """Every record with one bit or two changed, of 64 bytes that are all alike."""
    bits = np.eye(512, dtype=np.uint8)
    flips = [bits, *(bits ^ np.roll(bits, k, axis=1) for k in range(1, 257))]
    data = np.unique(np.packbits(np.concatenate(flips), axis=1), axis=0)
    assert len(data) == 512 + 512 * 511 // 2
    for grey in (0, 127, 255):
        assert len(np.unique(digests_of(data ^ np.uint8(grey)))) == len(data)


def test_each_pair_of_splits_is_counted_once() -> None:
    held = {"test": np.array([1, 5, 9], np.uint64), "validation": np.array([5, 7], np.uint64)}
    rows = np.array([5, 5, 7, 8, 10], np.uint64)
    assert count_copies("train", rows, held) == {"train in test": 2, "train in validation": 3}
    assert count_copies("validation", held["validation"], held) == {"validation in test": 1}
    assert count_copies("test", held["test"], held) == {}
    assert count_copies("train", rows, {}) == {}


@pytest.mark.parametrize("in_groups", [False, True])
def test_an_ingest_counts_copies_and_tells_them(
    spark: Any,
    sources: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    in_groups: bool,
) -> None:
    """The test rows 0 to 49 are training rows as well; twenty of the training rows stand there twice."""
    if in_groups:
        monkeypatch.setattr(stages, "GROUP_BYTES", 200)
    with (sources / "train-b.txt").open("a") as file:
        file.write(lines(0, 20))
    caplog.set_level(logging.WARNING)
    manifest = ingest(
        spark, config(sources, validation_fraction=0.0), datasets_uri=f"{sources}/out"
    )
    assert manifest.copies == {"train in test": 70}
    assert "70 records of train in test are exact copies" in caplog.text
    other = config(sources, validation_fraction=0.0, seed=1)
    monkeypatch.setattr(copies, "MOST_HELD_OUT", 49)
    assert ingest(spark, other, datasets_uri=f"{sources}/out").copies == {}
    assert "copies of the 50 test rows are not counted: more than 49" in caplog.text


def test_copies_are_told_of_a_test_split_cut_from_the_training_rows(
    spark: Any, sources: Path
) -> None:
    (sources / "train-b.txt").write_text(lines(0, 300))
    source = {"format": "libsvm", "train": f"{sources}/train-*.txt"}
    request = config(sources, source=source, test_fraction=0.25, validation_fraction=0.2)
    manifest = ingest(spark, request, datasets_uri=f"{sources}/out")
    tables = {
        name: pa.concat_tables(
            pq.read_table(f"{sources}/out/tiny/{manifest.version}/{file.path}")
            for file in split.files
        )
        for name, split in manifest.splits.items()
    }
    assert {name: len(table) for name, table in tables.items()} == {
        "train": 360,
        "validation": 90,
        "test": 150,
    }
    assert sorted(i for t in tables.values() for i in t["id"].to_pylist()) == list(range(600))
    images = {name: table["image"].to_pylist() for name, table in tables.items()}
    assert manifest.copies == {
        f"{split} in {other}": sum(image in images[other] for image in images[split])
        for split, other in [("train", "test"), ("train", "validation"), ("validation", "test")]
    }
