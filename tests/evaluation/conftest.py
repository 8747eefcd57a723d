"""Dataset versions of scikit-learn's digits, written by hand, and two small models."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
import versions
from sklearn.datasets import load_digits

from sparkgen.config.dataset import DatasetConfig
from sparkgen.datasets.files import StoredFile
from sparkgen.datasets.manifest import DatasetVersion, SplitEntry
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.models.discovery import build_model
from sparkgen.models.portable import PortableModel, pack
from sparkgen.models.saving import save_model

IMAGES, LABELS = load_digits(return_X_y=True)
PIXELS = np.rint(IMAGES / 16 * 255).astype(np.uint8)
RECORD = ImageRecord((8, 8, 1))
ORDER = np.random.default_rng(0).permutation(len(LABELS))


class DigitIds(NamedTuple):
    """The rows of `split_version`, and those that are in no split."""

    train: np.ndarray
    test: np.ndarray
    fresh: np.ndarray


IDS = DigitIds(ORDER[:1000], ORDER[1000:1400], ORDER[1400:])
RowsInFiles = Callable[..., list[StoredFile]]


def write_split(
    root: Path, split: str, ids: np.ndarray, files: int, pixels: np.ndarray = PIXELS
) -> SplitEntry:
    return versions.write_split(
        root, split, RECORD, ids=ids, labels=LABELS[ids], data=pixels[ids], files=files
    )


def write_version(root: Path, splits: dict[str, np.ndarray], *, files: int) -> DatasetVersion:
    config = DatasetConfig.model_validate(
        {
            "name": "digits",
            "source": {"format": "builtin"},
            "shape": list(RECORD.shape),
            "class_names": [str(n) for n in range(10)],
        }
    )
    manifest = versions.write_version(
        root,
        RECORD,
        {name: write_split(root, name, ids, files) for name, ids in splits.items()},
        name="digits",
        class_names=config.class_names,
        lanes=8,
        config=config.model_dump(mode="json"),
    )
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
    step = tf.function(lambda batch: model.train_step((batch,)), autograph=False)
    random = np.random.default_rng(seed)
    for _ in range(steps):
        ids = random.choice(IDS.train, 100, replace=False)
        images = tf.constant(PIXELS[ids].reshape(-1, 8, 8, 1) / np.float32(255))
        label = tf.constant(LABELS[ids].astype(np.int32))
        step({"id": tf.constant(ids), "image": images, "label": label, "weight": tf.ones(100)})
    save_model(folder, model, name=name, options=options)
    return pack(folder)
