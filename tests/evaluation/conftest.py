"""A dataset version of 90 digits in 9 files, written by hand, and an untrained VAE."""

import hashlib
import io

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_digits

from sparkgen.config.dataset import DatasetConfig
from sparkgen.datasets.manifest import FileEntry, Manifest, SplitEntry, write_manifest
from sparkgen.datasets.records import IMAGE_SCHEMA
from sparkgen.models.contract import DataSpec
from sparkgen.models.discovery import build_model, save_model
from sparkgen.models.portable import PortableModel, pack
from sparkgen.pipeline.version import DatasetVersion

ROWS, FILES = 90, 9


@pytest.fixture(scope="session")
def digits_version(tmp_path_factory: pytest.TempPathFactory) -> DatasetVersion:
    root = tmp_path_factory.mktemp("digits")
    images, labels = load_digits(return_X_y=True)
    pixels = np.rint(images[:ROWS] / 16 * 255).astype(np.uint8)
    order = np.random.default_rng(0).permutation(ROWS)
    entries = []
    for number, ids in enumerate(np.array_split(order, FILES)):
        columns = [ids, labels[ids].astype(np.int32), [pixels[i].tobytes() for i in ids]]
        table = pa.Table.from_arrays([pa.array(c) for c in columns], schema=IMAGE_SCHEMA)
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        path, data = f"test/part-{number:05d}.parquet", buffer.getvalue()
        (root / "test").mkdir(exist_ok=True)
        (root / path).write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        entries.append(FileEntry(path=path, rows=len(ids), bytes=len(data), sha256=sha256))
    config = DatasetConfig.model_validate(
        {
            "name": "digits",
            "source": {"format": "builtin"},
            "shape": [8, 8, 1],
            "class_names": [str(n) for n in range(10)],
        }
    )
    counts = {n: int(c) for n, c in enumerate(np.bincount(labels[:ROWS]))}
    manifest = Manifest(
        name="digits",
        version="0123456789abcdef",
        shape=(8, 8, 1),
        class_names=config.class_names,
        lanes=8,
        splits={"test": SplitEntry(rows=ROWS, label_counts=counts, files=tuple(entries))},
        quarantined={},
        sources=(),
        config=config.model_dump(mode="json"),
        libraries={},
    )
    write_manifest(str(root), manifest)
    return DatasetVersion(str(root), manifest)


@pytest.fixture(scope="session")
def packed_vae(tmp_path_factory: pytest.TempPathFactory) -> PortableModel:
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("vae")
    options = {"latent": 3, "hidden": [16]}
    model = build_model("variational.vae", options, DataSpec((8, 8, 1), 10))
    save_model(folder, model, name="variational.vae", options=options)
    return pack(folder)
