"""The data sets of `conf/datasets`, whole, against what is known of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sparkgen.config.load import load_dataset
from sparkgen.datasets.manifest import Manifest
from sparkgen.ingest.ingest import ingest

CONF = Path(__file__).parents[2] / "conf" / "datasets"
pytestmark = [pytest.mark.data, pytest.mark.slow]


def made(spark: Any, name: str, data_dir: Path, out: Path) -> Manifest:
    overrides = (f"environment.data={data_dir}", "dataset.validation_fraction=0.0")
    request = load_dataset(CONF / f"{name}.yaml", overrides=overrides)
    return ingest(spark, request.dataset, datasets_uri=str(out))


def rows(out: Path, manifest: Manifest, split: str) -> pa.Table:
    version = out / manifest.name / manifest.version
    files = [pq.read_table(version / f.path) for f in manifest.splits[split].files]
    return pa.concat_tables(files).sort_by("id")


def pixels(table: pa.Table, shape: tuple[int, ...]) -> np.ndarray:
    data = b"".join(table["image"].to_pylist())
    return np.frombuffer(data, np.uint8).reshape(len(table), *shape)


def test_mnist_has_its_rows_counts_and_means(spark: Any, data_dir: Path, tmp_path: Path) -> None:
    manifest = made(spark, "mnist", data_dir, tmp_path)
    counts = [list(manifest.splits[s].label_counts.values()) for s in ("train", "test")]
    assert counts[0] == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert counts[1] == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert manifest.quarantined == {}
    for split, mean, deviation in (("train", 0.1307, 0.3081), ("test", 0.1325, 0.3105)):
        unit = pixels(rows(tmp_path, manifest, split), (28, 28)) / np.float32(255)
        assert unit.mean(dtype=np.float64) == pytest.approx(mean, abs=5e-5)
        assert unit.std(dtype=np.float64) == pytest.approx(deviation, abs=5e-5)


def test_fashion_mnist_is_the_same_from_idx_and_png(
    spark: Any, data_dir: Path, tmp_path: Path
) -> None:
    idx = made(spark, "fashion_mnist", data_dir, tmp_path)
    png = made(spark, "fashion_mnist_png", data_dir, tmp_path)
    assert list(idx.splits["train"].label_counts.values()) == [6000] * 10
    assert (idx.unused, png.unused) == ({}, {"not-an-image": 1})  # the licence
    for split, each in (("train", 200), ("test", 50)):
        whole, part = rows(tmp_path, idx, split), rows(tmp_path, png, split)
        labels = whole["label"].to_numpy()
        # The tar holds the first pictures of every class, in the order of the idx file.
        for label in range(10):
            first = whole.take(np.flatnonzero(labels == label)[:each])["image"].to_pylist()
            mine = part.take(np.flatnonzero(part["label"].to_numpy() == label))["image"]
            assert mine.to_pylist() == first


def test_cifar10_comes_in_colour(spark: Any, data_dir: Path, tmp_path: Path) -> None:
    manifest = made(spark, "cifar10", data_dir, tmp_path)
    assert list(manifest.splits["train"].label_counts.values()) == [500] * 10
    assert list(manifest.splits["test"].label_counts.values()) == [100] * 10
    assert manifest.quarantined == {}
    channels = pixels(rows(tmp_path, manifest, "train"), (32, 32, 3)).mean(axis=(0, 1, 2)) / 255
    # The means of all 50,000; of 5,000 they lie within three standard errors.
    assert channels == pytest.approx([0.4913, 0.4821, 0.4465], abs=0.01)
