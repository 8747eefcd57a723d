"""Dataset versions of scikit-learn's digits, written by hand, and two small models."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from sparkgen.config.dataset import DatasetConfig
from sparkgen.datasets.files import FileEntry, StoredFile, digest
from sparkgen.datasets.manifest import (
    DatasetVersion,
    Manifest,
    SplitEntry,
    content_version,
    write_manifest,
)
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.models.discovery import build_model, save_model
from sparkgen.models.portable import PortableModel, pack

IMAGES, LABELS = load_digits(return_X_y=True)
PIXELS = np.rint(IMAGES / 16 * 255).astype(np.uint8)
ORDER = np.random.default_rng(0).permutation(len(LABELS))


class DigitIds(NamedTuple):
    """The rows of `split_version`, and those that are in no split."""

    train: np.ndarray
    test: np.ndarray
    fresh: np.ndarray


IDS = DigitIds(ORDER[:1000], ORDER[1000:1400], ORDER[1400:])
RowsInFiles = Callable[..., list[StoredFile]]


def write_file(path: Path, ids: np.ndarray, pixels: np.ndarray) -> bytes:
    columns = [ids, LABELS[ids].astype(np.int32), [pixels[i].tobytes() for i in ids]]
    table = pa.Table.from_arrays(
        [pa.array(c) for c in columns], schema=ImageRecord((8, 8, 1)).schema
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return buffer.getvalue()


def write_split(
    root: Path, split: str, ids: np.ndarray, files: int, pixels: np.ndarray = PIXELS
) -> SplitEntry:
    entries = []
    for number, part in enumerate(np.array_split(ids, files)):
        path = f"{split}/part-{number:05d}.parquet"
        data = write_file(root / path, part, pixels)
        entry = FileEntry(path=path, rows=len(part), bytes=len(data), sha256=digest(data))
        entries.append(entry)
    counts = dict(enumerate(np.bincount(LABELS[ids], minlength=10).tolist()))
    return SplitEntry(rows=len(ids), label_counts=counts, files=tuple(entries))


def write_version(root: Path, splits: dict[str, np.ndarray], *, files: int) -> DatasetVersion:
    config = DatasetConfig.model_validate(
        {
            "name": "digits",
            "source": {"format": "builtin"},
            "shape": [8, 8, 1],
            "class_names": [str(n) for n in range(10)],
        }
    )
    manifest = Manifest(
        name="digits",
        version="",
        shape=(8, 8, 1),
        class_names=config.class_names,
        lanes=8,
        splits={name: write_split(root, name, ids, files) for name, ids in splits.items()},
        quarantined={},
        sources=(),
        config=config.model_dump(mode="json"),
        libraries={},
    )
    manifest = manifest.model_copy(update={"version": content_version(manifest)})
    write_manifest(str(root), manifest)
    return DatasetVersion(str(root), manifest)


@pytest.fixture(scope="session")
def digits_version(tmp_path_factory: pytest.TempPathFactory) -> DatasetVersion:
    """90 test rows in 9 files."""
    order = np.random.default_rng(0).permutation(90)
    return write_version(tmp_path_factory.mktemp("digits"), {"test": order}, files=9)


@pytest.fixture(scope="session")
def split_version(tmp_path_factory: pytest.TempPathFactory) -> DatasetVersion:
    """1,000 training and 400 test rows in 4 files each."""
    root = tmp_path_factory.mktemp("split")
    return write_version(root, {"train": IDS.train, "test": IDS.test}, files=4)


@pytest.fixture(scope="session")
def digit_ids() -> DigitIds:
    return IDS


@pytest.fixture(scope="session")
def rows_in_files(tmp_path_factory: pytest.TempPathFactory) -> RowsInFiles:
    """`rows_in_files(ids, files=1, pixels=PIXELS)`: Parquet files of images, as samples lie in."""

    def write(ids: np.ndarray, files: int = 1, pixels: np.ndarray = PIXELS) -> list[StoredFile]:
        folder = tmp_path_factory.mktemp("samples")
        entries = write_split(folder, "samples", ids, files, pixels).files
        return [StoredFile(str(folder), entry, "sample again") for entry in entries]

    return write


@pytest.fixture(scope="session")
def packed_vae(tmp_path_factory: pytest.TempPathFactory) -> PortableModel:
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("vae")
    options = {"latent": 3, "hidden": [16]}
    model = build_model("variational.vae", options, DataSpec(ImageRecord((8, 8, 1)), 10))
    save_model(folder, model, name="variational.vae", options=options)
    return pack(folder)


@pytest.fixture(scope="session")
def packed_classifier(tmp_path_factory: pytest.TempPathFactory) -> PortableModel:
    """A small classifier after 500 steps on the training rows."""
    return pack_classifier(tmp_path_factory.mktemp("classifier"), seed=0, steps=500)


@pytest.fixture(scope="session")
def other_classifier(tmp_path_factory: pytest.TempPathFactory) -> PortableModel:
    """The same classifier with other weights, as they were drawn."""
    return pack_classifier(tmp_path_factory.mktemp("other"), seed=1, steps=0)


def pack_classifier(folder: Path, *, seed: int, steps: int) -> PortableModel:
    keras.utils.set_random_seed(seed)
    name, options = "discriminative.full_classifier", {"filters": 8, "hidden": 32, "dropout": 0.0}
    model = build_model(name, options, DataSpec(ImageRecord((8, 8, 1)), 10))
    optimizer = keras.optimizers.Adam(3e-3)
    optimizer.build(model.trainable_variables)
    model.set_optimizers({"model": optimizer})
    step = tf.function(lambda batch: model.train_step((batch,)))
    random = np.random.default_rng(seed)
    for _ in range(steps):
        ids = random.choice(IDS.train, 100, replace=False)
        images = tf.constant(PIXELS[ids].reshape(-1, 8, 8, 1) / np.float32(255))
        label = tf.constant(LABELS[ids].astype(np.int32))
        step({"id": tf.constant(ids), "image": images, "label": label, "weight": tf.ones(100)})
    save_model(folder, model, name=name, options=options)
    return pack(folder)
